//! Training of one probe, with its progress, its checkpoint and its file.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use headlight_probe::{
    CheckpointError, Examples, Hooks, Origin, Probe, ProbeSpec, Progress as Done, SavedProbe, SavedProbeError,
    TrainError, TrainOptions, train,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::progress::{Amount, Progress};
use crate::run::identity::hash;
use crate::run::{Interrupted, Run, Steps, interrupted};

/// What is trained.
#[derive(Clone)]
pub struct Task {
    /// Name of the probe and its file, `<probe>-seed<seed>`.
    pub name: String,
    pub spec: ProbeSpec,
    pub options: TrainOptions,
    /// What the saved probe says about where it comes from.
    pub origin: Origin,
    /// A hash of the training sentences.
    pub sentences: String,
    /// What is learned of them where it is not all of their trees: a control task, a part of them.
    pub part: Option<String>,
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
        Err(error) => {
            if !matches!(error, SavedProbeError::Io { .. }) {
                tracing::warn!("what the interrupted run left is damaged and is done again: {error}");
            }
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

/// Trains a probe whose parameters are not kept, such as that of a control task or of a block of the online code, and
/// keeps what `then` makes of it. An interrupted call goes on within the training.
///
/// # Errors
/// Those of training and of `then`, and Ctrl-C.
pub fn made_of_trained<E: Examples, T: Serialize + DeserializeOwned>(
    (steps, work): (&Steps, &Path),
    examples: &E,
    sentences: &[usize],
    task: &Task,
    then: impl FnOnce(&Probe) -> Result<T>,
) -> Result<T> {
    steps.once(&task.name, || {
        let checkpoint = work.join(format!("{}.checkpoint", &identity(task)?[..16]));
        then(&run_training(examples, sentences, task, checkpoint)?)
    })
}

/// Trains a probe. A checkpoint that is damaged is not gone on from.
///
/// # Errors
/// Those of training, and Ctrl-C.
fn run_training<E: Examples>(examples: &E, sentences: &[usize], task: &Task, checkpoint: PathBuf) -> Result<Probe> {
    let bar = Progress::start(format!("train {}", task.name), Amount::Items("sentences"), None);
    let mut seen = 0;
    let mut report = |done: &Done| {
        let now = (done.epoch * done.of + done.sentences) as u64;
        bar.add(now.saturating_sub(seen));
        seen = seen.max(now);
        if interrupted().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut attempt = || {
        let hooks = Hooks { checkpoint: Some(checkpoint.clone()), progress: Some(&mut report) };
        train(task.spec.clone(), examples, sentences, &task.options, hooks)
    };
    let trained = match attempt() {
        Err(TrainError::Checkpoint(CheckpointError::Broken { reason, .. })) => {
            tracing::warn!("the checkpoint of {} is damaged ({reason}): its training starts again", task.name);
            fs::remove_file(&checkpoint).with_context(|| format!("cannot remove {}", checkpoint.display()))?;
            attempt()
        }
        trained => trained,
    };
    let trained = trained.map_err(|error| match error {
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
    let part = task.part.iter().cloned();
    Ok(hash(texts.into_iter().chain([origin, task.sentences.clone()]).chain(part)))
}
