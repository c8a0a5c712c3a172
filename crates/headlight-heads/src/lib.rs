//! What single attention heads do, untrained.
//!
//! [`predict`] turns the attention of a sentence into what each head predicts: for every word its governor, in both
//! directions. Everything about dependencies is computed from these predictions and never from attention, so a map
//! may be dropped as soon as it has been predicted from; a [`PredictionFile`] keeps the predictions of a split.

mod distances;
mod prediction_file;
mod predictions;

pub use distances::{HeadDistances, MapDistances, map_distances};
pub use prediction_file::{PredictionFile, PredictionFileError, PredictionKey, PredictionWriter};
pub use predictions::{Direction, HeadPredictions, predict};
