//! What each attention head predicts: for every word, the other word with the highest attention (METHOD §2;
//! Clark et al. 2019, §4.2).

use std::fmt;

use headlight_attention::{AttentionHead, HeadGrid, WordAttention};
use headlight_treebank::WordIdx;
use multiversion::multiversion;

/// Which way a head's attention is read as a dependency. Ordered as in files: dependent→governor first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// The dependent attends to its governor: a word's prediction is the highest weight in its row.
    DependentToGovernor,
    /// The governor attends to its dependents: a word's prediction is who attends to it most, the highest weight in
    /// its column.
    GovernorToDependent,
}

impl Direction {
    /// Both, in order.
    pub const BOTH: [Direction; 2] = [Direction::DependentToGovernor, Direction::GovernorToDependent];

    /// 0 for dependent→governor, 1 for governor→dependent.
    pub fn index(self) -> usize {
        self as usize
    }

    /// As tables write it: `dep_to_gov` or `gov_to_dep`.
    pub fn name(self) -> &'static str {
        match self {
            Direction::DependentToGovernor => "dep_to_gov",
            Direction::GovernorToDependent => "gov_to_dep",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The governor that each head predicts for each word of one sentence, axes `[direction, layer, head, word]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeadPredictions {
    grid: HeadGrid,
    words: usize,
    governors: Vec<u16>,
}

/// Stands in [`HeadPredictions`] for a word without a candidate.
pub(crate) const NO_CANDIDATE: u16 = u16::MAX;

/// The longest sentence whose words can be numbered.
pub(crate) const MAX_WORDS: usize = NO_CANDIDATE as usize;

impl HeadPredictions {
    /// Predictions read back from `governors` `[direction, layer, head, word]`. `None` when the length does not fit or
    /// an entry is neither a word of the sentence nor [`NO_CANDIDATE`].
    pub(crate) fn from_raw(grid: HeadGrid, words: usize, governors: Vec<u16>) -> Option<Self> {
        let fits = |governor: &u16| usize::from(*governor) < words || *governor == NO_CANDIDATE;
        (governors.len() == 2 * grid.len() * words && governors.iter().all(fits)).then_some(Self {
            grid,
            words,
            governors,
        })
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.grid
    }

    /// Number of words.
    pub fn words(&self) -> usize {
        self.words
    }

    /// The governor that `head` predicts for `word`. `None` where there is no candidate: the sentence is one word long,
    /// or the weights are not numbers.
    pub fn governor(&self, direction: Direction, head: AttentionHead, word: WordIdx) -> Option<WordIdx> {
        let row = direction.index() * self.grid.len() + self.grid.number(head);
        let governor = self.governors[row * self.words + word.index()];
        (governor != NO_CANDIDATE).then(|| WordIdx::new(governor.into()))
    }

    /// The governors that every head predicts for `word` in both directions: heads by number, all of
    /// dependent→governor before all of governor→dependent.
    pub fn governors(&self, word: WordIdx) -> impl Iterator<Item = Option<WordIdx>> {
        let governors = self.governors.iter().skip(word.index()).step_by(self.words);
        governors.map(|governor| (*governor != NO_CANDIDATE).then(|| WordIdx::new((*governor).into())))
    }

    /// All rows as they lie in memory.
    pub(crate) fn raw(&self) -> &[u16] {
        &self.governors
    }
}

/// What each head predicts in both directions: for each word the *other* word with the highest weight. `[CLS]`, `[SEP]`
/// and the word itself are no candidates; of equal weights the lowest word wins; a weight that is not a number never
/// does.
///
/// # Panics
/// When the sentence has 65,535 words or more, which no encoder takes.
pub fn predict(attention: &WordAttention) -> HeadPredictions {
    let (grid, words, positions) = (attention.grid(), attention.words(), attention.positions());
    assert!(words < MAX_WORDS, "{words} words are more than predictions can number");
    let mut governors = vec![NO_CANDIDATE; 2 * grid.len() * words];
    if words > 1 {
        let (by_row, by_column) = governors.split_at_mut(grid.len() * words);
        let mut scratch = Scratch::new(words);
        let maps = attention.weights().chunks_exact(positions * positions);
        for ((map, by_row), by_column) in
            maps.zip(by_row.chunks_exact_mut(words)).zip(by_column.chunks_exact_mut(words))
        {
            predict_map(map, &mut scratch, by_row, by_column);
        }
    }
    HeadPredictions { grid, words, governors }
}

/// Weights that are compared side by side; rows are padded to a multiple of it.
const LANES: usize = 16;

/// The highest weight so far and where it was, for `LANES` rows or columns at a time.
#[derive(Clone, Copy)]
struct Best {
    weight: [f32; LANES],
    at: [u32; LANES],
}

impl Best {
    const NONE: Best = Best { weight: [f32::NEG_INFINITY; LANES], at: [NO_CANDIDATE as u32; LANES] };

    /// Takes over `weight` where it is higher. Equal weights and NaN change nothing.
    #[inline(always)]
    fn raise(&mut self, weight: &[f32; LANES], at: [u32; LANES]) {
        for lane in 0..LANES {
            let higher = weight[lane] > self.weight[lane];
            self.weight[lane] = if higher { weight[lane] } else { self.weight[lane] };
            self.at[lane] = if higher { at[lane] } else { self.at[lane] };
        }
    }

    /// The highest over the lanes; of equals the lowest place.
    #[inline(always)]
    fn highest(&self) -> u32 {
        let mut width = LANES / 2;
        let Best { mut weight, mut at } = *self;
        while width > 0 {
            for lane in 0..width {
                let (weight_b, at_b) = (weight[lane + width], at[lane + width]);
                let better = weight_b > weight[lane] || (weight_b == weight[lane] && at_b < at[lane]);
                weight[lane] = if better { weight_b } else { weight[lane] };
                at[lane] = if better { at_b } else { at[lane] };
            }
            width /= 2;
        }
        at[0]
    }
}

/// Room for one map: a row without its diagonal, and the best of each column.
struct Scratch {
    row: Vec<[f32; LANES]>,
    columns: Vec<Best>,
}

impl Scratch {
    fn new(words: usize) -> Self {
        let chunks = words.div_ceil(LANES);
        Self { row: vec![[f32::NEG_INFINITY; LANES]; chunks], columns: vec![Best::NONE; chunks] }
    }
}

/// Both directions of one map `[from, to]` over n+2 positions in one pass over it.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512dq", "x86_64+avx2+fma"))]
fn predict_map(map: &[f32], scratch: &mut Scratch, by_row: &mut [u16], by_column: &mut [u16]) {
    let words = by_row.len();
    let positions = words + 2;
    scratch.columns.fill(Best::NONE);
    for (from, by_row) in by_row.iter_mut().enumerate() {
        let weights = scratch.row.as_flattened_mut();
        weights[..words].copy_from_slice(&map[(from + 1) * positions + 1..][..words]);
        weights[from] = f32::NEG_INFINITY;
        let mut best = Best::NONE;
        let mut places: [u32; LANES] = std::array::from_fn(|lane| lane as u32);
        for (weights, column) in scratch.row.iter().zip(&mut scratch.columns) {
            best.raise(weights, places);
            column.raise(weights, [from as u32; LANES]);
            places.iter_mut().for_each(|place| *place += LANES as u32);
        }
        *by_row = best.highest() as u16;
    }
    for (by_column, best) in by_column.chunks_mut(LANES).zip(&scratch.columns) {
        for (to, at) in by_column.iter_mut().zip(best.at) {
            *to = at as u16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GRID: HeadGrid = HeadGrid { layers: 1, heads: 1 };
    const NONE: u16 = NO_CANDIDATE;

    fn check(weights: &[f32], by_row: &[u16], by_column: &[u16]) {
        let attention = WordAttention::new(GRID, by_row.len(), weights.to_vec()).expect("one map");
        assert_eq!(predict(&attention).governors, [by_row, by_column].concat());
    }

    #[test]
    fn cls_sep_and_the_word_itself_are_no_candidates() {
        #[rustfmt::skip]
        check(&[
            9.0, 9.0, 9.0, 9.0, 9.0,
            9.0, 9.0, 0.1, 0.3, 9.0,
            9.0, 0.2, 9.0, 0.1, 9.0,
            9.0, 0.1, 0.4, 9.0, 9.0,
            9.0, 9.0, 9.0, 9.0, 9.0,
        ], &[2, 0, 1], &[1, 2, 0]);
    }

    #[test]
    fn of_equal_weights_the_lowest_word_wins() {
        check(&[0.5; 36], &[1, 0, 0, 0], &[1, 0, 0, 0]);
    }

    #[test]
    fn a_word_alone_has_no_candidate() {
        check(&[0.5; 9], &[NONE], &[NONE]);
    }

    #[test]
    fn what_is_not_a_number_never_wins() {
        check(&[f32::NAN; 16], &[NONE, NONE], &[NONE, NONE]);
        #[rustfmt::skip]
        check(&[
            0.0, 0.0,      0.0,      0.0, 0.0,
            0.0, 0.0,      f32::NAN, 0.1, 0.0,
            0.0, f32::NAN, 0.0,      0.2, 0.0,
            0.0, 0.1,      f32::NAN, 0.0, 0.0,
            0.0, 0.0,      0.0,      0.0, 0.0,
        ], &[2, 2, 0], &[2, NONE, 1]);
    }

    #[test]
    fn a_prediction_is_found_by_direction_head_and_word() {
        let grid = HeadGrid { layers: 2, heads: 2 };
        let mut weights = vec![0.0; 4 * 25];
        // Layer 2, head 1 has word 0 attend to word 2; all other weights are equal.
        weights[2 * 25 + 5 + 3] = 1.0;
        let predictions = predict(&WordAttention::new(grid, 3, weights).expect("four maps"));
        let governor = |direction, layer, index, word| {
            predictions.governor(direction, AttentionHead { layer, index }, WordIdx::new(word)).map(WordIdx::index)
        };
        assert_eq!(governor(Direction::DependentToGovernor, 1, 0, 0), Some(2));
        assert_eq!(governor(Direction::DependentToGovernor, 0, 1, 0), Some(1));
        assert_eq!(governor(Direction::GovernorToDependent, 1, 0, 2), Some(0));
        assert_eq!(governor(Direction::GovernorToDependent, 1, 0, 0), Some(1));
    }

    /// Few different weights, so that many are equal.
    fn attention() -> impl Strategy<Value = WordAttention> {
        (0_usize..40, 1_usize..3, 1_usize..4).prop_flat_map(|(words, layers, heads)| {
            let weights = prop::collection::vec((0_u8..6).prop_map(f32::from), layers * heads * (words + 2).pow(2));
            weights.prop_map(move |weights| {
                WordAttention::new(HeadGrid { layers, heads }, words, weights).expect("the lengths fit")
            })
        })
    }

    fn naive(candidates: impl Iterator<Item = (usize, f32)>) -> Option<WordIdx> {
        let best = candidates.fold(None, |best: Option<(usize, f32)>, candidate| match best {
            Some(best) if candidate.1 <= best.1 => Some(best),
            _ => Some(candidate),
        });
        best.map(|(word, _)| WordIdx::new(word))
    }

    proptest! {
        #[test]
        fn equals_one_word_at_a_time(attention in attention()) {
            let predictions = predict(&attention);
            for head in attention.grid().iter() {
                let map = attention.head_view(head);
                for word in 0..attention.words() {
                    let others = || (0..attention.words()).filter(|other| *other != word);
                    let row = naive(others().map(|other| (other, map[[word + 1, other + 1]])));
                    let column = naive(others().map(|other| (other, map[[other + 1, word + 1]])));
                    let word = WordIdx::new(word);
                    prop_assert_eq!(predictions.governor(Direction::DependentToGovernor, head, word), row);
                    prop_assert_eq!(predictions.governor(Direction::GovernorToDependent, head, word), column);
                }
            }
        }
    }
}
