//! What is asked of an encoder, and what it answers.

use std::collections::BTreeMap;

use headlight_attention::{
    Alignment, AttentionHead, AttentionMaps, AttentionPeaks, HeadGrid, MergeRule, WordAttention,
};
use ndarray::ArrayView3;

use crate::Pieces;

/// What to compute for each input. The default asks for nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Request {
    /// Whether attention is wanted, and over what.
    pub attention: Option<Level>,
    /// Whether the peaks of attention over words, merged by this rule, are wanted. Alone they are found where the maps are
    /// computed: in the cache of a processor, on a GPU, which then hands over two small numbers for each head and word.
    pub peaks: Option<MergeRule>,
    /// Which numbers stand for attention.
    pub kind: AttentionKind,
    /// Whether the hidden states of all layers are wanted.
    pub states: bool,
    /// Whether those after the last layer are wanted, where the others are not: [`HiddenStates`] of one layer.
    pub final_states: bool,
    /// Heads whose work is taken away.
    pub masked_heads: HeadMask,
}

/// The positions that attention maps run over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Level {
    /// Pieces, as the model sees them.
    Pieces,
    /// Words, merged by this rule.
    Words(MergeRule),
    /// Both, for several consumers of one pass.
    Both(MergeRule),
}

impl Level {
    /// Whether maps over pieces are yielded.
    pub fn pieces(self) -> bool {
        matches!(self, Level::Pieces | Level::Both(_))
    }

    /// The rule by which maps over words are merged, where they are yielded.
    pub fn words(self) -> Option<MergeRule> {
        match self {
            Level::Words(rule) | Level::Both(rule) => Some(rule),
            Level::Pieces => None,
        }
    }
}

/// Which numbers stand for attention.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum AttentionKind {
    /// α: the attention weights. Rows sum to 1.
    #[default]
    Weights,
    /// ‖α·f(x)‖, f(x) = (x·W_V + b_V)·W_O with the head's part of each matrix: the length of what a position
    /// contributes (Kobayashi et al. 2020, *Attention is Not Only a Weight*, §2). Rows do not sum to 1.
    Norms,
    /// Attention rollout: ½A + ½I, A the mean of a layer's heads, multiplied over the layers up to this one (Abnar & Zuidema
    /// 2020, *Quantifying Attention Flow in Transformers*). A map of each layer. Rows sum to 1.
    Rollout,
    /// Value zeroing: how far the output of a layer at one piece turns, by cosine distance, where the values of another piece
    /// are zero in all of its heads; rows divided by their sums (Mohebbi et al. 2023, *Quantifying Context Mixing in
    /// Transformers*). A map of each layer. Rows sum to 1, but that a row which nothing turns is zeros.
    ValueZeroing,
    /// GlobEnc's N_Enc: the length of what a piece contributes to another through a layer's heads, its residual connection
    /// and its normalisations (Modarressi et al. 2022, *GlobEnc*). A map of each layer. Rows do not sum to 1.
    GlobEnc,
}

impl AttentionKind {
    /// The maps that there are of a model with these heads: one of each head, or one of each layer, which then stands where
    /// the only head of its layer would.
    pub fn grid(self, heads: HeadGrid) -> HeadGrid {
        if self.is_of_layers() { HeadGrid { heads: 1, ..heads } } else { heads }
    }

    /// Whether heads are summed, so that there is one map of each layer.
    pub fn is_of_layers(self) -> bool {
        match self {
            Self::Weights | Self::Norms => false,
            Self::Rollout | Self::ValueZeroing | Self::GlobEnc => true,
        }
    }

    /// Whether the rows of a map are distributions.
    pub fn has_distributions(self) -> bool {
        match self {
            Self::Weights | Self::Rollout | Self::ValueZeroing => true,
            Self::Norms | Self::GlobEnc => false,
        }
    }

    /// Whether the values are read, and not the weights alone.
    pub(crate) fn reads_values(self) -> bool {
        match self {
            Self::Weights | Self::Rollout => false,
            Self::Norms | Self::ValueZeroing | Self::GlobEnc => true,
        }
    }
}

/// The heads that do not work as trained; all others do.
pub type HeadMask = BTreeMap<AttentionHead, Masking>;

/// How the work of a head is taken away. A head's map is always the one that its values were weighted with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Masking {
    /// It attends to nothing: its output is 0 (Michel et al. 2019).
    Zero,
    /// It attends to all positions equally.
    Uniform,
}

/// What was asked for about one input.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Encoded {
    /// Attention over pieces, where [`Level::pieces`] says so.
    pub maps: Option<AttentionMaps>,
    /// Attention over words, where [`Level::words`] names a rule.
    pub words: Option<WordAttention>,
    /// The peaks of attention over words, with [`Request::peaks`].
    pub peaks: Option<AttentionPeaks>,
    /// The hidden states, with [`Request::states`] or [`Request::final_states`].
    pub states: Option<HiddenStates>,
}

/// The hidden states of one input, axes `[layer, piece, width]`: layer 0 is what the embeddings yield, layer l what the
/// l-th layer yields.
#[derive(Clone, PartialEq, Debug)]
pub struct HiddenStates {
    layers: usize,
    pieces: usize,
    width: usize,
    values: Vec<f32>,
}

impl HiddenStates {
    /// States of `layers` layers (embeddings included). `None` when `values` has another length than
    /// layers × pieces × width.
    pub fn new(layers: usize, pieces: usize, width: usize, values: Vec<f32>) -> Option<Self> {
        (values.len() == layers * pieces * width).then_some(Self { layers, pieces, width, values })
    }

    /// All states as an array `[layer, piece, width]`.
    pub fn view(&self) -> ArrayView3<'_, f32> {
        ArrayView3::from_shape((self.layers, self.pieces, self.width), &self.values)
            .expect("the constructor fixed the length")
    }

    /// The states of one layer over words, `[word, width]` row-major: the mean over the word's pieces. `[CLS]` and
    /// `[SEP]` have no row. `layer` 0 is the embeddings.
    ///
    /// # Panics
    /// When the layer does not exist or the alignment is that of another input.
    pub fn words(&self, layer: usize, alignment: &Alignment) -> Vec<f32> {
        assert_eq!(alignment.pieces(), self.pieces, "the alignment is that of another input");
        let states = self.view();
        let mut words = Vec::with_capacity(alignment.words().len() * self.width);
        for range in alignment.words() {
            let share = 1.0 / range.len() as f32;
            let mean = |column: usize| range.clone().map(|piece| states[[layer, piece, column]]).sum::<f32>() * share;
            words.extend((0..self.width).map(mean));
        }
        words
    }
}

/// An encoder of one kind. Inputs passed [`Pieces::check`], masked heads lie in the grid.
pub(crate) trait Encode: Send + Sync {
    /// How many pieces a worker takes at a time.
    fn chunk_pieces(&self) -> usize {
        1024
    }

    /// Most workers that are of use at the same time.
    fn workers(&self) -> usize {
        usize::MAX
    }

    /// Whether an input's answer is the same to the bit in whatever chunk, so that chunks may be cut as it suits the workers.
    fn is_alike_in_any_chunk(&self) -> bool {
        false
    }

    /// Answers the request for each input, in order; its attention only for those inputs whose number `with_maps` says yes
    /// to. An input's answer does not depend on the others.
    fn encode_as(&self, inputs: &[&Pieces], request: &Request, with_maps: &dyn Fn(usize) -> bool) -> Vec<Encoded>;

    /// Answers the request for each input, in order.
    fn encode(&self, inputs: &[&Pieces], request: &Request) -> Vec<Encoded> {
        self.encode_as(inputs, request, &|_| true)
    }

    /// Answers the request once for each of several sets of masked heads, in any order, each with its number; what the request
    /// says of masked heads does not hold. Inputs are few enough to go together.
    fn encode_each(
        &self,
        inputs: &[&Pieces],
        request: &Request,
        masks: &[&HeadMask],
        see: &mut dyn FnMut(usize, Vec<Encoded>),
    ) {
        self.encode_apart(inputs, request, masks, see);
    }

    /// The same, one set after another.
    fn encode_apart(
        &self,
        inputs: &[&Pieces],
        request: &Request,
        masks: &[&HeadMask],
        see: &mut dyn FnMut(usize, Vec<Encoded>),
    ) {
        for (set, &mask) in masks.iter().enumerate() {
            see(set, self.encode(inputs, &Request { masked_heads: mask.clone(), ..request.clone() }));
        }
    }

    /// Logs where the time went since the last call, if it knows.
    fn tell_times(&self) {}
}
