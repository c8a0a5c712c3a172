//! How far apart heads are: the Jensen–Shannon divergence of every pair of heads, summed over rows (METHOD §3;
//! Clark et al. 2019, §6).
//!
//! D(i, j) = Σ over rows of JS(P, Q), with JS(P, Q) = H((P + Q)/2) − (H(P) + H(Q))/2, natural logarithm, 0·ln 0 = 0 and no
//! smoothing. A head's own entropy is shared by all its pairs, so a pair costs one logarithm for each weight: with
//! s = p + q, H((P + Q)/2) = −½ Σ s·ln s + ½ ln 2 · Σ s. Logarithms are taken to base 2, and sums to nats in the end.

use std::f64::consts::LN_2;

use headlight_attention::{AttentionHead, AttentionMaps, HeadGrid};
use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

use crate::logarithm::log2;

/// Weights of each head that are compared before the next ones are looked at: 144 heads of them fit in a second-level
/// cache, and a sum of so few keeps its f32 digits.
const BLOCK: usize = 1024;

/// Head distances of one sentence or of sums of sentences: each pair of heads once.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MapDistances {
    /// Σ JS for each pair i < j of head numbers, in the order (0, 1), (0, 2), … (1, 2), ….
    pairs: Vec<f64>,
    rows: u64,
}

/// The accumulator of head distances over a corpus. Its memory is heads² / 2 numbers, whatever the corpus.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HeadDistances {
    grid: HeadGrid,
    sums: MapDistances,
}

impl HeadDistances {
    /// No rows seen yet.
    pub fn new(grid: HeadGrid) -> Self {
        Self { grid, sums: MapDistances { pairs: vec![0.0; grid.len() * grid.len().saturating_sub(1) / 2], rows: 0 } }
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.grid
    }

    /// Adds the distances of one sentence. Sentences in the same order give the same digits.
    pub fn add(&mut self, distances: &MapDistances) {
        assert_eq!(self.sums.pairs.len(), distances.pairs.len(), "distances of another model");
        for (sum, distance) in self.sums.pairs.iter_mut().zip(&distances.pairs) {
            *sum += distance;
        }
        self.sums.rows += distances.rows;
    }

    /// Adds what another accumulator has seen.
    pub fn merge(&mut self, other: &HeadDistances) {
        self.add(&other.sums);
    }

    /// Rows seen: one for each piece of each sentence.
    pub fn rows(&self) -> u64 {
        self.sums.rows
    }

    /// D of two heads, in nats, summed over rows.
    pub fn sum(&self, a: AttentionHead, b: AttentionHead) -> f64 {
        let (a, b) = (self.grid.number(a), self.grid.number(b));
        match (a.min(b), a.max(b)) {
            (low, high) if low == high => 0.0,
            (low, high) => self.sums.pairs[low * (2 * self.grid.len() - low - 1) / 2 + high - low - 1],
        }
    }

    /// D of two heads, in nats, as a mean per row: between 0 and ln 2. 0 when no row was seen.
    pub fn mean(&self, a: AttentionHead, b: AttentionHead) -> f64 {
        if self.sums.rows == 0 { 0.0 } else { self.sum(a, b) / self.sums.rows as f64 }
    }

    /// All means, row-major `[head, head]` by head number: symmetric, with zeros on the diagonal.
    pub fn mean_matrix(&self) -> Vec<f64> {
        self.grid.iter().flat_map(|a| self.grid.iter().map(move |b| self.mean(a, b))).collect()
    }
}

/// The distances of all pairs of heads over the rows of one sentence.
///
/// Logarithms are exact to 1e-7 and sums run in f64 over blocks of f32. A divergence that comes out below 0 by
/// rounding is 0.
pub fn map_distances(maps: &AttentionMaps) -> MapDistances {
    let heads = maps.grid().len();
    let area = maps.positions() * maps.positions();
    let mut sums = PairSums::new(heads);
    let mut block = vec![Block::EMPTY; heads];
    for start in (0..area).step_by(BLOCK) {
        let end = area.min(start + BLOCK);
        for (head, block) in block.iter_mut().enumerate() {
            block.fill(&maps.weights()[head * area + start..head * area + end]);
        }
        // Whole vectors only: what is behind the last weight is as good as 0 and adds nothing.
        let lanes = (end - start).next_multiple_of(Block::WIDEST);
        Arch::new().dispatch(Compare { blocks: &block, lanes, sums: &mut sums });
    }
    sums.divergences(maps.positions() as u64)
}

/// A stretch of one head's map, its weights raised to the smallest normal number so that ln is always defined.
#[repr(align(64))]
#[derive(Clone)]
struct Block([f32; BLOCK]);

impl Block {
    /// Lanes of the widest vectors.
    const WIDEST: usize = 16;
    const EMPTY: Block = Block([f32::MIN_POSITIVE; BLOCK]);

    fn fill(&mut self, weights: &[f32]) {
        let (filled, rest) = self.0.split_at_mut(weights.len());
        for (to, weight) in filled.iter_mut().zip(weights) {
            *to = weight.max(f32::MIN_POSITIVE);
        }
        rest.fill(f32::MIN_POSITIVE);
    }
}

/// What the blocks add up to.
struct PairSums {
    /// Σ s·log₂ s for each pair, s = p + q.
    together: Vec<f64>,
    /// Σ 2p·log₂ 2p for each head: what `together` would be for a head and itself.
    alone: Vec<f64>,
}

impl PairSums {
    fn new(heads: usize) -> Self {
        Self { together: vec![0.0; heads * heads.saturating_sub(1) / 2], alone: vec![0.0; heads] }
    }

    /// Σ JS of each pair. With A(i) = Σ 2p·ln 2p, the terms in ln 2 cancel: Σ JS = ¼ (A(i) + A(j)) − ½ Σ s·ln s.
    fn divergences(self, rows: u64) -> MapDistances {
        let Self { together, alone } = self;
        let pairs = (0..alone.len()).flat_map(|a| (a + 1..alone.len()).map(move |b| (a, b)));
        let divergence = |((a, b), together): ((usize, usize), &f64)| {
            (LN_2 * (0.25 * (alone[a] + alone[b]) - 0.5 * together)).max(0.0)
        };
        MapDistances { pairs: pairs.zip(&together).map(divergence).collect(), rows }
    }
}

/// Adds one block of all pairs to the sums.
struct Compare<'a> {
    blocks: &'a [Block],
    lanes: usize,
    sums: &'a mut PairSums,
}

impl WithSimd for Compare<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut pair = 0;
        for (a, block) in self.blocks.iter().enumerate() {
            let (first, _) = S::as_simd_f32s(&block.0[..self.lanes]);
            self.sums.alone[a] += f64::from(sum_s_log2_s(simd, first, first));
            for block in &self.blocks[a + 1..] {
                let (second, _) = S::as_simd_f32s(&block.0[..self.lanes]);
                self.sums.together[pair] += f64::from(sum_s_log2_s(simd, first, second));
                pair += 1;
            }
        }
    }
}

/// Σ s·log₂ s with s = p + q, two sums in turn so that none waits for the other.
#[inline(always)]
fn sum_s_log2_s<S: Simd>(simd: S, p: &[S::f32s], q: &[S::f32s]) -> f32 {
    /// Not a closure: one that is not inlined is compiled for the least of all processors.
    #[inline(always)]
    fn add<S: Simd>(simd: S, sum: S::f32s, p: S::f32s, q: S::f32s) -> S::f32s {
        let s = simd.add_f32s(p, q);
        simd.mul_add_e_f32s(s, log2(simd, s), sum)
    }
    let mut sums = [simd.splat_f32s(0.0); 2];
    let ((p, last_p), (q, last_q)) = (p.as_chunks::<2>(), q.as_chunks::<2>());
    for (p, q) in p.iter().zip(q) {
        sums = [add(simd, sums[0], p[0], q[0]), add(simd, sums[1], p[1], q[1])];
    }
    for (&p, &q) in last_p.iter().zip(last_q) {
        sums[0] = add(simd, sums[0], p, q);
    }
    simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRID: HeadGrid = HeadGrid { layers: 2, heads: 2 };

    /// The definition, row by row in f64.
    fn naive(a: &[f32], b: &[f32]) -> f64 {
        let entropy = |weights: &mut dyn Iterator<Item = f64>| -> f64 {
            weights.map(|weight| if weight == 0.0 { 0.0 } else { -weight * weight.ln() }).sum()
        };
        let wide = |weights: &[f32]| weights.iter().map(|&weight| f64::from(weight)).collect::<Vec<_>>();
        let (a, b) = (wide(a), wide(b));
        let middle = entropy(&mut a.iter().zip(&b).map(|(a, b)| (a + b) / 2.0));
        middle - (entropy(&mut a.iter().copied()) + entropy(&mut b.iter().copied())) / 2.0
    }

    /// Maps whose rows are distributions, with zeros among the weights.
    fn maps() -> impl Strategy<Value = AttentionMaps> {
        (1usize..50).prop_flat_map(|pieces| {
            let weight = prop_oneof![Just(0.0f32), (-12.0f32..-6.0).prop_map(|power| 10.0f32.powf(power)), 0.0f32..1.0];
            prop::collection::vec(weight, GRID.len() * pieces * pieces).prop_map(move |mut weights| {
                for row in weights.chunks_mut(pieces) {
                    row[0] += 1e-3;
                    let sum: f32 = row.iter().sum();
                    row.iter_mut().for_each(|weight| *weight /= sum);
                }
                AttentionMaps::new(GRID, pieces, weights).unwrap()
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn equal_to_the_definition(maps in maps()) {
            let mut distances = HeadDistances::new(GRID);
            distances.add(&map_distances(&maps));
            prop_assert_eq!(distances.rows(), maps.positions() as u64);
            for a in GRID.iter() {
                for b in GRID.iter() {
                    let expected = naive(maps.head(a), maps.head(b)) / maps.positions() as f64;
                    prop_assert!((distances.mean(a, b) - expected).abs() < 2e-6, "{a} {b}: {} {expected}", distances.mean(a, b));
                    prop_assert_eq!(distances.sum(a, b), distances.sum(b, a));
                }
            }
        }

        #[test]
        fn merging_is_adding(first in maps(), second in maps()) {
            let (first, second) = (map_distances(&first), map_distances(&second));
            let [mut left, mut right, mut both] = [(); 3].map(|()| HeadDistances::new(GRID));
            left.add(&first);
            right.add(&second);
            left.merge(&right);
            both.add(&first);
            both.add(&second);
            prop_assert_eq!(left, both);
        }
    }

    #[test]
    fn heads_that_never_meet_are_ln_2_apart() {
        let grid = HeadGrid { layers: 1, heads: 2 };
        let maps = AttentionMaps::new(grid, 2, vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]).unwrap();
        let mut distances = HeadDistances::new(grid);
        distances.add(&map_distances(&maps));
        let found = distances.mean_matrix();
        assert_eq!((found[0], found[3]), (0.0, 0.0));
        assert!((found[1] - LN_2).abs() < 1e-6, "{found:?}");
    }
}
