//! A gate on a comparison: which differences may not fall below what (`headlight compare --fail-below`).

use std::collections::BTreeSet;

use serde::Serialize;

use super::outcome::{Comparison, Difference};

/// What is held, and to what. The default holds every difference to 0.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Gate {
    /// No difference to the reference may be below so many percentage points.
    pub points: f64,
    /// The relations and measures that are held; empty: all.
    pub names: Vec<String>,
    /// A name with fewer words, or with none that are counted, is passed over.
    pub min_count: u64,
    /// Whether a difference is below only where its whole interval is.
    pub whole_interval: bool,
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
    /// The interval of the difference, where it has one.
    pub interval: Option<(f64, f64)>,
}

/// What a gate found.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Held {
    /// So many differences were held.
    pub held: usize,
    /// Differences with fewer words than asked for, or with none that are counted.
    pub too_few_words: usize,
    /// Differences without an interval, where one was asked for.
    pub without_interval: usize,
    /// Those that are below.
    pub shortfalls: Vec<Shortfall>,
}

/// Why a gate can neither open nor close.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// A name that no contestant has.
    #[error("there is no relation or measure {name} in what is compared: there are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Some of those that there are.
        known: String,
    },
    /// A contestant without anything to be held to.
    #[error("{label} has no number that could be held{why}")]
    Nothing {
        /// The contestant.
        label: String,
        /// What was asked for, and where numbers are that it leaves out.
        why: String,
    },
}

/// Names in a message.
const SHOWN: usize = 12;

impl Comparison {
    /// Holds the differences of every contestant to a gate. Where nothing of one is held, that is an error: a gate that looks
    /// at nothing would always open.
    ///
    /// # Errors
    /// [`GateError`].
    pub fn hold(&self, gate: &Gate) -> Result<Held, GateError> {
        let names: BTreeSet<&str> = self.rows().map(|(name, _)| name).collect();
        if let Some(unknown) = gate.names.iter().find(|name| !names.contains(name.as_str())) {
            let shown = self.rows().map(|(name, _)| name).take(SHOWN).collect::<Vec<_>>().join(", ");
            let more = if names.len() > SHOWN { ", …" } else { "" };
            return Err(GateError::Unknown { name: unknown.clone(), known: format!("{shown}{more}") });
        }
        let mut all = Held::default();
        for at in 1..self.contestants.len() {
            let held = self.hold_one(gate, at);
            if held.held == 0 {
                let label = self.contestants[at].label.clone();
                return Err(GateError::Nothing { label, why: gate.why_nothing(&held) });
            }
            all.held += held.held;
            all.too_few_words += held.too_few_words;
            all.without_interval += held.without_interval;
            all.shortfalls.extend(held.shortfalls);
        }
        Ok(all)
    }

    fn hold_one(&self, gate: &Gate, at: usize) -> Held {
        let mut held = Held::default();
        for (name, differences) in self.rows() {
            let Some(difference) = differences[at] else { continue };
            if !gate.names.is_empty() && !gate.names.iter().any(|held| held == name) {
                continue;
            }
            let interval = difference.ci_low.zip(difference.ci_high);
            if gate.min_count > 0 && self.words(name, at, &difference).is_none_or(|words| words < gate.min_count) {
                held.too_few_words += 1;
                continue;
            }
            let highest = match (gate.whole_interval, interval) {
                (true, None) => {
                    held.without_interval += 1;
                    continue;
                }
                (true, Some((_, high))) => high,
                (false, _) => difference.value,
            };
            held.held += 1;
            if 100.0 * highest < gate.points {
                let (relation, label) = (name.to_owned(), self.contestants[at].label.clone());
                held.shortfalls.push(Shortfall { relation, label, difference: difference.value, interval });
            }
        }
        held
    }

    /// The words that a difference rests on: those that are paired, else the fewer of the two numbers'.
    fn words(&self, name: &str, at: usize, difference: &Difference) -> Option<u64> {
        if let Some(paired) = difference.paired {
            return Some(paired.words);
        }
        let row = self.relations.iter().find(|row| row.relation == name)?;
        Some(row.scores[0].as_ref()?.total?.min(row.scores[at].as_ref()?.total?))
    }

    /// Names of relations and measures with their differences.
    fn rows(&self) -> impl Iterator<Item = (&str, &[Option<Difference>])> {
        let relations = self.relations.iter().map(|row| (row.relation.as_str(), row.differences.as_slice()));
        relations.chain(self.measures.iter().map(|row| (row.measure.as_str(), row.differences.as_slice())))
    }
}

impl Gate {
    fn why_nothing(&self, held: &Held) -> String {
        let of = match self.names.as_slice() {
            [] => String::new(),
            names => format!(" of {}", names.join(", ")),
        };
        match (held.too_few_words, held.without_interval) {
            (0, 0) => format!("{of}: no relation and no measure that the first run has too"),
            (_, 0) => format!("{of}: none with at least {} words that are counted", self.min_count),
            (0, _) => format!("{of}: none with an interval; words are not paired"),
            (..) => format!("{of}: none with at least {} words and an interval", self.min_count),
        }
    }
}
