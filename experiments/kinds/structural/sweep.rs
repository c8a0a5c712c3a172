//! Probes of every layer, rank and seed, trained side by side.

use std::ops::ControlFlow;

use anyhow::Result;
use headlight_probe::structural::{
    StateFile, StructuralError, StructuralOptions, StructuralScores, Structure, WordStates, evaluate, train,
};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::Structural;
use crate::cli::progress::{Progress, Unit};
use crate::run::{Interrupted, interrupted};

/// One probe of the sweep.
pub struct Point {
    pub structure: Structure,
    /// The layer, 0 being the embeddings, and its place among those kept on disk.
    pub layer: usize,
    place: usize,
    pub rank: usize,
    pub seed: u64,
    options: StructuralOptions,
}

/// A trained probe of the sweep.
pub struct Trained<'a> {
    pub point: &'a Point,
    /// Mean loss on the training sentences held out: what layers are compared by before the evaluated sentences are
    /// looked at.
    pub held_out_loss: f64,
    pub scores: StructuralScores,
}

/// All probes of an experiment.
pub fn probes(keys: &Structural, layers: &[usize], run_seed: u64) -> Vec<Point> {
    let seeds = if keys.seeds.is_empty() { vec![run_seed] } else { keys.seeds.clone() };
    let mut points = Vec::new();
    for find in &keys.find {
        for &rank in &keys.ranks {
            for (place, &layer) in layers.iter().enumerate() {
                points.extend(seeds.iter().map(|&seed| Point {
                    structure: find.structure(),
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

/// Trains and scores every probe, each on one core.
///
/// # Errors
/// The first error, and Ctrl-C.
pub fn train_all<'a>(points: &'a [Point], learned: &StateFile, evaluated: &StateFile) -> Result<Vec<Trained<'a>>> {
    let bar = Progress::start("train structural probes", Unit::Items("probes"), Some(points.len() as u64));
    let (all_learned, all_evaluated): (Vec<usize>, Vec<usize>) =
        ((0..learned.len()).collect(), (0..evaluated.len()).collect());
    let one = |point: &'a Point| {
        let form = (point.structure, point.rank);
        let trained = train(form, learned, point.place, &all_learned, &point.options, |_| match interrupted() {
            Ok(()) => ControlFlow::Continue(()),
            Err(Interrupted) => ControlFlow::Break(()),
        });
        let trained = trained.map_err(|error| match error {
            StructuralError::Interrupted { .. } => anyhow::Error::new(Interrupted),
            other => other.into(),
        })?;
        let scores = evaluate(&trained.probe, evaluated, point.place, &all_evaluated)?;
        bar.add(1);
        let held_out_loss = trained.history[trained.best_epoch].held_out_loss;
        tracing::info!(
            "{:?} layer {} rank {}: the best of {} epochs is {}",
            point.structure,
            point.layer,
            point.rank,
            trained.history.len(),
            trained.best_epoch + 1
        );
        Ok(Trained { point, held_out_loss, scores })
    };
    let trained = points.par_iter().map(one).collect::<Result<Vec<_>>>()?;
    bar.finish();
    Ok(trained)
}
