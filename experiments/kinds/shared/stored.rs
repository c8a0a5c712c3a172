//! The word attention of a split, written to the store once and read from there by every kind and every later run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use headlight_attention::store::{self, Entry, Kept, Store, StoreError, StoreKey, StoreWriter, open_or_write};
use headlight_attention::{MergeRule, WordAttention};

use crate::config::Split;
use crate::run::cache::{Look, Place, Shelf};
use crate::run::{Filling, Made, Reader, Reading, Run, Shard, Sink, Stream, Take, Wants};

/// The stored attention of a split.
pub struct StoredAttention {
    stream: Stream,
    draw: Option<usize>,
    rule: MergeRule,
    precision: store::Bits,
    folder: PathBuf,
}

impl StoredAttention {
    /// That of the model that is at work, in this folder of stores, or in the cache where it is empty.
    ///
    /// # Errors
    /// When there is no place for a cache.
    pub fn new(run: &Run, split: Split, rule: MergeRule, precision: store::Bits, folder: &Path) -> Result<Self> {
        let is_default = folder.as_os_str().is_empty();
        let folder = if is_default { Shelf::Attention.folder()? } else { folder.to_owned() };
        Ok(Self { stream: Stream::Trees(split), draw: run.draw(), rule, precision, folder })
    }

    /// The same of a draw of random weights.
    #[must_use]
    pub fn of_draw(self, draw: usize) -> Self {
        Self { draw: Some(draw), ..self }
    }

    /// The store; the encoder runs when it is not there yet, and goes on where it was interrupted.
    ///
    /// # Errors
    /// Those of the encoder's pass and of the store.
    pub fn read(&self, run: &mut Run) -> Result<Store> {
        run.fill(&[self])?;
        run.books(self.stream)?;
        let key = self.key(run, None)?;
        let store = Store::open(&self.folder, &key)?;
        let store =
            store.with_context(|| format!("{} was removed while the run was at work", self.folder.display()))?;
        tracing::info!("{}: attention of {} sentences from the store", self.stream.name(), store.len());
        Ok(store)
    }

    fn key(&self, run: &mut Run, shard: Option<Shard>) -> Result<StoreKey> {
        let identity = run.identity(self.stream, self.draw, Some(self.rule))?;
        let (model, text) = run.labels(self.stream, self.draw);
        let key = StoreKey::new(identity.part("model"), identity.part("text"), self.rule, self.precision)
            .with("device", identity.part("device"))
            .with("max_pieces", identity.part("max_pieces"))
            .labelled("model", &model);
        Ok(match shard {
            None => key.labelled("treebank", &text),
            Some(shard) => {
                key.with("shard", &shard.to_string()).labelled("treebank", &format!("{text}, shard {shard}"))
            }
        })
    }
}

impl Reader for StoredAttention {
    fn stream(&self) -> Stream {
        self.stream
    }

    fn draw(&self) -> Option<usize> {
        self.draw
    }

    fn wants(&self) -> Wants {
        Wants::words(self.rule)
    }

    fn what(&self) -> String {
        format!("attention, {}", self.precision.name())
    }

    fn reading(&self, _: &mut Run, from: usize) -> Result<Reading<'_>> {
        Ok(Reading {
            from,
            only: None,
            wants: self.wants(),
            reduce: Box::new(|_, _, encoded| {
                let words = encoded.words.clone().context("the encoder gave no attention over words")?;
                Ok(Box::new(words) as Made)
            }),
        })
    }

    fn bytes(&self, made: &Made) -> Result<usize> {
        let made = made.downcast_ref::<WordAttention>().context("attention is what is made here")?;
        let (weights, rows) = (made.weights().len(), made.weights().len() / made.positions().max(1));
        Ok(match self.precision {
            store::Bits::F16 => 2 * weights + 4 * rows,
            store::Bits::F32 => 4 * weights,
        })
    }

    fn place(&self, run: &mut Run, shard: Option<Shard>) -> Result<Place> {
        Ok(Place::new(&self.folder, self.key(run, shard)?.id()))
    }

    fn look(&self, run: &mut Run, shard: Option<Shard>) -> Result<Look> {
        let key = self.key(run, shard)?;
        let checkpoint = run.checkpoint()?;
        match Store::open_verified(&self.folder, &key, checkpoint.grid, &checkpoint.frame) {
            Ok(Some(_)) => Ok(Look::Whole),
            Ok(None) => Ok(Look::Absent),
            Err(StoreError::Damaged { reason, .. }) if reason.contains("another store") => {
                Ok(Look::Damaged(format!("foreign: it {reason}")))
            }
            Err(StoreError::Damaged { .. }) => Ok(Look::Damaged("damaged".to_owned())),
            Err(other) => Err(other.into()),
        }
    }

    fn replay(&self, run: &mut Run, shard: Shard, from: usize, take: &mut Take<'_>) -> Result<usize> {
        let store = Store::open(&self.folder, &self.key(run, Some(shard))?)?;
        let store = store.with_context(|| format!("shard {shard} was removed while the run was at work"))?;
        for number in from..store.len() {
            take(number, store.kept(number).map(|kept| Box::new(kept) as Made))?;
        }
        Ok(store.len())
    }

    fn open(&self, run: &mut Run, shard: Option<Shard>) -> Result<Option<Filling<'_>>> {
        let key = self.key(run, shard)?;
        let checkpoint = run.checkpoint()?;
        let Entry::Vacant(writer) = open_or_write(&self.folder, &key, checkpoint.grid, &checkpoint.frame)? else {
            return Ok(None);
        };
        let reading = self.reading(run, writer.len())?;
        Ok(Some(Filling { reading, sink: Box::new(Written(writer)) }))
    }
}

/// A store at work.
struct Written(StoreWriter);

impl Sink for Written {
    fn take(&mut self, _: usize, made: Option<Made>) -> Result<()> {
        let Some(made) = made else { return Ok(self.0.push_skipped()?) };
        match made.downcast::<WordAttention>() {
            Ok(words) => Ok(self.0.push(&words)?),
            Err(made) => {
                let kept = made.downcast::<Kept>().ok().context("attention is what is made here")?;
                Ok(self.0.push_kept(&kept)?)
            }
        }
    }

    fn end(self: Box<Self>, inputs: Option<usize>) -> Result<()> {
        if inputs.is_some() {
            self.0.finish()?;
        }
        Ok(())
    }
}
