//! Figures over layers: a marker a head, a line for the layer's mean.

use super::axes::{Axes, SHAPES, layer_ticks, marker, ticks_up_to};
use super::colours::{Colour, PALETTE};
use super::drawing::{Anchor, Drawing, FONT_SIZE, text_width};
use super::{FigureError, nothing_to_draw};
use crate::kinds::surface::layer_means;
use crate::run::RunDirectory;
use crate::tables::{Importance, ImportanceMeasure, Surface, SurfaceMeasure};

/// A measure and what it is called in a legend.
type Named<M> = (M, &'static str);

const TOKENS: [Named<SurfaceMeasure>; 3] =
    [(SurfaceMeasure::Cls, "[CLS]"), (SurfaceMeasure::Sep, "[SEP]"), (SurfaceMeasure::Punctuation, ". or ,")];
const NEIGHBOURS: [Named<SurfaceMeasure>; 3] =
    [(SurfaceMeasure::Previous, "previous"), (SurfaceMeasure::Next, "next"), (SurfaceMeasure::Current, "itself")];
const ENTROPIES: [Named<SurfaceMeasure>; 2] =
    [(SurfaceMeasure::Entropy, "all positions"), (SurfaceMeasure::ClsEntropy, "from [CLS]")];
const GRADIENTS: [Named<ImportanceMeasure>; 3] = [
    (ImportanceMeasure::GradientSep, "to [SEP]"),
    (ImportanceMeasure::GradientPunct, "to . or ,"),
    (ImportanceMeasure::GradientRest, "to the rest"),
];
const GATES: [Named<ImportanceMeasure>; 1] = [(ImportanceMeasure::Gate, "gate on a head's output")];

/// A layer, counted from 0, and a value there.
type Point = (u32, f64);

/// One measure: a value for each head, and the mean of each layer.
struct Series {
    label: String,
    heads: Vec<Point>,
    means: Vec<Point>,
}

/// Values over layers, with their axis.
struct Panel<'a> {
    series: &'a [Series],
    /// A dashed line without heads.
    uniform: &'a [Point],
    title: &'a str,
}

/// Figure 2: average attention to special tokens, and to neighbours.
pub(super) fn surface(run: &RunDirectory, column: f64) -> Result<Drawing, FigureError> {
    let rows = surface_rows(run)?;
    let mut drawing = Drawing { width: column, ..Drawing::default() };
    let mut top = 2.0;
    for measures in [TOKENS, NEIGHBOURS] {
        let series = surface_series(run, &rows, &measures);
        let panel = Panel { series: &series, uniform: &[], title: "average attention" };
        drawing.height = panel.draw(&mut drawing, run.report().model.layers, top);
        top = drawing.height + 8.0;
    }
    Ok(drawing)
}

/// Figure 4: entropy, with that of uniform attention.
pub(super) fn entropy(run: &RunDirectory, column: f64) -> Result<Drawing, FigureError> {
    let rows = surface_rows(run)?;
    let (series, uniform) =
        (surface_series(run, &rows, &ENTROPIES), layer_means(&rows, SurfaceMeasure::UniformEntropy));
    let panel = Panel { series: &series, uniform: &uniform, title: "entropy in nats" };
    let mut drawing = Drawing { width: column, ..Drawing::default() };
    drawing.height = panel.draw(&mut drawing, run.report().model.layers, 2.0);
    Ok(drawing)
}

/// Figure 3: what the loss minds, attention to special tokens and to the rest; and how much it minds each head.
pub(super) fn importance(run: &RunDirectory, column: f64) -> Result<Drawing, FigureError> {
    let rows: Vec<Importance> = run.table_or_empty()?;
    if rows.is_empty() {
        return Err(nothing_to_draw(run, "importance"));
    }
    let mut drawing = Drawing { width: column, ..Drawing::default() };
    let mut top = 2.0;
    for (measures, of) in [(&GRADIENTS[..], "attention"), (&GATES, "gate")] {
        let mut series = importance_series(run, &rows, measures);
        let power = power_of_ten(&series);
        for (_, value) in series.iter_mut().flat_map(|series| series.heads.iter_mut().chain(&mut series.means)) {
            *value /= 10_f64.powi(power);
        }
        let scale = if power == 0 { String::new() } else { format!(" × 10{}", superscript(power)) };
        let title = format!("|∂loss/∂{of}|{scale}");
        drawing.height =
            Panel { series: &series, uniform: &[], title: &title }.draw(&mut drawing, run.report().model.layers, top);
        top = drawing.height + 8.0;
    }
    Ok(drawing)
}

fn surface_rows(run: &RunDirectory) -> Result<Vec<Surface>, FigureError> {
    let rows: Vec<Surface> = run.table_or_empty()?;
    if rows.is_empty() { Err(nothing_to_draw(run, "surface")) } else { Ok(rows) }
}

/// The measures that the table has.
fn surface_series(run: &RunDirectory, rows: &[Surface], measures: &[Named<SurfaceMeasure>]) -> Vec<Series> {
    let series = |&(name, label): &Named<SurfaceMeasure>| {
        let of_heads = rows.iter().filter(|row| row.measure == name && row.head_index.is_some());
        let heads = of_heads.map(|row| (row.layer_index, row.value)).collect();
        Series { label: run.report().model.named(label), heads, means: layer_means(rows, name) }
    };
    measures.iter().map(series).filter(|series| !series.means.is_empty()).collect()
}

fn importance_series(run: &RunDirectory, rows: &[Importance], measures: &[Named<ImportanceMeasure>]) -> Vec<Series> {
    let series = |&(name, label): &Named<ImportanceMeasure>| {
        let of = |layers: bool| {
            let rows = rows.iter().filter(|row| row.measure == name && row.head_index.is_none() == layers);
            rows.map(|row| (row.layer_index, row.value)).collect()
        };
        Series { label: run.report().model.named(label), heads: of(false), means: of(true) }
    };
    measures.iter().map(series).filter(|series| !series.means.is_empty()).collect()
}

/// The power of ten that numbers on the axis are multiplied by: that of the largest value, none for handy ones.
fn power_of_ten(series: &[Series]) -> i32 {
    let values = series.iter().flat_map(|series| series.heads.iter().chain(&series.means)).map(|&(_, value)| value);
    let most = values.fold(0.0, f64::max);
    if most > 0.0 && !(0.1..100.0).contains(&most) { most.log10().floor() as i32 } else { 0 }
}

/// `⁻⁴`
fn superscript(number: i32) -> String {
    let raise = |character: char| match character.to_digit(10) {
        Some(digit) => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit as usize],
        None => '⁻',
    };
    number.to_string().chars().map(raise).collect()
}

impl Panel<'_> {
    /// Draws the values below `top`; gives the lower edge.
    fn draw(&self, drawing: &mut Drawing, layers: u32, top: f64) -> f64 {
        const HEIGHT: f64 = 118.0;
        let all = self.series.iter().flat_map(|series| series.heads.iter().chain(&series.means)).chain(self.uniform);
        let ticks = ticks_up_to(all.map(|&(_, value)| value).fold(0.0, f64::max));
        let legend = top + FONT_SIZE * 0.8;
        let axes = Axes {
            across: (36.0, drawing.width - 4.0),
            down: (top + 18.0, top + HEIGHT),
            x: (0.5, f64::from(layers) + 0.5),
            y: (0.0, ticks.last().copied().unwrap_or(1.0)),
        };
        axes.draw(drawing, &layer_ticks(layers), &ticks);
        axes.titles(drawing, "layer", self.title, 6.0);

        let mut x = axes.across.0;
        for (at, series) in self.series.iter().enumerate() {
            let (colour, shape) = (PALETTE[at], SHAPES[at]);
            // Markers of the same layer stand side by side, measure by measure.
            let shift = 0.22 * (at as f64 - (self.series.len() - 1) as f64 / 2.0);
            let place = |&(layer, value): &Point| axes.at(f64::from(layer) + 1.0 + shift, value);
            for head in &series.heads {
                marker(drawing, shape, place(head), 1.7, colour.opacity(0.6));
            }
            drawing.line(&series.means.iter().map(place).collect::<Vec<_>>(), colour, 1.3);
            // A measure of whole layers has its markers on the line.
            for mean in series.means.iter().filter(|_| series.heads.is_empty()) {
                marker(drawing, shape, place(mean), 2.1, colour);
            }
            marker(drawing, shape, (x + 4.0, legend), 2.4, colour);
            drawing.text((x + 10.0, legend), Anchor::Start, &series.label, Colour::INK);
            x += text_width(&series.label) + 22.0;
        }
        if !self.uniform.is_empty() {
            let line = |&(layer, value): &Point| axes.at(f64::from(layer) + 1.0, value);
            drawing.dashed(&self.uniform.iter().map(line).collect::<Vec<_>>(), Colour::SOFT, 0.9);
            drawing.dashed(&[(x, legend), (x + 13.0, legend)], Colour::SOFT, 0.9);
            drawing.text((x + 16.0, legend), Anchor::Start, "uniform", Colour::INK);
        }
        axes.down.1 + FONT_SIZE * 3.2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_the_axis_are_handy() {
        let power = |value: f64| {
            power_of_ten(&[Series { label: String::new(), heads: vec![(0, value)], means: vec![(0, 0.0)] }])
        };
        assert_eq!([0.0, 0.000_123, 0.09, 0.1, 99.0, 100.0].map(power), [0, -4, -2, 0, 0, 2]);
        assert_eq!([-4, 12].map(superscript), ["⁻⁴", "¹²"]);
    }
}
