//! Rows that sum to 1.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_sums_to_one() {
        let mut weights = [1.0, 3.0, 0.0, 0.0, 0.5, 0.0];
        normalise_rows(&mut weights, 2);
        assert_eq!(weights, [0.25, 0.75, 0.0, 0.0, 1.0, 0.0]);
    }
}
