//! Probes over attention heads: how much syntax the heads hold together.
//!
//! A probe turns the word attention of a sentence into [`ArcScores`], one score for each word and candidate governor;
//! decoding turns those into governors.

mod arcs;
mod examples;
pub mod trees;
mod vectors;

pub use arcs::ArcScores;
pub use examples::{Examples, InMemory, Relabelled, SentenceWords, SourceError};
pub use vectors::{Coverage, VectorError, VectorFormat, Vocabulary, WordVectors};
