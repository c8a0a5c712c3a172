//! Behaviours, and when a head has one.

use serde::{Deserialize, Serialize};

use crate::format::percent;
use crate::tables::Behaviour;

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
    pub(super) fn exceeded(&self, behaviour: Behaviour) -> String {
        let (what, threshold) = match behaviour {
            Behaviour::Next => ("attention to the next piece", self.next),
            Behaviour::Previous => ("attention to the previous piece", self.previous),
            Behaviour::Cls => ("attention to [CLS]", self.cls),
            Behaviour::Sep => ("attention to [SEP]", self.sep),
            Behaviour::Punctuation => ("attention to full stops and commas", self.punctuation),
            Behaviour::Broad => return format!("entropy > {} nats", self.entropy),
        };
        format!("{what} > {} %", percent(threshold))
    }
}
