//! What is gathered of an input while the layers go by.

use headlight_attention::{
    AttentionMaps, AttentionPeaks, HeadGrid, MergeRule, NO_PEAK, PeakFinder, WordAttention, merge_map,
};

use super::scratch::Buffer;
use crate::{Architecture, Encoded, HiddenStates, Level, Pieces, Request};

/// An input and the part of its [`Encoded`] that is known so far.
#[derive(Clone)]
pub(crate) struct Output<'a> {
    pub input: &'a Pieces,
    /// What there is a map of; see [`crate::AttentionKind::grid`].
    grid: HeadGrid,
    /// The rollout up to the last layer that was met, `[from, to]`.
    pub rollout: Vec<f32>,
    /// Maps of all heads over pieces `[layer, head, from, to]`, filled in as they are computed.
    maps: Option<Vec<f32>>,
    /// The same over words.
    words: Option<(MergeRule, Vec<f32>)>,
    peaks: Option<Peaks>,
    states: Option<Vec<f32>>,
    /// Whether the states of all layers are kept, or the final ones alone.
    every_layer: bool,
}

/// Peaks of all heads `[row or column, layer, head, word]`, filled in as maps are computed.
#[derive(Clone)]
struct Peaks {
    rule: MergeRule,
    places: Vec<u16>,
}

/// Room for what of one map is not kept.
#[derive(Default)]
pub(crate) struct MapScratch {
    /// `[from, to]` over pieces.
    map: Buffer,
    /// `[from, to]` over words.
    merged: Buffer,
    finder: PeakFinder,
}

impl<'a> Output<'a> {
    /// Room for what the request asks for, with attention over what `attention` says in the place of its own.
    pub(crate) fn new(input: &'a Pieces, spec: &Architecture, attention: Option<Level>, request: &Request) -> Self {
        let (words, grid) = (input.alignment.words().len(), request.kind.grid(spec.grid));
        let room = |positions: usize| vec![0.0; grid.len() * positions * positions];
        let maps = attention.is_some_and(Level::pieces).then(|| room(input.len()));
        let merged = attention.and_then(Level::words).map(|rule| (rule, room(input.alignment.positions())));
        let peaks = request.peaks.map(|rule| Peaks { rule, places: vec![NO_PEAK; 2 * grid.len() * words] });
        let every_layer = request.states;
        let layers = if every_layer { spec.grid.layers + 1 } else { 1 };
        let room = || Vec::with_capacity(layers * input.len() * spec.breadth);
        let states = (every_layer || request.final_states).then(room);
        Self { input, grid, rollout: Vec::new(), maps, words: merged, peaks, states, every_layer }
    }

    /// Whether anything of its maps is kept.
    pub(crate) fn wants_maps(&self) -> bool {
        self.maps.is_some() || self.words.is_some() || self.peaks.is_some()
    }

    /// Has `compute` write the map over pieces of the head, or of the layer, with this running number, and keeps of it what is wanted while
    /// it is in cache. What is not kept itself is computed in `room`.
    pub(crate) fn map(&mut self, number: usize, room: &mut MapScratch, compute: impl FnOnce(&mut [f32])) {
        let MapScratch { map, merged, finder } = room;
        let alignment = &self.input.alignment;
        let (area, words) = (self.input.len().pow(2), alignment.words().len());
        let area_in_words = alignment.positions().pow(2);
        let map = match &mut self.maps {
            Some(maps) => &mut maps[number * area..][..area],
            None => map.slice(area),
        };
        compute(map);
        let kept = self.words.as_mut().map(|(rule, maps)| {
            let kept = &mut maps[number * area_in_words..][..area_in_words];
            merge_map(map, alignment, *rule, kept);
            (*rule, &*kept)
        });
        if let Some(peaks) = &mut self.peaks {
            let merged = match kept {
                Some((rule, kept)) if rule == peaks.rule => kept,
                _ if alignment.is_identity() => map,
                _ => {
                    let merged = merged.slice(area_in_words);
                    merge_map(map, alignment, peaks.rule, merged);
                    merged
                }
            };
            let half = peaks.places.len() / 2;
            let (by_row, by_column) = peaks.places.split_at_mut(half);
            let own = number * words..(number + 1) * words;
            finder.find(alignment.frame(), merged, &mut by_row[own.clone()], &mut by_column[own]);
        }
    }

    /// Keeps the input's states `[piece][breadth]` after the embeddings or after a layer, the last or not, where they are
    /// wanted.
    pub(crate) fn states(&mut self, states: &[f32], are_final: bool) {
        if let Some(kept) = self.states.as_mut().filter(|_| self.every_layer || are_final) {
            kept.extend_from_slice(states);
        }
    }

    pub(crate) fn finish(self, spec: &Architecture) -> Encoded {
        let (grid, pieces) = (self.grid, self.input.len());
        let alignment = &self.input.alignment;
        let words = alignment.words().len();
        let maps = self.maps.and_then(|maps| AttentionMaps::new(grid, pieces, maps));
        let merged = self.words.and_then(|(_, maps)| WordAttention::new(grid, alignment.frame(), words, maps));
        let peaks = self.peaks.and_then(|peaks| AttentionPeaks::new(grid, words, peaks.places));
        let layers = if self.every_layer { grid.layers + 1 } else { 1 };
        let states = self.states.and_then(|states| HiddenStates::new(layers, pieces, spec.breadth, states));
        Encoded { maps, words: merged, peaks, states }
    }
}
