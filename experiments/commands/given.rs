//! Settings that stand on the command line, not in a file.

use std::path::Path;

use anyhow::Result;

use super::Usage;
use crate::config::{Settings, Source, load};
use crate::kinds::Experiment;
use crate::sources::fetch;

/// The `[model]` key that names a model: a folder by its path, anything else by its name.
pub fn model_keys(model: &str) -> String {
    let key = if Path::new(model).is_dir() { "path" } else { "name" };
    format!("{key} = {}", toml::Value::from(model))
}

/// The settings that a text and `--set` make, without experiments.
///
/// # Errors
/// Wrong usage: the first mistake in them.
pub fn given(name: &str, text: &str, sets: &[String]) -> Result<Settings> {
    let source = Source::Given(name.to_owned(), text.to_owned());
    let settings = load::<Experiment>(&source, sets, fetch::is_unproven).and_then(|mut configs| {
        anyhow::ensure!(configs.len() == 1, "[sweep] runs several models or settings; a page shows one");
        let settings = configs.remove(0).settings;
        settings.check()?;
        Ok(settings)
    });
    settings.map_err(|error| Usage(error).into())
}
