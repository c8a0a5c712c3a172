//! One pass of the encoder over documents with mentions, window by window.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use headlight_bert::{Pieces, Skip, StreamError, Tokenizer};
use headlight_heads::coreference::{
    CoreferenceCounts, CoreferenceOptions, CoreferenceScores, MentionGroup, Window, windows,
};
use headlight_report::run::{Reading, SplitSummary};
use headlight_treebank::ReadError;
use headlight_treebank::coreference::{Document, HeadRule};

use super::contents::Contents;
use super::{Blocks, Run, Steps, model, reading};
use crate::cli::interrupt;
use crate::cli::progress::{Progress, Unit};
use crate::config::{Invalid, Split, TreebankConfig};

/// What a pass is about.
pub struct DocumentPass {
    /// The documents.
    pub split: Split,
    /// Which word is the head of a mention.
    pub rule: HeadRule,
    /// What counts as a mention and as a candidate.
    pub options: CoreferenceOptions,
}

/// What the documents of a pass leave behind.
#[derive(Default)]
struct Ledger {
    sentences: u64,
    words: u64,
    mentions: u64,
    repeated_mentions: u64,
    skips: BTreeMap<String, u64>,
    contents: Contents,
    reading: Reading,
}

/// Windows of a block: a second or a few of work.
const WINDOWS: usize = 64;

/// Reasons under which skipped documents are counted.
const UNREADABLE: &str = "documents that cannot be read";
const NO_MENTIONS: &str = "documents without mentions";

/// What the documents of a split say.
pub struct ScoredDocuments {
    /// Document by document.
    pub scores: CoreferenceScores,
    /// Mentions that were given again, and counted once.
    pub repeated_mentions: u64,
}

/// What one window counts, as a block of a pass keeps it: number and name of its document.
type OfWindow = (usize, String, CoreferenceCounts);

impl Run {
    /// Scores all heads and baselines on the mentions of a split, document by document. Windows are kept in blocks, so that an
    /// interrupted call is taken up after the last whole one.
    ///
    /// # Errors
    /// The first of: a file that cannot be read, a document that cannot be read or has no mentions (unless the config skips
    /// those), no mention with an antecedent at all, Ctrl-C.
    pub fn score_documents(&mut self, pass: &DocumentPass, steps: Steps) -> Result<ScoredDocuments> {
        let clock = Instant::now();
        let name = pass.split.name();
        let treebank = self.treebank(pass.split)?;
        self.model()?;
        let keys = &self.config.treebank;
        let model = &self.model.get().context("the model was loaded above")?.model;
        let limit = keys.max_pieces.min(model.spec().max_pieces());
        let progress = Progress::start(format!("encode {name}"), Unit::Items("windows"), None);
        let ledger = Mutex::new(Ledger::default());
        let mut scores = CoreferenceScores::new(model.spec().grid);
        let mut blocks = Blocks::resume(steps, WINDOWS, |block: Vec<OfWindow>| {
            block.iter().for_each(|(number, document, counts)| scores.add(*number, document, counts));
            Ok(())
        })?;
        progress.add(blocks.done() as u64);
        let inputs = Windows {
            documents: treebank.documents(pass.rule),
            place: format!("`treebank.{name}` ({})", treebank.file_names().join(", ")),
            pass,
            keys,
            tokenizer: model.tokenizer(),
            limit,
            ready: VecDeque::new(),
            documents_read: 0,
            windows_left_out: blocks.done(),
            ledger: &ledger,
        };
        let streamed = model.stream(
            inputs,
            &model::request(&self.config),
            |((number, document), window): (Named, Window), _, encoded| {
                let attention = encoded.words.expect("the request asks for attention over words");
                (number, document.to_string(), window.score(&attention))
            },
            |of_window: OfWindow| {
                progress.add(1);
                blocks.add(|block| {
                    block.push(of_window);
                    Ok(())
                })
            },
        );
        streamed.map_err(|error| match error {
            StreamError::Caller(error) => error,
            other => anyhow!("{other}"),
        })?;
        blocks.finish()?;
        progress.finish();
        let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
        let files = treebank.file_names();
        ensure!(
            scores.sum(|_| true).total(MentionGroup::All) > 0,
            "`treebank.{name}` ({}) has {} mentions, and none with an antecedent in its window of {limit} pieces; \
             coreference is read from `Entity=` in MISC (CorefUD) or from CoNLL-2012 (treebank.format = \"conll2012\")",
            files.join(", "),
            ledger.mentions
        );
        self.note_split(SplitSummary {
            split: name.to_owned(),
            files,
            sentences: ledger.sentences,
            words: ledger.words,
            skipped: ledger.skips,
            repeated: ledger.contents.repeated(),
            repaired: ledger.contents.repaired,
            reading: ledger.reading,
        });
        self.note_contents(pass.split, ledger.contents);
        self.note_stage(format!("coreference {name}"), clock);
        Ok(ScoredDocuments { scores, repeated_mentions: ledger.repeated_mentions })
    }
}

/// Number and name of a document.
type Named = (usize, Arc<str>);

/// The windows of documents with their pieces.
struct Windows<'a, I> {
    documents: I,
    /// The config key that the documents come from, and its files.
    place: String,
    pass: &'a DocumentPass,
    keys: &'a TreebankConfig,
    tokenizer: &'a Tokenizer,
    limit: usize,
    /// Windows of the last document read.
    ready: VecDeque<((Named, Window), Pieces)>,
    documents_read: usize,
    /// So many windows were scored before: they are cut and counted, but not given out.
    windows_left_out: usize,
    ledger: &'a Mutex<Ledger>,
}

impl<I: Iterator<Item = Result<Document, ReadError>>> Windows<'_, I> {
    fn note(&self, note: impl FnOnce(&mut Ledger)) {
        note(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn count_skip(&self, reason: &str) {
        self.note(|ledger| *ledger.skips.entry(reason.to_owned()).or_default() += 1);
    }

    /// Cuts a document into windows.
    fn cut(&mut self, document: &Document) -> Result<()> {
        if document.mentions.is_empty() {
            ensure!(
                self.keys.invalid != Invalid::Stop,
                "{}: the document {}, whose first sentence is {}, has no mentions; --set treebank.invalid=skip skips and \
                 counts such documents",
                self.place,
                document.id,
                document.sentences.first().map_or("missing", |sentence| sentence.sent_id())
            );
            tracing::warn!("skipped: the document {} has no mentions", document.id);
            self.count_skip(NO_MENTIONS);
            return Ok(());
        }
        let mut pieces = Vec::with_capacity(document.sentences.len());
        for sentence in &document.sentences {
            pieces.push(match self.tokenizer.words(&sentence.forms(), self.limit) {
                Ok(pieces) => {
                    self.note(|ledger| {
                        ledger.sentences += 1;
                        ledger.words += sentence.len() as u64;
                        ledger.contents.push(sentence);
                        reading::add_sentence(&mut ledger.reading, sentence, &pieces, self.tokenizer.special().unk);
                    });
                    pieces.len() - 2
                }
                Err(skip) => {
                    tracing::debug!("{} skipped: {skip}", sentence.sent_id());
                    self.count_skip(skip.reason());
                    // A sentence that cannot be encoded fits no window, as one that is too long.
                    usize::MAX
                }
            });
        }
        self.note(|ledger| {
            ledger.mentions += document.mentions.len() as u64;
            ledger.repeated_mentions += document.repeated_mentions as u64;
        });
        let named: Named = (self.documents_read, document.id.as_str().into());
        self.documents_read += 1;
        for sentences in windows(&pieces, self.limit) {
            if self.windows_left_out > 0 {
                self.windows_left_out -= 1;
                continue;
            }
            let forms: Vec<&str> = document.sentences[sentences.clone()].iter().flat_map(|it| it.forms()).collect();
            let encode = |skip: Skip| anyhow!("a window of {}: {skip}", document.id);
            let pieces = self.tokenizer.words(&forms, self.limit).map_err(encode)?;
            let window = Window::new(document, sentences, &self.pass.options);
            self.ready.push_back(((named.clone(), window), pieces));
        }
        Ok(())
    }
}

impl<I: Iterator<Item = Result<Document, ReadError>>> Iterator for Windows<'_, I> {
    type Item = Result<((Named, Window), Pieces)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Err(interrupted) = interrupt::check() {
                return Some(Err(interrupted.into()));
            }
            if let Some(window) = self.ready.pop_front() {
                return Some(Ok(window));
            }
            let cut = match self.documents.next()? {
                Ok(document) => self.cut(&document),
                Err(error) if error.is_skippable() && self.keys.invalid != Invalid::Stop => {
                    tracing::warn!("skipped a document: {error}");
                    self.count_skip(UNREADABLE);
                    Ok(())
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = cut {
                return Some(Err(error));
            }
        }
    }
}
