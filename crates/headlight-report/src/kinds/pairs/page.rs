//! Minimal pairs on the page.

use super::super::shared::{ends, share, spaced};
use super::{Masked, by_phenomenon, curve, meaning, pairs_masked_sheets, pairs_sheet};
use crate::format::{count, percent};
use crate::html::plots::{Line, Panel, Point};
use crate::html::section::Section;
use crate::html::strips::{Align, Column, Order, Strip, legend, number, strip, table, text};
use crate::sheet::{Sheet, escape_html};
use crate::tables::{Difference, MaskedHeads, PairAccuracy, PairLevel, PairMasking};

/// Accuracy by phenomenon and paradigm, and what masked heads do to it.
pub(super) fn pairs(rows: &[PairAccuracy], masked: &[PairMasking], differences: &[Difference]) -> Option<Section> {
    let first = rows.first()?;
    let introduction = format!(
        "Two sentences that differ in one thing, one of them acceptable: how often the model finds that one more likely. {} \
         A guess is right in half of the pairs; sentences of one score count as wrong. A bar is the interval over pairs, the \
         tick the mean over the paradigms.",
        meaning(first.score)
    );
    let lines: String =
        rows.iter().filter(|row| matches!(row.level, PairLevel::Whole | PairLevel::Phenomenon)).map(line).collect();
    let shown = format!(
        "{}{}",
        legend("pairs that are right, with interval", Some("mean over paradigms")),
        table("class=\"predictors\" id=\"pairs-table\"", &COLUMNS, &[lines], false)
    );
    let mut section = Section::new("pairs", "Minimal pairs", &introduction)
        .html(&shown)
        .details("By paradigm", &paradigms_sheet(rows))
        .details("By phenomenon and field", &pairs_sheet(rows));
    if !masked.is_empty() {
        let what = "Heads are masked one after the other, on a sample of the pairs; beside them as many other heads of the \
                    same layers, drawn at random: the line is the mean of the draws, its bars their range. Bars of the chosen \
                    heads are intervals of the change from the intact model, paired over pairs.";
        section = section.html(&format!("<h3>Heads masked</h3>\n<p>{what}</p>\n")).panels("", vec![panel(masked)]);
        if let Some(sheet) = by_phenomenon(masked, differences) {
            section = section.html(&format!(
                "<h3>What the masked heads are for</h3>\n<div class=\"scroll\">{}</div>\n",
                Sheet { title: String::new(), ..sheet }.to_html()
            ));
        }
        if let Some(steps) = pairs_masked_sheets(masked, differences).into_iter().next() {
            section = section.details("Heads masked, step by step", &steps);
        }
    }
    Some(section)
}

const COLUMNS: [Column; 5] = [
    Column("phenomenon", Align::Text, Order::Free),
    Column("pairs", Align::Number, Order::Descending),
    Column("paradigms", Align::Text, Order::Free),
    Column("0 – 100 %", Align::Drawing, Order::Free),
    Column("right", Align::Number, Order::Free),
];

fn line(row: &PairAccuracy) -> String {
    let accuracy = share(row.correct, row.total);
    let interval = row.ci_low.zip(row.ci_high);
    let paradigms =
        if row.paradigms == 1 { "1 paradigm".to_owned() } else { format!("{} paradigms", count(row.paradigms)) };
    let name = row.group.as_deref().map_or_else(|| "all".to_owned(), spaced);
    [
        format!("<tr><th scope=\"row\">{}</th>", escape_html(&name)),
        number(row.total as f64, "", &count(row.total)),
        text(&paradigms),
        strip(Strip { share: accuracy, interval, reference: row.macro_mean }),
        "</tr>\n".to_owned(),
    ]
    .concat()
}

fn paradigms_sheet(rows: &[PairAccuracy]) -> Sheet {
    let mut sheet = Sheet::new("", &["<paradigm", ">right", ">interval", ">ties", ">pairs"]);
    let of_level = rows.iter().filter(|row| row.level == PairLevel::Paradigm);
    let line = |row: &PairAccuracy| {
        let cells = [
            row.group.clone().unwrap_or_default(),
            percent(share(row.correct, row.total)),
            ends(row.ci_low.zip(row.ci_high)),
            count(row.ties),
            count(row.total),
        ];
        cells.map(Into::into).into()
    };
    sheet.groups.push(of_level.map(line).collect());
    sheet
}

/// The curves of the whole.
fn panel(rows: &[PairMasking]) -> Panel {
    let line = |(name, masked): (&str, MaskedHeads)| {
        let curve = curve(rows, masked, PairLevel::Whole, None);
        let draws = curve.last().map_or(1, |point| point.draws);
        let point = |point: &Masked<'_>| {
            let note = match (masked, point.step) {
                (_, 0) => "no head masked".to_owned(),
                (MaskedHeads::Random, _) => format!("mean of {} draws and their range", point.draws),
                _ => format!("without {}", point.heads),
            };
            let interval = point.ends.map(|(low, high)| (100.0 * low, 100.0 * high));
            Point { note, interval, ..Point::new(point.step, 100.0 * point.accuracy) }
        };
        let name = if masked == MaskedHeads::Random { format!("{name}, {draws} draws") } else { name.to_owned() };
        Line::new(name, curve.iter().map(point).collect::<Vec<_>>())
    };
    let last = rows.iter().map(|row| row.step).max().unwrap_or(0);
    let intact = curve(rows, MaskedHeads::Chosen, PairLevel::Whole, None).first().map_or(0.0, |point| point.accuracy);
    let mut lines: Vec<Line> =
        [("chosen heads", MaskedHeads::Chosen), ("random heads", MaskedHeads::Random)].map(line).into();
    lines.push(Line::level("intact model", [0.0, f64::from(last)], 100.0 * intact));
    Panel {
        id: "pairs-masked".to_owned(),
        title: "Minimal pairs with heads masked".to_owned(),
        x: "heads masked",
        y: "pairs that are right in %".to_owned(),
        dots: Vec::new(),
        rings: Vec::new(),
        lines,
    }
}
