//! `report.json`: what was measured, on what, under which conventions. `schemas/report.schema.json` describes it to
//! other languages.

use std::collections::BTreeMap;

use headlight_attention::{Frame, Visibility};
use headlight_stats::{Bootstrap, Unit};
use serde::{Deserialize, Serialize};

use super::{Overlap, Repeated};
use crate::Selection;

/// The version of `report.json` that this crate writes, and the newest it reads.
pub const REPORT_VERSION: u32 = 1;

/// What a run measured, on what, and what came out in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_VERSION`] at the time of writing.
    pub format_version: u32,
    /// The run's name in its config.
    pub name: String,
    /// The model whose heads were studied.
    pub model: ModelSummary,
    /// The treebank, or the corpus, they were studied on.
    pub treebank: TreebankSummary,
    /// The choices that numbers depend on; runs with different ones are not compared silently.
    pub conventions: Conventions,
    /// How intervals and p-values were computed.
    pub statistics: StatisticsSummary,
    /// What was computed, in the order of the config.
    pub experiments: Vec<ExperimentSummary>,
    /// The main results as sentences with numbers, the most important first.
    pub findings: Vec<String>,
    /// What a reader must know before trusting the numbers: optimistic selection, skipped sentences, ….
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A model in a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// The name the config gave it.
    pub name: String,
    /// Its architecture: `bert`.
    pub architecture: String,
    /// Number of layers.
    pub layers: u32,
    /// Heads per layer.
    pub heads: u32,
    /// Width of the hidden states.
    pub hidden_size: u32,
    /// Whether its weights were drawn at random instead of loaded.
    #[serde(default)]
    pub random_weights: bool,
    /// The special pieces around the words; BERT's where a run does not say.
    #[serde(default = "Frame::bert")]
    pub frame: Frame,
    /// Which pieces a piece may attend to; all of them where a run does not say.
    #[serde(default)]
    pub visibility: Visibility,
}

/// A treebank in a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreebankSummary {
    /// Its name in tables.
    pub name: String,
    /// Its splits, in the order in which they were used.
    pub splits: Vec<SplitSummary>,
    /// What splits share, for each pair that was looked at; none where nothing was, as in runs of earlier versions.
    #[serde(default)]
    pub overlaps: Vec<Overlap>,
}

/// One split of a treebank.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitSummary {
    /// `train`, `select` or `evaluate`.
    pub split: String,
    /// Names of its files, without folders.
    pub files: Vec<String>,
    /// Sentences used.
    pub sentences: u64,
    /// Their words.
    pub words: u64,
    /// Sentences left out, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// What stands in it more than once.
    #[serde(default)]
    pub repeated: Repeated,
    /// Sentences with several roots, all but the first of which hang from the first (`treebank.invalid = "repair"`).
    #[serde(default)]
    pub repaired: u64,
    /// How the model read the words.
    #[serde(default)]
    pub reading: Reading,
    /// Sentences whose words could not be aligned with pieces, in the order of the split, the first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unaligned: Vec<Unaligned>,
}

/// A sentence in which words and pieces could not be aligned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unaligned {
    /// Its `sent_id`.
    pub sent_id: String,
    /// Why: it was skipped, or a word of it stands as the unknown piece.
    pub problem: String,
}

/// How a model read the words of a split. Words that it cannot make out are scored like all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reading {
    /// Pieces of all words, those around a sentence not counted.
    pub pieces: u64,
    /// Words of which the model saw nothing but the unknown piece, such as `[UNK]`.
    pub unknown_words: u64,
    /// Those of them that yielded no piece at all, such as a zero-width space.
    pub unpieced_words: u64,
    /// Words all of whose pieces are pieces of the word before (`input = "text"`).
    pub shared_words: u64,
    /// Words whose form is `_`: text that was withheld.
    pub blank_words: u64,
}

/// The choices that every number depends on (METHOD §1, §2). Values are written as in the config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conventions {
    /// How relations are told apart: `full` (`nmod:poss`) or `universal` (`nmod`).
    pub granularity: String,
    /// Whether unlabelled scores count punctuation: `excluded` or `included`.
    pub punctuation: String,
    /// How pieces become words: `mean`, `first` or `max`.
    pub merge_rule: String,
    /// Where heads and baselines were chosen: `separate`, `folds` or `same` (the reported data: optimistic), as in configs.
    pub selection: Selection,
    /// What intervals resample, tests swap and folds keep together: `sentence` or `document`.
    #[serde(default)]
    pub unit: Unit,
    /// What the model was given: `words` or `text`.
    pub input: String,
    /// What counts as attention: of heads `weights` or `norms`, of layers `rollout`, `value-zeroing` or `globenc`.
    pub attention: String,
    /// How `kind = "heads"` read the rows of maps: `raw`, as attended, or `words`, renormalised over words.
    #[serde(default = "raw")]
    pub rows: String,
    /// In which numbers the model multiplied: `f32`, `f16` or `bf16`.
    #[serde(default = "exact")]
    pub precision: String,
    /// Longest sentence in pieces; longer ones were skipped.
    pub piece_limit: u32,
    /// How text without trees was packed into sequences, where the run read any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packing: Option<String>,
}

/// What runs without a precision were computed in.
pub(super) fn exact() -> String {
    "f32".to_owned()
}

impl ModelSummary {
    /// The name for people: it says where the weights are random.
    pub fn display_name(&self) -> String {
        let random = if self.random_weights { " with random weights" } else { "" };
        format!("{}{random}", self.name)
    }

    /// A text of ours that is written in BERT's terms, in those of this model: its first and its last special piece in the place
    /// of `[CLS]` and `[SEP]`, and of a causal model the loss that it has.
    pub fn named(&self, text: &str) -> String {
        let first = self.frame.before().first().map_or("the first special piece", String::as_str);
        let last = self.frame.after().last().map_or("the last special piece", String::as_str);
        let to_itself = if last == "[SEP]" { "SEP→SEP".to_owned() } else { format!("{last}→{last}") };
        let text = text.replace("[CLS]", first).replace("[SEP]", last).replace("SEP→SEP", &to_itself);
        match self.visibility {
            Visibility::Full => text,
            Visibility::Causal => {
                text.replace("masked-language-model", "language-model").replace("hidden piece", "piece")
            }
        }
    }
}

/// How runs that say nothing of it read the rows of maps.
pub(super) fn raw() -> String {
    "raw".to_owned()
}

impl Report {
    /// The model as maps show it: where the heads of a layer are summed, with one head a layer.
    pub fn mapped(&self) -> ModelSummary {
        let of_layers = ["rollout", "value-zeroing", "globenc"].contains(&self.conventions.attention.as_str());
        let heads = if of_layers { 1 } else { self.model.heads };
        ModelSummary { heads, ..self.model.clone() }
    }
}

impl Conventions {
    /// All conventions as name and value, for printing and comparing.
    pub fn entries(&self) -> [(&'static str, String); 11] {
        [
            ("granularity", self.granularity.clone()),
            ("punctuation", self.punctuation.clone()),
            ("merge rule", self.merge_rule.clone()),
            ("selection", self.selection.to_string()),
            ("unit", self.unit.to_string()),
            ("input", self.input.clone()),
            ("attention", self.attention.clone()),
            ("rows of maps", self.rows.clone()),
            ("precision", self.precision.clone()),
            ("piece limit", self.piece_limit.to_string()),
            ("packing", self.packing.clone().unwrap_or_else(|| "none".to_owned())),
        ]
    }

    /// Whether heads were chosen on the sentences that they are scored on.
    pub fn is_optimistic(&self) -> bool {
        self.selection == Selection::Same
    }
}

/// How uncertainty was computed (METHOD §2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatisticsSummary {
    /// Bootstrap resamples over units.
    pub resamples: u32,
    /// Coverage of the intervals, such as 0.95.
    pub confidence: f64,
    /// Seed of the resampling.
    pub seed: u64,
}

impl From<Bootstrap> for StatisticsSummary {
    fn from(Bootstrap { resamples, confidence, seed }: Bootstrap) -> Self {
        Self { resamples, confidence, seed }
    }
}

/// One experiment of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExperimentSummary {
    /// `heads`, `probe`, `surface`, ….
    pub kind: String,
    /// The tables that it filled, by name without extension.
    pub tables: Vec<String>,
    /// Single facts that fit no table, such as `stress_1` or `word_vector_coverage`.
    #[serde(default)]
    pub facts: BTreeMap<String, serde_json::Value>,
}
