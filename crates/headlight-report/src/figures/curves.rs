//! What the model loses as more and more heads are masked (Michel et al. 2019), a line for each order.

use super::axes::{Axes, SHAPES, layer_ticks, marker, ticks_up_to};
use super::colours::{Colour, PALETTE};
use super::drawing::{Anchor, Drawing, FONT_SIZE, text_width};
use super::{FigureError, nothing_to_draw};
use crate::kinds::pruning::curves;
use crate::run::RunDirectory;
use crate::tables::{MaskingMeasure, Pruning};

/// The curves of all orders by one measure, where none is named the first, which guided the orders; the first curve's
/// masking stands for all, since an experiment has one.
pub(super) fn pruning(run: &RunDirectory, measure: Option<&str>, column: f64) -> Result<Drawing, FigureError> {
    let rows: Vec<Pruning> = run.table_or_empty()?;
    if rows.is_empty() {
        return Err(nothing_to_draw(run, "pruning"));
    }
    let Some(first) = rows.iter().find(|row| measure.is_none_or(|measure| row.measure.name() == measure)) else {
        let mut known: Vec<&str> = rows.iter().map(|row| row.measure.name()).collect();
        known.sort_unstable();
        known.dedup();
        let (measure, known) = (measure.unwrap_or_default().to_owned(), known.join(", "));
        return Err(FigureError::UnknownMeasure { measure, known });
    };
    let rows: Vec<&Pruning> =
        rows.iter().filter(|row| row.measure == first.measure && row.masking == first.masking).collect();
    let last = rows.iter().map(|row| row.step).max().unwrap_or(0).max(1);
    let ticks = ticks_up_to(rows.iter().map(|row| row.value).fold(0.0, f64::max));
    let axes = Axes {
        across: (36.0, column - 6.0),
        down: (20.0, 138.0),
        x: (0.0, f64::from(last)),
        y: (0.0, ticks.last().copied().unwrap_or(1.0)),
    };
    let mut drawing = Drawing { width: column, height: axes.down.1 + FONT_SIZE * 3.2, marks: Vec::new() };
    let x_ticks: Vec<u32> = [0].into_iter().chain(layer_ticks(last)).collect();
    axes.draw(&mut drawing, &x_ticks, &ticks);
    let measure = match first.measure {
        MaskingMeasure::States => "1 − cosine of final states",
        MaskingMeasure::ProbeUas => "UAS of the probe",
        MaskingMeasure::MaskedLm => "loss, nats per hidden piece",
    };
    axes.titles(&mut drawing, "heads masked", measure, 6.0);

    let (mut x, legend) = (axes.across.0, FONT_SIZE * 0.8 + 2.0);
    for (at, curve) in curves(&rows).iter().enumerate() {
        let (colour, shape) = (PALETTE[at % PALETTE.len()], SHAPES[at % SHAPES.len()]);
        // Several draws are a band from the lowest to the highest.
        if curve.draws > 1 {
            let axes = &axes;
            let edge = |of: fn((f64, f64)) -> f64| {
                curve.points.iter().map(move |point| axes.at(f64::from(point.step), of(point.range)))
            };
            let band = edge(|range| range.0).chain(edge(|range| range.1).collect::<Vec<_>>().into_iter().rev());
            drawing.area(band.collect(), colour.opacity(0.2));
        }
        let points: Vec<_> = curve.points.iter().map(|point| axes.at(f64::from(point.step), point.value)).collect();
        drawing.line(&points, colour, 1.3);
        // Markers tell the lines apart without colours; one at every step would hide a long line.
        let every = points.len().div_ceil(12).max(1);
        points.iter().step_by(every).for_each(|point| marker(&mut drawing, shape, *point, 2.1, colour));
        marker(&mut drawing, shape, (x + 4.0, legend), 2.4, colour);
        let name = if curve.draws > 1 { format!("{} ×{}", curve.order, curve.draws) } else { curve.order.to_string() };
        drawing.text((x + 10.0, legend), Anchor::Start, &name, Colour::INK);
        x += text_width(&name) + 22.0;
    }
    Ok(drawing)
}
