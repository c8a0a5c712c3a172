//! What trained probes need, whichever kind trains them: stored attention, annotation, training, rows of their scores.

pub mod sentences;
pub mod training;

use std::path::Path;

use anyhow::{Context, Result};
use headlight_attention::store;
use headlight_probe::{Origin, Probe, ProbeForm, ProbeSpec, RootScore, TrainOptions};
use headlight_report::tables::ProbeScore;

pub use self::sentences::{Stored, Vectors};
pub use self::training::Task;
use super::stored::StoredAttention;
use crate::config::Split;
use crate::run::Run;

/// The probe `attention` in its default regime, trained on `treebank.train` once or taken from what an interrupted call
/// left: what kinds train that only use a probe. `label` tells its file from those of kind `probe`.
///
/// # Errors
/// Those of the encoder's pass, of the store and of training.
pub fn attention_probe(run: &mut Run, store: &Path, label: &str) -> Result<Probe> {
    let (rule, seed) = (run.settings().treebank.merge_rule(), run.settings().seed);
    let store = attention_to_learn_from(run, store)?.read(run)?;
    let words = sentences::annotation(run, Split::Train, None)?;
    let examples = Stored::new(&words, None, Some(&store), store.grid())?;
    let origin = Origin {
        model: run.checkpoint()?.name.clone(),
        attention_hash: run.attention_hash(run.draw(), rule)?,
        vectors_hash: None,
        training: TrainOptions::until_best(seed),
    };
    let spec = ProbeSpec::new(ProbeForm::AttentionOnly, store.grid(), store.frame(), 0);
    let task = Task {
        name: format!("attention-{label}-seed{seed}"),
        spec: ProbeSpec { root: RootScore::OwnWeights, ..spec },
        options: TrainOptions::until_best(seed),
        origin,
        sentences: run.treebank_hash(Split::Train)?,
        part: None,
    };
    training::trained(run, &examples, &examples.usable(), &task)
}

/// The stored attention that [`attention_probe`] learns from.
///
/// # Errors
/// When there is no place for a cache.
pub fn attention_to_learn_from(run: &Run, store: &Path) -> Result<StoredAttention> {
    StoredAttention::new(run, Split::Train, run.settings().treebank.merge_rule(), store::Bits::F16, store)
}

/// Writes rows behind those that earlier experiments of this run wrote.
pub fn append_scores(run: &Run, rows: &[ProbeScore]) -> Result<()> {
    let mut table = run.table()?;
    rows.iter().try_for_each(|row| table.push(row))?;
    table.finish().context("cannot write the table of probe scores")
}
