//! How much of the trees a structural probe finds (Hewitt & Manning 2019, §3.2).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use headlight_treebank::{Count, Governor, WordIdx};

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
    /// punctuation left out.
    pub counts: Vec<Count>,
    /// Rank correlations. Distances: of each word's distances to all words of its sentence. Depths: of each sentence's
    /// depths.
    pub spearman: SpearmanByLength,
    /// Loss summed over sentences.
    pub loss: f64,
}

/// Rank correlations by sentence length.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SpearmanByLength {
    sums: BTreeMap<usize, (f64, u64)>,
}

impl SpearmanByLength {
    /// Counts one correlation in a sentence of `length` words.
    fn observe(&mut self, length: usize, correlation: f64) {
        let (sum, count) = self.sums.entry(length).or_default();
        *sum += correlation;
        *count += 1;
    }

    /// The mean over the sentence lengths 5 to 50 of the mean at each length; `None` when no sentence is as long.
    pub fn mean(&self) -> Option<f64> {
        let means: Vec<f64> = self.sums.range(LENGTHS).map(|(_, (sum, count))| sum / *count as f64).collect();
        (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
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
        scores.loss += StructuralProbe::loss(&predicted, &target);
        scores.counts.push(match probe.structure() {
            Structure::Distance => spanning_tree_arcs(words, &predicted),
            Structure::Depth => root(words, &predicted),
        });
        // Distances have a row for each word, depths one row.
        for (predicted, target) in predicted.chunks_exact(words.words()).zip(target.chunks_exact(words.words())) {
            if let Some(correlation) = spearman(predicted, target) {
                scores.spearman.observe(words.words(), correlation);
            }
        }
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
        let mut spearman = SpearmanByLength::default();
        assert_eq!(spearman.mean(), None);
        for (length, correlation) in [(5, 1.0), (5, 0.0), (50, 0.25), (4, -1.0), (51, -1.0)] {
            spearman.observe(length, correlation);
        }
        assert_eq!(spearman.mean(), Some(0.375));
    }
}
