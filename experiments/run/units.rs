//! What statistics resample and swap: sentences, or whole documents (`treebank.unit`).

use std::collections::HashMap;

use anyhow::{Result, ensure};
use headlight_heads::Fold;
use headlight_stats::{Counts, Unit};
use headlight_treebank::Sentence;
use serde::{Deserialize, Serialize};

use super::Run;

/// Which unit each sentence belongs to, in the order in which sentences were counted.
#[derive(Clone, Debug, Default)]
pub struct Units {
    unit: Unit,
    /// Sentences so far.
    sentences: u32,
    /// The document of each, where documents are the unit; a sentence that is a unit of its own has its own number.
    of: Vec<u32>,
    documents: HashMap<Option<String>, u32>,
    opened: u32,
}

/// What has to be known of a sentence to tell its unit, kept with what was counted of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Mark {
    /// A unit of its own.
    Sentence,
    /// One of a document.
    Document {
        /// The document's name; none where the file gives none.
        name: Option<String>,
        /// Whether the sentence opens it.
        opens: bool,
    },
}

impl Mark {
    /// The mark of a sentence.
    pub fn of(sentence: &Sentence, unit: Unit) -> Self {
        match unit {
            Unit::Sentence | Unit::Sequence | Unit::Pair => Mark::Sentence,
            Unit::Document => {
                Mark::Document { name: sentence.document().map(ToOwned::to_owned), opens: sentence.opens_document() }
            }
        }
    }
}

impl Run {
    /// No sentence yet, and the unit that the config asks for.
    pub fn units(&self) -> Units {
        Units::new(self.config.treebank.unit())
    }
}

impl Units {
    /// No sentence yet.
    pub fn new(unit: Unit) -> Self {
        Self { unit, ..Self::default() }
    }

    /// What a unit is.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Adds the next sentence that is counted, and says which unit it belongs to.
    pub fn push(&mut self, sentence: &Sentence) -> u32 {
        self.mark(Mark::of(sentence, self.unit))
    }

    /// Adds the next sentence that is counted, by what was noted of it, and says which unit it belongs to.
    pub fn mark(&mut self, mark: Mark) -> u32 {
        let unit = match mark {
            Mark::Sentence => self.sentences,
            Mark::Document { name, opens } => {
                // An unnamed document is told from the one before by its first sentence.
                if opens && name.is_none() {
                    self.documents.remove(&None);
                }
                let opened = &mut self.opened;
                let unit = *self.documents.entry(name).or_insert_with(|| {
                    *opened += 1;
                    *opened - 1
                });
                self.of.push(unit);
                unit
            }
        };
        self.sentences += 1;
        unit
    }

    /// The unit of a sentence, by its number among those counted.
    pub fn of(&self, sentence: usize) -> u32 {
        if self.unit == Unit::Document { self.of[sentence] } else { sentence as u32 }
    }

    /// The document of a sentence, by its number among those counted; documents are counted from 1, where they are the unit.
    pub fn document(&self, sentence: usize) -> Option<u32> {
        (self.unit == Unit::Document).then(|| self.of[sentence] + 1)
    }

    /// Number of units.
    pub fn len(&self) -> usize {
        if self.unit == Unit::Document { self.opened as usize } else { self.sentences as usize }
    }

    /// Adds up what was counted sentence by sentence.
    pub fn sums(&self, sentences: &[Counts]) -> Vec<Counts> {
        let mut sums = vec![Counts::default(); self.len()];
        for (sentence, counts) in sentences.iter().enumerate().take(self.sentences as usize) {
            let unit = self.of(sentence) as usize;
            sums[unit].correct += counts.correct;
            sums[unit].total += counts.total;
        }
        sums
    }

    /// Checks that there is something to resample.
    ///
    /// # Errors
    /// One document alone, or none marked.
    pub fn check(&self, place: &str) -> Result<()> {
        ensure!(
            self.unit == Unit::Sentence || self.len() > 1,
            "`treebank.unit` is \"document\", but {place} marks no more than one document (`# newdoc` in CoNLL-U): \
             --set treebank.unit=sentence takes sentences as units"
        );
        Ok(())
    }
}

/// The half that a sentence belongs to: by its document where documents are the unit.
pub fn fold(sentence: &Sentence, unit: Unit) -> Fold {
    match (unit, sentence.document()) {
        (Unit::Document, Some(document)) => Fold::of_name(document),
        _ => Fold::of(sentence),
    }
}
