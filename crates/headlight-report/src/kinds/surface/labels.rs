//! Behaviours, and when a head has one.

use serde::{Deserialize, Serialize};

use crate::format::percent;

/// The names of behaviours. A head that exceeds several thresholds has the last of them.
pub(super) const BEHAVIOURS: [&str; 6] = ["next", "previous", "broad", "cls", "sep", "punctuation"];

/// What a head's mean over sequences has to exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Share of attention to the next piece.
    pub next: f64,
    /// Share of attention to the previous piece.
    pub previous: f64,
    /// Entropy in nats.
    pub entropy: f64,
    /// Share of attention to `[CLS]`.
    pub cls: f64,
    /// Share of attention to `[SEP]`.
    pub sep: f64,
    /// Share of attention to full stops and commas.
    pub punctuation: f64,
}

impl Thresholds {
    /// What the mean of a behaviour has to exceed: `attention to the next piece > 50.0 %`.
    pub(super) fn exceeded(&self, behaviour: &str) -> String {
        let (what, threshold) = match behaviour {
            "next" => ("attention to the next piece", self.next),
            "previous" => ("attention to the previous piece", self.previous),
            "cls" => ("attention to [CLS]", self.cls),
            "sep" => ("attention to [SEP]", self.sep),
            "punctuation" => ("attention to full stops and commas", self.punctuation),
            _ => return format!("entropy > {} nats", self.entropy),
        };
        format!("{what} > {} %", percent(threshold))
    }
}
