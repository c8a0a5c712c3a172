//! The books of a pass: what was read of a stream, what was skipped and why. Kept by one hand for every stream.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use headlight_bert::{Pieces, Skip, Tokenizer};
use headlight_report::run::{SplitSummary, Unaligned};
use headlight_treebank::Sentence;
use headlight_treebank::coreference::Document;

use super::contents::Contents;
use super::stream::Stream;
use super::{Run, reading};
use crate::config::Split;
use crate::sources::corpus::Packing;

/// So many sentences that could not be aligned are listed; all are counted.
const LISTED: usize = 100;

/// What a stream was made of.
#[derive(Debug, Default)]
pub struct Books {
    /// For the report. Of packed text, sentences are pairs and words are pieces.
    pub summary: SplitSummary,
    pub(super) contents: Contents,
    /// Mentions of all documents.
    pub mentions: u64,
    /// Those of them that were given again, and count once.
    pub repeated_mentions: u64,
    /// How text was packed.
    pub packing: Option<Packing>,
}

impl Books {
    /// Counts something that is skipped.
    pub(super) fn skip(&mut self, reason: &str) {
        *self.summary.skipped.entry(reason.to_owned()).or_default() += 1;
    }

    /// Counts a sentence, with the pieces that the model sees of it or why it sees none.
    pub(super) fn sentence(
        &mut self,
        sentence: &Sentence,
        pieces: Result<Pieces, Skip>,
        tokenizer: &Tokenizer,
    ) -> Option<Pieces> {
        match pieces {
            Ok(pieces) => {
                self.summary.sentences += 1;
                self.summary.words += sentence.len() as u64;
                self.contents.push(sentence);
                reading::add_sentence(&mut self.summary.reading, sentence, &pieces, tokenizer.special());
                match pieces.unpieced_words {
                    0 => {}
                    1 => self.unaligned(sentence, "1 word has no piece of its own".to_owned()),
                    words => self.unaligned(sentence, format!("{words} words have no piece of their own")),
                }
                Some(pieces)
            }
            Err(skip) => {
                tracing::debug!("{} skipped: {skip}", sentence.sent_id());
                if matches!(skip, Skip::WordOutsideText { .. } | Skip::Untokenizable) {
                    self.unaligned(sentence, skip.to_string());
                }
                self.skip(skip.reason());
                None
            }
        }
    }

    /// Lists a sentence whose words and pieces do not lie side by side.
    fn unaligned(&mut self, sentence: &Sentence, problem: String) {
        if self.summary.unaligned.len() < LISTED {
            let sent_id = sentence.sent_id().to_owned();
            self.summary.unaligned.push(Unaligned { sent_id, problem });
        }
    }

    /// Counts a pair of segments.
    pub(super) fn pair(&mut self, pieces: &Pieces, tokenizer: &Tokenizer) {
        self.summary.sentences += 1;
        self.summary.words += pieces.len() as u64;
        reading::add_pieces(&mut self.summary.reading, pieces, tokenizer.special());
    }

    /// Counts the mentions of a document.
    pub(super) fn mentions(&mut self, document: &Document) {
        self.mentions += document.mentions.len() as u64;
        self.repeated_mentions += document.repeated_mentions as u64;
    }

    /// Completes the books of a stream read from these files.
    ///
    /// # Errors
    /// When nothing in it can be used.
    pub(super) fn close(&mut self, stream: Stream, files: Vec<String>) -> Result<()> {
        let files_named = files.join(", ");
        let reasons = reasons(&self.summary.skipped);
        match stream.split() {
            _ if self.summary.sentences > 0 => {}
            Some(split) if !matches!(stream, Stream::Windows(..)) => {
                bail!("`treebank.{}` ({files_named}) has no sentence to work with{reasons}", split.name())
            }
            Some(_) => {}
            None => bail!(
                "`corpus.files` ({files_named}) holds no usable pair of segments{reasons}: write one sentence a line, a blank \
                 line between documents and more than one sentence in each, or let second segments come from other documents \
                 (--set corpus.random_next=0.5)"
            ),
        }
        self.summary.split = stream.split().map_or("corpus", |split| split.name()).to_owned();
        self.summary.files = files;
        self.summary.repeated = self.contents.close();
        self.summary.repaired = self.contents.repaired;
        Ok(())
    }
}

/// ` (3 skipped: too long)`; nothing where nothing was skipped.
fn reasons(skipped: &BTreeMap<String, u64>) -> String {
    let reasons: Vec<String> = skipped.iter().map(|(reason, count)| format!("{count} skipped: {reason}")).collect();
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) }
}

impl Run {
    /// The books of a stream; it is read where no pass has been over it.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn books(&mut self, stream: Stream) -> Result<&Books> {
        if !self.books.iter().any(|(known, _)| *known == stream) {
            self.read_only(stream)?;
        }
        let found = self.books.iter().find(|(known, _)| *known == stream);
        found.map(|(_, books)| books).context("a pass leaves its books")
    }

    /// Notes what was read of minimal pairs.
    pub fn note_pairs(&mut self, summary: SplitSummary) {
        self.pairs = Some(summary);
    }

    /// What was used of each split, in the order of what is reported, chosen on, learnt from, the corpus and minimal pairs. Of several
    /// streams of a split the first one speaks.
    pub(super) fn splits(&self) -> Vec<SplitSummary> {
        let rank = |split: &str| ["evaluate", "select", "train"].iter().position(|name| *name == split).unwrap_or(3);
        let mut splits: Vec<SplitSummary> = Vec::new();
        for (_, books) in &self.books {
            if !splits.iter().any(|known| known.split == books.summary.split) {
                splits.push(books.summary.clone());
            }
        }
        splits.extend(self.pairs.clone());
        splits.sort_by_key(|split| rank(&split.split));
        splits
    }

    /// What stands in the splits that were read.
    pub(super) fn contents(&self) -> BTreeMap<Split, &Contents> {
        let mut contents = BTreeMap::new();
        for (stream, books) in &self.books {
            if let Some(split) = stream.split() {
                contents.entry(split).or_insert(&books.contents);
            }
        }
        contents
    }
}
