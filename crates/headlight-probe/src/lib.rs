//! Probes over attention heads: how much syntax the heads hold together.
//!
//! A probe turns the word attention of a sentence into [`ArcScores`], one score for each word and candidate governor;
//! decoding turns those into governors.

mod arcs;
mod examples;
mod honesty;
mod probe;
mod saved;
mod score;
mod stream;
pub mod structural;
mod train;
pub mod trees;
mod vectors;

pub use arcs::ArcScores;
pub use examples::{Examples, InMemory, Relabelled, SentenceWords, SourceError};
pub use honesty::{
    Ablated, Ablation, CODE_FRACTIONS, CodeBlock, DescriptionLength, Selectivity, ablate, control_governors,
    online_code,
};
pub use probe::{PAPER_HIDDEN, Probe, ProbeForm, ProbeSpec, RootScore};
pub use saved::{Origin, SavedProbe, SavedProbeError};
pub use score::{Evaluation, ScoreError, evaluate, floored_percent, right_branching, score};
pub use stream::DataError;
pub use train::{
    CheckpointError, EpochReport, Gradients, Hooks, OnProgress, Progress, TrainError, TrainOptions, Trained, train,
};
pub use vectors::{Coverage, VectorError, VectorFormat, Vocabulary, WordVectors};
