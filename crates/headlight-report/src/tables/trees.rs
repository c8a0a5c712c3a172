//! The rows of trees without training, and of heads that find a relation together.

use super::schema::tables;
use super::words::words;
use super::{Direction, Split};

words! {
    /// What predicts the trees of `head_trees`.
    TreePredictor {
        /// The chosen head.
        Head = "head",
        /// Neighbours joined.
        Chain = "chain",
        /// Each head, chosen or not.
        EachHead = "each_head",
    }

    /// How attention becomes a tree.
    TreeShape {
        /// The maximum spanning tree over the words that are no punctuation.
        Undirected = "undirected",
        /// The maximum arborescence from the root, dependents attending.
        DependentToGovernor = "dep_to_gov",
        /// The same, governors attending.
        GovernorToDependent = "gov_to_dep",
    }

    /// What is counted of a tree, without punctuation and root.
    TreeMeasure {
        /// Arcs without direction.
        Uuas = "uuas",
        /// Governors of a tree that was told the root.
        UasGivenRoot = "uas_given_root",
    }

    /// What predicts labelled trees.
    LabelledPredictor {
        /// The highest map of all ensembles.
        Ensembles = "ensembles",
        /// The same, weights being replaced by how often arcs of that weight are of the relation.
        Calibrated = "calibrated",
        /// The best single head.
        Head = "head",
        /// Neighbours joined.
        Chain = "chain",
    }

    /// What is counted of a labelled tree, without punctuation and root.
    LabelledMeasure {
        /// The governor.
        UasGivenRoot = "uas_given_root",
        /// Governor and relation.
        LasGivenRoot = "las_given_root",
        /// The name that an arc of the treebank would have.
        RelationOfArc = "relation_of_arc",
    }
}

tables! {
    /// How many arcs of the treebank the trees of a single head have (METHOD §6).
    "head_trees" => HeadTree {
        /// Name of the treebank.
        treebank: String,
        /// Its split.
        split: Split,
        /// `head` (the chosen one), `chain` (neighbours joined), or `each_head`.
        predictor: TreePredictor,
        /// Layer, counted from 0; empty for chains, and where folds chose different heads.
        layer_index: Option<u32>,
        /// Head within its layer, counted from 0.
        head_index: Option<u32>,
        /// `undirected`: the spanning tree over the words that are no punctuation; `dep_to_gov`, `gov_to_dep`: the arborescence from the root of the treebank, by who attends.
        tree: TreeShape,
        /// `uuas`, or `uas_given_root`; both without punctuation and root.
        measure: TreeMeasure,
        /// Arcs that the tree has.
        correct: u64,
        /// Arcs of the treebank.
        total: u64,
        /// Lower end of the sentence-bootstrap interval of `correct / total`.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
    }

    /// How many arcs of one relation heads find whose maps are averaged (METHOD §6). The row of the word that attends is read: in `dep_to_gov` an arc is found where its governor is on top of the dependent's row, in `gov_to_dep` where its dependent is on top of the governor's row (not, as in `head_scores`, where the governor is on top of the dependent's column).
    "ensembles" => Ensemble {
        /// Name of the treebank.
        treebank: String,
        /// Relation.
        relation: String,
        /// Who attends.
        direction: Direction,
        /// The heads in the order in which they were added, `layer-head` counted from 1, separated by spaces. With folds those gathered on the first half, and behind a `/` those of the second where it gathered others; each is scored on the other half.
        heads: String,
        /// Arcs that they find where they were gathered; with folds in both halves.
        selected_correct: u64,
        /// Arcs of the relation there.
        selected_total: u64,
        /// Arcs that they find where they are reported.
        correct: u64,
        /// Arcs of the relation there.
        total: u64,
        /// Lower end of the bootstrap interval of `correct / total`, over sentences or documents (`treebank.unit`).
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
        /// The first of the heads; with folds as `heads`.
        single_head: String,
        /// Arcs that it finds alone.
        single_correct: u64,
        /// Lower end of the paired-bootstrap interval of the ensemble's accuracy minus that of its first head; tests are in `differences`.
        difference_ci_low: Option<f64>,
        /// Upper end.
        difference_ci_high: Option<f64>,
        /// The single head of either direction that finds most arcs of the relation where heads were gathered; with folds as `heads`.
        best_head: String,
        /// Who attends when it is read; empty where the two folds chose different directions.
        best_direction: Option<Direction>,
        /// Arcs that it finds where they are reported.
        best_correct: u64,
    }

    /// How many arcs of the treebank the trees of all ensembles together have, beside simpler trees (METHOD §6). All are given the root; arcs of punctuation and of the root are not counted.
    "ensemble_trees" => EnsembleTree {
        /// Name of the treebank.
        treebank: String,
        /// `ensembles`: the highest map of any relation, which also names the arc. `calibrated`: the same, a map's weight replaced by how often arcs of that weight are of its relation. `head`: the best single head. `chain`: neighbours joined. The last two name an arc by the most frequent relation of its offset.
        predictor: LabelledPredictor,
        /// Layer of the single head, counted from 0.
        layer_index: Option<u32>,
        /// Head within its layer, counted from 0.
        head_index: Option<u32>,
        /// Who attends, where the predictor is a single head.
        direction: Option<Direction>,
        /// `uas_given_root`; `las_given_root`: governor and relation; `relation_of_arc`: the relation that the predictor names the treebank's own arc by, whether or not its tree has the arc.
        measure: LabelledMeasure,
        /// The relation of the arcs counted; empty for all.
        relation: Option<String>,
        /// Arcs that are right.
        correct: u64,
        /// Arcs of the treebank.
        total: u64,
        /// Lower end of the sentence-bootstrap interval of `correct / total`; empty for single relations.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
    }
}
