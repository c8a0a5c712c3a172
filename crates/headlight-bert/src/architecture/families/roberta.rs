//! RoBERTa (Liu et al. 2019), XLM-R (Conneau et al. 2020) and CamemBERT (Martin et al. 2020): BERT whose first position
//! stands behind that of padding.

use super::{Architecture, Family, HeadNames, Keys, Names, bert};
use crate::{
    Activation, LoadError,
    architecture::{LmShape, LmTransform},
};

pub(super) const FAMILY: Family = Family {
    name: "roberta",
    model_types: &["roberta", "xlm-roberta", "camembert"],
    read,
    names: Names {
        prefix: "roberta.",
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
    // Piece 0 can be padding as well, which no key but this is.
    let padding = keys.index("pad_token_id", 1)?;
    let read = bert::of_bert(FAMILY.name, keys, padding + 1, 1e-12)?;
    // The head's activation is no key's.
    let transform = LmTransform { width: read.breadth, activation: Activation::Gelu, bias: true };
    Ok(Architecture { head: LmShape { transform: Some(transform), ..read.head }, ..read })
}
