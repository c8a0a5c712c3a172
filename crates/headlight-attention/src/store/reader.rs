//! Reading a store.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::index::{Index, folder};
use super::shard::{Kept, Shard};
use super::{Result, StoreKey, damaged};
use crate::{Frame, HeadGrid, WordAttention};

/// Weights decoded before the pages they came from are given back. A reader then takes some hundred MiB at most, however
/// large the store; mapping a page again costs little, since the system keeps it as long as it has room.
const RELEASE_AFTER: usize = 32 << 20;

/// The word attention of a whole split, mapped from disk. It may be read from several threads at once.
#[derive(Debug)]
pub struct Store {
    index: Index,
    shards: Vec<Shard>,
    /// The number of the first sentence of each shard, and of all sentences.
    firsts: Vec<usize>,
    /// Weights decoded since pages were last given back.
    decoded: AtomicUsize,
}

impl Store {
    /// Opens the store of `key` among those in `root`; `None` when there is none. Checks that it is whole, but not every
    /// byte: see [`Store::verify`].
    ///
    /// # Errors
    /// [`StoreError::Damaged`](super::StoreError::Damaged) when a file is missing, cut off or of another store, or what
    /// the operating system says.
    pub fn open(root: &Path, key: &StoreKey) -> Result<Option<Self>> {
        let id = key.id();
        let folder = folder(root, &id);
        if folder.try_exists().map_err(super::io_at(&folder))? {
            Self::open_folder(&folder, &id).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Opens the store in `folder`, whatever it was made for, and compares every byte with its checksum: for readers who were
    /// given a folder and no key.
    ///
    /// # Errors
    /// As [`Store::open`] and [`Store::verify`]; a folder that is not there is [`StoreError::Io`](super::StoreError::Io).
    pub fn at(folder: &Path) -> Result<Self> {
        std::fs::metadata(folder).map_err(super::io_at(folder))?;
        let id = folder.canonicalize().map_err(super::io_at(folder))?;
        let id = id.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let store = Self::open_folder(folder, &id)?;
        store.verify()?;
        Ok(store)
    }

    /// The same where it is of these heads and this frame, with every byte compared.
    ///
    /// # Errors
    /// As [`Store::open`], and when a byte differs.
    pub fn open_verified(root: &Path, key: &StoreKey, grid: HeadGrid, frame: &Frame) -> Result<Option<Self>> {
        let Some(store) = Self::open(root, key)? else { return Ok(None) };
        if (store.grid(), store.frame()) != (grid, frame) {
            return Err(damaged(&folder(root, store.index.id()), "has an index of other heads or another frame"));
        }
        store.verify()?;
        Ok(Some(store))
    }

    pub(super) fn open_folder(folder: &Path, id: &str) -> Result<Self> {
        let index = Index::read(folder, id)?;
        let open = |entry| Shard::open(folder, entry, &index);
        let shards = index.shards.iter().map(open).collect::<Result<Vec<_>>>()?;
        let mut firsts = vec![0];
        firsts.extend(index.shards.iter().scan(0, |first, shard| {
            *first += shard.sentences;
            Some(*first)
        }));
        Ok(Self { index, shards, firsts, decoded: AtomicUsize::new(0) })
    }

    /// What the store was made for.
    pub fn key(&self) -> &StoreKey {
        &self.index.key
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.index.grid()
    }

    /// The special pieces around every sentence's words.
    pub fn frame(&self) -> &Frame {
        self.index.frame()
    }

    /// Number of sentences, skipped ones included.
    pub fn len(&self) -> usize {
        self.index.sentences()
    }

    /// Whether there is no sentence.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Words of a sentence; `None` when it was skipped.
    ///
    /// # Panics
    /// When there is no sentence of that number.
    pub fn words(&self, sentence: usize) -> Option<usize> {
        let (shard, sentence) = self.find(sentence);
        shard.words(sentence)
    }

    /// Decodes the weights of a sentence into `out`, axes `[layer, head, from, to]`, layers × heads × positions² in all.
    ///
    /// # Panics
    /// When there is no sentence of that number, it was skipped, or `out` is of another length.
    pub fn read(&self, sentence: usize, out: &mut [f32]) {
        let (shard, within) = self.find(sentence);
        let words = shard.words(within).unwrap_or_else(|| panic!("sentence {sentence} was skipped"));
        assert_eq!(out.len(), self.weights(words), "room for a sentence of {words} words");
        shard.read(within, out);
        if self.decoded.fetch_add(out.len(), Ordering::Relaxed) > RELEASE_AFTER {
            self.decoded.store(0, Ordering::Relaxed);
            self.release();
        }
    }

    /// Weights of a sentence of `words` words.
    fn weights(&self, words: usize) -> usize {
        self.grid().len() * self.frame().positions(words).pow(2)
    }

    pub(super) fn release(&self) {
        self.shards.iter().for_each(Shard::release);
    }

    /// The word attention of a sentence; `None` when it was skipped.
    ///
    /// # Panics
    /// When there is no sentence of that number.
    pub fn word_attention(&self, sentence: usize) -> Option<WordAttention> {
        let words = self.words(sentence)?;
        let mut weights = vec![0.0; self.weights(words)];
        self.read(sentence, &mut weights);
        Some(WordAttention::new(self.grid(), self.frame(), words, weights).expect("read as long as it is"))
    }

    /// A sentence as it is kept, for [`super::StoreWriter::push_kept`]; `None` when it was skipped.
    ///
    /// # Panics
    /// When there is no sentence of that number.
    pub fn kept(&self, sentence: usize) -> Option<Kept> {
        let (shard, within) = self.find(sentence);
        let words = shard.words(within)?;
        let kept = shard.kept(within);
        if self.decoded.fetch_add(self.weights(words), Ordering::Relaxed) > RELEASE_AFTER {
            self.decoded.store(0, Ordering::Relaxed);
            self.release();
        }
        Some(kept)
    }

    /// Compares every byte with the checksums, shards side by side.
    ///
    /// # Errors
    /// [`StoreError::Damaged`](super::StoreError::Damaged) names the first shard that differs.
    pub fn verify(&self) -> Result<()> {
        let next = AtomicUsize::new(0);
        // Every worker goes on to the next shard, and ends at one that differs.
        let take = || {
            let number = next.fetch_add(1, Ordering::Relaxed);
            self.shards.get(number).map(|shard| (number, shard.verify()))
        };
        let work = || std::iter::from_fn(take).find_map(|(number, verified)| Some((number, verified.err()?)));
        let workers = thread::available_parallelism().map_or(1, usize::from).min(self.shards.len());
        let failed = thread::scope(|scope| {
            // A thread that cannot be had leaves more to the others.
            let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
            let others: Vec<_> = (1..workers).filter_map(spawn).collect();
            let own = work();
            let others = others.into_iter().filter_map(|other| other.join().ok().flatten());
            others.chain(own).min_by_key(|(number, _)| *number)
        });
        self.release();
        failed.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// The shard that holds a sentence, and the sentence's number there.
    fn find(&self, sentence: usize) -> (&Shard, usize) {
        assert!(sentence < self.len(), "sentence {sentence} of {}", self.len());
        let shard = self.firsts.partition_point(|first| *first <= sentence) - 1;
        (&self.shards[shard], sentence - self.firsts[shard])
    }
}
