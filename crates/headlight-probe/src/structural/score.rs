//! How much of the trees a structural probe finds (Hewitt & Manning 2019, §3.2).

use std::ops::RangeInclusive;

use headlight_treebank::{Count, Governor, WordIdx};
use serde::{Deserialize, Serialize};

use super::train::{StructuralError, read_sentence};
use super::{StructuralProbe, Structure, WordStates};
use crate::SentenceWords;
use crate::trees::maximum_spanning_tree;

/// Sentence lengths over which Spearman correlations are averaged.
const LENGTHS: RangeInclusive<usize> = 5..=50;

/// What a structural probe finds of some sentences' trees.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StructuralScores {
    /// Sentence by sentence. Distances: arcs of the treebank that are in the minimum spanning tree over the predicted
    /// distances, both without punctuation (UUAS). Depths: whether the root is the word that is predicted highest,
    /// punctuation left out. Relations: words with the right label, without punctuation.
    pub counts: Vec<Count>,
    /// Rank correlations. Distances: of each word's distances to all words of its sentence. Depths: of each sentence's
    /// depths.
    pub spearman: Spearman,
    /// Loss summed over sentences.
    pub loss: f64,
}

/// Rank correlations, sentence by sentence.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Spearman {
    /// For each sentence its length, the sum of its correlations and their number.
    pub sentences: Vec<(usize, f64, u64)>,
}

impl Spearman {
    /// The mean over the sentence lengths 5 to 50 of the mean at each length; `None` when no sentence is as long.
    pub fn mean(&self) -> Option<f64> {
        self.mean_of(|_| 1)
    }

    /// The same when the sentence of each number counts so many times: what a bootstrap resamples.
    pub fn mean_of(&self, times: impl Fn(usize) -> u32) -> Option<f64> {
        let mut sums = [(0.0, 0); *LENGTHS.end() - *LENGTHS.start() + 1];
        for (number, (length, sum, count)) in self.sentences.iter().enumerate() {
            if LENGTHS.contains(length) {
                let (of_length, times) = (&mut sums[length - LENGTHS.start()], times(number));
                of_length.0 += f64::from(times) * sum;
                of_length.1 += u64::from(times) * count;
            }
        }
        let present = sums.iter().filter(|(_, count)| *count > 0);
        let (means, lengths) =
            present.fold((0.0, 0_u32), |(all, lengths), (sum, count)| (all + sum / *count as f64, lengths + 1));
        (lengths > 0).then(|| means / f64::from(lengths))
    }
}

/// Scores a probe of one layer on `sentences`.
///
/// # Errors
/// [`StructuralError`].
pub fn evaluate<S: WordStates>(
    probe: &StructuralProbe,
    states: &S,
    layer: usize,
    sentences: &[usize],
) -> Result<StructuralScores, StructuralError> {
    super::train::check(probe, states, layer)?;
    let mut scores = StructuralScores::default();
    let mut buffer = Vec::new();
    for &sentence in sentences {
        buffer.clear();
        let target = read_sentence(probe, states, layer, sentence, &mut buffer)?;
        let predicted = probe.predict(&buffer);
        let words = states.words(sentence);
        scores.loss += probe.loss(&predicted, &target);
        scores.counts.push(match probe.structure() {
            Structure::Distance => spanning_tree_arcs(words, &predicted),
            Structure::Depth => root(words, &predicted),
            Structure::Relation => labels(words, &predicted),
        });
        if probe.structure() == Structure::Relation {
            scores.spearman.sentences.push((words.words(), 0.0, 0));
            continue;
        }
        // Distances have a row for each word, depths one row.
        let rows = predicted.chunks_exact(words.words()).zip(target.chunks_exact(words.words()));
        let correlations = rows.filter_map(|(predicted, target)| spearman(predicted, target));
        let (sum, count) = correlations.fold((0.0, 0), |(sum, count), correlation| (sum + correlation, count + 1));
        scores.spearman.sentences.push((words.words(), sum, count));
    }
    Ok(scores)
}

fn spanning_tree_arcs(words: &SentenceWords, distances: &[f32]) -> Count {
    let n = words.words();
    let kept: Vec<usize> = (0..n).filter(|word| !words.punctuation()[*word]).collect();
    let edges = maximum_spanning_tree(kept.len(), |a, b| -distances[kept[a] * n + kept[b]]);
    let edges: Vec<(usize, usize)> = edges.into_iter().map(|(a, b)| (kept[a], kept[b])).collect();
    let mut count = Count::default();
    for &word in &kept {
        if let Some(governor) = words.governors()[word].word().map(WordIdx::index) {
            count.observe(edges.contains(&(word.min(governor), word.max(governor))));
        }
    }
    count
}

fn root(words: &SentenceWords, depths: &[f32]) -> Count {
    let candidates = (0..words.words()).filter(|word| !words.punctuation()[*word]);
    let highest = candidates.min_by(|a, b| depths[*a].total_cmp(&depths[*b]));
    let mut count = Count::default();
    count.observe(highest.is_some_and(|word| words.governors()[word] == Governor::Root));
    count
}

fn labels(words: &SentenceWords, scores: &[f32]) -> Count {
    let mut count = Count::default();
    for (word, scores) in scores.chunks_exact(scores.len() / words.words()).enumerate() {
        if !words.punctuation()[word] {
            let best = scores.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1)).map(|(label, _)| label as u32);
            count.observe(best == words.labels().get(word).copied());
        }
    }
    count
}

/// Spearman's rank correlation; ties share the mean of their ranks. `None` where either side is all one value.
fn spearman(a: &[f32], b: &[f32]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    let variances = product(&a, &a) * product(&b, &b);
    (variances > 0.0).then(|| product(&a, &b) / variances.sqrt())
}

/// Ranks counted from 0.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = start as f64 + (tied.len() - 1) as f64 / 2.0;
        tied.iter().for_each(|place| ranks[*place] = rank);
        start += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `scipy.stats.spearmanr`.
    #[test]
    fn rank_correlations_agree_with_scipy() {
        let check = |a: &[f32], b: &[f32], expected: f64| {
            assert!((spearman(a, b).unwrap() - expected).abs() < 1e-12, "{a:?} {b:?}: {:?}", spearman(a, b));
        };
        check(&[1.0, 2.0, 3.0, 4.0], &[10.0, 20.0, 30.0, 25.0], 0.8);
        check(&[0.0, 1.0, 1.0, 2.0, 3.0], &[0.1, 2.0, 0.5, 0.7, 0.9], 0.564_288_093_646_834_7);
        check(&[3.0, 1.0, 2.0], &[1.0, 3.0, 2.0], -1.0);
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn correlations_are_averaged_over_lengths_and_not_over_sentences() {
        assert_eq!(Spearman::default().mean(), None);
        let sentences = vec![(5, 1.0, 1), (5, 0.0, 1), (50, 0.5, 2), (4, -1.0, 1), (51, -1.0, 1), (7, 0.0, 0)];
        let spearman = Spearman { sentences };
        assert_eq!(spearman.mean(), Some(0.375));
        // Twice the first, never the second and the third: one length is left.
        assert_eq!(spearman.mean_of(|number| [2, 0, 0, 1, 1, 1][number]), Some(1.0));
        assert_eq!(spearman.mean_of(|_| 0), None);
    }
}
