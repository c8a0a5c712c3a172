//! The table of families. A family is a file here: what its `config.json` says, and what its tensors are called.

mod bert;
mod distilbert;

use super::{Architecture, Keys};
use crate::LoadError;

/// All families. The first is that of checkpoints without a `model_type`.
pub(super) static FAMILIES: [Family; 2] = [bert::FAMILY, distilbert::FAMILY];

/// For a message about other ones.
pub(super) const SUPPORTED: &str = "bert, distilbert";

/// One family.
pub(super) struct Family {
    /// What tables call it.
    pub name: &'static str,
    /// The values of `model_type` in a `config.json` of it.
    pub model_types: &'static [&'static str],
    /// Reads a `config.json`.
    pub read: fn(&Keys) -> Result<Architecture, LoadError>,
    /// Its tensors.
    pub names: Names,
}

/// The names of a family's tensors, without `.weight` and `.bias`.
pub(crate) struct Names {
    /// What stands before the names of the encoder where it is a part of a model, such as `bert.`.
    pub prefix: &'static str,
    /// How the names of the encoder's tensors begin: what begins so and has no use is an error.
    pub encoder: &'static [&'static str],
    /// Embeddings.
    pub words: &'static str,
    pub positions: &'static str,
    pub segments: &'static str,
    pub embedding_norm: &'static str,
    /// What the number of a layer stands behind: `encoder.layer.`.
    pub layer: &'static str,
    /// In a layer.
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub attention_output: &'static str,
    pub attention_norm: &'static str,
    pub intermediate: &'static str,
    pub output: &'static str,
    pub output_norm: &'static str,
    /// The masked-language-model head.
    pub head: HeadNames,
    /// Beginnings of what stands on the encoder and has no part in attention, and of buffers that are no weights. Other
    /// tensors beside the encoder are passed over as well, but told.
    pub passed_over: &'static [&'static str],
}

/// The names of a masked-language-model head.
pub(crate) struct HeadNames {
    /// How they begin, any of these.
    pub begins: &'static [&'static str],
    pub transform: &'static str,
    pub norm: &'static str,
    /// The decoder's weight in full.
    pub decoder: &'static str,
    /// The decoder's bias in full, by any of these names or by all of them for one tensor.
    pub bias: &'static [&'static str],
}
