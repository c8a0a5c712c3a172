//! `kind = "ensembles"`: heads that find a relation together, and the labelled trees that the ensembles of all relations
//! make (METHOD §6; Limisiewicz et al. 2020).
//!
//! The encoder runs once over each split and leaves attention in the store: gathering goes over it once for each head of the
//! largest ensemble, and how relations are told apart, where heads are gathered and how many changes nothing in it.

mod maps;
mod scores;
mod trees;

use std::borrow::Cow;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use headlight_attention::WordAttention;
use headlight_heads::ensembles::{EnsembleRound, EnsembleSearch};
use headlight_heads::labelled::LabelledEnsembles;
use headlight_heads::{Fold, Selected};
use headlight_report::facts;
use headlight_report::tables::{self, Difference, Table, write_table};
use headlight_treebank::Sentence;
use serde::{Deserialize, Serialize};

use self::maps::Maps;
use self::scores::{Chosen, Scored};
use self::trees::{Lesson, Parsers, SentenceTrees};
use super::Kind;
use super::shared::paired::{untested, write_differences};
use super::shared::predictions;
use super::shared::selection::{Selection, Splits, check_splits, is_elsewhere};
use super::shared::{bootstrap, check_bootstrap, repeated};
use crate::cli::progress::{Amount, Progress};
use crate::config::{Settings, choice};
use crate::run::{Ask, Outcome, Run, Units, fold};

choice! {
    /// What the rows of a map are.
    Rows { Renormalised = "renormalised", Raw = "raw" }
}

impl Rows {
    /// Attention as ensembles read it.
    fn of(self, attention: &WordAttention) -> Cow<'_, WordAttention> {
        match self {
            Rows::Renormalised => predictions::Rows::Words,
            Rows::Raw => predictions::Rows::Raw,
        }
        .of(attention)
    }
}

/// The keys of `kind = "ensembles"`; see `[ensembles]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ensembles {
    selection: Selection,
    rows: Rows,
    heads: usize,
    min_total: u64,
    relations: Vec<String>,
    accuracy_power: f64,
    resamples: u32,
    confidence: f64,
}

impl Kind for Ensembles {
    const READS: super::Reads = super::Reads::Chosen;
    fn check(&self, config: &Settings) -> Result<()> {
        check_bootstrap(self.resamples, self.confidence)?;
        ensure!(self.heads > 0, "`heads` is 0; an ensemble has at least one head");
        if let Some(relation) = repeated(&self.relations) {
            bail!("`relations` names {relation:?} twice");
        }
        if let Some(path) = self.relations.iter().find(|relation| relation.contains('+')) {
            bail!("`relations` names the path {path:?}: trees are made of arcs; `heads.paths` finds heads for paths");
        }
        ensure!(
            self.accuracy_power.is_finite() && self.accuracy_power >= 0.0,
            "`accuracy_power` is {}; it is 0 (both directions alike) or more, such as 1",
            self.accuracy_power
        );
        check_splits("ensembles", self.selection, config)
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        let asks = Splits::make(self.selection, |split| Ok(Box::new(maps::stored(run, split)?) as Ask))?;
        Ok(asks.into_each().collect())
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let splits = Splits::make(self.selection, |split| Maps::read(run, split))?;
        let clock = Instant::now();
        let gathered = splits.choose(|maps, half| self.gather(run, maps, half))?;
        run.note_stage("gather heads", clock);
        let clock = Instant::now();
        let evaluated = self.evaluate(run, &splits.evaluate, &gathered)?;
        evaluated.units.check("`treebank.evaluate`")?;
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let (rows, mut differences) = scores::rows(run.settings(), &gathered, &evaluated, &bootstrap)?;
        ensure!(
            !rows.is_empty() || self.selection != Selection::Folds,
            "no relation has {} words to gather heads on in both halves: --set ensembles.min_total=1 takes rarer ones",
            self.min_total
        );
        write_table(run.folder(), &rows)?;
        let is_tested = is_elsewhere(self.selection, run);
        if !is_tested {
            differences.iter_mut().for_each(untested);
        }
        let mut tables = vec![tables::Ensemble::NAME.to_owned(), Difference::NAME.to_owned()];
        let mut warnings = Vec::new();
        let tree_relations = trees::relations(&gathered);
        if tree_relations.is_some() {
            let head = trees::single_head(&gathered);
            let (rows, mut of_trees) = trees::rows(run.settings(), head, &evaluated, &bootstrap)?;
            write_table(run.folder(), &rows)?;
            if !is_tested {
                of_trees.iter_mut().for_each(untested);
            }
            tables.push(tables::EnsembleTree::NAME.to_owned());
            differences.extend(of_trees);
        } else {
            warnings.push(format!(
                "The ensembles made no trees: none is of a relation that `relations` names ({}).",
                self.relations.join(", ")
            ));
        }
        write_differences(run, &differences)?;
        run.note_stage("score ensembles", clock);
        let facts = facts::Ensembles { selection: Some(self.selection), rows: self.rows.to_string(), tree_relations };
        Ok(Outcome {
            tables,
            facts: facts::kept(&facts),
            warnings,
            statistics: Some(bootstrap.into()),
            selection: Some(self.selection),
        })
    }
}

/// What is known once heads are gathered: the ensembles, and how trees are made of them; nothing where no relation that may take
/// part in trees has an ensemble.
struct Gathered {
    chosen: Chosen,
    parsers: Option<Parsers>,
}

impl Ensembles {
    /// Gathers heads on a split, or a half of it, and learns to make trees there.
    fn gather(&self, run: &mut Run, maps: &Maps, half: Option<Fold>) -> Result<Gathered> {
        let (granularity, unit) = (run.settings().treebank.granularity(), run.settings().treebank.unit());
        let counts = |sentence: &Sentence| half.is_none_or(|half| fold(sentence, unit) == half);
        let grid = maps.grid();
        let mut search = EnsembleSearch::new(grid, granularity, self.heads);
        let progress = Progress::start("gather heads", Amount::Items("rounds"), Some(self.heads as u64));
        loop {
            let mut round = EnsembleRound::default();
            maps.each(
                run,
                counts,
                |sentence, attention| search.observe(sentence, &self.rows.of(attention)),
                |counts| round.merge(&counts),
            )?;
            progress.add(1);
            if !search.step(&round) {
                break;
            }
        }
        progress.finish();
        let mut ensembles = search.ensembles().clone();
        ensembles.retain(|_, ensemble| ensemble.total >= self.min_total && !ensemble.heads.is_empty());
        ensure!(
            !ensembles.is_empty(),
            "no relation has {} words to gather heads on: --set ensembles.min_total=1 takes rarer ones",
            self.min_total
        );
        let chosen = Chosen::new(ensembles);
        let labelled = LabelledEnsembles::new(&chosen.ensembles, &self.relations, self.accuracy_power);
        if labelled.relations().len() == 0 {
            return Ok(Gathered { chosen, parsers: None });
        }
        let mut lesson = Lesson::default();
        maps.each(
            run,
            counts,
            |sentence, attention| Lesson::of(&labelled, sentence, attention, &self.rows.of(attention), granularity),
            |more| lesson.merge(&more),
        )?;
        Ok(Gathered { chosen, parsers: Some(Parsers::new(grid, granularity, labelled, lesson)?) })
    }

    /// What ensembles find in each sentence that is reported on, and the trees that they make of it.
    fn evaluate(&self, run: &mut Run, maps: &Maps, gathered: &Selected<Gathered>) -> Result<Evaluated> {
        let (granularity, unit) = (run.settings().treebank.granularity(), run.settings().treebank.unit());
        let (mut scored, mut trees, mut units) = (Vec::new(), Vec::new(), run.units());
        let has_trees = gathered.iter().all(|gathered| gathered.parsers.is_some());
        maps.each(
            run,
            |_| true,
            |sentence, attention| {
                let Gathered { chosen, parsers } = gathered.of(fold(sentence, unit));
                let maps = self.rows.of(attention);
                let trees = parsers.as_ref().map(|parsers| parsers.count(sentence, attention, &maps));
                (sentence.clone(), chosen.score(sentence, &maps, granularity), trees)
            },
            |(sentence, hits, of_sentence)| {
                units.push(&sentence);
                scored.push(hits);
                trees.extend(of_sentence.filter(|_| has_trees));
            },
        )?;
        Ok(Evaluated { scored, trees, units })
    }
}

/// What was counted of the sentences to report on, one by one.
struct Evaluated {
    scored: Vec<Scored>,
    /// None where no trees are made.
    trees: Vec<SentenceTrees>,
    units: Units,
}

/// What was gathered: once, or on the first half and on the second.
fn halves(gathered: &Selected<Gathered>) -> Vec<&Gathered> {
    match gathered {
        Selected::Elsewhere(all) | Selected::Same(all) => vec![all],
        Selected::TwoFold { first, second } => vec![first, second],
    }
}

/// One of something, or with folds what each of them has where they differ: `4-7/3-2`.
fn either(names: impl IntoIterator<Item = String>) -> String {
    let mut names: Vec<String> = names.into_iter().collect();
    names.dedup();
    names.join("/")
}
