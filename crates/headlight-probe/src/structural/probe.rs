//! The two structural probes, their losses and gradients.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Parameters start uniformly within ± this (Hewitt & Manning's code).
const INITIAL: f32 = 0.05;

/// What of a tree a probe is to find.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// ‖B(h_i − h_j)‖² is to be the number of arcs between words i and j. Loss of a sentence of n words:
    /// 1/n² Σ_ij |d_ij − ‖B(h_i − h_j)‖²|.
    Distance,
    /// ‖B h_i‖² is to be the number of arcs between word i and the root word. Loss: 1/n Σ_i |d_i − ‖B h_i‖²|.
    Depth,
    /// Softmax of L h_i over labels is to be the label of word i: B is L, its rank the number of labels. Loss:
    /// 1/n Σ_i −ln p(label_i) (Müller-Eberstein et al. 2022).
    Relation,
}

/// A linear map B of `rank` × `width` and what it is to find.
#[derive(Clone, PartialEq, Debug)]
pub struct StructuralProbe {
    structure: Structure,
    rank: usize,
    width: usize,
    /// B transposed: `[width, rank]`.
    parameters: Vec<f32>,
}

impl StructuralProbe {
    /// An untrained probe of hidden states of `width` numbers, its parameters drawn from `seed`.
    pub fn new(structure: Structure, rank: usize, width: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let parameters = (0..width * rank).map(|_| random.random_range(-INITIAL..INITIAL)).collect();
        Self { structure, rank, width, parameters }
    }

    /// What it is to find.
    pub fn structure(&self) -> Structure {
        self.structure
    }

    /// Dimensions of the space that B maps to.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Width of the hidden states.
    pub fn width(&self) -> usize {
        self.width
    }

    /// B transposed, `[width, rank]` row-major.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    pub(super) fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }

    /// What the probe says about words with hidden states `[word, width]`: squared distances `[word, word]`, squared
    /// lengths `[word]`, or scores of labels before the softmax `[word, label]`.
    ///
    /// # Panics
    /// When `states` is no whole number of words.
    pub fn predict(&self, states: &[f32]) -> Vec<f32> {
        assert!(states.len().is_multiple_of(self.width), "hidden states of another width");
        let points = self.project(states);
        let points: Vec<&[f32]> = points.chunks_exact(self.rank).collect();
        match self.structure {
            Structure::Relation => points.concat(),
            Structure::Depth => points.iter().map(|point| squared_length(point)).collect(),
            Structure::Distance => {
                let n = points.len();
                let mut distances = vec![0.0; n * n];
                for (i, a) in points.iter().enumerate() {
                    for (j, b) in points.iter().enumerate().skip(i + 1) {
                        let distance = squared_distance(a, b);
                        distances[i * n + j] = distance;
                        distances[j * n + i] = distance;
                    }
                }
                distances
            }
        }
    }

    /// What the probe is to say about a sentence: as [`StructuralProbe::predict`], from the tree.
    pub(super) fn target(&self, words: &crate::SentenceWords) -> Option<Vec<f32>> {
        match self.structure {
            Structure::Distance => super::tree::tree_distances(words.governors()),
            Structure::Depth => super::tree::tree_depths(words.governors()),
            Structure::Relation => Some(super::relations::targets(words.labels())),
        }
    }

    /// The loss of a sentence by what was predicted.
    pub(super) fn loss(&self, predicted: &[f32], target: &[f32]) -> f64 {
        if self.structure == Structure::Relation {
            return super::relations::loss(predicted, target);
        }
        let sum: f64 = predicted.iter().zip(target).map(|(a, b)| f64::from((a - b).abs())).sum();
        sum / target.len() as f64
    }

    /// Adds the gradient of the summed losses of several sentences to `gradient`, which is laid out like the
    /// parameters, and returns that sum. `states` holds all their words, `targets` what is to be said about each
    /// sentence with its number of words.
    pub(super) fn accumulate(&self, states: &[f32], targets: &[(usize, Vec<f32>)], gradient: &mut [f32]) -> f64 {
        let points = self.project(states);
        let mut slopes = vec![0.0; points.len()];
        let (mut points_left, mut slopes_left) = (points.as_slice(), slopes.as_mut_slice());
        let mut loss = 0.0;
        for (words, target) in targets {
            let (points, points_after) = points_left.split_at(words * self.rank);
            let (slopes, slopes_after) = slopes_left.split_at_mut(words * self.rank);
            loss += match self.structure {
                Structure::Distance => distance_slopes(points, target, self.rank, slopes),
                Structure::Depth => depth_slopes(points, target, self.rank, slopes),
                Structure::Relation => super::relations::slopes(points, target, self.rank, slopes),
            };
            (points_left, slopes_left) = (points_after, slopes_after);
        }
        let (states, slopes) = (matrix(states, self.width), matrix(&slopes, self.rank));
        general_mat_mul(1.0, &states.t(), &slopes, 1.0, &mut matrix_mut(gradient, self.rank));
        loss
    }

    /// The words as points in the space that B maps to, `[word, rank]`.
    fn project(&self, states: &[f32]) -> Vec<f32> {
        let mut points = vec![0.0; states.len() / self.width * self.rank];
        let (states, parameters) = (matrix(states, self.width), matrix(&self.parameters, self.rank));
        general_mat_mul(1.0, &states, &parameters, 0.0, &mut matrix_mut(&mut points, self.rank));
        points
    }
}

/// The loss of a sentence, and its gradient with respect to the points of its words. Each pair counts twice, as (i, j)
/// and as (j, i).
fn distance_slopes(points: &[f32], target: &[f32], rank: usize, slopes: &mut [f32]) -> f64 {
    let n = points.len() / rank;
    let share = 1.0 / (n * n) as f32;
    let mut loss = 0.0;
    for i in 0..n {
        let (before, from_next) = slopes.split_at_mut((i + 1) * rank);
        let (a, slope_a) = (&points[i * rank..][..rank], &mut before[i * rank..]);
        for (j, (b, slope_b)) in
            (i + 1..).zip(points[(i + 1) * rank..].chunks_exact(rank).zip(from_next.chunks_exact_mut(rank)))
        {
            let error = squared_distance(a, b) - target[i * n + j];
            loss += f64::from(error.abs());
            // 2 for the two orders of the pair, 2 from the square.
            let slope = 4.0 * share * sign(error);
            for ((slope_a, slope_b), (a, b)) in slope_a.iter_mut().zip(slope_b).zip(a.iter().zip(b)) {
                let step = slope * (a - b);
                *slope_a += step;
                *slope_b -= step;
            }
        }
    }
    2.0 * loss * f64::from(share)
}

/// The loss of a sentence, and its gradient with respect to the points of its words.
fn depth_slopes(points: &[f32], target: &[f32], rank: usize, slopes: &mut [f32]) -> f64 {
    let share = 1.0 / target.len() as f32;
    let mut loss = 0.0;
    for ((point, slopes), target) in points.chunks_exact(rank).zip(slopes.chunks_exact_mut(rank)).zip(target) {
        let error = squared_length(point) - target;
        loss += f64::from(error.abs());
        let slope = 2.0 * share * sign(error);
        slopes.iter_mut().zip(point).for_each(|(to, point)| *to += slope * point);
    }
    loss * f64::from(share)
}

/// −1, 0 or 1; unlike `f32::signum`, 0 where the loss has its kink.
fn sign(error: f32) -> f32 {
    if error == 0.0 { 0.0 } else { error.signum() }
}

/// Numbers summed at a time, so that the compiler vectorises.
const LANES: usize = 16;

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let (chunks_a, rest_a) = a.as_chunks::<LANES>();
    let (chunks_b, rest_b) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in chunks_a.iter().zip(chunks_b) {
        for lane in 0..LANES {
            let difference = a[lane] - b[lane];
            sums[lane] += difference * difference;
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| (a - b) * (a - b)).sum();
    sums.iter().sum::<f32>() + rest
}

fn squared_length(point: &[f32]) -> f32 {
    point.iter().map(|value| value * value).sum()
}

fn matrix(values: &[f32], columns: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((values.len() / columns, columns), values).expect("whole rows")
}

fn matrix_mut(values: &mut [f32], columns: usize) -> ArrayViewMut2<'_, f32> {
    ArrayViewMut2::from_shape((values.len() / columns, columns), values).expect("whole rows")
}
