//! Relations by a linear map of hidden states, and the labelled trees that they make of predicted distances (DepProbe;
//! Müller-Eberstein, van der Goot & Plank 2022, *Probing for Labeled Dependency Trees*).

use headlight_treebank::{Count, Governor, WordIdx};

use super::train::{StructuralError, check, read_sentence};
use super::{StructuralProbe, WordStates};
use crate::SentenceWords;
use crate::trees::maximum_spanning_tree;

/// The label of the root word: the first, whatever a treebank calls its relation.
pub const ROOT_LABEL: u32 = 0;

/// A label that no training sentence has.
pub const UNKNOWN_LABEL: u32 = u32::MAX;

/// How a label enters the target of training, where no word has one that is unknown.
const NO_TARGET: f32 = -1.0;

/// Labels as targets of training.
pub(super) fn targets(labels: &[u32]) -> Vec<f32> {
    labels.iter().map(|&label| if label == UNKNOWN_LABEL { NO_TARGET } else { label as f32 }).collect()
}

/// The mean over words of −ln p(label), p = softmax(L h). Words without a known label are left out.
pub(super) fn loss(scores: &[f32], target: &[f32]) -> f64 {
    let labels = scores.len() / target.len().max(1);
    let each = scores.chunks_exact(labels).zip(target).filter(|(_, label)| **label >= 0.0);
    let sum: f64 = each.map(|(scores, label)| f64::from(log_sum_exp(scores) - scores[*label as usize])).sum();
    sum / target.len() as f64
}

/// The loss of a sentence, and its gradient with respect to the scores of its words.
pub(super) fn slopes(scores: &[f32], target: &[f32], labels: usize, slopes: &mut [f32]) -> f64 {
    let share = 1.0 / target.len() as f32;
    for ((scores, label), slopes) in scores.chunks_exact(labels).zip(target).zip(slopes.chunks_exact_mut(labels)) {
        if *label < 0.0 {
            continue;
        }
        let all = log_sum_exp(scores);
        for (at, (slope, score)) in slopes.iter_mut().zip(scores).enumerate() {
            *slope += share * ((score - all).exp() - f32::from(u8::from(at == *label as usize)));
        }
    }
    loss(scores, target)
}

fn log_sum_exp(scores: &[f32]) -> f32 {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    highest + scores.iter().map(|score| (score - highest).exp()).sum::<f32>().ln()
}

/// What is said of one word of a labelled tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Labelled {
    /// Its governor.
    pub governor: Governor,
    /// Its label.
    pub label: u32,
}

/// The tree over the words that are kept: the word most likely to be the root (its softmax over labels is asked) is the
/// root, the minimum spanning tree over distances leads away from it, and every other word has its best label but the
/// root's. Ties: the first. `distances` are `[word, word]`, `scores` `[word, label]`; words that are not kept have `None`.
pub fn labelled_tree(distances: &[f32], scores: &[f32], kept: &[bool]) -> Vec<Option<Labelled>> {
    let n = kept.len();
    let labels = scores.len() / n.max(1);
    let scores_of = |word: usize| &scores[word * labels..][..labels];
    let root_chance = |word: usize| scores_of(word)[ROOT_LABEL as usize] - log_sum_exp(scores_of(word));
    let governors = rooted_tree(distances, kept, |word| -root_chance(word));
    let label = |word: usize| {
        let others = scores_of(word).iter().enumerate().skip(1);
        let best = others.fold(None, |best: Option<(usize, f32)>, (label, &score)| match best {
            Some((_, highest)) if highest >= score => best,
            _ => Some((label, score)),
        });
        best.map_or(ROOT_LABEL, |(label, _)| label as u32)
    };
    let labelled = |(word, governor): (usize, Option<Governor>)| {
        let governor = governor?;
        let label = if governor == Governor::Root { ROOT_LABEL } else { label(word) };
        Some(Labelled { governor, label })
    };
    governors.into_iter().enumerate().map(labelled).collect()
}

/// The minimum spanning tree over the distances of the words that are kept, leading away from the word with the least
/// `height`: with the squared lengths of a depth probe, a directed tree of the two structural probes.
pub fn rooted_tree(distances: &[f32], kept: &[bool], height: impl Fn(usize) -> f32) -> Vec<Option<Governor>> {
    let n = kept.len();
    let words: Vec<usize> = (0..n).filter(|word| kept[*word]).collect();
    let mut governors = vec![None; n];
    let Some(root) = words.iter().copied().min_by(|a, b| height(*a).total_cmp(&height(*b))) else { return governors };
    let mut neighbours = vec![Vec::new(); n];
    for (a, b) in maximum_spanning_tree(words.len(), |a, b| -distances[words[a] * n + words[b]]) {
        neighbours[words[a]].push(words[b]);
        neighbours[words[b]].push(words[a]);
    }
    governors[root] = Some(Governor::Root);
    let mut reached = vec![root];
    let mut next = 0;
    while let Some(&word) = reached.get(next) {
        for &neighbour in &neighbours[word] {
            if governors[neighbour].is_none() {
                governors[neighbour] = Some(Governor::Word(WordIdx::new(word)));
                reached.push(neighbour);
            }
        }
        next += 1;
    }
    governors
}

/// What labelled trees find of one sentence, its punctuation left out.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct LabelledScores {
    /// Words with the right governor (UAS).
    pub governors: Count,
    /// Words with the right governor and label (LAS).
    pub labelled: Count,
    /// Whether the root is right.
    pub root: Count,
}

/// Scores the labelled trees of a probe of distances on one layer and a probe of relations on another.
///
/// # Errors
/// [`StructuralError`].
pub fn evaluate_labelled<S: WordStates>(
    (distance, on): (&StructuralProbe, usize),
    (relations, of): (&StructuralProbe, usize),
    states: &S,
    sentences: &[usize],
) -> Result<Vec<LabelledScores>, StructuralError> {
    on_each([(distance, on), (relations, of)], states, sentences, |words, kept, [distances, labels]| {
        score_tree(words, &labelled_tree(&distances, &labels, kept))
    })
}

fn score_tree(words: &SentenceWords, tree: &[Option<Labelled>]) -> LabelledScores {
    let mut scores = LabelledScores::default();
    for (word, said) in tree.iter().enumerate() {
        let Some(said) = said else { continue };
        let governor = words.governors()[word];
        let is_right = said.governor == governor;
        scores.governors.observe(is_right);
        scores.labelled.observe(is_right && Some(said.label) == words.labels().get(word).copied());
        if governor == Governor::Root {
            scores.root.observe(is_right);
        }
    }
    scores
}

/// Scores the trees of a probe of distances on one layer, rooted by a probe of depths on another: words with the right
/// governor, sentence by sentence, without punctuation.
///
/// # Errors
/// [`StructuralError`].
pub fn evaluate_rooted<S: WordStates>(
    (distance, on): (&StructuralProbe, usize),
    (depth, of): (&StructuralProbe, usize),
    states: &S,
    sentences: &[usize],
) -> Result<Vec<Count>, StructuralError> {
    on_each([(distance, on), (depth, of)], states, sentences, |words, kept, [distances, depths]| {
        let mut count = Count::default();
        for (word, governor) in rooted_tree(&distances, kept, |word| depths[word]).into_iter().enumerate() {
            if let Some(governor) = governor {
                count.observe(governor == words.governors()[word]);
            }
        }
        count
    })
}

/// What `score` makes of each sentence: its words, which of them are no punctuation, and what two probes predict there, each on
/// its layer.
fn on_each<S: WordStates, R>(
    probes: [(&StructuralProbe, usize); 2],
    states: &S,
    sentences: &[usize],
    score: impl Fn(&SentenceWords, &[bool], [Vec<f32>; 2]) -> R,
) -> Result<Vec<R>, StructuralError> {
    for (probe, layer) in probes {
        check(probe, states, layer)?;
    }
    let mut buffer = Vec::new();
    let mut scores = Vec::with_capacity(sentences.len());
    for &sentence in sentences {
        let mut predicted = |(probe, layer): (&StructuralProbe, usize)| -> Result<Vec<f32>, StructuralError> {
            buffer.clear();
            read_sentence(probe, states, layer, sentence, &mut buffer)?;
            Ok(probe.predict(&buffer))
        };
        let both = [predicted(probes[0])?, predicted(probes[1])?];
        let words = states.words(sentence);
        let kept: Vec<bool> = words.punctuation().iter().map(|punctuation| !punctuation).collect();
        scores.push(score(words, &kept, both));
    }
    Ok(scores)
}
