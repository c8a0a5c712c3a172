//! The tables' rows. Field = column; the doc comment of a field is what the column means.

use super::schema::tables;
use super::words::{
    Direction, EvaluatedOn, LabelledMeasure, LabelledPredictor, SelectedOn, TreeMeasure, TreePredictor, TreeShape,
};
use crate::stats::Unit;

tables! {
    /// How often one head, in one direction, picks the governor (or dependent) of the words of one relation.
    "head_scores" => HeadScore {
        /// Name of the treebank.
        treebank: String,
        /// Its split: `select` or `evaluate`, or a fold of it.
        split: String,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0.
        head_index: u32,
        /// Who attends: `dep_to_gov`, `gov_to_dep`, or, where `heads.directions` has it, `later_to_earlier`.
        direction: Direction,
        /// Relation, or an aggregate: `all`, `all-nopunct`, `all-nopunct-noroot`.
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
        split: String,
        /// `offset`, `modal_offset` or `right_branching`; of `later_to_earlier` `distance` or `modal_distance`: the earlier word stands so far before the later one.
        baseline: String,
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
        baseline: Option<String>,
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
        /// How many of them were evaluated.
        units: Option<u64>,
        /// With two folds: layer of the head that was chosen on the first, counted from 1.
        fold_1_layer: Option<u32>,
        /// That head within its layer, counted from 1.
        fold_1_head: Option<u32>,
        /// Who attends.
        fold_1_direction: Option<Direction>,
        /// The baseline that was chosen on the first fold.
        fold_1_baseline: Option<String>,
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
        fold_2_baseline: Option<String>,
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
        /// Benjamini & Hochberg's q of `p_value` over all heads, directions and relations (aggregates apart).
        q_value: f64,
    }

    /// What one predictor said about one word.
    "predictions" => Prediction {
        /// Who predicts: `best_head`, `best_baseline`, `right_branching`, or a probe's name and decoding.
        predictor: String,
        /// For what it was chosen: a relation or an aggregate (then its words only); empty when for nothing special.
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
        /// Whether both are the same.
        correct: bool,
        /// The sentence's number in the split, counted from 1, those that were skipped included: tells sentences of one name apart.
        sentence: Option<u32>,
        /// The word's form.
        form: Option<String>,
        /// The number of the sentence's document, where documents are what statistics resample (`treebank.unit`).
        document: Option<u32>,
    }

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

    /// One surface statistic of one head, or of a layer (METHOD §3).
    "surface" => Surface {
        /// Name of the corpus or treebank.
        corpus: String,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0; empty for a statistic of the whole layer.
        head_index: Option<u32>,
        /// `prev`, `next`, `self`, `cls`, `sep`, `sep_sep`, `rest_sep`, `punct`, `entropy`, `entropy_cls`, `entropy_uniform`; and where no special piece stands before the words `first`, of all other pieces to the first.
        measure: String,
        /// Its mean over sequences; attention is a share, entropy in nats.
        value: f64,
        /// Sequences averaged.
        sequences: u64,
    }

    /// The Jensen–Shannon distance of two heads (METHOD §3); each pair once, the lower head first.
    "head_distances" => HeadDistance {
        /// Layer of the first head, counted from 0.
        layer_a_index: u32,
        /// First head within its layer, counted from 0.
        head_a_index: u32,
        /// Layer of the second head, counted from 0.
        layer_b_index: u32,
        /// Second head within its layer, counted from 0.
        head_b_index: u32,
        /// Divergence summed over rows, in nats.
        js_sum: f64,
        /// The same divided by the number of rows.
        js_mean_per_row: f64,
        /// Rows summed.
        rows: u64,
    }

    /// Where one head lies among all heads, and what it does.
    "clusters" => Cluster {
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0.
        head_index: u32,
        /// First coordinate of the embedding by multidimensional scaling.
        x: f64,
        /// Second coordinate.
        y: f64,
        /// Behaviour by the thresholds of METHOD §3: `next`, `previous`, `broad`, `cls`, `sep`, `punctuation`; empty when none is reached.
        behaviour: Option<String>,
        /// Role by Voita's rules (METHOD §6): `positional`, `syntactic`; empty when neither.
        role: Option<String>,
        /// Number of its hierarchical cluster, counted from 0.
        cluster: Option<u32>,
    }

    /// How often a predictor finds an antecedent of the mentions of one type (METHOD §4).
    "coreference" => Coreference {
        /// Name of the corpus.
        corpus: String,
        /// Its split.
        split: String,
        /// `head` (the chosen one; all are in `coreference_heads`), `nearest`, `head_match` or `sieves`.
        predictor: String,
        /// Layer, counted from 0, when the predictor is one attention head.
        layer_index: Option<u32>,
        /// Head within its layer, counted from 0.
        head_index: Option<u32>,
        /// Who attends: `dep_to_gov` when the mention attends to its antecedent.
        direction: Option<Direction>,
        /// `all`, `pronoun`, `proper` or `nominal`.
        mention_type: String,
        /// Mentions whose predicted antecedent is right.
        correct: u64,
        /// Mentions that have an antecedent in their window.
        total: u64,
        /// Lower end of the accuracy's bootstrap interval.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
    }

    /// How often one head, in one direction, finds an antecedent of the mentions of one type (METHOD §4).
    "coreference_heads" => CoreferenceHead {
        /// Name of the corpus.
        corpus: String,
        /// Its split.
        split: String,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0.
        head_index: u32,
        /// Who attends: `dep_to_gov` when the mention attends to its antecedent.
        direction: Direction,
        /// `all`, `pronoun`, `proper` or `nominal`.
        mention_type: String,
        /// Mentions whose predicted antecedent is right.
        correct: u64,
        /// Mentions that have an antecedent in their window.
        total: u64,
    }

    /// How much the masked-language-model loss minds one head, or the attention of one head or layer (METHOD §3, §6).
    "importance" => Importance {
        /// Name of the corpus or treebank.
        corpus: String,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0; empty for the mean over the layer's heads.
        head_index: Option<u32>,
        /// `gradient_sep`, `gradient_punct`, `gradient_rest`: mean of the loss gradient's absolute value over the attention weights to `[SEP]`, to `.` and `,`, to all else. `gate`: absolute gradient of a gate on the head's output.
        measure: String,
        /// Its mean over sequences, in nats per unit of attention or of gate.
        value: f64,
        /// Standard error of that mean, sequences being independent; empty with a single one.
        standard_error: Option<f64>,
        /// Sequences averaged: those that have something to attend to.
        sequences: u64,
        /// Lower end of the bootstrap percentile interval of the mean, over sentences, documents or packed sequences.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
    }

    /// What masking one head alone does to the model (METHOD §6).
    "ablation" => Ablation {
        /// Name of the corpus or treebank.
        corpus: String,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0.
        head_index: u32,
        /// What the head does instead: `zero` (nothing) or `uniform` (attends to all positions equally).
        masking: String,
        /// `masked_lm`: loss in nats per hidden piece; `states`: 1 − cosine of the final hidden states with and without the head, mean over pieces; `probe_uas`: UAS, word by word and without punctuation, of a probe trained on the intact model, the only measure of which more is better.
        measure: String,
        /// The measure with the head masked: mean over sequences, or `correct / total`.
        value: f64,
        /// The measure with all heads at work.
        intact: f64,
        /// Standard error of `value - intact`, sequences being independent; empty with a single one.
        standard_error: Option<f64>,
        /// Sequences averaged.
        sequences: u64,
        /// Words whose governor the probe finds with the head masked, where the measure is its UAS.
        correct: Option<u64>,
        /// Words counted.
        total: Option<u64>,
        /// Lower end of the paired-bootstrap interval of `value - intact`, over sentences, documents or packed sequences.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
    }

    /// What masking more and more heads does to the model: one row a step, step 0 being the intact model (METHOD §6).
    "pruning" => Pruning {
        /// Name of the corpus or treebank.
        corpus: String,
        /// The order in which heads go: `importance`, `greedy` or `random`.
        order: String,
        /// As in `ablation`.
        masking: String,
        /// As in `ablation`.
        measure: String,
        /// Heads masked so far.
        step: u32,
        /// Layer of the head that this step masks, counted from 0; empty at step 0.
        layer_index: Option<u32>,
        /// Head within its layer, counted from 0; empty at step 0.
        head_index: Option<u32>,
        /// The measure on sequences that had no part in the order: their mean, or `correct / total`.
        value: f64,
        /// Sequences averaged.
        sequences: u64,
        /// Standard error of `value` minus that of step 0, sequences being independent; empty with a single one.
        standard_error: Option<f64>,
        /// Words whose governor the probe finds, where the measure is its UAS.
        correct: Option<u64>,
        /// Words counted.
        total: Option<u64>,
        /// Which of the random orders, counted from 1; empty for other orders.
        draw: Option<u32>,
        /// Lower end of the paired-bootstrap interval of `value` minus that of step 0, over sentences, documents or packed sequences; empty at step 0.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
    }

    /// How many arcs of the treebank the trees of a single head have (METHOD §6).
    "head_trees" => HeadTree {
        /// Name of the treebank.
        treebank: String,
        /// Its split.
        split: String,
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
        /// The heads in the order in which they were added, `layer-head` counted from 1, separated by spaces.
        heads: String,
        /// Arcs that they find where they were gathered.
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
        /// The first of the heads.
        single_head: String,
        /// Arcs that it finds alone.
        single_correct: u64,
        /// Lower end of the paired-bootstrap interval of the ensemble's accuracy minus that of its first head; tests are in `differences`.
        difference_ci_low: Option<f64>,
        /// Upper end.
        difference_ci_high: Option<f64>,
        /// The single head of either direction that finds most arcs of the relation where heads were gathered.
        best_head: String,
        /// Who attends when it is read.
        best_direction: Direction,
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
