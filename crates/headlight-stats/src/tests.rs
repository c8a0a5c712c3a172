use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// Made by tests/fixtures/stats.py with numpy and scipy.
const GOLDEN: &str = include_str!("../tests/fixtures/stats.json");

/// Rounding of f64 in another order of operations.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Golden {
    confidence: f64,
    draws: Vec<Vec<usize>>,
    bootstrap: Vec<GoldenPair>,
    limit: GoldenPair,
    sign_flip: Vec<GoldenTest>,
    multi: GoldenSeeds,
    holm: GoldenHolm,
}

#[derive(Deserialize)]
struct GoldenPair {
    total: Vec<u32>,
    correct_a: Vec<u32>,
    correct_b: Vec<u32>,
    a: [f64; 2],
    b: [f64; 2],
    difference: [f64; 2],
}

#[derive(Deserialize)]
struct GoldenTest {
    a: Vec<u32>,
    b: Vec<u32>,
    p: f64,
}

#[derive(Deserialize)]
struct GoldenSeeds {
    total: Vec<u32>,
    correct: Vec<Vec<u32>>,
    seed_draws: Vec<Vec<usize>>,
    ends: [f64; 2],
    limit: [f64; 2],
}

#[derive(Deserialize)]
struct GoldenHolm {
    p: Vec<f64>,
    adjusted: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(GOLDEN).unwrap()
}

fn counts(correct: &[u32], total: &[u32]) -> Vec<Counts> {
    correct.iter().copied().zip(total.iter().copied()).map(Counts::from).collect()
}

fn ends(intervals: PairedIntervals) -> [f64; 6] {
    let PairedIntervals { a, b, difference } = intervals;
    [a.low, a.high, b.low, b.high, difference.low, difference.high]
}

#[track_caller]
fn check_ends(found: PairedIntervals, expected: &GoldenPair, tolerance: f64) {
    let expected = [expected.a, expected.b, expected.difference].concat();
    for (found, expected) in ends(found).chunks(2).zip(expected.chunks(2)) {
        if expected[0] == expected[1] {
            // Numpy's percentiles collapse; ours do not.
            assert!(found[0] <= expected[0] && expected[1] <= found[1] && found[0] < found[1], "{found:?}");
            continue;
        }
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
        }
    }
}

#[test]
fn intervals_equal_numpys_percentiles_over_the_same_draws() {
    let golden = golden();
    let bootstrap = Bootstrap { resamples: golden.draws.len() as u32, seed: 0, confidence: golden.confidence };
    let lists: Vec<_> = golden
        .bootstrap
        .iter()
        .map(|pair| (counts(&pair.correct_a, &pair.total), counts(&pair.correct_b, &pair.total)))
        .collect();
    let pairs: Vec<_> = lists.iter().map(|(a, b)| Pair { a, b }).collect();
    let found = bootstrap.paired_under(&pairs, |resample, times| {
        times.clear();
        times.resize(lists[0].0.len(), 0);
        golden.draws[resample as usize].iter().for_each(|&sentence| times[sentence] += 1);
    });
    for (found, expected) in found.into_iter().zip(&golden.bootstrap) {
        check_ends(found.unwrap(), expected, TOLERANCE);
    }
}

#[test]
fn our_draws_come_close_to_the_limit_of_many_draws() {
    let golden = golden();
    let a = counts(&golden.limit.correct_a, &golden.limit.total);
    let b = counts(&golden.limit.correct_b, &golden.limit.total);
    for seed in 0..3 {
        let bootstrap = Bootstrap { resamples: 20_000, seed, confidence: golden.confidence };
        check_ends(bootstrap.paired(&[Pair { a: &a, b: &b }]).unwrap()[0].unwrap(), &golden.limit, 2e-3);
    }
}

#[test]
fn seeds_and_sentences_are_resampled_together_as_numpy_does() {
    let golden = golden();
    let multi = &golden.multi;
    let seeds: Vec<Vec<Counts>> = multi.correct.iter().map(|correct| counts(correct, &multi.total)).collect();
    let seeds: Vec<&[Counts]> = seeds.iter().map(Vec::as_slice).collect();
    let bootstrap = Bootstrap { resamples: golden.draws.len() as u32, seed: 0, confidence: golden.confidence };
    let found = bootstrap.over_seeds_under(
        &seeds,
        |resample, times| {
            times.clear();
            times.resize(multi.total.len(), 0);
            golden.draws[resample as usize].iter().for_each(|&sentence| times[sentence] += 1);
        },
        |resample, drawn| drawn.clone_from(&multi.seed_draws[resample as usize]),
    );
    let check = |found: Option<Interval>, expected: [f64; 2], tolerance: f64| {
        let found = found.unwrap();
        let off = [found.low - expected[0], found.high - expected[1]];
        assert!(off.iter().all(|off| off.abs() <= tolerance), "{found:?} is not {expected:?}");
    };
    check(found, multi.ends, TOLERANCE);
    for seed in 0..3 {
        let many = Bootstrap { resamples: 20_000, seed, confidence: golden.confidence };
        check(many.over_seeds(&seeds).unwrap(), multi.limit, 3e-3);
    }
}

#[test]
fn one_seed_has_the_interval_of_its_sentences_and_several_a_wider_one() {
    let total = vec![3; 60];
    let seed = |skill: u32| counts(&(0..60).map(|at| (at % skill).min(3)).collect::<Vec<_>>(), &total);
    let (a, b) = (seed(4), seed(3));
    let bootstrap = Bootstrap::default();
    let alone = bootstrap.intervals(&[&a]).unwrap()[0];
    assert_eq!(bootstrap.over_seeds(&[&a]).unwrap(), alone);
    let (alone, both) = (alone.unwrap(), bootstrap.over_seeds(&[&a, &b]).unwrap().unwrap());
    assert!(both.high - both.low > alone.high - alone.low, "{both:?} {alone:?}");
    assert_eq!(bootstrap.over_seeds(&[]).unwrap(), None);
    assert_eq!(bootstrap.over_seeds(&[&counts(&[3; 60], &total)]).unwrap(), None, "all words are right");
    assert!(bootstrap.over_seeds(&[&a, &b[1..]]).is_err());
}

#[test]
fn p_values_equal_scipys_exact_ones() {
    for GoldenTest { a, b, p } in golden().sign_flip {
        let (a, b) = (counts(&a, &vec![9; a.len()]), counts(&b, &vec![9; b.len()]));
        let found = sign_flip_test(Pair { a: &a, b: &b }).unwrap();
        assert!((found - p).abs() <= 1e-9 * p, "{found} is not {p}");
    }
}

#[test]
fn holm_equals_its_definition() {
    let GoldenHolm { p, adjusted } = golden().holm;
    for (found, expected) in holm(&p).into_iter().zip(adjusted) {
        assert!((found - expected).abs() <= TOLERANCE, "{found} is not {expected}");
    }
    assert_eq!(holm(&[]), [0.0; 0]);
}

#[test]
fn the_same_seed_gives_the_same_intervals_on_any_number_of_threads() {
    let golden = golden();
    let a = counts(&golden.limit.correct_a, &golden.limit.total);
    let intervals = |threads: usize, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Bootstrap { seed, ..Bootstrap::default() }.intervals(&[&a]).unwrap()[0].unwrap())
    };
    let alone = intervals(1, 3);
    assert_eq!([intervals(2, 3), intervals(5, 3)], [alone; 2]);
    assert_ne!(intervals(1, 4), alone);
}

#[test]
fn what_never_occurs_has_no_interval_and_lists_must_match() {
    let none = vec![Counts::default(); 4];
    let some = counts(&[1, 0, 1, 1], &[1; 4]);
    let bootstrap = Bootstrap::default();
    assert_eq!(bootstrap.intervals(&[&none]).unwrap(), [None]);
    assert_eq!(bootstrap.intervals(&[]).unwrap(), []);
    let uneven = Pair { a: &some, b: &some[..3] };
    let error = StatsError::DifferentSentences { a: 4, b: 3 };
    assert_eq!(bootstrap.paired(&[uneven]), Err(error.clone()));
    assert_eq!(bootstrap.intervals(&[&some, &some[..3]]), Err(error.clone()));
    assert_eq!(sign_flip_test(uneven), Err(error));
}

#[test]
fn a_hopeless_null_hypothesis_keeps_a_positive_p() {
    let (a, b) = (counts(&[1; 3000], &[1; 3000]), counts(&[0; 3000], &[1; 3000]));
    assert_eq!(sign_flip_test(Pair { a: &a, b: &b }), Ok(f64::MIN_POSITIVE));
}

/// 14 of 14 words in as many sentences; Wilson's interval is 78.5–100, as any table of it says.
#[test]
fn where_resamples_cannot_differ_an_interval_has_a_width_all_the_same() {
    let intervals = |a: &[(u32, u32)], b: &[(u32, u32)]| {
        let [a, b] = [a, b].map(|all| all.iter().copied().map(Counts::from).collect::<Vec<_>>());
        let found = Bootstrap::default().paired(&[Pair { a: &a, b: &b }]).unwrap()[0].unwrap();
        ends(found).map(|end| (1000.0 * end).round() / 10.0)
    };
    assert_eq!(intervals(&[(1, 1); 14], &[(0, 1); 14]), [78.5, 100.0, 0.0, 21.5, 69.6, 100.0]);
    // Two sentences with seven words each say less, and one with all of them next to nothing.
    assert_eq!(intervals(&[(7, 7); 2], &[(7, 7); 2])[..2], [34.2, 100.0]);
    assert_eq!(intervals(&[(3, 5)], &[(2, 5)])[..4], [7.7, 96.4, 3.6, 92.3]);
    // Twice the same answers: as different as 14 sentences without a difference allow.
    assert_eq!(intervals(&[(1, 1); 14], &[(1, 1); 14])[4..], [-21.5, 21.5]);
    // Where resamples differ, the quantiles stand.
    let mixed: Vec<(u32, u32)> = (0..14).map(|at| (u32::from(at > 0), 1)).collect();
    let [low, high, ..] = intervals(&mixed, &mixed);
    assert!(low < 92.9 && high == 100.0, "{low} {high}");
}

#[test]
fn a_test_of_being_ahead_is_one_sided() {
    let check = |differences: &[i64], expected: f64| {
        let found = sign_flip_ahead(differences.iter().copied());
        assert!((found - expected).abs() < TOLERANCE, "{differences:?}: {found} is not {expected}");
    };
    check(&[1, 1, 1], 1.0 / 8.0);
    check(&[-1, -1, -1], 1.0);
    check(&[2, 1, 0], 1.0 / 4.0);
    check(&[1, -2], 3.0 / 4.0);
    check(&[], 1.0);
    check(&[1, -1], 3.0 / 4.0);
}

/// By hand: 0.01·5/1, 0.02·5/2, 0.03·5/3, 0.04·5/4, 0.05·5/5 are all 0.05; and the textbook's monotone case.
#[test]
fn q_values_equal_their_definition() {
    let check = |p: &[f64], expected: &[f64]| {
        let found = benjamini_hochberg(p);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= TOLERANCE, "{found} is not {expected}");
        }
    };
    check(&[0.01, 0.02, 0.03, 0.04, 0.05], &[0.05; 5]);
    check(&[0.2, 0.005, 0.9, 0.04], &[0.8 / 3.0, 0.02, 0.9, 0.08]);
    check(&[0.04, 0.039], &[0.04, 0.04]);
    check(&[], &[]);
}

fn some_counts(sentences: usize) -> impl Strategy<Value = Vec<(u32, u32, u32)>> {
    prop::collection::vec((0..5_u32, 0..5_u32, 0..5_u32), sentences)
        .prop_map(|all| all.into_iter().map(|(total, a, b)| (total, a.min(total), b.min(total))).collect())
}

proptest! {
    /// Exchanging the predictors mirrors the difference and leaves p; the interval of an accuracy holds within [0, 1].
    #[test]
    fn exchanging_predictors_mirrors_everything(all in some_counts(25)) {
        let total: Vec<u32> = all.iter().map(|&(total, _, _)| total).collect();
        let a = counts(&all.iter().map(|&(_, a, _)| a).collect::<Vec<_>>(), &total);
        let b = counts(&all.iter().map(|&(_, _, b)| b).collect::<Vec<_>>(), &total);
        let (there, back) = (Pair { a: &a, b: &b }, Pair { a: &b, b: &a });
        let p = sign_flip_test(there).unwrap();
        prop_assert!(p > 0.0 && p <= 1.0);
        prop_assert_eq!(p, sign_flip_test(back).unwrap());
        let bootstrap = Bootstrap { resamples: 100, ..Bootstrap::default() };
        let both = bootstrap.paired(&[there, back]).unwrap();
        if let [Some(there), Some(back)] = both[..] {
            prop_assert_eq!((there.a, there.b), (back.b, back.a));
            // Quantiles interpolate from below, so mirroring changes their last bits.
            prop_assert!((there.difference.low + back.difference.high).abs() < TOLERANCE);
            prop_assert!(0.0 <= there.a.low && there.a.low <= there.a.high && there.a.high <= 1.0);
        } else {
            prop_assert!(total.iter().all(|&total| total == 0));
        }
    }

    /// Every sign pattern enumerated, on one side.
    #[test]
    fn the_one_sided_test_counts_patterns(differences in prop::collection::vec(-4_i64..5, 9)) {
        let observed: i64 = differences.iter().sum();
        let signed = |signs: u32, (s, d): (usize, &i64)| if signs >> s & 1 == 1 { *d } else { -d };
        let sums = (0..1_u32 << 9).map(|signs| differences.iter().enumerate().map(|d| signed(signs, d)).sum::<i64>());
        let expected = sums.filter(|&sum| sum >= observed).count() as f64 / 512.0;
        prop_assert!((sign_flip_ahead(differences.into_iter()) - expected).abs() < TOLERANCE);
    }

    /// Every sign pattern enumerated.
    #[test]
    fn the_sign_flip_test_counts_patterns(all in some_counts(9)) {
        let difference: Vec<i64> = all.iter().map(|&(_, a, b)| i64::from(a) - i64::from(b)).collect();
        let observed: i64 = difference.iter().sum();
        let signed = |signs: u32, (s, d): (usize, &i64)| if signs >> s & 1 == 1 { *d } else { -d };
        let sums = (0..1_u32 << 9).map(|signs| difference.iter().enumerate().map(|d| signed(signs, d)).sum::<i64>());
        let expected = sums.filter(|sum| sum.abs() >= observed.abs()).count() as f64 / 512.0;
        let a: Vec<Counts> = all.iter().map(|&(total, a, _)| (a, total).into()).collect();
        let b: Vec<Counts> = all.iter().map(|&(total, _, b)| (b, total).into()).collect();
        let found = sign_flip_test(Pair { a: &a, b: &b }).unwrap();
        prop_assert!((found - expected).abs() < TOLERANCE);
    }
}
