//! Where a run stands among the others of its sweep: which step of a training, under which seed, and what else tells them
//! apart.

use anyhow::{Result, bail};

use super::Settings;
use super::checkpoints::Checkpoint;
use super::sweep::{Swept, Variant};

/// The place of a run in its sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name that all runs of the sweep begin with.
    pub sweep: String,
    /// The swept keys with this run's values, as its name has them: `model.path=step-1000, seed=2`.
    pub swept: String,
    /// What the run shares with those that differ from it in step and seed only.
    pub series: String,
    /// The step of the training that the checkpoint is of, where its name tells.
    pub step: Option<u64>,
    /// The seed of that training, where the name tells; else the run's own.
    pub seed: u64,
}

/// The keys that name a checkpoint; a folder is what runs where both are given.
const MODEL: [&str; 2] = ["model.path", "model.name"];

/// The places of all runs of a sweep.
///
/// # Errors
/// When the name of a checkpoint speaks of a step that is no number, or two runs are of one step and seed and differ in
/// nothing else.
pub fn places(variants: &[Variant], settings: &[&Settings]) -> Result<Vec<Place>> {
    let checkpoints = variants.iter().map(checkpoint).collect::<Result<Vec<_>>>()?;
    let mut trainings: Vec<&str> = Vec::new();
    for checkpoint in checkpoints.iter().flatten() {
        if !trainings.contains(&checkpoint.training.as_str()) {
            trainings.push(&checkpoint.training);
        }
    }
    let parts = parts(&trainings);
    let mut places: Vec<Place> = Vec::new();
    for ((variant, settings), checkpoint) in variants.iter().zip(settings).zip(&checkpoints) {
        let own_seed = checkpoint.as_ref().and_then(|checkpoint| checkpoint.seed);
        let mut series: Vec<String> = checkpoint.iter().map(|it| last(&it.training, parts)).collect();
        for Swept { key, text, .. } in variant.entries() {
            if !MODEL.contains(&key.as_str()) && (key != "seed" || own_seed.is_some()) {
                series.push(format!("{key}={text}"));
            }
        }
        let sweep = settings.name.strip_suffix(&variant.suffix).unwrap_or(&settings.name).to_owned();
        let swept: Vec<String> = variant.entries().iter().map(|it| format!("{}={}", it.key, it.text)).collect();
        places.push(Place {
            series: if series.is_empty() { sweep.clone() } else { series.join(", ") },
            sweep,
            swept: swept.join(", "),
            step: checkpoint.as_ref().and_then(|checkpoint| checkpoint.step),
            seed: own_seed.unwrap_or(settings.seed),
        });
    }
    for (at, place) in places.iter().enumerate() {
        let same = |other: &&Place| (&other.series, other.step, other.seed) == (&place.series, place.step, place.seed);
        if let Some(other) = places[..at].iter().find(same) {
            let step = place.step.map_or_else(String::new, |step| format!("step {step}, "));
            bail!("two runs are of {} ({step}seed {}): {} and {}", place.series, place.seed, other.swept, place.swept);
        }
    }
    Ok(places)
}

/// The checkpoint that a combination is about, where it is about one.
fn checkpoint(variant: &Variant) -> Result<Option<Checkpoint>> {
    let swept = MODEL.iter().find_map(|key| variant.entries().iter().find(|swept| swept.key == *key));
    let model = swept.and_then(|swept| Some((swept, swept.value.as_str()?)));
    let of =
        |(swept, name): (&Swept, &str)| if swept.found { Checkpoint::of_found(name) } else { Checkpoint::of(name) };
    model.map(of).transpose()
}

/// How many of the last parts of paths tell them apart.
fn parts(paths: &[&str]) -> usize {
    let differ = |parts: &usize| {
        let short: Vec<String> = paths.iter().map(|path| last(path, *parts)).collect();
        short.iter().enumerate().all(|(at, it)| !short[..at].contains(it))
    };
    let most = paths.iter().map(|path| path.split('/').count()).max().unwrap_or(1);
    (1..most).find(differ).unwrap_or(most)
}

/// The last parts of a path.
fn last(path: &str, parts: usize) -> String {
    let all: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    all[all.len().saturating_sub(parts)..].join("/")
}
