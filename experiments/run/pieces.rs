//! The sentences of a split as an encoder gets them, for work that brings its own encoder.

use std::io::{self, IsTerminal};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use headlight_bert::Pieces;
use headlight_report::run::{Reading, SplitSummary};
use headlight_treebank::Sentence;

use super::contents::Contents;
use super::encode::{Skips, Trees, no_sentences, pieces};
use super::{Run, reading};
use crate::cli::interrupt;
use crate::cli::progress::{Progress, Unit};
use crate::config::Split;
use crate::sources::treebank::Treebank;

impl Run {
    /// Visits each sentence of a split with its pieces, in order; `label` names the work to the user. Skipped sentences are
    /// counted by reason.
    ///
    /// # Errors
    /// The first of: a file that cannot be read, a sentence that is no tree (unless the config skips those), what `visit`
    /// says, Ctrl-C.
    pub fn for_each_input(
        &mut self,
        label: &str,
        split: Split,
        visit: impl FnMut(&Sentence, Pieces) -> Result<()>,
    ) -> Result<()> {
        let treebank = self.treebank(split)?;
        self.for_each_of(&treebank, label, visit)
    }

    /// Visits each sentence of a split as [`Run::for_each_input`] does, whether it has a tree or not.
    ///
    /// # Errors
    /// As [`Run::for_each_input`].
    pub fn for_each_words(
        &mut self,
        label: &str,
        split: Split,
        visit: impl FnMut(&Sentence, Pieces) -> Result<()>,
    ) -> Result<()> {
        let treebank = self.treebank(split)?.with_optional_trees();
        self.for_each_of(&treebank, label, visit)
    }

    fn for_each_of(
        &mut self,
        treebank: &Treebank,
        label: &str,
        mut visit: impl FnMut(&Sentence, Pieces) -> Result<()>,
    ) -> Result<()> {
        let clock = Instant::now();
        let split = treebank.split;
        self.model()?;
        let keys = self.config().treebank.clone();
        let tokenizer = self.model.get().context("the model was loaded above")?.model.tokenizer();
        let total = io::stderr().is_terminal().then(|| treebank.sentences().count() as u64);
        let label = format!("{label} {}", split.name());
        let progress = Progress::start(&label, Unit::Items("sentences"), total);
        let (mut sentences, mut words, mut skips) = (0, 0, Skips::new());
        let (mut contents, mut reading) = (Contents::default(), Reading::default());
        for sentence in Trees::of(treebank, keys.invalid) {
            interrupt::check()?;
            let sentence = sentence?;
            let read = sentence.as_ref().map(|sentence| (sentence, pieces(sentence, tokenizer, &keys)));
            let skipped = match read {
                Err(reason) => Some(*reason),
                Ok((_, Err(skip))) => Some(skip.reason()),
                Ok((sentence, Ok(pieces))) => {
                    sentences += 1;
                    words += sentence.len() as u64;
                    contents.push(sentence);
                    reading::add_sentence(&mut reading, sentence, &pieces, tokenizer.special().unk);
                    visit(sentence, pieces)?;
                    None
                }
            };
            if let Some(reason) = skipped {
                *skips.entry(reason.to_owned()).or_default() += 1;
            }
            progress.add(1);
        }
        progress.finish();
        ensure!(sentences > 0, no_sentences(treebank, &skips));
        self.note_split(SplitSummary {
            split: split.name().to_owned(),
            files: treebank.file_names(),
            sentences,
            words,
            skipped: skips,
            repeated: contents.repeated(),
            repaired: contents.repaired,
            reading,
        });
        self.note_contents(split, contents);
        self.note_stage(label, clock);
        Ok(())
    }
}
