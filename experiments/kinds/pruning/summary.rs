//! What was measured, as rows, facts and findings.

use std::collections::BTreeMap;

use headlight_attention::AttentionHead;
use headlight_report::MaskingMeasure;
use headlight_report::stats::Interval;
use headlight_report::tables::{Ablation, Difference, Pruning as Row};
use serde_json::{Value, json};

use super::harm::Assessed;
use super::keys::Order;
use super::values::Values;
use super::work::{Found, Masked, Measured};
use super::{Material, Pruning};
use crate::config::{Settings, Unit};

impl Pruning {
    pub(super) fn ablation_rows(&self, found: &Found, assessed: &[Assessed]) -> Vec<Ablation> {
        let row = |measured: &Measured, head: AttentionHead, values: &Values, interval: Option<Interval>| Ablation {
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
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
        };
        let mut rows = Vec::new();
        for (measured, assessed) in found.measured.iter().zip(assessed) {
            let heads = found.grid.iter().zip(measured.alone.iter().zip(&assessed.alone));
            rows.extend(heads.map(|(head, (values, interval))| row(measured, head, values, *interval)));
        }
        rows
    }

    pub(super) fn pruning_rows(&self, found: &Found, assessed: &[Assessed]) -> Vec<Row> {
        type Step<'a> = (usize, Option<AttentionHead>, &'a Values, Option<Interval>);
        let row = |measured: &Measured, masked: &Masked, (step, head, values, interval): Step<'_>| Row {
            corpus: measured.corpus.clone(),
            order: masked.order.to_string(),
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
            draw: masked.draw.map(|draw| draw + 1),
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
        };
        let mut rows = Vec::new();
        for (measured, assessed) in found.measured.iter().zip(assessed) {
            for ((masked, curve), intervals) in found.orders.iter().zip(&measured.curves).zip(&assessed.curves) {
                rows.push(row(measured, masked, (0, None, &measured.intact, None)));
                for (step, (head, values)) in masked.heads.iter().zip(curve).enumerate() {
                    rows.push(row(measured, masked, (step + 1, Some(*head), values, intervals[step])));
                }
            }
        }
        rows
    }

    pub(super) fn facts(&self, material: &Material, found: &Found, assessed: &[Assessed]) -> BTreeMap<String, Value> {
        let by_measure = |of: fn(&Measured) -> Value| {
            let entries = found.measured.iter().map(|measured| (measured.measure.name().to_owned(), of(measured)));
            Value::Object(entries.collect())
        };
        let guide = &found.measured[0];
        let by_limit =
            found.measured.iter().zip(assessed).map(|(measured, assessed)| (measured.measure.name(), assessed.limit));
        let by_limit = by_limit.map(|(name, limit)| (name.to_owned(), json!(limit)));
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
            ("unit".to_owned(), json!(guide.unit)),
            ("units".to_owned(), json!(guide.count())),
            ("draws".to_owned(), json!(self.draws)),
            ("harm_is_clear_above".to_owned(), Value::Object(by_limit.collect())),
            ("masked_lm_head_untrained".to_owned(), json!(assessed.iter().any(|it| it.untrained.is_some()))),
        ])
    }
}

/// By each measure, how far each order goes without clear harm, which order does less, and which head is missed most;
/// nothing by a measure that says nothing.
pub fn findings(keys: &Pruning, found: &Found, assessed: &[Assessed]) -> Vec<String> {
    let told = found.measured.iter().zip(assessed).filter(|(_, assessed)| assessed.untrained.is_none());
    told.flat_map(|(measured, assessed)| of_measure(keys, found, measured, assessed)).collect()
}

fn of_measure(keys: &Pruning, found: &Found, measured: &Measured, assessed: &Assessed) -> Vec<String> {
    let mut kinds: Vec<Order> = found.orders.iter().map(|masked| masked.order).collect();
    kinds.dedup();
    let mut findings: Vec<String> =
        kinds.iter().map(|&order| of_order(keys, found, measured, assessed, order)).collect();
    findings.extend(better_orders(keys, measured, assessed));
    findings.extend(most_missed(keys, found, measured, assessed));
    findings
}

/// What counts as clear harm, in words.
fn clearly(keys: &Pruning, measure: MaskingMeasure) -> String {
    match measure {
        MaskingMeasure::MaskedLm => "the masked-language-model loss is clearly higher".to_owned(),
        MaskingMeasure::States => format!("the final states have clearly turned by more than {}", keys.turned),
        MaskingMeasure::ProbeUas => "the UAS of the probe is clearly lower".to_owned(),
    }
}

/// `2.5131 instead of 2.5000 (95 % interval of the change +0.0050 – +0.0200, paired over 50 sentences of en_ewt)`
fn compared(keys: &Pruning, measured: &Measured, values: &Values, interval: Option<Interval>) -> String {
    let (measure, intact) = (measured.measure, measured.intact.whole());
    let [value, intact] = [values.whole(), intact].map(|value| measure.show(value));
    let unit = if measure == MaskingMeasure::ProbeUas { " %" } else { "" };
    let range = interval.map_or_else(String::new, |it| {
        let [low, high] = [it.low, it.high].map(|change| measure.show_change(change));
        format!("{} % interval of the change {low} – {high}, paired, over ", percent_of(keys.confidence))
    });
    format!("{value}{unit} instead of {intact}{unit} ({range}{})", measured.rests_on())
}

/// `95`, `99.5`
fn percent_of(confidence: f64) -> String {
    let percent = format!("{:.1}", 100.0 * confidence);
    percent.strip_suffix(".0").map_or(percent.clone(), ToOwned::to_owned)
}

fn of_order(keys: &Pruning, found: &Found, measured: &Measured, assessed: &Assessed, order: Order) -> String {
    let curves: Vec<usize> = (0..found.orders.len()).filter(|&at| found.orders[at].order == order).collect();
    let unharmed: Vec<usize> = curves.iter().map(|&curve| assessed.unharmed(measured, curve)).collect();
    let (all, tried) = (found.grid.len(), found.orders[curves[0]].heads.len());
    let (least, most) =
        (unharmed.iter().copied().min().unwrap_or_default(), unharmed.iter().copied().max().unwrap_or_default());
    let (in_order, clearly) = (
        match order {
            Order::Importance => "the least important first",
            Order::Greedy => "chosen greedily",
            Order::Random => "at random",
        },
        clearly(keys, measured.measure),
    );
    if curves.len() > 1 {
        let mean = unharmed.iter().sum::<usize>() as f64 / unharmed.len() as f64;
        let spread =
            if least == most { format!("{least}") } else { format!("{least} to {most}, in the mean {mean:.1},") };
        let more = if least == tried && tried < all { "; more were not tried" } else { "" };
        return format!(
            "{spread} of {all} heads can be masked, {in_order} ({} draws), before {clearly} ({} % interval of the change, \
             paired, over {}){more}.",
            curves.len(),
            percent_of(keys.confidence),
            measured.rests_on()
        );
    }
    let at = |step: usize| {
        let (values, interval) = (&measured.curves[curves[0]][step - 1], assessed.curves[curves[0]][step - 1]);
        compared(keys, measured, values, interval)
    };
    let noun = measured.measure.noun();
    if least == tried {
        let (which, more) = if tried == all { ("All", "") } else { ("The", "; more were not tried") };
        return format!(
            "{which} {tried} of {all} heads that were masked, {in_order}, are gone before {clearly}: {noun} is {}{more}.",
            at(tried)
        );
    }
    format!(
        "{least} of {all} heads can be masked, {in_order}, before {clearly}: with {} it is {}.",
        least + 1,
        at(least + 1)
    )
}

/// For each pair of orders, the difference after the most steps at which they were compared.
fn better_orders(keys: &Pruning, measured: &Measured, assessed: &Assessed) -> Vec<String> {
    let measure = measured.measure;
    let mut last: BTreeMap<(&str, &str), &Difference> = BTreeMap::new();
    for row in &assessed.differences {
        last.insert((row.a.as_str(), row.b.as_str()), row);
    }
    let says = |row: &&Difference| {
        let (low, high) = row.ci_low.zip(row.ci_high)?;
        let less_harm = measure.harm(row.value_a, row.value_b) < 0.0;
        let verdict = match (low > 0.0 || high < 0.0, less_harm) {
            (false, _) => "no clear difference",
            (true, true) => "clearly less harm",
            (true, false) => "clearly more harm",
        };
        Some(format!(
            "With {}, {} does {verdict} beside {}: {} is {} against {} ({} % interval of the difference {} – {}, paired, \
             over {}).",
            row.group.as_deref().unwrap_or("heads masked"),
            row.a,
            row.b,
            measure.noun(),
            measure.show(row.value_a),
            measure.show(row.value_b),
            percent_of(keys.confidence),
            measure.show_change(low),
            measure.show_change(high),
            measured.rests_on()
        ))
    };
    last.values().filter_map(says).collect()
}

fn most_missed(keys: &Pruning, found: &Found, measured: &Measured, assessed: &Assessed) -> Option<String> {
    let (measure, intact) = (measured.measure, measured.intact.whole());
    let harm = |values: &Values| measure.harm(values.whole(), intact);
    let alone = found.grid.iter().zip(measured.alone.iter().zip(&assessed.alone));
    let (head, (values, interval)) = alone.max_by(|a, b| harm(a.1.0).total_cmp(&harm(b.1.0)))?;
    let (noun, all) = (measure.noun(), found.grid.len());
    Some(if harm(values) <= 0.0 {
        format!("No head of {all}, masked alone, is missed: {noun} is never worse than with all at work.")
    } else {
        format!(
            "Masked alone, head {head} is missed most, the largest change of {all}, chosen on what it is measured on: \
             {noun} is {}.",
            compared(keys, measured, values, *interval)
        )
    })
}

/// What a reader must know first.
pub fn warnings(config: &Settings, found: &Found, assessed: &[Assessed]) -> Vec<String> {
    let mut warnings: Vec<String> = assessed.iter().filter_map(|assessed| assessed.untrained.clone()).collect();
    let random = found.orders.iter().filter(|masked| masked.order == Order::Random).count();
    if random == 1 {
        warnings.push(
            "The random order was drawn once: how much hangs on the draw is not known (`pruning.draws`, 3 by default)."
                .to_owned(),
        );
    }
    let few = found.measured.iter().map(Measured::count).min().unwrap_or(0);
    if few < 20 {
        warnings.push(format!(
            "Harm is judged over {few} units only: \"no clear harm\" may be for want of them (--set pruning.sequences=100)."
        ));
    }
    let packed = found.measured.iter().any(|measured| measured.unit == "sequence");
    if packed && config.treebank.unit == Unit::Document {
        warnings
            .push("Intervals of packed text resample its sequences: `treebank.unit` is about sentences.".to_owned());
    }
    warnings
}
