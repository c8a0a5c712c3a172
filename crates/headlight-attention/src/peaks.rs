//! Where the rows and columns of word attention peak: all that scores of single heads need of a map (METHOD §2).

use pulp::{Arch, Simd, WithSimd};

use crate::{Frame, HeadGrid, WordAttention};

/// Stands in [`AttentionPeaks`] for a row or column without a peak.
pub const NO_PEAK: u16 = u16::MAX;

/// More words than any sentence has whose words can be numbered beside [`NO_PEAK`].
pub const MAX_WORDS: usize = NO_PEAK as usize;

/// The peaks of one sentence's word attention, axes `[row or column, layer, head, word]`: for each head and word first the
/// *other* word that it attends to most (the peak of its row), then the other word that attends to it most (the peak of
/// its column). Special pieces and the word itself are no candidates, nor is a word that gets nothing: of a causal head the
/// first word attends to none, and none to the last. Of equal weights the lowest word is the peak; a weight that is not a
/// number never is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttentionPeaks {
    grid: HeadGrid,
    words: usize,
    places: Vec<u16>,
}

impl AttentionPeaks {
    /// Peaks from `places` `[row or column, layer, head, word]`. `None` when the length does not fit or an entry is
    /// neither a word of the sentence nor [`NO_PEAK`].
    pub fn new(grid: HeadGrid, words: usize, places: Vec<u16>) -> Option<Self> {
        let fits = |place: &u16| usize::from(*place) < words || *place == NO_PEAK;
        (places.len() == 2 * grid.len() * words && places.iter().all(fits)).then_some(Self { grid, words, places })
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.grid
    }

    /// Number of words.
    pub fn words(&self) -> usize {
        self.words
    }

    /// All peaks as they lie in memory, `[row or column, layer, head, word]`: words counted from 0, or [`NO_PEAK`].
    pub fn places(&self) -> &[u16] {
        &self.places
    }

    /// The same, taken out.
    pub fn into_places(self) -> Vec<u16> {
        self.places
    }
}

/// The peaks of every head's map.
///
/// # Panics
/// When the sentence has [`MAX_WORDS`] words or more, which no encoder takes.
pub fn peaks(attention: &WordAttention) -> AttentionPeaks {
    let (grid, words, positions) = (attention.grid(), attention.words(), attention.positions());
    let mut places = vec![NO_PEAK; 2 * grid.len() * words];
    if words > 0 {
        let (by_row, by_column) = places.split_at_mut(grid.len() * words);
        let maps = attention.weights().chunks_exact(positions * positions);
        let mut finder = PeakFinder::default();
        for ((map, by_row), by_column) in
            maps.zip(by_row.chunks_exact_mut(words)).zip(by_column.chunks_exact_mut(words))
        {
            finder.find(attention.frame(), map, by_row, by_column);
        }
    }
    AttentionPeaks { grid, words, places }
}

/// Finds the peaks of one map after the other, for those who hold no [`WordAttention`]. Keeps its memory between maps.
#[derive(Debug, Default)]
pub struct PeakFinder {
    columns: Columns,
}

impl PeakFinder {
    /// The peaks of the rows of all words and of their columns, in one pass over `map` `[from, to]`, whose axes run over the
    /// words and the special pieces of `frame` around them.
    ///
    /// # Panics
    /// When the lengths are not those of the same number of words, or that number is [`MAX_WORDS`] or more.
    pub fn find(&mut self, frame: &Frame, map: &[f32], by_row: &mut [u16], by_column: &mut [u16]) {
        let words = by_row.len();
        assert!(words < MAX_WORDS, "{words} words are more than can be numbered");
        assert_eq!(by_column.len(), words, "rows and columns of one map");
        let positions = frame.positions(words);
        assert_eq!(map.len(), positions * positions, "a map over {words} words");
        self.columns.reset(words);
        let before = frame.before().len();
        Arch::new().dispatch(FindPeaks { positions, before, map, by_row, by_column, columns: &mut self.columns });
    }
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
#[derive(Debug, Default)]
struct Columns {
    weights: Vec<f32>,
    places: Vec<f32>,
}

impl Columns {
    /// No peak yet in any column.
    fn reset(&mut self, words: usize) {
        let padded = words.next_multiple_of(LANES);
        for (values, value) in [(&mut self.weights, 0.0), (&mut self.places, NO_PEAK.into())] {
            values.clear();
            values.resize(padded, value);
        }
    }
}

/// The work of [`PeakFinder::find`].
struct FindPeaks<'a> {
    positions: usize,
    /// Special pieces before the first word.
    before: usize,
    map: &'a [f32],
    by_row: &'a mut [u16],
    by_column: &'a mut [u16],
    columns: &'a mut Columns,
}

impl WithSimd for FindPeaks<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let words = self.by_row.len();
        let (nothing, nowhere) = (simd.splat_f32s(0.0), simd.splat_f32s(NO_PEAK.into()));
        let (end, step) = (simd.splat_f32s(words as f32), simd.splat_f32s(S::F32_LANES as f32));
        let first_places = S::as_simd_f32s(&PLACES).0[0];
        let columns = S::as_mut_simd_f32s(&mut self.columns.weights).0;
        let column_places = S::as_mut_simd_f32s(&mut self.columns.places).0;
        let chunks = words.div_ceil(S::F32_LANES);
        for (row, by_row) in self.by_row.iter_mut().enumerate() {
            let (whole, rest) =
                S::as_simd_f32s(&self.map[(row + self.before) * self.positions + self.before..][..words]);
            let row = simd.splat_f32s(row as f32);
            let (mut best, mut best_places, mut places) = (nothing, nowhere, first_places);
            for (chunk, (column, column_places)) in columns.iter_mut().zip(&mut *column_places).take(chunks).enumerate()
            {
                let weights = whole.get(chunk).copied().unwrap_or_else(|| simd.partial_load_f32s(rest));
                let itself = simd.equal_f32s(places, row);
                let candidate = simd.and_m32s(simd.less_than_f32s(places, end), simd.not_m32s(itself));
                let weights = simd.select_f32s(candidate, weights, nothing);
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
    const NONE: u16 = NO_PEAK;

    fn check(weights: &[f32], by_row: &[u16], by_column: &[u16]) {
        let attention = WordAttention::new(GRID, &Frame::bert(), by_row.len(), weights.to_vec()).expect("one map");
        assert_eq!(peaks(&attention).places, [by_row, by_column].concat());
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
    fn of_equal_weights_the_lowest_word_is_the_peak() {
        check(&[0.5; 36], &[1, 0, 0, 0], &[1, 0, 0, 0]);
    }

    #[test]
    fn a_word_alone_and_no_word_have_no_peak() {
        check(&[0.5; 9], &[NONE], &[NONE]);
        check(&[0.5; 4], &[], &[]);
    }

    #[test]
    fn what_is_not_a_number_never_is_the_peak() {
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
    fn what_is_not_attended_to_never_is_the_peak() {
        #[rustfmt::skip]
        check(&[
            1.0, 0.0, 0.0, 0.0, 0.0,
            0.6, 0.4, 0.0, 0.0, 0.0,
            0.5, 0.3, 0.2, 0.0, 0.0,
            0.4, 0.1, 0.2, 0.3, 0.0,
            0.2, 0.2, 0.2, 0.2, 0.2,
        ], &[NONE, 0, 1], &[1, 2, NONE]);
    }

    #[test]
    fn places_that_are_no_words_and_lengths_that_do_not_fit_are_refused() {
        for (words, places) in [(2, vec![0, 1, 1]), (2, vec![0, 1, 2, 0]), (0, vec![NONE])] {
            assert_eq!(AttentionPeaks::new(GRID, words, places.clone()), None, "{places:?}");
        }
        assert!(AttentionPeaks::new(GRID, 2, vec![1, NONE, 1, 0]).is_some());
    }

    /// Few different weights, so that many are equal, and some that are no numbers.
    fn attention() -> impl Strategy<Value = WordAttention> {
        let weight = prop_oneof![8 => (0_u8..6).prop_map(f32::from), 1 => Just(f32::NAN), 1 => Just(f32::NEG_INFINITY)];
        (0_usize..40, 1_usize..3, 1_usize..4).prop_flat_map(move |(words, layers, heads)| {
            let weights = prop::collection::vec(weight.clone(), layers * heads * (words + 2).pow(2));
            weights.prop_map(move |weights| {
                WordAttention::new(HeadGrid { layers, heads }, &Frame::bert(), words, weights).expect("the lengths fit")
            })
        })
    }

    fn naive(candidates: impl Iterator<Item = (usize, f32)>) -> u16 {
        let attended = candidates.filter(|(_, weight)| *weight > 0.0);
        let best = attended.fold(None, |best: Option<(usize, f32)>, candidate| match best {
            Some(best) if candidate.1 <= best.1 => Some(best),
            _ => Some(candidate),
        });
        best.map_or(NONE, |(word, _)| word as u16)
    }

    #[test]
    fn every_width_of_vector_finds_the_same() {
        for words in [2, 3, 8, 15, 16, 17, 33] {
            let map: Vec<f32> = (0..(words + 2) * (words + 2)).map(|place| ((place * 7919) % 23) as f32).collect();
            let attention = WordAttention::new(GRID, &Frame::bert(), words, map.clone()).expect("one map");
            let (mut by_row, mut by_column) = (vec![0; words], vec![0; words]);
            let mut columns = Columns::default();
            columns.reset(words);
            FindPeaks {
                positions: words + 2,
                before: 1,
                map: &map,
                by_row: &mut by_row,
                by_column: &mut by_column,
                columns: &mut columns,
            }
            .with_simd(pulp::Scalar::new());
            assert_eq!([by_row, by_column].concat(), peaks(&attention).places, "{words} words");
        }
    }

    #[test]
    fn a_finder_does_not_remember_the_map_before() {
        let mut finder = PeakFinder::default();
        let (mut rows, mut columns) = (vec![0; 20], vec![0; 20]);
        finder.find(&Frame::bert(), &[1.0; 22 * 22], &mut rows, &mut columns);
        finder.find(&Frame::bert(), &[0.5; 16], &mut rows[..2], &mut columns[..2]);
        assert_eq!((&rows[..2], &columns[..2]), (&[1, 0][..], &[1, 0][..]));
    }

    proptest! {
        #[test]
        fn equals_one_word_at_a_time(attention in attention()) {
            let (grid, words) = (attention.grid(), attention.words());
            let found = peaks(&attention);
            for (number, head) in grid.iter().enumerate() {
                let map = attention.head_view(head);
                for word in 0..words {
                    let others = || (0..words).filter(|other| *other != word);
                    let row = naive(others().map(|other| (other, map[[word + 1, other + 1]])));
                    let column = naive(others().map(|other| (other, map[[other + 1, word + 1]])));
                    prop_assert_eq!(found.places()[number * words + word], row);
                    prop_assert_eq!(found.places()[(grid.len() + number) * words + word], column);
                }
            }
        }
    }
}
