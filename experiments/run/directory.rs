//! The run directory: built as `<name>.partial`, renamed to `<name>` when it is complete.
//!
//! A process may be killed between any two steps here: whatever it leaves is the run that was there before or the one that
//! replaces it, whole, and what the next call goes on from. Leftovers have names that begin with a dot; the next call
//! removes them, or puts them back.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use headlight_report::run::WrittenFile;

/// A run directory in work. Only one process at a time has it.
pub struct Directory {
    place: PathBuf,
    partial: PathBuf,
    lock: File,
    /// The folder itself, where the system opens folders.
    folder: Option<File>,
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
        let (place, partial) = (out.join(name), out.join(format!("{name}.partial")));
        let (lock, resumed) = loop {
            if place.symlink_metadata().is_ok() {
                remove_leftovers(&place, &partial);
                ensure!(
                    is_run(&place),
                    "{} exists and is no run directory: it is left alone; --out or --set name=… writes elsewhere",
                    place.display()
                );
                ensure!(
                    force,
                    "{} exists: --force replaces it, --out or --set name=… writes elsewhere",
                    place.display()
                );
            }
            ensure!(
                !is_foreign(&partial),
                "{} is no run in work: it is left alone; --out or --set name=… writes elsewhere",
                partial.display()
            );
            let resumed = partial.is_dir();
            fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
            // Whoever had the lock may have given the directory its name meanwhile.
            let Some(lock) = lock(&partial.join(LOCK))? else { continue };
            if !put_back(&place, &partial)? {
                break (lock, resumed);
            }
        };
        if resumed {
            crate::cli::progress::say(&format!("going on with the interrupted run in {}", partial.display()));
            clear(&partial)?;
        }
        let folder = File::open(&partial).ok();
        let directory = Self { place, partial, lock, folder };
        directory.work_folder()?;
        Ok(directory)
    }

    /// Every file of the run but the manifest, which is to list them, when the last are `made`: the others are hashed meanwhile.
    ///
    /// # Errors
    /// When one cannot be read, and that of `made`.
    pub fn files_with<T: Send>(&self, made: impl FnOnce() -> Result<T> + Send) -> Result<(T, Vec<WrittenFile>)> {
        let names = || WrittenFile::names_in(&self.partial, &["manifest.json", LOCK, WORK]);
        let before = names()?;
        let (made, files) = rayon::join(made, || WrittenFile::each(&self.partial, &before));
        let (made, mut files) = (made?, files?);
        let mut after = names()?;
        after.retain(|name| !before.contains(name));
        files.extend(WrittenFile::each(&self.partial, &after)?);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((made, files))
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

    /// Checks that the directory is still the one that was opened. Where it was removed while a run was at work, what is there
    /// now is what was written later, and no more.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self) -> Result<()> {
        ensure!(self.is_ours(&self.partial), removed(&self.partial));
        Ok(())
    }

    /// Checks that files of the run that were written are there.
    ///
    /// # Errors
    /// Names the first that is not.
    pub fn check_files<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Result<()> {
        let gone = names.into_iter().map(|name| self.partial.join(name)).find(|path| !path.exists());
        gone.map_or(Ok(()), |path| Err(anyhow!(removed(&path))))
    }

    /// Names of what stands in it by now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self) -> Result<BTreeSet<String>> {
        let entries = fs::read_dir(&self.partial).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.with_context(|| format!("cannot read {}", self.partial.display()))?;
        Ok(entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    }

    fn is_ours(&self, folder: &Path) -> bool {
        is_at(&self.lock, &folder.join(LOCK))
    }

    /// Gives the directory its name. A directory that has the name is replaced; it was allowed by `force`.
    ///
    /// # Errors
    /// When the file system does not take it, or the directory was removed meanwhile; nothing else is lost then.
    pub fn complete(&self) -> Result<PathBuf> {
        self.check()?;
        let Self { place, partial, .. } = self;
        let failed =
            |path: &Path| format!("cannot replace {}; the results are in {}", path.display(), partial.display());
        let [old, work] = [REPLACED, WORK].map(|ending| beside(place, ending));
        for leftover in [&old, &work].into_iter().filter(|path| path.is_dir()) {
            fs::remove_dir_all(leftover).with_context(|| failed(leftover))?;
        }
        // What a call goes on from stays until the run has its name; the lock is held as long.
        fs::rename(partial.join(WORK), &work).with_context(|| failed(place))?;
        if place.symlink_metadata().is_ok() {
            fs::rename(place, &old).with_context(|| failed(place))?;
        }
        fs::rename(partial, place).with_context(|| failed(place))?;
        if !self.is_ours(place) {
            // Removed at this moment: what is left is no run.
            fs::rename(place, partial).with_context(|| failed(place))?;
            put_back(place, partial)?;
            bail!(removed(partial));
        }
        fs::remove_file(place.join(LOCK)).with_context(|| format!("cannot remove the lock of {}", place.display()))?;
        remove_leftovers(place, partial);
        Ok(place.clone())
    }
}

impl Drop for Directory {
    /// A folder whose files were removed under the run, but for those that it wrote meanwhile, stays the run's own, so that the next
    /// call can begin there.
    fn drop(&mut self) {
        if self.folder.as_ref().is_some_and(|folder| is_at(folder, &self.partial)) {
            let _ = File::create_new(self.partial.join(LOCK));
        }
    }
}

/// What is said of a folder or file that went while the run was at work.
fn removed(path: &Path) -> String {
    format!("{} was moved or removed while the run was at work: start it again", path.display())
}

/// The ending of a run that is being replaced.
const REPLACED: &str = "replaced";

/// `.<name>.<ending>` beside a run directory.
fn beside(place: &Path, ending: &str) -> PathBuf {
    place.with_file_name(format!(".{}.{ending}", place.file_name().unwrap_or_default().to_string_lossy()))
}

/// Removes what a call left that was killed after it had given a run its name. What cannot be removed stays, and the next
/// call tries again.
fn remove_leftovers(place: &Path, partial: &Path) {
    if partial.exists() {
        return;
    }
    for leftover in [REPLACED, WORK].map(|ending| beside(place, ending)).into_iter().filter(|path| path.is_dir()) {
        if let Err(error) = fs::remove_dir_all(&leftover) {
            tracing::debug!("cannot remove {}: {error}", leftover.display());
        }
    }
    let _ = fs::remove_file(place.join(LOCK));
}

/// Puts back what a call took away that was killed before it had given the run its name; whether that was a run. Called
/// under the lock.
fn put_back(place: &Path, partial: &Path) -> Result<bool> {
    let [old, work] = [REPLACED, WORK].map(|ending| beside(place, ending));
    let rename = |from: &Path, to: &Path| {
        fs::rename(from, to).with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
    };
    if work.is_dir() && !partial.join(WORK).exists() {
        rename(&work, &partial.join(WORK))?;
    }
    let is_gone = old.is_dir() && place.symlink_metadata().is_err();
    if is_gone {
        rename(&old, place)?;
    }
    Ok(is_gone)
}

/// Whether something else than a run in work has its name: a link, which may lead anywhere, or a folder with files of which none
/// is a run's own. The lock is there before any other, but what is left of a folder that was removed under a run at work need not
/// have it. What a run in work finds it removes.
fn is_foreign(partial: &Path) -> bool {
    let Ok(metadata) = partial.symlink_metadata() else { return false };
    let has_files = || fs::read_dir(partial).is_ok_and(|mut entries| entries.next().is_some());
    let has_own = || [LOCK, WORK, "config.toml", "report.json"].iter().any(|name| partial.join(name).exists());
    !metadata.is_dir() || (has_files() && !has_own() && partial.exists())
}

/// Whether a folder was written by a run, or is empty: nothing else is replaced, whatever was asked for.
fn is_run(place: &Path) -> bool {
    let is_empty = || fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_none());
    place.join("report.json").is_file() || place.join("config.toml").is_file() || is_empty()
}

/// The lock of a directory; `None` where the directory went while it was taken.
fn lock(path: &Path) -> Result<Option<File>> {
    let file = match File::options().create(true).truncate(false).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.with_context(|| format!("cannot create {}", path.display()))?,
    };
    match file.try_lock() {
        Ok(()) => Ok(is_at(&file, path).then_some(file)),
        Err(TryLockError::WouldBlock) => {
            let folder = path.parent().unwrap_or(path).display();
            Err(anyhow!("another headlight is at work in {folder}: wait for it, or use --out or --set name=…"))
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// Whether a path still leads to the file that was opened there.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|opened| id(opened) == id(there)))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = entries.collect();
        names.sort();
        names
    }

    /// A directory in work that holds a result and a step to go on from.
    fn begun(out: &Path, force: bool) -> Directory {
        let directory = Directory::open(out, "it", force).unwrap();
        directory.write("report.json", b"new").unwrap();
        fs::write(directory.work_folder().unwrap().join("step"), "kept").unwrap();
        directory
    }

    /// What another call finds of a run that is replaced and whose process was killed between any two steps of giving the
    /// directory its name.
    #[test]
    fn a_kill_while_a_run_gets_its_name_loses_neither_run() {
        for steps in 0..=4 {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path();
            let (place, partial) = (out.join("it"), out.join("it.partial"));
            fs::create_dir(&place).unwrap();
            fs::write(place.join("report.json"), "old").unwrap();
            drop(begun(out, true));
            // The steps of `complete`, by hand.
            let done: [&dyn Fn(); 4] = [
                &|| fs::rename(partial.join(WORK), beside(&place, WORK)).unwrap(),
                &|| fs::rename(&place, beside(&place, REPLACED)).unwrap(),
                &|| fs::rename(&partial, &place).unwrap(),
                &|| fs::remove_file(place.join(LOCK)).unwrap(),
            ];
            done[..steps].iter().for_each(|step| step());

            let refused = Directory::open(out, "it", false).err().map(|error| error.to_string());
            assert!(refused.is_some_and(|error| error.contains("--force replaces it")), "{steps}");
            let report = fs::read_to_string(place.join("report.json")).unwrap();
            assert_eq!(report, if steps < 3 { "old" } else { "new" }, "{steps}");
            let again = Directory::open(out, "it", true).unwrap();
            let step = fs::read_to_string(again.work_folder().unwrap().join("step")).ok();
            assert_eq!(step.as_deref(), (steps < 3).then_some("kept"), "{steps}");
            again.write("report.json", b"newer").unwrap();
            again.complete().unwrap();
            assert_eq!((names(out), names(&place)), (vec!["it".into()], vec!["report.json".into()]), "{steps}");
            assert_eq!(fs::read_to_string(place.join("report.json")).unwrap(), "newer");
        }
    }

    #[test]
    fn one_process_at_a_time_has_a_directory() {
        let folder = tempfile::tempdir().unwrap();
        let directory = begun(folder.path(), false);
        let second = Directory::open(folder.path(), "it", false).err().map(|error| error.to_string()).unwrap();
        assert!(second.contains("another headlight is at work in"), "{second}");
        assert_eq!(fs::read_to_string(directory.path().join("report.json")).unwrap(), "new", "nothing was cleared");
        // Whoever opened the lock before the directory got its name has a lock of nothing.
        let early = File::open(directory.path().join(LOCK)).unwrap();
        directory.complete().unwrap();
        drop(directory);
        early.try_lock().unwrap();
        assert!(!is_at(&early, &folder.path().join("it.partial").join(LOCK)));
    }

    #[test]
    fn a_directory_that_was_removed_under_a_run_gets_no_name() {
        for is_taken_up in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path();
            let directory = begun(out, false);
            directory.check_files(&["report.json".to_owned()]).unwrap();
            fs::remove_file(directory.path().join("report.json")).unwrap();
            let error = directory.check_files(&["report.json".to_owned()]).unwrap_err().to_string();
            assert!(error.contains("report.json was moved or removed while the run was at work"), "{error}");
            fs::remove_dir_all(directory.path()).unwrap();
            // What is written later makes the folder again, or another run does.
            let other = is_taken_up.then(|| begun(out, false));
            directory.work_folder().unwrap();
            directory.write("late.json", b"late").unwrap();
            let error = directory.complete().unwrap_err().to_string();
            assert!(error.contains("it.partial was moved or removed while the run was at work"), "{error}");
            drop(directory);
            assert_eq!(names(out), ["it.partial"]);
            drop(other);
            let again = Directory::open(out, "it", false).unwrap();
            assert_eq!(names(again.path()), [LOCK, WORK]);
        }
    }

    #[test]
    fn a_folder_is_the_run_s_own_after_its_files_were_removed_and_another_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let directory = begun(folder.path(), false);
        let partial = directory.path().to_owned();
        fs::remove_dir_all(partial.join(WORK)).unwrap();
        [LOCK, "report.json"].iter().for_each(|name| fs::remove_file(partial.join(name)).unwrap());
        directory.write("late.csv", b"late").unwrap();
        drop(directory);
        let directory = Directory::open(folder.path(), "it", false).unwrap();
        assert_eq!(names(&partial), [LOCK, WORK]);
        // Somebody else's folder in its place.
        fs::rename(&partial, folder.path().join("away")).unwrap();
        fs::create_dir(&partial).unwrap();
        fs::write(partial.join("thesis.tex"), "mine").unwrap();
        assert!(directory.complete().is_err());
        drop(directory);
        assert_eq!(names(&partial), ["thesis.tex"]);
        assert!(Directory::open(folder.path(), "it", false).is_err());
    }

    #[test]
    fn what_is_no_run_in_work_is_left_alone() {
        let out = tempfile::tempdir().unwrap();
        let mine = out.path().join("mine");
        fs::create_dir(&mine).unwrap();
        fs::write(mine.join("thesis.tex"), "mine").unwrap();
        let refused = |name: &str| {
            let error = Directory::open(out.path(), name, true).map(drop).unwrap_err().to_string();
            assert!(error.contains(&format!("{name}.partial is no run in work: it is left alone")), "{error}");
            assert_eq!(names(&mine), ["thesis.tex"]);
        };
        fs::rename(&mine, out.path().join("own.partial")).unwrap();
        let error = Directory::open(out.path(), "own", true).map(drop).unwrap_err().to_string();
        assert!(error.contains("own.partial is no run in work"), "{error}");
        fs::rename(out.path().join("own.partial"), &mine).unwrap();
        fs::write(out.path().join("file.partial"), "mine").unwrap();
        refused("file");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&mine, out.path().join("link.partial")).unwrap();
            std::os::unix::fs::symlink(out.path().join("nowhere"), out.path().join("dangling.partial")).unwrap();
            refused("link");
            refused("dangling");
        }
    }
}
