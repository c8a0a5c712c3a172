//! Merging to words and predicting from every head, both directions: what is left of a sentence's scoring once its
//! attention is there. An EWT sentence has 12.6 words in the mean.
//!
//! `cargo bench --bench predictions`

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use headlight_attention::{Alignment, AttentionMaps, Frame, HeadGrid, MergeRule, WordAttention, merge};
use headlight_heads::predict;

const GRIDS: [HeadGrid; 2] = [HeadGrid { layers: 6, heads: 12 }, HeadGrid { layers: 12, heads: 12 }];

/// Weights that are the same in every run: the fractions of multiples of the golden ratio.
fn weights(length: usize) -> Vec<f32> {
    (0..length).map(|place| (place as f32 * 0.618_034).fract()).collect()
}

/// Every fourth word has two pieces.
fn alignment(words: usize) -> Alignment {
    let mut end = 1;
    let words = (0..words).map(|word| {
        let start = end;
        end += if word % 4 == 3 { 2 } else { 1 };
        start..end
    });
    let words: Vec<_> = words.collect();
    Alignment::new(&Frame::bert(), end + 1, words).expect("an alignment")
}

fn merging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge");
    for (grid, words) in GRIDS.into_iter().flat_map(|grid| [13, 40].map(|words| (grid, words))) {
        let alignment = alignment(words);
        let pieces = alignment.pieces();
        let maps = AttentionMaps::new(grid, pieces, weights(grid.len() * pieces * pieces)).expect("maps");
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new(format!("{} heads", grid.len()), words), |bencher| {
            bencher.iter(|| merge(black_box(&maps), &alignment, MergeRule::Mean));
        });
    }
}

fn predicting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("predict");
    for (grid, words) in GRIDS.into_iter().flat_map(|grid| [13, 40].map(|words| (grid, words))) {
        let attention = WordAttention::new(
            grid,
            &Frame::bert(),
            words,
            weights(grid.len() * Frame::bert().positions(words).pow(2)),
        )
        .expect("maps");
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new(format!("{} heads", grid.len()), words), |bencher| {
            bencher.iter(|| predict(black_box(&attention)));
        });
    }
}

criterion_group!(benches, merging, predicting);
criterion_main!(benches);
