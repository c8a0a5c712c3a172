//! exp, Φ and the activations on the lanes of a vector, accurate to the last digits of f32.

use pulp::Simd;

use crate::Activation;

/// Where exp leaves the normal numbers of f32; below, [`exp`] is 0.
const LOWEST: f32 = -87.0;

/// eˣ for x ≤ 87, to 2 units in the last place; 0 below −87.
///
/// x = n·ln 2 + r with integer n and |r| ≤ ln 2 / 2; eʳ by its Taylor series, whose rest after r⁷ is below 6e-9; 2ⁿ by
/// its bits.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// Adding 1.5·2²³ leaves no bits for a fraction: it rounds, and the low bits hold the integer.
    const ROUNDER: f32 = 12_582_912.0;
    /// ln 2 in two parts; the first has few enough bits that n·LN_2_HIGH is exact.
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = (std::f64::consts::LN_2 - 355.0 / 512.0) as f32;
    /// 1/k!, highest first.
    const TAYLOR: [f32; 8] = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];

    let clamped = simd.max_f32s(x, simd.splat_f32s(LOWEST));
    let rounder = simd.splat_f32s(ROUNDER);
    let shifted = simd.mul_add_e_f32s(clamped, simd.splat_f32s(std::f32::consts::LOG2_E), rounder);
    let n = simd.sub_f32s(shifted, rounder);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_HIGH), clamped);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_LOW), r);
    let series = horner(simd, r, &TAYLOR);
    // The bias of the exponent, 127, joins n in the low bits and both move to where the exponent stands.
    let exponent = simd.add_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(127));
    let power = simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(23)));
    let in_range = simd.greater_than_or_equal_f32s(x, simd.splat_f32s(LOWEST));
    simd.select_f32s(in_range, simd.mul_f32s(series, power), simd.splat_f32s(0.0))
}

/// Beyond ±5.6, Φ is 0 or 1 to f32.
const BOUND: f32 = 5.6;

/// x·Φ(x), Φ the distribution function of the standard normal; the error is below 1.3e-7·max(1, |x|).
#[inline(always)]
pub(crate) fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Below −5.6 the result is that of −5.6, which is 0 to 5e-7.
    let x = simd.max_f32s(x, simd.splat_f32s(-BOUND));
    simd.mul_f32s(x, normal(simd, x))
}

/// Φ(x) = ½ + x·p(x²) on [−5.6, 5.6]. p is a polynomial of degree 15 in 2·x²/5.6² − 1, which keeps its argument in [−1, 1];
/// its coefficients are a least-squares fit on Chebyshev points, reweighted towards the smallest largest error (Lawson's
/// iteration).
#[inline(always)]
fn normal<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// Of p, highest degree first.
    const FIT: [f32; 16] = [
        -0.000_330_668_4,
        0.000_858_689_3,
        -0.000_628_816_14,
        0.000_749_101_86,
        -0.002_863_282,
        0.005_404_322,
        -0.007_543_568,
        0.010_935_565,
        -0.015_752_833,
        0.020_958_36,
        -0.026_312_329,
        0.031_967_297,
        -0.038_345_46,
        0.046_981_03,
        -0.063_051_29,
        0.126_259_6,
    ];
    let within = simd.min_f32s(simd.max_f32s(x, simd.splat_f32s(-BOUND)), simd.splat_f32s(BOUND));
    let scale = simd.splat_f32s(2.0 / (BOUND * BOUND));
    let argument = simd.mul_add_e_f32s(simd.mul_f32s(within, within), scale, simd.splat_f32s(-1.0));
    simd.mul_add_e_f32s(horner(simd, argument, &FIT), within, simd.splat_f32s(0.5))
}

/// −2·√(2/π).
const TANH_SLOPE: f32 = -1.595_769;

/// x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))), written as x / (1 + e^(−2…)).
#[inline(always)]
pub(crate) fn gelu_tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let [slope, cube] = [TANH_SLOPE, 0.044_715 * TANH_SLOPE].map(|x| simd.splat_f32s(x));
    let cubic = simd.mul_add_e_f32s(simd.mul_f32s(x, x), cube, slope);
    let argument = simd.min_f32s(simd.mul_f32s(x, cubic), simd.splat_f32s(-LOWEST));
    simd.div_f32s(x, simd.add_f32s(exp(simd, argument), simd.splat_f32s(1.0)))
}

/// x / (1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn silu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let negative = simd.sub_f32s(simd.splat_f32s(0.0), x);
    let argument = simd.min_f32s(negative, simd.splat_f32s(-LOWEST));
    simd.div_f32s(x, simd.add_f32s(exp(simd, argument), simd.splat_f32s(1.0)))
}

/// max(x, 0).
#[inline(always)]
pub(crate) fn relu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    simd.max_f32s(x, simd.splat_f32s(0.0))
}

/// An activation's value.
#[inline(always)]
pub(crate) fn activated<S: Simd>(simd: S, x: S::f32s, activation: Activation) -> S::f32s {
    match activation {
        Activation::Gelu => gelu(simd, x),
        Activation::GeluTanh => gelu_tanh(simd, x),
        Activation::Relu => relu(simd, x),
        Activation::Silu => silu(simd, x),
    }
}

/// An activation's derivative; that of max(x, 0) at 0 is 0.
#[inline(always)]
pub(crate) fn slope<S: Simd>(simd: S, x: S::f32s, activation: Activation) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    // (x·σ(z))′ = σ + x·σ·(1 − σ)·z′, out of −z.
    let sigmoid = |negative, derivative| {
        let power = exp(simd, simd.min_f32s(negative, simd.splat_f32s(-LOWEST)));
        let sigma = simd.div_f32s(one, simd.add_f32s(power, one));
        // 1 − σ, to its last digits.
        let rest = simd.mul_f32s(power, sigma);
        simd.mul_add_e_f32s(simd.mul_f32s(sigma, rest), simd.mul_f32s(x, derivative), sigma)
    };
    let square = simd.mul_f32s(x, x);
    match activation {
        // Φ(x) + x·φ(x)
        Activation::Gelu => {
            let density = exp(simd, simd.mul_f32s(square, simd.splat_f32s(-0.5)));
            let density = simd.mul_f32s(density, simd.splat_f32s(0.398_942_3));
            simd.mul_add_e_f32s(x, density, normal(simd, x))
        }
        Activation::GeluTanh => {
            let of = |cube: f32| simd.mul_add_e_f32s(square, simd.splat_f32s(cube), simd.splat_f32s(TANH_SLOPE));
            let derivative = simd.sub_f32s(simd.splat_f32s(0.0), of(3.0 * 0.044_715 * TANH_SLOPE));
            sigmoid(simd.mul_f32s(x, of(0.044_715 * TANH_SLOPE)), derivative)
        }
        Activation::Relu => {
            let positive = simd.greater_than_f32s(x, simd.splat_f32s(0.0));
            simd.select_f32s(positive, one, simd.splat_f32s(0.0))
        }
        Activation::Silu => sigmoid(simd.sub_f32s(simd.splat_f32s(0.0), x), one),
    }
}

/// A polynomial by Horner's rule, its coefficients from the highest degree to the constant.
#[inline(always)]
fn horner<S: Simd, const N: usize>(simd: S, x: S::f32s, coefficients: &[f32; N]) -> S::f32s {
    let mut sum = simd.splat_f32s(coefficients[0]);
    for coefficient in &coefficients[1..] {
        sum = simd.mul_add_e_f32s(sum, x, simd.splat_f32s(*coefficient));
    }
    sum
}

#[cfg(test)]
mod tests {
    use pulp::WithSimd;

    use super::*;
    use crate::packed::simd::InstructionSet;

    #[derive(Clone, Copy, Debug)]
    enum Function {
        Exp,
        Gelu,
        GeluTanh,
        Relu,
        Silu,
        Slope(Activation),
    }

    struct Apply<'a> {
        function: Function,
        values: &'a mut [f32],
    }

    impl WithSimd for Apply<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (lanes, tail) = S::as_mut_simd_f32s(self.values);
            assert!(tail.is_empty());
            for x in lanes {
                *x = match self.function {
                    Function::Exp => exp(simd, *x),
                    Function::Gelu => gelu(simd, *x),
                    Function::GeluTanh => gelu_tanh(simd, *x),
                    Function::Relu => relu(simd, *x),
                    Function::Silu => silu(simd, *x),
                    Function::Slope(activation) => slope(simd, *x, activation),
                };
            }
        }
    }

    /// On 2¹⁶ points between `from` and `to`, on every instruction set: the error is at most `tolerance(x, f(x))`.
    fn check(function: Function, [from, to]: [f32; 2], expected: fn(f64) -> f64, tolerance: fn(f64, f64) -> f64) {
        const POINTS: usize = 1 << 16;
        let points: Vec<f32> = (0..POINTS).map(|i| from + (to - from) * i as f32 / (POINTS - 1) as f32).collect();
        for set in InstructionSet::available() {
            let mut values = points.clone();
            set.run(Apply { function, values: &mut values });
            for (x, found) in points.iter().zip(values) {
                let expected = expected(f64::from(*x));
                let error = (f64::from(found) - expected).abs();
                assert!(error <= tolerance(f64::from(*x), expected), "{set} {function:?}({x}) = {found}, {expected}");
            }
        }
    }

    /// Φ by the series ½ + φ(x)·Σ x^(2k+1) / (1·3·5…(2k+1)) (Marsaglia 2004), exact to f64 within ±8.
    fn normal_distribution(x: f64) -> f64 {
        let (mut sum, mut term, mut k) = (x, x, 1.0);
        while term.abs() > 1e-17 * sum.abs() {
            k += 2.0;
            term *= x * x / k;
            sum += term;
        }
        0.5 + sum * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
    }

    #[test]
    fn exp_is_accurate_to_the_last_digits_and_ends_in_zero() {
        check(Function::Exp, [-86.9, 87.0], f64::exp, |_, expected| 2.5e-7 * expected);
        check(Function::Exp, [-1e4, -87.1], |_| 0.0, |_, _| 0.0);
        check(Function::Exp, [f32::MIN, f32::MIN], |_| 0.0, |_, _| 0.0);
        check(Function::Exp, [0.0, 0.0], |_| 1.0, |_, _| 0.0);
    }

    #[test]
    fn gelu_is_accurate_to_a_few_units_of_f32() {
        check(Function::Gelu, [-8.0, 8.0], |x| x * normal_distribution(x), |x, _| 1.5e-7 * x.abs().max(4.0));
        check(Function::Gelu, [-1e4, -8.0], |_| 0.0, |_, _| 6e-7);
        check(Function::Gelu, [8.0, 1e4], |x| x, |x, _| 1.5e-7 * x);
        let tanh = |x: f64| x / 2.0 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh());
        check(Function::GeluTanh, [-20.0, 20.0], tanh, |_, expected| 1e-6 * expected.abs().max(0.1));
        check(Function::GeluTanh, [-1e4, -20.0], |_| 0.0, |_, _| 1e-30);
    }

    #[test]
    fn silu_is_accurate_to_a_few_units_of_f32() {
        let exact = |x: f64| x / (1.0 + (-x).exp());
        check(Function::Silu, [-60.0, 60.0], exact, |_, expected| 5e-7 * expected.abs());
        check(Function::Silu, [-1e4, -90.0], |_| 0.0, |_, _| 1e-30);
    }

    #[test]
    fn relu_keeps_what_is_positive() {
        check(Function::Relu, [-3.0, 3.0], |x| x.max(0.0), |_, _| 0.0);
    }

    #[test]
    fn slopes_are_the_derivatives_of_their_activations() {
        use std::f64::consts::{PI, TAU};
        fn sigmoid(z: f64) -> f64 {
            1.0 / (1.0 + (-z).exp())
        }
        fn of(activation: Activation, expected: fn(f64) -> f64, tolerance: fn(f64, f64) -> f64) {
            check(Function::Slope(activation), [-8.0, 8.0], expected, tolerance);
        }
        let gelu = |x: f64| normal_distribution(x) + x * (-x * x / 2.0).exp() / TAU.sqrt();
        of(Activation::Gelu, gelu, |_, _| 4e-7);
        let tanh = |x: f64| {
            let slope = 2.0 * (2.0 / PI).sqrt();
            let sigma = sigmoid(slope * (x + 0.044715 * x.powi(3)));
            sigma + x * sigma * (1.0 - sigma) * slope * (1.0 + 3.0 * 0.044715 * x * x)
        };
        of(Activation::GeluTanh, tanh, |_, _| 1e-6);
        of(Activation::Silu, |x| sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x))), |_, _| 4e-7);
        of(Activation::Relu, |x| f64::from(u8::from(x > 0.0)), |_, _| 0.0);
        for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Silu] {
            check(Function::Slope(activation), [-1e4, -100.0], |_| 0.0, |_, _| 1e-7);
            check(Function::Slope(activation), [100.0, 1e4], |_| 1.0, |_, _| 1e-7);
        }
    }
}
