//! What a pass goes over, input by input: sentences with trees, sentences for their words alone, packed text, windows of
//! documents. Each is an iterator that counts what it reads and skips in the pass's [`Books`].

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow, ensure};
use headlight_bert::{Pieces, Skip, Tokenizer};
use headlight_heads::coreference::{CoreferenceOptions, Window, windows};
use headlight_treebank::coreference::{Document, HeadRule};
use headlight_treebank::{Fault, ReadError, Sentence, TreeError};

use super::books::Books;
use super::counted::Counted;
use super::text;
use crate::cli::{Shard, interrupt};
use crate::config::{Input, Invalid, Split, TreebankConfig};
use crate::sources::corpus::{self, Corpus, Packing, Pair};
use crate::sources::treebank::Treebank;

/// What a pass goes over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// The sentences of a split that are trees. They are numbered from 0, whether they can be encoded or not.
    Trees(Split),
    /// The sentences of a split, whether they have trees or not; see [`super::Run::words`].
    Words(Split),
    /// `[corpus]`, packed into pairs of segments.
    Packed,
    /// The documents of a split with mentions, in windows.
    Windows(Split, Rules),
}

/// How documents are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Which word is the head of a mention.
    pub head: HeadRule,
    /// What counts as a mention and as a candidate.
    pub options: CoreferenceOptions,
}

impl Stream {
    /// What people call it: `evaluate`, `corpus`, `windows of evaluate`.
    pub fn name(self) -> String {
        match self {
            Stream::Trees(split) | Stream::Words(split) => split.name().to_owned(),
            Stream::Packed => "corpus".to_owned(),
            Stream::Windows(split, _) => format!("windows of {}", split.name()),
        }
    }

    /// The split that it is made of.
    pub fn split(self) -> Option<Split> {
        match self {
            Stream::Trees(split) | Stream::Words(split) | Stream::Windows(split, _) => Some(split),
            Stream::Packed => None,
        }
    }
}

/// An input of a pass, but for its pieces.
pub enum Item {
    /// A sentence.
    Sentence(Box<Sentence>),
    /// A pair of segments.
    Pair,
    /// A window, with the number and the name of its document.
    Window(usize, Arc<str>, Box<Window>),
}

impl Item {
    /// The sentence, where the stream is one of sentences.
    ///
    /// # Errors
    /// When it is not.
    pub fn sentence(&self) -> Result<&Sentence> {
        match self {
            Item::Sentence(sentence) => Ok(sentence),
            Item::Pair | Item::Window(..) => Err(anyhow!("sentences are asked of a stream of other inputs")),
        }
    }
}

/// An input with its pieces; without where the encoder cannot read it, which is counted.
pub type Read = (Item, Option<Pieces>);

/// The inputs of a stream, in order.
pub type Inputs<'a> = Box<dyn Iterator<Item = Result<Read>> + Send + 'a>;

pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What of a stream a pass goes over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// A shard of it.
    Shard(Shard),
    /// About so many of its inputs, evenly spaced.
    Sample(usize),
}

/// A part of a stream, by what of it is counted before anything is tokenized: sentences that are trees, documents with mentions,
/// pairs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    /// The numbers of those among which it is.
    pub range: Range<usize>,
    /// From one to the next.
    step: usize,
    /// So many of what is read stand before it, what is not counted among them, where that is known.
    passed: usize,
    /// Whether the stream ends with it, and with whatever follows that is not counted.
    is_last: bool,
}

impl Bounds {
    /// All of a stream.
    pub(super) fn all() -> Self {
        Self { range: 0..usize::MAX, step: 1, passed: 0, is_last: true }
    }

    /// A part of a stream of so many.
    pub(super) fn of(part: Part, counted: &Counted) -> Self {
        let count = counted.count;
        match part {
            Part::Whole => Self::all(),
            Part::Shard(shard) => {
                let range = shard.of(count);
                Self { passed: counted.before(range.start), range, step: 1, is_last: shard.number() == shard.count() }
            }
            Part::Sample(size) => {
                Self { range: 0..count, step: (count / size.max(1)).max(1), passed: 0, is_last: false }
            }
        }
    }

    /// How many there are in it.
    pub(super) fn len(&self) -> usize {
        self.range.len().div_ceil(self.step)
    }

    fn has(&self, number: usize) -> bool {
        self.range.contains(&number) && (number - self.range.start).is_multiple_of(self.step)
    }

    /// `seen` stand before what `inner` begins with.
    fn around<T, I>(self, inner: I, counts: fn(&T) -> bool, seen: usize) -> Within<T, I> {
        Within { inner, counts, bounds: self, seen }
    }
}

/// What is read within bounds. An error belongs to the part of what is counted behind it, so that of all parts one tells it.
struct Within<T, I> {
    inner: I,
    counts: fn(&T) -> bool,
    bounds: Bounds,
    seen: usize,
}

impl<T, I: Iterator<Item = Result<T, ReadError>>> Iterator for Within<T, I> {
    type Item = Result<T, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.seen < self.bounds.range.end || self.bounds.is_last {
            let read = self.inner.next()?;
            let is_within = match &read {
                Ok(_) if self.bounds.step > 1 => self.bounds.has(self.seen),
                Err(error) if self.bounds.step > 1 => !error.is_skippable(),
                Ok(_) => self.seen >= self.bounds.range.start,
                Err(error) => self.seen >= self.bounds.range.start || !error.is_skippable(),
            };
            self.seen += usize::from(read.as_ref().is_ok_and(self.counts));
            if is_within {
                return Some(read);
            }
        }
        None
    }
}

pub(super) fn has_mentions(document: &Document) -> bool {
    !document.mentions.is_empty()
}

/// The sentences of a treebank that are trees, or may lack them where the treebank says so.
pub(super) fn sentences<'a>(
    treebank: &Treebank,
    bounds: Bounds,
    keys: &'a TreebankConfig,
    tokenizer: &'a Tokenizer,
    books: &'a Mutex<Books>,
) -> Inputs<'a> {
    let read = move |read: Result<Result<Sentence, &'static str>>| {
        let sentence = match read {
            Ok(Ok(sentence)) => sentence,
            Ok(Err(reason)) => {
                lock(books).skip(reason);
                return None;
            }
            Err(error) => return Some(Err(error)),
        };
        let pieces = lock(books).sentence(&sentence, pieces(&sentence, tokenizer, keys), tokenizer);
        Some(Ok((Item::Sentence(Box::new(sentence)), pieces)))
    };
    Box::new(Trees::within(treebank, bounds, keys.invalid).filter_map(read))
}

/// The pieces of a sentence, as the config wants it fed.
pub fn pieces(sentence: &Sentence, tokenizer: &Tokenizer, keys: &TreebankConfig) -> Result<Pieces, Skip> {
    match keys.input {
        Input::Words => tokenizer.words(&sentence.forms(), keys.max_pieces),
        Input::Text => {
            let (text, words) = text::of(sentence)?;
            tokenizer.text(&text, &words, keys.max_pieces)
        }
    }
}

/// So many skipped sentences are shown one by one.
const SHOWN: usize = 20;

/// Sentences, with the reason in the place of those that are skipped because they are not trees.
pub(super) struct Trees<I> {
    inner: I,
    invalid: Invalid,
    skipped: usize,
    told: Arc<AtomicUsize>,
}

/// The sentences of a stream of sentences, by the numbers of a pass over it.
#[derive(Clone, Debug)]
pub struct Sentences {
    treebank: Treebank,
    invalid: Invalid,
}

impl Sentences {
    pub(super) fn of(treebank: Treebank, invalid: Invalid) -> Self {
        Self { treebank, invalid }
    }

    /// All of them, from the first on.
    pub fn read(&self) -> impl Iterator<Item = Result<Sentence>> + Send + use<> {
        Trees::within(&self.treebank, Bounds::all(), self.invalid).filter_map(|read| match read {
            Ok(Ok(sentence)) => Some(Ok(sentence)),
            Ok(Err(_)) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl Trees<()> {
    /// The sentences of a part of a split.
    fn within(
        treebank: &Treebank,
        bounds: Bounds,
        invalid: Invalid,
    ) -> Trees<impl Iterator<Item = Result<Sentence, ReadError>> + Send + use<>> {
        let (sentences, seen) = (treebank.sentences_after(bounds.passed), bounds.range.start);
        let inner = bounds.around(sentences, |_| true, seen);
        Trees { inner, invalid, skipped: 0, told: Arc::clone(&treebank.told) }
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

/// The reason under which sentences are counted that no second segment follows.
const ALONE: &str = "alone in its pair";

/// The pairs of a part of a corpus, and the number of all where it is known.
pub(super) fn packed<'a>(
    corpus: &Corpus,
    bounds: &Bounds,
    packing: Packing,
    drawn: usize,
    tokenizer: &'a Tokenizer,
    books: &'a Mutex<Books>,
) -> Result<(Inputs<'a>, Option<u64>)> {
    let documents = corpus.documents().map(move |document| {
        interrupt::check()?;
        let ids = |sentence: &String| match tokenizer.ids(sentence) {
            Ok(ids) if ids.is_empty() => {
                lock(books).skip(Skip::NoWords.reason());
                None
            }
            Ok(ids) => Some(ids),
            Err(why) => {
                lock(books).skip(why.reason());
                None
            }
        };
        Ok(document?.iter().filter_map(ids).collect())
    });
    let pairs = corpus::pack(documents, packing, move || lock(books).skip(ALONE));
    let (pairs, total): (Box<dyn Iterator<Item = Result<Pair>> + Send + 'a>, _) = match drawn {
        0 => (Box::new(pairs), None),
        drawn => {
            let sampled = corpus::sample(pairs, drawn, packing.seed)?;
            let total = sampled.len() as u64;
            (Box::new(sampled.into_iter().map(Ok)), Some(total))
        }
    };
    // What is packed hangs on all the text before: a part packs it too.
    let bounds = bounds.clone();
    let mut seen = 0;
    let within = pairs.filter(move |pair| {
        seen += usize::from(pair.is_ok());
        pair.is_err() || bounds.has(seen - 1)
    });
    let inputs = within.map(move |pair| {
        let (a, b) = pair?;
        let pieces = tokenizer.pair(&a, &b, packing.limit).map_err(|why| anyhow!("a packed pair: {why}"))?;
        lock(books).pair(&pieces, tokenizer);
        Ok((Item::Pair, Some(pieces)))
    });
    Ok((Box::new(inputs), total))
}

/// Reasons under which skipped documents are counted.
const UNREADABLE: &str = "documents that cannot be read";
const NO_MENTIONS: &str = "documents without mentions";

/// The windows of documents with their pieces.
pub(super) struct Windows<'a, I> {
    documents: I,
    /// The config key that the documents come from, and its files.
    place: String,
    options: CoreferenceOptions,
    invalid: Invalid,
    tokenizer: &'a Tokenizer,
    limit: usize,
    /// Windows of the last document read.
    ready: VecDeque<Read>,
    documents_read: usize,
    books: &'a Mutex<Books>,
}

impl Windows<'_, ()> {
    /// The windows of a split's documents, of at most `limit` pieces each.
    pub(super) fn of<'a>(
        treebank: &Treebank,
        bounds: Bounds,
        rules: Rules,
        invalid: Invalid,
        limit: usize,
        tokenizer: &'a Tokenizer,
        books: &'a Mutex<Books>,
    ) -> Inputs<'a> {
        Box::new(Windows {
            documents_read: bounds.range.start,
            documents: bounds.around(treebank.documents(rules.head), has_mentions, 0),
            place: format!("`treebank.{}` ({})", treebank.split.name(), treebank.file_names().join(", ")),
            options: rules.options,
            invalid,
            tokenizer,
            limit,
            ready: VecDeque::new(),
            books,
        })
    }
}

impl<I: Iterator<Item = Result<Document, ReadError>>> Windows<'_, I> {
    /// Cuts a document into windows.
    fn cut(&mut self, document: &Document) -> Result<()> {
        if document.mentions.is_empty() {
            ensure!(
                self.invalid != Invalid::Stop,
                "{}: the document {}, whose first sentence is {}, has no mentions; --set treebank.invalid=skip skips and \
                 counts such documents",
                self.place,
                document.id,
                document.sentences.first().map_or("missing", |sentence| sentence.sent_id())
            );
            tracing::warn!("skipped: the document {} has no mentions", document.id);
            lock(self.books).skip(NO_MENTIONS);
            return Ok(());
        }
        let mut pieces = Vec::with_capacity(document.sentences.len());
        for sentence in &document.sentences {
            let read = self.tokenizer.words(&sentence.forms(), self.limit);
            let read = lock(self.books).sentence(sentence, read, self.tokenizer);
            // A sentence that cannot be encoded fits no window, as one that is too long.
            pieces.push(read.map_or(usize::MAX, |pieces| pieces.len() - self.tokenizer.frame().specials()));
        }
        lock(self.books).mentions(document);
        let named: (usize, Arc<str>) = (self.documents_read, document.id.as_str().into());
        self.documents_read += 1;
        for sentences in windows(&pieces, self.limit, self.tokenizer.frame()) {
            let forms: Vec<&str> = document.sentences[sentences.clone()].iter().flat_map(|it| it.forms()).collect();
            let encode = |skip: Skip| anyhow!("a window of {}: {skip}", document.id);
            let pieces = self.tokenizer.words(&forms, self.limit).map_err(encode)?;
            let window = Box::new(Window::new(document, sentences, &self.options));
            self.ready.push_back((Item::Window(named.0, named.1.clone(), window), Some(pieces)));
        }
        Ok(())
    }
}

impl<I: Iterator<Item = Result<Document, ReadError>>> Iterator for Windows<'_, I> {
    type Item = Result<Read>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(window) = self.ready.pop_front() {
                return Some(Ok(window));
            }
            let cut = match self.documents.next()? {
                Ok(document) => self.cut(&document),
                Err(error) if error.is_skippable() && self.invalid != Invalid::Stop => {
                    tracing::warn!("skipped a document: {error}");
                    lock(self.books).skip(UNREADABLE);
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
