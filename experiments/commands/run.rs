//! `headlight run`

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use headlight_report::sheet::Sheet;
use indicatif::HumanBytes;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::config::{Config, load_configs};
use super::{Usage, print_sheets, sweep};
use crate::cli::{RunArgs, interrupt, progress};
use crate::config::CacheConfig;
use crate::run::{Interrupted, Outcome, Run, cache};

/// Runs each config in turn. All are read first, so that a mistake in the last is found before the first is run.
pub fn run(args: &RunArgs) -> Result<()> {
    let groups = args.configs.iter().map(|config| load_configs(config, &args.sets)).collect::<Result<Vec<_>>>()?;
    run_all(groups, &args.out, args.force)
}

/// Runs resolved configs in turn; those of a sweep are a group.
pub fn run_all(groups: Vec<Vec<Config>>, out: &Path, force: bool) -> Result<()> {
    let mut names: Vec<&str> = Vec::new();
    for name in groups.iter().flatten().map(|config| config.settings.name.as_str()) {
        if names.contains(&name) {
            let wrong = anyhow!("two runs would be called {name}, and one replace the other: give one another `name`");
            return Err(Usage(wrong).into());
        }
        names.push(name);
    }
    interrupt::install()?;
    for configs in groups {
        let is_sweep = configs.iter().any(|config| config.place.is_some());
        if is_sweep {
            print_sheets(&sweep::run(&configs, out, force)?)?;
        } else {
            configs.iter().try_for_each(|config| print_sheets(&run_one(config, out, force)?))?;
        }
    }
    Ok(())
}

/// Runs the experiments of a config; returns the tables for people. First the encoder passes over all that they ask for, over
/// each text once where it can. What is computed before an error stays in the cache and in the partial directory, and the next
/// call with the same config goes on from there.
pub fn run_one(config: &Config, out: &Path, force: bool) -> Result<Vec<Sheet>> {
    interrupt::begin()?;
    let mut run = Run::begin(config.settings.clone(), config.experiments_toml(), out, force)?;
    // Training and statistics take the threads of the pool they run in; the encoder is told its number.
    let threads = config.settings.threads;
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.with_context(|| {
        format!("cannot start {threads} threads: `threads` asks for fewer, and `ulimit -a` shows the limits here")
    })?;
    let done = experiment(&mut run, config, &pool).and_then(|outcomes| pool.install(|| run.finish(outcomes)));
    let sheets = match done {
        // Whatever failed because of it.
        Err(error) if !error.is::<Interrupted>() => run.check_folder().and(Err(error)),
        done => done,
    }?;
    // What it used may go from here on.
    drop(run);
    tidy(&config.settings.cache)?;
    Ok(sheets)
}

/// Does what the experiments of a config ask for.
fn experiment(run: &mut Run, config: &Config, pool: &ThreadPool) -> Result<Vec<(&'static str, Outcome)>> {
    let experiments = &config.experiments;
    let kinds: Vec<String> = experiments.iter().map(|it| format!("kind = {:?}", it.kind())).collect();
    pool.install(|| run.serve(&kinds, |run, number| experiments[number].asks(run)))?;
    let mut outcomes = Vec::new();
    for (number, experiment) in experiments.iter().enumerate() {
        interrupt::check()?;
        run.at_work(number, experiments.len());
        let outcome = pool.install(|| experiment.run(run)).with_context(|| kinds[number].clone())?;
        run.note_written(&outcome)?;
        outcomes.push((experiment.kind(), outcome));
    }
    Ok(outcomes)
}

/// Keeps the cache within the limits of a config.
fn tidy(limits: &CacheConfig) -> Result<()> {
    let tidied = cache::tidy(limits, &cache::folders()?)?;
    if tidied.removed > 0 {
        progress::say(&format!(
            "{} of the cache removed, {} freed, {} left (`cache.max_age`, `cache.max_bytes`)",
            super::store::counted(tidied.removed),
            HumanBytes(tidied.freed),
            HumanBytes(tidied.left)
        ));
    }
    Ok(())
}
