//! The sentences that the report's explorer shows, chosen before anything is encoded.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use headlight_attention::{Frame, HeadGrid};
use headlight_report::explorer::{Explorer, ExplorerSample, ExplorerSentence};
use headlight_treebank::Granularity;

use crate::config::Split;
use crate::kinds::shared::predictions::Rows;
use crate::run::{Record, Run, Stream, Wants, cache, pieces};

/// Which sentences are shown. They do not depend on what was encoded when, so that an interruption cannot change them.
pub struct Explored {
    split: Split,
    grid: HeadGrid,
    frame: Frame,
    rows: Rows,
    eligible: u64,
    numbers: BTreeSet<usize>,
}

impl Explored {
    /// Chooses among all sentences of a split; which ones stays in the cache, for all shards and runs that ask again.
    ///
    /// # Errors
    /// When the model or the treebank cannot be read.
    pub fn choose(run: &mut Run, split: Split, rows: Rows) -> Result<Self> {
        let stream = Stream::Trees(split);
        let identity = run.identity(stream, None, None)?.with("noted", "sentences of the explorer");
        let (grid, frame) = (run.checkpoint()?.grid, run.checkpoint()?.frame.clone());
        let (eligible, numbers) = cache::noted(&identity, || {
            let keys = run.settings().treebank.clone();
            let sentences = run.sentences(split)?;
            let model = &run.model()?.model;
            let mut sample = ExplorerSample::new(grid, &frame);
            for (number, sentence) in sentences.enumerate() {
                let sentence = sentence?;
                sample.offer(number, &sentence, || pieces(&sentence, model.tokenizer(), &keys).is_ok());
            }
            Ok((sample.eligible(), sample.numbers()))
        })?;
        Ok(Self { split, grid, frame, rows, eligible, numbers })
    }

    /// What is kept of them: relations as fine as the treebank has them, whatever the run's tables have.
    pub fn record(&self, run: &Run) -> Record<Vec<ExplorerSentence>> {
        let rows = self.rows;
        let record = Record::new(
            run,
            (Stream::Trees(self.split), Wants::words(run.settings().treebank.merge_rule())),
            "sentences of the explorer",
            Vec::new(),
            move |item, _, encoded| {
                let shown = ExplorerSentence::new(item.sentence()?, rows.maps(encoded)?.as_ref(), Granularity::Full);
                shown.context("a sentence of the explorer has a length that can be drawn")
            },
            |all: &mut Vec<ExplorerSentence>, shown| {
                all.push(shown);
                Ok(())
            },
        );
        record.only(self.numbers.clone()).depends(rows)
    }

    /// The sentences, in the order of the treebank.
    ///
    /// # Errors
    /// Those of the encoder's pass.
    pub fn read(self, run: &mut Run) -> Result<Option<Explorer>> {
        let granularity = run.settings().treebank.granularity();
        let record = self.record(run);
        let mut shown = run.read(&record)?.sum;
        let sentences = run.sentences(self.split)?.enumerate();
        let numbered = sentences.filter(|(number, _)| self.numbers.contains(number));
        for (shown, (_, sentence)) in shown.iter_mut().zip(numbered) {
            for (shown, word) in shown.words.iter_mut().zip(sentence?.words()) {
                word.relation.name(granularity).clone_into(&mut shown.relation);
            }
        }
        Ok(Some(Explorer::new(self.split.name(), self.grid, &self.frame, self.eligible, shown)))
    }
}
