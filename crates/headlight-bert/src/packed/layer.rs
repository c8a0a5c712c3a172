//! A layer's weights in the order in which the packed encoder reads them.

use gemm_common::Parallelism;
use gemm_f32::gemm::f32::get_gemm_fn;

use crate::{LayerNorm, LayerWeights, Linear};

/// A linear layer y = x·W + b with W stored `[inputs][outputs]`, the transpose of a checkpoint's.
pub(crate) struct Projection {
    /// Width of x.
    pub inputs: usize,
    /// Width of y.
    pub outputs: usize,
    /// W, `[inputs][outputs]`.
    pub weight: Vec<f32>,
    /// b, `[outputs]`. Whoever reads the products adds it.
    pub bias: Vec<f32>,
}

/// What to do with what a product's destination holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Write over it.
    Overwrite,
    /// Add to it: the residual connection.
    Add,
}

impl Projection {
    /// Several linear layers of the same input as one, their outputs side by side.
    pub(crate) fn fused<const N: usize>(parts: [Linear; N]) -> Self {
        let inputs = parts[0].inputs;
        let outputs = parts.iter().map(|part| part.outputs).sum();
        let mut weight = vec![0.0; inputs * outputs];
        let mut bias = Vec::with_capacity(outputs);
        for part in parts {
            transpose(&part.weight, inputs, &mut weight[bias.len()..], outputs);
            bias.extend(part.bias);
        }
        Self { inputs, outputs, weight, bias }
    }

    /// The part of the linear layer whose outputs are `columns`, in checkpoint layout again.
    pub(crate) fn part(&self, columns: std::ops::Range<usize>) -> Linear {
        let (inputs, outputs) = (self.inputs, columns.len());
        let mut weight = vec![0.0; inputs * outputs];
        for (input, row) in self.weight.chunks_exact(self.outputs).enumerate() {
            for (output, value) in row[columns.clone()].iter().enumerate() {
                weight[output * inputs + input] = *value;
            }
        }
        Linear { inputs, outputs, weight, bias: self.bias[columns].to_vec() }
    }

    /// The first `columns` products x·W of each row of `rows` `[row][inputs]`, to `out` `[row][columns]`, without bias.
    /// Every sum runs over the inputs in the same order, whatever the number of rows.
    pub(crate) fn multiply(&self, rows: &[f32], out: &mut [f32], columns: usize, destination: Destination) {
        let count = rows.len() / self.inputs;
        assert!(columns <= self.outputs, "{columns} columns of {}", self.outputs);
        let weight = Strided { values: &self.weight, stride: self.outputs };
        multiply(
            Strided { values: rows, stride: self.inputs },
            weight,
            [count, self.inputs, columns],
            out,
            destination,
        );
    }
}

/// A row-major matrix whose rows begin `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a> {
    pub values: &'a [f32],
    pub stride: usize,
}

/// out `[m][n]` ← left `[m][k]` · right `[k][n]`, or is increased by it, on the calling thread.
pub(crate) fn multiply(
    left: Strided<'_>,
    right: Strided<'_>,
    [m, k, n]: [usize; 3],
    out: &mut [f32],
    destination: Destination,
) {
    let reach = |rows: usize, columns, stride| rows.saturating_sub(1) * stride + columns;
    assert!(k <= left.stride && n <= right.stride, "rows overlap");
    assert!(reach(m, k, left.stride) <= left.values.len(), "left of {m}×{k} ends too early");
    assert!(reach(k, n, right.stride) <= right.values.len(), "right of {k}×{n} ends too early");
    assert_eq!(out.len(), m * n, "products of {m}×{n}");
    // The kernels write columns, so this is their product transposed: columns `stride` apart, rows side by side.
    // SAFETY: the three matrices lie within their slices, as just checked, and `out` is borrowed alone.
    unsafe {
        get_gemm_fn()(
            n,
            m,
            k,
            out.as_mut_ptr(),
            n as isize,
            1,
            destination == Destination::Add,
            right.values.as_ptr(),
            right.stride as isize,
            1,
            left.values.as_ptr(),
            left.stride as isize,
            1,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// One layer, its four products in the order of their use.
pub(crate) struct Layer {
    /// Queries, keys and values of all heads, side by side: hidden → 3·hidden.
    pub attention_input: Projection,
    /// hidden → hidden.
    pub attention_output: Projection,
    /// After the residual around attention.
    pub attention_norm: LayerNorm,
    /// hidden → intermediate.
    pub expand: Projection,
    /// intermediate → hidden.
    pub contract: Projection,
    /// After the residual around the feed-forward block.
    pub output_norm: LayerNorm,
}

impl From<LayerWeights> for Layer {
    fn from(weights: LayerWeights) -> Self {
        Self {
            attention_input: Projection::fused([weights.query, weights.key, weights.value]),
            attention_output: Projection::fused([weights.attention_output]),
            attention_norm: weights.attention_norm,
            expand: Projection::fused([weights.intermediate]),
            contract: Projection::fused([weights.output]),
            output_norm: weights.output_norm,
        }
    }
}

impl Layer {
    /// The layer's weights as a checkpoint has them.
    pub(crate) fn to_weights(&self) -> LayerWeights {
        let hidden = self.attention_input.inputs;
        let part = |number: usize| self.attention_input.part(number * hidden..(number + 1) * hidden);
        let whole = |projection: &Projection| projection.part(0..projection.outputs);
        LayerWeights {
            query: part(0),
            key: part(1),
            value: part(2),
            attention_output: whole(&self.attention_output),
            attention_norm: self.attention_norm.clone(),
            intermediate: whole(&self.expand),
            output: whole(&self.contract),
            output_norm: self.output_norm.clone(),
        }
    }
}

/// to[column][row] ← from[row][column], `from` with rows `columns` long and `to` with rows `stride` apart, in blocks that
/// keep both sides' cache lines in use.
fn transpose(from: &[f32], columns: usize, to: &mut [f32], stride: usize) {
    const BLOCK: usize = 16;
    let rows = from.len() / columns;
    for row_block in (0..rows).step_by(BLOCK) {
        for column_block in (0..columns).step_by(BLOCK) {
            for column in column_block..(column_block + BLOCK).min(columns) {
                for row in row_block..(row_block + BLOCK).min(rows) {
                    to[column * stride + row] = from[row * columns + column];
                }
            }
        }
    }
}
