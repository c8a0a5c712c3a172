//! The distance + words baseline: no attention, one hidden tanh layer over distance features and a pair of word vectors.
//!
//! The hidden layer sees a pair (governor i, dependent j) as X_i + Y_j + Z_{i−j}, the products of the candidate's vector,
//! the dependent's vector and the distance features with their weights, so that each is computed once. Dependents are
//! taken one at a time: their candidates' hidden units stay in cache, forwards and back.

use multiversion::multiversion;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use super::softmax::{cross_entropy, tanh};
use super::spec::{DISTANCE_FEATURES, ROOT_FEATURE};
use super::{Input, Probe, ProbeSpec, Role};
use crate::arcs::candidate_of;

/// Buffers that live from sentence to sentence.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// Word vectors, `[word, vector]`; zero for unknown words.
    vectors: Vec<f32>,
    /// X and Y, `[word, part, breadth]`, part 0 as candidate, part 1 as dependent.
    projected: Vec<f32>,
    projected_gradient: Vec<f32>,
    /// Z, `[offset, breadth]`, offset i − j + n − 1; the last row is ROOT's.
    distances: Vec<f32>,
    distances_gradient: Vec<f32>,
    /// Hidden units of one dependent's candidates, `[candidate, breadth]`.
    units: Vec<f32>,
    /// The logits of one dependent's candidates, then their gradients.
    row: Vec<f32>,
}

/// The logits of a sentence, `[dependent, candidate]`.
pub(super) fn logits(probe: &Probe, input: &Input<'_>, buffers: &mut Buffers) -> Vec<f32> {
    let sentence = Pairs::project(probe, input, buffers);
    let words = input.words();
    let mut logits = Vec::with_capacity(words * (words + 1));
    for dependent in 0..words {
        sentence.row(dependent, buffers);
        logits.extend_from_slice(&buffers.row);
    }
    logits
}

/// The loss of a sentence in nats, summed over its words; adds its gradient to `gradient`.
pub(super) fn accumulate(probe: &Probe, input: &Input<'_>, gradient: &mut [f32], buffers: &mut Buffers) -> f64 {
    let sentence = Pairs::project(probe, input, buffers);
    let words = input.words();
    for (gradients, values) in
        [(&mut buffers.projected_gradient, &buffers.projected), (&mut buffers.distances_gradient, &buffers.distances)]
    {
        gradients.clear();
        gradients.resize(values.len(), 0.0);
    }
    let mut loss = 0.0;
    for (dependent, governor) in input.words.governors().iter().enumerate() {
        sentence.row(dependent, buffers);
        loss += cross_entropy(&mut buffers.row, dependent, candidate_of(*governor, words));
        sentence.row_gradient(dependent, gradient, buffers);
    }
    sentence.project_gradient(gradient, buffers);
    loss
}

/// One sentence on its way through the probe.
struct Pairs<'a> {
    probe: &'a Probe,
    input: &'a Input<'a>,
}

impl<'a> Pairs<'a> {
    /// Fills X, Y (with the hidden bias) and Z.
    fn project(probe: &'a Probe, input: &'a Input<'a>, buffers: &mut Buffers) -> Self {
        let (words, breadth, width) = (input.words(), probe.spec.breadth, probe.spec.vector_width);
        let sentence = Self { probe, input };
        buffers.vectors.clear();
        buffers.vectors.resize(words * width, 0.0);
        for word in 0..words {
            if let Some(vector) = input.vector(word) {
                buffers.vectors[word * width..][..width].copy_from_slice(vector);
            }
        }
        buffers.projected.resize(words * 2 * breadth, 0.0);
        let weights = matrix(sentence.block(Role::Words), width);
        let mut projected = matrix_mut(&mut buffers.projected, words);
        general_mat_mul(1.0, &matrix(&buffers.vectors, words), &weights, 0.0, &mut projected);
        for row in buffers.projected.chunks_exact_mut(2 * breadth) {
            row[breadth..].iter_mut().zip(sentence.block(Role::HiddenBias)).for_each(|(value, bias)| *value += bias);
        }
        buffers.distances.clear();
        buffers.distances.resize(2 * words * breadth, 0.0);
        let weights = sentence.block(Role::Distances);
        for (offset, row) in buffers.distances.chunks_exact_mut(breadth).enumerate() {
            for (feature, value) in distance_features(offset, words) {
                let weights = &weights[feature * breadth..][..breadth];
                row.iter_mut().zip(weights).for_each(|(row, weight)| *row += value * weight);
            }
        }
        sentence
    }

    fn spec(&self) -> &'a ProbeSpec {
        &self.probe.spec
    }

    fn block(&self, role: Role) -> &'a [f32] {
        self.probe.block(role)
    }

    /// The dependent's hidden units and logits.
    fn row(&self, dependent: usize, buffers: &mut Buffers) {
        let (words, breadth) = (self.input.words(), self.spec().breadth);
        let output = self.block(Role::Output);
        buffers.units.resize((words + 1) * breadth, 0.0);
        buffers.row.clear();
        let own = &buffers.projected[(2 * dependent + 1) * breadth..][..breadth];
        for (candidate, units) in buffers.units.chunks_exact_mut(breadth).enumerate() {
            let distance = &buffers.distances[offset(candidate, dependent, words) * breadth..][..breadth];
            let governor = (candidate < words).then(|| &buffers.projected[2 * candidate * breadth..][..breadth]);
            sum_units(units, own, distance, governor);
            buffers.row.push(activate(units, output));
        }
    }

    /// Takes the gradients of one dependent's logits back to X, Y, Z and the output weights.
    fn row_gradient(&self, dependent: usize, gradient: &mut [f32], buffers: &mut Buffers) {
        let (words, breadth) = (self.input.words(), self.spec().breadth);
        let output = self.block(Role::Output);
        let output_gradient = &mut gradient[self.probe.layout.range(Role::Output)];
        for (candidate, units) in buffers.units.chunks_exact_mut(breadth).enumerate() {
            activate_gradient(units, output, buffers.row[candidate], output_gradient);
            let distance = offset(candidate, dependent, words) * breadth;
            add(&mut buffers.distances_gradient[distance..][..breadth], units);
            add(&mut buffers.projected_gradient[(2 * dependent + 1) * breadth..][..breadth], units);
            if candidate < words {
                add(&mut buffers.projected_gradient[2 * candidate * breadth..][..breadth], units);
            }
        }
    }

    /// Adds the gradients of all weights but the output's.
    fn project_gradient(&self, gradient: &mut [f32], buffers: &mut Buffers) {
        let (words, breadth, layout) = (self.input.words(), self.spec().breadth, &self.probe.layout);
        let bias = &mut gradient[layout.range(Role::HiddenBias)];
        for row in buffers.projected_gradient.chunks_exact(2 * breadth) {
            add(bias, &row[breadth..]);
        }
        let distances = &mut gradient[layout.range(Role::Distances)];
        for (offset, row) in buffers.distances_gradient.chunks_exact(breadth).enumerate() {
            for (feature, value) in distance_features(offset, words) {
                let gradient = &mut distances[feature * breadth..][..breadth];
                gradient.iter_mut().zip(row).for_each(|(gradient, row)| *gradient += value * row);
            }
        }
        let mut weights = matrix_mut(&mut gradient[layout.range(Role::Words)], self.spec().vector_width);
        let vectors = matrix(&buffers.vectors, words);
        let projected = matrix(&buffers.projected_gradient, words);
        general_mat_mul(1.0, &vectors.t(), &projected, 1.0, &mut weights);
        debug_assert_eq!(weights.len_of(Axis(1)), 2 * breadth);
    }
}

/// The row of Z for a candidate and a dependent in a sentence of `words` words.
fn offset(candidate: usize, dependent: usize, words: usize) -> usize {
    if candidate == words { 2 * words - 1 } else { candidate + words - 1 - dependent }
}

/// The features of a row of Z that are not zero, with their values.
fn distance_features(offset: usize, words: usize) -> impl Iterator<Item = (usize, f32)> {
    let root = offset == 2 * words - 1;
    let distance = offset as isize - (words as isize - 1);
    let scaled = distance.unsigned_abs() as f32 / words as f32;
    let far = (!root && distance != 0).then_some((usize::from(distance < 0), scaled));
    let near = (!root && distance.unsigned_abs() <= 2).then_some(((distance + 4) as usize, 1.0));
    far.into_iter().chain(near).chain(root.then_some((ROOT_FEATURE, 1.0)))
}

const _: () = assert!(ROOT_FEATURE + 1 == DISTANCE_FEATURES);

fn matrix(values: &[f32], rows: usize) -> ArrayView2<'_, f32> {
    let columns = values.len().checked_div(rows).unwrap_or(0);
    ArrayView2::from_shape((rows, columns), values).expect("every block is a whole number of rows")
}

fn matrix_mut(values: &mut [f32], rows: usize) -> ArrayViewMut2<'_, f32> {
    let columns = values.len().checked_div(rows).unwrap_or(0);
    ArrayViewMut2::from_shape((rows, columns), values).expect("every block is a whole number of rows")
}

fn sum_units(units: &mut [f32], own: &[f32], distance: &[f32], governor: Option<&[f32]>) {
    for ((unit, own), distance) in units.iter_mut().zip(own).zip(distance) {
        *unit = own + distance;
    }
    if let Some(governor) = governor {
        add(units, governor);
    }
}

fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}

/// Units taken at a time in sums.
const LANES: usize = 16;

/// Replaces each unit by its tanh and returns their sum under the output weights.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn activate(units: &mut [f32], output: &[f32]) -> f32 {
    for unit in units.iter_mut() {
        *unit = tanh(*unit);
    }
    let (units, tail) = units.as_chunks::<LANES>();
    let (output, output_tail) = output.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (units, output) in units.iter().zip(output) {
        for lane in 0..LANES {
            sums[lane] += units[lane] * output[lane];
        }
    }
    let tail: f32 = tail.iter().zip(output_tail).map(|(unit, output)| unit * output).sum();
    sums.iter().sum::<f32>() + tail
}

/// Replaces each unit by the gradient of its input, and adds to the gradient of the output weights.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn activate_gradient(units: &mut [f32], output: &[f32], logit: f32, output_gradient: &mut [f32]) {
    for ((unit, output), gradient) in units.iter_mut().zip(output).zip(output_gradient) {
        *gradient += logit * *unit;
        *unit = logit * output * (1.0 - *unit * *unit);
    }
}
