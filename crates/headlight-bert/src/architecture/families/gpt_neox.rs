//! GPT-NeoX (Black et al. 2022), of which Pythia is (Biderman et al. 2023): attention and feed-forward block side by side.

use headlight_attention::HeadGrid;

use super::{Architecture, Expand, Family, HeadNames, Inputs, Keys, Names, head_width};
use crate::{
    LoadError, Visibility,
    architecture::{Attention, Biases, Embedding, FeedForward, LmShape, Norm, NormKind, Order, Positions, Rotary},
};

pub(super) const FAMILY: Family = Family {
    name: "gpt_neox",
    model_types: &["gpt_neox"],
    read,
    names: Names {
        prefix: "gpt_neox.",
        encoder: &["embed_in.", "layers.", "final_layer_norm."],
        words: "embed_in",
        layer: "layers.",
        inputs: Inputs::ByHead("attention.query_key_value"),
        attention_output: "attention.dense",
        attention_norm: "input_layernorm",
        expand: Expand::Apart { plain: "mlp.dense_h_to_4h", gate: "" },
        output: "mlp.dense_4h_to_h",
        output_norm: "post_attention_layernorm",
        final_norm: "final_layer_norm",
        buffers: &["attention.bias", "attention.masked_bias", "attention.rotary_emb.inv_freq"],
        head: HeadNames { begins: &["embed_out."], decoder: "embed_out.weight", ..Names::NONE.head },
        passed_over: &["score.", "classifier.", "qa_outputs."],
        ..Names::NONE
    },
};

/// Keys that may be absent have the defaults of transformers' `GPTNeoXConfig`.
fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    let (breadth, heads) = (keys.size("hidden_size")?, keys.size("num_attention_heads")?);
    let (layers, head_width) = (keys.size("num_hidden_layers")?, head_width(keys, breadth, heads)?);
    let parameters = keys.within(&["rope_parameters", "rope_scaling"])?;
    let share = parameters.positive("partial_rotary_factor", keys.positive("rotary_pct", 0.25)?)?;
    let theta = keys.positive("rotary_emb_base", 10_000.0)?;
    let turned = (f64::from(share) * head_width as f64) as usize;
    let bias = keys.flag("attention_bias", true)?;
    let parallel = keys.flag("use_parallel_residual", true)?;
    Ok(Architecture {
        family: FAMILY.name,
        grid: HeadGrid { layers, heads },
        breadth,
        vocabulary: keys.size("vocab_size")?,
        embedding: Embedding {
            width: breadth,
            positions: Positions::InAttention { longest: keys.size_or("max_position_embeddings", 2048)? },
            segments: 0,
            norm: false,
            projected: false,
        },
        attention: Attention {
            visibility: Visibility::Causal,
            rotary: Some(Rotary::read(keys, &parameters, theta, turned)?),
            ..Attention::full(heads, head_width)
        },
        feed_forward: FeedForward {
            width: keys.size("intermediate_size")?,
            activation: keys.activation("hidden_act")?,
            gated: false,
        },
        norm: Norm { kind: NormKind::Layer, epsilon: keys.positive("layer_norm_eps", 1e-5)?, bias: true },
        order: if parallel { Order::Parallel } else { Order::Pre },
        biases: Biases { query_key_value: bias, attention_output: bias, ..Biases::ALL },
        stored_layers: layers,
        head: LmShape { transform: None, bias: false, tied: keys.flag("tie_word_embeddings", false)? },
        initializer_range: keys.positive("initializer_range", 0.02)?,
    })
}
