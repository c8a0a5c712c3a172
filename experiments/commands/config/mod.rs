//! A config whole: settings, and the experiments that are done under them.

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use super::Usage;
use crate::config::{Place, Resolved, Settings, Source, load};
use crate::kinds::Experiment;
use crate::sources::{fetch, treebank};

/// A resolved config. Printed as TOML it is a config again, which resolves to itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Everything but the experiments.
    pub settings: Settings,
    /// What is done, in order.
    pub experiments: Vec<Experiment>,
    /// Its place among the runs of a sweep, where it is one.
    pub place: Option<Place>,
}

/// Reads the config that an argument names, or all configs of its sweep; every mistake in it is wrong usage.
pub fn load_configs(argument: &str, sets: &[String]) -> Result<Vec<Config>> {
    Source::find(argument).and_then(|source| resolve(&source, sets)).map_err(|error| Usage(error).into())
}

/// Resolves a source into its configs, each of them checked.
///
/// # Errors
/// The first mistake in it.
pub fn resolve(source: &Source, sets: &[String]) -> Result<Vec<Config>> {
    let configs = load(source, sets, fetch::is_unproven)?;
    let whole = |Resolved { settings, experiments, place }| Config { settings, experiments, place };
    let configs = configs.into_iter().map(whole);
    configs
        .map(|config| {
            config.check().with_context(|| source.describe())?;
            Ok(config)
        })
        .collect()
}

impl Config {
    /// As a TOML config that resolves to itself.
    pub fn to_toml(&self) -> String {
        format!("{}\n{}", self.settings.to_toml(), self.experiments_toml())
    }

    /// The experiments alone, as TOML.
    pub fn experiments_toml(&self) -> String {
        #[derive(Serialize)]
        struct Experiments<'a> {
            experiment: &'a [Experiment],
        }
        toml::to_string(&Experiments { experiment: &self.experiments }).expect("keys are plain texts and numbers")
    }

    /// What is wrong with the config as a whole, found before any work is done.
    fn check(&self) -> Result<()> {
        self.settings.check()?;
        treebank::check_names(&self.settings.treebank)?;
        ensure!(
            !self.experiments.is_empty(),
            "no [[experiment]]: a config names at least one, such as kind = \"heads\""
        );
        for (number, experiment) in self.experiments.iter().enumerate() {
            let clash =
                self.experiments[..number].iter().enumerate().find_map(|(at, it)| Some((at, it.clash(experiment)?)));
            if let Some((other, why)) = clash {
                bail!("experiments {other} and {number}, both of kind = {:?}: {why}", experiment.kind());
            }
            experiment.check(&self.settings).map_err(|error| error.context(format!("experiment {number}")))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
