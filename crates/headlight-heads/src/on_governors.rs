//! What peaks do not tell: how much attention lies on governors, and how high they rank (METHOD §2).

use std::collections::{BTreeMap, HashMap};

use headlight_attention::{AttentionHead, Frame, HeadGrid, WordAttention};
use headlight_treebank::{Sentence, WordIdx};
use serde::{Deserialize, Serialize};

use crate::{Direction, Group, MismatchError, Related, Relations};

/// Sums over words, of one head in one direction.
///
/// A word is predicted from a vector: its row (dependent→governor: what it attends to) or its column
/// (governor→dependent: what attends to it). Candidates in it are the other words. The root word has no governor and is in no sum.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct OnGovernors {
    /// Words whose governor is the peak of the vector.
    pub correct: u64,
    /// The weights between the words and their governors, as the map has them: from the dependent, or from the governor.
    pub weight: f64,
    /// The same as shares of everything in the vector, special pieces and the word itself included: between 0 and 1.
    pub share: f64,
    /// 1 / the governor's rank among the candidates. Of equal weights the lowest word ranks first, as it is the peak: the
    /// rank is 1 for exactly the words that are `correct`. A governor that gets nothing, or whose weight is no number, adds 0.
    pub reciprocal_rank: f64,
}

impl OnGovernors {
    fn add(&mut self, more: &Self) {
        self.correct += more.correct;
        self.weight += more.weight;
        self.share += more.share;
        self.reciprocal_rank += more.reciprocal_rank;
    }
}

/// Per group of words, direction and head: attention on governors, and their ranks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AttentionScores {
    layers: usize,
    heads: usize,
    rows: BTreeMap<Group, Row>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Row {
    total: u64,
    /// By direction and head.
    sums: Vec<OnGovernors>,
}

impl AttentionScores {
    /// No word yet.
    pub fn new(grid: HeadGrid) -> Self {
        Self { layers: grid.layers, heads: grid.heads, rows: BTreeMap::new() }
    }

    /// The sums over one sentence.
    ///
    /// # Errors
    /// [`MismatchError::Words`] when the attention is not of this sentence.
    pub fn of(sentence: &Sentence, attention: &WordAttention, relations: &Relations) -> Result<Self, MismatchError> {
        Self::of_each(sentence, attention, [relations]).map(|[scores]| scores)
    }

    /// The same of several ways to tell relations apart at once.
    ///
    /// # Errors
    /// As [`AttentionScores::of`].
    pub fn of_each<const N: usize>(
        sentence: &Sentence,
        attention: &WordAttention,
        relations: [&Relations; N],
    ) -> Result<[Self; N], MismatchError> {
        if attention.words() != sentence.len() {
            let (words, predicted) = (sentence.len(), attention.words());
            return Err(MismatchError::Words { sent_id: sentence.sent_id().to_owned(), words, predicted });
        }
        let mut known: HashMap<(usize, usize), Vec<OnGovernors>> = HashMap::new();
        let all = relations.map(|relations| {
            let mut scores = Self::new(attention.grid());
            for Related { word, governor, groups } in relations.of(sentence) {
                let Some(governor) = governor.word().map(WordIdx::index) else { continue };
                let on_governor = known.entry((word, governor)).or_insert_with(|| of_word(attention, word, governor));
                for group in groups {
                    let row = scores.row(group);
                    row.total += 1;
                    row.sums.iter_mut().zip(on_governor.iter()).for_each(|(sum, more)| sum.add(more));
                }
            }
            scores
        });
        Ok(all)
    }

    /// Adds the sums over the sentences that follow. Sums are added in this order alone, so that they have the same digits
    /// wherever the sentences were computed.
    ///
    /// # Panics
    /// When the two are of different grids.
    pub fn merge(&mut self, following: &Self) {
        assert_eq!(self.grid(), following.grid(), "sums of different models cannot be added");
        for (group, theirs) in &following.rows {
            let row = self.row(group.clone());
            row.total += theirs.total;
            row.sums.iter_mut().zip(&theirs.sums).for_each(|(sum, more)| sum.add(more));
        }
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        HeadGrid { layers: self.layers, heads: self.heads }
    }

    /// The groups that have words with a governor, aggregates first, relations and paths by name.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.rows.keys()
    }

    /// How many words of a group have a governor.
    pub fn total(&self, group: &Group) -> u64 {
        self.rows.get(group).map_or(0, |row| row.total)
    }

    /// The sums over a group for one head.
    pub fn sums(&self, group: &Group, direction: Direction, head: AttentionHead) -> OnGovernors {
        let predictor = direction.index() * self.grid().len() + self.grid().number(head);
        self.rows.get(group).map_or_else(OnGovernors::default, |row| row.sums[predictor])
    }

    fn row(&mut self, group: Group) -> &mut Row {
        let predictors = 2 * self.layers * self.heads;
        self.rows.entry(group).or_insert_with(|| Row { total: 0, sums: vec![OnGovernors::default(); predictors] })
    }
}

/// What every head makes of one word in both directions, by direction and head.
fn of_word(attention: &WordAttention, dependent: usize, governor: usize) -> Vec<OnGovernors> {
    let (frame, positions) = (attention.frame(), attention.positions());
    let maps = || attention.weights().chunks_exact(positions * positions);
    let at = frame.position(dependent);
    let by_row = maps().map(|map| of_vector(frame, &map[at * positions..][..positions], dependent, governor));
    let mut column = vec![0.0; positions];
    let by_column = maps().map(|map| {
        let weights = map.iter().skip(at).step_by(positions);
        column.iter_mut().zip(weights).for_each(|(place, weight)| *place = *weight);
        of_vector(frame, &column, dependent, governor)
    });
    by_row.chain(by_column).collect()
}

/// What one row or column over all positions says of the dependent that it belongs to.
fn of_vector(frame: &Frame, weights: &[f32], dependent: usize, governor: usize) -> OnGovernors {
    let words = frame.inner(weights);
    let weight = words[governor];
    // What gets no attention is no peak either, and has no rank.
    if weight.is_nan() || weight <= 0.0 {
        return OnGovernors::default();
    }
    let above = |(word, other): (usize, &f32)| {
        let before = *other > weight || (*other == weight && word < governor);
        u32::from(before && word != dependent)
    };
    let rank = 1 + words.iter().enumerate().map(above).sum::<u32>();
    let all: f64 = weights.iter().copied().map(f64::from).sum();
    let weight = f64::from(weight);
    OnGovernors {
        correct: u64::from(rank == 1),
        weight,
        share: if all > 0.0 && all.is_finite() { weight / all } else { 0.0 },
        reciprocal_rank: 1.0 / f64::from(rank),
    }
}

#[cfg(test)]
mod tests {
    use headlight_treebank::Granularity;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{self, sentence};
    use crate::{HeadScores, among_words, predict};

    const GRID: HeadGrid = HeadGrid { layers: 1, heads: 2 };

    /// `Fish swim fast`, both others below `swim`. Head 1 is the map; head 2 has equal weights everywhere.
    fn fish() -> (Sentence, WordAttention) {
        let sentence = sentence("fish", &[(2, "nsubj"), (0, "root"), (2, "advmod")]);
        #[rustfmt::skip]
        let map = [
            0.2,  0.2,   0.2,  0.2,   0.2,
            0.5,  0.125, 0.25, 0.125, 0.0,
            0.0,  0.5,   0.0,  0.25,  0.25,
            0.25, 0.25,  0.125, 0.25, 0.125,
            0.2,  0.2,   0.2,  0.2,   0.2,
        ];
        let weights = [map, [0.2; 25]].concat();
        (sentence, WordAttention::new(GRID, &Frame::bert(), 3, weights).unwrap())
    }

    #[test]
    fn shares_and_ranks_are_those_by_hand() {
        let (sentence, attention) = fish();
        let scores = AttentionScores::of(&sentence, &attention, &Granularity::Full.into()).unwrap();
        let check = |group: &str, direction, head, total, expected: [f64; 4]| {
            let group = scores.groups().find(|it| it.name() == group).unwrap();
            let sums = scores.sums(group, direction, GRID.head(head));
            assert_eq!(scores.total(group), total);
            let found = [sums.correct as f64, sums.weight, sums.share, sums.reciprocal_rank];
            let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(near, "{group} {direction} {head}: {found:?}, not {expected:?}");
        };
        use Direction::{DependentToGovernor as Up, GovernorToDependent as Down};
        // The row of Fish: swim has 0.25, above fast's 0.125; [CLS] is no candidate.
        check("nsubj", Up, 0, 1, [1.0, 0.25, 0.25, 1.0]);
        // The row of fast: swim has 0.125, Fish 0.25; fast itself is no candidate.
        check("advmod", Up, 0, 1, [0.0, 0.125, 0.125, 0.5]);
        // The column of Fish: swim gives it 0.5, of 0.2 + 0.125 + 0.5 + 0.25 + 0.2.
        check("nsubj", Down, 0, 1, [1.0, 0.5, 0.5 / 1.275, 1.0]);
        check("advmod", Down, 0, 1, [1.0, 0.25, 0.25 / 1.025, 1.0]);
        // Of equal weights the lowest word is first: Fish ranks before swim in the row of fast, none before it in Fish's.
        check("all", Up, 1, 2, [1.0, 0.4, 0.4, 1.5]);
        assert!(scores.groups().all(|group| group.name() != "root"));
    }

    #[test]
    fn a_weight_that_is_no_number_adds_nothing() {
        let (sentence, attention) = fish();
        let mut weights = attention.weights().to_vec();
        weights[5 + 2] = f32::NAN;
        let attention = WordAttention::new(GRID, &Frame::bert(), 3, weights).unwrap();
        let scores = AttentionScores::of(&sentence, &attention, &Granularity::Full.into()).unwrap();
        let sums = scores.sums(&Group::relation("nsubj"), Direction::DependentToGovernor, GRID.head(0));
        assert_eq!((scores.total(&Group::relation("nsubj")), sums), (1, OnGovernors::default()));
    }

    #[test]
    fn attention_of_another_sentence_is_refused() {
        let (_, attention) = fish();
        let other = sentence("other", &[(0, "root")]);
        let error = AttentionScores::of(&other, &attention, &Granularity::Full.into()).unwrap_err();
        assert!(matches!(error, MismatchError::Words { words: 1, predicted: 3, .. }), "{error}");
    }

    /// Few different weights, so that many are equal, and some that are no numbers.
    fn fish_like() -> impl Strategy<Value = (Sentence, WordAttention)> {
        testing::sentences(1).prop_filter("a sentence", |it| !it.is_empty()).prop_flat_map(|sentences| {
            let weight = prop_oneof![9 => (0_u8..6).prop_map(f32::from), 1 => Just(f32::NAN)];
            let words = sentences[0].len();
            let weights = prop::collection::vec(weight, 2 * (words + 2).pow(2));
            weights.prop_map(move |weights| {
                (sentences[0].clone(), WordAttention::new(GRID, &Frame::bert(), words, weights).expect("two maps"))
            })
        })
    }

    proptest! {
        /// Rank 1 is what the head predicts, raw or among words; ranks and shares are within their bounds.
        #[test]
        fn rank_one_is_the_peak((sentence, raw) in fish_like(), words in any::<bool>()) {
            let attention = if words { among_words(&raw) } else { raw };
            let scores = AttentionScores::of(&sentence, &attention, &Granularity::Full.into()).unwrap();
            let mut counted = HeadScores::new(GRID, Granularity::Full);
            counted.observe(&sentence, &predict(&attention)).unwrap();
            for group in scores.groups() {
                for (direction, head) in
                    Direction::BOTH.into_iter().flat_map(|direction| GRID.iter().map(move |head| (direction, head)))
                {
                    let sums = scores.sums(group, direction, head);
                    prop_assert_eq!(sums.correct, counted.correct(group, direction, head));
                    let (correct, total) = (sums.correct as f64, scores.total(group) as f64);
                    prop_assert!(correct <= sums.reciprocal_rank && sums.reciprocal_rank <= total);
                    prop_assert!((0.0..=total + 1e-9).contains(&sums.share));
                }
            }
        }

        /// The shares of all words, one after the other taken for the governor, add up to what is not on special pieces.
        #[test]
        fn shares_add_up(weights in prop::collection::vec(0.001_f32..1.0, 7), dependent in 0_usize..5) {
            let all: f64 = weights.iter().copied().map(f64::from).sum();
            prop_assume!(all > 0.0);
            let of = |governor| of_vector(&Frame::bert(), &weights, dependent, governor);
            let words: f64 = weights[1..6].iter().copied().map(f64::from).sum();
            prop_assert!(((0..5).map(|word| of(word).share).sum::<f64>() - words / all).abs() < 1e-9);
            // Ranks of the candidates are 1, 2, 3, 4.
            let mut ranks: Vec<f64> =
                (0..5).filter(|word| *word != dependent).map(|word| 1.0 / of(word).reciprocal_rank).collect();
            ranks.sort_by(f64::total_cmp);
            prop_assert!(ranks.iter().zip(1..).all(|(rank, place)| (rank - f64::from(place)).abs() < 1e-9));
        }
    }
}
