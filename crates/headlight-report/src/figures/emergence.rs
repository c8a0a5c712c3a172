//! What the checkpoints of a training can do against its step: best heads, probes, loss, one frame below the other.

use super::FigureError;
use super::axes::{Axes, SHAPES, marker, ticks_up_to};
use super::colours::{Colour, PALETTE};
use super::drawing::{Anchor, Drawing, FONT_SIZE, text_width};
use crate::sweep::{Curve, Sweep};

/// The height of a frame, and what its legend takes above it for each line.
const FRAME: f64 = 84.0;
const LEGEND: f64 = FONT_SIZE + 3.0;

/// The curves of one series, where none is named the first that has steps.
pub(super) fn emergence(sweep: &Sweep, series: Option<&str>, column: f64) -> Result<Drawing, FigureError> {
    let known = sweep.series_with_steps();
    let series = match series {
        Some(series) => known.iter().find(|known| **known == series),
        None => known.first(),
    };
    let Some(series) = series else {
        let named = |series: &&str| format!("{series:?}");
        return Err(FigureError::NoSteps { known: known.iter().map(named).collect::<Vec<_>>().join(", ") });
    };
    let mut drawing = Drawing { width: column, height: 0.0, marks: Vec::new() };
    let mut top = 4.0;
    let frames = sweep.curves(series);
    for (at, (title, curves)) in frames.iter().enumerate() {
        let is_last = at + 1 == frames.len();
        top = frame(&mut drawing, top, title, curves, is_last);
    }
    drawing.height = top;
    Ok(drawing)
}

/// Draws a frame from `top`; returns where the next begins.
fn frame(drawing: &mut Drawing, top: f64, title: &str, curves: &[Curve], is_last: bool) -> f64 {
    let across = (36.0, drawing.width - 8.0);
    let places = legend(curves.iter().map(|curve| curve.name.as_str()), across);
    let lines = places.last().map_or(0, |place| place.1) + 1;
    let from = top + LEGEND * lines as f64 + 4.0;
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let last = points().map(|point| point.step).max().unwrap_or(1).max(1);
    let highest = |value: f64, point: &crate::sweep::CurvePoint| {
        value.max(point.value).max(point.interval.map_or(0.0, |interval| interval.1))
    };
    let ticks = ticks_up_to(points().fold(0.0, highest));
    let axes = Axes {
        across,
        down: (from, from + FRAME),
        x: (0.0, last as f64),
        y: (0.0, ticks.last().copied().unwrap_or(1.0)),
    };
    let steps = ticks_up_to(last as f64).into_iter().filter(|tick| *tick <= last as f64).map(|tick| tick as u32);
    axes.draw(drawing, &steps.collect::<Vec<_>>(), &ticks);
    axes.titles(drawing, if is_last { "step" } else { "" }, title, 6.0);
    for (number, (curve, (x, line))) in curves.iter().zip(&places).enumerate() {
        let (colour, shape) = (PALETTE[number % PALETTE.len()], SHAPES[number % SHAPES.len()]);
        let at = |step: u64, value: f64| axes.at(step as f64, value);
        let bounded: Vec<(u64, (f64, f64))> =
            curve.points.iter().filter_map(|point| Some((point.step, point.interval?))).collect();
        if bounded.len() > 1 {
            let low = bounded.iter().map(|(step, (low, _))| at(*step, *low));
            let high = bounded.iter().rev().map(|(step, (_, high))| at(*step, *high));
            drawing.area(low.chain(high).collect(), colour.opacity(0.2));
        }
        let line_points: Vec<_> = curve.points.iter().map(|point| at(point.step, point.value)).collect();
        drawing.line(&line_points, colour, 1.3);
        let every = line_points.len().div_ceil(12).max(1);
        line_points.iter().step_by(every).for_each(|point| marker(drawing, shape, *point, 2.1, colour));
        let y = top + LEGEND * *line as f64 + FONT_SIZE * 0.6;
        marker(drawing, shape, (x + 4.0, y), 2.4, colour);
        drawing.text((x + 10.0, y), Anchor::Start, &curve.name, Colour::INK);
    }
    axes.down.1 + FONT_SIZE * if is_last { 3.2 } else { 2.2 }
}

/// Where the entries of a legend begin, and in which of its lines.
pub(super) fn legend<'a>(names: impl Iterator<Item = &'a str>, (left, right): (f64, f64)) -> Vec<(f64, usize)> {
    let (mut x, mut line) = (left, 0);
    let mut places = Vec::new();
    for name in names {
        let width = text_width(name) + 22.0;
        if x > left && x + width - 12.0 > right {
            (x, line) = (left, line + 1);
        }
        places.push((x, line));
        x += width;
    }
    places
}
