//! Facts of experiments: what fits no table and is needed to say what came out, one type for each kind. The runner fills
//! them, `report.json` keeps them, and what is shown is made from them and from the tables.

use std::collections::BTreeMap;

use headlight_stats::Interval;
use serde::Serialize;
use serde_json::Value;

pub use crate::kinds::clusters::Facts as Clusters;
pub use crate::kinds::coreference::{ChosenHead, Facts as Coreference};
pub use crate::kinds::ensembles::Facts as Ensembles;
pub use crate::kinds::heads::{Facts as Heads, Rounding};
pub use crate::kinds::importance::{Facts as Importance, LeastSep};
pub use crate::kinds::pairs::{Facts as Pairs, SkippedPairs};
pub use crate::kinds::probe::{Facts as Probe, WordVectors};
pub use crate::kinds::pruning::{Facts as Pruning, RestsOn};
pub use crate::kinds::shared::{RankedHeads, Sequences};
pub use crate::kinds::structural::{Facts as Structural, StructuralProbe};
pub use crate::kinds::surface::{Facts as Surface, Thresholds};
pub use crate::kinds::trees::Facts as Trees;

/// Facts of any kind, as `report.json` keeps them.
pub type Facts = BTreeMap<String, Value>;

/// The facts of a kind as `report.json` keeps them.
pub fn kept(facts: &impl Serialize) -> Facts {
    match serde_json::to_value(facts) {
        Ok(Value::Object(facts)) => facts.into_iter().collect(),
        _ => unreachable!("facts are structs of texts and numbers"),
    }
}

/// The ends of an interval; `None` where one is no number, which JSON cannot keep.
pub fn ends(interval: Option<Interval>) -> Option<[f64; 2]> {
    interval.map(|Interval { low, high }| [low, high]).filter(|ends| ends.iter().all(|end| end.is_finite()))
}
