//! The sentences that the report's explorer shows, chosen before anything is encoded.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use headlight_attention::HeadGrid;
use headlight_report::explorer::{Explorer, ExplorerSample, ExplorerSentence};

use crate::config::Split;
use crate::run::{Run, pieces};

/// Which sentences are shown, and those of them that were encoded. Nothing of it is kept on disk: which sentences are shown
/// does not depend on what was encoded when, and after an interruption those few are encoded once more.
pub struct Explored {
    split: Split,
    grid: HeadGrid,
    eligible: u64,
    numbers: BTreeSet<usize>,
    sentences: BTreeMap<usize, ExplorerSentence>,
}

impl Explored {
    /// No sentence.
    pub fn none(split: Split, grid: HeadGrid) -> Self {
        Self { split, grid, eligible: 0, numbers: BTreeSet::new(), sentences: BTreeMap::new() }
    }

    /// Chooses among all sentences of a split.
    ///
    /// # Errors
    /// When the model or the treebank cannot be read.
    pub fn choose(run: &mut Run, split: Split) -> Result<Self> {
        let keys = run.config().treebank.clone();
        let sentences = run.sentences(split)?;
        let model = &run.model()?.model;
        let mut sample = ExplorerSample::new(model.spec().grid);
        for (number, sentence) in sentences.enumerate() {
            let sentence = sentence?;
            sample.offer(number, &sentence, || pieces(&sentence, model.tokenizer(), &keys).is_ok());
        }
        let (eligible, numbers) = (sample.eligible(), sample.numbers());
        Ok(Self { eligible, numbers, ..Self::none(split, model.spec().grid) })
    }

    /// The numbers of the sentences that are shown.
    pub fn numbers(&self) -> &BTreeSet<usize> {
        &self.numbers
    }

    /// Takes a sentence that is shown.
    pub fn push(&mut self, number: usize, sentence: ExplorerSentence) {
        self.sentences.insert(number, sentence);
    }

    /// The sentences, in the order of the treebank.
    pub fn finish(self) -> Explorer {
        Explorer::new(self.split.name(), self.grid, self.eligible, self.sentences.into_values().collect())
    }
}
