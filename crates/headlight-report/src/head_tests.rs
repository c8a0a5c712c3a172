//! Tests of all heads at once: of each against the baseline, and of the best with the choice paid for.

use headlight_attention::HeadGrid;
use headlight_stats::{Contest, Maxima, SignFlips, benjamini_hochberg, sign_flip_ahead, step_down};
use rayon::prelude::*;

use crate::assess::{Family, is_between_words};
use crate::tables::{BestHead, Direction, HeadTest};

/// All heads on the words of one relation, by unit.
#[derive(Clone, Debug)]
pub struct Field {
    /// The relation, or an aggregate.
    relation: String,
    /// The heads, all of one direction before all of the next, each against the chosen baseline; then, where the choice of
    /// the baseline is to be paid for, the chosen head against each baseline.
    contest: Contest,
    /// How large the largest statistics of the contest get by chance.
    maxima: Maxima,
}

impl Field {
    /// The contest of heads on the words of a relation under these flips; none for `root`, which no head can predict.
    pub fn new(relation: &str, contest: Contest, flips: &SignFlips) -> Option<Self> {
        let maxima = is_between_words(relation).then(|| flips.maxima(&contest))?;
        Some(Self { relation: relation.to_owned(), contest, maxima })
    }
}

/// Tests every head of `grid`, read in `directions`, on every relation: alone, with the choice among all heads paid for, and with the false
/// discovery rate over all relations, aggregates and paths apart.
pub fn head_tests(fields: &[Field], grid: HeadGrid, directions: &[Direction]) -> Vec<HeadTest> {
    let of_field = |field: &Field| {
        let test = |at: usize| {
            let head = grid.head(at % grid.len());
            let ahead: i64 = field.contest.comparison(at).sum();
            HeadTest {
                relation: field.relation.clone(),
                layer_index: head.layer as u32,
                head_index: head.index as u32,
                direction: directions[at / grid.len()],
                ahead,
                // Most heads are far behind: that takes the longest to compute and says nothing.
                p_value: if ahead > 0 { sign_flip_ahead(field.contest.comparison(at)) } else { 1.0 },
                p_adjusted: field.maxima.p_greater(at),
                q_value: 1.0,
            }
        };
        (0..directions.len() * grid.len()).into_par_iter().map(test).collect::<Vec<_>>()
    };
    let mut rows: Vec<HeadTest> = fields.iter().flat_map(of_field).collect();
    for family in Family::ALL {
        let mut members: Vec<&mut HeadTest> =
            rows.iter_mut().filter(|row| Family::of(&row.relation) == family).collect();
        let p_values: Vec<f64> = members.iter().map(|row| row.p_value).collect();
        for (row, q_value) in members.iter_mut().zip(benjamini_hochberg(&p_values)) {
            row.q_value = q_value;
        }
    }
    rows
}

/// Gives rows whose heads were chosen on the words that they are scored on p-values that pay for the choice: of the maximum
/// over all heads, directions and baselines under the same flips, and stepped down over relations (aggregates and paths apart).
pub fn pay_for_choice(rows: &mut [BestHead], fields: &[Field], grid: HeadGrid, directions: &[Direction]) {
    for family in Family::ALL {
        let members = rows.iter_mut().filter(|row| Family::of(&row.relation) == family && row.layer.is_some());
        let tested: Vec<(&mut BestHead, &Maxima, usize)> = members
            .filter_map(|row| {
                let field = fields.iter().find(|field| field.relation == row.relation)?;
                let (layer, head) = (row.layer? as usize - 1, row.head? as usize - 1);
                let way = directions.iter().position(|direction| Some(*direction) == row.direction)?;
                let at = way * grid.len() + layer * grid.heads + head;
                Some((row, &field.maxima, at))
            })
            .collect();
        let contests: Vec<(&Maxima, usize)> = tested.iter().map(|(_, maxima, at)| (*maxima, *at)).collect();
        let adjusted = step_down(&contests);
        for ((row, maxima, at), adjusted) in tested.into_iter().zip(adjusted) {
            (row.p_value, row.p_adjusted) = (Some(maxima.p_either(at)), Some(adjusted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: HeadGrid = HeadGrid { layers: 1, heads: 2 };

    /// Differences of `0-1`, `0-2` in both directions to the baseline, and of the first to another baseline.
    fn field(relation: &str, rows: &[[i32; 5]]) -> Option<Field> {
        let mut contest = Contest::new(5, 4);
        rows.iter().enumerate().for_each(|(unit, row)| contest.push(unit as u32, *row));
        Field::new(relation, contest, &SignFlips::new(999, 1, 8))
    }

    fn fields() -> Vec<Field> {
        let fields = [
            field("all", &[[1, 0, -1, 0, 1]; 8]),
            field("det", &[[1, 1, -1, 0, 1]; 8]),
            field("obj", &[[1, 0, 0, 0, 1], [-1, 0, 0, 0, 1], [1, 0, 0, 0, 1]]),
            field("root", &[[0, 0, 0, 0, 0]; 8]),
        ];
        fields.into_iter().flatten().collect()
    }

    #[test]
    fn every_head_is_tested_alone_and_among_all() {
        let rows = head_tests(&fields(), GRID, &Direction::ALL[..2]);
        assert_eq!(rows.len(), 3 * 4);
        let det: Vec<_> = rows.iter().filter(|row| row.relation == "det").collect();
        assert_eq!(det[0].p_value, 1.0 / 256.0);
        // Two heads that always agree are no more of a choice than one, and a third is behind: ±8 are 2 of 256 patterns.
        assert!((0.002..0.016).contains(&det[0].p_adjusted), "{}", det[0].p_adjusted);
        assert_eq!(det[0].p_adjusted, det[1].p_adjusted);
        assert_eq!((det[2].direction, det[2].ahead, det[2].p_value), (Direction::GovernorToDependent, -8, 1.0));
        // Of eight tests of relations the two smallest are equal: 8 / 2 times as large.
        assert!((det[0].q_value - 4.0 / 256.0).abs() < 1e-12, "{}", det[0].q_value);
        let all = rows.iter().find(|row| row.relation == "all").unwrap();
        assert!((all.q_value - 4.0 / 256.0).abs() < 1e-12, "aggregates are four tests of their own: {}", all.q_value);
    }

    #[test]
    fn chosen_heads_pay_for_the_choice() {
        let row = |relation: &str| BestHead {
            relation: relation.into(),
            layer: Some(1),
            head: Some(1),
            direction: Some(Direction::DependentToGovernor),
            ..BestHead::default()
        };
        let mut rows = ["all", "det", "obj", "root"].map(row);
        pay_for_choice(&mut rows, &fields(), GRID, &Direction::ALL[..2]);
        let [all, det, obj, root] = rows;
        assert_eq!((root.p_value, root.p_adjusted), (None, None));
        assert_eq!(all.p_value, all.p_adjusted);
        // Two-sided and over all: ±8 of the 256 patterns are 2.
        assert!((0.002..0.02).contains(&det.p_value.unwrap()), "{det:?}");
        assert!(det.p_adjusted >= det.p_value && obj.p_value > Some(0.2) && obj.p_adjusted >= det.p_adjusted);
    }
}
