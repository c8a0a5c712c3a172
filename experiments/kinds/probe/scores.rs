//! From predictions to rows of `probe_scores`, with intervals.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use headlight_report::stats::{Bootstrap, Counts};
use headlight_report::tables::ProbeScore;
use headlight_treebank::{Attachment, Count, Granularity, Lengths, Sentence};

use super::predictions::{Predictor, Said};
use crate::config::Split;
use crate::run::Run;

/// The name of UAS without punctuation in the table.
pub const UAS: &str = "uas";

/// Counts of one predictor, sentence by sentence.
#[derive(Default)]
struct Tally {
    sentences: usize,
    counts: BTreeMap<Measure, Vec<Counts>>,
}

/// A row of the table, but for its numbers: measure, group, value of the group.
type Measure = (&'static str, Option<&'static str>, Option<String>);

impl Tally {
    fn add(&mut self, measure: Measure, count: Count) {
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
                    self.add((UAS, Some("relation"), Some(relation.to_owned())), count);
                }
                for (length, count) in scores.by_length(Lengths::Grouped) {
                    self.add((UAS, Some("length"), Some(length)), count);
                }
            }
        }
        self.sentences += 1;
        Ok(())
    }
}

/// Scores predictors on the evaluated sentences. Intervals for single relations and lengths are given for the
/// predictors that stand for their probe, those of the whole for all.
///
/// # Errors
/// Those of the treebank; predictions that are not of its sentences.
pub fn rows(run: &mut Run, predictors: &[Predictor], bootstrap: &Bootstrap) -> Result<Vec<ProbeScore>> {
    let granularity = run.config().treebank.granularity();
    let mut tallies: Vec<Tally> = predictors.iter().map(|_| Tally::default()).collect();
    for (number, sentence) in run.sentences(Split::Evaluate)?.enumerate() {
        let sentence = sentence?;
        for (tally, predictor) in tallies.iter_mut().zip(predictors) {
            ensure!(number < predictor.said.len(), "the treebank changed while it was read");
            if let Some(said) = &predictor.said[number] {
                tally.observe(&sentence, said, granularity)?;
            }
        }
    }
    let treebank = run.config().treebank.display_name();
    let mut rows = Vec::new();
    for (tally, predictor) in tallies.iter_mut().zip(predictors) {
        let sentences = tally.sentences;
        tally.counts.values_mut().for_each(|counts| counts.resize(sentences, Counts::default()));
        let wanted = |(_, group, _): &Measure| group.is_none() || predictor.written;
        let counts: Vec<&[Counts]> =
            tally.counts.iter().filter(|(measure, _)| wanted(measure)).map(|(_, counts)| counts.as_slice()).collect();
        let mut intervals = bootstrap.intervals(&counts)?.into_iter();
        for (measure, counts) in &tally.counts {
            let interval = if wanted(measure) { intervals.next().flatten() } else { None };
            let (correct, total) = Counts::sum(counts);
            if total == 0 {
                continue;
            }
            let (measure, group, group_value) = measure.clone();
            rows.push(ProbeScore {
                probe: predictor.probe.clone(),
                decoding: predictor.decoding.map(|decoding| decoding.name().to_owned()),
                treebank: treebank.clone(),
                split: Split::Evaluate.name().to_owned(),
                seed: predictor.seed.map(|seed| seed as i64),
                measure: measure.to_owned(),
                group: group.map(ToOwned::to_owned),
                group_value,
                correct: Some(correct),
                total: Some(total),
                value: correct as f64 / total as f64,
                ci_low: interval.map(|interval| interval.low),
                ci_high: interval.map(|interval| interval.high),
            });
        }
    }
    Ok(rows)
}

/// A row for a number that is no share of words.
pub fn number(run: &Run, probe: &str, split: Split, seed: u64, measure: &str, value: f64) -> ProbeScore {
    ProbeScore {
        probe: probe.to_owned(),
        decoding: None,
        treebank: run.config().treebank.display_name(),
        split: split.name().to_owned(),
        seed: Some(seed as i64),
        measure: measure.to_owned(),
        group: None,
        group_value: None,
        correct: None,
        total: None,
        value,
        ci_low: None,
        ci_high: None,
    }
}

/// A row for a share of words.
pub fn share(run: &Run, probe: &str, seed: u64, measure: &str, count: Count) -> ProbeScore {
    ProbeScore {
        correct: Some(count.correct),
        total: Some(count.total),
        ..number(run, probe, Split::Evaluate, seed, measure, count.ratio().unwrap_or(0.0))
    }
}
