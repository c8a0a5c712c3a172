//! Labelled trees of hidden states (DepProbe; Müller-Eberstein et al. 2022), and what their scores are worth.

use super::super::probe::{Mean, RIGHT_BRANCHING};
use super::super::shared::distinct;
use crate::format::{count, percent, points};
use crate::sheet::{Sheet, SheetCell};
use crate::tables::{Difference, ProbeScore};

/// The probe of relations.
const RELATION: &str = "structural_relation";
/// Labelled trees: distances, directed from the word most likely to be root.
const LABELLED: &str = "structural_labelled";
/// Trees of distances that the probe of depths gives a root.
const ROOTED: &str = "structural_rooted";

/// Whether a row is about relations, or about directed trees.
pub(super) fn is_labelled(row: &ProbeScore) -> bool {
    [RELATION, LABELLED, ROOTED].iter().any(|name| row.probe.starts_with(name))
}

/// What is said of labelled trees, of the same trees rooted by depth, and of relations alone: a measure of a probe, as the
/// table has it, and as people read it.
const LINES: [(&str, &str, &str); 7] = [
    (LABELLED, "las", "LAS"),
    (LABELLED, "uas", "UAS"),
    (LABELLED, "root_accuracy", "roots"),
    (ROOTED, "uas", "UAS"),
    (RELATION, "relation_accuracy", "relations"),
    (RELATION, "control_accuracy", "control task"),
    (RELATION, "selectivity", "selectivity"),
];

/// A line for each measure of each way to a tree, and of relations alone; `None` without labelled trees.
pub(super) fn labelled_sheet(treebank: &str, rows: &[ProbeScore]) -> Option<Sheet> {
    let rows: Vec<&ProbeScore> = rows.iter().filter(|row| is_labelled(row) && row.group.is_none()).collect();
    if !rows.iter().any(|row| row.probe.starts_with(LABELLED)) {
        return None;
    }
    let title_of_sheet = format!("Labelled trees of hidden states on {treebank}");
    let mut sheet = Sheet::new(title_of_sheet, &["<of", "<measure", ">%", ">out of"]);
    for family in [LABELLED, ROOTED, RELATION] {
        let names = distinct(rows.iter().map(|row| row.probe.as_str()).filter(|name| name.starts_with(family)));
        let line = |name: &str, (_, measure, shown): &(&str, &str, &str)| -> Option<Vec<SheetCell>> {
            let of_line = rows.iter().copied().filter(|row| row.probe == name && row.measure == *measure);
            let mean = Mean::of(of_line.clone())?;
            let total = of_line.clone().find_map(|row| row.total).map_or_else(String::new, count);
            Some(vec![title(name).into(), (*shown).into(), mean.percent().into(), total.into()])
        };
        let of_family = || LINES.iter().filter(|(of, ..)| *of == family);
        sheet
            .groups
            .push(names.into_iter().flat_map(|name| of_family().filter_map(move |it| line(name, it))).collect());
    }
    sheet.notes.push(
        "% of words without punctuation, of sentences for roots; layers chosen on training sentences held out. Labelled: the \
         tree of distances leads away from the word most likely to be root. Rooted by depth: the same tree, its root the word \
         of least depth. Control task: a random label for each word type, as frequent as relations are; selectivity: \
         relations − control task. With several seeds or draws: means ± standard deviation."
            .to_owned(),
    );
    Some(sheet)
}

fn title(name: &str) -> String {
    for (of, title) in [(LABELLED, "labelled trees"), (ROOTED, "trees rooted by depth"), (RELATION, "relations")] {
        if let Some(rank) = name.strip_prefix(of) {
            return format!("{title}{}", rank.replace("_rank", ", rank "));
        }
    }
    name.to_owned()
}

/// LAS and UAS of labelled trees, how far above right-branching, and what relations are worth.
pub(super) fn findings(rows: &[ProbeScore], differences: &[Difference]) -> Vec<String> {
    let of = |probe: &str, measure: &str| {
        Mean::of(rows.iter().filter(|row| row.group.is_none() && row.probe == probe && row.measure == measure))
    };
    let names = rows.iter().map(|row| row.probe.as_str()).filter(|name| name.starts_with(LABELLED));
    let finding = |name: &str| {
        let (las, uas) = (of(name, "las")?, of(name, "uas")?);
        let over = Some(las.over()).filter(|over| !over.is_empty()).map(|over| format!(" ({over})"));
        let above = differences.iter().find(|row| row.a == name && row.b == RIGHT_BRANCHING).and_then(|row| {
            let (low, high) = row.ci_low.zip(row.ci_high)?;
            let (low, high) = (points(low), points(high));
            Some(format!(
                "; right-branching has a UAS of {} %, a difference of {low} to {high} points",
                percent(row.value_b)
            ))
        });
        let worth =
            of(RELATION, "relation_accuracy").zip(of(RELATION, "control_accuracy")).map(|(relation, control)| {
                format!(
                    "; {} % of the words get their relation, {} % a random label for each word type",
                    relation.percent(),
                    control.percent()
                )
            });
        Some(format!(
            "{} of hidden states (DepProbe) have a LAS of {} % and a UAS of {} %{}, without punctuation{}{}.",
            capitalised(&title(name)),
            las.percent(),
            uas.percent(),
            over.unwrap_or_default(),
            above.unwrap_or_default(),
            worth.unwrap_or_default()
        ))
    };
    distinct(names).into_iter().filter_map(finding).collect()
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}
