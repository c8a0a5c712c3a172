//! What the script draws the bars of probes from.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::all::is_share;
use super::numbers::of_attention;
use crate::sheet::isolated;
use crate::tables::{ProbeScore, Split};

/// One measure of all probes.
#[derive(Debug, Serialize)]
pub(crate) struct ProbeMeasure {
    pub title: String,
    pub share: bool,
    pub scores: Vec<ProbeValue>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ProbeValue {
    pub name: String,
    pub value: f64,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Measures of whole probes, shares first; with several seeds the mean, and as interval the range of the seeds.
pub(crate) fn bars(rows: &[ProbeScore]) -> Vec<ProbeMeasure> {
    let whole: Vec<&ProbeScore> =
        of_attention(rows).filter(|row| row.group.is_none() && row.value.is_finite()).collect();
    let order = ["uas", "uuas", "root_accuracy", "uas_with_punct"];
    let place = |measure: &str| order.iter().position(|name| *name == measure).unwrap_or(order.len());
    let names: BTreeSet<&str> = whole.iter().map(|row| row.measure.as_str()).collect();
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by_key(|name| (place(name), !is_share(name), *name));
    let measure = |name: &str| {
        let mut probes: BTreeMap<String, Vec<&ProbeScore>> = BTreeMap::new();
        for row in whole.iter().filter(|row| row.measure == name) {
            let decoding = row.decoding.map(|decoding| format!(", {decoding}")).unwrap_or_default();
            let split = if row.split == Split::Evaluate { String::new() } else { format!(" on {}", row.split) };
            probes.entry(format!("{}{decoding}{split}", isolated(&row.probe))).or_default().push(row);
        }
        let mut scores: Vec<ProbeValue> = probes.into_iter().map(probe_value).collect();
        scores.sort_by(|a, b| b.value.total_cmp(&a.value));
        let title = match name {
            "uas" => "UAS without punctuation".to_owned(),
            "uas_with_punct" => "UAS with punctuation".to_owned(),
            "uuas" => "UUAS".to_owned(),
            name => name.replace('_', " "),
        };
        ProbeMeasure { title, share: is_share(name), scores }
    };
    names.into_iter().map(measure).collect()
}

fn probe_value((name, rows): (String, Vec<&ProbeScore>)) -> ProbeValue {
    let values = || rows.iter().map(|row| row.value);
    let (low, high) = match rows.as_slice() {
        [row] => (row.ci_low, row.ci_high),
        _ => (values().reduce(f64::min), values().reduce(f64::max)),
    };
    ProbeValue { name, value: values().sum::<f64>() / rows.len() as f64, low, high }
}
