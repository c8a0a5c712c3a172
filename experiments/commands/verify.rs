//! `headlight verify`: what has changed since it was written or read.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use headlight_report::collect::Collection;
use headlight_report::run::{FileState, Input, Verified, verify as verify_run};
use headlight_report::sweep::Sweep;

use super::store::{SHORT, find, verdict};
use crate::cli::{VerifyArgs, output};
use crate::run::cache::{self, Entry, Shelf};
use crate::sources::fetch::sha256;

/// Says of runs, sweeps, collections and what the cache keeps which bytes are no longer those that were written, and of what runs have
/// read, which files have changed. Fails where anything has.
pub fn verify(args: &VerifyArgs) -> Result<()> {
    let mut changed = 0;
    for what in &args.what {
        let folder = Path::new(what);
        let (text, found) = match () {
            () if Collection::is_at(folder) => files(what, &Collection::verify(folder)?),
            () if Sweep::is_at(folder) => files(what, &Sweep::verify(folder)?),
            () if folder.join("manifest.json").is_file() || folder.join("report.json").is_file() => run(what)?,
            () if folder.is_dir() => kept(what, &entries(folder)?)?,
            () => kept(what, &[find(&cache::folders()?, what)?])?,
        };
        changed += found;
        output::print(&text)?;
    }
    let files = if changed == 1 { "1 file is".to_owned() } else { format!("{changed} files are") };
    ensure!(changed == 0, "{files} not what was written or read");
    Ok(())
}

/// What is to be said of files that were written, and how many have changed.
fn files(what: &str, verified: &Verified) -> (String, usize) {
    let changed: Vec<_> = verified.changed().collect();
    let mut text = match verified.files.len() {
        0 => format!("{what}: written by an earlier version, without checksums of its files\n"),
        all => format!("{what}: {} of {all} files as written\n", all - changed.len()),
    };
    for (file, state) in &changed {
        let state = if *state == FileState::Missing { "missing" } else { "changed" };
        text.push_str(&format!("  {state}  {file}\n"));
    }
    if !verified.others.is_empty() {
        text.push_str(&format!("  written later: {}\n", verified.others.join(", ")));
    }
    (text, changed.len())
}

fn run(what: &str) -> Result<(String, usize)> {
    let (manifest, verified) = verify_run(Path::new(what))?;
    let (mut text, mut changed) = files(what, &verified);
    let (mut same, mut lines) = (0, String::new());
    for input in &manifest.inputs {
        match state(input)? {
            None if input.path.starts_with("sample:") => {
                lines.push_str(&format!("  within headlight  {} ({})\n", input.path, input.role));
            }
            None => lines.push_str(&format!("  not a file here any more  {} ({})\n", input.path, input.role)),
            Some(true) => same += 1,
            Some(false) => {
                changed += 1;
                lines.push_str(&format!("  changed  {} ({})\n", input.path, input.role));
            }
        }
    }
    text.push_str(&format!("  {same} of {} inputs as they were read\n{lines}", manifest.inputs.len()));
    Ok((text, changed))
}

/// Whether an input is what was read; `None` where no file of that path is there.
fn state(input: &Input) -> Result<Option<bool>> {
    let path = Path::new(&input.path);
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len() == input.bytes && sha256(path)? == input.sha256)),
        _ => Ok(None),
    }
}

/// What a folder of the cache keeps, or the one thing that it is.
fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let folder = folder.canonicalize()?;
    let shelf_of = |folder: &Path| {
        let name = folder.file_name().unwrap_or_default();
        Shelf::ALL.into_iter().find(|shelf| name == shelf.name()).unwrap_or(Shelf::Attention)
    };
    let inside = cache::list(shelf_of(&folder), &folder)?;
    let beside = || folder.parent().map(|root| cache::list(shelf_of(root), root)).transpose();
    let of_folder = |entry: &Entry| entry.place.complete() == folder;
    let found: Vec<Entry> = match inside.is_empty() {
        true => beside()?.unwrap_or_default().into_iter().filter(of_folder).collect(),
        false => inside,
    };
    if found.is_empty() {
        bail!("{} is neither a run nor a folder of what runs have kept", folder.display());
    }
    Ok(found)
}

fn kept(what: &str, entries: &[Entry]) -> Result<(String, usize)> {
    let (mut text, mut damaged) = (format!("{what}:\n"), 0);
    for entry in entries {
        let (verdict, is_damaged) = verdict(entry);
        damaged += usize::from(is_damaged);
        text.push_str(&format!("  {}  {verdict}\n", &entry.place.id[..SHORT]));
    }
    Ok((text, damaged))
}
