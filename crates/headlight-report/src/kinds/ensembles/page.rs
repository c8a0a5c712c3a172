//! Heads that find a relation together (Limisiewicz et al. 2020).

use super::{beside_the_best_head, better_directions, ensemble_trees_sheet, way};
use crate::format::{count, percent, points};
use crate::html::section::Section;
use crate::html::strips::{Align, Column, Order, Strip, interval, legend, number, strip, table, text};
use crate::kinds::shared::{FEW_WORDS, row_start, share};
use crate::sheet::escape_html;
use crate::tables::{Difference, Ensemble, EnsembleTree};

/// The ensemble of each relation beside the best single head, and the trees that all of them make together.
pub(crate) fn ensembles(rows: &[Ensemble], trees: &[EnsembleTree], differences: &[Difference]) -> Option<Section> {
    if rows.is_empty() {
        return None;
    }
    let introduction = "A few heads together, their attention averaged: how many arcs of a relation they find, beside the \
                        single head of either direction that was best where the heads were gathered. dep→gov: the governor \
                        is the word that the dependent attends to most; gov→dep: the dependent is the word that the governor \
                        attends to most. For each relation the direction that was better where the heads were gathered; both \
                        are in the table <code>ensembles</code>. Bold differences are beyond chance (paired test, \
                        Holm-corrected). A click on a row shows its first head in the sections above.";
    let lines: String =
        better_directions(rows).into_iter().map(|row| line(row, beside_the_best_head(row, differences))).collect();
    let shown = format!(
        "{}{}",
        legend("ensemble, with interval", Some("best single head")),
        table(&format!("class=\"choices\" id=\"ensemble-table\" data-rare=\"{FEW_WORDS}\""), &COLUMNS, &[lines], false)
    );
    let section = Section::new("ensembles", "Ensembles", introduction).html(&shown);
    if trees.is_empty() {
        return Some(section);
    }
    Some(section.html(&format!(
        "<h3>Labelled trees</h3>\n<p>All ensembles as one parser: each arc has the relation whose ensembles speak for it most, \
         and the tree with the root of the treebank is the best one of such arcs. LAS: governor and relation right; UAS: \
         the governor.</p>\n<div class=\"scroll\">{}</div>\n",
        ensemble_trees_sheet(trees).to_html()
    )))
}

const COLUMNS: [Column; 8] = [
    Column("relation", Align::Text, Order::Free),
    Column("words", Align::Number, Order::Descending),
    Column("direction", Align::Text, Order::Free),
    Column("heads", Align::Text, Order::Free),
    Column("0 – 100 %", Align::Drawing, Order::Free),
    Column("ensemble", Align::Number, Order::Free),
    Column("best single head", Align::Number, Order::Free),
    Column("difference", Align::Number, Order::Free),
];

fn line(row: &Ensemble, compared: Option<&Difference>) -> String {
    let (together, alone) = (share(row.correct, row.total), share(row.best_correct, row.total));
    let difference = compared.and_then(|compared| compared.ci_low.zip(compared.ci_high));
    let beyond = compared.and_then(|compared| compared.p_adjusted).is_some_and(|p| p < 0.05);
    let verdict = match (beyond, together > alone) {
        (true, true) => "gain",
        (true, false) => "loss",
        (false, _) => "unclear",
    };
    let best = format!("{} <small>{} {}</small>", percent(alone), escape_html(&row.best_head), way(row.best_direction));
    let start = row_start(row.total);
    let (relation, head) = (escape_html(&row.relation), escape_html(&row.single_head));
    [
        format!(
            "{start} data-relation=\"{relation}\" data-head=\"{head}\" data-direction=\"{}\"><th scope=\"row\">\
             <button type=\"button\">{relation}</button></th>",
            row.direction.name()
        ),
        number(row.total as f64, "", &count(row.total)),
        text(row.direction.arrow()),
        text(&row.heads),
        strip(Strip { share: together, interval: row.ci_low.zip(row.ci_high), reference: Some(alone) }),
        number(alone, "", &best),
        number(
            together - alone,
            verdict,
            &format!("{} <small>{}</small>", points(together - alone), interval(difference, points)),
        ),
        "</tr>\n".to_owned(),
    ]
    .concat()
}
