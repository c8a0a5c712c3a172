//! What probes of attention reach, and what that is worth.

mod all;
mod bars;
mod findings;
mod numbers;
mod page;
mod sheets;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::findings::probe_findings;
use self::sheets::{probe_sheet, worth_sheet};
use super::differences::differences_sheet;
use super::shared::share;
use super::{Experiment, Kind};
use crate::explorer::Explorer;
use crate::format::{count, percent};
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::{ComparedMeasure, Difference, ProbeScore};

pub(crate) use all::is_share;
pub(crate) use bars::{ProbeMeasure, ProbeValue, bars};
pub use numbers::RIGHT_BRANCHING;
pub(crate) use numbers::{Mean, headline, of_attention, probe_name};

/// `kind = "probe"`
pub(crate) struct Probe;

/// What `kind = "probe"` leaves beside its tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Names of its probes, as tables have them; none in runs of earlier versions.
    pub probes: Vec<String>,
    /// How they were trained, as configs have it.
    pub regime: Value,
    /// The same in numbers.
    pub training: Value,
    /// Seeds of training.
    pub seeds: Vec<u64>,
    /// Draws of random weights and control tasks, where there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draws: Option<u64>,
    /// Slips of the released code that were reproduced, as configs have them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slips_of_the_released_code: Vec<String>,
    /// The word vectors, where any were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_vectors: Option<WordVectors>,
}

/// Word vectors, and how much of the text they know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WordVectors {
    /// Their file.
    pub file: String,
    /// Numbers of each.
    pub width: u64,
    /// Different words that have one.
    pub types_found: u64,
    /// Different words.
    pub types: u64,
    /// Words that have one.
    pub words_found: u64,
    /// Words.
    pub words: u64,
    /// Vectors of words that had one already.
    pub repeated: u64,
}

impl Facts {
    fn rows(&self, of: &Experiment<'_>) -> Result<Vec<ProbeScore>, RunError> {
        let mut rows: Vec<ProbeScore> = of.rows()?;
        rows.retain(|row| {
            of_attention(std::slice::from_ref(row)).next().is_some()
                && (self.probes.is_empty() || self.probes.contains(&row.probe))
        });
        Ok(rows)
    }

    /// Tables name the sides of a difference by probe and decoding.
    fn differences(&self, of: &Experiment<'_>) -> Result<Vec<Difference>, RunError> {
        let mut rows = of.differences()?;
        let probe = |side: &str| side.split(' ').next().unwrap_or_default().to_owned();
        rows.retain(|row| self.probes.is_empty() || self.probes.contains(&probe(&row.a)));
        Ok(rows)
    }
}

impl Kind for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let facts: Facts = of.facts()?;
        Ok(probe_findings(&facts.rows(of)?, &facts.differences(of)?))
    }

    fn warnings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let facts: Facts = of.facts()?;
        let mut warnings = Vec::new();
        if facts.draws == Some(1) {
            let one =
                "Random weights and control tasks rest on one draw (`draws = 1`): how far others lie is not known.";
            warnings.push(one.to_owned());
        }
        if let Some(WordVectors { words_found, words, repeated, .. }) = facts.word_vectors {
            let found = share(words_found, words);
            if found < 0.8 {
                let percent = percent(found);
                warnings.push(format!("Only {percent} % of the words have a word vector; the others count as zero."));
            }
            if repeated > 0 {
                let repeated = count(repeated);
                warnings.push(format!("{repeated} word vectors are of words that had one already; the first counts."));
            }
        }
        let slips = facts.slips_of_the_released_code.join(", ");
        if !slips.is_empty() {
            warnings.push(format!("Slips of the released code are reproduced on purpose: {slips}."));
        }
        Ok(warnings)
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        let (facts, treebank): (Facts, _) = (of.facts()?, &of.report().treebank.name);
        let rows = facts.rows(of)?;
        // The terminal shows what the UAS says; reports show all.
        let mut uas = facts.differences(of)?;
        uas.retain(|row| row.measure == ComparedMeasure::Uas);
        let sheets = [
            Some(probe_sheet(treebank, &rows)),
            worth_sheet(treebank, &rows),
            differences_sheet(&uas, &format!("Differences between probes on {treebank}")),
        ];
        Ok(sheets.into_iter().flatten().collect())
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        let rows: Vec<ProbeScore> = run.table_or_empty()?;
        let [attachment, others] = all::probe_sheets(&rows);
        let worth = worth_sheet(&run.report().treebank.name, &rows).unwrap_or_default();
        Ok(vec![attachment, ("What the scores of probes are worth", worth), others])
    }

    fn sections(&self, run: &RunDirectory, _: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        let report = run.report();
        Ok(page::probes(&run.table_or_empty()?, &report.mapped(), &report.treebank.name).into_iter().collect())
    }
}
