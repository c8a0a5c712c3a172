//! The encoder in burn, generic over the backend: the reference for every other one.
//!
//! Axes: `[batch, piece, width]` for states, `[batch, head, from, to]` for attention. Linear layers and the two products of
//! attention may be in reduced precision: their factors are rounded to it, their results come back in f32. All else is f32.

mod distances;
mod mixing;
mod modules;
mod places;

use burn::{
    nn,
    prelude::*,
    tensor::{FloatDType, activation},
};

use crate::{
    Activation, Architecture, BertWeights, Order, Positions,
    architecture::{LayerAttention, Step},
    batch::Batch,
    weights::LayerWeights,
};
use distances::Distances;
pub(crate) use mixing::Mixing;
pub(crate) use modules::{Norm, activate, cast, linear, tensor};
use modules::{embedding, project};
use places::Places;

/// The modules of an encoder, without heads.
pub(crate) struct Bert<B: Backend> {
    words: nn::Embedding<B>,
    positions: Option<nn::Embedding<B>>,
    segments: Option<nn::Embedding<B>>,
    norm: Option<Norm<B>>,
    projection: Option<nn::Linear<B>>,
    layers: Vec<Layer<B>>,
    final_norm: Option<Norm<B>>,
    distances: Distances<B>,
}

/// One layer.
pub(crate) struct Layer<B: Backend> {
    query: nn::Linear<B>,
    key: nn::Linear<B>,
    value: nn::Linear<B>,
    query_norm: Option<Norm<B>>,
    key_norm: Option<Norm<B>>,
    /// Queries and keys of distances, `[1, head, bucket, width]`.
    distance_queries: Option<Tensor<B, 4>>,
    distance_keys: Option<Tensor<B, 4>>,
    attention_output: nn::Linear<B>,
    attention_norm: Option<Norm<B>>,
    gate: Option<nn::Linear<B>>,
    intermediate: nn::Linear<B>,
    output: nn::Linear<B>,
    output_norm: Norm<B>,
}

/// What is changed inside the attention of one layer: values are weighted with `keep·α + add`, and each head's output is
/// multiplied by `gate`. Each is broadcast to `[batch, head, from, to]` or, for the gate, `[batch, head, piece, width]`.
#[derive(Clone, Debug)]
pub(crate) struct Intervention<B: Backend> {
    pub keep: Option<Tensor<B, 4>>,
    pub add: Option<Tensor<B, 4>>,
    pub gate: Option<Tensor<B, 4>>,
}

impl<B: Backend> Default for Intervention<B> {
    fn default() -> Self {
        Self { keep: None, add: None, gate: None }
    }
}

/// What the attention of one layer did.
pub(crate) struct Weighed<B: Backend> {
    /// The weights that the values were weighted with, `[batch, head, from, to]`.
    pub weights: Tensor<B, 4>,
    /// The values, `[batch, head, piece, width of a head]`.
    pub values: Tensor<B, 4>,
}

/// What the walk through an encoder meets, in order.
pub(crate) enum Met<'a, B: Backend> {
    /// The hidden states that enter the first layer, or that leave one: `[batch, piece, breadth]`.
    States(&'a Tensor<B, 3>),
    /// A layer, the states that enter it, `[batch, piece, breadth]`, and what its attention did.
    Attention(&'a Layer<B>, &'a Tensor<B, 3>, &'a Weighed<B>),
}

/// What one layer's attention goes by.
struct Sight<'a, B: Backend> {
    /// What logits are multiplied with.
    scale: f32,
    heads: usize,
    batch: &'a Batch<B>,
    places: &'a Places<B>,
    distances: &'a Distances<B>,
    /// [`Distances::rows`] of the batch.
    rows: Option<&'a Tensor<B, 4, Int>>,
}

impl<B: Backend> Bert<B> {
    /// Moves the weights onto a device, those of linear layers in the precision of products.
    pub fn new(weights: BertWeights, spec: &Architecture, device: &B::Device, products: FloatDType) -> Self {
        let BertWeights { embeddings, layers, final_norm, masked_lm: _ } = weights;
        let width = spec.embedding.width;
        let table = |rows: usize, values: Vec<f32>| embedding(values, [rows, width], device);
        let distances = Distances::new(&embeddings, spec, device);
        let layer = |layer| Layer::new(layer, &embeddings.relative, spec, device, products);
        Self {
            layers: layers.into_iter().map(layer).collect(),
            words: table(spec.vocabulary, embeddings.words),
            positions: match spec.embedding.positions {
                Positions::Learned { rows, .. } => Some(table(rows, embeddings.positions)),
                Positions::InAttention { .. } => None,
            },
            segments: (spec.embedding.segments > 0).then(|| table(spec.embedding.segments, embeddings.segments)),
            norm: embeddings.norm.map(|norm| Norm::new(norm, spec.norm, device)),
            projection: embeddings.projection.map(|projection| linear(projection, device, products)),
            final_norm: final_norm.map(|norm| Norm::new(norm, spec.norm, device)),
            distances,
        }
    }

    /// The input of the first layer, `[batch, piece, breadth]`.
    fn embed(&self, spec: &Architecture, batch: &Batch<B>) -> Tensor<B, 3> {
        let [_, pieces] = batch.ids.dims();
        let mut sum = self.words.forward(batch.ids.clone());
        if let Some(segments) = &self.segments {
            let last = spec.embedding.segments as i64 - 1;
            sum = sum + segments.forward(batch.segments.clone().clamp_max(last));
        }
        if let (Some(positions), Positions::Learned { offset, .. }) = (&self.positions, spec.embedding.positions) {
            let first = offset as i64;
            let places = Tensor::arange(first..first + pieces as i64, &batch.ids.device()).unsqueeze::<2>();
            sum = sum + positions.forward(places);
        }
        if let Some(norm) = &self.norm {
            sum = norm.forward(sum);
        }
        match &self.projection {
            Some(projection) => {
                let products = projection.weight.val().dtype().into();
                cast(project(projection, cast(sum, products)), FloatDType::F32)
            }
            None => sum,
        }
    }

    /// Walks through the layers and shows `see` what is met. Each layer's attention is changed as `intervene` says. The
    /// states after the last layer are computed where `with_states` are wanted; returned are the last that were.
    pub fn walk(
        &self,
        spec: &Architecture,
        batch: &Batch<B>,
        with_states: bool,
        intervene: impl Fn(usize) -> Intervention<B>,
        mut see: impl FnMut(Met<'_, B>),
    ) -> Tensor<B, 3> {
        let mut states = self.embed(spec, batch);
        see(Met::States(&states));
        let rows = self.distances.rows(batch);
        let mut known: Vec<(LayerAttention<'_>, Places<B>)> = Vec::new();
        for Step { layer: number, stored, ends_at_attention } in spec.walk(with_states) {
            let (layer, intervention) = (&self.layers[stored], intervene(number));
            let attention = spec.attention.of_layer(number);
            let alike = |known: &LayerAttention<'_>| known.view == attention.view && known.rotary == attention.rotary;
            let found = known.iter().position(|(of_layer, _)| alike(of_layer)).unwrap_or_else(|| {
                known.push((attention, Places::new(attention, batch)));
                known.len() - 1
            });
            let sight = Sight {
                scale: attention.scale,
                heads: spec.grid.heads,
                batch,
                places: &known[found].1,
                distances: &self.distances,
                rows: rows.as_ref(),
            };
            let input = match &layer.attention_norm {
                Some(norm) if spec.normalises_input(number) => norm.forward(states.clone()),
                _ => states.clone(),
            };
            let weighed = layer.attend(input, &sight, &intervention);
            see(Met::Attention(layer, &states, &weighed));
            if !ends_at_attention {
                states = layer.follow(states, layer.mixed(&weighed, intervention.gate.as_ref(), spec), spec);
                if let Some(norm) = self.final_norm.as_ref().filter(|_| number + 1 == spec.grid.layers) {
                    states = norm.forward(states);
                }
                see(Met::States(&states));
            }
        }
        states
    }
}

impl<B: Backend> Layer<B> {
    fn new(
        weights: LayerWeights,
        distances: &[f32],
        spec: &Architecture,
        device: &B::Device,
        products: FloatDType,
    ) -> Self {
        let [distance_queries, distance_keys] = distances::projected(&weights, distances, spec, device, products);
        let linear = |weights| linear(weights, device, products);
        let norm = |weights| Norm::new(weights, spec.norm, device);
        Self {
            query: linear(weights.query),
            key: linear(weights.key),
            value: linear(weights.value),
            query_norm: weights.query_norm.map(norm),
            key_norm: weights.key_norm.map(norm),
            distance_queries,
            distance_keys,
            attention_output: linear(weights.attention_output),
            attention_norm: weights.attention_norm.map(norm),
            gate: weights.gate.map(linear),
            intermediate: linear(weights.intermediate),
            output: linear(weights.output),
            output_norm: norm(weights.output_norm),
        }
    }

    /// The precision of products: that of the weights.
    fn products(&self) -> FloatDType {
        self.query.weight.val().dtype().into()
    }

    /// Attention of this layer: softmax(Q·Kᵀ/√width) over the pieces that are seen, then the intervention.
    fn attend(&self, input: Tensor<B, 3>, sight: &Sight<'_, B>, intervention: &Intervention<B>) -> Weighed<B> {
        let Sight { scale, places, .. } = *sight;
        let [inputs, pieces, _] = input.dims();
        let [_, width] = self.query.weight.dims();
        let width = width / sight.heads;
        let products = self.products();
        let input = cast(input, products);
        let project = |linear: &nn::Linear<B>| {
            let [_, outputs] = linear.weight.dims();
            project(linear, input.clone()).reshape([inputs, pieces, outputs / width, width]).swap_dims(1, 2)
        };
        let prepared = |linear, norm: &Option<Norm<B>>| {
            let mut states: Tensor<B, 4> = project(linear);
            if norm.is_some() || places.turn() {
                states = cast(states, FloatDType::F32);
                states = norm.iter().fold(states, |states, norm| norm.forward(states));
                states = places.turned(states);
            }
            cast(states, products)
        };
        // As many heads of queries for each of keys and values.
        let shared = |states: Tensor<B, 4>| {
            let [_, own, _, _] = states.dims();
            if own == sight.heads {
                return states;
            }
            let dims = [inputs, own, sight.heads / own, pieces, width];
            states.unsqueeze_dim::<5>(2).expand(dims).reshape([inputs, sight.heads, pieces, width])
        };
        // Queries are scaled and not the many logits, which then stay within f16 as well.
        let query = prepared(&self.query, &self.query_norm) * f64::from(scale);
        let key = shared(prepared(&self.key, &self.key_norm));
        let values = shared(project(&self.value));

        let mut logits = cast(query.clone().matmul(key.clone().swap_dims(2, 3)), FloatDType::F32);
        if let Some(rows) = sight.rows {
            logits = logits + sight.distances.terms(self, query, key * f64::from(scale), rows);
        }
        if let Some(padding) = &sight.batch.padding {
            logits = logits + padding.clone();
        }
        if let Some(unseen) = &places.unseen {
            logits = logits + unseen.clone();
        }
        let mut weights = activation::softmax(logits, 3);
        if let Some(keep) = &intervention.keep {
            weights = weights * keep.clone();
        }
        if let Some(add) = &intervention.add {
            weights = weights + add.clone();
        }
        Weighed { weights, values }
    }

    /// What attention adds to the states: the heads' outputs, projected.
    fn mixed(&self, weighed: &Weighed<B>, gate: Option<&Tensor<B, 4>>, spec: &Architecture) -> Tensor<B, 3> {
        let [inputs, _, pieces, _] = weighed.weights.dims();
        let mut context = cast(weighed.weights.clone(), self.products()).matmul(weighed.values.clone());
        if let Some(gate) = gate {
            context = context * gate.clone();
        }
        let context = context.swap_dims(1, 2).reshape([inputs, pieces, spec.heads_width()]);
        cast(project(&self.attention_output, context), FloatDType::F32)
    }

    /// The hidden states after this layer, out of those before it and what its attention adds.
    fn follow(&self, states: Tensor<B, 3>, added: Tensor<B, 3>, spec: &Architecture) -> Tensor<B, 3> {
        let activation = spec.feed_forward.activation;
        match spec.order {
            Order::Post => {
                let sum = states + added;
                let states = self.attention_norm.iter().fold(sum, |sum, norm| norm.forward(sum));
                let output = self.feed_forward(states.clone(), activation);
                self.output_norm.forward(states + output)
            }
            Order::Pre => {
                let states = states + added;
                let output = self.feed_forward(self.output_norm.forward(states.clone()), activation);
                states + output
            }
            Order::Parallel => {
                let output = self.feed_forward(self.output_norm.forward(states.clone()), activation);
                states + added + output
            }
        }
    }

    /// What the feed-forward block makes of its input.
    fn feed_forward(&self, input: Tensor<B, 3>, activation: Activation) -> Tensor<B, 3> {
        let products = self.products();
        let input = cast(input, products);
        let plain = cast(project(&self.intermediate, input.clone()), FloatDType::F32);
        let inner = match &self.gate {
            Some(gate) => activate(cast(project(gate, input), FloatDType::F32), activation) * plain,
            None => activate(plain, activation),
        };
        cast(project(&self.output, cast(inner, products)), FloatDType::F32)
    }

    /// ‖α·f(x)‖, `[batch, head, from, to]`, with f(x) = (x·W_V + b_V)·W_O of each head (Kobayashi et al. 2020, §2).
    pub fn norms(&self, weighed: &Weighed<B>) -> Tensor<B, 4> {
        let lengths = self.transformed(weighed).square().sum_dim(3).sqrt();
        weighed.weights.clone() * lengths.swap_dims(2, 3)
    }

    /// f(x) of each head, `[batch, head, piece, breadth]`.
    fn transformed(&self, weighed: &Weighed<B>) -> Tensor<B, 4> {
        let [_, heads, _, width] = weighed.values.dims();
        let output = self.attention_output.weight.val();
        let [_, breadth] = output.dims();
        cast(weighed.values.clone().matmul(output.reshape([1, heads, width, breadth])), FloatDType::F32)
    }
}
