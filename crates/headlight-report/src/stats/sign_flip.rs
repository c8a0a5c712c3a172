//! The paired test: is one predictor really better, or did it win some sentences by luck?

use super::{Pair, StatsError};

/// The two-sided p-value of the exact sign-flip permutation test over sentences, that two predictors are equally good.
///
/// Were they, then swapping their answers to any sentence would be as likely as not. The statistic is the difference in
/// words right, Σ d_s over sentences s; p is the share of all 2^n ways to choose the signs of the d_s that make it at
/// least as far from 0 as observed. This is the approximate randomization test of Noreen (1989) and Yeh (2000), without
/// the approximation: the d_s are small whole numbers, so the distribution of the sum is computed term by term in
/// O(n · Σ|d_s|) (Pagano & Tritchler 1983, *On obtaining permutation distributions in polynomial time*). No seed, no
/// resamples, no smallest p but that of the data.
///
/// The result lies in (0, 1]: a p-value below the smallest `f64` is given as that.
///
/// # Errors
/// [`StatsError::DifferentSentences`] where `a` and `b` are not equally long.
pub fn sign_flip_test(pair: Pair<'_>) -> Result<f64, StatsError> {
    pair.sentences()?;
    let difference = |(a, b): (&super::Counts, &super::Counts)| i64::from(a.correct) - i64::from(b.correct);
    let differences: Vec<i64> = pair.a.iter().zip(pair.b).map(difference).filter(|&d| d != 0).collect();
    let observed = differences.iter().sum::<i64>().unsigned_abs() as usize;
    let mut sizes: Vec<usize> = differences.iter().map(|d| d.unsigned_abs() as usize).collect();
    // Small steps first keep the distribution narrow for longest.
    sizes.sort_unstable();
    Ok(tail(&sizes, observed).clamp(f64::MIN_POSITIVE, 1.0))
}

/// The one-sided p-value of the same test, that the first predictor is no better: the share of sign patterns whose sum is
/// at least the observed. `differences` are the words that it has right more than the second, by unit.
pub fn sign_flip_ahead(differences: impl Iterator<Item = i64>) -> f64 {
    let differences: Vec<i64> = differences.filter(|&d| d != 0).collect();
    let observed: i64 = differences.iter().sum();
    let mut sizes: Vec<usize> = differences.iter().map(|d| d.unsigned_abs() as usize).collect();
    sizes.sort_unstable();
    let p = match usize::try_from(observed) {
        Ok(ahead @ 1..) => tail(&sizes, ahead) / 2.0,
        // All but what is ahead by more than it is behind; sums come in steps of 2.
        _ => 1.0 - tail(&sizes, observed.unsigned_abs() as usize + 2) / 2.0,
    };
    p.clamp(f64::MIN_POSITIVE, 1.0)
}

/// P(|Σ ±sizes| ≥ observed), every sign + or − with probability ½.
///
/// The sum is `total - 2k`, k being the sum of the sizes taken as −: at or above `observed` for k up to
/// `(total - observed) / 2`, and as often at or below `-observed`. So only `probability[k]` up to there is computed.
fn tail(sizes: &[usize], observed: usize) -> f64 {
    if observed == 0 {
        return 1.0;
    }
    let total: usize = sizes.iter().sum();
    let Some(largest) = total.checked_sub(observed).map(|rest| rest / 2) else { return 0.0 };
    let mut probability = vec![0.0_f64; largest + 1];
    probability[0] = 1.0;
    let mut reach = 0;
    for &size in sizes {
        reach = (reach + size).min(largest);
        // From the top, so that entry k − size is still the old one.
        for k in (size..=reach).rev() {
            probability[k] = 0.5 * (probability[k] + probability[k - size]);
        }
        for entry in probability.iter_mut().take(size) {
            *entry *= 0.5;
        }
    }
    2.0 * probability.iter().sum::<f64>()
}
