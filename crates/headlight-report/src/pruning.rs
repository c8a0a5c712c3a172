//! What masking heads does to a model, as tables for people.

use std::collections::BTreeMap;

use crate::sheet::{Sheet, SheetCell};
use crate::tables::{Ablation, Pruning};

/// Heads whose masking alone is shown at either end.
const SHOWN: usize = 5;

/// Steps of a pruning curve that are shown.
const STEPS: u32 = 12;

/// The heads that the model misses most and least when they are masked alone.
pub fn ablation_sheet(rows: &[Ablation]) -> Sheet {
    let mut sheet = Sheet::new("Heads masked one at a time", &["<head", "<masked by", ">measure", ">change", ">±"]);
    let change = |row: &Ablation| row.value - row.intact;
    let mut by_change: Vec<&Ablation> = rows.iter().collect();
    by_change.sort_by(|a, b| change(b).total_cmp(&change(a)));
    let line = |row: &&Ablation| {
        let error = row.standard_error.map_or_else(|| "–".to_owned(), |error| format!("{error:.4}"));
        let head = format!("{}-{}", row.layer_index + 1, row.head_index + 1);
        [head, row.masking.clone(), format!("{:.4}", row.value), signed(change(row)), error]
            .map(SheetCell::from)
            .to_vec()
    };
    let (most, rest) = by_change.split_at(SHOWN.min(by_change.len()));
    let least = &rest[rest.len().saturating_sub(SHOWN)..];
    sheet.groups.extend([most, least].map(|rows| rows.iter().map(line).collect()));
    if let Some(row) = rows.first() {
        let intact = format!("All heads at work: {:.4}.", row.intact);
        sheet.notes.push(format!("{} {intact} ± is the standard error of the change.", meaning(&row.measure)));
        if rows.len() > 2 * SHOWN {
            sheet.notes.push(format!("The {SHOWN} heads missed most and the {SHOWN} missed least."));
        }
    }
    sheet
}

/// Pruning curves: steps × orders.
pub fn pruning_sheet(rows: &[Pruning]) -> Sheet {
    let mut orders: Vec<&str> = Vec::new();
    let mut steps: BTreeMap<u32, BTreeMap<&str, &Pruning>> = BTreeMap::new();
    for row in rows {
        if !orders.contains(&row.order.as_str()) {
            orders.push(&row.order);
        }
        steps.entry(row.step).or_default().insert(&row.order, row);
    }
    let titles: Vec<String> = orders.iter().flat_map(|order| [format!(">{order}"), "<head".to_owned()]).collect();
    let columns: Vec<&str> = [">masked"].into_iter().chain(titles.iter().map(String::as_str)).collect();
    let mut sheet = Sheet::new("Pruning: the measure as more heads are masked", &columns);
    let last = steps.keys().next_back().copied().unwrap_or(0);
    let every = last.div_ceil(STEPS).max(1);
    let shown = steps.iter().filter(|(step, _)| **step == last || **step % every == 0);
    let line = |(step, values): (&u32, &BTreeMap<&str, &Pruning>)| {
        let cells = orders.iter().flat_map(|order| match values.get(order) {
            None => [String::new(), String::new()],
            Some(row) => {
                let head = row.layer_index.zip(row.head_index);
                let head = head.map(|(layer, head)| format!("{}-{}", layer + 1, head + 1));
                [format!("{:.4}", row.value), head.unwrap_or_default()]
            }
        });
        [step.to_string()].into_iter().chain(cells).map(SheetCell::from).collect()
    };
    sheet.groups.push(shown.map(line).collect());
    if let Some(row) = rows.first() {
        sheet.notes.push(format!("{} {}", meaning(&row.measure), masked(&row.masking)));
    }
    sheet
}

fn meaning(measure: &str) -> &'static str {
    match measure {
        "states" => "Measure: 1 − cosine of the final hidden states to the intact model's.",
        _ => "Measure: masked-language-model loss in nats per hidden piece.",
    }
}

fn masked(masking: &str) -> &'static str {
    match masking {
        "uniform" => "Masked heads attend to all positions equally.",
        _ => "Masked heads do nothing.",
    }
}

fn signed(value: f64) -> String {
    if value < 0.0 { format!("−{:.4}", -value) } else { format!("+{value:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ablation(head_index: u32, value: f64) -> Ablation {
        Ablation {
            corpus: "en_ewt".into(),
            layer_index: 0,
            head_index,
            masking: "zero".into(),
            measure: "masked_lm".into(),
            value,
            intact: 2.5,
            standard_error: Some(0.0123),
            sequences: 100,
        }
    }

    #[test]
    fn the_most_and_the_least_missed_heads() {
        let rows: Vec<Ablation> = (0..12).map(|head| ablation(head, 2.4 + 0.05 * f64::from(head))).collect();
        insta::assert_snapshot!(ablation_sheet(&rows).to_text(80), @"
        Heads masked one at a time

        head  masked by  measure   change       ±
        ────  ─────────  ───────  ───────  ──────
        1-12  zero        2.9500  +0.4500  0.0123
        1-11  zero        2.9000  +0.4000  0.0123
        1-10  zero        2.8500  +0.3500  0.0123
        1-9   zero        2.8000  +0.3000  0.0123
        1-8   zero        2.7500  +0.2500  0.0123
        ────  ─────────  ───────  ───────  ──────
        1-5   zero        2.6000  +0.1000  0.0123
        1-4   zero        2.5500  +0.0500  0.0123
        1-3   zero        2.5000  +0.0000  0.0123
        1-2   zero        2.4500  −0.0500  0.0123
        1-1   zero        2.4000  −0.1000  0.0123

        Measure: masked-language-model loss in nats per hidden piece. All heads at work:
        2.5000. ± is the standard error of the change.
        The 5 heads missed most and the 5 missed least.
        ");
        assert_eq!(ablation_sheet(&rows[..3]).groups.concat().len(), 3);
    }

    #[test]
    fn curves_side_by_side() {
        let row = |order: &str, step, head: Option<(u32, u32)>, value| Pruning {
            corpus: "en_ewt".into(),
            order: order.into(),
            masking: "uniform".into(),
            measure: "states".into(),
            step,
            layer_index: head.map(|head| head.0),
            head_index: head.map(|head| head.1),
            value,
            sequences: 100,
        };
        let mut rows = vec![row("importance", 0, None, 0.0), row("greedy", 0, None, 0.0)];
        rows.extend((1..=24).map(|step| row("importance", step, Some((0, step - 1)), 0.01 * f64::from(step))));
        rows.extend((1..=4).map(|step| row("greedy", step, Some((1, step - 1)), 0.005 * f64::from(step))));
        insta::assert_snapshot!(pruning_sheet(&rows).to_text(80), @"
        Pruning: the measure as more heads are masked

        masked  importance  head  greedy  head
        ──────  ──────────  ────  ──────  ────
             0      0.0000        0.0000
             2      0.0200  1-2   0.0100  2-2
             4      0.0400  1-4   0.0200  2-4
             6      0.0600  1-6
             8      0.0800  1-8
            10      0.1000  1-10
            12      0.1200  1-12
            14      0.1400  1-14
            16      0.1600  1-16
            18      0.1800  1-18
            20      0.2000  1-20
            22      0.2200  1-22
            24      0.2400  1-24

        Measure: 1 − cosine of the final hidden states to the intact model's. Masked
        heads attend to all positions equally.
        ");
    }
}
