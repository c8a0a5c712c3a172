//! What was found, as rows, findings and warnings.

use headlight_attention::AttentionHead;
use headlight_report::format::count;
use headlight_report::stats::{Bootstrap, Interval};
use headlight_report::tables::Importance as Row;

use crate::config::{Attention, Settings, Unit};
use crate::kinds::shared::masked_lm::learned::untrained;
use crate::kinds::shared::masked_lm::means::{Mean, Means, Measure, Values};
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
    /// Why nothing is to be concluded, where that is so.
    pub untrained: Option<String>,
    /// The layer where attention to `[SEP]` matters least beside that to other pieces: their ratio, and its interval.
    pub least_sep: Option<(usize, f64, Option<Interval>)>,
    /// Units that intervals resample.
    pub units: usize,
}

/// A mean over sequences that is resampled: by unit, the sum over its sequences and their number.
type Sums = Vec<(f64, f64)>;

fn sums(values: impl Iterator<Item = Option<f64>>, units: &[u32], count: usize) -> Sums {
    let mut sums = vec![(0.0, 0.0); count];
    for (value, &unit) in values.zip(units) {
        if let Some(value) = value {
            let (sum, of) = &mut sums[unit as usize];
            (*sum, *of) = (*sum + value, *of + 1.0);
        }
    }
    sums
}

fn mean(sums: &Sums, times: &[u32]) -> f64 {
    let weighted = sums.iter().zip(times).map(|(&(sum, of), &times)| (f64::from(times) * sum, f64::from(times) * of));
    let (sum, of) = weighted.fold((0.0, 0.0), |(sum, of), part| (sum + part.0, of + part.1));
    sum / of
}

/// The row of a layer or head, and what it resamples.
struct Cell {
    layer: usize,
    head: Option<AttentionHead>,
    measure: Measure,
    mean: Mean,
    sums: Sums,
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
    let mut intervals = bootstrap.statistics(count, cells.len() + 1, |times, values| {
        values.push(mean(&losses, times));
        values.extend(cells.iter().map(|cell| mean(&cell.sums, times)));
    });
    let of_cells = intervals.split_off(1);
    let loss: Mean = said.iter().map(|(loss, _)| *loss).collect();
    let loss_interval = intervals.pop().flatten();
    let untrained = loss.value().and_then(|loss| untrained(loss, loss_interval, vocabulary, &seen.what));
    let row = |(cell, interval): (&Cell, Option<Interval>)| {
        cell.mean.value().map(|value| Row {
            corpus: seen.name.clone(),
            layer_index: cell.layer as u32,
            head_index: cell.head.map(|head| head.index as u32),
            measure: cell.measure.name().to_owned(),
            value,
            standard_error: cell.mean.standard_error(),
            sequences: cell.mean.count(),
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
        })
    };
    let rows = cells.iter().zip(of_cells).filter_map(row).collect();
    let least_sep = least_sep(means, &cells, count, bootstrap);
    Found { rows, loss, loss_interval, vocabulary, untrained, least_sep, units: count }
}

fn cells(means: &Means, said: &[(f64, Values)], units: &[u32], count: usize) -> Vec<Cell> {
    let grid = means.grid();
    let mut cells = Vec::new();
    for measure in Measure::ALL {
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
    let ratio = |layer| {
        let of = |measure| means.layer(layer, measure).value();
        Some(of(Measure::Sep)? / of(Measure::Rest)?)
    };
    let ratios = (0..means.grid().layers).filter_map(|layer| Some((layer, ratio(layer)?)));
    let (layer, ratio) = ratios.min_by(|a, b| a.1.total_cmp(&b.1))?;
    let of_layer =
        |measure| cells.iter().find(move |cell| cell.layer == layer && cell.head.is_none() && cell.measure == measure);
    let (sep, rest) = of_layer(Measure::Sep).zip(of_layer(Measure::Rest))?;
    let interval = bootstrap.statistic(units, |times| mean(&sep.sums, times) / mean(&rest.sums, times));
    Some((layer, ratio, interval))
}

/// What the run rests on besides its config.
pub fn warnings(config: &Settings, found: &Found, seen: &SequencesSeen) -> Vec<String> {
    let norms = config.model.attention == Attention::Norms;
    let norms =
        norms.then(|| "Importance is that of attention weights, also where `model.attention` is \"norms\".".to_owned());
    found.untrained.clone().into_iter().chain(norms).chain(unit_warning(config, seen)).collect()
}

/// Packed text has no documents to resample.
pub fn unit_warning(config: &Settings, seen: &SequencesSeen) -> Option<String> {
    let other = config.treebank.unit == Unit::Document && seen.unit == "sequence";
    other.then(|| "Intervals of packed text resample its sequences: `treebank.unit` is about sentences.".to_owned())
}

/// Main results as sentences; none where the head has not learned.
pub fn findings(found: &Found, means: &Means, seen: &SequencesSeen) -> Vec<String> {
    if found.untrained.is_some() {
        return Vec::new();
    }
    let (mut findings, grid) = (Vec::new(), means.grid());
    let over = format!("interval over {} {}s", count(found.units as u64), seen.unit);
    let gates = found.rows.iter().filter(|row| row.measure == Measure::Gate.name() && row.head_index.is_some());
    if let Some(row) = gates.max_by(|a, b| a.value.total_cmp(&b.value)) {
        let range = row.ci_low.zip(row.ci_high);
        let range = range.map_or_else(String::new, |(low, high)| format!(" ({low:.2e} – {high:.2e}, {over})"));
        findings.push(format!(
            "Of {} heads the loss minds head {}-{} most: E|∂L/∂ξ| = {:.2e}{range}; the head is chosen on what it is \
             measured on ({}).",
            count(grid.len() as u64),
            row.layer_index + 1,
            row.head_index.unwrap_or_default() + 1,
            row.value,
            seen.what
        ));
    }
    if let Some((layer, ratio, interval)) = found.least_sep {
        let range = interval.map_or_else(String::new, |it| format!(" ({:.2} – {:.2}, {over})", it.low, it.high));
        findings.push(format!(
            "Of {} layers attention to [SEP] matters least in layer {}: the loss changes {ratio:.2} times as much with it \
             as with attention to other pieces{range}.",
            grid.layers,
            layer + 1
        ));
    }
    if let Some(value) = found.loss.value() {
        let range =
            found.loss_interval.map_or_else(String::new, |it| format!(" ({:.3} – {:.3}, {over})", it.low, it.high));
        findings.push(format!(
            "The masked-language-model loss is {value:.3} nats per hidden piece{range}; a blind guess has {:.3} ({}).",
            (found.vocabulary as f64).ln(),
            seen.what
        ));
    }
    findings
}
