//! What was measured, as rows, facts and findings.

use std::collections::BTreeMap;

use headlight_attention::AttentionHead;
use headlight_report::MaskingMeasure;
use headlight_report::tables::{Ablation, Pruning as Row};
use serde_json::{Value, json};

use super::keys::Order;
use super::values::Values;
use super::{Found, Material, Measured, Pruning};

/// What a curve rises or falls by before a model counts as harmed: this share of the loss or UAS, or this 1 − cosine.
const HARM: f64 = 0.1;

impl Pruning {
    pub(super) fn ablation_rows(&self, found: &Found) -> Vec<Ablation> {
        let row = |measured: &Measured, head: AttentionHead, values: &Values| Ablation {
            corpus: measured.corpus.clone(),
            layer_index: head.layer as u32,
            head_index: head.index as u32,
            masking: self.masking.to_string(),
            measure: measured.measure.name().to_owned(),
            value: values.whole(),
            intact: measured.intact.whole(),
            standard_error: values.error_of_change(&measured.intact),
            sequences: values.sequences(),
            correct: values.counts().map(|counts| counts.0),
            total: values.counts().map(|counts| counts.1),
        };
        let rows = |measured: &Measured| {
            let heads = found.grid.iter().zip(&measured.alone);
            heads.map(|(head, values)| row(measured, head, values)).collect::<Vec<_>>()
        };
        found.measured.iter().flat_map(rows).collect()
    }

    pub(super) fn pruning_rows(&self, found: &Found) -> Vec<Row> {
        let row = |measured: &Measured, order: Order, step: usize, head: Option<AttentionHead>, values: &Values| Row {
            corpus: measured.corpus.clone(),
            order: order.to_string(),
            masking: self.masking.to_string(),
            measure: measured.measure.name().to_owned(),
            step: step as u32,
            layer_index: head.map(|head| head.layer as u32),
            head_index: head.map(|head| head.index as u32),
            value: values.whole(),
            sequences: values.sequences(),
            standard_error: values.error_of_change(&measured.intact),
            correct: values.counts().map(|counts| counts.0),
            total: values.counts().map(|counts| counts.1),
        };
        let mut rows = Vec::new();
        for measured in &found.measured {
            for ((order, heads), curve) in found.orders.iter().zip(&measured.curves) {
                rows.push(row(measured, *order, 0, None, &measured.intact));
                let steps = heads.iter().zip(curve).enumerate();
                rows.extend(steps.map(|(step, (head, values))| row(measured, *order, step + 1, Some(*head), values)));
            }
        }
        rows
    }

    pub(super) fn facts(&self, material: &Material, found: &Found) -> BTreeMap<String, Value> {
        let by_measure = |of: fn(&Measured) -> Value| {
            let entries = found.measured.iter().map(|measured| (measured.measure.name().to_owned(), of(measured)));
            Value::Object(entries.collect())
        };
        let guide = &found.measured[0];
        let ordered_on = match (&material.sequences, &material.parsed) {
            (_, Some((_, halves))) if guide.measure == MaskingMeasure::ProbeUas => halves.order.len(),
            (Some(halves), _) => halves.order.len(),
            (None, _) => 0,
        };
        BTreeMap::from([
            ("corpus".to_owned(), json!(guide.corpus)),
            ("measure".to_owned(), json!(guide.measure.name())),
            ("masking".to_owned(), json!(self.masking)),
            ("importance_by".to_owned(), json!(found.importance_by)),
            ("intact".to_owned(), json!(guide.intact.whole())),
            ("intact_by_measure".to_owned(), by_measure(|measured| json!(measured.intact.whole()))),
            ("sequences_ordered_on".to_owned(), json!(ordered_on)),
            ("sequences_measured_on".to_owned(), json!(guide.intact.sequences())),
        ])
    }
}

/// By each measure, how far each order goes without harm, and which head is missed most.
pub fn findings(found: &Found) -> Vec<String> {
    found.measured.iter().flat_map(|measured| of_measure(found, measured)).collect()
}

fn of_measure(found: &Found, measured: &Measured) -> Vec<String> {
    let (measure, intact) = (measured.measure, measured.intact.whole());
    let harm = |values: &Values| measure.harm(values.whole(), intact);
    let (limit, harmed) = match measure {
        MaskingMeasure::MaskedLm => (intact * HARM, "the masked-language-model loss rises by more than 10 %"),
        MaskingMeasure::States => (HARM, "the final states turn by more than 0.1 (1 − cosine)"),
        MaskingMeasure::ProbeUas => (intact * HARM, "the UAS of the probe falls by more than a tenth of itself"),
    };
    // With one measure there is no doubt what harm is.
    let by = match &found.measured[..] {
        [_] => String::new(),
        _ => format!(" to {}", measure.noun()),
    };
    let harmless = |((order, heads), curve): (&(Order, Vec<AttentionHead>), &Vec<Values>)| {
        let masked = curve.iter().take_while(|values| harm(values) <= limit).count();
        let in_order = match order {
            Order::Importance => "the least important first",
            Order::Greedy => "chosen greedily",
            Order::Random => "at random",
        };
        let (all, tried) = (found.grid.len(), heads.len());
        if masked == all {
            format!("All {all} heads can be masked, {in_order}, without harm{by}.")
        } else if masked == tried {
            format!("{masked} of {all} heads can be masked, {in_order}, without harm{by}; more were not tried.")
        } else {
            format!("{masked} of {all} heads can be masked, {in_order}, before {harmed}.")
        }
    };
    let mut findings: Vec<String> = found.orders.iter().zip(&measured.curves).map(harmless).collect();
    let alone = found.grid.iter().zip(&measured.alone).map(|(head, values)| (head, harm(values)));
    if let Some((head, harm)) = alone.max_by(|a, b| a.1.total_cmp(&b.1)) {
        let (noun, change) = (measure.noun(), measure.show(harm));
        findings.push(match measure {
            _ if harm <= 0.0 => {
                format!("No head, masked alone, is missed: {noun} is never worse than with all at work.")
            }
            MaskingMeasure::ProbeUas => {
                let intact = measure.show(intact);
                format!("Masked alone, head {head} is missed most: {noun} falls by {change} points from {intact} %.")
            }
            _ => format!("Masked alone, head {head} is missed most: {noun} grows by {change}."),
        });
    }
    findings
}
