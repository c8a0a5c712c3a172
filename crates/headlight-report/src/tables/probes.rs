//! The rows of trained probes.

use super::Split;
use super::schema::tables;
use super::words::words;

words! {
    /// How arc scores become governors.
    Decoding {
        /// Each word for itself, as in Clark et al.
        Argmax = "argmax",
        /// The maximum spanning arborescence with a single root.
        Tree = "tree",
        /// The undirected maximum spanning tree over the words that are no punctuation.
        SpanningTree = "mst",
    }

    /// What a number about a probe is about, where it is not everything.
    ProbeGroup {
        /// The words of dependencies of a length.
        Length = "length",
        /// The words of a relation.
        Relation = "relation",
        /// The probe with all heads but one ablated.
        OnlyHead = "only_head",
        /// The probe with one head ablated.
        WithoutHead = "without_head",
        /// The probe with all layers but one ablated.
        OnlyLayer = "only_layer",
        /// The probe with one layer ablated.
        WithoutLayer = "without_layer",
        /// A probe of the states of a layer.
        Layer = "layer",
    }
}

tables! {
    /// One number about one trained probe.
    "probe_scores" => ProbeScore {
        /// The probe as configs name it, its label behind it: `attention`, `attention+words`, `random-init`, `right-branching`, …; `structural_distance`, `structural_depth`, `structural_relation`; `structural_labelled` (trees of distances whose root and labels the probe of relations names), `structural_rooted` (whose root is the word of least depth).
        probe: String,
        /// How arc scores become governors: `argmax`, `tree`, or `mst` (undirected); empty where the number needs no decoding.
        decoding: Option<Decoding>,
        /// Name of the treebank.
        treebank: String,
        /// Its split.
        split: Split,
        /// The training seed.
        seed: Option<i64>,
        /// `uas`, `uas_with_punct`, `uuas`, `root_accuracy`, `selectivity`, `mdl_bits`, `distance_spearman`, `las`, `relation_accuracy`, …
        measure: String,
        /// What the number is about: empty (everything), `relation` or `length` (those words), `only_head`, `without_head`, `only_layer` or `without_layer` (the probe with its other heads, or these, ablated).
        group: Option<ProbeGroup>,
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
