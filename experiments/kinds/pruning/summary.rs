//! What was measured, as rows and facts.

use headlight_attention::AttentionHead;
use headlight_report::facts;
use headlight_report::tables::{Ablation, MaskingMeasure, Pruning as Row};
use headlight_stats::Interval;

use super::harm::Assessed;
use super::values::Values;
use super::work::{Found, Masked, Measured};
use super::{Material, Pruning};
use crate::kinds::shared::named_heads::Named;

impl Pruning {
    pub(super) fn ablation_rows(&self, found: &Found, assessed: &[Assessed]) -> Vec<Ablation> {
        let row = |measured: &Measured, head: AttentionHead, values: &Values, interval: Option<Interval>| Ablation {
            corpus: measured.corpus.clone(),
            layer_index: head.layer as u32,
            head_index: head.index as u32,
            masking: self.masking.into(),
            measure: measured.measure,
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
            order: masked.order,
            masking: self.masking.into(),
            measure: measured.measure,
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

    pub(super) fn facts(
        &self,
        material: &Material,
        named: &Named,
        found: &Found,
        assessed: &[Assessed],
    ) -> facts::Pruning {
        let guide = &found.measured[0];
        let by_measure = || found.measured.iter().zip(assessed).map(|(it, assessed)| (it.measure.name(), it, assessed));
        let rests_on = |(name, measured, assessed): (&str, &Measured, &Assessed)| {
            let (unit, units) = (measured.unit.to_string(), measured.count() as u64);
            (name.to_owned(), facts::RestsOn { unit, units, intact_interval: facts::ends(assessed.intact) })
        };
        let ordered_on = match (&material.sequences, &material.parsed) {
            (_, Some((_, halves))) if guide.measure == MaskingMeasure::ProbeUas => halves.order.len(),
            (Some(halves), _) => halves.order.len(),
            (None, _) => 0,
        };
        facts::Pruning {
            corpus: guide.corpus.clone(),
            measure: guide.measure.name().to_owned(),
            masking: self.masking.to_string(),
            importance_by: found.importance_by.to_string(),
            intact: Some(guide.intact.whole()),
            intact_by_measure: by_measure().map(|(name, it, _)| (name.to_owned(), Some(it.intact.whole()))).collect(),
            rests_on: by_measure().map(rests_on).collect(),
            sequences_ordered_on: ordered_on as u64,
            sequences_measured_on: guide.intact.sequences(),
            unit: guide.unit.to_string(),
            units: guide.count() as u64,
            draws: self.draws,
            named_heads: named.heads.iter().map(ToString::to_string).collect(),
            best_heads_on_select: named.ranked(),
            harm_is_clear_above: by_measure().map(|(name, _, it)| (name.to_owned(), it.limit)).collect(),
            confidence: self.confidence,
            vocabulary: found.vocabulary.map(|vocabulary| vocabulary as u64),
            masked_lm_head_untrained: assessed.iter().any(|it| it.untrained),
        }
    }
}
