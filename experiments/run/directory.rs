//! The run directory: built as `<name>.partial`, renamed to `<name>` when it is complete.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};

/// A run directory in work. Only one process at a time has it.
pub struct Directory {
    place: PathBuf,
    partial: PathBuf,
    _lock: File,
}

const LOCK: &str = "lock";
const WORK: &str = "work";

impl Directory {
    /// Begins or goes on with `<out>/<name>.partial`.
    ///
    /// # Errors
    /// When `<out>/<name>` exists and `force` is not given or it is no run directory, when another process is at work on
    /// it, or when the disk does not take it.
    pub fn open(out: &Path, name: &str, force: bool) -> Result<Self> {
        let place = out.join(name);
        if place.symlink_metadata().is_ok() {
            ensure!(
                is_run(&place),
                "{} exists and is no run directory: it is left alone; --out or --set name=… writes elsewhere",
                place.display()
            );
            ensure!(force, "{} exists: --force replaces it, --out or --set name=… writes elsewhere", place.display());
        }
        let partial = out.join(format!("{name}.partial"));
        let resumed = partial.is_dir();
        fs::create_dir_all(partial.join(WORK)).with_context(|| format!("cannot create {}", partial.display()))?;
        let lock = lock(&partial.join(LOCK))?;
        if resumed {
            crate::cli::progress::say(&format!("going on with the interrupted run in {}", partial.display()));
            clear(&partial)?;
        }
        Ok(Self { place, partial, _lock: lock })
    }

    /// Where files go for now.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// A folder for what a later call can go on from.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn work_folder(&self) -> Result<PathBuf> {
        let folder = self.partial.join(WORK);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When the disk does not take it; names the file.
    pub fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        let path = self.partial.join(file);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Gives the directory its name. A directory that has the name is replaced; it was allowed by `force`.
    ///
    /// # Errors
    /// When the file system does not take it; nothing is lost then.
    pub fn complete(&self) -> Result<PathBuf> {
        let Self { place, partial, .. } = self;
        let failed =
            |path: &Path| format!("cannot replace {}; the results are in {}", path.display(), partial.display());
        let old = place
            .with_file_name(format!("{}.replaced.partial", place.file_name().unwrap_or_default().to_string_lossy()));
        let replaces = place.symlink_metadata().is_ok();
        if replaces {
            if old.is_dir() {
                fs::remove_dir_all(&old).with_context(|| failed(&old))?;
            }
            fs::rename(place, &old).with_context(|| failed(place))?;
        }
        fs::remove_dir_all(partial.join(WORK)).with_context(|| failed(place))?;
        fs::remove_file(partial.join(LOCK)).with_context(|| failed(place))?;
        fs::rename(partial, place).with_context(|| failed(place))?;
        if replaces {
            fs::remove_dir_all(&old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
        Ok(place.clone())
    }
}

/// Whether a folder was written by a run, or is empty: nothing else is replaced, whatever was asked for.
fn is_run(place: &Path) -> bool {
    let is_empty = || fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_none());
    place.join("report.json").is_file() || place.join("config.toml").is_file() || is_empty()
}

fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let folder = path.parent().unwrap_or(path).display();
            Err(anyhow!("another headlight is at work in {folder}: wait for it, or use --out or --set name=…"))
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// Removes what an interrupted call wrote, but for what can be gone on from.
fn clear(partial: &Path) -> Result<()> {
    let named = || format!("cannot clear {}", partial.display());
    for entry in fs::read_dir(partial).with_context(named)? {
        let entry = entry.with_context(named)?;
        if [LOCK, WORK].iter().any(|kept| entry.file_name() == *kept) {
            continue;
        }
        let path = entry.path();
        let removed: io::Result<()> = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(named)?;
    }
    Ok(())
}
