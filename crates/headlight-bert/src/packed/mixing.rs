//! Maps of layers: what of each piece enters each other one through all heads of a layer, or through all layers so far
//! (METHOD §12).
//!
//! What a piece takes from another in a layer is Σ α·f(x) over the heads, with f(x) = (x·W_V + b_V)·W_O of one head. So the
//! values of a piece are taken away by a difference of what attention yielded, and attention is computed once. Everything here is
//! of one sentence, so that it depends on no other.

use std::ops::Range;

use super::{
    CHUNK, PackedEncoder, Turn,
    attention::Head,
    layer::{Destination, Projection, Strided, multiply},
    norms::transform,
    output::{MapScratch, Output},
    rows::{add_bias, normalise},
    scratch::Buffer,
};
use crate::{AttentionKind, LayerNorm, Norm, NormKind, Order, architecture::View};

/// What the heads of a layer did on a sentence, gathered head by head.
#[derive(Default)]
pub(crate) struct Gathered {
    /// `[from][to]`: the weights of one head.
    map: Buffer,
    /// `[to][from][head]`: the weights of all; for the rollout `[from][to]`, their mean.
    weights: Buffer,
    /// `[head][to][breadth]`: f(x).
    transformed: Buffer,
}

/// Room for what is made of it.
#[derive(Default)]
pub(crate) struct MixingScratch {
    pub gathered: Gathered,
    /// `[piece][breadth]`: the output of the layer.
    whole: Buffer,
    /// `[piece][breadth]`: what an altered layer starts from.
    base: Buffer,
    /// `[row][breadth]`: rows of altered layers, or contributions.
    altered: Buffer,
}

/// What of a layer's turn on one sentence is at hand once its heads are done.
#[derive(Clone, Copy)]
pub(crate) struct Sentence<'a> {
    /// `[piece][breadth]`: what enters the layer.
    pub states: &'a [f32],
    /// `[piece][heads]`: what its heads yield.
    pub contexts: &'a [f32],
}

/// Room that a layer's blocks need, as in a chunk.
pub(crate) struct Room<'a> {
    pub map: &'a mut MapScratch,
    pub expanded: &'a mut Buffer,
    pub normed: &'a mut Buffer,
}

impl Gathered {
    /// Has `compute` write the weights of a head of so many, and keeps what `kind` needs of it. Heads come in order.
    pub(crate) fn head(
        &mut self,
        kind: AttentionKind,
        (head, heads): (Head<'_>, usize),
        output: &Projection,
        compute: impl FnOnce(&mut [f32]),
    ) {
        let (pieces, breadth) = (head.pieces(), output.outputs);
        let map = self.map.slice(pieces * pieces);
        compute(map);
        if kind == AttentionKind::Rollout {
            let mean = self.weights.slice(pieces * pieces);
            if head.index == 0 {
                mean.fill(0.0);
            }
            let share = 1.0 / heads as f32;
            mean.iter_mut().zip(map).for_each(|(mean, weight)| *mean += share * *weight);
            return;
        }
        let weights = self.weights.slice(pieces * pieces * heads);
        for (from, row) in map.chunks_exact(pieces).enumerate() {
            for (to, weight) in row.iter().enumerate() {
                weights[(to * pieces + from) * heads + head.index] = *weight;
            }
        }
        let area = pieces * breadth;
        transform(head, output, &mut self.transformed.slice(heads * area)[head.index * area..][..area]);
    }

    /// Writes what each of the pieces `from` takes from piece `to`: Σ α·f(x), `[from][breadth]`.
    fn taken(&mut self, to: usize, from: Range<usize>, [pieces, heads, breadth]: [usize; 3], out: &mut [f32]) {
        let weights = &self.weights.slice(pieces * pieces * heads)[(to * pieces + from.start) * heads..];
        let transformed = &self.transformed.slice(heads * pieces * breadth)[to * breadth..];
        let weights = Strided { values: weights, stride: heads };
        let transformed = Strided { values: transformed, stride: pieces * breadth };
        multiply(weights, transformed, [from.len(), heads, breadth], out, Destination::Overwrite);
    }
}

impl PackedEncoder {
    /// The map of a layer on one sentence, whose heads were gathered, to `output`.
    pub(super) fn mix(
        &self,
        kind: AttentionKind,
        turn: &Turn<'_>,
        sentence: Sentence<'_>,
        scratch: &mut MixingScratch,
        room: Room<'_>,
        output: &mut Output<'_>,
    ) {
        let Room { map, expanded, normed } = room;
        let pieces = output.input.len();
        match kind {
            AttentionKind::Rollout => {
                let mut before = std::mem::take(&mut output.rollout);
                output.map(turn.index, map, |map| {
                    roll(scratch.gathered.weights.slice(pieces * pieces), &before, map, pieces);
                    before.clear();
                    before.extend_from_slice(map);
                });
                output.rollout = before;
            }
            AttentionKind::ValueZeroing => output.map(turn.index, map, |map| {
                self.zero_values(turn, sentence, scratch, [expanded, normed], map);
            }),
            AttentionKind::GlobEnc => output.map(turn.index, map, |map| {
                self.lengths(turn, sentence, scratch, expanded, map);
            }),
            AttentionKind::Weights | AttentionKind::Norms => {}
        }
    }

    /// map `[from][to]` ← the cosine distance between the output of the layer at `from` and what it would be without the values
    /// of `to`, divided by the sum of the row.
    fn zero_values(
        &self,
        turn: &Turn<'_>,
        Sentence { states, contexts }: Sentence<'_>,
        scratch: &mut MixingScratch,
        [expanded, normed]: [&mut Buffer; 2],
        map: &mut [f32],
    ) {
        let MixingScratch { gathered, whole, base, altered } = scratch;
        let (layer, breadth, heads) = (turn.layer, self.spec.breadth, self.spec.grid.heads);
        let (pieces, view) = (states.len() / breadth, self.view(turn));
        let whole = whole.slice(states.len());
        whole.copy_from_slice(states);
        self.blocks(layer, contexts, whole, expanded, normed);
        let base = base.slice(states.len());
        // What the feed-forward block reads, where the two blocks go in turn; beside it, where they go in parallel.
        let in_turn = self.spec.order != Order::Parallel;
        base.copy_from_slice(if in_turn { states } else { &*whole });
        if in_turn {
            layer.attention_output.multiply(contexts, base, breadth, Destination::Add);
        }
        map.fill(0.0);
        // As many pieces at a time as fill a chunk with the rows that see them.
        let step = (CHUNK / pieces).max(1);
        for start in (0..pieces).step_by(step) {
            let block = start..(start + step).min(pieces);
            let rows: usize = block.clone().map(|to| view.seeing(to, pieces).len()).sum();
            let altered = altered.slice(rows * breadth);
            let mut rest = &mut *altered;
            for to in block.clone() {
                let from = view.seeing(to, pieces);
                let (own, others) = rest.split_at_mut(from.len() * breadth);
                gathered.taken(to, from.clone(), [pieces, heads, breadth], own);
                let base = &base[from.start * breadth..from.end * breadth];
                own.iter_mut().zip(base).for_each(|(taken, base)| *taken = base - *taken);
                rest = others;
            }
            if in_turn {
                self.follow(layer, altered, expanded, normed);
            }
            let mut rows = altered.chunks_exact(breadth);
            for to in block {
                for (from, row) in view.seeing(to, pieces).zip(&mut rows) {
                    map[from * pieces + to] = cosine_distance(&whole[from * breadth..][..breadth], row);
                }
            }
        }
        map.chunks_exact_mut(pieces).for_each(|row| {
            let sum: f32 = row.iter().sum();
            if sum > 0.0 {
                row.iter_mut().for_each(|distance| *distance /= sum);
            }
        });
    }

    /// map `[from][to]` ← the length of what `to` contributes to `from` through the heads and the residual connection; where the
    /// layer normalises what it passes on, through its normalisations, each with the spread of the sum that it normalises.
    fn lengths(
        &self,
        turn: &Turn<'_>,
        Sentence { states, contexts }: Sentence<'_>,
        scratch: &mut MixingScratch,
        expanded: &mut Buffer,
        map: &mut [f32],
    ) {
        let MixingScratch { gathered, base, altered, .. } = scratch;
        let (layer, breadth, heads) = (turn.layer, self.spec.breadth, self.spec.grid.heads);
        let (pieces, view, shape) = (states.len() / breadth, self.view(turn), self.spec.norm);
        let mut norms: Vec<(&LayerNorm, Vec<f32>)> = Vec::new();
        if let Some(norm) = layer.attention_norm.as_ref().filter(|_| self.spec.order == Order::Post) {
            let sums = base.slice(states.len());
            sums.copy_from_slice(states);
            layer.attention_output.multiply(contexts, sums, breadth, Destination::Add);
            add_bias(self.set, sums, &layer.attention_output.bias);
            norms.push((norm, scales(sums, breadth, shape)));
            normalise(self.set, sums, None, norm, shape);
            self.feed_forward(layer, None, sums, expanded);
            add_bias(self.set, sums, &layer.contract.bias);
            norms.push((&layer.output_norm, scales(sums, breadth, shape)));
        }
        map.fill(0.0);
        for to in 0..pieces {
            let from = view.seeing(to, pieces);
            let contributions = altered.slice(from.len() * breadth);
            gathered.taken(to, from.clone(), [pieces, heads, breadth], contributions);
            for (from, contribution) in from.zip(contributions.chunks_exact_mut(breadth)) {
                if from == to {
                    let own = &states[from * breadth..][..breadth];
                    contribution.iter_mut().zip(own).for_each(|(taken, own)| *taken += own);
                }
                norms.iter().for_each(|(norm, scales)| rescale(contribution, norm, scales[from], shape));
                let [squares] = sums(contribution, contribution, |x, _| [x * x]);
                map[from * pieces + to] = squares.sqrt() as f32;
            }
        }
    }

    fn view(&self, turn: &Turn<'_>) -> View {
        self.spec.attention.of_layer(turn.index).view
    }
}

/// map ← (½·mean + ½·I)·before, all `[from][to]`; in the first layer there is nothing before.
fn roll(mean: &mut [f32], before: &[f32], map: &mut [f32], pieces: usize) {
    mean.iter_mut().for_each(|weight| *weight *= 0.5);
    mean.iter_mut().step_by(pieces + 1).for_each(|own| *own += 0.5);
    if before.is_empty() {
        map.copy_from_slice(mean);
    } else {
        let square = |values| Strided { values, stride: pieces };
        multiply(square(mean), square(before), [pieces; 3], map, Destination::Overwrite);
    }
}

/// 1 − cos of the angle between two states; 0 where one is zeros.
fn cosine_distance(a: &[f32], b: &[f32]) -> f32 {
    let [products, of_a, of_b] = sums(a, b, |a, b| [a * b, a * a, b * b]);
    let lengths = (of_a * of_b).sqrt();
    if lengths > 0.0 { (1.0 - products / lengths).max(0.0) as f32 } else { 0.0 }
}

/// For each row what a normalisation multiplies it with, before its weights: 1 / √(variance + ε), or of the mean of squares.
fn scales(rows: &[f32], width: usize, shape: Norm) -> Vec<f32> {
    let scale = |row: &[f32]| {
        let mean = mean(row, shape);
        let [squares] = sums(row, row, |x, _| [(x - mean) * (x - mean)]);
        (1.0 / (squares / width as f64 + f64::from(shape.epsilon)).sqrt()) as f32
    };
    rows.chunks_exact(width).map(scale).collect()
}

/// A normalisation of a part of a sum, with the scale of the whole and without the shift, so that parts add up to the whole.
fn rescale(row: &mut [f32], norm: &LayerNorm, scale: f32, shape: Norm) {
    let mean = mean(row, shape) as f32;
    row.iter_mut().zip(&norm.weight).for_each(|(x, weight)| *x = (*x - mean) * scale * weight);
}

/// What a normalisation takes off a row.
fn mean(row: &[f32], shape: Norm) -> f64 {
    match shape.kind {
        NormKind::Layer => sums(row, row, |x, _| [x])[0] / row.len() as f64,
        NormKind::Rms => 0.0,
    }
}

/// Sums over two rows of one length, in f64 and several lanes.
fn sums<const N: usize>(a: &[f32], b: &[f32], terms: impl Fn(f64, f64) -> [f64; N]) -> [f64; N] {
    const LANES: usize = 8;
    let mut lanes = [[0.0; LANES]; N];
    let mut add = |lane: usize, a: f32, b: f32| {
        let terms = terms(f64::from(a), f64::from(b));
        lanes.iter_mut().zip(terms).for_each(|(sums, term)| sums[lane] += term);
    };
    let (blocks_of_a, blocks_of_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = blocks_of_a.remainder().iter().zip(blocks_of_b.remainder());
    for (a, b) in blocks_of_a.zip(blocks_of_b) {
        (0..LANES).for_each(|lane| add(lane, a[lane], b[lane]));
    }
    rest.for_each(|(a, b)| add(0, *a, *b));
    lanes.map(|lanes| lanes.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_roll(mean: &[f32], before: &[f32], pieces: usize, expected: &[f32]) {
        let (mut mean, mut map) = (mean.to_vec(), vec![f32::NAN; pieces * pieces]);
        roll(&mut mean, before, &mut map, pieces);
        assert_eq!(map, expected);
    }

    #[test]
    fn a_rollout_is_half_of_what_was_and_half_of_what_is_attended_to() {
        let own = [1.0, 0.0, 0.0, 1.0];
        check_roll(&own, &[], 2, &own);
        check_roll(&own, &own, 2, &own);
        check_roll(&[0.0, 1.0, 0.5, 0.5], &[], 2, &[0.5, 0.5, 0.25, 0.75]);
        check_roll(&[0.0, 1.0, 0.5, 0.5], &[0.5, 0.5, 0.0, 1.0], 2, &[0.25, 0.75, 0.125, 0.875]);
    }

    #[test]
    fn distances_are_those_of_directions() {
        assert_eq!(cosine_distance(&[3.0, 4.0], &[6.0, 8.0]), 0.0);
        assert_eq!(cosine_distance(&[1.0, 0.0], &[0.0, 2.0]), 1.0);
        assert_eq!(cosine_distance(&[1.0, 0.0], &[-1.0, 0.0]), 2.0);
        assert_eq!(cosine_distance(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
        // Small angles keep their digits: 1 − cos x is x²/2.
        let small = cosine_distance(&[1.0, 0.0], &[1.0, 1e-4]);
        assert!((small / 5e-9 - 1.0).abs() < 1e-4, "{small}");
    }

    #[test]
    fn parts_of_a_sum_are_normalised_to_parts_of_what_it_becomes() {
        let norm = LayerNorm { weight: vec![2.0, 0.5, -1.0], bias: vec![0.0; 3] };
        let parts = [[1.0, 2.0, 4.0], [0.5, -3.0, 0.25]];
        let sum: Vec<f32> = (0..3).map(|column| parts[0][column] + parts[1][column]).collect();
        for kind in [NormKind::Layer, NormKind::Rms] {
            let shape = Norm { kind, epsilon: 1e-3, bias: false };
            let scale = scales(&sum, 3, shape)[0];
            let parts = parts.map(|mut part| {
                rescale(&mut part, &norm, scale, shape);
                part
            });
            let mut whole = sum.clone();
            normalise(super::super::InstructionSet::best(), &mut whole, None, &norm, shape);
            for column in 0..3 {
                assert!((parts[0][column] + parts[1][column] - whole[column]).abs() < 1e-6, "{kind:?} {column}");
            }
        }
    }
}
