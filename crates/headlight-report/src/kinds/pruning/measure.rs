//! What masking heads is measured by.

use crate::tables::{ComparedMeasure, MaskingMeasure};

impl MaskingMeasure {
    /// As `differences` call it.
    pub fn compared(self) -> ComparedMeasure {
        match self {
            MaskingMeasure::MaskedLm => ComparedMeasure::MaskedLm,
            MaskingMeasure::States => ComparedMeasure::States,
            MaskingMeasure::ProbeUas => ComparedMeasure::ProbeUas,
        }
    }

    /// By how much a value is worse than that of the intact model: the one place that knows which way is down.
    pub fn harm(self, value: f64, intact: f64) -> f64 {
        match self {
            MaskingMeasure::MaskedLm | MaskingMeasure::States => value - intact,
            MaskingMeasure::ProbeUas => intact - value,
        }
    }

    /// What it is called within a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            MaskingMeasure::MaskedLm => "the masked-language-model loss",
            MaskingMeasure::States => "the turn of the final states",
            MaskingMeasure::ProbeUas => "the UAS of the probe",
        }
    }

    /// A value for people: UAS in per cent, the others as they are.
    pub fn show(self, value: f64) -> String {
        match self {
            MaskingMeasure::MaskedLm | MaskingMeasure::States => format!("{value:.4}"),
            MaskingMeasure::ProbeUas => format!("{:.2}", 100.0 * value),
        }
    }

    /// A change for people, with its sign.
    pub fn show_change(self, change: f64) -> String {
        if change < 0.0 { format!("−{}", self.show(-change)) } else { format!("+{}", self.show(change)) }
    }

    pub(super) fn meaning(self) -> &'static str {
        match self {
            MaskingMeasure::MaskedLm => "Measure: masked-language-model loss in nats per hidden piece.",
            MaskingMeasure::States => "Measure: 1 − cosine of the final hidden states to the intact model's.",
            MaskingMeasure::ProbeUas => {
                "Measure: UAS in % of a probe trained on the intact model, word by word, without punctuation."
            }
        }
    }
}
