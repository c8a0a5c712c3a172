//! The rows of what heads are worth to the model: gradients, and what masking them does.

use super::schema::tables;
use super::words::words;

words! {
    /// What the loss is derived by.
    ImportanceMeasure {
        /// Attention to `[SEP]`.
        GradientSep = "gradient_sep",
        /// Attention to full stops and commas.
        GradientPunct = "gradient_punct",
        /// Attention to everything else, `[CLS]` and `[MASK]` included.
        GradientRest = "gradient_rest",
        /// A gate on the output of a head.
        Gate = "gate",
    }

    /// What a masked head does.
    Masking {
        /// Nothing.
        Zero = "zero",
        /// It attends to all positions equally.
        Uniform = "uniform",
    }

    /// What masking heads is measured by.
    MaskingMeasure {
        /// The masked-language-model loss in nats per hidden piece.
        MaskedLm = "masked_lm",
        /// 1 − cosine of the final states to the intact model's.
        States = "states",
        /// UAS, word by word and without punctuation, of a probe that was trained on the intact model.
        ProbeUas = "probe_uas",
    }

    /// In which order heads go.
    PruningOrder {
        /// The least important first.
        Importance = "importance",
        /// Always the one whose loss costs least.
        Greedy = "greedy",
        /// At random.
        Random = "random",
        /// As they are named, or are best for relations.
        Named = "named",
        /// As many others of the layers of those, at random.
        RandomOfLayers = "random_of_layers",
    }
}

tables! {
    /// How much the masked-language-model loss minds one head, or the attention of one head or layer (METHOD §3, §6).
    "importance" => Importance {
        /// Name of the corpus or treebank.
        corpus: String,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0; empty for the mean over the layer's heads.
        head_index: Option<u32>,
        /// `gradient_sep`, `gradient_punct`, `gradient_rest`: mean of the loss gradient's absolute value over the attention weights to `[SEP]`, to `.` and `,`, to all else. `gate`: absolute gradient of a gate on the head's output.
        measure: ImportanceMeasure,
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
        masking: Masking,
        /// `masked_lm`: loss in nats per hidden piece; `states`: 1 − cosine of the final hidden states with and without the head, mean over pieces; `probe_uas`: UAS, word by word and without punctuation, of a probe trained on the intact model, the only measure of which more is better.
        measure: MaskingMeasure,
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
        /// The order in which heads go: `importance`, `greedy` or `random`; or `named` (heads that `pruning.heads` names or that are best for `pruning.relations`) and `random_of_layers` (as many others of the same layers).
        order: PruningOrder,
        /// As in `ablation`.
        masking: Masking,
        /// As in `ablation`.
        measure: MaskingMeasure,
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
        /// Which of the random orders, counted from 1 (`random`, `random_of_layers`); empty for other orders.
        draw: Option<u32>,
        /// Lower end of the paired-bootstrap interval of `value` minus that of step 0, over sentences, documents or packed sequences; empty at step 0.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
    }
}
