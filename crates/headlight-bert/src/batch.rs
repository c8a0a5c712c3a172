//! Inputs side by side in padded tensors.

use std::ops::Range;

use burn::{prelude::*, tensor::TensorData};

use crate::{Pieces, architecture::View, encoder::tensor};

/// Logits of padding get this added, after which softmax gives it a weight of exactly 0. Logits are f32.
const PADDING_LOGIT: f32 = -1e9;

/// Inputs padded to one length.
#[derive(Debug)]
pub(crate) struct Batch<B: Backend> {
    /// `[batch, piece]`.
    pub ids: Tensor<B, 2, Int>,
    /// `[batch, piece]`.
    pub segments: Tensor<B, 2, Int>,
    /// 0 for a piece, a large negative logit for padding, `[batch, 1, 1, piece]`; `None` without padding.
    pub padding: Option<Tensor<B, 4>>,
    /// Pieces of each input.
    pub lengths: Vec<usize>,
}

impl<B: Backend> Batch<B> {
    /// Pads at least one input to `longest` pieces with piece 0. None is longer.
    pub fn new(inputs: &[&Pieces], longest: usize, device: &B::Device) -> Self {
        let lengths: Vec<usize> = inputs.iter().map(|input| input.len()).collect();
        let count = inputs.len();
        let padded = |rows: &dyn Fn(&Pieces) -> &[u32]| {
            let mut values = vec![0i32; count * longest];
            for (row, input) in values.chunks_exact_mut(longest).zip(inputs) {
                row.iter_mut().zip(rows(input)).for_each(|(value, id)| *value = id.cast_signed());
            }
            Tensor::from_data(TensorData::new(values, [count, longest]), device)
        };
        let ids = padded(&|input| &input.ids);
        let segments = padded(&|input| &input.segments);
        let padding = lengths.iter().any(|&length| length < longest).then(|| {
            let logits = rows(&lengths, longest, |length, piece| if piece < length { 0.0 } else { PADDING_LOGIT });
            tensor(logits, [count, 1, 1, longest], device)
        });
        Self { ids, segments, padding, lengths }
    }

    /// Equal weights for the pieces of each input that are seen, 0 for others and for padding: `[batch, 1, 1, piece]`, or
    /// `[batch, 1, from, to]` where not every piece sees all.
    pub fn uniform(&self, view: View) -> Tensor<B, 4> {
        let [count, longest] = self.ids.dims();
        let device = self.ids.device();
        let share = |seen: Range<usize>, piece| if seen.contains(&piece) { 1.0 / seen.len() as f32 } else { 0.0 };
        if view.is_whole(longest) {
            let shares = rows(&self.lengths, longest, |length, piece| share(0..length, piece));
            return tensor(shares, [count, 1, 1, longest], &device);
        }
        let of_input = |length: usize| {
            let of_row = move |from| (0..longest).map(move |to| share(view.range(from, length), to));
            (0..longest).flat_map(of_row)
        };
        tensor(
            self.lengths.iter().flat_map(|&length| of_input(length)).collect(),
            [count, 1, longest, longest],
            &device,
        )
    }

    /// 0 for a piece that is seen, a large negative logit for others, `[1, 1, from, to]`; `None` where all is seen.
    pub fn unseen(&self, view: View) -> Option<Tensor<B, 4>> {
        let [_, longest] = self.ids.dims();
        if view.is_whole(longest) {
            return None;
        }
        let logit = |from, to| if view.range(from, longest).contains(&to) { 0.0 } else { PADDING_LOGIT };
        let logits = (0..longest).flat_map(|from| (0..longest).map(move |to| logit(from, to))).collect();
        Some(tensor(logits, [1, 1, longest, longest], &self.ids.device()))
    }
}

/// One row for each input, one value for each piece or padding.
fn rows(lengths: &[usize], longest: usize, value: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    lengths
        .iter()
        .flat_map(|&length| (0..longest).map(move |piece| (length, piece)))
        .map(|(l, p)| value(l, p))
        .collect()
}

/// How inputs are cut into padded batches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batching {
    /// Most pieces of a batch, padding included; one input may exceed it.
    pub pieces: usize,
    /// Inputs are padded to a multiple of this. Rows of such lengths begin where a GPU can load several values at once.
    pub multiple: usize,
    /// What a batch costs beyond its pieces, in pieces: the time in which a device is told what to do.
    pub overhead: usize,
}

impl Batching {
    /// The padded length of a batch whose longest input is this long.
    pub fn padded(&self, longest: usize) -> usize {
        longest.next_multiple_of(self.multiple)
    }

    /// Cuts inputs of these lengths, sorted, into batches of consecutive ones: their sizes. Of all cuts the cheapest, where
    /// a batch costs its padded pieces and the overhead.
    pub fn cut(&self, lengths: &[usize]) -> Vec<usize> {
        // The cheapest way to cut off the first inputs, and the size of its last batch.
        let mut best = vec![(0, 0)];
        for end in 1..=lengths.len() {
            let length = self.padded(lengths[end - 1]);
            let most = (self.pieces / length.max(1)).clamp(1, end);
            let cost = |size: usize| (best[end - size].0 + size * length + self.overhead, size);
            // Of equal cost the larger last batch.
            best.push((1..=most).rev().map(cost).min_by_key(|(cost, _)| *cost).unwrap_or_default());
        }
        let mut sizes = Vec::new();
        let mut end = lengths.len();
        while end > 0 {
            let (_, size) = best[end];
            sizes.push(size);
            end -= size;
        }
        sizes.reverse();
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(batching: Batching, lengths: &[usize], expected: &[usize]) {
        assert_eq!(batching.cut(lengths), expected, "{batching:?} {lengths:?}");
    }

    #[test]
    fn batches_are_cut_where_padding_costs_more_than_a_batch() {
        let batching = Batching { pieces: 100, multiple: 1, overhead: 10 };
        check(batching, &[], &[]);
        check(batching, &[7], &[1]);
        check(batching, &[5, 5, 6, 6], &[4]);
        check(batching, &[5, 5, 5, 50], &[3, 1]);
        // Of equal cost the larger batch comes last.
        check(batching, &[40, 40, 40], &[1, 2]);
        check(batching, &[40, 40, 300], &[2, 1]);
        // Up to the same multiple there is nothing to gain.
        check(Batching { multiple: 8, ..batching }, &[1, 1, 1, 8], &[4]);
    }

    proptest! {
        #[test]
        fn every_input_is_in_one_batch_and_no_batch_is_too_large(
            mut lengths in prop::collection::vec(1_usize..60, 0..80),
            pieces in 1_usize..300,
            multiple in 1_usize..9,
            overhead in 0_usize..100,
        ) {
            lengths.sort_unstable();
            let batching = Batching { pieces, multiple, overhead };
            let mut rest = lengths.as_slice();
            for size in batching.cut(&lengths) {
                let (batch, later) = rest.split_at(size);
                prop_assert!(size == 1 || size * batching.padded(batch[size - 1]) <= pieces, "{batch:?}");
                rest = later;
            }
            prop_assert!(rest.is_empty());
        }
    }
}
