//! What was found, as rows.

use headlight_attention::AttentionHead;
use headlight_report::facts;
use headlight_report::has_learned;
use headlight_report::tables::{Importance as Row, ImportanceMeasure};
use headlight_stats::{Bootstrap, Interval, UnitSums, by_unit, ratio};

use crate::kinds::shared::masked_lm::means::{Mean, Means, Values};
use crate::run::SequencesSeen;

/// What the sequences said, with intervals.
pub struct Found {
    /// The table.
    pub rows: Vec<Row>,
    /// Of the loss.
    pub loss: Mean,
    /// Of its mean.
    pub loss_interval: Option<Interval>,
    /// Pieces of the model.
    pub vocabulary: usize,
    /// The layer where attention to `[SEP]` matters least beside that to other pieces: their ratio, and its interval.
    pub least_sep: Option<(usize, f64, Option<Interval>)>,
    /// Units that intervals resample.
    pub units: usize,
}

impl Found {
    /// Whether the head has; otherwise nothing is to be concluded.
    pub fn has_learned(&self) -> bool {
        let interval = facts::ends(self.loss_interval);
        self.loss.value().is_none_or(|loss| has_learned(loss, interval, self.vocabulary as u64))
    }
}

/// A mean over sequences that is resampled: by unit, the sum over its sequences and their number.
fn sums(values: impl Iterator<Item = Option<f64>>, units: &[u32], count: usize) -> UnitSums {
    by_unit(values.map(|value| value.map_or((0.0, 0.0), |value| (value, 1.0))), units, count)
}

/// The row of a layer or head, and what it resamples.
struct Cell {
    layer: usize,
    head: Option<AttentionHead>,
    measure: ImportanceMeasure,
    mean: Mean,
    sums: UnitSums,
}

/// `units` has the unit of each sequence, `said` its loss and values.
pub fn found(
    seen: &SequencesSeen,
    means: &Means,
    said: &[(f64, Values)],
    units: &[u32],
    vocabulary: usize,
    bootstrap: &Bootstrap,
) -> Found {
    let count = units.iter().max().map_or(0, |&last| last as usize + 1);
    let cells = cells(means, said, units, count);
    let losses = sums(said.iter().map(|(loss, _)| Some(*loss)), units, count);
    let mut intervals = bootstrap.ratios(std::iter::once(&losses).chain(cells.iter().map(|cell| &cell.sums)));
    let of_cells = intervals.split_off(1);
    let loss: Mean = said.iter().map(|(loss, _)| *loss).collect();
    let loss_interval = intervals.pop().flatten();
    let row = |(cell, interval): (&Cell, Option<Interval>)| {
        cell.mean.value().map(|value| Row {
            corpus: seen.name.clone(),
            layer_index: cell.layer as u32,
            head_index: cell.head.map(|head| head.index as u32),
            measure: cell.measure,
            value,
            standard_error: cell.mean.standard_error(),
            sequences: cell.mean.count(),
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
        })
    };
    let rows = cells.iter().zip(of_cells).filter_map(row).collect();
    let least_sep = least_sep(means, &cells, count, bootstrap);
    Found { rows, loss, loss_interval, vocabulary, least_sep, units: count }
}

fn cells(means: &Means, said: &[(f64, Values)], units: &[u32], count: usize) -> Vec<Cell> {
    let grid = means.grid();
    let mut cells = Vec::new();
    for measure in ImportanceMeasure::ALL {
        for layer in 0..grid.layers {
            let heads = layer * grid.heads..(layer + 1) * grid.heads;
            let of = |(_, values): &(f64, Values)| {
                let sum: Option<f64> = values[heads.clone()].iter().map(|head| head[measure as usize]).sum();
                Some(sum? / grid.heads as f64)
            };
            let (mean, sums) = (*means.layer(layer, measure), sums(said.iter().map(of), units, count));
            cells.push(Cell { layer, head: None, measure, mean, sums });
        }
        for (number, head) in grid.iter().enumerate() {
            let of = |(_, values): &(f64, Values)| values[number][measure as usize];
            let (mean, sums) = (*means.head(number, measure), sums(said.iter().map(of), units, count));
            cells.push(Cell { layer: head.layer, head: Some(head), measure, mean, sums });
        }
    }
    cells
}

fn least_sep(
    means: &Means,
    cells: &[Cell],
    units: usize,
    bootstrap: &Bootstrap,
) -> Option<(usize, f64, Option<Interval>)> {
    let of_others = |layer| {
        let of = |measure| means.layer(layer, measure).value();
        Some(of(ImportanceMeasure::GradientSep)? / of(ImportanceMeasure::GradientRest)?)
    };
    let ratios = (0..means.grid().layers).filter_map(|layer| Some((layer, of_others(layer)?)));
    let (layer, least) = ratios.min_by(|a, b| a.1.total_cmp(&b.1))?;
    let of_layer =
        |measure| cells.iter().find(move |cell| cell.layer == layer && cell.head.is_none() && cell.measure == measure);
    let (sep, rest) = of_layer(ImportanceMeasure::GradientSep).zip(of_layer(ImportanceMeasure::GradientRest))?;
    let interval = bootstrap.statistic(units, |times| ratio(&sep.sums, times) / ratio(&rest.sums, times));
    Some((layer, least, interval))
}
