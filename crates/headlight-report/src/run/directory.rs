//! Reading a run directory, and writing its two JSON files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::written::{is_as_sealed, sealed};
use super::{FileState, MANIFEST_VERSION, Manifest, REPORT_VERSION, Report, WrittenFile};
use crate::sweep::Sweep;
use crate::tables::{Table, TableError, TableReader, check_changed_table};

/// A complete run.
#[derive(Clone, Debug)]
pub struct RunDirectory {
    path: PathBuf,
    report: Report,
    manifest: Manifest,
    changed: Vec<String>,
}

/// How many runs of a sweep an error names.
const MOST_NAMED: usize = 12;

/// A folder that is no complete run, or not one that this headlight can read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is nothing at the path.
    #[error("there is no run at {}; `headlight run CONFIG` makes one", .0.display())]
    NotFound(PathBuf),
    /// There is something else at the path.
    #[error("{} is not a run: it has no report.json", .0.display())]
    NotARun(PathBuf),
    /// There is the folder of a sweep at the path.
    #[error("{} is the folder of a sweep and no run; its runs are {}", .path.display(), named(.runs))]
    OfASweep {
        /// The folder.
        path: PathBuf,
        /// The folders of its runs.
        runs: Vec<PathBuf>,
    },
    /// There is something else at the path than a sweep.
    #[error("{} is not a sweep: it has no sweep.json; a config with [sweep] makes one", .0.display())]
    NotASweep(PathBuf),
    /// Runs of one training are of models of different shapes.
    #[error(
        "checkpoints of one training have one shape, but of {series} {} has {} and {} has {}: sweep them apart", .a.0, .a.1,
        .b.0, .b.1
    )]
    OtherShape {
        /// What the runs share.
        series: String,
        /// A run and its model's shape.
        a: (String, String),
        /// Another.
        b: (String, String),
    },
    /// The run was interrupted, or files of it were removed.
    #[error("the run at {} is incomplete: it has no {missing}; start it again to resume it", .path.display())]
    Incomplete {
        /// The run's folder.
        path: PathBuf,
        /// The first absent file.
        missing: String,
    },
    /// A JSON file was written by a newer headlight.
    #[error(
        "{} has format version {found}, but this headlight reads versions up to {supported}; update headlight",
        .path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The version it was written with.
        found: u32,
        /// The newest version that can be read.
        supported: u32,
    },
    /// A JSON file is not what it should be.
    #[error("cannot understand {}; repeat the run to write it anew", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A file could not be read or written.
    #[error("cannot access {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The run did no experiment that fills this table.
    #[error("the run at {} has no table `{table}`; add an experiment that fills it to its config", .path.display())]
    NoTable {
        /// The run's folder.
        path: PathBuf,
        /// The table.
        table: &'static str,
    },
    /// A table could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
}

fn named(runs: &[PathBuf]) -> String {
    let first: Vec<String> = runs.iter().take(MOST_NAMED).map(|run| run.display().to_string()).collect();
    match runs.len().saturating_sub(MOST_NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more, which its sweep.json names", first.join(", ")),
    }
}

impl RunDirectory {
    /// Opens a run and checks that it is complete, both JSON files and every table that the report lists, and that what it
    /// is read from is what the run wrote. What was changed since is told, also by the report's warnings, and goes.
    ///
    /// # Errors
    /// All [`RunError`]s but [`RunError::NoTable`]; of them [`RunError::Table`] for a table whose bytes are damaged.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        if !path.try_exists().map_err(|source| RunError::Io { path: path.to_owned(), source })? {
            return Err(RunError::NotFound(path.to_owned()));
        }
        let incomplete = |missing: &str| RunError::Incomplete { path: path.to_owned(), missing: missing.to_owned() };
        if !path.join("report.json").is_file() {
            if Sweep::is_at(path) {
                return Err(RunError::OfASweep { path: path.to_owned(), runs: Sweep::open(path)?.folders(path) });
            }
            let started = path.join("config.toml").is_file() || path.join("manifest.json").is_file();
            return Err(if started { incomplete("report.json") } else { RunError::NotARun(path.to_owned()) });
        }
        let mut report: Report = read_json(&path.join("report.json"), REPORT_VERSION)?.value;
        if !path.join(MANIFEST).is_file() {
            return Err(incomplete(MANIFEST));
        }
        let ReadJson { value: manifest, is_sealed } = read_json::<Manifest>(&path.join(MANIFEST), MANIFEST_VERSION)?;
        let changed = changed_files(path, MANIFEST, is_sealed, &manifest.files)?;
        let tables = report.experiments.iter().flat_map(|experiment| &experiment.tables);
        let mut files = tables.map(|table| format!("{table}.parquet"));
        if let Some(missing) = files.find(|file| !path.join(file).is_file()) {
            let is_changed = changed.iter().any(|changed| changed.starts_with("report.json"));
            let listed = if is_changed { ", which report.json lists since it was changed" } else { "" };
            return Err(incomplete(&format!("{missing}{listed}")));
        }
        report.warnings.extend(changed.iter().map(|changed| format!("{changed}: what stands there now is shown.")));
        Ok(Self { path: path.to_owned(), report, manifest, changed })
    }

    /// The run's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was measured.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// With what and on what.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What of the files that it is read from is no longer what the run wrote, in words; nothing is known of runs of earlier
    /// versions, whose manifests hold no checksums of files.
    pub fn changed(&self) -> &[String] {
        &self.changed
    }

    /// Writes a file that is made of the others, whole or not at all, and notes its checksum. `texts` are names and
    /// contents. Two processes take turns.
    pub(crate) fn write_made(&self, texts: &[(&str, String)]) -> Result<(), RunError> {
        let report = self.path.join("report.json");
        let turn = File::open(&report).map_err(|source| RunError::Io { path: report, source })?;
        // A file system without locks has no turns either.
        let _ = turn.lock();
        texts.iter().try_for_each(|(file, text)| write_whole(&self.path.join(file), text))?;
        let (known, mut manifest) = (&self.manifest.files, self.manifest.clone());
        // What another version wrote is left as it is, and so is what somebody changed.
        let is_own = manifest.headlight_version == env!("CARGO_PKG_VERSION") && self.changed.is_empty();
        for file in manifest.files.iter_mut().filter(|file| texts.iter().any(|(name, _)| *name == file.path)) {
            *file = WrittenFile::of(&self.path, &file.path)?;
        }
        if is_own && manifest.files != *known { write_manifest(&self.path, &manifest) } else { Ok(()) }
    }

    /// Whether the run filled the table of rows `T`.
    pub fn has_table<T: Table>(&self) -> bool {
        self.path.join(format!("{}.parquet", T::NAME)).is_file()
    }

    /// The rows of a table one by one.
    ///
    /// # Errors
    /// [`RunError::NoTable`] where the run has no such table, [`RunError::Table`] where it cannot be read.
    pub fn rows<T: Table>(&self) -> Result<TableReader<T>, RunError> {
        if !self.has_table::<T>() {
            return Err(RunError::NoTable { path: self.path.clone(), table: T::NAME });
        }
        Ok(TableReader::open(&self.path)?)
    }

    /// A whole table.
    ///
    /// # Errors
    /// As [`RunDirectory::rows`].
    pub fn table<T: Table>(&self) -> Result<Vec<T>, RunError> {
        Ok(self.rows()?.collect::<Result<_, _>>()?)
    }

    /// A whole table, empty where the run has none.
    ///
    /// # Errors
    /// [`RunError::Table`] where it cannot be read.
    pub fn table_or_empty<T: Table>(&self) -> Result<Vec<T>, RunError> {
        if self.has_table::<T>() { self.table() } else { Ok(Vec::new()) }
    }
}

/// Writes `<folder>/report.json`.
///
/// # Errors
/// [`RunError::Io`] where the disk does not take it.
pub fn write_report(folder: &Path, report: &Report) -> Result<(), RunError> {
    write_json(&folder.join("report.json"), report)
}

/// Writes `<folder>/manifest.json`.
///
/// # Errors
/// [`RunError::Io`] where the disk does not take it.
pub fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), RunError> {
    write_sealed(&folder.join(MANIFEST), manifest)
}

pub(super) const MANIFEST: &str = "manifest.json";

/// What of the files that readers go by is no longer what was written, in words; of the file that lists them, too, whose own
/// checksum holds or not.
///
/// # Errors
/// [`RunError::Table`] for a table that nobody has changed on purpose: it is damaged. [`RunError::Io`] for a file that
/// cannot be read.
pub(crate) fn changed_files(
    folder: &Path,
    list: &str,
    is_sealed: Option<bool>,
    files: &[WrittenFile],
) -> Result<Vec<String>, RunError> {
    let is_changed = is_sealed == Some(false);
    let mut changed: Vec<String> =
        is_changed.then(|| format!("{list} was changed since it was written")).into_iter().collect();
    let is_table = |file: &WrittenFile| file.path.ends_with(".parquet");
    let is_read =
        |file: &&WrittenFile| is_table(file) || ["report.json", "explorer.json"].contains(&file.path.as_str());
    let states = files.par_iter().filter(is_read).map(|file| Ok((file, file.state(folder)?)));
    for (file, state) in states.collect::<Result<Vec<_>, RunError>>()? {
        match state {
            FileState::AsWritten => {}
            FileState::Missing => changed.push(format!("{} was removed since it was written", file.path)),
            FileState::Changed => {
                // A list that was changed itself is no evidence against a table.
                if is_table(file) && !is_changed {
                    check_changed_table(&folder.join(&file.path))?;
                }
                changed.push(format!("{} was changed since it was written", file.path));
            }
        }
    }
    Ok(changed)
}

fn json_text(path: &Path, value: &impl Serialize) -> Result<String, RunError> {
    let text = serde_json::to_string_pretty(value);
    Ok(text.map_err(|source| RunError::Json { path: path.to_owned(), source })? + "\n")
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RunError> {
    write_whole(path, &json_text(path, value)?)
}

/// The same with the text's own checksum.
pub(crate) fn write_sealed(path: &Path, value: &impl Serialize) -> Result<(), RunError> {
    write_whole(path, &sealed(&json_text(path, value)?))
}

/// Writes a file beside its place and gives it its name when it is whole.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<(), RunError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.writing"));
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|source| RunError::Io { path: path.to_owned(), source })
}

/// A JSON file that was read.
pub(crate) struct ReadJson<T> {
    /// What it holds.
    pub value: T,
    /// Whether it is what was written; `None` where it has no checksum of itself.
    pub is_sealed: Option<bool>,
}

/// Reads the version before the rest, so that a file of another shape is refused for the right reason.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, supported: u32) -> Result<ReadJson<T>, RunError> {
    #[derive(serde::Deserialize)]
    struct Version {
        format_version: u32,
    }

    let json_error = |source| RunError::Json { path: path.to_owned(), source };
    let text = fs::read(path).map_err(|source| RunError::Io { path: path.to_owned(), source })?;
    let Version { format_version: found } = serde_json::from_slice(&text).map_err(json_error)?;
    if found > supported {
        return Err(RunError::NewerVersion { path: path.to_owned(), found, supported });
    }
    Ok(ReadJson { value: serde_json::from_slice(&text).map_err(json_error)?, is_sealed: is_as_sealed(&text) })
}
