//! The rows of what is compared within a run.

use super::schema::tables;
use crate::stats::Unit;

tables! {
    /// A difference between two results of one run on the same words, paired (METHOD §5).
    "differences" => Difference {
        /// The kind of the experiment: `probe`, `trees`, ….
        experiment: String,
        /// What is compared: `uas`, `uuas`, ….
        measure: String,
        /// The relation or other group of words compared on; empty for all.
        group: Option<String>,
        /// The first result, as the kind's own table names it.
        a: String,
        /// The second.
        b: String,
        /// Value of the first.
        value_a: f64,
        /// Value of the second.
        value_b: f64,
        /// `value_a - value_b`.
        difference: f64,
        /// Lower end of its paired-bootstrap percentile interval.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
        /// Of the exact paired sign-flip test; empty where the measure is no count of words.
        p_value: Option<f64>,
        /// `p_value` after Holm's correction over those differences of one experiment and measure that are not 0 in every unit.
        p_adjusted: Option<f64>,
        /// What was resampled and swapped: `sentence`, `document`, of packed text `sequence`, or of minimal pairs `pair`.
        unit: Unit,
        /// How many of them.
        units: u64,
    }
}
