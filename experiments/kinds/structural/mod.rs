//! `kind = "structural"`: whether a linear map of hidden states makes their distances those of the tree, layer by layer
//! (Hewitt & Manning 2019; METHOD §5).
//!
//! The encoder runs once over each split and leaves hidden states in the run's work folder; every layer, rank and seed
//! reads them there.

mod labels;
mod states;
mod summary;
mod trained;

use std::time::Instant;

use anyhow::{Result, bail, ensure};
use headlight_probe::structural::{StructuralOptions, Structure};
use headlight_report::facts;
use headlight_report::tables::{Difference, ProbeScore, Table};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::labels::{Labels, Material};
use self::states::KeptStates;
use self::summary::Probes;
use super::Kind;
use super::shared::paired::write_differences;
use super::shared::probing::append_scores;
use super::shared::{bootstrap, check_bootstrap};
use crate::config::{Settings, Split, choice};
use crate::run::{Ask, Outcome, Run};

choice! {
    /// What a structural probe is to find.
    Find => Structure { Distance = "distance", Depth = "depth", Relation = "labels" }
}

/// The keys of `kind = "structural"`; see `[structural]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Structural {
    find: Vec<Find>,
    layers: Vec<usize>,
    ranks: Vec<usize>,
    epochs: usize,
    seeds: Vec<u64>,
    draws: usize,
    resamples: u32,
    confidence: f64,
}

impl Kind for Structural {
    const READS: super::Reads = super::Reads::Learned;
    fn check(&self, config: &Settings) -> Result<()> {
        ensure!(!self.find.is_empty(), "`find` is empty: name \"distance\", \"depth\" or both");
        ensure!(
            !self.finds_labels() || self.find.contains(&Find::Distance),
            "`find` holds \"labels\" without \"distance\": labelled trees are built over distances; name both"
        );
        ensure!(!self.ranks.is_empty(), "`ranks` is empty: name at least one, such as 64");
        if let Some(zero) = self.ranks.iter().find(|rank| **rank == 0) {
            bail!("`ranks` holds {zero}; a rank is at least 1");
        }
        check_bootstrap(self.resamples, self.confidence)?;
        config.treebank.required_files(Split::Train, "kind = \"structural\"")?;
        config.treebank.required_files(Split::Evaluate, "kind = \"structural\"")?;
        Ok(())
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        let layers = self.layers(run)?;
        Ok([Split::Train, Split::Evaluate].map(|split| Box::new(KeptStates::new(split, &layers)) as Ask).into())
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let width = run.model()?.model.spec().breadth;
        let layers = self.layers(run)?;
        if let Some(wide) = self.ranks.iter().find(|rank| **rank > width) {
            bail!("`ranks` holds {wide}, but the model's hidden states have {width} numbers");
        }
        let kept = [Split::Train, Split::Evaluate].map(|split| KeptStates::new(split, &layers));
        let (train, evaluate) = (kept[0].read(run)?, kept[1].read(run)?);
        let labels = self.finds_labels().then(|| Labels::read(run, [&kept[0], &kept[1]])).transpose()?;
        evaluate.units.check("`treebank.evaluate`")?;
        let clock = Instant::now();
        let count = labels.as_ref().map_or(0, Labels::len);
        let probes = trained::probes(self, &layers, run.settings().seed, count);
        let steps = run.steps()?.of("structural");
        let (of_labels, of_trees): (Vec<_>, Vec<_>) =
            probes.iter().partition(|point| point.structure == Structure::Relation);
        let mut trained = trained::train_all(&of_trees, &train.states, &evaluate.states, &steps)?;
        if let Some(labels) = &labels {
            let [learned, evaluated] = labels.of([&train.states, &evaluate.states])?;
            trained.extend(trained::train_all(&of_labels, &learned, &evaluated, &steps)?);
        }
        run.note_stage("train structural probes", clock);
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let treebank = run.settings().treebank.display_name();
        let scored = Probes { treebank: &treebank, trained: &trained, units: &evaluate.units, bootstrap: &bootstrap };
        let (mut rows, mut differences) = (scored.rows()?, scored.differences()?);
        if let Some(labels) = &labels {
            let clock = Instant::now();
            let (probes, learned, draws) = (&scored, &train.states, self.draws);
            let material = Material { probes, labels, learned, evaluated: &evaluate, steps: &steps, draws };
            let found = material.found(run)?;
            rows.extend(found.rows);
            differences.extend(found.differences);
            run.note_stage("labelled trees", clock);
        }
        append_scores(run, &rows)?;
        if !differences.is_empty() {
            write_differences(run, &differences)?;
        }
        let mut tables = vec![ProbeScore::NAME.to_owned()];
        tables.extend((!differences.is_empty()).then(|| Difference::NAME.to_owned()));
        let facts = facts::Structural {
            training: json!(self.options(run.settings().seed)),
            ranks: self.ranks.iter().map(|&rank| rank as u64).collect(),
            layers: layers.iter().map(|&layer| layer as u64).collect(),
            probes: scored.probes(),
        };
        Ok(Outcome { tables, facts: facts::kept(&facts), statistics: Some(bootstrap.into()), ..Outcome::default() })
    }
}

impl Structural {
    fn finds_labels(&self) -> bool {
        self.find.contains(&Find::Relation)
    }

    /// The layers to probe.
    fn layers(&self, run: &mut Run) -> Result<Vec<usize>> {
        let all = run.checkpoint()?.grid.layers;
        if let Some(absent) = self.layers.iter().find(|layer| **layer > all) {
            bail!("`layers` holds {absent}; the model has layers 0 (embeddings) to {all}");
        }
        Ok(if self.layers.is_empty() { (0..=all).collect() } else { self.layers.clone() })
    }

    fn options(&self, seed: u64) -> StructuralOptions {
        let regime = StructuralOptions::hewitt2019(seed);
        StructuralOptions { epochs: if self.epochs == 0 { regime.epochs } else { self.epochs }, ..regime }
    }
}
