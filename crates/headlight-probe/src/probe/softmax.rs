//! Exponentials in plain f32 arithmetic, which the compiler vectorises, and the loss over one word's candidates.

/// e^x to 2 units in the last place for −87 ≤ x ≤ 88; beyond that, the value at the border.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // x = k·ln 2 + r with |r| ≤ ln 2 / 2. Adding 1.5·2^23 rounds x/ln 2 to the whole number k and leaves k in the
    // lowest bits of the sum, from where it goes into the exponent of 2^k.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    // Taylor's series: the first term left out is below 2e-8.
    let series = 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let series = series * r + 1.0;
    let series = series * r + 1.0;
    series * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

/// tanh x to an absolute error of 2e-7.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

/// Turns the logits of one word's n + 1 candidates into the gradient of its loss, softmax − one-hot(gold), and returns
/// the loss −ln p(gold). The candidate `own`, the word itself, takes no part; its gradient is 0.
pub(crate) fn cross_entropy(row: &mut [f32], own: usize, gold: usize) -> f64 {
    row[own] = f32::NEG_INFINITY;
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let gold_logit = row[gold] - highest;
    let mut sum = 0.0;
    for value in row.iter_mut() {
        *value = exp(*value - highest);
    }
    row[own] = 0.0;
    for value in row.iter() {
        sum += value;
    }
    let scale = 1.0 / sum;
    for value in row.iter_mut() {
        *value *= scale;
    }
    row[gold] -= 1.0;
    f64::from(sum.ln() - gold_logit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_agree_with_the_library() {
        for step in -8700..=8800 {
            let x = step as f32 / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) - exact).abs() <= 2.5e-7 * exact, "{x}: {} is not {exact}", exp(x));
            assert!((f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 2e-7, "{x}: {}", tanh(x));
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn the_gradient_is_softmax_minus_gold_and_leaves_the_word_itself_out() {
        let mut row = [50.0, 1.0, 1.0, 1.0 + 2.0_f32.ln()];
        let loss = cross_entropy(&mut row, 0, 3);
        assert!((loss - 2.0_f64.ln()).abs() < 1e-6);
        let expected = [0.0, 0.25, 0.25, -0.5];
        assert!(row.iter().zip(expected).all(|(value, expected)| (value - expected).abs() < 1e-6), "{row:?}");
    }
}
