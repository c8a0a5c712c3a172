//! What masking heads does to a model.

mod findings;
mod measure;
mod page;
mod sheets;

use std::collections::BTreeMap;

use headlight_stats::Unit;
use serde::{Deserialize, Serialize};

use self::findings::Masking;
use self::sheets::{ablation_sheets, pruning_sheets};
use super::importance::packed_units;
use super::shared::RankedHeads;
use super::{Experiment, Kind};
use crate::explorer::Explorer;
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::PruningOrder;

pub(crate) use sheets::curves;

/// `kind = "pruning"`
pub(crate) struct Pruning;

/// What `kind = "pruning"` leaves beside its tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// What tables call the sequences of the first measure.
    pub corpus: String,
    /// The first measure, which guides the orders.
    pub measure: String,
    /// What a masked head does, as configs have it.
    pub masking: String,
    /// What made heads important, as configs have it.
    pub importance_by: String,
    /// The first measure's value with all heads at work.
    pub intact: Option<f64>,
    /// The same of all measures.
    pub intact_by_measure: BTreeMap<String, Option<f64>>,
    /// What intervals of each measure rest on.
    pub rests_on: BTreeMap<String, RestsOn>,
    /// Sequences that heads were put in order on, and measured on by the first measure.
    pub sequences_ordered_on: u64,
    /// See there.
    pub sequences_measured_on: u64,
    /// What intervals of the first measure resample: `sentence`, `document` or `sequence`.
    pub unit: String,
    /// How many of them there are.
    pub units: u64,
    /// Draws of the random order.
    pub draws: u32,
    /// Heads that were named, or are the best for relations, in the order in which they are masked.
    pub named_heads: Vec<String>,
    /// The best heads for relations, where those are masked.
    pub best_heads_on_select: Vec<RankedHeads>,
    /// By measure, the harm that intervals must lie above to be called clear.
    pub harm_is_clear_above: BTreeMap<String, f64>,
    /// Coverage of intervals.
    pub confidence: f64,
    /// Pieces that the model knows, where its masked-language-model head had a say.
    pub vocabulary: Option<u64>,
    /// Whether that head has not learned to guess.
    pub masked_lm_head_untrained: bool,
}

/// What the intervals of a measure rest on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RestsOn {
    /// What is resampled: `sentence`, `document` or `sequence`.
    pub unit: String,
    /// How many of them there are.
    pub units: u64,
    /// The interval of the intact model's value.
    pub intact_interval: Option<[f64; 2]>,
}

impl Kind for Pruning {
    fn name(&self) -> &'static str {
        "pruning"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        Ok(Masking::read(of)?.findings())
    }

    fn warnings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let (facts, masking): (Facts, _) = (of.facts()?, Masking::read(of)?);
        let mut warnings = masking.untrained();
        let drawn = [
            (PruningOrder::Random, "The random order was"),
            (PruningOrder::RandomOfLayers, "Others of the named heads' layers were"),
        ];
        for (order, what) in drawn {
            if masking.draws(order) == 1 {
                warnings.push(format!(
                    "{what} drawn once: how much hangs on the draw is not known (`pruning.draws`, 3 by default)."
                ));
            }
        }
        let few = facts.rests_on.values().map(|it| it.units).min().unwrap_or(0);
        if few < 20 {
            warnings.push(format!(
                "Harm is judged over {few} units only: \"no clear harm\" may be for want of them (--set pruning.sequences=100)."
            ));
        }
        let is_packed = |it: &&RestsOn| it.unit == Unit::Sequence.name();
        warnings.extend(facts.rests_on.values().find(is_packed).and_then(|it| packed_units(of, &it.unit)));
        Ok(warnings)
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        Ok([ablation_sheets(&of.rows()?), pruning_sheets(&of.rows()?)].concat())
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        let alone = ablation_sheets(&run.table_or_empty()?).into_iter().map(|sheet| ("Single heads masked", sheet));
        Ok(alone.chain(pruning_sheets(&run.table_or_empty()?).into_iter().map(|sheet| ("Pruning", sheet))).collect())
    }

    fn sections(&self, run: &RunDirectory, _: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        let section = page::pruning(&run.table_or_empty()?, &run.table_or_empty()?, &run.report().model);
        Ok(section.into_iter().collect())
    }
}
