//! The choice among many paid for: the distribution of the largest of many statistics under shared sign flips.

use std::ops::Add;

use pulp::Arch;
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

/// Flips worked on together: their sums stay in cache while units come by.
const CHUNK: usize = 256;

/// Units whose 2⁵ sums are added up in advance.
const GROUP: usize = 5;

/// Maxima that are kept side by side.
const LANES: usize = 8;

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
        let width = contest.width;
        let mut plain = vec![0_i32; width];
        for row in contest.differences.chunks_exact(width) {
            plain.iter_mut().zip(row).for_each(|(sum, difference)| *sum += difference);
        }
        let observed: Vec<f64> = plain.iter().zip(&scale).map(|(&sum, scale)| f64::from(sum) * scale).collect();
        let chunks: Vec<usize> = (0..self.flips).step_by(CHUNK).collect();
        let arch = Arch::new();
        let largest = chunks.par_iter().flat_map_iter(|&first| {
            let flips = CHUNK.min(self.flips - first);
            arch.dispatch(|| {
                let turned = self.turned_sums(contest, differences, first, flips);
                let largest = turned.chunks_exact(width).map(|turned| largest(&plain, turned, &scale, contest.heads));
                largest.collect::<Vec<[f64; 2]>>()
            })
        });
        let (greater, either) = largest.map(|[greater, either]| (greater, either)).unzip();
        Maxima { observed, greater, either }
    }

    /// `[flip][comparison]`: the sums of differences over the units whose sign is turned.
    ///
    /// For every group of units the sums of all their subsets are laid out first, so that a flip adds one of them instead
    /// of a unit at a time (the method of four Russians).
    #[inline(always)]
    fn turned_sums<T: Whole>(&self, contest: &Contest, differences: &[T], first: usize, flips: usize) -> Vec<T> {
        let width = contest.width;
        let mut sums = vec![T::default(); flips * width];
        let mut subsets = vec![T::default(); (1 << GROUP) * width];
        let groups = contest.units.chunks(GROUP).zip(differences.chunks(GROUP * width));
        for (units, rows) in groups {
            for subset in 1..1_usize << units.len() {
                let newest = subset.ilog2() as usize;
                let (before, now) = subsets.split_at_mut(subset * width);
                let without = &before[(subset ^ 1 << newest) * width..][..width];
                let row = &rows[newest * width..][..width];
                for ((sum, &without), &row) in now[..width].iter_mut().zip(without).zip(row) {
                    *sum = without + row;
                }
            }
            for (flip, sums) in sums.chunks_exact_mut(width).enumerate() {
                let bits = units.iter().enumerate();
                let subset: usize = bits.map(|(at, &unit)| self.is_turned(unit, first + flip) << at).sum();
                if subset > 0 {
                    let more = &subsets[subset * width..][..width];
                    sums.iter_mut().zip(more).for_each(|(sum, &more)| *sum = *sum + more);
                }
            }
        }
        sums
    }
}

/// Whole numbers that sums are of.
trait Whole: Copy + Default + Add<Output = Self> + Into<i32> + Send + Sync {}

impl Whole for i16 {}
impl Whole for i32 {}

/// Of one flip, the largest statistic among the heads, and the largest among all comparisons, ahead or behind: all as observed
/// but for the units that turn, which count on the other side.
#[inline(always)]
fn largest<T: Whole>(plain: &[i32], turned: &[T], scale: &[f64], heads: usize) -> [f64; 2] {
    let statistic = |((&plain, &turned), &scale): ((&i32, &T), &f64)| f64::from(plain - 2 * turned.into()) * scale;
    let of =
        |from: usize, to: usize| plain[from..to].iter().zip(&turned[from..to]).zip(&scale[from..to]).map(statistic);
    // Several maxima side by side, which is what vectors are for; of the same numbers it is the same maximum.
    let (mut greater, mut either) = ([f64::NEG_INFINITY; LANES], [0.0_f64; LANES]);
    for (at, t) in of(0, heads).enumerate() {
        greater[at % LANES] = greater[at % LANES].max(t);
        either[at % LANES] = either[at % LANES].max(t.abs());
    }
    for (at, t) in of(heads, plain.len()).enumerate() {
        either[at % LANES] = either[at % LANES].max(t.abs());
    }
    [greater.into_iter().fold(f64::NEG_INFINITY, f64::max), either.into_iter().fold(0.0, f64::max)]
}

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
