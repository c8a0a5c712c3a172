//! Correction for a map of many tests, of which some false ones may be borne.

/// Benjamini & Hochberg's q-values, in the order given (1995, *Controlling the false discovery rate*): of the tests whose q
/// is at most α, a share of no more than α is expected to be false. The i-th smallest of m p-values is multiplied by m / i,
/// made monotone from above and cut at 1. Holds for tests that are independent or depend on each other positively
/// (Benjamini & Yekutieli 2001), as heads that attend alike do.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    let mut q_values = vec![1.0; p_values.len()];
    let mut ceiling = 1.0_f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        let factor = p_values.len() as f64 / (rank + 1) as f64;
        ceiling = ceiling.min(p_values[index] * factor);
        q_values[index] = ceiling;
    }
    q_values
}
