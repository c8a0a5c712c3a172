//! Points in the plane whose distances are those between heads: metric multidimensional scaling by SMACOF
//! (de Leeuw 1977), as in Figure 6 of Clark et al. (2019).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How the search for an embedding goes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MdsOptions {
    /// Random starts; the best result is kept.
    pub starts: usize,
    /// Most iterations of a start.
    pub iterations: usize,
    /// A start ends when an iteration lowers the stress by less than this share of it.
    pub tolerance: f64,
    /// Seed of the random starts.
    pub seed: u64,
}

impl Default for MdsOptions {
    fn default() -> Self {
        Self { starts: 8, iterations: 1000, tolerance: 1e-7, seed: 1 }
    }
}

/// An embedding in the plane.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Embedding {
    /// The points, centred, the x axis along their largest spread.
    pub points: Vec<[f64; 2]>,
    /// Raw stress: Σ over pairs of (distance in the plane − distance given)².
    pub stress: f64,
    /// Kruskal's stress-1: √(raw stress / Σ over pairs of distance in the plane²). Below 0.1 is fair, above 0.2 poor.
    pub stress_1: f64,
}

/// Embeds `n` points with the given distances, row-major `[n, n]`, symmetric with a zero diagonal; only the part
/// above the diagonal is read. The same distances and options give the same points on any number of threads.
///
/// # Panics
/// When `distances` has another length than n².
pub fn mds(n: usize, distances: &[f64], options: &MdsOptions) -> Embedding {
    let start = |start| mds_start(n, distances, options, start, &|| true);
    let starts: Vec<Embedding> = (0..options.starts.max(1)).into_par_iter().filter_map(start).collect();
    best_embedding(starts).expect("at least one start, and none is stopped")
}

/// What one of the random starts of [`mds`] ends at: its caller runs all of them and takes the [`best_embedding`]. `go_on`
/// is asked before every iteration; `None` where it says no.
///
/// # Panics
/// As [`mds`].
pub fn mds_start(
    n: usize,
    distances: &[f64],
    options: &MdsOptions,
    start: usize,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Option<Embedding> {
    assert_eq!(distances.len(), n * n, "a distance for each pair");
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    random.set_stream(start as u64);
    let points = (0..n).map(|_| [random.random_range(-1.0..1.0), random.random_range(-1.0..1.0)]).collect();
    smacof(points, distances, options, go_on)
}

/// The embedding with the least stress, of equals the first; `None` of nothing.
pub fn best_embedding(starts: impl IntoIterator<Item = Embedding>) -> Option<Embedding> {
    starts.into_iter().reduce(|best, next| if next.stress < best.stress { next } else { best })
}

/// One start of SMACOF from given points: each iteration is a Guttman transform, X ← B(X)·X / n, which never raises the
/// stress.
fn smacof(
    mut points: Vec<[f64; 2]>,
    distances: &[f64],
    options: &MdsOptions,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Option<Embedding> {
    let mut stress = raw_stress(&points, distances);
    for _ in 0..options.iterations {
        if !go_on() {
            return None;
        }
        points = guttman_transform(&points, distances);
        let before = std::mem::replace(&mut stress, raw_stress(&points, distances));
        if before - stress <= options.tolerance * before {
            break;
        }
    }
    align_to_axes(&mut points);
    let spread: f64 = pairs(points.len()).map(|(a, b)| distance(points[a], points[b]).powi(2)).sum();
    let stress_1 = if spread > 0.0 { (stress / spread).sqrt() } else { 0.0 };
    Some(Embedding { points, stress, stress_1 })
}

fn guttman_transform(points: &[[f64; 2]], distances: &[f64]) -> Vec<[f64; 2]> {
    let n = points.len();
    let mut moved = vec![[0.0; 2]; n];
    for (a, b) in pairs(n) {
        let apart = distance(points[a], points[b]);
        if apart > 0.0 {
            let pull = distances[a * n + b] / apart / n as f64;
            for axis in 0..2 {
                let step = pull * (points[a][axis] - points[b][axis]);
                moved[a][axis] += step;
                moved[b][axis] -= step;
            }
        }
    }
    moved
}

fn raw_stress(points: &[[f64; 2]], distances: &[f64]) -> f64 {
    let n = points.len();
    pairs(n).map(|(a, b)| (distance(points[a], points[b]) - distances[a * n + b]).powi(2)).sum()
}

/// Centres the points and turns them so that the x axis is their principal axis. Of the mirror images, the one in which
/// the point farthest out on an axis has a positive coordinate there.
fn align_to_axes(points: &mut [[f64; 2]]) {
    let n = points.len().max(1) as f64;
    let centre = [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / n);
    points.iter_mut().for_each(|point| (0..2).for_each(|axis| point[axis] -= centre[axis]));
    let moment = |f: fn(&[f64; 2]) -> f64| points.iter().map(f).sum::<f64>();
    let (xx, yy, xy) = (moment(|p| p[0] * p[0]), moment(|p| p[1] * p[1]), moment(|p| p[0] * p[1]));
    let (sin, cos) = (0.5 * (2.0 * xy).atan2(xx - yy)).sin_cos();
    for point in points.iter_mut() {
        *point = [cos * point[0] + sin * point[1], cos * point[1] - sin * point[0]];
    }
    for axis in 0..2 {
        let farthest = points.iter().map(|point| point[axis]).max_by(|a, b| a.abs().total_cmp(&b.abs()));
        if farthest.is_some_and(|farthest| farthest < 0.0) {
            points.iter_mut().for_each(|point| point[axis] = -point[axis]);
        }
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |a| (a + 1..n).map(move |b| (a, b)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matrix(points: &[[f64; 2]]) -> Vec<f64> {
        points.iter().flat_map(|&a| points.iter().map(move |&b| distance(a, b))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn points_of_the_plane_are_found_again(
            points in prop::collection::vec((-3.0f64..3.0, -3.0f64..3.0).prop_map(|(x, y)| [x, y]), 3..12)
        ) {
            let distances = matrix(&points);
            let options = MdsOptions { starts: 16, tolerance: 1e-12, iterations: 5000, seed: 3 };
            let found = mds(points.len(), &distances, &options);
            prop_assert!(found.stress < 1e-3, "{}", found.stress);
            let largest = matrix(&found.points).iter().zip(&distances).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            prop_assert!(largest < 0.05, "{largest}");
        }

        #[test]
        fn an_iteration_never_raises_the_stress(
            points in prop::collection::vec((-3.0f64..3.0, -3.0f64..3.0).prop_map(|(x, y)| [x, y]), 2..10),
            distances in prop::collection::vec(0.1f64..4.0, 100),
        ) {
            let distances = &distances[..points.len() * points.len()];
            let moved = guttman_transform(&points, distances);
            prop_assert!(raw_stress(&moved, distances) <= raw_stress(&points, distances) + 1e-9);
        }
    }

    /// scikit-learn 1.9: `smacof(D, init=X, n_init=1, metric=True, max_iter=1000, eps=1e-9)` on these distances ends at this
    /// raw stress; found by `tests/fixtures/smacof.py`.
    #[test]
    fn ends_where_scikit_learn_ends() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/smacof.json")).expect("the fixture is JSON");
        let numbers = |key: &str| -> Vec<f64> {
            fixture[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let (distances, start) = (numbers("distances"), numbers("start"));
        let start: Vec<[f64; 2]> = start.chunks_exact(2).map(|point| [point[0], point[1]]).collect();
        let n = start.len();
        let options = MdsOptions { iterations: 5000, tolerance: 1e-12, ..MdsOptions::default() };
        let found = smacof(start, &distances, &options, &|| true).unwrap();
        let expected = numbers("stress")[0];
        assert!((found.stress - expected).abs() < 1e-5 * expected, "{} {expected}", found.stress);
        let expected = matrix(&numbers("points").chunks_exact(2).map(|point| [point[0], point[1]]).collect::<Vec<_>>());
        for (found, expected) in matrix(&found.points).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
        let best = mds(n, &distances, &MdsOptions::default());
        assert!(best.stress <= numbers("best_stress")[0] * 1.01, "{} {:?}", best.stress, numbers("best_stress"));
    }

    #[test]
    fn starts_one_by_one_are_the_whole_and_stop_when_asked_to() {
        let distances: Vec<f64> =
            (0..49).map(|at| if at / 7 == at % 7 { 0.0 } else { f64::from(at / 7 + at % 7) }).collect();
        let options = MdsOptions { tolerance: 0.0, ..MdsOptions::default() };
        let starts = (0..options.starts).map(|start| mds_start(7, &distances, &options, start, &|| true).unwrap());
        assert_eq!(best_embedding(starts), Some(mds(7, &distances, &options)));
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let few = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 3;
        assert_eq!(mds_start(7, &distances, &options, 0, &few), None);
        assert_eq!(asked.into_inner(), 4, "no iteration after the first no");
    }

    #[test]
    fn the_same_tomorrow() {
        let distances: Vec<f64> =
            (0..49).map(|at| if at / 7 == at % 7 { 0.0 } else { f64::from(at / 7 + at % 7) }).collect();
        assert_eq!(mds(7, &distances, &MdsOptions::default()), mds(7, &distances, &MdsOptions::default()));
    }
}
