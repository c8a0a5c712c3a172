//! Treebanks in, sentences that are guaranteed trees out.
//!
//! The one type everybody else reads is [`Sentence`]: its words are numbered 1..n in order, exactly one word hangs
//! from the root, every governor is in range and there is no cycle. [`Sentence::new`] is the only way to make one, so
//! no code behind this crate checks again.

mod sentence;

pub use sentence::{
    Governor, Granularity, MultiwordToken, Relation, Sentence, SentenceParts, TreeError, Word, WordIdx,
};
