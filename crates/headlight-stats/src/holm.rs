//! Correction for testing many relations at once.

/// Holm's step-down adjusted p-values, in the order given (Holm 1979, *A simple sequentially rejective multiple test
/// procedure*): the i-th smallest of m is multiplied by m − i + 1, made monotone and cut at 1. Rejecting where the result
/// is at most α keeps the chance of any false rejection at or below α, whatever the dependence between tests.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut floor = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        let factor = (p_values.len() - rank) as f64;
        floor = floor.max((p_values[index] * factor).min(1.0));
        adjusted[index] = floor;
    }
    adjusted
}

/// [`holm`] over the tests that could have come out otherwise. Where two predictors are equally right in every unit, the
/// sign-flip test has one outcome, p = 1, whatever the others say: it can reject nothing, so it takes no share of α and is no
/// member of the family (Tarone 1990, *A modified Bonferroni method for discrete data*, at its plainest). Its own p stays.
pub fn holm_over_differing(tests: &[(f64, bool)]) -> Vec<f64> {
    let members: Vec<f64> = tests.iter().filter(|(_, differs)| *differs).map(|(p, _)| *p).collect();
    let mut adjusted = holm(&members).into_iter();
    tests.iter().map(|(p, differs)| if *differs { adjusted.next().unwrap_or(*p) } else { *p }).collect()
}

/// The same within each family apart, `None` of what was not tested; the family of each test is told behind it.
pub fn holm_by_family<F: PartialEq>(tests: &[(Option<f64>, bool, F)]) -> Vec<Option<f64>> {
    let mut adjusted = vec![None; tests.len()];
    for (first, (_, _, family)) in tests.iter().enumerate() {
        if tests[..first].iter().any(|(_, _, known)| known == family) {
            continue;
        }
        let of_family = tests.iter().enumerate().filter(|(_, (_, _, of))| of == family);
        let (places, members): (Vec<usize>, Vec<(f64, bool)>) =
            of_family.filter_map(|(at, (p, differs, _))| Some((at, ((*p)?, *differs)))).unzip();
        places.into_iter().zip(holm_over_differing(&members)).for_each(|(at, p)| adjusted[at] = Some(p));
    }
    adjusted
}
