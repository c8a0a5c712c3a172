//! Trees whose root is the treebank's: what kinds `trees` and `ensembles` decode attention to, and which of their arcs
//! count (METHOD §6).

use std::cmp::Ordering;

use headlight_heads::Direction;
use headlight_probe::ArcScores;
use headlight_probe::trees::maximum_arborescence_from;
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
