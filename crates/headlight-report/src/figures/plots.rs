//! What the page shows of every kind, as figures: curves, and a value of every head.

use super::axes::{Axes, SHAPES, marker, ticks_between};
use super::colours::{Colour, PALETTE, diverging, diverging_down, viridis};
use super::drawing::{Anchor, Drawing, FONT_SIZE, fitted, fitted_plain};
use super::emergence::legend;
use super::heat_map::Cells;
use crate::html::plots::{Colours, HeadMap, Panel};
use crate::run::ModelSummary;
use crate::sheet::visible;

/// The height of a frame.
const FRAME: f64 = 118.0;

/// What a line of the legend takes.
const LEGEND: f64 = FONT_SIZE + 3.0;

/// Curves, with single values behind them.
pub(super) fn curves(panel: &Panel, column: f64) -> Drawing {
    let across = (40.0, column - 8.0);
    let mut drawing = Drawing { width: column, ..Drawing::default() };
    let title = fitted(&visible(&panel.title), column);
    drawing.bold((0.0, 7.0), Anchor::Start, &title, Colour::INK);
    let names: Vec<String> =
        panel.lines.iter().map(|line| fitted_plain(&plain(&line.name), across.1 - across.0 - 14.0)).collect();
    let places = legend(names.iter().map(String::as_str), across);
    let lines = places.last().map_or(0, |place| place.1) + 1;
    let top = 16.0 + LEGEND * lines as f64 + 2.0;

    let points = || panel.lines.iter().flat_map(|line| &line.points);
    let single = || panel.dots.iter().chain(&panel.rings);
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let xs = range(&mut points().map(|point| point.x).chain(single().map(|dot| dot.0)));
    let of_point = |point: &crate::html::plots::Point| {
        let (low, high) = point.interval.unwrap_or((point.y, point.y));
        [point.y, low, high]
    };
    let ys = range(&mut points().flat_map(of_point).chain(single().map(|dot| dot.1)));
    let (xs, ys) = (if xs.0 <= xs.1 { xs } else { (0.0, 1.0) }, if ys.0 <= ys.1 { ys } else { (0.0, 1.0) });
    let y_ticks = ticks_between(ys.0, ys.1);
    // A point at the edge is not cut.
    let room = 0.04 * (xs.1 - xs.0).max(1.0);
    let axes = Axes {
        across,
        down: (top, top + FRAME),
        x: (xs.0 - room, xs.1 + room),
        y: (y_ticks.first().copied().unwrap_or(0.0), y_ticks.last().copied().unwrap_or(1.0)),
    };
    axes.draw_numbers(&mut drawing, &ticks_within(xs), &y_ticks);
    axes.titles(&mut drawing, &visible(panel.x), &fitted_plain(&visible(&panel.y), FRAME), 6.0);
    let at = |x: f64, y: f64| axes.at(x, y);
    for (x, y, _) in panel.dots.iter().filter(|dot| dot.1.is_finite()) {
        marker(&mut drawing, SHAPES[0], at(*x, *y), 1.4, Colour::SOFT.opacity(0.45));
    }
    for (number, (line, (x, row))) in panel.lines.iter().zip(&places).enumerate() {
        let (colour, shape) = match line.reference {
            true => (Colour::SOFT, None),
            false => (PALETTE[number % PALETTE.len()], Some(SHAPES[number % SHAPES.len()])),
        };
        let drawn: Vec<_> = line.points.iter().filter(|point| point.y.is_finite()).collect();
        let bounded: Vec<(f64, (f64, f64))> =
            drawn.iter().filter_map(|point| Some((point.x, point.interval?))).collect();
        if bounded.len() > 1 {
            let low = bounded.iter().map(|(x, (low, _))| at(*x, *low));
            let high = bounded.iter().rev().map(|(x, (_, high))| at(*x, *high));
            drawing.area(low.chain(high).collect(), colour.opacity(0.18));
        }
        let places: Vec<_> = drawn.iter().map(|point| at(point.x, point.y)).collect();
        let y = 16.0 + LEGEND * *row as f64 + FONT_SIZE * 0.4;
        match shape {
            None => {
                drawing.dashed(&places, colour, 1.0);
                drawing.dashed(&[(*x, y), (x + 8.0, y)], colour, 1.0);
            }
            Some(shape) => {
                drawing.line(&places, colour, 1.3);
                let every = places.len().div_ceil(16).max(1);
                places.iter().step_by(every).for_each(|place| marker(&mut drawing, shape, *place, 2.1, colour));
                marker(&mut drawing, shape, (x + 4.0, y), 2.4, colour);
            }
        }
        drawing.text((x + 10.0, y), Anchor::Start, &names[number], Colour::INK);
    }
    for (x, y, _) in panel.rings.iter().filter(|ring| ring.1.is_finite()) {
        marker(&mut drawing, SHAPES[0], at(*x, *y), 3.2, Colour::INK);
        marker(&mut drawing, SHAPES[0], at(*x, *y), 2.0, Colour::WHITE);
    }
    drawing.height = axes.down.1 + FONT_SIZE * 3.2;
    drawing
}

/// Round numbers within a range: whole ones where it is of layers, lengths or steps.
fn ticks_within((low, high): (f64, f64)) -> Vec<f64> {
    let ticks = ticks_between(low, high).into_iter().filter(|tick| (low..=high).contains(tick));
    let mut ticks: Vec<f64> = ticks.collect();
    if low.fract() == 0.0 && high.fract() == 0.0 && high - low <= 12.0 {
        ticks = (0..=(high - low) as i64).map(|step| low + step as f64).collect();
    }
    ticks
}

/// Every head's value.
pub(super) fn heads(map: &HeadMap, model: &ModelSummary, column: f64) -> Drawing {
    let values = || map.values.iter().flatten().copied().filter(|value| value.is_finite());
    let most = values().map(f64::abs).fold(f64::MIN_POSITIVE, f64::max);
    let scale = match map.colours {
        Colours::Amount => viridis,
        Colours::HarmAbove => diverging,
        Colours::HarmBelow => diverging_down,
    };
    let colour = |value: f64| match map.colours {
        Colours::Amount => (viridis(value / most), value / most > 0.6),
        Colours::HarmAbove | Colours::HarmBelow => (scale(0.5 + 0.5 * value / most), (value / most).abs() < 0.55),
    };
    let end = short(most);
    let ends = match map.colours {
        Colours::Amount => ["0".to_owned(), end],
        Colours::HarmAbove | Colours::HarmBelow => [format!("−{end}"), format!("+{end}")],
    };
    let cells = Cells {
        title: &plain(&map.title),
        unit: &map.unit,
        layers: model.layers,
        heads: model.heads,
        colours: map.values.iter().map(|value| value.filter(|value| value.is_finite()).map(colour)).collect(),
        labels: map.labels.clone(),
        chosen: map.chosen,
        ends,
        scale,
    };
    cells.draw(column)
}

/// A number with three digits or so.
fn short(number: f64) -> String {
    match number {
        number if number >= 100.0 => format!("{number:.0}"),
        number if number >= 10.0 => format!("{number:.1}"),
        number => format!("{number:.2}"),
    }
}

/// A name without the marks that isolate it in a page.
pub(super) fn plain(text: &str) -> String {
    visible(&text.replace(['\u{2068}', '\u{2069}'], "")).into_owned()
}
