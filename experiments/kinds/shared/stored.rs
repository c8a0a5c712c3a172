//! The word attention of a split, written to the store once and read from there by every kind and every later run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use headlight_attention::store::{self, Entry, Store, StoreKey, StoreWriter, open_or_write};
use headlight_attention::{MergeRule, WordAttention};

use crate::config::Split;
use crate::run::cache::{Place, Shelf};
use crate::run::{Filling, Item, Made, Reader, Reading, Run, Sink, Stream, Wants};

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
        let key = self.key(run)?;
        let store = Store::open(&self.folder, &key)?;
        let store =
            store.with_context(|| format!("{} was removed while the run was at work", self.folder.display()))?;
        tracing::info!("{}: attention of {} sentences from the store", self.stream.name(), store.len());
        Ok(store)
    }

    fn key(&self, run: &mut Run) -> Result<StoreKey> {
        let identity = run.identity(self.stream, self.draw, Some(self.rule))?;
        let (model, text) = run.labels(self.stream, self.draw);
        Ok(StoreKey::new(identity.part("model"), identity.part("text"), self.rule, self.precision)
            .with("device", identity.part("device"))
            .with("max_pieces", identity.part("max_pieces"))
            .labelled("model", &model)
            .labelled("treebank", &text))
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

    fn place(&self, run: &mut Run) -> Result<Place> {
        Ok(Place::new(&self.folder, self.key(run)?.id()))
    }

    fn open(&self, run: &mut Run) -> Result<Option<Filling<'_>>> {
        let key = self.key(run)?;
        let checkpoint = run.checkpoint()?;
        let Entry::Vacant(writer) = open_or_write(&self.folder, &key, checkpoint.grid, &checkpoint.frame)? else {
            return Ok(None);
        };
        let reading = Reading {
            from: writer.len(),
            only: None,
            wants: self.wants(),
            reduce: Box::new(|_, _, encoded| {
                let words = encoded.words.clone().context("the encoder gave no attention over words")?;
                Ok(Box::new(words) as Made)
            }),
        };
        Ok(Some(Filling { reading, sink: Box::new(Written(writer)) }))
    }
}

/// A store at work.
struct Written(StoreWriter);

impl Sink for Written {
    fn take(&mut self, _: usize, _: &Item, made: Option<Made>) -> Result<()> {
        match made {
            Some(made) => {
                let words = made.downcast::<WordAttention>().ok().context("attention is what is made here")?;
                Ok(self.0.push(&words)?)
            }
            None => Ok(self.0.push_skipped()?),
        }
    }

    fn end(self: Box<Self>, complete: bool) -> Result<()> {
        if complete {
            self.0.finish()?;
        }
        Ok(())
    }
}
