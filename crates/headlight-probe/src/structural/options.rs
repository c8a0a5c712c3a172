//! How a structural probe is trained.

use serde::{Deserialize, Serialize};

/// Everything that decides what training arrives at, given a probe's form and the states.
///
/// Adam (Kingma & Ba 2015) on the mean loss of a batch's sentences. After an epoch without a better loss on the
/// sentences held out, the step size falls to a tenth; after `patience` such epochs in a row training ends.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructuralOptions {
    /// Seeds the parameters, the order of sentences and the choice of those held out.
    pub seed: u64,
    /// Adam's step size to begin with.
    pub learning_rate: f32,
    /// Sentences in a batch.
    pub batch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Share of the training sentences that is held out to choose the best epoch by.
    pub held_out: f64,
    /// Epochs in a row without a better loss after which training ends.
    pub patience: usize,
}

impl StructuralOptions {
    /// The regime of Hewitt & Manning (2019, §A.1): batches of 20, step size 0.001, up to 40 epochs, patience 5. They
    /// stop by the development set, which is left for evaluation here; 5 % of the training sentences take its place.
    pub fn hewitt2019(seed: u64) -> Self {
        Self { seed, learning_rate: 0.001, batch: 20, epochs: 40, held_out: 0.05, patience: 5 }
    }
}
