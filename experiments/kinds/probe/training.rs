//! Training of one probe, with its progress, its checkpoint and its file.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use headlight_probe::{
    Examples, Hooks, Origin, Probe, ProbeSpec, Progress as Done, SavedProbe, TrainError, TrainOptions, train,
};

use super::attention::hash;
use crate::cli::progress::{Progress, Unit};
use crate::run::{Interrupted, Run, interrupted};

/// What is trained.
pub struct Task {
    /// Name of the probe and its file, `<probe>-seed<seed>`.
    pub name: String,
    pub spec: ProbeSpec,
    pub options: TrainOptions,
    /// What the saved probe says about where it comes from.
    pub origin: Origin,
    /// A hash of the training sentences.
    pub sentences: String,
}

/// Trains a probe, or takes up what an interrupted call left: a checkpoint, or the trained probe itself. Writes
/// `probes/<name>.safetensors`.
///
/// # Errors
/// Those of training, and Ctrl-C; the state is kept for the next call.
pub fn trained<E: Examples>(run: &mut Run, examples: &E, sentences: &[usize], task: &Task) -> Result<Probe> {
    let clock = Instant::now();
    let work = run.work_folder()?;
    let stem = &identity(task)?[..16];
    let done = work.join(format!("{stem}.probe"));
    let saved = match SavedProbe::load(&done) {
        Ok(saved) => saved,
        Err(_) => {
            let checkpoint = work.join(format!("{stem}.checkpoint"));
            let probe = run_training(examples, sentences, task, checkpoint)?;
            let saved = SavedProbe { probe, origin: task.origin.clone() };
            saved.save(&done)?;
            saved
        }
    };
    let folder = run.folder().join("probes");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    saved.save(&folder.join(format!("{}.safetensors", task.name)))?;
    run.note_stage(format!("train {}", task.name), clock);
    Ok(saved.probe)
}

/// Trains without a file: what is learned of control tasks is not kept.
///
/// # Errors
/// Those of training, and Ctrl-C.
pub fn run_training<E: Examples>(
    examples: &E,
    sentences: &[usize],
    task: &Task,
    checkpoint: impl Into<Option<PathBuf>>,
) -> Result<Probe> {
    let bar = Progress::start(format!("train {}", task.name), Unit::Items("sentences"), None);
    let mut seen = 0;
    let mut report = |done: &Done| {
        let now = (done.epoch * done.of + done.sentences) as u64;
        bar.add(now.saturating_sub(seen));
        seen = seen.max(now);
        if interrupted().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let hooks = Hooks { checkpoint: checkpoint.into(), progress: Some(&mut report) };
    let trained = train(task.spec.clone(), examples, sentences, &task.options, hooks).map_err(|error| match error {
        TrainError::Interrupted { .. } => anyhow::Error::new(Interrupted),
        other => other.into(),
    })?;
    bar.finish();
    tracing::info!("{}: the best of {} epochs is {}", task.name, trained.history.len(), trained.best_epoch + 1);
    Ok(trained.probe)
}

/// A hash of everything that the trained probe depends on.
fn identity(task: &Task) -> Result<String> {
    let texts = [serde_json::to_string(&task.spec)?, serde_json::to_string(&task.options)?];
    let origin = serde_json::to_string(&task.origin)?;
    Ok(hash(texts.into_iter().chain([origin, task.sentences.clone()])))
}
