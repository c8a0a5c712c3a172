//! Many runs as one: their tables, partitioned by model and treebank, with what each run was done with as columns, and a page
//! to look around in.
//!
//! A collection is a folder. In it every table is a folder of Parquet files, `best_heads/model=…/treebank=…/ID.parquet`, a
//! file for each run, all with the same columns; DuckDB, polars, Spark and Arrow read such a folder as one table.
//! `collection.json` lists runs, columns and files with their checksums. Runs are added and never doubled: a run that is
//! there is known by its numbers. What a run says is believed when it is what the run wrote, checksum for checksum.
//!
//! Two tables are made here: `results`, the main numbers of all kinds in one form (as the table `sweep`), and `runs`, a row a
//! run, with every key of its config.

mod hive;
mod list;
mod page;
mod settings;
mod write;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

pub use list::COLLECTION_VERSION;
use list::{FILE, List, Listed};

use crate::run::{
    FileState, MANIFEST_VERSION, Manifest, RunDirectory, RunError, Verified, WrittenFile, hex, read_json,
};
pub use crate::sweep::RunPlace;
use crate::tables::{AnyColumn, AnyReader, Kind, TableError};

/// The table of runs.
pub const RUNS: &str = "runs";

/// The table of main numbers.
pub const RESULTS: &str = "results";

/// What keeps a run from being added, or a folder from being a collection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// It is no complete run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A table cannot be read or written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Files of a run are no longer what the run wrote.
    #[error("{}: {}; run it again, or give back the files that it wrote", .path.display(), .what.join(", "))]
    NotAsWritten {
        /// The run.
        path: PathBuf,
        /// What has changed.
        what: Vec<String>,
    },
    /// Two runs hold different kinds of values in one column.
    #[error("column `{column}` of table `{table}` is {found} in {}, and {expected} in the runs collected before", .path.display())]
    OtherKind {
        /// The run.
        path: PathBuf,
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What the run has.
        found: Kind,
        /// What the collection has.
        expected: Kind,
    },
    /// A run's config cannot be read.
    #[error("cannot understand {}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        source: toml::de::Error,
    },
    /// The list of a collection is not what was written.
    #[error("{} was changed since it was written: collect the runs anew, into another folder", .0.display())]
    Changed(PathBuf),
    /// The folder holds something else.
    #[error("{} is not empty and no collection: it is left alone; --out names another folder", .0.display())]
    Foreign(PathBuf),
    /// Another process adds to the collection.
    #[error("another process adds to {}: wait for it", .0.display())]
    Locked(PathBuf),
}

/// What became of a run that was to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is in the collection now.
    New,
    /// It was there already.
    Known,
    /// It is in the collection now, in the place of what lay in the same folder before.
    Replaced,
    /// Another folder, this one, holds the same config and the same numbers and is there already.
    Twice(String),
}

/// A folder of collected runs.
#[derive(Debug)]
pub struct Collection {
    folder: PathBuf,
    list: List,
    saved: Instant,
    _lock: File,
}

/// After so long what was added is put on the list, so that an end at any moment costs little.
const SAVE: Duration = Duration::from_secs(5);

impl Collection {
    /// Whether a folder is one.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// The collection in a folder, a new one where there is nothing. What an interrupted call left behind goes.
    ///
    /// # Errors
    /// Where the folder holds something else, is being added to, or cannot be written.
    pub fn open(folder: &Path) -> Result<Self, CollectError> {
        if folder.symlink_metadata().is_ok() {
            List::open(folder)?;
        }
        let lock = list::lock(folder)?;
        let list = List::open(folder)?;
        let mut it = Self { folder: folder.to_owned(), list, saved: Instant::now(), _lock: lock };
        it.remove_leftovers()?;
        for table in it.list.unfinished.clone() {
            it.widen(&table)?;
        }
        it.save()?;
        Ok(it)
    }

    /// What became of the files of a collection.
    ///
    /// # Errors
    /// As [`crate::run::verify`].
    pub fn verify(folder: &Path) -> Result<Verified, RunError> {
        let list = read_json::<List>(&folder.join(FILE), COLLECTION_VERSION)?;
        Verified::of(folder, FILE, list.is_sealed, &list.value.files)
    }

    /// Adds a run, or of one that is there the tables that are not; `tables`: only these.
    ///
    /// # Errors
    /// Where the run is not whole, is not what it wrote, or does not fit to the others; nothing of it is on the list then.
    pub fn add(
        &mut self,
        path: &Path,
        place: Option<&RunPlace>,
        tables: Option<&BTreeSet<String>>,
    ) -> Result<Added, CollectError> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let manifest_path = path.join("manifest.json");
        if !manifest_path.is_file() {
            RunDirectory::open(&path)?;
        }
        let manifest = read_json::<Manifest>(&manifest_path, MANIFEST_VERSION)?;
        let id = identity(&path, &manifest.value)?;
        let at = path.display().to_string();
        let listed = self.list.runs.iter().find(|run| run.id == id).cloned();
        let swept = place.map(|place| place.swept.clone());
        let is_moved = listed.as_ref().is_some_and(|run| run.swept != swept && swept.is_some());
        if let Some(listed) = &listed {
            if listed.path != at && Path::new(&listed.path).is_dir() {
                return Ok(Added::Twice(listed.path.clone()));
            }
            if !is_moved && tables.is_some_and(|tables| tables.is_subset(&listed.tables)) {
                return Ok(Added::Known);
            }
        }
        let run = RunDirectory::open(&path)?;
        let filled = filled(&run, tables);
        let known = listed.as_ref().map(|listed| listed.tables.clone()).unwrap_or_default();
        if listed.is_some() && !is_moved && filled.is_subset(&known) {
            return Ok(Added::Known);
        }
        check(&run)?;
        let wanted: BTreeSet<String> = match is_moved {
            true => filled.union(&known).cloned().collect(),
            false => filled.difference(&known).cloned().collect(),
        };
        let settings = settings::settings(&run, &id, place);
        for table in &wanted {
            self.add_table(&run, &id, table, &settings)?;
        }
        self.add_results(&run, &id, &settings)?;
        self.add_run(&run, &id, settings)?;
        let before: Vec<String> =
            self.list.runs.iter().filter(|it| it.path == at && it.id != id).map(|it| it.id.clone()).collect();
        before.iter().try_for_each(|id| self.remove(id))?;
        let of_run = Listed {
            id: id.clone(),
            name: run.report().name.clone(),
            model: run.report().model.name.clone(),
            treebank: run.report().treebank.name.clone(),
            path: at,
            swept: swept.or_else(|| listed.as_ref()?.swept.clone()),
            tables: wanted.union(&known).cloned().collect(),
        };
        match self.list.runs.iter_mut().find(|it| it.id == id) {
            Some(known) => *known = of_run,
            None => self.list.runs.push(of_run),
        }
        if self.saved.elapsed() > SAVE {
            self.save()?;
        }
        Ok(if before.is_empty() { Added::New } else { Added::Replaced })
    }

    /// Writes the list and the page.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn finish(mut self) -> Result<Vec<CollectedTable>, CollectError> {
        self.save()?;
        self.write_page()?;
        let table = |name: &String| {
            let files = self.list.files_of(name);
            let rows = files.iter().map(|file| Ok(AnyReader::open(&self.folder.join(file))?.rows()));
            let bytes = |file: &&WrittenFile| files.contains(&file.path);
            Ok(CollectedTable {
                name: name.clone(),
                rows: rows.sum::<Result<u64, TableError>>()?,
                bytes: self.list.files.iter().filter(bytes).map(|file| file.bytes).sum(),
                files: files.len() as u64,
            })
        };
        self.list.tables.keys().map(table).collect()
    }

    fn save(&mut self) -> Result<(), RunError> {
        self.saved = Instant::now();
        self.list.write(&self.folder)
    }

    /// Forgets a run and removes its files.
    fn remove(&mut self, id: &str) -> Result<(), CollectError> {
        let files = self.list.files_of_run(id);
        self.list.runs.retain(|run| run.id != id);
        self.remove_files(&files)?;
        Ok(())
    }

    fn remove_files(&mut self, files: &[String]) -> Result<(), RunError> {
        self.list.files.retain(|file| !files.contains(&file.path));
        for file in files {
            let path = self.folder.join(file);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(RunError::Io { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what an interrupted call has written and not put on the list.
    fn remove_leftovers(&self) -> Result<(), RunError> {
        let known: BTreeSet<&str> = self.list.files.iter().map(|file| file.path.as_str()).collect();
        for table in inner(&self.folder, "")? {
            for model in inner(&self.folder.join(&table), "model=")? {
                for treebank in inner(&self.folder.join(&table).join(&model), "treebank=")? {
                    let folder = format!("{table}/{model}/{treebank}");
                    for file in inner(&self.folder.join(&folder), "")? {
                        let is_unfinished = file.starts_with('.') && file.ends_with(".writing");
                        let path = format!("{folder}/{file}");
                        if is_unfinished || (is_of_a_run(&file) && !known.contains(path.as_str())) {
                            let path = self.folder.join(path);
                            fs::remove_file(&path).map_err(|source| RunError::Io { path, source })?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// A table of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectedTable {
    /// Its name, and that of its folder.
    pub name: String,
    /// Rows of all runs.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// What they take on disk.
    pub bytes: u64,
}

/// Names in a folder that begin so; none where it is no folder.
fn inner(folder: &Path, beginning: &str) -> Result<Vec<String>, RunError> {
    let io = |source| RunError::Io { path: folder.to_owned(), source };
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
        if name.starts_with(beginning) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Whether a file is named as those of runs are.
fn is_of_a_run(file: &str) -> bool {
    let digits = file.strip_suffix(".parquet");
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|it| it.is_ascii_hexdigit()))
}

/// What tells a run from every other: its config, which has its name, and its numbers. A copy of a run is the same run, and so
/// is one that repeats it.
fn identity(path: &Path, manifest: &Manifest) -> Result<String, RunError> {
    let of_earlier = if manifest.files.is_empty() { WrittenFile::all_in(path, &[])? } else { Vec::new() };
    let files = manifest.files.iter().chain(&of_earlier);
    let mut files: Vec<String> = files
        .filter(|file| file.path.ends_with(".parquet") || file.path == "config.toml")
        .map(|file| format!("{} {}\n", file.sha256, file.path))
        .collect();
    files.sort();
    Ok(hex(&Sha256::digest(files.concat())))
}

/// The tables that a run filled, of those that are wanted.
fn filled(run: &RunDirectory, tables: Option<&BTreeSet<String>>) -> BTreeSet<String> {
    let all = run.report().experiments.iter().flat_map(|experiment| &experiment.tables);
    all.filter(|table| tables.is_none_or(|tables| tables.contains(*table))).cloned().collect()
}

/// Checks that everything that is taken from a run is what the run wrote.
fn check(run: &RunDirectory) -> Result<(), CollectError> {
    let is_taken = |changed: &&String| !changed.starts_with("explorer.json");
    let mut what: Vec<String> = run.changed().iter().filter(is_taken).cloned().collect();
    let config = run.manifest().files.iter().find(|file| file.path == "config.toml");
    match config.map(|file| file.state(run.path())).transpose()? {
        Some(FileState::Changed) => what.push("config.toml was changed since it was written".to_owned()),
        Some(FileState::Missing) => what.push("config.toml was removed since it was written".to_owned()),
        Some(FileState::AsWritten) | None => {}
    }
    if what.is_empty() { Ok(()) } else { Err(CollectError::NotAsWritten { path: run.path().to_owned(), what }) }
}

/// The column that holds both kinds of values; `None` where there is none.
fn joined(a: Kind, b: Kind) -> Option<Kind> {
    match (a, b) {
        _ if a == b => Some(a),
        (Kind::Integer, Kind::Real) | (Kind::Real, Kind::Integer) => Some(Kind::Real),
        _ => None,
    }
}

/// Adds columns to those of a table, kinds where they are not the same.
fn unite(known: &mut Vec<AnyColumn>, more: &[AnyColumn]) -> Result<(), (String, Kind, Kind)> {
    for column in more {
        match known.iter_mut().find(|it| it.name == column.name) {
            None => known.push(column.clone()),
            Some(it) => match joined(it.kind, column.kind) {
                Some(kind) => it.kind = kind,
                // A key of a config that takes a name or a list; a column of a table is a promise.
                None if it.name.starts_with(settings::CONFIG) => it.kind = Kind::Text,
                None => return Err((column.name.clone(), column.kind, it.kind)),
            },
        }
    }
    Ok(())
}
