//! A source, read.

use std::collections::BTreeMap;

use super::align::{PairedCounts, RunPair};
use super::measures::{Measures, measures};
use super::outcome::{Contestant, Score};
use super::words::RunWords;
use super::{CompareError, Paper, PublishedHead, Reported};
use crate::assess::is_between_words;
use crate::run::RunDirectory;
use crate::tables::{BestHead, Direction};

/// A source, read.
pub(super) struct Entry<'a> {
    pub(super) source: &'a Reported,
    pub(super) label: String,
    pub(super) scores: BTreeMap<String, Score>,
    pub(super) words: Option<RunWords>,
    pub(super) measures: Measures,
    /// The words that it shares with the reference; `None` of the reference, and where there are none.
    pub(super) beside: Option<RunPair>,
}

impl<'a> Entry<'a> {
    pub(super) fn read(source: &'a Reported, label: String) -> Result<Self, CompareError> {
        let (scores, words) = match source {
            Reported::Run(run) => (run_scores(run)?, RunWords::read(run, &label)?),
            Reported::Paper(paper) => (paper_scores(paper), None),
        };
        Ok(Self { source, label, scores, words, measures: measures(source)?, beside: None })
    }

    /// Finds the words that the run shares with the reference.
    pub(super) fn pair_with(&mut self, reference: &Entry<'_>) {
        self.beside = reference.words.as_ref().zip(self.words.as_ref()).and_then(|(a, b)| RunPair::of(a, b));
    }

    /// What this run and the reference said of the words that both count under a relation; `None` where nothing is shared.
    pub(super) fn relation_beside(&self, reference: &Entry<'_>, name: &str) -> Option<PairedCounts> {
        let of = |entry: &Entry<'_>| entry.scores.contains_key(name);
        let (pair, theirs, ours) = self.pair_of(reference)?;
        if of(reference) && of(self) { pair.counts(theirs.relation(name)?, ours.relation(name)?) } else { None }
    }

    /// The same of a measure. Of several trainings only the first has predictions, so their mean is not paired.
    pub(super) fn measure_beside(&self, reference: &Entry<'_>, name: &str) -> Option<PairedCounts> {
        let trained_once = |entry: &Entry<'_>| entry.measures.get(name).is_some_and(|measure| measure.seeds == 1);
        let (pair, theirs, ours) = self.pair_of(reference)?;
        if trained_once(reference) && trained_once(self) {
            pair.counts(theirs.measure(name)?, ours.measure(name)?)
        } else {
            None
        }
    }

    fn pair_of<'b>(&'b self, reference: &'b Entry<'_>) -> Option<(&'b RunPair, &'b RunWords, &'b RunWords)> {
        Some((self.beside.as_ref()?, reference.words.as_ref()?, self.words.as_ref()?))
    }

    /// Whether it is a run, and no published table.
    pub(super) fn is_run(&self) -> bool {
        matches!(self.source, Reported::Run(_))
    }

    pub(super) fn contestant(&self, paired: bool) -> Contestant {
        let (model, treebank, citation) = match self.source {
            Reported::Run(run) => {
                let model = &run.report().model;
                (model.display_name(), &run.report().treebank.name, None)
            }
            // On what a paper's numbers are scored differs between them: the notes say it of those that are compared.
            Reported::Paper(paper) => (paper.paper.model.clone(), &String::new(), Some(paper.paper.citation.clone())),
        };
        let (label, treebank) = (self.label.clone(), treebank.clone());
        let unit = self.beside.as_ref().map(|pair| pair.unit.name().to_owned());
        Contestant { label, model, treebank, citation, paired, unit }
    }

    /// Whether its heads were chosen on the sentences that they are scored on.
    pub(super) fn is_optimistic(&self) -> bool {
        match self.source {
            Reported::Run(run) => run.report().conventions.is_optimistic(),
            Reported::Paper(paper) => {
                paper.table1.selected_on.is_some() && paper.table1.selected_on == paper.table1.evaluated_on
            }
        }
    }

    /// For the error that there is nothing in common.
    pub(super) fn contents(&self) -> String {
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
    let arrow = match direction {
        Direction::DependentToGovernor => "→",
        Direction::GovernorToDependent => "←",
        Direction::LaterToEarlier => "↔",
    };
    format!("{layer}-{head} {arrow}")
}

fn paper_scores(paper: &Paper) -> BTreeMap<String, Score> {
    let score = |head: &PublishedHead| {
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
