//! What masking heads does to a model (Michel et al. 2019).

use super::sheets::{Curve, CurvePoint, ablation_sheets, curves, pruning_sheets};
use crate::html::plots::{Colours, Grid, HeadMap, Line, Panel, Point};
use crate::html::section::Section;
use crate::kinds::shared::{of_heads, source};
use crate::run::ModelSummary;
use crate::tables::{Ablation, Masking, MaskingMeasure, Pruning, PruningOrder};

/// Heads masked one at a time, and more and more of them; for each measure and way of masking.
pub(crate) fn pruning(ablation: &[Ablation], pruning: &[Pruning], model: &ModelSummary) -> Option<Section> {
    if ablation.is_empty() && pruning.is_empty() {
        return None;
    }
    let introduction = "What the model loses without heads. In the heat map each head is masked alone: the more orange, the \
                        more it is missed; without a blue one the model does better. The curves mask more and more heads, \
                        in different orders; the dotted line is the intact model. Bars are intervals of the change from it, paired \
                        over what was measured, or the range of several random draws.";
    let setting = |row: &Ablation| (row.measure, row.masking);
    let mut settings: Vec<(MaskingMeasure, Masking)> = ablation.iter().map(setting).collect();
    settings.extend(pruning.iter().map(|row| (row.measure, row.masking)));
    settings.sort_by_key(|(measure, masking)| (measure.name(), masking.name()));
    settings.dedup();
    let masked_alone = |(measure, masking): &(MaskingMeasure, Masking)| -> Vec<Ablation> {
        ablation.iter().filter(|row| row.measure == *measure && row.masking == *masking).cloned().collect()
    };
    let masked_in_order = |(measure, masking): &(MaskingMeasure, Masking)| -> Vec<Pruning> {
        pruning.iter().filter(|row| row.measure == *measure && row.masking == *masking).cloned().collect()
    };
    let maps = settings.iter().map(masked_alone).filter(|rows| !rows.is_empty()).map(|rows| map(&rows, model));
    let panels =
        settings.iter().map(masked_in_order).filter(|rows| !rows.is_empty()).map(|rows| panel(&rows, ablation));
    let grid = Grid { id: "ablation-heads", title: "One head masked", choose: "Measure", maps: maps.collect() };
    let texts = ablation.iter().map(|row| (row.corpus.as_str(), row.sequences));
    let texts = texts.chain(pruning.iter().map(|row| (row.corpus.as_str(), row.sequences)));
    let mut section = Section::new("pruning", "Pruning", introduction)
        .html(&source("Text", "sequences", texts))
        .grid(grid)
        .panels("More and more heads masked", panels.collect());
    for setting in &settings {
        let name = Shown::of(setting.0).with_masking(setting.1);
        for sheet in ablation_sheets(&masked_alone(setting)) {
            section = section.details(&format!("Heads missed most and least: {name}"), &sheet);
        }
        for sheet in pruning_sheets(&masked_in_order(setting)) {
            section = section.details(&format!("Curves: {name}"), &sheet);
        }
    }
    Some(section)
}

/// How a measure is shown.
struct Shown {
    title: &'static str,
    unit: &'static str,
    /// What one of the table's is in `unit`.
    factor: f64,
    harm: Colours,
}

impl Shown {
    fn of(measure: MaskingMeasure) -> Self {
        let harm = if measure.harm(1.0, 0.0) < 0.0 { Colours::HarmBelow } else { Colours::HarmAbove };
        let (title, unit, factor) = match measure {
            MaskingMeasure::MaskedLm => ("language-model loss", "nats per guessed piece", 1.0),
            MaskingMeasure::States => ("turn of the final states", "1 − cosine", 1.0),
            MaskingMeasure::ProbeUas => ("UAS of the probe", "%", 100.0),
        };
        Self { title, unit, factor, harm }
    }

    fn with_masking(&self, masking: Masking) -> String {
        let masked = match masking {
            Masking::Zero => "masked heads do nothing",
            Masking::Uniform => "masked heads attend to all alike",
        };
        format!("{}, {masked}", self.title)
    }

    fn axis(&self) -> String {
        match self.unit {
            "%" => format!("{} in %", self.title),
            unit => unit.to_owned(),
        }
    }
}

/// The change that each head alone makes; rows of one measure and masking.
fn map(rows: &[Ablation], model: &ModelSummary) -> HeadMap {
    let measure = Shown::of(rows[0].measure);
    let of_head = |layer, head| {
        let row = rows.iter().find(|row| (row.layer_index, row.head_index) == (layer, head))?;
        Some((measure.factor * (row.value - row.intact), row.standard_error.map(|error| measure.factor * error)))
    };
    let unit = if measure.unit == "%" { "points" } else { measure.unit };
    HeadMap::numbers(measure.with_masking(rows[0].masking), unit, measure.harm, &of_heads(model, of_head))
}

/// A curve for each order; rows of one measure and masking.
fn panel(rows: &[Pruning], ablation: &[Ablation]) -> Panel {
    let measure = Shown::of(rows[0].measure);
    let start = rows.iter().find(|row| row.step == 0).map(|row| row.value);
    let mine = |row: &&Ablation| row.measure == rows[0].measure && row.masking == rows[0].masking;
    let intact = start.or_else(|| ablation.iter().find(mine).map(|row| row.intact));
    let line = |curve: &Curve| {
        let point = |point: &CurvePoint| {
            let note = match (point.head, point.spread) {
                (Some((layer, head)), _) => format!("then also head {}-{}", layer + 1, head + 1),
                (None, Some(_)) => format!("mean of {} draws and their range", curve.draws),
                (None, None) => String::new(),
            };
            // Of several draws their range, else the interval of the change from the intact model.
            let ends = match (point.spread, point.interval) {
                (Some(_), _) => Some(point.range),
                (None, interval) => interval.zip(intact).map(|((low, high), intact)| (intact + low, intact + high)),
            };
            let interval = ends.map(|(low, high)| (measure.factor * low, measure.factor * high));
            Point { note, interval, ..Point::new(point.step, measure.factor * point.value) }
        };
        let title = order_title(curve.order);
        let title = if curve.draws > 1 { format!("{title}, {} draws", curve.draws) } else { title };
        Line::new(title, curve.points.iter().map(point))
    };
    let all: Vec<&Pruning> = rows.iter().collect();
    let mut lines: Vec<Line> = curves(&all).iter().map(line).collect();
    let last = rows.iter().map(|row| row.step).max().unwrap_or(0);
    lines.extend(intact.map(|intact| Line::level("intact model", [0.0, f64::from(last)], measure.factor * intact)));
    Panel {
        id: format!("pruning-{}-{}", rows[0].measure, rows[0].masking),
        title: measure.with_masking(rows[0].masking),
        x: "heads masked",
        y: measure.axis(),
        dots: Vec::new(),
        rings: Vec::new(),
        lines,
    }
}

fn order_title(order: PruningOrder) -> String {
    match order {
        PruningOrder::Importance => "least important first",
        PruningOrder::Greedy => "least missed first, greedily",
        PruningOrder::Random => "at random",
        PruningOrder::Named => "named heads",
        PruningOrder::RandomOfLayers => "others of their layers, at random",
    }
    .to_owned()
}
