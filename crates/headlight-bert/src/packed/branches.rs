//! Several sets of masked heads on the same inputs: what they have in common is computed once.
//!
//! Sets that mask the same heads below a layer share its input, and with it queries, keys, values and the contexts of the heads
//! that all of them treat alike; from there each goes its own way, as a tree of layers branches. Of the last layer only those
//! rows are computed that are asked for. Pieces that stand in many inputs at the same place enter the first layer once: those
//! of a sentence whose pieces are breadth in turn.
//!
//! Every number is what it is when its set and its input go alone, to the bit.

use std::{collections::HashMap, mem::take};

use headlight_attention::AttentionHead;

use super::{
    HeadsScratch, PackedEncoder, Scratch, Turn, Turned, keep_states, layer::Destination, output::Output, rows::gather,
    scratch::Buffer,
};
use crate::{HeadMask, Masking, Pieces, Request};

/// The inputs of a chunk and what is done to them.
pub(super) struct Branches<'a> {
    encoder: &'a PackedEncoder,
    inputs: &'a [&'a Pieces],
    request: &'a Request,
    masks: &'a [&'a HeadMask],
    /// The rows of each input that are computed in the last layer; `None`: all.
    rows: Option<Vec<Vec<usize>>>,
    /// The same rows among those of all inputs.
    picked: Vec<usize>,
    /// Rows of final states that are handed on.
    wanted: usize,
    turns: Vec<Turn<'a>>,
    angles: Turned,
    alike: Option<Alike>,
}

/// Sets that have not parted yet.
struct Branch<'a> {
    /// Their numbers.
    sets: Vec<usize>,
    outputs: Vec<Output<'a>>,
}

/// Is shown a set's number, its final states and what is known of the inputs.
type See<'s, 'a> = dyn FnMut(usize, &[f32], Vec<Output<'a>>) + 's;

/// How each head of a layer is masked.
type LayerMask = Vec<Option<Masking>>;

/// A worker's memory for branches.
#[derive(Default)]
pub(super) struct BranchScratch {
    /// For each layer, and for what leaves the last.
    levels: Vec<Level>,
    made: Made,
    /// `[row][…]` of the rows that differ in the first layer: its input, and its products.
    differing: [Buffer; 2],
}

/// What is remembered of a layer while a branch is followed.
#[derive(Default)]
struct Level {
    /// `[piece][breadth]`: its input.
    states: Buffer,
    /// Where sets part there, what they have in common.
    made: Made,
}

/// What a layer's attention makes of its input.
#[derive(Default)]
struct Made {
    /// `[piece][…]`: queries, keys and values.
    projected: Buffer,
    /// `[row][heads]`: the heads' outputs, side by side.
    contexts: Buffer,
}

/// Memory that a layer needs on its turn alone.
struct Room<'r> {
    made: &'r mut Made,
    differing: &'r mut [Buffer; 2],
    expanded: &'r mut Buffer,
    normed: &'r mut Buffer,
    heads: &'r mut HeadsScratch,
}

/// Rows of the first layer's input that are the same piece at the same place.
struct Alike {
    /// The row where each is met first.
    first: Vec<usize>,
    /// Of each row, which of them it is.
    number: Vec<usize>,
}

impl Alike {
    /// `None` where it would save little.
    fn of(inputs: &[&Pieces]) -> Option<Self> {
        let (mut first, mut number, mut known) = (Vec::new(), Vec::new(), HashMap::new());
        for input in inputs {
            for place in input.ids.iter().zip(&input.segments).enumerate() {
                let row = number.len();
                number.push(*known.entry(place).or_insert_with(|| {
                    first.push(row);
                    first.len() - 1
                }));
            }
        }
        // A product of a single row would take another way and round elsewhere.
        (first.len() > 1 && 2 * first.len() < number.len()).then_some(Self { first, number })
    }
}

impl<'a> Branches<'a> {
    /// `rows` names the rows of each input that are wanted of the last layer; else all are.
    pub(super) fn new(
        encoder: &'a PackedEncoder,
        inputs: &'a [&'a Pieces],
        request: &'a Request,
        rows: Option<&[&[usize]]>,
        masks: &'a [&'a HeadMask],
    ) -> Self {
        let pieces = inputs.iter().map(|input| input.len()).sum::<usize>();
        let longest = inputs.iter().map(|input| input.len()).max().unwrap_or(0);
        let rows: Option<Vec<Vec<usize>>> = rows.map(|rows| rows.iter().map(|rows| rows.to_vec()).collect());
        let wanted = rows.as_ref().map_or(pieces, |rows| rows.iter().map(Vec::len).sum());
        let mut start = 0;
        let mut picked = Vec::new();
        for (input, rows) in inputs.iter().zip(rows.iter().flatten()) {
            picked.extend(rows.iter().map(|row| start + row));
            start += input.len();
        }
        Self {
            encoder,
            inputs,
            request,
            masks,
            rows,
            picked,
            wanted,
            turns: encoder.turns(request).collect(),
            angles: Turned::new(&encoder.spec, longest),
            alike: Alike::of(inputs),
        }
    }

    /// Shows for each set its number, the final states `[row][breadth]` of the rows that are wanted, and what is known of the
    /// inputs.
    pub(super) fn walk(&self, scratch: &mut Scratch, mut see: impl FnMut(usize, &[f32], Vec<Output<'a>>)) {
        let none = Request::default();
        // Where rows are wanted, states are not kept input by input.
        let request = if self.rows.is_some() { &none } else { self.request };
        let spec = &self.encoder.spec;
        let mut outputs: Vec<Output<'_>> =
            self.inputs.iter().map(|input| Output::new(input, spec, request.attention, request)).collect();
        if self.wanted == 0 {
            return (0..self.masks.len()).for_each(|set| see(set, &[], outputs.clone()));
        }
        let Scratch { expanded, normed, heads, branches, .. } = scratch;
        let BranchScratch { levels, made, differing } = branches;
        levels.resize_with(levels.len().max(self.turns.len() + 1), Level::default);
        let states = levels[0].states.slice(self.pieces() * spec.breadth);
        self.encoder.embed(self.inputs, states, normed);
        keep_states(&mut outputs, states, spec.breadth, false);
        let mut room = Room { made, differing, expanded, normed, heads };
        let trunk = Branch { sets: (0..self.masks.len()).collect(), outputs };
        self.follow(&self.turns, trunk, levels, &mut room, &mut see);
    }

    /// Takes a branch through the layers that are left. Its states stand in the first of `levels`.
    fn follow(
        &self,
        turns: &[Turn<'_>],
        branch: Branch<'a>,
        levels: &mut [Level],
        room: &mut Room<'_>,
        see: &mut See<'_, 'a>,
    ) {
        let (Some((level, above)), spec) = (levels.split_first_mut(), &self.encoder.spec) else { return };
        let Some((turn, turns)) = turns.split_first() else {
            let states = &*level.states.slice(self.wanted * spec.breadth);
            return branch.for_each(|set, outputs| see(set, states, outputs));
        };
        let mut parts = self.parts(turn, branch.sets);
        let common = common(&parts);
        // A branch that does not part here needs the layer no more when it goes on.
        let parting = parts.len() > 1;
        let mut made = take(if parting { &mut level.made } else { &mut *room.made });
        let states = &*level.states.slice(self.pieces() * spec.breadth);
        let projected = &*self.project(turn, states, &mut made.projected, room);
        let contexts = made.contexts.slice(self.rows(turn) * spec.heads_width());
        let mut outputs = branch.outputs;
        self.attend(turn, projected, || common.iter().copied().enumerate(), contexts, &mut outputs, room.heads);
        while let Some((mask, sets)) = parts.pop() {
            let mut outputs = if parts.is_empty() { take(&mut outputs) } else { outputs.clone() };
            let parted = || mask.iter().copied().enumerate().filter(|(head, masking)| common[*head] != *masking);
            let own = match parted().next() {
                Some(_) => {
                    let own = room.made.contexts.slice(contexts.len());
                    own.copy_from_slice(contexts);
                    self.attend(turn, projected, parted, own, &mut outputs, room.heads);
                    own
                }
                None => &mut *contexts,
            };
            if !turn.ends_at_attention {
                self.finish(turn, states, own, &mut above[0], [room.expanded, room.normed], &mut outputs);
            }
            let branch = Branch { sets, outputs };
            if !parting {
                *room.made = made;
                return self.go_on(turn, turns, branch, above, room, see);
            }
            self.go_on(turn, turns, branch, above, room, see);
        }
        level.made = made;
    }

    /// Follows a branch beyond a layer.
    fn go_on(
        &self,
        turn: &Turn<'_>,
        turns: &[Turn<'_>],
        branch: Branch<'a>,
        above: &mut [Level],
        room: &mut Room<'_>,
        see: &mut See<'_, 'a>,
    ) {
        match turn.ends_at_attention {
            true => branch.for_each(|set, outputs| see(set, &[], outputs)),
            false => self.follow(turns, branch, above, room, see),
        }
    }

    /// Queries, keys and values of all inputs.
    fn project<'r>(
        &self,
        turn: &Turn<'_>,
        states: &[f32],
        projected: &'r mut Buffer,
        Room { differing: [differing, products], normed, .. }: &mut Room<'_>,
    ) -> &'r mut [f32] {
        let (encoder, breadth, width) = (self.encoder, self.encoder.spec.breadth, turn.projected);
        let projected = projected.slice(self.pieces() * width);
        let input = match &turn.layer.attention_norm {
            Some(norm) if turn.normalises_input => encoder.normed(states, norm, normed),
            _ => states,
        };
        let projection = &turn.layer.attention_input;
        match self.alike.as_ref().filter(|_| turn.index == 0) {
            Some(Alike { first, number }) => {
                let rows = differing.slice(first.len() * breadth);
                gather(input, first, breadth, rows);
                let products = products.slice(first.len() * width);
                projection.multiply(rows, products, width, Destination::Overwrite);
                gather(products, number, width, projected);
            }
            None if self.rows.is_some() && turn.is_last => {
                // Every piece has a key and a value; queries have only the rows that are wanted.
                let queries = encoder.spec.heads_width();
                projection.multiply_columns(input, queries..width, (&mut *projected, width));
                let wanted = differing.slice(self.picked.len() * breadth);
                gather(input, &self.picked, breadth, wanted);
                let products = products.slice(wanted.len() / breadth * queries);
                projection.multiply(wanted, products, queries, Destination::Overwrite);
                projected.chunks_exact_mut(width).for_each(|row| row[..queries].fill(0.0));
                for (row, to) in products.chunks_exact(queries).zip(&self.picked) {
                    projected[to * width..][..queries].copy_from_slice(row);
                }
            }
            None => projection.multiply(input, projected, width, Destination::Overwrite),
        }
        let mut rest = &mut *projected;
        for input in self.inputs {
            let (own, after) = rest.split_at_mut(input.len() * width);
            encoder.prepare(turn, &self.angles, own);
            rest = after;
        }
        projected
    }

    /// What some heads make of all inputs, each masked as `work` says.
    fn attend<W: Iterator<Item = (usize, Option<Masking>)>>(
        &self,
        turn: &Turn<'_>,
        projected: &[f32],
        work: impl Fn() -> W,
        contexts: &mut [f32],
        outputs: &mut [Output<'a>],
        scratch: &mut HeadsScratch,
    ) {
        let (kind, heads) = (self.request.kind, self.encoder.spec.heads_width());
        let (mut projected, mut contexts) = (projected, contexts);
        for (number, output) in outputs.iter_mut().enumerate() {
            let rows = self.rows_of(turn, number);
            let (own, after) = projected.split_at(output.input.len() * turn.projected);
            let (made, rest) = contexts.split_at_mut(rows.map_or(output.input.len(), <[usize]>::len) * heads);
            let made = (!turn.ends_at_attention).then_some(made);
            self.encoder.attend(turn, own, work(), rows, (made, None), kind, output, scratch);
            (projected, contexts) = (after, rest);
        }
    }

    /// What follows attention, from the layer's input to that of the layer above.
    fn finish(
        &self,
        turn: &Turn<'_>,
        states: &[f32],
        contexts: &[f32],
        above: &mut Level,
        [expanded, normed]: [&mut Buffer; 2],
        outputs: &mut [Output<'a>],
    ) {
        let breadth = self.encoder.spec.breadth;
        let next = above.states.slice(self.rows(turn) * breadth);
        match self.rows.as_ref().filter(|_| turn.is_last) {
            Some(_) => gather(states, &self.picked, breadth, next),
            None => next.copy_from_slice(states),
        }
        self.encoder.finish(turn, contexts, next, expanded, normed);
        if self.rows.is_none() {
            keep_states(outputs, next, breadth, turn.is_last);
        }
    }

    fn pieces(&self) -> usize {
        self.inputs.iter().map(|input| input.len()).sum()
    }

    /// The rows of an input that a layer computes behind its keys and values; `None`: all.
    fn rows_of(&self, turn: &Turn<'_>, input: usize) -> Option<&[usize]> {
        let rows = self.rows.as_ref().filter(|_| turn.is_last);
        rows.map(|rows| rows[input].as_slice())
    }

    /// How many these are of all inputs.
    fn rows(&self, turn: &Turn<'_>) -> usize {
        let rows = |(number, input): (usize, &&Pieces)| self.rows_of(turn, number).map_or(input.len(), <[usize]>::len);
        self.inputs.iter().enumerate().map(rows).sum()
    }

    /// Sets, by how they mask the heads of a layer.
    fn parts(&self, turn: &Turn<'_>, sets: Vec<usize>) -> Vec<(LayerMask, Vec<usize>)> {
        let mut parts: Vec<(LayerMask, Vec<usize>)> = Vec::new();
        for set in sets {
            let masking = |index| self.masks[set].get(&AttentionHead { layer: turn.index, index }).copied();
            let mask: LayerMask = (0..self.encoder.spec.grid.heads).map(masking).collect();
            match parts.iter_mut().find(|(known, _)| *known == mask) {
                Some((_, sets)) => sets.push(set),
                None => parts.push((mask, vec![set])),
            }
        }
        parts
    }
}

/// Each head as all parts mask it, not masked where they do not agree.
fn common(parts: &[(LayerMask, Vec<usize>)]) -> LayerMask {
    let Some(((first, _), others)) = parts.split_first() else { return LayerMask::new() };
    let agreed = |(head, masking): (usize, &Option<Masking>)| {
        masking.filter(|_| others.iter().all(|(other, _)| other[head] == *masking))
    };
    first.iter().enumerate().map(agreed).collect()
}

impl<'a> Branch<'a> {
    fn for_each(self, mut see: impl FnMut(usize, Vec<Output<'a>>)) {
        let Some((last, others)) = self.sets.split_last() else { return };
        others.iter().for_each(|set| see(*set, self.outputs.clone()));
        see(*last, self.outputs);
    }
}
