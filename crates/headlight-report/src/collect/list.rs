//! `collection.json`: which runs a collection has, and every file of it with its checksum.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::CollectError;
use crate::run::{ReadJson, RunError, WrittenFile, read_json, write_sealed};
use crate::tables::AnyColumn;

/// The version of `collection.json` that this crate writes, and the newest it reads.
pub const COLLECTION_VERSION: u32 = 1;

/// The file that makes a folder a collection.
pub(super) const FILE: &str = "collection.json";

/// Held by who adds to a collection.
const LOCK: &str = ".collection.lock";

/// What `collection.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct List {
    pub format_version: u32,
    pub headlight_version: String,
    /// The runs, in the order in which they were added.
    pub runs: Vec<Listed>,
    /// The columns of each table: those of every file of it.
    pub tables: BTreeMap<String, Vec<AnyColumn>>,
    /// Tables whose columns have just become more, so that some files may not have them yet.
    #[serde(default)]
    pub unfinished: BTreeSet<String>,
    /// Every Parquet file.
    pub files: Vec<WrittenFile>,
}

/// A run of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    /// What tells it from every other run; see [`super::identity`].
    pub id: String,
    pub name: String,
    pub model: String,
    pub treebank: String,
    /// Where it lay when it was added.
    pub path: String,
    /// Its place in a sweep, in words.
    pub swept: Option<String>,
    /// The tables that were taken from it.
    pub tables: BTreeSet<String>,
}

impl List {
    /// That of the collection in a folder; an empty one where there is none yet.
    pub(super) fn open(folder: &Path) -> Result<Self, CollectError> {
        let path = folder.join(FILE);
        if path.is_file() {
            let ReadJson { value, is_sealed } = read_json::<Self>(&path, COLLECTION_VERSION)?;
            if is_sealed == Some(false) {
                return Err(CollectError::Changed(path));
            }
            return Ok(value);
        }
        let io = |source| RunError::Io { path: folder.to_owned(), source };
        let mut names = match fs::read_dir(folder) {
            Ok(entries) => {
                entries.map(|entry| entry.map(|it| it.file_name())).collect::<Result<Vec<_>, _>>().map_err(io)?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(io(source).into()),
        };
        names.retain(|name| name != LOCK);
        if !names.is_empty() {
            return Err(CollectError::Foreign(folder.to_owned()));
        }
        Ok(Self {
            format_version: COLLECTION_VERSION,
            headlight_version: env!("CARGO_PKG_VERSION").to_owned(),
            runs: Vec::new(),
            tables: BTreeMap::new(),
            unfinished: BTreeSet::new(),
            files: Vec::new(),
        })
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), RunError> {
        write_sealed(&folder.join(FILE), self)
    }

    /// Notes a file that was written, in the place of an earlier one of its name.
    pub(super) fn note(&mut self, file: WrittenFile) {
        match self.files.binary_search_by(|known| known.path.cmp(&file.path)) {
            Ok(at) => self.files[at] = file,
            Err(at) => self.files.insert(at, file),
        }
    }

    /// The files of a table.
    pub(super) fn files_of(&self, table: &str) -> Vec<String> {
        let of_table = |file: &&WrittenFile| file.path.split('/').next() == Some(table);
        self.files.iter().filter(of_table).map(|file| file.path.clone()).collect()
    }

    /// The files that were made of a run.
    pub(super) fn files_of_run(&self, id: &str) -> Vec<String> {
        let name = file_name(id);
        let of_run = |file: &&WrittenFile| file.path.rsplit('/').next() == Some(name.as_str());
        self.files.iter().filter(of_run).map(|file| file.path.clone()).collect()
    }
}

/// How the files of a run are called.
pub(super) fn file_name(id: &str) -> String {
    format!("{}.parquet", &id[..id.len().min(16)])
}

/// Keeps others from adding to the same collection; held as long as it lives.
pub(super) fn lock(folder: &Path) -> Result<File, CollectError> {
    let path = folder.join(LOCK);
    let io = |source| RunError::Io { path: path.clone(), source };
    fs::create_dir_all(folder).map_err(io)?;
    let file = File::create(&path).map_err(io)?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => Err(CollectError::Locked(folder.to_owned())),
        // A file system without locks has no turns either.
        Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(file),
    }
}
