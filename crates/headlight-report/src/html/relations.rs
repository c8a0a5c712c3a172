//! The relation table: best head beside best baseline, with intervals as numbers and as a drawing.

use crate::assess::is_aggregate;
use crate::best_heads::baseline_name;
use crate::format::{count, p_value, percent, points};
use crate::sheet::escape_html;
use crate::tables::BestHead;

/// The table with its search box and legend.
pub(super) fn relations(rows: &[BestHead]) -> String {
    let mut rows: Vec<&BestHead> = rows.iter().collect();
    rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.relation.cmp(&b.relation)));
    let (aggregates, relations): (Vec<&BestHead>, Vec<&BestHead>) =
        rows.into_iter().partition(|row| is_aggregate(&row.relation));
    let titles = TITLES.map(|(title, class, sort)| {
        format!("<th scope=\"col\"{class} aria-sort=\"{sort}\"><button type=\"button\">{title}</button></th>")
    });
    format!(
        "<div class=\"toolbar\"><label>Search<input type=\"search\" id=\"relation-search\" placeholder=\"relation\">\
         </label></div>\n<p class=\"legend\">{LEGEND}</p>\n<div class=\"scroll\">\n\
         <table class=\"relations\" id=\"relation-table\">\n<thead><tr>{}</tr></thead>\n\
         <tbody class=\"aggregates\">\n{}</tbody>\n<tbody>\n{}</tbody>\n</table>\n</div>\n",
        titles.concat(),
        aggregates.into_iter().map(row).collect::<String>(),
        relations.into_iter().map(row).collect::<String>()
    )
}

/// Title, class and order at the start of each column.
const TITLES: [(&str, &str, &str); 9] = [
    ("relation", "", "none"),
    ("words", NUMBER, "descending"),
    ("head", "", "none"),
    ("direction", "", "none"),
    ("0 – 100 %", NUMBER, "none"),
    ("accuracy", NUMBER, "none"),
    ("baseline", NUMBER, "none"),
    ("difference", NUMBER, "none"),
    ("p, Holm", NUMBER, "none"),
];
const NUMBER: &str = " class=\"number\"";

const LEGEND: &str = "<span><svg class=\"strip\" aria-hidden=\"true\"><line class=\"interval\" x1=\"1\" x2=\"25\" \
    y1=\"7\" y2=\"7\"/><circle class=\"head\" cx=\"13\" cy=\"7\" r=\"4.5\"/></svg>best head, with interval</span> \
    <span><svg class=\"strip\" aria-hidden=\"true\"><line class=\"baseline\" x1=\"13\" x2=\"13\" y1=\"0\" y2=\"14\"/>\
    </svg>best baseline</span>";

fn row(row: &BestHead) -> String {
    let relation = escape_html(&row.relation);
    let difference = row.accuracy - row.baseline_accuracy;
    let p = row.p_adjusted.or(row.p_value);
    let verdict = match p {
        Some(p) if p < 0.05 && difference > 0.0 => "gain",
        Some(p) if p < 0.05 => "loss",
        _ => "unclear",
    };
    format!(
        "<tr data-relation=\"{relation}\">\
         <th scope=\"row\"><button type=\"button\">{relation}</button></th>\
         <td class=\"number\" data-value=\"{total}\">{words}</td>\
         <td data-value=\"{head_order}\">{layer}-{head}</td>\
         <td>{direction}</td>\
         <td data-value=\"{accuracy}\">{strip}</td>\
         <td class=\"number\" data-value=\"{accuracy}\">{percent} <small>{interval}</small></td>\
         <td class=\"number\" data-value=\"{baseline_accuracy}\">{baseline} <small>{baseline_name}</small></td>\
         <td class=\"number {verdict}\" data-value=\"{difference}\">{points} <small>{difference_interval}</small></td>\
         <td class=\"number\" data-value=\"{p_order}\">{p}</td></tr>\n",
        total = row.total,
        words = count(row.total),
        head_order = row.layer * 10_000 + row.head,
        layer = row.layer,
        head = row.head,
        direction = row.direction.arrow(),
        accuracy = row.accuracy,
        strip = strip(row),
        percent = percent(row.accuracy),
        interval = interval(row.ci_low, row.ci_high, percent),
        baseline_accuracy = row.baseline_accuracy,
        baseline = percent(row.baseline_accuracy),
        baseline_name = escape_html(&baseline_name(row)),
        points = points(difference),
        difference_interval = interval(row.difference_ci_low, row.difference_ci_high, points),
        p_order = p.unwrap_or(2.0),
        p = p.map_or_else(|| "–".to_owned(), p_value),
    )
}

fn interval(low: Option<f64>, high: Option<f64>, show: fn(f64) -> String) -> String {
    low.zip(high).map(|(low, high)| format!("[{}, {}]", show(low), show(high))).unwrap_or_default()
}

/// Head, interval and baseline on a line from 0 to 100 %; the numbers stand beside it.
fn strip(row: &BestHead) -> String {
    let x = |share: f64| 5.0 + 180.0 * share.clamp(0.0, 1.0);
    let interval = row.ci_low.zip(row.ci_high).map(|(low, high)| {
        format!("<line class=\"interval\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"10\" y2=\"10\"/>", x(low), x(high))
    });
    format!(
        "<svg class=\"strip\" viewBox=\"0 0 190 20\" aria-hidden=\"true\"><line class=\"axis\" x1=\"5\" x2=\"185\" y1=\"10\" y2=\"10\"/>\
         <line class=\"baseline\" x1=\"{baseline:.1}\" x2=\"{baseline:.1}\" y1=\"3\" y2=\"17\"/>{}\
         <circle class=\"head\" cx=\"{:.1}\" cy=\"10\" r=\"4.5\"/></svg>",
        interval.unwrap_or_default(),
        x(row.accuracy),
        baseline = x(row.baseline_accuracy),
    )
}
