//! `kind = "clusters"`: how far apart heads are by Jensen–Shannon, where that puts them in the plane, which of them are
//! alike and what they do (METHOD §3, §6; paper §6).

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use headlight_attention::{AttentionHead, HeadGrid};
use headlight_heads::{
    Denominator, Direction, Embedding, HeadDistances, HeadOffsets, HeadScores, LayerDistances, MdsOptions, Merger,
    Role, RoleScores, SurfaceMeans, behaviour, best_embedding, clusters, hierarchy, layer_distances, map_distances,
    mds_start, predict_pieces, role, surface,
};
use headlight_report::format::count;
use headlight_report::sheet::Sheet;
use headlight_report::tables::{self, Table, TableWriter, write_table};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Kind;
use super::shared::predictions::{Predictions, Rows};
use crate::cli::progress::{Progress, Unit};
use crate::config::{Settings, Split, choice};
use crate::run::{Ask, Interrupted, Outcome, Record, Run, SequencesSeen, Stream, interrupted};

choice! {
    /// Which distances the plane shows.
    Distance { Metric = "metric", Divergence = "divergence" }
}

/// The keys of `kind = "clusters"`; see `[clusters]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clusters {
    distance: Distance,
    starts: usize,
    iterations: usize,
    clusters: usize,
}

impl Kind for Clusters {
    fn check(&self, config: &Settings) -> Result<()> {
        ensure!(self.starts > 0, "`starts` is 0; the embedding needs at least one random start");
        ensure!(self.iterations > 0, "`iterations` is 0; the embedding needs at least one");
        ensure!(self.clusters > 0, "`clusters` is 0; there is at least one cluster");
        config.check_sequences("kind = \"clusters\"")
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        let mut asks = vec![Ask::now(record(run)?)];
        for split in [Split::Evaluate, Split::Select] {
            asks.extend(predictions(run, split)?.map(|(_, predictions)| Ask::now(predictions)));
        }
        Ok(asks)
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let grid = run.checkpoint()?.grid;
        ensure!(
            self.clusters <= grid.len(),
            "`clusters` is {}, but the model has {} heads to put into them: --set clusters.clusters={}",
            self.clusters,
            grid.len(),
            grid.len().div_ceil(2)
        );
        let record = record(run)?;
        let (distances, means, offsets) = run.read(&record)?.sum;
        let stream = run.sequences()?;
        let seen = run.sequences_seen(stream)?;
        let reported = scores(run, Split::Evaluate, grid)?;
        let chosen = scores(run, Split::Select, grid)?;
        let clock = Instant::now();
        let map = self.map(run, &distances)?;
        let rules = run.config().roles.rules();
        let role_scores =
            reported.as_ref().map(|reported| RoleScores { chosen: chosen.as_ref().unwrap_or(reported), reported });
        let roles: Vec<Option<Role>> = grid.iter().map(|head| role(&offsets, role_scores, head, &rules)).collect();
        write_distances(run, &distances)?;
        let rows = rows(run.config(), &means, &map, &roles);
        write_table(run.folder(), &rows)?;
        run.note_stage("cluster heads", clock);
        Ok(Outcome {
            tables: vec![tables::HeadDistance::NAME.to_owned(), tables::Cluster::NAME.to_owned()],
            facts: facts(&map, &roles, grid, &seen),
            findings: findings(&map, &roles, &distances, &seen, chosen.is_some()),
            warnings: warnings(&map, reported.as_ref(), chosen.as_ref()),
            sheets: vec![layers(&map, &seen), headlight_report::clusters_sheet(&rows)],
            ..Outcome::default()
        })
    }
}

/// What distances say.
struct HeadMap {
    embedding: Embedding,
    hierarchy: Vec<Merger>,
    cluster_of: Vec<usize>,
    layers: LayerDistances,
}

/// How often heads find the arcs of a split, for syntactic roles: who attends has the other end of the arc on top of its row,
/// in both directions. `None` where there are no trees.
fn scores(run: &mut Run, split: Split, grid: HeadGrid) -> Result<Option<HeadScores>> {
    let Some((stream, predictions)) = predictions(run, split)? else { return Ok(None) };
    let predictions = predictions.read(run)?;
    run.books(stream)?;
    let mut scores = HeadScores::new(grid, run.config().treebank.granularity());
    for (number, sentence) in run.sentences_of(stream)?.enumerate() {
        let sentence = sentence?;
        ensure!(number < predictions.len(), "the treebank changed while it was read");
        if let (Some(predictions), false) = (predictions.sentence(number), sentence.is_unparsed()) {
            scores.observe(&sentence, &predictions.by_rows(&sentence))?;
        }
    }
    Ok((scores.sentences() > 0).then_some(scores))
}

/// The predictions of a split's words, where the config names files for it.
fn predictions(run: &mut Run, split: Split) -> Result<Option<(Stream, Predictions)>> {
    if run.config().treebank.files(split).is_empty() {
        return Ok(None);
    }
    let stream = run.words(split)?;
    Ok(Some((stream, Predictions::new(run, stream, Rows::Raw))))
}

/// What is kept of the sequences: distances between heads, what they look at, and at which offsets.
fn record(run: &mut Run) -> Result<Record<(HeadDistances, SurfaceMeans, HeadOffsets)>> {
    let grid = run.checkpoint()?.grid;
    run.record_of_sequences(
        "distances between heads",
        (HeadDistances::new(grid), SurfaceMeans::new(grid), HeadOffsets::new(grid)),
        |maps, landmarks| {
            let values = surface(maps, landmarks, Denominator::Eligible);
            (map_distances(maps), values, predict_pieces(maps, &landmarks.frame, &landmarks.sep))
        },
        |(distances, means, offsets), (between, values, predictions)| {
            distances.add(&between);
            means.add(&values);
            offsets.observe(&predictions);
        },
    )
}

impl Clusters {
    /// Each start of the embedding is kept when it is done, so that an interrupted run goes on with the next one.
    fn map(&self, run: &Run, distances: &HeadDistances) -> Result<HeadMap> {
        let grid = distances.grid();
        let means = distances.mean_matrix();
        let shown: Vec<f64> = match self.distance {
            Distance::Metric => means.iter().map(|mean| mean.sqrt()).collect(),
            Distance::Divergence => means.clone(),
        };
        let options = MdsOptions {
            starts: self.starts,
            iterations: self.iterations,
            seed: run.config().seed,
            ..MdsOptions::default()
        };
        let steps = run.steps()?.of("embedding");
        let progress = Progress::start("embed heads", Unit::Items("starts"), Some(self.starts as u64));
        let go_on = || interrupted().is_ok();
        let start = |start: usize| {
            let embedding = steps.once(&format!("start {start}"), || {
                mds_start(grid.len(), &shown, &options, start, &go_on).ok_or_else(|| Interrupted.into())
            });
            progress.add(1);
            embedding
        };
        let starts: Vec<Embedding> = (0..self.starts).into_par_iter().map(start).collect::<Result<_>>()?;
        progress.finish();
        let hierarchy = hierarchy(grid.len(), &shown);
        Ok(HeadMap {
            embedding: best_embedding(starts).context("the embedding has at least one start")?,
            cluster_of: clusters(&hierarchy, self.clusters),
            hierarchy,
            layers: layer_distances(grid, &means),
        })
    }
}

fn write_distances(run: &Run, distances: &HeadDistances) -> Result<()> {
    let mut writer = TableWriter::<tables::HeadDistance>::create(run.folder())?;
    let grid = distances.grid();
    for (number, a) in grid.iter().enumerate() {
        for b in grid.iter().skip(number + 1) {
            writer.push(&tables::HeadDistance {
                layer_a_index: a.layer as u32,
                head_a_index: a.index as u32,
                layer_b_index: b.layer as u32,
                head_b_index: b.index as u32,
                js_sum: distances.sum(a, b),
                js_mean_per_row: distances.mean(a, b),
                rows: distances.rows(),
            })?;
        }
    }
    Ok(writer.finish()?)
}

fn rows(config: &Settings, means: &SurfaceMeans, map: &HeadMap, roles: &[Option<Role>]) -> Vec<tables::Cluster> {
    let thresholds = config.roles.thresholds();
    let row = |(number, head): (usize, AttentionHead)| tables::Cluster {
        layer_index: head.layer as u32,
        head_index: head.index as u32,
        x: map.embedding.points[number][0],
        y: map.embedding.points[number][1],
        behaviour: behaviour(means, head, &thresholds).map(|behaviour| behaviour.name().to_owned()),
        role: roles[number].as_ref().map(|role| role.name().to_owned()),
        cluster: Some(map.cluster_of[number] as u32),
    };
    means.grid().iter().enumerate().map(row).collect()
}

/// The mean distances within and between layers as a table for people.
fn layers(map: &HeadMap, seen: &SequencesSeen) -> Sheet {
    let title = format!("Divergence of heads in nats per row, {}", seen.what);
    let mut sheet = Sheet::new(title, &[">layer", ">within", ">to other layers"]);
    let cell = |distance: Option<f64>| distance.map_or_else(|| "–".to_owned(), |distance| format!("{distance:.3}"));
    let rows = map.layers.within.iter().zip(&map.layers.between).enumerate();
    let row = |(layer, (within, between)): (usize, (&Option<f64>, &Option<f64>))| {
        vec![(layer + 1).to_string().into(), cell(*within).into(), cell(*between).into()]
    };
    sheet.groups.push(rows.map(row).collect());
    sheet.notes.push(seen.note());
    sheet.notes.push(format!(
        "Heads in the plane: Kruskal's stress {:.3} (below 0.1 fair, above 0.2 poor); table clusters.",
        map.embedding.stress_1
    ));
    sheet
}

/// What a role is about, in words.
fn described(role: &Role) -> String {
    match role {
        Role::Positional { offset } => format!("positional {}", headlight_report::format::offset(*offset)),
        Role::Syntactic { relation, direction: Direction::DependentToGovernor } => format!("{relation} dep→gov"),
        Role::Syntactic { relation, direction: Direction::GovernorToDependent } => format!("{relation} gov→dep"),
    }
}

fn facts(map: &HeadMap, roles: &[Option<Role>], grid: HeadGrid, seen: &SequencesSeen) -> BTreeMap<String, Value> {
    let merger =
        |merger: &Merger| json!({ "clusters": merger.clusters, "distance": merger.distance, "size": merger.size });
    let roles =
        grid.iter().zip(roles).filter_map(|(head, role)| Some((head.to_string(), json!(described(role.as_ref()?)))));
    let mut facts = seen.facts();
    facts.extend([
        ("stress".to_owned(), json!(map.embedding.stress)),
        ("stress_1".to_owned(), json!(map.embedding.stress_1)),
        ("layers_within".to_owned(), json!(map.layers.within)),
        ("layers_between".to_owned(), json!(map.layers.between)),
        ("hierarchy".to_owned(), map.hierarchy.iter().map(merger).collect()),
        ("roles".to_owned(), Value::Object(roles.collect())),
    ]);
    facts
}

fn findings(
    map: &HeadMap,
    roles: &[Option<Role>],
    distances: &HeadDistances,
    seen: &SequencesSeen,
    chosen_apart: bool,
) -> Vec<String> {
    let grid = distances.grid();
    let mut findings = Vec::new();
    let closer = map.layers.within.iter().zip(&map.layers.between).filter(|pair| match pair {
        (Some(within), Some(between)) => within < between,
        _ => false,
    });
    if grid.layers > 1 && grid.heads > 1 {
        findings.push(format!(
            "In {} of {} layers, heads are closer to each other than to heads of other layers ({}).",
            closer.count(),
            grid.layers,
            seen.what
        ));
    }
    let pairs = grid.iter().flat_map(|a| grid.iter().filter(move |b| a < *b).map(move |b| (a, b)));
    let nearest = pairs.min_by(|(a, b), (c, d)| distances.mean(*a, *b).total_cmp(&distances.mean(*c, *d)));
    if let Some((a, b)) = nearest {
        findings.push(format!(
            "Of {} pairs of heads {a} and {b} are the most alike: {:.3} nats per row ({}).",
            count((grid.len() * (grid.len() - 1) / 2) as u64),
            distances.mean(a, b),
            seen.what
        ));
    }
    let named = |wanted: fn(&Role) -> bool| {
        let heads =
            grid.iter().zip(roles).filter_map(|(head, role)| Some((head, role.as_ref().filter(|it| wanted(it))?)));
        heads.map(|(head, role)| format!("{head} ({})", described(role))).collect::<Vec<_>>()
    };
    let positional = named(|role| matches!(role, Role::Positional { .. }));
    let syntactic = named(|role| matches!(role, Role::Syntactic { .. }));
    for (what, heads) in [("positional", positional), ("syntactic", syntactic)] {
        if !heads.is_empty() {
            let which = heads.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
            let more = if heads.len() > 6 { ", …" } else { "" };
            let rests_on = match (what, chosen_apart) {
                ("syntactic", true) => ", relations chosen on `select`, the rule applied on `evaluate`",
                ("syntactic", false) => ", relations chosen and the rule applied on the same sentences",
                _ => "",
            };
            let number = count(heads.len() as u64);
            let of = count(grid.len() as u64);
            findings.push(format!("{number} of {of} heads are {what} by Voita's rules{rests_on}: {which}{more}."));
        }
    }
    findings
}

fn warnings(map: &HeadMap, reported: Option<&HeadScores>, chosen: Option<&HeadScores>) -> Vec<String> {
    let mut warnings = Vec::new();
    if map.embedding.stress_1 > 0.2 {
        warnings.push(format!(
            "The plane shows the distances of heads poorly (stress {:.2}): trust the table head_distances, not the picture.",
            map.embedding.stress_1
        ));
    }
    match (reported, chosen) {
        (None, _) => {
            warnings.push("No head is called syntactic: `treebank.evaluate` has no trees to tell.".to_owned());
        }
        (Some(_), None) => warnings.push(
            "Syntactic heads are told on the sentences that their relations were chosen on (`treebank.select` is empty or has \
             no trees): more of them are so by chance."
                .to_owned(),
        ),
        (Some(_), Some(_)) => {}
    }
    warnings
}
