//! `kind = "surface"`: what each attention head looks at: neighbours, `[CLS]` and `[SEP]`, punctuation, everything at
//! once (METHOD §3; paper §3).

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use headlight_attention::{AttentionHead, HeadGrid};
use headlight_heads::{self as heads, Behaviour, BehaviourThresholds, Statistic, SurfaceMeans, behaviour};
use headlight_report::format::{count, percent};
use headlight_report::sheet::Sheet;
use headlight_report::tables::{self, Table, TableWriter};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Kind;
use crate::config::{Settings, choice};
use crate::run::{Ask, Outcome, Record, Run, SequencesSeen};

choice! {
    /// What a sum over rows is divided by.
    Denominator => heads::Denominator { Eligible = "eligible", Rows = "rows" }
}

/// The keys of `kind = "surface"`; see `[surface]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Surface {
    denominator: Denominator,
}

impl Kind for Surface {
    fn check(&self, config: &Settings) -> Result<()> {
        config.check_sequences("kind = \"surface\"")
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        Ok(vec![Ask::now(self.record(run)?)])
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let record = self.record(run)?;
        let means = run.read(&record)?.sum;
        let stream = run.sequences()?;
        let seen = run.sequences_seen(stream)?;
        let clock = Instant::now();
        write(run, &means, &seen)?;
        let labels = labels(&means, run.config());
        run.note_stage("surface tables", clock);
        Ok(Outcome {
            tables: vec![tables::Surface::NAME.to_owned()],
            facts: facts(self, &means, &labels, &seen),
            findings: findings(&means, &labels, &seen, &run.config().roles.thresholds()),
            warnings: warnings(&means, run.config()),
            sheets: vec![
                layers(&means, &seen, self.denominator),
                behaviours(&labels, &seen, &run.config().roles.thresholds()),
            ],
            ..Outcome::default()
        })
    }
}

impl Surface {
    fn record(&self, run: &mut Run) -> Result<Record<SurfaceMeans>> {
        let start = SurfaceMeans::new(run.checkpoint()?.grid);
        let denominator = heads::Denominator::from(self.denominator);
        let record = run.record_of_sequences(
            "surface statistics",
            start,
            move |maps, landmarks| heads::surface(maps, landmarks, denominator),
            |means, values| means.add(&values),
        )?;
        Ok(record.depends(self.denominator))
    }
}

/// The heads of each behaviour, in the order of [`Behaviour::ALL`].
type Labels = Vec<(Behaviour, Vec<AttentionHead>)>;

fn labels(means: &SurfaceMeans, config: &Settings) -> Labels {
    let thresholds = config.roles.thresholds();
    let of = |wanted| means.grid().iter().filter(|&head| behaviour(means, head, &thresholds) == Some(wanted)).collect();
    Behaviour::ALL.map(|behaviour| (behaviour, of(behaviour))).into()
}

fn write(run: &Run, means: &SurfaceMeans, seen: &SequencesSeen) -> Result<()> {
    let mut writer = TableWriter::<tables::Surface>::create(run.folder())?;
    let mut push = |layer: usize, head: Option<usize>, measure: &str, value: Option<f64>, sequences: u64| {
        let Some(value) = value else { return Ok(()) };
        writer.push(&tables::Surface {
            corpus: seen.name.clone(),
            layer_index: layer as u32,
            head_index: head.map(|head| head as u32),
            measure: measure.to_owned(),
            value,
            sequences,
        })
    };
    let HeadGrid { layers, .. } = means.grid();
    for statistic in Statistic::ALL {
        let (name, sequences) = (statistic.name(), means.measured(statistic));
        for head in means.grid().iter() {
            push(head.layer, Some(head.index), name, means.mean(head, statistic), sequences)?;
        }
        for layer in 0..layers {
            push(layer, None, name, means.layer_mean(layer, statistic), sequences)?;
        }
    }
    for layer in 0..layers {
        push(layer, None, "entropy_uniform", means.uniform_entropy(), means.sequences())?;
    }
    Ok(writer.finish()?)
}

/// Layer means as a table for people.
fn layers(means: &SurfaceMeans, seen: &SequencesSeen, denominator: Denominator) -> Sheet {
    let title = format!("What heads look at, means of layers, {}", seen.what);
    let columns =
        [">layer", ">prev", ">next", ">self", ">[CLS]", ">[SEP]", ">SEP→SEP", ">. ,", ">entropy", ">of [CLS]"];
    let mut sheet = Sheet::new(title, &columns);
    let shown = [
        Statistic::Previous,
        Statistic::Next,
        Statistic::Current,
        Statistic::Cls,
        Statistic::Sep,
        Statistic::SepToSep,
        Statistic::Punctuation,
        Statistic::Entropy,
        Statistic::ClsEntropy,
    ];
    let cell = |layer, statistic| match (means.layer_mean(layer, statistic), statistic) {
        (None, _) => "–".to_owned(),
        (Some(mean), Statistic::Entropy | Statistic::ClsEntropy) => format!("{mean:.2}"),
        (Some(mean), _) => percent(mean),
    };
    let row = |layer: usize| {
        let cells = shown.iter().map(|&statistic| cell(layer, statistic).into());
        [(layer + 1).to_string().into()].into_iter().chain(cells).collect()
    };
    sheet.groups.push((0..means.grid().layers).map(row).collect());
    let uniform = means.uniform_entropy().unwrap_or_default();
    sheet.notes.push(seen.note());
    sheet.notes.push(match denominator {
        Denominator::Eligible => "Means are over the rows that can have such attention.".to_owned(),
        Denominator::Rows => {
            "Means are over all rows, as in the released code: of n pieces neighbours get (n − 1)/n of \
                              what eligible rows would give them."
                .to_owned()
        }
    });
    sheet
        .notes
        .push(format!("Attention in per cent, entropy in nats; uniform attention would have {uniform:.2} nats."));
    sheet
}

/// The behaviours as a table for people.
fn behaviours(labels: &Labels, seen: &SequencesSeen, thresholds: &BehaviourThresholds) -> Sheet {
    let mut sheet =
        Sheet::new(format!("What heads mostly look at, {}", seen.what), &["<behaviour", ">heads", "<which"]);
    let row = |(behaviour, heads): &(Behaviour, Vec<AttentionHead>)| {
        vec![behaviour.name().into(), heads.len().to_string().into(), listed(heads, 9).into()]
    };
    sheet.groups.push(labels.iter().map(row).collect());
    sheet.notes.push(format!(
        "A head has a behaviour when its mean over the sequences exceeds a threshold ([roles] of the config): {}. It is \
         counted once, for the last one it exceeds.",
        Behaviour::ALL.map(|behaviour| exceeds(behaviour, thresholds)).join(", ")
    ));
    sheet
}

/// `1-2, 3-4, … (9 more)`
fn listed(heads: &[AttentionHead], most: usize) -> String {
    let names: Vec<String> = heads.iter().take(most).map(ToString::to_string).collect();
    match heads.len().saturating_sub(most) {
        0 => names.join(", "),
        more => format!("{}, … ({more} more)", names.join(", ")),
    }
}

fn facts(
    keys: &Surface,
    means: &SurfaceMeans,
    labels: &Labels,
    seen: &SequencesSeen,
) -> BTreeMap<String, serde_json::Value> {
    let names = |heads: &[AttentionHead]| heads.iter().map(ToString::to_string).collect::<Vec<_>>();
    let behaviours: serde_json::Map<_, _> =
        labels.iter().map(|(behaviour, heads)| (behaviour.name().to_owned(), json!(names(heads)))).collect();
    let mut facts = seen.facts();
    facts.insert("entropy_uniform".to_owned(), json!(means.uniform_entropy()));
    facts.insert("behaviours".to_owned(), behaviours.into());
    facts.insert("denominator".to_owned(), json!(keys.denominator));
    facts
}

/// What a behaviour's mean has to exceed: `attention to the next piece > 50.0 %`.
fn exceeds(behaviour: Behaviour, thresholds: &BehaviourThresholds) -> String {
    let (what, threshold) = match behaviour {
        Behaviour::Next => ("attention to the next piece", thresholds.next),
        Behaviour::Previous => ("attention to the previous piece", thresholds.previous),
        Behaviour::Broad => return format!("entropy > {} nats", thresholds.entropy),
        Behaviour::Cls => ("attention to [CLS]", thresholds.cls),
        Behaviour::Sep => ("attention to [SEP]", thresholds.sep),
        Behaviour::Punctuation => ("attention to full stops and commas", thresholds.punctuation),
    };
    format!("{what} > {} %", percent(threshold))
}

fn findings(
    means: &SurfaceMeans,
    labels: &Labels,
    seen: &SequencesSeen,
    thresholds: &BehaviourThresholds,
) -> Vec<String> {
    let all = means.grid().len() as u64;
    let mut findings = Vec::new();
    for (behaviour, heads) in labels.iter().filter(|(_, heads)| !heads.is_empty()) {
        let (few, which) = (count(heads.len() as u64), listed(heads, 5));
        findings.push(format!(
            "{few} of {} heads have a mean above the threshold for \"{}\" ({}, over {}): {which}.",
            count(all),
            behaviour.name(),
            exceeds(*behaviour, thresholds),
            seen.what
        ));
    }
    let by_layer = (0..means.grid().layers).filter_map(|layer| Some((layer, means.layer_mean(layer, Statistic::Sep)?)));
    if let Some((layer, share)) = by_layer.max_by(|a, b| a.1.total_cmp(&b.1)) {
        findings.push(format!(
            "Attention to [SEP] is largest in layer {}: {} % in the mean of its heads ({}).",
            layer + 1,
            percent(share),
            seen.what
        ));
    }
    findings
}

fn warnings(means: &SurfaceMeans, config: &Settings) -> Vec<String> {
    let entropy = config.roles.thresholds().entropy;
    let uniform = means.uniform_entropy().unwrap_or_default();
    let too_short = uniform <= entropy;
    let warning = || {
        format!(
            "No head can be broad: `roles.entropy` is {entropy} nats, but uniform attention over sequences this short has \
             {uniform:.2}. Packed text (`corpus.files`) has longer ones."
        )
    };
    too_short.then(warning).into_iter().collect()
}
