//! Counts of every head by sentence or document: what tests that pay for the choice among heads flip the signs of.

use std::collections::{BTreeMap, HashMap};

use headlight_attention::HeadGrid;
use headlight_treebank::{Sentence, WordIdx};

use crate::scores::check_pair;
use crate::{Baseline, Choices, Directions, Group, HeadPredictions, HeadScores, MismatchError, Related, Relations};

/// Counts, per group of words and unit (a sentence or a document), for how many words each head, in both directions, is
/// right, the baseline that was chosen, and each baseline that it was chosen among.
///
/// Only words whose group something was chosen for are counted, so that head and baseline are of the same words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnitScores {
    /// So many neighbouring units are one.
    joined: u32,
    grid: HeadGrid,
    directions: Directions,
    relations: Relations,
    candidates: BTreeMap<Group, Vec<Baseline>>,
    groups: BTreeMap<Group, UnitCounts>,
}

/// The counts of one group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnitCounts {
    units: Vec<u32>,
    places: HashMap<u32, usize>,
    width: usize,
    heads: usize,
    correct: Vec<u32>,
}

/// One unit of a group: words that were right.
#[derive(Clone, Copy, Debug)]
pub struct UnitRow<'a> {
    /// The unit's number.
    pub unit: u32,
    /// Of each head: by number, all of one direction before all of the next.
    pub heads: &'a [u32],
    /// Of the chosen baseline.
    pub baseline: u32,
    /// Of each baseline that it was chosen among, in the order of [`UnitScores::candidates`].
    pub baselines: &'a [u32],
}

impl UnitScores {
    /// Nothing counted yet. The baselines to choose among are those of `scores`, which are of the same words.
    pub fn new(scores: &HeadScores) -> Self {
        let candidates =
            |group: &Group| (group.clone(), scores.baselines().candidates(group, scores.directions()).collect());
        Self {
            joined: 1,
            grid: scores.grid(),
            directions: scores.directions(),
            relations: scores.relations().clone(),
            candidates: scores.groups().map(candidates).collect(),
            groups: BTreeMap::new(),
        }
    }

    /// The same, nothing counted, with so many neighbouring units as one.
    ///
    /// # Panics
    /// When it is 0.
    #[must_use]
    pub fn joining(self, joined: u32) -> Self {
        assert!(joined > 0, "a unit is one at least");
        Self { joined, ..self }
    }

    /// Counts a sentence of a unit, what was predicted for it, and what was chosen for it.
    ///
    /// # Errors
    /// [`MismatchError`] when the predictions are not of this sentence and grid; nothing is counted then.
    pub fn observe(
        &mut self,
        unit: u32,
        sentence: &Sentence,
        predictions: &HeadPredictions,
        choices: &Choices,
    ) -> Result<(), MismatchError> {
        check_pair(sentence, predictions, self.grid)?;
        for Related { word, governor, groups } in self.relations.of(sentence) {
            let hits = predictions.found(self.directions, WordIdx::new(word), governor);
            for group in groups {
                let Some(choice) = choices.choice(&group) else { continue };
                let candidates = self.candidates.get(&group).map_or(&[][..], Vec::as_slice);
                let baselines = [choice.baseline].into_iter().chain(candidates.iter().copied());
                let by_baselines =
                    baselines.map(|baseline| baseline.governor(word, sentence.len(), governor) == Some(governor));
                let (heads, width) = (hits.len(), hits.len() + 1 + candidates.len());
                let start = || {
                    let (units, places, correct) = (Vec::new(), HashMap::new(), Vec::new());
                    UnitCounts { units, places, width, heads, correct }
                };
                let row = self.groups.entry(group).or_insert_with(start).row(unit / self.joined);
                let (of_heads, of_baselines) = row.split_at_mut(heads);
                of_heads.iter_mut().zip(&hits).for_each(|(count, &hit)| *count += u32::from(hit));
                of_baselines.iter_mut().zip(by_baselines).for_each(|(count, hit)| *count += u32::from(hit));
            }
        }
        Ok(())
    }

    /// The counts of each group, aggregates first, relations by name.
    pub fn groups(&self) -> impl Iterator<Item = (&Group, &UnitCounts)> {
        self.groups.iter()
    }

    /// The baselines of a group, in the order of the counts.
    pub fn candidates(&self, group: &Group) -> &[Baseline] {
        self.candidates.get(group).map_or(&[], Vec::as_slice)
    }
}

impl UnitCounts {
    /// The counts of a unit, new ones where it has none.
    fn row(&mut self, unit: u32) -> &mut [u32] {
        let at = *self.places.entry(unit).or_insert(self.units.len());
        if at == self.units.len() {
            self.units.push(unit);
            self.correct.resize(self.units.len() * self.width, 0);
        }
        &mut self.correct[at * self.width..][..self.width]
    }

    /// How many baselines were to choose among.
    pub fn baselines(&self) -> usize {
        self.width - self.heads - 1
    }

    /// Unit by unit; those without a word of the group are absent.
    pub fn rows(&self) -> impl Iterator<Item = UnitRow<'_>> {
        self.units.iter().zip(self.correct.chunks_exact(self.width)).map(|(&unit, row)| {
            let (heads, rest) = row.split_at(self.heads);
            UnitRow { unit, heads, baseline: rest[0], baselines: &rest[1..] }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{GRID, pairs};
    use crate::{Evaluation, Fold, Selected};
    use headlight_treebank::Granularity;
    use proptest::prelude::*;

    proptest! {
        /// Summed over units everything is what the other counts say.
        #[test]
        fn units_add_up_to_the_scores(pairs in pairs(6), joined in 1_u32..4) {
            let mut scores = HeadScores::new(GRID, Granularity::Full);
            for (sentence, predictions) in &pairs {
                scores.observe(sentence, predictions).expect("a pair");
            }
            let choices = Choices::new(&scores);
            let mut units = UnitScores::new(&scores).joining(joined);
            let mut evaluation = Evaluation::new(Selected::Same(choices.clone()));
            for (number, (sentence, predictions)) in pairs.iter().enumerate() {
                units.observe(number as u32, sentence, predictions, &choices).expect("a pair");
                evaluation.observe(sentence, Fold::First, predictions).expect("a pair");
            }
            let best = evaluation.finish();
            prop_assert_eq!(units.groups().count(), best.results.len());
            for ((group, counts), result) in units.groups().zip(&best.results) {
                let sum = |of: &dyn Fn(UnitRow<'_>) -> u32| counts.rows().map(|row| u64::from(of(row))).sum::<u64>();
                for (at, (direction, head)) in crate::Direction::BOTH.into_iter().flat_map(|d| GRID.iter().map(move |h| (d, h))).enumerate() {
                    prop_assert_eq!(sum(&|row| row.heads[at]), scores.correct(group, direction, head));
                }
                prop_assert_eq!(sum(&|row| row.baseline), result.baseline_correct());
                for (at, baseline) in units.candidates(group).iter().enumerate() {
                    prop_assert_eq!(sum(&|row| row.baselines[at]), scores.baselines().correct(group, *baseline));
                }
            }
        }
    }
}
