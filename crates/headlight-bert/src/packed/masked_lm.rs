//! The masked-language-model head on the processor: how likely the pieces behind `[MASK]` are.

use super::{
    PackedEncoder,
    layer::{Destination, Projection, Strided, multiply},
    rows::{activate, normalise},
};
use crate::MaskedLmHead;

/// The head, its transform in the order in which it is read.
pub(crate) struct Head {
    /// hidden → hidden.
    transform: Projection,
    weights: MaskedLmHead,
}

impl Head {
    pub(crate) fn new(weights: MaskedLmHead) -> Self {
        Self { transform: Projection::fused([weights.transform.clone()]), weights }
    }

    /// The weights as a checkpoint has them.
    pub(crate) fn to_weights(&self) -> MaskedLmHead {
        self.weights.clone()
    }

    /// ln p of each piece, given the final states `[piece][hidden]` of the positions where they are hidden.
    pub(crate) fn log_likelihoods(&self, encoder: &PackedEncoder, states: &[f32], pieces: &[u32]) -> Vec<f64> {
        let (set, hidden, count) = (encoder.set, self.transform.inputs, pieces.len());
        let mut transformed = vec![0.0; count * hidden];
        self.transform.multiply(states, &mut transformed, hidden, Destination::Overwrite);
        activate(set, &mut transformed, &self.transform.bias, encoder.spec.head.activation);
        normalise(set, &mut transformed, None, &self.weights.norm, encoder.spec.norm.epsilon);

        // D stands as `[vocabulary][hidden]`, so the product is taken the other way round and nothing large is copied.
        let decoder = self.weights.decoder.as_ref().unwrap_or(&encoder.embeddings.words);
        let mut columns = vec![0.0; hidden * count];
        for (piece, row) in transformed.chunks_exact(hidden).enumerate() {
            row.iter().enumerate().for_each(|(width, x)| columns[width * count + piece] = *x);
        }
        let vocabulary = self.weights.bias.len();
        let mut logits = vec![0.0; vocabulary * count];
        let decoder = Strided { values: decoder, stride: hidden };
        let states = Strided { values: &columns, stride: count };
        multiply(decoder, states, [vocabulary, hidden, count], &mut logits, Destination::Overwrite);
        for (row, bias) in logits.chunks_exact_mut(count).zip(&self.weights.bias) {
            row.iter_mut().for_each(|logit| *logit += bias);
        }
        log_softmax_at(&logits, pieces)
    }
}

/// For each column of `logits` `[vocabulary][column]`, the logarithm of its softmax at its piece.
fn log_softmax_at(logits: &[f32], pieces: &[u32]) -> Vec<f64> {
    let count = pieces.len();
    let mut highest = vec![f32::NEG_INFINITY; count];
    for row in logits.chunks_exact(count) {
        highest.iter_mut().zip(row).for_each(|(highest, logit)| *highest = highest.max(*logit));
    }
    let mut sums = vec![0.0f64; count];
    for row in logits.chunks_exact(count) {
        let terms = sums.iter_mut().zip(row.iter().zip(&highest));
        terms.for_each(|(sum, (logit, highest))| *sum += f64::from((logit - highest).exp()));
    }
    let of = |(column, &piece): (usize, &u32)| {
        f64::from(logits[piece as usize * count + column] - highest[column]) - sums[column].ln()
    };
    pieces.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_its_own_distribution() {
        // Columns: three equal logits; one far above the others.
        let found = log_softmax_at(&[1.0, 90.0, 1.0, 0.0, 1.0, 0.0], &[2, 0]);
        let expected = [-3f64.ln(), 0.0];
        assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-7), "{found:?}");
    }
}
