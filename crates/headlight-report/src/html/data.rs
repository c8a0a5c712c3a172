//! What the page's scripts draw from, as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::assess::is_aggregate;
use crate::best_heads::baseline_name;
use crate::markdown::is_share;
use crate::run::{Report, RunDirectory, RunError};
use crate::tables::{BestHead, Cluster, Direction, HeadScore, ProbeScore, Surface};

/// Everything but the explorer's sentences.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageData {
    model: Model,
    /// What the page shows first: the relation with the largest gain over its baseline.
    start: Choice,
    /// By relation.
    best: BTreeMap<String, Best>,
    pub scores: Scores,
    pub surface: Vec<SurfaceGroup>,
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
    layer: u32,
    head: u32,
    direction: Direction,
    baseline_accuracy: f64,
    baseline: String,
}

/// Counts of all heads on the reported split.
#[derive(Debug, Default, Serialize)]
pub(super) struct Scores {
    /// Aggregates first, then relations from frequent to rare.
    pub relations: Vec<String>,
    totals: Vec<u64>,
    /// By direction, then by relation, then by head, layer by layer.
    correct: BTreeMap<&'static str, Vec<Vec<u64>>>,
}

/// Surface measures that share a figure.
#[derive(Debug, Serialize)]
pub(super) struct SurfaceGroup {
    pub id: &'static str,
    #[serde(skip)]
    pub title: &'static str,
    measures: Vec<SurfaceMeasure>,
}

#[derive(Debug, Serialize)]
struct SurfaceMeasure {
    title: String,
    /// Layer, head, value.
    heads: Vec<(u32, u32, f64)>,
    /// Layer, value of the layer or mean over its heads.
    layers: Vec<(u32, f64)>,
    /// Layer, value under uniform attention.
    uniform: Vec<(u32, f64)>,
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
        let scores = scores(&run.table_or_empty()?, report);
        Ok(Self {
            model: Model { name: report.model.name.clone(), layers: report.model.layers, heads: report.model.heads },
            start: start(&best_heads, &scores),
            best: best_heads.iter().map(|row| (row.relation.clone(), best(row))).collect(),
            scores,
            surface: surface(&run.table_or_empty()?),
            clusters: clusters(&run.table_or_empty()?),
            probes: probes(&probe_rows),
            best_heads,
            probe_rows,
        })
    }
}

fn best(row: &BestHead) -> Best {
    Best {
        layer: row.layer.saturating_sub(1),
        head: row.head.saturating_sub(1),
        direction: row.direction,
        baseline_accuracy: row.baseline_accuracy,
        baseline: baseline_name(row),
    }
}

fn start(rows: &[BestHead], scores: &Scores) -> Choice {
    let gain = |row: &&BestHead| row.accuracy - row.baseline_accuracy;
    let relations = rows.iter().filter(|row| !is_aggregate(&row.relation) && scores.relations.contains(&row.relation));
    // A relation of a handful of words may gain most by chance.
    let most = relations.clone().map(|row| row.total).max().unwrap_or(0);
    let row = relations.filter(|row| row.total * 20 >= most).max_by(|a, b| gain(a).total_cmp(&gain(b)));
    match row {
        Some(row) => Choice {
            relation: row.relation.clone(),
            direction: row.direction,
            layer: row.layer.saturating_sub(1),
            head: row.head.saturating_sub(1),
        },
        None => Choice {
            relation: scores.relations.first().cloned().unwrap_or_default(),
            direction: Direction::DependentToGovernor,
            layer: 0,
            head: 0,
        },
    }
}

/// The counts of the split that is reported: of all splits but those that only served to choose.
fn scores(rows: &[HeadScore], report: &Report) -> Scores {
    let (layers, heads) = (report.model.layers, report.model.heads);
    let chosen_on = |row: &&HeadScore| row.split == "select" || row.split == "train";
    let only_chosen = rows.iter().all(|row| chosen_on(&row));
    let mut totals: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    let mut correct: BTreeMap<(&str, Direction), Vec<u64>> = BTreeMap::new();
    let in_grid = |row: &&HeadScore| row.layer_index < layers && row.head_index < heads;
    for row in rows.iter().filter(|row| only_chosen || !chosen_on(row)).filter(in_grid) {
        totals.entry(&row.relation).or_default().insert(&row.split, row.total);
        let counts =
            correct.entry((&row.relation, row.direction)).or_insert_with(|| vec![0; (layers * heads) as usize]);
        counts[(row.layer_index * heads + row.head_index) as usize] += row.correct;
    }
    let totals = totals.into_iter().map(|(relation, splits)| (relation, splits.values().sum()));
    let mut relations: Vec<(&str, u64)> = totals.filter(|&(_, total)| total > 0).collect();
    relations.sort_by_key(|&(relation, total)| (!is_aggregate(relation), std::cmp::Reverse(total)));
    let by_direction = |direction| {
        let counts = |(relation, _): &(&str, u64)| {
            correct.get(&(*relation, direction)).cloned().unwrap_or_else(|| vec![0; (layers * heads) as usize])
        };
        (Direction::name(direction), relations.iter().map(counts).collect())
    };
    Scores {
        correct: [Direction::DependentToGovernor, Direction::GovernorToDependent].map(by_direction).into(),
        totals: relations.iter().map(|&(_, total)| total).collect(),
        relations: relations.into_iter().map(|(relation, _)| relation.to_owned()).collect(),
    }
}

/// Names for people of the surface measures, in the order in which they are shown.
const MEASURES: [(&str, &str); 10] = [
    ("prev", "to the previous piece"),
    ("next", "to the next piece"),
    ("self", "to itself"),
    ("cls", "to [CLS]"),
    ("sep", "to [SEP]"),
    ("punct", "to . and ,"),
    ("sep_sep", "[SEP] to [SEP]"),
    ("rest_sep", "other pieces to [SEP]"),
    ("entropy", "entropy of all rows"),
    ("entropy_cls", "entropy of the [CLS] row"),
];

/// The name for people of a surface measure.
pub(crate) fn measure_title(measure: &str) -> String {
    let known = MEASURES.iter().find(|(name, _)| *name == measure);
    known.map_or_else(|| measure.replace('_', " "), |(_, title)| (*title).to_owned())
}

fn surface(rows: &[Surface]) -> Vec<SurfaceGroup> {
    let order = |measure: &str| MEASURES.iter().position(|(name, _)| *name == measure).unwrap_or(MEASURES.len());
    let mut names: Vec<&str> = rows.iter().map(|row| row.measure.as_str()).collect();
    names.sort_by_key(|name| (order(name), *name));
    names.dedup();
    let uniform = layer_means(rows, "entropy_uniform");
    let mut groups = [
        SurfaceGroup {
            id: "surface-shares",
            title: "Where attention goes: share of a head's attention",
            measures: vec![],
        },
        SurfaceGroup { id: "surface-entropy", title: "How broad attention is: entropy in nats", measures: vec![] },
        SurfaceGroup {
            id: "surface-gradients",
            title: "What attention matters: mean gradient of the loss",
            measures: vec![],
        },
    ];
    for name in names.into_iter().filter(|name| *name != "entropy_uniform") {
        let group = if name.starts_with("entropy") { 1 } else { usize::from(name.starts_with("gradient")) * 2 };
        let of_heads = rows.iter().filter(|row| row.measure == name);
        let heads: Vec<_> = of_heads.filter_map(|row| Some((row.layer_index, row.head_index?, row.value))).collect();
        groups[group].measures.push(SurfaceMeasure {
            title: measure_title(name),
            heads,
            layers: layer_means(rows, name),
            uniform: if name == "entropy" { uniform.clone() } else { Vec::new() },
        });
    }
    groups.into_iter().filter(|group| !group.measures.is_empty()).collect()
}

/// For each layer the mean over the rows of a measure.
pub(crate) fn layer_means(rows: &[Surface], measure: &str) -> Vec<(u32, f64)> {
    let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.measure == measure) {
        let (sum, n) = sums.entry(row.layer_index).or_default();
        *sum += row.value;
        *n += 1.0;
    }
    sums.into_iter().map(|(layer, (sum, n))| (layer, sum / n)).collect()
}

fn clusters(rows: &[Cluster]) -> Vec<Head> {
    let label = |row: &Cluster| row.behaviour.clone().or_else(|| row.role.clone()).unwrap_or_default();
    let head =
        |row: &Cluster| Head { layer: row.layer_index, head: row.head_index, x: row.x, y: row.y, label: label(row) };
    rows.iter().map(head).collect()
}

/// Measures of whole probes, shares first; with several seeds the mean, and as interval the range of the seeds.
fn probes(rows: &[ProbeScore]) -> Vec<ProbeMeasure> {
    let whole: Vec<&ProbeScore> = rows.iter().filter(|row| row.group.is_none() && row.value.is_finite()).collect();
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
            probes.entry(format!("{}{decoding}{split}", row.probe.replace('_', " "))).or_default().push(row);
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
