//! The passes over rows between matrix products: activation and layer normalisation, each with the bias of the product
//! before it, so that no product has to write its bias first.

use pulp::{Scalar, Simd, WithSimd};

use super::{functions::activated, simd::InstructionSet};
use crate::{Activation, LayerNorm, Norm, NormKind};

/// rows ← activation(rows + bias), every row as wide as `bias`.
pub(crate) fn activate(set: InstructionSet, rows: &mut [f32], bias: &[f32], activation: Activation) {
    set.run(Activate { rows, bias, activation });
}

/// The first half of each row, plus bias and activated, times the second half plus bias; what stands in the second half then
/// is left over.
pub(crate) fn activate_gates(set: InstructionSet, rows: &mut [f32], bias: &[f32], activation: Activation) {
    set.run(ActivateGates { rows, bias, activation });
}

/// rows ← norm(rows + bias), every row as wide as `bias`; without a bias, norm(rows).
pub(crate) fn normalise(set: InstructionSet, rows: &mut [f32], bias: Option<&[f32]>, norm: &LayerNorm, shape: Norm) {
    set.run(Normalise { rows, bias, norm, shape });
}

/// rows ← rows + bias, every row as wide as `bias`.
pub(crate) fn add_bias(set: InstructionSet, rows: &mut [f32], bias: &[f32]) {
    set.run(AddBias { rows, bias });
}

/// to `[row][width]` ← these rows of `from`, as wide.
pub(crate) fn gather(from: &[f32], rows: &[usize], width: usize, to: &mut [f32]) {
    for (to, row) in to.chunks_exact_mut(width).zip(rows) {
        to.copy_from_slice(&from[row * width..][..width]);
    }
}

struct AddBias<'a> {
    rows: &'a mut [f32],
    bias: &'a [f32],
}

impl WithSimd for AddBias<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (bias, bias_tail) = S::as_simd_f32s(self.bias);
        for row in self.rows.chunks_exact_mut(self.bias.len()) {
            let (row, tail) = S::as_mut_simd_f32s(row);
            add(simd, row, bias);
            add(Scalar::new(), tail, bias_tail);
        }
    }
}

struct Activate<'a> {
    rows: &'a mut [f32],
    bias: &'a [f32],
    activation: Activation,
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (bias, bias_tail) = S::as_simd_f32s(self.bias);
        for row in self.rows.chunks_exact_mut(self.bias.len()) {
            let (row, tail) = S::as_mut_simd_f32s(row);
            activate_lanes(simd, row, bias, self.activation);
            activate_lanes(Scalar::new(), tail, bias_tail, self.activation);
        }
    }
}

struct ActivateGates<'a> {
    rows: &'a mut [f32],
    bias: &'a [f32],
    activation: Activation,
}

impl WithSimd for ActivateGates<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (bias, bias_of_gated) = self.bias.split_at(self.bias.len() / 2);
        let (lanes, tail) = S::as_simd_f32s(bias);
        for row in self.rows.chunks_exact_mut(self.bias.len()) {
            let (gates, gated) = row.split_at_mut(bias.len());
            let (whole, rest) = S::as_mut_simd_f32s(gates);
            activate_lanes(simd, whole, lanes, self.activation);
            activate_lanes(Scalar::new(), rest, tail, self.activation);
            let gated = gated.iter().zip(bias_of_gated);
            gates.iter_mut().zip(gated).for_each(|(gate, (gated, bias))| *gate *= gated + bias);
        }
    }
}

#[inline(always)]
fn activate_lanes<S: Simd>(simd: S, row: &mut [S::f32s], bias: &[S::f32s], activation: Activation) {
    for (x, bias) in row.iter_mut().zip(bias) {
        let sum = simd.add_f32s(*x, *bias);
        *x = activated(simd, sum, activation);
    }
}

struct Normalise<'a> {
    rows: &'a mut [f32],
    bias: Option<&'a [f32]>,
    norm: &'a LayerNorm,
    shape: Norm,
}

impl WithSimd for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes_and_tail = |values| S::as_simd_f32s(values);
        let (weight, weight_tail) = lanes_and_tail(&self.norm.weight);
        let (shift, shift_tail) = lanes_and_tail(&self.norm.bias);
        let width = self.norm.weight.len();
        for row in self.rows.chunks_exact_mut(width) {
            let (row, tail) = S::as_mut_simd_f32s(row);
            if let Some(bias) = self.bias {
                let (bias, bias_tail) = lanes_and_tail(bias);
                add(simd, row, bias);
                add(Scalar::new(), tail, bias_tail);
            }
            let mean = match self.shape.kind {
                NormKind::Layer => (sum(simd, row) + sum(Scalar::new(), tail)) / width as f32,
                NormKind::Rms => 0.0,
            };
            let squares = squares(simd, row, mean) + squares(Scalar::new(), tail, mean);
            let scale = 1.0 / (squares / width as f32 + self.shape.epsilon).sqrt();
            rescale(simd, row, mean, scale, weight, shift);
            rescale(Scalar::new(), tail, mean, scale, weight_tail, shift_tail);
        }
    }
}

#[inline(always)]
fn add<S: Simd>(simd: S, row: &mut [S::f32s], bias: &[S::f32s]) {
    for (x, bias) in row.iter_mut().zip(bias) {
        *x = simd.add_f32s(*x, *bias);
    }
}

/// Σ x.
#[inline(always)]
pub(super) fn sum<S: Simd>(simd: S, row: &[S::f32s]) -> f32 {
    let mut sum = simd.splat_f32s(0.0);
    for x in row {
        sum = simd.add_f32s(sum, *x);
    }
    simd.reduce_sum_f32s(sum)
}

/// Σ (x − mean)².
#[inline(always)]
pub(super) fn squares<S: Simd>(simd: S, row: &[S::f32s], mean: f32) -> f32 {
    let mean = simd.splat_f32s(mean);
    let mut sum = simd.splat_f32s(0.0);
    for x in row {
        let centred = simd.sub_f32s(*x, mean);
        sum = simd.mul_add_e_f32s(centred, centred, sum);
    }
    simd.reduce_sum_f32s(sum)
}

/// x ← (x − mean)·scale·weight + shift.
#[inline(always)]
fn rescale<S: Simd>(simd: S, row: &mut [S::f32s], mean: f32, scale: f32, weight: &[S::f32s], shift: &[S::f32s]) {
    let (mean, scale) = (simd.splat_f32s(mean), simd.splat_f32s(scale));
    for ((x, weight), shift) in row.iter_mut().zip(weight).zip(shift) {
        let standard = simd.mul_f32s(simd.sub_f32s(*x, mean), scale);
        *x = simd.mul_add_e_f32s(standard, *weight, *shift);
    }
}
