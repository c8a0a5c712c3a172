//! ModernBERT (Warner et al. 2024): turned queries and keys, layers that see what is near between layers that see all.

use headlight_attention::HeadGrid;

use super::{Architecture, Expand, Family, HeadNames, Inputs, Keys, Names, head_width};
use crate::{
    LoadError,
    architecture::{
        Attention, Biases, Embedding, FeedForward, LmShape, LmTransform, Local, LocalLayers, Norm, NormKind, Order,
        Positions, Rotary,
    },
};

pub(super) const FAMILY: Family = Family {
    name: "modernbert",
    model_types: &["modernbert"],
    read,
    names: Names {
        prefix: "model.",
        encoder: &["embeddings.", "layers.", "final_norm."],
        words: "embeddings.tok_embeddings",
        embedding_norm: "embeddings.norm",
        layer: "layers.",
        inputs: Inputs::Blocks("attn.Wqkv"),
        attention_output: "attn.Wo",
        attention_norm: "attn_norm",
        expand: Expand::Fused("mlp.Wi"),
        output: "mlp.Wo",
        output_norm: "mlp_norm",
        final_norm: "final_norm",
        head: HeadNames {
            begins: &["head.", "decoder."],
            transform: "head.dense",
            norm: "head.norm",
            decoder: "decoder.weight",
            bias: &["decoder.bias"],
        },
        passed_over: &["classifier."],
        ..Names::NONE
    },
};

/// Keys that may be absent have the defaults of transformers' `ModernBertConfig`.
fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    let (breadth, heads) = (keys.size("hidden_size")?, keys.size("num_attention_heads")?);
    let (layers, head_width) = (keys.size("num_hidden_layers")?, head_width(keys, breadth, heads)?);
    let both = keys.within(&["rope_parameters"])?;
    let rotary = |kind: &str, key: &str, theta: f32| {
        Rotary::read(keys, &both.within(&[kind])?, keys.positive(key, theta)?, head_width)
    };
    let local = match keys.texts("layer_types")? {
        Some(kinds) => LocalLayers::Listed(super::sliding(keys, &kinds)?),
        None => LocalLayers::AllButEvery(keys.size_or("global_attn_every_n_layers", 3)?),
    };
    let blocks = keys.flag("mlp_bias", false)?;
    let attention = keys.flag("attention_bias", false)?;
    Ok(Architecture {
        family: FAMILY.name,
        grid: HeadGrid { layers, heads },
        breadth,
        vocabulary: keys.size("vocab_size")?,
        embedding: Embedding {
            width: breadth,
            positions: Positions::InAttention { longest: keys.size_or("max_position_embeddings", 8192)? },
            segments: 0,
            norm: true,
            projected: false,
        },
        attention: Attention {
            rotary: Some(rotary("full_attention", "global_rope_theta", 160_000.0)?),
            local: Some(Local {
                layers: local,
                reach: keys.size_or("local_attention", 128)? / 2,
                rotary: Some(rotary("sliding_attention", "local_rope_theta", 10_000.0)?),
            }),
            first_normalised: false,
            ..Attention::full(heads, head_width)
        },
        feed_forward: FeedForward {
            width: keys.size("intermediate_size")?,
            activation: keys.activation("hidden_activation")?,
            gated: true,
        },
        norm: Norm {
            kind: NormKind::Layer,
            epsilon: keys.positive("norm_eps", 1e-5)?,
            bias: keys.flag("norm_bias", false)?,
        },
        order: Order::Pre,
        biases: Biases { query_key_value: attention, attention_output: attention, feed_forward: blocks },
        stored_layers: layers,
        head: LmShape {
            transform: Some(LmTransform {
                width: breadth,
                activation: keys.activation("classifier_activation")?,
                bias: keys.flag("classifier_bias", false)?,
            }),
            bias: keys.flag("decoder_bias", true)?,
            tied: keys.flag("tie_word_embeddings", true)?,
        },
        initializer_range: keys.positive("initializer_range", 0.02)?,
    })
}
