//! The shape of Llama (Touvron et al. 2023), in which Mistral (Jiang et al. 2023), Qwen2 and Qwen3 (Yang et al. 2024, 2025)
//! are made as well.

use headlight_attention::HeadGrid;

use super::{Architecture, Expand, Family, HeadNames, Inputs, Keys, Names, head_width};
use crate::{
    LoadError, Visibility,
    architecture::{
        Attention, Biases, Embedding, FeedForward, LmShape, Local, LocalLayers, Norm, NormKind, Order, Positions,
        Rotary,
    },
};

pub(super) const FAMILY: Family = Family {
    name: "llama",
    model_types: &["llama", "mistral", "qwen2", "qwen3"],
    read,
    names: Names {
        prefix: "model.",
        encoder: &["embed_tokens.", "layers.", "norm."],
        words: "embed_tokens",
        layer: "layers.",
        inputs: Inputs::Apart(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
        query_norm: "self_attn.q_norm",
        key_norm: "self_attn.k_norm",
        attention_output: "self_attn.o_proj",
        attention_norm: "input_layernorm",
        expand: Expand::Apart { plain: "mlp.up_proj", gate: "mlp.gate_proj" },
        output: "mlp.down_proj",
        output_norm: "post_attention_layernorm",
        final_norm: "norm",
        buffers: &["self_attn.rotary_emb.inv_freq"],
        head: HeadNames { begins: &["lm_head."], decoder: "lm_head.weight", ..Names::NONE.head },
        passed_over: &["score.", "classifier.", "qa_outputs.", "rotary_emb.inv_freq"],
        ..Names::NONE
    },
};

/// What the models of this shape have of their own.
struct Variant {
    /// Heads of keys and values where the file names none; as many as there are heads where this does not.
    key_value_heads: Option<usize>,
    /// Width of a head where the file names none; the heads' share of the hidden states where this does not.
    head_width: Option<usize>,
    /// The furthest that is seen, and from which layer on.
    window: Option<(usize, usize)>,
    biases: Biases,
    query_key_norm: bool,
    longest: usize,
}

fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    let model_type = keys.text("model_type", "llama")?;
    let Variant { key_value_heads, head_width: own_width, window, biases, query_key_norm, longest } =
        variant(model_type, keys)?;
    let (breadth, heads) = (keys.size("hidden_size")?, keys.size("num_attention_heads")?);
    let layers = keys.size("num_hidden_layers")?;
    let head_width = match (keys.has("head_dim"), own_width) {
        (true, _) => keys.size("head_dim")?,
        (false, Some(width)) => width,
        (false, None) => head_width(keys, breadth, heads)?,
    };
    let parameters = keys.within(&["rope_parameters", "rope_scaling"])?;
    let rotary = Some(Rotary::read(keys, &parameters, 10_000.0, head_width)?);
    let local = match (window, keys.texts("layer_types")?) {
        (None, _) => None,
        (Some((reach, _)), Some(kinds)) => Some((reach, LocalLayers::Listed(super::sliding(keys, &kinds)?))),
        (Some((reach, first)), None) => Some((reach, LocalLayers::From(first))),
    };
    let local = local.map(|(reach, layers)| Local { layers, reach, rotary: rotary.clone() });
    Ok(Architecture {
        family: FAMILY.name,
        grid: HeadGrid { layers, heads },
        breadth,
        vocabulary: keys.size("vocab_size")?,
        embedding: Embedding {
            width: breadth,
            positions: Positions::InAttention { longest: keys.size_or("max_position_embeddings", longest)? },
            segments: 0,
            norm: false,
            projected: false,
        },
        attention: Attention {
            visibility: Visibility::Causal,
            key_value_heads: keys.size_or("num_key_value_heads", key_value_heads.unwrap_or(heads))?,
            query_key_norm,
            rotary,
            local,
            ..Attention::full(heads, head_width)
        },
        feed_forward: FeedForward {
            width: keys.size("intermediate_size")?,
            activation: keys.activation_or("hidden_act", "silu")?,
            gated: true,
        },
        norm: Norm { kind: NormKind::Rms, epsilon: keys.positive("rms_norm_eps", 1e-6)?, bias: false },
        order: Order::Pre,
        biases,
        stored_layers: layers,
        head: LmShape { transform: None, bias: false, tied: keys.flag("tie_word_embeddings", false)? },
        initializer_range: keys.positive("initializer_range", 0.02)?,
    })
}

/// Keys that may be absent have the defaults of transformers' configs of each.
fn variant(model_type: &str, keys: &Keys) -> Result<Variant, LoadError> {
    let attention_bias = keys.flag("attention_bias", false)?;
    let llama = Variant {
        key_value_heads: None,
        head_width: None,
        window: None,
        biases: Biases {
            query_key_value: attention_bias,
            attention_output: attention_bias,
            feed_forward: keys.flag("mlp_bias", false)?,
        },
        query_key_norm: false,
        longest: 2048,
    };
    // A window of 1 is the piece itself.
    let window = |default: usize| Ok::<usize, LoadError>(keys.size_or("sliding_window", default)? - 1);
    let of_qwen = || match keys.flag("use_sliding_window", false)? {
        true => Ok::<_, LoadError>(Some((window(4096)?, keys.index("max_window_layers", 28)?))),
        false => Ok(None),
    };
    Ok(match model_type {
        "mistral" => Variant {
            key_value_heads: Some(8),
            // Null says that there is none.
            window: if keys.is_null("sliding_window") { None } else { Some((window(4096)?, 0)) },
            biases: Biases::NONE,
            longest: 4096 * 32,
            ..llama
        },
        "qwen2" => Variant {
            window: of_qwen()?,
            biases: Biases { query_key_value: true, ..Biases::NONE },
            longest: 32_768,
            ..llama
        },
        "qwen3" => Variant {
            head_width: Some(128),
            window: of_qwen()?,
            biases: Biases { feed_forward: false, ..llama.biases },
            query_key_norm: true,
            longest: 32_768,
            ..llama
        },
        _ => llama,
    })
}
