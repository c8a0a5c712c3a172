//! The encoder in burn, generic over the backend: the reference for every other one.
//!
//! Axes: `[batch, piece, width]` for states, `[batch, head, from, to]` for attention. Linear layers and the two products of
//! attention may be in reduced precision: their factors are rounded to it, their results come back in f32. All else is f32.

use burn::{
    module::{Module, Param},
    nn,
    prelude::*,
    tensor::{DType, FloatDType, TensorData, activation},
};

use crate::{
    Activation, Architecture, BertWeights,
    architecture::Step,
    batch::Batch,
    weights::{LayerNorm, LayerWeights, Linear},
};

/// The modules of an encoder, without heads.
#[derive(Module, Debug)]
pub(crate) struct Bert<B: Backend> {
    words: nn::Embedding<B>,
    positions: nn::Embedding<B>,
    segments: Option<nn::Embedding<B>>,
    first_position: usize,
    norm: nn::LayerNorm<B>,
    layers: Vec<Layer<B>>,
}

/// One layer.
#[derive(Module, Debug)]
pub(crate) struct Layer<B: Backend> {
    query: nn::Linear<B>,
    key: nn::Linear<B>,
    value: nn::Linear<B>,
    attention_output: nn::Linear<B>,
    attention_norm: nn::LayerNorm<B>,
    intermediate: nn::Linear<B>,
    output: nn::Linear<B>,
    output_norm: nn::LayerNorm<B>,
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
pub(crate) struct Attended<B: Backend> {
    /// The weights that the values were weighted with, `[batch, head, from, to]`.
    pub weights: Tensor<B, 4>,
    /// The values, `[batch, head, piece, width of a head]`.
    pub values: Tensor<B, 4>,
}

/// What the walk through an encoder meets, in order.
pub(crate) enum Met<'a, B: Backend> {
    /// The hidden states that enter the first layer, or that leave one: `[batch, piece, hidden]`.
    States(&'a Tensor<B, 3>),
    /// A layer and what its attention did.
    Attention(&'a Layer<B>, &'a Attended<B>),
}

impl<B: Backend> Bert<B> {
    /// Moves the weights onto a device, those of linear layers in the precision of products.
    pub fn new(weights: BertWeights, spec: &Architecture, device: &B::Device, products: FloatDType) -> Self {
        let BertWeights { embeddings, layers, masked_lm: _ } = weights;
        let table = |rows: usize, values: Vec<f32>| embedding(values, [rows, spec.hidden], device);
        Self {
            words: table(spec.vocabulary, embeddings.words),
            positions: table(spec.positions.rows, embeddings.positions),
            segments: (spec.segments > 0).then(|| table(spec.segments, embeddings.segments)),
            first_position: spec.positions.offset,
            norm: layer_norm(embeddings.norm, spec, device),
            layers: layers.into_iter().map(|layer| Layer::new(layer, spec, device, products)).collect(),
        }
    }

    /// The input of the first layer, `[batch, piece, hidden]`.
    fn embed(&self, batch: &Batch<B>) -> Tensor<B, 3> {
        let [_, pieces] = batch.ids.dims();
        let first = self.first_position as i64;
        let positions = Tensor::arange(first..first + pieces as i64, &batch.ids.device()).unsqueeze::<2>();
        let words = self.words.forward(batch.ids.clone());
        let words = match &self.segments {
            Some(segments) => words + segments.forward(batch.segments.clone()),
            None => words,
        };
        self.norm.forward(words + self.positions.forward(positions))
    }

    /// Walks through the layers and shows `see` what is met. Each layer's attention is changed as `intervene` says. The
    /// states after the last layer are computed where `hidden_states` are wanted; returned are the last that were.
    pub fn walk(
        &self,
        spec: &Architecture,
        batch: &Batch<B>,
        hidden_states: bool,
        intervene: impl Fn(usize) -> Intervention<B>,
        mut see: impl FnMut(Met<'_, B>),
    ) -> Tensor<B, 3> {
        let mut hidden = self.embed(batch);
        see(Met::States(&hidden));
        for Step { layer: number, ends_at_attention } in spec.walk(hidden_states) {
            let (layer, intervention) = (&self.layers[number], intervene(number));
            let attended = layer.attend(hidden.clone(), spec.grid.heads, batch, &intervention);
            see(Met::Attention(layer, &attended));
            if !ends_at_attention {
                hidden = layer.finish(hidden, attended, spec.feed_forward.activation, &intervention);
                see(Met::States(&hidden));
            }
        }
        hidden
    }
}

impl<B: Backend> Layer<B> {
    fn new(weights: LayerWeights, spec: &Architecture, device: &B::Device, products: FloatDType) -> Self {
        let linear = |weights| linear(weights, device, products);
        Self {
            query: linear(weights.query),
            key: linear(weights.key),
            value: linear(weights.value),
            attention_output: linear(weights.attention_output),
            attention_norm: layer_norm(weights.attention_norm, spec, device),
            intermediate: linear(weights.intermediate),
            output: linear(weights.output),
            output_norm: layer_norm(weights.output_norm, spec, device),
        }
    }

    /// The precision of products: that of the weights.
    fn products(&self) -> FloatDType {
        self.query.weight.val().dtype().into()
    }

    /// Attention of this layer: softmax(Q·Kᵀ/√width) over the pieces that are no padding, then the intervention.
    fn attend(
        &self,
        hidden: Tensor<B, 3>,
        heads: usize,
        batch: &Batch<B>,
        intervention: &Intervention<B>,
    ) -> Attended<B> {
        let [inputs, pieces, hidden_width] = hidden.dims();
        let width = hidden_width / heads;
        let hidden = cast(hidden, self.products());
        let project = |linear| project(linear, hidden.clone()).reshape([inputs, pieces, heads, width]).swap_dims(1, 2);
        // Queries are scaled and not the many logits, which then stay within f16 as well.
        let query = project(&self.query) * (1.0 / (width as f64).sqrt());
        let (key, values) = (project(&self.key), project(&self.value));

        let mut logits = cast(query.matmul(key.swap_dims(2, 3)), FloatDType::F32);
        if let Some(padding) = &batch.padding {
            logits = logits + padding.clone();
        }
        let mut weights = activation::softmax(logits, 3);
        if let Some(keep) = &intervention.keep {
            weights = weights * keep.clone();
        }
        if let Some(add) = &intervention.add {
            weights = weights + add.clone();
        }
        Attended { weights, values }
    }

    /// The hidden states after this layer.
    fn finish(
        &self,
        hidden: Tensor<B, 3>,
        attended: Attended<B>,
        activation: Activation,
        intervention: &Intervention<B>,
    ) -> Tensor<B, 3> {
        let dims = hidden.dims();
        let products = self.products();
        let mut context = cast(attended.weights, products).matmul(attended.values);
        if let Some(gate) = &intervention.gate {
            context = context * gate.clone();
        }
        let context = context.swap_dims(1, 2).reshape(dims);
        let attended = cast(project(&self.attention_output, context), FloatDType::F32);
        let hidden = self.attention_norm.forward(hidden + attended);
        let inner = project(&self.intermediate, cast(hidden.clone(), products));
        let inner = activate(cast(inner, FloatDType::F32), activation);
        let output = cast(project(&self.output, cast(inner, products)), FloatDType::F32);
        self.output_norm.forward(hidden + output)
    }

    /// ‖α·f(x)‖, `[batch, head, from, to]`, with f(x) = (x·W_V + b_V)·W_O of each head (Kobayashi et al. 2020, §2).
    pub fn norms(&self, attended: &Attended<B>) -> Tensor<B, 4> {
        let [_, heads, _, width] = attended.values.dims();
        let output = self.attention_output.weight.val();
        let [_, hidden] = output.dims();
        let output = output.reshape([1, heads, width, hidden]);
        let transformed = cast(attended.values.clone().matmul(output), FloatDType::F32);
        let lengths = transformed.square().sum_dim(3).sqrt();
        attended.weights.clone() * lengths.swap_dims(2, 3)
    }
}

/// A linear layer on `[batch, piece, width]` as one product over all pieces: a backend might multiply input by input.
fn project<B: Backend>(linear: &nn::Linear<B>, states: Tensor<B, 3>) -> Tensor<B, 3> {
    let [batch, pieces, width] = states.dims();
    let [_, outputs] = linear.weight.dims();
    linear.forward(states.reshape([batch * pieces, width])).reshape([batch, pieces, outputs])
}

/// The tensor in another precision, itself where it is of that precision.
pub(crate) fn cast<B: Backend, const D: usize>(tensor: Tensor<B, D>, to: FloatDType) -> Tensor<B, D> {
    if tensor.dtype() == to.into() { tensor } else { tensor.cast(to) }
}

/// The non-linearity of a feed-forward block.
pub(crate) fn activate<B: Backend, const D: usize>(states: Tensor<B, D>, kind: Activation) -> Tensor<B, D> {
    match kind {
        // Where a gradient is taken: burn's own derivative of gelu is, on most backends, that of its tanh approximation.
        Activation::Gelu if B::ad_enabled(&states.device()) => {
            let twice_phi = (states.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0;
            states * twice_phi * 0.5
        }
        Activation::Gelu => activation::gelu(states),
        Activation::GeluTanh => activation::gelu_approximate(states),
        Activation::Relu => activation::relu(states),
    }
}

/// A linear layer. burn keeps weights as `[inputs, outputs]`, checkpoints as `[outputs, inputs]`. Parameters of this
/// crate are never trained, so none requires a gradient.
pub(crate) fn linear<B: Backend>(weights: Linear, device: &B::Device, precision: FloatDType) -> nn::Linear<B> {
    let options = (device, DType::from(precision));
    let weight = tensor::<B, 2>(weights.weight, [weights.outputs, weights.inputs], device);
    // A contiguous copy: the transposed view would be gathered anew in each product.
    let weight = Tensor::from_data(weight.transpose().into_data(), options);
    let bias = Tensor::from_data(TensorData::new(weights.bias, [weights.outputs]), options);
    nn::Linear { weight: frozen(weight), bias: Some(frozen(bias)) }
}

/// A layer normalisation with the model's ε.
pub(crate) fn layer_norm<B: Backend>(weights: LayerNorm, spec: &Architecture, device: &B::Device) -> nn::LayerNorm<B> {
    let width = weights.weight.len();
    let mut norm = nn::LayerNormConfig::new(width).with_epsilon(f64::from(spec.norm.epsilon)).init(device);
    norm.gamma = frozen(tensor(weights.weight, [width], device));
    norm.beta = Some(frozen(tensor(weights.bias, [width], device)));
    norm
}

fn embedding<B: Backend>(values: Vec<f32>, shape: [usize; 2], device: &B::Device) -> nn::Embedding<B> {
    nn::Embedding { weight: frozen(tensor(values, shape, device)) }
}

/// A tensor from host values.
pub(crate) fn tensor<B: Backend, const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &B::Device,
) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn frozen<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Param<Tensor<B, D>> {
    Param::from_tensor(tensor).set_require_grad(false)
}
