//! From sentence-by-sentence counts of chosen heads and baselines to the `best_heads` table.

use headlight_attention::AttentionHead;

use crate::stats::{Bootstrap, Counts, Interval, Pair, PairedIntervals, StatsError, holm, sign_flip_test};
use crate::tables::{BestHead, Direction};

/// Names that stand among relations for sets of words: all, without punctuation, and also without the root.
pub const AGGREGATES: [&str; 3] = ["all", "all-nopunct", "all-nopunct-noroot"];

/// Whether `relation` is one of [`AGGREGATES`].
pub fn is_aggregate(relation: &str) -> bool {
    AGGREGATES.contains(&relation)
}

/// Whether a head can be right about the relation: it predicts words, and the governor of `root` is none. Tables keep the
/// row, so that relations add up to the aggregates; people are spared it.
pub(crate) fn is_between_words(relation: &str) -> bool {
    relation != "root"
}

/// The head and the baseline chosen for one relation, and how they fared on every evaluated sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The relation, or one of [`AGGREGATES`].
    pub relation: String,
    /// The head chosen.
    pub head: AttentionHead,
    /// The direction chosen.
    pub direction: Direction,
    /// The best baseline: `offset`, `modal_offset` or `right_branching`.
    pub baseline: String,
    /// Its offset, where it has one.
    pub baseline_offset: Option<i32>,
    /// Per sentence, the head's counts.
    pub head_counts: Vec<Counts>,
    /// Per sentence, the baseline's counts.
    pub baseline_counts: Vec<Counts>,
}

/// Scores every choice: accuracy with its interval, difference to the baseline with its paired interval, exact paired
/// test, Holm's correction over the relations (the aggregates, which repeat their words, are a family of their own).
/// Choices without a single word are left out.
///
/// # Errors
/// [`StatsError::DifferentSentences`] where the counts are not all of the same number of sentences.
pub fn assess(
    choices: &[Choice],
    selected_on: &str,
    evaluated_on: &str,
    bootstrap: &Bootstrap,
) -> Result<Vec<BestHead>, StatsError> {
    let pairs: Vec<Pair<'_>> =
        choices.iter().map(|choice| Pair { a: &choice.head_counts, b: &choice.baseline_counts }).collect();
    let intervals = bootstrap.paired(&pairs)?;
    let mut rows = Vec::new();
    for ((choice, pair), intervals) in choices.iter().zip(&pairs).zip(intervals) {
        let (correct, total) = Counts::sum(pair.a);
        if total == 0 {
            continue;
        }
        let ends = |interval: fn(PairedIntervals) -> Interval| {
            intervals.map(interval).map(|Interval { low, high }| (low, high)).unzip()
        };
        let (ci_low, ci_high) = ends(|intervals| intervals.a);
        let (difference_ci_low, difference_ci_high) = ends(|intervals| intervals.difference);
        let (baseline_correct, _) = Counts::sum(pair.b);
        rows.push(BestHead {
            relation: choice.relation.clone(),
            layer: choice.head.layer as u32 + 1,
            head: choice.head.index as u32 + 1,
            direction: choice.direction,
            selected_on: selected_on.to_owned(),
            evaluated_on: evaluated_on.to_owned(),
            correct,
            total,
            accuracy: correct as f64 / total as f64,
            ci_low,
            ci_high,
            baseline: choice.baseline.clone(),
            baseline_accuracy: baseline_correct as f64 / total as f64,
            p_value: Some(sign_flip_test(*pair)?),
            p_adjusted: None,
            baseline_offset: choice.baseline_offset,
            baseline_correct,
            difference_ci_low,
            difference_ci_high,
        });
    }
    adjust(&mut rows, is_aggregate);
    adjust(&mut rows, |relation| !is_aggregate(relation));
    Ok(rows)
}

/// Fills `p_adjusted` of the rows of one family.
fn adjust(rows: &mut [BestHead], in_family: impl Fn(&str) -> bool) {
    let mut family: Vec<&mut BestHead> = rows.iter_mut().filter(|row| in_family(&row.relation)).collect();
    let p_values: Vec<f64> = family.iter().filter_map(|row| row.p_value).collect();
    for (row, adjusted) in family.iter_mut().zip(holm(&p_values)) {
        row.p_adjusted = Some(adjusted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(relation: &str, head: &[u32], baseline: &[u32]) -> Choice {
        let counts = |correct: &[u32]| correct.iter().map(|&correct| Counts { correct, total: 1 }).collect();
        Choice {
            relation: relation.into(),
            head: AttentionHead { layer: 7, index: 9 },
            direction: Direction::DependentToGovernor,
            baseline: "offset".into(),
            baseline_offset: Some(1),
            head_counts: counts(head),
            baseline_counts: counts(baseline),
        }
    }

    #[test]
    fn relations_and_aggregates_are_corrected_apart() {
        let clear = [[1; 6], [0; 6]];
        let choices = [
            choice("all", &clear[0], &clear[1]),
            choice("obj", &clear[0], &clear[1]),
            choice("det", &clear[0], &clear[0]),
        ];
        let rows = assess(&choices, "train", "dev", &Bootstrap::default()).unwrap();
        let p: Vec<_> = rows.iter().map(|row| (row.p_value.unwrap(), row.p_adjusted.unwrap())).collect();
        assert_eq!(p, [(1.0 / 32.0, 1.0 / 32.0), (1.0 / 32.0, 2.0 / 32.0), (1.0, 1.0)]);
        assert_eq!((rows[0].layer, rows[0].head, rows[0].correct, rows[0].total), (8, 10, 6, 6));
        // 6 of 6 and 0 of 6: Wilson's intervals, and Newcombe's of the difference.
        let end = |end: Option<f64>| (1000.0 * end.unwrap()).round() / 1000.0;
        assert_eq!([rows[1].ci_low, rows[1].ci_high, rows[1].difference_ci_low].map(end), [0.61, 1.0, 0.448]);
    }

    #[test]
    fn without_resamples_there_are_no_intervals_but_all_else() {
        let none = Bootstrap { resamples: 0, ..Bootstrap::default() };
        let rows = assess(&[choice("det", &[1; 3], &[0; 3])], "train", "dev", &none).unwrap();
        assert_eq!((rows[0].ci_low, rows[0].difference_ci_high, rows[0].p_value), (None, None, Some(0.25)));
    }

    #[test]
    fn a_relation_that_never_occurs_is_left_out_and_uneven_counts_are_refused() {
        let mut absent = choice("iobj", &[0; 3], &[0; 3]);
        absent.head_counts.fill(Counts::default());
        absent.baseline_counts.fill(Counts::default());
        let choices = [absent, choice("det", &[1; 3], &[0; 3])];
        let rows = assess(&choices, "train", "dev", &Bootstrap::default()).unwrap();
        assert_eq!(rows.iter().map(|row| row.relation.as_str()).collect::<Vec<_>>(), ["det"]);

        let uneven = [choice("det", &[1; 3], &[0; 3]), choice("obj", &[1; 4], &[0; 4])];
        let error = assess(&uneven, "train", "dev", &Bootstrap::default()).unwrap_err();
        assert_eq!(error, StatsError::DifferentSentences { a: 3, b: 4 });
    }
}
