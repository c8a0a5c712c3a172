//! `index.json`: what a store is and which shards it has.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Result, StoreKey, damaged, io_at};
use crate::{Frame, HeadGrid};

/// The version of the format; part of every id.
pub(super) const VERSION: u32 = 3;

const FORMAT: &str = "headlight word attention";
const FILE: &str = "index.json";

/// The parsed index.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Index {
    format: String,
    version: u32,
    id: String,
    pub(super) key: StoreKey,
    layers: usize,
    heads: usize,
    frame: Frame,
    pub(super) shards: Vec<ShardEntry>,
}

/// What every version of the index begins with.
#[derive(Deserialize)]
struct Version {
    format: String,
    version: u32,
}

/// One shard as the index knows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct ShardEntry {
    pub(super) file: String,
    pub(super) sentences: usize,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Index {
    pub(super) fn new(key: StoreKey, grid: HeadGrid, frame: Frame) -> Self {
        let (layers, heads) = (grid.layers, grid.heads);
        Self { format: FORMAT.into(), version: VERSION, id: key.id(), key, layers, heads, frame, shards: Vec::new() }
    }

    pub(super) fn frame(&self) -> &Frame {
        &self.frame
    }

    pub(super) fn grid(&self) -> HeadGrid {
        HeadGrid { layers: self.layers, heads: self.heads }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn sentences(&self) -> usize {
        self.shards.iter().map(|shard| shard.sentences).sum()
    }

    /// Reads the index of the store `id` in `folder`, and checks that it is one.
    pub(super) fn read(folder: &Path, id: &str) -> Result<Self> {
        let path = folder.join(FILE);
        let text = fs::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => damaged(&path, "is missing"),
            _ => io_at(&path)(source),
        })?;
        let no_index = |error| damaged(&path, format!("is not an index of a store: {error}"));
        let Version { format, version } = serde_json::from_slice(&text).map_err(no_index)?;
        if format == FORMAT && version < VERSION {
            return Err(damaged(
                &path,
                format!(
                    "was written by an older headlight (version {version}, now {VERSION}), which this one makes anew"
                ),
            ));
        }
        if format != FORMAT || version != VERSION {
            return Err(damaged(&path, format!("is of format '{format}' version {version}")));
        }
        let index: Index = serde_json::from_slice(&text).map_err(no_index)?;
        if index.id != id || index.key.id() != id {
            return Err(damaged(&path, "belongs to another store"));
        }
        Ok(index)
    }

    /// Writes the index beside and renames it, so that it is whole or absent.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let beside = folder.join("index.json.writing");
        let mut text = serde_json::to_vec_pretty(self).expect("an index is plain data");
        text.push(b'\n');
        let written = fs::File::create(&beside).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&beside, &path)).map_err(io_at(&path))
    }
}

/// Where the store `id` is when it is complete.
pub(super) fn folder(root: &Path, id: &str) -> PathBuf {
    root.join(id)
}

/// Where it is until then.
pub(super) fn partial_folder(root: &Path, id: &str) -> PathBuf {
    root.join(format!(".{id}.partial"))
}

/// The file that is locked by who writes or removes it. It stays, empty: deleting it could give two runs a lock each.
pub(super) fn lock_file(root: &Path, id: &str) -> PathBuf {
    root.join(format!(".{id}.lock"))
}
