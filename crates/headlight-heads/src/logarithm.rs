//! Logarithms and entropies of many weights at a time.

#[cfg(target_arch = "x86_64")]
use std::any::Any;

#[cfg(target_arch = "x86_64")]
use pulp::x86::V4;
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
#[inline(always)]
fn ln<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (exponent, rest) = exponent_and_ln(simd, x);
    simd.mul_add_e_f32s(exponent, simd.splat_f32s(std::f32::consts::LN_2), rest)
}

/// log₂ x for normal positive x, to 1.5e-7 + the rounding of the result: by a table where 16 of its entries can be looked up at once.
#[inline(always)]
pub(crate) fn log2<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    #[cfg(target_arch = "x86_64")]
    if let (Some(simd), Some(x)) = (same(simd), same(x))
        && let Some(found) = same(log2_by_table(simd, x))
    {
        return found;
    }
    let (exponent, rest) = exponent_and_ln(simd, x);
    simd.mul_add_e_f32s(rest, simd.splat_f32s(std::f32::consts::LOG2_E), exponent)
}

/// A value as of another type, where that is the same one.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn same<T: Any, U: Any + Copy>(value: T) -> Option<U> {
    (&value as &dyn Any).downcast_ref().copied()
}

/// e and ln (1 + f), where x = 2ᵉ·(1 + f) with 1 + f in [√½, √2). ln(1 + f) = f·g(f), g a polynomial of degree 7: a least-squares
/// fit on Chebyshev points, reweighted towards the smallest largest error of f·g (Lawson's iteration), which is 7.1e-8.
#[inline(always)]
fn exponent_and_ln<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
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
    (exponent, simd.mul_f32s(f, g))
}

/// Of each sixteenth of [1, 2) its middle's inverse.
const INVERSES: [f32; 16] = {
    let mut inverses = [0.0; 16];
    let mut at = 0;
    while at < 16 {
        inverses[at] = 1.0 / (1.0 + (2 * at + 1) as f32 / 32.0);
        at += 1;
    }
    inverses
};

/// −log₂ of each, and what the polynomial lacks in the mean: ρ⁴/32 in nats.
const LOGARITHMS: [f32; 16] = [
    0.044_394_113,
    0.129_283_04,
    0.209_453_37,
    0.285_402_24,
    0.357_552_1,
    0.426_264_8,
    0.491_853_1,
    0.554_588_9,
    0.614_709_9,
    0.672_425_3,
    0.727_920_5,
    0.781_359_8,
    0.832_890_03,
    0.882_643_1,
    0.930_737_44,
    0.977_279_9,
];

/// How far a sixteenth of [1, 2) reaches from its middle, relatively, at most.
const RHO: f64 = 1.0 / 33.0;

/// log₂ x by the sixteenth that its mantissa m is in: with c the inverse of the middle and r = m·c − 1, which is not beyond ±ρ,
/// log₂ x = e − log₂ c + log₂(1 + r). The last is the series to r⁴, whose last term is a polynomial of degree 2 nearly (Chebyshev's:
/// r⁴ ≈ ρ²·r² − ρ⁴/8, to ρ⁴/8), so that it is to 3.8e-8.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn log2_by_table(simd: V4, x: pulp::f32x16) -> pulp::f32x16 {
    use std::arch::x86_64::{_MM_MANT_NORM_1_2, _MM_MANT_SIGN_ZERO};
    use std::f64::consts::LOG2_E;

    /// Of r, highest degree first.
    const SERIES: [f32; 3] = [(LOG2_E / 3.0) as f32, (-LOG2_E * (0.5 + RHO * RHO / 4.0)) as f32, LOG2_E as f32];
    let (avx, splat) = (simd.avx512f, |value| pulp::cast(simd.splat_f32x16(value)));
    // The lowest four bits count.
    let sixteenth = avx._mm512_srli_epi32::<19>(pulp::cast(x));
    let inverse = avx._mm512_permutexvar_ps(sixteenth, pulp::cast(INVERSES));
    let logarithm = avx._mm512_permutexvar_ps(sixteenth, pulp::cast(LOGARITHMS));
    let x = pulp::cast(x);
    let mantissa = avx._mm512_getmant_ps::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_ZERO>(x);
    let r = avx._mm512_fmsub_ps(mantissa, inverse, splat(1.0));
    let series = avx._mm512_fmadd_ps(splat(SERIES[0]), r, splat(SERIES[1]));
    let series = avx._mm512_fmadd_ps(series, r, splat(SERIES[2]));
    let rest = avx._mm512_fmadd_ps(series, r, logarithm);
    pulp::cast(avx._mm512_add_ps(avx._mm512_getexp_ps(x), rest))
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
        fn the_logarithm_to_base_2_is_right(x in prop_oneof![power(-37.0..-30.0), power(-9.0..-3.0), 0.5f32..2.0]) {
            struct Log2(f32);
            impl WithSimd for Log2 {
                type Output = f32;
                fn with_simd<S: Simd>(self, simd: S) -> f32 {
                    simd.reduce_max_f32s(log2(simd, simd.splat_f32s(self.0)))
                }
            }
            let exact = f64::from(x).log2();
            let error = |found: f32| (f64::from(found) - exact).abs();
            let bound = 1.5e-7 + exact.abs() * 1.2e-7;
            prop_assert!(error(Arch::new().dispatch(Log2(x))) < bound);
            prop_assert!(error(Log2(x).with_simd(pulp::Scalar::new())) < bound);
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
    fn what_the_table_holds_are_logarithms_of_its_inverses() {
        for (inverse, logarithm) in INVERSES.into_iter().zip(LOGARITHMS) {
            let exact = RHO.powi(4) / 32.0 * std::f64::consts::LOG2_E - f64::from(inverse).log2();
            assert_eq!(exact as f32, logarithm);
        }
    }

    /// Every mantissa: on either side of 1, where logarithms are near 0, and where a result between 8 and 16 is rounded to 2⁻²¹.
    #[cfg(target_arch = "x86_64")]
    #[test]
    #[allow(clippy::print_stderr)]
    fn the_table_is_as_near_as_it_says() {
        let Some(simd) = V4::try_new() else {
            eprintln!("not run: this processor has no AVX-512");
            return;
        };
        for (exponent, bound) in [(126_u32, 1.1e-7), (127, 1.1e-7), (117, 1.1e-7 + 0.5_f64.powi(21))] {
            for first in (0..1_u32 << 23).step_by(16) {
                let x: [f32; 16] = std::array::from_fn(|lane| f32::from_bits(exponent << 23 | (first + lane as u32)));
                let found: [f32; 16] = pulp::cast(simd.vectorize(|| log2_by_table(simd, pulp::cast(x))));
                for (x, found) in x.into_iter().zip(found) {
                    let error = (f64::from(found) - f64::from(x).log2()).abs();
                    assert!(error < bound, "{x}: {found}, wrong by {error}");
                }
            }
        }
    }

    #[test]
    fn entropy_lies_between_one_place_and_all() {
        assert!(entropy(&[0.0, 1.0, 0.0]) < 1e-30);
        assert!((entropy(&[0.125; 8]) - 8_f64.ln()).abs() < 1e-6);
    }
}
