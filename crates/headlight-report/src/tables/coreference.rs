//! The rows of antecedents that heads find.

use super::schema::tables;
use super::words::words;
use super::{Direction, Split};

words! {
    /// What finds the antecedent of a mention.
    AntecedentPredictor {
        /// The chosen head.
        Head = "head",
        /// The nearest mention before.
        Nearest = "nearest",
        /// The nearest with the same head word.
        HeadMatch = "head_match",
        /// Rules, one after the other.
        Sieves = "sieves",
    }

    /// Which mentions are counted.
    MentionType {
        /// All.
        All = "all",
        /// Pronouns.
        Pronoun = "pronoun",
        /// Names.
        Proper = "proper",
        /// Common nouns.
        Nominal = "nominal",
    }
}

tables! {
    /// How often a predictor finds an antecedent of the mentions of one type (METHOD §4).
    "coreference" => Coreference {
        /// Name of the corpus.
        corpus: String,
        /// Its split.
        split: Split,
        /// `head` (the chosen one; all are in `coreference_heads`), `nearest`, `head_match` or `sieves`.
        predictor: AntecedentPredictor,
        /// Layer, counted from 0, when the predictor is one attention head.
        layer_index: Option<u32>,
        /// Head within its layer, counted from 0.
        head_index: Option<u32>,
        /// Who attends: `dep_to_gov` when the mention attends to its antecedent.
        direction: Option<Direction>,
        /// `all`, `pronoun`, `proper` or `nominal`.
        mention_type: MentionType,
        /// Mentions whose predicted antecedent is right.
        correct: u64,
        /// Mentions that have an antecedent in their window.
        total: u64,
        /// Lower end of the accuracy's bootstrap interval.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
    }

    /// How often one head, in one direction, finds an antecedent of the mentions of one type (METHOD §4).
    "coreference_heads" => CoreferenceHead {
        /// Name of the corpus.
        corpus: String,
        /// Its split.
        split: Split,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0.
        head_index: u32,
        /// Who attends: `dep_to_gov` when the mention attends to its antecedent.
        direction: Direction,
        /// `all`, `pronoun`, `proper` or `nominal`.
        mention_type: MentionType,
        /// Mentions whose predicted antecedent is right.
        correct: u64,
        /// Mentions that have an antecedent in their window.
        total: u64,
    }
}
