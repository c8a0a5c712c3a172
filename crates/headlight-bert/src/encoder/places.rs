//! What the places of a batch are to the layers that are alike: which see each other, and by what angles queries and keys turn.

use burn::prelude::*;

use super::tensor;
use crate::{architecture::LayerAttention, batch::Batch};

/// On the device, for all layers that see alike.
pub(super) struct Places<B: Backend> {
    /// What is added to the logits of pieces that are not seen, `[1, 1, from, to]`.
    pub unseen: Option<Tensor<B, 4>>,
    /// Cosines and sines, `[1, 1, piece, pair]`.
    angles: Option<[Tensor<B, 4>; 2]>,
}

impl<B: Backend> Places<B> {
    pub fn new(layer: LayerAttention<'_>, batch: &Batch<B>) -> Self {
        let ([_, pieces], device) = (batch.ids.dims(), batch.ids.device());
        let angles = layer.rotary.map(|rotary| {
            let of_piece = |place: usize| rotary.frequencies.iter().map(move |frequency| frequency * place as f32);
            let angles: Vec<f32> = (0..pieces).flat_map(of_piece).collect();
            let functions: [fn(f32) -> f32; 2] = [f32::cos, f32::sin];
            functions.map(|function| {
                let values = angles.iter().map(|angle| function(*angle)).collect();
                tensor(values, [1, 1, pieces, rotary.frequencies.len()], &device)
            })
        });
        Self { unseen: batch.unseen(layer.view), angles }
    }

    /// Whether queries and keys are turned.
    pub fn turn(&self) -> bool {
        self.angles.is_some()
    }

    /// Queries or keys `[batch, head, piece, width]`, turned by their place.
    pub fn turned(&self, states: Tensor<B, 4>) -> Tensor<B, 4> {
        let Some([cosines, sines]) = &self.angles else { return states };
        let ([_, _, _, width], [_, _, _, pairs]) = (states.dims(), cosines.dims());
        let left = states.clone().narrow(3, 0, pairs);
        let right = states.clone().narrow(3, pairs, pairs);
        let turned_left = left.clone() * cosines.clone() - right.clone() * sines.clone();
        let turned_right = right * cosines.clone() + left * sines.clone();
        let mut parts = vec![turned_left, turned_right];
        if width > 2 * pairs {
            parts.push(states.narrow(3, 2 * pairs, width - 2 * pairs));
        }
        Tensor::cat(parts, 3)
    }
}
