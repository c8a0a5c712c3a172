//! What the sheets and sections of several kinds need.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::format::{count, percent};
use crate::run::{ModelSummary, Report};
use crate::sheet::{escape_html, isolated};

/// What every head of a model has, layer by layer.
pub(super) fn of_heads<T>(model: &ModelSummary, of: impl Fn(u32, u32) -> T) -> Vec<T> {
    let of = &of;
    (0..model.layers).flat_map(|layer| (0..model.heads).map(move |head| of(layer, head))).collect()
}

/// The different ones among `values`, in their order.
pub(super) fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

/// Relations of fewer words than this have intervals that mean little: reports fold them away, and warn.
pub(crate) const FEW_WORDS: u64 = 10;

/// A row of a table of the page about a relation of so many words begins so.
pub(super) fn row_start(words: u64) -> &'static str {
    if words < FEW_WORDS { "<tr class=\"rare\"" } else { "<tr" }
}

/// A share of words, 0 of none.
pub(super) fn share(correct: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { correct as f64 / total as f64 }
}

/// A name from data for people, as a part of a sentence.
pub(super) fn spaced(name: &str) -> String {
    isolated(&name.replace('_', " ")).into_owned()
}

/// What numbers come from: the text and how much of it, from the rows' own.
pub(super) fn source<'a>(what: &str, unit: &str, rows: impl Iterator<Item = (&'a str, u64)> + Clone) -> String {
    let texts = distinct(rows.clone().map(|(text, _)| text)).into_iter().map(|text| {
        let most = rows.clone().filter(|(of, _)| *of == text).map(|(_, number)| number).max().unwrap_or(0);
        format!("<strong>{}</strong>, {} {unit}", escape_html(text), count(most))
    });
    format!("<p class=\"note\">{what}: {}.</p>\n", texts.collect::<Vec<_>>().join("; "))
}

/// An interval of a share, in per cent; empty without one.
pub(super) fn ends(ends: Option<(f64, f64)>) -> String {
    ends.map_or_else(String::new, |(low, high)| format!("[{}, {}]", percent(low), percent(high)))
}

/// A head as people count, from 1: `8-10`.
pub(super) fn head(layer_index: u32, head_index: u32) -> String {
    format!("{}-{}", layer_index + 1, head_index + 1)
}

/// The head that was chosen, where it was one for all sentences.
pub(super) fn head_name(layer_index: Option<u32>, head_index: Option<u32>) -> String {
    let chosen = layer_index.zip(head_index);
    chosen.map_or_else(|| "by fold".to_owned(), |(layer_index, head_index)| head(layer_index, head_index))
}

/// What becomes of the differences of what was chosen where it is reported; for [`crate::Selection::warning`].
pub(super) const NOT_TESTED: &str = "differences are not tested";

/// `1-2, 3-4, … (9 more)`
pub(super) fn listed(heads: &[impl AsRef<str>], most: usize) -> String {
    let names: Vec<&str> = heads.iter().take(most).map(AsRef::as_ref).collect();
    match heads.len().saturating_sub(most) {
        0 => names.join(", "),
        more => format!("{}, … ({more} more)", names.join(", ")),
    }
}

/// What a pass over text without trees went over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sequences {
    /// What tables call the text.
    pub corpus: String,
    /// Sequences that were encoded.
    pub sequences: u64,
    /// How they were packed; `None` where each is a sentence of the treebank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packing: Option<Value>,
}

impl Sequences {
    /// In words: `1,000 sequences of wiki`.
    pub fn what(&self) -> String {
        let units = if self.packing.is_some() { "sequences" } else { "sentences" };
        format!("{} {units} of {}", count(self.sequences), self.corpus)
    }

    /// What the sequences are, as a note below a table.
    pub(super) fn note(&self, report: &Report) -> String {
        match report.conventions.packing.as_deref().filter(|_| self.packing.is_some()) {
            None => "Each sequence is one sentence.".to_owned(),
            Some(packing) => format!("Each sequence is a pair of segments: {packing}."),
        }
    }
}

/// A number of a fact; JSON has none that are not finite and keeps null for them.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// The heads that follow a relation best.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RankedHeads {
    /// The relation.
    pub relation: String,
    /// The best heads, the best first.
    pub heads: Vec<String>,
    /// Words that each is right about.
    pub correct: Vec<u64>,
    /// Words of the relation.
    pub words: u64,
    /// Sentences that heads were ranked on.
    pub sentences: u64,
}

impl RankedHeads {
    /// How masked heads were chosen, in words: by the config, or as the best of these.
    pub(crate) fn chosen(ranked: &[Self]) -> String {
        let Some(first) = ranked.first() else { return "named in the config".to_owned() };
        let relations: Vec<&str> = ranked.iter().map(|it| it.relation.as_str()).collect();
        format!(
            "the best for {} in turn, chosen on {} sentences of `select`",
            relations.join(", "),
            count(first.sentences)
        )
    }
}
