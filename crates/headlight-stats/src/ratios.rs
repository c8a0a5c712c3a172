//! Ratios of sums over units, means among them.

use super::{Bootstrap, Interval};

/// Of each unit, what is measured in it and what that is divided by: their sums are a ratio, of values and their number a mean.
pub type UnitSums = Vec<(f64, f64)>;

/// Sums what is measured in parts, and what that is divided by, by the units of the parts, of which there are `count`.
///
/// # Panics
/// For a unit beyond `count`.
pub fn by_unit(parts: impl IntoIterator<Item = (f64, f64)>, units: &[u32], count: usize) -> UnitSums {
    let mut sums = vec![(0.0, 0.0); count];
    for (&unit, (amount, of)) in units.iter().zip(parts) {
        let sum = &mut sums[unit as usize];
        *sum = (sum.0 + amount, sum.1 + of);
    }
    sums
}

/// The ratio when each unit is counted so many times; NaN where it is divided by nothing.
pub fn ratio(sums: &UnitSums, times: &[u32]) -> f64 {
    let weighted = sums.iter().zip(times).map(|(&(amount, of), &n)| (f64::from(n) * amount, f64::from(n) * of));
    let (amount, of) = weighted.fold((0.0, 0.0), |(amount, all), part| (amount + part.0, all + part.1));
    amount / of
}

impl Bootstrap {
    /// Intervals of several ratios of the same units, from the same resamples; see [`Bootstrap::statistic`].
    pub fn ratios<'a>(&self, of: impl IntoIterator<Item = &'a UnitSums>) -> Vec<Option<Interval>> {
        let of: Vec<&UnitSums> = of.into_iter().collect();
        let Some(units) = of.first().map(|sums| sums.len()) else { return Vec::new() };
        let side_by_side = SideBySide::new(&of, units);
        self.statistics(units, of.len(), |times, values| side_by_side.ratios(times, values))
    }
}

/// Several ratios of the same units, `[unit][ratio][amount, of]`: a resample goes over memory in order, and adds to all of them at
/// once what [`ratio`] adds to one.
struct SideBySide {
    /// Numbers of a unit.
    width: usize,
    sums: Vec<f64>,
}

impl SideBySide {
    fn new(of: &[&UnitSums], units: usize) -> Self {
        let of_unit = |unit: usize| of.iter().flat_map(move |sums| [sums[unit].0, sums[unit].1]);
        Self { width: 2 * of.len(), sums: (0..units).flat_map(of_unit).collect() }
    }

    /// Pushes each ratio of the units, each counted so many times.
    fn ratios(&self, times: &[u32], values: &mut Vec<f64>) {
        let mut totals = vec![0.0; self.width];
        for (sums, &times) in self.sums.chunks_exact(self.width).zip(times) {
            let times = f64::from(times);
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += times * sum);
        }
        values.extend(totals.chunks_exact(2).map(|total| total[0] / total[1]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_in_their_units() {
        let parts = [(1.5, 1.0), (2.5, 1.0), (0.0, 0.0), (7.0, 2.0)];
        assert_eq!(by_unit(parts, &[2, 0, 1, 2], 4), [(2.5, 1.0), (0.0, 0.0), (8.5, 3.0), (0.0, 0.0)]);
    }

    #[test]
    fn several_ratios_have_the_intervals_that_each_has_alone() {
        let bootstrap = Bootstrap { resamples: 500, ..Bootstrap::default() };
        let sums: [UnitSums; 2] = [
            vec![(4.0, 2.0), (0.1, 1.0), (4.251, 3.0), (2.0, 1.0), (0.3, 1.0)],
            vec![(0.7, 1.0), (0.0, 0.0), (1e9 - 2.0, 2.0), (4.0, 1.0), (1.0 / 3.0, 1.0)],
        ];
        let together = bootstrap.ratios(&sums);
        let alone = sums.each_ref().map(|sums| bootstrap.statistic(5, |times| ratio(sums, times)));
        assert_eq!(together, alone);
        assert!(together.iter().flatten().all(|interval| interval.low < interval.high), "{together:?}");
        assert_eq!(ratio(&sums[0], &[1, 0, 0, 2, 0]), (4.0 + 2.0 + 2.0) / 4.0);
        let nothing = vec![(0.0, 0.0); 2];
        assert_eq!((bootstrap.ratios([&nothing]), bootstrap.ratios([])), (vec![None], vec![]));
    }
}
