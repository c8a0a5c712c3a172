//! `kind = "ensembles"`: heads that find a relation together, and the labelled trees that the ensembles of all relations
//! make (METHOD §6; Limisiewicz et al. 2020).

mod scores;
mod trees;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use headlight_attention::WordAttention;
use headlight_bert::Encoded;
use headlight_heads::ensembles::{EnsembleRound, EnsembleSearch};
use headlight_heads::labelled::LabelledEnsembles;
use headlight_report::facts;
use headlight_report::tables::{self, Difference, Table, write_table};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::scores::{Chosen, Scored};
use self::trees::{Parsers, SentenceTrees};
use super::Kind;
use super::shared::paired::{untested, write_differences};
use super::shared::predictions;
use super::shared::selection::{Selection, check_splits, is_elsewhere};
use super::shared::{bootstrap, check_bootstrap, repeated};
use crate::config::{Settings, Split, choice};
use crate::run::{Ask, Outcome, Record, Run, Stream, Units, Wants};

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
    fn check(&self, config: &Settings) -> Result<()> {
        check_bootstrap(self.resamples, self.confidence)?;
        ensure!(self.heads > 0, "`heads` is 0; an ensemble has at least one head");
        if let Some(relation) = repeated(&self.relations) {
            bail!("`relations` names {relation:?} twice");
        }
        ensure!(
            self.accuracy_power.is_finite() && self.accuracy_power >= 0.0,
            "`accuracy_power` is {}; it is 0 (both directions alike) or more, such as 1",
            self.accuracy_power
        );
        ensure!(
            self.selection != Selection::Folds,
            "`selection` is \"folds\", but ensembles are gathered once: it is \"separate\" or \"same\""
        );
        check_splits("ensembles", self.selection, config)
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        Ok(match self.prepare(run, false)? {
            Ok(prepared) => vec![Ask::now(self.counts(run, &prepared))],
            Err(first) => vec![first, Ask::Later(Stream::Trees(Split::Evaluate))],
        })
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let prepared = self.prepare(run, true)?.ok().context("what is prepared may be read here")?;
        let (chosen, parsers) = (&prepared.chosen, &prepared.parsers);
        let evaluated = self.evaluate(run, &prepared)?;
        let clock = Instant::now();
        evaluated.units.check("`treebank.evaluate`")?;
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let (rows, mut differences) = scores::rows(run.settings(), chosen, &evaluated, &bootstrap)?;
        write_table(run.folder(), &rows)?;
        let is_tested = is_elsewhere(self.selection, run);
        if !is_tested {
            differences.iter_mut().for_each(untested);
        }
        let mut tables = vec![tables::Ensemble::NAME.to_owned(), Difference::NAME.to_owned()];
        let mut warnings = Vec::new();
        match parsers {
            Some(parsers) => {
                let (rows, mut of_trees) = parsers.rows(run.settings(), &evaluated, &bootstrap)?;
                write_table(run.folder(), &rows)?;
                if !is_tested {
                    of_trees.iter_mut().for_each(untested);
                }
                tables.push(tables::EnsembleTree::NAME.to_owned());
                differences.extend(of_trees);
            }
            None => warnings.push(format!(
                "The ensembles made no trees: none is of a relation that `relations` names ({}).",
                self.relations.join(", ")
            )),
        }
        write_differences(run, &differences)?;
        run.note_stage("score ensembles", clock);
        let facts = facts::Ensembles {
            selection: Some(self.selection),
            rows: self.rows.to_string(),
            tree_relations: parsers.as_ref().map(Parsers::relations),
        };
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
struct Prepared {
    chosen: Chosen,
    parsers: Option<Parsers>,
}

impl Ensembles {
    /// The split that heads are gathered on.
    fn split(&self) -> Split {
        if self.selection == Selection::Separate { Split::Select } else { Split::Evaluate }
    }

    /// Gathers heads, one pass of the encoder for each that the largest ensemble has, and learns to make trees. What has to be
    /// read for it first, where it is not there and may not be read now.
    fn prepare(&self, run: &mut Run, may_read: bool) -> Result<Result<Arc<Prepared>, Ask>> {
        let granularity = run.settings().treebank.granularity();
        let mut search = EnsembleSearch::new(run.checkpoint()?.grid, granularity, self.heads);
        loop {
            let record = self.round(run, &search);
            let Some(round) = had(run, &record, may_read)? else { return Ok(Err(Ask::now(record))) };
            if !search.step(&round) {
                break;
            }
        }
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
            return Ok(Ok(Arc::new(Prepared { chosen, parsers: None })));
        }
        let record = self.lesson(run, &labelled);
        let Some(lesson) = had(run, &record, may_read)? else { return Ok(Err(Ask::now(record))) };
        let parsers = Some(Parsers::new(run.checkpoint()?.grid, granularity, labelled, lesson)?);
        Ok(Ok(Arc::new(Prepared { chosen, parsers })))
    }

    /// What each head would make of each ensemble.
    fn round(&self, run: &Run, search: &EnsembleSearch) -> Record<EnsembleRound> {
        let (rows, so_far) = (self.rows, search.clone());
        let record = Record::new(
            run,
            (Stream::Trees(self.split()), Wants::words(run.settings().treebank.merge_rule())),
            "a round of ensembles",
            EnsembleRound::default(),
            move |item, _, encoded| Ok(so_far.observe(item.sentence()?, &rows.of(words(encoded)?))),
            |round: &mut EnsembleRound, _, counts| {
                round.merge(&counts);
                Ok(())
            },
        );
        // Relations are told apart while heads are gathered; the heads so far are those of the rounds before.
        record.depends(self.rows).depends(format!("{search:?}"))
    }

    /// What ensembles find in each sentence, and the trees that they make of it.
    fn counts(&self, run: &Run, prepared: &Arc<Prepared>) -> Record<Vec<(Scored, Option<SentenceTrees>)>> {
        let (rows, granularity) = (self.rows, run.settings().treebank.granularity());
        let Prepared { chosen, parsers } = prepared.as_ref();
        let depends = format!("{granularity:?} {chosen:?} {parsers:?}");
        let prepared = Arc::clone(prepared);
        let record = Record::new(
            run,
            (Stream::Trees(Split::Evaluate), Wants::words(run.settings().treebank.merge_rule())),
            "ensembles and their trees",
            Vec::new(),
            move |item, _, encoded| {
                let (sentence, attention) = (item.sentence()?, words(encoded)?);
                let maps = rows.of(attention);
                let trees = prepared.parsers.as_ref().map(|parsers| parsers.count(sentence, attention, &maps));
                Ok((prepared.chosen.score(sentence, &maps, granularity), trees))
            },
            |all: &mut Vec<_>, _, counts| {
                all.push(counts);
                Ok(())
            },
        );
        record.depends(self.rows).depends(depends)
    }

    fn evaluate(&self, run: &mut Run, prepared: &Arc<Prepared>) -> Result<Evaluated> {
        let record = self.counts(run, prepared);
        let recorded = run.read(&record)?;
        run.books(Stream::Trees(self.split()))?;
        run.books(Stream::Trees(Split::Evaluate))?;
        let mut units = run.units();
        for sentence in run.encoded(Split::Evaluate, &recorded.skipped)? {
            units.push(&sentence?);
        }
        let (scored, trees): (Vec<_>, Vec<_>) = recorded.sum.into_iter().unzip();
        Ok(Evaluated { scored, trees: trees.into_iter().flatten().collect(), units })
    }
}

/// What a record holds, where it is complete or may be read now.
fn had<S: Serialize + DeserializeOwned + Clone + 'static>(
    run: &mut Run,
    record: &Record<S>,
    may_read: bool,
) -> Result<Option<S>> {
    let recorded = if may_read { Some(run.read(record)?) } else { record.kept(run)? };
    Ok(recorded.map(|recorded| recorded.sum))
}

/// What was counted of the sentences to report on, one by one.
struct Evaluated {
    scored: Vec<Scored>,
    /// None where no trees are made.
    trees: Vec<SentenceTrees>,
    units: Units,
}

fn words(encoded: &Encoded) -> Result<&WordAttention> {
    encoded.words.as_ref().context("the encoder gave no attention over words")
}
