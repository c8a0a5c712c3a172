//! Head distances of one segment: all pairs of heads by Jensen–Shannon.
//!
//! `cargo bench --bench distances`; the numpy formulations stand in `benches/peers/distances.py`.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use headlight_attention::{AttentionMaps, HeadGrid};
use headlight_heads::map_distances;

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

criterion_group!(benches, distances);
criterion_main!(benches);
