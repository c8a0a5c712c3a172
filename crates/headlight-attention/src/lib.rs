//! The value types of attention: heads, the alignment of words and pieces, maps, and their merging to words.
//!
//! An encoder gives [`AttentionMaps`] over pieces; [`Alignment`] says which pieces belong to which word;
//! [`WordAttention`] is what everything downstream reads. Axes are always `[layer, head, from, to]`, row-major: the
//! row `from` says what that position attends to and sums to 1.

mod head;
mod maps;
mod merge;
pub mod store;

pub use head::{AttentionHead, HeadGrid};
pub use maps::{Alignment, AttentionMaps, MergeRule, WordAttention};
pub use merge::{merge, merge_map};
