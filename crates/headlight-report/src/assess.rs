//! From sentence-by-sentence counts of chosen heads and baselines to the `best_heads` table.

mod chosen;

use headlight_stats::{
    Bootstrap, Counts, Interval, Pair, PairedIntervals, StatsError, Unit, holm_by_family, sign_flip_test,
};

use crate::Selection;
use crate::tables::BestHead;

pub use chosen::Chosen;

/// Names that stand among relations for sets of words: all, without punctuation, and also without the root.
pub const AGGREGATES: [&str; 3] = ["all", "all-nopunct", "all-nopunct-noroot"];

/// Whether `relation` is one of [`AGGREGATES`].
pub fn is_aggregate(relation: &str) -> bool {
    AGGREGATES.contains(&relation)
}

/// What results are about, and corrected for together: each family repeats the words of the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    /// [`AGGREGATES`].
    Aggregates,
    /// Relations.
    Relations,
    /// Paths of several arcs, such as `obl+case`.
    Paths,
}

impl Family {
    /// All, in the order of tables.
    pub(crate) const ALL: [Family; 3] = [Family::Aggregates, Family::Relations, Family::Paths];

    /// The family of a name in a column `relation`.
    pub(crate) fn of(relation: &str) -> Self {
        match relation {
            _ if is_aggregate(relation) => Family::Aggregates,
            _ if relation.contains('+') => Family::Paths,
            _ => Family::Relations,
        }
    }

    /// Rows by family: aggregates, relations, and paths where there are any.
    pub(crate) fn groups<T>(rows: Vec<T>, relation: impl Fn(&T) -> &str) -> Vec<Vec<T>> {
        let mut groups: [Vec<T>; 3] = Default::default();
        rows.into_iter().for_each(|row| groups[Family::of(relation(&row)) as usize].push(row));
        let shown = if groups[Family::Paths as usize].is_empty() { 2 } else { 3 };
        groups.into_iter().take(shown).collect()
    }
}

/// Whether a head can be right about the relation: it predicts words, and the governor of `root` is none. Tables keep the
/// row, so that relations add up to the aggregates; people are spared it.
pub(crate) fn is_between_words(relation: &str) -> bool {
    relation != "root"
}

/// The heads and baselines chosen for one relation, and how they fared on every evaluated unit.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationCounts {
    /// The relation, or one of [`AGGREGATES`].
    pub relation: String,
    /// What was chosen: once; with two folds up to twice.
    pub chosen: Vec<Chosen>,
    /// Words whose arc can be found in the direction of the choice, where that was counted.
    pub reachable: Option<u64>,
    /// Per unit, the heads' counts.
    pub head_counts: Vec<Counts>,
    /// Per unit, the baselines' counts.
    pub baseline_counts: Vec<Counts>,
}

/// On what choices rest, and how their uncertainty is computed.
#[derive(Clone, Copy, Debug)]
pub struct Assessment<'a> {
    /// Where heads and baselines were chosen, seen from where they are scored.
    pub selection: Selection,
    /// What counts are by.
    pub unit: Unit,
    /// The resamples behind intervals.
    pub bootstrap: &'a Bootstrap,
    /// Whether the choice was made elsewhere, so that a test of the chosen pair alone keeps its promise. Where it was made on
    /// the same words, rows come without p-values: see [`headlight_stats::SignFlips`].
    pub is_tested: bool,
}

/// Scores every choice: accuracy with its interval, difference to the baseline with its paired interval, paired test, Holm's
/// correction over the relations (the aggregates and the paths, which repeat their words, are families of their own). Choices without a
/// single word are left out.
///
/// Families hold what can be tested: not `root`, about which no head can be right, and no relation on which head and
/// baseline never differ, whose p is 1 whatever the signs (Tarone 1990, *A modified Bonferroni method for discrete data*).
///
/// # Errors
/// [`StatsError::DifferentSentences`] where the counts are not all of the same number of units.
pub fn assess(choices: &[RelationCounts], assessment: &Assessment<'_>) -> Result<Vec<BestHead>, StatsError> {
    let pairs: Vec<Pair<'_>> =
        choices.iter().map(|choice| Pair { a: &choice.head_counts, b: &choice.baseline_counts }).collect();
    let intervals = assessment.bootstrap.paired(&pairs)?;
    let (mut rows, mut differs) = (Vec::new(), Vec::new());
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
        let is_tested = assessment.is_tested && is_between_words(&choice.relation);
        differs.push(pair.differs());
        rows.push(BestHead {
            relation: choice.relation.clone(),
            selected_on: assessment.selection.selected_on(),
            evaluated_on: assessment.selection.evaluated_on(),
            correct,
            total,
            accuracy: correct as f64 / total as f64,
            ci_low,
            ci_high,
            baseline_accuracy: baseline_correct as f64 / total as f64,
            p_value: if is_tested { Some(sign_flip_test(*pair)?) } else { None },
            baseline_correct,
            difference_ci_low,
            difference_ci_high,
            unit: Some(assessment.unit),
            units: Some(pair.a.len() as u64),
            reachable: choice.reachable,
            ..BestHead::of(&choice.chosen)
        });
    }
    let tests = rows.iter().zip(differs).map(|(row, differs)| (row.p_value, differs, Family::of(&row.relation)));
    let adjusted = holm_by_family(&tests.collect::<Vec<_>>());
    rows.iter_mut().zip(adjusted).for_each(|(row, p)| row.p_adjusted = p);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{BaselineKind, Direction};

    const BOOTSTRAP: Bootstrap = Bootstrap { resamples: 1000, seed: 1, confidence: 0.95 };

    const ELSEWHERE: Assessment<'_> =
        Assessment { selection: Selection::Separate, unit: Unit::Sentence, bootstrap: &BOOTSTRAP, is_tested: true };

    fn chosen(fold: Option<u32>, layer: u32) -> Chosen {
        Chosen {
            fold,
            layer,
            head: 10,
            direction: Direction::DependentToGovernor,
            baseline: Some(BaselineKind::Offset),
            baseline_offset: Some(1),
            correct: 3,
            total: 3,
        }
    }

    fn choice(relation: &str, head: &[u32], baseline: &[u32]) -> RelationCounts {
        let counts = |correct: &[u32]| correct.iter().map(|&correct| Counts { correct, total: 1 }).collect();
        RelationCounts {
            relation: relation.into(),
            chosen: vec![chosen(None, 8)],
            reachable: None,
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
        let rows = assess(&choices, &ELSEWHERE).unwrap();
        let p: Vec<_> = rows.iter().map(|row| (row.p_value.unwrap(), row.p_adjusted.unwrap())).collect();
        assert_eq!(p, [(1.0 / 32.0, 1.0 / 32.0), (1.0 / 32.0, 1.0 / 32.0), (1.0, 1.0)]);
        assert_eq!((rows[0].layer, rows[0].head, rows[0].correct, rows[0].total), (Some(8), Some(10), 6, 6));
        assert_eq!((rows[0].unit, rows[0].units), (Some(Unit::Sentence), Some(6)));
        // 6 of 6 and 0 of 6: Wilson's intervals, and Newcombe's of the difference.
        let end = |end: Option<f64>| (1000.0 * end.unwrap()).round() / 1000.0;
        assert_eq!([rows[1].ci_low, rows[1].ci_high, rows[1].difference_ci_low].map(end), [0.61, 1.0, 0.448]);
    }

    /// `det`, on which head and baseline say the same, and `root`, which no head predicts, do not make `obj` pay.
    #[test]
    fn what_cannot_be_tested_is_in_no_family() {
        let choices = [
            choice("obj", &[1; 6], &[0; 6]),
            choice("case", &[1, 1, 1, 1, 1, 0], &[0; 6]),
            choice("det", &[1; 6], &[1; 6]),
            choice("root", &[0; 6], &[1; 6]),
        ];
        let rows = assess(&choices, &ELSEWHERE).unwrap();
        let p: Vec<_> = rows.iter().map(|row| (row.p_value, row.p_adjusted)).collect();
        let expected =
            [(1.0 / 32.0, 2.0 / 32.0), (1.0 / 16.0, 1.0 / 16.0), (1.0, 1.0)].map(|(p, q)| (Some(p), Some(q)));
        assert_eq!(p, [expected.as_slice(), &[(None, None)]].concat());
        let rows = assess(&choices, &Assessment { is_tested: false, ..ELSEWHERE }).unwrap();
        assert!(rows.iter().all(|row| row.p_value.is_none() && row.p_adjusted.is_none()));
    }

    /// Paths repeat the words of relations, as aggregates do: neither pays for the other.
    #[test]
    fn paths_are_a_family_of_their_own() {
        let clear = |relation: &str| choice(relation, &[1; 6], &[0; 6]);
        let alone = assess(&[clear("obj"), clear("det")], &ELSEWHERE).unwrap();
        let rows =
            assess(&[clear("obj"), clear("det"), clear("obl+case"), clear("nmod+det+case")], &ELSEWHERE).unwrap();
        assert_eq!(rows[..2], alone);
        assert!(rows.iter().all(|row| row.p_adjusted == Some(2.0 / 32.0)), "{rows:?}");
        let names = ["all", "obj", "obl+case", "nmod:poss"];
        let groups = Family::groups(names.to_vec(), |name| name);
        assert_eq!(groups, [vec!["all"], vec!["obj", "nmod:poss"], vec!["obl+case"]]);
        assert_eq!(Family::groups(vec!["obj"], |name| name), [vec![], vec!["obj"]]);
    }

    #[test]
    fn folds_that_chose_differently_are_both_named_and_neither_stands_for_the_other() {
        let with = |chosen: &[Chosen]| {
            let choice = RelationCounts { chosen: chosen.to_vec(), ..choice("obj", &[1; 6], &[0; 6]) };
            assess(&[choice], &ELSEWHERE).unwrap().remove(0)
        };
        let apart = with(&[chosen(Some(1), 8), chosen(Some(2), 3)]);
        assert_eq!((apart.layer, apart.head, apart.direction), (None, None, None));
        assert_eq!((apart.fold_1_layer, apart.fold_2_layer, apart.fold_2_total), (Some(8), Some(3), Some(3)));
        assert_eq!(apart.baseline, Some(BaselineKind::Offset));
        assert_eq!(apart.chosen(), [chosen(Some(1), 8), chosen(Some(2), 3)]);
        let alike = with(&[chosen(Some(1), 8), chosen(Some(2), 8)]);
        assert_eq!((alike.layer, alike.head, alike.fold_1_layer), (Some(8), Some(10), Some(8)));
        let once = with(&[chosen(None, 8)]);
        assert_eq!((once.layer, once.fold_1_layer, once.chosen().len()), (Some(8), None, 1));
    }

    #[test]
    fn without_resamples_there_are_no_intervals_but_all_else() {
        let none = Bootstrap { resamples: 0, ..Bootstrap::default() };
        let none = Assessment { bootstrap: &none, ..ELSEWHERE };
        let rows = assess(&[choice("det", &[1; 3], &[0; 3])], &none).unwrap();
        assert_eq!((rows[0].ci_low, rows[0].difference_ci_high, rows[0].p_value), (None, None, Some(0.25)));
    }

    #[test]
    fn a_relation_that_never_occurs_is_left_out_and_uneven_counts_are_refused() {
        let mut absent = choice("iobj", &[0; 3], &[0; 3]);
        absent.head_counts.fill(Counts::default());
        absent.baseline_counts.fill(Counts::default());
        let choices = [absent, choice("det", &[1; 3], &[0; 3])];
        let rows = assess(&choices, &ELSEWHERE).unwrap();
        assert_eq!(rows.iter().map(|row| row.relation.as_str()).collect::<Vec<_>>(), ["det"]);

        let uneven = [choice("det", &[1; 3], &[0; 3]), choice("obj", &[1; 4], &[0; 4])];
        let error = assess(&uneven, &ELSEWHERE).unwrap_err();
        assert_eq!(error, StatsError::DifferentSentences { a: 3, b: 4 });
    }
}
