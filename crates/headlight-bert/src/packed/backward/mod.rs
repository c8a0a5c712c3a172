//! The way back through the packed encoder: how a language model's loss changes with every attention weight (Clark et al. 2019,
//! §3.3) and with a gate on every head (Michel et al. 2019, §4.1).
//!
//! No weight of the model is derived by, so that a linear layer costs on its way back what it costs on its way there. What the
//! way back reads is kept on the way there, for a few inputs at a time. Of the last layer, only those rows leave its attention
//! from which a piece is guessed, and on the way back nothing goes below the attention of the first.
//!
//! `x` and `its gradient` are rows of the same shape throughout: the gradient is that of the loss of the input that the row is of.

mod blocks;
mod guesses;
mod heads;
mod rows;
#[cfg(test)]
mod tests;

use super::{
    Head, HeadsScratch, PackedEncoder, Turn, Turned,
    attention::{Task, attend},
    layer::Destination,
    masked_lm,
    relative::terms,
    rotary::rotate,
    rows::{add_bias, gather, normalise},
};
use crate::{MaskedPieces, Pieces, Request, padded::longest};
use blocks::Blocks;
use guesses::{Target, guess};
use heads::{Yielded, attend_back};
use rows::normalise_back;

/// Pieces of inputs that go together: enough to keep products busy, and few enough for what is kept of them.
const TOGETHER: usize = 256;

/// What one input's loss is and what it thinks of attention.
pub(crate) struct Found {
    /// ln p of each piece that is guessed.
    pub log_likelihoods: Vec<f64>,
    /// α, `[layer, head, from, to]`.
    pub attention: Vec<f32>,
    /// ∂L/∂α.
    pub attention_gradients: Vec<f32>,
    /// ∂L/∂ξ, `[layer, head]`.
    pub gate_gradients: Vec<f32>,
}

/// What is kept of a layer for the way back.
struct Kept<'a> {
    turn: Turn<'a>,
    /// `[piece][breadth]`: its input.
    input: Vec<f32>,
    /// `[piece][…]`: queries, keys and values, with their bias; before they are normalised, where they are.
    raw: Option<Vec<f32>>,
    /// The same as the heads read them.
    projected: Vec<f32>,
    /// `[piece][heads]`: the heads' outputs, side by side.
    contexts: Vec<f32>,
    blocks: Blocks,
}

/// Some inputs, one after another.
struct Together<'a> {
    encoder: &'a PackedEncoder,
    masked: &'a [&'a MaskedPieces],
    inputs: Vec<&'a Pieces>,
    /// The rows of the last layer that pieces are guessed from.
    rows: Vec<usize>,
    angles: Turned,
}

impl PackedEncoder {
    /// The losses of inputs and their gradients. A piece is guessed from the state `back` positions before it.
    pub(crate) fn loss_gradients(&self, head: &masked_lm::Head, inputs: &[&MaskedPieces], back: usize) -> Vec<Found> {
        together(inputs).into_iter().flat_map(|some| Together::new(self, some, back).derive(head)).collect()
    }
}

/// Inputs, cut into those that go together.
pub(crate) fn together<'i, 'a>(mut inputs: &'i [&'a MaskedPieces]) -> Vec<&'i [&'a MaskedPieces]> {
    let mut cut = Vec::new();
    while !inputs.is_empty() {
        let mut pieces = 0;
        let fits = |input: &&&MaskedPieces| {
            pieces += input.pieces.len();
            pieces <= TOGETHER
        };
        let (some, others) = inputs.split_at(inputs.iter().take_while(fits).count().max(1));
        cut.push(some);
        inputs = others;
    }
    cut
}

impl<'a> Together<'a> {
    fn new(encoder: &'a PackedEncoder, masked: &'a [&'a MaskedPieces], back: usize) -> Self {
        let (mut rows, mut start) = (Vec::new(), 0);
        for input in masked {
            rows.extend(input.targets.keys().map(|position| start + position - back));
            start += input.pieces.len();
        }
        // A product of a single row would take another way and round elsewhere, so a second one goes with it.
        if rows.len() == 1 && start > 1 {
            rows.push(rows[0]);
        }
        let inputs: Vec<&Pieces> = masked.iter().map(|input| &input.pieces).collect();
        let angles = Turned::new(&encoder.spec, longest(&inputs, Pieces::len));
        Self { encoder, masked, inputs, rows, angles }
    }

    fn derive(&self, head: &masked_lm::Head) -> Vec<Found> {
        let spec = &self.encoder.spec;
        let empty = |input: &&Pieces| {
            let numbers = spec.grid.len() * input.len().pow(2);
            Found {
                log_likelihoods: Vec::new(),
                attention: vec![0.0; numbers],
                attention_gradients: vec![0.0; numbers],
                gate_gradients: Vec::with_capacity(spec.grid.len()),
            }
        };
        let mut found: Vec<Found> = self.inputs.iter().map(empty).collect();
        let (kept, unnormalised, states) = self.forward(&mut found);

        let of_input = |input: &&'a MaskedPieces| {
            let share = 1.0 / input.targets.len() as f32;
            input.targets.values().map(move |&piece| Target { piece, share })
        };
        let targets: Vec<Target> = self.masked.iter().flat_map(of_input).collect();
        let (log_likelihoods, mut gradients) = guess(self.encoder, head, &states, &targets);
        let mut rest = log_likelihoods.into_iter();
        for (found, input) in found.iter_mut().zip(self.masked) {
            found.log_likelihoods = rest.by_ref().take(input.targets.len()).collect();
        }
        if let Some(norm) = &self.encoder.final_norm {
            normalise_back(self.encoder.set, &unnormalised, &mut gradients, norm, spec.norm);
        }
        self.back(kept, gradients, &mut found);
        found
    }

    /// Takes the inputs through the layers. Yields what is kept, and the final states of the rows that pieces are guessed from,
    /// `[row][breadth]`, before and after they are normalised.
    fn forward(&self, found: &mut [Found]) -> (Vec<Kept<'a>>, Vec<f32>, Vec<f32>) {
        let (encoder, spec, set) = (self.encoder, &self.encoder.spec, self.encoder.set);
        let mut scratch = HeadsScratch::default();
        let pieces: usize = self.inputs.iter().map(|input| input.len()).sum();
        let mut states = vec![0.0; pieces * spec.breadth];
        encoder.embed(&self.inputs, &mut states, &mut scratch.transformed);
        let mut kept = Vec::with_capacity(spec.grid.layers);
        for turn in encoder.turns(&Request { final_states: true, ..Request::default() }) {
            let input = states.clone();
            if let Some(norm) = turn.layer.attention_norm.as_ref().filter(|_| turn.normalises_input) {
                normalise(set, &mut states, None, norm, spec.norm);
            }
            let stride = turn.projected;
            let mut projected = vec![0.0; pieces * stride];
            turn.layer.attention_input.multiply(&states, &mut projected, stride, Destination::Overwrite);
            let raw = turn.layer.query_norm.is_some().then(|| {
                let mut raw = projected.clone();
                add_bias(set, &mut raw, &turn.layer.attention_input.bias);
                raw
            });
            let mut contexts = vec![0.0; pieces * spec.heads_width()];
            let (mut rows, mut to) = (&mut projected[..], &mut contexts[..]);
            for (input, found) in self.inputs.iter().zip(&mut *found) {
                let (own, others) = rows.split_at_mut(input.len() * stride);
                let (contexts, after) = to.split_at_mut(input.len() * spec.heads_width());
                encoder.prepare(&turn, &self.angles, own);
                let maps = of_layer(&mut found.attention, spec.grid.layers, turn.index);
                for (index, map) in maps.chunks_exact_mut(input.len().pow(2)).enumerate() {
                    let head = Head::new(spec, spec.attention.of_layer(turn.index), own, stride, index);
                    let (table, distances) = (&encoder.embeddings.relative, turn.layer.distances.as_ref());
                    let relative = spec.attention.relative.as_ref();
                    let added = terms(relative, table, distances, head, &mut scratch.relative);
                    let task = Task { added, ..Task::default() };
                    attend(set, head, task, &mut scratch.operands, map, Some(&mut *contexts));
                }
                (rows, to) = (others, after);
            }
            let leaving = if turn.is_last {
                states = gathered(&input, &self.rows, spec.breadth);
                &gathered(&contexts, &self.rows, spec.heads_width())
            } else {
                states.copy_from_slice(&input);
                &contexts
            };
            let blocks = Blocks::forward(encoder, turn.layer, leaving, &mut states);
            kept.push(Kept { turn, input, raw, projected, contexts, blocks });
        }
        let unnormalised = states.clone();
        if let Some(norm) = &encoder.final_norm {
            normalise(set, &mut states, None, norm, spec.norm);
        }
        (kept, unnormalised, states)
    }

    /// Takes the gradient of the states that leave the last layer, `[row][breadth]`, back to the attention of the first.
    fn back(&self, kept: Vec<Kept<'a>>, mut states: Vec<f32>, found: &mut [Found]) {
        let (encoder, spec, set) = (self.encoder, &self.encoder.spec, self.encoder.set);
        for Kept { turn, input, raw, projected, contexts, blocks } in kept.into_iter().rev() {
            let mut of_contexts = blocks.back(encoder, turn.layer, &mut states);
            if turn.is_last {
                states = scatter(&states, &self.rows, input.len());
                of_contexts = scatter(&of_contexts, &self.rows, contexts.len());
            }
            let mut gradients = vec![0.0; if turn.index == 0 { 0 } else { projected.len() }];
            let (width, mut start) = (spec.heads_width(), 0);
            for (input, found) in self.inputs.iter().zip(&mut *found) {
                let rows = start..start + input.len();
                start = rows.end;
                let of = |stride: usize| rows.start * stride..rows.end * stride;
                let own = &projected[of(turn.projected)];
                let mut gradients = gradients.get_mut(of(turn.projected));
                let weights = of_layer(&mut found.attention, spec.grid.layers, turn.index);
                let of_weights = of_layer(&mut found.attention_gradients, spec.grid.layers, turn.index);
                let area = input.len().pow(2);
                let maps = weights.chunks_exact(area).zip(of_weights.chunks_exact_mut(area)).enumerate();
                let gates = maps.map(|(index, (weights, of_weights))| {
                    let head = Head::new(spec, spec.attention.of_layer(turn.index), own, turn.projected, index);
                    let (contexts, of_contexts) = (&contexts[of(width)], &of_contexts[of(width)]);
                    let yielded = Yielded { weights, contexts, gradients: of_contexts, stride: width };
                    let relative = spec.attention.relative.as_ref();
                    attend_back(head, relative, turn.layer, yielded, of_weights, gradients.as_deref_mut())
                });
                // Layers come last first, heads in their order.
                let gates: Vec<f32> = gates.collect();
                found.gate_gradients.splice(0..0, gates);
                if let Some(gradients) = gradients {
                    self.unprepare(&turn, raw.as_ref().map(|raw| &raw[of(turn.projected)]), gradients);
                }
            }
            if turn.index == 0 {
                return;
            }
            let mut of_input = turn.layer.attention_input.multiply_back(&gradients, turn.projected);
            if let Some(norm) = turn.layer.attention_norm.as_ref().filter(|_| turn.normalises_input) {
                normalise_back(set, &input, &mut of_input, norm, spec.norm);
            }
            add(&mut states, &of_input);
        }
    }

    /// Undoes [`PackedEncoder::prepare`]: gradients of a sentence's queries and keys as the heads read them become those of what
    /// the layer's product left, of which `raw` are the values where they were normalised.
    fn unprepare(&self, turn: &Turn<'_>, raw: Option<&[f32]>, gradients: &mut [f32]) {
        let (spec, set, stride) = (&self.encoder.spec, self.encoder.set, turn.projected);
        if let Some(angles) = self.angles.of(spec.attention.of_layer(turn.index).rotary) {
            let heads = spec.grid.heads + spec.attention.key_value_heads;
            rotate(set, gradients, stride, heads, spec.head_width(), &angles.reversed());
        }
        let norms = turn.layer.query_norm.as_ref().zip(turn.layer.key_norm.as_ref());
        if let (Some(raw), Some((of_queries, of_keys))) = (raw, norms) {
            let (queries, keys) = (spec.heads_width(), spec.keys_width());
            for (raw, row) in raw.chunks_exact(stride).zip(gradients.chunks_exact_mut(stride)) {
                normalise_back(set, &raw[..queries], &mut row[..queries], of_queries, spec.norm);
                let keys = queries..queries + keys;
                normalise_back(set, &raw[keys.clone()], &mut row[keys], of_keys, spec.norm);
            }
        }
    }
}

/// One layer's part of maps `[layer, …]`.
fn of_layer(maps: &mut [f32], layers: usize, layer: usize) -> &mut [f32] {
    let len = maps.len() / layers;
    &mut maps[layer * len..][..len]
}

/// These rows of a matrix whose rows are so wide.
fn gathered(from: &[f32], rows: &[usize], width: usize) -> Vec<f32> {
    let mut to = vec![0.0; rows.len() * width];
    gather(from, rows, width, &mut to);
    to
}

/// The matrix of so many values whose other rows are zero.
fn scatter(from: &[f32], rows: &[usize], len: usize) -> Vec<f32> {
    let (mut to, width) = (vec![0.0; len], from.len() / rows.len());
    for (row, from) in rows.iter().zip(from.chunks_exact(width)) {
        add(&mut to[row * width..][..width], from);
    }
    to
}

fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(x, y)| x * y).sum()
}
