//! MPNet (Song et al. 2020): RoBERTa without segments, with a number for each head and bucket of distances.

use super::{Architecture, Family, HeadNames, Inputs, Keys, Names, bert};
use crate::{
    Activation, LoadError,
    architecture::{Attention, Buckets, Embedding, LmShape, LmTransform, Relative},
};

/// transformers counts distances by these whatever the file says.
const BUCKETS: usize = 32;

pub(super) const FAMILY: Family = Family {
    name: "mpnet",
    model_types: &["mpnet"],
    read,
    names: Names {
        prefix: "mpnet.",
        relative: "encoder.relative_attention_bias",
        inputs: Inputs::Apart(["attention.attn.q", "attention.attn.k", "attention.attn.v"]),
        attention_output: "attention.attn.o",
        attention_norm: "attention.LayerNorm",
        head: HeadNames {
            begins: &["lm_head."],
            transform: "lm_head.dense",
            norm: "lm_head.layer_norm",
            decoder: "lm_head.decoder.weight",
            bias: &["lm_head.bias", "lm_head.decoder.bias"],
        },
        ..bert::NAMES
    },
};

fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    let buckets = keys.size_or("relative_attention_num_buckets", BUCKETS)?;
    if buckets != BUCKETS {
        return keys.unsupported("relative_attention_num_buckets", &buckets.to_string(), "32");
    }
    // Padding is piece 1, whatever `pad_token_id` says.
    let read = bert::of_bert(FAMILY.name, keys, 2, 1e-12)?;
    let relative = Some(Relative::Bias(Buckets::Halves { count: BUCKETS, furthest: 128 }));
    let transform = LmTransform { width: read.breadth, activation: Activation::Gelu, bias: true };
    Ok(Architecture {
        embedding: Embedding { segments: 0, ..read.embedding },
        attention: Attention { relative, ..read.attention },
        head: LmShape { transform: Some(transform), ..read.head },
        ..read
    })
}
