//! Answers requests with the burn encoder.

use burn::{
    prelude::*,
    tensor::{TensorData, Transaction},
};
use headlight_attention::{AttentionHead, AttentionMaps, MergeRule, WordAttention, merge};

use crate::{
    Architecture, BertWeights, Pieces, Precision,
    batch::{Batch, Batching},
    encoder::{Bert, Intervention, Met, Mixing, tensor},
    peaks::{self, Candidates},
    request::{Encode, Encoded, HeadMask, HiddenStates, Level, Masking, Request},
    times::{Lap, Part, Stopwatch},
};

/// The burn encoder on one device. Inputs are sorted by length and padded in batches.
pub(crate) struct PaddedEncoder<B: Backend> {
    spec: Architecture,
    bert: Bert<B>,
    device: B::Device,
    batching: Batching,
    /// Most workers that are of use at the same time.
    workers: usize,
    watch: Stopwatch,
}

impl<B: Backend> PaddedEncoder<B> {
    pub fn new(
        weights: BertWeights,
        spec: &Architecture,
        device: B::Device,
        precision: Precision,
        batching: Batching,
    ) -> Self {
        let bert = Bert::new(weights, spec, &device, precision.float());
        Self { spec: spec.clone(), bert, device, batching, workers: usize::MAX, watch: Stopwatch::default() }
    }

    /// Has at most so many workers use the device at the same time.
    #[cfg(feature = "cuda")]
    pub fn with_workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    /// Answers the request for one padded batch, with the attention of those inputs of which `with_maps` says so.
    fn run(&self, inputs: &[&Pieces], request: &Request, with_maps: &[bool]) -> Vec<Encoded> {
        let layout = Layout::new(inputs, request, with_maps, &self.batching, &self.spec);
        let pieces = inputs.iter().map(|input| input.len()).sum();
        let mut lap = self.watch.lap(pieces, inputs.len() * layout.pieces);
        let batch = Batch::<B>::new(inputs, layout.pieces, &self.device);
        let mut kept = Kept::new(inputs, &layout, &self.device);
        self.end(&mut lap, Part::Upload);

        let mut mixing = Mixing::new(request.kind);
        let intervene = |layer| masking(&request.masked_heads, layer, &self.spec, &batch);
        let states_are_wanted = request.states || request.final_states;
        self.bert.walk(&self.spec, &batch, states_are_wanted, intervene, |met| match met {
            Met::States(states) if states_are_wanted => {
                if !request.states {
                    kept.states.clear();
                }
                kept.states.push(states.clone());
            }
            Met::Attention(layer, states, weighed) if request.attention.is_some() || request.peaks.is_some() => {
                kept.keep(mixing.maps(&self.spec, layer, states, weighed));
            }
            Met::States(_) | Met::Attention(..) => {}
        });
        self.end(&mut lap, Part::Queue);
        if lap.is_some() {
            // A device that cannot wait shows it in the read that follows.
            let _ = B::sync(&self.device);
        }
        self.end(&mut lap, Part::Kernels);
        let host = kept.read();
        self.end(&mut lap, Part::Download);
        let answers = Answers { spec: &self.spec, request, with_maps, layout: &layout, host: &host };
        let encoded = inputs.iter().enumerate().map(|(number, input)| answers.of(number, input)).collect();
        self.end(&mut lap, Part::Host);
        encoded
    }

    fn end(&self, lap: &mut Option<Lap<'_>>, part: Part) {
        if let Some(lap) = lap {
            lap.end(part);
        }
    }
}

/// How the answers to a request lie in a padded batch.
struct Layout {
    /// Pieces that each input is padded to.
    pieces: usize,
    /// Positions of words, `[CLS]` and `[SEP]` included, that each input is padded to.
    positions: usize,
    /// Whether maps over pieces leave the device. Some are merged on the host.
    maps: bool,
    /// The rule of maps that leave the device merged.
    words: Option<MergeRule>,
    /// The rule of peaks that are found on the device.
    peaks: Option<MergeRule>,
    /// The inputs whose maps leave the device, by number.
    with_maps: Vec<usize>,
}

impl Layout {
    fn new(
        inputs: &[&Pieces],
        request: &Request,
        with_maps: &[bool],
        batching: &Batching,
        spec: &Architecture,
    ) -> Self {
        // The one rule that is no product.
        let on_device = |rule: &MergeRule| *rule != MergeRule::Max;
        let attention = request.attention.filter(|_| with_maps.contains(&true));
        let words = attention.and_then(Level::words);
        let peaks_on_host = request.peaks.is_some_and(|rule| !on_device(&rule));
        let on_host = peaks_on_host || words.is_some_and(|rule| !on_device(&rule));
        let leaves = |number: &usize| peaks_on_host || with_maps[*number];
        Self {
            // No embedding of a position is beyond the last.
            pieces: batching.padded(longest(inputs, Pieces::len)).min(spec.max_pieces()),
            positions: batching.padded(longest(inputs, |input| input.alignment.positions())),
            maps: attention.is_some_and(Level::pieces) || on_host,
            with_maps: (0..inputs.len()).filter(leaves).collect(),
            words: words.filter(on_device),
            peaks: request.peaks.filter(on_device),
        }
    }
}

/// What is kept of the layers, on the device.
struct Kept<'a, B: Backend> {
    layout: &'a Layout,
    /// [`Layout::with_maps`]; `None` where that is all inputs.
    with_maps: Option<Tensor<B, 1, Int>>,
    words: Option<Merging<B>>,
    peaks: Option<(Option<Merging<B>>, Candidates<B>)>,
    /// Each layer, `[with_maps, head, from, to]` over pieces.
    layers: Vec<Tensor<B, 4>>,
    /// Each layer, `[with_maps, head, from, to]` over words.
    merged: Vec<Tensor<B, 4>>,
    /// Each layer, `[batch, head, 2, position]`.
    places: Vec<Tensor<B, 4, Int>>,
    /// Embeddings and each layer, `[batch, piece, breadth]`.
    states: Vec<Tensor<B, 3>>,
}

impl<'a, B: Backend> Kept<'a, B> {
    fn new(inputs: &[&Pieces], layout: &'a Layout, device: &B::Device) -> Self {
        let merging = |rule| Merging::new(inputs, rule, layout, device);
        let peaks = layout.peaks.map(|rule| {
            let own_merging = (layout.words != Some(rule)).then(|| merging(rule));
            (own_merging, Candidates::new(inputs, layout.positions, device))
        });
        let with_maps: Vec<i32> = layout.with_maps.iter().map(|number| *number as i32).collect();
        let count = with_maps.len();
        let some = count < inputs.len() && (layout.maps || layout.words.is_some());
        Self {
            layout,
            with_maps: some.then(|| Tensor::from_data(TensorData::new(with_maps, [count]), device)),
            words: layout.words.map(merging),
            peaks,
            layers: Vec::new(),
            merged: Vec::new(),
            places: Vec::new(),
            states: Vec::new(),
        }
    }

    /// Keeps what is wanted of the maps of a layer.
    fn keep(&mut self, maps: Tensor<B, 4>) {
        let words = self.words.as_ref().map(|merging| merging.apply(maps.clone()));
        if let Some((merging, candidates)) = &self.peaks {
            let merged = match (merging, &words) {
                (None, Some(words)) => words.clone(),
                (Some(merging), _) => merging.apply(maps.clone()),
                (None, None) => maps.clone(),
            };
            self.places.push(candidates.peaks(merged));
        }
        self.merged.extend(words.map(|words| self.of_attended(words)));
        if self.layout.maps {
            self.layers.push(self.of_attended(maps));
        }
    }

    /// What of a batch's maps leaves the device.
    fn of_attended(&self, maps: Tensor<B, 4>) -> Tensor<B, 4> {
        match &self.with_maps {
            Some(with_maps) => maps.select(0, with_maps.clone()),
            None => maps,
        }
    }

    /// Brings all of it to the host in one go.
    fn read(self) -> Host {
        let lengths = [self.layers.len(), self.merged.len(), self.places.len(), self.states.len()];
        if lengths == [0; 4] {
            return Host::default();
        }
        let mut read = Transaction::default();
        for tensor in self.layers.into_iter().chain(self.merged) {
            read = read.register(tensor);
        }
        for tensor in self.places {
            read = read.register(tensor);
        }
        for tensor in self.states {
            read = read.register(tensor);
        }
        let mut values = read.execute().into_iter();
        let [layers, merged, places, states] = lengths.map(|length| values.by_ref().take(length).collect::<Vec<_>>());
        // Backends keep integers of different widths.
        let places = places.into_iter().map(TensorData::convert::<i32>).collect();
        Host { layers, merged, places, states }
    }
}

/// What a batch yielded, on the host and still padded; see [`Kept`].
#[derive(Default)]
struct Host {
    layers: Vec<TensorData>,
    merged: Vec<TensorData>,
    places: Vec<TensorData>,
    states: Vec<TensorData>,
}

/// Answers a request out of what a batch yielded.
struct Answers<'a> {
    spec: &'a Architecture,
    request: &'a Request,
    with_maps: &'a [bool],
    layout: &'a Layout,
    host: &'a Host,
}

impl Answers<'_> {
    /// The answer for one input of the batch.
    fn of(&self, number: usize, input: &Pieces) -> Encoded {
        let Self { request, layout, host, .. } = self;
        let (grid, width) = (request.kind.grid(self.spec.grid), self.spec.breadth);
        let (pieces, alignment) = (input.len(), &input.alignment);
        let (frame, words) = (alignment.frame(), alignment.words().len());
        let attention = request.attention.filter(|_| self.with_maps[number]);
        // Its place among those whose maps left the device.
        let place = layout.with_maps.binary_search(&number).ok();
        let maps = place.filter(|_| layout.maps).map(|place| {
            let weights = unpad(&floats(&host.layers), place, grid.heads, pieces, layout.pieces);
            AttentionMaps::new(grid, pieces, weights).expect("unpadding fixed the length")
        });
        let merged_here = |rule| maps.as_ref().map(|maps| merge(maps, alignment, rule));
        let words_attention = match attention.and_then(Level::words) {
            Some(_) if layout.words.is_some() => place.and_then(|place| {
                let weights = unpad(&floats(&host.merged), place, grid.heads, alignment.positions(), layout.positions);
                WordAttention::new(grid, frame, words, weights)
            }),
            Some(rule) => merged_here(rule),
            None => None,
        };
        let peaks = match request.peaks {
            Some(_) if layout.peaks.is_some() => {
                let layers: Vec<&[i32]> = host.places.iter().map(values).collect();
                peaks::of_input(&layers, number, grid, alignment, layout.positions)
            }
            Some(rule) => merged_here(rule).map(|attention| headlight_attention::peaks(&attention)),
            None => None,
        };
        let states = (request.states || request.final_states).then(|| {
            let rows = |layer: &[f32]| layer[number * layout.pieces * width..][..pieces * width].to_vec();
            let values = floats(&host.states).into_iter().flat_map(rows).collect();
            HiddenStates::new(host.states.len(), pieces, width, values)
        });
        Encoded {
            words: words_attention,
            peaks,
            maps: maps.filter(|_| attention.is_some_and(Level::pieces)),
            states: states.flatten(),
        }
    }
}

fn floats(layers: &[TensorData]) -> Vec<&[f32]> {
    layers.iter().map(values).collect()
}

/// Values as the device sent them.
fn values<E: burn::tensor::Element>(data: &TensorData) -> &[E] {
    data.as_slice().expect("attention and states are f32, places were converted")
}

/// The most of something that an input has.
pub(crate) fn longest(inputs: &[&Pieces], length: impl Fn(&Pieces) -> usize) -> usize {
    inputs.iter().map(|input| length(input)).max().unwrap_or(0)
}

impl<B: Backend> Encode for PaddedEncoder<B> {
    fn chunk_pieces(&self) -> usize {
        (2 * self.batching.pieces).max(1024)
    }

    fn workers(&self) -> usize {
        self.workers
    }

    fn encode_as(&self, inputs: &[&Pieces], request: &Request, with_maps: &dyn Fn(usize) -> bool) -> Vec<Encoded> {
        let mut by_length: Vec<usize> = (0..inputs.len()).collect();
        by_length.sort_by_key(|&number| inputs[number].len());
        let lengths: Vec<usize> = by_length.iter().map(|&number| inputs[number].len()).collect();
        let mut answers: Vec<Option<Encoded>> = vec![None; inputs.len()];
        let mut rest = by_length.as_slice();
        for size in self.batching.cut(&lengths) {
            let (batch, later) = rest.split_at(size);
            let pieces: Vec<&Pieces> = batch.iter().map(|&number| inputs[number]).collect();
            let with_maps: Vec<bool> = batch.iter().map(|&number| with_maps(number)).collect();
            for (&number, encoded) in batch.iter().zip(self.run(&pieces, request, &with_maps)) {
                answers[number] = Some(encoded);
            }
            rest = later;
        }
        answers.into_iter().flatten().collect()
    }

    fn tell_times(&self) {
        self.watch.tell();
    }
}

/// What the masked heads change in one layer.
fn masking<B: Backend>(mask: &HeadMask, layer: usize, spec: &Architecture, batch: &Batch<B>) -> Intervention<B> {
    let heads = spec.grid.heads;
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
    let add =
        masked.contains(&Some(Masking::Uniform)).then(|| uniform * batch.uniform(spec.attention.of_layer(layer).view));
    Intervention { keep: Some(keep), add, gate: None }
}

/// Word-level merging as two products in f32, so that only word attention leaves the device.
struct Merging<B: Backend> {
    /// `None` where every word is a piece.
    products: Option<Products<B>>,
}

struct Products<B: Backend> {
    /// `[batch, 1, word, piece]`: the share of each piece in the row of a word.
    from: Tensor<B, 4>,
    /// `[batch, 1, piece, word]`: 1 where the piece is of the word.
    to: Tensor<B, 4>,
}

impl<B: Backend> Merging<B> {
    /// Of any rule but [`MergeRule::Max`].
    fn new(inputs: &[&Pieces], rule: MergeRule, layout: &Layout, device: &B::Device) -> Self {
        let (count, pieces, words) = (inputs.len(), layout.pieces, layout.positions);
        if pieces == words && inputs.iter().all(|input| input.alignment.is_identity()) {
            return Self { products: None };
        }
        let (mut from, mut to) = (vec![0f32; count * words * pieces], vec![0f32; count * pieces * words]);
        for (number, input) in inputs.iter().enumerate() {
            for (word, range) in input.alignment.of_positions().enumerate() {
                let share = if rule == MergeRule::Mean { 1.0 / range.len() as f32 } else { 1.0 };
                let rows = if rule == MergeRule::Mean { range.clone() } else { range.start..range.start + 1 };
                rows.for_each(|piece| from[(number * words + word) * pieces + piece] = share);
                range.for_each(|piece| to[(number * pieces + piece) * words + word] = 1.0);
            }
        }
        let from = tensor(from, [count, 1, words, pieces], device);
        let to = tensor(to, [count, 1, pieces, words], device);
        Self { products: Some(Products { from, to }) }
    }

    fn apply(&self, map: Tensor<B, 4>) -> Tensor<B, 4> {
        match &self.products {
            Some(Products { from, to }) => from.clone().matmul(map).matmul(to.clone()),
            None => map,
        }
    }
}

/// The maps of one input out of padded layers `[batch, head, longest, longest]`: `[layer, head, length, length]`.
pub(crate) fn unpad(
    layers: &[impl AsRef<[f32]>],
    number: usize,
    heads: usize,
    length: usize,
    longest: usize,
) -> Vec<f32> {
    let mut weights = Vec::with_capacity(layers.len() * heads * length * length);
    for layer in layers {
        for head in layer.as_ref()[number * heads * longest * longest..].chunks_exact(longest * longest).take(heads) {
            head.chunks_exact(longest).take(length).for_each(|row| weights.extend_from_slice(&row[..length]));
        }
    }
    weights
}

/// The values of a tensor on the host, row-major.
pub(crate) fn host<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().into_vec().expect("the values were converted to f32")
}

#[cfg(test)]
mod tests;
