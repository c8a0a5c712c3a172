//! The table of families. A family is a file here: what its `config.json` says, and what its tensors are called.

mod albert;
mod bert;
mod deberta_v2;
mod distilbert;
mod electra;
mod gpt2;
mod gpt_neox;
mod llama;
mod modernbert;
mod mpnet;
mod roberta;

use super::{Architecture, Keys};
use crate::LoadError;

/// All families. The first is that of checkpoints without a `model_type`.
pub(super) static FAMILIES: [Family; 11] = [
    bert::FAMILY,
    roberta::FAMILY,
    distilbert::FAMILY,
    electra::FAMILY,
    albert::FAMILY,
    mpnet::FAMILY,
    deberta_v2::FAMILY,
    modernbert::FAMILY,
    gpt2::FAMILY,
    gpt_neox::FAMILY,
    llama::FAMILY,
];

/// For a message about other ones.
pub(super) const SUPPORTED: &str = "bert, roberta, xlm-roberta, camembert, distilbert, electra, albert, mpnet, deberta-v2, \
                                    modernbert, gpt2, gpt_neox, llama, mistral, qwen2, qwen3; another family is one file in \
                                    crates/headlight-bert/src/architecture/families and a golden of it";

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

/// The names of a family's tensors, without `.weight` and `.bias`. What a family does not have is not looked for.
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
    /// From the embeddings to the hidden states.
    pub projection: &'static str,
    /// Of distances, and their normalisation.
    pub relative: &'static str,
    pub relative_norm: &'static str,
    /// What the number of a layer stands behind: `encoder.layer.`.
    pub layer: &'static str,
    /// In a layer.
    pub inputs: Inputs,
    pub query_norm: &'static str,
    pub key_norm: &'static str,
    /// The projections of distances to queries and to keys, where they have their own.
    pub relative_query: &'static str,
    pub relative_key: &'static str,
    pub attention_output: &'static str,
    pub attention_norm: &'static str,
    pub expand: Expand,
    pub output: &'static str,
    pub output_norm: &'static str,
    /// After the last layer.
    pub final_norm: &'static str,
    /// Whether the weights of layers are stored `[inputs, outputs]`.
    pub transposed: bool,
    /// Ends of names in a layer that are no weights: masks and frequencies that old versions stored.
    pub buffers: &'static [&'static str],
    /// The language-model head.
    pub head: HeadNames,
    /// Beginnings of what stands on the encoder and has no part in attention, and of buffers that are no weights. Other
    /// tensors beside the encoder are passed over as well, but told.
    pub passed_over: &'static [&'static str],
}

/// How queries, keys and values are stored.
pub(crate) enum Inputs {
    /// Each alone.
    Apart([&'static str; 3]),
    /// All queries, then all keys, then all values.
    Blocks(&'static str),
    /// Head by head: its queries, its keys, its values.
    ByHead(&'static str),
}

/// How the first linear layers of a feed-forward block are stored.
pub(crate) enum Expand {
    /// The one, or the one that is not activated where there are two.
    Apart {
        /// Which is not activated, or the only one.
        plain: &'static str,
        /// Which is activated and multiplied with it.
        gate: &'static str,
    },
    /// What is activated, then what it is multiplied with.
    Fused(&'static str),
}

/// The names of a language-model head.
pub(crate) struct HeadNames {
    /// How they begin, any of these.
    pub begins: &'static [&'static str],
    pub transform: &'static str,
    pub norm: &'static str,
    /// The decoder's weight in full.
    pub decoder: &'static str,
    /// The decoder's bias in full, by any of these names or by all of them. Where there are several, the first is that of a
    /// decoder which is the embeddings again, the last that of one of its own.
    pub bias: &'static [&'static str],
}

impl Names {
    /// No names: what the files of families begin with.
    const NONE: Self = Self {
        prefix: "",
        encoder: &[],
        words: "",
        positions: "",
        segments: "",
        embedding_norm: "",
        projection: "",
        relative: "",
        relative_norm: "",
        layer: "",
        inputs: Inputs::Apart(["", "", ""]),
        query_norm: "",
        key_norm: "",
        relative_query: "",
        relative_key: "",
        attention_output: "",
        attention_norm: "",
        expand: Expand::Apart { plain: "", gate: "" },
        output: "",
        output_norm: "",
        final_norm: "",
        transposed: false,
        buffers: &[],
        head: HeadNames { begins: &[], transform: "", norm: "", decoder: "", bias: &[] },
        passed_over: &[],
    };
}

/// The width of a head where all heads together are as wide as the hidden states.
fn head_width(keys: &Keys, breadth: usize, heads: usize) -> Result<usize, LoadError> {
    if breadth.is_multiple_of(heads) {
        return Ok(breadth / heads);
    }
    keys.wrong(format!("the hidden size {breadth} is no multiple of the {heads} heads"))
}

/// Which layers of `layer_types` see only what is near.
fn sliding(keys: &Keys, kinds: &[&str]) -> Result<Vec<bool>, LoadError> {
    let layers = keys.size("num_hidden_layers")?;
    if kinds.len() != layers {
        return keys.wrong(format!("layer_types names {} layers, num_hidden_layers says {layers}", kinds.len()));
    }
    let local = |kind: &&str| match *kind {
        "full_attention" => Ok(false),
        "sliding_attention" => Ok(true),
        other => keys.unsupported("layer_types", other, "full_attention, sliding_attention"),
    };
    kinds.iter().map(local).collect()
}
