//! The comparison itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::align::{CommonWords, Paired, Places, align};
use super::flags::flags;
use super::measures::{Measures, measures};
use super::words::{CountsByName, RunWords};
use super::{CompareError, Paper, Source};
use crate::assess::{is_aggregate, is_between_words};
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
    /// Probes, trees and coreference that at least two sources have.
    pub measures: Vec<MeasureRow>,
    /// Coverage of the intervals.
    pub confidence: f64,
    /// Bootstrap resamples.
    pub resamples: u32,
    /// What they resample, and what tests swap: `sentence`, or `document` where a run's statistics did.
    pub unit: String,
}

/// A source of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contestant {
    /// What tells it from the others.
    pub label: String,
    /// The model.
    pub model: String,
    /// The treebank; empty for a published table, whose notes name those of the numbers that are compared.
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
    /// Layer, counted from 1; `None` where two folds chose different heads.
    pub layer: Option<u32>,
    /// Head within its layer, counted from 1.
    pub head: Option<u32>,
    /// Who attends.
    pub direction: Option<Direction>,
    /// The head as people write it with its direction, `3-9 →`; where two folds chose different ones, both.
    pub heads: String,
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

/// A number beside the relations. Every list has one entry per contestant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasureRow {
    /// `UAS, attention`, `coreference, head match, pronoun`, ….
    pub measure: String,
    /// Shares; `None` where the contestant has none.
    pub values: Vec<Option<f64>>,
    /// Lower and upper ends of their bootstrap intervals.
    pub intervals: Vec<Option<(f64, f64)>>,
    /// Each contestant's value minus the reference's; interval and test for the UAS of probes trained once.
    pub differences: Vec<Option<Difference>>,
}

/// A relation or a measure for which a contestant falls below what was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shortfall {
    /// The relation, an aggregate, or a measure.
    pub relation: String,
    /// The contestant.
    pub label: String,
    /// Its difference to the reference, as a share.
    pub difference: f64,
}

impl Comparison {
    /// The relations and measures for which a contestant's difference to the reference is below `points` per cent: with
    /// −1, those that lost more than one point. Empty means that a gate may open, if [`Comparison::unmeasured`] is, too.
    pub fn shortfalls(&self, points: f64) -> Vec<Shortfall> {
        let mut found = Vec::new();
        for (name, differences) in self.rows() {
            for (difference, contestant) in differences.iter().zip(&self.contestants) {
                if let Some(Difference { value, .. }) = *difference
                    && 100.0 * value < points
                {
                    let (relation, label) = (name.to_owned(), contestant.label.clone());
                    found.push(Shortfall { relation, label, difference: value });
                }
            }
        }
        found
    }

    /// Contestants without a single difference to the reference, by label.
    pub fn unmeasured(&self) -> Vec<&str> {
        let others = self.contestants.iter().enumerate().skip(1);
        let is_measured = |at: usize| self.rows().any(|(_, differences)| differences[at].is_some());
        others.filter(|(at, _)| !is_measured(*at)).map(|(_, contestant)| contestant.label.as_str()).collect()
    }

    /// Names of relations and measures with their differences.
    fn rows(&self) -> impl Iterator<Item = (&str, &[Option<Difference>])> {
        let relations = self.relations.iter().map(|row| (row.relation.as_str(), row.differences.as_slice()));
        relations.chain(self.measures.iter().map(|row| (row.measure.as_str(), row.differences.as_slice())))
    }
}

/// A source, read.
pub(super) struct Entry<'a> {
    pub(super) source: &'a Source,
    pub(super) label: String,
    pub(super) scores: BTreeMap<String, Score>,
    pub(super) words: Option<RunWords>,
    /// Where its sentences stand in the reference.
    places: Places,
    pub(super) paired: bool,
    pub(super) measures: Measures,
}

/// Counts of a paired run over the common words.
#[derive(Default)]
struct Recounted {
    relations: CountsByName,
    measures: CountsByName,
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
    let mut entries = Vec::new();
    for (source, label) in sources.iter().zip(labels) {
        entries.push(Entry::read(source, label)?);
    }
    let common = pair(&mut entries)?;
    let mut counts = Vec::new();
    for entry in &mut entries {
        counts.push(entry.rescore(&common, bootstrap)?);
    }
    let relations = relation_rows(&entries, &counts, bootstrap)?;
    let measures = measure_rows(&entries, &counts, bootstrap)?;
    let flags = flags(&entries, &common, &relations, &measures);
    if relations.is_empty() && measures.is_empty() {
        return Err(CompareError::NothingInCommon(entries.iter().map(Entry::contents).collect()));
    }
    let contestants = entries.iter().map(Entry::contestant).collect();
    let Bootstrap { confidence, resamples, .. } = *bootstrap;
    let unit = common.unit_kind().name().to_owned();
    Ok(Comparison { contestants, flags, relations, measures, confidence, resamples, unit })
}

/// Where relations are compared, their names must mean the same.
fn check_granularity(sources: &[Source], labels: &[String]) -> Result<(), CompareError> {
    let runs: Vec<(&str, &str)> = sources
        .iter()
        .zip(labels)
        .filter_map(|(source, label)| match source {
            Source::Run(run) if run.has_table::<BestHead>() => {
                Some((label.as_str(), run.report().conventions.granularity.as_str()))
            }
            Source::Run(_) | Source::Paper(_) => None,
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
fn pair(entries: &mut [Entry<'_>]) -> Result<CommonWords, CompareError> {
    let (reference, others) = entries.split_first_mut().expect("there are at least two sources");
    let Some(words) = &reference.words else { return Ok(CommonWords::default()) };
    for other in &mut *others {
        let Some(theirs) = &other.words else { continue };
        other.places = align(words, theirs)?;
        other.paired = other.places.iter().any(Option::is_some);
    }
    reference.places = (0..words.sentences.len()).map(Some).collect();
    reference.paired = others.iter().any(|other| other.paired);
    let paired = entries.iter().filter(|entry| entry.paired);
    let paired: Vec<_> = paired.filter_map(|entry| Some((entry.words.as_ref()?, &entry.places))).collect();
    CommonWords::of(&paired)
}

impl<'a> Entry<'a> {
    fn read(source: &'a Source, label: String) -> Result<Self, CompareError> {
        let (scores, words) = match source {
            Source::Run(run) => (run_scores(run)?, RunWords::read(run, &label)?),
            Source::Paper(paper) => (paper_scores(paper), None),
        };
        Ok(Self { source, label, scores, words, places: Places::new(), paired: false, measures: measures(source)? })
    }

    /// Takes a paired run's accuracies anew over the common words; gives their counts. The score of a relation whose words
    /// are not among the predictions stays as it is when no word was left out, and goes when some were. A measure without
    /// predictions, or of several trainings, of which only the first has them, always stays: see `flags`.
    fn rescore(&mut self, common: &CommonWords, bootstrap: &Bootstrap) -> Result<Recounted, CompareError> {
        let (true, Some(words)) = (self.paired, &self.words) else { return Ok(Recounted::default()) };
        let (scores, measures) = (&mut self.scores, &mut self.measures);
        let of = Paired { common, places: &self.places };
        let relations = words.relations(&of, |relation| scores.contains_key(relation));
        let trained_once = |name: &str| measures.get(name).is_some_and(|measure| measure.seeds == 1);
        let recounted = Recounted { measures: words.measures(&of, trained_once), relations };
        let counts = recounted.relations.iter().chain(&recounted.measures);
        let lists: Vec<&[Counts]> = counts.map(|(_, counts)| counts.as_slice()).collect();
        let mut intervals = bootstrap.intervals(&lists)?.into_iter().map(|it| it.map(|it| (it.low, it.high)));

        let complete = words.len() == common.len();
        scores.retain(|relation, _| complete || recounted.relations.contains_key(relation));
        for ((relation, counts), interval) in recounted.relations.iter().zip(&mut intervals) {
            let (correct, total) = Counts::sum(counts);
            let score = scores.get_mut(relation).expect("relations without a score are filtered out");
            score.accuracy = correct as f64 / total as f64;
            (score.correct, score.total) = (Some(correct), Some(total));
            (score.ci_low, score.ci_high) = interval.unzip();
        }
        for ((name, counts), interval) in recounted.measures.iter().zip(intervals) {
            let (correct, total) = Counts::sum(counts);
            let measure = measures.get_mut(name).expect("names without a measure are filtered out");
            (measure.value, measure.interval) = (correct as f64 / total as f64, interval);
        }
        Ok(recounted)
    }

    fn contestant(&self) -> Contestant {
        let (model, treebank, citation) = match self.source {
            Source::Run(run) => {
                let model = &run.report().model;
                (model.display_name(), &run.report().treebank.name, None)
            }
            // On what a paper's numbers are scored differs between them: the notes say it of those that are compared.
            Source::Paper(paper) => (paper.paper.model.clone(), &String::new(), Some(paper.paper.citation.clone())),
        };
        let (label, treebank) = (self.label.clone(), treebank.clone());
        Contestant { label, model, treebank, citation, paired: self.paired }
    }

    /// Whether its heads were chosen on the sentences that they are scored on.
    pub(super) fn is_optimistic(&self) -> bool {
        match self.source {
            Source::Run(run) => run.report().conventions.is_optimistic(),
            Source::Paper(paper) => {
                paper.table1.selected_on.is_some() && paper.table1.selected_on == paper.table1.evaluated_on
            }
        }
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
        let mut heads: Vec<String> = row.chosen().iter().map(|it| head_text(it.layer, it.head, it.direction)).collect();
        heads.dedup();
        let BestHead { relation, layer, head, direction, accuracy, correct, total, ci_low, ci_high, .. } = row;
        let (correct, total) = (Some(correct), Some(total));
        let heads = heads.join(" ");
        (relation, Score { layer, head, direction, heads, accuracy, correct, total, ci_low, ci_high })
    };
    // No head can be right about `root`: whoever has more of it has not won anything.
    let rows: Vec<BestHead> = run.table_or_empty()?;
    Ok(rows.into_iter().filter(|row| is_between_words(&row.relation)).map(score).collect())
}

/// `3-9 →`
fn head_text(layer: u32, head: u32, direction: Direction) -> String {
    let arrow = if direction == Direction::DependentToGovernor { "→" } else { "←" };
    format!("{layer}-{head} {arrow}")
}

fn paper_scores(paper: &Paper) -> BTreeMap<String, Score> {
    let score = |head: &super::PublishedHead| {
        let (layer, number) = head.layer_and_head()?;
        let accuracy = head.corrected_accuracy.or(head.accuracy)? / 100.0;
        let relation = head.relation_in_runs(&paper.table1.scheme)?.to_owned();
        let unknown = (None, None);
        let ((correct, total), (ci_low, ci_high)) = (unknown, (None, None));
        let heads = head_text(layer, number, head.direction);
        let (layer, number, direction) = (Some(layer), Some(number), Some(head.direction));
        Some((relation, Score { layer, head: number, direction, heads, accuracy, correct, total, ci_low, ci_high }))
    };
    paper.heads.iter().filter_map(score).collect()
}

fn relation_rows(
    entries: &[Entry<'_>],
    counts: &[Recounted],
    bootstrap: &Bootstrap,
) -> Result<Vec<RelationRow>, CompareError> {
    let names: BTreeSet<&String> = entries.iter().flat_map(|entry| entry.scores.keys()).collect();
    let row = |relation: &String| {
        let scores: Vec<Option<Score>> = entries.iter().map(|entry| entry.scores.get(relation).cloned()).collect();
        let accuracies: Vec<Option<f64>> = scores.iter().map(|score| Some(score.as_ref()?.accuracy)).collect();
        RelationRow { relation: relation.clone(), differences: differences(&accuracies), scores }
    };
    let rows = names.into_iter().map(row);
    let mut rows: Vec<RelationRow> = rows.filter(|row| row.scores.iter().flatten().count() > 1).collect();
    let words = |row: &RelationRow| row.scores.iter().flatten().filter_map(|score| score.total).max();
    rows.sort_by_key(|row| (!is_aggregate(&row.relation), std::cmp::Reverse(words(row)), row.relation.clone()));
    // Aggregates repeat the words of relations: they are a family of tests of their own.
    for family in [true, false] {
        let members = rows.iter_mut().filter(|row| is_aggregate(&row.relation) == family);
        let members = members.map(|row| (row.relation.as_str(), row.differences.as_mut_slice())).collect();
        // The best of many on the words that it was chosen on: such a test would not pay for the choice.
        let is_tested = |at: usize| !entries[0].is_optimistic() && !entries[at].is_optimistic();
        test_differences(members, counts, |counts| &counts.relations, is_tested, bootstrap)?;
    }
    Ok(rows)
}

fn measure_rows(
    entries: &[Entry<'_>],
    counts: &[Recounted],
    bootstrap: &Bootstrap,
) -> Result<Vec<MeasureRow>, CompareError> {
    let names: BTreeSet<&String> = entries.iter().flat_map(|entry| entry.measures.keys()).collect();
    let row = |measure: &String| {
        let of = || entries.iter().map(|entry| entry.measures.get(measure));
        let values: Vec<Option<f64>> = of().map(|measure| Some(measure?.value)).collect();
        let intervals = of().map(|measure| measure?.interval).collect();
        MeasureRow { measure: measure.clone(), differences: differences(&values), values, intervals }
    };
    let rows = names.into_iter().map(row);
    let mut rows: Vec<MeasureRow> = rows.filter(|row| row.values.iter().flatten().count() > 1).collect();
    let members = rows.iter_mut().map(|row| (row.measure.as_str(), row.differences.as_mut_slice())).collect();
    test_differences(members, counts, |counts| &counts.measures, |_| true, bootstrap)?;
    Ok(rows)
}

/// Of every value but the first to the first, without interval and test.
fn differences(values: &[Option<f64>]) -> Vec<Option<Difference>> {
    let to_first = |(at, value): (usize, &Option<f64>)| {
        let value = (at > 0).then_some(*value)?? - values[0]?;
        Some(Difference { value, ci_low: None, ci_high: None, p_value: None, p_adjusted: None })
    };
    values.iter().enumerate().map(to_first).collect()
}

/// Adds interval, and where `is_tested` test, to the differences of a family of rows, contestant by contestant, where both
/// counted the same words.
fn test_differences(
    mut rows: Vec<(&str, &mut [Option<Difference>])>,
    counts: &[Recounted],
    of: impl Fn(&Recounted) -> &CountsByName,
    is_tested: impl Fn(usize) -> bool,
    bootstrap: &Bootstrap,
) -> Result<(), CompareError> {
    let Some((reference, others)) = counts.split_first() else { return Ok(()) };
    for (at, other) in others.iter().enumerate() {
        let mut tested = Vec::new();
        for (name, differences) in &mut rows {
            if let (Some(a), Some(b)) = (of(other).get(*name), of(reference).get(*name))
                && let Some(difference) = &mut differences[at + 1]
            {
                tested.push((Pair { a, b }, difference));
            }
        }
        let pairs: Vec<Pair<'_>> = tested.iter().map(|(pair, _)| *pair).collect();
        for ((pair, difference), intervals) in tested.iter_mut().zip(bootstrap.paired(&pairs)?) {
            (difference.ci_low, difference.ci_high) = intervals.map(|i| (i.difference.low, i.difference.high)).unzip();
            difference.p_value = if is_tested(at + 1) { Some(sign_flip_test(*pair)?) } else { None };
        }
        let p_values: Vec<f64> = tested.iter().filter_map(|(_, difference)| difference.p_value).collect();
        for ((_, difference), adjusted) in tested.iter_mut().zip(holm(&p_values)) {
            difference.p_adjusted = Some(adjusted);
        }
    }
    Ok(())
}
