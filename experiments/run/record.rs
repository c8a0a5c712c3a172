//! Records: what is made of each input and added up in order, kept in the cache.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use headlight_bert::{Encoded, Pieces};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::addends;
use super::cache::{self, Card, Look, Place, Shelf, Writing};
use super::checked::{self, Found};
use super::reader::{Filling, Made, Reader, Reading, Reduce, Sink, Take, Wants};
use super::stream::{Item, Stream};
use super::{Run, identity};
use crate::cli::Shard;

/// The file of a record.
pub const DATA: &str = "data";

/// Most work that a killed process loses, unless keeping it would take more than a hundredth of the time.
const EVERY: Duration = Duration::from_millis(500);
const SHARE: u32 = 100;

type Add<S> = Box<dyn Fn(&mut S, Made) -> Result<()>>;
type Keep = Box<dyn Fn(&Made) -> Result<Vec<u8>>>;
type Back = Box<dyn Fn(&[u8]) -> Result<Made>>;

/// Something that adds up what is made of the inputs of a stream, in order.
pub struct Record<S> {
    stream: Stream,
    draw: Option<usize>,
    wants: Wants,
    only: Option<BTreeSet<usize>>,
    made: String,
    depends: Vec<String>,
    start: S,
    reduce: Reduce<'static>,
    add: Add<S>,
    /// What was made of an input as bytes, and back.
    keep: Keep,
    back: Back,
}

/// What stands in a record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Recorded<S> {
    /// Inputs that are in it, and those before that were read already.
    inputs: usize,
    /// Those of them, by number, that were skipped.
    pub skipped: Vec<usize>,
    /// What was added up.
    pub sum: S,
}

impl<S: Serialize + DeserializeOwned + Clone + 'static> Record<S> {
    /// A record of what is `made` of each input: that, and [`Record::depends`], has to say everything that it depends on but the
    /// encoder's answer. `reduce` reduces an answer, on many threads; `add` adds up what it made, in order.
    pub fn new<R: Serialize + DeserializeOwned + Send + 'static>(
        run: &Run,
        (stream, wants): (Stream, Wants),
        made: &str,
        start: S,
        reduce: impl Fn(&Item, &Pieces, &Encoded) -> Result<R> + Send + Sync + 'static,
        add: impl Fn(&mut S, R) -> Result<()> + 'static,
    ) -> Self {
        let reduce: Reduce<'static> =
            Box::new(move |item, pieces, encoded| Ok(Box::new(reduce(item, pieces, encoded)?) as Made));
        let others = || anyhow!("a record was given what another one made");
        let add: Add<S> = Box::new(move |sum, made| add(sum, *made.downcast::<R>().map_err(|_| others())?));
        let keep: Keep = Box::new(move |made| {
            let made = made.downcast_ref::<R>().ok_or_else(others)?;
            rmp_serde::to_vec(made).context("what is added up is plain data")
        });
        let back: Back = Box::new(|bytes| {
            let made: R = rmp_serde::from_slice(bytes).context("what is added up is of another kind")?;
            Ok(Box::new(made))
        });
        let (made, draw) = (made.to_owned(), run.draw);
        Self { stream, draw, wants, only: None, made, depends: Vec::new(), start, reduce, add, keep, back }
    }

    /// The same, which depends on one more thing.
    #[must_use]
    pub fn depends(mut self, on: impl ToString) -> Self {
        self.depends.push(on.to_string());
        self
    }

    /// The same, of no more than these inputs.
    #[must_use]
    pub fn only(mut self, numbers: BTreeSet<usize>) -> Self {
        self.depends.push(format!("{numbers:?}"));
        self.only = Some(numbers);
        self
    }

    fn card(&self, run: &mut Run, shard: Option<Shard>) -> Result<Card> {
        let identity = run.identity(self.stream, self.draw, self.wants.words.or(self.wants.peaks))?;
        let identity = identity.with("punctuation", run.settings().treebank.punctuation);
        let identity = identity.with("depends", identity::hash(self.depends.clone()));
        let (model, text) = run.labels(self.stream, self.draw);
        Ok(Card::new(Shelf::Records, &self.made, identity, model, text).of_shard(shard))
    }

    /// What it holds, where it is complete.
    ///
    /// # Errors
    /// When what names it cannot be read.
    pub fn kept(&self, run: &mut Run) -> Result<Option<Recorded<S>>> {
        match checked::read(&self.place(run, None)?.complete().join(DATA)) {
            Found::Whole(recorded) => Ok(Some(recorded)),
            Found::Nothing | Found::Damaged => Ok(None),
        }
    }
}

impl<S: Serialize + DeserializeOwned + Clone + 'static> Reader for Record<S> {
    fn stream(&self) -> Stream {
        self.stream
    }

    fn draw(&self) -> Option<usize> {
        self.draw
    }

    fn wants(&self) -> Wants {
        self.wants
    }

    fn what(&self) -> String {
        self.made.clone()
    }

    fn reading(&self, _: &mut Run, from: usize) -> Result<Reading<'_>> {
        let reduce = &self.reduce;
        let reduce: Reduce<'_> = Box::new(move |item, pieces, encoded| reduce(item, pieces, encoded));
        Ok(Reading { from, only: self.only.as_ref(), wants: self.wants, reduce })
    }

    fn bytes(&self, made: &Made) -> Result<usize> {
        Ok((self.keep)(made)?.len() + addends::HEAD)
    }

    fn place(&self, run: &mut Run, shard: Option<Shard>) -> Result<Place> {
        Ok(Place::new(&Shelf::Records.folder()?, self.card(run, shard)?.id()))
    }

    fn look(&self, run: &mut Run, shard: Option<Shard>) -> Result<Look> {
        let place = self.place(run, shard)?;
        Ok(cache::look(&place, |folder, _| match shard {
            None => checked::is_whole(&folder.join(DATA)),
            Some(_) => addends::is_whole(&folder.join(DATA), &place.id),
        }))
    }

    fn replay(&self, run: &mut Run, shard: Shard, from: usize, take: &mut Take<'_>) -> Result<usize> {
        let place = self.place(run, Some(shard))?;
        addends::read(&place.complete().join(DATA), &place.id, |number, made| match number < from {
            true => Ok(()),
            false => take(number, made.map(|made| (self.back)(made)).transpose()?),
        })?;
        cache::inputs(&place)
    }

    fn open(&self, run: &mut Run, shard: Option<Shard>) -> Result<Option<Filling<'_>>> {
        if let Some(shard) = shard {
            return self.open_shard(run, shard);
        }
        let (place, card) = (self.place(run, None)?, self.card(run, None)?);
        let Some(writing) = cache::open(&place, &card, |folder, _| checked::is_whole(&folder.join(DATA)))? else {
            return Ok(None);
        };
        let new = || Recorded { inputs: 0, skipped: Vec::new(), sum: self.start.clone() };
        let so_far = match checked::read(&writing.folder().join(DATA)) {
            Found::Whole(so_far) => so_far,
            Found::Nothing => new(),
            Found::Damaged => {
                tracing::warn!("what the interrupted run added up is damaged and is done again: {}", self.made);
                new()
            }
        };
        let from = so_far.inputs;
        if from > 0 {
            tracing::info!("{}: going on after {from} inputs that the interrupted run has added up", self.made);
        }
        let reading = self.reading(run, from)?;
        let (last, cost) = (Instant::now(), Duration::ZERO);
        let sink = Sum { record: self, writing, so_far, last, cost, failed: false };
        Ok(Some(Filling { reading, sink: Box::new(sink) }))
    }
}

impl<S: Serialize + DeserializeOwned + Clone + 'static> Record<S> {
    /// A shard is what is to be added up, not yet added: sums of shards would have other digits than the sum of all.
    fn open_shard(&self, run: &mut Run, shard: Shard) -> Result<Option<Filling<'_>>> {
        let (place, card) = (self.place(run, Some(shard))?, self.card(run, Some(shard))?);
        let Some(writing) = cache::open(&place, &card, |folder, _| addends::is_whole(&folder.join(DATA), &place.id))?
        else {
            return Ok(None);
        };
        let writer = addends::Writer::resume(&writing.folder().join(DATA), &place.id)?;
        let from = writer.from();
        if from > 0 {
            tracing::info!("{}, shard {shard}: going on after {from} inputs", self.made);
        }
        let sink = Kept { keep: &self.keep, writing, writer };
        Ok(Some(Filling { reading: self.reading(run, from)?, sink: Box::new(sink) }))
    }
}

/// A shard of a record at work.
struct Kept<'a> {
    keep: &'a Keep,
    writing: Writing,
    writer: addends::Writer,
}

impl Sink for Kept<'_> {
    fn take(&mut self, number: usize, made: Option<Made>) -> Result<()> {
        let made = made.map(|made| (self.keep)(&made)).transpose()?;
        self.writer.push(number, made.as_deref())
    }

    fn end(self: Box<Self>, inputs: Option<usize>) -> Result<()> {
        let Kept { writing, writer, .. } = *self;
        writer.finish(inputs.is_some())?;
        inputs.map_or(Ok(()), |inputs| writing.finish(inputs))
    }
}

/// A record at work.
struct Sum<'a, S> {
    record: &'a Record<S>,
    writing: Writing,
    so_far: Recorded<S>,
    /// When it was kept last, and what that cost.
    last: Instant,
    cost: Duration,
    /// A sum that failed to take an input is not kept.
    failed: bool,
}

impl<S: Serialize> Sum<'_, S> {
    fn keep(&mut self) -> Result<()> {
        let clock = Instant::now();
        checked::write(&self.writing.folder().join(DATA), &self.so_far)?;
        (self.last, self.cost) = (Instant::now(), clock.elapsed());
        Ok(())
    }
}

impl<S: Serialize> Sink for Sum<'_, S> {
    fn take(&mut self, number: usize, made: Option<Made>) -> Result<()> {
        let added = match made {
            Some(made) => (self.record.add)(&mut self.so_far.sum, made),
            None => {
                self.so_far.skipped.push(number);
                Ok(())
            }
        };
        self.failed |= added.is_err();
        added?;
        self.so_far.inputs = number + 1;
        if self.last.elapsed() >= EVERY.max(SHARE * self.cost) { self.keep() } else { Ok(()) }
    }

    fn end(mut self: Box<Self>, inputs: Option<usize>) -> Result<()> {
        if !self.failed {
            self.keep()?;
        }
        if inputs.is_some() { self.writing.finish(self.so_far.inputs) } else { Ok(()) }
    }
}

impl Run {
    /// What a record holds; the encoder runs where it is not complete.
    ///
    /// # Errors
    /// Those of the encoder's pass.
    pub fn read<S: Serialize + DeserializeOwned + Clone + 'static>(
        &mut self,
        record: &Record<S>,
    ) -> Result<Recorded<S>> {
        self.fill(&[record])?;
        let recorded = record.kept(self)?;
        recorded.with_context(|| format!("{} was lost while the run was at work: run again", record.made))
    }
}
