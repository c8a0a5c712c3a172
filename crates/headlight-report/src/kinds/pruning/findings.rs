//! What masking heads comes to, in sentences.

use std::collections::BTreeMap;

use super::{Facts, RestsOn};
use crate::format::count;
use crate::kinds::Experiment;
use crate::kinds::masked_lm::untrained;
use crate::kinds::shared::{RankedHeads, distinct, head};
use crate::run::RunError;
use crate::tables::{Ablation, Difference, MaskingMeasure, Pruning, PruningOrder};

/// An experiment as it was written.
pub(super) struct Masking {
    facts: Facts,
    /// Heads of the model.
    heads: u64,
    alone: Vec<Ablation>,
    in_order: Vec<Pruning>,
    differences: Vec<Difference>,
}

/// What one measure said.
struct Measured<'a> {
    of: &'a Masking,
    measure: MaskingMeasure,
    /// The intact model, which every order begins with.
    start: &'a Pruning,
    rests_on: RestsOn,
}

/// One draw of an order: its steps behind the intact model.
type Curve<'a> = Vec<&'a Pruning>;

impl Masking {
    pub(super) fn read(of: &Experiment<'_>) -> Result<Self, RunError> {
        let differences = of.differences()?;
        Ok(Self { facts: of.facts()?, heads: of.heads(), alone: of.rows()?, in_order: of.rows()?, differences })
    }

    /// How often an order was drawn; 0 where it is none of those asked for.
    pub(super) fn draws(&self, order: PruningOrder) -> usize {
        let rows = self.in_order.iter().filter(|row| row.order == order && row.step == 0);
        rows.filter(|row| Some(row.measure) == self.in_order.first().map(|first| first.measure)).count()
    }

    fn measured(&self) -> impl Iterator<Item = Measured<'_>> {
        distinct(self.in_order.iter().map(|row| row.measure)).into_iter().filter_map(|measure| {
            let start = self.in_order.iter().find(|row| row.measure == measure && row.step == 0)?;
            let rests_on = self.facts.rests_on.get(measure.name()).cloned().unwrap_or_default();
            Some(Measured { of: self, measure, start, rests_on })
        })
    }

    /// Why a measure says nothing, where that is so.
    pub(super) fn untrained(&self) -> Vec<String> {
        self.measured().filter_map(|measured| measured.untrained()).collect()
    }

    /// By each measure, how far each order goes without clear harm, which order does less, and which head is missed most;
    /// nothing by a measure that says nothing.
    pub(super) fn findings(&self) -> Vec<String> {
        let told = self.measured().filter(|measured| measured.untrained().is_none());
        told.flat_map(|measured| measured.findings()).collect()
    }
}

impl<'a> Measured<'a> {
    fn untrained(&self) -> Option<String> {
        let vocabulary = self.of.facts.vocabulary.filter(|_| self.measure == MaskingMeasure::MaskedLm)?;
        untrained(self.start.value, self.rests_on.intact_interval, vocabulary, &self.rests_on())
    }

    fn findings(&self) -> Vec<String> {
        let rows = self.of.in_order.iter().filter(|row| row.measure == self.measure);
        let mut findings: Vec<String> =
            distinct(rows.map(|row| row.order)).into_iter().map(|order| self.of_order(order)).collect();
        findings.extend(self.better_orders());
        findings.extend(self.most_missed());
        findings
    }

    /// In words, what the values are of: `50 sentences of en_ewt`.
    fn rests_on(&self) -> String {
        let RestsOn { unit, units, .. } = &self.rests_on;
        let plural = if *units == 1 { "" } else { "s" };
        let of =
            if unit == "document" { format!(" ({} sentences)", count(self.start.sequences)) } else { String::new() };
        format!("{} {unit}{plural}{of} of {}", count(*units), self.start.corpus)
    }

    /// What counts as clear harm, in words.
    fn clearly(&self) -> String {
        match self.measure {
            MaskingMeasure::MaskedLm => "the masked-language-model loss is clearly higher".to_owned(),
            MaskingMeasure::States => format!("the final states have clearly turned by more than {}", self.limit()),
            MaskingMeasure::ProbeUas => "the UAS of the probe is clearly lower".to_owned(),
        }
    }

    /// Harm is clear where the whole interval of it lies above this.
    fn limit(&self) -> f64 {
        self.of.facts.harm_is_clear_above.get(self.measure.name()).copied().unwrap_or_default()
    }

    /// Whether a change from the intact model is clear harm.
    fn is_clear(&self, row: &Pruning) -> bool {
        let least = match row.ci_low.zip(row.ci_high) {
            // Harm may lie above or below the intact value; its surest amount is that of the nearer end.
            Some((low, high)) => self.measure.harm(low, 0.0).min(self.measure.harm(high, 0.0)),
            None => self.measure.harm(row.value, self.start.value),
        };
        least > self.limit()
    }

    /// `2.5131 instead of 2.5000 (95 % interval of the change +0.0050 – +0.0200, paired over 50 sentences of en_ewt)`
    fn compared(&self, value: f64, interval: Option<(f64, f64)>) -> String {
        let measure = self.measure;
        let [value, intact] = [value, self.start.value].map(|value| measure.show(value));
        let unit = if measure == MaskingMeasure::ProbeUas { " %" } else { "" };
        let range = interval.map_or_else(String::new, |(low, high)| {
            let [low, high] = [low, high].map(|change| measure.show_change(change));
            format!("{} % interval of the change {low} – {high}, paired, over ", self.coverage())
        });
        format!("{value}{unit} instead of {intact}{unit} ({range}{})", self.rests_on())
    }

    /// Of intervals, in per cent: `95`, `99.5`
    fn coverage(&self) -> String {
        let percent = format!("{:.1}", 100.0 * self.of.facts.confidence);
        percent.strip_suffix(".0").map_or(percent.clone(), ToOwned::to_owned)
    }

    /// The draws of an order.
    fn curves(&self, order: PruningOrder) -> Vec<Curve<'a>> {
        let mut curves: BTreeMap<Option<u32>, Curve<'a>> = BTreeMap::new();
        for row in self.of.in_order.iter().filter(|row| row.measure == self.measure && row.order == order) {
            let curve = curves.entry(row.draw).or_default();
            curve.extend((row.step > 0).then_some(row));
        }
        curves.into_values().collect()
    }

    fn of_order(&self, order: PruningOrder) -> String {
        let curves = self.curves(order);
        let unharmed = |curve: &Curve<'_>| curve.iter().take_while(|row| !self.is_clear(row)).count();
        let unharmed: Vec<usize> = curves.iter().map(unharmed).collect();
        let (all, tried) = (self.of.heads as usize, curves.first().map_or(0, Vec::len));
        let least = unharmed.iter().copied().min().unwrap_or_default();
        let most = unharmed.iter().copied().max().unwrap_or_default();
        let in_order = match order {
            PruningOrder::Importance => "the least important first".to_owned(),
            PruningOrder::Greedy => "chosen greedily".to_owned(),
            PruningOrder::Random => "at random".to_owned(),
            PruningOrder::Named => RankedHeads::chosen(&self.of.facts.best_heads_on_select),
            PruningOrder::RandomOfLayers => "others of the named heads' layers at random".to_owned(),
        };
        let clearly = self.clearly();
        if curves.len() > 1 {
            let mean = unharmed.iter().sum::<usize>() as f64 / unharmed.len() as f64;
            let spread =
                if least == most { format!("{least}") } else { format!("{least} to {most}, in the mean {mean:.1},") };
            let more = if least == tried && tried < all { "; more were not tried" } else { "" };
            return format!(
                "{spread} of {all} heads can be masked, {in_order} ({} draws), before {clearly} ({} % interval of the change, \
                 paired, over {}){more}.",
                curves.len(),
                self.coverage(),
                self.rests_on()
            );
        }
        let at = |step: usize| {
            let row = curves.first().and_then(|curve| curve.get(step.checked_sub(1)?)).map_or(self.start, |row| row);
            self.compared(row.value, row.ci_low.zip(row.ci_high))
        };
        if least == tried {
            let (which, more) = if tried == all { ("All", "") } else { ("The", "; more were not tried") };
            return format!(
                "{which} {tried} of {all} heads that were masked, {in_order}, are gone before {clearly}: {} is {}{more}.",
                self.measure.noun(),
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
    fn better_orders(&self) -> Vec<String> {
        let measure = self.measure;
        let mut last: BTreeMap<(&str, &str), &Difference> = BTreeMap::new();
        for row in self.of.differences.iter().filter(|row| row.measure == measure.compared()) {
            last.insert((row.a.as_str(), row.b.as_str()), row);
        }
        let says = |row: &&Difference| {
            let (low, high) = row.ci_low.zip(row.ci_high)?;
            let less_harm = measure.harm(row.value_a, row.value_b) < 0.0;
            let verdict = match (low > 0.0 || high < 0.0, less_harm) {
                (false, _) => format!("{} and {} do not clearly differ", row.a, row.b),
                (true, true) => format!("{} does clearly less harm than {}", row.a, row.b),
                (true, false) => format!("{} does clearly more harm than {}", row.a, row.b),
            };
            Some(format!(
                "With {}, {verdict}: {} is {} against {} ({} % interval of the difference {} – {}, paired, over {}).",
                row.group.as_deref().unwrap_or("heads masked"),
                measure.noun(),
                measure.show(row.value_a),
                measure.show(row.value_b),
                self.coverage(),
                measure.show_change(low),
                measure.show_change(high),
                self.rests_on()
            ))
        };
        last.values().filter_map(says).collect()
    }

    fn most_missed(&self) -> Option<String> {
        let harm = |row: &Ablation| self.measure.harm(row.value, row.intact);
        let alone = self.of.alone.iter().filter(|row| row.measure == self.measure);
        let row = alone.max_by(|a, b| harm(a).total_cmp(&harm(b)))?;
        let (noun, all) = (self.measure.noun(), self.of.heads);
        Some(if harm(row) <= 0.0 {
            format!("No head of {all}, masked alone, is missed: {noun} is never worse than with all at work.")
        } else {
            format!(
                "Masked alone, head {} is missed most, the largest change of {all}, chosen on what it is measured on: \
                 {noun} is {}.",
                head(row.layer_index, row.head_index),
                self.compared(row.value, row.ci_low.zip(row.ci_high))
            )
        })
    }
}
