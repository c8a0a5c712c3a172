//! Every head's accuracy for one relation: layers × heads.

use super::axes::layer_ticks;
use super::colours::{Colour, viridis};
use super::drawing::{Anchor, COLUMN, Drawing, FONT_SIZE, fitted};
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

    const TOP: f64 = 18.0;
    const LEFT: f64 = 30.0;
    let side = ((COLUMN - LEFT - 44.0) / f64::from(heads)).min(24.0);
    let (right, bottom) = (LEFT + side * f64::from(heads), TOP + side * f64::from(layers));
    let mut drawing = Drawing { width: COLUMN, height: bottom + 26.0, marks: Vec::new() };
    let title = format!("{relation}, {}, % right", direction.arrow());
    drawing.bold((LEFT, 7.0), Anchor::Start, &fitted(&title, COLUMN - LEFT), Colour::INK);
    let mut shares = shares.into_iter();
    for layer in 0..layers {
        for (head, share) in (0..heads).zip(&mut shares) {
            let (x, y) = (LEFT + side * f64::from(head), TOP + side * f64::from(layer));
            drawing.rectangle((x + 0.3, y + 0.3), (x + side - 0.3, y + side - 0.3), viridis(share / most));
            if side >= 12.5 {
                let colour = if share / most > 0.6 { Colour::INK } else { Colour::WHITE };
                drawing.text(
                    (x + side / 2.0, y + side / 2.0),
                    Anchor::Middle,
                    &format!("{:.0}", 100.0 * share),
                    colour,
                );
            }
        }
    }
    for layer in layer_ticks(layers) {
        let y = TOP + side * (f64::from(layer) - 0.5);
        drawing.text((LEFT - 4.0, y), Anchor::End, &layer.to_string(), Colour::SOFT);
    }
    for head in layer_ticks(heads) {
        let x = LEFT + side * (f64::from(head) - 0.5);
        drawing.text((x, bottom + FONT_SIZE * 0.8), Anchor::Middle, &head.to_string(), Colour::SOFT);
    }
    drawing.text((f64::midpoint(LEFT, right), bottom + FONT_SIZE * 2.1), Anchor::Middle, "head", Colour::INK);
    drawing.upwards((6.0, f64::midpoint(TOP, bottom)), "layer", Colour::INK);
    scale(&mut drawing, right + 8.0, (TOP, bottom), most);
    Ok(drawing)
}

/// From 0 at the bottom to the best head's share at the top.
fn scale(drawing: &mut Drawing, left: f64, (top, bottom): (f64, f64), most: f64) {
    const STEPS: u32 = 48;
    let step = (bottom - top) / f64::from(STEPS);
    for number in 0..STEPS {
        let y = bottom - step * f64::from(number + 1);
        drawing.rectangle((left, y), (left + 7.0, y + step + 0.2), viridis(f64::from(number) / f64::from(STEPS - 1)));
    }
    drawing.text((left + 10.0, top + 3.0), Anchor::Start, &percent(most), Colour::SOFT);
    drawing.text((left + 10.0, bottom - 3.0), Anchor::Start, "0", Colour::SOFT);
}
