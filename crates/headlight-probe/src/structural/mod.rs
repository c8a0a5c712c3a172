//! Structural probes (Hewitt & Manning 2019, *A Structural Probe for Finding Syntax in Word Representations*): whether a
//! linear map of a layer's hidden states makes squared distances those of the tree, or squared lengths its depths.
//!
//! A third probe names relations (DepProbe); with distances it makes labelled trees.
//!
//! Training and evaluation of one probe run on one thread; a sweep over layers and ranks is so many independent
//! probes, one for each core.

mod file;
mod options;
mod order;
mod probe;
mod relations;
mod score;
mod states;
mod train;
mod tree;

#[cfg(test)]
mod tests;

pub use file::{StateFile, StateFileError, StateWriter};
pub use options::StructuralOptions;
pub use probe::{StructuralProbe, Structure};
pub use relations::{
    Labelled, LabelledScores, ROOT_LABEL, UNKNOWN_LABEL, evaluate_labelled, evaluate_rooted, labelled_tree, rooted_tree,
};
pub use score::{Spearman, StructuralScores, evaluate};
pub use states::{Relabelled, WordStates};
pub use train::{StructuralEpoch, StructuralError, StructuralState, TrainedStructure, train, train_from};
