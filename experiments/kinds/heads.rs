//! `kind = "heads"`: how well each attention head predicts governors, in both directions, beside baselines
//! (METHOD §2; paper §4.2).

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::config::{Config, Split, choice};

choice! {
    /// On which sentences the best head of a relation is chosen.
    Selection { Separate, Folds, Same }
}

/// The keys of `kind = "heads"`; see `[heads]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heads {
    selection: Selection,
    resamples: usize,
    confidence: f64,
    min_total: u64,
}

impl Kind for Heads {
    fn check(&self, config: &Config) -> Result<()> {
        ensure!(self.resamples >= 1000, "`resamples` is {}; intervals need at least 1000", self.resamples);
        ensure!(
            self.confidence > 0.5 && self.confidence < 1.0,
            "`confidence` is {}; it lies between 0.5 and 1, for example 0.95",
            self.confidence
        );
        config.treebank.required_files(Split::Evaluate, "kind = \"heads\"")?;
        if self.selection == Selection::Separate {
            config.treebank.required_files(Split::Select, "selection = \"separate\"")?;
        }
        Ok(())
    }
}
