//! What masking heads is measured by.

/// What masking heads is measured by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaskingMeasure {
    /// The masked-language-model loss in nats per hidden piece.
    MaskedLm,
    /// 1 − cosine of the final hidden states to the intact model's.
    States,
    /// UAS, word by word and without punctuation, of a probe that was trained on the intact model.
    ProbeUas,
}

impl MaskingMeasure {
    /// All of them.
    pub const ALL: [MaskingMeasure; 3] = [MaskingMeasure::MaskedLm, MaskingMeasure::States, MaskingMeasure::ProbeUas];

    /// As the tables `ablation` and `pruning` call it.
    pub fn name(self) -> &'static str {
        match self {
            MaskingMeasure::MaskedLm => "masked_lm",
            MaskingMeasure::States => "states",
            MaskingMeasure::ProbeUas => "probe_uas",
        }
    }

    /// The measure that tables call so.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
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
