//! Answers requests with the burn encoder.

use std::iter;

use burn::prelude::*;
use headlight_attention::{AttentionHead, AttentionMaps, MergeRule, WordAttention, merge};

use crate::{
    BertWeights, ModelSpec, Pieces,
    batch::Batch,
    encoder::{Bert, Intervention, tensor},
    request::{AttentionKind, Encode, Encoded, HeadMask, HiddenStates, Level, Masking, Request},
};

/// The burn encoder on one device. Inputs are sorted by length and padded in small batches.
pub(crate) struct Reference<B: Backend> {
    spec: ModelSpec,
    bert: Bert<B>,
    device: B::Device,
    /// Pieces of a batch, padding included; one input may exceed it.
    batch_pieces: usize,
}

impl<B: Backend> Reference<B> {
    pub fn new(weights: BertWeights, spec: &ModelSpec, device: B::Device, batch_pieces: usize) -> Self {
        let bert = Bert::new(weights, spec, &device);
        Self { spec: spec.clone(), bert, device, batch_pieces }
    }

    /// Answers the request for one padded batch.
    fn run(&self, inputs: &[&Pieces], request: &Request) -> Vec<Encoded> {
        let grid = self.spec.grid;
        let batch = Batch::<B>::new(inputs, &self.device);
        let merging = match request.attention {
            Some(Level::Words(rule)) => Merging::new(inputs, rule, &self.device),
            _ => None,
        };
        let (mut maps, mut states) = (Vec::new(), Vec::new());
        let mut hidden = self.bert.embed(&batch);
        for (number, layer) in self.bert.layers.iter().enumerate() {
            if request.hidden_states {
                states.push(hidden.clone());
            }
            let intervention = masking(&request.masked_heads, number, grid.heads, &batch);
            let attended = layer.attend(hidden.clone(), grid.heads, &batch, &intervention);
            if request.attention.is_some() {
                let map = match request.kind {
                    AttentionKind::Weights => attended.weights.clone(),
                    AttentionKind::Norms => layer.norms(&attended),
                };
                maps.push(match &merging {
                    Some(merging) => merging.apply(map),
                    None => map,
                });
            }
            if number + 1 < grid.layers || request.hidden_states {
                hidden = layer.finish(hidden, attended, self.spec.activation, &intervention);
            }
        }
        if request.hidden_states {
            states.push(hidden);
        }
        // All work is queued by now: the first read waits for the device, the others find their values ready.
        let answers = Answers {
            spec: &self.spec,
            level: request.attention,
            merged: merging.is_some(),
            longest: longest(inputs, Pieces::len),
            longest_in_words: longest(inputs, |input| input.alignment.words().len() + 2),
            maps: maps.into_iter().map(host).collect(),
            states: states.into_iter().map(host).collect(),
        };
        inputs.iter().enumerate().map(|(number, input)| answers.of(number, input)).collect()
    }
}

/// What a batch yielded, on the host and still padded.
struct Answers<'a> {
    spec: &'a ModelSpec,
    level: Option<Level>,
    /// Whether maps run over words already.
    merged: bool,
    /// Pieces of the longest input.
    longest: usize,
    /// Words of the input with the most, `[CLS]` and `[SEP]` included.
    longest_in_words: usize,
    /// Each layer, `[batch, head, from, to]`.
    maps: Vec<Vec<f32>>,
    /// Embeddings and each layer, `[batch, piece, hidden]`; empty when not asked for.
    states: Vec<Vec<f32>>,
}

impl Answers<'_> {
    /// The answer for one input of the batch.
    fn of(&self, number: usize, input: &Pieces) -> Encoded {
        let ModelSpec { grid, hidden: width, .. } = *self.spec;
        let (pieces, words) = (input.len(), input.alignment.words().len());
        let whole = || {
            let weights = unpad(&self.maps, number, grid.heads, pieces, self.longest);
            AttentionMaps::new(grid, pieces, weights)
        };
        let mut encoded = Encoded::default();
        match self.level {
            None => {}
            Some(Level::Pieces) => encoded.maps = whole(),
            Some(Level::Words(_)) if self.merged => {
                let weights = unpad(&self.maps, number, grid.heads, words + 2, self.longest_in_words);
                encoded.words = WordAttention::new(grid, words, weights);
            }
            Some(Level::Words(rule)) => encoded.words = whole().map(|maps| merge(&maps, &input.alignment, rule)),
        }
        if !self.states.is_empty() {
            let rows = |layer: &Vec<f32>| layer[number * self.longest * width..][..pieces * width].to_vec();
            let values = self.states.iter().flat_map(rows).collect();
            encoded.hidden = HiddenStates::new(grid.layers + 1, pieces, width, values);
        }
        encoded
    }
}

fn longest(inputs: &[&Pieces], length: impl Fn(&Pieces) -> usize) -> usize {
    inputs.iter().map(|input| length(input)).max().unwrap_or(0)
}

impl<B: Backend> Encode for Reference<B> {
    fn chunk_pieces(&self) -> usize {
        (2 * self.batch_pieces).max(1024)
    }

    fn encode(&self, inputs: &[&Pieces], request: &Request) -> Vec<Encoded> {
        let mut by_length: Vec<usize> = (0..inputs.len()).collect();
        by_length.sort_by_key(|&number| inputs[number].len());
        let mut answers: Vec<Option<Encoded>> = vec![None; inputs.len()];
        let mut rest = by_length.as_slice();
        while !rest.is_empty() {
            // Sorted, so the last of a batch is the longest.
            let fits = |count: &usize| (count + 1) * inputs[rest[*count]].len() <= self.batch_pieces;
            let count = (0..rest.len()).take_while(fits).count().max(1);
            let (batch, later) = rest.split_at(count);
            let pieces: Vec<&Pieces> = batch.iter().map(|&number| inputs[number]).collect();
            for (&number, encoded) in batch.iter().zip(self.run(&pieces, request)) {
                answers[number] = Some(encoded);
            }
            rest = later;
        }
        answers.into_iter().flatten().collect()
    }
}

/// What the masked heads change in one layer.
pub(crate) fn masking<B: Backend>(mask: &HeadMask, layer: usize, heads: usize, batch: &Batch<B>) -> Intervention<B> {
    let of = |index| mask.get(&AttentionHead { layer, index }).copied();
    let masked: Vec<Option<Masking>> = (0..heads).map(of).collect();
    if masked.iter().all(Option::is_none) {
        return Intervention::default();
    }
    let device = batch.ids.device();
    let per_head = |value: &dyn Fn(Option<Masking>) -> bool| {
        let values = masked.iter().map(|&masking| f32::from(u8::from(value(masking)))).collect();
        tensor(values, [1, heads, 1, 1], &device)
    };
    let keep = per_head(&|masking| masking.is_none());
    let uniform = per_head(&|masking| masking == Some(Masking::Uniform));
    let add = masked.contains(&Some(Masking::Uniform)).then(|| uniform * batch.uniform());
    Intervention { keep: Some(keep), add, gate: None }
}

/// Word-level merging as two products, so that only word attention leaves the device.
struct Merging<B: Backend> {
    /// `[batch, 1, word, piece]`: the share of each piece in the row of a word.
    from: Tensor<B, 4>,
    /// `[batch, 1, piece, word]`: 1 where the piece is of the word.
    to: Tensor<B, 4>,
}

impl<B: Backend> Merging<B> {
    /// `None` for the one rule that is no product.
    fn new(inputs: &[&Pieces], rule: MergeRule, device: &B::Device) -> Option<Self> {
        if rule == MergeRule::Max {
            return None;
        }
        let count = inputs.len();
        let pieces = longest(inputs, Pieces::len);
        let words = longest(inputs, |input| input.alignment.words().len() + 2);
        let (mut from, mut to) = (vec![0f32; count * words * pieces], vec![0f32; count * pieces * words]);
        for (number, input) in inputs.iter().enumerate() {
            let (cls, sep) = (0..1, input.len() - 1..input.len());
            let ranges = iter::once(&cls).chain(input.alignment.words()).chain(iter::once(&sep));
            for (word, range) in ranges.cloned().enumerate() {
                let share = if rule == MergeRule::Mean { 1.0 / range.len() as f32 } else { 1.0 };
                let rows = if rule == MergeRule::Mean { range.clone() } else { range.start..range.start + 1 };
                rows.for_each(|piece| from[(number * words + word) * pieces + piece] = share);
                range.for_each(|piece| to[(number * pieces + piece) * words + word] = 1.0);
            }
        }
        let from = tensor(from, [count, 1, words, pieces], device);
        Some(Self { from, to: tensor(to, [count, 1, pieces, words], device) })
    }

    fn apply(&self, map: Tensor<B, 4>) -> Tensor<B, 4> {
        self.from.clone().matmul(map).matmul(self.to.clone())
    }
}

/// The maps of one input out of padded layers `[batch, head, longest, longest]`: `[layer, head, length, length]`.
pub(crate) fn unpad(layers: &[Vec<f32>], number: usize, heads: usize, length: usize, longest: usize) -> Vec<f32> {
    let mut weights = Vec::with_capacity(layers.len() * heads * length * length);
    for layer in layers {
        for head in layer[number * heads * longest * longest..].chunks_exact(longest * longest).take(heads) {
            head.chunks_exact(longest).take(length).for_each(|row| weights.extend_from_slice(&row[..length]));
        }
    }
    weights
}

/// The values of a tensor on the host, row-major.
pub(crate) fn host<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().into_vec().expect("the values were converted to f32")
}
