//! Percentile intervals of accuracies and of their differences, by resampling sentences or documents.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use rayon::prelude::*;

use super::counts::check_sentences;
use super::wilson::{self, effective_words, wilson};
use super::{Counts, Pair, StatsError};

/// The sentence bootstrap with percentile intervals (Efron & Tibshirani 1993, ch. 13).
///
/// A resample draws as many sentences as there are, with replacement, and takes every accuracy anew as a ratio of sums.
/// One draw serves all relations and predictors, so that differences are paired. The ends of an interval are quantiles
/// of the resampled values, linear between order statistics (numpy's default). Resample `r` uses stream `r` of ChaCha8
/// under the seed, and all sums are of whole numbers: same seed, same intervals, for any number of threads.
///
/// A resample in which a relation does not occur gives it no accuracy and is left out of its quantiles.
///
/// Where no resample differs from another (all words right, or none, or all words in one unit), quantiles say nothing and
/// would print 100–100 for 14 of 14. There an accuracy gets Wilson's interval for the effective number of words, units taken
/// to stand and fall together: 78.5–100 for 14 words in 14 units (Brown, Cai & DasGupta 2001, *Interval estimation for a
/// binomial proportion*, on why; Kish 1965 on the number). A difference gets Newcombe's (1998) from the two; where no unit
/// differs at all, as far as units that differ could be without one having been seen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bootstrap {
    /// Number of resamples; fewer than 1000 make the ends of a 95 % interval noisy.
    pub resamples: u32,
    /// Seed of the draws.
    pub seed: u64,
    /// Coverage, between 0 and 1.
    pub confidence: f64,
}

/// 1000 resamples, seed 1, 95 %.
impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1000, seed: 1, confidence: 0.95 }
    }
}

/// A percentile interval.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Intervals of two predictors' accuracies and of `a - b`, from the same resamples.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PairedIntervals {
    /// Of the first predictor's accuracy.
    pub a: Interval,
    /// Of the second's.
    pub b: Interval,
    /// Of the first's minus the second's.
    pub difference: Interval,
}

impl Bootstrap {
    /// Intervals of several accuracies on the same sentences, one [`Counts`] per sentence each. `None` where no word is
    /// counted at all.
    ///
    /// # Errors
    /// [`StatsError::DifferentSentences`] where the lists are not equally long.
    pub fn intervals(&self, accuracies: &[&[Counts]]) -> Result<Vec<Option<Interval>>, StatsError> {
        let pairs: Vec<Pair<'_>> = accuracies.iter().map(|&a| Pair { a, b: a }).collect();
        Ok(self.paired(&pairs)?.into_iter().map(|intervals| Some(intervals?.a)).collect())
    }

    /// Intervals of several pairs on the same sentences. `None` where no word is counted at all.
    ///
    /// # Errors
    /// [`StatsError::DifferentSentences`] where the lists are not equally long.
    pub fn paired(&self, pairs: &[Pair<'_>]) -> Result<Vec<Option<PairedIntervals>>, StatsError> {
        let Some(first) = pairs.first() else { return Ok(Vec::new()) };
        let sentences = first.sentences()?;
        for pair in pairs {
            check_sentences(sentences, pair.sentences()?)?;
        }
        Ok(self.paired_under(pairs, |resample, times| self.draw(resample, sentences, times)))
    }

    /// The interval of any statistic of `units` units, from the same resamples: `statistic` gets how often each unit is drawn
    /// and gives its value, or NaN where it has none, which is left out. `None` where it never has one.
    pub fn statistic(&self, units: usize, statistic: impl Fn(&[u32]) -> f64 + Sync) -> Option<Interval> {
        let values = (0..self.resamples).into_par_iter().map_init(Vec::new, |times, resample| {
            self.draw(resample, units, times);
            statistic(times)
        });
        percentile_interval(values.filter(|value| value.is_finite()).collect(), self.confidence)
    }

    /// The intervals of `count` statistics of the same units, from the same resamples: `statistics` gets how often each unit
    /// is drawn and pushes the value of each; see [`Bootstrap::statistic`].
    ///
    /// # Panics
    /// When it pushes another number of values.
    pub fn statistics(
        &self,
        units: usize,
        count: usize,
        statistics: impl Fn(&[u32], &mut Vec<f64>) + Sync,
    ) -> Vec<Option<Interval>> {
        let resampled: Vec<Vec<f64>> = (0..self.resamples)
            .into_par_iter()
            .map_init(Vec::new, |times, resample| {
                self.draw(resample, units, times);
                let mut values = Vec::with_capacity(count);
                statistics(times, &mut values);
                assert_eq!(values.len(), count, "a value of each statistic");
                values
            })
            .collect();
        let interval = |at: usize| {
            let values = resampled.iter().map(|values| values[at]).filter(|value| value.is_finite());
            percentile_interval(values.collect(), self.confidence)
        };
        (0..count).into_par_iter().map(interval).collect()
    }

    /// [`Bootstrap::paired`] when `draw` says how often each sentence is in a resample.
    pub(super) fn paired_under(
        &self,
        pairs: &[Pair<'_>],
        draw: impl Fn(u32, &mut Vec<u32>) + Sync,
    ) -> Vec<Option<PairedIntervals>> {
        let sparse: Vec<SparsePair> = pairs.iter().map(SparsePair::new).collect();
        let sparse = sparse.as_slice();
        let resampled: Vec<Vec<[f64; 2]>> = (0..self.resamples)
            .into_par_iter()
            .map_init(Vec::new, |times, resample| {
                draw(resample, times);
                sparse.iter().map(|pair| pair.accuracies(times)).collect()
            })
            .collect();
        sparse.par_iter().enumerate().map(|(at, pair)| self.summarize(&resampled, at, pair)).collect()
    }

    /// How often each sentence was drawn in a resample.
    pub(super) fn draw(&self, resample: u32, sentences: usize, times: &mut Vec<u32>) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(u64::from(resample));
        times.clear();
        times.resize(sentences, 0);
        for _ in 0..sentences {
            times[below(random.next_u64(), sentences)] += 1;
        }
    }

    fn summarize(&self, resampled: &[Vec<[f64; 2]>], at: usize, pair: &SparsePair) -> Option<PairedIntervals> {
        let accuracies = || resampled.iter().map(|accuracies| accuracies[at]).filter(|[a, b]| (a + b).is_finite());
        let mut a = percentile_interval(accuracies().map(|[a, _]| a).collect(), self.confidence)?;
        let mut b = percentile_interval(accuracies().map(|[_, b]| b).collect(), self.confidence)?;
        let mut difference = percentile_interval(accuracies().map(|[a, b]| a - b).collect(), self.confidence)?;
        if a.is_point() || b.is_point() || difference.is_point() {
            let shares = pair.shares();
            let words = [pair.effective_words(|counts| counts.a), pair.effective_words(|counts| counts.b)];
            let [of_a, of_b] = [0, 1].map(|which| wilson(shares[which], words[which], self.confidence));
            if difference.is_point() {
                difference = if pair.is_even() {
                    let most = wilson(0.0, words[0].min(words[1]), self.confidence).high;
                    Interval { low: -most, high: most }
                } else {
                    wilson::difference(shares, [of_a, of_b])
                };
            }
            a = if a.is_point() { of_a } else { a };
            b = if b.is_point() { of_b } else { b };
        }
        Some(PairedIntervals { a, b, difference })
    }
}

impl Interval {
    /// Whether it has no width.
    fn is_point(self) -> bool {
        self.low == self.high
    }
}

/// A pair without the sentences that count nothing.
struct SparsePair {
    sentences: Vec<SparseCounts>,
}

struct SparseCounts {
    sentence: u32,
    a: Counts,
    b: Counts,
}

impl SparsePair {
    fn new(pair: &Pair<'_>) -> Self {
        let counts = pair.a.iter().zip(pair.b).enumerate();
        let sentences = counts.filter(|(_, (a, b))| a.total > 0 || b.total > 0).map(|(sentence, (&a, &b))| {
            let sentence = u32::try_from(sentence).expect("a treebank has fewer than 2^32 sentences");
            SparseCounts { sentence, a, b }
        });
        Self { sentences: sentences.collect() }
    }

    /// Both accuracies as observed.
    fn shares(&self) -> [f64; 2] {
        let share = |counts: fn(&SparseCounts) -> Counts| {
            let (correct, total) = Counts::sum(&self.sentences.iter().map(counts).collect::<Vec<_>>());
            correct as f64 / total as f64
        };
        [share(|counts| counts.a), share(|counts| counts.b)]
    }

    /// See [`effective_words`].
    fn effective_words(&self, of: fn(&SparseCounts) -> Counts) -> f64 {
        effective_words(self.sentences.iter().map(of))
    }

    /// Whether both are right as often in every sentence.
    fn is_even(&self) -> bool {
        self.sentences.iter().all(|SparseCounts { a, b, .. }| a == b)
    }

    /// Both accuracies when each sentence counts `times` times; NaN where nothing is counted.
    fn accuracies(&self, times: &[u32]) -> [f64; 2] {
        let [mut correct_a, mut total_a, mut correct_b, mut total_b] = [0_u64; 4];
        for SparseCounts { sentence, a, b } in &self.sentences {
            let times = u64::from(times[*sentence as usize]);
            correct_a += times * u64::from(a.correct);
            total_a += times * u64::from(a.total);
            correct_b += times * u64::from(b.correct);
            total_b += times * u64::from(b.total);
        }
        [correct_a as f64 / total_a as f64, correct_b as f64 / total_b as f64]
    }
}

/// 64 random bits scaled to 0..`end`: the bias is below end / 2^64.
pub(super) fn below(bits: u64, end: usize) -> usize {
    ((u128::from(bits) * end as u128) >> 64) as usize
}

/// The central interval that holds `confidence` of the values.
pub(super) fn percentile_interval(mut values: Vec<f64>, confidence: f64) -> Option<Interval> {
    if values.is_empty() {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let outside = (1.0 - confidence) / 2.0;
    Some(Interval { low: quantile(&values, outside), high: quantile(&values, 1.0 - outside) })
}

/// The quantile of sorted values, linear between order statistics (Hyndman & Fan 1996, type 7).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}
