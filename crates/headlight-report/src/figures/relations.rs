//! Table 1 as bars: the best head of each relation beside the best baseline.

use super::colours::{BLUE, Colour, VERMILION};
use super::drawing::{Anchor, Drawing, FONT_SIZE, fitted, text_width};
use super::{FigureError, nothing_to_draw};
use crate::assess::Family;
use crate::run::RunDirectory;
use crate::tables::BestHead;

/// Most relations shown: the most frequent ones.
const MOST: usize = 20;

/// The height of a relation.
const ROW: f64 = 12.5;

/// Bars of the most frequent relations between words, from the best followed to the least.
pub(super) fn relations(run: &RunDirectory, column: f64) -> Result<Drawing, FigureError> {
    let mut rows: Vec<BestHead> = run.table_or_empty()?;
    rows.retain(|row| {
        Family::of(&row.relation) == Family::Relations && !["root", "punct"].contains(&row.relation.as_str())
    });
    if rows.is_empty() {
        return Err(nothing_to_draw(run, "heads"));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.total));
    rows.truncate(MOST);
    rows.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy));

    let names = rows.iter().map(|row| text_width(&fitted(&row.relation, 90.0))).fold(0.0, f64::max) + 2.0;
    let heads = rows.iter().map(|row| text_width(&row.head_name())).fold(0.0, f64::max);
    let left = names + heads + 12.0;
    let x = |share: f64| left + (column - left - 10.0) * share.clamp(0.0, 1.0);
    let top = 22.0;
    let bottom = top + ROW * rows.len() as f64;
    let mut drawing = Drawing { width: column, height: bottom + 26.0, marks: Vec::new() };

    legend(&mut drawing, left);
    for percent in [0, 25, 50, 75, 100] {
        let x = x(f64::from(percent) / 100.0);
        drawing.line(&[(x, top), (x, bottom)], Colour::GRID, 0.5);
        drawing.text((x, bottom + FONT_SIZE * 0.8), Anchor::Middle, &percent.to_string(), Colour::SOFT);
    }
    drawing.text(
        (f64::midpoint(left, column), bottom + FONT_SIZE * 2.1),
        Anchor::Middle,
        "words whose governor is found, %",
        Colour::INK,
    );
    for (at, row) in rows.iter().enumerate() {
        let y = top + ROW * (at as f64 + 0.5);
        drawing.text((names, y), Anchor::End, &fitted(&row.relation, 90.0), Colour::INK);
        drawing.text((left - 5.0, y), Anchor::End, &row.head_name(), Colour::SOFT);
        drawing.rectangle((x(0.0), y - 3.6), (x(row.accuracy), y + 3.6), BLUE.opacity(0.55));
        if let Some((low, high)) = row.ci_low.zip(row.ci_high) {
            drawing.line(&[(x(low), y), (x(high), y)], Colour::INK, 1.1);
        }
        let baseline = x(row.baseline_accuracy);
        drawing.line(&[(baseline, y - 5.0), (baseline, y + 5.0)], VERMILION, 1.8);
    }
    Ok(drawing)
}

fn legend(drawing: &mut Drawing, left: f64) {
    let y = 8.0;
    drawing.rectangle((left, y - 3.6), (left + 14.0, y + 3.6), BLUE.opacity(0.55));
    drawing.line(&[(left + 9.0, y), (left + 18.0, y)], Colour::INK, 1.1);
    drawing.text((left + 21.0, y), Anchor::Start, "best head", Colour::INK);
    let x = left + 21.0 + text_width("best head") + 12.0;
    drawing.line(&[(x, y - 5.0), (x, y + 5.0)], VERMILION, 1.8);
    drawing.text((x + 5.0, y), Anchor::Start, "baseline", Colour::INK);
}
