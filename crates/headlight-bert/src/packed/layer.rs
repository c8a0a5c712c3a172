//! A layer's weights in the order in which the packed encoder reads them.

use std::{borrow::Cow, ops::Range};

use gemm_common::Parallelism;
use gemm_f32::gemm::f32::get_gemm_fn;

use super::relative::Distances;
use crate::{Architecture, Embeddings, LayerNorm, LayerWeights, Linear};

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
    pub(crate) fn fused(parts: Vec<Linear>) -> Self {
        let inputs = parts.first().map_or(0, |part| part.inputs);
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
    pub(crate) fn part(&self, columns: Range<usize>) -> Linear {
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
        self.multiply_strided(Strided { values: rows, stride: self.inputs }, out, columns, destination);
    }

    /// As [`Projection::multiply`], of the first columns of rows that are longer than its inputs.
    pub(crate) fn multiply_strided(
        &self,
        rows: Strided<'_>,
        out: &mut [f32],
        columns: usize,
        destination: Destination,
    ) {
        assert!(columns <= self.outputs, "{columns} columns of {}", self.outputs);
        let count = out.len() / columns;
        let weight = Strided { values: &self.weight, stride: self.outputs };
        multiply(rows, weight, [count, self.inputs, columns], out, destination);
    }

    /// As [`Projection::multiply`], of some columns, to the same ones of `out` `[row][stride]`.
    pub(crate) fn multiply_columns(&self, rows: &[f32], columns: Range<usize>, (out, stride): (&mut [f32], usize)) {
        let shape = [rows.len() / self.inputs, self.inputs, columns.len()];
        let rows = Strided { values: rows, stride: self.inputs };
        let weight = Strided { values: &self.weight[columns.start..], stride: self.outputs };
        let out = (&mut out[columns.start..], stride);
        multiply_to(rows.into(), weight.into(), shape, out, Destination::Overwrite);
    }

    /// The gradient of x out of that of the first `columns` of y: rows `[row][columns]` · Wᵀ, `[row][inputs]`. Every sum runs
    /// over the columns in the same order, whatever the number of rows.
    pub(crate) fn multiply_back(&self, rows: &[f32], columns: usize) -> Vec<f32> {
        /// Of a transposed matrix, products of so few numbers go another way and round elsewhere.
        const FEW: usize = 16 * 16;
        let count = rows.len() / columns;
        let mut whole = Cow::Borrowed(rows);
        if count * self.inputs <= FEW {
            whole.to_mut().resize((FEW / self.inputs + 1) * columns, 0.0);
        }
        let shape = [whole.len() / columns, columns, self.inputs];
        let mut out = vec![0.0; shape[0] * self.inputs];
        let weight = Strided { values: &self.weight, stride: self.outputs };
        let rows = Strided { values: &whole, stride: columns };
        multiply(rows, weight.transposed(), shape, &mut out, Destination::Overwrite);
        out.truncate(count * self.inputs);
        out
    }
}

/// A row-major matrix whose rows begin `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a> {
    pub values: &'a [f32],
    pub stride: usize,
}

/// A matrix whose elements stand `down` apart from row to row and `across` apart from column to column.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    down: usize,
    across: usize,
}

impl<'a> Strided<'a> {
    /// The same values, rows as columns.
    pub(crate) fn transposed(self) -> Matrix<'a> {
        Matrix { values: self.values, down: 1, across: self.stride }
    }
}

impl<'a> From<Strided<'a>> for Matrix<'a> {
    fn from(Strided { values, stride }: Strided<'a>) -> Self {
        Self { values, down: stride, across: 1 }
    }
}

impl Matrix<'_> {
    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows * columns == 0 || (rows - 1) * self.down + (columns - 1) * self.across < self.values.len()
    }
}

/// out `[m][n]` ← left `[m][k]` · right `[k][n]`, or is increased by it, on the calling thread.
pub(crate) fn multiply<'a>(
    left: impl Into<Matrix<'a>>,
    right: impl Into<Matrix<'a>>,
    [m, k, n]: [usize; 3],
    out: &mut [f32],
    destination: Destination,
) {
    assert_eq!(out.len(), m * n, "products of {m}×{n}");
    multiply_to(left.into(), right.into(), [m, k, n], (out, n), destination);
}

/// The same, with rows of `out` that begin `stride` apart.
fn multiply_to(
    left: Matrix<'_>,
    right: Matrix<'_>,
    [m, k, n]: [usize; 3],
    (out, stride): (&mut [f32], usize),
    destination: Destination,
) {
    assert!(left.holds(m, k), "left of {m}×{k} ends too early");
    assert!(right.holds(k, n), "right of {k}×{n} ends too early");
    let holds = m * n == 0 || (m - 1) * stride + n <= out.len();
    assert!(n <= stride && holds, "products of {m}×{n} do not fit");
    // The kernels write columns, so this is their product transposed: columns `stride` apart, rows side by side.
    // SAFETY: the three matrices lie within their slices, as just checked, and `out` is borrowed alone.
    unsafe {
        get_gemm_fn()(
            n,
            m,
            k,
            out.as_mut_ptr(),
            stride as isize,
            1,
            destination == Destination::Add,
            right.values.as_ptr(),
            right.down as isize,
            right.across as isize,
            left.values.as_ptr(),
            left.down as isize,
            left.across as isize,
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
    /// Queries, keys and values of all heads, side by side: breadth → heads of queries, of keys, of values.
    pub attention_input: Projection,
    /// heads → breadth.
    pub attention_output: Projection,
    /// Over each head's queries and keys.
    pub query_norm: Option<LayerNorm>,
    pub key_norm: Option<LayerNorm>,
    /// What queries and keys are multiplied with for the distance of pieces.
    pub distances: Option<Distances>,
    /// After the residual around attention, or over what attention reads.
    pub attention_norm: Option<LayerNorm>,
    /// breadth → intermediate; where the model is gated, what is activated, then what it is multiplied with.
    pub expand: Projection,
    /// Whether the model is gated.
    pub gated: bool,
    /// intermediate → breadth.
    pub contract: Projection,
    /// After the residual around the feed-forward block, or over what it reads.
    pub output_norm: LayerNorm,
}

impl Layer {
    /// Takes the weights over.
    pub(crate) fn new(weights: LayerWeights, embeddings: &Embeddings, spec: &Architecture) -> Self {
        let distances = Distances::new(&weights, embeddings, spec);
        let gated = weights.gate.is_some();
        let expand = weights.gate.into_iter().chain([weights.intermediate]).collect();
        Self {
            attention_input: Projection::fused(vec![weights.query, weights.key, weights.value]),
            attention_output: Projection::fused(vec![weights.attention_output]),
            query_norm: weights.query_norm,
            key_norm: weights.key_norm,
            distances,
            attention_norm: weights.attention_norm,
            expand: Projection::fused(expand),
            gated,
            contract: Projection::fused(vec![weights.output]),
            output_norm: weights.output_norm,
        }
    }

    /// The layer's weights as a checkpoint has them.
    pub(crate) fn to_weights(&self) -> LayerWeights {
        let heads = self.attention_output.inputs;
        let keys = (self.attention_input.outputs - heads) / 2;
        let inner = self.contract.inputs;
        let whole = |projection: &Projection| projection.part(0..projection.outputs);
        let own = self.distances.as_ref().map(Distances::own).unwrap_or_default();
        LayerWeights {
            query: self.attention_input.part(0..heads),
            key: self.attention_input.part(heads..heads + keys),
            value: self.attention_input.part(heads + keys..heads + 2 * keys),
            query_norm: self.query_norm.clone(),
            key_norm: self.key_norm.clone(),
            relative_query: own.queries,
            relative_key: own.keys,
            attention_output: whole(&self.attention_output),
            attention_norm: self.attention_norm.clone(),
            gate: self.gated.then(|| self.expand.part(0..inner)),
            intermediate: self.expand.part(self.expand.outputs - inner..self.expand.outputs),
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
