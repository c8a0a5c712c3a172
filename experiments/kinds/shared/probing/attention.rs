//! The word attention of a split, written to the store once and read from there by every probe and every later run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use headlight_attention::MergeRule;
use headlight_attention::store::{self, Entry, Store, StoreKey, open_or_write};
use headlight_bert::{Level, Request};
use sha2::{Digest, Sha256};

use crate::config::{Precision, Settings, Split};
use crate::run::{LoadedModel, Pass, Run, request};
use crate::sources::fetch;

/// Where stores are when a config names no folder.
///
/// # Errors
/// When there is no place for a cache.
pub fn default_store() -> Result<PathBuf> {
    Ok(fetch::cache_folder()?.join("attention"))
}

/// The folder of stores that a key names, or [`default_store`] where it is empty.
///
/// # Errors
/// Those of [`default_store`].
pub fn folder(key: &Path) -> Result<PathBuf> {
    if key.as_os_str().is_empty() { default_store() } else { Ok(key.to_owned()) }
}

/// The stored attention of a split; the encoder runs when it is not there yet, and goes on where it was interrupted.
///
/// # Errors
/// Those of the encoder's pass and of the store.
pub fn stored(
    run: &mut Run,
    split: Split,
    rule: MergeRule,
    precision: store::Precision,
    folder: &Path,
) -> Result<Store> {
    let key = store_key(run, split, rule, precision)?;
    let model = &run.model()?.model;
    let (grid, frame) = (model.spec().grid, model.tokenizer().frame().clone());
    let request = Request { attention: Some(Level::Words(rule)), ..request(run.config()) };
    match open_or_write(folder, &key, grid, &frame)? {
        Entry::Ready(store) => {
            tracing::info!("{}: attention of {} sentences from the store", split.name(), store.len());
            run.note_sentences(split)?;
            Ok(store)
        }
        Entry::Vacant(mut writer) => {
            let pass = Pass { split, from: writer.len(), request: &request };
            run.encode(
                &pass,
                |_, _, encoded| encoded.words,
                |_, words| match words {
                    Some(words) => Ok(writer.push(&words.context("the encoder gave no attention over words")?)?),
                    None => Ok(writer.push_skipped()?),
                },
            )?;
            Ok(writer.finish()?)
        }
    }
}

fn store_key(run: &mut Run, split: Split, rule: MergeRule, precision: store::Precision) -> Result<StoreKey> {
    run.model()?;
    let treebank = treebank_hash(run, split)?;
    let config = run.config().clone();
    let model = run.model()?;
    let mut model_name = model.summary().name;
    if config.model.random_init {
        model_name.push_str(" with random weights");
    }
    Ok(StoreKey::new(&attention_hash(&config, model, rule), &treebank, rule, precision)
        .with("model_name", &model_name)
        .with("treebank_name", &format!("{} {}", config.treebank.display_name(), split.name()))
        .with("device", &config.model.device.to_string())
        .with("max_pieces", &config.treebank.max_pieces.to_string()))
}

/// A hash of the sentences of a split: its files and how they are read.
///
/// # Errors
/// When a file cannot be read.
pub fn treebank_hash(run: &mut Run, split: Split) -> Result<String> {
    let files: Vec<String> = run.treebank(split)?.inputs.iter().map(|input| input.sha256.clone()).collect();
    let keys = &run.config().treebank;
    let reading = [keys.format.to_string(), keys.invalid.to_string(), keys.max_sentences.to_string()];
    Ok(hash(files.into_iter().chain(reading)))
}

/// A hash of everything that the attention of a given sentence depends on: the model's files, the merge rule, what
/// counts as attention, what the tokenizer sees, the seed of random weights, and the precision.
pub fn attention_hash(config: &Settings, model: &LoadedModel, rule: MergeRule) -> String {
    let weights = model.random_seed().map_or_else(|| "trained".to_owned(), |seed| format!("random {seed}"));
    let conventions =
        [rule.name().to_owned(), config.model.attention.to_string(), config.treebank.input.to_string(), weights];
    // f32 is what hashes without a precision mean: stores and probes from before there was a choice stay of use.
    let precision = Some(config.model.precision).filter(|precision| *precision != Precision::F32);
    let precision = precision.map(|precision| format!("precision {precision}"));
    hash(model.inputs.iter().map(|input| input.sha256.clone()).chain(conventions).chain(precision))
}

/// SHA-256 of texts, in hexadecimal digits. Lengths keep `ab`, `c` apart from `a`, `bc`.
pub fn hash(texts: impl IntoIterator<Item = String>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
