//! Accuracy beyond position: by the signed length of the dependency, and where the best baseline is wrong (METHOD §2).

use std::collections::BTreeMap;

use headlight_attention::{AttentionHead, HeadGrid};
use headlight_treebank::{Sentence, WordIdx};

use crate::scores::check_pair;
use crate::{Choices, Direction, Directions, Group, HeadPredictions, MismatchError, Related};

/// Words right among some words, and among those of them that the best baseline is wrong about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Beyond {
    /// All of them.
    pub all: u64,
    /// Those that the baseline is wrong about.
    pub baseline_wrong: u64,
}

impl Beyond {
    fn add(&mut self, baseline_right: bool) {
        self.all += 1;
        self.baseline_wrong += u64::from(!baseline_right);
    }
}

/// Counts over the words of one group whose governor is as far away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LengthCounts {
    /// Words.
    pub total: Beyond,
    /// For how many the head that was chosen for the group is right.
    pub chosen: Beyond,
    /// The same for every head, by direction and head.
    each: Vec<Beyond>,
}

/// Counts by group and signed length: position of the governor minus position of the dependent.
///
/// Lengths beyond `reach` to either side are pooled as `reach + 1` and `-(reach + 1)`. The root word has no length and is
/// left out; so are words of groups for which nothing was chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LengthScores {
    grid: HeadGrid,
    directions: Directions,
    reach: u16,
    rows: BTreeMap<Group, BTreeMap<i32, LengthCounts>>,
}

impl LengthScores {
    /// Nothing counted yet.
    pub fn new(grid: HeadGrid, directions: Directions, reach: u16) -> Self {
        Self { grid, directions, reach, rows: BTreeMap::new() }
    }

    /// The directions in which heads are read.
    pub fn directions(&self) -> Directions {
        self.directions
    }

    /// Counts a sentence, what was predicted for it, and what was chosen for it.
    ///
    /// # Errors
    /// [`MismatchError`] when the predictions are not of this sentence and grid; nothing is counted then.
    pub fn observe(
        &mut self,
        sentence: &Sentence,
        predictions: &HeadPredictions,
        choices: &Choices,
    ) -> Result<(), MismatchError> {
        check_pair(sentence, predictions, self.grid)?;
        let predictors = self.directions.len() * self.grid.len();
        let pooled = i32::from(self.reach) + 1;
        for Related { word, governor, groups } in choices.relations().of(sentence) {
            let Some(upper) = governor.word() else { continue };
            let length = (upper.index() as i32 - word as i32).clamp(-pooled, pooled);
            let hits = predictions.found(self.directions, WordIdx::new(word), governor);
            for group in groups {
                let Some(choice) = choices.choice(&group) else { continue };
                let baseline_right = choice.baseline.governor(word, sentence.len(), governor) == Some(governor);
                let counts = self.rows.entry(group).or_default().entry(length).or_insert_with(|| LengthCounts {
                    total: Beyond::default(),
                    chosen: Beyond::default(),
                    each: vec![Beyond::default(); predictors],
                });
                counts.total.add(baseline_right);
                let place = self.directions.position(choice.direction);
                let chosen = place.map(|place| place * self.grid.len() + self.grid.number(choice.head));
                if chosen.is_some_and(|chosen| hits[chosen]) {
                    counts.chosen.add(baseline_right);
                }
                let each = counts.each.iter_mut().zip(&hits).filter(|(_, hit)| **hit);
                each.for_each(|(counts, _)| counts.add(baseline_right));
            }
        }
        Ok(())
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.grid
    }

    /// Whether longer dependencies are counted at this length too.
    pub fn is_pooled(&self, length: i32) -> bool {
        length.unsigned_abs() > u32::from(self.reach)
    }

    /// For how many of the words that `counts` are over a head is right.
    pub fn correct(&self, counts: &LengthCounts, direction: Direction, head: AttentionHead) -> Beyond {
        let place = self.directions.position(direction);
        place.map_or_else(Beyond::default, |place| counts.each[place * self.grid.len() + self.grid.number(head)])
    }

    /// Groups, aggregates first, with their lengths in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Group, i32, &LengthCounts)> {
        self.rows
            .iter()
            .flat_map(|(group, lengths)| lengths.iter().map(move |(length, counts)| (group, *length, counts)))
    }
}

#[cfg(test)]
mod tests {
    use headlight_treebank::Granularity;
    use proptest::prelude::*;

    use super::*;
    use crate::HeadScores;
    use crate::testing::{GRID, pairs, predictions, sentence};

    fn chosen(pairs: &[(Sentence, HeadPredictions)]) -> (HeadScores, Choices) {
        let mut scores = HeadScores::new(GRID, Granularity::Full);
        pairs.iter().for_each(|(sentence, predictions)| scores.observe(sentence, predictions).unwrap());
        let choices = Choices::new(&scores);
        (scores, choices)
    }

    fn lengths(pairs: &[(Sentence, HeadPredictions)], choices: &Choices, reach: u16) -> LengthScores {
        let mut lengths = LengthScores::new(GRID, Directions::BOTH, reach);
        pairs.iter().for_each(|(sentence, predictions)| lengths.observe(sentence, predictions, choices).unwrap());
        lengths
    }

    #[test]
    fn words_are_counted_by_length_and_where_the_baseline_is_wrong() {
        // Objects one and two to the right of their verb; every head finds the farther one and the first word.
        let pair = (
            sentence("s", &[(0, "root"), (1, "obj"), (1, "obj"), (1, "obj"), (1, "obj")]),
            predictions(5, |_, _| [2, 3, 1, 1, 2]),
        );
        let (_, choices) = chosen(std::slice::from_ref(&pair));
        let lengths = lengths(&[pair], &choices, 2);
        let group = Group::relation("obj");
        let found: Vec<_> = lengths
            .iter()
            .filter(|(of, ..)| **of == group)
            .map(|(_, length, it)| {
                let beyond = |it: Beyond| (it.all, it.baseline_wrong);
                (length, lengths.is_pooled(length), beyond(it.total), beyond(it.chosen))
            })
            .collect();
        // The best offset is -1, of equals the nearest. -3 and -4 are pooled.
        assert_eq!(found, [(-3, true, (2, 2), (1, 1)), (-2, false, (1, 1), (1, 1)), (-1, false, (1, 0), (0, 0))]);
    }

    proptest! {
        #[test]
        fn lengths_add_up_and_equal_counting_word_by_word(pairs in pairs(6), reach in 0_u16..4) {
            let (scores, choices) = chosen(&pairs);
            let lengths = lengths(&pairs, &choices, reach);
            for group in scores.groups() {
                let rows: Vec<_> = lengths.iter().filter(|(of, ..)| *of == group).collect();
                for (direction, head) in
                    Direction::BOTH.into_iter().flat_map(|direction| GRID.iter().map(move |head| (direction, head)))
                {
                    let sum: u64 = rows.iter().map(|(.., it)| lengths.correct(it, direction, head).all).sum();
                    prop_assert_eq!(sum, scores.correct(group, direction, head));
                }
                let choice = choices.choice(group).unwrap();
                let baseline_right: u64 =
                    rows.iter().map(|(.., it)| it.total.all - it.total.baseline_wrong).sum();
                prop_assert!(baseline_right <= scores.baselines().correct(group, choice.baseline));
                for (_, length, counts) in rows {
                    let pooled = i32::from(reach) + 1;
                    let mut naive = [0; 4];
                    for (sentence, predictions) in &pairs {
                        for (index, word) in sentence.words().iter().enumerate() {
                            let Some(governor) = word.governor.word() else { continue };
                            let is_of = Group::of(word, Granularity::Full).any(|of| of == *group);
                            let far = governor.index() as i32 - index as i32;
                            let fits = if length.abs() == pooled {
                                far.abs() >= pooled && far.signum() == length.signum()
                            } else {
                                far == length
                            };
                            if !(is_of && fits) {
                                continue;
                            }
                            let predicted = predictions.governor(choice.direction, choice.head, WordIdx::new(index));
                            let right = u64::from(predicted == Some(governor));
                            let at_baseline = choice.baseline.governor(index, sentence.len(), word.governor);
                            let wrong = u64::from(at_baseline != Some(word.governor));
                            let more = [1, wrong, right, right * wrong];
                            naive.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
                        }
                    }
                    let Beyond { all, baseline_wrong } = counts.total;
                    let chosen = counts.chosen;
                    prop_assert_eq!([all, baseline_wrong, chosen.all, chosen.baseline_wrong], naive);
                }
            }
        }
    }
}
