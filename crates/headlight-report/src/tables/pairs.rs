//! The rows of minimal pairs.

use super::Masking;
use super::schema::tables;
use super::words::words;

words! {
    /// Which pairs are counted together.
    PairLevel {
        /// All.
        Whole = "whole",
        /// Those of a field, such as morphology.
        Field = "field",
        /// Those of a phenomenon.
        Phenomenon = "phenomenon",
        /// Those that are made in one way.
        Paradigm = "paradigm",
    }
}

words! {
    /// What a sentence is scored by.
    SentenceScore {
        /// Of a masked model, later pieces of the same word hidden as well.
        WithinWordL2r = "within_word_l2r",
        /// Of a masked model, one piece hidden at a time.
        Original = "original",
        /// Of a causal model.
        LogLikelihood = "log_likelihood",
    }
}

words! {
    /// Which heads are masked.
    MaskedHeads {
        /// None.
        None = "none",
        /// Those that were named, or are best for relations.
        Chosen = "chosen",
        /// As many others of the same layers, drawn at random.
        Random = "random",
    }
}

tables! {
    /// How often a model finds the acceptable sentence of a minimal pair more likely (METHOD §11), with all heads at work.
    "pairs" => PairAccuracy {
        /// Name of the pairs.
        pairs: String,
        /// What a sentence is scored by: `within_word_l2r` or `original` (pseudo-log-likelihoods of a masked model), or `log_likelihood` (of a causal one).
        score: SentenceScore,
        /// Which pairs are counted: `whole`, or those of a `field`, `phenomenon` or `paradigm`.
        level: PairLevel,
        /// Name of the field, phenomenon or paradigm; empty for the whole.
        group: Option<String>,
        /// Paradigms that the pairs are of.
        paradigms: u64,
        /// Pairs whose acceptable sentence has the higher score.
        correct: u64,
        /// Pairs whose sentences have one score, which are not right.
        ties: u64,
        /// Pairs scored.
        total: u64,
        /// Lower end of the bootstrap interval of `correct / total` over pairs.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
        /// The mean of the paradigms' accuracies, as BLiMP reports it; empty for one paradigm.
        macro_mean: Option<f64>,
        /// Lower end of its bootstrap interval over pairs.
        macro_ci_low: Option<f64>,
        /// Upper end.
        macro_ci_high: Option<f64>,
    }

    /// The same with heads masked, one after the other, on the sample of pairs that `pairs.masked_limit` draws; step 0 is the intact model on that sample. Paired differences are in `differences`.
    "pairs_masked" => PairMasking {
        /// Name of the pairs.
        pairs: String,
        /// What a sentence is scored by, as in `pairs`.
        score: SentenceScore,
        /// What a masked head does: `zero`, or `uniform` attention to all positions.
        masking: Masking,
        /// Which heads are masked: `none`, `chosen` ones, or as many `random` ones of the same layers that are not among those.
        masked: MaskedHeads,
        /// Which of the random draws, counted from 0.
        draw: Option<u32>,
        /// How many heads are masked.
        step: u32,
        /// The masked heads in order, `layer-head` counted from 1, separated by spaces.
        heads: String,
        /// Which pairs are counted, as in `pairs`.
        level: PairLevel,
        /// Name of the field, phenomenon or paradigm; empty for the whole.
        group: Option<String>,
        /// Pairs whose acceptable sentence has the higher score.
        correct: u64,
        /// Pairs whose sentences have one score, which are not right.
        ties: u64,
        /// Pairs scored.
        total: u64,
        /// Lower end of the paired-bootstrap interval of the change of `correct / total` from the intact model, over pairs; empty at step 0.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
    }

    /// The scores of each minimal pair, with all heads at work.
    "pair_scores" => PairScore {
        /// Name of the pairs.
        pairs: String,
        /// File that the pair is from, without folders.
        file: String,
        /// Its line there, counted from 1.
        line: u64,
        /// Its paradigm.
        paradigm: String,
        /// What that is about.
        phenomenon: String,
        /// The field of that; empty where the file does not say.
        field: Option<String>,
        /// The acceptable sentence.
        good: String,
        /// The other one.
        bad: String,
        /// (Pseudo-)log-likelihood of the acceptable sentence in nats.
        good_score: f64,
        /// Of the other one.
        bad_score: f64,
        /// Whether the acceptable sentence has the higher score; not where both have the same.
        correct: bool,
    }
}
