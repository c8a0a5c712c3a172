//! The packed encoder: an [`Architecture`] on the processor, at the speed of its matrix products.
//!
//! The linear layers read the pieces of many sentences one after another, without padding, so that each is one large
//! matrix product; attention goes sentence by sentence and head by head, with the map in the first-level cache, and is
//! merged to words there. A call runs on the calling thread alone: whoever has several cores calls from several threads,
//! with whole sentences for each, and the encoder is shared between them. Biases, residuals and activations join passes
//! that read the values anyway, and the last layer stops at its queries and keys when only its attention is wanted.
//!
//! What a sentence's numbers are depends neither on the sentences beside it nor on the number of threads, to the bit: a
//! product sums over its inputs in one order whatever the number of rows, and everything else is computed by rows or by
//! sentences. Other instruction sets round elsewhere, so other kinds of machines may differ in the last digits.

mod attention;
mod backward;
mod branches;
mod functions;
mod layer;
mod masked_lm;
mod mixing;
mod norms;
mod output;
mod relative;
mod rotary;
mod rows;
mod scratch;
mod simd;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use headlight_attention::AttentionHead;
use rayon::prelude::*;

use crate::{
    Architecture, AttentionKind, BertWeights, Embeddings, HeadMask, LayerNorm, Masking, Order, Pieces, Positions,
    Request,
    architecture::Step,
    request::{Encode, Encoded},
};
use attention::{Head, HeadScratch, Task, attend};
pub(crate) use backward::{Found, together};
use branches::{BranchScratch, Branches};
use layer::{Destination, Layer, Projection, Strided};
pub(crate) use masked_lm::Head as MaskedLmHead;
use mixing::{Gathered, MixingScratch, Room, Sentence};
use norms::scale_by_norms;
use output::{MapScratch, Output};
use relative::{RelativeScratch, terms};
use rotary::{Turned, rotate};
use rows::{activate, activate_gates, add_bias, normalise};
pub(crate) use scratch::Buffer;
use simd::InstructionSet;

/// Pieces that are encoded together. Fewer, and the products spend more of their time on reading weights; more only makes
/// the scratch memory larger.
const CHUNK: usize = 1024;

/// An encoder for the processor, the one behind [`crate::Device::Cpu`], for those who have weights but no folder.
///
/// Its weights are held once. A call runs on the calling thread and borrows its scratch memory from a pool that grows to
/// the number of threads that call at the same time.
pub struct PackedEncoder {
    spec: Architecture,
    embeddings: Embeddings,
    projection: Option<Projection>,
    layers: Vec<Layer>,
    final_norm: Option<LayerNorm>,
    set: InstructionSet,
    pool: Mutex<Vec<Scratch>>,
}

/// A worker's memory: the rows of one chunk, and what one head needs.
#[derive(Default)]
struct Scratch {
    /// `[piece][breadth]`: the input of a layer, and in the end its output.
    states: Buffer,
    /// `[piece][breadth]`: what a block reads where that is not the states themselves; before that, the embeddings where
    /// they are projected.
    normed: Buffer,
    /// `[piece][…]`: queries, keys and values.
    projected: Buffer,
    /// `[piece][heads]`: the heads' outputs, side by side.
    contexts: Buffer,
    /// `[piece][intermediate]`, twice that where the model is gated.
    expanded: Buffer,
    /// `[vocabulary][row]`: what a language-model head says.
    logits: Buffer,
    heads: HeadsScratch,
    mixing: MixingScratch,
    branches: BranchScratch,
}

/// What one head needs.
#[derive(Default)]
struct HeadsScratch {
    map: MapScratch,
    operands: HeadScratch,
    relative: RelativeScratch,
    /// `[piece][breadth]`: its values, transformed.
    transformed: Buffer,
}

/// One layer on its turn.
struct Turn<'a> {
    index: usize,
    layer: &'a Layer,
    /// Whether the states are normalised for its attention.
    normalises_input: bool,
    /// Width of a row of the fused projection, as far as it is needed: queries and keys, and mostly values.
    projected: usize,
    /// Whether nothing of this layer is wanted but its attention.
    ends_at_attention: bool,
    /// Whether no layer follows.
    is_last: bool,
}

/// What is wanted of the last layer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Its attention.
    Attention,
    /// What it yields too.
    States,
}

impl Last {
    fn of(request: &Request) -> Self {
        if request.states || request.final_states { Self::States } else { Self::Attention }
    }
}

impl PackedEncoder {
    /// Takes the weights over and transposes them, layer by layer on the threads of the current rayon pool.
    pub fn new(spec: &Architecture, weights: BertWeights) -> Self {
        let BertWeights { mut embeddings, layers, final_norm, masked_lm: _ } = weights;
        let projection = embeddings.projection.take().map(|projection| Projection::fused(vec![projection]));
        let layers = layers.into_par_iter().map(|layer| Layer::new(layer, &embeddings, spec)).collect();
        let (spec, set, pool) = (spec.clone(), InstructionSet::best(), Mutex::default());
        tracing::debug!(vectors = %set, "packed encoder ready");
        Self { spec, embeddings, projection, layers, final_norm, set, pool }
    }

    /// The weights as a checkpoint has them, without a language-model head.
    pub(crate) fn to_weights(&self) -> BertWeights {
        let layers = self.layers.iter().map(Layer::to_weights).collect();
        let projection = self.projection.as_ref().map(|projection| projection.part(0..projection.outputs));
        let embeddings = Embeddings { projection, ..self.embeddings.clone() };
        BertWeights { embeddings, layers, final_norm: self.final_norm.clone(), masked_lm: None }
    }

    /// Answers the request for each input, in order, on the calling thread.
    ///
    /// # Panics
    /// May panic when an input does not pass [`Pieces::check`].
    pub fn encode(&self, inputs: &[&Pieces], request: &Request) -> Vec<Encoded> {
        Encode::encode(self, inputs, request)
    }

    /// For each of several sets of masked heads, the final states `[row][breadth]` of the rows that are asked for, one input's
    /// after another's: `rows` names positions of each input, in ascending order. The last layer does nothing for other rows
    /// that they do not need, and what sets have in common is computed once.
    pub(crate) fn final_states(&self, inputs: &[&Pieces], rows: &[&[usize]], masks: &[&HeadMask]) -> Vec<Vec<f32>> {
        let request = Request { final_states: true, ..Request::default() };
        let mut states = vec![Vec::new(); masks.len()];
        let mut done = 0;
        while done < inputs.len() {
            let chunk = done..done + chunk_length(&inputs[done..]);
            done = chunk.end;
            let (mut inputs, mut rows) = (inputs[chunk.clone()].to_vec(), rows[chunk].to_vec());
            let wanted = rows.iter().map(|rows| rows.len()).sum::<usize>();
            // A product of a single row would take another way and round elsewhere: it goes with that of a copy of its input.
            if let Some(only) = rows.iter().position(|rows| wanted == 1 && !rows.is_empty()) {
                inputs.push(inputs[only]);
                rows.push(rows[only]);
            }
            let branches = Branches::new(self, &inputs, &request, Some(&rows), masks);
            let mut see = |set: usize, found: &[f32], _: Vec<Output<'_>>| {
                let found: &[f32] = &found[..wanted * self.spec.breadth];
                states[set].extend_from_slice(found);
            };
            self.with_scratch(|scratch| branches.walk(scratch, &mut see));
        }
        states
    }

    /// Has a worker's memory for a while.
    fn with_scratch<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let pooled = self.pool().pop();
        let mut scratch = pooled.unwrap_or_default();
        let made = work(&mut scratch);
        self.pool().push(scratch);
        made
    }

    /// Encodes the inputs of one chunk, as far as `outputs` has room for what they yield.
    fn encode_chunk(&self, mut outputs: Vec<Output<'_>>, request: &Request, scratch: &mut Scratch) -> Vec<Encoded> {
        self.walk_chunk(&mut outputs, request, scratch);
        outputs.into_iter().map(|output| output.finish(&self.spec)).collect()
    }

    /// Takes the inputs of one chunk through the layers.
    fn walk_chunk(&self, outputs: &mut [Output<'_>], request: &Request, scratch: &mut Scratch) {
        let (breadth, heads) = (self.spec.breadth, self.spec.heads_width());
        let inputs: Vec<&Pieces> = outputs.iter().map(|output| output.input).collect();
        let pieces = inputs.iter().map(|input| input.len()).sum::<usize>();
        let angles = Turned::new(&self.spec, inputs.iter().map(|input| input.len()).max().unwrap_or(0));
        let states = scratch.states.slice(pieces * breadth);
        self.embed(&inputs, states, &mut scratch.normed);
        keep_states(outputs, states, breadth, false);
        for turn in self.turns(request) {
            let projected = scratch.projected.slice(pieces * turn.projected);
            let input = match &turn.layer.attention_norm {
                Some(norm) if turn.normalises_input => self.normed(states, norm, &mut scratch.normed),
                _ => &*states,
            };
            turn.layer.attention_input.multiply(input, projected, turn.projected, Destination::Overwrite);
            let contexts = scratch.contexts.slice(pieces * heads);
            let mut start = 0;
            for output in outputs.iter_mut() {
                let end = start + output.input.len();
                let projected = &mut projected[start * turn.projected..end * turn.projected];
                let mixes = request.kind.is_of_layers() && output.wants_maps();
                let needed = !turn.ends_at_attention || (mixes && request.kind.reads_values());
                let mut contexts = needed.then(|| &mut contexts[start * heads..end * heads]);
                let mixing = mixes.then_some(&mut scratch.mixing.gathered);
                self.prepare(&turn, &angles, projected);
                let masking = |index| request.masked_heads.get(&AttentionHead { layer: turn.index, index }).copied();
                let work = (0..self.spec.grid.heads).map(|index| (index, masking(index)));
                let made = (contexts.as_deref_mut(), mixing);
                self.attend(&turn, projected, work, None, made, request.kind, output, &mut scratch.heads);
                if mixes {
                    let contexts = contexts.as_deref().unwrap_or_default();
                    let sentence = Sentence { states: &states[start * breadth..end * breadth], contexts };
                    let map = &mut scratch.heads.map;
                    let room = Room { map, expanded: &mut scratch.expanded, normed: &mut scratch.normed };
                    self.mix(request.kind, &turn, sentence, &mut scratch.mixing, room, output);
                }
                start = end;
            }
            if turn.ends_at_attention {
                break;
            }
            self.finish(&turn, contexts, states, &mut scratch.expanded, &mut scratch.normed);
            keep_states(outputs, states, breadth, turn.is_last);
        }
    }

    fn turns<'a>(&'a self, request: &Request) -> impl Iterator<Item = Turn<'a>> + use<'a> {
        let (spec, kind) = (&self.spec, request.kind);
        spec.walk(Last::of(request) == Last::States).map(move |Step { layer: index, stored, ends_at_attention }| {
            let parts = if ends_at_attention && !kind.reads_values() { 1 } else { 2 };
            Turn {
                index,
                layer: &self.layers[stored],
                normalises_input: spec.normalises_input(index),
                projected: spec.heads_width() + parts * spec.keys_width(),
                ends_at_attention,
                is_last: index + 1 == spec.grid.layers,
            }
        })
    }

    /// states `[piece][breadth]` ← the embeddings' sum, normalised, and projected where the model does so.
    fn embed(&self, inputs: &[&Pieces], states: &mut [f32], room: &mut Buffer) {
        let Some(projection) = &self.projection else { return self.embed_narrow(inputs, states) };
        let breadth = self.spec.breadth;
        let narrow = room.slice(states.len() / breadth * self.spec.embedding.width);
        self.embed_narrow(inputs, narrow);
        projection.multiply(narrow, states, breadth, Destination::Overwrite);
        add_bias(self.set, states, &projection.bias);
    }

    /// states `[piece][width of embeddings]` ← norm(word + segment + position).
    fn embed_narrow(&self, inputs: &[&Pieces], states: &mut [f32]) {
        let embedding = &self.spec.embedding;
        let Embeddings { words, positions, segments, norm, .. } = &self.embeddings;
        let pieces = inputs.iter().flat_map(|input| input.ids.iter().zip(&input.segments).enumerate());
        for ((position, (&id, &segment)), state) in pieces.zip(states.chunks_exact_mut(embedding.width)) {
            state.copy_from_slice(row(words, id as usize, embedding.width));
            let mut add = |row: &[f32]| state.iter_mut().zip(row).for_each(|(x, y)| *x += y);
            if embedding.segments > 0 {
                add(row(segments, (segment as usize).min(embedding.segments - 1), embedding.width));
            }
            if let Positions::Learned { offset, .. } = embedding.positions {
                add(row(positions, offset + position, embedding.width));
            }
        }
        if let Some(norm) = norm {
            normalise(self.set, states, None, norm, self.spec.norm);
        }
    }

    /// The states, normalised, in `room`.
    fn normed<'a>(&self, states: &[f32], norm: &LayerNorm, room: &'a mut Buffer) -> &'a [f32] {
        let normed = room.slice(states.len());
        normed.copy_from_slice(states);
        normalise(self.set, normed, None, norm, self.spec.norm);
        normed
    }

    /// Some heads of one layer on one sentence, each with how it is masked: its maps to `output`, or to where they are
    /// gathered, its contexts `[row][heads]` to `contexts`, for all rows or those that are named.
    #[allow(clippy::too_many_arguments, reason = "what is read, what is written and where there is room")]
    fn attend(
        &self,
        turn: &Turn<'_>,
        projected: &[f32],
        work: impl Iterator<Item = (usize, Option<Masking>)>,
        rows: Option<&[usize]>,
        (mut contexts, mut gathered): (Option<&mut [f32]>, Option<&mut Gathered>),
        kind: AttentionKind,
        output: &mut Output<'_>,
        scratch: &mut HeadsScratch,
    ) {
        let (spec, set, stride) = (&self.spec, self.set, turn.projected);
        let HeadsScratch { map, operands, relative, transformed } = scratch;
        let layer = spec.attention.of_layer(turn.index);
        for (index, mask) in work {
            let head = Head::new(spec, layer, projected, stride, index);
            let name = AttentionHead { layer: turn.index, index };
            let (table, distances) = (&self.embeddings.relative, turn.layer.distances.as_ref());
            let added = terms(spec.attention.relative.as_ref(), table, distances, head, relative);
            let mut compute =
                |map: &mut [f32]| attend(set, head, Task { added, mask, rows }, operands, map, contexts.as_deref_mut());
            let of_output = &turn.layer.attention_output;
            if let Some(gathered) = gathered.as_deref_mut() {
                gathered.head(kind, (head, spec.grid.heads), of_output, compute);
                continue;
            }
            let number = if kind.is_of_layers() { turn.index } else { spec.grid.number(name) };
            output.map(number, map, |map| {
                compute(map);
                if kind == AttentionKind::Norms {
                    scale_by_norms(head, of_output, transformed, map);
                }
            });
        }
    }

    /// Makes a sentence's queries, keys and values of what the layer's product left: adds their bias, normalises and turns
    /// queries and keys where the model does so. This pass also brings the rows into the second-level cache, from where the
    /// heads take their narrow parts.
    fn prepare(&self, turn: &Turn<'_>, angles: &Turned, projected: &mut [f32]) {
        let (spec, stride) = (&self.spec, turn.projected);
        let (queries, keys) = (spec.heads_width(), spec.keys_width());
        add_bias(self.set, projected, &turn.layer.attention_input.bias[..stride]);
        if let (Some(of_queries), Some(of_keys)) = (&turn.layer.query_norm, &turn.layer.key_norm) {
            for row in projected.chunks_exact_mut(stride) {
                normalise(self.set, &mut row[..queries], None, of_queries, spec.norm);
                normalise(self.set, &mut row[queries..queries + keys], None, of_keys, spec.norm);
            }
        }
        if let Some(angles) = angles.of(spec.attention.of_layer(turn.index).rotary) {
            let heads = spec.grid.heads + spec.attention.key_value_heads;
            rotate(self.set, projected, stride, heads, spec.head_width(), angles);
        }
    }

    /// What follows attention in a layer: states ← its output, from its contexts and its input; normalised after the last,
    /// where the model does so.
    fn finish(&self, turn: &Turn<'_>, contexts: &[f32], states: &mut [f32], expanded: &mut Buffer, room: &mut Buffer) {
        self.blocks(turn.layer, contexts, states, expanded, room);
        if let Some(norm) = self.final_norm.as_ref().filter(|_| turn.is_last) {
            normalise(self.set, states, None, norm, self.spec.norm);
        }
    }

    /// states ← what a layer makes of its contexts and its input.
    fn blocks(&self, layer: &Layer, contexts: &[f32], states: &mut [f32], expanded: &mut Buffer, room: &mut Buffer) {
        let breadth = self.spec.breadth;
        if self.spec.order != Order::Parallel {
            layer.attention_output.multiply(contexts, states, breadth, Destination::Add);
            return self.follow(layer, states, expanded, room);
        }
        let input = self.normed(states, &layer.output_norm, room);
        layer.attention_output.multiply(contexts, states, breadth, Destination::Add);
        add_bias(self.set, states, &layer.attention_output.bias);
        self.feed_forward(layer, Some(input), states, expanded);
        add_bias(self.set, states, &layer.contract.bias);
    }

    /// states ← what a layer whose blocks go in turn makes of the sum of its input and its attention, the bias of which is
    /// still to come.
    fn follow(&self, layer: &Layer, states: &mut [f32], expanded: &mut Buffer, room: &mut Buffer) {
        let (set, shape) = (self.set, self.spec.norm);
        if let Some(norm) = layer.attention_norm.as_ref().filter(|_| self.spec.order == Order::Post) {
            normalise(set, states, Some(&layer.attention_output.bias), norm, shape);
            self.feed_forward(layer, None, states, expanded);
            normalise(set, states, Some(&layer.contract.bias), &layer.output_norm, shape);
            return;
        }
        add_bias(set, states, &layer.attention_output.bias);
        let input = self.normed(states, &layer.output_norm, room);
        self.feed_forward(layer, Some(input), states, expanded);
        add_bias(set, states, &layer.contract.bias);
    }

    /// states ← states + the feed-forward block of its input, which is the states themselves where there is none, without the
    /// last bias.
    fn feed_forward(&self, layer: &Layer, input: Option<&[f32]>, states: &mut [f32], expanded: &mut Buffer) {
        let (breadth, activation) = (self.spec.breadth, self.spec.feed_forward.activation);
        let columns = layer.expand.outputs;
        let expanded = expanded.slice(states.len() / breadth * columns);
        layer.expand.multiply(input.unwrap_or(states), expanded, columns, Destination::Overwrite);
        if layer.gated {
            activate_gates(self.set, expanded, &layer.expand.bias, activation);
        } else {
            activate(self.set, expanded, &layer.expand.bias, activation);
        }
        let rows = Strided { values: expanded, stride: columns };
        layer.contract.multiply_strided(rows, states, breadth, Destination::Add);
    }

    fn pool(&self) -> MutexGuard<'_, Vec<Scratch>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Encode for PackedEncoder {
    fn chunk_pieces(&self) -> usize {
        CHUNK
    }

    fn is_alike_in_any_chunk(&self) -> bool {
        true
    }

    fn encode_as(&self, inputs: &[&Pieces], request: &Request, with_maps: &dyn Fn(usize) -> bool) -> Vec<Encoded> {
        let mut encoded = Vec::with_capacity(inputs.len());
        self.with_scratch(|scratch| {
            while encoded.len() < inputs.len() {
                let chunk = encoded.len()..encoded.len() + chunk_length(&inputs[encoded.len()..]);
                let company = in_company(&inputs[chunk.clone()]);
                let outputs = company.iter().zip(chunk.clone().chain([chunk.start])).map(|(input, number)| {
                    let attention = request.attention.filter(|_| with_maps(number));
                    Output::new(input, &self.spec, attention, request)
                });
                let outputs = outputs.collect();
                encoded.extend(self.encode_chunk(outputs, request, scratch).into_iter().take(chunk.len()));
            }
        });
        encoded
    }

    fn encode_each(
        &self,
        inputs: &[&Pieces],
        request: &Request,
        masks: &[&HeadMask],
        see: &mut dyn FnMut(usize, Vec<Encoded>),
    ) {
        if request.kind.is_of_layers() {
            // A map of a layer is of all its heads: sets have none of its parts in common.
            return self.encode_apart(inputs, request, masks, see);
        }
        let (company, count) = (in_company(inputs), inputs.len());
        let branches = Branches::new(self, &company, request, None, masks);
        let finish = |outputs: Vec<Output<'_>>| {
            outputs.into_iter().take(count).map(|output| output.finish(&self.spec)).collect()
        };
        self.with_scratch(|scratch| branches.walk(scratch, |set, _, outputs| see(set, finish(outputs))));
    }
}

/// The inputs of a chunk, a lone piece with a copy of itself: a product of a single row would take another way and round elsewhere.
fn in_company<'i, 'a>(inputs: &'i [&'a Pieces]) -> Cow<'i, [&'a Pieces]> {
    match inputs {
        [only] if only.len() == 1 => Cow::Owned(vec![*only; 2]),
        _ => Cow::Borrowed(inputs),
    }
}

/// How many of the first inputs make a chunk: as many as it takes to fill it.
fn chunk_length(inputs: &[&Pieces]) -> usize {
    let mut pieces = 0;
    let begins_within = |input: &&&Pieces| {
        let begins_within = pieces < CHUNK;
        pieces += input.len();
        begins_within
    };
    inputs.iter().take_while(begins_within).count()
}

/// One row of a table of embeddings `[index][width]`.
fn row(table: &[f32], index: usize, width: usize) -> &[f32] {
    &table[index * width..][..width]
}

/// Hands each input its rows of `states` `[piece][breadth]`, which are those after the last layer or not.
fn keep_states(outputs: &mut [Output<'_>], states: &[f32], breadth: usize, are_final: bool) {
    let mut rest = states;
    for output in outputs {
        let (own, after) = rest.split_at(output.input.len() * breadth);
        output.states(own, are_final);
        rest = after;
    }
}
