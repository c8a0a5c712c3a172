//! Maps of layers, `[batch, 1, from, to]`: what of each piece enters each other one through all heads of a layer, or through all
//! layers so far (METHOD §12). The reference for those of the packed encoder: piece by piece, as they are defined.

use burn::prelude::*;

use super::{Layer, Norm, Weighed};
use crate::{Architecture, AttentionKind, Order};

/// The maps of the layers that were met so far.
pub(crate) struct Mixing<B: Backend> {
    kind: AttentionKind,
    /// The rollout up to the last layer.
    rollout: Option<Tensor<B, 4>>,
}

impl<B: Backend> Mixing<B> {
    /// Before the first layer.
    pub fn new(kind: AttentionKind) -> Self {
        Self { kind, rollout: None }
    }

    /// The maps of the next layer: of its heads, `[batch, head, from, to]`, or its own. `states` enter it.
    pub fn maps(
        &mut self,
        spec: &Architecture,
        layer: &Layer<B>,
        states: &Tensor<B, 3>,
        weighed: &Weighed<B>,
    ) -> Tensor<B, 4> {
        match self.kind {
            AttentionKind::Weights => weighed.weights.clone(),
            AttentionKind::Norms => layer.norms(weighed),
            AttentionKind::Rollout => {
                let rolled = roll(weighed, self.rollout.take());
                self.rollout = Some(rolled.clone());
                rolled
            }
            AttentionKind::ValueZeroing => layer.zero_values(spec, states, weighed),
            AttentionKind::GlobEnc => layer.lengths(spec, states, weighed),
        }
    }
}

/// (½·A + ½·I)·before, A the mean of the heads.
fn roll<B: Backend>(weighed: &Weighed<B>, before: Option<Tensor<B, 4>>) -> Tensor<B, 4> {
    let mean = weighed.weights.clone().mean_dim(1);
    let [_, _, pieces, _] = mean.dims();
    let own = Tensor::<B, 2>::eye(pieces, &mean.device()).reshape([1, 1, pieces, pieces]);
    let mixed = (mean + own) * 0.5;
    match before {
        Some(before) => mixed.matmul(before),
        None => mixed,
    }
}

impl<B: Backend> Layer<B> {
    /// The cosine distance between the output at `from` and what it is where the values of `to` are zero in all heads; rows
    /// divided by their sums (Mohebbi et al. 2023).
    fn zero_values(&self, spec: &Architecture, states: &Tensor<B, 3>, weighed: &Weighed<B>) -> Tensor<B, 4> {
        let [inputs, pieces, _] = states.dims();
        let (yielded, parts) = (self.mixed(weighed, None, spec), Parts::new(self, weighed));
        let direction = |output: Tensor<B, 3>| {
            let length = output.clone().square().sum_dim(2).sqrt().clamp_min(f32::MIN_POSITIVE);
            output / length
        };
        let whole = direction(self.follow(states.clone(), yielded.clone(), spec));
        let column = |to: usize| {
            let altered = self.follow(states.clone(), yielded.clone() - parts.taken(to), spec);
            // 1 − cos of two directions, in a form that keeps the digits of small angles.
            let distance = (whole.clone() - direction(altered)).square().sum_dim(2) * 0.5;
            distance.mask_fill(parts.unseen(to), 0.0)
        };
        let distances = Tensor::cat((0..pieces).map(column).collect(), 2);
        let sums = distances.clone().sum_dim(2).clamp_min(f32::MIN_POSITIVE);
        (distances / sums).reshape([inputs, 1, pieces, pieces])
    }

    /// The length of what `to` contributes to `from` through the heads and the residual connection and, where the layer
    /// normalises what it passes on, through its normalisations (Modarressi et al. 2022).
    fn lengths(&self, spec: &Architecture, states: &Tensor<B, 3>, weighed: &Weighed<B>) -> Tensor<B, 4> {
        let [inputs, pieces, _] = states.dims();
        let parts = Parts::new(self, weighed);
        let mut norms: Vec<(&Norm<B>, Tensor<B, 3>)> = Vec::new();
        if let Some(norm) = self.attention_norm.as_ref().filter(|_| spec.order == Order::Post) {
            let sum = states.clone() + self.mixed(weighed, None, spec);
            norms.push((norm, norm.spread(sum.clone(), spec.norm)));
            let normed = norm.forward(sum);
            let sum = normed.clone() + self.feed_forward(normed, spec.feed_forward.activation);
            norms.push((&self.output_norm, self.output_norm.spread(sum, spec.norm)));
        }
        let own = Tensor::<B, 2>::eye(pieces, &states.device());
        let column = |to: usize| {
            let own = states.clone() * own.clone().narrow(1, to, 1).reshape([1, pieces, 1]);
            let contribution = parts.taken(to) + own;
            let passed_on = norms.iter().fold(contribution, |part, (norm, spread)| norm.of_part(part, spread.clone()));
            passed_on.square().sum_dim(2).sqrt()
        };
        Tensor::cat((0..pieces).map(column).collect(), 2).reshape([inputs, 1, pieces, pieces])
    }
}

/// What each piece takes from each other one.
struct Parts<B: Backend> {
    /// `[batch, head, from, to]`.
    weights: Tensor<B, 4>,
    /// f(x) of each head, `[batch, head, to, breadth]`.
    transformed: Tensor<B, 4>,
}

impl<B: Backend> Parts<B> {
    fn new(layer: &Layer<B>, weighed: &Weighed<B>) -> Self {
        Self { weights: weighed.weights.clone(), transformed: layer.transformed(weighed) }
    }

    /// Of `to`, Σ α·f(x) over the heads: `[batch, from, breadth]`.
    fn taken(&self, to: usize) -> Tensor<B, 3> {
        let [inputs, heads, pieces, _] = self.weights.dims();
        let [_, _, _, breadth] = self.transformed.dims();
        let weights = self.weights.clone().narrow(3, to, 1).reshape([inputs, heads, pieces]).swap_dims(1, 2);
        weights.matmul(self.transformed.clone().narrow(2, to, 1).reshape([inputs, heads, breadth]))
    }

    /// Which pieces take nothing from `to`: `[batch, from, 1]`.
    fn unseen(&self, to: usize) -> Tensor<B, 3, Bool> {
        let [inputs, _, pieces, _] = self.weights.dims();
        self.weights.clone().narrow(3, to, 1).sum_dim(1).reshape([inputs, pieces, 1]).equal_elem(0.0)
    }
}
