//! Results side by side: a dot with its interval for each, and a tick for what it is compared with.

use std::collections::BTreeSet;

use super::FigureError;
use super::axes::{Shape, marker, number, ticks_between};
use super::colours::{BLUE, Colour, VERMILION};
use super::drawing::{Anchor, Drawing, FONT_SIZE, fitted, fitted_plain, text_width, wrapped};
use super::plots::plain;
use crate::format::count;
use crate::kinds::probe::{ProbeMeasure, ProbeValue, bars};
use crate::kinds::trees::tree_title;
use crate::run::RunDirectory;
use crate::tables::{
    Coreference, Difference, Direction, Ensemble, EnsembleTree, HeadTree, NullModel, PairAccuracy, PairLevel,
    ProbeScore, TreePredictor, TreeShape,
};

/// A figure of results.
#[derive(Debug, Default)]
pub(super) struct Dots {
    /// What `headlight figure` takes for it behind the figure's name.
    pub of: String,
    pub title: String,
    /// What the axis is.
    pub axis: String,
    pub rows: Vec<Row>,
    /// What the tick of a row is; empty where none has one.
    pub tick: &'static str,
}

/// One result.
#[derive(Debug)]
pub(super) struct Row {
    pub name: String,
    pub value: f64,
    pub interval: Option<(f64, f64)>,
    pub tick: Option<f64>,
}

/// The height of a result.
const ROW: f64 = 12.5;

/// Most results of a figure: the first ones.
const MOST: usize = 40;

/// The figures of results that a run has, by name, each with what it can be of.
pub(super) fn all(run: &RunDirectory) -> Result<Vec<(&'static str, Vec<Dots>)>, FigureError> {
    let found = [
        ("null-models", null_models(&run.table_or_empty()?)),
        ("ensembles", ensembles(&run.table_or_empty()?)),
        ("ensemble-trees", ensemble_trees(&run.table_or_empty()?)),
        ("trees", trees(&run.table_or_empty()?)),
        ("coreference", coreference(&run.table_or_empty()?)),
        ("pairs", pairs(&run.table_or_empty()?)),
        ("probes", probes(&run.table_or_empty()?)),
        ("differences", differences(&run.table_or_empty()?)),
    ];
    Ok(found.into_iter().filter(|(_, figures)| !figures.is_empty()).collect())
}

/// A share of counts in per cent, with its interval.
fn share(correct: u64, total: u64, interval: Option<(f64, f64)>) -> (f64, Option<(f64, f64)>) {
    let per_cent = |share: f64| 100.0 * share;
    (per_cent(correct as f64 / total.max(1) as f64), interval.map(|(low, high)| (per_cent(low), per_cent(high))))
}

/// Those that have a row.
fn filled(figures: impl Iterator<Item = Dots>) -> Vec<Dots> {
    figures.filter(|figure| !figure.rows.is_empty()).collect()
}

fn null_models(rows: &[NullModel]) -> Vec<Dots> {
    let mut rows: Vec<&NullModel> = rows.iter().filter(|row| row.draw.is_none() && row.relation != "root").collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.total));
    let row = |row: &&NullModel| Row {
        name: row.relation.clone(),
        value: 100.0 * row.accuracy,
        interval: Some((100.0 * row.lowest, 100.0 * row.highest)),
        tick: Some(100.0 * row.trained_accuracy),
    };
    let figure = Dots {
        title: "Best heads of models with random weights".to_owned(),
        axis: "words whose governor is found, %; line: lowest to highest draw".to_owned(),
        rows: rows.iter().map(row).collect(),
        tick: "trained model",
        ..Dots::default()
    };
    filled([figure].into_iter())
}

fn ensembles(rows: &[Ensemble]) -> Vec<Dots> {
    let figure = |direction: Direction| {
        let of = rows.iter().filter(|row| row.direction == direction && row.total > 0);
        let row = |row: &Ensemble| {
            let (value, interval) = share(row.correct, row.total, row.ci_low.zip(row.ci_high));
            let tick = Some(share(row.best_correct, row.total, None).0);
            Row { name: row.relation.clone(), value, interval, tick }
        };
        Dots {
            of: direction.name().to_owned(),
            title: format!("Heads that find a relation together, {}", direction.arrow()),
            axis: "arcs of the relation that are found, %".to_owned(),
            rows: of.map(row).collect(),
            tick: "best single head",
        }
    };
    filled([Direction::DependentToGovernor, Direction::GovernorToDependent].into_iter().map(figure))
}

fn ensemble_trees(rows: &[EnsembleTree]) -> Vec<Dots> {
    let measures: BTreeSet<&str> = rows.iter().map(|row| row.measure.name()).collect();
    let figure = |measure: &str| {
        let of = rows.iter().filter(|row| row.relation.is_none() && row.measure.name() == measure);
        let row = |row: &EnsembleTree| {
            let (value, interval) = share(row.correct, row.total, row.ci_low.zip(row.ci_high));
            Row { name: row.predictor.name().to_owned(), value, interval, tick: None }
        };
        Dots {
            of: measure.to_owned(),
            title: "Labelled trees of heads together".to_owned(),
            axis: format!("{}, %", measure.replace('_', " ")),
            rows: of.map(row).collect(),
            tick: "",
        }
    };
    filled(measures.into_iter().map(figure))
}

fn trees(rows: &[HeadTree]) -> Vec<Dots> {
    let mut shapes: Vec<TreeShape> = Vec::new();
    for row in rows {
        if !shapes.contains(&row.tree) {
            shapes.push(row.tree);
        }
    }
    let figure = |shape: TreeShape| {
        let of =
            rows.iter().filter(|row| row.tree == shape && row.predictor != TreePredictor::EachHead && row.total > 0);
        let row = |row: &HeadTree| {
            let (value, interval) = share(row.correct, row.total, row.ci_low.zip(row.ci_high));
            let head = row.layer_index.zip(row.head_index);
            let head = head.map(|(layer, head)| format!(" {}-{}", layer + 1, head + 1)).unwrap_or_default();
            let name = format!("{}{head}", row.predictor.name());
            Row { name, value, interval, tick: None }
        };
        Dots {
            of: shape.name().to_owned(),
            title: "Trees of the chosen head".to_owned(),
            axis: format!("{}, %", tree_title(shape)),
            rows: of.map(row).collect(),
            tick: "",
        }
    };
    filled(shapes.into_iter().map(figure))
}

fn coreference(rows: &[Coreference]) -> Vec<Dots> {
    let row = |row: &Coreference| {
        let (value, interval) = share(row.correct, row.total, row.ci_low.zip(row.ci_high));
        let name = format!("{}, {} of {}", row.predictor.name().replace('_', " "), row.mention_type, row.total);
        Row { name, value, interval, tick: None }
    };
    let figure = Dots {
        title: "Antecedents found".to_owned(),
        axis: "mentions with an antecedent in their window, %".to_owned(),
        rows: rows.iter().filter(|row| row.total > 0).map(row).collect(),
        ..Dots::default()
    };
    filled([figure].into_iter())
}

fn pairs(rows: &[PairAccuracy]) -> Vec<Dots> {
    let figure = |level: PairLevel| {
        let of = rows.iter().filter(|row| (row.level == level || row.level == PairLevel::Whole) && row.total > 0);
        let row = |row: &PairAccuracy| {
            let (value, interval) = share(row.correct, row.total, row.ci_low.zip(row.ci_high));
            let name = row.group.as_deref().unwrap_or("all").replace('_', " ");
            Row { name: format!("{name} ({})", row.total), value, interval, tick: None }
        };
        let rows: Vec<Row> = of.map(row).collect();
        Dots {
            of: level.name().to_owned(),
            title: format!("Minimal pairs by {}", level.name()),
            axis: "pairs whose acceptable sentence is more likely, %".to_owned(),
            // The whole alone is a figure of no level.
            rows: if rows.len() > 1 { rows } else { Vec::new() },
            tick: "",
        }
    };
    filled([PairLevel::Phenomenon, PairLevel::Field, PairLevel::Paradigm].into_iter().map(figure))
}

fn probes(rows: &[ProbeScore]) -> Vec<Dots> {
    let figure = |measure: ProbeMeasure| {
        let factor = if measure.share { 100.0 } else { 1.0 };
        let row = |score: &ProbeValue| Row {
            name: plain(&score.name),
            value: factor * score.value,
            interval: score.low.zip(score.high).map(|(low, high)| (factor * low, factor * high)),
            tick: None,
        };
        Dots {
            of: measure.title.clone(),
            title: "Probes over all heads".to_owned(),
            axis: if measure.share { format!("{}, %", measure.title) } else { measure.title.clone() },
            rows: measure.scores.iter().map(row).collect(),
            tick: "",
        }
    };
    filled(bars(rows).into_iter().map(figure))
}

fn differences(rows: &[Difference]) -> Vec<Dots> {
    let mut named: Vec<(String, &Difference)> = Vec::new();
    for row in rows {
        let of = format!("{} {}", row.experiment.name(), row.measure.name());
        if !named.iter().any(|(name, _)| *name == of) {
            named.push((of, row));
        }
    }
    let figure = |(of, first): (String, &Difference)| {
        let same = rows.iter().filter(|row| row.experiment == first.experiment && row.measure == first.measure);
        // Losses and angles are not shares.
        let is_share = !matches!(first.measure.name(), "masked_lm" | "states" | "distance_spearman" | "norm_spearman");
        let factor = if is_share { 100.0 } else { 1.0 };
        let row = |row: &Difference| {
            let group = row.group.iter().map(|group| format!(", {group}")).collect::<String>();
            Row {
                name: plain(&format!("{} − {}{group}", row.a, row.b)),
                value: factor * row.difference,
                interval: row.ci_low.zip(row.ci_high).map(|(low, high)| (factor * low, factor * high)),
                tick: None,
            }
        };
        let unit = if is_share { ", points" } else { "" };
        let over = format!(", over {} {}s", count(first.units), first.unit);
        Dots {
            title: format!("Differences within {}", first.experiment.name()),
            axis: format!("{}{unit}{over}", first.measure.name().replace('_', " ")),
            rows: same.map(row).collect(),
            tick: "",
            of,
        }
    };
    filled(named.into_iter().map(figure))
}

impl Dots {
    pub(super) fn draw(&self, column: f64) -> Drawing {
        let rows = &self.rows[..self.rows.len().min(MOST)];
        let names = rows.iter().map(|row| text_width(&row.name)).fold(0.0, f64::max);
        // Long names stand above their results.
        let is_stacked = names > 0.5 * column;
        let (left, height) = if is_stacked { (12.0, 2.0 * ROW - 2.0) } else { ((names + 8.0).max(30.0), ROW) };
        let values = rows.iter().flat_map(|row| {
            let (low, high) = row.interval.unwrap_or((row.value, row.value));
            [row.value, low, high].into_iter().chain(row.tick)
        });
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((0.0_f64, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let ticks = ticks_between(low, high.max(low));
        let (first, last) = (ticks.first().copied().unwrap_or(0.0), ticks.last().copied().unwrap_or(1.0));
        let x = |value: f64| left + (column - left - 12.0) * (value - first) / (last - first).max(1e-12);
        let mut drawing = Drawing { width: column, ..Drawing::default() };
        drawing.bold((0.0, 7.0), Anchor::Start, &fitted(&self.title, column), Colour::INK);
        let top = if self.tick.is_empty() { 18.0 } else { 30.0 };
        if !self.tick.is_empty() {
            drawing.line(&[(left, 16.0), (left, 26.0)], VERMILION, 1.8);
            drawing.text((left + 5.0, 21.0), Anchor::Start, self.tick, Colour::INK);
        }
        let bottom = top + height * rows.len() as f64;
        for tick in &ticks {
            let at = x(*tick);
            let colour = if tick.abs() < 1e-12 && first < 0.0 { Colour::SOFT } else { Colour::GRID };
            drawing.line(&[(at, top), (at, bottom)], colour, 0.5);
            drawing.text((at, bottom + FONT_SIZE * 0.8), Anchor::Middle, &number(*tick, &ticks), Colour::SOFT);
        }
        drawing.height = bottom + FONT_SIZE * 1.4;
        for line in wrapped(&self.axis, column - 4.0) {
            let half = text_width(&line) / 2.0;
            let middle = f64::midpoint(left, column).min(column - half).max(half);
            drawing.text((middle, drawing.height + FONT_SIZE * 0.7), Anchor::Middle, &line, Colour::INK);
            drawing.height += FONT_SIZE * 1.3;
        }
        for (at, row) in rows.iter().enumerate() {
            let y = top + height * (at as f64 + 1.0) - ROW / 2.0;
            match is_stacked {
                true => {
                    let name = fitted_plain(&row.name, column - 4.0);
                    drawing.text((2.0, y - ROW + 2.0), Anchor::Start, &name, Colour::INK);
                }
                false => drawing.text((left - 6.0, y), Anchor::End, &row.name, Colour::INK),
            }
            if let Some((low, high)) = row.interval {
                drawing.line(&[(x(low), y), (x(high), y)], BLUE.opacity(0.6), 1.4);
            }
            if let Some(tick) = row.tick {
                drawing.line(&[(x(tick), y - 5.0), (x(tick), y + 5.0)], VERMILION, 1.8);
            }
            marker(&mut drawing, Shape::Circle, (x(row.value), y), 2.6, BLUE);
        }
        drawing.height += 3.0;
        if self.rows.len() > MOST {
            drawing.foot(&format!("The first {MOST} of {}.", self.rows.len()));
        }
        drawing
    }
}
