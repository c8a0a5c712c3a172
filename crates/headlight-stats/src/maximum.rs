//! The choice among many paid for: the distribution of the largest of many statistics under shared sign flips.

use std::ops::Add;

use pulp::{Arch, NullaryFnOnce};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use rayon::prelude::*;

/// Random signs for the units of a treebank, the same for all comparisons, so that what depends on each other keeps doing so
/// under them. Flip `f` is stream `f` of ChaCha8 under the seed.
#[derive(Clone, Debug)]
pub struct SignFlips {
    /// `[unit][flip]`, a bit each: whether the unit's sign is turned.
    turned: Vec<u64>,
    flips: usize,
}

/// Comparisons on the same words, unit by unit. Units without such words are left out.
///
/// Of `width` comparisons the first `heads` are between each candidate head and the baseline that was chosen; the others,
/// where the choice of the baseline is paid for as well, between the head that was chosen and each baseline.
#[derive(Clone, Debug)]
pub struct Contest {
    units: Vec<u32>,
    differences: Vec<i32>,
    width: usize,
    heads: usize,
}

/// How large the largest statistic of a [`Contest`] gets by chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Maxima {
    /// Of each comparison, as observed.
    pub observed: Vec<f64>,
    /// Of each flip, the largest among heads: what the best head is ahead by chance.
    greater: Vec<f64>,
    /// Of each flip, the largest among all comparisons, ahead or behind.
    either: Vec<f64>,
}

/// Flips worked on together, whole words of bits: their sums stay in cache while units come by.
const CHUNK: usize = 256;

/// Comparisons that are worked on together, filled up with zeros: their sums are a vector, or a few.
const STRETCH: usize = 32;

/// Maxima that are kept side by side.
const LANES: usize = 8;

/// Units whose 2⁵ sums are added up in advance.
const GROUP: usize = 5;

impl SignFlips {
    /// Signs for `units` units.
    pub fn new(flips: u32, seed: u64, units: usize) -> Self {
        let flips = flips as usize;
        let words = flips.div_ceil(64);
        let mut turned = vec![0_u64; units * words];
        for flip in 0..flips {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(flip as u64);
            let mut bits = 0;
            for unit in 0..units {
                if unit % 64 == 0 {
                    bits = random.next_u64();
                }
                turned[unit * words + flip / 64] |= (bits >> (unit % 64) & 1) << (flip % 64);
            }
        }
        Self { turned, flips }
    }

    /// Every way to choose signs, for few units.
    #[cfg(test)]
    pub(super) fn all(units: usize) -> Self {
        let flips = 1 << units;
        let words = usize::div_ceil(flips, 64);
        let mut turned = vec![0_u64; units * words];
        for flip in 0..flips {
            for unit in 0..units {
                turned[unit * words + flip / 64] |= (flip as u64 >> unit & 1) << (flip % 64);
            }
        }
        Self { turned, flips }
    }

    #[cfg(test)]
    fn is_turned(&self, unit: u32, flip: usize) -> usize {
        let words = self.flips.div_ceil(64);
        (self.turned[unit as usize * words + flip / 64] >> (flip % 64) & 1) as usize
    }

    /// The largest statistics of a contest under all flips.
    ///
    /// The statistic of a comparison is t = Σ dₛ / √(Σ dₛ²), dₛ being the difference in words right in unit s: were both
    /// equally good, every dₛ would be as likely to have the other sign, so that t has mean 0 and variance 1 whatever the
    /// comparison, and comparisons of many differing words and of few can share one maximum. A flip gives the units' signs
    /// to all comparisons at once (Westfall & Young 1993, *Resampling-based multiple testing*, §2.3, single step).
    ///
    /// The sums are of whole numbers: same signs, same maxima, for any number of threads.
    pub fn maxima(&self, contest: &Contest) -> Maxima {
        // Twice as many sums fit into a vector where no subset's is larger than this.
        let narrow: Option<Vec<i16>> = (contest.largest_sum() <= i64::from(i16::MAX)).then(|| {
            contest.differences.iter().map(|&difference| i16::try_from(difference).unwrap_or_default()).collect()
        });
        match narrow {
            Some(differences) => self.maxima_of(contest, &differences),
            None => self.maxima_of(contest, &contest.differences),
        }
    }

    /// As [`SignFlips::maxima`], of a contest's differences in numbers that hold all their sums.
    fn maxima_of<T: Whole>(&self, contest: &Contest, differences: &[T]) -> Maxima {
        let scale = contest.scales();
        let mut plain = vec![0_i32; contest.width];
        for row in contest.differences.chunks_exact(contest.width) {
            plain.iter_mut().zip(row).for_each(|(sum, difference)| *sum += difference);
        }
        let observed: Vec<f64> = plain.iter().zip(&scale).map(|(&sum, scale)| f64::from(sum) * scale).collect();
        let chunks: Vec<usize> = (0..self.flips).step_by(CHUNK).collect();
        let arch = Arch::new();
        let largest = chunks.par_iter().flat_map_iter(|&first| {
            let flips = CHUNK.min(self.flips - first);
            let subsets = self.subsets(contest, first, flips);
            arch.dispatch(Flips { contest, differences, subsets: &subsets, flips, plain: &plain, scale: &scale })
        });
        let (greater, either) = largest.map(|[greater, either]| (greater, either)).unzip();
        Maxima { observed, greater, either }
    }

    /// `[group][flip]` for so many flips from `first` on: which of the group's units turn, a bit each.
    fn subsets(&self, contest: &Contest, first: usize, flips: usize) -> Vec<u8> {
        let words = self.flips.div_ceil(64);
        let mut subsets = Vec::with_capacity(contest.units.len().div_ceil(GROUP) * flips);
        for units in contest.units.chunks(GROUP) {
            for word in first / 64..(first + flips).div_ceil(64) {
                let mut turned = [0; GROUP];
                for (bits, &unit) in turned.iter_mut().zip(units) {
                    *bits = self.turned[unit as usize * words + word];
                }
                let subset = |flip: usize| {
                    let bits = turned.iter().enumerate();
                    bits.fold(0, |subset, (at, bits)| subset | ((bits >> flip & 1) as u8) << at)
                };
                subsets.extend((0..64.min(first + flips - word * 64)).map(subset));
            }
        }
        subsets
    }
}

/// Some flips of a contest.
struct Flips<'a, T> {
    contest: &'a Contest,
    differences: &'a [T],
    /// `[group][flip]`
    subsets: &'a [u8],
    flips: usize,
    plain: &'a [i32],
    scale: &'a [f64],
}

// Not a closure, which would be compiled for the least of all processors.
impl<T: Whole> NullaryFnOnce for Flips<'_, T> {
    type Output = Vec<[f64; 2]>;

    /// Of each flip, the largest statistic among the heads, and the largest among all comparisons, ahead or behind: all as observed
    /// but for the units that turn, which count on the other side.
    ///
    /// For every group of units the sums of all their subsets are laid out first, so that a flip adds one of them instead of a unit
    /// at a time (the method of four Russians).
    #[inline(always)]
    fn call(self) -> Vec<[f64; 2]> {
        let Self { contest, differences, subsets, flips, plain, scale } = self;
        let mut largest = vec![[[f64::NEG_INFINITY; LANES], [0.0; LANES]]; flips];
        let nothing = Stretch::filled(&[], T::default());
        let mut turned = vec![nothing; flips];
        let mut laid_out = [nothing; 1 << GROUP];
        for from in (0..contest.width).step_by(STRETCH) {
            let to = contest.width.min(from + STRETCH);
            turned.fill(nothing);
            let rows = differences.chunks(GROUP * contest.width);
            for (rows, subsets) in rows.zip(subsets.chunks_exact(flips)) {
                let mut known = 1;
                for row in rows.chunks_exact(contest.width) {
                    let row = Stretch::filled(&row[from..to], T::default());
                    for without in 0..known {
                        laid_out[known + without] = laid_out[without].plus(&row);
                    }
                    known *= 2;
                }
                for (turned, &subset) in turned.iter_mut().zip(subsets) {
                    *turned = turned.plus(&laid_out[usize::from(subset) % (1 << GROUP)]);
                }
            }
            let (plain, scale) = (Stretch::filled(&plain[from..to], 0), Stretch::filled(&scale[from..to], 0.0));
            // What is no head is never the largest of them.
            let heads = contest.heads.clamp(from, to) - from;
            let heads = Stretch::filled(&[0.0; STRETCH][..heads], f64::NEG_INFINITY);
            for (largest, turned) in largest.iter_mut().zip(&turned) {
                let [mut greater, mut either] = *largest;
                for at in (0..STRETCH).step_by(LANES) {
                    let mut t = [0.0; LANES];
                    for (lane, t) in t.iter_mut().enumerate() {
                        *t = f64::from(plain.0[at + lane] - 2 * turned.0[at + lane].into()) * scale.0[at + lane];
                    }
                    for (lane, t) in t.into_iter().enumerate() {
                        let of_heads = t + heads.0[at + lane];
                        greater[lane] = if of_heads > greater[lane] { of_heads } else { greater[lane] };
                        either[lane] = if t.abs() > either[lane] { t.abs() } else { either[lane] };
                    }
                }
                *largest = [greater, either];
            }
        }
        let of_lanes = |lanes: [f64; LANES]| lanes.into_iter().fold(f64::NEG_INFINITY, f64::max);
        largest.into_iter().map(|both| both.map(of_lanes)).collect()
    }
}

/// Numbers of neighbouring comparisons, where vectors begin.
#[repr(align(64))]
#[derive(Clone, Copy)]
struct Stretch<T>([T; STRETCH]);

impl<T: Copy> Stretch<T> {
    /// What there is, and `nothing` behind it.
    #[inline(always)]
    fn filled(values: &[T], nothing: T) -> Self {
        let mut all = [nothing; STRETCH];
        all[..values.len()].copy_from_slice(values);
        Self(all)
    }
}

impl<T: Whole> Stretch<T> {
    /// Both are read before anything is written, so that vectors can do it.
    #[inline(always)]
    fn plus(&self, other: &Self) -> Self {
        let mut sum = self.0;
        for (sum, &more) in sum.iter_mut().zip(&other.0) {
            *sum = *sum + more;
        }
        Self(sum)
    }
}

/// Whole numbers that sums are of.
trait Whole: Copy + Default + Add<Output = Self> + Into<i32> + Send + Sync {}

impl Whole for i16 {}
impl Whole for i32 {}

impl Contest {
    /// Nothing compared yet.
    ///
    /// # Panics
    /// When there is no head.
    pub fn new(width: usize, heads: usize) -> Self {
        assert!((1..=width).contains(&heads), "a contest has heads");
        Self { units: Vec::new(), differences: Vec::new(), width, heads }
    }

    /// Adds a unit: for each comparison, how many words more the first predictor has right than the second.
    pub fn push(&mut self, unit: u32, differences: impl IntoIterator<Item = i32>) {
        self.units.push(unit);
        self.differences.extend(differences);
        debug_assert_eq!(self.differences.len(), self.units.len() * self.width);
    }

    /// The differences of one comparison, by unit.
    pub fn comparison(&self, at: usize) -> impl Iterator<Item = i64> + '_ {
        self.differences.iter().skip(at).step_by(self.width).map(|&difference| i64::from(difference))
    }

    /// What no sum of a comparison's differences exceeds, whatever their signs and whichever of them: the largest Σ |dₛ|.
    fn largest_sum(&self) -> i64 {
        let mut sums = vec![0_i64; self.width];
        for row in self.differences.chunks_exact(self.width) {
            sums.iter_mut().zip(row).for_each(|(sum, &d)| *sum += i64::from(d).abs());
        }
        sums.into_iter().max().unwrap_or(0)
    }

    /// 1 / √(Σ dₛ²); 0 for a comparison without a difference.
    fn scales(&self) -> Vec<f64> {
        let mut squares = vec![0_i64; self.width];
        for row in self.differences.chunks_exact(self.width) {
            squares.iter_mut().zip(row).for_each(|(sum, &d)| *sum += i64::from(d) * i64::from(d));
        }
        squares.into_iter().map(|sum| if sum == 0 { 0.0 } else { 1.0 / (sum as f64).sqrt() }).collect()
    }
}

impl Maxima {
    /// The one-sided p of a comparison between a head and the chosen baseline that pays for the choice among all heads: the
    /// share of flips, the observed signs among them, in which some head is ahead as far.
    pub fn p_greater(&self, at: usize) -> f64 {
        share(&self.greater, self.observed[at])
    }

    /// The two-sided p of a comparison that pays for the choice among all heads and among all baselines.
    pub fn p_either(&self, at: usize) -> f64 {
        share(&self.either, self.observed[at].abs())
    }
}

/// The p-values of one comparison of each contest, corrected for the number of contests too, by the step-down maximum under
/// the same flips (Westfall & Young 1993, algorithm 4.1): the largest statistic is compared with the maximum over all
/// contests, the next with that over the rest, and so on. Uniformly sharper than Holm's correction, and never smaller than
/// one flip can show.
pub fn step_down(contests: &[(&Maxima, usize)]) -> Vec<f64> {
    let statistic = |&(maxima, at): &(&Maxima, usize)| maxima.observed[at].abs();
    let mut order: Vec<usize> = (0..contests.len()).collect();
    order.sort_by(|&i, &j| statistic(&contests[j]).total_cmp(&statistic(&contests[i])));
    let mut adjusted = vec![0.0; contests.len()];
    // From the smallest statistic, so that each maximum is over the contests behind it.
    let mut largest = vec![0.0_f64; contests.first().map_or(0, |(maxima, _)| maxima.either.len())];
    for &index in order.iter().rev() {
        largest.iter_mut().zip(&contests[index].0.either).for_each(|(largest, more)| *largest = largest.max(*more));
        adjusted[index] = share(&largest, statistic(&contests[index]));
    }
    let mut floor = 0.0_f64;
    for &index in &order {
        floor = floor.max(adjusted[index]);
        adjusted[index] = floor;
    }
    adjusted
}

/// The share of flips that reach the observed value, itself counted as one of them (Phipson & Smyth 2010), so that it is
/// never 0.
fn share(flips: &[f64], observed: f64) -> f64 {
    let reached = flips.iter().filter(|flip| **flip >= observed).count();
    (reached + 1) as f64 / (flips.len() + 1) as f64
}

#[cfg(test)]
mod tests;
