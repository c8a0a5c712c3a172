//! What heads look at: neighbours, `[CLS]` and `[SEP]`, punctuation, everything at once.

mod labels;
mod page;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::shared::{Sequences, listed};
use super::{Experiment, Kind};
use crate::explorer::Explorer;
use crate::format::{count, percent};
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::{self, Behaviour, SurfaceMeasure};

pub use labels::Thresholds;

/// `kind = "surface"`
pub(crate) struct Surface;

/// What `kind = "surface"` leaves beside its table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// What was read.
    #[serde(flatten)]
    pub seen: Sequences,
    /// The heads of each behaviour.
    pub behaviours: BTreeMap<String, Vec<String>>,
    /// What a mean over the sequences has to exceed to be a behaviour; not in runs of earlier versions.
    pub thresholds: Option<Thresholds>,
    /// What sums over rows were divided by, as configs have it.
    pub denominator: String,
    /// The entropy of uniform attention in nats, mean over the sequences.
    pub entropy_uniform: Option<f64>,
}

impl Facts {
    /// Each behaviour with the heads that have it; one that exceeds several thresholds has the last.
    fn labels(&self) -> impl Iterator<Item = (Behaviour, &[String])> {
        let heads = |behaviour: Behaviour| self.behaviours.get(behaviour.name()).map(Vec::as_slice).unwrap_or_default();
        Behaviour::ALL.into_iter().map(move |behaviour| (behaviour, heads(behaviour)))
    }
}

/// The mean of a layer.
fn layer_mean(rows: &[tables::Surface], layer: u32, measure: SurfaceMeasure) -> Option<f64> {
    let of_layer =
        |row: &&tables::Surface| row.layer_index == layer && row.head_index.is_none() && row.measure == measure;
    rows.iter().find(of_layer).map(|row| row.value)
}

impl Kind for Surface {
    fn name(&self) -> &'static str {
        "surface"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let (facts, rows): (Facts, Vec<tables::Surface>) = (of.facts()?, of.rows()?);
        let (what, thresholds) = (facts.seen.what(), facts.thresholds.unwrap_or_default());
        let labels = facts.labels().filter(|(_, heads)| !heads.is_empty());
        let mut findings: Vec<String> = labels
            .map(|(name, heads)| {
                format!(
                    "{} of {} heads have a mean above the threshold for \"{name}\" ({}, over {what}): {}.",
                    count(heads.len() as u64),
                    count(of.maps()),
                    thresholds.exceeded(name),
                    listed(heads, 5)
                )
            })
            .collect();
        let layers = 0..of.report().model.layers;
        let by_layer = layers.filter_map(|layer| Some((layer, layer_mean(&rows, layer, SurfaceMeasure::Sep)?)));
        findings.extend(by_layer.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(layer, share)| {
            format!(
                "Attention to [SEP] is largest in layer {}: {} % in the mean of its heads ({what}).",
                layer + 1,
                percent(share)
            )
        }));
        let by_layer = (0..of.report().model.layers)
            .filter_map(|layer| Some((layer, layer_mean(&rows, layer, SurfaceMeasure::First)?)));
        findings.extend(by_layer.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(layer, share)| {
            format!(
                "Without a special piece before the words attention parks on the first piece: most in layer {}, {} % of what \
                 the other pieces give, in the mean of its heads ({what}).",
                layer + 1,
                percent(share)
            )
        }));
        Ok(findings)
    }

    fn warnings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let facts: Facts = of.facts()?;
        let entropy = facts.thresholds.unwrap_or_default().entropy;
        let uniform = facts.entropy_uniform.unwrap_or_default();
        let warning = || {
            format!(
                "No head can be broad: `roles.entropy` is {entropy} nats, but uniform attention over sequences this short has \
                 {uniform:.2}. Packed text (`corpus.files`) has longer ones."
            )
        };
        Ok((uniform <= entropy).then(warning).into_iter().collect())
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        let facts: Facts = of.facts()?;
        Ok(vec![by_layer(of, &of.rows()?, &facts), behaviours(&facts)])
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        Ok(vec![("Surface patterns", surface_sheet(&run.table_or_empty()?))])
    }

    fn sections(&self, run: &RunDirectory, _: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        Ok(page::surface(&run.table_or_empty()?, &run.report().model).into_iter().collect())
    }
}

/// Layer means of what is asked for first.
fn by_layer(of: &Experiment<'_>, rows: &[tables::Surface], facts: &Facts) -> Sheet {
    let title = format!("What heads look at, means of layers, {}", facts.seen.what());
    let mut columns =
        [">layer", ">prev", ">next", ">self", ">[CLS]", ">[SEP]", ">SEP→SEP", ">. ,", ">entropy", ">of [CLS]"];
    let mut shown = [
        SurfaceMeasure::Previous,
        SurfaceMeasure::Next,
        SurfaceMeasure::Current,
        SurfaceMeasure::Cls,
        SurfaceMeasure::Sep,
        SurfaceMeasure::SepToSep,
        SurfaceMeasure::Punctuation,
        SurfaceMeasure::Entropy,
        SurfaceMeasure::ClsEntropy,
    ];
    // Where no special piece stands before the words, the first piece is where attention parks.
    if rows.iter().any(|row| row.measure == SurfaceMeasure::First) {
        (columns[4], shown[3]) = (">first", SurfaceMeasure::First);
    }
    let mut sheet = Sheet::new(title, &columns);
    let cell = |layer, measure: SurfaceMeasure| match layer_mean(rows, layer, measure) {
        None => "–".to_owned(),
        Some(mean) if measure.is_entropy() => format!("{mean:.2}"),
        Some(mean) => percent(mean),
    };
    let row = |layer: u32| {
        let cells = shown.iter().map(|&measure| cell(layer, measure).into());
        [(layer + 1).to_string().into()].into_iter().chain(cells).collect()
    };
    sheet.groups.push((0..of.report().model.layers).map(row).collect());
    let uniform = facts.entropy_uniform.unwrap_or_default();
    let denominator = match facts.denominator.as_str() {
        "rows" => {
            "Means are over all rows, as in the released code: of n pieces neighbours get (n − 1)/n of what eligible rows \
             would give them."
        }
        _ => "Means are over the rows that can have such attention.",
    };
    sheet.notes.extend([
        facts.seen.note(of.report()),
        denominator.to_owned(),
        format!("Attention in per cent, entropy in nats; uniform attention would have {uniform:.2} nats."),
    ]);
    sheet
}

/// The heads of each behaviour.
fn behaviours(facts: &Facts) -> Sheet {
    let title = format!("What heads mostly look at, {}", facts.seen.what());
    let mut sheet = Sheet::new(title, &["<behaviour", ">heads", "<which"]);
    let row = |(behaviour, heads): (Behaviour, &[String])| {
        vec![behaviour.name().into(), heads.len().to_string().into(), listed(heads, 9).into()]
    };
    sheet.groups.push(facts.labels().map(row).collect());
    sheet.notes.extend(facts.thresholds.map(|thresholds| {
        format!(
            "A head has a behaviour when its mean over the sequences exceeds a threshold ([roles] of the config): {}. It is \
             counted once, for the last one it exceeds.",
            Behaviour::ALL.map(|behaviour| thresholds.exceeded(behaviour)).join(", ")
        )
    }));
    sheet
}

impl SurfaceMeasure {
    /// Whether it is in nats, and no share of attention.
    fn is_entropy(self) -> bool {
        matches!(self, SurfaceMeasure::Entropy | SurfaceMeasure::ClsEntropy | SurfaceMeasure::UniformEntropy)
    }
}

/// The surface measures of heads with their names for people, in the order in which they are shown.
const MEASURES: [(SurfaceMeasure, &str); 11] = [
    (SurfaceMeasure::Previous, "to the previous piece"),
    (SurfaceMeasure::Next, "to the next piece"),
    (SurfaceMeasure::Current, "to itself"),
    (SurfaceMeasure::Cls, "to [CLS]"),
    (SurfaceMeasure::First, "of other pieces to the first"),
    (SurfaceMeasure::Sep, "to [SEP]"),
    (SurfaceMeasure::Punctuation, "to . and ,"),
    (SurfaceMeasure::SepToSep, "[SEP] to [SEP]"),
    (SurfaceMeasure::OtherToSep, "other pieces to [SEP]"),
    (SurfaceMeasure::Entropy, "entropy of all rows"),
    (SurfaceMeasure::ClsEntropy, "entropy of the [CLS] row"),
];

/// For each layer the mean over the rows of a measure.
pub(crate) fn layer_means(rows: &[tables::Surface], measure: SurfaceMeasure) -> Vec<(u32, f64)> {
    let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.measure == measure) {
        let (sum, n) = sums.entry(row.layer_index).or_default();
        *sum += row.value;
        *n += 1.0;
    }
    sums.into_iter().map(|(layer, (sum, n))| (layer, sum / n)).collect()
}

/// Layers × measures, the mean over a layer's heads.
fn surface_sheet(rows: &[tables::Surface]) -> Sheet {
    let mut values: BTreeMap<u32, BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
    for row in rows {
        values.entry(row.layer_index).or_default().entry(row.measure.name()).or_default().push(row.value);
    }
    let mut measures: Vec<&str> = rows.iter().map(|row| row.measure.name()).collect();
    measures.sort_unstable();
    measures.dedup();
    let titles: Vec<String> = measures.iter().map(|measure| format!(">{}", measure.replace('_', " "))).collect();
    let columns: Vec<&str> = [">layer"].into_iter().chain(titles.iter().map(String::as_str)).collect();
    let mut sheet = Sheet::new("Surface patterns", &columns);
    let rows = values.into_iter().map(|(layer, values)| {
        let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let cell = |measure: &&str| values.get(measure).map_or_else(String::new, |v| format!("{:.3}", mean(v))).into();
        [(layer + 1).to_string().into()].into_iter().chain(measures.iter().map(cell)).collect()
    });
    sheet.groups.push(rows.collect());
    sheet.notes.push("Mean over the layer's heads; entropies in nats, the rest as shares of attention.".to_owned());
    sheet
}
