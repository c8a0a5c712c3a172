//! What runs keep of the encoder's answers for each other, in the cache: predictions, records and word attention.
//!
//! Each thing is a folder `<shelf>/<id>/`, where the id is that of all it depends on (see [`super::identity`]). It is built as
//! `.<id>.partial/` and gets its name when it is complete, so that a run that was interrupted goes on there. Who writes has the
//! lock `.<id>.lock`, and who comes second waits; who reads holds `.<id>.used`, whose time is that of the last use.

mod manage;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::checked::{self, Found};
use super::identity::Identity;
use crate::cli::Shard;
use crate::config::MOST_SHARDS;
use crate::sources::fetch;

pub use super::record::DATA;
pub use manage::{Entry, State, list, notes, remove, tidy, verify};

/// A folder of the cache, by what it holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Shelf {
    /// Word attention, in stores of `headlight-attention`.
    Attention,
    /// What every head predicts for every word.
    Predictions,
    /// What kinds make of sentences.
    Records,
}

impl Shelf {
    /// All of them.
    pub const ALL: [Shelf; 3] = [Shelf::Attention, Shelf::Predictions, Shelf::Records];

    /// Its name, and that of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Shelf::Attention => "attention",
            Shelf::Predictions => "predictions",
            Shelf::Records => "records",
        }
    }

    /// Where it is.
    ///
    /// # Errors
    /// When there is no place for a cache.
    pub fn folder(self) -> Result<PathBuf> {
        Ok(fetch::cache_folder()?.join(self.name()))
    }
}

/// All shelves of the cache.
///
/// # Errors
/// When there is no place for a cache.
pub fn folders() -> Result<Vec<(Shelf, PathBuf)>> {
    Shelf::ALL.into_iter().map(|shelf| Ok((shelf, shelf.folder()?))).collect()
}

/// Where one thing is kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The 64 digits that name it.
    pub id: String,
    root: PathBuf,
}

impl Place {
    /// The place of this id in a folder.
    pub fn new(root: &Path, id: String) -> Self {
        Self { id, root: root.to_owned() }
    }

    /// Its folder when it is complete.
    pub fn complete(&self) -> PathBuf {
        self.root.join(&self.id)
    }

    /// Notes that it is made in so many shards, for who looks for them.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn note_shards(&self, count: usize) -> Result<()> {
        let folder = self.beside("shards");
        let path = folder.join(count.to_string());
        let noted = fs::create_dir_all(&folder).and_then(|()| File::create(&path));
        noted.map(drop).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The numbers of shards that it was begun to be made in, lowest first.
    pub fn shard_counts(&self) -> Vec<usize> {
        let noted = fs::read_dir(self.beside("shards")).into_iter().flatten().flatten();
        let mut counts: Vec<usize> = noted.filter_map(|file| file.file_name().to_str()?.parse().ok()).collect();
        counts.retain(|count| (2..=MOST_SHARDS).contains(count));
        counts.sort_unstable();
        counts
    }

    /// Forgets that it was made in shards.
    pub fn forget_shards(&self) {
        let folder = self.beside("shards");
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::debug!("cannot remove {}: {error}", folder.display());
        }
    }

    /// Whether somebody has begun to make it, and is at it.
    pub fn begun(&self) -> Begun {
        match self.partial().is_dir() {
            false => Begun::No,
            true if manage::is_locked(&self.beside("lock")) => Begun::AtWork,
            true => Begun::Interrupted,
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        self.root.join(format!(".{}.{ending}", self.id))
    }

    /// Its folder until then.
    fn partial(&self) -> PathBuf {
        self.beside("partial")
    }

    /// The turn to write it; waits for whoever has it.
    fn turn(&self) -> Result<File> {
        let path = self.beside("lock");
        let file = self.open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                tracing::info!("waiting for another run that encodes the same ({})", path.display());
                file.lock().map_err(|error| no_lock(error, &path))?;
            }
            Err(TryLockError::Error(error)) => return Err(no_lock(error, &path)),
        }
        Ok(file)
    }

    /// Marks it as in use, from now until the file is dropped: it will not be removed.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn in_use(&self) -> Result<File> {
        let path = self.beside("used");
        let file = self.open(&path)?;
        file.lock_shared().map_err(|error| no_lock(error, &path))?;
        file.set_modified(SystemTime::now()).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(file)
    }

    fn open(&self, path: &Path) -> Result<File> {
        fs::create_dir_all(&self.root).with_context(|| format!("cannot create {}", self.root.display()))?;
        let file = File::options().create(true).truncate(false).write(true).open(path);
        file.with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Where notes are.
///
/// # Errors
/// When there is no place for a cache.
fn notes_folder() -> Result<PathBuf> {
    Ok(fetch::cache_folder()?.join("notes"))
}

/// What was found out about a text and takes few bytes: the file `notes/<id>`, which is made where there is none. Who comes second
/// waits; where it cannot be kept, everybody finds it out.
///
/// # Errors
/// Those of `make`.
pub fn noted<T: Serialize + DeserializeOwned>(about: &Identity, make: impl FnOnce() -> Result<T>) -> Result<T> {
    let id = about.clone().with("headlight", env!("CARGO_PKG_VERSION")).id();
    let place = Place::new(&notes_folder()?, id);
    let file = place.complete();
    if let Found::Whole(known) = checked::read(&file) {
        return Ok(known);
    }
    let turn = place.turn();
    if let (Ok(_), Found::Whole(known)) = (&turn, checked::read(&file)) {
        return Ok(known);
    }
    let made = make()?;
    if let Err(error) = turn.and_then(|_turn| checked::write(&file, &made)) {
        tracing::debug!("{error:#}");
    }
    Ok(made)
}

/// How far something is that is not complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begun {
    /// Nobody has begun.
    No,
    /// Who began was interrupted.
    Interrupted,
    /// Somebody is at it.
    AtWork,
}

/// What lies at a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Look {
    /// What belongs there, complete and whole.
    Whole,
    /// Nothing that is complete.
    Absent,
    /// Something else, or not all of it: what is wrong.
    Damaged(String),
}

/// Why there is no lock, and the way out where the file system has none.
fn no_lock(error: std::io::Error, path: &Path) -> anyhow::Error {
    // ENOTSUP, ENOSYS, ENOLCK: by number, since std has no name for the last.
    let has_none =
        error.kind() == std::io::ErrorKind::Unsupported || matches!(error.raw_os_error(), Some(37 | 38 | 95));
    let failed = format!("cannot lock {}", path.display());
    match has_none {
        false => anyhow::Error::new(error).context(failed),
        true => anyhow::Error::new(error).context(format!(
            "{failed}: the file system of the cache keeps no locks, without which two runs that write the same spoil it; set \
             XDG_CACHE_HOME to a folder on one that does (of NFS: mounted without nolock)"
        )),
    }
}

/// What stands beside predictions and records: what they are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Card {
    version: u32,
    shelf: String,
    /// What was made.
    pub made: String,
    identity: Identity,
    /// What people call the model and the text, when it was made.
    pub model: String,
    /// See `model`.
    pub text: String,
    /// Inputs that are in it, once it is complete.
    pub inputs: Option<usize>,
}

/// Counted up when what predictions or records hold changes its meaning.
const VERSION: u32 = 1;

const CARD: &str = "card.json";

impl Card {
    /// The card of what is made on a shelf, `made`, of answers with this identity.
    pub fn new(shelf: Shelf, made: &str, identity: Identity, model: String, text: String) -> Self {
        let identity =
            identity.with("made", made).with("version", VERSION).with("headlight", env!("CARGO_PKG_VERSION"));
        Self {
            version: VERSION,
            shelf: shelf.name().to_owned(),
            made: made.to_owned(),
            identity,
            model,
            text,
            inputs: None,
        }
    }

    /// The same of a shard, where it is one.
    #[must_use]
    pub fn of_shard(mut self, shard: Option<Shard>) -> Self {
        if let Some(shard) = shard {
            self.identity = self.identity.with("shard", shard);
            self.made.push_str(&format!(", shard {shard}"));
        }
        self
    }

    /// What names it.
    pub fn id(&self) -> String {
        self.identity.id()
    }

    /// The one in a folder.
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(CARD);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(CARD);
        let text = serde_json::to_vec_pretty(self).context("a card is plain data")?;
        let writing = path.with_extension("writing");
        fs::write(&writing, text)
            .and_then(|()| fs::rename(&writing, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Something that is being made.
pub struct Writing {
    place: Place,
    card: Card,
    _turn: File,
}

impl Writing {
    /// The folder to write to.
    pub fn folder(&self) -> PathBuf {
        self.place.partial()
    }

    /// Gives what was made of so many inputs its name.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn finish(mut self, inputs: usize) -> Result<()> {
        let (partial, complete) = (self.place.partial(), self.place.complete());
        self.card.inputs = Some(inputs);
        self.card.write(&partial)?;
        fs::rename(&partial, &complete).with_context(|| format!("cannot write {}", complete.display()))
    }
}

/// What lies at a place; `whole` is as in [`open`].
pub fn look(place: &Place, whole: impl Fn(&Path, usize) -> bool) -> Look {
    let complete = place.complete();
    if !complete.is_dir() {
        return Look::Absent;
    }
    match Card::read(&complete) {
        Ok(card) if card.id() != place.id => Look::Damaged(format!("foreign: it is {}", card.made)),
        Ok(card) => match card.inputs.is_some_and(|inputs| whole(&complete, inputs)) {
            true => Look::Whole,
            false => Look::Damaged("damaged".to_owned()),
        },
        Err(_) => Look::Damaged("damaged".to_owned()),
    }
}

/// The inputs of something complete, as its card has them.
///
/// # Errors
/// When there is no such card.
pub fn inputs(place: &Place) -> Result<usize> {
    Card::read(&place.complete())?.inputs.context("a card of something complete tells its inputs")
}

/// Looks for what a card describes: `None` where it is complete and whole, else the turn to make it. `whole` is told its
/// folder and how many inputs it has to hold. Something damaged is made again, from where its maker finds it whole.
///
/// # Errors
/// A disk that does not take it.
pub fn open(place: &Place, card: &Card, whole: impl Fn(&Path, usize) -> bool) -> Result<Option<Writing>> {
    let complete = place.complete();
    if look(place, &whole) == Look::Whole {
        return Ok(None);
    }
    let turn = place.turn()?;
    if look(place, &whole) == Look::Whole {
        return Ok(None);
    }
    let partial = place.partial();
    let failed = || format!("cannot write {}", partial.display());
    if complete.exists() {
        tracing::warn!("{} is damaged: what is not whole is made again", complete.display());
        if partial.exists() {
            fs::remove_dir_all(&partial).with_context(failed)?;
        }
        fs::rename(&complete, &partial).with_context(failed)?;
    }
    fs::create_dir_all(&partial).with_context(failed)?;
    card.write(&partial)?;
    Ok(Some(Writing { place: place.clone(), card: card.clone(), _turn: turn }))
}
