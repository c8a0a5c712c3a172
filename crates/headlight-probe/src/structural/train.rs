//! Training of one structural probe.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::{StructuralOptions, StructuralProbe, Structure, WordStates, evaluate, order};
use crate::SourceError;
use crate::train::Adam;

/// What an epoch without a better loss does to the step size.
const DECAY: f32 = 0.1;

/// A trained structural probe and how it came about.
#[derive(Clone, PartialEq, Debug)]
pub struct TrainedStructure {
    /// The probe after its best epoch.
    pub probe: StructuralProbe,
    /// The layer whose states it reads; 0 is the embeddings.
    pub layer: usize,
    /// The epoch it is from, counted from 0.
    pub best_epoch: usize,
    /// All epochs.
    pub history: Vec<StructuralEpoch>,
}

/// One epoch, as it went.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct StructuralEpoch {
    /// Mean loss of the training sentences, each before the probe learned from it.
    pub train_loss: f64,
    /// Mean loss of the sentences held out, after the epoch.
    pub held_out_loss: f64,
    /// Adam's step size.
    pub learning_rate: f32,
}

/// A training between two epochs: all that the next ones depend on besides the probe's form, the sentences and the
/// options.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StructuralState {
    parameters: Vec<f32>,
    best: Vec<f32>,
    adam: Adam,
    learning_rate: f32,
    best_epoch: usize,
    history: Vec<StructuralEpoch>,
}

impl StructuralState {
    /// The epochs done.
    pub fn history(&self) -> &[StructuralEpoch] {
        &self.history
    }

    fn new(probe: &StructuralProbe, options: &StructuralOptions) -> Self {
        let parameters = probe.parameters().to_vec();
        Self {
            best: parameters.clone(),
            adam: Adam::new(parameters.len()),
            parameters,
            learning_rate: options.learning_rate,
            best_epoch: 0,
            history: Vec::new(),
        }
    }

    /// Whether the state is of a probe with so many parameters.
    fn fits(&self, parameters: usize) -> bool {
        let numbers = [&self.parameters, &self.best, &self.adam.first, &self.adam.second];
        numbers.iter().all(|numbers| numbers.len() == parameters) && self.best_epoch <= self.history.len()
    }

    fn best_loss(&self) -> f64 {
        self.history.get(self.best_epoch).map_or(f64::INFINITY, |epoch| epoch.held_out_loss)
    }

    fn is_done(&self, options: &StructuralOptions) -> bool {
        let epochs = self.history.len();
        epochs >= options.epochs || (epochs > 0 && epochs - 1 - self.best_epoch >= options.patience)
    }
}

/// Why a structural probe could not be trained or scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StructuralError {
    /// Too few sentences to learn from some and to hold out one.
    #[error("a structural probe needs at least two sentences to train on, not {0}; name a treebank with a train split")]
    TooFewSentences(usize),
    /// An option that makes no sense.
    #[error("{option} must be {expected}, not {value}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        value: f64,
    },
    /// A rank that is 0 or larger than the states are wide.
    #[error("rank {rank} does not fit hidden states of {width} numbers; it lies between 1 and {width}")]
    Rank {
        /// The rank.
        rank: usize,
        /// The states' width.
        width: usize,
    },
    /// A layer that the model does not have.
    #[error("layer {layer} does not exist; layers are 0 (embeddings) to {last}")]
    Layer {
        /// The layer.
        layer: usize,
        /// The last one.
        last: usize,
    },
    /// Hidden states of another width than the probe's.
    #[error("the probe reads hidden states of {probe_width} numbers, but these have {width}")]
    Width {
        /// What the probe reads.
        probe_width: usize,
        /// What there is.
        width: usize,
    },
    /// Governors that form no tree.
    #[error("the governors of sentence {sentence} are no tree")]
    NotATree {
        /// The sentence's number in the source, counted from 0.
        sentence: usize,
    },
    /// Words without labels, which a probe of relations is to find.
    #[error("the words of sentence {sentence} have no labels")]
    NoLabels {
        /// The sentence's number in the source, counted from 0.
        sentence: usize,
    },
    /// The source failed.
    #[error("cannot read the hidden states of sentence {sentence}")]
    Source {
        /// The sentence's number in the source, counted from 0.
        sentence: usize,
        /// What the source said.
        source: SourceError,
    },
    /// The loss is no number any more.
    #[error("training diverged in epoch {epoch}: the loss is not finite; lower the learning rate")]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
    },
    /// The caller broke it off.
    #[error("training was interrupted in epoch {epoch}")]
    Interrupted {
        /// The epoch, counted from 1.
        epoch: usize,
    },
}

/// Trains a probe of `rank` dimensions on the states of one layer, on the caller's thread. `progress` hears of every
/// epoch's end and may break off.
///
/// # Errors
/// [`StructuralError`].
pub fn train<S: WordStates>(
    form: (Structure, usize),
    states: &S,
    layer: usize,
    sentences: &[usize],
    options: &StructuralOptions,
    mut progress: impl FnMut(&StructuralEpoch) -> ControlFlow<()>,
) -> Result<TrainedStructure, StructuralError> {
    train_from(None, form, states, layer, sentences, options, |state| {
        state.history.last().map_or(ControlFlow::Continue(()), &mut progress)
    })
}

/// [`train`] from where an interrupted training of the same probe stood; it arrives at the same probe. `progress` gets the
/// state after every epoch, to be kept. A state of another probe is not gone on from.
///
/// # Errors
/// [`StructuralError`].
pub fn train_from<S: WordStates>(
    state: Option<StructuralState>,
    (structure, rank): (Structure, usize),
    states: &S,
    layer: usize,
    sentences: &[usize],
    options: &StructuralOptions,
    mut progress: impl FnMut(&StructuralState) -> ControlFlow<()>,
) -> Result<TrainedStructure, StructuralError> {
    check_options((structure, rank), states.width(), sentences.len(), options)?;
    let mut probe = StructuralProbe::new(structure, rank, states.width(), options.seed);
    check(&probe, states, layer)?;
    let (mut learned, held_out) = order::split(sentences, options);
    let state = state.filter(|state| state.fits(probe.parameters().len()));
    let mut state = state.unwrap_or_else(|| StructuralState::new(&probe, options));
    // Each epoch shuffles the order of the one before.
    (0..state.history.len()).for_each(|epoch| order::shuffle(&mut learned, options, epoch));
    probe.parameters_mut().copy_from_slice(&state.parameters);
    while !state.is_done(options) {
        let (epoch, learning_rate) = (state.history.len(), state.learning_rate);
        order::shuffle(&mut learned, options, epoch);
        let mut loss = 0.0;
        for batch in learned.chunks(options.batch) {
            loss += step(&mut probe, states, layer, batch, &mut state.adam, learning_rate)?;
        }
        let held_out_loss = evaluate(&probe, states, layer, &held_out)?.loss / held_out.len() as f64;
        let report = StructuralEpoch { train_loss: loss / learned.len() as f64, held_out_loss, learning_rate };
        if !(report.train_loss.is_finite() && held_out_loss.is_finite()) {
            return Err(StructuralError::Diverged { epoch: epoch + 1 });
        }
        let better = held_out_loss < state.best_loss();
        state.history.push(report);
        state.parameters.copy_from_slice(probe.parameters());
        if better {
            state.best_epoch = epoch;
            state.best.copy_from_slice(probe.parameters());
        } else {
            state.learning_rate *= DECAY;
        }
        if progress(&state).is_break() {
            return Err(StructuralError::Interrupted { epoch: epoch + 1 });
        }
    }
    probe.parameters_mut().copy_from_slice(&state.best);
    Ok(TrainedStructure { probe, layer, best_epoch: state.best_epoch, history: state.history })
}

fn check_options(
    (structure, rank): (Structure, usize),
    width: usize,
    sentences: usize,
    options: &StructuralOptions,
) -> Result<(), StructuralError> {
    let refuse = |option, expected, value| Err(StructuralError::Option { option, expected, value });
    // There may be more labels than hidden states are wide.
    if rank == 0 || (rank > width && structure != Structure::Relation) {
        return Err(StructuralError::Rank { rank, width });
    }
    if sentences < 2 {
        return Err(StructuralError::TooFewSentences(sentences));
    }
    for (option, value) in [("batch", options.batch), ("epochs", options.epochs), ("patience", options.patience)] {
        if value == 0 {
            return refuse(option, "at least 1", 0.0);
        }
    }
    if !(options.learning_rate > 0.0 && options.learning_rate.is_finite()) {
        return refuse("learning_rate", "above 0", f64::from(options.learning_rate));
    }
    if !(0.0..1.0).contains(&options.held_out) {
        return refuse("held_out", "a share of at least 0 and below 1", options.held_out);
    }
    Ok(())
}

/// Whether a probe can read a layer of some states.
pub(super) fn check<S: WordStates>(probe: &StructuralProbe, states: &S, layer: usize) -> Result<(), StructuralError> {
    if layer >= states.layers() {
        return Err(StructuralError::Layer { layer, last: states.layers() - 1 });
    }
    if probe.width() != states.width() {
        return Err(StructuralError::Width { probe_width: probe.width(), width: states.width() });
    }
    Ok(())
}

/// Learns from one batch; returns the sum of its sentences' losses before.
fn step<S: WordStates>(
    probe: &mut StructuralProbe,
    states: &S,
    layer: usize,
    batch: &[usize],
    adam: &mut Adam,
    learning_rate: f32,
) -> Result<f64, StructuralError> {
    let mut buffer = Vec::new();
    let target = |&sentence: &usize| {
        let target = read_sentence(probe, states, layer, sentence, &mut buffer)?;
        Ok((states.words(sentence).words(), target))
    };
    let targets = batch.iter().map(target).collect::<Result<Vec<_>, StructuralError>>()?;
    let mut gradient = vec![0.0; probe.parameters().len()];
    let loss = probe.accumulate(&buffer, &targets, &mut gradient);
    let share = 1.0 / batch.len() as f32;
    gradient.iter_mut().for_each(|slope| *slope *= share);
    adam.step(probe.parameters_mut(), &mut gradient, learning_rate);
    Ok(loss)
}

/// Appends a sentence's states to `buffer`; returns what the probe is to say about it.
pub(super) fn read_sentence<S: WordStates>(
    probe: &StructuralProbe,
    states: &S,
    layer: usize,
    sentence: usize,
    buffer: &mut Vec<f32>,
) -> Result<Vec<f32>, StructuralError> {
    let words = states.words(sentence);
    let start = buffer.len();
    buffer.resize(start + words.words() * states.width(), 0.0);
    let read = states.states(layer, sentence, &mut buffer[start..]);
    read.map_err(|source| StructuralError::Source { sentence, source })?;
    if probe.structure() == Structure::Relation && words.labels().len() != words.words() {
        return Err(StructuralError::NoLabels { sentence });
    }
    probe.target(words).ok_or(StructuralError::NotATree { sentence })
}
