//! Looking after the cache: what is in it, whether it is whole, and what may go.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
pub use headlight_attention::store::State;
use headlight_attention::store::{self, StoreSummary};

use super::super::checked;
use super::{Card, DATA, Place, Shelf};
use crate::config::CacheConfig;

/// One thing that is kept.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it belongs.
    pub shelf: Shelf,
    /// Where it is.
    pub place: Place,
    /// How far it has got.
    pub state: State,
    /// Bytes of its files.
    pub bytes: u64,
    /// When it was used last.
    pub used: SystemTime,
    /// What it is, for people.
    pub what: String,
    /// Sentences or other inputs in it, as far as is known.
    pub inputs: Option<usize>,
}

/// All that is kept on a shelf in this folder. Other files and folders are passed over.
///
/// # Errors
/// A folder that cannot be read.
pub fn list(shelf: Shelf, root: &Path) -> Result<Vec<Entry>> {
    let stores = if shelf == Shelf::Attention { store::list(root)? } else { Vec::new() };
    let mut entries = Vec::new();
    for path in paths(root)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let partial = name.strip_prefix('.').and_then(|name| name.strip_suffix(".partial"));
        let id = partial.unwrap_or(&name);
        if !is_id(id) || !path.is_dir() {
            continue;
        }
        let place = Place::new(root, id.to_owned());
        let used = place.beside("used").metadata().or_else(|_| path.metadata()).and_then(|file| file.modified());
        let mut entry = Entry {
            shelf,
            state: match partial {
                None => State::Complete,
                Some(_) if is_locked(&place.beside("lock")) => State::Writing,
                Some(_) => State::Interrupted,
            },
            place,
            bytes: size(&path),
            used: used.unwrap_or(SystemTime::UNIX_EPOCH),
            what: "unknown content".to_owned(),
            inputs: None,
        };
        match shelf {
            Shelf::Attention => {
                stores.iter().filter(|store| store.path == path).for_each(|store| entry.of_store(store));
            }
            Shelf::Predictions | Shelf::Records => entry.of_card(&path),
        }
        entries.push(entry);
    }
    entries.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(entries)
}

impl Entry {
    fn of_store(&mut self, store: &StoreSummary) {
        if let State::Damaged(_) = &store.state {
            self.state = store.state.clone();
        }
        self.inputs = Some(store.sentences);
        if let Some(key) = &store.key {
            let part = |name: &str| key.parts().find(|(part, _)| *part == name).map_or("?", |(_, value)| value);
            let label = |name: &str| key.label(name).unwrap_or("?");
            let heads = store.grid.map_or_else(String::new, |grid| format!(", {}×{} heads", grid.layers, grid.heads));
            let (merge, precision) = (part("merge"), key.precision().name());
            self.what = format!("{} on {}, merge {merge}, {precision}{heads}", label("model"), label("treebank"));
        }
    }

    fn of_card(&mut self, folder: &Path) {
        match Card::read(folder) {
            Ok(card) => {
                self.what = format!("{} of {} on {}", card.made, card.model, card.text);
                self.inputs = card.inputs;
                if self.state == State::Complete && (card.inputs.is_none() || card.id() != self.place.id) {
                    self.state = State::Damaged("belongs to something else".to_owned());
                }
            }
            Err(error) if self.state == State::Complete => self.state = State::Damaged(format!("{error:#}")),
            Err(_) => {}
        }
    }
}

/// Compares every byte of something complete with its checksums.
///
/// # Errors
/// What is wrong with it.
pub fn verify(entry: &Entry) -> Result<()> {
    if let State::Damaged(reason) = &entry.state {
        anyhow::bail!("{reason}");
    }
    let folder = entry.place.complete();
    match entry.shelf {
        Shelf::Attention => Ok(store::verify(&entry.place.root, &entry.place.id)?),
        Shelf::Records => {
            ensure!(checked::is_whole(&folder.join(DATA)), "{} is damaged", folder.display());
            Ok(())
        }
        Shelf::Predictions => {
            let whole = headlight_heads::PredictionFile::verify(&folder.join(DATA))?;
            ensure!(Some(whole) == entry.inputs, "{} lacks sentences", folder.display());
            Ok(())
        }
    }
}

/// Removes something, complete or interrupted; returns how many bytes that frees, `None` while a run writes or reads it.
///
/// # Errors
/// What the operating system says.
pub fn remove(place: &Place) -> Result<Option<u64>> {
    let mut locks = Vec::new();
    for ending in ["lock", "used"] {
        let path = place.beside(ending);
        let lock = place.open(&path)?;
        match lock.try_lock() {
            Ok(()) => locks.push(lock),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
    let mut freed = 0;
    for folder in [place.complete(), place.partial()].into_iter().filter(|folder| folder.is_dir()) {
        freed += size(&folder);
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    // The lock of writers stays, empty: removing it could give two runs a lock each.
    let used = place.beside("used");
    fs::remove_file(&used).with_context(|| format!("cannot remove {}", used.display()))?;
    Ok(Some(freed))
}

/// What was noted of texts (see [`super::noted`]), and the bytes of each. A note that is damaged or gone is made again.
///
/// # Errors
/// A folder that cannot be read, or no place for a cache.
pub fn notes() -> Result<Vec<(PathBuf, u64)>> {
    let notes = paths(&super::notes_folder()?)?
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|it| is_id(&it.to_string_lossy())));
    let with_size = |path: PathBuf| {
        let bytes = path.metadata().map_or(0, |file| file.len());
        (path, bytes)
    };
    Ok(notes.map(with_size).collect())
}

/// What is in a folder; nothing where there is none.
fn paths(root: &Path) -> Result<Vec<PathBuf>> {
    let named = || format!("cannot read {}", root.display());
    let files = match fs::read_dir(root) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(named),
    };
    files.map(|file| Ok(file.with_context(named)?.path())).collect()
}

/// What the limits of the cache took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tidied {
    /// Things that went.
    pub removed: usize,
    /// Their bytes.
    pub freed: u64,
    /// What is left, in bytes.
    pub left: u64,
}

/// Removes what has not been used for longer than `[cache] max_age` says, then what was used least recently until no more
/// than `max_bytes` are left. What a run uses stays.
///
/// # Errors
/// What the operating system says.
pub fn tidy(limits: &CacheConfig, folders: &[(Shelf, PathBuf)]) -> Result<Tidied> {
    if limits.max_bytes == 0 && limits.max_age == 0.0 {
        return Ok(Tidied::default());
    }
    let entries: Vec<Vec<Entry>> = folders.iter().map(|(shelf, root)| list(*shelf, root)).collect::<Result<_>>()?;
    let mut entries: Vec<Entry> = entries.into_iter().flatten().collect();
    entries.sort_by_key(|entry| entry.used);
    let mut tidied = Tidied { left: entries.iter().map(|entry| entry.bytes).sum(), ..Tidied::default() };
    let oldest = Duration::try_from_secs_f64(limits.max_age * 86_400.0).ok();
    let oldest = oldest.filter(|_| limits.max_age > 0.0).and_then(|age| SystemTime::now().checked_sub(age));
    for entry in &entries {
        let too_old = oldest.is_some_and(|oldest| entry.used < oldest);
        let too_much = limits.max_bytes > 0 && tidied.left > limits.max_bytes;
        if let Some(freed) = if too_old || too_much { remove(&entry.place)? } else { None } {
            tidied.removed += 1;
            tidied.freed += freed;
            tidied.left = tidied.left.saturating_sub(freed);
        }
    }
    Ok(tidied)
}

fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
}

pub(super) fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Bytes of the files in a folder. A file that vanishes meanwhile counts nothing.
fn size(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten();
    files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::identity::Identity;

    /// A record of some bytes, last used so many days ago.
    fn record(root: &Path, name: &str, days: u64) -> Place {
        let card = Card::new(Shelf::Records, name, Identity::default(), "m".into(), "t".into());
        let place = Place::new(root, card.id());
        let writing = super::super::open(&place, &card, |_, _| true).unwrap().unwrap();
        checked::write(&writing.folder().join(DATA), &vec![1u32; 500]).unwrap();
        writing.finish(1).unwrap();
        let used = place.in_use().unwrap();
        used.set_modified(SystemTime::now() - Duration::from_secs(days * 86_400)).unwrap();
        place
    }

    fn limits(max_bytes: u64, max_age: f64) -> CacheConfig {
        CacheConfig { max_bytes, max_age }
    }

    #[test]
    fn limits_take_what_was_used_least_recently_and_nothing_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let shelves = [(Shelf::Records, root.to_owned())];
        let [old, middle, new] = [("old", 30), ("middle", 20), ("new", 1)].map(|(name, days)| record(root, name, days));
        let all = list(Shelf::Records, root).unwrap();
        assert!(all.len() == 3 && all.iter().all(|it| it.state == State::Complete && verify(it).is_ok()), "{all:?}");
        assert_eq!(tidy(&limits(0, 0.0), &shelves).unwrap(), Tidied::default());
        let there = || [&old, &middle, &new].map(|place| place.complete().is_dir());

        let held = old.in_use().unwrap();
        held.set_modified(SystemTime::now() - Duration::from_secs(30 * 86_400)).unwrap();
        assert_eq!(tidy(&limits(0, 25.0), &shelves).unwrap().removed, 0);
        drop(held);
        assert_eq!(tidy(&limits(0, 25.0), &shelves).unwrap().removed, 1);
        assert_eq!(there(), [false, true, true]);
        let bytes = all[0].bytes;
        let tidied = tidy(&limits(bytes + bytes / 2, 0.0), &shelves).unwrap();
        assert_eq!((tidied.removed, there()), (1, [false, false, true]));
        assert!(tidied.left <= bytes + bytes / 2);
    }

    #[test]
    fn damage_is_noticed_and_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let place = record(folder.path(), "it", 0);
        let data = place.complete().join(DATA);
        let mut bytes = fs::read(&data).unwrap();
        bytes[100] ^= 1;
        fs::write(&data, bytes).unwrap();
        assert!(verify(&list(Shelf::Records, folder.path()).unwrap()[0]).is_err());
        let card = Card::new(Shelf::Records, "it", Identity::default(), "m".into(), "t".into());
        let whole = |folder: &Path, inputs: usize| inputs == 1 && checked::is_whole(&folder.join(DATA));
        let writing = super::super::open(&place, &card, whole).unwrap().expect("it has to be made again");
        assert!(!place.complete().exists());
        let listed = list(Shelf::Records, folder.path()).unwrap();
        assert!(listed.len() == 1 && listed[0].state == State::Writing, "{listed:?}");
        assert_eq!(remove(&place).unwrap(), None, "it is being written");
        drop(writing);
        assert!(remove(&place).unwrap().is_some_and(|bytes| bytes > 0));
        assert!(list(Shelf::Records, folder.path()).unwrap().is_empty());
    }
}
