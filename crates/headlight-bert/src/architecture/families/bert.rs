//! BERT (Devlin et al. 2019).

use headlight_attention::HeadGrid;

use super::{Architecture, Expand, Family, HeadNames, Inputs, Keys, Names, head_width};
use crate::{
    LoadError,
    architecture::{Attention, Biases, Embedding, FeedForward, LmShape, LmTransform, Norm, NormKind, Order, Positions},
};

pub(super) const FAMILY: Family = Family { name: "bert", model_types: &["bert"], read, names: NAMES };

pub(super) const NAMES: Names = Names {
    prefix: "bert.",
    encoder: &["embeddings.", "encoder."],
    words: "embeddings.word_embeddings",
    positions: "embeddings.position_embeddings",
    segments: "embeddings.token_type_embeddings",
    embedding_norm: "embeddings.LayerNorm",
    layer: "encoder.layer.",
    inputs: Inputs::Apart(["attention.self.query", "attention.self.key", "attention.self.value"]),
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    expand: Expand::Apart { plain: "intermediate.dense", gate: "" },
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
    ..Names::NONE
};

fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    of_bert(FAMILY.name, keys, 0, 1e-12)
}

/// An encoder as BERT's, by the keys of `BertConfig` and its defaults, with the first piece's position and ε where the file
/// names none.
pub(super) fn of_bert(
    family: &'static str,
    keys: &Keys,
    offset: usize,
    epsilon: f32,
) -> Result<Architecture, LoadError> {
    let positions = keys.text("position_embedding_type", "absolute")?;
    if positions != "absolute" {
        return keys.unsupported("position_embedding_type", positions, "absolute");
    }
    if keys.flag("is_decoder", false)? {
        return keys.unsupported("is_decoder", "true", "false (encoders that see both sides)");
    }
    let activation = keys.activation("hidden_act")?;
    let (breadth, heads) = (keys.size("hidden_size")?, keys.size("num_attention_heads")?);
    let layers = keys.size("num_hidden_layers")?;
    Ok(Architecture {
        family,
        grid: HeadGrid { layers, heads },
        breadth,
        vocabulary: keys.size("vocab_size")?,
        embedding: Embedding {
            width: breadth,
            positions: Positions::Learned { rows: keys.size("max_position_embeddings")?, offset },
            segments: keys.index("type_vocab_size", 2)?,
            norm: true,
            projected: false,
        },
        attention: Attention::full(heads, head_width(keys, breadth, heads)?),
        feed_forward: FeedForward { width: keys.size("intermediate_size")?, activation, gated: false },
        norm: Norm { kind: NormKind::Layer, epsilon: keys.positive("layer_norm_eps", epsilon)?, bias: true },
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
