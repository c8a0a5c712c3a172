//! What every statistic starts from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is resampled and swapped as a whole, its words depending on each other (METHOD §2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A sentence.
    #[default]
    Sentence,
    /// A document: all its sentences together.
    Document,
    /// A sequence of packed text.
    Sequence,
    /// A minimal pair of sentences.
    Pair,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sentence, Self::Document, Self::Sequence, Self::Pair];

    /// As files write it.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Sentence => "sentence",
            Unit::Document => "document",
            Unit::Sequence => "sequence",
            Unit::Pair => "pair",
        }
    }

    /// More than one, for people.
    pub fn plural(self) -> &'static str {
        match self {
            Unit::Sentence => "sentences",
            Unit::Document => "documents",
            Unit::Sequence => "sequences",
            Unit::Pair => "pairs",
        }
    }
}

/// As files write it.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How many words of one sentence, or document, a predictor got right.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Counts {
    /// Words that it got right.
    pub correct: u32,
    /// Words counted.
    pub total: u32,
}

impl Counts {
    /// Counts one more word.
    pub fn observe(&mut self, correct: bool) {
        self.correct += u32::from(correct);
        self.total += 1;
    }

    /// Sums over sentences: words right, and words.
    pub fn sum(sentences: &[Counts]) -> (u64, u64) {
        sentences.iter().fold((0, 0), |(correct, total), counts| {
            (correct + u64::from(counts.correct), total + u64::from(counts.total))
        })
    }
}

/// From `(correct, total)`.
impl From<(u32, u32)> for Counts {
    fn from((correct, total): (u32, u32)) -> Self {
        Self { correct, total }
    }
}

/// Two predictors on the same sentences, one [`Counts`] per sentence each.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The first predictor; differences are `a - b`.
    pub a: &'a [Counts],
    /// The second predictor.
    pub b: &'a [Counts],
}

/// Counts that cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// Two lists of sentences that should be the same.
    #[error("counts of {a} sentences are paired with counts of {b}; both must be of the same sentences")]
    DifferentSentences {
        /// Sentences of the first list.
        a: usize,
        /// Sentences of the second.
        b: usize,
    },
}

impl Pair<'_> {
    /// Whether one of the two is right more often than the other in any unit.
    pub fn differs(&self) -> bool {
        self.a.iter().zip(self.b).any(|(a, b)| a.correct != b.correct)
    }

    /// The number of sentences.
    ///
    /// # Errors
    /// [`StatsError::DifferentSentences`] where `a` and `b` are not equally long.
    pub(super) fn sentences(&self) -> Result<usize, StatsError> {
        check_sentences(self.a.len(), self.b.len())
    }
}

pub(super) fn check_sentences(a: usize, b: usize) -> Result<usize, StatsError> {
    if a == b { Ok(a) } else { Err(StatsError::DifferentSentences { a, b }) }
}
