//! The comparison itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::flags::flags;
use super::measures::{Measures, measures};
use super::words::{CommonWords, RunWords, Treebank};
use super::{CompareError, Paper, Source};
use crate::assess::is_aggregate;
use crate::run::RunDirectory;
use crate::stats::{Bootstrap, Counts, Pair, holm, sign_flip_test};
use crate::tables::{BestHead, Direction};

/// Several sources, relation by relation; the first is the reference of all differences.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The sources, in the order given.
    pub contestants: Vec<Contestant>,
    /// What a reader must know: conventions that differ, words that are not shared, published numbers.
    pub flags: Vec<String>,
    /// Relations that at least two sources have: aggregates first, then from frequent to rare.
    pub relations: Vec<RelationRow>,
    /// Probes and coreference that at least two sources have.
    pub measures: Vec<MeasureRow>,
    /// Coverage of the intervals.
    pub confidence: f64,
    /// Bootstrap resamples over sentences.
    pub resamples: u32,
}

/// A source of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contestant {
    /// What tells it from the others.
    pub label: String,
    /// The model.
    pub model: String,
    /// The treebank.
    pub treebank: String,
    /// How to cite it, when it is a published table.
    pub citation: Option<String>,
    /// Whether its words are paired with the reference's.
    pub paired: bool,
}

/// One relation of a comparison. `scores` and `differences` have one entry per contestant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RelationRow {
    /// The relation, or an aggregate.
    pub relation: String,
    /// Each contestant's best head; `None` where it has none for this relation.
    pub scores: Vec<Option<Score>>,
    /// Each contestant's accuracy minus the reference's; `None` for the reference and where one of the two is absent.
    pub differences: Vec<Option<Difference>>,
}

/// How a best head fares on a relation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Layer, counted from 1.
    pub layer: u32,
    /// Head within its layer, counted from 1.
    pub head: u32,
    /// Who attends.
    pub direction: Direction,
    /// Share of words right.
    pub accuracy: f64,
    /// Words right; `None` for published percentages.
    pub correct: Option<u64>,
    /// Words; `None` for published percentages.
    pub total: Option<u64>,
    /// Lower end of the bootstrap interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
}

/// A difference to the reference; interval and test only between runs with common words.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Accuracy minus the reference's accuracy.
    pub value: f64,
    /// Lower end of the paired-bootstrap interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// p of the exact paired sign-flip test over sentences.
    pub p_value: Option<f64>,
    /// The same after Holm's correction over relations.
    pub p_adjusted: Option<f64>,
}

/// A number beside the relations; one value per contestant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasureRow {
    /// `UAS, attention`, `coreference, head match, pronoun`, ….
    pub measure: String,
    /// Shares; `None` where the contestant has none.
    pub values: Vec<Option<f64>>,
}

/// A relation for which a contestant falls below what was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shortfall {
    /// The relation, or an aggregate.
    pub relation: String,
    /// The contestant.
    pub label: String,
    /// Its difference to the reference, as a share.
    pub difference: f64,
}

impl Comparison {
    /// The relations for which a contestant's difference to the reference is below `points` per cent: with −1, those
    /// that lost more than one point. Empty means that a gate may open.
    pub fn shortfalls(&self, points: f64) -> Vec<Shortfall> {
        let mut found = Vec::new();
        for row in &self.relations {
            for (difference, contestant) in row.differences.iter().zip(&self.contestants) {
                if let Some(Difference { value, .. }) = *difference
                    && 100.0 * value < points
                {
                    let (relation, label) = (row.relation.clone(), contestant.label.clone());
                    found.push(Shortfall { relation, label, difference: value });
                }
            }
        }
        found
    }
}

/// A source, read.
pub(super) struct Entry<'a> {
    pub(super) source: &'a Source,
    pub(super) label: String,
    pub(super) scores: BTreeMap<String, Score>,
    pub(super) words: Option<RunWords>,
    pub(super) paired: bool,
    measures: Measures,
}

/// Compares every source with the first.
///
/// Accuracies of paired runs are taken anew over the words that all of them have.
///
/// # Errors
/// [`CompareError`] where there are fewer than two sources, one is named twice, runs differ in granularity or trees,
/// nothing is common, or a table cannot be read.
pub fn compare(sources: &[Source], bootstrap: &Bootstrap) -> Result<Comparison, CompareError> {
    if sources.len() < 2 {
        return Err(CompareError::TooFew(sources.len()));
    }
    let labels = Source::labels(sources)?;
    check_granularity(sources, &labels)?;
    let mut treebank = Treebank::default();
    let mut entries = Vec::new();
    for (source, label) in sources.iter().zip(labels) {
        entries.push(Entry::read(source, label, &mut treebank)?);
    }
    let common = pair(&mut entries, &treebank)?;
    let mut counts = Vec::new();
    for entry in &mut entries {
        counts.push(entry.rescore(&common, bootstrap)?);
    }
    let relations = relation_rows(&entries, &counts, bootstrap)?;
    let flags = flags(&entries, &common, &relations);
    let measures = measure_rows(&entries);
    if relations.is_empty() && measures.is_empty() {
        return Err(CompareError::NothingInCommon(entries.iter().map(Entry::contents).collect()));
    }
    let contestants = entries.iter().map(Entry::contestant).collect();
    let Bootstrap { confidence, resamples, .. } = *bootstrap;
    Ok(Comparison { contestants, flags, relations, measures, confidence, resamples })
}

fn check_granularity(sources: &[Source], labels: &[String]) -> Result<(), CompareError> {
    let runs: Vec<(&str, &str)> = sources
        .iter()
        .zip(labels)
        .filter_map(|(source, label)| match source {
            Source::Run(run) => Some((label.as_str(), run.report().conventions.granularity.as_str())),
            Source::Paper(_) => None,
        })
        .collect();
    let Some(&(a, a_value)) = runs.first() else { return Ok(()) };
    match runs.iter().find(|(_, value)| *value != a_value) {
        None => Ok(()),
        Some(&(b, b_value)) => {
            let [a, a_value, b, b_value] = [a, a_value, b, b_value].map(str::to_owned);
            Err(CompareError::Granularity { a, a_value, b, b_value })
        }
    }
}

/// Marks the runs that share words with the reference, and gives the words that all of them share.
fn pair(entries: &mut [Entry<'_>], treebank: &Treebank) -> Result<CommonWords, CompareError> {
    let (reference, others) = entries.split_first_mut().expect("there are at least two sources");
    let Some(words) = &reference.words else { return Ok(CommonWords::default()) };
    for other in &mut *others {
        other.paired = other.words.as_ref().is_some_and(|theirs| theirs.overlaps(words));
    }
    reference.paired = others.iter().any(|other| other.paired);
    let paired: Vec<&RunWords> =
        entries.iter().filter(|entry| entry.paired).filter_map(|entry| entry.words.as_ref()).collect();
    treebank.common_words(&paired)
}

impl<'a> Entry<'a> {
    fn read(source: &'a Source, label: String, treebank: &mut Treebank) -> Result<Self, CompareError> {
        let (scores, words) = match source {
            Source::Run(run) => (run_scores(run)?, treebank.read(run, &label)?),
            Source::Paper(paper) => (paper_scores(paper), None),
        };
        Ok(Self { source, label, scores, words, paired: false, measures: measures(source)? })
    }

    /// Takes a paired run's accuracies anew over the common words; gives their counts by relation. A score whose words
    /// are not among the predictions stays as it is when no word was left out, and goes when some were.
    fn rescore(
        &mut self,
        common: &CommonWords,
        bootstrap: &Bootstrap,
    ) -> Result<BTreeMap<String, Vec<Counts>>, CompareError> {
        let (true, Some(words)) = (self.paired, &self.words) else { return Ok(BTreeMap::new()) };
        let counts: BTreeMap<String, Vec<Counts>> = words
            .relations()
            .filter(|relation| self.scores.contains_key(*relation))
            .filter_map(|relation| Some((relation.to_owned(), words.counts(relation, common)?)))
            .collect();
        let lists: Vec<&[Counts]> = counts.values().map(Vec::as_slice).collect();
        let intervals = bootstrap.intervals(&lists)?;
        let complete = words.len() == common.len();
        self.scores.retain(|relation, _| complete || counts.contains_key(relation));
        for ((relation, counts), interval) in counts.iter().zip(intervals) {
            let (correct, total) = Counts::sum(counts);
            let score = self.scores.get_mut(relation).expect("relations without a score are filtered out");
            score.accuracy = correct as f64 / total as f64;
            (score.correct, score.total) = (Some(correct), Some(total));
            (score.ci_low, score.ci_high) = interval.map(|interval| (interval.low, interval.high)).unzip();
        }
        Ok(counts)
    }

    fn contestant(&self) -> Contestant {
        let (model, treebank, citation) = match self.source {
            Source::Run(run) => (&run.report().model.name, &run.report().treebank.name, None),
            Source::Paper(paper) => (&paper.paper.model, &paper.table1.treebank, Some(paper.paper.citation.clone())),
        };
        let (label, model, treebank) = (self.label.clone(), model.clone(), treebank.clone());
        Contestant { label, model, treebank, citation, paired: self.paired }
    }

    /// For the error that there is nothing in common.
    fn contents(&self) -> String {
        let names: Vec<&str> = self.scores.keys().chain(self.measures.keys()).map(String::as_str).collect();
        if names.is_empty() {
            return format!("{} has none", self.label);
        }
        let shown = names[..names.len().min(5)].join(", ");
        format!("{} has {shown}{}", self.label, if names.len() > 5 { ", …" } else { "" })
    }
}

fn run_scores(run: &RunDirectory) -> Result<BTreeMap<String, Score>, CompareError> {
    let score = |row: BestHead| {
        let BestHead { relation, layer, head, direction, accuracy, correct, total, ci_low, ci_high, .. } = row;
        let (correct, total) = (Some(correct), Some(total));
        (relation, Score { layer, head, direction, accuracy, correct, total, ci_low, ci_high })
    };
    Ok(run.table_or_empty()?.into_iter().map(score).collect())
}

fn paper_scores(paper: &Paper) -> BTreeMap<String, Score> {
    let score = |head: &super::PublishedHead| {
        let (layer, number) = head.layer_and_head()?;
        let accuracy = head.corrected_accuracy.or(head.accuracy)? / 100.0;
        let relation = head.relation_in_runs(&paper.table1.scheme)?.to_owned();
        let unknown = (None, None);
        let ((correct, total), (ci_low, ci_high)) = (unknown, (None, None));
        let direction = head.direction;
        Some((relation, Score { layer, head: number, direction, accuracy, correct, total, ci_low, ci_high }))
    };
    paper.heads.iter().filter_map(score).collect()
}

fn relation_rows(
    entries: &[Entry<'_>],
    counts: &[BTreeMap<String, Vec<Counts>>],
    bootstrap: &Bootstrap,
) -> Result<Vec<RelationRow>, CompareError> {
    let names: BTreeSet<&String> = entries.iter().flat_map(|entry| entry.scores.keys()).collect();
    let mut rows: Vec<RelationRow> = names
        .into_iter()
        .map(|relation| RelationRow {
            relation: relation.clone(),
            scores: entries.iter().map(|entry| entry.scores.get(relation).cloned()).collect(),
            differences: vec![None; entries.len()],
        })
        .filter(|row| row.scores.iter().flatten().count() > 1)
        .collect();
    let words = |row: &RelationRow| row.scores.iter().flatten().filter_map(|score| score.total).max();
    rows.sort_by_key(|row| (!is_aggregate(&row.relation), std::cmp::Reverse(words(row)), row.relation.clone()));
    for (other, entry) in entries.iter().enumerate().skip(1) {
        for row in &mut rows {
            if let (Some(a), Some(b)) = (&row.scores[other], &row.scores[0]) {
                let value = a.accuracy - b.accuracy;
                let difference = Difference { value, ci_low: None, ci_high: None, p_value: None, p_adjusted: None };
                row.differences[other] = Some(difference);
            }
        }
        if entry.paired {
            test_differences(&mut rows, other, &counts[other], &counts[0], bootstrap)?;
        }
    }
    Ok(rows)
}

/// Adds interval and test to the differences of one paired run.
fn test_differences(
    rows: &mut [RelationRow],
    other: usize,
    ours: &BTreeMap<String, Vec<Counts>>,
    reference: &BTreeMap<String, Vec<Counts>>,
    bootstrap: &Bootstrap,
) -> Result<(), CompareError> {
    let mut tested = Vec::new();
    for row in rows {
        if let (Some(a), Some(b)) = (ours.get(&row.relation), reference.get(&row.relation))
            && let Some(difference) = &mut row.differences[other]
        {
            tested.push((is_aggregate(&row.relation), Pair { a, b }, difference));
        }
    }
    let pairs: Vec<Pair<'_>> = tested.iter().map(|(_, pair, _)| *pair).collect();
    for ((_, pair, difference), intervals) in tested.iter_mut().zip(bootstrap.paired(&pairs)?) {
        (difference.ci_low, difference.ci_high) = intervals.map(|i| (i.difference.low, i.difference.high)).unzip();
        difference.p_value = Some(sign_flip_test(*pair)?);
    }
    for family in [true, false] {
        let mut members: Vec<&mut Difference> =
            tested.iter_mut().filter(|(aggregate, _, _)| *aggregate == family).map(|(_, _, d)| &mut **d).collect();
        let p_values: Vec<f64> = members.iter().filter_map(|difference| difference.p_value).collect();
        for (difference, adjusted) in members.iter_mut().zip(holm(&p_values)) {
            difference.p_adjusted = Some(adjusted);
        }
    }
    Ok(())
}

fn measure_rows(entries: &[Entry<'_>]) -> Vec<MeasureRow> {
    let names: BTreeSet<&String> = entries.iter().flat_map(|entry| entry.measures.keys()).collect();
    let row = |measure: &String| MeasureRow {
        measure: measure.clone(),
        values: entries.iter().map(|entry| entry.measures.get(measure).copied()).collect(),
    };
    names.into_iter().map(row).filter(|row| row.values.iter().flatten().count() > 1).collect()
}
