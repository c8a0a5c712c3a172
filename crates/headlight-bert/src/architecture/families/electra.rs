//! ELECTRA (Clark et al. 2020): BERT whose embeddings may be narrower. The discriminator has no language-model head, the
//! generator has one.

use super::{Architecture, Family, HeadNames, Keys, Names, bert};
use crate::{
    Activation, LoadError,
    architecture::{Embedding, LmShape, LmTransform},
};

pub(super) const FAMILY: Family = Family {
    name: "electra",
    model_types: &["electra"],
    read,
    names: Names {
        prefix: "electra.",
        encoder: &["embeddings.", "embeddings_project.", "encoder."],
        projection: "embeddings_project",
        head: HeadNames {
            begins: &["generator_predictions.", "generator_lm_head."],
            transform: "generator_predictions.dense",
            norm: "generator_predictions.LayerNorm",
            decoder: "generator_lm_head.weight",
            bias: &["generator_lm_head.bias"],
        },
        passed_over: &["discriminator_predictions.", "classifier.", "qa_outputs.", "embeddings.position_ids"],
        ..bert::NAMES
    },
};

fn read(keys: &Keys) -> Result<Architecture, LoadError> {
    let read = bert::of_bert(FAMILY.name, keys, 0, 1e-12)?;
    let width = keys.size_or("embedding_size", 128)?;
    let embedding = Embedding { width, projected: width != read.breadth, ..read.embedding };
    let transform = LmTransform { width, activation: Activation::Gelu, bias: true };
    Ok(Architecture { embedding, head: LmShape { transform: Some(transform), ..read.head }, ..read })
}
