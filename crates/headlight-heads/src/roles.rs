//! What kind of head is this? Behaviour by thresholds on surface statistics (Clark et al. 2019, notebook of the released
//! code; METHOD §3), and roles by the rules of Voita et al. (2019), §4 (METHOD §6).

use std::collections::BTreeMap;

use headlight_attention::{AttentionHead, AttentionMaps, Frame, HeadGrid, WordAttention};
use headlight_treebank::WordIdx;
use serde::{Deserialize, Serialize};

use crate::{Baseline, Direction, Group, HeadPredictions, HeadScores, Statistic, SurfaceMeans, predict};

/// What a head mostly looks at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Behaviour {
    /// The next piece.
    Next,
    /// The previous piece.
    Previous,
    /// Everything: its entropy is high.
    Broad,
    /// `[CLS]`.
    Cls,
    /// `[SEP]`.
    Sep,
    /// Full stops and commas.
    Punctuation,
}

impl Behaviour {
    /// All of them, in the order in which thresholds are looked at: a later one that is reached wins.
    pub const ALL: [Behaviour; 6] = [
        Behaviour::Next,
        Behaviour::Previous,
        Behaviour::Broad,
        Behaviour::Cls,
        Behaviour::Sep,
        Behaviour::Punctuation,
    ];

    fn statistic(self) -> Statistic {
        match self {
            Behaviour::Next => Statistic::Next,
            Behaviour::Previous => Statistic::Previous,
            Behaviour::Broad => Statistic::Entropy,
            Behaviour::Cls => Statistic::Cls,
            Behaviour::Sep => Statistic::Sep,
            Behaviour::Punctuation => Statistic::Punctuation,
        }
    }
}

/// What a head's mean has to exceed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BehaviourThresholds {
    /// Attention to the next piece.
    pub next: f64,
    /// Attention to the previous piece.
    pub previous: f64,
    /// Entropy in nats, out of at most ln n for n pieces: 4.85 for 128, 3.8 for 45.
    pub entropy: f64,
    /// Attention to `[CLS]`.
    pub cls: f64,
    /// Attention to `[SEP]`.
    pub sep: f64,
    /// Attention to full stops and commas.
    pub punctuation: f64,
}

/// The last behaviour in the order of [`Behaviour::ALL`] whose threshold the head exceeds.
pub fn behaviour(means: &SurfaceMeans, head: AttentionHead, thresholds: &BehaviourThresholds) -> Option<Behaviour> {
    let threshold = |behaviour| match behaviour {
        Behaviour::Next => thresholds.next,
        Behaviour::Previous => thresholds.previous,
        Behaviour::Broad => thresholds.entropy,
        Behaviour::Cls => thresholds.cls,
        Behaviour::Sep => thresholds.sep,
        Behaviour::Punctuation => thresholds.punctuation,
    };
    let reached = |behaviour: &Behaviour| {
        means.mean(head, behaviour.statistic()).is_some_and(|mean| mean > threshold(*behaviour))
    };
    Behaviour::ALL.into_iter().rev().find(reached)
}

/// What heads predict when every piece within the frame stands for a word. Pieces of `specials` among them, such as the
/// `[SEP]` between two segments, are no candidates and get no prediction.
///
/// # Panics
/// When there are fewer pieces than the frame has.
pub fn predict_pieces(maps: &AttentionMaps, frame: &Frame, specials: &[usize]) -> HeadPredictions {
    let (grid, pieces) = (maps.grid(), maps.positions());
    let words = frame.words_of(pieces).expect("the special pieces of the frame");
    let inner = frame.words(words);
    let mut weights = maps.weights().to_vec();
    for &special in specials.iter().filter(|piece| inner.contains(piece)) {
        for map in weights.chunks_exact_mut(pieces * pieces) {
            // What is not a number is never the highest.
            map[special * pieces..][..pieces].fill(f32::NAN);
            map.iter_mut().skip(special).step_by(pieces).for_each(|weight| *weight = f32::NAN);
        }
    }
    predict(&WordAttention::new(grid, frame, words, weights).expect("as many weights as before"))
}

/// Counts, per head, how far from a word the word is that it most attends to. [`HeadOffsets::observe`] takes what
/// [`crate::predict`] or [`predict_pieces`] predicts from dependent to governor: `[CLS]`, `[SEP]` and the word itself are
/// no candidates.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeadOffsets {
    grid: HeadGrid,
    by_offset: Vec<BTreeMap<i32, u64>>,
}

impl HeadOffsets {
    /// Nothing counted yet.
    pub fn new(grid: HeadGrid) -> Self {
        Self { grid, by_offset: vec![BTreeMap::new(); grid.len()] }
    }

    /// Counts one sentence.
    ///
    /// # Panics
    /// When the predictions are of a model with other heads.
    pub fn observe(&mut self, predictions: &HeadPredictions) {
        assert_eq!(self.grid, predictions.grid(), "predictions of another model");
        for (head, by_offset) in self.grid.iter().zip(&mut self.by_offset) {
            for word in 0..predictions.words() {
                let to = predictions.governor(Direction::DependentToGovernor, head, WordIdx::new(word));
                if let Some(to) = to {
                    *by_offset.entry(to.index() as i32 - word as i32).or_default() += 1;
                }
            }
        }
    }

    /// Adds the counts of other sentences.
    ///
    /// # Panics
    /// When the two are of models with other heads.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.grid, other.grid, "counts of different models cannot be added");
        for (ours, theirs) in self.by_offset.iter_mut().zip(&other.by_offset) {
            theirs.iter().for_each(|(offset, count)| *ours.entry(*offset).or_default() += count);
        }
    }

    /// The offset that a head attends to most often, with how often and of how many words; of equals the nearest, and the
    /// left before the right. `None` before the first word.
    pub fn modal(&self, head: AttentionHead) -> Option<(i32, u64, u64)> {
        let by_offset = &self.by_offset[self.grid.number(head)];
        let rank = |(offset, count): &(&i32, &u64)| (std::cmp::Reverse(**count), offset.abs(), **offset);
        let (offset, count) = by_offset.iter().min_by_key(rank)?;
        Some((*offset, *count, by_offset.values().sum()))
    }
}

/// What a head is for, after Voita et al. (2019).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// It attends to words at one offset, whatever they are.
    Positional {
        /// The position attended to minus the position that attends.
        offset: i32,
    },
    /// It finds the governors of a relation, or the dependents, better than position does: the word that attends has the
    /// other one on top of its row.
    Syntactic {
        /// The relation that it finds best, measured by its gain over the modal offset.
        relation: Group,
        /// In which direction.
        direction: Direction,
    },
}

/// How often heads find the arcs of relations, for syntactic roles: counts of predictions that were read by rows
/// ([`HeadPredictions::by_rows`]).
#[derive(Clone, Copy, Debug)]
pub struct RoleScores<'a> {
    /// Where a head's relation, its direction and the modal offset are chosen.
    pub chosen: &'a HeadScores,
    /// Where the head has to be better than that offset; other sentences, or the same.
    pub reported: &'a HeadScores,
}

/// When a head has a role (Voita et al. 2019).
#[derive(Clone, PartialEq, Debug)]
pub struct RoleRules {
    /// The share of words for which a positional head attends to one offset.
    pub positional: f64,
    /// How much more accurate than the modal offset a syntactic head is, relatively.
    pub syntactic: f64,
    /// The relations that make a head syntactic. With more of them, and rarer ones, more heads are so by chance.
    pub relations: Vec<String>,
    /// Relations with fewer words are not looked at.
    pub min_total: u64,
}

/// The role of a head; positional before syntactic. Without `scores`, where there are no trees, no head is syntactic.
///
/// Of the relations and directions the one with the largest gain is chosen on one part of the scores, and the rule has to
/// hold on the other (METHOD §6): the largest of many gains is large by chance.
pub fn role(
    offsets: &HeadOffsets,
    scores: Option<RoleScores<'_>>,
    head: AttentionHead,
    rules: &RoleRules,
) -> Option<Role> {
    if let Some((offset, count, total)) = offsets.modal(head)
        && count as f64 >= rules.positional * total as f64
    {
        return Some(Role::Positional { offset });
    }
    let RoleScores { chosen, reported } = scores?;
    let mut best: Option<(f64, Group, Direction)> = None;
    for relation in rules.relations.iter().map(|relation| Group::relation(relation)) {
        for direction in Direction::BOTH {
            let gain = gain(chosen, chosen, &relation, direction, head, rules);
            if let Some(gain) = gain
                && best.as_ref().is_none_or(|(most, ..)| gain > *most)
            {
                best = Some((gain, relation.clone(), direction));
            }
        }
    }
    let (_, relation, direction) = best?;
    let gain = gain(chosen, reported, &relation, direction, head, rules)?;
    (gain >= rules.syntactic).then_some(Role::Syntactic { relation, direction })
}

/// How much more often a head is right in `reported` than the offset that is modal in `chosen`, relatively. `None` where the
/// head is never right or words are too few.
fn gain(
    chosen: &HeadScores,
    reported: &HeadScores,
    relation: &Group,
    direction: Direction,
    head: AttentionHead,
    rules: &RoleRules,
) -> Option<f64> {
    let correct = reported.correct(relation, direction, head);
    let baseline = chosen.baselines().modal_offset(relation)?;
    let baseline = reported.baselines().correct(relation, Baseline::Offset(baseline));
    let enough = reported.total(relation) >= rules.min_total.max(1);
    (enough && correct > 0).then(|| correct as f64 / baseline.max(1) as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use headlight_treebank::Granularity;

    use super::*;
    use crate::testing::{GRID, predictions, sentence};
    use crate::{Denominator, Landmarks, surface};

    const FIRST: AttentionHead = AttentionHead { layer: 0, index: 0 };
    const LAST: AttentionHead = AttentionHead { layer: 1, index: 1 };

    /// The behaviour of a head that attends to the same position from everywhere in `[CLS] a . [SEP]`, or to the same
    /// offset.
    fn behaviour_of(weight: impl Fn(usize, usize) -> f32) -> Option<Behaviour> {
        let grid = HeadGrid { layers: 1, heads: 1 };
        let weights = (0..16).map(|at| weight(at / 4, at % 4)).collect();
        let maps = AttentionMaps::new(grid, 4, weights).unwrap();
        let landmarks = Landmarks { frame: Frame::bert(), sep: vec![3], punctuation: vec![2] };
        let mut means = SurfaceMeans::new(grid);
        means.add(&surface(&maps, &landmarks, Denominator::Eligible));
        let thresholds =
            BehaviourThresholds { next: 0.5, previous: 0.5, entropy: 1.0, cls: 0.6, sep: 0.6, punctuation: 0.6 };
        behaviour(&means, FIRST, &thresholds)
    }

    #[test]
    fn a_behaviour_is_the_last_threshold_exceeded() {
        let attends = |to: usize, share: f32| {
            behaviour_of(move |_, column| if column == to { share } else { (1.0 - share) / 3.0 })
        };
        assert_eq!(attends(0, 1.0), Some(Behaviour::Cls));
        assert_eq!(attends(3, 1.0), Some(Behaviour::Sep));
        assert_eq!(attends(2, 1.0), Some(Behaviour::Punctuation));
        assert_eq!(attends(1, 1.0), None);
        assert_eq!(attends(1, 0.25), Some(Behaviour::Broad));
        // Both are exceeded, and punctuation is looked at after entropy.
        assert_eq!(attends(2, 0.65), Some(Behaviour::Punctuation));
        let towards =
            |offset: i32| behaviour_of(move |row, column| f32::from(u8::from(column as i32 - row as i32 == offset)));
        assert_eq!((towards(1), towards(-1), towards(2)), (Some(Behaviour::Next), Some(Behaviour::Previous), None));
    }

    #[test]
    fn a_special_piece_inside_is_no_word() {
        // `[CLS] a [SEP] b [SEP]`: a attends to the inner [SEP] most, then to b.
        let grid = HeadGrid { layers: 1, heads: 1 };
        let mut weights = vec![0.1; 25];
        weights[5 + 2] = 0.6;
        weights[5 + 3] = 0.2;
        let predicted = |specials: &[usize]| {
            let maps = AttentionMaps::new(grid, 5, weights.clone()).unwrap();
            let predictions = predict_pieces(&maps, &Frame::bert(), specials);
            [0, 1, 2].map(|word| {
                let to = predictions.governor(Direction::DependentToGovernor, FIRST, WordIdx::new(word));
                to.map(WordIdx::index)
            })
        };
        assert_eq!(predicted(&[0, 2, 4]), [Some(2), None, Some(0)]);
        assert_eq!(predicted(&[]), [Some(1), Some(0), Some(0)]);
    }

    #[test]
    fn a_role_is_positional_before_it_is_syntactic() {
        // `They saw the film .`: the first head attends to the next word, the last one follows the tree.
        let sentence = sentence("film", &[(2, "nsubj"), (0, "root"), (4, "det"), (2, "obj"), (2, "punct")]);
        let predictions = predictions(5, |direction, head| match (direction, head) {
            (Direction::DependentToGovernor, FIRST) => [2, 3, 4, 5, 0],
            (Direction::DependentToGovernor, LAST) => [2, 1, 4, 2, 2],
            _ => [5, 5, 5, 5, 1],
        });
        let (mut offsets, mut scores) = (HeadOffsets::new(GRID), HeadScores::new(GRID, Granularity::Full));
        assert_eq!(offsets.modal(FIRST), None);
        offsets.observe(&predictions);
        scores.observe(&sentence, &predictions).unwrap();
        assert_eq!((offsets.modal(FIRST), offsets.modal(LAST)), (Some((1, 4, 4)), Some((1, 2, 5))));

        let check = |head, relations: &[&str], syntactic, expected| {
            let relations = relations.iter().map(|&relation| relation.into()).collect();
            let rules = RoleRules { positional: 0.9, syntactic, relations, min_total: 1 };
            let scores = RoleScores { chosen: &scores, reported: &scores };
            assert_eq!(role(&offsets, Some(scores), head, &rules), expected);
        };
        let obj = Role::Syntactic { relation: Group::relation("obj"), direction: Direction::DependentToGovernor };
        check(FIRST, &["obj"], 0.0, Some(Role::Positional { offset: 1 }));
        check(LAST, &["obj"], 0.0, Some(obj));
        // The modal offset of one word is right for it, and nothing is better than that.
        check(LAST, &["obj", "nsubj", "iobj"], 0.1, None);
        let rules = RoleRules { positional: 0.9, syntactic: 0.0, relations: vec!["obj".into()], min_total: 1 };
        assert_eq!(role(&offsets, None, LAST, &rules), None);

        // What the head finds where it was chosen has to hold where it is reported.
        let elsewhere = crate::testing::predictions(5, |_, _| [5, 5, 5, 5, 1]);
        let mut reported = HeadScores::new(GRID, Granularity::Full);
        reported.observe(&sentence, &elsewhere).unwrap();
        let apart = RoleScores { chosen: &scores, reported: &reported };
        assert_eq!(role(&offsets, Some(apart), LAST, &rules), None);

        let mut twice = offsets.clone();
        twice.merge(&offsets);
        assert_eq!(twice.modal(LAST), Some((1, 4, 10)));
    }
}
