//! What the scripts know of the best heads: which relation the page opens with, and the heads of all.

use serde::Serialize;

use super::best::Summary;
use crate::assess::{Family, is_between_words};
use crate::head_counts::HeadCounts;
use crate::tables::{BestHead, Direction};

#[derive(Debug, Serialize)]
pub(crate) struct Start {
    relation: String,
    direction: Direction,
    layer: u32,
    head: u32,
}

/// Nothing chosen.
impl Default for Start {
    fn default() -> Self {
        Self { relation: String::new(), direction: Direction::DependentToGovernor, layer: 0, head: 0 }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Best {
    /// The head that was chosen; with two folds that of each.
    heads: Vec<ChosenHead>,
    baseline_accuracy: f64,
    baseline: String,
}

#[derive(Debug, Serialize)]
struct ChosenHead {
    layer: u32,
    head: u32,
    direction: Direction,
}

/// What was chosen for a relation.
pub(crate) fn chosen(row: &BestHead) -> Best {
    let mut heads: Vec<ChosenHead> = Vec::new();
    for chosen in row.chosen() {
        let (layer, head) = (chosen.layer.saturating_sub(1), chosen.head.saturating_sub(1));
        if !heads.iter().any(|known| (known.layer, known.head, known.direction) == (layer, head, chosen.direction)) {
            heads.push(ChosenHead { layer, head, direction: chosen.direction });
        }
    }
    Best { heads, baseline_accuracy: row.baseline_accuracy, baseline: row.baseline_name() }
}

/// The relation that findings and tiles begin with; where no head is better than its baseline for sure, that with the largest
/// gain. With its head.
pub(crate) fn start(rows: &[BestHead], scores: &HeadCounts) -> Start {
    let gain = |row: &&BestHead| row.accuracy - row.baseline_accuracy;
    let relations = rows.iter().filter(|row| {
        Family::of(&row.relation) == Family::Relations
            && is_between_words(&row.relation)
            && scores.relations.contains(&row.relation)
    });
    // A relation of a handful of words may gain most by chance.
    let most = relations.clone().map(|row| row.total).max().unwrap_or(0);
    let told = Summary::new(rows).telling().filter(|row| scores.relations.contains(&row.relation));
    let row =
        told.or_else(|| relations.filter(|row| row.total * 20 >= most).max_by(|a, b| gain(a).total_cmp(&gain(b))));
    match row.and_then(|row| Some((row, row.chosen().into_iter().next()?))) {
        Some((row, chosen)) => Start {
            relation: row.relation.clone(),
            direction: chosen.direction,
            layer: chosen.layer.saturating_sub(1),
            head: chosen.head.saturating_sub(1),
        },
        None => Start { relation: scores.relations.first().cloned().unwrap_or_default(), ..Start::default() },
    }
}
