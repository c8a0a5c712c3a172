//! Head distances of one segment: all pairs of heads by Jensen–Shannon; and beside them the multiplications that their logarithms
//! cannot do without.
//!
//! `cargo bench --bench distances`; the numpy formulations stand in `benches/peers/distances.py`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use headlight_attention::{AttentionMaps, HeadGrid};
use headlight_heads::map_distances;
use pulp::{Arch, Simd, WithSimd};

/// A softmax of fixed pseudo-random logits in each row.
fn maps(grid: HeadGrid, pieces: usize) -> AttentionMaps {
    let mut state = 1u32;
    let mut weights: Vec<f32> = (0..grid.len() * pieces * pieces)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 22) as f32
        })
        .map(f32::exp)
        .collect();
    for row in weights.chunks_mut(pieces) {
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|weight| *weight /= sum);
    }
    AttentionMaps::new(grid, pieces, weights).expect("the length is right")
}

fn distances(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("distances/one thread");
    group.sample_size(10);
    for (layers, heads, pieces) in [(12, 12, 128), (6, 12, 128), (6, 12, 32)] {
        let maps = maps(HeadGrid { layers, heads }, pieces);
        let id = BenchmarkId::new(format!("{} heads", layers * heads), format!("{pieces} pieces"));
        group.bench_with_input(id, &maps, |bencher, maps| bencher.iter(|| map_distances(maps)));
    }
}

/// The multiplications of as many logarithms and nothing else: the eight coefficients, the mantissa, the exponent and the sum.
struct MultiplyAdds {
    logarithms: usize,
}

impl WithSimd for MultiplyAdds {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (factor, more) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(1e-3)));
        let mut sums = [more; 10];
        for _ in 0..self.logarithms / S::F32_LANES {
            sums.iter_mut().for_each(|sum| *sum = simd.mul_add_e_f32s(*sum, factor, more));
        }
        sums.into_iter().map(|sum| simd.reduce_sum_f32s(sum)).sum()
    }
}

fn floor(criterion: &mut Criterion) {
    let (arch, logarithms) = (Arch::new(), 144 * 145 / 2 * 128 * 128);
    let mut group = criterion.benchmark_group("distances/one thread");
    group.sample_size(10);
    group.bench_function("multiplications alone/144 heads, 128 pieces", |bencher| {
        bencher.iter(|| arch.dispatch(MultiplyAdds { logarithms }));
    });
}

criterion_group!(benches, distances, floor);
criterion_main!(benches);
