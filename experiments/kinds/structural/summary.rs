//! Scores of structural probes as rows of `probe_scores` and as findings.

use std::collections::BTreeMap;

use anyhow::Result;
use headlight_probe::structural::Structure;
use headlight_report::format::percent;
use headlight_report::stats::{Bootstrap, Counts};
use headlight_report::tables::ProbeScore;
use headlight_treebank::Count;

use super::sweep::Trained;
use crate::config::Split;

/// The group of rows about one layer.
const LAYER: &str = "layer";

/// For each structure, rank and seed the probe of the layer with the lowest loss on the training sentences held out, as
/// its number among `trained`.
pub fn chosen(trained: &[Trained<'_>]) -> Vec<usize> {
    let mut best: BTreeMap<(Structure, usize, u64), usize> = BTreeMap::new();
    for (number, probe) in trained.iter().enumerate() {
        let lowest = best.entry((probe.point.structure, probe.point.rank, probe.point.seed)).or_insert(number);
        if probe.held_out_loss < trained[*lowest].held_out_loss {
            *lowest = number;
        }
    }
    best.into_values().collect()
}

/// Two rows for each probe: a share (UUAS, or root accuracy) and a rank correlation; and for the chosen ones the same
/// once more, without a layer.
///
/// # Errors
/// None that a caller could cause.
pub fn rows(treebank: &str, trained: &[Trained<'_>], bootstrap: &Bootstrap) -> Result<Vec<ProbeScore>> {
    let counts: Vec<Vec<Counts>> = trained
        .iter()
        .map(|trained| {
            let counts = trained.scores.counts.iter();
            counts.map(|count| Counts { correct: count.correct as u32, total: count.total as u32 }).collect()
        })
        .collect();
    let intervals = bootstrap.intervals(&counts.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    let several_ranks = trained.iter().any(|probe| probe.point.rank != trained[0].point.rank);
    let rows_of = |number: usize| {
        let (probe, interval) = (&trained[number], intervals[number]);
        let (share, correlation) = match probe.point.structure {
            Structure::Distance => ("uuas", "distance_spearman"),
            Structure::Depth => ("root_accuracy", "norm_spearman"),
        };
        let (correct, total) = Counts::sum(&counts[number]);
        let row = ProbeScore {
            probe: name(probe, several_ranks),
            decoding: None,
            treebank: treebank.to_owned(),
            split: Split::Evaluate.name().to_owned(),
            seed: Some(probe.point.seed as i64),
            measure: share.to_owned(),
            group: Some(LAYER.to_owned()),
            group_value: Some(probe.point.layer.to_string()),
            correct: Some(correct),
            total: Some(total),
            value: correct as f64 / total as f64,
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
        };
        let of_ranks = probe.scores.spearman.mean().map(|value| ProbeScore {
            measure: correlation.to_owned(),
            correct: None,
            total: None,
            value,
            ci_low: None,
            ci_high: None,
            ..row.clone()
        });
        (total > 0).then_some(row).into_iter().chain(of_ranks)
    };
    let of_layers = (0..trained.len()).flat_map(rows_of);
    let of_chosen = chosen(trained).into_iter().flat_map(rows_of);
    let without_layer = of_chosen.map(|row| ProbeScore { group: None, group_value: None, ..row });
    Ok(of_layers.chain(without_layer).collect())
}

fn name(probe: &Trained<'_>, several_ranks: bool) -> String {
    let name = match probe.point.structure {
        Structure::Distance => "structural_distance",
        Structure::Depth => "structural_depth",
    };
    if several_ranks { format!("{name}_rank{}", probe.point.rank) } else { name.to_owned() }
}

/// A sentence for each chosen probe.
pub fn findings(trained: &[Trained<'_>]) -> Vec<String> {
    let sentence = |number: usize| {
        let probe = &trained[number];
        let (what, found) = match probe.point.structure {
            Structure::Distance => ("distances", "arcs (UUAS)"),
            Structure::Depth => ("depths", "roots"),
        };
        let count = probe.scores.counts.iter().fold(Count::default(), |sum, count| sum + *count);
        format!(
            "The structural probe of {what} (rank {}, seed {}) on layer {}, chosen on training sentences held out, finds \
             {} % of the {found}.",
            probe.point.rank,
            probe.point.seed,
            probe.point.layer,
            percent(count.ratio().unwrap_or(0.0))
        )
    };
    chosen(trained).into_iter().map(sentence).collect()
}
