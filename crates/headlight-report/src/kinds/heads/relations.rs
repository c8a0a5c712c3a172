//! The relation table: best head beside best baseline, with intervals as numbers and as a drawing.

use crate::assess::{Family, is_between_words};
use crate::format::{count, p_value, percent, points};
use crate::html::strips::{Align, Column, Order, Strip, interval, legend, number, strip, table, text};
use crate::kinds::shared::{FEW_WORDS, row_start};
use crate::sheet::escape_html;
use crate::tables::BestHead;

/// The table with its search box and legend.
pub(super) fn relations(rows: &[BestHead]) -> String {
    let mut rows: Vec<&BestHead> = rows.iter().filter(|row| is_between_words(&row.relation)).collect();
    rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.relation.cmp(&b.relation)));
    let groups = Family::groups(rows, |row| &row.relation);
    let groups: Vec<String> = groups.into_iter().map(|rows| rows.into_iter().map(row).collect()).collect();
    format!(
        "<div class=\"toolbar\"><label>Search<input type=\"search\" id=\"relation-search\" placeholder=\"relation\">\
         </label></div>\n{}{}",
        legend("best head, with interval", Some("best baseline")),
        table(&format!("class=\"choices\" id=\"relation-table\" data-rare=\"{FEW_WORDS}\""), &COLUMNS, &groups, true)
    )
}

const COLUMNS: [Column; 9] = [
    Column("relation", Align::Text, Order::Free),
    Column("words", Align::Number, Order::Descending),
    Column("head", Align::Text, Order::Free),
    Column("direction", Align::Text, Order::Free),
    Column("0 – 100 %", Align::Drawing, Order::Free),
    Column("accuracy", Align::Number, Order::Free),
    Column("baseline", Align::Number, Order::Free),
    Column("difference", Align::Number, Order::Free),
    Column("p, corrected", Align::Number, Order::Free),
];

fn row(row: &BestHead) -> String {
    let relation = escape_html(&row.relation);
    let difference = row.accuracy - row.baseline_accuracy;
    let p = row.p_adjusted.or(row.p_value);
    let verdict = match p {
        Some(p) if p < 0.05 && difference > 0.0 => "gain",
        Some(p) if p < 0.05 => "loss",
        _ => "unclear",
    };
    let baseline = format!("{} <small>{}</small>", percent(row.baseline_accuracy), escape_html(&row.baseline_name()));
    let difference_interval = interval(row.difference_ci_low.zip(row.difference_ci_high), points);
    [
        format!(
            "{} data-relation=\"{relation}\"><th scope=\"row\"><button type=\"button\">{relation}</button></th>",
            row_start(row.total)
        ),
        number(row.total as f64, "", &count(row.total)),
        format!("<td data-value=\"{}\">{}</td>", place(row), row.head_name()),
        text(&row.direction_name()),
        strip(Strip {
            share: row.accuracy,
            interval: row.ci_low.zip(row.ci_high),
            reference: Some(row.baseline_accuracy),
        }),
        number(row.baseline_accuracy, "", &baseline),
        number(difference, verdict, &format!("{} <small>{difference_interval}</small>", points(difference))),
        number(p.unwrap_or(2.0), "", &p.map_or_else(|| "–".to_owned(), p_value)),
        "</tr>\n".to_owned(),
    ]
    .concat()
}

/// Heads in the order of layers.
fn place(row: &BestHead) -> u32 {
    row.chosen().first().map_or(0, |chosen| chosen.layer * 10_000 + chosen.head)
}
