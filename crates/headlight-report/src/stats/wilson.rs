//! Intervals where resampling has nothing to vary.

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

/// How many standard deviations around its mean hold `confidence` of a normal distribution: 1.96 for 0.95 (Wichura 1988,
/// *Algorithm AS 241*, PPND16 without its outermost tail).
fn normal_deviate(confidence: f64) -> f64 {
    const CENTRE: [[f64; 8]; 2] = [
        [
            2.509_080_928_730_122_7e3,
            3.343_057_558_358_812_8e4,
            6.726_577_092_700_870_1e4,
            4.592_195_393_154_987_1e4,
            1.373_169_376_550_946_1e4,
            1.971_590_950_306_551_4e3,
            1.331_416_678_917_843_8e2,
            3.387_132_872_796_366_6,
        ],
        [
            5.226_495_278_852_854_6e3,
            2.872_908_573_572_194_3e4,
            3.930_789_580_009_271_1e4,
            2.121_379_430_158_659_6e4,
            5.394_196_021_424_751_1e3,
            6.871_870_074_920_579_1e2,
            4.231_333_070_160_091_1e1,
            1.0,
        ],
    ];
    const TAIL: [[f64; 8]; 2] = [
        [
            7.745_450_142_783_414_1e-4,
            2.272_384_498_926_918_5e-2,
            2.417_807_251_774_506_1e-1,
            1.270_458_252_452_368_4,
            3.647_848_324_763_204_6,
            5.769_497_221_460_691_4,
            4.630_337_846_156_545_3,
            1.423_437_110_749_683_6,
        ],
        [
            1.050_750_071_644_416_8e-9,
            5.475_938_084_995_345e-4,
            1.519_866_656_361_645_7e-2,
            1.481_039_764_274_800_7e-1,
            6.897_673_349_851e-1,
            1.676_384_830_183_803_8,
            2.053_191_626_637_758_8,
            1.0,
        ],
    ];
    let ratio = |[above, below]: [[f64; 8]; 2], x: f64| {
        let value = |terms: [f64; 8]| terms.into_iter().fold(0.0, |sum, term| sum * x + term);
        value(above) / value(below)
    };
    let from_centre = confidence / 2.0;
    if from_centre <= 0.425 {
        return from_centre * ratio(CENTRE, 0.180_625 - from_centre * from_centre);
    }
    // The approximation ends where 1e-11 lies outside.
    let outside = ((1.0 - confidence) / 2.0).max(1.4e-11);
    ratio(TAIL, (-outside.ln()).sqrt() - 1.6)
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
