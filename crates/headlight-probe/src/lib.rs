//! Probes over attention heads: how much syntax the heads hold together.
//!
//! A probe turns the word attention of a sentence into [`ArcScores`], one score for each word and candidate governor;
//! decoding turns those into governors.

mod arcs;
mod examples;
mod probe;
mod score;
mod stream;
mod train;
pub mod trees;
mod vectors;

pub use arcs::ArcScores;
pub use examples::{Examples, InMemory, Relabelled, SentenceWords, SourceError};
pub use probe::{PAPER_HIDDEN, Probe, ProbeForm, ProbeSpec, RootScore};
pub use score::{Evaluation, ScoreError, evaluate, right_branching, score};
pub use stream::DataError;
pub use train::{CheckpointError, EpochReport, Gradients, Hooks, Progress, TrainError, TrainOptions, Trained, train};
pub use vectors::{Coverage, VectorError, VectorFormat, Vocabulary, WordVectors};
