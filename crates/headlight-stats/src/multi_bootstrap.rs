//! Intervals of what a training arrives at, over its seeds and over sentences at once (Sellam et al. 2022).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use rayon::prelude::*;

use super::bootstrap::{below, percentile_interval};
use super::counts::check_sentences;
use super::{Bootstrap, Counts, Interval, StatsError};

/// Streams of ChaCha8 from here on draw seeds; those below draw sentences.
const OF_SEEDS: u64 = 1 << 32;

impl Bootstrap {
    /// The interval of the mean accuracy over seeds: the multi-bootstrap of Sellam et al. (2022, *The MultiBERTs*, §3). A
    /// resample draws as many seeds as there are, with replacement, and, crossed with them, as many sentences or documents,
    /// the same for all seeds; its value is the mean over the drawn seeds of each one's accuracy on the drawn units:
    ///
    /// θ* = 1/n Σ_k accuracy(seed s*_k, units x*)
    ///
    /// `seeds` has a [`Counts`] per unit of each seed. Units are drawn as [`Bootstrap::intervals`] draws them, so that with one
    /// seed the interval is that one's. `None` where no word is counted, or no resample differs from another: quantiles say
    /// nothing then.
    ///
    /// # Errors
    /// [`StatsError::DifferentSentences`] where the seeds were not evaluated on as many units.
    pub fn over_seeds(&self, seeds: &[&[Counts]]) -> Result<Option<Interval>, StatsError> {
        let Some(first) = seeds.first() else { return Ok(None) };
        for seed in seeds {
            check_sentences(first.len(), seed.len())?;
        }
        Ok(self.over_seeds_under(
            seeds,
            |resample, times| self.draw(resample, first.len(), times),
            |resample, drawn| self.draw_seeds(resample, seeds.len(), drawn),
        ))
    }

    /// [`Bootstrap::over_seeds`] when `units` says how often each unit is in a resample, and `seeds` which seeds are.
    pub(super) fn over_seeds_under(
        &self,
        counts: &[&[Counts]],
        units: impl Fn(u32, &mut Vec<u32>) + Sync,
        seeds: impl Fn(u32, &mut Vec<usize>) + Sync,
    ) -> Option<Interval> {
        let accuracy = |counts: &[Counts], times: &[u32]| {
            let add = |(correct, total), (counts, times): (&Counts, &u32)| {
                let times = u64::from(*times);
                (correct + times * u64::from(counts.correct), total + times * u64::from(counts.total))
            };
            let (correct, total) = counts.iter().zip(times).fold((0_u64, 0_u64), add);
            correct as f64 / total as f64
        };
        let value = |(times, drawn): &mut (Vec<u32>, Vec<usize>), resample| {
            units(resample, times);
            seeds(resample, drawn);
            let each = drawn.iter().map(|&seed| accuracy(counts[seed], times));
            each.sum::<f64>() / drawn.len() as f64
        };
        let values = (0..self.resamples).into_par_iter().map_init(|| (Vec::new(), Vec::new()), value);
        let interval = percentile_interval(values.filter(|value| value.is_finite()).collect(), self.confidence)?;
        (interval.low < interval.high).then_some(interval)
    }

    /// The seeds of a resample.
    fn draw_seeds(&self, resample: u32, seeds: usize, drawn: &mut Vec<usize>) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(OF_SEEDS + u64::from(resample));
        drawn.clear();
        drawn.extend((0..seeds).map(|_| below(random.next_u64(), seeds)));
    }
}
