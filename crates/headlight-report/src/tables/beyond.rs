//! The rows of what goes beyond the peaks of heads: their attention, lengths of dependencies, null models.

use headlight_stats::Unit;

use super::schema::tables;
use super::words::words;
use super::{Direction, Split};

words! {
    /// What the rows of maps are when they are read.
    MapRows {
        /// As attended, special pieces included.
        Raw = "raw",
        /// Renormalised over words.
        Words = "words",
    }
}

tables! {
    /// How much of one head's attention lies on the governors of a relation's words, and how high governors rank (METHOD §2). Written with `heads.attention`.
    "head_attention" => HeadAttention {
        /// Name of the treebank.
        treebank: String,
        /// Its split: `select` or `evaluate`.
        split: Split,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0.
        head_index: u32,
        /// Whose attention is read: `dep_to_gov`, the dependent's row (what it attends to), or `gov_to_dep`, its column (what attends to it).
        direction: Direction,
        /// Relation, or an aggregate as in `head_scores`.
        relation: String,
        /// `raw`: maps as attended, special pieces among what shares are of; `words`: rows renormalised over words.
        rows: MapRows,
        /// Words whose governor has the highest weight among the other words: `correct` of `head_scores`.
        correct: u64,
        /// Words of the relation that have a governor; the root has none and is left out here.
        total: u64,
        /// Mean weight between a word and its governor, as the map has it: of the dependent's attention to the governor, or of the governor's to the dependent.
        weight: f64,
        /// Mean share of the row's (or column's) sum that lies on the governor; everything in it counts, special pieces and the word itself too.
        share: f64,
        /// Mean of 1 / rank of the governor among the other words of the row (or column); rank 1 is `correct`, of equal weights the lowest word ranks first.
        reciprocal_rank: f64,
    }

    /// How often one head, in one direction, picks governors at one distance: accuracy by signed dependency length, and where the best baseline is wrong (METHOD §2). On `evaluate` alone.
    "head_lengths" => HeadLength {
        /// Name of the treebank.
        treebank: String,
        /// Its split: `evaluate`.
        split: Split,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0.
        head_index: u32,
        /// Who attends: `dep_to_gov` or `gov_to_dep`.
        direction: Direction,
        /// Relation, or an aggregate as in `head_scores`.
        relation: String,
        /// Position of the governor minus position of the dependent.
        length: i32,
        /// Whether everything longer to the same side is counted here too (`heads.lengths`).
        and_longer: bool,
        /// Words whose governor was picked.
        correct: u64,
        /// Words of the relation whose governor is so far away; the root has no length.
        total: u64,
        /// Of `correct`, words that the best baseline of the relation is wrong about.
        correct_beyond: u64,
        /// Of `total`, words that the best baseline is wrong about.
        total_beyond: u64,
    }

    /// The head chosen for a relation beside the best baseline, by signed dependency length (METHOD §2).
    "best_head_lengths" => BestHeadLength {
        /// Relation, or an aggregate as in `head_scores`.
        relation: String,
        /// Position of the governor minus position of the dependent.
        length: i32,
        /// Whether everything longer to the same side is counted here too (`heads.lengths`).
        and_longer: bool,
        /// Words whose governor the head picked; with folds, the head chosen for each word's sentence.
        correct: u64,
        /// Words whose governor the best baseline picked.
        baseline_correct: u64,
        /// Words whose governor both picked: `correct - both_correct` of `total - baseline_correct` is the head's score where the baseline is wrong.
        both_correct: u64,
        /// Words of the relation whose governor is so far away.
        total: u64,
    }

    /// The best head of a relation in a model with random weights beside that of the trained one: chosen by the same procedure among as many candidates, on the same words (METHOD §2).
    "null_models" => NullModel {
        /// Relation, or an aggregate as in `head_scores`.
        relation: String,
        /// Which random model, counted from 1; empty for all of them together.
        draw: Option<u32>,
        /// The seed of its weights: `model.random_init` with this `seed` is the same model.
        seed: Option<i64>,
        /// Layer of the head chosen in it, counted from 1; empty for all together, and where folds chose different heads.
        layer: Option<u32>,
        /// Head within its layer, counted from 1.
        head: Option<u32>,
        /// Who attends.
        direction: Option<Direction>,
        /// Words whose other end it picked; over all draws where `draw` is empty.
        correct: u64,
        /// Words of the relation; as many times as there are draws where `draw` is empty.
        total: u64,
        /// `correct / total`.
        accuracy: f64,
        /// Lowest accuracy of a draw.
        lowest: f64,
        /// Highest accuracy of a draw.
        highest: f64,
        /// Accuracy of the trained model's head on the same words.
        trained_accuracy: f64,
        /// `trained_accuracy - accuracy`.
        difference: f64,
        /// Lower end of its paired-bootstrap percentile interval; it does not hold the spread over draws.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
        /// p of the two-sided exact sign-flip test, trained against random; empty where heads were chosen on the words that they are scored on.
        p_value: Option<f64>,
        /// The same after Holm's correction over the relations, or over the aggregates, of a draw or of all draws.
        p_adjusted: Option<f64>,
        /// What was resampled and swapped: `sentence` or `document`.
        unit: Unit,
        /// How many of them.
        units: u64,
    }
}
