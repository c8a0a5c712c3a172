//! What a probe's score is worth: a control task, the description length, what it no longer knows without some heads.

use anyhow::{Context, Result};
use headlight_probe::{
    Ablated, Ablation, Examples, Probe, Relabelled, Selectivity, TrainOptions, ablate, control_governors, evaluate,
    online_code,
};
use headlight_report::tables::ProbeScore;
use headlight_treebank::Governor;

use super::keys::Taken;
use super::scores::{UAS, number, share};
use super::training::{Task, run_training};
use crate::cli::progress::{Progress, Unit};
use crate::config::Split;
use crate::run::{Run, interrupted};

/// A trained probe and what it is scored on.
pub struct Trained<'a, E> {
    pub name: &'a str,
    pub seed: u64,
    pub probe: &'a Probe,
    pub examples: &'a E,
    pub usable: &'a [usize],
}

/// Governors of the control task (Hewitt & Liang 2019) for every sentence of a split.
///
/// # Errors
/// Those of the treebank.
pub fn control_task(run: &mut Run, split: Split) -> Result<Vec<Vec<Governor>>> {
    let seed = run.config().seed;
    run.sentences(split)?.map(|sentence| Ok(control_governors(&sentence?.forms(), seed))).collect()
}

/// Trains the probe's like on the control task: `control_accuracy` and `selectivity`, by words without punctuation,
/// each for itself.
///
/// # Errors
/// Those of training.
pub fn selectivity<E: Examples>(
    run: &Run,
    task: &Task,
    (learned, learned_usable, learned_control): (&E, &[usize], &[Vec<Governor>]),
    trained: &Trained<'_, E>,
    control: &[Vec<Governor>],
) -> Result<Vec<ProbeScore>> {
    let relabelled = |examples, governors: &[Vec<Governor>]| {
        Relabelled::new(examples, |sentence, _| governors[sentence].clone()).context("a control task names words")
    };
    let task = Task {
        name: format!("{} on the control task", task.name),
        spec: task.spec.clone(),
        options: task.options.clone(),
        origin: task.origin.clone(),
        sentences: task.sentences.clone(),
    };
    let probe = run_training(&relabelled(learned, learned_control)?, learned_usable, &task, None)?;
    let on_task = evaluate(trained.probe, trained.examples, trained.usable)?.uas;
    let on_control = evaluate(&probe, &relabelled(trained.examples, control)?, trained.usable)?.uas;
    let selectivity = Selectivity { task: on_task, control: on_control };
    let value = selectivity.value().context("no word was evaluated")?;
    Ok(vec![
        share(run, trained.name, trained.seed, "control_accuracy", selectivity.control),
        number(run, trained.name, Split::Evaluate, trained.seed, "selectivity", value),
    ])
}

/// The online code of the training sentences (Voita & Titov 2020): `mdl_bits`, `mdl_uniform_bits`, `mdl_compression`.
///
/// # Errors
/// Those of training.
pub fn description_length<E: Examples>(
    run: &Run,
    task: &Task,
    examples: &E,
    usable: &[usize],
    name: &str,
) -> Result<Vec<ProbeScore>> {
    let options: &TrainOptions = &task.options;
    let bar = Progress::start(format!("describe {}", task.name), Unit::Items("trainings"), None);
    let length = online_code(&task.spec, examples, usable, options, |_, _| bar.add(1))?;
    bar.finish();
    interrupted()?;
    let row = |measure, value| number(run, name, Split::Train, options.seed, measure, value);
    Ok(vec![
        row("mdl_bits", length.bits()),
        row("mdl_uniform_bits", length.uniform_bits()),
        row("mdl_compression", length.compression()),
    ])
}

/// UAS of the probe without each head or layer, or with it alone, each word for itself.
///
/// # Errors
/// Those of scoring.
pub fn ablation<E: Examples>(run: &Run, trained: &Trained<'_, E>, taken: Taken) -> Result<Vec<ProbeScore>> {
    let grid = trained.probe.spec().grid();
    let value_of = |ablated: &Ablated| match taken.ablation() {
        Ablation::Heads => ablated.heads[0].to_string(),
        Ablation::Layers => (ablated.heads[0].layer + 1).to_string(),
        Ablation::AllButOneHead => {
            let kept = grid.iter().find(|head| !ablated.heads.contains(head));
            kept.map(|head| head.to_string()).unwrap_or_default()
        }
        Ablation::AllButOneLayer => {
            let kept = grid.iter().find(|head| !ablated.heads.contains(head));
            kept.map(|head| (head.layer + 1).to_string()).unwrap_or_default()
        }
    };
    let group = match taken {
        Taken::Heads => "without_head",
        Taken::Layers => "without_layer",
        Taken::AllButOneHead => "only_head",
        Taken::AllButOneLayer => "only_layer",
    };
    let ablated = ablate(trained.probe, trained.examples, trained.usable, taken.ablation())?;
    let row = |ablated: &Ablated| ProbeScore {
        decoding: Some("argmax".to_owned()),
        group: Some(group.to_owned()),
        group_value: Some(value_of(ablated)),
        ..share(run, trained.name, trained.seed, UAS, ablated.evaluation.uas)
    };
    Ok(ablated.iter().map(row).collect())
}
