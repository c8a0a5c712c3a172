//! In which order heads go.

use anyhow::Result;
use headlight_attention::{AttentionHead, HeadGrid};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// All heads at random; each draw, counted from 0, is another order.
pub fn random(grid: HeadGrid, seed: u64, draw: u32) -> Vec<AttentionHead> {
    let mut heads: Vec<AttentionHead> = grid.iter().collect();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(u64::from(draw));
    heads.shuffle(&mut random);
    heads
}

/// All heads, the least important first; of equals the lower one.
pub fn by_importance(grid: HeadGrid, importance: &[f64]) -> Vec<AttentionHead> {
    let mut heads: Vec<AttentionHead> = grid.iter().collect();
    heads.sort_by(|&a, &b| importance[grid.number(a)].total_cmp(&importance[grid.number(b)]));
    heads
}

/// Each step takes the head without which, beside those taken before, the measure is lowest; of equals the lower one.
/// Step s asks `measure` of as many sets at once as there are heads left: with H heads, H + (H−1) + … in all.
///
/// # Errors
/// Those of `measure`.
pub fn greedy(
    grid: HeadGrid,
    steps: usize,
    mut measure: impl FnMut(&[Vec<AttentionHead>]) -> Result<Vec<f64>>,
) -> Result<Vec<AttentionHead>> {
    let mut taken: Vec<AttentionHead> = Vec::new();
    for _ in 0..steps.min(grid.len()) {
        let left: Vec<AttentionHead> = grid.iter().filter(|head| !taken.contains(head)).collect();
        let without: Vec<Vec<AttentionHead>> = left.iter().map(|head| [&taken[..], &[*head]].concat()).collect();
        let mut best: Option<(f64, AttentionHead)> = None;
        for (head, value) in left.into_iter().zip(measure(&without)?) {
            if best.is_none_or(|(lowest, _)| value < lowest) {
                best = Some((value, head));
            }
        }
        taken.extend(best.map(|(_, head)| head));
    }
    Ok(taken)
}

/// Divides the importances of each layer by their Euclidean norm, as Michel et al. (2019) do after Molchanov et al. (2017).
pub fn normalise_by_layer(importance: &mut [f64], grid: HeadGrid) {
    for layer in importance.chunks_exact_mut(grid.heads) {
        let norm = layer.iter().map(|value| value * value).sum::<f64>().sqrt();
        if norm > 0.0 {
            layer.iter_mut().for_each(|value| *value /= norm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: HeadGrid = HeadGrid { layers: 2, heads: 2 };

    fn names(heads: &[AttentionHead]) -> Vec<String> {
        heads.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_least_important_head_goes_first() {
        let mut importance = [3.0, 4.0, 0.1, 0.1];
        assert_eq!(names(&by_importance(GRID, &importance)), ["2-1", "2-2", "1-1", "1-2"]);
        normalise_by_layer(&mut importance, GRID);
        assert!((importance[0] - 0.6).abs() < 1e-12 && (importance[1] - 0.8).abs() < 1e-12);
        assert_eq!(names(&by_importance(GRID, &importance)), ["1-1", "2-1", "2-2", "1-2"]);
    }

    #[test]
    fn greedy_takes_what_is_missed_least_beside_what_is_gone() {
        // 1-1 costs least alone; then 2-2 does what it did, and only 1-2 is dispensable.
        let cost = |heads: &[AttentionHead]| {
            let names = names(heads);
            let alone: f64 = names.iter().map(|name| if name == "1-1" { 1.0 } else { 2.0 }).sum();
            let both = ["1-1", "2-2"].iter().all(|name| names.iter().any(|it| it == name));
            alone + if both { 10.0 } else { 0.0 }
        };
        let costs = |sets: &[Vec<AttentionHead>]| Ok(sets.iter().map(|heads| cost(heads)).collect());
        assert_eq!(names(&greedy(GRID, 9, costs).unwrap()), ["1-1", "1-2", "2-1", "2-2"]);
        assert_eq!(names(&greedy(GRID, 1, costs).unwrap()), ["1-1"]);
    }

    #[test]
    fn a_random_order_has_every_head_once_and_depends_on_seed_and_draw() {
        let grid = HeadGrid { layers: 6, heads: 12 };
        let order = random(grid, 1, 0);
        assert_eq!(order, random(grid, 1, 0));
        assert_ne!(order, random(grid, 2, 0));
        assert_ne!(order, random(grid, 1, 1));
        let mut sorted = order.clone();
        sorted.sort();
        assert_eq!(sorted, grid.iter().collect::<Vec<_>>());
    }
}
