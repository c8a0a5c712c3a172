//! The parts that the layers of the burn encoder are made of.

use burn::{
    module::Param,
    nn,
    prelude::*,
    tensor::{DType, FloatDType, TensorData, activation},
};

use crate::{
    Activation, NormKind,
    weights::{LayerNorm, Linear},
};

/// A linear layer on `[batch, piece, width]` as one product over all pieces: a backend might multiply input by input.
pub(super) fn project<B: Backend>(linear: &nn::Linear<B>, states: Tensor<B, 3>) -> Tensor<B, 3> {
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
        Activation::Silu => activation::silu(states),
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

/// A normalisation over the last axis.
pub(crate) enum Norm<B: Backend> {
    Layer(nn::LayerNorm<B>),
    Rms(nn::RmsNorm<B>),
}

impl<B: Backend> Norm<B> {
    /// With the model's ε.
    pub fn new(weights: LayerNorm, shape: crate::Norm, device: &B::Device) -> Self {
        let width = weights.weight.len();
        let epsilon = f64::from(shape.epsilon);
        let gamma = frozen(tensor(weights.weight, [width], device));
        match shape.kind {
            NormKind::Layer => {
                let mut norm = nn::LayerNormConfig::new(width).with_epsilon(epsilon).init(device);
                norm.gamma = gamma;
                norm.beta = Some(frozen(tensor(weights.bias, [width], device)));
                Self::Layer(norm)
            }
            NormKind::Rms => Self::Rms(nn::RmsNorm { gamma, epsilon }),
        }
    }

    pub fn forward<const D: usize>(&self, states: Tensor<B, D>) -> Tensor<B, D> {
        match self {
            Self::Layer(norm) => norm.forward(states),
            Self::Rms(norm) => norm.forward(states),
        }
    }

    /// What rows are divided by before the weights, `[batch, piece, 1]`.
    pub(super) fn spread(&self, states: Tensor<B, 3>, shape: crate::Norm) -> Tensor<B, 3> {
        (self.centred(states).square().mean_dim(2) + f64::from(shape.epsilon)).sqrt()
    }

    /// A part of a sum as its normalisation passes it on: with the spread of the whole and without the shift, so that parts add
    /// up to the whole.
    pub(super) fn of_part(&self, part: Tensor<B, 3>, spread: Tensor<B, 3>) -> Tensor<B, 3> {
        let gamma = match self {
            Self::Layer(norm) => norm.gamma.val(),
            Self::Rms(norm) => norm.gamma.val(),
        };
        self.centred(part) / spread * gamma.unsqueeze()
    }

    fn centred(&self, states: Tensor<B, 3>) -> Tensor<B, 3> {
        match self {
            Self::Layer(_) => states.clone() - states.mean_dim(2),
            Self::Rms(_) => states,
        }
    }
}

pub(super) fn embedding<B: Backend>(values: Vec<f32>, shape: [usize; 2], device: &B::Device) -> nn::Embedding<B> {
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
