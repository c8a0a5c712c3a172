//! All heads tested against the chosen baselines, unit by unit.

use headlight_attention::AttentionHead;
use headlight_heads::{Choices, Group, HeadScores, Selected, UnitCounts, UnitScores};
use headlight_report::tables::{self, BestHead, HeadTest};
use headlight_report::{Field, head_tests, pay_for_choice};
use headlight_stats::{Contest, SignFlips};

use crate::kinds::shared::direction;
use crate::run::{Run, Units};

/// More units than this are joined with their neighbours, so that memory does not grow with the treebank. Signs that flip
/// together are signs all the same: the tests keep their promise.
const MOST_UNITS: usize = 4096;

/// So many neighbouring units are one.
fn joined(units: &Units) -> usize {
    units.len().div_ceil(MOST_UNITS).max(1)
}

/// Nothing counted yet of what the tests are of; `scores` are of the same words.
pub fn counts(scores: &HeadScores, units: &Units) -> UnitScores {
    UnitScores::new(scores).joining(joined(units) as u32)
}

/// The tests of all heads; where `is_paid`, rows get p-values that pay for a choice made on the same words.
pub fn test_heads(
    run: &Run,
    counts: &UnitScores,
    selected: &Selected<Choices>,
    scores: &HeadScores,
    units: &Units,
    (flips, rows, is_paid): (u32, &mut [BestHead], bool),
) -> Vec<HeadTest> {
    let flips = SignFlips::new(flips, run.settings().seed, units.len().div_ceil(joined(units)));
    let same = match selected {
        Selected::Same(choices) | Selected::Elsewhere(choices) if is_paid => Some(choices),
        _ => None,
    };
    let (grid, directions) = (scores.grid(), scores.directions());
    let field = |(group, counts): (&Group, &UnitCounts)| {
        let chosen = same.and_then(|choices| choices.choice(group)).map(|choice| {
            let AttentionHead { layer, index } = choice.head;
            let way = directions.position(choice.direction).unwrap_or(0);
            way * grid.len() + layer * grid.heads + index
        });
        let baselines = if chosen.is_some() { counts.baselines() } else { 0 };
        let heads = directions.len() * grid.len();
        let mut contest = Contest::new(heads + baselines, heads);
        for row in counts.rows() {
            let less = |a: u32, b: u32| a as i32 - b as i32;
            let of_heads = row.heads.iter().map(|&head| less(head, row.baseline));
            let of_baselines = row.baselines.iter().take(baselines).map(|&it| less(row.heads[chosen.unwrap_or(0)], it));
            contest.push(row.unit, of_heads.chain(of_baselines));
        }
        Field::new(group.name(), contest, &flips)
    };
    let fields: Vec<Field> = counts.groups().filter_map(field).collect();
    let ways: Vec<tables::Direction> = directions.iter().map(direction).collect();
    if same.is_some() {
        pay_for_choice(rows, &fields, grid, &ways);
    }
    head_tests(&fields, grid, &ways)
}
