//! All heads tested against the chosen baselines, unit by unit.

use anyhow::Result;
use headlight_attention::AttentionHead;
use headlight_heads::{Choices, Group, HeadPredictions, HeadScores, Selected, UnitCounts, UnitScores};
use headlight_report::stats::{Contest, SignFlips};
use headlight_report::tables::{self, BestHead, HeadTest};
use headlight_report::{Field, head_tests, pay_for_choice};
use headlight_treebank::Sentence;

use crate::kinds::shared::direction;
use crate::run::{Run, Units};

/// More units than this are joined with their neighbours, so that memory does not grow with the treebank. Signs that flip
/// together are signs all the same: the tests keep their promise.
const MOST_UNITS: usize = 4096;

/// What the tests of all heads are of: counts unit by unit.
pub struct Trials {
    counts: UnitScores,
    units: usize,
    /// So many neighbouring units are one.
    joined: usize,
}

impl Trials {
    /// Nothing counted yet, of as many units; `scores` are of the same words.
    pub fn new(scores: &HeadScores, units: &Units) -> Self {
        let joined = units.len().div_ceil(MOST_UNITS).max(1);
        Self { counts: UnitScores::new(scores), units: units.len().div_ceil(joined), joined }
    }

    /// Counts a sentence of a unit, what was predicted for it, and what was chosen for it.
    ///
    /// # Errors
    /// Predictions of another sentence.
    pub fn observe(
        &mut self,
        unit: u32,
        sentence: &Sentence,
        predictions: &HeadPredictions,
        choices: &Choices,
    ) -> Result<()> {
        Ok(self.counts.observe(unit / self.joined as u32, sentence, predictions, choices)?)
    }
}

/// The tests of all heads; where `is_paid`, rows get p-values that pay for a choice made on the same words.
pub fn test_heads(
    run: &Run,
    Trials { counts, units, .. }: &Trials,
    selected: &Selected<Choices>,
    scores: &HeadScores,
    (flips, rows, is_paid): (u32, &mut [BestHead], bool),
) -> Vec<HeadTest> {
    let flips = SignFlips::new(flips, run.settings().seed, *units);
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
