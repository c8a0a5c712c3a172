//! A pass: one way of all inputs of a stream, through the encoder or past it. It owns progress, counting, skipping and stages,
//! whatever the stream and whoever reads.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use headlight_bert::{Model, Pieces, StreamError};
use headlight_treebank::Sentence;

use super::Run;
use super::books::Books;
use super::cache;
use super::identity::Identity;
use super::reader::{Filling, Made, Reading, Wants};
use super::stream::{self, Bounds, Inputs, Item, Part, Sentences, Stream, Windows, lock};
use crate::cli::interrupt;
use crate::cli::progress::{Amount, Progress};
use crate::config::Split;
use crate::sources::corpus::{Corpus, Packing};
use crate::sources::treebank::Treebank;

/// An input on its way through the encoder, with the skipped ones right before it.
struct OnItsWay {
    number: usize,
    item: Item,
    /// Whether somebody wants its maps.
    with_maps: bool,
    skipped_before: Vec<usize>,
}

/// The inputs of a pass, and how many inputs of the stream stand before them.
struct Within<'a> {
    inputs: Inputs<'a>,
    base: usize,
}

impl Run {
    /// Runs a stream through the encoder for readers that are to be filled. What each made is whole in order and without a gap,
    /// also where the pass ends early: with the first of a file that cannot be read, an input that is none, what a reader
    /// says, Ctrl-C.
    /// Of a part of the stream, inputs are numbered from its first on.
    pub(super) fn encode(
        &mut self,
        stream: Stream,
        part: Part,
        wants: Wants,
        fillings: Vec<Filling<'_>>,
    ) -> Result<()> {
        let request = wants.request(self.settings().model.attention_kind());
        let (readings, mut sinks): (Vec<_>, Vec<_>) = fillings.into_iter().map(|it| (it.reading, it.sink)).unzip();
        let label = match part {
            Part::Whole => self.stage("encode", &stream.name()),
            Part::Shard(shard) => self.stage("encode", &format!("{}, shard {shard}", stream.name())),
            Part::Sample(_) => self.stage("try", &stream.name()),
        };
        let next = AtomicUsize::new(0);
        let ended = self.over((stream, part), label, |model, Within { inputs, base }, progress| {
            let waiting = Mutex::new(Vec::new());
            let inputs = inputs.filter_map(|read| {
                let (item, pieces) = match read {
                    Ok(read) => read,
                    Err(error) => return Some(Err(error)),
                };
                let number = next.fetch_add(1, Ordering::Relaxed);
                let mut readers = readings.iter().filter(|reading| reading.reads(number, base)).peekable();
                if readers.peek().is_none() {
                    progress.add(1);
                    return None;
                }
                let Some(pieces) = pieces else {
                    progress.add(1);
                    lock(&waiting).push(number);
                    return None;
                };
                let with_maps = readers.any(|reading| reading.wants.attention());
                let skipped_before = std::mem::take(&mut *lock(&waiting));
                Some(Ok((OnItsWay { number, item, with_maps, skipped_before }, pieces)))
            });
            let mut tell = |number: usize, made: Option<Vec<Option<Result<Made>>>>| {
                let mut made = made.map(Vec::into_iter);
                for (reading, sink) in readings.iter().zip(&mut sinks) {
                    let made = made.as_mut().and_then(|made| made.next().flatten()).transpose()?;
                    if reading.reads(number, base) {
                        sink.take(number, made)?;
                    }
                }
                Ok(())
            };
            let streamed = model.stream_as(
                inputs,
                &request,
                |input| input.with_maps,
                |input: OnItsWay, pieces, encoded| {
                    let make = |reading: &Reading<'_>| {
                        let made = || (reading.reduce)(&input.item, pieces, &encoded);
                        reading.reads(input.number, base).then(made)
                    };
                    let made: Vec<_> = readings.iter().map(make).collect();
                    (input, made)
                },
                |(OnItsWay { number, skipped_before, .. }, made)| {
                    // What was read ahead need not be encoded for it.
                    interrupt::check()?;
                    skipped_before.iter().try_for_each(|number| tell(*number, None))?;
                    progress.add(1);
                    tell(number, Some(made))
                },
            );
            streamed.map_err(|error| match error {
                StreamError::Caller(error) => error,
                other => anyhow!("{other}"),
            })?;
            lock(&waiting).iter().try_for_each(|number| tell(*number, None))
        });
        let inputs = ended.is_ok().then(|| next.into_inner());
        // What came before an error, or Ctrl-C, is kept for the next call.
        let kept: Vec<Result<()>> = sinks.into_iter().map(|sink| sink.end(inputs)).collect();
        ended?;
        kept.into_iter().collect()
    }

    /// Reads a stream without the encoder, for its books.
    pub(super) fn read_only(&mut self, stream: Stream) -> Result<()> {
        let label = self.stage("read", &stream.name());
        self.over((stream, Part::Whole), label, |_, Within { inputs, .. }, progress| {
            inputs.into_iter().try_for_each(|read| {
                progress.add(1);
                read.map(drop)
            })
        })
    }

    /// Visits each input of a stream that an encoder can read, with its pieces, in order: for work that brings its own encoder.
    /// `label` names the work to the user.
    ///
    /// # Errors
    /// The first of: a file that cannot be read, an input that is none, what `visit` says, Ctrl-C.
    pub fn visit(
        &mut self,
        label: &str,
        stream: Stream,
        mut visit: impl FnMut(&Item, Pieces) -> Result<()>,
    ) -> Result<()> {
        self.over((stream, Part::Whole), format!("{label} {}", stream.name()), |_, Within { inputs, .. }, progress| {
            inputs.into_iter().try_for_each(|read| {
                progress.add(1);
                let (item, pieces) = read?;
                pieces.map_or(Ok(()), |pieces| visit(&item, pieces))
            })
        })
    }

    /// Lets `work` take the inputs of a stream, or of a part of it, and keeps the books of what was read of the whole.
    fn over(
        &mut self,
        (stream, part): (Stream, Part),
        label: String,
        work: impl FnOnce(&Model, Within<'_>, &Progress) -> Result<()>,
    ) -> Result<()> {
        let clock = Instant::now();
        let treebank = self.treebank_of(stream)?;
        self.model()?;
        let bounds = match part {
            Part::Whole => Bounds::all(),
            _ => Bounds::of(part, &self.counted(stream)?),
        };
        // Windows have no number before those of all documents before are cut, and nobody lists any.
        let base = if matches!(stream, Stream::Windows(..)) { 0 } else { bounds.range.start };
        let (keys, corpus, seed) = (self.config.treebank.clone(), &self.config.corpus, self.config.seed);
        let model = &self.model.get().context("the model was loaded above")?.model;
        let (tokenizer, limit) = (model.tokenizer(), keys.max_pieces.min(model.spec().max_pieces()));
        let books = Mutex::new(Books::default());
        let of_part = (part != Part::Whole && !matches!(stream, Stream::Windows(..))).then(|| bounds.len() as u64);
        let counted = |sentences: &dyn Fn() -> usize| io::stderr().is_terminal().then(|| sentences() as u64);
        let (inputs, files, unit, total) = match (&treebank, stream) {
            (Some(treebank), Stream::Windows(_, rules)) => {
                let windows = Windows::of(treebank, bounds, rules, keys.invalid, limit, tokenizer, &books);
                (windows, treebank.file_names(), "windows", None)
            }
            (Some(treebank), _) => {
                let sentences = stream::sentences(treebank, bounds, &keys, tokenizer, &books);
                let total = of_part.or_else(|| counted(&|| treebank.sentences().count()));
                (sentences, treebank.file_names(), "sentences", total)
            }
            (None, _) => {
                let packing = Packing { limit, random_next: corpus.random_next, short: corpus.short, seed };
                lock(&books).packing = Some(packing);
                let corpus_files = Corpus::resolve(corpus)?;
                let (pairs, total) =
                    stream::packed(&corpus_files, &bounds, packing, corpus.sequences, tokenizer, &books)?;
                (pairs, corpus_files.file_names(), "sequences", of_part.or(total))
            }
        };
        let progress = Progress::start(&label, Amount::Items(unit), total);
        let inputs = inputs.map(|read| {
            interrupt::check()?;
            read
        });
        work(model, Within { inputs: Box::new(inputs), base }, &progress)?;
        progress.finish();
        self.note_stage(label, clock);
        if part != Part::Whole {
            return Ok(());
        }
        let mut books = std::mem::take(&mut *lock(&books));
        books.close(stream, files)?;
        if !self.books.iter().any(|(known, _)| *known == stream) {
            self.books.push((stream, books));
        }
        Ok(())
    }

    /// The treebank that a stream is made of, read as it reads it.
    pub(super) fn treebank_of(&mut self, stream: Stream) -> Result<Option<Treebank>> {
        Ok(match stream {
            Stream::Trees(split) | Stream::Windows(split, _) => Some(self.treebank(split)?),
            Stream::Words(split) => Some(self.treebank(split)?.with_optional_trees()),
            Stream::Packed => None,
        })
    }

    /// The stream of a split's sentences for what needs no trees. Where all sentences have one, it is that of trees, so that
    /// passes are shared.
    ///
    /// # Errors
    /// When a file cannot be obtained or read.
    pub fn words(&mut self, split: Split) -> Result<Stream> {
        if let Some(stream) = self.words.get(&split) {
            return Ok(*stream);
        }
        let about =
            Identity::default().with("text", self.text(Stream::Words(split))?).with("noted", "whether trees lack");
        let without = cache::noted(&about, || {
            let mut sentences = self.treebank(split)?.with_optional_trees().sentences();
            Ok(sentences.any(|read| read.is_ok_and(|sentence| sentence.is_unparsed())))
        })?;
        let stream = if without { Stream::Words(split) } else { Stream::Trees(split) };
        self.words.insert(split, stream);
        Ok(stream)
    }

    /// The sentences of a split that are trees, in the order and by the numbers of [`Stream::Trees`].
    ///
    /// # Errors
    /// Those of [`Run::treebank`]; reading errors come with the sentences.
    pub fn sentences(&mut self, split: Split) -> Result<impl Iterator<Item = Result<Sentence>> + use<>> {
        self.sentences_of(Stream::Trees(split))
    }

    /// The sentences of a stream of sentences, by the numbers of a pass over it.
    ///
    /// # Errors
    /// As [`Run::sentences`].
    pub fn sentences_of(&mut self, stream: Stream) -> Result<impl Iterator<Item = Result<Sentence>> + use<>> {
        Ok(self.readable(stream)?.read())
    }

    /// The same, to be read any number of times, by several at once.
    ///
    /// # Errors
    /// As [`Run::sentences`].
    pub fn readable(&mut self, stream: Stream) -> Result<Sentences> {
        let split = stream.split().context("packed text has no sentences")?;
        let treebank = self.treebank(split)?;
        let treebank = if matches!(stream, Stream::Words(_)) { treebank.with_optional_trees() } else { treebank };
        Ok(Sentences::of(treebank, self.settings().treebank.invalid))
    }

    /// The sentences of a split that are trees, without those that a pass skipped.
    ///
    /// # Errors
    /// As [`Run::sentences`].
    pub fn encoded(
        &mut self,
        split: Split,
        skipped: &[usize],
    ) -> Result<impl Iterator<Item = Result<Sentence>> + use<>> {
        let skipped: BTreeSet<usize> = skipped.iter().copied().collect();
        let numbered = self.sentences(split)?.enumerate();
        Ok(numbered.filter_map(move |(number, sentence)| (!skipped.contains(&number)).then_some(sentence)))
    }
}
