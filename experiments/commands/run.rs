//! `headlight run`

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use headlight_report::sheet::Sheet;

use super::config::{Config, load_configs};
use super::{Usage, WIDTH};
use crate::cli::{RunArgs, interrupt, output};
use crate::run::Run;

/// Runs each config in turn. All are read first, so that a mistake in the last is found before the first is run.
pub fn run(args: &RunArgs) -> Result<()> {
    let configs = args.configs.iter().map(|config| load_configs(config, &args.sets)).collect::<Result<Vec<_>>>()?;
    let configs: Vec<Config> = configs.into_iter().flatten().collect();
    for (at, config) in configs.iter().enumerate() {
        let name = &config.settings.name;
        if configs[..at].iter().any(|before| before.settings.name == *name) {
            let wrong = anyhow!("two runs would be called {name}, and one replace the other: give one another `name`");
            return Err(Usage(wrong).into());
        }
    }
    interrupt::install()?;
    for config in configs {
        for sheet in run_one(&config, &args.out, args.force)? {
            output::print(&format!("\n{}", sheet.to_text(WIDTH)))?;
        }
    }
    Ok(())
}

/// Runs the experiments of a config; returns the tables for people. What is computed before an error stays in the partial
/// directory, and the next call with the same config goes on from there.
fn run_one(config: &Config, out: &Path, force: bool) -> Result<Vec<Sheet>> {
    let mut run = Run::begin(config.settings.clone(), config.experiments_toml(), out, force)?;
    // Training and statistics take the threads of the pool they run in; the encoder is told its number.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(config.settings.threads).build();
    let pool = pool.context("cannot start the worker threads")?;
    let mut outcomes = Vec::new();
    for (number, experiment) in config.experiments.iter().enumerate() {
        run.at_work(number);
        let outcome =
            pool.install(|| experiment.run(&mut run)).with_context(|| format!("kind = {:?}", experiment.kind()))?;
        outcomes.push((experiment.kind(), outcome));
    }
    run.finish(outcomes)
}
