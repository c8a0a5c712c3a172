//! How much the masked-language-model loss minds attention and heads.

mod page;

use std::collections::BTreeMap;

use headlight_stats::Unit;
use serde::{Deserialize, Serialize};

use super::masked_lm::{UNTRAINED, is_untrained, untrained};
use super::shared::{Sequences, head, number};
use super::{Experiment, Kind};
use crate::explorer::Explorer;
use crate::format::count;
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::{Sheet, SheetCell};
use crate::tables::{self, ImportanceMeasure};

/// `kind = "importance"`
pub(crate) struct Importance;

/// What `kind = "importance"` leaves beside its table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// What was read.
    #[serde(flatten)]
    pub seen: Sequences,
    /// Share of the pieces that was hidden.
    pub hidden: f64,
    /// Mean loss in nats per hidden piece.
    pub masked_lm_loss: Option<f64>,
    /// Its standard error over sequences.
    pub masked_lm_loss_standard_error: Option<f64>,
    /// Its interval over units.
    pub masked_lm_loss_interval: Option<[f64; 2]>,
    /// The loss of a guess among all pieces.
    pub masked_lm_loss_of_a_guess: f64,
    /// Whether the head has not learned to guess.
    pub masked_lm_head_untrained: bool,
    /// Pieces that the model knows.
    pub vocabulary: u64,
    /// The layer where attention to `[SEP]` matters least beside that to other pieces.
    pub least_sep: Option<LeastSep>,
    /// What intervals resample: `sentence`, `document` or `sequence`.
    pub unit: String,
    /// How many of them there are.
    pub units: u64,
}

/// Where attention to `[SEP]` matters least.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeastSep {
    /// The layer, counted from 0.
    pub layer_index: u32,
    /// How many times as much the loss changes with it as with attention to other pieces.
    #[serde(deserialize_with = "number")]
    pub ratio: f64,
    /// The ratio's interval over units.
    pub interval: Option<[f64; 2]>,
}

impl Kind for Importance {
    fn name(&self) -> &'static str {
        "importance"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let facts: Facts = of.facts()?;
        if facts.masked_lm_head_untrained {
            return Ok(Vec::new());
        }
        let what = facts.seen.what();
        let over = format!("interval over {} {}s", count(facts.units), facts.unit);
        let mut findings = Vec::new();
        let rows: Vec<tables::Importance> = of.rows()?;
        let gates = rows.iter().filter(|row| row.measure == ImportanceMeasure::Gate && row.head_index.is_some());
        if let Some(row) = gates.max_by(|a, b| a.value.total_cmp(&b.value)) {
            let range = row.ci_low.zip(row.ci_high);
            let range = range.map_or_else(String::new, |(low, high)| format!(" ({low:.2e} – {high:.2e}, {over})"));
            findings.push(format!(
                "Of {} heads the loss minds head {} most: E|∂L/∂ξ| = {:.2e}{range}; the head is chosen on what it is \
                 measured on ({what}).",
                count(of.heads()),
                head(row.layer_index, row.head_index.unwrap_or_default()),
                row.value,
            ));
        }
        if let Some(LeastSep { layer_index, ratio, interval }) = facts.least_sep {
            let range = interval.map_or_else(String::new, |[low, high]| format!(" ({low:.2} – {high:.2}, {over})"));
            findings.push(format!(
                "Of {} layers attention to [SEP] matters least in layer {}: the loss changes {ratio:.2} times as much with it \
                 as with attention to other pieces{range}.",
                of.report().model.layers,
                layer_index + 1
            ));
        }
        if let Some(value) = facts.masked_lm_loss {
            let range = facts.masked_lm_loss_interval;
            let range = range.map_or_else(String::new, |[low, high]| format!(" ({low:.3} – {high:.3}, {over})"));
            findings.push(format!(
                "The masked-language-model loss is {value:.3} nats per hidden piece{range}; a blind guess has {:.3} ({what}).",
                facts.masked_lm_loss_of_a_guess
            ));
        }
        Ok(findings)
    }

    fn warnings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let (facts, conventions): (Facts, _) = (of.facts()?, &of.report().conventions);
        let loss = facts.masked_lm_loss.filter(|_| facts.masked_lm_head_untrained);
        let untrained =
            loss.and_then(|loss| untrained(loss, facts.masked_lm_loss_interval, facts.vocabulary, &facts.seen.what()));
        let other = Some(conventions.attention.as_str()).filter(|attention| *attention != "weights");
        let weights = other.map(|attention| {
            format!("Importance is that of attention weights, also where `model.attention` is \"{attention}\".")
        });
        Ok(untrained.into_iter().chain(weights).chain(packed_units(of, &facts.unit)).collect())
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        Ok(vec![importance_sheet(&of.rows()?, of.facts::<Facts>()?.masked_lm_head_untrained)])
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        Ok(vec![("Importance", importance_sheet(&run.table_or_empty()?, is_untrained(run.report())))])
    }

    fn sections(&self, run: &RunDirectory, _: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        Ok(page::importance(&run.table_or_empty()?, run.report()).into_iter().collect())
    }
}

/// Packed text has no documents to resample.
pub(super) fn packed_units(of: &Experiment<'_>, unit: &str) -> Option<String> {
    let other = of.report().conventions.unit == Unit::Document && unit == Unit::Sequence.name();
    other.then(|| "Intervals of packed text resample its sequences: `treebank.unit` is about sentences.".to_owned())
}

/// Layers × what the loss is derived by (Figure 3 of Clark et al. 2019), and each layer's most important head (Michel et
/// al. 2019).
fn importance_sheet(rows: &[tables::Importance], untrained: bool) -> Sheet {
    let columns = [">layer", ">to [SEP]", ">to . ,", ">to the rest", ">head gate", "<most important", ">its gate"];
    let mut sheet = Sheet::new("Importance to the masked-language-model loss, by layer", &columns);
    let layers: BTreeMap<u32, Vec<&tables::Importance>> = rows.iter().fold(BTreeMap::new(), |mut layers, row| {
        layers.entry(row.layer_index).or_insert_with(Vec::new).push(row);
        layers
    });
    let row = |(layer, rows): (&u32, &Vec<&tables::Importance>)| {
        let mean = |measure: ImportanceMeasure| {
            let row = rows.iter().find(|row| row.head_index.is_none() && row.measure == measure);
            row.map_or_else(|| "–".to_owned(), |row| magnitude(row.value))
        };
        let gates = rows.iter().filter(|row| row.measure == ImportanceMeasure::Gate);
        let heads = gates.filter_map(|row| Some((row.head_index?, row.value)));
        let most = heads.max_by(|a, b| a.1.total_cmp(&b.1));
        let (head, gate) = most.map_or_else(Default::default, |(index, gate)| (head(*layer, index), magnitude(gate)));
        let cells = ImportanceMeasure::ALL.map(mean);
        let cells = [(layer + 1).to_string()].into_iter().chain(cells).chain([head, gate]);
        cells.map(SheetCell::from).collect()
    };
    sheet.groups.push(layers.iter().map(row).collect());
    sheet.notes.extend(untrained.then(|| UNTRAINED.to_owned()));
    sheet.notes.push(
        "Mean |∂loss/∂attention| over the attention weights to [SEP], to full stops and commas, and to all else; mean \
         |∂loss/∂gate| of a gate on each head's output. Loss in nats per hidden piece."
            .to_owned(),
    );
    sheet
}

/// A positive number of any size with three digits: `1.23e-4`.
fn magnitude(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.2e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_and_their_most_important_heads() {
        let row = |layer_index, head_index, measure, value| tables::Importance {
            corpus: "en_ewt".into(),
            layer_index,
            head_index,
            measure,
            value,
            standard_error: Some(0.1),
            sequences: 2001,
            ci_low: None,
            ci_high: None,
        };
        let rows = [
            row(0, None, ImportanceMeasure::GradientSep, 0.5),
            row(0, None, ImportanceMeasure::GradientRest, 0.000_123_4),
            row(0, None, ImportanceMeasure::Gate, 0.25),
            row(0, Some(0), ImportanceMeasure::Gate, 0.0),
            row(0, Some(1), ImportanceMeasure::Gate, 0.5),
            row(0, Some(1), ImportanceMeasure::GradientSep, 9.0),
        ];
        insta::assert_snapshot!(importance_sheet(&rows, false).to_text(80), @"
        Importance to the masked-language-model loss, by layer

        layer  to [SEP]  to . ,  to the rest  head gate  most important  its gate
        ─────  ────────  ──────  ───────────  ─────────  ──────────────  ────────
            1   5.00e-1       –      1.23e-4    2.50e-1  1-2              5.00e-1

        Mean |∂loss/∂attention| over the attention weights to [SEP], to full stops and
        commas, and to all else; mean |∂loss/∂gate| of a gate on each head's output.
        Loss in nats per hidden piece.
        ");
    }
}
