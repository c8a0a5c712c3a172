//! The value types of attention: heads, the alignment of words and pieces, maps, and their merging to words.
//!
//! An encoder gives [`AttentionMaps`] over pieces; [`Alignment`] says which pieces belong to which word;
//! [`WordAttention`] is what everything downstream reads, [`AttentionPeaks`] what is left of it for scoring single heads.
//! Axes are always `[layer, head, from, to]`, row-major: the row `from` says what that position attends to and sums to 1.
//! A [`store`] keeps the word attention of a whole split on disk.
//!
//! ```
//! use headlight_attention::{Alignment, AttentionMaps, Frame, HeadGrid, MergeRule, merge};
//!
//! // One head over [CLS] head ##light shines [SEP], which attends to everything alike.
//! let grid = HeadGrid { layers: 1, heads: 1 };
//! let maps = AttentionMaps::new(grid, 5, vec![0.2; 25]).unwrap();
//! let alignment = Alignment::new(&Frame::bert(), 5, vec![1..3, 3..4]).unwrap();
//!
//! // To the word of two pieces goes the attention to both; from it goes the mean of theirs.
//! let attention = merge(&maps, &alignment, MergeRule::Mean);
//! assert_eq!(attention.head(grid.head(0))[4..8], [0.2, 0.4, 0.2, 0.2]);
//! ```

mod frame;
mod head;
mod maps;
mod merge;
mod peaks;
pub mod store;
mod visibility;

pub use frame::Frame;
pub use head::{AttentionHead, HeadGrid};
pub use maps::{Alignment, AttentionMaps, MergeRule, WordAttention};
pub use merge::{merge, merge_map};
pub use peaks::{AttentionPeaks, MAX_WORDS, NO_PEAK, PeakFinder, peaks};
pub use visibility::Visibility;
