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
mod functions;
mod layer;
mod masked_lm;
mod norms;
mod output;
mod rows;
mod scratch;
mod simd;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use headlight_attention::AttentionHead;
use rayon::prelude::*;

use crate::{
    Architecture, AttentionKind, BertWeights, Embeddings, FeedForward, HeadMask, Pieces, Request,
    architecture::Step,
    request::{Encode, Encoded},
};
use attention::{Head, HeadScratch, attend};
use layer::{Destination, Layer};
pub(crate) use masked_lm::Head as MaskedLmHead;
use norms::scale_by_norms;
use output::{MapScratch, Output};
use rows::{activate, add_bias, normalise};
use scratch::Buffer;
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
    layers: Vec<Layer>,
    set: InstructionSet,
    pool: Mutex<Vec<Scratch>>,
}

/// A worker's memory: the rows of one chunk, and what one head needs.
#[derive(Default)]
struct Scratch {
    /// `[piece][hidden]`: the input of a layer, and in the end its output.
    states: Buffer,
    /// `[piece][3·hidden]`: queries, keys and values.
    projected: Buffer,
    /// `[piece][hidden]`: the heads' outputs, side by side.
    contexts: Buffer,
    /// `[piece][intermediate]`.
    expanded: Buffer,
    heads: HeadsScratch,
}

/// What one head needs.
#[derive(Default)]
struct HeadsScratch {
    map: MapScratch,
    operands: HeadScratch,
    /// `[piece][hidden]`: its values, transformed.
    transformed: Buffer,
}

/// One layer on its turn.
struct Turn<'a> {
    index: usize,
    layer: &'a Layer,
    /// Width of a row of the fused projection, as far as it is needed: queries and keys, and mostly values.
    projected: usize,
    /// Whether nothing of this layer is wanted but its attention.
    ends_at_attention: bool,
    /// Whether no layer follows.
    is_last: bool,
}

/// What is wanted of the last layer.
#[derive(Clone, Copy)]
enum Last<'a> {
    /// Its attention.
    Attention,
    /// All that it yields.
    Whole,
    /// What it yields for these rows of the chunk, in ascending order.
    Rows(&'a [usize]),
}

impl PackedEncoder {
    /// Takes the weights over and transposes them, layer by layer on the threads of the current rayon pool.
    pub fn new(spec: &Architecture, weights: BertWeights) -> Self {
        let layers = weights.layers.into_par_iter().map(Layer::from).collect();
        let (spec, set, pool) = (spec.clone(), InstructionSet::best(), Mutex::default());
        tracing::debug!(vectors = %set, "packed encoder ready");
        Self { spec, embeddings: weights.embeddings, layers, set, pool }
    }

    /// The weights as a checkpoint has them, without a masked-language-model head.
    pub(crate) fn to_weights(&self) -> BertWeights {
        let layers = self.layers.iter().map(Layer::to_weights).collect();
        BertWeights { embeddings: self.embeddings.clone(), layers, masked_lm: None }
    }

    /// Answers the request for each input, in order, on the calling thread.
    ///
    /// # Panics
    /// May panic when an input does not pass [`Pieces::check`].
    pub fn encode(&self, inputs: &[&Pieces], request: &Request) -> Vec<Encoded> {
        Encode::encode(self, inputs, request)
    }

    /// The final states `[row][hidden]` of the rows that are asked for, one chunk's after another's: `rows` names positions
    /// of each input, in ascending order. The last layer does nothing for other rows that they do not need.
    pub(crate) fn final_states(&self, inputs: &[&Pieces], rows: &[&[usize]], masked_heads: &HeadMask) -> Vec<f32> {
        let request = Request { masked_heads: masked_heads.clone(), ..Request::default() };
        let pooled = self.pool().pop();
        let mut scratch = pooled.unwrap_or_default();
        let (mut states, mut done) = (Vec::new(), 0);
        while done < inputs.len() {
            let chunk = done..done + chunk_length(&inputs[done..]);
            let mut outputs: Vec<Output<'_>> =
                inputs[chunk.clone()].iter().map(|input| Output::new(input, &self.spec, None, &request)).collect();
            let mut start = 0;
            let mut wanted = Vec::new();
            for (input, rows) in inputs[chunk.clone()].iter().zip(&rows[chunk.clone()]) {
                wanted.extend(rows.iter().map(|row| start + row));
                start += input.len();
            }
            self.walk_chunk(&mut outputs, &request, Last::Rows(&wanted), &mut scratch);
            states.extend_from_slice(scratch.states.slice(wanted.len() * self.spec.hidden));
            done = chunk.end;
        }
        self.pool().push(scratch);
        states
    }

    /// Encodes the inputs of one chunk, as far as `outputs` has room for what they yield.
    fn encode_chunk(&self, mut outputs: Vec<Output<'_>>, request: &Request, scratch: &mut Scratch) -> Vec<Encoded> {
        let last = if request.hidden_states { Last::Whole } else { Last::Attention };
        self.walk_chunk(&mut outputs, request, last, scratch);
        outputs.into_iter().map(|output| output.finish(&self.spec)).collect()
    }

    /// Takes the inputs of one chunk through the layers. Their final states are left at the front of `scratch.states`, as far
    /// as `last` wants any.
    fn walk_chunk(&self, outputs: &mut [Output<'_>], request: &Request, last: Last<'_>, scratch: &mut Scratch) {
        let hidden = self.spec.hidden;
        let inputs: Vec<&Pieces> = outputs.iter().map(|output| output.input).collect();
        let pieces = inputs.iter().map(|input| input.len()).sum::<usize>();
        let states = scratch.states.slice(pieces * hidden);
        self.embed(&inputs, states);
        keep_states(outputs, states, hidden);
        for turn in self.turns(request.kind, last) {
            let projected = scratch.projected.slice(pieces * turn.projected);
            turn.layer.attention_input.multiply(states, projected, turn.projected, Destination::Overwrite);
            let contexts = scratch.contexts.slice(pieces * hidden);
            let mut start = 0;
            for output in outputs.iter_mut() {
                let end = start + output.input.len();
                let projected = &mut projected[start * turn.projected..end * turn.projected];
                let contexts = (!turn.ends_at_attention).then(|| &mut contexts[start * hidden..end * hidden]);
                self.attend(&turn, projected, contexts, request, output, &mut scratch.heads);
                start = end;
            }
            if turn.ends_at_attention {
                break;
            }
            match last {
                Last::Rows(rows) if turn.is_last => {
                    // After attention each row goes its own way.
                    select_rows(contexts, rows, hidden);
                    select_rows(states, rows, hidden);
                    // A product of a single row would take another way and round elsewhere, so a second one goes with it.
                    let wanted = rows.len().max(2.min(pieces)) * hidden;
                    self.finish(turn.layer, &contexts[..wanted], &mut states[..wanted], &mut scratch.expanded);
                }
                _ => {
                    self.finish(turn.layer, contexts, states, &mut scratch.expanded);
                    keep_states(outputs, states, hidden);
                }
            }
        }
    }

    fn turns<'a>(&'a self, kind: AttentionKind, last: Last<'_>) -> impl Iterator<Item = Turn<'a>> + use<'a> {
        let (hidden, layers) = (self.spec.hidden, self.spec.grid.layers);
        self.spec.walk(!matches!(last, Last::Attention)).map(move |Step { layer: index, ends_at_attention }| {
            let parts = if ends_at_attention && kind == AttentionKind::Weights { 2 } else { 3 };
            let is_last = index + 1 == layers;
            Turn { index, layer: &self.layers[index], projected: parts * hidden, ends_at_attention, is_last }
        })
    }

    /// states `[piece][hidden]` ← LayerNorm(word + position + segment).
    fn embed(&self, inputs: &[&Pieces], states: &mut [f32]) {
        let hidden = self.spec.hidden;
        let Embeddings { words, positions, segments, norm } = &self.embeddings;
        let pieces = inputs.iter().flat_map(|input| input.ids.iter().zip(&input.segments).enumerate());
        for ((position, (&id, &segment)), state) in pieces.zip(states.chunks_exact_mut(hidden)) {
            let word = embedding(words, id as usize, hidden);
            let position = embedding(positions, self.spec.positions.offset + position, hidden);
            if self.spec.segments == 0 {
                state.iter_mut().zip(word).zip(position).for_each(|((x, word), position)| *x = word + position);
                continue;
            }
            let segment = embedding(segments, segment as usize, hidden);
            for (((x, word), segment), position) in state.iter_mut().zip(word).zip(segment).zip(position) {
                *x = word + segment + position;
            }
        }
        normalise(self.set, states, None, norm, self.spec.norm.epsilon);
    }

    /// All heads of one layer on one sentence: its maps to `output`, its contexts `[piece][hidden]` to `contexts`.
    fn attend(
        &self,
        turn: &Turn<'_>,
        projected: &mut [f32],
        mut contexts: Option<&mut [f32]>,
        request: &Request,
        output: &mut Output<'_>,
        scratch: &mut HeadsScratch,
    ) {
        let Architecture { grid, hidden, .. } = self.spec;
        let HeadsScratch { map, operands, transformed } = scratch;
        let stride = turn.projected;
        // This pass also brings the rows into the second-level cache, from where the heads take their narrow parts.
        add_bias(self.set, projected, &turn.layer.attention_input.bias[..stride]);
        for index in 0..grid.heads {
            let head = Head { projected, stride, hidden, width: hidden / grid.heads, index };
            let name = AttentionHead { layer: turn.index, index };
            let masking = request.masked_heads.get(&name).copied();
            output.map(grid.number(name), map, |map| {
                attend(self.set, head, masking, operands, map, contexts.as_deref_mut());
                if request.kind == AttentionKind::Norms {
                    scale_by_norms(head, &turn.layer.attention_output, transformed, map);
                }
            });
        }
    }

    /// What follows attention in a layer: states ← its output, from its contexts and its input.
    fn finish(&self, layer: &Layer, contexts: &[f32], states: &mut [f32], expanded: &mut Buffer) {
        let Architecture { hidden, feed_forward, norm, .. } = self.spec;
        let (epsilon, FeedForward { width: intermediate, activation }) = (norm.epsilon, feed_forward);
        layer.attention_output.multiply(contexts, states, hidden, Destination::Add);
        normalise(self.set, states, Some(&layer.attention_output.bias), &layer.attention_norm, epsilon);
        let expanded = expanded.slice(states.len() / hidden * intermediate);
        layer.expand.multiply(states, expanded, intermediate, Destination::Overwrite);
        activate(self.set, expanded, &layer.expand.bias, activation);
        layer.contract.multiply(expanded, states, hidden, Destination::Add);
        normalise(self.set, states, Some(&layer.contract.bias), &layer.output_norm, epsilon);
    }

    fn pool(&self) -> MutexGuard<'_, Vec<Scratch>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Encode for PackedEncoder {
    fn chunk_pieces(&self) -> usize {
        CHUNK
    }

    fn encode_as(&self, inputs: &[&Pieces], request: &Request, attended: &dyn Fn(usize) -> bool) -> Vec<Encoded> {
        let pooled = self.pool().pop();
        let mut scratch = pooled.unwrap_or_default();
        let mut encoded = Vec::with_capacity(inputs.len());
        while encoded.len() < inputs.len() {
            let chunk = encoded.len()..encoded.len() + chunk_length(&inputs[encoded.len()..]);
            let output = |number: usize| {
                let attention = request.attention.filter(|_| attended(number));
                Output::new(inputs[number], &self.spec, attention, request)
            };
            encoded.extend(self.encode_chunk(chunk.map(output).collect(), request, &mut scratch));
        }
        self.pool().push(scratch);
        encoded
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

/// One row of a table of embeddings `[index][hidden]`.
fn embedding(table: &[f32], index: usize, hidden: usize) -> &[f32] {
    &table[index * hidden..][..hidden]
}

/// Moves the named rows `[row][width]`, which ascend, to the front.
fn select_rows(values: &mut [f32], rows: &[usize], width: usize) {
    for (to, &from) in rows.iter().enumerate() {
        values.copy_within(from * width..(from + 1) * width, to * width);
    }
}

/// Hands each input its rows of `states` `[piece][hidden]`.
fn keep_states(outputs: &mut [Output<'_>], states: &[f32], hidden: usize) {
    let mut rest = states;
    for output in outputs {
        let (own, after) = rest.split_at(output.input.len() * hidden);
        output.states(own);
        rest = after;
    }
}
