//! What is gathered of an input while the layers go by.

use headlight_attention::{AttentionMaps, MergeRule, WordAttention, merge_map};

use super::scratch::Buffer;
use crate::{Encoded, HiddenStates, Level, ModelSpec, Pieces, Request};

/// An input and the part of its [`Encoded`] that is known so far.
pub(crate) struct Output<'a> {
    pub input: &'a Pieces,
    attention: Option<Attention>,
    hidden: Option<Vec<f32>>,
}

/// Maps of all heads `[layer, head, from, to]`, filled in as they are computed.
enum Attention {
    Pieces(Vec<f32>),
    Words(MergeRule, Vec<f32>),
}

impl<'a> Output<'a> {
    pub(crate) fn new(input: &'a Pieces, spec: &ModelSpec, request: &Request) -> Self {
        let room = |positions: usize| vec![0.0; spec.grid.len() * positions * positions];
        let attention = request.attention.map(|level| match level {
            Level::Pieces => Attention::Pieces(room(input.len())),
            Level::Words(rule) => Attention::Words(rule, room(input.alignment.words().len() + 2)),
        });
        let states = (spec.grid.layers + 1) * input.len() * spec.hidden;
        Self { input, attention, hidden: request.hidden_states.then(|| Vec::with_capacity(states)) }
    }

    /// Has `compute` write the map over pieces of the head with this running number, and keeps it as it is wanted. A map
    /// that is not kept itself is computed in `room`.
    pub(crate) fn map(&mut self, number: usize, room: &mut Buffer, compute: impl FnOnce(&mut [f32])) {
        let area = self.input.len() * self.input.len();
        match &mut self.attention {
            Some(Attention::Pieces(maps)) => compute(&mut maps[number * area..][..area]),
            Some(Attention::Words(rule, words)) => {
                let map = room.slice(area);
                compute(map);
                let positions = self.input.alignment.words().len() + 2;
                let merged = &mut words[number * positions * positions..][..positions * positions];
                merge_map(map, &self.input.alignment, *rule, merged);
            }
            None => compute(room.slice(area)),
        }
    }

    /// Keeps the input's states `[piece][hidden]` after the embeddings or after a layer, where they are wanted.
    pub(crate) fn states(&mut self, states: &[f32]) {
        if let Some(hidden) = &mut self.hidden {
            hidden.extend_from_slice(states);
        }
    }

    pub(crate) fn finish(self, spec: &ModelSpec) -> Encoded {
        let (grid, pieces) = (spec.grid, self.input.len());
        let (maps, words) = match self.attention {
            Some(Attention::Pieces(maps)) => (AttentionMaps::new(grid, pieces, maps), None),
            Some(Attention::Words(_, words)) => {
                (None, WordAttention::new(grid, self.input.alignment.words().len(), words))
            }
            None => (None, None),
        };
        let hidden = self.hidden.and_then(|states| HiddenStates::new(grid.layers + 1, pieces, spec.hidden, states));
        Encoded { maps, words, hidden }
    }
}
