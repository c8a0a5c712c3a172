//! `kind = "clusters"`: how far apart heads are by Jensen–Shannon, where that puts them in the plane, which of them are
//! alike and what they do (METHOD §3, §6; paper §6).

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use headlight_attention::{AttentionHead, HeadGrid};
use headlight_heads::{
    Denominator, Direction, Embedding, HeadDistances, HeadOffsets, HeadScores, LayerDistances, MdsOptions, Merger,
    Role, RoleScores, SurfaceMeans, behaviour, best_embedding, clusters, hierarchy, layer_distances, map_distances,
    mds_start, predict_pieces, role, surface,
};
use headlight_report::facts;
use headlight_report::tables::{self, Table, TableWriter, write_table};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Kind;
use super::shared::behaviour as to_table;
use super::shared::predictions::{Predictions, Rows};
use super::shared::selection::{Selection, Splits, is_elsewhere};
use crate::cli::progress::{Amount, Progress};
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
    const READS: super::Reads = super::Reads::Text;
    fn check(&self, config: &Settings) -> Result<()> {
        ensure!(self.starts > 0, "`starts` is 0; the embedding needs at least one random start");
        ensure!(self.iterations > 0, "`iterations` is 0; the embedding needs at least one");
        ensure!(self.clusters > 0, "`clusters` is 0; there is at least one cluster");
        config.check_sequences("kind = \"clusters\"")
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        let mut asks: Vec<Ask> = vec![Box::new(record(run)?)];
        let of_splits = Splits::make(selection(run), |split| predictions(run, split))?;
        asks.extend(of_splits.into_each().flatten().map(|(_, predictions)| Box::new(predictions) as Ask));
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
        let selection = selection(run);
        let splits = Splits::make(selection, |split| scores(run, split, grid))?;
        let (reported, chosen) = (splits.evaluate.as_ref(), splits.select.as_ref().and_then(Option::as_ref));
        let are_apart = chosen.is_some() && is_elsewhere(selection, run);
        let clock = Instant::now();
        let map = self.map(run, &distances)?;
        let rules = run.settings().roles.rules();
        let role_scores = reported.map(|reported| RoleScores { chosen: chosen.unwrap_or(reported), reported });
        let roles: Vec<Option<Role>> = grid.iter().map(|head| role(&offsets, role_scores, head, &rules)).collect();
        write_distances(run, &distances)?;
        write_table(run.folder(), &rows(run.settings(), &means, &map, &roles))?;
        run.note_stage("cluster heads", clock);
        Ok(Outcome {
            tables: vec![tables::HeadDistance::NAME.to_owned(), tables::Cluster::NAME.to_owned()],
            facts: facts::kept(&facts(&map, &roles, grid, &seen, are_apart)),
            warnings: warnings(reported.is_some(), are_apart),
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

/// Where relations of syntactic heads are chosen: text needs no trees, so it is no key but what there is.
fn selection(run: &Run) -> Selection {
    if run.settings().treebank.files(Split::Select).is_empty() { Selection::Same } else { Selection::Separate }
}

/// How often heads find the arcs of a split, for syntactic roles: who attends has the other end of the arc on top of its row,
/// in both directions. `None` where there are no trees.
fn scores(run: &mut Run, split: Split, grid: HeadGrid) -> Result<Option<HeadScores>> {
    let Some((stream, predictions)) = predictions(run, split)? else { return Ok(None) };
    let predictions = predictions.read(run)?;
    run.books(stream)?;
    let mut scores = HeadScores::new(grid, run.settings().treebank.granularity());
    for (number, sentence) in run.sentences_of(stream)?.enumerate() {
        let sentence = sentence?;
        ensure!(number < predictions.len(), "the treebank changed while it was read");
        if let (Some(predictions), false) = (predictions.sentence(number)?, sentence.is_unparsed()) {
            scores.observe(&sentence, &predictions.by_rows(&sentence))?;
        }
    }
    Ok((scores.sentences() > 0).then_some(scores))
}

/// The predictions of a split's words, where the config names files for it.
fn predictions(run: &mut Run, split: Split) -> Result<Option<(Stream, Predictions)>> {
    if run.settings().treebank.files(split).is_empty() {
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
            seed: run.settings().seed,
            ..MdsOptions::default()
        };
        let steps = run.steps()?.of("embedding");
        let progress = Progress::start("embed heads", Amount::Items("starts"), Some(self.starts as u64));
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
        behaviour: behaviour(means, head, &thresholds).map(to_table),
        role: roles[number].as_ref().map(role_to_table),
        cluster: Some(map.cluster_of[number] as u32),
    };
    means.grid().iter().enumerate().map(row).collect()
}

/// A role as the table has it.
fn role_to_table(role: &Role) -> tables::Role {
    match role {
        Role::Positional { .. } => tables::Role::Positional,
        Role::Syntactic { .. } => tables::Role::Syntactic,
    }
}

/// What a role is about, in words.
fn described(role: &Role) -> String {
    match role {
        Role::Positional { offset } => format!("positional {}", headlight_report::format::offset(*offset)),
        Role::Syntactic { relation, direction: Direction::DependentToGovernor } => format!("{relation} dep→gov"),
        Role::Syntactic { relation, direction: Direction::GovernorToDependent } => format!("{relation} gov→dep"),
        Role::Syntactic { relation, direction: Direction::LaterToEarlier } => format!("{relation} late→early"),
    }
}

fn facts(
    map: &HeadMap,
    roles: &[Option<Role>],
    grid: HeadGrid,
    seen: &SequencesSeen,
    roles_chosen_apart: bool,
) -> facts::Clusters {
    let merger =
        |merger: &Merger| json!({ "clusters": merger.clusters, "distance": merger.distance, "size": merger.size });
    let roles = grid.iter().zip(roles).filter_map(|(head, role)| Some((head.to_string(), described(role.as_ref()?))));
    facts::Clusters {
        seen: seen.facts(),
        stress: map.embedding.stress,
        stress_1: map.embedding.stress_1,
        layers_within: map.layers.within.clone(),
        layers_between: map.layers.between.clone(),
        hierarchy: map.hierarchy.iter().map(merger).collect(),
        roles: roles.collect(),
        roles_chosen_apart,
    }
}

fn warnings(has_trees: bool, are_apart: bool) -> Vec<String> {
    let warning = match (has_trees, are_apart) {
        (false, _) => "No head is called syntactic: `treebank.evaluate` has no trees to tell.",
        (true, false) => {
            "Syntactic heads are told on the sentences that their relations were chosen on (`treebank.select` is empty, has \
             no trees, or is much the same text): more of them are so by chance."
        }
        (true, true) => return Vec::new(),
    };
    vec![warning.to_owned()]
}
