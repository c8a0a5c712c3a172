//! The call of the kernels for matrix products, with pointers into slices, under Miri.
#![cfg(test)]

use gemm_common::Parallelism;
use gemm_f32::gemm::f32::get_gemm_fn;

include!(concat!(env!("OUT_DIR"), "/multiply.rs"));

/// Whole numbers, whose products are exact in every order.
fn numbers(count: usize, step: usize) -> Vec<f32> {
    (0..count).map(|at| ((at * step) % 7) as f32 - 3.0).collect()
}

/// Slices that end where the last row does, in allocations of their own, so that a step beyond is seen.
#[test]
fn products_stay_within_their_slices() {
    for [m, k, n] in [[1, 1, 1], [1, 5, 3], [2, 3, 17], [5, 4, 9], [7, 8, 16], [3, 0, 2]] {
        for spare in [0, 3] {
            let (left_stride, right_stride) = (k + spare, n + spare);
            let reach = |rows: usize, columns: usize, stride: usize| rows.saturating_sub(1) * stride + columns;
            let left = numbers(reach(m, k, left_stride), 3).into_boxed_slice();
            let right = numbers(reach(k, n, right_stride), 5).into_boxed_slice();
            for destination in [Destination::Overwrite, Destination::Add] {
                let mut out = numbers(m * n, 2).into_boxed_slice();
                let before = out.clone();
                let strided = [Strided { values: &left, stride: left_stride }, Strided { values: &right, stride: right_stride }];
                let [a, b] = strided;
                multiply(a, b, [m, k, n], &mut out, destination);
                for row in 0..m {
                    for column in 0..n {
                        let sum: f32 = (0..k).map(|at| left[row * left_stride + at] * right[at * right_stride + column]).sum();
                        let expected = sum + if destination == Destination::Add { before[row * n + column] } else { 0.0 };
                        assert_eq!(out[row * n + column], expected, "{m}×{k}×{n}");
                    }
                }
            }
        }
    }
}
