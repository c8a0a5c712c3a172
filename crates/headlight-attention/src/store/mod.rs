//! Word attention of a whole split on disk: written as a stream, read by memory map.
//!
//! A store is a folder `<root>/<id>/`, where the id is the SHA-256 of its [`StoreKey`]: everything that the attention
//! depends on. [`open_or_write`] gives the store of a key, or the writer that makes it; a run that was interrupted goes
//! on after its last whole shard, and a run that finds another at work on the same key waits for it. The folder appears
//! under its name when it is complete, never before.
//!
//! ```
//! use headlight_attention::store::{Entry, Bits, StoreKey, open_or_write};
//! use headlight_attention::{Frame, HeadGrid, MergeRule, WordAttention};
//!
//! # let root = tempfile::tempdir()?;
//! # let root = root.path();
//! let (grid, frame) = (HeadGrid { layers: 6, heads: 12 }, Frame::bert());
//! let key = StoreKey::new("<sha256 of the model>", "<sha256 of the treebank>", MergeRule::Mean, Bits::F16);
//! let store = match open_or_write(root, &key, grid, &frame)? {
//!     Entry::Ready(store) => store,
//!     Entry::Vacant(mut writer) => {
//!         for words in [5, 9].into_iter().skip(writer.len()) {
//!             let positions = frame.positions(words);
//!             let uniform = vec![1.0 / positions as f32; grid.len() * positions * positions];
//!             writer.push(&WordAttention::new(grid, &frame, words, uniform).unwrap())?;
//!         }
//!         writer.finish()?
//!     }
//! };
//! assert_eq!(store.word_attention(1).unwrap().words(), 9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Format
//! The folder holds `index.json` (key, grid, frame, shards with their SHA-256) and shards in the safetensors format, which
//! Python, Julia, R and others read; it was preferred to Arrow for being mapped without a copy by a reader of one page.
//! A shard holds s sentences in five tensors, or three in f32:
//!
//! | tensor | type, shape | holds |
//! |---|---|---|
//! | `words` | i64 `[s]` | words of each sentence; 0 for one that was skipped |
//! | `weights` | f16 or f32 `[…]` | the sentences' weights `[layer, head, from, to]` one after the other; up to 3 zeros at the end |
//! | `starts` | i64 `[s+1]` | where each sentence starts in `weights` |
//! | `scales` | f32 `[…]` | one factor a row, `[layer, head, from]` (f16 only) |
//! | `row_starts` | i64 `[s+1]` | where each sentence starts in `scales` (f16 only) |
//!
//! Rounding to f16 moves a weight by up to 2⁻¹¹ of itself and a row's sum by about 10⁻⁴. So that rows sum to what they
//! did, 1 in general, to the precision of f32, each is stored with the factor that restores its sum. A reader in Python:
//!
//! ```python
#![doc = include_str!("read_store.py")]
//! ```

mod index;
mod key;
mod manage;
mod reader;
mod rows;
mod shard;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

pub use key::{Bits, StoreKey};
pub use manage::{State, StoreSummary, list, remove, verify};
pub use reader::Store;
pub use shard::Kept;
pub use writer::{Entry, StoreWriter, open_or_write};

use crate::AttentionHead;

/// Why a store cannot be written, read or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A file of the store is missing, cut off, changed, or belongs to another store.
    #[error("{} {reason}; the store must be made anew", path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A sentence's attention is of another number of heads than the store is for.
    #[error("attention of {found_layers}×{found_heads} heads does not fit a store of {layers}×{heads}")]
    OtherGrid {
        /// Layers of the store.
        layers: usize,
        /// Heads per layer of the store.
        heads: usize,
        /// Layers of the sentence.
        found_layers: usize,
        /// Heads per layer of the sentence.
        found_heads: usize,
    },
    /// A sentence's attention has other special pieces around its words than the store is for.
    #[error("attention within {found} does not fit a store within {frame}")]
    OtherFrame {
        /// Special pieces of the store.
        frame: String,
        /// Special pieces of the sentence.
        found: String,
    },
    /// A sentence comes from a store that keeps weights otherwise.
    #[error("a sentence kept in {found} does not fit a store in {precision}")]
    OtherBits {
        /// How the store keeps weights.
        precision: &'static str,
        /// How the sentence is kept.
        found: &'static str,
    },
    /// A weight cannot be kept.
    #[error("sentence {sentence}: head {head} has a weight that is no number or too large for f16; f32 may hold it")]
    NotFinite {
        /// The sentence's number, counted from 0.
        sentence: usize,
        /// The head.
        head: AttentionHead,
    },
    /// A store that is being written cannot be removed.
    #[error("{} is being written by another run", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
    /// There is no store of that id.
    #[error("there is no store {id} in {}", root.display())]
    Unknown {
        /// The folder of stores.
        root: PathBuf,
        /// The id asked for.
        id: String,
    },
}

type Result<T> = std::result::Result<T, StoreError>;

/// For `map_err`: an error of the operating system about `path`.
fn io_at(path: &Path) -> impl FnOnce(io::Error) -> StoreError + '_ {
    move |source| StoreError::Io { path: path.to_owned(), source }
}

fn damaged(path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.into() }
}

#[cfg(target_endian = "big")]
compile_error!("a store is little-endian and mapped as it is");
