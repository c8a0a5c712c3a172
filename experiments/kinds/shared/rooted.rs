//! Trees that kinds `trees` and `ensembles` decode attention to, and which of their arcs count (METHOD §6): directed ones
//! over all words whose root is the treebank's, undirected ones over the words that are no punctuation.

use std::cmp::Ordering;

use headlight_heads::Direction;
use headlight_probe::ArcScores;
use headlight_probe::trees::{maximum_arborescence_from, maximum_spanning_tree};
use headlight_treebank::{Governor, Sentence, WordIdx};

/// The governors of the maximum arborescence from the root of a sentence, `score` being asked for a dependent and its
/// governor. `None` where a score is not finite.
pub fn arborescence(sentence: &Sentence, score: impl Fn(usize, usize) -> f32) -> Option<Vec<Governor>> {
    let scores = ArcScores::from_fn(sentence.len(), |dependent, governor| match governor {
        // The root is given, so what it scores does not matter.
        Governor::Root => 0.0,
        Governor::Word(governor) => score(dependent.index(), governor.index()),
    })?;
    Some(maximum_arborescence_from(&scores, sentence.root()))
}

/// The arborescence of one head's attention among words, `[from, to]`.
pub fn of_head(sentence: &Sentence, weights: &[f32], direction: Direction) -> Option<Vec<Governor>> {
    let words = sentence.len();
    arborescence(sentence, |dependent, governor| match direction {
        Direction::DependentToGovernor => weights[dependent * words + governor],
        Direction::GovernorToDependent => weights[governor * words + dependent],
        Direction::LaterToEarlier => weights[dependent.max(governor) * words + dependent.min(governor)],
    })
}

/// What a chain of neighbours becomes when its root is given: words before the root hang from the next one, words behind
/// it from the one before.
pub fn chain(sentence: &Sentence) -> Vec<Governor> {
    let root = sentence.root().index();
    let governor = |word: usize| match word.cmp(&root) {
        Ordering::Less => Governor::Word(WordIdx::new(word + 1)),
        Ordering::Equal => Governor::Root,
        Ordering::Greater => Governor::Word(WordIdx::new(word - 1)),
    };
    (0..sentence.len()).map(governor).collect()
}

/// The words of a sentence that undirected trees are over: punctuation leaves before the tree is built, as for probes
/// (METHOD §5).
fn joined_words(sentence: &Sentence) -> Vec<usize> {
    (0..sentence.len()).filter(|&word| !sentence.words()[word].is_punctuation()).collect()
}

/// The edges of the maximum spanning tree of one head's attention among words, `[from, to]`: an edge weighs what its words
/// attend to each other.
pub fn spanning_tree(sentence: &Sentence, weights: &[f32]) -> Vec<(usize, usize)> {
    let (words, kept) = (sentence.len(), joined_words(sentence));
    let weight = |a: usize, b: usize| weights[kept[a] * words + kept[b]] + weights[kept[b] * words + kept[a]];
    maximum_spanning_tree(kept.len(), weight).into_iter().map(|(a, b)| (kept[a], kept[b])).collect()
}

/// Neighbours joined, as if punctuation were not there.
pub fn neighbours(sentence: &Sentence) -> Vec<(usize, usize)> {
    joined_words(sentence).windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// How many arcs are edges of an undirected tree.
pub fn joined(arcs: &[(usize, usize)], edges: &[(usize, usize)]) -> usize {
    let is_edge = |(a, b): &&(usize, usize)| edges.contains(&(*a, *b)) || edges.contains(&(*b, *a));
    arcs.iter().filter(is_edge).count()
}

/// The arcs of a sentence that are counted, dependent and governor: without those of punctuation and of the root.
pub fn counted_arcs(sentence: &Sentence) -> Vec<(usize, usize)> {
    let words = sentence.words().iter().enumerate().filter(|(_, word)| !word.is_punctuation());
    words.filter_map(|(index, word)| Some((index, word.governor.word()?.index()))).collect()
}

/// How many arcs are among those of a tree.
pub fn found(arcs: &[(usize, usize)], governors: &[Governor]) -> usize {
    arcs.iter().filter(|(dependent, governor)| is_governor(governors, *dependent, *governor)).count()
}

/// Whether a word hangs from another.
pub fn is_governor(governors: &[Governor], dependent: usize, governor: usize) -> bool {
    governors[dependent].word().is_some_and(|predicted| predicted.index() == governor)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use headlight_treebank::{Format, Reader};

    use super::*;

    /// `( a , b )`: a hangs from b, the root; a comma stands between them.
    fn parenthesis() -> Sentence {
        let rows = [("(", 4, "punct"), ("a", 4, "nsubj"), (",", 2, "punct"), ("b", 0, "root"), (")", 4, "punct")];
        let lines = rows.iter().enumerate().map(|(index, (form, governor, relation))| {
            format!("{}\t{form}\t_\t_\t_\t_\t{governor}\t{relation}\t_\t_\n", index + 1)
        });
        let text = lines.collect::<String>() + "\n";
        Reader::new(Cursor::new(text.into_bytes()), "s.conllu", Format::Conllu).unwrap().next().unwrap().unwrap()
    }

    #[test]
    fn punctuation_leaves_before_an_undirected_tree_is_built() {
        let sentence = parenthesis();
        // All attend to the comma, which would come between a and b.
        let weights: Vec<f32> = (0..25).map(|place| if place % 5 == 2 { 0.9 } else { 0.025 }).collect();
        assert_eq!(spanning_tree(&sentence, &weights), [(1, 3)]);
        assert_eq!(neighbours(&sentence), [(1, 3)]);
        assert_eq!(counted_arcs(&sentence), [(1, 3)]);
        assert_eq!((joined(&[(1, 3), (3, 1), (1, 4)], &[(3, 1)]), joined(&[(1, 3)], &[])), (2, 0));
        // A directed tree keeps them: words before the root hang from the next one.
        assert_eq!(chain(&sentence)[1].word().map(WordIdx::index), Some(2));
    }
}
