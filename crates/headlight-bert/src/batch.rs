//! Inputs side by side in padded tensors.

use burn::{prelude::*, tensor::TensorData};

use crate::{Pieces, encoder::tensor};

/// Logits of padding get this added, after which softmax gives it a weight of exactly 0.
const PADDING_LOGIT: f32 = -1e9;

/// Inputs padded to the length of the longest.
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
    /// Pads at least one input with piece 0.
    pub fn new(inputs: &[&Pieces], device: &B::Device) -> Self {
        let lengths: Vec<usize> = inputs.iter().map(|input| input.len()).collect();
        let (count, longest) = (inputs.len(), lengths.iter().copied().max().unwrap_or(0));
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

    /// Equal weights for the pieces of each input, 0 for padding, `[batch, 1, 1, piece]`.
    pub fn uniform(&self) -> Tensor<B, 4> {
        let [count, longest] = self.ids.dims();
        let share = |length: usize, piece| if piece < length { 1.0 / length as f32 } else { 0.0 };
        tensor(rows(&self.lengths, longest, share), [count, 1, 1, longest], &self.ids.device())
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
