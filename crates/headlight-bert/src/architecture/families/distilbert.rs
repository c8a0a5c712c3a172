//! DistilBERT (Sanh et al. 2019): half of BERT's layers, no segments.

use headlight_attention::HeadGrid;

use super::{Architecture, Expand, Family, HeadNames, Inputs, Keys, Names, head_width};
use crate::{
    LoadError,
    architecture::{Attention, Biases, Embedding, FeedForward, LmShape, LmTransform, Norm, NormKind, Order, Positions},
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
        embedding_norm: "embeddings.LayerNorm",
        layer: "transformer.layer.",
        inputs: Inputs::Apart(["attention.q_lin", "attention.k_lin", "attention.v_lin"]),
        attention_output: "attention.out_lin",
        attention_norm: "sa_layer_norm",
        expand: Expand::Apart { plain: "ffn.lin1", gate: "" },
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
        ..Names::NONE
    },
};

/// Keys that may be absent have the defaults of transformers' `DistilBertConfig`, which has no ε.
fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    let activation = keys.activation("activation")?;
    let (breadth, heads) = (keys.size_or("dim", 768)?, keys.size_or("n_heads", 12)?);
    let layers = keys.size_or("n_layers", 6)?;
    Ok(Architecture {
        family: FAMILY.name,
        grid: HeadGrid { layers, heads },
        breadth,
        vocabulary: keys.size_or("vocab_size", 30_522)?,
        embedding: Embedding {
            width: breadth,
            positions: Positions::Learned { rows: keys.size_or("max_position_embeddings", 512)?, offset: 0 },
            segments: 0,
            norm: true,
            projected: false,
        },
        attention: Attention::full(heads, head_width(keys, breadth, heads)?),
        feed_forward: FeedForward { width: keys.size_or("hidden_dim", 3072)?, activation, gated: false },
        norm: Norm { kind: NormKind::Layer, epsilon: 1e-12, bias: true },
        order: Order::Post,
        biases: Biases::ALL,
        stored_layers: layers,
        head: LmShape {
            transform: Some(LmTransform { width: breadth, activation, bias: true }),
            bias: true,
            tied: keys.flag("tie_word_embeddings", true)?,
        },
        initializer_range: keys.positive("initializer_range", 0.02)?,
    })
}
