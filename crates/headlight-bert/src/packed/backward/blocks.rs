//! What follows attention in a layer, there and back.

use super::{
    super::{
        Layer, PackedEncoder,
        layer::{Destination, Strided},
        rows::{activate, activate_gates, add_bias, normalise},
    },
    add,
    rows::{activate_back, normalise_back},
};
use crate::Order;

/// What is kept of the blocks of a layer for the way back.
pub(super) struct Blocks {
    /// `[row][breadth]`: what is normalised for the feed-forward block to read.
    read: Vec<f32>,
    /// `[row][columns]`: what enters the activation, without its bias.
    expanded: Vec<f32>,
    /// `[row][breadth]`: what is normalised last, where the layer ends so.
    sum: Option<Vec<f32>>,
}

impl Blocks {
    /// states `[row][breadth]` ← what a layer makes of them and of its contexts `[row][heads]`.
    pub(super) fn forward(encoder: &PackedEncoder, layer: &Layer, contexts: &[f32], states: &mut [f32]) -> Self {
        let (set, spec) = (encoder.set, &encoder.spec);
        let attend = |states: &mut [f32]| {
            layer.attention_output.multiply(contexts, states, spec.breadth, Destination::Add);
            add_bias(set, states, &layer.attention_output.bias);
        };
        let parallel = spec.order == Order::Parallel;
        if !parallel {
            attend(states);
        }
        let read = states.to_vec();
        let mut input = states.to_vec();
        let post = layer.attention_norm.as_ref().filter(|_| spec.order == Order::Post);
        normalise(set, &mut input, None, post.unwrap_or(&layer.output_norm), spec.norm);
        if post.is_some() {
            states.copy_from_slice(&input);
        }
        if parallel {
            attend(states);
        }
        let (columns, activation) = (layer.expand.outputs, spec.feed_forward.activation);
        let mut expanded = vec![0.0; states.len() / spec.breadth * columns];
        layer.expand.multiply(&input, &mut expanded, columns, Destination::Overwrite);
        let mut active = expanded.clone();
        let activate = if layer.gated { activate_gates } else { activate };
        activate(set, &mut active, &layer.expand.bias, activation);
        let rows = Strided { values: &active, stride: columns };
        layer.contract.multiply_strided(rows, states, spec.breadth, Destination::Add);
        add_bias(set, states, &layer.contract.bias);
        let sum = post.map(|_| states.to_vec());
        if post.is_some() {
            normalise(set, states, None, &layer.output_norm, spec.norm);
        }
        Self { read, expanded, sum }
    }

    /// The gradient of the contexts `[row][heads]`, out of that of the states that leave the layer, `[row][breadth]`, which
    /// becomes that of the states that enter its blocks.
    pub(super) fn back(self, encoder: &PackedEncoder, layer: &Layer, states: &mut [f32]) -> Vec<f32> {
        let (set, spec) = (encoder.set, &encoder.spec);
        let Self { read, mut expanded, sum } = self;
        if let Some(sum) = &sum {
            normalise_back(set, sum, states, &layer.output_norm, spec.norm);
        }
        let inner = layer.contract.multiply_back(states, spec.breadth);
        let (bias, activation) = (&layer.expand.bias, spec.feed_forward.activation);
        activate_back(set, &mut expanded, bias, &inner, activation, layer.gated);
        let mut input = layer.expand.multiply_back(&expanded, layer.expand.outputs);
        let contexts = |states: &[f32]| layer.attention_output.multiply_back(states, spec.breadth);
        let of_parallel = (spec.order == Order::Parallel).then(|| contexts(states));
        match layer.attention_norm.as_ref().filter(|_| sum.is_some()) {
            Some(norm) => {
                // What the block read also goes on beside it.
                add(&mut input, states);
                normalise_back(set, &read, &mut input, norm, spec.norm);
                states.copy_from_slice(&input);
            }
            None => {
                normalise_back(set, &read, &mut input, &layer.output_norm, spec.norm);
                add(states, &input);
            }
        }
        of_parallel.unwrap_or_else(|| contexts(states))
    }
}
