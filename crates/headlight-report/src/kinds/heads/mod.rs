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
use super::{Experiment, Kind};
use crate::Selection;
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

/// Relations with fewer words than this have intervals that mean little.
const SMALL: u64 = 10;

/// Relations that the terminal shows beside null models.
const SHOWN: usize = 12;

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
        let small: Vec<&str> = rows.iter().filter(|row| row.total < SMALL).map(|row| row.relation.as_str()).collect();
        if !small.is_empty() {
            let small = list(small);
            warnings.push(format!("Relations with fewer than {SMALL} words, too few to say much: {small}."));
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
        let best: Vec<BestHead> = of.rows()?;
        let attention = match of.has::<HeadAttention>() {
            true => Some(attention_sheet(&best, &of.rows()?)),
            false => None,
        };
        let null_models = null_models_sheet(&of.rows::<NullModel>()?, SHOWN);
        let reachable = reachable_sheet(&best);
        let sheets = [best_heads_sheet(&best, of.report())].into_iter().chain(reachable);
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
