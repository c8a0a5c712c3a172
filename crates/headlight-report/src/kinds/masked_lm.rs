//! Whether a masked-language-model head has learned anything: one that has not says nothing about the heads of the model.

use crate::format::count;
use crate::run::Report;

/// What is said where the head that the loss is taken by has not learned.
pub(crate) const UNTRAINED: &str = "The masked-language-model head of the checkpoint has not learned to guess: these numbers say nothing about the model.";

/// Whether the run found that the masked-language-model head of its checkpoint has not learned to guess.
pub(crate) fn is_untrained(report: &Report) -> bool {
    let mut facts = report.experiments.iter().filter_map(|experiment| experiment.facts.get("masked_lm_head_untrained"));
    facts.any(|untrained| untrained.as_bool() == Some(true))
}

/// Whether a loss is clearly below that of a guess among all pieces, ln V. Clearly: the whole interval of the loss lies below.
pub fn has_learned(loss: f64, interval: Option<[f64; 2]>, vocabulary: u64) -> bool {
    interval.map_or(loss, |[_, high]| high) < (vocabulary as f64).ln()
}

/// What is wrong with a head whose loss over `what` says that it has not learned.
pub(super) fn untrained(loss: f64, interval: Option<[f64; 2]>, vocabulary: u64, what: &str) -> Option<String> {
    let chance = (vocabulary as f64).ln();
    let range = interval.map_or_else(String::new, |[low, high]| format!(" (interval {low:.3} – {high:.3})"));
    (!has_learned(loss, interval, vocabulary)).then(|| {
        format!(
            "The checkpoint's masked-language-model head has not learned to guess: its loss is {loss:.3} nats per hidden \
             piece{range} over {what}, and a blind guess among {} pieces has {chance:.3}. Losses and gradients by it say \
             nothing about attention heads, and no finding is drawn from them; take a checkpoint whose head was trained, \
             or for pruning --set pruning.measure=states --set pruning.importance=ablation.",
            count(vocabulary)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_learned_when_its_loss_is_clearly_below_a_guess() {
        let check = |loss: f64, interval: Option<[f64; 2]>, learned: bool| {
            // ln 30,522 is 10.326.
            let warning = untrained(loss, interval, 30_522, "50 sentences");
            assert_eq!(warning.is_none(), learned, "{loss} {interval:?} {warning:?}");
        };
        check(10.356, Some([10.34, 10.37]), false);
        check(10.31, Some([10.29, 10.33]), false);
        check(10.31, Some([10.30, 10.32]), true);
        check(2.5, Some([2.3, 2.7]), true);
        check(10.4, None, false);
        check(2.5, None, true);
        let said = untrained(10.356, None, 30_522, "50 sentences").unwrap();
        assert!(said.contains("loss is 10.356 nats per hidden piece over 50 sentences"), "{said}");
        assert!(said.contains("among 30,522 pieces has 10.326"), "{said}");
    }
}
