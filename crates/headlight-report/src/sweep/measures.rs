//! The results of one run that a sweep lists.

use std::collections::BTreeMap;

use super::SweptRun;
use crate::assess::is_between_words;
use crate::run::RunError;
use crate::tables::{BestHead, MaskingMeasure, PairAccuracy, PairLevel, ProbeScore, Pruning, Split, SweepScore};

/// What tables call the accuracy of the chosen head.
pub(crate) const BEST_HEAD: &str = "best_head";
/// And the loss in nats per hidden piece.
pub(super) const LOSS: &str = "masked_lm_loss";

/// And the share of minimal pairs whose acceptable sentence is more likely.
pub(super) const PAIRS: &str = "pairs_accuracy";
/// Which pairs these are, where they are all.
pub(super) const ALL_PAIRS: &str = "all";

/// All that a run found of what a training is watched by: best heads, probes, losses, minimal pairs.
pub(crate) fn scores(run: &SweptRun) -> Result<Vec<SweepScore>, RunError> {
    let blank = SweepScore {
        run: run.run.report().name.clone(),
        series: run.series.clone(),
        swept: run.swept.clone(),
        step: run.step.map(|step| step as i64),
        seed: run.seed as i64,
        measure: String::new(),
        of: String::new(),
        layer: None,
        head: None,
        direction: None,
        value: f64::NAN,
        correct: None,
        total: None,
        ci_low: None,
        ci_high: None,
        baseline_accuracy: None,
    };
    let mut scores = of_heads(&run.run.table_or_empty()?, &blank);
    scores.extend(of_probes(&run.run.table_or_empty()?, &blank));
    scores.extend(of_losses(run, &run.run.table_or_empty()?, &blank));
    scores.extend(of_pairs(&run.run.table_or_empty()?, &blank));
    scores.retain(|row| row.value.is_finite());
    Ok(scores)
}

fn of_heads(rows: &[BestHead], blank: &SweepScore) -> Vec<SweepScore> {
    let rows = rows.iter().filter(|row| is_between_words(&row.relation));
    let score = |row: &BestHead| SweepScore {
        measure: BEST_HEAD.to_owned(),
        of: row.relation.clone(),
        layer: row.layer,
        head: row.head,
        direction: row.direction,
        value: row.accuracy,
        correct: Some(row.correct),
        total: Some(row.total),
        ci_low: row.ci_low,
        ci_high: row.ci_high,
        baseline_accuracy: Some(row.baseline_accuracy),
        ..blank.clone()
    };
    rows.map(score).collect()
}

/// Each number about a whole probe on the evaluated split, the mean over its seeds and draws.
fn of_probes(rows: &[ProbeScore], blank: &SweepScore) -> Vec<SweepScore> {
    let mut order = Vec::new();
    let mut trainings: BTreeMap<(String, String), Vec<&ProbeScore>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.group.is_none() && row.split == Split::Evaluate) {
        let key = (row.measure.clone(), predictor(row));
        if !trainings.contains_key(&key) {
            order.push(key.clone());
        }
        trainings.entry(key).or_default().push(row);
    }
    let score = |(measure, of): (String, String)| {
        let rows = &trainings[&(measure.clone(), of.clone())];
        let only = if let [row] = rows[..] { Some(row) } else { None };
        SweepScore {
            value: rows.iter().map(|row| row.value).sum::<f64>() / rows.len() as f64,
            correct: only.and_then(|row| row.correct),
            total: only.and_then(|row| row.total),
            ci_low: only.and_then(|row| row.ci_low),
            ci_high: only.and_then(|row| row.ci_high),
            measure,
            of,
            ..blank.clone()
        }
    };
    order.into_iter().map(score).collect()
}

/// A probe and its decoding, as the table `predictions` calls them.
fn predictor(row: &ProbeScore) -> String {
    match &row.decoding {
        Some(decoding) => format!("{} {decoding}", row.probe),
        None => row.probe.clone(),
    }
}

/// The loss of the intact model, where a kind measured it.
fn of_losses(run: &SweptRun, pruning: &[Pruning], blank: &SweepScore) -> Vec<SweepScore> {
    let loss = |of: &str, value: f64, interval: Option<(f64, f64)>| SweepScore {
        measure: LOSS.to_owned(),
        of: of.to_owned(),
        value,
        ci_low: interval.map(|interval| interval.0),
        ci_high: interval.map(|interval| interval.1),
        ..blank.clone()
    };
    let of_facts = run.run.report().experiments.iter().filter_map(|experiment| {
        let number = |fact: &serde_json::Value| fact.as_f64();
        let value = number(experiment.facts.get(LOSS)?)?;
        let ends = experiment.facts.get("masked_lm_loss_interval").and_then(|fact| fact.as_array());
        let interval = ends.and_then(|ends| number(ends.first()?).zip(number(ends.get(1)?)));
        Some(loss(&experiment.kind, value, interval))
    });
    let intact = pruning.iter().find(|row| row.step == 0 && row.measure == MaskingMeasure::MaskedLm);
    of_facts.chain(intact.map(|row| loss("pruning", row.value, None))).collect()
}

/// Minimal pairs, all together and by phenomenon.
fn of_pairs(rows: &[PairAccuracy], blank: &SweepScore) -> Vec<SweepScore> {
    let name = |row: &PairAccuracy| match row.level {
        PairLevel::Whole => Some(ALL_PAIRS.to_owned()),
        PairLevel::Phenomenon => row.group.clone(),
        PairLevel::Field | PairLevel::Paradigm => None,
    };
    let score = |row: &PairAccuracy| {
        Some(SweepScore {
            measure: PAIRS.to_owned(),
            of: name(row)?,
            value: row.correct as f64 / row.total as f64,
            correct: Some(row.correct),
            total: Some(row.total),
            ci_low: row.ci_low,
            ci_high: row.ci_high,
            baseline_accuracy: Some(0.5),
            ..blank.clone()
        })
    };
    rows.iter().filter_map(score).collect()
}
