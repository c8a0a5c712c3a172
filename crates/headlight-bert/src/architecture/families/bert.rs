//! BERT (Devlin et al. 2019).

use headlight_attention::HeadGrid;

use super::{Architecture, Family, HeadNames, Keys, Names};
use crate::{
    LoadError,
    architecture::{FeedForward, MaskedLmShape, Norm, Positions},
};

pub(super) const FAMILY: Family = Family {
    name: "bert",
    model_types: &["bert"],
    read,
    names: Names {
        prefix: "bert.",
        encoder: &["embeddings.", "encoder."],
        words: "embeddings.word_embeddings",
        positions: "embeddings.position_embeddings",
        segments: "embeddings.token_type_embeddings",
        embedding_norm: "embeddings.LayerNorm",
        layer: "encoder.layer.",
        query: "attention.self.query",
        key: "attention.self.key",
        value: "attention.self.value",
        attention_output: "attention.output.dense",
        attention_norm: "attention.output.LayerNorm",
        intermediate: "intermediate.dense",
        output: "output.dense",
        output_norm: "output.LayerNorm",
        head: HeadNames {
            begins: &["cls.predictions."],
            transform: "cls.predictions.transform.dense",
            norm: "cls.predictions.transform.LayerNorm",
            decoder: "cls.predictions.decoder.weight",
            bias: &["cls.predictions.bias", "cls.predictions.decoder.bias"],
        },
        passed_over: &[
            "pooler.",
            "cls.seq_relationship.",
            "classifier.",
            "qa_outputs.",
            "embeddings.position_ids",
            "embeddings.token_type_ids",
        ],
    },
};

/// Keys that may be absent have the defaults of transformers' `BertConfig`.
fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    let positions = keys.text("position_embedding_type", "absolute")?;
    if positions != "absolute" {
        return keys.unsupported("position_embedding_type", positions, "absolute");
    }
    if keys.flag("is_decoder", false)? {
        return keys.unsupported("is_decoder", "true", "false (encoders that see both sides)");
    }
    let activation = keys.activation("hidden_act")?;
    Ok(Architecture {
        family: FAMILY.name,
        grid: HeadGrid { layers: keys.size("num_hidden_layers")?, heads: keys.size("num_attention_heads")? },
        hidden: keys.size("hidden_size")?,
        vocabulary: keys.size("vocab_size")?,
        positions: Positions { rows: keys.size("max_position_embeddings")?, offset: 0 },
        segments: keys.size_or("type_vocab_size", 2)?,
        feed_forward: FeedForward { width: keys.size("intermediate_size")?, activation },
        norm: Norm { epsilon: keys.positive("layer_norm_eps", 1e-12)? },
        head: MaskedLmShape { tied: keys.flag("tie_word_embeddings", true)?, activation },
        initializer_range: keys.positive("initializer_range", 0.02)?,
    })
}
