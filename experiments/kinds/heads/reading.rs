//! How maps are read: as attended, or with rows renormalised over words (METHOD §2).

use headlight_attention::WordAttention;
use headlight_bert::{Encoded, Request};
use headlight_heads::{HeadPredictions, among_words, predict};

use crate::config::{Settings, choice};
use crate::run::request;

choice! {
    /// What the rows of maps are before anything is read from them.
    Rows { Raw = "raw", Words = "words" }
}

impl Rows {
    /// What predictions are asked of the encoder as. As attended, it finds the peaks itself and yields maps only of those
    /// inputs whose attention is wanted; renormalised, it yields the maps of all.
    pub fn request(self, config: &Settings) -> Request {
        let peaks = (self == Rows::Raw).then(|| config.treebank.merge_rule());
        Request { peaks, ..request(config) }
    }

    /// Whether predictions need maps.
    pub fn needs_maps(self) -> bool {
        self == Rows::Words
    }

    /// The predictions of a sentence, and its maps where the encoder yielded them, both read in this way.
    pub fn read(self, encoded: Encoded) -> Option<(HeadPredictions, Option<WordAttention>)> {
        match self {
            Rows::Raw => Some((HeadPredictions::from(encoded.peaks?), encoded.words)),
            Rows::Words => {
                let attention = among_words(&encoded.words?);
                Some((predict(&attention), Some(attention)))
            }
        }
    }
}
