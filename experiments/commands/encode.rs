//! `headlight encode`: what a config asks of the model, or a shard of it, into the cache, where `headlight run` finds it.

use anyhow::{Context, Result, anyhow, ensure};

use super::Usage;
use super::config::{Config, load_configs};
use crate::cli::{EncodeArgs, Shard, interrupt, progress};
use crate::kinds::Experiment;
use crate::run::{Run, Shared};

/// Encodes for a config, for a run of a sweep or for all of them.
pub fn encode(args: &EncodeArgs) -> Result<()> {
    let configs = load_configs(&args.config, &args.sets)?;
    let (cell, shard) = chosen(args, configs.len()).map_err(Usage)?;
    interrupt::install()?;
    for (number, config) in configs.iter().enumerate().filter(|(number, _)| cell.is_none_or(|cell| cell == *number)) {
        if configs.len() > 1 {
            progress::say(&format!("run {} of {}: {}", number + 1, configs.len(), config.settings.name));
        }
        let Shared { made, kept, left } = work_on(config, |run, kinds, experiments| {
            run.share(shard, kinds, |run, number| experiments[number].asks(run))
        })
        .with_context(|| config.settings.name.clone())?;
        let of_shard = shard.map_or_else(String::new, |shard| format!("shard {shard}: "));
        let left = match left {
            0 => String::new(),
            left => format!("; {left} that no other run can find (hidden states) are left to `headlight run`"),
        };
        progress::say(&format!("{of_shard}{made} encoded for the cache, {kept} there before{left}"));
    }
    Ok(())
}

/// The number of the run, counted from 0, and the shard; all where nothing says otherwise.
fn chosen(args: &EncodeArgs, cells: usize) -> Result<(Option<usize>, Option<Shard>)> {
    if let (Some(task), Some(shards)) = (args.task, args.shards) {
        let tasks = cells * shards;
        ensure!(
            task < tasks,
            "there is no task {task}: {cells} runs of {shards} shards are {tasks} tasks, counted from 0"
        );
        let shard = Shard::new(task % shards + 1, shards).map_err(|error| anyhow!(error))?;
        return Ok((Some(task / shards), Some(shard)));
    }
    let cell = match args.cell {
        Some(cell) if !(1..=cells).contains(&cell) => {
            return Err(anyhow!(
                "there is no run {cell}: the config is {cells}, counted from 1 (`headlight plan` lists them)"
            ));
        }
        cell => cell.map(|cell| cell - 1),
    };
    Ok((cell, args.shard))
}

/// Lets `work` ask a run of a config that writes no run directory.
pub(super) fn work_on<T: Send>(
    config: &Config,
    work: impl FnOnce(&mut Run, &[String], &[Experiment]) -> Result<T> + Send,
) -> Result<T> {
    interrupt::begin()?;
    let scratch = tempfile::tempdir().context("cannot create a folder for temporary files")?;
    let mut run = Run::begin(config.settings.clone(), config.experiments_toml(), scratch.path(), false)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(config.settings.threads).build();
    let pool = pool.context("cannot start the worker threads")?;
    let kinds: Vec<String> = config.experiments.iter().map(|it| format!("kind = {:?}", it.kind())).collect();
    pool.install(|| work(&mut run, &kinds, &config.experiments))
}
