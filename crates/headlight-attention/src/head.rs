//! Naming attention heads.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One attention head of a model. 0-based in code and in columns named `*_index`; printed 1-based, `8-10`, as in
/// Clark et al. (2019).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AttentionHead {
    /// The layer, counted from 0.
    pub layer: usize,
    /// The head within its layer, counted from 0.
    pub index: usize,
}

impl fmt::Display for AttentionHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.layer + 1, self.index + 1)
    }
}

/// How many layers and heads a model has; numbers its heads 0..[`HeadGrid::len`], layer by layer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct HeadGrid {
    /// Number of layers.
    pub layers: usize,
    /// Heads per layer.
    pub heads: usize,
}

impl HeadGrid {
    /// Heads in total.
    pub fn len(self) -> usize {
        self.layers * self.heads
    }

    /// Whether there is no head at all.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The running number of a head, layer by layer.
    pub fn number(self, head: AttentionHead) -> usize {
        debug_assert!(head.layer < self.layers && head.index < self.heads);
        head.layer * self.heads + head.index
    }

    /// The head with a running number.
    pub fn head(self, number: usize) -> AttentionHead {
        AttentionHead { layer: number / self.heads, index: number % self.heads }
    }

    /// All heads, layer by layer.
    pub fn iter(self) -> impl Iterator<Item = AttentionHead> {
        (0..self.len()).map(move |number| self.head(number))
    }
}
