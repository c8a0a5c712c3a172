//! Reading a run directory, and writing its two JSON files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{MANIFEST_VERSION, Manifest, REPORT_VERSION, Report};
use crate::sweep::Sweep;
use crate::tables::{Table, TableError, TableReader};

/// A complete run.
#[derive(Clone, Debug)]
pub struct RunDirectory {
    path: PathBuf,
    report: Report,
    manifest: Manifest,
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
    #[error("cannot understand {}", .path.display())]
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
    /// Opens a run and checks that it is complete: both JSON files, and every table that the report lists.
    ///
    /// # Errors
    /// All [`RunError`]s but [`RunError::NoTable`].
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
        let report: Report = read_json(&path.join("report.json"), REPORT_VERSION)?;
        if !path.join("manifest.json").is_file() {
            return Err(incomplete("manifest.json"));
        }
        let manifest = read_json(&path.join("manifest.json"), MANIFEST_VERSION)?;
        let tables = report.experiments.iter().flat_map(|experiment| &experiment.tables);
        let mut files = tables.map(|table| format!("{table}.parquet"));
        if let Some(missing) = files.find(|file| !path.join(file).is_file()) {
            return Err(incomplete(&missing));
        }
        Ok(Self { path: path.to_owned(), report, manifest })
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
    write_json(&folder.join("manifest.json"), manifest)
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RunError> {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|source| RunError::Json { path: path.to_owned(), source })?;
    text.push('\n');
    write_text(path, &text)
}

pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), RunError> {
    fs::write(path, text).map_err(|source| RunError::Io { path: path.to_owned(), source })
}

/// Reads the version before the rest, so that a file of another shape is refused for the right reason.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, supported: u32) -> Result<T, RunError> {
    #[derive(serde::Deserialize)]
    struct Version {
        format_version: u32,
    }

    let json_error = |source| RunError::Json { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(|source| RunError::Io { path: path.to_owned(), source })?;
    let Version { format_version: found } = serde_json::from_str(&text).map_err(json_error)?;
    if found > supported {
        return Err(RunError::NewerVersion { path: path.to_owned(), found, supported });
    }
    serde_json::from_str(&text).map_err(json_error)
}
