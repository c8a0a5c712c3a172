//! The language-model head on the processor: how likely the pieces behind `[MASK]` are, or those that come next.

use pulp::{Simd, WithSimd};

use super::{
    PackedEncoder,
    functions::exp,
    layer::{Destination, Projection, Strided, multiply},
    rows::{activate, normalise},
    scratch::Buffer,
    simd::InstructionSet,
};
use crate::MaskedLmHead;

/// The head, its transform in the order in which it is read.
pub(crate) struct Head {
    /// breadth → width of the embeddings.
    pub(super) transform: Option<Projection>,
    pub(super) weights: MaskedLmHead,
}

impl Head {
    pub(crate) fn new(weights: MaskedLmHead) -> Self {
        let transform = weights.transform.as_ref().map(|transform| Projection::fused(vec![transform.linear.clone()]));
        Self { transform, weights }
    }

    /// The weights as a checkpoint has them.
    pub(crate) fn to_weights(&self) -> MaskedLmHead {
        self.weights.clone()
    }

    /// ln p at each of the targets (a row of the final states `[row][breadth]`, and the piece that is guessed there), which
    /// ascend.
    pub(crate) fn log_likelihoods_at(
        &self,
        encoder: &PackedEncoder,
        states: &[f32],
        targets: &[(usize, u32)],
    ) -> Vec<f64> {
        let (breadth, columns) = (encoder.spec.breadth, self.columns().next_multiple_of(COLUMNS));
        let mut found = Vec::with_capacity(targets.len());
        encoder.with_scratch(|scratch| {
            for (number, states) in states.chunks(columns * breadth).enumerate() {
                // Columns are filled up to whole vectors, with a state of zeros, so that each goes the same way through the product
                // and its softmax, whatever stands beside it.
                let (first, count) = (number * columns, states.len() / breadth);
                let padded = count.next_multiple_of(COLUMNS);
                let mut whole = states.to_vec();
                whole.resize(padded * breadth, 0.0);
                let logits = self.logits(encoder, &whole, &mut scratch.logits);
                let own = targets[found.len()..].iter().take_while(|(row, _)| *row < first + count);
                let own: Vec<(usize, f32)> =
                    own.map(|&(row, piece)| (row - first, logits[piece as usize * padded + row - first])).collect();
                let normalisers = exponentials(encoder.set, logits, padded);
                found.extend(own.into_iter().map(|(row, logit)| normalisers.log_likelihood(row, logit)));
            }
        });
        found
    }

    /// How many columns of logits are computed together: as many as stay near the processor.
    pub(super) fn columns(&self) -> usize {
        const LOGITS: usize = 1 << 22;
        (LOGITS / self.weights.bias.len().max(1)).clamp(COLUMNS, 256)
    }

    /// The logits `[vocabulary][row]` of final states `[row][breadth]`, in `room`: so many that fresh memory for each call would
    /// cost more than their sums.
    pub(crate) fn logits<'r>(&self, encoder: &PackedEncoder, states: &[f32], room: &'r mut Buffer) -> &'r mut [f32] {
        let (set, spec) = (encoder.set, &encoder.spec);
        let count = states.len() / spec.breadth;
        let mut transformed;
        let states = match (&self.transform, &self.weights.transform, spec.head.transform) {
            (Some(transform), Some(weights), Some(shape)) => {
                transformed = vec![0.0; count * shape.width];
                transform.multiply(states, &mut transformed, shape.width, Destination::Overwrite);
                activate(set, &mut transformed, &transform.bias, shape.activation);
                normalise(set, &mut transformed, None, &weights.norm, spec.norm);
                &transformed
            }
            _ => states,
        };
        self.decode(encoder, states, count, room)
    }

    /// The logits `[vocabulary][row]` of so many rows, transformed.
    pub(super) fn decode<'r>(
        &self,
        encoder: &PackedEncoder,
        states: &[f32],
        count: usize,
        room: &'r mut Buffer,
    ) -> &'r mut [f32] {
        let width = states.len() / count;
        // D stands as `[vocabulary][width]`, so the product is taken the other way round and nothing large is copied.
        let mut columns = vec![0.0; width * count];
        for (piece, row) in states.chunks_exact(width).enumerate() {
            row.iter().enumerate().for_each(|(column, x)| columns[column * count + piece] = *x);
        }
        let vocabulary = self.weights.bias.len();
        let logits = room.slice(vocabulary * count);
        let decoder = Strided { values: self.decoder(encoder), stride: width };
        let states = Strided { values: &columns, stride: count };
        multiply(decoder, states, [vocabulary, width, count], logits, Destination::Overwrite);
        for (row, bias) in logits.chunks_exact_mut(count).zip(&self.weights.bias) {
            row.iter_mut().for_each(|logit| *logit += bias);
        }
        logits
    }

    /// D, `[vocabulary][width]`.
    pub(super) fn decoder<'a>(&'a self, encoder: &'a PackedEncoder) -> &'a [f32] {
        self.weights.decoder.as_ref().unwrap_or(&encoder.embeddings.words)
    }
}

/// Columns of logits come in multiples of so many: the lanes of the widest vector.
pub(super) const COLUMNS: usize = 16;

/// Of each column of logits: the highest, and the sum of e^(logit − highest).
pub(super) struct Normalisers {
    highest: Vec<f32>,
    pub sums: Vec<f64>,
}

impl Normalisers {
    /// ln p of a logit of a column.
    pub(super) fn log_likelihood(&self, column: usize, logit: f32) -> f64 {
        f64::from(logit) - f64::from(self.highest[column]) - self.sums[column].ln()
    }
}

/// The normalisers of the columns of `logits` `[vocabulary][count]`, `count` a multiple of [`COLUMNS`]; what is left in the place
/// of a logit is e^(logit − highest).
pub(super) fn exponentials(set: InstructionSet, logits: &mut [f32], count: usize) -> Normalisers {
    let mut highest = vec![f32::NEG_INFINITY; count];
    let mut sums = vec![0.0; count];
    set.run(Exponentials { logits, highest: &mut highest, sums: &mut sums });
    Normalisers { highest, sums }
}

struct Exponentials<'a> {
    logits: &'a mut [f32],
    highest: &'a mut [f32],
    sums: &'a mut [f64],
}

impl WithSimd for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        /// Rows that are summed in f32 before they join a sum in f64.
        const BLOCK: usize = 64;
        let count = self.highest.len();
        let highest = S::as_mut_simd_f32s(self.highest).0;
        for row in self.logits.chunks_exact(count) {
            for (highest, logit) in highest.iter_mut().zip(S::as_simd_f32s(row).0) {
                *highest = simd.max_f32s(*highest, *logit);
            }
        }
        let mut partial = vec![0.0f32; count];
        for block in self.logits.chunks_mut(BLOCK * count) {
            partial.fill(0.0);
            let lanes = S::as_mut_simd_f32s(&mut partial).0;
            for row in block.chunks_exact_mut(count) {
                for ((sum, logit), highest) in lanes.iter_mut().zip(S::as_mut_simd_f32s(row).0).zip(highest.iter()) {
                    *logit = exp(simd, simd.sub_f32s(*logit, *highest));
                    *sum = simd.add_f32s(*sum, *logit);
                }
            }
            self.sums.iter_mut().zip(&partial).for_each(|(sum, partial)| *sum += f64::from(*partial));
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::Activation;
    use crate::testing::{spec, weights};

    /// Whatever stands beside a column and however many there are, to the bit.
    #[test]
    fn a_row_is_guessed_alike_in_any_company() {
        let rng = &mut ChaCha8Rng::seed_from_u64(3);
        let spec = spec(3, 16, 70, Activation::Gelu);
        let encoder = PackedEncoder::new(&spec, weights(&spec, rng));
        let mut draw = |len: usize| -> Vec<f32> { (0..len).map(|_| rng.random_range(-1.0..1.0)).collect() };
        let head = Head::new(MaskedLmHead {
            transform: Some(crate::HeadTransform {
                linear: crate::Linear { inputs: 48, outputs: 48, weight: draw(48 * 48), bias: draw(48) },
                norm: crate::LayerNorm { weight: vec![1.0; 48], bias: vec![0.0; 48] },
            }),
            decoder: None,
            bias: draw(spec.vocabulary),
        });
        let states = draw(70 * 48);
        let targets = |count: usize| (0..count).map(|row| (row, row as u32 % 50)).collect::<Vec<_>>();
        let all = head.log_likelihoods_at(&encoder, &states, &targets(70));
        for count in [1, 2, 3, 16, 17, 33, 64] {
            let some = head.log_likelihoods_at(&encoder, &states[..count * 48], &targets(count));
            assert_eq!(some, all[..count], "{count} rows");
        }
    }

    #[test]
    fn the_normalisers_of_columns_are_those_of_their_softmax() {
        // Far more rows than are summed at once; columns far apart.
        let (vocabulary, count) = (1000, 2 * COLUMNS);
        let logit = |row: usize, column: usize| ((row * 31 + column * 17) % 97) as f32 * 0.1 - column as f32;
        let logits: Vec<f32> = (0..vocabulary * count).map(|at| logit(at / count, at % count)).collect();
        for set in InstructionSet::available() {
            let mut exponentials = logits.clone();
            let found = super::exponentials(set, &mut exponentials, count);
            for column in 0..count {
                let of_column = (0..vocabulary).map(|row| f64::from(logit(row, column)));
                let expected = of_column.map(f64::exp).sum::<f64>().ln();
                let ours = -found.log_likelihood(column, 0.0);
                assert!((ours - expected).abs() < 2e-6, "{set}, column {column}: {ours}, not {expected}");
                let share = f64::from(exponentials[7 * count + column]) / found.sums[column];
                assert!((share.ln() - found.log_likelihood(column, logit(7, column))).abs() < 2e-6, "{set}, {column}");
            }
        }
    }
}
