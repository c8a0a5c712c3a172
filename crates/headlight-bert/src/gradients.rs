//! What the loss of a language model thinks of attention: its gradient with respect to every attention weight (Clark
//! et al. 2019, §3.3 and Figure 3) and to a gate on every head (Michel et al. 2019, §4.1), and the loss with heads masked.

use std::{path::Path, sync::OnceLock};

use burn::backend::NdArray;
use headlight_attention::{AttentionHead, AttentionMaps, HeadGrid};

use crate::{
    Architecture, LoadError, LoadOptions, MaskedPieces, Pieces, UnfitPieces, Visibility,
    model::read_weights,
    packed::{self, PackedEncoder},
    reference::Reference,
    request::HeadMask,
    weights::ReadWeights,
};

/// An encoder with its language-model head, for losses and their gradients. It computes on this processor, by the packed encoder
/// and the way back through it. A piece is guessed from the state of its own position where attention is full, and from that of
/// the position before where it is causal.
pub struct MaskedLm {
    pub(crate) spec: Architecture,
    pub(crate) encoder: PackedEncoder,
    pub(crate) head: packed::MaskedLmHead,
    /// The same weights in burn, from the first time on that they are asked.
    reference: OnceLock<Reference<NdArray>>,
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
        Ok(Self { spec, encoder, head: packed::MaskedLmHead::new(head), reference: OnceLock::new() })
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
        let states = self.encoder.final_states(&pieces, &rows, masks).concat();
        // The head goes over the rows of all sets at once: it reads its many weights less often.
        let guessed = masks.iter().flat_map(|_| inputs).flat_map(|input| input.targets.values().copied());
        let guessed: Vec<(usize, u32)> = guessed.enumerate().collect();
        let mut found = self.head.log_likelihoods_at(&self.encoder, &states, &guessed).into_iter();
        let mut loss = |input: &&MaskedPieces| {
            let count = input.targets.len();
            -found.by_ref().take(count).sum::<f64>() / count as f64
        };
        Ok(masks.iter().map(|_| inputs.iter().map(&mut loss).collect()).collect())
    }

    /// The loss of each input and its gradients. An input's gradients are those of its own loss, whatever the others.
    ///
    /// # Errors
    /// Inputs that are not this model's.
    pub fn gradients(&self, inputs: &[&MaskedPieces]) -> Result<Vec<LossGradients>, MaskedLmError> {
        self.check(inputs)?;
        let maps = |pieces, numbers| {
            AttentionMaps::new(self.spec.grid, pieces, numbers).expect("a map of every head over the pieces")
        };
        let of_input = |(input, found): (&&MaskedPieces, packed::Found)| LossGradients {
            loss: -found.log_likelihoods.iter().sum::<f64>() / input.targets.len() as f64,
            attention: maps(input.pieces.len(), found.attention),
            attention_gradients: maps(input.pieces.len(), found.attention_gradients),
            gate_gradients: found.gate_gradients,
        };
        let found = self.encoder.loss_gradients(&self.head, inputs, self.back());
        Ok(inputs.iter().zip(found).map(of_input).collect())
    }

    /// Inputs, cut into those that [`MaskedLm::gradients`] computes together, for workers to share. What it finds of an input does
    /// not depend on it.
    pub fn together<'i, 'a>(inputs: &'i [&'a MaskedPieces]) -> Vec<&'i [&'a MaskedPieces]> {
        packed::together(inputs)
    }

    /// How many positions before a piece the state stands that it is guessed from.
    fn back(&self) -> usize {
        match self.spec.visibility() {
            Visibility::Full => 0,
            Visibility::Causal => 1,
        }
    }

    pub(crate) fn reference(&self) -> &Reference<NdArray> {
        let new = || Reference::new(self.encoder.to_weights(), self.head.to_weights(), &self.spec);
        self.reference.get_or_init(new)
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
