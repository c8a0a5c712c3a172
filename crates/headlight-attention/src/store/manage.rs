//! Looking after the stores in a folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::index::{Index, folder, lock_file, partial_folder};
use super::{Result, Store, StoreError, StoreKey, io_at};
use crate::HeadGrid;

/// How far a store has got.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// It can be read.
    Complete,
    /// A run is writing it.
    Writing,
    /// A run that wrote it was interrupted; the next one with the same key goes on.
    Interrupted,
    /// It cannot be read, for this reason; the next run with the same key makes it anew.
    Damaged(String),
}

/// One store, as far as its index tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreSummary {
    /// Its id: 64 hexadecimal digits.
    pub id: String,
    /// Its folder.
    pub path: PathBuf,
    /// How far it has got.
    pub state: State,
    /// What it was made for; `None` where the index cannot be read.
    pub key: Option<StoreKey>,
    /// Its layers and heads; `None` where the index cannot be read.
    pub grid: Option<HeadGrid>,
    /// Sentences in whole shards.
    pub sentences: usize,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// All stores in `root`, by id. Other files and folders are passed over; a `root` that does not exist has no stores.
///
/// # Errors
/// What the operating system says.
pub fn list(root: &Path) -> Result<Vec<StoreSummary>> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(io_at(root)(source)),
    };
    let mut stores = Vec::new();
    for entry in entries {
        let path = entry.map_err(io_at(root))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let partial = name.strip_prefix('.').and_then(|name| name.strip_suffix(".partial"));
        let id = partial.unwrap_or(name);
        if is_id(id) && path.is_dir() {
            stores.push(summary(root, id, path.clone(), partial.is_some())?);
        }
    }
    stores.sort_by(|a, b| (&a.id, &a.path).cmp(&(&b.id, &b.path)));
    Ok(stores)
}

/// Reads every byte of the store `id` in `root` and compares it with the checksums.
///
/// # Errors
/// [`StoreError::Damaged`] names the file at fault; [`StoreError::Unknown`] when there is no such store, or none that is
/// complete.
pub fn verify(root: &Path, id: &str) -> Result<()> {
    let folder = folder(root, id);
    if !is_id(id) || !folder.is_dir() {
        return Err(StoreError::Unknown { root: root.to_owned(), id: id.to_owned() });
    }
    Store::open_folder(&folder, id)?.verify()
}

/// Removes the store `id` in `root`, complete or interrupted; returns how many bytes that frees. Who reads the store goes
/// on reading.
///
/// # Errors
/// [`StoreError::Busy`] while a run writes it, [`StoreError::Unknown`] when there is none, or what the operating system
/// says.
pub fn remove(root: &Path, id: &str) -> Result<u64> {
    let folders: Vec<PathBuf> = if is_id(id) { vec![folder(root, id), partial_folder(root, id)] } else { Vec::new() };
    let folders: Vec<PathBuf> = folders.into_iter().filter(|folder| folder.is_dir()).collect();
    if folders.is_empty() {
        return Err(StoreError::Unknown { root: root.to_owned(), id: id.to_owned() });
    }
    let path = lock_file(root, id);
    let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(io_at(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Busy { path: folders[0].clone() }),
        Err(fs::TryLockError::Error(source)) => return Err(io_at(&path)(source)),
    }
    let mut bytes = 0;
    for folder in folders {
        bytes += size(&folder)?;
        fs::remove_dir_all(&folder).map_err(io_at(&folder))?;
    }
    Ok(bytes)
}

fn summary(root: &Path, id: &str, path: PathBuf, partial: bool) -> Result<StoreSummary> {
    let index = Index::read(&path, id);
    let state = if !partial {
        match Store::open_folder(&path, id) {
            Ok(_) => State::Complete,
            Err(error) => State::Damaged(error.to_string()),
        }
    } else if is_locked(&lock_file(root, id)) {
        State::Writing
    } else {
        State::Interrupted
    };
    let index = index.ok();
    Ok(StoreSummary {
        id: id.to_owned(),
        state,
        sentences: index.as_ref().map_or(0, Index::sentences),
        grid: index.as_ref().map(Index::grid),
        key: index.map(|index| index.key),
        bytes: size(&path)?,
        path,
    })
}

fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
}

fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

/// Bytes of the files in a folder. A file that vanishes meanwhile counts nothing.
fn size(folder: &Path) -> Result<u64> {
    let entries = fs::read_dir(folder).map_err(io_at(folder))?;
    Ok(entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum())
}
