//! The inner loops: sums over attention heads and their gradients.
//!
//! Plain loops in fixed-width pieces, compiled for several instruction sets and chosen at run time. Products and sums
//! are rounded separately, so every instruction set gives the same numbers.

use multiversion::multiversion;

/// Floats taken at a time; rows are padded to a multiple of it.
pub(super) const LANES: usize = 8;

/// Sums maps under constant weights: `forward[p] = Σ_k w_k·map_k[p]` and `backward[p] = Σ_k u_k·map_k[p]`.
///
/// `maps` is `[head, place]`, `weights` is w_1 … w_K, u_1 … u_K; both results have one value a place.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn sum_maps(maps: &[f32], weights: &[f32], forward: &mut [f32], backward: &mut [f32]) {
    let places = forward.len();
    let (w, u) = weights.split_at(weights.len() / 2);
    forward.fill(0.0);
    backward.fill(0.0);
    // Four maps at a time: the results are read and written a quarter as often.
    let mut blocks = maps.chunks_exact(4 * places);
    for ((block, w), u) in blocks.by_ref().zip(w.chunks_exact(4)).zip(u.chunks_exact(4)) {
        let (a, rest) = block.split_at(places);
        let (b, rest) = rest.split_at(places);
        let (c, d) = rest.split_at(places);
        let d = &d[..places];
        let (forward, backward) = (&mut forward[..places], &mut backward[..places]);
        for place in 0..places {
            forward[place] += (w[0] * a[place] + w[1] * b[place]) + (w[2] * c[place] + w[3] * d[place]);
            backward[place] += (u[0] * a[place] + u[1] * b[place]) + (u[2] * c[place] + u[3] * d[place]);
        }
    }
    let left = w.len() / 4 * 4;
    for (map, (w, u)) in blocks.remainder().chunks_exact(places).zip(w[left..].iter().zip(&u[left..])) {
        for ((forward, backward), value) in forward.iter_mut().zip(backward.iter_mut()).zip(map) {
            *forward += w * value;
            *backward += u * value;
        }
    }
}

/// The gradient of [`sum_maps`]: adds `Σ_p forward[p]·map_k[p]` to w_k's and `Σ_p backward[p]·map_k[p]` to u_k's.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn sum_maps_gradient(maps: &[f32], forward: &[f32], backward: &[f32], gradient: &mut [f32]) {
    let places = forward.len();
    let heads = gradient.len() / 2;
    let (w, u) = gradient.split_at_mut(heads);
    for ((map, w), u) in maps.chunks_exact(places).zip(w).zip(u) {
        let (mut sum_w, mut sum_u) = ([0.0_f32; 2 * LANES], [0.0_f32; 2 * LANES]);
        let (map, map_tail) = map.as_chunks::<{ 2 * LANES }>();
        let (forward, forward_tail) = forward.as_chunks::<{ 2 * LANES }>();
        let (backward, backward_tail) = backward.as_chunks::<{ 2 * LANES }>();
        for ((map, forward), backward) in map.iter().zip(forward).zip(backward) {
            for lane in 0..2 * LANES {
                sum_w[lane] += map[lane] * forward[lane];
                sum_u[lane] += map[lane] * backward[lane];
            }
        }
        for (lane, value) in map_tail.iter().enumerate() {
            sum_w[lane] += value * forward_tail[lane];
            sum_u[lane] += value * backward_tail[lane];
        }
        *w += sum_w.iter().sum::<f32>();
        *u += sum_u.iter().sum::<f32>();
    }
}

/// Weights of every head for every pair of positions, as the sum of a row's and a column's share.
///
/// Position a of a map's row is the candidate in `forward` and the dependent in `backward`, column b the other one.
pub(super) struct PairWeights<'a> {
    /// `[head, row]`: the row's share of the forward weight.
    pub(super) row_forward: &'a [f32],
    /// `[head, row]`: the row's share of the backward weight.
    pub(super) row_backward: &'a [f32],
    /// `[head, column]`, padded: the column's share of the forward weight.
    pub(super) column_forward: &'a [f32],
    /// `[head, column]`, padded: the column's share of the backward weight.
    pub(super) column_backward: &'a [f32],
}

/// Sums maps under weights of pairs: `forward[a, b] = Σ_k (row_forward[k, a] + column_forward[k, b])·map_k[a, b]`, and
/// `backward` likewise. `maps` is `[head, row, column]`, its rows padded with zeros to `stride`, a multiple of
/// [`LANES`]; all four shares have `stride` values a head.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn sum_weighted_maps(
    maps: &[f32],
    stride: usize,
    weights: &PairWeights<'_>,
    forward: &mut [f32],
    backward: &mut [f32],
) {
    forward.fill(0.0);
    backward.fill(0.0);
    let places = forward.len();
    for (head, map) in maps.chunks_exact(places).enumerate() {
        let share = head * stride..(head + 1) * stride;
        let column_forward = weights.column_forward[share.clone()].as_chunks::<LANES>().0;
        let column_backward = weights.column_backward[share.clone()].as_chunks::<LANES>().0;
        let rows =
            map.chunks_exact(stride).zip(forward.chunks_exact_mut(stride)).zip(backward.chunks_exact_mut(stride));
        let row_shares = weights.row_forward[share.clone()].iter().zip(&weights.row_backward[share]);
        for (((map, forward), backward), (row_forward, row_backward)) in rows.zip(row_shares) {
            let map = map.as_chunks::<LANES>().0;
            let forward = forward.as_chunks_mut::<LANES>().0;
            let backward = backward.as_chunks_mut::<LANES>().0;
            for chunk in 0..map.len() {
                for lane in 0..LANES {
                    let value = map[chunk][lane];
                    forward[chunk][lane] += (row_forward + column_forward[chunk][lane]) * value;
                    backward[chunk][lane] += (row_backward + column_backward[chunk][lane]) * value;
                }
            }
        }
    }
}

/// Gradients of [`PairWeights`], laid out like them.
pub(super) struct PairGradients<'a> {
    pub(super) row_forward: &'a mut [f32],
    pub(super) row_backward: &'a mut [f32],
    pub(super) column_forward: &'a mut [f32],
    pub(super) column_backward: &'a mut [f32],
}

/// The gradient of [`sum_weighted_maps`]; overwrites `gradients`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn sum_weighted_maps_gradient(
    maps: &[f32],
    stride: usize,
    forward: &[f32],
    backward: &[f32],
    gradients: &mut PairGradients<'_>,
) {
    let places = forward.len();
    gradients.column_forward.fill(0.0);
    gradients.column_backward.fill(0.0);
    for (head, map) in maps.chunks_exact(places).enumerate() {
        let share = head * stride..(head + 1) * stride;
        let column_forward = gradients.column_forward[share.clone()].as_chunks_mut::<LANES>().0;
        let column_backward = gradients.column_backward[share.clone()].as_chunks_mut::<LANES>().0;
        let rows = map.chunks_exact(stride).zip(forward.chunks_exact(stride)).zip(backward.chunks_exact(stride));
        let row_shares = gradients.row_forward[share.clone()].iter_mut().zip(&mut gradients.row_backward[share]);
        for (((map, forward), backward), (row_forward, row_backward)) in rows.zip(row_shares) {
            let map = map.as_chunks::<LANES>().0;
            let forward = forward.as_chunks::<LANES>().0;
            let backward = backward.as_chunks::<LANES>().0;
            let (mut sum_forward, mut sum_backward) = ([0.0_f32; LANES], [0.0_f32; LANES]);
            for chunk in 0..map.len() {
                for lane in 0..LANES {
                    let value_forward = map[chunk][lane] * forward[chunk][lane];
                    let value_backward = map[chunk][lane] * backward[chunk][lane];
                    sum_forward[lane] += value_forward;
                    sum_backward[lane] += value_backward;
                    column_forward[chunk][lane] += value_forward;
                    column_backward[chunk][lane] += value_backward;
                }
            }
            *row_forward = sum_forward.iter().sum();
            *row_backward = sum_backward.iter().sum();
        }
    }
}

/// Copies maps `[head, row, column]` of `positions`² places into rows of `stride`, the rest zero.
pub(super) fn pad_rows(maps: &[f32], positions: usize, stride: usize, padded: &mut Vec<f32>) {
    padded.clear();
    padded.resize(maps.len() / positions * stride, 0.0);
    for (to, from) in padded.chunks_exact_mut(stride).zip(maps.chunks_exact(positions)) {
        to[..positions].copy_from_slice(from);
    }
}

/// Values padded up to a multiple of [`LANES`].
pub(super) fn padded(values: usize) -> usize {
    values.next_multiple_of(LANES)
}
