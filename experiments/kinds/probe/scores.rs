//! From predictions to rows of `probe_scores` and `differences`, with intervals.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use headlight_report::tables::{self, ComparedMeasure, ComparingKind, Decoding, Difference, ProbeGroup, ProbeScore};
use headlight_report::{Compared, differences};
use headlight_stats::{Bootstrap, Counts, Pair};
use headlight_treebank::{Attachment, Count, Granularity, Lengths, Sentence};

use super::predictions::{Predictor, Said};
use crate::config::Split;
use crate::kinds::shared::split as to_table;
use crate::run::{Run, Units};

/// The name of UAS without punctuation in the table.
pub const UAS: &str = "uas";

/// Counts of one predictor, sentence by sentence.
#[derive(Default)]
struct Tally {
    sentences: usize,
    counts: BTreeMap<Counted, Vec<Counts>>,
}

/// A row of the table, but for its numbers: measure, group, value of the group.
type Counted = (&'static str, Option<ProbeGroup>, Option<String>);

impl Tally {
    fn add(&mut self, measure: Counted, count: Count) {
        let counts = self.counts.entry(measure).or_default();
        counts.resize(self.sentences, Counts::default());
        counts.push(Counts { correct: count.correct as u32, total: count.total as u32 });
    }

    fn observe(&mut self, sentence: &Sentence, said: &Said, granularity: Granularity) -> Result<()> {
        let mut scores = Attachment::default();
        match said {
            Said::Arcs(arcs) => {
                let uuas = scores.observe_undirected(sentence, arcs);
                self.add(("uuas", None, None), uuas);
            }
            Said::Governors(governors) => {
                let counts = scores.observe(sentence, governors)?;
                self.add((UAS, None, None), counts.uas);
                self.add(("uas_with_punct", None, None), counts.uas_with_punctuation);
                self.add(("uuas", None, None), counts.uuas);
                self.add(("root_accuracy", None, None), counts.root);
                for (relation, count) in scores.by_relation(granularity) {
                    self.add((UAS, Some(ProbeGroup::Relation), Some(relation.to_owned())), count);
                }
                for (length, count) in scores.by_length(Lengths::Grouped) {
                    self.add((UAS, Some(ProbeGroup::Length), Some(length)), count);
                }
            }
        }
        self.sentences += 1;
        Ok(())
    }
}

/// Scores of predictors, and how they differ.
pub struct Scored {
    pub rows: Vec<ProbeScore>,
    pub differences: Vec<Difference>,
}

/// Scores predictors on the evaluated sentences. Intervals for single relations and lengths are given for the
/// predictors that stand for their probe, those of the whole for all.
///
/// # Errors
/// Those of the treebank; predictions that are not of its sentences.
pub fn score(run: &mut Run, predictors: &[Predictor], bootstrap: &Bootstrap) -> Result<Scored> {
    let granularity = run.settings().treebank.granularity();
    let mut tallies: Vec<Tally> = predictors.iter().map(|_| Tally::default()).collect();
    let mut units = run.units();
    for (number, sentence) in run.sentences(Split::Evaluate)?.enumerate() {
        let sentence = sentence?;
        let said: Option<Vec<&Said>> = predictors
            .iter()
            .map(|predictor| predictor.said.get(number).context("the treebank changed while it was read"))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .map(Option::as_ref)
            .collect();
        // What one of them was not asked, none is scored on.
        let Some(said) = said else { continue };
        units.push(&sentence);
        for (tally, said) in tallies.iter_mut().zip(said) {
            tally.observe(&sentence, said, granularity)?;
        }
    }
    let treebank = run.settings().treebank.display_name();
    let mut rows = Vec::new();
    let mut wholes: Vec<Pooled> = Vec::new();
    for (tally, predictor) in tallies.iter_mut().zip(predictors) {
        let sentences = tally.sentences;
        let sums = |counts: &mut Vec<Counts>| {
            counts.resize(sentences, Counts::default());
            units.sums(counts)
        };
        let counts: Vec<(Counted, Vec<Counts>)> =
            tally.counts.iter_mut().map(|(measure, counts)| (measure.clone(), sums(counts))).collect();
        let wanted = |(_, group, _): &Counted| group.is_none() || predictor.written;
        let resampled: Vec<&[Counts]> =
            counts.iter().filter(|(measure, _)| wanted(measure)).map(|(_, counts)| counts.as_slice()).collect();
        let mut intervals = bootstrap.intervals(&resampled)?.into_iter();
        for (measure, counts) in &counts {
            let interval = if wanted(measure) { intervals.next().flatten() } else { None };
            let (correct, total) = Counts::sum(counts);
            if total == 0 {
                continue;
            }
            if measure.1.is_none() {
                pool(&mut wholes, predictor, measure.0, counts);
            }
            let (measure, group, group_value) = measure.clone();
            rows.push(ProbeScore {
                probe: predictor.probe.clone(),
                decoding: predictor.decoding,
                treebank: treebank.clone(),
                split: tables::Split::Evaluate,
                seed: predictor.seed.map(|seed| seed as i64),
                measure: measure.to_owned(),
                group,
                group_value,
                correct: Some(correct),
                total: Some(total),
                value: correct as f64 / total as f64,
                ci_low: interval.map(|interval| interval.low),
                ci_high: interval.map(|interval| interval.high),
                draw: predictor.draw.map(counted),
            });
        }
    }
    Ok(Scored { rows, differences: differences_of(&wholes, &units, bootstrap)? })
}

/// A draw as tables have it, counted from 1.
fn counted(draw: usize) -> i64 {
    draw as i64 + 1
}

/// A measure of a predictor over everything, its trainings added up.
struct Pooled {
    name: String,
    probe: String,
    decoding: Option<Decoding>,
    measure: &'static str,
    trainings: u32,
    counts: Vec<Counts>,
}

fn pool(pooled: &mut Vec<Pooled>, predictor: &Predictor, measure: &'static str, counts: &[Counts]) {
    let name = predictor.name();
    match pooled.iter_mut().find(|known| known.name == name && known.measure == measure) {
        Some(known) => {
            known.trainings += 1;
            for (sum, counts) in known.counts.iter_mut().zip(counts) {
                sum.correct += counts.correct;
                sum.total += counts.total;
            }
        }
        None => pooled.push(Pooled {
            name,
            probe: predictor.probe.clone(),
            decoding: predictor.decoding,
            measure,
            trainings: 1,
            counts: counts.to_vec(),
        }),
    }
}

/// Every comparison that a reader makes in his head, on means over trainings: UAS of each probe against each other, each
/// word for itself, and of each probe's trees against its words; UUAS of each probe against each other.
fn differences_of(pooled: &[Pooled], units: &Units, bootstrap: &Bootstrap) -> Result<Vec<Difference>> {
    let compared = |measure: &'static str, first: Decoding| {
        let of = pooled.iter().filter(move |it| it.measure == measure);
        let of: Vec<&Pooled> = of.filter(|it| it.decoding.is_none_or(|of| of == first)).collect();
        let mut pairs: Vec<(&Pooled, &Pooled)> = Vec::new();
        for (place, a) in of.iter().enumerate() {
            pairs.extend(of[place + 1..].iter().map(|b| (*a, *b)));
        }
        pairs
    };
    let trees = || {
        let decoded = |of| pooled.iter().filter(move |it: &&Pooled| it.measure == UAS && it.decoding == Some(of));
        let same = |tree: &Pooled| decoded(Decoding::Argmax).find(|words| words.probe == tree.probe);
        decoded(Decoding::Tree).filter_map(|tree| Some((tree, same(tree)?))).collect::<Vec<_>>()
    };
    let uas = [compared(UAS, Decoding::Argmax), trees()].concat();
    let mut rows = Vec::new();
    for (measure, pairs) in
        [(ComparedMeasure::Uas, uas), (ComparedMeasure::Uuas, compared("uuas", Decoding::SpanningTree))]
    {
        let scaled: Vec<[Vec<Counts>; 2]> = pairs.iter().map(|(a, b)| [scaled(a, b), scaled(b, a)]).collect();
        let compared = pairs.iter().zip(&scaled).map(|((a, b), [of_a, of_b])| Compared {
            a: &a.name,
            b: &b.name,
            group: None,
            counts: Pair { a: of_a, b: of_b },
        });
        rows.extend(differences(
            ComparingKind::Probe,
            measure,
            &compared.collect::<Vec<_>>(),
            units.unit(),
            bootstrap,
        )?);
    }
    Ok(rows)
}

/// The counts of one, as many times over as it takes for both to have the same words.
fn scaled(of: &Pooled, other: &Pooled) -> Vec<Counts> {
    let common = |mut a: u32, mut b: u32| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let times = other.trainings / common(of.trainings, other.trainings);
    let scale = |counts: &Counts| Counts { correct: times * counts.correct, total: times * counts.total };
    of.counts.iter().map(scale).collect()
}

/// Whose number a row is.
#[derive(Clone, Copy)]
pub struct Training<'a> {
    pub probe: &'a str,
    pub seed: u64,
    /// Of random weights or of the control task, counted from 0.
    pub draw: Option<usize>,
}

/// A row for a number that is no share of words.
pub fn number(run: &Run, training: Training<'_>, split: Split, measure: &str, value: f64) -> ProbeScore {
    ProbeScore {
        probe: training.probe.to_owned(),
        decoding: None,
        treebank: run.settings().treebank.display_name(),
        split: to_table(split),
        seed: Some(training.seed as i64),
        measure: measure.to_owned(),
        group: None,
        group_value: None,
        correct: None,
        total: None,
        value,
        ci_low: None,
        ci_high: None,
        draw: training.draw.map(counted),
    }
}

/// A row for a share of words.
pub fn share(run: &Run, training: Training<'_>, measure: &str, count: Count) -> ProbeScore {
    ProbeScore {
        correct: Some(count.correct),
        total: Some(count.total),
        ..number(run, training, Split::Evaluate, measure, count.ratio().unwrap_or(0.0))
    }
}
