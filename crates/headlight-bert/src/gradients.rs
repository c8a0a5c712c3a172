//! What the loss of a language model thinks of attention: its gradient with respect to every attention weight (Clark
//! et al. 2019, §3.3 and Figure 3) and to a gate on every head (Michel et al. 2019, §4.1), and the loss with heads masked.

use std::{path::Path, sync::OnceLock};

use burn::{
    backend::{Autodiff, NdArray},
    nn,
    prelude::*,
    tensor::{FloatDType, TensorData, activation},
};
use headlight_attention::{AttentionHead, AttentionMaps, HeadGrid};

use crate::{
    Activation, Architecture, BertWeights, LoadError, LoadOptions, MaskedLmHead, MaskedPieces, Pieces, UnfitPieces,
    Visibility,
    batch::Batch,
    encoder::{Bert, Intervention, Met, Norm, activate, linear, tensor},
    model::read_weights,
    packed::{self, PackedEncoder},
    padded::{host, longest, unpad},
    request::HeadMask,
    weights::ReadWeights,
};

/// The backend of gradients.
type Differentiable = Autodiff<NdArray>;

/// An encoder with its language-model head, for losses and their gradients. It computes on this processor: losses by the packed
/// encoder, gradients by burn. A piece is guessed from the state of its own position where attention is full, and from that of
/// the position before where it is causal.
pub struct MaskedLm {
    pub(crate) spec: Architecture,
    pub(crate) encoder: PackedEncoder,
    pub(crate) head: packed::MaskedLmHead,
    /// The same weights in burn, from the first gradient on.
    net: OnceLock<Net<Differentiable>>,
}

impl std::fmt::Debug for MaskedLm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MaskedLm").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// The loss of one input, L = mean over its hidden pieces of −ln p(piece), and its gradients.
#[derive(Clone, PartialEq, Debug)]
pub struct LossGradients {
    /// L, in nats.
    pub loss: f64,
    /// α, over pieces.
    pub attention: AttentionMaps,
    /// ∂L/∂α, over pieces: one number for each weight, all other weights held.
    pub attention_gradients: AttentionMaps,
    /// ∂L/∂ξ_h of a gate ξ_h = 1 on the output of each head, in the order of the grid. A head's importance is the mean
    /// of the absolute value over inputs.
    pub gate_gradients: Vec<f32>,
}

/// Inputs that no loss can be taken of.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MaskedLmError {
    /// Pieces that the model cannot read.
    #[error("input {}: {problem}", .input + 1)]
    Unfit {
        /// The input, counted from 0.
        input: usize,
        /// What does not fit.
        problem: UnfitPieces,
    },
    /// An input without a hidden piece.
    #[error("input {}: no piece is masked", .input + 1)]
    NoTarget {
        /// The input, counted from 0.
        input: usize,
    },
    /// A hidden position that the input does not have, or a piece that the vocabulary does not have.
    #[error("input {}: piece {piece} at position {position} cannot be guessed", .input + 1)]
    Target {
        /// The input, counted from 0.
        input: usize,
        /// The position.
        position: usize,
        /// The piece to be guessed.
        piece: u32,
    },
    /// A pseudo-log-likelihood of a causal model.
    #[error("the model is causal: its sentences have log-likelihoods, and no piece of them is hidden")]
    Causal,
    /// A log-likelihood of a model that is not causal.
    #[error("the model is not causal: its sentences have pseudo-log-likelihoods alone")]
    NotCausal,
    /// A masked head that the model does not have.
    #[error("there is no head {head} to mask: the model has {} layers of {} heads", .grid.layers, .grid.heads)]
    NoSuchHead {
        /// The head.
        head: AttentionHead,
        /// What the model has.
        grid: HeadGrid,
    },
}

impl MaskedLm {
    /// Loads a checkpoint folder that has a language-model head. Of the options, the random initialisation holds.
    ///
    /// # Errors
    /// As [`crate::Model::load`]; a checkpoint without a language-model head.
    pub fn load(folder: &Path, options: &LoadOptions) -> Result<Self, LoadError> {
        let spec = Architecture::read(&folder.join("config.json"))?;
        let ReadWeights { mut weights, masked_lm_problems, .. } = read_weights(folder, &spec, options)?;
        let missing = || {
            masked_lm_problems.unwrap_or_else(|| LoadError::NoMaskedLmHead {
                folder: folder.to_owned(),
                kind: match spec.visibility() {
                    Visibility::Full => "masked-language-model",
                    Visibility::Causal => "language-model",
                },
                names: spec.names().head.begins.iter().map(|name| format!("{name}*")).collect::<Vec<_>>().join(", "),
            })
        };
        let head = weights.masked_lm.take().ok_or_else(missing)?;
        let encoder = PackedEncoder::new(&spec, weights);
        Ok(Self { spec, encoder, head: packed::MaskedLmHead::new(head), net: OnceLock::new() })
    }

    /// The model's sizes and choices.
    pub fn spec(&self) -> &Architecture {
        &self.spec
    }

    /// For each of several sets of masked heads, the loss of each input. What sets have in common is computed once. An input's
    /// loss depends neither on the others nor on other sets.
    ///
    /// # Errors
    /// Inputs or heads that are not this model's.
    pub fn losses(&self, inputs: &[&MaskedPieces], masks: &[&HeadMask]) -> Result<Vec<Vec<f64>>, MaskedLmError> {
        self.check(inputs)?;
        self.check_heads(masks)?;
        let pieces: Vec<&Pieces> = inputs.iter().map(|input| &input.pieces).collect();
        let rows = |input: &&MaskedPieces| input.targets.keys().map(|position| position - self.back()).collect();
        let rows: Vec<Vec<usize>> = inputs.iter().map(rows).collect();
        let rows: Vec<&[usize]> = rows.iter().map(Vec::as_slice).collect();
        let targets: Vec<Vec<u32>> = inputs.iter().map(|input| input.targets.values().copied().collect()).collect();
        let states = self.encoder.final_states(&pieces, &rows, masks).concat();
        // The head goes over the rows of all sets at once: it reads its many weights less often.
        let of_sets: Vec<&[u32]> = masks.iter().flat_map(|_| targets.iter().map(Vec::as_slice)).collect();
        let log_likelihoods = self.head.log_likelihoods(&self.encoder, &states, &of_sets);
        let loss = |of_input: &Vec<f64>| -of_input.iter().sum::<f64>() / of_input.len() as f64;
        let losses: Vec<f64> = log_likelihoods.iter().map(loss).collect();
        Ok((0..masks.len()).map(|set| losses[set * inputs.len()..(set + 1) * inputs.len()].to_vec()).collect())
    }

    /// The loss of each input and its gradients. An input's gradients are those of its own loss, whatever the others.
    ///
    /// # Errors
    /// Inputs that are not this model's.
    pub fn gradients(&self, inputs: &[&MaskedPieces]) -> Result<Vec<LossGradients>, MaskedLmError> {
        self.check(inputs)?;
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let HeadGrid { layers, heads } = self.spec.grid;
        let pieces: Vec<&Pieces> = inputs.iter().map(|input| &input.pieces).collect();
        let batch = Batch::new(&pieces, longest(&pieces, Pieces::len), &Default::default());
        let targets = Targets::new(inputs, &batch, self.back());
        let device = batch.ids.device();
        let [count, longest] = batch.ids.dims();
        // A zero that is added to the weights has their gradient, and a gate of 1 that of the head.
        let leaves: Vec<Intervention<Differentiable>> = (0..layers)
            .map(|_| Intervention {
                keep: None,
                add: Some(Tensor::zeros([count, heads, longest, longest], &device).require_grad()),
                gate: Some(Tensor::ones([count, heads, 1, 1], &device).require_grad()),
            })
            .collect();
        let (log_likelihoods, attention) = self.net().forward(&self.spec, &batch, &targets, &leaves);
        let gradients = (log_likelihoods.clone() * targets.shares).sum().neg().backward();

        let gradient = |leaf: &Option<Tensor<Differentiable, 4>>| {
            let gradient = leaf.as_ref().and_then(|leaf| leaf.grad(&gradients));
            host(gradient.expect("every leaf is part of the loss"))
        };
        let of_weights: Vec<Vec<f32>> = leaves.iter().map(|leaf| gradient(&leaf.add)).collect();
        let of_gates: Vec<Vec<f32>> = leaves.iter().map(|leaf| gradient(&leaf.gate)).collect();
        let attention: Vec<Vec<f32>> = attention.into_iter().map(host).collect();
        let answer = |(number, loss)| {
            let pieces = batch.lengths[number];
            let maps = |layers: &[Vec<f32>]| {
                AttentionMaps::new(self.spec.grid, pieces, unpad(layers, number, heads, pieces, longest))
                    .expect("unpadding fixed the length")
            };
            let gates = of_gates.iter().flat_map(|layer| &layer[number * heads..][..heads]).copied().collect();
            LossGradients {
                loss,
                attention: maps(&attention),
                attention_gradients: maps(&of_weights),
                gate_gradients: gates,
            }
        };
        Ok(losses(inputs, &host(log_likelihoods)).into_iter().enumerate().map(answer).collect())
    }

    /// How many positions before a piece the state stands that it is guessed from.
    fn back(&self) -> usize {
        match self.spec.visibility() {
            Visibility::Full => 0,
            Visibility::Causal => 1,
        }
    }

    pub(crate) fn net(&self) -> &Net<Differentiable> {
        self.net.get_or_init(|| Net::new(self.encoder.to_weights(), self.head.to_weights(), &self.spec))
    }

    fn check(&self, inputs: &[&MaskedPieces]) -> Result<(), MaskedLmError> {
        for (input, MaskedPieces { pieces, targets }) in inputs.iter().enumerate() {
            pieces.check(&self.spec).map_err(|problem| MaskedLmError::Unfit { input, problem })?;
            if targets.is_empty() {
                return Err(MaskedLmError::NoTarget { input });
            }
            let outside = |(position, piece): &(&usize, &u32)| {
                !(self.back()..pieces.len()).contains(position) || **piece as usize >= self.spec.vocabulary
            };
            if let Some((&position, &piece)) = targets.iter().find(outside) {
                return Err(MaskedLmError::Target { input, position, piece });
            }
        }
        Ok(())
    }
}

/// Each input's mean negative log-likelihood out of the log-likelihoods of all hidden pieces.
fn losses(inputs: &[&MaskedPieces], log_likelihoods: &[f32]) -> Vec<f64> {
    let mut rest = log_likelihoods;
    let mut loss = |input: &&MaskedPieces| {
        let (own, others) = rest.split_at(input.targets.len());
        rest = others;
        -own.iter().map(|&value| f64::from(value)).sum::<f64>() / own.len() as f64
    };
    inputs.iter().map(&mut loss).collect()
}

/// The hidden pieces of a batch, input by input.
struct Targets<B: Backend> {
    /// Rows of the flattened states, `[target]`.
    rows: Tensor<B, 1, Int>,
    /// The pieces, `[target, 1]`.
    pieces: Tensor<B, 2, Int>,
    /// One over the number of the input's targets, `[target, 1]`.
    shares: Tensor<B, 2>,
}

impl<B: Backend> Targets<B> {
    fn new(inputs: &[&MaskedPieces], batch: &Batch<B>, back: usize) -> Self {
        let device = batch.ids.device();
        let [_, longest] = batch.ids.dims();
        let (mut rows, mut pieces, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for (number, input) in inputs.iter().enumerate() {
            for (position, piece) in &input.targets {
                rows.push((number * longest + position - back) as i32);
                pieces.push(piece.cast_signed());
                shares.push(1.0 / input.targets.len() as f32);
            }
        }
        let count = rows.len();
        Self {
            rows: Tensor::from_data(TensorData::new(rows, [count]), &device),
            pieces: Tensor::from_data(TensorData::new(pieces, [count, 1]), &device),
            shares: tensor(shares, [count, 1], &device),
        }
    }
}

/// Encoder and language-model head: logits = D·norm(activation(transform(x))) + bias.
pub(crate) struct Net<B: Backend> {
    bert: Bert<B>,
    transform: Option<(nn::Linear<B>, Activation, Norm<B>)>,
    /// D and its bias.
    decoder: nn::Linear<B>,
}

impl<B: Backend> Net<B> {
    fn new(weights: BertWeights, head: MaskedLmHead, spec: &Architecture) -> Self {
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

    /// ln p of each target, `[target, 1]`, and the attention weights of each layer.
    fn forward(
        &self,
        spec: &Architecture,
        batch: &Batch<B>,
        targets: &Targets<B>,
        interventions: &[Intervention<B>],
    ) -> (Tensor<B, 2>, Vec<Tensor<B, 4>>) {
        let mut attention = Vec::with_capacity(spec.grid.layers);
        let states = self.bert.walk(
            spec,
            batch,
            true,
            |layer| interventions[layer].clone(),
            |met| {
                if let Met::Attention(_, _, weighed) = met {
                    attention.push(weighed.weights.clone());
                }
            },
        );
        let [count, pieces, width] = states.dims();
        let states = states.reshape([count * pieces, width]).select(0, targets.rows.clone());
        let log_likelihoods = activation::log_softmax(self.logits(states), 1);
        (log_likelihoods.gather(1, targets.pieces.clone()), attention)
    }

    /// What the head makes of final states, `[row, breadth]` → `[row, vocabulary]`.
    fn logits(&self, states: Tensor<B, 2>) -> Tensor<B, 2> {
        self.decoder.forward(match &self.transform {
            Some((linear, activation, norm)) => norm.forward(activate(linear.forward(states), *activation)),
            None => states,
        })
    }

    /// The logits of all positions of a batch, padding included, `[input * position, vocabulary]`.
    pub(crate) fn logits_of(&self, spec: &Architecture, batch: &Batch<B>) -> Tensor<B, 2> {
        let nothing = |_| Intervention { keep: None, add: None, gate: None };
        let states = self.bert.walk(spec, batch, true, nothing, |_| ());
        let [count, pieces, width] = states.dims();
        self.logits(states.reshape([count * pieces, width]))
    }
}
