//! DistilBERT (Sanh et al. 2019): half of BERT's layers, no segments.

use headlight_attention::HeadGrid;

use super::{Architecture, Family, HeadNames, Keys, Names};
use crate::{
    LoadError,
    architecture::{FeedForward, MaskedLmShape, Norm, Positions},
};

pub(super) const FAMILY: Family = Family {
    name: "distilbert",
    model_types: &["distilbert"],
    read,
    names: Names {
        prefix: "distilbert.",
        encoder: &["embeddings.", "transformer."],
        words: "embeddings.word_embeddings",
        positions: "embeddings.position_embeddings",
        segments: "",
        embedding_norm: "embeddings.LayerNorm",
        layer: "transformer.layer.",
        query: "attention.q_lin",
        key: "attention.k_lin",
        value: "attention.v_lin",
        attention_output: "attention.out_lin",
        attention_norm: "sa_layer_norm",
        intermediate: "ffn.lin1",
        output: "ffn.lin2",
        output_norm: "output_layer_norm",
        head: HeadNames {
            begins: &["vocab_transform.", "vocab_layer_norm.", "vocab_projector."],
            transform: "vocab_transform",
            norm: "vocab_layer_norm",
            decoder: "vocab_projector.weight",
            bias: &["vocab_projector.bias"],
        },
        passed_over: &["pre_classifier.", "classifier.", "qa_outputs.", "embeddings.position_ids"],
    },
};

/// Keys that may be absent have the defaults of transformers' `DistilBertConfig`, which has no ε.
fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    let activation = keys.activation("activation")?;
    Ok(Architecture {
        family: FAMILY.name,
        grid: HeadGrid { layers: keys.size_or("n_layers", 6)?, heads: keys.size_or("n_heads", 12)? },
        hidden: keys.size_or("dim", 768)?,
        vocabulary: keys.size_or("vocab_size", 30_522)?,
        positions: Positions { rows: keys.size_or("max_position_embeddings", 512)?, offset: 0 },
        segments: 0,
        feed_forward: FeedForward { width: keys.size_or("hidden_dim", 3072)?, activation },
        norm: Norm { epsilon: 1e-12 },
        head: MaskedLmShape { tied: keys.flag("tie_word_embeddings", true)?, activation },
        initializer_range: keys.positive("initializer_range", 0.02)?,
    })
}
