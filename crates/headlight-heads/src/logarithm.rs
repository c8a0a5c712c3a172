//! Natural logarithms and entropies of many weights at a time.

use pulp::{Arch, Simd, WithSimd};

/// The entropy of one row of attention in nats, −Σ p·ln p with 0·ln 0 = 0, to 1e-6.
pub(crate) fn entropy(row: &[f32]) -> f64 {
    struct Entropy<'a>(&'a [f32]);

    impl WithSimd for Entropy<'_> {
        type Output = f64;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let (whole, rest) = S::as_simd_f32s(self.0);
            let rest = simd.partial_load_f32s(rest);
            // With the smallest normal number in its place, 0·ln 0 is as good as 0.
            let least = simd.splat_f32s(f32::MIN_POSITIVE);
            let mut sum = simd.splat_f32s(0.0);
            for &weight in whole.iter().chain([&rest]) {
                let weight = simd.max_f32s(weight, least);
                sum = simd.mul_add_e_f32s(weight, ln(simd, weight), sum);
            }
            -f64::from(simd.reduce_sum_f32s(sum))
        }
    }

    Arch::new().dispatch(Entropy(row)).max(0.0)
}

/// ln x for normal positive x, to 1e-7 + the rounding of the result.
///
/// x = 2ᵉ·(1 + f) with 1 + f in [√½, √2); ln(1 + f) = f·g(f), g a polynomial of degree 7: a least-squares fit on
/// Chebyshev points, reweighted towards the smallest largest error of f·g (Lawson's iteration), which is 7.1e-8.
#[inline(always)]
pub(crate) fn ln<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    const ONE: u32 = 0x3f80_0000;
    const MANTISSA: u32 = 0x007f_ffff;
    /// The bits of 2²³: an integer below 2²³ put into its mantissa is that float more.
    const COUNTER: u32 = 0x4b00_0000;
    /// Of g, highest degree first.
    const FIT: [f32; 8] = [
        -0.103_787_18,
        0.163_381_52,
        -0.172_124_28,
        0.198_842_35,
        -0.249_715_6,
        0.333_356_08,
        -0.500_003_44,
        0.999_999_99,
    ];
    let splat = |value: f32| simd.splat_f32s(value);
    let shifted = simd.add_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(ONE - SQRT_HALF));
    let biased = simd.wrapping_dyn_shr_u32s(shifted, simd.splat_u32s(23));
    let counted = simd.transmute_f32s_u32s(simd.or_u32s(biased, simd.splat_u32s(COUNTER)));
    let exponent = simd.sub_f32s(counted, splat(8_388_608.0 + 127.0));
    let mantissa = simd.add_u32s(simd.and_u32s(shifted, simd.splat_u32s(MANTISSA)), simd.splat_u32s(SQRT_HALF));
    let f = simd.sub_f32s(simd.transmute_f32s_u32s(mantissa), splat(1.0));
    let mut g = splat(FIT[0]);
    for coefficient in &FIT[1..] {
        g = simd.mul_add_e_f32s(g, f, splat(*coefficient));
    }
    simd.mul_add_e_f32s(exponent, splat(std::f32::consts::LN_2), simd.mul_f32s(f, g))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ten to a power: ranges of tiny floats are more than proptest's sampler can cut evenly.
    fn power(range: std::ops::Range<f32>) -> impl Strategy<Value = f32> {
        range.prop_map(|power| 10.0_f32.powf(power))
    }

    proptest! {
        #[test]
        fn the_logarithm_is_right(x in prop_oneof![power(-37.0..-30.0), power(-9.0..-3.0), 0.5f32..2.0]) {
            struct Ln(f32);
            impl WithSimd for Ln {
                type Output = f32;
                fn with_simd<S: Simd>(self, simd: S) -> f32 {
                    simd.reduce_max_f32s(ln(simd, simd.splat_f32s(self.0)))
                }
            }
            let exact = f64::from(x).ln();
            let error = |found: f32| (f64::from(found) - exact).abs();
            let bound = 1e-7 + exact.abs() * 1.2e-7;
            prop_assert!(error(Arch::new().dispatch(Ln(x))) < bound);
            prop_assert!(error(Ln(x).with_simd(pulp::Scalar::new())) < bound);
        }

        #[test]
        fn entropy_equals_the_definition(
            mut row in prop::collection::vec(prop_oneof![Just(0.0_f32), power(-9.0..-3.0), 0.0_f32..1.0], 1..200)
        ) {
            row[0] += 1e-3;
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|weight| *weight /= sum);
            let term = |&weight: &f32| if weight == 0.0 { 0.0 } else { -f64::from(weight) * f64::from(weight).ln() };
            let expected: f64 = row.iter().map(term).sum();
            prop_assert!((entropy(&row) - expected).abs() < 2e-6, "{} {expected}", entropy(&row));
        }
    }

    #[test]
    fn entropy_lies_between_one_place_and_all() {
        assert!(entropy(&[0.0, 1.0, 0.0]) < 1e-30);
        assert!((entropy(&[0.125; 8]) - 8_f64.ln()).abs() < 1e-6);
    }
}
