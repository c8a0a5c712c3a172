//! Where heads are chosen, seen from the words that they are reported on, and how that is said.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tables::{EvaluatedOn, SelectedOn};

/// Where heads, and what is chosen with them, are chosen. Written as in configs; the first runs called `separate` `split`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// On `treebank.select`.
    #[serde(alias = "split")]
    Separate,
    /// On the other half of what they are reported on, both ways round.
    Folds,
    /// On what they are reported on.
    Same,
}

impl Selection {
    /// As configs and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Selection::Separate => "separate",
            Selection::Folds => "folds",
            Selection::Same => "same",
        }
    }

    /// As `best_heads` says where heads were chosen.
    pub fn selected_on(self) -> SelectedOn {
        match self {
            Selection::Separate => SelectedOn::Select,
            Selection::Folds => SelectedOn::OtherFold,
            Selection::Same => SelectedOn::Evaluate,
        }
    }

    /// As `best_heads` says where they are scored.
    pub fn evaluated_on(self) -> EvaluatedOn {
        match self {
            Selection::Folds => EvaluatedOn::BothFolds,
            Selection::Separate | Selection::Same => EvaluatedOn::Evaluate,
        }
    }

    /// Where something was chosen, as a part of a sentence.
    pub fn chosen_where(self) -> &'static str {
        match self {
            Selection::Separate => "chosen on `select`",
            Selection::Folds => "chosen on the other half",
            Selection::Same => "chosen on the same words",
        }
    }

    /// Warns of what was chosen where it is reported; `pays` says what becomes of tests.
    pub fn warning(self, pays: &str) -> Option<String> {
        (self == Selection::Same).then(|| {
            format!(
                "Heads were chosen on the same words that they are scored on: accuracies and their intervals are optimistic; \
                 {pays}."
            )
        })
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
