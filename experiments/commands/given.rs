//! Settings that stand on the command line, not in a file.

use std::path::Path;

use anyhow::{Result, anyhow};

use super::Usage;
use crate::config::{Settings, Source, load};
use crate::kinds::Experiment;
use crate::sources::fetch;

/// The `[model]` key that names a model: a folder by its path, anything else by its name.
pub fn model_keys(model: &str) -> String {
    let key = if Path::new(model).is_dir() { "path" } else { "name" };
    format!("{key} = {}", toml::Value::from(model))
}

/// What a page of sentences depends on, beside the tables that it wants whole.
const READ: [&str; 5] = ["threads", "seed", "treebank.merge", "treebank.input", "treebank.max_pieces"];

/// The settings that a text and `--set` make, for a command that reads `[model]` and how words become pieces, and has no
/// experiments.
///
/// # Errors
/// Wrong usage: the first mistake in them, and a key that would do nothing.
pub fn given(name: &str, text: &str, sets: &[String]) -> Result<Settings> {
    for set in sets {
        let key = set.split('=').next().unwrap_or_default().trim();
        if !key.starts_with("model.") && !READ.contains(&key) {
            let read = READ.join(", ");
            let wrong = anyhow!("--set {set}: `headlight {name}` does not read `{key}`; it reads model.…, {read}");
            return Err(Usage(wrong).into());
        }
    }
    // A kind that reads maps reads what this command does.
    let text = format!("{text}\n[[experiment]]\nkind = \"heads\"\n");
    let source = Source::Given(name.to_owned(), text);
    let settings = load::<Experiment>(&source, sets, fetch::is_unproven).and_then(|mut configs| {
        anyhow::ensure!(configs.len() == 1, "[sweep] runs several models or settings; a page shows one");
        let settings = configs.remove(0).settings;
        settings.check()?;
        Ok(settings)
    });
    settings.map_err(|error| Usage(error).into())
}
