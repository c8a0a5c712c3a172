//! The runs of a sweep, one after the other, and what they are together.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use headlight_bert::Architecture;
use headlight_report::run::RunDirectory;
use headlight_report::sheet::Sheet;
use headlight_report::sweep::{Sweep, SweptRun, check_shapes};

use super::config::Config;
use super::run::run_one;
use super::tell;
use crate::cli::progress::say;
use crate::config::Place;
use crate::sources::fetch::sha256;

/// Runs what is not finished of a sweep and writes its table, page and report; returns the summary of each series.
///
/// # Errors
/// The first error of a run, which is named; and a folder that belongs to something else.
pub fn run(configs: &[Config], out: &Path, force: bool) -> Result<Vec<Sheet>> {
    let Some(first) = configs.first().and_then(|config| config.place.as_ref()) else { return Ok(Vec::new()) };
    let folder = out.join(format!("{}-sweep", first.sweep));
    ensure!(
        folder.symlink_metadata().is_err() || Sweep::is_at(&folder),
        "{} exists and is no sweep's: it is left alone; --out or --set name=… writes elsewhere",
        folder.display()
    );
    // All are looked at first, so that a folder in the way of the last is found before the first is run.
    let finished = configs.iter().map(|config| Ok(!force && is_finished(config, out)?)).collect::<Result<Vec<_>>>()?;
    check_folders(configs)?;
    let kept = finished.iter().filter(|finished| **finished).count();
    if kept > 0 {
        say(&format!("{kept} of {} runs are finished and are not run again; --force runs all", configs.len()));
    }
    let mut runs: Vec<SweptRun> = Vec::new();
    for (number, (config, finished)) in configs.iter().zip(finished).enumerate() {
        let name = &config.settings.name;
        if !finished {
            say(&format!("run {} of {}: {name}", number + 1, configs.len()));
            run_one(config, out, force).with_context(|| name.clone())?;
        }
        let place = config.place.as_ref().context("a run of a sweep has a place in it")?;
        let run = swept(RunDirectory::open(&out.join(name))?, place);
        if let Some(before) = runs.iter().find(|before| before.series == run.series) {
            check_shapes(before, &run)?;
        }
        runs.push(run);
    }
    let sweep = Sweep::of_runs(&first.sweep, &runs)?;
    write(&sweep, &folder)?;
    say(&format!("sweep of {} runs written to {}", runs.len(), folder.display()));
    Ok(sweep.sheets())
}

/// Checks that the folders of one training hold models of one shape, as far as they are at hand, so that the last of many runs
/// does not find it out.
fn check_folders(configs: &[Config]) -> Result<()> {
    let mut known: Vec<(&str, &Path, String)> = Vec::new();
    for config in configs {
        let (Some(place), path) = (&config.place, config.settings.model.path.as_path()) else { continue };
        if path.as_os_str().is_empty() {
            continue;
        }
        let spec = Architecture::read(&path.join("config.json"))?;
        let shape = format!("{} layers × {} heads, width {}", spec.grid.layers, spec.grid.heads, spec.breadth);
        match known.iter().find(|(series, ..)| *series == place.series) {
            Some((series, first, other)) if *other != shape => bail!(
                "checkpoints of one training have one shape, but of {series} {} has {other} and {} has {shape}: sweep them apart",
                first.display(),
                path.display()
            ),
            Some(_) => {}
            None => known.push((&place.series, path, shape)),
        }
    }
    Ok(())
}

fn swept(run: RunDirectory, place: &Place) -> SweptRun {
    let Place { swept, series, step, seed, .. } = place.clone();
    SweptRun { run, swept, series, step, seed }
}

/// Whether a run of the same config, on files that have not changed since, is complete.
fn is_finished(config: &Config, out: &Path) -> Result<bool> {
    let place = out.join(&config.settings.name);
    if place.symlink_metadata().is_err() {
        return Ok(false);
    }
    let Ok(run) = RunDirectory::open(&place) else {
        bail!("{} exists and is no complete run: --force replaces it, --out writes elsewhere", place.display());
    };
    let written = fs::read_to_string(place.join("config.toml")).unwrap_or_default();
    ensure!(
        written == config.to_toml(),
        "{} exists with another config: --force replaces it, --out or --set name=… writes elsewhere",
        place.display()
    );
    tell(&place, run.changed());
    // What has been removed since cannot have changed what was computed of it.
    for input in run.manifest().inputs.iter().filter(|input| Path::new(&input.path).is_file()) {
        let is_same = sha256(Path::new(&input.path))? == input.sha256;
        ensure!(
            is_same,
            "{} was finished when {} was another file: --force runs the sweep again",
            place.display(),
            input.path
        );
    }
    Ok(true)
}

/// Gives the folder its new content in one step.
fn write(sweep: &Sweep, folder: &Path) -> Result<()> {
    let named = || format!("cannot write {}", folder.display());
    let partial = PathBuf::from(format!("{}.partial", folder.display()));
    if partial.is_dir() {
        fs::remove_dir_all(&partial).with_context(named)?;
    }
    fs::create_dir_all(&partial).with_context(named)?;
    sweep.write(&partial)?;
    if folder.is_dir() {
        fs::remove_dir_all(folder).with_context(named)?;
    }
    fs::rename(&partial, folder).with_context(named)
}
