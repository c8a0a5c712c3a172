//! What can be predicted without a model: governors at a fixed distance (METHOD §2; Clark et al. 2019, §4.2).

use std::collections::BTreeMap;
use std::fmt;

use headlight_attention::Visibility;
use headlight_treebank::{Governor, Sentence};
use serde::{Deserialize, Serialize};

use crate::{Direction, Directions, Group, Related, Relations};

/// The fixed offsets that heads are compared with: governor minus dependent, −5..+5 without 0.
pub const OFFSETS: [i32; 10] = [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5];

/// A predictor that knows nothing but positions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Baseline {
    /// The governor is the word this far to the right (to the left where negative). An offset that leaves the sentence
    /// is wrong, as is any offset for the root.
    Offset(i32),
    /// Every word hangs from the next one, and the last word is the root: a whole tree, as parsers are compared with. On words
    /// that hang from words it is `Offset(1)`; it also has the root right in sentences whose last word is the root.
    RightBranching,
    /// For heads that are read from later to earlier: the earlier of the two words stands this far before the later one,
    /// whichever is the governor. 1 is what right-branching comes to there.
    Distance(u32),
}

/// The fixed distances that heads read from later to earlier are compared with.
pub const DISTANCES: [u32; 5] = [1, 2, 3, 4, 5];

impl Baseline {
    /// What is predicted for the word at `index` of `words` words, whose governor is `governor`; `None` outside the sentence. A
    /// distance is no prediction of a word alone: it has the governor where it finds the arc.
    pub fn governor(self, index: usize, words: usize, governor: Governor) -> Option<Governor> {
        let at = |index: usize| (index < words).then(|| Governor::Word(headlight_treebank::WordIdx::new(index)));
        match self {
            Baseline::Offset(offset) => index.checked_add_signed(offset as isize).and_then(at),
            Baseline::RightBranching => at(index + 1).or(Some(Governor::Root)),
            Baseline::Distance(distance) => {
                let is_found = governor.word().is_some_and(|word| word.index().abs_diff(index) == distance as usize);
                is_found.then_some(governor)
            }
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Baseline::Offset(offset) => write!(f, "offset {offset:+}"),
            Baseline::RightBranching => f.write_str("right-branching"),
            Baseline::Distance(distance) => write!(f, "distance {distance}"),
        }
    }
}

/// Counts, per group of words, how far governors are from their dependents. Every baseline's score is read off them,
/// for offsets of any size: an offset is right for exactly the words whose governor is that far away.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BaselineScores {
    relations: Relations,
    rows: BTreeMap<Group, Row>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Row {
    total: u64,
    by_offset: BTreeMap<i32, u64>,
    last_word_is_root: u64,
}

impl BaselineScores {
    /// Nothing counted yet, of arcs told apart by a granularity, or of paths too.
    pub fn new(relations: impl Into<Relations>) -> Self {
        Self { relations: relations.into(), rows: BTreeMap::new() }
    }

    /// What is counted.
    pub fn relations(&self) -> &Relations {
        &self.relations
    }

    /// Counts the words of a sentence.
    pub fn observe(&mut self, sentence: &Sentence) {
        for Related { word, governor, groups } in self.relations.of(sentence) {
            for group in groups {
                let row = self.rows.entry(group).or_default();
                row.total += 1;
                match governor {
                    Governor::Word(governor) => {
                        *row.by_offset.entry(governor.index() as i32 - word as i32).or_default() += 1;
                    }
                    Governor::Root => row.last_word_is_root += u64::from(word + 1 == sentence.len()),
                }
            }
        }
    }

    /// Adds the counts of other sentences.
    ///
    /// # Panics
    /// When the two count other relations.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.relations, other.relations, "counts of different relations cannot be added");
        for (group, theirs) in &other.rows {
            let row = self.rows.entry(group.clone()).or_default();
            row.total += theirs.total;
            row.last_word_is_root += theirs.last_word_is_root;
            for (offset, count) in &theirs.by_offset {
                *row.by_offset.entry(*offset).or_default() += count;
            }
        }
    }

    /// The groups that have words, aggregates first, relations by name.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.rows.keys()
    }

    /// How many words a group has.
    pub fn total(&self, group: &Group) -> u64 {
        self.rows.get(group).map_or(0, |row| row.total)
    }

    /// For how many words of a group a baseline is right.
    pub fn correct(&self, group: &Group, baseline: Baseline) -> u64 {
        let Some(row) = self.rows.get(group) else { return 0 };
        let at = |offset| row.by_offset.get(&offset).copied().unwrap_or(0);
        match baseline {
            Baseline::Offset(offset) => at(offset),
            Baseline::RightBranching => at(1) + row.last_word_is_root,
            Baseline::Distance(distance) => at(distance as i32) + at(-(distance as i32)),
        }
    }

    /// The offset among `offsets` that is right most often for a group; of equals the nearest, and the left before the
    /// right. `None` where the group has no words or `offsets` is empty.
    pub fn best_offset(&self, group: &Group, offsets: &[i32]) -> Option<i32> {
        self.rows.get(group)?;
        let rank = |offset: &&i32| {
            (std::cmp::Reverse(self.correct(group, Baseline::Offset(**offset))), offset.abs(), **offset)
        };
        offsets.iter().min_by_key(rank).copied()
    }

    /// The baselines that a head has to beat which may be read in `directions`: the fixed offsets, the most frequent one where
    /// it is farther, right-branching; and of later→earlier the fixed distances, and the most frequent one where it is
    /// farther.
    pub fn candidates(&self, group: &Group, directions: Directions) -> impl Iterator<Item = Baseline> {
        let of_words = Direction::BOTH.into_iter().any(|direction| directions.has(direction));
        let far = self.modal_offset(group).filter(|offset| !OFFSETS.contains(offset));
        let offsets = OFFSETS.into_iter().chain(far).map(Baseline::Offset).chain([Baseline::RightBranching]);
        let far = self.modal_distance(group).filter(|distance| !DISTANCES.contains(distance));
        let distances = DISTANCES.into_iter().chain(far).map(Baseline::Distance);
        let of_arcs = directions.has(Direction::LaterToEarlier);
        offsets.filter(move |_| of_words).chain(distances.filter(move |_| of_arcs))
    }

    /// For how many words of a group the arc can be found in a direction by heads of a model: those that do not hang from the
    /// root, and of a causal model those whose governor stands on the side that is seen.
    pub fn reachable(&self, group: &Group, direction: Direction, visibility: Visibility) -> u64 {
        let Some(row) = self.rows.get(group) else { return 0 };
        let reaches = |offset: i32| {
            let (dependent, governor) = if offset < 0 { (1, 0) } else { (0, 1) };
            direction.reaches(visibility, dependent, governor)
        };
        row.by_offset.iter().filter(|(offset, _)| reaches(**offset)).map(|(_, words)| words).sum()
    }

    /// The most frequent distance of a group; of equals the nearest. `None` where no word of the group has a governing word.
    pub fn modal_distance(&self, group: &Group) -> Option<u32> {
        let distances = self.rows.get(group)?.by_offset.keys().map(|offset| offset.unsigned_abs());
        let rank = |distance: &u32| (std::cmp::Reverse(self.correct(group, Baseline::Distance(*distance))), *distance);
        distances.min_by_key(rank)
    }

    /// The best of [`BaselineScores::candidates`]; of equals the nearest offset, the left before the right, and
    /// right-branching behind them, distances last. `None` where the group has no words.
    pub fn best(&self, group: &Group, directions: Directions) -> Option<Baseline> {
        self.rows.get(group)?;
        let rank = |baseline: &Baseline| {
            let place = match *baseline {
                Baseline::Offset(offset) => (0, offset.abs(), offset),
                Baseline::RightBranching => (1, 0, 0),
                Baseline::Distance(distance) => (2, distance as i32, 0),
            };
            (std::cmp::Reverse(self.correct(group, *baseline)), place)
        };
        self.candidates(group, directions).min_by_key(rank)
    }

    /// The most frequent offset of a group, however far; of equals the nearest, and the left before the right. `None`
    /// where no word of the group has a governing word.
    pub fn modal_offset(&self, group: &Group) -> Option<i32> {
        let offsets: Vec<i32> = self.rows.get(group)?.by_offset.keys().copied().collect();
        self.best_offset(group, &offsets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, sentence, sentences};
    use headlight_treebank::{Granularity, Reader, Word};
    use proptest::prelude::*;

    fn scores(sentences: &[Sentence]) -> BaselineScores {
        let mut scores = BaselineScores::new(Granularity::Full);
        sentences.iter().for_each(|sentence| scores.observe(sentence));
        scores
    }

    /// `They saw the film .`, and a sentence of one word.
    fn two_sentences() -> [Sentence; 2] {
        [
            sentence("film", &[(2, "nsubj"), (0, "root"), (4, "det"), (2, "obj"), (2, "punct")]),
            sentence("yes", &[(0, "root")]),
        ]
    }

    #[test]
    fn offsets_are_right_for_governors_that_far_away() {
        let scores = scores(&two_sentences());
        let check = |group: &Group, baseline, correct, total| {
            assert_eq!((scores.correct(group, baseline), scores.total(group)), (correct, total), "{group} {baseline}");
        };
        check(&Group::All, Baseline::Offset(1), 2, 6);
        check(&Group::All, Baseline::Offset(-2), 1, 6);
        check(&Group::All, Baseline::Offset(-3), 1, 6);
        check(&Group::AllNoPunct, Baseline::Offset(-3), 0, 5);
        check(&Group::AllNoPunctNoRoot, Baseline::Offset(1), 2, 3);
        check(&Group::relation("det"), Baseline::Offset(1), 1, 1);
        check(&Group::relation("root"), Baseline::Offset(1), 0, 2);
        check(&Group::relation("root"), Baseline::RightBranching, 1, 2);
        check(&Group::AllNoPunct, Baseline::RightBranching, 3, 5);
        check(&Group::AllNoPunctNoRoot, Baseline::RightBranching, 2, 3);
        check(&Group::relation("iobj"), Baseline::Offset(1), 0, 0);
    }

    #[test]
    fn the_best_offset_of_equals_is_the_nearest_on_the_left() {
        let scores = scores(&two_sentences());
        let check = |group: &Group, best, modal| {
            assert_eq!((scores.best_offset(group, &OFFSETS), scores.modal_offset(group)), (best, modal), "{group}");
        };
        check(&Group::All, Some(1), Some(1));
        check(&Group::relation("obj"), Some(-2), Some(-2));
        check(&Group::relation("root"), Some(-1), None);
        check(&Group::relation("iobj"), None, None);
    }

    #[test]
    fn the_modal_offset_may_be_far() {
        let far =
            sentence("far", &[(8, "mark"), (8, "x"), (8, "x"), (8, "x"), (8, "x"), (8, "x"), (8, "x"), (0, "root")]);
        let scores = scores(&[far]);
        let mark = Group::relation("mark");
        assert_eq!(
            (scores.modal_offset(&mark), scores.best(&mark, Directions::BOTH)),
            (Some(7), Some(Baseline::Offset(7)))
        );
        assert_eq!(scores.candidates(&mark, Directions::BOTH).count(), OFFSETS.len() + 2);
    }

    #[test]
    fn the_best_baseline_is_the_best_of_all() {
        let check = |sentences: &[Sentence], group: &Group, best| {
            assert_eq!(scores(sentences).best(group, Directions::BOTH), best, "{group}");
        };
        let two = two_sentences();
        // Right-branching has the root of the second sentence right as well.
        check(&two, &Group::AllNoPunct, Some(Baseline::RightBranching));
        check(&two, &Group::All, Some(Baseline::RightBranching));
        // Without the root it is no better than the offset it consists of.
        check(&two, &Group::AllNoPunctNoRoot, Some(Baseline::Offset(1)));
        check(&two, &Group::relation("obj"), Some(Baseline::Offset(-2)));
        check(&two, &Group::relation("iobj"), None);
    }

    /// Counts of an independent implementation, and the UAS of right-branching on the same data as published.
    #[test]
    fn equals_the_golden_counts_of_ewt_dev() {
        let Some((golden, treebank)) = testing::golden_heads() else { return };
        let mut scores = BaselineScores::new(Granularity::Full);
        for sentence in Reader::open(treebank, None).expect("opens") {
            scores.observe(&sentence.expect("a sentence"));
        }
        let totals = golden["total"].as_object().expect("totals");
        assert_eq!(scores.groups().count(), totals.len());
        let offsets: Vec<i32> = serde_json::from_value(golden["offsets"].clone()).expect("offsets");
        assert_eq!(offsets, OFFSETS);
        for group in scores.groups() {
            assert_eq!(scores.total(group), totals[group.name()], "{group}");
            let correct = OFFSETS.map(|offset| scores.correct(group, Baseline::Offset(offset)));
            assert_eq!(serde_json::json!(correct), golden["offset_correct"][group.name()], "{group}");
        }
        let correct = scores.correct(&Group::AllNoPunct, Baseline::RightBranching);
        assert_eq!(format!("{:.1}", 100.0 * correct as f64 / scores.total(&Group::AllNoPunct) as f64), "32.1");
        let best = |name: &str| {
            let group = scores.groups().find(|group| group.name() == name).expect("a group of EWT");
            let best = scores.best(group, Directions::BOTH).expect("a baseline");
            (best, format!("{:.1}", 100.0 * scores.correct(group, best) as f64 / scores.total(group) as f64))
        };
        assert_eq!(best("all"), (Baseline::RightBranching, "29.7".to_owned()));
        assert_eq!(best("all-nopunct"), (Baseline::RightBranching, "32.1".to_owned()));
        assert_eq!(best("nsubj:outer").1, "20.0");
        assert_eq!(best("obj"), (Baseline::Offset(-2), "35.8".to_owned()));
    }

    proptest! {
        #[test]
        fn equals_predicting_word_by_word(sentences in sentences(5), offset in -9_i32..9) {
            let scores = scores(&sentences);
            for baseline in [Baseline::Offset(offset), Baseline::RightBranching, Baseline::Distance(offset.unsigned_abs())] {
                for group in scores.groups() {
                    let right = |sentence: &Sentence| {
                        let right = |(index, word): (usize, &Word)| {
                            Group::of(word, Granularity::Full).any(|of| of == *group)
                                && baseline.governor(index, sentence.len(), word.governor) == Some(word.governor)
                        };
                        sentence.words().iter().enumerate().filter(|at| right(*at)).count() as u64
                    };
                    prop_assert_eq!(scores.correct(group, baseline), sentences.iter().map(right).sum::<u64>());
                }
            }
        }

        #[test]
        fn parts_add_up(all in sentences(6), cut in 0_usize..6) {
            let (left, right) = all.split_at(cut.min(all.len()));
            let mut sum = scores(left);
            sum.merge(&scores(right));
            prop_assert_eq!(sum, scores(&all));
        }
    }
}
