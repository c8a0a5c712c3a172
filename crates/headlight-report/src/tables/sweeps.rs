//! The rows of a sweep, which lie in its own folder beside its runs.

use headlight_stats::Unit;

use super::Direction;
use super::schema::tables;

tables! {
    /// One result of one run of a sweep, with what tells the run from the others (METHOD §13). Tables `sweep` and `sweep_seeds` lie in the sweep's own folder, `NAME-sweep`.
    "sweep" => SweepScore {
        /// The run's name.
        run: String,
        /// What the run shares with those that differ from it in step and seed only: the training, and other swept values.
        series: String,
        /// The swept keys with this run's values: `model.path=step-1000, seed=2`.
        swept: String,
        /// The step of the training that the run's checkpoint is of, where its name tells.
        step: Option<i64>,
        /// The seed of that training, where the checkpoint's name tells; else the run's `seed`.
        seed: i64,
        /// `best_head`: accuracy of the chosen head, as in `best_heads`. A measure of `probe_scores`, such as `uas`. `masked_lm_loss`: in nats per hidden piece. `pairs_accuracy`: minimal pairs whose acceptable sentence is more likely, as in `pairs`.
        measure: String,
        /// Of what: the relation or aggregate, the probe with its decoding, the kind that measured a loss, or the phenomenon of minimal pairs (`all`: all of them).
        of: String,
        /// Layer of the chosen head, counted from 1; empty where the two folds chose different heads.
        layer: Option<u32>,
        /// That head within its layer, counted from 1.
        head: Option<u32>,
        /// Who attends.
        direction: Option<Direction>,
        /// The number; a share is between 0 and 1. Of a probe with several seeds or draws the mean.
        value: f64,
        /// Words or pairs counted as correct, where the number is a share of them.
        correct: Option<u64>,
        /// Words or pairs counted.
        total: Option<u64>,
        /// Lower end of the run's own interval, over sentences, documents or pairs.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
        /// Accuracy of the best baseline on the same words, where there is one; of minimal pairs, that of a guess.
        baseline_accuracy: Option<f64>,
    }

    /// A result of a sweep over the seeds of one step: mean, spread and the interval of the multi-bootstrap (Sellam et al. 2022; METHOD §13). Only where there are several seeds.
    "sweep_seeds" => SweepSeeds {
        /// As in `sweep`.
        series: String,
        /// As in `sweep`.
        step: Option<i64>,
        /// As in `sweep`.
        measure: String,
        /// As in `sweep`.
        of: String,
        /// How many seeds there are.
        seeds: u64,
        /// Mean over them.
        mean: f64,
        /// Their standard deviation (n − 1).
        sd: f64,
        /// The lowest.
        lowest: f64,
        /// The highest.
        highest: f64,
        /// Lower end of the multi-bootstrap interval of the mean: seeds and sentences, or documents, are resampled together. Empty where the runs keep no predictions of the number word by word, or were not evaluated on the same sentences.
        ci_low: Option<f64>,
        /// Upper end.
        ci_high: Option<f64>,
        /// What was resampled with the seeds: `sentence` or `document`; empty without an interval.
        unit: Option<Unit>,
        /// How many of them.
        units: Option<u64>,
    }
}
