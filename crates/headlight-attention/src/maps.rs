//! Attention over pieces, attention over words, and the way from one to the other (METHOD §1).

use std::ops::Range;

use ndarray::{ArrayView2, ArrayView4};

use crate::{AttentionHead, HeadGrid};

/// Which pieces belong to which word. Piece 0 is `[CLS]`, the last piece is `[SEP]`.
///
/// Every word has at least one piece. In pre-tokenized input the words' pieces partition `1..pieces-1`; in text mode
/// the words of a multiword token share its pieces, so ranges may coincide, and pieces between words may belong to none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alignment {
    pieces: usize,
    words: Vec<Range<usize>>,
    identity: bool,
}

impl Alignment {
    /// An alignment of words with `pieces` pieces in all, `[CLS]` and `[SEP]` included. `None` when a range is empty or
    /// touches `[CLS]`, `[SEP]` or what is beyond.
    pub fn new(pieces: usize, words: Vec<Range<usize>>) -> Option<Self> {
        let fits = |range: &Range<usize>| range.start >= 1 && range.start < range.end && range.end < pieces;
        let identity =
            words.len() + 2 == pieces && words.iter().zip(1..).all(|(word, piece)| *word == (piece..piece + 1));
        (pieces >= 2 && words.iter().all(fits)).then_some(Self { pieces, words, identity })
    }

    /// Whether word i is piece i+1 throughout, so that maps over pieces are maps over words already.
    pub fn is_identity(&self) -> bool {
        self.identity
    }

    /// Pieces in all, `[CLS]` and `[SEP]` included.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// The pieces of each word, in order.
    pub fn words(&self) -> &[Range<usize>] {
        &self.words
    }
}

/// How the pieces of a word become one row and one column (METHOD §1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum MergeRule {
    /// Attention *to* a split word is the sum over its pieces, *from* it the mean. Rows still sum to 1.
    #[default]
    Mean,
    /// Sum over the pieces attended to, the first piece attending: what the released code ran.
    First,
    /// Sum over the pieces attended to, the largest over the pieces attending. Rows need not sum to 1.
    Max,
}

impl MergeRule {
    /// As configs and keys write it: `mean`, `first` or `max`.
    pub fn name(self) -> &'static str {
        match self {
            MergeRule::Mean => "mean",
            MergeRule::First => "first",
            MergeRule::Max => "max",
        }
    }
}

/// The attention maps of one sentence over its pieces, axes `[layer, head, from, to]`.
#[derive(Clone, PartialEq, Debug)]
pub struct AttentionMaps {
    grid: HeadGrid,
    pieces: usize,
    weights: Vec<f32>,
}

/// The attention of one sentence over its words, axes `[layer, head, from, to]`, each of the last two of length n+2:
/// position 0 is `[CLS]`, 1..=n are the words, n+1 is `[SEP]`.
#[derive(Clone, PartialEq, Debug)]
pub struct WordAttention {
    grid: HeadGrid,
    words: usize,
    weights: Vec<f32>,
}

macro_rules! map_access {
    ($positions:expr) => {
        /// Layers and heads.
        pub fn grid(&self) -> HeadGrid {
            self.grid
        }

        /// All weights, row-major `[layer, head, from, to]`.
        pub fn weights(&self) -> &[f32] {
            &self.weights
        }

        /// All weights, to write.
        pub fn weights_mut(&mut self) -> &mut [f32] {
            &mut self.weights
        }

        /// All weights as an array `[layer, head, from, to]`.
        pub fn view(&self) -> ArrayView4<'_, f32> {
            let positions = self.positions();
            ArrayView4::from_shape((self.grid.layers, self.grid.heads, positions, positions), &self.weights)
                .expect("the constructor fixed the length")
        }

        /// One head's map `[from, to]`, row-major.
        pub fn head(&self, head: AttentionHead) -> &[f32] {
            let area = self.positions() * self.positions();
            &self.weights[self.grid.number(head) * area..][..area]
        }

        /// One head's map as an array `[from, to]`.
        pub fn head_view(&self, head: AttentionHead) -> ArrayView2<'_, f32> {
            let positions = self.positions();
            ArrayView2::from_shape((positions, positions), self.head(head)).expect("the constructor fixed the length")
        }
    };
}

impl AttentionMaps {
    /// Maps over `pieces` pieces. `None` when `weights` has another length than layers × heads × pieces².
    pub fn new(grid: HeadGrid, pieces: usize, weights: Vec<f32>) -> Option<Self> {
        (weights.len() == grid.len() * pieces * pieces).then_some(Self { grid, pieces, weights })
    }

    /// Length of the axes `from` and `to`.
    pub fn positions(&self) -> usize {
        self.pieces
    }

    map_access!(pieces);
}

impl WordAttention {
    /// Word attention of a sentence of `words` words. `None` when `weights` has another length than
    /// layers × heads × (words + 2)².
    pub fn new(grid: HeadGrid, words: usize, weights: Vec<f32>) -> Option<Self> {
        (weights.len() == grid.len() * (words + 2) * (words + 2)).then_some(Self { grid, words, weights })
    }

    /// Number of words, n.
    pub fn words(&self) -> usize {
        self.words
    }

    /// Length of the axes `from` and `to`: n + 2.
    pub fn positions(&self) -> usize {
        self.words + 2
    }

    map_access!(words);
}
