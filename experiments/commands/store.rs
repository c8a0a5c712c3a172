//! `headlight store`: what is kept of word attention, and whether it is whole.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use headlight_attention::store::{self, State, StoreSummary};
use indicatif::HumanBytes;

use crate::cli::output;
use crate::cli::{StoreArgs, StoreCommand};
use crate::kinds::shared::probing::attention::default_store;

/// Digits of an id that are shown; as many are enough to name a store.
const SHORT: usize = 12;

/// Lists, verifies or removes attention stores.
pub fn store(args: &StoreArgs) -> Result<()> {
    let root = match &args.store {
        Some(folder) => folder.clone(),
        None => default_store()?,
    };
    match &args.command {
        StoreCommand::Ls => list(&root),
        StoreCommand::Verify { ids } => verify(&root, ids),
        StoreCommand::Rm { ids, all } => remove(&root, ids, *all),
    }
}

fn list(root: &Path) -> Result<()> {
    let stores = store::list(root)?;
    let mut text = String::new();
    for store in &stores {
        let state = match &store.state {
            State::Complete => "complete".to_owned(),
            State::Writing => "being written".to_owned(),
            State::Interrupted => "interrupted".to_owned(),
            State::Damaged(reason) => format!("damaged: {reason}"),
        };
        let grid = store.grid.map_or_else(String::new, |grid| format!("{}×{} heads, ", grid.layers, grid.heads));
        writeln!(text, "{}  {}  {}", &store.id[..SHORT], what(store), HumanBytes(store.bytes))?;
        writeln!(text, "{:SHORT$}  {grid}{} sentences, {state}", "", store.sentences)?;
    }
    let bytes = stores.iter().map(|store| store.bytes).sum();
    writeln!(text, "{}, {} in {}", counted(stores.len()), HumanBytes(bytes), root.display())?;
    output::print(&text)
}

/// The model and the treebank, as a run noted them for people.
fn what(store: &StoreSummary) -> String {
    let Some(key) = &store.key else { return "unknown content".to_owned() };
    let part = |name: &str| key.parts().find(|(part, _)| *part == name).map_or("?", |(_, value)| value);
    format!("{} on {}, merge {}, {}", part("model_name"), part("treebank_name"), part("merge"), key.precision().name())
}

fn verify(root: &Path, ids: &[String]) -> Result<()> {
    let stores = match ids {
        [] => store::list(root)?.into_iter().filter(|store| store.state != State::Writing).collect(),
        ids => ids.iter().map(|id| find(root, id)).collect::<Result<Vec<_>>>()?,
    };
    let mut damaged = 0;
    for found in &stores {
        let verdict = match &found.state {
            State::Interrupted => "interrupted: the next run with the same model and treebank goes on".to_owned(),
            _ => match store::verify(root, &found.id) {
                Ok(()) => "every byte as written".to_owned(),
                Err(error) => {
                    damaged += 1;
                    error.to_string()
                }
            },
        };
        output::print(&format!("{}  {verdict}\n", &found.id[..SHORT]))?;
    }
    ensure!(
        damaged == 0,
        "{damaged} of {} stores are damaged; the next run that needs one makes it anew",
        stores.len()
    );
    Ok(())
}

fn remove(root: &Path, ids: &[String], all: bool) -> Result<()> {
    let stores = match (all, ids) {
        (true, _) => store::list(root)?,
        (false, []) => bail!("name the stores to remove, or --all; `headlight store ls` lists them"),
        (false, ids) => ids.iter().map(|id| find(root, id)).collect::<Result<Vec<_>>>()?,
    };
    let mut bytes = 0;
    let mut removed: Vec<&str> = Vec::new();
    for found in &stores {
        // A store that is being made anew beside its old self is listed twice and removed at once.
        if !removed.contains(&found.id.as_str()) {
            bytes += store::remove(root, &found.id)?;
            removed.push(&found.id);
        }
    }
    output::print(&format!("{} removed, {} freed\n", counted(removed.len()), HumanBytes(bytes)))
}

fn counted(stores: usize) -> String {
    if stores == 1 { "1 store".to_owned() } else { format!("{stores} stores") }
}

/// The store whose id starts with `prefix`.
fn find(root: &Path, prefix: &str) -> Result<StoreSummary> {
    let mut found: Vec<StoreSummary> =
        store::list(root)?.into_iter().filter(|store| store.id.starts_with(prefix)).collect();
    found.dedup_by(|a, b| a.id == b.id);
    let place: PathBuf = root.to_owned();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => bail!("there is no store {prefix} in {}; `headlight store ls` lists them", place.display()),
        many => bail!("{many} stores in {} start with {prefix}: give more digits", place.display()),
    }
}
