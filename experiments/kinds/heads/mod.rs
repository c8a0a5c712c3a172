//! `kind = "heads"`: how well each attention head predicts governors, in both directions, beside baselines
//! (METHOD §2; paper §4.2).
//!
//! The encoder runs once over each split and leaves predictions on disk; scores, choices and statistics are passes over
//! predictions.

mod beyond;
mod explored;
mod nulls;
mod paths;
mod predictions;
mod rounding;
mod tables;
mod trials;

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use headlight_attention::Visibility;
use headlight_heads::{
    AttentionScores, BestHeads, Choices, Direction, Directions, Evaluation, Fold, HeadPredictions, HeadScores,
    LengthScores, PredictionFile, Relations, Selected, UnitScores,
};
use headlight_report::Assessment;
use headlight_report::explorer::Explorer;
use headlight_report::facts;
use headlight_report::tables::{BestHead, HeadTest, Table, write_table};
use headlight_treebank::Sentence;
use serde::{Deserialize, Serialize};

use super::shared::predictions::{Predictions, Rows};
use predictions::{Asked, Written};

use super::Kind;
use super::shared::selection::{Selection, Splits, check_splits, is_elsewhere};
use super::shared::{bootstrap, check_bootstrap, repeated, split as to_table};
use crate::config::{Settings, Split, choice};
use crate::run::{Ask, Outcome, Run, Sentences, Stream, Units, fold};

choice! {
    /// A direction in which heads are read.
    Way => Direction {
        DependentToGovernor = "dep_to_gov", GovernorToDependent = "gov_to_dep", LaterToEarlier = "later_to_earlier",
    }
}

/// The keys of `kind = "heads"`; see `[heads]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heads {
    selection: Selection,
    resamples: u32,
    confidence: f64,
    compared: usize,
    directions: Vec<Way>,
    paths: Vec<String>,
    paths_min_total: u64,
    rows: Rows,
    attention: bool,
    lengths: u16,
    null_models: u32,
    predictions: bool,
}

impl Kind for Heads {
    const READS: super::Reads = super::Reads::Chosen;
    fn check(&self, config: &Settings) -> Result<()> {
        check_bootstrap(self.resamples, self.confidence)?;
        check_splits("heads", self.selection, config)?;
        if let Some(way) = repeated(&self.directions) {
            bail!("`directions` names {way} twice");
        }
        paths::check(&self.paths)?;
        ensure!(
            self.null_models <= MOST_NULL_MODELS,
            "`null_models` is {}; each takes as long as the model itself, and {MOST_NULL_MODELS} are more than enough",
            self.null_models
        );
        Ok(())
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        let asked = self.asked(run)?;
        let of = |run: &mut Run, split| Asked { explorer: split == Split::Evaluate, ..asked.clone() }.asks(run, split);
        let mut asks: Vec<Ask> = Splits::make(self.selection, |split| of(run, split))?.into_each().flatten().collect();
        let draws = if self.has_null_models(run) { self.null_models as usize } else { 0 };
        let mut are_there = true;
        for draw in 0..draws {
            let null = Splits::make(self.selection, |split| {
                let predictions = Predictions::new(run, Stream::Trees(split), self.rows).of_draw(draw);
                let predictions = predictions.in_directions(run, asked.directions)?;
                are_there &= run.is_there(&predictions)?;
                Ok(Box::new(predictions) as Ask)
            });
            asks.extend(null?.into_each());
        }
        if !are_there {
            nulls::announce(self);
        }
        Ok(asks)
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let asked = self.asked(run)?;
        let splits = Splits::make(self.selection, |split| {
            predictions::predict_split(run, split, Asked { explorer: split == Split::Evaluate, ..asked.clone() })
        })?;
        if !rounding::is_measured(run, self.compared) {
            run.leave_model();
        }
        let clock = Instant::now();
        let folder = run.folder().to_owned();
        let (chosen, explored) = rayon::join(
            || self.choose(run, &splits),
            || splits.evaluate.explorer.iter().try_for_each(|explorer| explorer.write(&folder)),
        );
        let (selected, scores, units) = chosen?;
        explored?;
        units.check("`treebank.evaluate`")?;
        let (evaluate, visibility) = (&splits.evaluate, run.checkpoint()?.visibility);
        let Evaluated { best, trials, lengths, written } =
            self.evaluate(run, evaluate, &selected, &scores[0].1, &units, visibility)?;
        // What is called another split and is not pays as well.
        let is_paid = !is_elsewhere(self.selection, run);
        let mut rows = self.assess(run, &best, &units, !is_paid)?;
        let flips = (self.resamples, rows.as_mut_slice(), is_paid);
        // They ask nothing of each other.
        let beside = &*run;
        let (tests, written) = rayon::join(
            || trials::test_heads(beside, &trials, &selected, &scores[0].1, &units, flips),
            || -> Result<()> {
                tables::write_scores(beside, &scores, visibility)?;
                lengths.iter().try_for_each(|lengths| beyond::write_lengths(beside, evaluate, lengths))?;
                written.map_or(Ok(()), Written::finish)
            },
        );
        written?;
        if self.attention {
            beyond::write_attention(run, &splits, self.rows)?;
        }
        write_table(run.folder(), &rows)?;
        write_table(run.folder(), &tests)?;
        run.note_stage("score heads", clock);
        if self.has_null_models(run) {
            let rows = nulls::null_models_beside(self, run, &units, &tables::choices(&best, units.len()), !is_paid)?;
            write_table(run.folder(), &rows)?;
        }
        let facts = facts::Heads {
            selection: Some(self.selection),
            rows: self.rows.to_string(),
            rounding: rounding::measure(run, evaluate, self.rows, self.compared)?,
            joined_units: (best.joined > 1).then_some(best.joined),
            ..tables::facts(&best, &selected)
        };
        Ok(self.outcome(run, &facts))
    }
}

/// What one pass over the evaluated sentences and their predictions comes to.
struct Evaluated {
    best: BestHeads,
    trials: UnitScores,
    lengths: Option<LengthScores>,
    written: Option<Written>,
}

/// More random models than anybody waits for.
const MOST_NULL_MODELS: u32 = 1000;

/// So many sentences are read while as many are visited.
const AT_ONCE: usize = 64;

/// A split, what every head predicts for its sentences, and the attention of some of them.
struct Predicted {
    split: Split,
    sentences: Sentences,
    file: PredictionFile,
    relations: Relations,
    explorer: Option<Explorer>,
    attention: Option<AttentionScores>,
}

impl Predicted {
    /// Visits the sentences that were encoded, in order, while another core reads on.
    fn for_each(&self, mut visit: impl FnMut(&Sentence, &HeadPredictions) -> Result<()> + Send) -> Result<()> {
        self.for_each_group(|group| {
            group.iter().try_for_each(|(_, sentence, predictions)| visit(sentence, predictions))
        })
    }

    /// The same by groups, each sentence with its place in the split.
    fn for_each_group(
        &self,
        mut visit: impl FnMut(&[(usize, Sentence, HeadPredictions)]) -> Result<()> + Send,
    ) -> Result<()> {
        let mut predictions = self.file.iter();
        let read = self.sentences.read().enumerate().filter_map(|(number, sentence)| {
            let both = sentence.and_then(|sentence| {
                let predictions = predictions.next().context("the treebank changed while it was read")??;
                Ok(predictions.map(|predictions| (number, sentence, predictions)))
            });
            both.transpose()
        });
        let mut read = read.fuse();
        let mut next = || read.by_ref().take(AT_ONCE).collect::<Result<Vec<_>>>();
        let mut ready = next()?;
        while !ready.is_empty() {
            let (visited, following) = rayon::join(|| visit(&ready), &mut next);
            visited?;
            ready = following?;
        }
        Ok(())
    }
}

/// Counts with the split, or the fold of it, that they are of.
type ScoresBySplit = Vec<(headlight_report::tables::Split, HeadScores)>;

/// A half of `treebank.evaluate` as tables have it.
fn of_fold(fold: Fold) -> headlight_report::tables::Split {
    match fold {
        Fold::First => headlight_report::tables::Split::FirstFold,
        Fold::Second => headlight_report::tables::Split::SecondFold,
    }
}

impl Heads {
    fn asked(&self, run: &mut Run) -> Result<Asked> {
        let directions = self.directions(run)?;
        let relations = paths::relations(run, &self.paths, (self.paths_min_total, self.selection))?;
        Ok(Asked { rows: self.rows, directions, relations, explorer: true, attention: self.attention })
    }

    /// The directions in which heads are read: as asked for, or what the model can find arcs by.
    fn directions(&self, run: &mut Run) -> Result<Directions> {
        match self.directions.as_slice() {
            [] => Ok(Directions::of(run.checkpoint()?.visibility)),
            some => Ok(some.iter().map(|way| Direction::from(*way)).collect()),
        }
    }

    /// A model whose own weights are random is such a model itself, and gets none beside it.
    fn has_null_models(&self, run: &Run) -> bool {
        self.null_models > 0 && !run.settings().model.random_init
    }

    /// Counts on all splits in use, the choices made from them, and the units that the evaluated sentences belong to.
    fn choose(&self, run: &mut Run, splits: &Splits<Predicted>) -> Result<(Selected<Choices>, ScoresBySplit, Units)> {
        let unit = run.settings().treebank.unit();
        let empty = HeadScores::new(splits.evaluate.file.grid(), splits.evaluate.relations.clone());
        let empty = empty.in_directions(self.directions(run)?);
        let mut folds = [empty.clone(), empty.clone()];
        let mut units = run.units();
        splits.evaluate.for_each(|sentence, predictions| {
            units.push(sentence);
            Ok(folds[fold(sentence, unit) as usize].observe(sentence, predictions)?)
        })?;
        let mut on_evaluate = folds[0].clone();
        on_evaluate.merge(&folds[1]);
        let mut scores = vec![(to_table(Split::Evaluate), on_evaluate)];
        let selected = splits.choose(|predicted, half| {
            let (of, counts) = match (half, predicted.split) {
                (Some(half), _) => {
                    let counts = folds[half as usize].clone();
                    ensure!(
                        counts.sentences() > 0,
                        "selection = \"folds\" needs more sentences: all of them fall into one fold"
                    );
                    (of_fold(half), counts)
                }
                (None, Split::Evaluate) => return Ok(Choices::new(&scores[0].1)),
                (None, split) => {
                    let mut counts = empty.clone();
                    predicted.for_each(|sentence, predictions| Ok(counts.observe(sentence, predictions)?))?;
                    (to_table(split), counts)
                }
            };
            let choices = Choices::new(&counts);
            scores.push((of, counts));
            Ok(choices)
        })?;
        Ok((selected, scores, units))
    }

    /// Reads the evaluated sentences once for all that is counted and written of them by what was chosen.
    fn evaluate(
        &self,
        run: &Run,
        evaluate: &Predicted,
        selected: &Selected<Choices>,
        scores: &HeadScores,
        units: &Units,
        visibility: Visibility,
    ) -> Result<Evaluated> {
        let mut evaluation = Evaluation::new(selected.clone()).seen_by(visibility);
        let mut trials = trials::counts(scores, units);
        let lengths = || LengthScores::new(scores.grid(), scores.directions(), self.lengths);
        let mut lengths = (self.lengths > 0).then(lengths);
        let mut written = self.predictions.then(|| Written::create(run)).transpose()?;
        let mut counted = 0;
        evaluate.for_each_group(|group| {
            let group = group.iter().zip(counted..).map(|((number, sentence, predictions), at)| {
                (at, *number, fold(sentence, units.unit()), sentence, predictions)
            });
            let group: Vec<_> = group.collect();
            let mut score = || {
                group.iter().try_for_each(|&(at, _, fold, sentence, predictions)| -> Result<()> {
                    let (unit, choices) = (units.of(at), selected.of(fold));
                    evaluation.observe_unit(unit, sentence, fold, predictions)?;
                    trials.observe(unit, sentence, predictions, choices)?;
                    Ok(lengths.iter_mut().try_for_each(|lengths| lengths.observe(sentence, predictions, choices))?)
                })
            };
            let scored = match &mut written {
                None => score(),
                Some(Written { rows, annotated }) => {
                    let write = || {
                        group.iter().try_for_each(|&(at, number, fold, sentence, predictions)| {
                            rows.push((number, units.document(at)), sentence, predictions, selected.of(fold))
                        })
                    };
                    let annotate = || {
                        group.iter().try_for_each(|&(_, _, fold, sentence, predictions)| {
                            annotated.push(sentence, predictions, selected.of(fold))
                        })
                    };
                    let (wrote, (annotated, scored)) = rayon::join(write, || rayon::join(annotate, score));
                    scored.and(wrote).and(annotated)
                }
            };
            counted += group.len();
            scored
        })?;
        Ok(Evaluated { best: evaluation.finish(), trials, lengths, written })
    }

    /// The best heads with their statistics.
    fn assess(&self, run: &Run, best: &BestHeads, units: &Units, is_tested: bool) -> Result<Vec<BestHead>> {
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let assessment = Assessment { selection: self.selection, unit: units.unit(), bootstrap: &bootstrap, is_tested };
        Ok(headlight_report::assess(&tables::choices(best, units.len()), &assessment)?)
    }

    fn outcome(&self, run: &Run, facts: &facts::Heads) -> Outcome {
        let mut tables = vec![
            headlight_report::tables::HeadScore::NAME,
            headlight_report::tables::Baseline::NAME,
            BestHead::NAME,
            HeadTest::NAME,
        ];
        if self.predictions {
            tables.push(headlight_report::tables::Prediction::NAME);
        }
        if self.lengths > 0 {
            tables.extend([headlight_report::tables::HeadLength::NAME, headlight_report::tables::BestHeadLength::NAME]);
        }
        if self.attention {
            tables.push(headlight_report::tables::HeadAttention::NAME);
        }
        if self.has_null_models(run) {
            tables.push(headlight_report::tables::NullModel::NAME);
        }
        Outcome {
            tables: tables.into_iter().map(ToOwned::to_owned).collect(),
            facts: facts::kept(facts),
            statistics: Some(bootstrap(self.resamples, self.confidence, run).into()),
            selection: Some(self.selection),
            ..Outcome::default()
        }
    }
}
