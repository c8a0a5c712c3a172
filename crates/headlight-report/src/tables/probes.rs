//! The rows of trained probes.

use super::schema::tables;

tables! {
    /// One number about one trained probe.
    "probe_scores" => ProbeScore {
        /// The probe as configs name it, its label behind it: `attention`, `attention+words`, `random-init`, `right-branching`, …; `structural_distance`, `structural_depth`.
        probe: String,
        /// How arc scores become governors: `argmax`, `tree`, or `mst` (undirected); empty where the number needs no decoding.
        decoding: Option<String>,
        /// Name of the treebank.
        treebank: String,
        /// Its split.
        split: String,
        /// The training seed.
        seed: Option<i64>,
        /// `uas`, `uas_with_punct`, `uuas`, `root_accuracy`, `selectivity`, `mdl_bits`, `distance_spearman`, …
        measure: String,
        /// What the number is about: empty (everything), `relation` or `length` (those words), `only_head`, `without_head`, `only_layer` or `without_layer` (the probe with its other heads, or these, ablated).
        group: Option<String>,
        /// The relation, the dependency length, the head (`layer-head`, counted from 1) or the layer.
        group_value: Option<String>,
        /// Words counted as correct, where the measure is a share of words.
        correct: Option<u64>,
        /// Words counted.
        total: Option<u64>,
        /// The number itself; a share is between 0 and 1.
        value: f64,
        /// Lower end of its bootstrap interval over sentences or documents.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
        /// Which draw of random weights, or of the control task, counted from 1; empty where nothing was drawn but the start of training.
        draw: Option<i64>,
    }
}
