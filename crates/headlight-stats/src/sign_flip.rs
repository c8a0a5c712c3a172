//! The paired test: is one predictor really better, or did it win some sentences by luck?

use statrs::function::erf::erfc;

use super::{Pair, StatsError};

/// The two-sided p-value of the exact sign-flip permutation test over sentences, that two predictors are equally good.
///
/// Were they, then swapping their answers to any sentence would be as likely as not. The statistic is the difference in
/// words right, Σ d_s over sentences s; p is the share of all 2^n ways to choose the signs of the d_s that make it at
/// least as far from 0 as observed. This is the approximate randomization test of Noreen (1989) and Yeh (2000), without
/// the approximation: the d_s are small whole numbers, so the distribution of the sum is computed term by term in
/// O(n · Σ|d_s|) (Pagano & Tritchler 1983, *On obtaining permutation distributions in polynomial time*). No seed, no
/// resamples, no smallest p but that of the data. Where that is more than 2³¹ terms, which takes seconds, the saddlepoint
/// approximation takes its place in O(n), whose p is right to a thousandth of itself and better.
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

/// Terms of the exact distribution that are worth their time, two seconds; no treebank of UD has a split that needs more.
const MOST_TERMS: u64 = 1 << 31;

/// P(|Σ ±sizes| ≥ observed), every sign + or − with probability ½.
fn tail(sizes: &[usize], observed: usize) -> f64 {
    let total: usize = sizes.iter().sum();
    let terms = (sizes.len() as u64).saturating_mul(total.saturating_sub(observed) as u64 / 2);
    if terms > MOST_TERMS { saddlepoint_tail(sizes, observed) } else { exact_tail(sizes, observed) }
}

/// P(|Σ ±sizes| ≥ observed), every sign + or − with probability ½.
///
/// The sum is `total - 2k`, k being the sum of the sizes taken as −: at or above `observed` for k up to
/// `(total - observed) / 2`, and as often at or below `-observed`. So only `probability[k]` up to there is computed.
fn exact_tail(sizes: &[usize], observed: usize) -> f64 {
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

/// The same by the saddlepoint approximation for sums on a lattice (Lugannani & Rice 1980; Daniels 1987, *Tail probability
/// approximations*, §4): the cumulant function of Σ ±dₛ is K(t) = Σ ln cosh(t dₛ), its values are 2 g apart, g being the
/// greatest common divisor of the dₛ.
fn saddlepoint_tail(sizes: &[usize], observed: usize) -> f64 {
    let total: usize = sizes.iter().sum();
    if observed == 0 || total <= observed {
        return exact_tail(sizes, observed);
    }
    // Equal sizes together: there are far fewer sizes than units.
    let mut counted: Vec<(f64, f64)> = Vec::new();
    for &size in sizes {
        match counted.last_mut() {
            Some((known, times)) if *known == size as f64 => *times += 1.0,
            _ => counted.push((size as f64, 1.0)),
        }
    }
    let step = 2.0 * sizes.iter().fold(0, |divisor, &size| greatest_common_divisor(divisor, size)) as f64;
    let x = observed as f64;
    let slope = |t: f64| counted.iter().map(|(d, times)| times * d * (t * d).tanh()).sum::<f64>();
    let curvature = |t: f64| counted.iter().map(|(d, times)| times * d * d / (t * d).cosh().powi(2)).sum::<f64>();
    let ln_cosh = |y: f64| y + (-2.0 * y).exp().ln_1p() - std::f64::consts::LN_2;
    let cumulant = |t: f64| counted.iter().map(|(d, times)| times * ln_cosh(t * d)).sum::<f64>();
    // K'(t) = x by bisection between 0 and where all signs are +, Newton's step wherever it stays inside.
    let (mut low, mut high) = (0.0, 1.0);
    while slope(high) < x {
        high *= 2.0;
        if high > 1e3 {
            return f64::MIN_POSITIVE;
        }
    }
    let mut t = x / counted.iter().map(|(d, times)| times * d * d).sum::<f64>();
    for _ in 0..200 {
        let off = slope(t) - x;
        if off > 0.0 {
            high = t;
        } else {
            low = t;
        }
        let next = t - off / curvature(t);
        let next = if next > low && next < high { next } else { 0.5 * (low + high) };
        let is_there = (next - t).abs() <= 1e-14 * t;
        t = next;
        if is_there {
            break;
        }
    }
    let w = (2.0 * (t * x - cumulant(t))).max(0.0).sqrt();
    let u = (1.0 - (-step * t).exp()) / step * curvature(t).sqrt();
    let density = (-0.5 * w * w).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let above = 0.5 * erfc(w / std::f64::consts::SQRT_2) + density * (1.0 / u - 1.0 / w);
    (2.0 * above).clamp(0.0, 1.0)
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes as heads and baselines differ: mostly by a word or two, in stretches of many sentences by more.
    fn sizes(units: usize, most: usize) -> Vec<usize> {
        let mut state = 7_u64;
        let mut sizes: Vec<usize> = (0..units)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                1 + (state >> 33) as usize % most
            })
            .collect();
        sizes.sort_unstable();
        sizes
    }

    #[test]
    fn the_saddlepoint_is_right_to_a_thousandth_of_p() {
        for (units, most) in [(2000, 3), (4096, 40), (500, 1)] {
            let sizes = sizes(units, most);
            let (total, spread) =
                (sizes.iter().sum::<usize>(), sizes.iter().map(|d| (d * d) as f64).sum::<f64>().sqrt());
            for deviations in [0.01, 0.5, 1.0, 1.96, 3.0, 6.0, 12.0] {
                let observed = (deviations * spread) as usize;
                // Sums are as even as their total.
                let observed = observed + (observed + total) % 2;
                let (exact, found) = (exact_tail(&sizes, observed), saddlepoint_tail(&sizes, observed));
                assert!(
                    (found / exact - 1.0).abs() < 1e-3,
                    "{units} units, {deviations}: {found:e}, exactly {exact:e}"
                );
            }
        }
    }

    #[test]
    fn a_million_units_take_no_time() {
        let sizes = sizes(1_000_000, 3);
        let spread = sizes.iter().map(|d| (d * d) as f64).sum::<f64>().sqrt();
        let total: usize = sizes.iter().sum();
        let observed = (2.0 * spread) as usize;
        // Two standard deviations of so many units: the normal distribution's 0.0455.
        assert!((tail(&sizes, observed + (observed + total) % 2) - 0.0455).abs() < 1e-4);
        assert_eq!(tail(&sizes, total), 0.0);
    }
}
