//! What single attention heads do, untrained.
//!
//! [`predict`] turns the attention of a sentence into what each head predicts: for every word its governor, in both
//! directions. Everything about dependencies is computed from these predictions and never from attention, so a map
//! may be dropped as soon as it has been predicted from; a [`PredictionFile`] keeps the predictions of a split.
//! [`HeadScores`] counts per relation how often each head and each [`Baseline`] is right, a [`Selection`] is the best of
//! them, and an [`Evaluation`] counts how the best do on other sentences.

mod baselines;
mod clusters;
mod distances;
mod group;
mod hash;
mod mds;
mod prediction_file;
mod predictions;
mod scores;
mod selection;
#[cfg(test)]
mod testing;

pub use baselines::{Baseline, BaselineScores, OFFSETS};
pub use clusters::{LayerDistances, Merger, clusters, hierarchy, layer_distances};
pub use distances::{HeadDistances, MapDistances, map_distances};
pub use group::Group;
pub use mds::{Embedding, MdsOptions, mds};
pub use prediction_file::{PredictionFile, PredictionFileError, PredictionKey, PredictionWriter};
pub use predictions::{Direction, HeadPredictions, predict};
pub use scores::{HeadScores, MismatchError};
pub use selection::{
    BestHeads, Choice, Evaluation, Fold, GroupResult, ScoredChoice, Selected, Selection, SentenceCounts,
};
