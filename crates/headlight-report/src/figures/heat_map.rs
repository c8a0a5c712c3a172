//! Every head's accuracy for one relation: layers × heads.

use super::axes::layer_ticks;
use super::colours::{Colour, VERMILION, viridis};
use super::drawing::{Anchor, Drawing, FONT_SIZE, bold_width, fitted, text_width};
use super::{FigureError, nothing_to_draw};
use crate::format::percent;
use crate::head_counts::HeadCounts;
use crate::run::RunDirectory;
use crate::tables::{BestHead, Direction};

/// The heat map with the scale beside it.
pub(super) fn heat_map(
    run: &RunDirectory,
    relation: &str,
    direction: Option<Direction>,
    column: f64,
) -> Result<Drawing, FigureError> {
    let counts = HeadCounts::read(run)?;
    if counts.relations.is_empty() {
        return Err(nothing_to_draw(run, "heads"));
    }
    let Some(at) = counts.relations.iter().position(|known| known == relation) else {
        let (relation, known) = (relation.to_owned(), counts.relations.join(", "));
        return Err(FigureError::UnknownRelation { relation, known });
    };
    let best: Vec<BestHead> = run.table_or_empty()?;
    let best = best.iter().find(|row| row.relation == relation);
    let best = best.and_then(|row| Some(row.chosen().first()?.direction));
    let direction = direction.or(best).unwrap_or(Direction::DependentToGovernor);
    let (layers, heads) = (run.report().model.layers, run.report().mapped().heads);
    let total = counts.totals[at] as f64;
    let Some(correct) = counts.correct.get(direction.name()) else {
        let known = counts.correct.keys().copied().collect::<Vec<_>>().join(", ");
        return Err(FigureError::UnknownDirection { direction: direction.name(), known });
    };
    let shares: Vec<f64> = correct[at].iter().map(|&correct| correct as f64 / total).collect();
    let most = shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);

    let cells = Cells {
        title: &format!("{relation}, {}", direction.arrow()),
        unit: "% right",
        layers,
        heads,
        colours: shares.iter().map(|share| Some((viridis(share / most), share / most > 0.6))).collect(),
        labels: shares.iter().map(|share| format!("{:.0}", 100.0 * share)).collect(),
        chosen: None,
        ends: ["0".to_owned(), percent(most)],
        scale: viridis,
    };
    Ok(cells.draw(column))
}

/// A value of every head, layers × heads, with the scale beside it.
pub(super) struct Cells<'a> {
    pub title: &'a str,
    /// What the numbers are; behind the title where there is room, else below it.
    pub unit: &'a str,
    pub layers: u32,
    pub heads: u32,
    /// By head, layer by layer: its colour, and whether that is light; nothing where a head has no value.
    pub colours: Vec<Option<(Colour, bool)>>,
    /// What stands in the cells where they have room.
    pub labels: Vec<String>,
    /// A head with a frame, layer and index.
    pub chosen: Option<(u32, u32)>,
    /// What the lower and the upper end of the scale stand for.
    pub ends: [String; 2],
    /// Colours from the lower end, 0, to the upper, 1.
    pub scale: fn(f64) -> Colour,
}

/// Cells are no larger.
const LARGEST: f64 = 24.0;

impl Cells<'_> {
    pub(super) fn draw(&self, column: f64) -> Drawing {
        const LEFT: f64 = 30.0;
        let whole = format!("{}, {}", self.title, self.unit);
        let has_one_line = self.unit.is_empty() || bold_width(&whole) <= column;
        let top = if has_one_line { 18.0 } else { 29.0 };
        let ends = self.ends.iter().map(|end| text_width(end)).fold(20.0, f64::max);
        let side = ((column - LEFT - 24.0 - ends) / f64::from(self.heads)).min(LARGEST);
        let (right, bottom) = (LEFT + side * f64::from(self.heads), top + side * f64::from(self.layers));
        let mut drawing = Drawing { width: column, height: bottom + 26.0, marks: Vec::new() };
        let title = if has_one_line { whole.trim_end_matches(", ") } else { self.title };
        drawing.bold((0.0, 7.0), Anchor::Start, &fitted(title, column), Colour::INK);
        if !has_one_line {
            drawing.text((0.0, 18.0), Anchor::Start, &fitted(self.unit, column), Colour::INK);
        }
        let widest = self.labels.iter().map(|label| text_width(label)).fold(0.0, f64::max);
        let labelled = side >= 12.5 && widest <= side - 1.0;
        for (at, (colour, label)) in self.colours.iter().zip(&self.labels).enumerate() {
            let (layer, head) = (at as u32 / self.heads, at as u32 % self.heads);
            let (x, y) = (LEFT + side * f64::from(head), top + side * f64::from(layer));
            let Some((colour, is_light)) = *colour else { continue };
            drawing.rectangle((x + 0.3, y + 0.3), (x + side - 0.3, y + side - 0.3), colour);
            if labelled {
                let ink = if is_light { Colour::INK } else { Colour::WHITE };
                drawing.text((x + side / 2.0, y + side / 2.0), Anchor::Middle, label, ink);
            }
        }
        if let Some((layer, head)) = self.chosen {
            let (x, y) = (LEFT + side * f64::from(head), top + side * f64::from(layer));
            let corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)];
            drawing.line(&corners, VERMILION, 1.2);
        }
        for layer in layer_ticks(self.layers) {
            let y = top + side * (f64::from(layer) - 0.5);
            drawing.text((LEFT - 4.0, y), Anchor::End, &layer.to_string(), Colour::SOFT);
        }
        // A map of each layer has no heads to number.
        if self.heads > 1 {
            for head in layer_ticks(self.heads) {
                let x = LEFT + side * (f64::from(head) - 0.5);
                drawing.text((x, bottom + FONT_SIZE * 0.8), Anchor::Middle, &head.to_string(), Colour::SOFT);
            }
            let middle = (f64::midpoint(LEFT, right), bottom + FONT_SIZE * 2.1);
            drawing.text(middle, Anchor::Middle, "head", Colour::INK);
        }
        drawing.upwards((6.0, f64::midpoint(top, bottom)), "layer", Colour::INK);
        self.draw_scale(&mut drawing, right + 8.0, (top, bottom));
        drawing
    }

    fn draw_scale(&self, drawing: &mut Drawing, left: f64, (top, bottom): (f64, f64)) {
        const STEPS: u32 = 48;
        // Of few layers the scale is as tall as its two numbers.
        let bottom = bottom.max(top + 24.0);
        let step = (bottom - top) / f64::from(STEPS);
        for number in 0..STEPS {
            let y = bottom - step * f64::from(number + 1);
            let colour = (self.scale)(f64::from(number) / f64::from(STEPS - 1));
            drawing.rectangle((left, y), (left + 7.0, y + step + 0.2), colour);
        }
        let [lower, upper] = &self.ends;
        drawing.text((left + 10.0, top + 3.0), Anchor::Start, upper, Colour::SOFT);
        drawing.text((left + 10.0, bottom - 3.0), Anchor::Start, lower, Colour::SOFT);
        drawing.height = drawing.height.max(bottom + 6.0);
    }
}
