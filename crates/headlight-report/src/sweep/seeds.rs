//! Results over the seeds of a step: mean, spread, and the interval of the multi-bootstrap.

use std::collections::{BTreeMap, BTreeSet};

use headlight_stats::{Counts, Unit};

use super::measures::{ALL_PAIRS, BEST_HEAD, PAIRS};
use super::{SweptRun, bootstrap};
use crate::run::RunError;
use crate::tables::{PairScore, Prediction, SweepScore, SweepSeeds};

/// A series at a step.
type Cell<'a> = (&'a str, Option<u64>);

/// The rows of all steps that have several seeds, and what a reader must know of them.
pub(super) fn over_seeds(runs: &[SweptRun], scores: &[SweepScore]) -> Result<(Vec<SweepSeeds>, Vec<String>), RunError> {
    let mut cells: Vec<(Cell<'_>, Vec<&SweptRun>)> = Vec::new();
    for run in runs {
        let cell = (run.series.as_str(), run.step);
        match cells.iter_mut().find(|(known, _)| *known == cell) {
            Some((_, runs)) => runs.push(run),
            None => cells.push((cell, vec![run])),
        }
    }
    let (mut rows, mut warnings) = (Vec::new(), Vec::new());
    for (cell, runs) in cells.iter().filter(|(_, runs)| runs.len() > 1) {
        let said = runs.iter().map(|run| Said::read(run)).collect::<Result<Vec<_>, _>>()?;
        let same = said.windows(2).all(|two| two[0].words == two[1].words && two[0].pairs == two[1].pairs);
        if !same {
            warnings.push(format!(
                "{}: the seeds were not evaluated on the same sentences, so that there is no interval over seeds and sentences.",
                title(*cell)
            ));
        }
        rows.extend(of_cell(*cell, runs, same.then_some(&said), scores)?);
    }
    Ok((rows, warnings))
}

fn title((series, step): Cell<'_>) -> String {
    step.map_or_else(|| series.to_owned(), |step| format!("{series}, step {step}"))
}

fn of_cell(
    (series, step): Cell<'_>,
    runs: &[&SweptRun],
    said: Option<&Vec<Said>>,
    scores: &[SweepScore],
) -> Result<Vec<SweepSeeds>, RunError> {
    let name = |run: &SweptRun| run.run.report().name.clone();
    let of_run = |run: &SweptRun| scores.iter().filter(|row| row.run == name(run)).collect::<Vec<_>>();
    let all: Vec<Vec<&SweepScore>> = runs.iter().map(|run| of_run(run)).collect();
    let bootstrap = bootstrap(&runs.iter().map(|run| (*run).clone()).collect::<Vec<_>>());
    let mut rows = Vec::new();
    for first in &all[0] {
        let same = |row: &&&SweepScore| row.measure == first.measure && row.of == first.of;
        let found: Vec<(usize, &SweepScore)> =
            all.iter().enumerate().filter_map(|(run, rows)| Some((run, *rows.iter().find(same)?))).collect();
        if found.len() < 2 {
            continue;
        }
        let values: Vec<f64> = found.iter().map(|(_, row)| row.value).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let counts: Option<Vec<Vec<Counts>>> =
            said.and_then(|said| found.iter().map(|(run, row)| said[*run].counts(row)).collect());
        let interval = match &counts {
            Some(counts) => bootstrap.over_seeds(&counts.iter().map(Vec::as_slice).collect::<Vec<_>>()).ok().flatten(),
            None => None,
        };
        let resampled = counts.as_ref().filter(|_| interval.is_some());
        rows.push(SweepSeeds {
            series: series.to_owned(),
            step: step.map(|step| step as i64),
            measure: first.measure.clone(),
            of: first.of.clone(),
            seeds: values.len() as u64,
            mean,
            sd: (squares / (values.len() - 1) as f64).sqrt(),
            lowest: values.iter().copied().fold(f64::INFINITY, f64::min),
            highest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
            unit: resampled.map(|_| match first.measure.as_str() {
                PAIRS => Unit::Pair,
                _ => runs[0].run.report().conventions.unit,
            }),
            units: resampled.map(|counts| counts[0].len() as u64),
        });
    }
    Ok(rows)
}

/// What the predictors of a run said of each word that was evaluated, and the model of each minimal pair.
struct Said {
    /// The words in order: unit, sentence, place, whether it is punctuation.
    words: Vec<Word>,
    units: Vec<u32>,
    /// By predictor and scope, the words that are right, by sentence and place.
    right: BTreeMap<(String, String), BTreeMap<(u32, u32), bool>>,
    /// File, line and phenomenon of each minimal pair.
    pairs: Vec<(String, u64, String)>,
    /// Whether each is right.
    right_pairs: Vec<bool>,
}

#[derive(Clone, PartialEq)]
struct Word {
    unit: u32,
    at: (u32, u32),
    sent_id: String,
    relation: String,
    governor: u32,
}

impl Said {
    fn read(run: &SweptRun) -> Result<Self, RunError> {
        let by_document = run.run.report().conventions.unit == Unit::Document;
        let mut words: BTreeMap<(u32, u32), Word> = BTreeMap::new();
        let mut right: BTreeMap<(String, String), BTreeMap<(u32, u32), bool>> = BTreeMap::new();
        if run.run.has_table::<Prediction>() {
            for row in run.run.rows::<Prediction>()? {
                let row = row?;
                // Runs of former versions do not number sentences.
                let Some(sentence) = row.sentence else { continue };
                let at = (sentence, row.word_id);
                let unit = if by_document { row.document.unwrap_or(sentence) } else { sentence };
                words.entry(at).or_insert_with(|| Word {
                    unit,
                    at,
                    sent_id: row.sent_id,
                    relation: row.relation,
                    governor: row.governor,
                });
                right.entry((row.predictor, row.scope.unwrap_or_default())).or_default().insert(at, row.correct);
            }
        }
        let units: BTreeSet<u32> = words.values().map(|word| word.unit).collect();
        let (mut pairs, mut right_pairs) = (Vec::new(), Vec::new());
        if run.run.has_table::<PairScore>() {
            for row in run.run.rows::<PairScore>()? {
                let row = row?;
                pairs.push((row.file, row.line, row.phenomenon));
                right_pairs.push(row.correct);
            }
        }
        let (words, units) = (words.into_values().collect(), units.into_iter().collect());
        Ok(Self { words, units, right, pairs, right_pairs })
    }

    /// The counts of a result, unit by unit; `None` where the predictions do not add up to it.
    fn counts(&self, row: &SweepScore) -> Option<Vec<Counts>> {
        let counts = if row.measure == PAIRS { self.counts_of_pairs(&row.of) } else { self.counts_of_words(row)? };
        (Some(Counts::sum(&counts)) == row.correct.zip(row.total)).then_some(counts)
    }

    fn counts_of_pairs(&self, of: &str) -> Vec<Counts> {
        let pairs = self.pairs.iter().zip(&self.right_pairs);
        let own = pairs.filter(|((_, _, phenomenon), _)| of == ALL_PAIRS || phenomenon == of);
        own.map(|(_, right)| Counts { correct: u32::from(*right), total: 1 }).collect()
    }

    fn counts_of_words(&self, row: &SweepScore) -> Option<Vec<Counts>> {
        let best_head = |scope: &str| self.right.get(&(BEST_HEAD.to_owned(), scope.to_owned()));
        let punctuation = best_head("all-nopunct");
        let is_counted = |word: &Word| match punctuation {
            Some(others) => others.contains_key(&word.at),
            None => word.relation.split(':').next() != Some("punct"),
        };
        let (right, all) = match row.measure.as_str() {
            BEST_HEAD => (best_head(&row.of)?, true),
            "uas" => (self.right.get(&(row.of.clone(), String::new()))?, false),
            "uas_with_punct" => (self.right.get(&(row.of.clone(), String::new()))?, true),
            _ => return None,
        };
        let mut counts = vec![Counts::default(); self.units.len()];
        for word in self.words.iter().filter(|word| all || is_counted(word)) {
            if let Some(right) = right.get(&word.at) {
                counts[self.units.binary_search(&word.unit).ok()?].observe(*right);
            }
        }
        Some(counts)
    }
}
