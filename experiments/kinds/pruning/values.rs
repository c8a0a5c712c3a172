//! What a measure says of each sequence, and of all of them together.

use headlight_stats::{UnitSums, by_unit};
use serde::{Deserialize, Serialize};

/// A measure's value of each of some sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Values {
    /// Numbers whose mean is the value of the whole.
    Means(Vec<f64>),
    /// Right and all words, whose sums make the share that is the value of the whole: long sentences count for more.
    Shares(Vec<(u32, u32)>),
}

impl Values {
    /// Each sequence's part of the whole: numerator and denominator.
    fn parts(&self) -> Vec<(f64, f64)> {
        match self {
            Values::Means(values) => values.iter().map(|value| (*value, 1.0)).collect(),
            Values::Shares(counts) => {
                counts.iter().map(|&(correct, total)| (f64::from(correct), f64::from(total))).collect()
            }
        }
    }

    /// Number of sequences.
    pub fn sequences(&self) -> u64 {
        match self {
            Values::Means(values) => values.len() as u64,
            Values::Shares(counts) => counts.len() as u64,
        }
    }

    /// The value of the whole.
    pub fn whole(&self) -> f64 {
        let (amount, of) = self.parts().iter().fold((0.0, 0.0), |(amount, of), part| (amount + part.0, of + part.1));
        amount / of
    }

    /// Right words and all words, where the measure is a share.
    pub fn counts(&self) -> Option<(u64, u64)> {
        match self {
            Values::Means(_) => None,
            Values::Shares(counts) => {
                let sum = |of: fn(&(u32, u32)) -> u32| counts.iter().map(|counts| u64::from(of(counts))).sum();
                Some((sum(|counts| counts.0), sum(|counts| counts.1)))
            }
        }
    }

    /// Numerator and denominator of each unit; `units` has the unit of each sequence, of `count`.
    pub fn by_unit(&self, units: &[u32], count: usize) -> UnitSums {
        by_unit(self.parts(), units, count)
    }

    /// The standard error of the difference of two wholes on the same sequences, which are independent of each other.
    /// The denominators are the same, so the difference is itself a ratio, of the differences of the numerators; its error
    /// is that of a ratio of sums to first order (Cochran 1977, *Sampling Techniques*, §6.3). Where all denominators are 1
    /// that is exactly the standard error of a mean. `None` with fewer than two sequences.
    pub fn error_of_change(&self, intact: &Values) -> Option<f64> {
        let (changed, intact) = (self.parts(), intact.parts());
        let sequences = changed.len() as f64;
        let of: f64 = intact.iter().map(|part| part.1).sum();
        let changes = || changed.iter().zip(&intact).map(|(changed, intact)| (changed.0 - intact.0, intact.1));
        let ratio = changes().map(|(change, _)| change).sum::<f64>() / of;
        let squares: f64 = changes().map(|(change, of)| (change - ratio * of).powi(2)).sum();
        (changed.len() > 1).then(|| (sequences / (sequences - 1.0) * squares).sqrt() / of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::shared::masked_lm::means::Mean;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
    }

    #[test]
    fn the_error_of_a_mean_is_that_of_a_mean() {
        let (masked, intact) = ([2.5, 3.0, 2.0, 4.5], [2.0, 3.5, 1.0, 3.0]);
        let mean: Mean = masked.iter().zip(&intact).map(|(masked, intact)| masked - intact).collect();
        let (masked, intact) = (Values::Means(masked.into()), Values::Means(intact.into()));
        close(masked.whole() - intact.whole(), mean.value().unwrap());
        close(masked.error_of_change(&intact).unwrap(), mean.standard_error().unwrap());
        assert_eq!(Values::Means(vec![1.0]).error_of_change(&Values::Means(vec![2.0])), None);
    }

    #[test]
    fn a_share_is_a_ratio_of_sums() {
        let shares = |counts: &[(u32, u32)]| Values::Shares(counts.to_vec());
        let (masked, intact) = (shares(&[(1, 2), (6, 10), (0, 0)]), shares(&[(2, 2), (7, 10), (0, 0)]));
        assert_eq!((masked.counts(), masked.sequences()), (Some((7, 12)), 3));
        close(masked.whole(), 7.0 / 12.0);
        // Changes −1 of 2 and −1 of 10 words, −2 of 12 in all: −2/3 and +2/3 beside what −1/6 a word foretells.
        close(masked.error_of_change(&intact).unwrap(), (1.5_f64 * 8.0 / 9.0).sqrt() / 12.0);
        // Where every sentence loses the same share, nothing is uncertain.
        let even = shares(&[(1, 2), (5, 10), (0, 0)]);
        close(even.error_of_change(&shares(&[(2, 2), (10, 10), (0, 0)])).unwrap(), 0.0);
    }
}
