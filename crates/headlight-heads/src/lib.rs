//! What single attention heads do, untrained.
//!
//! [`predict`] turns the attention of a sentence into what each head predicts: for every word its governor, in both
//! directions. Everything about dependencies is computed from these predictions and never from attention, so a map
//! may be dropped as soon as it has been predicted from; a [`PredictionFile`] keeps the predictions of a split.
//! [`HeadScores`] counts per relation how often each head and each [`Baseline`] is right, a [`Choices`] is the best of
//! them, and an [`Evaluation`] counts how the best do on other sentences.
//!
//! ```
//! use headlight_attention::{Frame, HeadGrid, WordAttention};
//! use headlight_heads::{Direction, Group, HeadScores, predict};
//! use headlight_treebank::{Format, Granularity, Reader};
//!
//! let file = "1\tFish\t_\t_\t_\t_\t2\tnsubj\t_\t_\n2\tswim\t_\t_\t_\t_\t0\troot\t_\t_\n\n";
//! let sentence = Reader::new(file.as_bytes(), "pond.conllu", Format::Conllu)?.next().unwrap()?;
//!
//! // One head over [CLS] Fish swim [SEP]; `Fish` attends to `swim`.
//! let grid = HeadGrid { layers: 1, heads: 1 };
//! let weights = vec![
//!     1.0, 0.0, 0.0, 0.0, //
//!     0.1, 0.2, 0.6, 0.1, //
//!     0.5, 0.1, 0.2, 0.2, //
//!     0.0, 0.0, 0.0, 1.0,
//! ];
//! let attention = WordAttention::new(grid, &Frame::bert(), 2, weights).unwrap();
//!
//! let mut scores = HeadScores::new(grid, Granularity::Full);
//! scores.observe(&sentence, &predict(&attention))?;
//! let (nsubj, head) = (Group::relation("nsubj"), grid.head(0));
//! assert_eq!((scores.correct(&nsubj, Direction::DependentToGovernor, head), scores.total(&nsubj)), (1, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod baselines;
mod clusters;
pub mod coreference;
mod directions;
mod distances;
pub mod ensembles;
mod group;
mod hash;
pub mod labelled;
mod lengths;
mod logarithm;
mod mds;
mod normal;
mod on_governors;
mod prediction_file;
mod predictions;
mod relations;
mod roles;
mod scores;
mod selection;
mod surface;
#[cfg(test)]
mod testing;
mod unit_scores;

pub use baselines::{Baseline, BaselineScores, DISTANCES, OFFSETS};
pub use clusters::{LayerDistances, Merger, clusters, hierarchy, layer_distances};
pub use directions::Directions;
pub use distances::{HeadDistances, MapDistances, map_distances};
pub use group::Group;
pub use lengths::{Beyond, LengthCounts, LengthScores};
pub use mds::{Embedding, MdsOptions, best_embedding, mds, mds_start};
pub use normal::{among_words, normalise_rows, words_only};
pub use on_governors::{AttentionScores, OnGovernors};
pub use prediction_file::{PredictionFile, PredictionFileError, PredictionKey, PredictionShape, PredictionWriter};
pub use predictions::{Direction, HeadPredictions, predict};
pub use relations::{MOST_ARCS, PathError, Related, Relations, paths};
pub use roles::{
    Behaviour, BehaviourThresholds, HeadOffsets, Role, RoleRules, RoleScores, behaviour, predict_pieces, role,
};
pub use scores::{HeadScores, MismatchError};
pub use selection::{
    BestHeads, Choice, Choices, EvaluatedUnit, Evaluation, Fold, GroupResult, MOST_EVALUATED, ScoredChoice, Selected,
};
pub use surface::{Denominator, Landmarks, Statistic, SurfaceMeans, SurfaceValues, surface};
pub use unit_scores::{UnitCounts, UnitRow, UnitScores};
