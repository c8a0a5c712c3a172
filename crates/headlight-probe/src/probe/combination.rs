//! The probes that combine attention heads: attention-only, and attention + words.
//!
//! Both sum the maps of a sentence into two, `forward[a, b] = Σ_k w_k·α^k_ab` and `backward[a, b] = Σ_k u_k·α^k_ab`; the
//! logit of governor i for dependent j is `forward[i, j] + backward[j, i]`. With words w_k and u_k differ between pairs,
//! but W·(v_i ⊕ v_j) = W_a·v_i + W_b·v_j, so that only n × heads products with vectors are needed and no array of
//! n × n × 2d numbers. The gradients run the same way back.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::kernels::{
    PairGradients, PairWeights, pad_rows, padded, sum_maps, sum_maps_gradient, sum_weighted_maps,
    sum_weighted_maps_gradient,
};
use super::softmax::cross_entropy;
use super::{Input, Probe, ProbeForm, ProbeSpec, Role, RootScore};
use crate::arcs::candidate_of;

/// Buffers that live from sentence to sentence.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// Maps with padded rows, `[head, from, to]`.
    maps: Vec<f32>,
    /// Word vectors by position as dependents, `[position, vector]`; zero for special pieces and unknown words.
    dependents: Vec<f32>,
    /// Word vectors by position as candidates.
    candidates: Vec<f32>,
    /// `[part, head, position]`, parts as in [`Role::Words`].
    shares: Vec<f32>,
    share_gradients: Vec<f32>,
    /// `[from, to]`.
    forward: Vec<f32>,
    backward: Vec<f32>,
    forward_gradient: Vec<f32>,
    backward_gradient: Vec<f32>,
    /// ROOT's logit and its gradient for each dependent.
    root: Vec<f32>,
    /// The logits of one dependent's candidates, then their gradients.
    row: Vec<f32>,
}

/// The logits of a sentence, `[dependent, candidate]`.
pub(super) fn logits(probe: &Probe, input: &Input<'_>, buffers: &mut Buffers) -> Vec<f32> {
    let sentence = Maps::sum(probe, input, buffers);
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
    let sentence = Maps::sum(probe, input, buffers);
    for values in [&mut buffers.forward_gradient, &mut buffers.backward_gradient] {
        values.clear();
        values.resize(sentence.positions * sentence.stride, 0.0);
    }
    let words = input.words();
    let mut loss = 0.0;
    for (dependent, governor) in input.words.governors().iter().enumerate() {
        sentence.row(dependent, buffers);
        loss += cross_entropy(&mut buffers.row, dependent, candidate_of(*governor, words));
        let at = sentence.first + dependent;
        for candidate in 0..words {
            buffers.forward_gradient[(sentence.first + candidate) * sentence.stride + at] = buffers.row[candidate];
        }
        buffers.backward_gradient[at * sentence.stride + sentence.first..][..words]
            .copy_from_slice(&buffers.row[..words]);
        buffers.root[dependent] = buffers.row[words];
    }
    sentence.root_gradient(gradient, buffers);
    sentence.maps_gradient(gradient, buffers);
    loss
}

/// One sentence on its way through the probe.
struct Maps<'a> {
    probe: &'a Probe,
    input: &'a Input<'a>,
    /// Length of the maps' axes.
    positions: usize,
    /// Position of the first word.
    first: usize,
    /// Length of a row of the summed maps: `positions`, or more where rows are padded.
    stride: usize,
}

impl<'a> Maps<'a> {
    /// Fills `forward`, `backward` and `root`.
    fn sum(probe: &'a Probe, input: &'a Input<'a>, buffers: &mut Buffers) -> Self {
        let frame = &probe.spec.frame;
        let (positions, first) = (frame.positions(input.words()), frame.position(0));
        let stride = if probe.spec.form == ProbeForm::AttentionWords { padded(positions) } else { positions };
        for values in [&mut buffers.forward, &mut buffers.backward] {
            values.resize(positions * stride, 0.0);
        }
        let sentence = Self { probe, input, positions, first, stride };
        if probe.spec.form == ProbeForm::AttentionWords {
            sentence.sum_with_words(buffers);
        } else {
            let weights = sentence.block(Role::Heads);
            sum_maps(input.attention, weights, &mut buffers.forward, &mut buffers.backward);
        }
        sentence.sum_root(buffers);
        sentence
    }

    fn spec(&self) -> &'a ProbeSpec {
        &self.probe.spec
    }

    /// The positions of the special pieces.
    fn specials(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.first).chain(self.first + self.input.words()..self.positions)
    }

    /// The positions of the words.
    fn words(&self) -> Range<usize> {
        self.first..self.first + self.input.words()
    }

    fn block(&self, role: Role) -> &'a [f32] {
        self.probe.block(role)
    }

    /// The dependent's logits into `buffers.row`.
    fn row(&self, dependent: usize, buffers: &mut Buffers) {
        let words = self.input.words();
        let at = self.first + dependent;
        let backward = &buffers.backward[at * self.stride + self.first..][..words];
        let column = buffers.forward[self.first * self.stride + at..].iter().step_by(self.stride);
        buffers.row.clear();
        buffers.row.extend(backward.iter().zip(column).map(|(backward, forward)| backward + forward));
        buffers.row.push(buffers.root[dependent]);
    }

    fn sum_with_words(&self, buffers: &mut Buffers) {
        pad_rows(self.input.attention, self.positions, self.stride, &mut buffers.maps);
        self.gather_vectors(buffers);
        let heads = self.spec().grid().len();
        buffers.shares.clear();
        buffers.shares.resize(4 * heads * self.stride, 0.0);
        let words = self.words_matrix(self.block(Role::Words));
        let mut shares = self.shares_matrix(&mut buffers.shares);
        let (mut of_candidates, mut of_dependents) = shares.view_mut().split_at(ndarray::Axis(0), 2 * heads);
        let [candidates, dependents] = self.vector_matrices(&buffers.candidates, &buffers.dependents);
        general_mat_mul(1.0, &words.slice(s![.., ..2 * heads]).t(), &candidates.t(), 0.0, &mut of_candidates);
        general_mat_mul(1.0, &words.slice(s![.., 2 * heads..]).t(), &dependents.t(), 0.0, &mut of_dependents);
        if self.spec().bias {
            // Each direction's bias goes to the share of the map's rows: the candidate's in w, the dependent's in u.
            let (w, u) = self.block(Role::Heads).split_at(heads);
            let (first, last) = buffers.shares.split_at_mut(3 * heads * self.stride);
            for (shares, bias) in [(first, w), (last, u)] {
                for (share, bias) in shares.chunks_exact_mut(self.stride).zip(bias) {
                    share[..self.positions].iter_mut().for_each(|share| *share += bias);
                }
            }
        }
        let [row_forward, column_backward, column_forward, row_backward] = parts(&buffers.shares);
        let weights = PairWeights { row_forward, row_backward, column_forward, column_backward };
        sum_weighted_maps(&buffers.maps, self.stride, &weights, &mut buffers.forward, &mut buffers.backward);
    }

    /// Adds the gradients of all weights but ROOT's own, from those of `forward` and `backward`.
    fn maps_gradient(&self, gradient: &mut [f32], buffers: &mut Buffers) {
        let layout = &self.probe.layout;
        if self.spec().form == ProbeForm::AttentionOnly {
            let gradient = &mut gradient[layout.range(Role::Heads)];
            sum_maps_gradient(self.input.attention, &buffers.forward_gradient, &buffers.backward_gradient, gradient);
            return;
        }
        let heads = self.spec().grid().len();
        buffers.share_gradients.clear();
        buffers.share_gradients.resize(4 * heads * self.stride, 0.0);
        let [row_forward, column_backward, column_forward, row_backward] = parts_mut(&mut buffers.share_gradients);
        let mut gradients = PairGradients { row_forward, row_backward, column_forward, column_backward };
        let (forward, backward) = (&buffers.forward_gradient, &buffers.backward_gradient);
        sum_weighted_maps_gradient(&buffers.maps, self.stride, forward, backward, &mut gradients);
        if self.spec().bias {
            let [w, _, _, u] = parts(&buffers.share_gradients);
            let rows = w.chunks_exact(self.stride).chain(u.chunks_exact(self.stride));
            for (gradient, share) in gradient[layout.range(Role::Heads)].iter_mut().zip(rows) {
                *gradient += share[..self.positions].iter().sum::<f32>();
            }
        }
        let shares = self.shares_matrix(&mut buffers.share_gradients);
        let [candidates, dependents] = self.vector_matrices(&buffers.candidates, &buffers.dependents);
        let range = layout.range(Role::Words);
        let shape = (self.spec().vector_width, 4 * heads);
        let mut words = ArrayViewMut2::from_shape(shape, &mut gradient[range]).expect("the layout fixed the length");
        let (mut of_candidates, mut of_dependents) = words.view_mut().split_at(ndarray::Axis(1), 2 * heads);
        general_mat_mul(1.0, &candidates.t(), &shares.slice(s![..2 * heads, ..]).t(), 1.0, &mut of_candidates);
        general_mat_mul(1.0, &dependents.t(), &shares.slice(s![2 * heads.., ..]).t(), 1.0, &mut of_dependents);
    }

    /// ROOT's logit for every dependent.
    fn sum_root(&self, buffers: &mut Buffers) {
        buffers.root.clear();
        match self.spec().root {
            RootScore::SpecialScalars => {
                let scalars = self.block(Role::RootScalars);
                let (forward, backward) = (&buffers.forward, &buffers.backward);
                buffers.root.extend(self.words().map(|at| {
                    let of =
                        |special: usize| forward[special * self.stride + at] + backward[at * self.stride + special];
                    scalars.iter().zip(self.specials()).map(|(scalar, special)| scalar * of(special)).sum::<f32>()
                }));
            }
            RootScore::OwnWeights => {
                buffers.root.resize(self.input.words(), self.block(Role::RootBias)[0]);
                let (from, to) = halves(self.block(Role::RootHeads));
                let heads = self.spec().grid().len();
                for (head, map) in self.input.attention.chunks_exact(self.positions * self.positions).enumerate() {
                    for (at, root) in self.words().zip(&mut buffers.root) {
                        let of = |weights: &[f32], start: usize, step: usize| {
                            let factors = weights.iter().skip(head).step_by(heads);
                            factors
                                .zip(self.specials())
                                .map(|(factor, at)| factor * map[start + at * step])
                                .sum::<f32>()
                        };
                        *root += of(from, at, self.positions) + of(to, at * self.positions, 1);
                    }
                }
                for (root, vector) in buffers.root.iter_mut().zip(self.word_vectors()) {
                    *root += vector.iter().zip(self.block(Role::RootWords)).map(|(a, b)| a * b).sum::<f32>();
                }
            }
        }
    }

    /// Adds the gradients of ROOT's parameters; with [`RootScore::SpecialScalars`] also passes them on to the summed
    /// maps. On entry `buffers.root` holds the gradient of ROOT's logit for each dependent.
    fn root_gradient(&self, gradient: &mut [f32], buffers: &mut Buffers) {
        let layout = &self.probe.layout;
        match self.spec().root {
            RootScore::SpecialScalars => {
                let gradient = &mut gradient[layout.range(Role::RootScalars)];
                for (special, (scalar, gradient)) in
                    self.specials().zip(self.block(Role::RootScalars).iter().zip(gradient))
                {
                    for (at, root) in self.words().zip(&buffers.root) {
                        let (to, from) = (special * self.stride + at, at * self.stride + special);
                        *gradient += root * (buffers.forward[to] + buffers.backward[from]);
                        buffers.forward_gradient[to] = scalar * root;
                        buffers.backward_gradient[from] = scalar * root;
                    }
                }
            }
            RootScore::OwnWeights => {
                gradient[layout.range(Role::RootBias)][0] += buffers.root.iter().sum::<f32>();
                let heads = self.spec().grid().len();
                let weights = &mut gradient[layout.range(Role::RootHeads)];
                for (head, map) in self.input.attention.chunks_exact(self.positions * self.positions).enumerate() {
                    let from = self.specials().map(|special| (special * self.positions, 1));
                    let to = self.specials().map(|special| (special, self.positions));
                    for ((start, step), weight) in from.chain(to).zip(weights.iter_mut().skip(head).step_by(heads)) {
                        let values = self.words().zip(&buffers.root).map(|(at, root)| root * map[start + at * step]);
                        *weight += values.sum::<f32>();
                    }
                }
                let gradient = &mut gradient[layout.range(Role::RootWords)];
                for (root, vector) in buffers.root.iter().zip(self.word_vectors()) {
                    gradient.iter_mut().zip(vector).for_each(|(gradient, value)| *gradient += root * value);
                }
            }
        }
    }

    /// The vector of each word; empty for an unknown word and in probes without words.
    fn word_vectors(&self) -> impl Iterator<Item = &'a [f32]> {
        let input = self.input;
        let reads = self.spec().reads_vectors();
        (0..input.words()).map(move |word| if reads { input.vector(word).unwrap_or(&[]) } else { &[] })
    }

    fn gather_vectors(&self, buffers: &mut Buffers) {
        let width = self.spec().vector_width;
        for values in [&mut buffers.dependents, &mut buffers.candidates] {
            values.clear();
            values.resize(self.positions * width, 0.0);
        }
        for (at, vector) in (self.first..).zip(self.word_vectors()) {
            buffers.dependents[at * width..][..vector.len()].copy_from_slice(vector);
        }
        if !self.spec().shifted_candidate_vectors {
            buffers.candidates.copy_from_slice(&buffers.dependents);
            return;
        }
        // Each word as a candidate has the vector of the next one, ROOT (made of the special pieces) that of the first.
        let last = self.positions - 1;
        buffers.candidates[..last * width].copy_from_slice(&buffers.dependents[width..]);
        let first = &buffers.dependents[self.first * width..][..width];
        for special in self.specials() {
            buffers.candidates[special * width..][..width].copy_from_slice(first);
        }
    }

    fn words_matrix<'b>(&self, words: &'b [f32]) -> ArrayView2<'b, f32> {
        let shape = (self.spec().vector_width, 4 * self.spec().grid().len());
        ArrayView2::from_shape(shape, words).expect("the layout fixed the length")
    }

    /// Candidates and dependents, each `[position, vector]`.
    fn vector_matrices<'b>(&self, candidates: &'b [f32], dependents: &'b [f32]) -> [ArrayView2<'b, f32>; 2] {
        let shape = (self.positions, self.spec().vector_width);
        [candidates, dependents]
            .map(|vectors| ArrayView2::from_shape(shape, vectors).expect("they were resized to this shape"))
    }

    /// `[part × head, position]` without the padding.
    fn shares_matrix<'b>(&self, shares: &'b mut [f32]) -> ArrayViewMut2<'b, f32> {
        let whole = ArrayViewMut2::from_shape((4 * self.spec().grid().len(), self.stride), shares);
        whole.expect("they were resized to this shape").slice_move(s![.., ..self.positions])
    }
}

/// Two equal parts.
fn halves(values: &[f32]) -> (&[f32], &[f32]) {
    values.split_at(values.len() / 2)
}

/// Four equal parts.
fn parts(values: &[f32]) -> [&[f32]; 4] {
    let (first, last) = values.split_at(values.len() / 2);
    let (a, b) = first.split_at(values.len() / 4);
    let (c, d) = last.split_at(values.len() / 4);
    [a, b, c, d]
}

/// Four equal parts, to write.
fn parts_mut(values: &mut [f32]) -> [&mut [f32]; 4] {
    let quarter = values.len() / 4;
    let (first, last) = values.split_at_mut(2 * quarter);
    let (a, b) = first.split_at_mut(quarter);
    let (c, d) = last.split_at_mut(quarter);
    [a, b, c, d]
}
