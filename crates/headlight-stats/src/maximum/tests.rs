use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::*;
use crate::{Counts, Pair, sign_flip_test};

/// Pseudo-random numbers in 0..1.
struct Draws(ChaCha8Rng);

impl Draws {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    fn next(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn contest(rows: &[Vec<i32>], heads: usize) -> Contest {
    let mut contest = Contest::new(rows[0].len(), heads);
    rows.iter().enumerate().for_each(|(unit, row)| contest.push(unit as u32, row.iter().copied()));
    contest
}

fn small_rows(seed: u64, units: usize, width: usize) -> Vec<Vec<i32>> {
    let mut draws = Draws::new(seed);
    (0..units).map(|_| (0..width).map(|_| (draws.next() * 7.0) as i32 - 3).collect()).collect()
}

/// Every sign pattern enumerated and every statistic computed from its definition.
#[test]
fn maxima_equal_those_of_every_sign_pattern() {
    for (seed, units, width, heads) in [(1, 7, 5, 5), (2, 9, 13, 10), (3, 10, 3, 2), (4, 1, 4, 4), (5, 6, 1, 1)] {
        let rows = small_rows(seed, units, width);
        let statistic = |pattern: usize, at: usize| {
            let signed = |(unit, row): (usize, &Vec<i32>)| {
                f64::from(row[at]) * if pattern >> unit & 1 == 1 { -1.0 } else { 1.0 }
            };
            let squares: f64 = rows.iter().map(|row| f64::from(row[at] * row[at])).sum();
            let sum: f64 = rows.iter().enumerate().map(signed).sum();
            if squares == 0.0 { 0.0 } else { sum / squares.sqrt() }
        };
        let maxima = SignFlips::all(units).maxima(&contest(&rows, heads));
        let patterns = 1 << units;
        let p = |observed: f64, largest: &dyn Fn(usize) -> f64| {
            let reached = (0..patterns).filter(|&pattern| largest(pattern) >= observed - 1e-9).count();
            (reached + 1) as f64 / (patterns + 1) as f64
        };
        for at in 0..width {
            let observed = statistic(0, at);
            assert!((maxima.observed[at] - observed).abs() < 1e-12);
            let either = |pattern| (0..width).map(|at| statistic(pattern, at).abs()).fold(0.0, f64::max);
            assert_eq!(maxima.p_either(at), p(observed.abs(), &either), "seed {seed}, comparison {at}");
            let greater = |pattern| (0..heads).map(|at| statistic(pattern, at)).fold(f64::NEG_INFINITY, f64::max);
            assert_eq!(maxima.p_greater(at), p(observed, &greater), "seed {seed}, comparison {at}");
        }
    }
}

/// Sums that do not fit into 16 bits are those of 32: one unit decides, and its weight changes no sign.
#[test]
fn large_sums_are_not_cut_off() {
    let rows: Vec<Vec<i32>> = (0..6).map(|unit| vec![7_000 + unit, -7_000, 3]).collect();
    let small: Vec<Vec<i32>> = rows.iter().map(|row| row.iter().map(|d| d.signum()).collect()).collect();
    let flips = SignFlips::all(6);
    let (large, small) = (flips.maxima(&contest(&rows, 2)), flips.maxima(&contest(&small, 2)));
    for at in 1..3 {
        assert!((large.observed[at] - small.observed[at]).abs() < 1e-12);
        assert_eq!(large.p_either(at), small.p_either(at), "{at}");
    }
    let by_hand = (0..6).map(|unit| f64::from(7_000 + unit)).sum::<f64>()
        / (0..6).map(|unit| f64::from(7_000 + unit).powi(2)).sum::<f64>().sqrt();
    assert!((large.observed[0] - by_hand).abs() < 1e-9);
    assert!(large.greater.iter().all(|t| t.abs() <= 6.0_f64.sqrt() + 1e-9));
    assert!(large.greater.iter().any(|t| (t - by_hand).abs() < 1e-9));
}

/// Westfall & Young's algorithm from its definition: the maximum over the contest itself and those of smaller statistics.
#[test]
fn the_step_down_compares_each_with_those_behind_it() {
    let flips = SignFlips::all(8);
    let maxima: Vec<Maxima> = (0..5).map(|seed| flips.maxima(&contest(&small_rows(10 + seed, 8, 4), 4))).collect();
    let found = step_down(&maxima.iter().map(|maxima| (maxima, 1)).collect::<Vec<_>>());
    let statistic = |index: usize| maxima[index].observed[1].abs();
    let alone = |index: usize| {
        let behind: Vec<&Maxima> =
            (0..5).filter(|&it| statistic(it) <= statistic(index)).map(|it| &maxima[it]).collect();
        let largest = |flip: usize| behind.iter().map(|maxima| maxima.either[flip]).fold(0.0, f64::max);
        let reached = (0..256).filter(|&flip| largest(flip) >= statistic(index)).count();
        (reached + 1) as f64 / 257.0
    };
    for (index, found) in found.into_iter().enumerate() {
        let ahead = (0..5).filter(|&it| statistic(it) >= statistic(index));
        let expected = ahead.map(alone).fold(0.0, f64::max);
        assert_eq!(found, expected, "contest {index}");
    }
    assert_eq!(step_down(&[]), [0.0; 0]);
}

#[test]
fn signs_depend_on_nothing_but_the_seed() {
    let contest = contest(&small_rows(6, 150, 9), 6);
    let maxima = |threads: usize, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| SignFlips::new(300, seed, 150).maxima(&contest))
    };
    assert_eq!(maxima(1, 3), maxima(4, 3));
    assert_ne!(maxima(1, 3), maxima(1, 4));
    let turned =
        (0..300).map(|flip| (0..150).map(|unit| SignFlips::new(300, 3, 150).is_turned(unit, flip)).sum::<usize>());
    let turned: usize = turned.collect::<Vec<_>>().iter().sum();
    assert!((21_800..23_200).contains(&turned), "{turned} of 45,000");
}

/// Heads that come in families which mostly agree, and a baseline, all equally good: the best head is better than the best
/// baseline by luck alone. The naive test of the best pair says so far too often; the one that pays for the choice does not.
#[test]
fn under_a_null_of_correlated_heads_the_best_is_rejected_as_often_as_promised() {
    const UNITS: usize = 80;
    const FAMILIES: usize = 10;
    const EACH: usize = 6;
    const BASELINES: usize = 3;
    let (mut naive, mut paid, mut one_sided) = (0, 0, 0);
    let worlds = 500;
    let mut draws = Draws::new(42);
    for world in 0..worlds {
        let heads = FAMILIES * EACH;
        let mut correct = vec![vec![0_i32; heads + BASELINES]; UNITS];
        for unit in &mut correct {
            for _ in 0..3 {
                // A word is easy or hard for all; a family mostly says the same.
                let easy = draws.next() < 0.3;
                let mut right = |chance: f64| draws.next() < if easy { 0.75 } else { chance };
                let families: Vec<bool> = (0..FAMILIES).map(|_| right(0.25)).collect();
                for head in 0..heads {
                    let said = if right(0.35) { families[head / EACH] } else { right(0.25) };
                    unit[head] += i32::from(said);
                }
                // One baseline is as good as the heads, the others are farther off.
                (0..BASELINES).for_each(|it| unit[heads + it] += i32::from(right(if it == 0 { 0.25 } else { 0.05 })));
            }
        }
        let best = |range: std::ops::Range<usize>| {
            range.max_by_key(|&at| correct.iter().map(|unit| unit[at]).sum::<i32>()).unwrap()
        };
        let (head, baseline) = (best(0..heads), best(heads..heads + BASELINES));
        let rows: Vec<Vec<i32>> = correct
            .iter()
            .map(|unit| {
                let of_heads = (0..heads).map(|at| unit[at] - unit[baseline]);
                of_heads.chain((heads..heads + BASELINES).map(|at| unit[head] - unit[at])).collect()
            })
            .collect();
        let maxima = SignFlips::new(399, world, UNITS).maxima(&contest(&rows, heads));
        paid += usize::from(maxima.p_either(head) <= 0.05);
        one_sided += usize::from(maxima.p_greater(head) <= 0.05);
        let counts = |at: usize| -> Vec<Counts> {
            correct.iter().map(|unit| Counts { correct: unit[at] as u32, total: 3 }).collect()
        };
        let p = sign_flip_test(Pair { a: &counts(head), b: &counts(baseline) }).unwrap();
        naive += usize::from(p <= 0.05);
    }
    let rate = |rejected: usize| rejected as f64 / worlds as f64;
    assert!(rate(naive) > 0.2, "naive {}", rate(naive));
    assert!((0.02..0.08).contains(&rate(one_sided)), "one-sided {}", rate(one_sided));
    assert!((0.01..0.07).contains(&rate(paid)), "paid for {}", rate(paid));
}
