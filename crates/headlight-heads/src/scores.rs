//! How often each head is right, per relation and direction (METHOD §2; Clark et al. 2019, Table 1).

use std::collections::BTreeMap;

use headlight_attention::{AttentionHead, HeadGrid};
use headlight_treebank::{Sentence, WordIdx};
use serde::{Deserialize, Serialize};

use crate::{BaselineScores, Direction, Directions, Group, HeadPredictions, Related, Relations};

/// A sentence and predictions that cannot be its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MismatchError {
    /// They are of different lengths.
    #[error(
        "sentence {sent_id} has {words} words, but {predicted} were predicted; sentences and predictions are out of step"
    )]
    Words {
        /// The sentence.
        sent_id: String,
        /// Its words.
        words: usize,
        /// Words of the predictions.
        predicted: usize,
    },
    /// The predictions are of another model.
    #[error(
        "sentence {sent_id} was predicted by {found_layers}×{found_heads} heads, not {layers}×{heads}; scores and predictions are of different models"
    )]
    Grid {
        /// The sentence.
        sent_id: String,
        /// Layers of the scores.
        layers: usize,
        /// Heads per layer of the scores.
        heads: usize,
        /// Layers of the predictions.
        found_layers: usize,
        /// Heads per layer of the predictions.
        found_heads: usize,
    },
}

/// Checks that `predictions` can be of `sentence`, by heads of `grid`.
pub(crate) fn check_pair(
    sentence: &Sentence,
    predictions: &HeadPredictions,
    grid: HeadGrid,
) -> Result<(), MismatchError> {
    let sent_id = || sentence.sent_id().to_owned();
    let found = predictions.grid();
    if found != grid {
        return Err(MismatchError::Grid {
            sent_id: sent_id(),
            layers: grid.layers,
            heads: grid.heads,
            found_layers: found.layers,
            found_heads: found.heads,
        });
    }
    if predictions.words() != sentence.len() {
        let (words, predicted) = (sentence.len(), predictions.words());
        return Err(MismatchError::Words { sent_id: sent_id(), words, predicted });
    }
    Ok(())
}

/// Counts, per group of words, direction and head, how often the head predicts the governor of the treebank; and with
/// them what the baselines score on the same words.
///
/// The counts are a relation's *recall*: `correct` of `total` dependents. Precision is not defined, since a head
/// predicts a governor for every word but no relation. The root word's governor is no word, so no head is ever right
/// about it; it is counted in the totals of [`Group::All`], [`Group::AllNoPunct`] and of its relation. A sentence of one
/// word is counted and never right.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeadScores {
    grid: HeadGrid,
    directions: Directions,
    sentences: u64,
    baselines: BaselineScores,
    correct: BTreeMap<Group, Vec<u64>>,
}

impl HeadScores {
    /// Nothing counted yet, for the heads of `grid`; of arcs told apart by a granularity, or of paths too.
    pub fn new(grid: HeadGrid, relations: impl Into<Relations>) -> Self {
        let (directions, baselines) = (Directions::BOTH, BaselineScores::new(relations));
        Self { grid, directions, sentences: 0, baselines, correct: BTreeMap::new() }
    }

    /// The same, nothing counted, for heads that are read in other directions than dependent→governor and
    /// governor→dependent.
    #[must_use]
    pub fn in_directions(self, directions: Directions) -> Self {
        Self { directions, ..Self::new(self.grid, self.relations().clone()) }
    }

    /// Counts a sentence and what was predicted for it.
    ///
    /// # Errors
    /// [`MismatchError`] when the predictions are not of this sentence and grid; nothing is counted then.
    pub fn observe(&mut self, sentence: &Sentence, predictions: &HeadPredictions) -> Result<(), MismatchError> {
        check_pair(sentence, predictions, self.grid)?;
        let predictors = self.directions.len() * self.grid.len();
        let relations = self.baselines.relations();
        for Related { word, governor, groups } in relations.of(sentence) {
            let hits = predictions.found(self.directions, WordIdx::new(word), governor);
            for group in groups {
                let counts = self.correct.entry(group).or_insert_with(|| vec![0; predictors]);
                counts.iter_mut().zip(&hits).for_each(|(count, &hit)| *count += u64::from(hit));
            }
        }
        self.baselines.observe(sentence);
        self.sentences += 1;
        Ok(())
    }

    /// Adds the counts of other sentences.
    ///
    /// # Panics
    /// When the two are of different grids, or count other relations.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.grid, other.grid, "counts of different models cannot be added");
        assert_eq!(self.directions, other.directions, "counts of different directions cannot be added");
        self.baselines.merge(&other.baselines);
        self.sentences += other.sentences;
        for (group, theirs) in &other.correct {
            let counts = self.correct.entry(group.clone()).or_insert_with(|| vec![0; theirs.len()]);
            counts.iter_mut().zip(theirs).for_each(|(count, more)| *count += more);
        }
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.grid
    }

    /// The directions in which heads are read.
    pub fn directions(&self) -> Directions {
        self.directions
    }

    /// Every head in every direction, in the order of counts.
    pub fn predictors(&self) -> impl Iterator<Item = (Direction, AttentionHead)> + use<> {
        let grid = self.grid;
        self.directions.iter().flat_map(move |direction| grid.iter().map(move |head| (direction, head)))
    }

    /// What is counted.
    pub fn relations(&self) -> &Relations {
        self.baselines.relations()
    }

    /// Sentences counted.
    pub fn sentences(&self) -> u64 {
        self.sentences
    }

    /// What the baselines score on the same words.
    pub fn baselines(&self) -> &BaselineScores {
        &self.baselines
    }

    /// The groups that have words, aggregates first, relations and paths by name.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.correct.keys()
    }

    /// How many words a group has.
    pub fn total(&self, group: &Group) -> u64 {
        self.baselines.total(group)
    }

    /// For how many words of a group a head is right; 0 in directions that are not read.
    pub fn correct(&self, group: &Group, direction: Direction, head: AttentionHead) -> u64 {
        let Some(place) = self.directions.position(direction) else { return 0 };
        let predictor = place * self.grid.len() + self.grid.number(head);
        self.correct.get(group).map_or(0, |counts| counts[predictor])
    }

    /// The direction and head that are right most often for a group; of equals the first direction, then the lower head. `None`
    /// where the group has no words.
    pub fn best(&self, group: &Group) -> Option<(Direction, AttentionHead)> {
        self.correct.get(group)?;
        self.predictors().min_by_key(|(direction, head)| std::cmp::Reverse(self.correct(group, *direction, *head)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{GRID, pairs, predictions, sentence};
    use headlight_treebank::Granularity;
    use proptest::prelude::*;

    const FIRST: AttentionHead = AttentionHead { layer: 0, index: 0 };
    const LAST: AttentionHead = AttentionHead { layer: 1, index: 1 };

    fn scores(pairs: &[(Sentence, HeadPredictions)]) -> HeadScores {
        let mut scores = HeadScores::new(GRID, Granularity::Full);
        pairs.iter().for_each(|(sentence, predictions)| scores.observe(sentence, predictions).expect("a pair"));
        scores
    }

    /// `They saw the film .`: every head is right about `the` and `They` from dependent to governor, the last head about
    /// `film` as well, and about `.` only from governor to dependent.
    fn film() -> (Sentence, HeadPredictions) {
        let sentence = sentence("film", &[(2, "nsubj"), (0, "root"), (4, "det"), (2, "obj"), (2, "punct")]);
        let governors = |direction, head| match (direction, head) {
            (Direction::DependentToGovernor, LAST) => [2, 1, 4, 2, 1],
            (Direction::DependentToGovernor, _) => [2, 1, 4, 1, 1],
            (Direction::GovernorToDependent, LAST) => [5, 5, 5, 5, 2],
            _ => [5, 5, 5, 5, 4],
        };
        (sentence, predictions(5, governors))
    }

    #[test]
    fn each_head_is_counted_in_each_direction() {
        let scores = scores(&[film()]);
        let check = |group: &Group, direction, head, correct, total| {
            assert_eq!((scores.correct(group, direction, head), scores.total(group)), (correct, total), "{group}");
        };
        check(&Group::All, Direction::DependentToGovernor, FIRST, 2, 5);
        check(&Group::All, Direction::DependentToGovernor, LAST, 3, 5);
        check(&Group::AllNoPunct, Direction::DependentToGovernor, LAST, 3, 4);
        check(&Group::AllNoPunctNoRoot, Direction::DependentToGovernor, LAST, 3, 3);
        check(&Group::All, Direction::GovernorToDependent, LAST, 1, 5);
        check(&Group::relation("punct"), Direction::GovernorToDependent, LAST, 1, 1);
        check(&Group::relation("root"), Direction::DependentToGovernor, LAST, 0, 1);
        check(&Group::relation("iobj"), Direction::DependentToGovernor, LAST, 0, 0);
    }

    #[test]
    fn the_best_of_equals_is_the_first() {
        let scores = scores(&[film()]);
        let check = |group: &str, best| assert_eq!(scores.best(&Group::relation(group)), best, "{group}");
        check("det", Some((Direction::DependentToGovernor, FIRST)));
        check("obj", Some((Direction::DependentToGovernor, LAST)));
        check("punct", Some((Direction::GovernorToDependent, LAST)));
        check("root", Some((Direction::DependentToGovernor, FIRST)));
        check("iobj", None);
    }

    #[test]
    fn a_word_alone_is_counted_and_never_right() {
        let alone = (sentence("yes", &[(0, "root")]), predictions(1, |_, _| [0]));
        let scores = scores(&[alone]);
        assert_eq!((scores.total(&Group::All), scores.sentences()), (1, 1));
        assert_eq!(scores.correct(&Group::All, Direction::DependentToGovernor, FIRST), 0);
    }

    #[test]
    fn predictions_of_another_sentence_or_model_are_refused() {
        let check = |mut scores: HeadScores, message: &str| {
            let before = scores.clone();
            let error = scores.observe(&film().0, &predictions(2, |_, _| [2, 1])).expect_err("no pair");
            assert_eq!((error.to_string().as_str(), scores), (message, before));
        };
        let grid = HeadGrid { layers: 12, heads: 12 };
        check(
            HeadScores::new(GRID, Granularity::Full),
            "sentence film has 5 words, but 2 were predicted; sentences and predictions are out of step",
        );
        check(
            HeadScores::new(grid, Granularity::Full),
            "sentence film was predicted by 2×2 heads, not 12×12; scores and predictions are of different models",
        );
    }

    proptest! {
        #[test]
        fn equals_counting_word_by_word(pairs in pairs(5)) {
            let scores = scores(&pairs);
            for group in scores.groups() {
                for (direction, head) in Direction::BOTH.into_iter().flat_map(|d| GRID.iter().map(move |head| (d, head))) {
                    let mut correct = 0;
                    for (sentence, predictions) in &pairs {
                        for (index, word) in sentence.words().iter().enumerate() {
                            let predicted = predictions.governor(direction, head, WordIdx::new(index));
                            let member = Group::of(word, Granularity::Full).any(|of| of == *group);
                            correct += u64::from(member && predicted.is_some() && predicted == word.governor.word());
                        }
                    }
                    prop_assert_eq!(scores.correct(group, direction, head), correct, "{} {} {}", group, direction, head);
                }
            }
        }

        #[test]
        fn parts_add_up(all in pairs(6), cut in 0_usize..6) {
            let (left, right) = all.split_at(cut.min(all.len()));
            let mut sum = scores(left);
            sum.merge(&scores(right));
            prop_assert_eq!(sum, scores(&all));
        }
    }
}
