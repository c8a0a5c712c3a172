//! Uncertainty of one run: intervals of 50 relations from 1000 resamples of 2000 sentences, for a head and a baseline
//! each; the exact paired test of every relation; and the tests of 144 heads in both directions on each, with the choice
//! among them paid for by 2000 flips.
//!
//! `cargo bench --bench statistics`

use criterion::{Criterion, criterion_group, criterion_main};
use headlight_attention::HeadGrid;
use headlight_report::tables::Direction;
use headlight_report::{Field, head_tests};
use headlight_stats::{Bootstrap, Contest, Counts, Pair, SignFlips, sign_flip_test};

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

const GRID: HeadGrid = HeadGrid { layers: 12, heads: 12 };

/// A relation of EWT's size: `words` words over the sentences, of which each head has a share right, some more than the
/// baseline and most less.
fn contest(at: usize, words: usize) -> Contest {
    let mut state = at as u32 + 1;
    let mut below = |end: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % end
    };
    let mut totals = vec![0_u32; SENTENCES];
    (0..words).for_each(|_| totals[below(SENTENCES as u32) as usize] += 1);
    let heads = 2 * GRID.len();
    let mut contest = Contest::new(heads, heads);
    for (unit, total) in totals.into_iter().enumerate().filter(|(_, total)| *total > 0) {
        let mut right = |chance: u32| (0..total).filter(|_| below(100) < chance).count() as i32;
        let baseline = right(40);
        contest.push(unit as u32, (0..heads).map(|head| right(5 + head as u32 % 40) - baseline).collect::<Vec<_>>());
    }
    contest
}

fn heads(criterion: &mut Criterion) {
    // 25,000 words: half of them in the five most frequent relations, the rest fewer and fewer.
    let words = |at: usize| if at < 5 { 2500 } else { 60_000 / ((at + 20) * (at + 1)) + 10 };
    let contests: Vec<Contest> = (0..RELATIONS).map(|at| contest(at, words(at))).collect();
    let aggregates: Vec<Contest> = (0..3).map(|at| contest(100 + at, 20_000)).collect();
    let contests = [contests, aggregates].concat();
    let mut group = criterion.benchmark_group("statistics/50 relations, 2000 sentences, 288 heads and directions");
    group.sample_size(10);
    group.bench_function("maxima of 2000 flips", |bencher| {
        bencher.iter(|| {
            let flips = SignFlips::new(2000, 1, SENTENCES);
            contests.iter().map(|contest| flips.maxima(contest).p_greater(0)).sum::<f64>()
        });
    });
    group.bench_function("all tests of heads, 2000 flips", |bencher| {
        bencher.iter(|| {
            let flips = SignFlips::new(2000, 1, SENTENCES);
            let of = |(at, contest): (usize, &Contest)| Field::new(&format!("relation-{at}"), contest.clone(), &flips);
            let fields: Vec<Field> = contests.iter().enumerate().filter_map(of).collect();
            head_tests(&fields, GRID, &Direction::ALL[..2]).len()
        });
    });
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

criterion_group!(benches, statistics, heads);
criterion_main!(benches);
