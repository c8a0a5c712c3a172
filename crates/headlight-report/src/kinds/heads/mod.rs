//! What single heads find: the best of each relation, beyond position and the peak, beside random weights.

pub(crate) mod best;
mod beyond;
mod beyond_page;
mod null_models;
mod page;
mod relations;
mod rounding;
mod start;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::beyond::{attention_sheet, beyond_position_finding, beyond_position_sheet};
pub(crate) use self::null_models::{null_models_finding, null_models_sheet};
use super::shared::FEW_WORDS;
use super::{Experiment, Kind};
use crate::Selection;
use crate::assess::{Family, is_aggregate};
use crate::explorer::Explorer;
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::{BestHead, HeadAttention, HeadScore, NullModel};

use best::reachable_sheet;
pub(crate) use best::{Summary, best_heads_sheet};
pub use rounding::Rounding;
pub(crate) use start::{Best, Start, chosen, start};

/// `kind = "heads"`
pub(crate) struct Heads;

/// What `kind = "heads"` leaves beside its tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// On which sentences heads were chosen; `None` in runs of earlier versions.
    pub selection: Option<Selection>,
    /// What the rows of maps were read as.
    pub rows: String,
    /// Words of relations that have none to choose a head on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub words_of_relations_absent_from_selection: BTreeMap<String, u64>,
    /// Relations that a head was chosen for and that do not occur where it is scored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relations_absent_from_evaluation: Vec<String>,
    /// With two folds, what each of them chose, by relation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold_choices: Option<Value>,
    /// What rounded products changed, where any were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounding: Option<Rounding>,
    /// How many neighbouring units resamples draw together, where there are more than are kept apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_units: Option<u32>,
}

/// Relations that the terminal shows beside null models.
const SHOWN: usize = 12;

/// The rows of relations that have words enough, and how many others there are; all where none has.
fn often(rows: Vec<BestHead>) -> (Vec<BestHead>, usize) {
    let is_often = |row: &BestHead| row.total >= FEW_WORDS || is_aggregate(&row.relation) || row.relation == "root";
    if !rows.iter().any(|row| row.total >= FEW_WORDS && Family::of(&row.relation) == Family::Relations) {
        return (rows, 0);
    }
    let all = rows.len();
    let rows: Vec<BestHead> = rows.into_iter().filter(is_often).collect();
    let left_out = all - rows.len();
    (rows, left_out)
}

impl Kind for Heads {
    fn name(&self) -> &'static str {
        "heads"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let mut findings = best::findings(&of.rows()?);
        findings.extend(beyond_position_finding(&of.rows()?));
        findings.extend(null_models_finding(&of.rows()?));
        Ok(findings)
    }

    fn warnings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let (facts, rows): (Facts, Vec<BestHead>) = (of.facts()?, of.rows()?);
        let optimistic = facts.selection.and_then(|it| it.warning("p-values pay for the choice"));
        let mut warnings: Vec<String> = optimistic.into_iter().collect();
        let list = |names: Vec<&str>| names.join(", ");
        let absent: Vec<&str> = facts.words_of_relations_absent_from_selection.keys().map(String::as_str).collect();
        if !absent.is_empty() {
            let absent = list(absent);
            warnings.push(format!("Relations without a word to choose a head on are not scored: {absent}."));
        }
        let small: Vec<&str> =
            rows.iter().filter(|row| row.total < FEW_WORDS).map(|row| row.relation.as_str()).collect();
        if !small.is_empty() {
            let small = list(small);
            warnings.push(format!("Relations with fewer than {FEW_WORDS} words, too few to say much: {small}."));
        }
        warnings.extend(facts.rounding.and_then(|rounding| rounding.warning()));
        if let (Some(joined), Some(row)) = (facts.joined_units, rows.first()) {
            let unit = row.unit.map_or_else(|| "unit".to_owned(), |unit| unit.to_string());
            warnings.push(format!(
                "There are so many {unit}s that stretches of {joined} neighbouring ones are what intervals resample and tests \
                 of chosen heads swap: column `units` counts these."
            ));
        }
        Ok(warnings)
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        let (best, left_out) = often(of.rows()?);
        let attention = match of.has::<HeadAttention>() {
            true => Some(attention_sheet(&best, &of.rows()?)),
            false => None,
        };
        let null_models = null_models_sheet(&of.rows::<NullModel>()?, SHOWN);
        let reachable = reachable_sheet(&best);
        let mut first = best_heads_sheet(&best, of.report());
        if left_out > 0 {
            first.notes.push(format!(
                "Left out here: {left_out} relations of fewer than {FEW_WORDS} words; report.md and table best_heads have them."
            ));
        }
        let sheets = [first].into_iter().chain(reachable);
        Ok(sheets.chain(attention).chain(null_models).collect())
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        let best: Vec<BestHead> = run.table_or_empty()?;
        Ok(vec![
            ("Best heads", best_heads_sheet(&best, run.report())),
            ("What the best heads can reach", reachable_sheet(&best).unwrap_or_default()),
            ("Beyond position", beyond_position_sheet(&run.table_or_empty()?)),
            ("Attention on governors", attention_sheet(&best, &run.table_or_empty()?)),
            ("Null models", null_models_sheet(&run.table_or_empty()?, usize::MAX).unwrap_or_default()),
        ])
    }

    fn sections(&self, run: &RunDirectory, explorer: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        let best: Vec<BestHead> = run.table_or_empty()?;
        let scored = run.has_table::<HeadScore>() && run.rows::<HeadScore>()?.next().is_some();
        let sections = [
            page::best_heads(&best, run.report()),
            scored.then(|| page::heads(best.iter().any(best::reads_later))),
            explorer.map(page::sentences),
            beyond_page::beyond(&run.table_or_empty()?, &best, &run.table_or_empty()?),
            beyond_page::null_models(&run.table_or_empty()?),
        ];
        Ok(sections.into_iter().flatten().collect())
    }
}
