//! ALBERT (Lan et al. 2020): narrow embeddings, and one layer's weights for all.

use super::{Architecture, Expand, Family, HeadNames, Inputs, Keys, Names, bert};
use crate::{
    LoadError,
    architecture::{Embedding, LmShape, LmTransform},
};

pub(super) const FAMILY: Family = Family {
    name: "albert",
    model_types: &["albert"],
    read,
    names: Names {
        prefix: "albert.",
        projection: "encoder.embedding_hidden_mapping_in",
        layer: "encoder.albert_layer_groups.",
        inputs: Inputs::Apart([
            "albert_layers.0.attention.query",
            "albert_layers.0.attention.key",
            "albert_layers.0.attention.value",
        ]),
        attention_output: "albert_layers.0.attention.dense",
        attention_norm: "albert_layers.0.attention.LayerNorm",
        expand: Expand::Apart { plain: "albert_layers.0.ffn", gate: "" },
        output: "albert_layers.0.ffn_output",
        output_norm: "albert_layers.0.full_layer_layer_norm",
        head: HeadNames {
            begins: &["predictions."],
            transform: "predictions.dense",
            norm: "predictions.LayerNorm",
            decoder: "predictions.decoder.weight",
            bias: &["predictions.bias", "predictions.decoder.bias"],
        },
        passed_over: &["pooler.", "sop_classifier.", "classifier.", "qa_outputs.", "embeddings.position_ids"],
        ..bert::NAMES
    },
};

fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    let activation = keys.activation_or("hidden_act", "gelu_new")?;
    let read = bert::of_bert(FAMILY.name, keys, 0, 1e-12)?;
    let within = keys.size_or("inner_group_num", 1)?;
    if within != 1 {
        return keys.unsupported("inner_group_num", &within.to_string(), "1");
    }
    let groups = keys.size_or("num_hidden_groups", 1)?;
    if groups > read.grid.layers {
        return keys.wrong(format!("num_hidden_groups is {groups}, num_hidden_layers {}", read.grid.layers));
    }
    let width = keys.size_or("embedding_size", 128)?;
    let transform = LmTransform { width, activation, bias: true };
    Ok(Architecture {
        embedding: Embedding { width, projected: true, ..read.embedding },
        feed_forward: crate::FeedForward { activation, ..read.feed_forward },
        stored_layers: groups,
        head: LmShape { transform: Some(transform), ..read.head },
        ..read
    })
}
