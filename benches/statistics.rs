//! Uncertainty of one run: intervals of 50 relations from 1000 resamples of 2000 sentences, for a head and a baseline
//! each; and the exact paired test of every relation.
//!
//! `cargo bench --bench statistics`

use criterion::{Criterion, criterion_group, criterion_main};
use headlight_report::stats::{Bootstrap, Counts, Pair, sign_flip_test};

const RELATIONS: usize = 50;
const SENTENCES: usize = 2000;

/// Up to three words of the relation in each sentence, right or not by fixed pseudo-random numbers.
fn relation(seed: u32) -> [Vec<Counts>; 2] {
    let mut state = seed;
    let mut below = |end: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % end
    };
    let totals: Vec<u32> = (0..SENTENCES).map(|_| below(4)).collect();
    [(); 2].map(|()| totals.iter().map(|&total| Counts { correct: below(total + 1), total }).collect())
}

fn statistics(criterion: &mut Criterion) {
    let relations: Vec<[Vec<Counts>; 2]> = (0..RELATIONS as u32).map(relation).collect();
    let pairs: Vec<Pair<'_>> = relations.iter().map(|[a, b]| Pair { a, b }).collect();
    let mut group = criterion.benchmark_group("statistics/50 relations, 2000 sentences");
    group.sample_size(10);
    group.bench_function("bootstrap, 1000 resamples", |bencher| {
        bencher.iter(|| Bootstrap::default().paired(&pairs).expect("all relations have the same sentences"));
    });
    group.bench_function("exact sign-flip test", |bencher| {
        bencher.iter(|| pairs.iter().map(|&pair| sign_flip_test(pair).expect("same sentences")).sum::<f64>());
    });
}

criterion_group!(benches, statistics);
criterion_main!(benches);
