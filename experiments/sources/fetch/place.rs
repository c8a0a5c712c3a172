//! Where fetched files live: `$XDG_CACHE_HOME/headlight`, by default `~/.cache/headlight`.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::TreebankName;
use super::known::{MAIN, Model};

/// The cache of this user.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache_folder() -> Result<PathBuf> {
    // The XDG specification: a path that is not absolute is to be ignored.
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".cache"));
    let folder = xdg.or_else(home).context("no place for a cache: set XDG_CACHE_HOME or HOME to an absolute path")?;
    Ok(folder.join("headlight"))
}

/// The folder of a model in the cache: `models/owner--name`, with `@revision` where it is not the main one; a slash in a
/// revision becomes `%2F`, as in addresses.
pub fn model_folder(model: &Model) -> Result<PathBuf> {
    let revision =
        if model.revision == MAIN { String::new() } else { format!("@{}", model.revision.replace('/', "%2F")) };
    Ok(cache_folder()?.join("models").join(model.id.replace('/', "--") + &revision))
}

/// A treebank's file in the cache: `treebanks/r2.16/UD_English-EWT/en_ewt-ud-dev.conllu`.
pub fn treebank_file(name: &TreebankName, file: &str) -> Result<PathBuf> {
    Ok(cache_folder()?.join("treebanks").join(format!("r{}", name.release)).join(&name.repository).join(file))
}

/// Builds the folder `place` beside it, as `<place>.partial`, and renames it when `fill` is done. What an interrupted
/// call left there is found by the next. Two processes take turns; the second finds the work done.
///
/// # Errors
/// Those of `fill`, and of the file system.
pub fn build(place: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let _lock = lock(place)?;
    if super::is_checkpoint(place) {
        return Ok(());
    }
    let partial = with_suffix(place, ".partial");
    fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
    fill(&partial)?;
    remove_leftovers(&partial)?;
    fs::rename(&partial, place).with_context(|| format!("cannot rename {} to {}", partial.display(), place.display()))
}

/// Waits until no other process works on `place`, whose folder is created. Dropping the file ends the turn.
///
/// # Errors
/// Those of the file system.
pub fn lock(place: &Path) -> Result<File> {
    let folder = place.parent().context("a place in the cache has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = with_suffix(place, ".lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// Removes what earlier, interrupted calls left: parts of files, and folders.
fn remove_leftovers(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else if path.extension().is_some_and(|extension| extension == "part") {
            fs::remove_file(&path)
        } else {
            Ok(())
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// A path with something added to its last part.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
