//! DeBERTa-v2 and -v3 (He et al. 2021, 2023): what a piece is and how far it is away are multiplied apart.

use super::{Architecture, Family, Inputs, Keys, Names, bert};
use crate::{
    LoadError,
    architecture::{Attention, Buckets, Embedding, Positions, Relative},
};

pub(super) const FAMILY: Family = Family {
    name: "deberta-v2",
    model_types: &["deberta-v2"],
    read,
    names: Names {
        prefix: "deberta.",
        relative: "encoder.rel_embeddings",
        relative_norm: "encoder.LayerNorm",
        inputs: Inputs::Apart(["attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"]),
        relative_query: "attention.self.pos_query_proj",
        relative_key: "attention.self.pos_key_proj",
        passed_over: &[
            "pooler.",
            "classifier.",
            "qa_outputs.",
            "embeddings.position_ids",
            "lm_predictions.",
            "mask_predictions.",
        ],
        ..bert::NAMES
    },
};

fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    let convolution = keys.index("conv_kernel_size", 0)?;
    if convolution > 0 {
        return keys.unsupported(
            "conv_kernel_size",
            &convolution.to_string(),
            "0 (no convolution beside the first layer)",
        );
    }
    let read = bert::of_bert(FAMILY.name, keys, 0, 1e-7)?;
    for (key, of_hidden) in [("embedding_size", read.breadth), ("attention_head_size", read.head_width())] {
        let width = keys.size_or(key, of_hidden)?;
        if width != of_hidden {
            return keys.wrong(format!("{key} is {width}, and only {of_hidden}, the hidden states' own, is computed"));
        }
    }
    let longest = keys.size("max_position_embeddings")?;
    let positions = match keys.flag("position_biased_input", true)? {
        true => read.embedding.positions,
        false => Positions::InAttention { longest },
    };
    let relative = if keys.flag("relative_attention", false)? { Some(relative(keys, longest)?) } else { None };
    Ok(Architecture {
        embedding: Embedding { positions, segments: keys.index("type_vocab_size", 0)?, ..read.embedding },
        attention: Attention { relative, ..read.attention },
        ..read
    })
}

fn relative(keys: &Keys, longest: usize) -> Result<Relative, LoadError> {
    // Numbers below 1 stand for none.
    let furthest = keys.size_unless_negative("max_relative_positions")?.unwrap_or(longest);
    let buckets = match keys.size_unless_negative("position_buckets")? {
        Some(span) if span < 4 || furthest <= span => {
            return keys.wrong(format!("position_buckets is {span}, max_relative_positions {furthest}"));
        }
        Some(span) => Buckets::Around { span, furthest: Some(furthest) },
        None => Buckets::Around { span: furthest, furthest: None },
    };
    let kinds = keys.text_or_texts("pos_att_type", '|')?;
    if let Some(other) = kinds.iter().find(|kind| !["c2p", "p2c"].contains(&kind.as_str())) {
        return keys.unsupported("pos_att_type", other, "c2p, p2c");
    }
    let has = |kind: &str| kinds.iter().any(|found| found == kind);
    let norms = keys.text_or_texts("norm_rel_ebd", '|')?;
    Ok(Relative::Disentangled {
        buckets,
        content_to_position: has("c2p"),
        position_to_content: has("p2c"),
        shared: keys.flag("share_att_key", false)?,
        norm: norms.iter().any(|norm| norm == "layer_norm"),
    })
}
