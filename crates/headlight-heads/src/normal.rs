//! Rows that sum to 1.

use headlight_attention::{AttentionHead, WordAttention};

/// Divides each row of `positions` weights by its sum, so that it becomes a distribution; a row of zeros stays. Norms of
/// weighted vectors need it before they are compared with attention weights.
///
/// # Panics
/// When `weights` is not made of whole rows.
pub fn normalise_rows(weights: &mut [f32], positions: usize) {
    assert!(weights.is_empty() || weights.len().is_multiple_of(positions), "rows of {positions} weights");
    for row in weights.chunks_exact_mut(positions.max(1)) {
        let sum: f32 = row.iter().sum();
        if sum > 0.0 {
            row.iter_mut().for_each(|weight| *weight /= sum);
        }
    }
}

/// The attention of one head among words alone, `[from, to]` row-major over n words: special pieces are dropped and
/// rows sum to 1 again. What trees of single heads are made of (METHOD §6; Raganato & Tiedemann 2018).
pub fn words_only(attention: &WordAttention, head: AttentionHead) -> Vec<f32> {
    let words = attention.words();
    let mut weights: Vec<f32> = (0..words).flat_map(|from| attention.row(head, from)).copied().collect();
    normalise_rows(&mut weights, words);
    weights
}

/// The attention of all heads among words alone: what is attended to special pieces is dropped, what words attend to words
/// sums to 1 again, and special pieces attend to nothing. What ensembles of heads are made of (METHOD §6;
/// Limisiewicz et al. 2020).
pub fn among_words(attention: &WordAttention) -> WordAttention {
    let (frame, words, positions) = (attention.frame(), attention.words(), attention.positions());
    let inner = frame.words(words);
    let mut weights = attention.weights().to_vec();
    for (place, row) in weights.chunks_exact_mut(positions).enumerate() {
        if !inner.contains(&(place % positions)) {
            row.fill(0.0);
            continue;
        }
        row[..inner.start].fill(0.0);
        row[inner.end..].fill(0.0);
        normalise_rows(row, positions);
    }
    WordAttention::new(attention.grid(), frame, words, weights).expect("as many weights as before")
}

#[cfg(test)]
mod tests {
    use headlight_attention::{Frame, HeadGrid};

    use super::*;

    #[test]
    fn each_row_sums_to_one() {
        let mut weights = [1.0, 3.0, 0.0, 0.0, 0.5, 0.0];
        normalise_rows(&mut weights, 2);
        assert_eq!(weights, [0.25, 0.75, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn specials_are_dropped() {
        #[rustfmt::skip]
        let weights = vec![
            1.0, 0.0,  0.0,  0.0,
            0.5, 0.25, 0.25, 0.0,
            0.0, 0.5,  0.0,  0.5,
            0.0, 0.0,  1.0,  0.0,
        ];
        let attention = WordAttention::new(HeadGrid { layers: 1, heads: 1 }, &Frame::bert(), 2, weights).unwrap();
        assert_eq!(words_only(&attention, AttentionHead { layer: 0, index: 0 }), [0.5, 0.5, 1.0, 0.0]);
    }

    #[test]
    fn all_heads_among_words_are_each_head_among_words() {
        let grid = HeadGrid { layers: 1, heads: 2 };
        let weights: Vec<f32> = (0..2 * 25).map(|place| ((place * 7) % 11) as f32).collect();
        let attention = WordAttention::new(grid, &Frame::bert(), 3, weights).unwrap();
        let among = among_words(&attention);
        for head in grid.iter() {
            let map = among.head(head);
            let words: Vec<f32> = map.chunks_exact(5).skip(1).take(3).flat_map(|row| &row[1..4]).copied().collect();
            assert_eq!(words, words_only(&attention, head));
            let of_words: f32 = words.iter().sum();
            assert!((map.iter().sum::<f32>() - of_words).abs() < 1e-6);
        }
    }
}
