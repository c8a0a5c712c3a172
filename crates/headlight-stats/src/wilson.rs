//! Intervals where resampling has nothing to vary.

use statrs::distribution::{ContinuousCDF, Normal};

use super::{Counts, Interval};

/// Wilson's score interval of a share of `words` independent words (Wilson 1927, *Probable inference, the law of
/// succession, and statistical inference*): the shares that a two-sided normal test does not reject. Unlike a percentile
/// interval it has a width at 0 and 1: 14 of 14 words are 78.5–100.
pub(super) fn wilson(share: f64, words: f64, confidence: f64) -> Interval {
    let z = normal_deviate(confidence);
    let (z2, n) = (z * z, words);
    let centre = share + z2 / (2.0 * n);
    let reach = z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    let [low, high] = [centre - reach, centre + reach].map(|end| (end / scale).clamp(0.0, 1.0));
    // Exact at the edges, where rounding would leave the last bit of a 1 out.
    Interval { low: if share == 0.0 { 0.0 } else { low }, high: if share == 1.0 { 1.0 } else { high } }
}

/// As how many independent words the words of units count (Kish 1965, *Survey Sampling*, §8.2: the design effect): with
/// nₛ words in unit s, (Σ nₛ)² / Σ nₛ², which is the number of units where all hold as many. It takes words of a unit to
/// stand and fall together: where all are right, the data cannot say how much they really do, so the widest is taken.
pub(super) fn effective_words(units: impl Iterator<Item = Counts>) -> f64 {
    let (sum, squares) = units.fold((0.0, 0.0), |(sum, squares), counts| {
        let n = f64::from(counts.total);
        (sum + n, squares + n * n)
    });
    sum * sum / squares
}

/// The interval of a difference of two shares from the interval of each (Newcombe 1998, *Interval estimation for the
/// difference between independent proportions*, method 10): as far from the difference as the ends that pull apart, added
/// as legs of a right triangle.
pub(super) fn difference(shares: [f64; 2], [a, b]: [Interval; 2]) -> Interval {
    let difference = shares[0] - shares[1];
    let reach = |one: f64, other: f64| one.hypot(other);
    Interval {
        low: (difference - reach(shares[0] - a.low, b.high - shares[1])).max(-1.0),
        high: (difference + reach(a.high - shares[0], shares[1] - b.low)).min(1.0),
    }
}

/// How many standard deviations around its mean hold `confidence` of a normal distribution: 1.96 for 0.95.
fn normal_deviate(confidence: f64) -> f64 {
    Normal::standard().inverse_cdf((1.0 + confidence) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `statistics.NormalDist().inv_cdf` of Python.
    #[test]
    fn deviates_are_those_of_tables() {
        for (confidence, expected) in [
            (0.5, 0.674_489_750_196_081_7),
            (0.8, 1.281_551_565_544_600_4),
            (0.95, 1.959_963_984_540_054),
            (0.99, 2.575_829_303_548_900_4),
            (0.999_9, 3.890_591_886_413_12),
        ] {
            let found = normal_deviate(confidence);
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
    }

    /// Ends of statsmodels' `proportion_confint(…, method="wilson")`, checked by hand from z = 1.96.
    #[test]
    fn wilsons_interval_has_a_width_at_the_edges() {
        let check = |share, words, low: f64, high: f64| {
            let found = wilson(share, words, 0.95);
            assert!((found.low - low).abs() < 5e-4 && (found.high - high).abs() < 5e-4, "{found:?}");
        };
        check(1.0, 14.0, 0.785, 1.0);
        check(0.0, 14.0, 0.0, 0.215);
        check(0.5, 10.0, 0.237, 0.763);
        check(1.0, 1.0, 0.207, 1.0);
    }

    #[test]
    fn words_of_a_unit_stand_and_fall_together() {
        let words = |totals: &[u32]| effective_words(totals.iter().map(|&total| Counts { correct: total, total }));
        assert_eq!([words(&[1; 14]), words(&[7, 7]), words(&[14])], [14.0, 2.0, 1.0]);
        assert_eq!(words(&[3, 1]), 1.6);
    }

    /// Newcombe's table II, method 10: 56/70 − 48/80.
    #[test]
    fn a_difference_takes_the_ends_that_pull_apart() {
        let shares = [56.0 / 70.0, 48.0 / 80.0];
        let found = difference(shares, [wilson(shares[0], 70.0, 0.95), wilson(shares[1], 80.0, 0.95)]);
        assert!((found.low - 0.0524).abs() < 5e-5 && (found.high - 0.3339).abs() < 5e-5, "{found:?}");
    }
}
