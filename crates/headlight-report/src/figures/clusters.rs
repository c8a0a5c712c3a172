//! Figure 6: the map of heads, by what they do and by layer.

use super::axes::{SHAPES, Shape, marker};
use super::colours::{Colour, PALETTE, viridis};
use super::drawing::{Anchor, Drawing, FONT_SIZE, text_width};
use super::{FigureError, nothing_to_draw};
use crate::kinds::clusters::label as label_of;
use crate::run::RunDirectory;
use crate::tables::Cluster;

/// Between the two maps.
const GAP: f64 = 5.6;

/// Both maps side by side, legends below.
pub(super) fn map(run: &RunDirectory, column: f64) -> Result<Drawing, FigureError> {
    let heads: Vec<Cluster> = run.table_or_empty()?;
    if heads.is_empty() {
        return Err(nothing_to_draw(run, "clusters"));
    }
    let mut drawing = Drawing { width: column, ..Drawing::default() };
    let top = 16.0;
    let side = (column - GAP) / 2.0;
    let right = column - side;
    drawing.bold((side / 2.0, 6.0), Anchor::Middle, "by behaviour", Colour::INK);
    drawing.bold((right + side / 2.0, 6.0), Anchor::Middle, "by layer", Colour::INK);
    let places = places(&heads, side);

    let labels = labels(&heads);
    frame(&mut drawing, 0.0, top, side);
    for (head, &(x, y)) in heads.iter().zip(&places) {
        let at = labels.iter().position(|label| *label == label_of(head)).unwrap_or(labels.len());
        let (shape, colour) = style(&labels, at);
        marker(&mut drawing, shape, (x, top + y), 2.1, colour);
    }
    let layers = run.report().model.layers;
    let share = |layer: u32| f64::from(layer) / f64::from(layers.saturating_sub(1).max(1));
    frame(&mut drawing, right, top, side);
    for (head, &(x, y)) in heads.iter().zip(&places) {
        marker(&mut drawing, Shape::Circle, (right + x, top + y), 2.1, viridis(share(head.layer_index)));
    }

    let legends = top + side + 10.0;
    let bottom = behaviour_legend(&mut drawing, &labels, legends, side);
    layer_legend(&mut drawing, right, legends, layers, side);
    drawing.height = bottom.max(legends + 2.2 * FONT_SIZE) + 4.0;
    Ok(drawing)
}

/// Where heads lie in a square, with the same scale in both directions.
fn places(heads: &[Cluster], side: f64) -> Vec<(f64, f64)> {
    const MARGIN: f64 = 6.0;
    let range = |of: fn(&Cluster) -> f64| {
        let values = || heads.iter().map(of);
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    let (xs, ys) = (range(|head| head.x), range(|head| head.y));
    let span = (xs.1 - xs.0).max(ys.1 - ys.0).max(f64::MIN_POSITIVE);
    let scale = (side - 2.0 * MARGIN) / span;
    let middle = |(low, high): (f64, f64)| f64::midpoint(low, high);
    let place =
        |head: &Cluster| (side / 2.0 + scale * (head.x - middle(xs)), side / 2.0 - scale * (head.y - middle(ys)));
    heads.iter().map(place).collect()
}

/// The behaviours there are, in order; heads without one come last.
fn labels(heads: &[Cluster]) -> Vec<&'static str> {
    let mut labels: Vec<&str> = heads.iter().map(label_of).collect();
    labels.sort_unstable_by_key(|label| (label.is_empty(), *label));
    labels.dedup();
    labels
}

fn style(labels: &[&str], at: usize) -> (Shape, Colour) {
    if labels.get(at).is_none_or(|label| label.is_empty()) {
        return (Shape::Circle, Colour::new(0xa8a8a8));
    }
    (SHAPES[at % SHAPES.len()], PALETTE[at % PALETTE.len()])
}

fn frame(drawing: &mut Drawing, left: f64, top: f64, side: f64) {
    let (left, right, bottom) = (left + 0.5, left + side - 0.5, top + side);
    drawing.line(&[(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], Colour::GRID, 0.6);
}

/// Names and markers of the behaviours in lines as wide as the map; gives the lower edge.
fn behaviour_legend(drawing: &mut Drawing, labels: &[&str], top: f64, side: f64) -> f64 {
    let (mut x, mut y) = (1.0, top);
    for (at, label) in labels.iter().enumerate() {
        let name = if label.is_empty() { "other" } else { label };
        let width = text_width(name) + 16.0;
        if x > 1.0 && x + width > side {
            (x, y) = (1.0, y + FONT_SIZE * 1.4);
        }
        let (shape, colour) = style(labels, at);
        marker(drawing, shape, (x + 3.0, y), 2.4, colour);
        drawing.text((x + 8.0, y), Anchor::Start, name, Colour::INK);
        x += width;
    }
    y + FONT_SIZE * 0.7
}

/// A strip from the first layer to the last.
fn layer_legend(drawing: &mut Drawing, left: f64, top: f64, layers: u32, side: f64) {
    let width = side / f64::from(layers.max(1));
    for layer in 0..layers {
        let x = left + f64::from(layer) * width;
        let share = f64::from(layer) / f64::from(layers.saturating_sub(1).max(1));
        drawing.rectangle((x, top - 3.0), (x + width, top + 3.0), viridis(share));
    }
    drawing.text((left, top + 4.0 + FONT_SIZE * 0.7), Anchor::Start, "1", Colour::SOFT);
    drawing.text((left + side / 2.0, top + 4.0 + FONT_SIZE * 0.7), Anchor::Middle, "layer", Colour::INK);
    drawing.text((left + side, top + 4.0 + FONT_SIZE * 0.7), Anchor::End, &layers.to_string(), Colour::SOFT);
}
