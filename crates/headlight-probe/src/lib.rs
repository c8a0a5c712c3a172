//! Probes over attention heads: how much syntax the heads hold together, and how far to believe it.
//!
//! A probe turns the word attention of a sentence into [`ArcScores`], one logit for each word and candidate governor
//! (Clark et al. 2019, §5). The way of a treebank through this crate:
//!
//! 1. [`Examples`] is the seam to wherever the attention lies: it lends a sentence's words and fills a buffer with its
//!    attention. [`WordVectors`] keeps the frozen vectors of the words that occur.
//! 2. [`ProbeSpec`] fixes the form, [`TrainOptions`] the regime; [`train()`] gives a [`Probe`], the same for any number of
//!    threads and after any interruption. A few megabytes of attention are in memory at a time.
//! 3. [`score()`] gives arc scores; [`ArcScores::best_governors`] decodes word by word, [`trees`] decodes trees;
//!    [`evaluate`] counts. [`SavedProbe`] keeps the probe for later.
//! 4. [`control_governors`], [`online_code`] and [`ablate`] say what the score is worth.
//!
//! [`structural`] probes hidden states instead of attention.
//!
//! Gradients are derived by hand; burn's automatic differentiation is their witness in the tests. The crate knows no
//! checkpoint, no tokenizer and no configuration.
//!
//! ```
//! use headlight_attention::{Frame, HeadGrid, WordAttention};
//! use headlight_probe::{
//!     Hooks, InMemory, ProbeForm, ProbeSpec, SentenceWords, TrainOptions, evaluate, train,
//! };
//! use headlight_treebank::{Format, Reader};
//!
//! let file = "1\tFish\tfish\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tswim\tswim\tVERB\t_\t_\t0\troot\t_\t_\n\n";
//! let sentence = Reader::new(file.as_bytes(), "pond.conllu", Format::Conllu)?.next().expect("a sentence")?;
//!
//! // One head of one layer. Positions are [CLS], Fish, swim, [SEP]; Fish attends to swim, and swim to [CLS].
//! let grid = HeadGrid { layers: 1, heads: 1 };
//! let weights = vec![0.5, 0.0, 0.0, 0.5, 0.1, 0.0, 0.9, 0.0, 0.9, 0.1, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5];
//! let mut examples = InMemory::new(grid, &Frame::bert(), None);
//! assert!(examples.push(SentenceWords::new(&sentence, None), WordAttention::new(grid, &Frame::bert(), 2, weights).unwrap()));
//!
//! let spec = ProbeSpec::new(ProbeForm::AttentionOnly, grid, &Frame::bert(), 0);
//! let options = TrainOptions { learning_rate: 0.1, epochs: 20, held_out: 0.0, ..TrainOptions::until_best(1) };
//! let trained = train(spec, &examples, &[0], &options, Hooks::default())?;
//! assert_eq!(evaluate(&trained.probe, &examples, &[0])?.uas.ratio(), Some(1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
    Ablated, Ablation, CODE_FRACTIONS, CodeBlock, CodeSentence, DescriptionLength, OnlineCode, Selectivity, ablate,
    control_governors, control_labels, online_code,
};
pub use probe::{PAPER_HIDDEN, Probe, ProbeForm, ProbeSpec, RootScore};
pub use saved::{Origin, SavedProbe, SavedProbeError};
pub use score::{
    Evaluation, ScoreError, evaluate, evaluate_each, evaluate_sentence, floored_percent, right_branching, score,
};
pub use stream::DataError;
pub use train::{CheckpointError, EpochReport, Hooks, OnProgress, Progress, TrainError, TrainOptions, Trained, train};
pub use vectors::{Coverage, VectorError, VectorFormat, Vocabulary, WordVectors};
