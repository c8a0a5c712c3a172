//! From attention over pieces to attention over words (METHOD §1; Clark et al. 2019, §4.1).

use std::ops::Range;

use crate::{Alignment, AttentionMaps, Frame, MergeRule, WordAttention};

/// Merges the maps of every head of a sentence. See [`merge_map`] for what happens to each.
///
/// # Panics
/// When `maps` and `alignment` are of different numbers of pieces, that is, of different sentences.
pub fn merge(maps: &AttentionMaps, alignment: &Alignment, rule: MergeRule) -> WordAttention {
    let (pieces, words) = (alignment.pieces(), alignment.words().len());
    assert_eq!(maps.positions(), pieces, "the maps and the alignment are of different sentences");
    let area = alignment.positions().pow(2);
    let mut weights = vec![0.0; maps.grid().len() * area];
    for (map, out) in maps.weights().chunks_exact(pieces * pieces).zip(weights.chunks_exact_mut(area)) {
        merge_map(map, alignment, rule, out);
    }
    WordAttention::new(maps.grid(), alignment.frame(), words, weights).expect("one map over words for each over pieces")
}

/// Merges one head's map, `map` `[from, to]` over pieces, into `out` `[from, to]` over the n words and the special pieces
/// around them, both row-major.
///
/// Attention *to* a word is the sum over its pieces; attention *from* it is what `rule` makes of its pieces' rows.
/// Where the pieces of the words partition the sentence, rows go on summing to 1 under [`MergeRule::Mean`] and
/// [`MergeRule::First`]. The words of a multiword token that share pieces each get the whole attention to them, so
/// there rows sum to more; a piece that belongs to no word is left out, so there they sum to less.
///
/// # Panics
/// When `map` is not of length pieces² or `out` not of length positions².
pub fn merge_map(map: &[f32], alignment: &Alignment, rule: MergeRule, out: &mut [f32]) {
    let (pieces, words) = (alignment.pieces(), alignment.words());
    let (frame, positions) = (alignment.frame(), alignment.positions());
    assert_eq!(map.len(), pieces * pieces, "a map over {pieces} pieces");
    assert_eq!(out.len(), positions * positions, "a map over {positions} positions");
    if alignment.is_identity() {
        out.copy_from_slice(map);
        return;
    }
    let row = |piece: usize| &map[piece * pieces..][..pieces];
    let mut rows = out.chunks_exact_mut(positions);
    let mut next = || rows.next().expect("one row a position");
    let merge_row = |from: &[f32], out: &mut [f32], put: fn(&mut f32, f32)| merge_row(from, frame, words, out, put);
    for special in 0..frame.before().len() {
        merge_row(row(special), next(), |cell, sum| *cell = sum);
    }
    for from in words {
        let out = next();
        merge_row(row(from.start), out, |cell, sum| *cell = sum);
        let others = from.start + 1..from.end;
        match rule {
            MergeRule::First => {}
            MergeRule::Max => {
                others.for_each(|piece| merge_row(row(piece), out, |cell, sum| *cell = cell.max(sum)));
            }
            MergeRule::Mean if others.is_empty() => {}
            MergeRule::Mean => {
                others.for_each(|piece| merge_row(row(piece), out, |cell, sum| *cell += sum));
                let count = from.len() as f32;
                out.iter_mut().for_each(|cell| *cell /= count);
            }
        }
    }
    for special in pieces - frame.after().len()..pieces {
        merge_row(row(special), next(), |cell, sum| *cell = sum);
    }
}

/// Hands what the row of one piece gives to each special piece and word to `put`, with the cell it is meant for.
#[inline(always)]
fn merge_row(row: &[f32], frame: &Frame, words: &[Range<usize>], out: &mut [f32], put: impl Fn(&mut f32, f32)) {
    let (before, rest) = out.split_at_mut(frame.before().len());
    let (inner, after) = rest.split_at_mut(words.len());
    before.iter_mut().zip(row).for_each(|(cell, weight)| put(cell, *weight));
    for (cell, to) in inner.iter_mut().zip(words) {
        let sum = row[to.start + 1..to.end].iter().fold(row[to.start], |sum, weight| sum + weight);
        put(cell, sum);
    }
    let last = &row[row.len() - after.len()..];
    after.iter_mut().zip(last).for_each(|(cell, weight)| put(cell, *weight));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeadGrid;
    use proptest::prelude::*;

    const RULES: [MergeRule; 3] = [MergeRule::Mean, MergeRule::First, MergeRule::Max];

    /// Rows of f32 weights that are merged in different orders agree to this.
    const TOLERANCE: f32 = 1e-6;

    fn check(map: &[f32], pieces: usize, words: &[Range<usize>], rule: MergeRule, expected: &[f32]) {
        let alignment = Alignment::new(&Frame::bert(), pieces, words.to_vec()).expect("an alignment");
        let mut out = vec![f32::NAN; expected.len()];
        merge_map(map, &alignment, rule, &mut out);
        assert_eq!(out, expected, "{rule:?} {words:?}");
    }

    /// `[CLS]`, a word of two pieces, a word of one piece, `[SEP]`; binary fractions, so that sums are exact.
    #[rustfmt::skip]
    const SPLIT: [f32; 25] = [
        0.5,   0.125, 0.125, 0.25,  0.0,
        0.25,  0.25,  0.25,  0.0,   0.25,
        0.0,   0.5,   0.125, 0.125, 0.25,
        0.125, 0.375, 0.25,  0.25,  0.0,
        1.0,   0.0,   0.0,   0.0,   0.0,
    ];

    #[test]
    fn a_split_word_is_summed_to_and_merged_from() {
        let words = [1..3, 3..4];
        #[rustfmt::skip]
        check(&SPLIT, 5, &words, MergeRule::Mean, &[
            0.5,   0.25,   0.25,   0.0,
            0.125, 0.5625, 0.0625, 0.25,
            0.125, 0.625,  0.25,   0.0,
            1.0,   0.0,    0.0,    0.0,
        ]);
        #[rustfmt::skip]
        check(&SPLIT, 5, &words, MergeRule::First, &[
            0.5,   0.25,   0.25,   0.0,
            0.25,  0.5,    0.0,    0.25,
            0.125, 0.625,  0.25,   0.0,
            1.0,   0.0,    0.0,    0.0,
        ]);
        #[rustfmt::skip]
        check(&SPLIT, 5, &words, MergeRule::Max, &[
            0.5,   0.25,   0.25,   0.0,
            0.25,  0.625,  0.125,  0.25,
            0.125, 0.625,  0.25,   0.0,
            1.0,   0.0,    0.0,    0.0,
        ]);
    }

    #[test]
    fn words_of_a_multiword_token_share_its_pieces_and_stray_pieces_are_left_out() {
        let words = [1..3, 1..3];
        #[rustfmt::skip]
        check(&SPLIT, 5, &words, MergeRule::Mean, &[
            0.5,   0.25,   0.25,   0.0,
            0.125, 0.5625, 0.5625, 0.25,
            0.125, 0.5625, 0.5625, 0.25,
            1.0,   0.0,    0.0,    0.0,
        ]);
    }

    #[test]
    fn a_sentence_without_words_keeps_cls_and_sep() {
        check(&[0.25, 0.75, 0.5, 0.5], 2, &[], MergeRule::Mean, &[0.25, 0.75, 0.5, 0.5]);
        #[rustfmt::skip]
        check(&[0.25, 0.25, 0.5, 0.0, 0.0, 1.0, 0.5, 0.0, 0.5], 3, &[], MergeRule::Mean, &[0.25, 0.5, 0.5, 0.5]);
    }

    /// Lengths of words in pieces, and a map over their pieces whose rows sum to 1.
    fn partition() -> impl Strategy<Value = (Alignment, Vec<f32>)> {
        prop::collection::vec(1_usize..4, 0..9).prop_flat_map(|lengths| {
            let pieces = lengths.iter().sum::<usize>() + 2;
            let mut start = 1;
            let words = lengths.iter().map(|length| {
                start += length;
                start - length..start
            });
            let alignment =
                Alignment::new(&Frame::bert(), pieces, words.collect()).expect("a partition is an alignment");
            (Just(alignment), rows(pieces))
        })
    }

    /// Ranges that may coincide, overlap or leave pieces out, as in text mode.
    fn any_alignment() -> impl Strategy<Value = (Alignment, Vec<f32>)> {
        (3_usize..12).prop_flat_map(|pieces| {
            let word = (1..pieces - 1).prop_flat_map(move |start| (start + 1..pieces).prop_map(move |end| start..end));
            let words = prop::collection::vec(word, 0..8);
            (
                words.prop_map(move |words| Alignment::new(&Frame::bert(), pieces, words).expect("ranges within")),
                rows(pieces),
            )
        })
    }

    fn rows(pieces: usize) -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(0.001_f32..1.0, pieces * pieces).prop_map(move |mut map| {
            for row in map.chunks_exact_mut(pieces) {
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|weight| *weight /= sum);
            }
            map
        })
    }

    fn merged(map: &[f32], alignment: &Alignment, rule: MergeRule) -> Vec<f32> {
        let positions = alignment.positions();
        let mut out = vec![f32::NAN; positions * positions];
        merge_map(map, alignment, rule, &mut out);
        out
    }

    /// M ∈ {0,1}^(positions × pieces) says which pieces a position has: `to` is map·Mᵀ, then rows are reduced by `rule`.
    fn naive(map: &[f32], alignment: &Alignment, rule: MergeRule) -> Vec<f32> {
        let pieces = alignment.pieces();
        let mut members = vec![vec![0]];
        members.extend(alignment.words().iter().map(|word| word.clone().collect::<Vec<_>>()));
        members.push(vec![pieces - 1]);
        let mut out = Vec::new();
        for from in &members {
            for to in &members {
                let sums: Vec<f64> = from
                    .iter()
                    .map(|row| to.iter().map(|column| f64::from(map[row * pieces + column])).sum())
                    .collect();
                out.push(match rule {
                    MergeRule::Mean => sums.iter().sum::<f64>() / sums.len() as f64,
                    MergeRule::First => sums[0],
                    MergeRule::Max => sums.iter().copied().fold(0.0, f64::max),
                } as f32);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn rows_sum_to_one((alignment, map) in partition()) {
            for rule in [MergeRule::Mean, MergeRule::First] {
                for row in merged(&map, &alignment, rule).chunks_exact(alignment.positions()) {
                    prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < TOLERANCE, "{rule:?} {row:?}");
                }
            }
        }

        #[test]
        fn one_piece_a_word_changes_nothing(map in (2_usize..9).prop_flat_map(rows)) {
            let pieces = map.len().isqrt();
            let alignment = Alignment::new(&Frame::bert(), pieces, (1..pieces - 1).map(|piece| piece..piece + 1).collect()).unwrap();
            for rule in RULES {
                prop_assert_eq!(&merged(&map, &alignment, rule), &map);
            }
        }

        #[test]
        fn equals_matrix_products((alignment, map) in any_alignment()) {
            for rule in RULES {
                for (cell, expected) in merged(&map, &alignment, rule).iter().zip(naive(&map, &alignment, rule)) {
                    prop_assert!((cell - expected).abs() < TOLERANCE, "{rule:?}: {cell} is not {expected}");
                }
            }
        }

        #[test]
        fn each_head_is_merged_by_itself((alignment, map) in partition()) {
            let grid = HeadGrid { layers: 2, heads: 3 };
            let scaled = (0..grid.len()).flat_map(|head| map.iter().map(move |weight| weight * head as f32));
            let maps = AttentionMaps::new(grid, alignment.pieces(), scaled.collect()).unwrap();
            let words = merge(&maps, &alignment, MergeRule::Mean);
            for head in grid.iter() {
                prop_assert_eq!(words.head(head), merged(maps.head(head), &alignment, MergeRule::Mean));
            }
        }
    }
}
