//! Attention over pieces, attention over words, and the way from one to the other (METHOD §1).

use std::ops::Range;

use ndarray::{ArrayView2, ArrayView4};

use crate::{AttentionHead, Frame, HeadGrid};

/// Which pieces belong to which word. The outer pieces are those of the [`Frame`].
///
/// Every word has at least one piece. In pre-tokenized input the words' pieces partition those within the frame; in text mode
/// the words of a multiword token share its pieces, so ranges may coincide, and pieces between words may belong to none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alignment {
    frame: Frame,
    pieces: usize,
    words: Vec<Range<usize>>,
    identity: bool,
}

impl Alignment {
    /// An alignment of words with `pieces` pieces in all, those of the frame included. `None` when a range is empty or
    /// touches the frame or what is beyond.
    pub fn new(frame: &Frame, pieces: usize, words: Vec<Range<usize>>) -> Option<Self> {
        let inner = frame.words(frame.words_of(pieces)?);
        let fits =
            |range: &Range<usize>| range.start >= inner.start && range.start < range.end && range.end <= inner.end;
        let identity =
            words.len() == inner.len() && words.iter().zip(inner.clone()).all(|(word, at)| *word == (at..at + 1));
        words.iter().all(fits).then(|| Self { frame: frame.clone(), pieces, words, identity })
    }

    /// The special pieces around the words.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Whether each piece within the frame is a word, so that maps over pieces are maps over words already.
    pub fn is_identity(&self) -> bool {
        self.identity
    }

    /// Positions of attention over words.
    pub fn positions(&self) -> usize {
        self.frame.positions(self.words.len())
    }

    /// Pieces in all, those of the frame included.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// The pieces of each position of attention over words, in order: special pieces before, words, special pieces after.
    pub fn of_positions(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let one = |piece: usize| piece..piece + 1;
        let before = (0..self.frame.before().len()).map(one);
        let after = (self.pieces - self.frame.after().len()..self.pieces).map(one);
        before.chain(self.words.iter().cloned()).chain(after)
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

/// The attention of one sentence over its words, axes `[layer, head, from, to]`. Positions of the last two run over the
/// special pieces before the words, the n words, and those after ([`Frame`]).
#[derive(Clone, PartialEq, Debug)]
pub struct WordAttention {
    grid: HeadGrid,
    frame: Frame,
    words: usize,
    weights: Vec<f32>,
}

/// What both kinds of maps give access to alike.
macro_rules! map_access {
    () => {
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

    map_access!();
}

impl WordAttention {
    /// Word attention of a sentence of `words` words within `frame`. `None` when `weights` has another length than
    /// layers × heads × positions².
    pub fn new(grid: HeadGrid, frame: &Frame, words: usize, weights: Vec<f32>) -> Option<Self> {
        let area = frame.positions(words).pow(2);
        (weights.len() == grid.len() * area).then(|| Self { grid, frame: frame.clone(), words, weights })
    }

    /// The special pieces around the words.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// How much a head attends from one word to each word, counted from 0.
    pub fn row(&self, head: AttentionHead, from: usize) -> &[f32] {
        let positions = self.positions();
        self.frame.inner(&self.head(head)[self.frame.position(from) * positions..][..positions])
    }

    /// How much a head attends from each word to one word, counted from 0.
    pub fn column(&self, head: AttentionHead, to: usize) -> impl Iterator<Item = f32> + '_ {
        let (positions, at) = (self.positions(), self.frame.position(to));
        self.head(head)
            .iter()
            .skip(self.frame.position(0) * positions + at)
            .step_by(positions)
            .take(self.words)
            .copied()
    }

    /// Number of words, n.
    pub fn words(&self) -> usize {
        self.words
    }

    /// Length of the axes `from` and `to`: the words and the special pieces around them.
    pub fn positions(&self) -> usize {
        self.frame.positions(self.words)
    }

    map_access!();
}
