//! Probes of every layer, rank and seed, trained side by side.

use std::ops::ControlFlow;

use anyhow::Result;
use headlight_probe::structural::{
    Spearman, StructuralError, StructuralOptions, StructuralProbe, Structure, TrainedStructure, WordStates, evaluate,
    train_from,
};
use headlight_stats::Counts;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::{Find, Structural};
use crate::cli::progress::{Amount, Progress};
use crate::run::{Interrupted, Steps, interrupted};

/// One probe: a structure, a layer, a rank, a seed.
pub struct Point {
    pub structure: Structure,
    /// The layer, 0 being the embeddings, and its place among those kept on disk.
    pub layer: usize,
    pub place: usize,
    pub rank: usize,
    pub seed: u64,
    options: StructuralOptions,
}

/// A trained probe.
pub struct Trained<'a> {
    pub point: &'a Point,
    /// Mean loss on the training sentences held out: what layers are compared by before the evaluated sentences are
    /// looked at.
    pub held_out_loss: f64,
    /// Arcs or roots found, sentence by sentence.
    pub counts: Vec<Counts>,
    pub spearman: Spearman,
}

/// All probes of an experiment; one of relations has as many dimensions as there are `labels`.
pub fn probes(keys: &Structural, layers: &[usize], run_seed: u64, labels: usize) -> Vec<Point> {
    let seeds = if keys.seeds.is_empty() { vec![run_seed] } else { keys.seeds.clone() };
    let mut points = Vec::new();
    for find in &keys.find {
        let of_labels = [labels];
        let ranks = if *find == Find::Relation { &of_labels[..] } else { &keys.ranks };
        for &rank in ranks {
            for (place, &layer) in layers.iter().enumerate() {
                points.extend(seeds.iter().map(|&seed| Point {
                    structure: (*find).into(),
                    layer,
                    place,
                    rank,
                    seed,
                    options: keys.options(seed),
                }));
            }
        }
    }
    points
}

/// Trains and scores every probe, each on one core. A finished probe, and every finished epoch of the others, is a step of
/// the run.
///
/// # Errors
/// The first error, and Ctrl-C.
pub fn train_all<'a>(
    points: &[&'a Point],
    learned: &impl WordStates,
    evaluated: &impl WordStates,
    steps: &Steps,
) -> Result<Vec<Trained<'a>>> {
    let bar = Progress::start("train structural probes", Amount::Items("probes"), Some(points.len() as u64));
    let one = |point: &&'a Point| {
        let (point, name) = (*point, point.name());
        let made = steps.once(&name, || made(point, &name, learned, evaluated, steps))?;
        bar.add(1);
        let (held_out_loss, counts, spearman) = made;
        let counts = counts.into_iter().map(Counts::from).collect();
        Ok(Trained { point, held_out_loss, counts, spearman })
    };
    let trained = points.par_iter().map(one).collect::<Result<Vec<_>>>()?;
    bar.finish();
    Ok(trained)
}

/// What is kept of a probe: its loss on the sentences held out, what it finds, and its rank correlations.
type Made = (f64, Vec<(u32, u32)>, Spearman);

impl Point {
    fn name(&self) -> String {
        format!("{:?}, layer {}, rank {}, seed {}", self.structure, self.layer, self.rank, self.seed)
    }
}

/// A probe that [`train_all`] has trained, from what it left of its training.
///
/// # Errors
/// Those of training.
pub fn probe_of(point: &Point, learned: &impl WordStates, steps: &Steps) -> Result<StructuralProbe> {
    Ok(trained(point, &point.name(), learned, steps)?.probe)
}

fn made(
    point: &Point,
    name: &str,
    learned: &impl WordStates,
    evaluated: &impl WordStates,
    steps: &Steps,
) -> Result<Made> {
    let all: Vec<usize> = (0..evaluated.len()).collect();
    let trained = trained(point, name, learned, steps)?;
    let scores = evaluate(&trained.probe, evaluated, point.place, &all)?;
    tracing::info!("{name}: the best of {} epochs is {}", trained.history.len(), trained.best_epoch + 1);
    let counts = scores.counts.iter().map(|count| (count.correct as u32, count.total as u32)).collect();
    Ok((trained.history[trained.best_epoch].held_out_loss, counts, scores.spearman))
}

/// Trains a probe, or goes on from where an interrupted training of it stood.
fn trained(point: &Point, name: &str, learned: &impl WordStates, steps: &Steps) -> Result<TrainedStructure> {
    let all_learned: Vec<usize> = (0..learned.len()).collect();
    let epochs = format!("{name}, so far");
    let form = (point.structure, point.rank);
    // A disk that does not take a state is heard of when the training ends.
    let mut failed = None;
    let begun = steps.kept(&epochs);
    let trained = train_from(begun, form, learned, point.place, &all_learned, &point.options, |state| {
        failed = steps.keep(&epochs, state).err();
        match interrupted() {
            Ok(()) if failed.is_none() => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    trained.map_err(|error| match error {
        StructuralError::Interrupted { .. } => anyhow::Error::new(Interrupted),
        other => other.into(),
    })
}
