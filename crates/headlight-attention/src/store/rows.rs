//! Rows in f16 that keep their sums.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// Encodes rows of length `row`: appends to `scales` one factor a row that gives the rounded row the sum it had. `Err`
/// with the number of the first row that has a weight which f16 cannot hold.
pub(super) fn encode(weights: &[f32], row: usize, halves: &mut Vec<f16>, scales: &mut Vec<f32>) -> Result<(), usize> {
    halves.resize(weights.len(), f16::ZERO);
    halves.convert_from_f32_slice(weights);
    let mut rounded = vec![0.0; row];
    for (number, (weights, halves)) in weights.chunks_exact(row).zip(halves.chunks_exact(row)).enumerate() {
        halves.convert_to_f32_slice(&mut rounded);
        let (sum, rounded) = (sum(weights), sum(&rounded));
        if !rounded.is_finite() {
            return Err(number);
        }
        // A row of zeros, or of nothing but weights that round to zero, has no factor that restores it.
        scales.push(if rounded == 0.0 { 1.0 } else { (sum / rounded) as f32 });
    }
    Ok(())
}

/// Decodes rows of length `row` into `out`.
pub(super) fn decode(halves: &[f16], scales: &[f32], row: usize, out: &mut [f32]) {
    // Map by map, so that the second pass finds the first one's floats in the nearest cache.
    let maps = halves.chunks(row * row).zip(scales.chunks(row)).zip(out.chunks_mut(row * row));
    for ((halves, scales), out) in maps {
        halves.convert_to_f32_slice(out);
        for (out, scale) in out.chunks_exact_mut(row).zip(scales) {
            out.iter_mut().for_each(|weight| *weight *= scale);
        }
    }
}

/// In f64, over four lanes: the same on every machine.
fn sum(row: &[f32]) -> f64 {
    let (chunks, rest) = row.as_chunks::<4>();
    let mut lanes = [0.0; 4];
    for chunk in chunks {
        for (lane, weight) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*weight);
        }
    }
    rest.iter().fold(lanes.iter().sum(), |sum, weight| sum + f64::from(*weight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(weights: &[f32], row: usize) -> Vec<f32> {
        let (mut halves, mut scales) = (Vec::new(), Vec::new());
        encode(weights, row, &mut halves, &mut scales).expect("finite");
        assert_eq!(scales.len(), weights.len() / row);
        let mut out = vec![f32::NAN; weights.len()];
        decode(&halves, &scales, row, &mut out);
        out
    }

    #[test]
    fn a_row_of_zeros_stays() {
        assert_eq!(round_trip(&[0.0, 0.0, 1e-9, 0.0], 2), [0.0; 4]);
    }

    #[test]
    fn what_f16_cannot_hold_is_named_by_its_row() {
        for weight in [f32::NAN, f32::INFINITY, 1e5] {
            assert_eq!(encode(&[0.5, 0.5, weight, 0.5], 2, &mut Vec::new(), &mut Vec::new()), Err(1), "{weight}");
        }
    }

    /// A row of a softmax over random logits: some weights near 1, many tiny ones.
    fn softmax_rows() -> impl Strategy<Value = (Vec<f32>, usize)> {
        (2_usize..40, 1_usize..4).prop_flat_map(|(row, rows)| {
            let logits = prop::collection::vec(-12.0_f32..8.0, row * rows);
            logits.prop_map(move |mut weights| {
                for row in weights.chunks_exact_mut(row) {
                    row.iter_mut().for_each(|logit| *logit = logit.exp());
                    let sum: f32 = row.iter().sum();
                    row.iter_mut().for_each(|weight| *weight /= sum);
                }
                (weights, row)
            })
        })
    }

    proptest! {
        #[test]
        fn rows_keep_their_sums_and_weights_their_size((weights, row) in softmax_rows(), scale in 0.01_f32..100.0) {
            let weights: Vec<f32> = weights.iter().map(|weight| weight * scale).collect();
            let decoded = round_trip(&weights, row);
            for (before, after) in weights.chunks_exact(row).zip(decoded.chunks_exact(row)) {
                // Two roundings to f32, of the factor and of each product.
                prop_assert!((sum(before) - sum(after)).abs() <= sum(before) * 2.0 * f64::from(f32::EPSILON));
                for (before, after) in before.iter().zip(after) {
                    // Twice the rounding of f16: of the weight, and of those that the row's factor makes up for.
                    let bound = (before * 2_f32.powi(-10)).max(2_f32.powi(-24));
                    prop_assert!((before - after).abs() <= bound, "{} became {}", before, after);
                }
            }
        }
    }
}
