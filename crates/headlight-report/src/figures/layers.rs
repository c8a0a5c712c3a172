//! Figures over layers: a marker a head, a line for the layer's mean.

use super::axes::{Axes, SHAPES, layer_ticks, marker, ticks_up_to};
use super::colours::{Colour, PALETTE};
use super::drawing::{Anchor, COLUMN, Drawing, FONT_SIZE, text_width};
use super::{FigureError, nothing_to_draw};
use crate::run::RunDirectory;
use crate::surface::layer_means;
use crate::tables::Surface;

/// A measure with its name in the legend.
type Named = (&'static str, &'static str);

const TOKENS: [Named; 3] = [("cls", "[CLS]"), ("sep", "[SEP]"), ("punct", ". or ,")];
const NEIGHBOURS: [Named; 3] = [("prev", "previous"), ("next", "next"), ("self", "itself")];
const ENTROPIES: [Named; 2] = [("entropy", "all positions"), ("entropy_cls", "from [CLS]")];

/// Figure 2: average attention to special tokens, and to neighbours.
pub(super) fn surface(run: &RunDirectory) -> Result<Drawing, FigureError> {
    let rows = rows(run)?;
    let mut drawing = Drawing { width: COLUMN, ..Drawing::default() };
    let top = panel(&mut drawing, run, &rows, &TOKENS, "average attention", 2.0);
    drawing.height = panel(&mut drawing, run, &rows, &NEIGHBOURS, "average attention", top + 8.0);
    Ok(drawing)
}

/// Figure 4: entropy, with that of uniform attention.
pub(super) fn entropy(run: &RunDirectory) -> Result<Drawing, FigureError> {
    let rows = rows(run)?;
    let mut drawing = Drawing { width: COLUMN, ..Drawing::default() };
    drawing.height = panel(&mut drawing, run, &rows, &ENTROPIES, "entropy in nats", 2.0);
    Ok(drawing)
}

fn rows(run: &RunDirectory) -> Result<Vec<Surface>, FigureError> {
    let rows: Vec<Surface> = run.table_or_empty()?;
    if rows.is_empty() { Err(nothing_to_draw(run, "surface")) } else { Ok(rows) }
}

/// Draws measures over layers below `top`; gives its lower edge.
fn panel(
    drawing: &mut Drawing,
    run: &RunDirectory,
    rows: &[Surface],
    measures: &[Named],
    title: &str,
    top: f64,
) -> f64 {
    const HEIGHT: f64 = 118.0;
    let layers = run.report().model.layers;
    let of = |name: &str| rows.iter().filter(|row| row.measure == name).collect::<Vec<_>>();
    let present: Vec<Named> = measures.iter().copied().filter(|(name, _)| !of(name).is_empty()).collect();
    let uniform = if title.starts_with("entropy") { layer_means(rows, "entropy_uniform") } else { Vec::new() };
    let values = present.iter().flat_map(|(name, _)| of(name)).map(|row| row.value);
    let most = values.chain(uniform.iter().map(|&(_, value)| value)).fold(0.0, f64::max);
    let ticks = ticks_up_to(most);
    let legend = top + FONT_SIZE * 0.8;
    let axes = Axes {
        across: (36.0, COLUMN - 4.0),
        down: (top + 18.0, top + HEIGHT),
        x: (0.5, f64::from(layers) + 0.5),
        y: (0.0, ticks.last().copied().unwrap_or(1.0)),
    };
    let decimals = usize::from(axes.y.1 < 10.0);
    axes.draw(drawing, &layer_ticks(layers), &ticks, decimals);
    axes.titles(drawing, "layer", title, 6.0);

    let mut x = axes.across.0;
    for (at, (name, label)) in present.iter().enumerate() {
        let (colour, shape) = (PALETTE[at], SHAPES[at]);
        // Markers of the same layer stand side by side, measure by measure.
        let shift = 0.22 * (at as f64 - (present.len() - 1) as f64 / 2.0);
        for row in of(name).into_iter().filter(|row| row.head_index.is_some()) {
            let place = axes.at(f64::from(row.layer_index) + 1.0 + shift, row.value);
            marker(drawing, shape, place, 1.7, colour.opacity(0.6));
        }
        let line = |&(layer, mean): &(u32, f64)| axes.at(f64::from(layer) + 1.0 + shift, mean);
        drawing.line(&layer_means(rows, name).iter().map(line).collect::<Vec<_>>(), colour, 1.3);
        marker(drawing, shape, (x + 4.0, legend), 2.4, colour);
        drawing.text((x + 10.0, legend), Anchor::Start, label, Colour::INK);
        x += text_width(label) + 22.0;
    }
    if !uniform.is_empty() {
        let line = |&(layer, value): &(u32, f64)| axes.at(f64::from(layer) + 1.0, value);
        drawing.dashed(&uniform.iter().map(line).collect::<Vec<_>>(), Colour::SOFT, 0.9);
        drawing.dashed(&[(x, legend), (x + 13.0, legend)], Colour::SOFT, 0.9);
        drawing.text((x + 16.0, legend), Anchor::Start, "uniform", Colour::INK);
    }
    axes.down.1 + FONT_SIZE * 3.2
}
