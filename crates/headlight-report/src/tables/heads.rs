//! The rows of single heads: how often each finds arcs, which is best, and what the best say.

use headlight_stats::Unit;

use super::schema::tables;
use super::words::words;
use super::{Direction, Split};

words! {
    /// What predicts without attention.
    BaselineKind {
        /// The word at a fixed offset from −5 to +5.
        Offset = "offset",
        /// The word at the offset that is most frequent.
        ModalOffset = "modal_offset",
        /// The word before; the first word hangs from the root.
        RightBranching = "right_branching",
        /// The word so far before the later one.
        Distance = "distance",
        /// The word at the distance that is most frequent.
        ModalDistance = "modal_distance",
    }

    /// Where the head of a relation was chosen.
    SelectedOn {
        /// On `treebank.select`.
        Select = "select",
        /// On the half of `treebank.evaluate` that it is not scored on.
        OtherFold = "evaluate (other fold)",
        /// Where it is scored.
        Evaluate = "evaluate",
    }

    /// Where the head of a relation is scored.
    EvaluatedOn {
        /// On `treebank.evaluate`.
        Evaluate = "evaluate",
        /// On both halves of it, each with the head that the other chose.
        BothFolds = "evaluate (both folds)",
    }
}

tables! {
    /// How often one head, in one direction, picks the governor (or dependent) of the words of one relation.
    "head_scores" => HeadScore {
        /// Name of the treebank.
        treebank: String,
        /// Its split: `select` or `evaluate`, or a fold of it.
        split: Split,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0.
        head_index: u32,
        /// Who attends: `dep_to_gov`, `gov_to_dep`, or, where `heads.directions` has it, `later_to_earlier`.
        direction: Direction,
        /// Relation, a path of several (`obl+case`, where `heads.paths` has it), or an aggregate: `all`, `all-nopunct`, `all-nopunct-noroot`.
        relation: String,
        /// Words whose other end was picked.
        correct: u64,
        /// Words of the relation.
        total: u64,
        /// Those of them whose other end can be picked: not the root, and of a causal model only where whoever attends stands behind the other.
        reachable: Option<u64>,
    }

    /// How often a baseline picks the governor of the words of one relation.
    "baselines" => Baseline {
        /// Name of the treebank.
        treebank: String,
        /// Its split.
        split: Split,
        /// `offset`, `modal_offset` or `right_branching`; of `later_to_earlier` `distance` or `modal_distance`: the earlier word stands so far before the later one.
        baseline: BaselineKind,
        /// Position of the governor minus position of the dependent, where the baseline is a fixed offset.
        offset: Option<i32>,
        /// Relation, or an aggregate as in `head_scores`.
        relation: String,
        /// Words whose governor was picked.
        correct: u64,
        /// Words of the relation.
        total: u64,
    }

    /// The head chosen for a relation on one split, scored on another beside the best baseline.
    "best_heads" => BestHead {
        /// Relation, or an aggregate as in `head_scores`.
        relation: String,
        /// Layer, counted from 1; empty where the two folds chose different heads or directions.
        layer: Option<u32>,
        /// Head within its layer, counted from 1; empty where `layer` is.
        head: Option<u32>,
        /// Who attends; empty where `layer` is.
        direction: Option<Direction>,
        /// The split on which head and baseline were chosen.
        selected_on: SelectedOn,
        /// The split on which both are scored.
        evaluated_on: EvaluatedOn,
        /// Words whose other end the head picked.
        correct: u64,
        /// Words of the relation.
        total: u64,
        /// `correct / total`.
        accuracy: f64,
        /// Lower end of the accuracy's bootstrap percentile interval; Wilson's where all words are right, or none.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
        /// The best baseline where the head was chosen: `offset`, `modal_offset` (beyond −5..+5) or `right_branching`; empty where the two folds chose different ones.
        baseline: Option<BaselineKind>,
        /// Its accuracy on the same words.
        baseline_accuracy: f64,
        /// p of the two-sided sign-flip test over units, head against baseline: exact where both were chosen on other sentences. Where they were chosen on the same, of the maximum over all heads, directions and baselines, which pays for the choice. Empty for `root`, which no head can predict.
        p_value: Option<f64>,
        /// The same corrected for the number of relations: Holm's, or where the choice is paid for the step-down maximum.
        p_adjusted: Option<f64>,
        /// The baseline's offset, where it has one.
        baseline_offset: Option<i32>,
        /// Words whose governor the baseline picked.
        baseline_correct: u64,
        /// Lower end of the paired-bootstrap interval of `accuracy - baseline_accuracy`.
        difference_ci_low: Option<f64>,
        /// Upper end.
        difference_ci_high: Option<f64>,
        /// What intervals resample and tests swap: `sentence` or `document`.
        unit: Option<Unit>,
        /// How many of them were evaluated; of more than 65,536, how many stretches of 2, 4, … neighbouring ones.
        units: Option<u64>,
        /// With two folds: layer of the head that was chosen on the first, counted from 1.
        fold_1_layer: Option<u32>,
        /// That head within its layer, counted from 1.
        fold_1_head: Option<u32>,
        /// Who attends.
        fold_1_direction: Option<Direction>,
        /// The baseline that was chosen on the first fold.
        fold_1_baseline: Option<BaselineKind>,
        /// Its offset, where it has one.
        fold_1_baseline_offset: Option<i32>,
        /// Words of the second fold whose other end that head picked.
        fold_1_correct: Option<u64>,
        /// Words of the second fold.
        fold_1_total: Option<u64>,
        /// With two folds: layer of the head that was chosen on the second, counted from 1.
        fold_2_layer: Option<u32>,
        /// That head within its layer, counted from 1.
        fold_2_head: Option<u32>,
        /// Who attends.
        fold_2_direction: Option<Direction>,
        /// The baseline that was chosen on the second fold.
        fold_2_baseline: Option<BaselineKind>,
        /// Its offset, where it has one.
        fold_2_baseline_offset: Option<i32>,
        /// Words of the first fold whose other end that head picked.
        fold_2_correct: Option<u64>,
        /// Words of the first fold.
        fold_2_total: Option<u64>,
        /// Words of `total` whose other end the head can pick: not the root, and of a causal model only where whoever attends stands behind the other. `correct / reachable` is the accuracy on them.
        reachable: Option<u64>,
    }

    /// One head of all, in one direction, against the baseline chosen for a relation, on the words that are reported.
    "head_tests" => HeadTest {
        /// Relation, or an aggregate as in `head_scores`; without `root`, which no head can predict.
        relation: String,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0.
        head_index: u32,
        /// Who attends.
        direction: Direction,
        /// Words that the head has right more than the baseline that `best_heads` names.
        ahead: i64,
        /// p of the one-sided sign-flip test over units that this head alone is no better than the baseline: exact; 1 where it is not ahead.
        p_value: f64,
        /// The same paying for the choice among all heads and directions of the relation: of the largest statistic under shared sign flips (Westfall & Young).
        p_adjusted: f64,
        /// Benjamini & Hochberg's q of `p_value` over all heads, directions and relations (aggregates and paths apart).
        q_value: f64,
    }

    /// What one predictor said about one word.
    "predictions" => Prediction {
        /// Who predicts: `best_head`, `best_baseline`, `right_branching`, or a probe's name and decoding.
        predictor: String,
        /// For what it was chosen: a relation, a path or an aggregate (then its words only); empty when for nothing special.
        scope: Option<String>,
        /// The sentence.
        sent_id: String,
        /// The word, counted from 1 (CoNLL-U's ID).
        word_id: u32,
        /// Its governor in the treebank; 0 for the root.
        governor: u32,
        /// Its relation in the treebank.
        relation: String,
        /// The predicted governor; 0 for the root; empty when the predictor points outside the sentence.
        predicted: Option<u32>,
        /// Whether both are the same; for a path, whether what is predicted is its upper end.
        correct: bool,
        /// The sentence's number in the split, counted from 1, those that were skipped included: tells sentences of one name apart.
        sentence: Option<u32>,
        /// The word's form.
        form: Option<String>,
        /// The number of the sentence's document, where documents are what statistics resample (`treebank.unit`).
        document: Option<u32>,
    }
}
