//! `headlight store`: what runs have kept of the encoder's answers, and whether it is whole.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use indicatif::HumanBytes;

use crate::cli::output;
use crate::cli::{StoreArgs, StoreCommand};
use crate::run::cache::{self, Entry, Shelf, State};

/// Digits of an id that are shown; as many are enough to name it.
pub const SHORT: usize = 12;

/// Lists, verifies or removes what is kept: in the cache, or the attention stores of a folder.
pub fn store(args: &StoreArgs) -> Result<()> {
    let folders = match &args.store {
        Some(folder) => vec![(Shelf::Attention, folder.clone())],
        None => cache::folders()?,
    };
    match &args.command {
        StoreCommand::Ls => list(&folders, &notes(args)?),
        StoreCommand::Verify { ids } => verify(&folders, ids),
        StoreCommand::Rm { all: true, .. } => remove(&all(&folders)?, &notes(args)?),
        StoreCommand::Rm { ids, .. } if ids.is_empty() => {
            bail!("name what to remove, or --all; `headlight store ls` lists it")
        }
        StoreCommand::Rm { ids, .. } => remove(&named(&folders, ids)?, &[]),
    }
}

type Folders = [(Shelf, PathBuf)];

/// Files of a few bytes, which no run needs.
type Notes = [(PathBuf, u64)];

/// Notes lie in the cache alone.
fn notes(args: &StoreArgs) -> Result<Vec<(PathBuf, u64)>> {
    if args.store.is_none() { cache::notes() } else { Ok(Vec::new()) }
}

fn list(folders: &Folders, notes: &Notes) -> Result<()> {
    let mut text = String::new();
    for (shelf, root) in folders {
        let entries = cache::list(*shelf, root)?;
        for entry in &entries {
            let state = match &entry.state {
                State::Complete => "complete".to_owned(),
                State::Writing => "being written".to_owned(),
                State::Interrupted => "interrupted".to_owned(),
                State::Damaged(reason) => format!("damaged: {reason}"),
            };
            let inputs = entry.inputs.map_or_else(String::new, |inputs| format!("{inputs} inputs, "));
            writeln!(text, "{}  {}  {}", &entry.place.id[..SHORT], entry.what, HumanBytes(entry.bytes))?;
            writeln!(text, "{:SHORT$}  {inputs}{state}, used {}", "", ago(entry.used))?;
        }
        let bytes = entries.iter().map(|entry| entry.bytes).sum();
        let name = shelf.name();
        writeln!(text, "{name}: {}, {} in {}", counted(entries.len()), HumanBytes(bytes), root.display())?;
    }
    if let Some(folder) = notes.first().and_then(|(note, _)| note.parent()) {
        let bytes = notes.iter().map(|(_, bytes)| bytes).sum();
        writeln!(text, "notes of texts: {}, {} in {}", counted(notes.len()), HumanBytes(bytes), folder.display())?;
    }
    output::print(&text)
}

/// `3days ago`, in the largest unit that fits.
fn ago(time: SystemTime) -> String {
    let seconds = SystemTime::now().duration_since(time).unwrap_or_default().as_secs();
    let unit = [86_400, 3600, 60].into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    format!("{} ago", humantime::format_duration(Duration::from_secs(seconds / unit * unit)))
}

/// `1 entry`, `3 entries`.
pub fn counted(entries: usize) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}

fn all(folders: &Folders) -> Result<Vec<Entry>> {
    let entries: Vec<Vec<Entry>> =
        folders.iter().map(|(shelf, root)| cache::list(*shelf, root)).collect::<Result<_>>()?;
    Ok(entries.into_iter().flatten().collect())
}

fn named(folders: &Folders, ids: &[String]) -> Result<Vec<Entry>> {
    ids.iter().map(|id| find(folders, id)).collect()
}

fn verify(folders: &Folders, ids: &[String]) -> Result<()> {
    let entries = match ids {
        [] => all(folders)?.into_iter().filter(|entry| entry.state != State::Writing).collect(),
        ids => named(folders, ids)?,
    };
    let mut damaged = 0;
    for entry in &entries {
        let (verdict, is_damaged) = verdict(entry);
        damaged += usize::from(is_damaged);
        output::print(&format!("{}  {verdict}\n", &entry.place.id[..SHORT]))?;
    }
    ensure!(
        damaged == 0,
        "{damaged} of {} are damaged; the next run that needs one makes it anew",
        counted(entries.len())
    );
    Ok(())
}

/// What is to be said of something that is kept, and whether it is damaged.
pub fn verdict(entry: &Entry) -> (String, bool) {
    match &entry.state {
        State::Interrupted | State::Writing => ("interrupted: the next run that needs it goes on".to_owned(), false),
        State::Complete | State::Damaged(_) => match cache::verify(entry) {
            Ok(()) => ("every byte as written".to_owned(), false),
            Err(error) => (format!("{error:#}"), true),
        },
    }
}

/// Removes what runs have kept, and notes.
fn remove(entries: &[Entry], notes: &Notes) -> Result<()> {
    let (mut bytes, mut removed) = (0, 0);
    for entry in entries {
        match cache::remove(&entry.place)? {
            Some(freed) => {
                bytes += freed;
                removed += 1;
            }
            None => bail!("{} is in use by another run", entry.place.complete().display()),
        }
    }
    for (note, size) in notes {
        fs::remove_file(note).with_context(|| format!("cannot remove {}", note.display()))?;
        bytes += size;
    }
    output::print(&format!("{} removed, {} freed\n", counted(removed), HumanBytes(bytes)))
}

/// What has an id that starts with `prefix`.
pub fn find(folders: &Folders, prefix: &str) -> Result<Entry> {
    let mut found: Vec<Entry> = all(folders)?.into_iter().filter(|entry| entry.place.id.starts_with(prefix)).collect();
    found.dedup_by(|a, b| a.place == b.place);
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => bail!("nothing that is kept has an id that starts with {prefix}; `headlight store ls` lists all"),
        many => bail!("{many} ids start with {prefix}: give more digits"),
    }
}
