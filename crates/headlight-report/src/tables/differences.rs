//! The rows of what is compared within a run.

use headlight_stats::Unit;

use super::schema::tables;
use super::words::words;

words! {
    /// The kinds that compare their results.
    ComparingKind {
        /// Trained probes.
        Probe = "probe",
        /// Probes of hidden states.
        Structural = "structural",
        /// Antecedents.
        Coreference = "coreference",
        /// Minimal pairs.
        Pairs = "pairs",
        /// Masked heads.
        Pruning = "pruning",
        /// Trees of single heads.
        Trees = "trees",
        /// Heads that find a relation together.
        Ensembles = "ensembles",
    }

    /// What two results are compared by.
    ComparedMeasure {
        /// Share of words whose governor is right, without punctuation.
        Uas = "uas",
        /// Share of arcs, without direction and punctuation.
        Uuas = "uuas",
        /// Share of sentences whose root is right.
        RootAccuracy = "root_accuracy",
        /// Share of words whose relation is right.
        RelationAccuracy = "relation_accuracy",
        /// Rank correlation with distances in the tree.
        DistanceSpearman = "distance_spearman",
        /// Rank correlation with depths in the tree.
        NormSpearman = "norm_spearman",
        /// Share of words whose governor is right in a tree that was told the root.
        UasGivenRoot = "uas_given_root",
        /// Share of words whose governor and relation are.
        LasGivenRoot = "las_given_root",
        /// Share of arcs that are given the treebank's name.
        RelationOfArc = "relation_of_arc",
        /// Share of a relation's arcs that heads find.
        ArcsFound = "arcs_found",
        /// Share of mentions whose antecedent is right.
        AntecedentsFound = "antecedents_found",
        /// The loss, in nats per hidden piece.
        MaskedLm = "masked_lm",
        /// How far the final states turn.
        States = "states",
        /// UAS of a probe that was trained on the intact model.
        ProbeUas = "probe_uas",
        /// Share of minimal pairs whose acceptable sentence is more likely.
        Accuracy = "accuracy",
        /// The same of a field.
        AccuracyByField = "accuracy_by_field",
        /// Of a phenomenon.
        AccuracyByPhenomenon = "accuracy_by_phenomenon",
        /// Of a paradigm.
        AccuracyByParadigm = "accuracy_by_paradigm",
    }
}

tables! {
    /// A difference between two results of one run on the same words, paired (METHOD §5).
    "differences" => Difference {
        /// The kind of the experiment: `probe`, `trees`, ….
        experiment: ComparingKind,
        /// What is compared: `uas`, `uuas`, ….
        measure: ComparedMeasure,
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
