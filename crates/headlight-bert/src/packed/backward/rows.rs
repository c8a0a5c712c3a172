//! The passes over rows between matrix products, on the way back.

use pulp::{Scalar, Simd, WithSimd};

use super::super::{
    functions::{activated, slope},
    rows::{squares, sum},
    simd::InstructionSet,
};
use crate::{Activation, LayerNorm, Norm, NormKind};

/// gradients ← those of x out of those of norm(x), both in rows as wide as the normalisation.
pub(super) fn normalise_back(set: InstructionSet, x: &[f32], gradients: &mut [f32], norm: &LayerNorm, shape: Norm) {
    set.run(NormaliseBack { x, gradients, norm, shape });
}

/// What entered an activation, `[row][columns]` without its bias, becomes its gradient, out of those of what the activation, or
/// the gate, yielded: `gradients`, `[row][columns]` or half as wide.
pub(super) fn activate_back(
    set: InstructionSet,
    entered: &mut [f32],
    bias: &[f32],
    gradients: &[f32],
    activation: Activation,
    gated: bool,
) {
    set.run(ActivateBack { entered, bias, gradients, activation, gated });
}

struct NormaliseBack<'a> {
    x: &'a [f32],
    gradients: &'a mut [f32],
    norm: &'a LayerNorm,
    shape: Norm,
}

impl WithSimd for NormaliseBack<'_> {
    type Output = ();

    /// With x̂ = (x − mean)·scale and g = gradient·weight: scale·(g − mean of g − x̂·mean of g·x̂), where means are taken off; else
    /// scale·(g − x̂·mean of g·x̂).
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, gradients, norm, shape } = self;
        let (weight, weight_tail) = S::as_simd_f32s(&norm.weight);
        let width = norm.weight.len();
        let centres = shape.kind == NormKind::Layer;
        for (x, gradient) in x.chunks_exact(width).zip(gradients.chunks_exact_mut(width)) {
            let (x, x_tail) = S::as_simd_f32s(x);
            let (gradient, tail) = S::as_mut_simd_f32s(gradient);
            let of_row = |total: f32| total / width as f32;
            let mean = if centres { of_row(sum(simd, x) + sum(Scalar::new(), x_tail)) } else { 0.0 };
            let variance = of_row(squares(simd, x, mean) + squares(Scalar::new(), x_tail, mean));
            let standard = [mean, 1.0 / (variance + shape.epsilon).sqrt()];
            let [mut slopes, products] = weigh(simd, x, gradient, weight, standard);
            let [of_tail, products_of_tail] = weigh(Scalar::new(), x_tail, tail, weight_tail, standard);
            slopes = if centres { of_row(slopes + of_tail) } else { 0.0 };
            let products = of_row(products + products_of_tail);
            centre(simd, x, gradient, standard, [slopes, products]);
            centre(Scalar::new(), x_tail, tail, standard, [slopes, products]);
        }
    }
}

/// gradient ← g = gradient·weight; Σ g and Σ g·x̂.
#[inline(always)]
fn weigh<S: Simd>(
    simd: S,
    x: &[S::f32s],
    gradient: &mut [S::f32s],
    weight: &[S::f32s],
    [mean, scale]: [f32; 2],
) -> [f32; 2] {
    let (mean, scale) = (simd.splat_f32s(mean), simd.splat_f32s(scale));
    let [mut slopes, mut products] = [simd.splat_f32s(0.0); 2];
    for ((x, gradient), weight) in x.iter().zip(gradient).zip(weight) {
        let standard = simd.mul_f32s(simd.sub_f32s(*x, mean), scale);
        *gradient = simd.mul_f32s(*gradient, *weight);
        slopes = simd.add_f32s(slopes, *gradient);
        products = simd.mul_add_e_f32s(*gradient, standard, products);
    }
    [simd.reduce_sum_f32s(slopes), simd.reduce_sum_f32s(products)]
}

/// gradient ← scale·(gradient − slopes − x̂·products).
#[inline(always)]
fn centre<S: Simd>(
    simd: S,
    x: &[S::f32s],
    gradient: &mut [S::f32s],
    [mean, scale]: [f32; 2],
    [slopes, products]: [f32; 2],
) {
    let (mean, scale) = (simd.splat_f32s(mean), simd.splat_f32s(scale));
    let (slopes, products) = (simd.splat_f32s(slopes), simd.splat_f32s(products));
    for (x, gradient) in x.iter().zip(gradient) {
        let standard = simd.mul_f32s(simd.sub_f32s(*x, mean), scale);
        let own = simd.sub_f32s(simd.sub_f32s(*gradient, slopes), simd.mul_f32s(standard, products));
        *gradient = simd.mul_f32s(scale, own);
    }
}

struct ActivateBack<'a> {
    entered: &'a mut [f32],
    bias: &'a [f32],
    gradients: &'a [f32],
    activation: Activation,
    gated: bool,
}

impl WithSimd for ActivateBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { entered, bias, gradients, activation, gated } = self;
        let width = if gated { bias.len() / 2 } else { bias.len() };
        let (bias, bias_of_gated) = bias.split_at(width);
        let (bias, bias_tail) = S::as_simd_f32s(bias);
        let (bias_of_gated, bias_of_gated_tail) = S::as_simd_f32s(bias_of_gated);
        let columns = if gated { 2 * width } else { width };
        for (row, gradients) in entered.chunks_exact_mut(columns).zip(gradients.chunks_exact(width)) {
            let (row, gated) = row.split_at_mut(width);
            let (row, tail) = S::as_mut_simd_f32s(row);
            let (gated, gated_tail) = S::as_mut_simd_f32s(gated);
            let (gradients, gradients_tail) = S::as_simd_f32s(gradients);
            back(simd, row, bias, gradients, (gated, bias_of_gated), activation);
            let of_gated = (gated_tail, bias_of_gated_tail);
            back(Scalar::new(), tail, bias_tail, gradients_tail, of_gated, activation);
        }
    }
}

/// x ← gradient·f′(x + bias); where there are gated columns y with a bias, both x ← gradient·f′(x + bias)·(y + its bias) and
/// y ← gradient·f(x + bias).
#[inline(always)]
fn back<S: Simd>(
    simd: S,
    row: &mut [S::f32s],
    bias: &[S::f32s],
    gradients: &[S::f32s],
    (gated, bias_of_gated): (&mut [S::f32s], &[S::f32s]),
    activation: Activation,
) {
    let is_gated = !gated.is_empty();
    for (at, ((x, bias), gradient)) in row.iter_mut().zip(bias).zip(gradients).enumerate() {
        let entered = simd.add_f32s(*x, *bias);
        *x = simd.mul_f32s(*gradient, slope(simd, entered, activation));
        if is_gated {
            *x = simd.mul_f32s(*x, simd.add_f32s(gated[at], bias_of_gated[at]));
            gated[at] = simd.mul_f32s(*gradient, activated(simd, entered, activation));
        }
    }
}
