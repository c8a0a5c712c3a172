//! The comparison itself.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use headlight_stats::{Bootstrap, Counts, Pair, holm_over_differing, sign_flip_test};
use serde::Serialize;

use super::align::PairedCounts;
use super::entry::Entry;
use super::flags::flags;
use super::{CompareError, Reported};
use crate::assess::Family;
use crate::tables::Direction;

/// Several sources, relation by relation; the first is the reference of all differences.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The sources, in the order given.
    pub contestants: Vec<Contestant>,
    /// What a reader must know: conventions that differ, words that are not shared, published numbers.
    pub flags: Vec<String>,
    /// Aggregates first, then from frequent to rare; last what only one source has.
    pub relations: Vec<RelationRow>,
    /// Probes, trees and coreference; last what only one source has.
    pub measures: Vec<MeasureRow>,
    /// Coverage of the intervals.
    pub confidence: f64,
    /// Bootstrap resamples.
    pub resamples: u32,
    /// What they resample, and what tests swap: `sentence`, or `document` where a run's statistics did; with both words where
    /// contestants differ in it.
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
    /// Whether any of its words are paired with the reference's; of the reference, whether any contestant's are.
    pub paired: bool,
    /// What the intervals of its differences resample, where it is paired.
    pub unit: Option<String>,
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
    /// Lower end of the interval, as the run has it.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
}

/// A difference to the reference; interval and test only over words that both runs have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Accuracy minus the reference's accuracy: over the words that are paired, or of the two numbers where none are.
    pub value: f64,
    /// Lower end of the paired-bootstrap interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// p of the exact paired sign-flip test over sentences.
    pub p_value: Option<f64>,
    /// The same after Holm's correction over the relations, the aggregates or the measures of this contestant that are tested.
    pub p_adjusted: Option<f64>,
    /// The words that it is over; `None` where nothing is paired: other sentences, published numbers, means over seeds.
    pub paired: Option<PairedWords>,
}

/// The words that two runs share under one name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedWords {
    /// How many.
    pub words: u64,
    /// The reference's accuracy on them.
    pub reference: f64,
    /// The other run's.
    pub accuracy: f64,
    /// Whether neither run has others: then these are the accuracies beside the difference.
    pub complete: bool,
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

impl RelationRow {
    /// Sources that have the relation.
    pub(super) fn sources(&self) -> usize {
        self.scores.iter().flatten().count()
    }
}

impl MeasureRow {
    /// Sources that have the measure.
    pub(super) fn sources(&self) -> usize {
        self.values.iter().flatten().count()
    }
}

/// Compares every source with the first.
///
/// # Errors
/// [`CompareError`] where there are fewer than two sources, one is named twice, no two of them have anything in common, or a
/// table cannot be read.
pub fn compare(sources: &[Reported], bootstrap: &Bootstrap) -> Result<Comparison, CompareError> {
    if sources.len() < 2 {
        return Err(CompareError::TooFew(sources.len()));
    }
    let labels = Reported::labels(sources)?;
    let mut entries = Vec::new();
    for (source, label) in sources.iter().zip(labels) {
        entries.push(Entry::read(source, label)?);
    }
    if let Some((reference, others)) = entries.split_first_mut() {
        others.iter_mut().for_each(|other| other.pair_with(reference));
    }
    let relations = relation_rows(&entries, bootstrap)?;
    let measures = measure_rows(&entries, bootstrap)?;
    let is_shared = |names: usize| names > 1;
    if !relations.iter().any(|row| is_shared(row.sources())) && !measures.iter().any(|row| is_shared(row.sources())) {
        return Err(CompareError::NothingInCommon(entries.iter().map(Entry::contents).collect()));
    }
    let flags = flags(&entries, &relations, &measures);
    let is_paired = |at: usize| match at {
        0 => entries.iter().any(|entry| entry.beside.is_some()),
        at => entries[at].beside.is_some(),
    };
    let contestants = entries.iter().enumerate().map(|(at, entry)| entry.contestant(is_paired(at))).collect();
    let units: BTreeSet<&str> = entries.iter().filter_map(|entry| Some(entry.beside.as_ref()?.unit.name())).collect();
    let unit =
        if units.is_empty() { "sentence".to_owned() } else { units.into_iter().rev().collect::<Vec<_>>().join(" or ") };
    let Bootstrap { confidence, resamples, .. } = *bootstrap;
    Ok(Comparison { contestants, flags, relations, measures, confidence, resamples, unit })
}

fn relation_rows(entries: &[Entry<'_>], bootstrap: &Bootstrap) -> Result<Vec<RelationRow>, CompareError> {
    let names: BTreeSet<&String> = entries.iter().flat_map(|entry| entry.scores.keys()).collect();
    let row = |relation: &String| {
        let scores: Vec<Option<Score>> = entries.iter().map(|entry| entry.scores.get(relation).cloned()).collect();
        let accuracies: Vec<Option<f64>> = scores.iter().map(|score| Some(score.as_ref()?.accuracy)).collect();
        RelationRow { relation: relation.clone(), differences: differences(&accuracies), scores }
    };
    let mut rows: Vec<RelationRow> = names.into_iter().map(row).collect();
    let words = |row: &RelationRow| row.scores.iter().flatten().filter_map(|score| score.total).max();
    rows.sort_by_key(|row| {
        let is_alone = row.sources() == 1;
        (is_alone, Family::of(&row.relation) as usize, Reverse(words(row)), row.relation.clone())
    });
    // Aggregates and paths repeat the words of relations: they are families of tests of their own.
    for family in Family::ALL {
        let members = rows.iter_mut().filter(|row| Family::of(&row.relation) == family);
        let members = members.map(|row| (row.relation.as_str(), row.differences.as_mut_slice())).collect();
        // The best of many on the words that it was chosen on: such a test would not pay for the choice.
        let is_tested = |at: usize| !entries[0].is_optimistic() && !entries[at].is_optimistic();
        let beside = |of: &Entry<'_>, to: &Entry<'_>, name: &str| of.relation_beside(to, name);
        test_differences(members, entries, beside, is_tested, bootstrap)?;
    }
    Ok(rows)
}

fn measure_rows(entries: &[Entry<'_>], bootstrap: &Bootstrap) -> Result<Vec<MeasureRow>, CompareError> {
    let names: BTreeSet<&String> = entries.iter().flat_map(|entry| entry.measures.keys()).collect();
    let row = |measure: &String| {
        let of = || entries.iter().map(|entry| entry.measures.get(measure));
        let values: Vec<Option<f64>> = of().map(|measure| Some(measure?.value)).collect();
        let intervals = of().map(|measure| measure?.interval).collect();
        MeasureRow { measure: measure.clone(), differences: differences(&values), values, intervals }
    };
    let mut rows: Vec<MeasureRow> = names.into_iter().map(row).collect();
    rows.sort_by_key(|row| row.sources() == 1);
    let members = rows.iter_mut().map(|row| (row.measure.as_str(), row.differences.as_mut_slice())).collect();
    let beside = |of: &Entry<'_>, to: &Entry<'_>, name: &str| of.measure_beside(to, name);
    test_differences(members, entries, beside, |_| true, bootstrap)?;
    Ok(rows)
}

/// Of every value but the first to the first, as numbers beside each other.
fn differences(values: &[Option<f64>]) -> Vec<Option<Difference>> {
    let to_first = |(at, value): (usize, &Option<f64>)| {
        let value = (at > 0).then_some(*value)?? - values[0]?;
        Some(Difference { value, ci_low: None, ci_high: None, p_value: None, p_adjusted: None, paired: None })
    };
    values.iter().enumerate().map(to_first).collect()
}

/// Pairs the differences of a family of rows, contestant by contestant, where `beside` finds words of both: the difference is
/// then that of these words, with its interval, and where `is_tested` with its test.
fn test_differences(
    mut rows: Vec<(&str, &mut [Option<Difference>])>,
    entries: &[Entry<'_>],
    beside: impl Fn(&Entry<'_>, &Entry<'_>, &str) -> Option<PairedCounts>,
    is_tested: impl Fn(usize) -> bool,
    bootstrap: &Bootstrap,
) -> Result<(), CompareError> {
    let Some((reference, others)) = entries.split_first() else { return Ok(()) };
    for (at, other) in others.iter().enumerate() {
        let mut paired = Vec::new();
        for (name, differences) in &mut rows {
            if let (Some(counts), Some(difference)) = (beside(other, reference, name), &mut differences[at + 1]) {
                paired.push((counts, difference));
            }
        }
        let pairs: Vec<Pair<'_>> = paired.iter().map(|(counts, _)| counts.pair()).collect();
        let intervals = bootstrap.paired(&pairs)?;
        let mut tests = Vec::new();
        for ((counts, difference), intervals) in paired.iter_mut().zip(intervals) {
            let words = PairedWords::of(counts);
            difference.value = words.accuracy - words.reference;
            difference.paired = Some(words);
            (difference.ci_low, difference.ci_high) = intervals.map(|i| (i.difference.low, i.difference.high)).unzip();
            if is_tested(at + 1) {
                let p = sign_flip_test(counts.pair())?;
                difference.p_value = Some(p);
                tests.push((p, counts.pair().differs()));
            }
        }
        let tested = paired.iter_mut().filter(|(_, difference)| difference.p_value.is_some());
        for ((_, difference), adjusted) in tested.zip(holm_over_differing(&tests)) {
            difference.p_adjusted = Some(adjusted);
        }
    }
    Ok(())
}

impl PairedWords {
    fn of(counts: &PairedCounts) -> Self {
        let share = |counts: &[Counts]| {
            let (correct, total) = Counts::sum(counts);
            correct as f64 / total as f64
        };
        let words = Counts::sum(&counts.run).1;
        Self { words, reference: share(&counts.reference), accuracy: share(&counts.run), complete: counts.complete }
    }
}
