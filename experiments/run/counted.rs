//! How many inputs a stream has for shards to divide, counted once for all of them.

use std::sync::Mutex;

use anyhow::{Context, Result};
use headlight_treebank::ReadError;
use headlight_treebank::coreference::HeadRule;
use serde::{Deserialize, Serialize};

use super::books::Books;
use super::identity::Identity;
use super::stream::{self, Bounds, Stream, has_mentions};
use super::{Run, cache};
use crate::cli::interrupt;
use crate::sources::corpus::{Corpus, Packing};
use crate::sources::treebank::Treebank;

/// How many of a stream there are for shards to divide.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counted {
    /// Those that are counted.
    pub count: usize,
    /// For each thing between them that is read and not counted, how many stand before it; ascending.
    others: Vec<usize>,
}

impl Counted {
    /// So many, and nothing else.
    pub(super) fn plain(count: usize) -> Self {
        Self { count, others: Vec::new() }
    }

    /// The sentences of a treebank that are trees, or may lack them where the treebank says so.
    ///
    /// # Errors
    /// A file that cannot be read. What is wrong with sentences is told when they are.
    pub(super) fn sentences(treebank: &Treebank) -> Result<Self> {
        Self::of(treebank.sentences(), |_| true)
    }

    /// The documents with mentions.
    ///
    /// # Errors
    /// As [`Counted::sentences`].
    pub(super) fn documents(treebank: &Treebank, head: HeadRule) -> Result<Self> {
        Self::of(treebank.documents(head), has_mentions)
    }

    fn of<T>(read: impl Iterator<Item = Result<T, ReadError>>, counts: fn(&T) -> bool) -> Result<Self> {
        let mut counted = Self::default();
        for read in read {
            interrupt::check()?;
            match read {
                Ok(read) if counts(&read) => counted.count += 1,
                Err(error) if !error.is_skippable() => return Err(error.into()),
                Ok(_) | Err(_) => counted.others.push(counted.count),
            }
        }
        Ok(counted)
    }

    /// What stands before the counted one of this number, and before what is not counted right before it.
    pub(super) fn before(&self, number: usize) -> usize {
        number + self.others.partition_point(|before| *before < number)
    }
}

impl Run {
    /// What of a stream shards divide: sentences, documents with mentions, pairs. Nothing is tokenized but what has to be packed.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn counted(&mut self, stream: Stream) -> Result<Counted> {
        if let Some((_, counted)) = self.counts.iter().find(|(known, _)| *known == stream) {
            return Ok(counted.clone());
        }
        let counted = match stream {
            // Packing hangs on the model, and every shard packs anyway.
            Stream::Packed => self.count(stream)?,
            _ => cache::noted(&self.about_count(stream)?, || self.count(stream))?,
        };
        self.counts.push((stream, counted.clone()));
        Ok(counted)
    }

    /// How many of a stream shards divide, counted whatever was counted before: for who wants to know how long reading takes.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn count_anew(&mut self, stream: Stream) -> Result<usize> {
        let counted = self.count(stream)?;
        let count = counted.count;
        if stream != Stream::Packed {
            cache::noted(&self.about_count(stream)?, || Ok(counted.clone()))?;
        }
        self.counts.push((stream, counted));
        Ok(count)
    }

    /// What a count depends on. It stays in the cache, for all shards of all who ask of them.
    fn about_count(&mut self, stream: Stream) -> Result<Identity> {
        Ok(Identity::default().with("text", self.text(stream)?).with("noted", "what is counted"))
    }

    fn count(&mut self, stream: Stream) -> Result<Counted> {
        match (self.treebank_of(stream)?, stream) {
            (Some(treebank), Stream::Windows(_, rules)) => Counted::documents(&treebank, rules.head),
            (Some(treebank), _) => Counted::sentences(&treebank),
            (None, _) => {
                self.model()?;
                let (keys, corpus, seed) = (&self.config.treebank, &self.config.corpus, self.config.seed);
                let model = &self.model.get().context("the model was loaded above")?.model;
                let limit = keys.max_pieces.min(model.spec().max_pieces());
                let packing = Packing { limit, random_next: corpus.random_next, short: corpus.short, seed };
                let (files, books) = (Corpus::resolve(corpus)?, Mutex::new(Books::default()));
                let (pairs, total) =
                    stream::packed(&files, &Bounds::all(), packing, corpus.sequences, model.tokenizer(), &books)?;
                Ok(Counted::plain(match total {
                    Some(total) => total as usize,
                    None => pairs.into_iter().try_fold(0, |count, pair| pair.map(|_| count + 1))?,
                }))
            }
        }
    }
}
