//! Training: regimes, batches, early stopping, checkpoints.

mod adam;
mod checkpoint;
mod lanes;
mod options;
mod order;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use checkpoint::CheckpointError;
pub(crate) use checkpoint::{CHECKSUM, checksum, serialized, write_atomically};
pub use options::TrainOptions;

use crate::stream::{Chunk, check, stream};
use crate::{DataError, Examples, Probe, ProbeSpec, ScoreError, evaluate};
pub(crate) use adam::Adam;
use checkpoint::{Identity, Place, State};
use lanes::Lanes;

/// Sentences between two checkpoints within an epoch.
const CHECKPOINT_EVERY: usize = 50_000;
/// Sentences between two reports of progress, about.
const REPORT_EVERY: usize = 256;

/// By how much of itself the loss on the sentences held out must fall for training to be worth going on.
const WORTH_WAITING: f64 = 1e-3;

/// Sees how far training has come and says whether to go on.
pub type OnProgress<'a> = &'a mut (dyn FnMut(&Progress) -> ControlFlow<()> + Send);

/// What the caller sees and decides while a probe is trained.
#[derive(Default)]
pub struct Hooks<'a> {
    /// Where to keep the state of training. A training that finds its state there goes on from it and arrives at the
    /// same probe; the file is removed at the end.
    pub checkpoint: Option<PathBuf>,
    /// Called every few hundred sentences and after each epoch. [`ControlFlow::Break`] ends training with
    /// [`TrainError::Interrupted`], its state kept.
    pub progress: Option<OnProgress<'a>>,
}

/// How far training has come.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Progress {
    /// The present epoch, counted from 0.
    pub epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Sentences done in this epoch.
    pub sentences: usize,
    /// Sentences in an epoch.
    pub of: usize,
    /// Loss over the sentences done, in nats.
    pub loss: f64,
}

/// One epoch, as it went.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct EpochReport {
    /// Loss over the training sentences in nats, each before the probe learned from it.
    pub train_loss: f64,
    /// Loss over the sentences held out in nats, after the epoch; `None` where none are.
    pub held_out_loss: Option<f64>,
    /// Adam's step size.
    pub learning_rate: f32,
}

/// A trained probe and how it came about.
#[derive(Clone, PartialEq, Debug)]
pub struct Trained {
    /// The probe after its best epoch.
    pub probe: Probe,
    /// The epoch it is from, counted from 0.
    pub best_epoch: usize,
    /// All epochs.
    pub history: Vec<EpochReport>,
}

/// Why a probe could not be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// No sentence to learn from.
    #[error("there is no sentence to train on; name a treebank with a train split")]
    NoSentences,
    /// An option that makes no sense.
    #[error("{option} must be {expected}, not {value}")]
    Option {
        /// Its name in [`TrainOptions`].
        option: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        value: f64,
    },
    /// The loss is no number any more.
    #[error("training diverged in epoch {epoch}: the loss is not finite; lower the learning rate or check the vectors")]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
    },
    /// The caller broke it off.
    #[error("training was interrupted in epoch {epoch} after {sentences} sentences")]
    Interrupted {
        /// The epoch, counted from 1.
        epoch: usize,
        /// Sentences done in it.
        sentences: usize,
    },
    /// The probe and the examples do not fit, or the source failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The sentences held out could not be scored.
    #[error("cannot score the sentences held out")]
    HeldOut(#[source] ScoreError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Trains a probe on `sentences` of some examples, on the present rayon pool. The result is the same for any number of
/// threads, and whether or not training was interrupted and taken up again.
///
/// # Errors
/// [`TrainError`].
pub fn train<E: Examples>(
    spec: ProbeSpec,
    examples: &E,
    sentences: &[usize],
    options: &TrainOptions,
    mut hooks: Hooks<'_>,
) -> Result<Trained, TrainError> {
    let probe = Probe::new(spec, options.seed);
    check(&probe, examples)?;
    check_options(options)?;
    let split = order::split(sentences, options);
    if split.train.is_empty() {
        return Err(TrainError::NoSentences);
    }
    let identity = Identity::new(&probe, options, examples, sentences);
    let found = hooks.checkpoint.as_deref().map(|path| checkpoint::read(path, &identity)).transpose()?.flatten();
    let state = found.unwrap_or_else(|| State::new(&probe, options));
    let mut training = Training { probe, examples, options, identity, state };
    while training.state.progress.epoch < options.epochs && training.state.progress.waited < 2 * options.patience {
        training.epoch(&split.train, &mut hooks)?;
        training.close_epoch(&split.held_out)?;
        training.save(hooks.checkpoint.as_deref())?;
    }
    if let Some(path) = hooks.checkpoint {
        std::fs::remove_file(&path).map_err(|source| CheckpointError::Io { action: "remove", path, source })?;
    }
    let State { best, progress, .. } = training.state;
    training.probe.parameters_mut().copy_from_slice(&best);
    Ok(Trained { probe: training.probe, best_epoch: progress.best_epoch, history: progress.history })
}

fn check_options(options: &TrainOptions) -> Result<(), TrainError> {
    let refuse = |option, expected, value| Err(TrainError::Option { option, expected, value });
    if options.batch == 0 {
        return refuse("batch", "at least 1", 0.0);
    }
    if options.epochs == 0 {
        return refuse("epochs", "at least 1", 0.0);
    }
    if options.patience == 0 {
        return refuse("patience", "at least 1", 0.0);
    }
    if !(options.learning_rate > 0.0 && options.learning_rate.is_finite()) {
        return refuse("learning_rate", "above 0", f64::from(options.learning_rate));
    }
    if !(0.0..1.0).contains(&options.held_out) {
        return refuse("held_out", "a share of at least 0 and below 1", options.held_out);
    }
    Ok(())
}

struct Training<'a, E> {
    /// Its parameters are those of `state` while an epoch runs.
    probe: Probe,
    examples: &'a E,
    options: &'a TrainOptions,
    identity: Identity,
    state: State,
}

impl State {
    fn new(probe: &Probe, options: &TrainOptions) -> Self {
        let parameters = probe.parameters().to_vec();
        let progress = Place {
            epoch: 0,
            sentences: 0,
            loss: 0.0,
            learning_rate: options.learning_rate,
            best_loss: None,
            best_epoch: 0,
            waited: 0,
            history: Vec::new(),
        };
        Self { best: parameters.clone(), adam: Adam::new(parameters.len()), parameters, progress }
    }
}

impl<E: Examples> Training<'_, E> {
    /// The rest of the present epoch.
    fn epoch(&mut self, train: &[usize], hooks: &mut Hooks<'_>) -> Result<(), TrainError> {
        let order = order::epoch_order(self.examples, train, self.options, self.state.progress.epoch);
        let mut lanes = Lanes::new(self.state.parameters.len(), self.options.batch);
        self.probe.parameters_mut().copy_from_slice(&self.state.parameters);
        let (examples, reads) = (self.examples, self.probe.spec().reads_attention());
        let rest = &order[self.state.progress.sentences..];
        // Sentences of the present batch that are accumulated in the lanes.
        let mut pending = 0;
        stream(reads, examples, rest, |chunk| self.learn(chunk, order.len(), &mut lanes, &mut pending, hooks))
    }

    /// Learns from one chunk; batches may begin before it and end after it.
    fn learn(
        &mut self,
        chunk: &Chunk<'_, E>,
        of: usize,
        lanes: &mut Lanes,
        pending: &mut usize,
        hooks: &mut Hooks<'_>,
    ) -> Result<(), TrainError> {
        let mut place = 0;
        while place < chunk.len() {
            let left_in_epoch = of - self.state.progress.sentences;
            let batch = self.options.batch.min(left_in_epoch);
            let end = chunk.len().min(place + batch - *pending);
            lanes.accumulate(&self.probe, chunk, place..end, *pending);
            *pending += end - place;
            place = end;
            if *pending < batch {
                break;
            }
            let (loss, gradient) = lanes.finish();
            let State { adam, progress, .. } = &mut self.state;
            adam.step(self.probe.parameters_mut(), gradient, progress.learning_rate);
            let before = progress.sentences;
            progress.sentences += std::mem::take(pending);
            progress.loss += loss;
            self.report(before, of, hooks)?;
        }
        Ok(())
    }

    /// After a batch: saves, reports and breaks off where it is time to.
    fn report(&mut self, before: usize, of: usize, hooks: &mut Hooks<'_>) -> Result<(), TrainError> {
        let progress = &self.state.progress;
        let (epoch, sentences, loss) = (progress.epoch, progress.sentences, progress.loss);
        if !loss.is_finite() {
            return Err(TrainError::Diverged { epoch: epoch + 1 });
        }
        let passed = |step: usize| before / step < sentences / step;
        if passed(CHECKPOINT_EVERY) {
            self.save(hooks.checkpoint.as_deref())?;
        }
        let Some(report) = hooks.progress.as_mut().filter(|_| passed(REPORT_EVERY) || sentences == of) else {
            return Ok(());
        };
        if report(&Progress { epoch, epochs: self.options.epochs, sentences, of, loss }).is_break() {
            self.save(hooks.checkpoint.as_deref())?;
            return Err(TrainError::Interrupted { epoch: epoch + 1, sentences });
        }
        Ok(())
    }

    /// Judges the epoch by the sentences held out, and moves on to the next.
    fn close_epoch(&mut self, held_out: &[usize]) -> Result<(), TrainError> {
        let evaluation = (!held_out.is_empty()).then(|| evaluate(&self.probe, self.examples, held_out)).transpose();
        let held_out_loss = evaluation.map_err(TrainError::HeldOut)?.map(|evaluation| evaluation.loss);
        self.state.parameters.copy_from_slice(self.probe.parameters());
        let State { parameters, best, progress, .. } = &mut self.state;
        let (train_loss, learning_rate) = (progress.loss, progress.learning_rate);
        tracing::debug!(epoch = progress.epoch, train_loss, held_out_loss, learning_rate, "epoch done");
        progress.history.push(EpochReport { train_loss, held_out_loss, learning_rate });
        let needed = progress.best_loss.map(|best| best * (1.0 - WORTH_WAITING));
        let worth_waiting = held_out_loss.zip(needed).is_none_or(|(loss, needed)| loss < needed);
        if held_out_loss.zip(progress.best_loss).is_none_or(|(loss, best)| loss < best) {
            best.copy_from_slice(parameters);
            progress.best_loss = held_out_loss;
            progress.best_epoch = progress.epoch;
        }
        if worth_waiting {
            progress.waited = 0;
        } else {
            progress.waited += 1;
            if progress.waited == self.options.patience {
                progress.learning_rate /= 2.0;
            }
        }
        progress.epoch += 1;
        progress.sentences = 0;
        progress.loss = 0.0;
        Ok(())
    }

    fn save(&mut self, path: Option<&Path>) -> Result<(), CheckpointError> {
        let Some(path) = path else { return Ok(()) };
        self.state.parameters.copy_from_slice(self.probe.parameters());
        checkpoint::write(path, &self.identity, &self.state)
    }
}

#[cfg(test)]
pub(crate) mod tests;
