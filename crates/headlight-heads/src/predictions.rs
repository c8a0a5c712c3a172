//! What each attention head predicts: for every word, the other word with the highest attention (METHOD §2;
//! Clark et al. 2019, §4.2).

use std::fmt;

use headlight_attention::{AttentionHead, HeadGrid, WordAttention};
use headlight_treebank::WordIdx;
use pulp::{Arch, Simd, WithSimd};

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
        let mut columns = Columns::new(words);
        let maps = attention.weights().chunks_exact(positions * positions);
        for ((map, by_row), by_column) in
            maps.zip(by_row.chunks_exact_mut(words)).zip(by_column.chunks_exact_mut(words))
        {
            Arch::new().dispatch(PredictMap { map, by_row, by_column, columns: &mut columns });
        }
    }
    HeadPredictions { grid, words, governors }
}

/// The widest vector in weights; rows are padded to a multiple of it.
const LANES: usize = 16;

/// 0, 1, 2, …: places are kept as f32, in which every word's number is exact, so that one kind of vector does for all.
const PLACES: [f32; LANES] = {
    let mut places = [0.0; LANES];
    let mut lane = 0;
    while lane < LANES {
        places[lane] = lane as f32;
        lane += 1;
    }
    places
};

/// The highest weight of each column so far, and the row it stands in.
struct Columns {
    weights: Vec<f32>,
    places: Vec<f32>,
}

impl Columns {
    fn new(words: usize) -> Self {
        let padded = words.next_multiple_of(LANES);
        Self { weights: vec![0.0; padded], places: vec![0.0; padded] }
    }
}

/// Both directions of one map `[from, to]` over n+2 positions in one pass over it.
struct PredictMap<'a> {
    map: &'a [f32],
    by_row: &'a mut [u16],
    by_column: &'a mut [u16],
    columns: &'a mut Columns,
}

impl WithSimd for PredictMap<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let words = self.by_row.len();
        let (lowest, nowhere) = (simd.splat_f32s(f32::NEG_INFINITY), simd.splat_f32s(NO_CANDIDATE.into()));
        let (end, step) = (simd.splat_f32s(words as f32), simd.splat_f32s(S::F32_LANES as f32));
        let first_places = S::as_simd_f32s(&PLACES).0[0];
        self.columns.weights.fill(f32::NEG_INFINITY);
        self.columns.places.fill(NO_CANDIDATE.into());
        let columns = S::as_mut_simd_f32s(&mut self.columns.weights).0;
        let column_places = S::as_mut_simd_f32s(&mut self.columns.places).0;
        let chunks = words.div_ceil(S::F32_LANES);
        for (row, by_row) in self.by_row.iter_mut().enumerate() {
            let (whole, rest) = S::as_simd_f32s(&self.map[(row + 1) * (words + 2) + 1..][..words]);
            let row = simd.splat_f32s(row as f32);
            let (mut best, mut best_places, mut places) = (lowest, nowhere, first_places);
            for (chunk, (column, column_places)) in columns.iter_mut().zip(&mut *column_places).take(chunks).enumerate()
            {
                let weights = whole.get(chunk).copied().unwrap_or_else(|| simd.partial_load_f32s(rest));
                let itself = simd.equal_f32s(places, row);
                let candidate = simd.and_m32s(simd.less_than_f32s(places, end), simd.not_m32s(itself));
                let weights = simd.select_f32s(candidate, weights, lowest);
                // Strictly higher: of equal weights the first stays, and NaN is never higher.
                let higher = simd.less_than_f32s(best, weights);
                best = simd.select_f32s(higher, weights, best);
                best_places = simd.select_f32s(higher, places, best_places);
                let higher = simd.less_than_f32s(*column, weights);
                *column = simd.select_f32s(higher, weights, *column);
                *column_places = simd.select_f32s(higher, row, *column_places);
                places = simd.add_f32s(places, step);
            }
            let highest = simd.equal_f32s(best, simd.splat_f32s(simd.reduce_max_f32s(best)));
            *by_row = simd.reduce_min_f32s(simd.select_f32s(highest, best_places, nowhere)) as u16;
        }
        for (by_column, place) in self.by_column.iter_mut().zip(&self.columns.places) {
            *by_column = *place as u16;
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

    #[test]
    fn every_width_of_vector_predicts_the_same() {
        for words in [2, 3, 8, 15, 16, 17, 33] {
            let map: Vec<f32> = (0..(words + 2) * (words + 2)).map(|place| ((place * 7919) % 23) as f32).collect();
            let attention = WordAttention::new(GRID, words, map.clone()).expect("one map");
            let (mut by_row, mut by_column) = (vec![0; words], vec![0; words]);
            let mut columns = Columns::new(words);
            PredictMap { map: &map, by_row: &mut by_row, by_column: &mut by_column, columns: &mut columns }
                .with_simd(pulp::Scalar::new());
            assert_eq!([by_row, by_column].concat(), predict(&attention).governors, "{words} words");
        }
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
