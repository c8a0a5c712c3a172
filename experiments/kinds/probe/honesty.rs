//! What a probe's score is worth: control tasks, the description length, what it no longer knows without some heads.
//!
//! Each of their trainings is a step of the run: an interrupted call goes on within the one that it was at.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use headlight_probe::{
    Ablated, CodeBlock, DescriptionLength, Examples, OnlineCode, Probe, Relabelled, ablate, control_governors,
    evaluate_each,
};
use headlight_report::tables::{Decoding, ProbeGroup, ProbeScore};
use headlight_stats::{Bootstrap, Counts, Interval, Pair};
use headlight_treebank::{Count, Governor};

use super::keys::Taken;
use super::scores::{Training, UAS, number, share};
use crate::config::Split;
use crate::kinds::shared::probing::training::{Task, made_of_trained};
use crate::run::{Run, Steps, Units, draw_seed};

/// A trained probe and what it is scored on.
pub struct Trained<'a, E> {
    pub training: Training<'a>,
    pub probe: &'a Probe,
    pub examples: &'a E,
    pub usable: &'a [usize],
    /// Those of the usable sentences.
    pub units: &'a Units,
}

/// Where finished steps and checkpoints are kept, and how intervals are computed.
pub struct Keeping<'a> {
    pub steps: &'a Steps,
    pub work: &'a Path,
    pub bootstrap: &'a Bootstrap,
}

/// The sentences that a probe learned from.
pub struct Learned<'a, E> {
    pub examples: &'a E,
    pub usable: &'a [usize],
    /// Those of the usable sentences.
    pub units: &'a Units,
}

/// Governors of one draw of the control task for the sentences of both splits.
pub struct Control {
    /// The draw, counted from 0.
    pub draw: usize,
    train: Vec<Vec<Governor>>,
    evaluate: Vec<Vec<Governor>>,
}

impl Control {
    /// A draw of the control task (Hewitt & Liang 2019).
    ///
    /// # Errors
    /// Those of the treebank.
    pub fn draw(run: &mut Run, draw: usize) -> Result<Self> {
        let seed = draw_seed(run.settings().seed, draw);
        let mut governors = |split| -> Result<Vec<Vec<Governor>>> {
            run.sentences(split)?.map(|sentence| Ok(control_governors(&sentence?.forms(), seed))).collect()
        };
        Ok(Self { draw, train: governors(Split::Train)?, evaluate: governors(Split::Evaluate)? })
    }
}

/// Trains the probe's like on a control task: `control_accuracy` and `selectivity`, by words without punctuation, each for
/// itself, with intervals over the evaluated units: those of the difference are paired.
///
/// # Errors
/// Those of training.
pub fn selectivity<E: Examples>(
    run: &Run,
    keeping: &Keeping<'_>,
    task: &Task,
    learned: &Learned<'_, E>,
    trained: &Trained<'_, E>,
    control: &Control,
) -> Result<Vec<ProbeScore>> {
    let relabelled = |examples, governors: &[Vec<Governor>]| {
        Relabelled::new(examples, |sentence, _| governors[sentence].clone()).context("a control task names words")
    };
    let part = format!("control task {}", control.draw + 1);
    let task = Task { name: format!("{} on {part}", task.name), part: Some(part), ..task.clone() };
    let examples = relabelled(learned.examples, &control.train)?;
    let kept = (keeping.steps, keeping.work);
    let on_control: Vec<(u32, u32)> = made_of_trained(kept, &examples, learned.usable, &task, |probe| {
        let scored = relabelled(trained.examples, &control.evaluate)?;
        let evaluations = evaluate_each(probe, &scored, trained.usable)?;
        Ok(evaluations.iter().map(|evaluation| pair(evaluation.uas)).collect())
    })?;
    let on_control: Vec<Counts> = on_control.into_iter().map(Counts::from).collect();
    let on_task = evaluate_each(trained.probe, trained.examples, trained.usable)?;
    let on_task: Vec<Counts> = on_task.iter().map(|evaluation| Counts::from(pair(evaluation.uas))).collect();
    let (on_task, on_control) = (trained.units.sums(&on_task), trained.units.sums(&on_control));
    let intervals = keeping.bootstrap.paired(&[Pair { a: &on_task, b: &on_control }])?;
    let intervals = intervals.into_iter().next().flatten();
    let count = |counts: &[Counts]| {
        let (correct, total) = Counts::sum(counts);
        Count { correct, total }
    };
    let (task, control_count) = (count(&on_task), count(&on_control));
    let value = task.ratio().zip(control_count.ratio()).map(|(task, control)| task - control);
    let training = Training { draw: Some(control.draw), ..trained.training };
    let accuracy = share(run, training, "control_accuracy", control_count);
    let selectivity = number(run, training, Split::Evaluate, "selectivity", value.context("no word was evaluated")?);
    Ok(vec![
        with_interval(accuracy, intervals.map(|intervals| intervals.b)),
        with_interval(selectivity, intervals.map(|intervals| intervals.difference)),
    ])
}

fn pair(count: Count) -> (u32, u32) {
    (count.correct as u32, count.total as u32)
}

fn with_interval(row: ProbeScore, interval: Option<Interval>) -> ProbeScore {
    ProbeScore { ci_low: interval.map(|interval| interval.low), ci_high: interval.map(|interval| interval.high), ..row }
}

/// The online code of the training sentences (Voita & Titov 2020): `mdl_bits`, `mdl_uniform_bits`, `mdl_compression`.
///
/// Intervals resample the units sent, whose bits are those of the code as it was sent: the probes are not trained anew on
/// resampled sentences. The uniform code has none to speak of.
///
/// # Errors
/// Those of training.
pub fn description_length<E: Examples>(
    run: &Run,
    keeping: &Keeping<'_>,
    task: &Task,
    learned: &Learned<'_, E>,
    training: Training<'_>,
) -> Result<Vec<ProbeScore>> {
    let code = OnlineCode::new(learned.usable, task.options.seed);
    let send = |block: usize| -> Result<CodeBlock> {
        if block == 0 {
            return Ok(code.send(0, None, learned.examples)?);
        }
        let part = format!("block {block} of {} of the online code", code.blocks() - 1);
        let task = Task { name: format!("{}, {part}", task.name), part: Some(part), ..task.clone() };
        let kept = (keeping.steps, keeping.work);
        made_of_trained(kept, learned.examples, code.before(block), &task, |probe| {
            Ok(code.send(block, Some(probe), learned.examples)?)
        })
    };
    let length = DescriptionLength { blocks: (0..code.blocks()).map(send).collect::<Result<_>>()? };
    let places: HashMap<usize, u32> =
        learned.usable.iter().enumerate().map(|(at, &usable)| (usable, learned.units.of(at))).collect();
    let mut sums = vec![(0.0, 0.0); learned.units.len()];
    for sentence in length.blocks.iter().flat_map(|block| &block.sentences) {
        let unit = places.get(&sentence.sentence).context("a sentence was sent that was not given")?;
        let (uniform, bits) = &mut sums[*unit as usize];
        (*uniform, *bits) = (*uniform + sentence.uniform_bits, *bits + sentence.bits);
    }
    let of_units = |times: &[u32]| sums.iter().zip(times).map(|((_, bits), times)| bits * f64::from(*times)).sum();
    let bits = keeping.bootstrap.statistic(sums.len(), of_units);
    let compression = keeping.bootstrap.ratios([&sums]).pop().flatten();
    let row = |measure, value| number(run, training, Split::Train, measure, value);
    Ok(vec![
        with_interval(row("mdl_bits", length.bits()), bits),
        row("mdl_uniform_bits", length.uniform_bits()),
        with_interval(row("mdl_compression", length.compression()), compression),
    ])
}

/// UAS of the probe without each head or layer, or with it alone, each word for itself.
///
/// # Errors
/// Those of scoring.
pub fn ablation<E: Examples>(run: &Run, trained: &Trained<'_, E>, taken: Taken) -> Result<Vec<ProbeScore>> {
    let grid = trained.probe.spec().grid();
    // The head that is left, or the first of those that are gone.
    let named = |ablated: &Ablated| match taken {
        Taken::Heads | Taken::Layers => ablated.heads.first().copied(),
        Taken::AllButOneHead | Taken::AllButOneLayer => grid.iter().find(|head| !ablated.heads.contains(head)),
    };
    let group = match taken {
        Taken::Heads => ProbeGroup::WithoutHead,
        Taken::Layers => ProbeGroup::WithoutLayer,
        Taken::AllButOneHead => ProbeGroup::OnlyHead,
        Taken::AllButOneLayer => ProbeGroup::OnlyLayer,
    };
    let value_of = |ablated: &Ablated| match taken {
        Taken::Heads | Taken::AllButOneHead => named(ablated).map(|head| head.to_string()).unwrap_or_default(),
        Taken::Layers | Taken::AllButOneLayer => {
            named(ablated).map(|head| (head.layer + 1).to_string()).unwrap_or_default()
        }
    };
    let ablated = ablate(trained.probe, trained.examples, trained.usable, taken.into())?;
    let row = |ablated: &Ablated| ProbeScore {
        decoding: Some(Decoding::Argmax),
        group: Some(group),
        group_value: Some(value_of(ablated)),
        ..share(run, trained.training, UAS, ablated.evaluation.uas)
    };
    Ok(ablated.iter().map(row).collect())
}
