//! What the page's scripts draw from, as JSON, beside the plots of single sections.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::assess::{is_aggregate, is_between_words};
use crate::head_counts::HeadCounts;
use crate::kinds::probe::{is_share, of_attention};
use crate::run::{RunDirectory, RunError};
use crate::sheet::isolated;
use crate::tables::{BestHead, Cluster, Direction, ProbeScore};

/// Everything but the explorer's sentences.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageData {
    model: Model,
    /// What the page shows first: the relation with the largest gain over its baseline.
    start: Choice,
    /// By relation.
    best: BTreeMap<String, Best>,
    pub scores: HeadCounts,
    pub clusters: Vec<Head>,
    pub probes: Vec<ProbeMeasure>,
    #[serde(skip)]
    pub best_heads: Vec<BestHead>,
    #[serde(skip)]
    pub probe_rows: Vec<ProbeScore>,
}

#[derive(Debug, Serialize)]
struct Model {
    name: String,
    layers: u32,
    heads: u32,
}

#[derive(Debug, Serialize)]
struct Choice {
    relation: String,
    direction: Direction,
    layer: u32,
    head: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Best {
    /// The head that was chosen; with two folds that of each.
    heads: Vec<ChosenHead>,
    baseline_accuracy: f64,
    baseline: String,
}

#[derive(Debug, Serialize)]
struct ChosenHead {
    layer: u32,
    head: u32,
    direction: Direction,
}

/// A head on the map.
#[derive(Debug, Serialize)]
pub(super) struct Head {
    layer: u32,
    head: u32,
    x: f64,
    y: f64,
    /// Its behaviour, else its role, else nothing.
    label: String,
}

/// One measure of all probes.
#[derive(Debug, Serialize)]
pub(super) struct ProbeMeasure {
    title: String,
    share: bool,
    scores: Vec<ProbeValue>,
}

#[derive(Debug, Serialize)]
struct ProbeValue {
    name: String,
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
}

impl PageData {
    /// Reads the tables of a run; what the run did not compute is empty.
    pub(super) fn read(run: &RunDirectory) -> Result<Self, RunError> {
        let report = run.report();
        let best_heads: Vec<BestHead> = run.table_or_empty()?;
        let probe_rows: Vec<ProbeScore> = run.table_or_empty()?;
        let scores = HeadCounts::read(run)?;
        Ok(Self {
            model: Model { name: report.model.display_name(), layers: report.model.layers, heads: report.model.heads },
            start: start(&best_heads, &scores),
            best: best_heads.iter().map(|row| (row.relation.clone(), best(row))).collect(),
            scores,
            clusters: clusters(&run.table_or_empty()?),
            probes: probes(&probe_rows),
            best_heads,
            probe_rows,
        })
    }
}

fn best(row: &BestHead) -> Best {
    let mut heads: Vec<ChosenHead> = Vec::new();
    for chosen in row.chosen() {
        let (layer, head) = (chosen.layer.saturating_sub(1), chosen.head.saturating_sub(1));
        if !heads.iter().any(|known| (known.layer, known.head, known.direction) == (layer, head, chosen.direction)) {
            heads.push(ChosenHead { layer, head, direction: chosen.direction });
        }
    }
    Best { heads, baseline_accuracy: row.baseline_accuracy, baseline: row.baseline_name() }
}

fn start(rows: &[BestHead], scores: &HeadCounts) -> Choice {
    let gain = |row: &&BestHead| row.accuracy - row.baseline_accuracy;
    let relations = rows.iter().filter(|row| {
        !is_aggregate(&row.relation) && is_between_words(&row.relation) && scores.relations.contains(&row.relation)
    });
    // A relation of a handful of words may gain most by chance.
    let most = relations.clone().map(|row| row.total).max().unwrap_or(0);
    let row = relations.filter(|row| row.total * 20 >= most).max_by(|a, b| gain(a).total_cmp(&gain(b)));
    match row.and_then(|row| Some((row, row.chosen().into_iter().next()?))) {
        Some((row, chosen)) => Choice {
            relation: row.relation.clone(),
            direction: chosen.direction,
            layer: chosen.layer.saturating_sub(1),
            head: chosen.head.saturating_sub(1),
        },
        None => Choice {
            relation: scores.relations.first().cloned().unwrap_or_default(),
            direction: Direction::DependentToGovernor,
            layer: 0,
            head: 0,
        },
    }
}

fn clusters(rows: &[Cluster]) -> Vec<Head> {
    let label = |row: &Cluster| row.behaviour.clone().or_else(|| row.role.clone()).unwrap_or_default();
    let head =
        |row: &Cluster| Head { layer: row.layer_index, head: row.head_index, x: row.x, y: row.y, label: label(row) };
    rows.iter().map(head).collect()
}

/// Measures of whole probes, shares first; with several seeds the mean, and as interval the range of the seeds.
fn probes(rows: &[ProbeScore]) -> Vec<ProbeMeasure> {
    let whole: Vec<&ProbeScore> =
        of_attention(rows).filter(|row| row.group.is_none() && row.value.is_finite()).collect();
    let order = ["uas", "uuas", "root_accuracy", "uas_with_punct"];
    let place = |measure: &str| order.iter().position(|name| *name == measure).unwrap_or(order.len());
    let names: BTreeSet<&str> = whole.iter().map(|row| row.measure.as_str()).collect();
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by_key(|name| (place(name), !is_share(name), *name));
    let measure = |name: &str| {
        let mut probes: BTreeMap<String, Vec<&ProbeScore>> = BTreeMap::new();
        for row in whole.iter().filter(|row| row.measure == name) {
            let decoding = row.decoding.as_deref().map(|decoding| format!(", {decoding}")).unwrap_or_default();
            let split = if row.split == "evaluate" { String::new() } else { format!(" on {}", row.split) };
            probes.entry(format!("{}{decoding}{split}", isolated(&row.probe))).or_default().push(row);
        }
        let mut scores: Vec<ProbeValue> = probes.into_iter().map(probe_value).collect();
        scores.sort_by(|a, b| b.value.total_cmp(&a.value));
        let title = match name {
            "uas" => "UAS without punctuation".to_owned(),
            "uas_with_punct" => "UAS with punctuation".to_owned(),
            "uuas" => "UUAS".to_owned(),
            name => name.replace('_', " "),
        };
        ProbeMeasure { title, share: is_share(name), scores }
    };
    names.into_iter().map(measure).collect()
}

fn probe_value((name, rows): (String, Vec<&ProbeScore>)) -> ProbeValue {
    let values = || rows.iter().map(|row| row.value);
    let (low, high) = match rows.as_slice() {
        [row] => (row.ci_low, row.ci_high),
        _ => (values().reduce(f64::min), values().reduce(f64::max)),
    };
    ProbeValue { name, value: values().sum::<f64>() / rows.len() as f64, low, high }
}
