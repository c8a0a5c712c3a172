//! GPT-2 (Radford et al. 2019).

use headlight_attention::HeadGrid;

use super::{Architecture, Expand, Family, HeadNames, Inputs, Keys, Names, head_width};
use crate::{
    LoadError, Visibility,
    architecture::{Attention, Biases, Embedding, FeedForward, LmShape, Norm, NormKind, Order, Positions},
};

pub(super) const FAMILY: Family = Family {
    name: "gpt2",
    model_types: &["gpt2"],
    read,
    names: Names {
        prefix: "transformer.",
        encoder: &["wte.", "wpe.", "h.", "ln_f."],
        words: "wte",
        positions: "wpe",
        layer: "h.",
        inputs: Inputs::Blocks("attn.c_attn"),
        attention_output: "attn.c_proj",
        attention_norm: "ln_1",
        expand: Expand::Apart { plain: "mlp.c_fc", gate: "" },
        output: "mlp.c_proj",
        output_norm: "ln_2",
        final_norm: "ln_f",
        transposed: true,
        buffers: &["attn.bias", "attn.masked_bias"],
        head: HeadNames { begins: &["lm_head."], decoder: "lm_head.weight", ..Names::NONE.head },
        passed_over: &["score.", "classifier.", "multiple_choice_head."],
        ..Names::NONE
    },
};

/// Keys that may be absent have the defaults of transformers' `GPT2Config`.
fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    keys.expect_flag("scale_attn_weights", true)?;
    keys.expect_flag("add_cross_attention", false)?;
    let (breadth, heads) = (keys.size_or("n_embd", 768)?, keys.size_or("n_head", 12)?);
    let layers = keys.size_or("n_layer", 12)?;
    Ok(Architecture {
        family: FAMILY.name,
        grid: HeadGrid { layers, heads },
        breadth,
        vocabulary: keys.size_or("vocab_size", 50_257)?,
        embedding: Embedding {
            width: breadth,
            positions: Positions::Learned { rows: keys.size_or("n_positions", 1024)?, offset: 0 },
            segments: 0,
            norm: false,
            projected: false,
        },
        attention: Attention {
            visibility: Visibility::Causal,
            scaled_by_layer: keys.flag("scale_attn_by_inverse_layer_idx", false)?,
            ..Attention::full(heads, head_width(keys, breadth, heads)?)
        },
        feed_forward: FeedForward {
            width: keys.size_or("n_inner", 4 * breadth)?,
            activation: keys.activation_or("activation_function", "gelu_new")?,
            gated: false,
        },
        norm: Norm { kind: NormKind::Layer, epsilon: keys.positive("layer_norm_epsilon", 1e-5)?, bias: true },
        order: Order::Pre,
        biases: Biases::ALL,
        stored_layers: layers,
        head: LmShape { transform: None, bias: false, tied: keys.flag("tie_word_embeddings", true)? },
        initializer_range: keys.positive("initializer_range", 0.02)?,
    })
}
