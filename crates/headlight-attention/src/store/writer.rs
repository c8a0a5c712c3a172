//! Writing a store.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::index::{Index, ShardEntry, folder, lock_file, partial_folder};
use super::shard::{Kept, Shard, ShardWriter};
use super::{Result, Store, StoreError, StoreKey, io_at};
use crate::{Frame, HeadGrid, WordAttention};

/// Weights of one shard, in bytes. It bounds what an interruption costs and, through the rows' factors, the memory of a
/// writer: about a tenth of it.
const SHARD_BYTES: u64 = 64 << 20;

/// The shard that is being written.
const WRITING: &str = "shard.writing";

/// What there is for a key.
#[derive(Debug)]
pub enum Entry {
    /// The store.
    Ready(Store),
    /// No store: the writer that makes it.
    Vacant(StoreWriter),
}

/// The store of `key` among those in `root`, every byte of it verified, or the writer that makes it. A damaged store is
/// cleared away, with a warning. While another run writes the same store, this waits for it.
///
/// # Errors
/// What the operating system says; `root` is made where it is absent.
pub fn open_or_write(root: &Path, key: &StoreKey, grid: HeadGrid, frame: &Frame) -> Result<Entry> {
    open_or_write_shards(root, key, grid, frame, SHARD_BYTES)
}

fn open_or_write_shards(root: &Path, key: &StoreKey, grid: HeadGrid, frame: &Frame, shard_bytes: u64) -> Result<Entry> {
    if let Ok(Some(store)) = Store::open_verified(root, key, grid, frame) {
        return Ok(Entry::Ready(store));
    }
    fs::create_dir_all(root).map_err(io_at(root))?;
    let lock = wait_for_lock(&lock_file(root, &key.id()))?;
    match Store::open_verified(root, key, grid, frame) {
        Ok(Some(store)) => return Ok(Entry::Ready(store)),
        Ok(None) => {}
        Err(StoreError::Damaged { path, reason }) => {
            tracing::warn!("{} {reason}: the store is made anew", path.display());
            let folder = folder(root, &key.id());
            fs::remove_dir_all(&folder).map_err(io_at(&folder))?;
        }
        Err(other) => return Err(other),
    }
    let index = Index::new(key.clone(), grid, frame.clone());
    StoreWriter::resume(root, index, shard_bytes, lock).map(Entry::Vacant)
}

fn wait_for_lock(path: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(io_at(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            tracing::info!("waiting for another run that writes the same attention store ({})", path.display());
            file.lock().map_err(io_at(path))?;
        }
        Err(fs::TryLockError::Error(source)) => return Err(io_at(path)(source)),
    }
    Ok(file)
}

/// Writes a store, sentence by sentence. Memory does not grow with their number. Dropped before
/// [`StoreWriter::finish`], it leaves whole shards for the next writer of the same key.
#[derive(Debug)]
pub struct StoreWriter {
    root: PathBuf,
    partial: PathBuf,
    index: Index,
    shard: Option<ShardWriter>,
    shard_bytes: u64,
    _lock: File,
}

impl StoreWriter {
    fn resume(root: &Path, mut index: Index, shard_bytes: u64, lock: File) -> Result<Self> {
        let partial = partial_folder(root, index.id());
        fs::create_dir_all(&partial).map_err(io_at(&partial))?;
        if let Ok(before) = Index::read(&partial, index.id())
            && (before.grid(), before.frame()) == (index.grid(), index.frame())
        {
            let whole =
                |entry: &ShardEntry| Shard::open(&partial, entry, &before).is_ok_and(|shard| shard.verify().is_ok());
            index.shards = before.shards.iter().take_while(|entry| whole(entry)).cloned().collect();
        }
        let torn = partial.join(WRITING);
        if torn.exists() {
            fs::remove_file(&torn).map_err(io_at(&torn))?;
        }
        if !index.shards.is_empty() {
            tracing::info!("going on with an interrupted attention store after {} sentences", index.sentences());
        }
        Ok(Self { root: root.to_owned(), partial, index, shard: None, shard_bytes, _lock: lock })
    }

    /// Sentences written, by an interrupted run before included: the number of the next one, counted from 0.
    pub fn len(&self) -> usize {
        self.index.sentences() + self.shard.as_ref().map_or(0, ShardWriter::sentences)
    }

    /// Whether no sentence has been written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the attention of the next sentence.
    ///
    /// # Errors
    /// [`StoreError::OtherGrid`], [`StoreError::OtherFrame`] or [`StoreError::NotFinite`], after which the writer is as before, or what the
    /// operating system says.
    pub fn push(&mut self, attention: &WordAttention) -> Result<()> {
        let (grid, found) = (self.index.grid(), attention.grid());
        if self.index.frame() != attention.frame() {
            let [frame, found] = [self.index.frame(), attention.frame()].map(ToString::to_string);
            return Err(StoreError::OtherFrame { frame, found });
        }
        if grid != found {
            return Err(StoreError::OtherGrid {
                layers: grid.layers,
                heads: grid.heads,
                found_layers: found.layers,
                found_heads: found.heads,
            });
        }
        let sentence = self.len();
        self.shard()?
            .push(attention, |row| StoreError::NotFinite { sentence, head: grid.head(row / attention.positions()) })
    }

    /// Appends a sentence of another store of the same heads, bit for bit: of one that holds a part of the same text.
    ///
    /// # Errors
    /// [`StoreError::OtherBits`], or what the operating system says.
    pub fn push_kept(&mut self, kept: &Kept) -> Result<()> {
        let (precision, found) = (self.index.key.precision(), kept.precision);
        if precision != found {
            return Err(StoreError::OtherBits { precision: precision.name(), found: found.name() });
        }
        self.shard()?.push_kept(kept)
    }

    /// Notes that the next sentence was skipped, so that numbers go on matching the treebank's.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn push_skipped(&mut self) -> Result<()> {
        self.shard()?.push_skipped();
        Ok(())
    }

    /// The shard to write the next sentence to.
    fn shard(&mut self) -> Result<&mut ShardWriter> {
        if self.shard.as_ref().is_some_and(|shard| shard.bytes() >= self.shard_bytes) {
            self.seal()?;
        }
        match &mut self.shard {
            Some(shard) => Ok(shard),
            vacant => {
                let path = self.partial.join(WRITING);
                Ok(vacant.insert(ShardWriter::create(&path, self.index.key.precision())?))
            }
        }
    }

    fn seal(&mut self) -> Result<()> {
        let Some(shard) = self.shard.take() else { return Ok(()) };
        let sentences = shard.sentences();
        let file = format!("shard-{:05}.safetensors", self.index.shards.len());
        let (bytes, sha256) = shard.seal(self.index.id())?;
        let path = self.partial.join(&file);
        fs::rename(self.partial.join(WRITING), &path).map_err(io_at(&path))?;
        self.index.shards.push(ShardEntry { file, sentences, bytes, sha256 });
        self.index.write(&self.partial)
    }

    /// Completes the store and opens it.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn finish(mut self) -> Result<Store> {
        self.seal()?;
        self.index.write(&self.partial)?;
        let folder = folder(&self.root, self.index.id());
        fs::rename(&self.partial, &folder).map_err(io_at(&folder))?;
        Store::open_folder(&folder, self.index.id())
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
