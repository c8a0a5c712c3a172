//! One pass of the encoder over a split, sentence by sentence in order, and the same sentences without the encoder.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use headlight_bert::{Encoded, Pieces, Request, Skip, StreamError, Tokenizer};
use headlight_report::run::{Reading, SplitSummary};
use headlight_treebank::{Fault, ReadError, Sentence, TreeError};

use super::contents::Contents;
use super::{Run, reading, surface};
use crate::cli::interrupt;
use crate::cli::progress::{Progress, Unit};
use crate::config::{Input, Invalid, Split, TreebankConfig};
use crate::sources::treebank::Treebank;

/// Skipped sentences by reason.
pub type Skips = BTreeMap<String, u64>;

/// So many skipped sentences are shown one by one.
const SHOWN: usize = 20;

/// What a pass is about.
pub struct Pass<'a> {
    /// The sentences.
    pub split: Split,
    /// Their number is counted from 0 over those that are trees; those before this one were encoded earlier.
    pub from: usize,
    /// What is asked of the encoder.
    pub request: &'a Request,
}

/// What is wanted of a sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Nothing: it was encoded earlier.
    Nothing,
    /// What the request asks for, but no attention.
    Peaks,
    /// All that the request asks for.
    Attention,
}

/// A sentence on its way through the encoder, with the skipped ones right before it; by their numbers.
struct Item {
    number: usize,
    sentence: Sentence,
    /// Whether its attention is wanted.
    attended: bool,
    skipped_before: Vec<(usize, Sentence)>,
}

/// What the inputs of a pass leave behind, read when the stream has ended.
#[derive(Default)]
struct Ledger {
    sentences: u64,
    words: u64,
    skips: Skips,
    contents: Contents,
    reading: Reading,
    /// Skipped sentences that no encoded one follows yet.
    waiting: Vec<(usize, Sentence)>,
}

impl Run {
    /// Encodes the sentences of a split. `map` reduces what the encoder says about a sentence, on many threads; `fold`
    /// gets each sentence in order, with `None` where it was skipped. Skipped sentences are counted by reason.
    ///
    /// # Errors
    /// The first of: a file that cannot be read, a sentence that is no tree (unless the config skips those), what
    /// `fold` says, Ctrl-C. What was folded before is in order and without a gap.
    pub fn encode<R: Send>(
        &mut self,
        pass: &Pass<'_>,
        map: impl Fn(&Sentence, &Pieces, Encoded) -> R + Sync,
        fold: impl FnMut(&Sentence, Option<R>) -> Result<()>,
    ) -> Result<()> {
        self.encode_as(pass, |_| true, map, fold)
    }

    /// Encodes the sentences of a split as [`Run::encode`] does, whether they have trees or not: for what needs words alone.
    ///
    /// # Errors
    /// As [`Run::encode`].
    pub fn encode_words<R: Send>(
        &mut self,
        pass: &Pass<'_>,
        map: impl Fn(&Sentence, &Pieces, Encoded) -> R + Sync,
        fold: impl FnMut(&Sentence, Option<R>) -> Result<()>,
    ) -> Result<()> {
        let treebank = self.treebank(pass.split)?.with_optional_trees();
        self.encode_treebank(&treebank, pass, |_| true, map, fold)
    }

    /// Encodes the sentences of a split as [`Run::encode`] does, but yields the attention that the request asks for only of
    /// those sentences of which `attended` says so; it is asked about each in order.
    ///
    /// # Errors
    /// As [`Run::encode`].
    pub fn encode_as<R: Send>(
        &mut self,
        pass: &Pass<'_>,
        attended: impl FnMut(&Sentence) -> bool + Send,
        map: impl Fn(&Sentence, &Pieces, Encoded) -> R + Sync,
        fold: impl FnMut(&Sentence, Option<R>) -> Result<()>,
    ) -> Result<()> {
        let treebank = self.treebank(pass.split)?;
        self.encode_treebank(&treebank, pass, attended, map, fold)
    }

    fn encode_treebank<R: Send>(
        &mut self,
        treebank: &Treebank,
        pass: &Pass<'_>,
        mut attended: impl FnMut(&Sentence) -> bool + Send,
        map: impl Fn(&Sentence, &Pieces, Encoded) -> R + Sync,
        mut fold: impl FnMut(&Sentence, Option<R>) -> Result<()>,
    ) -> Result<()> {
        let from = pass.from;
        let wanted = |number: usize, sentence: &Sentence| match (number < from, attended(sentence)) {
            (true, _) => Wanted::Nothing,
            (false, true) => Wanted::Attention,
            (false, false) => Wanted::Peaks,
        };
        self.encode_each(
            treebank,
            pass,
            wanted,
            |_, sentence, pieces, encoded| map(sentence, pieces, encoded),
            |_, sentence, reduced| fold(sentence, reduced),
        )
    }

    /// Encodes the sentences of a split as [`Run::encode`] does, but only what is `wanted` of each; it is asked about each
    /// that can be encoded, in order, those before `pass.from` included. The closures get the sentence's number, too.
    ///
    /// # Errors
    /// As [`Run::encode`].
    pub fn encode_wanted<R: Send>(
        &mut self,
        pass: &Pass<'_>,
        wanted: impl FnMut(usize, &Sentence) -> Wanted + Send,
        map: impl Fn(usize, &Sentence, &Pieces, Encoded) -> R + Sync,
        fold: impl FnMut(usize, &Sentence, Option<R>) -> Result<()>,
    ) -> Result<()> {
        let treebank = self.treebank(pass.split)?;
        self.encode_each(&treebank, pass, wanted, map, fold)
    }

    fn encode_each<R: Send>(
        &mut self,
        treebank: &Treebank,
        pass: &Pass<'_>,
        wanted: impl FnMut(usize, &Sentence) -> Wanted + Send,
        map: impl Fn(usize, &Sentence, &Pieces, Encoded) -> R + Sync,
        mut fold: impl FnMut(usize, &Sentence, Option<R>) -> Result<()>,
    ) -> Result<()> {
        let clock = Instant::now();
        let name = pass.split.name();
        let verb = if pass.from == usize::MAX { "read" } else { "encode" };
        self.model()?;
        let keys = self.config().treebank.clone();
        let model = &self.model.get().context("the model was loaded above")?.model;
        let total = io::stderr().is_terminal().then(|| treebank.sentences().count() as u64);
        let progress = Progress::start(self.stage(verb, name), Unit::Items("sentences"), total);
        let ledger = Mutex::new(Ledger::default());
        let inputs = Inputs {
            sentences: Trees::of(treebank, keys.invalid),
            keys: &keys,
            tokenizer: model.tokenizer(),
            from: pass.from,
            wanted,
            number: 0,
            ledger: &ledger,
            progress: &progress,
        };
        let streamed = model.stream_as(
            inputs,
            pass.request,
            |item| item.attended,
            |item: Item, pieces, encoded| {
                let reduced = map(item.number, &item.sentence, pieces, encoded);
                (item, reduced)
            },
            |(item, reduced)| {
                item.skipped_before.iter().try_for_each(|(number, sentence)| fold(*number, sentence, None))?;
                progress.add(1);
                fold(item.number, &item.sentence, Some(reduced))
            },
        );
        streamed.map_err(|error| match error {
            StreamError::Caller(error) => error,
            other => anyhow!("{other}"),
        })?;
        progress.finish();
        let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
        ledger.waiting.iter().try_for_each(|(number, sentence)| fold(*number, sentence, None))?;
        ensure!(ledger.sentences > 0, no_sentences(treebank, &ledger.skips));
        self.note_split(SplitSummary {
            split: name.to_owned(),
            files: treebank.file_names(),
            sentences: ledger.sentences,
            words: ledger.words,
            skipped: ledger.skips,
            repeated: ledger.contents.repeated(),
            repaired: ledger.contents.repaired,
            reading: ledger.reading,
        });
        self.note_contents(pass.split, ledger.contents);
        self.note_stage(self.stage(verb, name), clock);
        Ok(())
    }

    /// Notes the sentences of a split, and those that the encoder would skip, without running it; nothing where that is
    /// known already.
    ///
    /// # Errors
    /// As [`Run::encode`].
    pub fn note_sentences(&mut self, split: Split) -> Result<()> {
        if self.splits.iter().any(|known| known.split == split.name()) {
            return Ok(());
        }
        let pass = Pass { split, from: usize::MAX, request: &Request::default() };
        self.encode(&pass, |_, _, _| (), |_, _| Ok(()))
    }

    /// The sentences of a split that are trees, in the order and number of [`Run::encode`].
    ///
    /// # Errors
    /// Those of [`Run::treebank`]; reading errors come with the sentences.
    pub fn sentences(&mut self, split: Split) -> Result<impl Iterator<Item = Result<Sentence>> + use<>> {
        let invalid = self.config().treebank.invalid;
        Ok(Trees::of(&self.treebank(split)?, invalid).filter_map(|read| match read {
            Ok(Ok(sentence)) => Some(Ok(sentence)),
            Ok(Err(_)) => None,
            Err(error) => Some(Err(error)),
        }))
    }
}

/// What is said about a split that leaves nothing to work with.
pub(super) fn no_sentences(treebank: &Treebank, skips: &Skips) -> String {
    let (split, files) = (treebank.split.name(), treebank.file_names().join(", "));
    format!("`treebank.{split}` ({files}) has no sentence to work with{}", reasons(skips))
}

/// ` (3 skipped: too long)`; nothing where nothing was skipped.
pub(super) fn reasons(skips: &Skips) -> String {
    let reasons: Vec<String> = skips.iter().map(|(reason, count)| format!("{count} skipped: {reason}")).collect();
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) }
}

/// Sentences, with the reason in the place of those that are skipped because they are not trees.
pub(super) struct Trees<I> {
    inner: I,
    invalid: Invalid,
    skipped: usize,
    told: Arc<AtomicUsize>,
}

impl Trees<()> {
    /// The sentences of a split.
    pub(super) fn of(
        treebank: &Treebank,
        invalid: Invalid,
    ) -> Trees<impl Iterator<Item = Result<Sentence, ReadError>> + Send + use<>> {
        Trees { inner: treebank.sentences(), invalid, skipped: 0, told: Arc::clone(&treebank.told) }
    }
}

impl<I: Iterator<Item = Result<Sentence, ReadError>>> Iterator for Trees<I> {
    type Item = Result<Result<Sentence, &'static str>>;

    fn next(&mut self) -> Option<Self::Item> {
        let error = match self.inner.next()? {
            Ok(sentence) => return Some(Ok(Ok(sentence))),
            Err(error) => error,
        };
        let ReadError::Sentence { problem, .. } = &error else { return Some(Err(error.into())) };
        let (reason, way_out) = match &problem.fault {
            Fault::NoTree { .. } => ("not a tree: none is annotated", WITHOUT_TREES),
            Fault::LongLine { .. } | Fault::LongSentence { .. } => ("longer than any sentence", NOT_A_TREE),
            Fault::Tree(TreeError::SeveralRoots { .. }) => ("not a tree", SEVERAL_ROOTS),
            _ => ("not a tree", NOT_A_TREE),
        };
        if self.invalid == Invalid::Stop {
            return Some(Err(anyhow!("{error} ({way_out})")));
        }
        self.skipped += 1;
        if self.told.fetch_max(self.skipped, Ordering::Relaxed) < self.skipped {
            match self.skipped {
                ..=SHOWN => tracing::warn!("skipped: {error}"),
                more if more == SHOWN + 1 => {
                    tracing::warn!(
                        "more sentences are skipped and counted; `headlight check` lists all problems of a file"
                    );
                }
                _ => {}
            }
        }
        Some(Ok(Err(reason)))
    }
}

/// Ways on from a sentence that stops a run.
const NOT_A_TREE: &str = "`headlight check` lists all problems of a file; --set treebank.invalid=skip skips and counts such \
                          sentences";
const SEVERAL_ROOTS: &str = "`headlight check` lists all problems of a file; --set treebank.invalid=skip skips and counts \
                             such sentences, --set treebank.invalid=repair hangs all roots but the first from it";
const WITHOUT_TREES: &str = "trees are needed here, and nothing is scored against made-up ones: name a treebank, or the \
                             file's format in `treebank.format` (conllu, conllx, conll2012, head-relation); text can be \
                             read by kinds that need words alone, or as `corpus.files`; --set treebank.invalid=skip \
                             skips and counts such sentences";

/// The inputs of a pass.
struct Inputs<'a, I, F> {
    sentences: Trees<I>,
    wanted: F,
    keys: &'a TreebankConfig,
    tokenizer: &'a Tokenizer,
    from: usize,
    number: usize,
    ledger: &'a Mutex<Ledger>,
    progress: &'a Progress,
}

impl<I: Iterator<Item = Result<Sentence, ReadError>>, F: FnMut(usize, &Sentence) -> Wanted> Iterator
    for Inputs<'_, I, F>
{
    type Item = Result<(Item, Pieces)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Err(interrupted) = interrupt::check() {
                return Some(Err(interrupted.into()));
            }
            let sentence = match self.sentences.next()? {
                Ok(Ok(sentence)) => sentence,
                Ok(Err(reason)) => {
                    *lock(self.ledger).skips.entry(reason.to_owned()).or_default() += 1;
                    continue;
                }
                Err(error) => return Some(Err(error)),
            };
            let number = self.number;
            self.number += 1;
            let pieces = pieces(&sentence, self.tokenizer, self.keys);
            let mut ledger = lock(self.ledger);
            match pieces {
                Err(skip) => {
                    tracing::debug!("{} skipped: {skip}", sentence.sent_id());
                    *ledger.skips.entry(skip.reason().to_owned()).or_default() += 1;
                    if number >= self.from {
                        ledger.waiting.push((number, sentence));
                    }
                    self.progress.add(1);
                }
                Ok(pieces) => {
                    ledger.sentences += 1;
                    ledger.words += sentence.len() as u64;
                    ledger.contents.push(&sentence);
                    let unknown = self.tokenizer.special().unk;
                    reading::add_sentence(&mut ledger.reading, &sentence, &pieces, unknown);
                    let attended = match (self.wanted)(number, &sentence) {
                        Wanted::Nothing => {
                            self.progress.add(1);
                            continue;
                        }
                        wanted => wanted == Wanted::Attention,
                    };
                    let skipped_before = std::mem::take(&mut ledger.waiting);
                    return Some(Ok((Item { number, sentence, attended, skipped_before }, pieces)));
                }
            }
        }
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pieces of a sentence, as the config wants it fed.
pub fn pieces(sentence: &Sentence, tokenizer: &Tokenizer, keys: &TreebankConfig) -> Result<Pieces, Skip> {
    match keys.input {
        Input::Words => tokenizer.words(&sentence.forms(), keys.max_pieces),
        Input::Text => {
            let (text, words) = surface::of(sentence)?;
            tokenizer.text(&text, &words, keys.max_pieces)
        }
    }
}
