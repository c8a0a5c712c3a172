//! A language model in burn, generic over the backend: the witness of the packed one, and in tests of its gradients.

use burn::{nn, prelude::*, tensor::FloatDType};

use crate::{
    Activation, Architecture, BertWeights, MaskedLmHead,
    batch::Batch,
    encoder::{Bert, Intervention, Norm, activate, linear},
};

/// Encoder and language-model head: logits = D·norm(activation(transform(x))) + bias.
pub(crate) struct Reference<B: Backend> {
    pub bert: Bert<B>,
    transform: Option<(nn::Linear<B>, Activation, Norm<B>)>,
    /// D and its bias.
    decoder: nn::Linear<B>,
}

impl<B: Backend> Reference<B> {
    pub fn new(weights: BertWeights, head: MaskedLmHead, spec: &Architecture) -> Self {
        let device = Default::default();
        let weight = head.decoder.unwrap_or_else(|| weights.embeddings.words.clone());
        let inputs = weight.len() / spec.vocabulary;
        let decoder = crate::Linear { inputs, outputs: spec.vocabulary, weight, bias: head.bias };
        let transform = head.transform.zip(spec.head.transform).map(|(transform, shape)| {
            let linear = linear(transform.linear, &device, FloatDType::F32);
            (linear, shape.activation, Norm::new(transform.norm, spec.norm, &device))
        });
        Self {
            bert: Bert::new(weights, spec, &device, FloatDType::F32),
            transform,
            decoder: linear(decoder, &device, FloatDType::F32),
        }
    }

    /// What the head makes of final states, `[row, breadth]` → `[row, vocabulary]`.
    pub fn logits(&self, states: Tensor<B, 2>) -> Tensor<B, 2> {
        self.decoder.forward(match &self.transform {
            Some((linear, activation, norm)) => norm.forward(activate(linear.forward(states), *activation)),
            None => states,
        })
    }

    /// The logits of all positions of a batch, padding included, `[input * position, vocabulary]`.
    pub fn logits_of(&self, spec: &Architecture, batch: &Batch<B>) -> Tensor<B, 2> {
        let nothing = |_| Intervention::default();
        let states = self.bert.walk(spec, batch, true, nothing, |_| ());
        let [count, pieces, width] = states.dims();
        self.logits(states.reshape([count * pieces, width]))
    }
}
