//! The counts of all heads on the split that is reported, as figures and page show them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::assess::Family;
use crate::run::{RunDirectory, RunError};
use crate::tables::{Direction, HeadScore, HeadTest, Split};

/// How often every head picks the right word, by relation and direction.
#[derive(Debug, Default, Serialize)]
pub(crate) struct HeadCounts {
    /// Aggregates first, then relations from frequent to rare.
    pub relations: Vec<String>,
    /// Words of each relation.
    pub totals: Vec<u64>,
    /// By direction, then by relation, then by head, layer by layer.
    pub correct: BTreeMap<&'static str, Vec<Vec<u64>>>,
    /// In the same order, the q of each head that it is better than the baseline; without the table `head_tests` absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<BTreeMap<&'static str, Vec<Option<Vec<f64>>>>>,
}

impl HeadCounts {
    /// Adds up the splits of a run's `head_scores` but those that only served to choose, and folds only where the split that
    /// they are of is missing; empty without the table.
    pub(crate) fn read(run: &RunDirectory) -> Result<Self, RunError> {
        let model = run.report().mapped();
        let mut counts = Self::new(&run.table_or_empty()?, model.layers, model.heads);
        counts.add_tests(&run.table_or_empty()?, model.layers, model.heads);
        Ok(counts)
    }

    fn add_tests(&mut self, rows: &[HeadTest], layers: u32, heads: u32) {
        if rows.is_empty() {
            return;
        }
        let mut by_relation: BTreeMap<(&str, Direction), Vec<f64>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.layer_index < layers && row.head_index < heads) {
            let q_values = by_relation.entry((&row.relation, row.direction));
            let q_values = q_values.or_insert_with(|| vec![1.0; (layers * heads) as usize]);
            // As many digits as are shown.
            q_values[(row.layer_index * heads + row.head_index) as usize] = (row.q_value * 1e4).ceil() / 1e4;
        }
        let by_direction = |direction: Direction| {
            let q_values = |relation: &String| by_relation.get(&(relation.as_str(), direction)).cloned();
            (direction.name(), self.relations.iter().map(q_values).collect())
        };
        let of_counts = Direction::ALL.into_iter().filter(|direction| self.correct.contains_key(direction.name()));
        self.tests = Some(of_counts.map(by_direction).collect());
    }

    fn new(rows: &[HeadScore], layers: u32, heads: u32) -> Self {
        let chosen_on = |row: &HeadScore| matches!(row.split, Split::Select | Split::Train);
        let only_chosen = rows.iter().all(chosen_on);
        let whole = rows.iter().any(|row| row.split == Split::Evaluate);
        let reported =
            |row: &HeadScore| if whole { row.split == Split::Evaluate } else { only_chosen || !chosen_on(row) };
        let in_grid = |row: &HeadScore| row.layer_index < layers && row.head_index < heads;
        let none = || vec![0; (layers * heads) as usize];
        let mut totals: BTreeMap<&str, BTreeMap<Split, u64>> = BTreeMap::new();
        let mut correct: BTreeMap<(&str, Direction), Vec<u64>> = BTreeMap::new();
        for row in rows.iter().filter(|row| in_grid(row) && reported(row)) {
            totals.entry(&row.relation).or_default().insert(row.split, row.total);
            let counts = correct.entry((&row.relation, row.direction)).or_insert_with(none);
            counts[(row.layer_index * heads + row.head_index) as usize] += row.correct;
        }
        let totals = totals.into_iter().map(|(relation, splits)| (relation, splits.values().sum()));
        let mut relations: Vec<(&str, u64)> = totals.filter(|&(_, total)| total > 0).collect();
        relations.sort_by_key(|&(relation, total)| (Family::of(relation) as usize, Reverse(total)));
        let by_direction = |direction: Direction| {
            let counts =
                |(relation, _): &(&str, u64)| correct.get(&(*relation, direction)).cloned().unwrap_or_else(none);
            (direction.name(), relations.iter().map(counts).collect())
        };
        // The two directions that are read of a word alone stand there even where nothing was counted.
        let counted: BTreeSet<Direction> = rows.iter().map(|row| row.direction).collect();
        let shown = |at: usize, direction: &Direction| counted.contains(direction) || (counted.is_empty() && at < 2);
        let shown = Direction::ALL.into_iter().enumerate().filter(|(at, direction)| shown(*at, direction));
        Self {
            correct: shown.map(|(_, direction)| by_direction(direction)).collect(),
            totals: relations.iter().map(|&(_, total)| total).collect(),
            tests: None,
            relations: relations.into_iter().map(|(relation, _)| relation.to_owned()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(split: Split, relation: &str, head_index: u32, correct: u64, total: u64) -> HeadScore {
        let (treebank, relation) = ("en".into(), relation.into());
        let direction = Direction::DependentToGovernor;
        HeadScore { treebank, split, layer_index: 0, head_index, direction, relation, correct, total, reachable: None }
    }

    #[test]
    fn splits_that_only_served_to_choose_are_left_out() {
        let rows = [
            row(Split::Select, "det", 0, 90, 100),
            row(Split::Evaluate, "det", 0, 7, 10),
            row(Split::Evaluate, "det", 1, 3, 10),
            row(Split::Evaluate, "case", 0, 1, 20),
            row(Split::Evaluate, "all", 0, 8, 12),
            row(Split::Evaluate, "iobj", 0, 0, 0),
        ];
        let counts = HeadCounts::new(&rows, 1, 2);
        assert_eq!(counts.relations, ["all", "case", "det"]);
        assert_eq!(counts.totals, [12, 20, 10]);
        assert_eq!(counts.correct["dep_to_gov"], [[8, 0], [1, 0], [7, 3]]);
        assert!(!counts.correct.contains_key("gov_to_dep"), "no head was read that way");
        assert_eq!(HeadCounts::new(&rows[..1], 1, 2).correct["dep_to_gov"], [[90, 0]]);
    }

    #[test]
    fn tests_of_heads_stand_beside_their_counts() {
        let other = HeadScore { direction: Direction::GovernorToDependent, ..row(Split::Evaluate, "det", 1, 2, 10) };
        let rows = [row(Split::Evaluate, "det", 0, 7, 10), row(Split::Evaluate, "case", 1, 3, 9), other];
        let mut counts = HeadCounts::new(&rows, 1, 2);
        assert!(counts.tests.is_none());
        let test = |head_index, q_value| HeadTest {
            relation: "det".into(),
            layer_index: 0,
            head_index,
            direction: Direction::GovernorToDependent,
            ahead: 3,
            p_value: 0.001,
            p_adjusted: 0.002,
            q_value,
        };
        counts.add_tests(&[test(1, 0.020_04), test(0, 0.5)], 1, 2);
        let tests = counts.tests.unwrap();
        assert_eq!(counts.relations, ["det", "case"]);
        assert_eq!(tests["gov_to_dep"], [Some(vec![0.5, 0.0201]), None]);
        assert_eq!(tests["dep_to_gov"], [None, None]);
    }

    #[test]
    fn folds_are_added_up_where_the_whole_is_missing() {
        let folds = [row(Split::FirstFold, "det", 0, 7, 10), row(Split::SecondFold, "det", 0, 5, 9)];
        let check = |rows: &[HeadScore]| {
            let counts = HeadCounts::new(rows, 1, 1);
            assert_eq!((counts.totals, &counts.correct["dep_to_gov"]), (vec![19], &vec![vec![12]]));
        };
        check(&folds);
        check(&[row(Split::Evaluate, "det", 0, 12, 19), folds[0].clone(), folds[1].clone()]);
    }
}
