//! How much the masked-language-model loss minds attention and heads, as a table for people.

mod page;

pub(crate) use page::importance;

use std::collections::BTreeMap;

use crate::run::Report;
use crate::sheet::{Sheet, SheetCell};
use crate::tables::Importance;

/// What is said where the head that the loss is taken by has not learned.
pub(crate) const UNTRAINED: &str = "The masked-language-model head of the checkpoint has not learned to guess: these numbers say nothing about the model.";

/// Whether the run found that the masked-language-model head of its checkpoint has not learned to guess.
pub(crate) fn is_untrained(report: &Report) -> bool {
    let mut facts = report.experiments.iter().filter_map(|experiment| experiment.facts.get("masked_lm_head_untrained"));
    facts.any(|untrained| untrained.as_bool() == Some(true))
}

/// Layers × what the loss is derived by (Figure 3 of Clark et al. 2019), and each layer's most important head (Michel et
/// al. 2019).
pub fn importance_sheet(rows: &[Importance], untrained: bool) -> Sheet {
    let columns = [">layer", ">to [SEP]", ">to . ,", ">to the rest", ">head gate", "<most important", ">its gate"];
    let mut sheet = Sheet::new("Importance to the masked-language-model loss, by layer", &columns);
    let layers: BTreeMap<u32, Vec<&Importance>> = rows.iter().fold(BTreeMap::new(), |mut layers, row| {
        layers.entry(row.layer_index).or_insert_with(Vec::new).push(row);
        layers
    });
    let row = |(layer, rows): (&u32, &Vec<&Importance>)| {
        let mean = |measure: &str| {
            let row = rows.iter().find(|row| row.head_index.is_none() && row.measure == measure);
            row.map_or_else(|| "–".to_owned(), |row| magnitude(row.value))
        };
        let gates = rows.iter().filter(|row| row.measure == "gate");
        let heads = gates.filter_map(|row| Some((row.head_index?, row.value)));
        let most = heads.max_by(|a, b| a.1.total_cmp(&b.1));
        let (head, gate) =
            most.map_or_else(Default::default, |(head, gate)| (format!("{}-{}", layer + 1, head + 1), magnitude(gate)));
        let cells = ["gradient_sep", "gradient_punct", "gradient_rest", "gate"].map(mean);
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
pub(crate) fn magnitude(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.2e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_and_their_most_important_heads() {
        let row = |layer_index, head_index, measure: &str, value| Importance {
            corpus: "en_ewt".into(),
            layer_index,
            head_index,
            measure: measure.into(),
            value,
            standard_error: Some(0.1),
            sequences: 2001,
            ci_low: None,
            ci_high: None,
        };
        let rows = [
            row(0, None, "gradient_sep", 0.5),
            row(0, None, "gradient_rest", 0.000_123_4),
            row(0, None, "gate", 0.25),
            row(0, Some(0), "gate", 0.0),
            row(0, Some(1), "gate", 0.5),
            row(0, Some(1), "gradient_sep", 9.0),
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
