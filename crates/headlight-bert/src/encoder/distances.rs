//! What the distance of two pieces adds to their logits.

use burn::{
    prelude::*,
    tensor::{FloatDType, TensorData},
};

use super::{
    Layer, cast,
    modules::{linear, project, tensor},
};
use crate::{
    Architecture, Buckets, Embeddings, Relative,
    batch::Batch,
    weights::{LayerWeights, Linear},
};

/// What a model knows of distances, whatever the layer.
pub(super) struct Distances<B: Backend> {
    buckets: Option<Buckets>,
    /// A number for each bucket and head, `[bucket, head]`.
    biases: Option<Tensor<B, 2>>,
}

impl<B: Backend> Distances<B> {
    pub fn new(embeddings: &Embeddings, spec: &Architecture, device: &B::Device) -> Self {
        match spec.attention.relative {
            None => Self { buckets: None, biases: None },
            Some(Relative::Bias(buckets)) => {
                let biases = tensor(embeddings.relative.clone(), [buckets.rows(), spec.grid.heads], device);
                Self { buckets: Some(buckets), biases: Some(biases) }
            }
            Some(Relative::Disentangled { buckets, .. }) => Self { buckets: Some(buckets), biases: None },
        }
    }

    /// The bucket of each pair of places, `[1, 1, from, to]`; `None` where the model has none.
    pub fn rows(&self, batch: &Batch<B>) -> Option<Tensor<B, 4, Int>> {
        let buckets = self.buckets?;
        let [_, pieces] = batch.ids.dims();
        let of_row = |from: usize| (0..pieces).map(move |to| buckets.row(from, to) as i32);
        let rows: Vec<i32> = (0..pieces).flat_map(of_row).collect();
        Some(Tensor::from_data(TensorData::new(rows, [1, 1, pieces, pieces]), &batch.ids.device()))
    }

    /// The terms of a layer, broadcast to `[batch, head, from, to]`, of queries and keys that are scaled.
    pub fn terms(
        &self,
        layer: &Layer<B>,
        queries: Tensor<B, 4>,
        keys: Tensor<B, 4>,
        rows: &Tensor<B, 4, Int>,
    ) -> Tensor<B, 4> {
        let [inputs, heads, pieces, _] = queries.dims();
        if let Some(biases) = &self.biases {
            let of_pairs = biases.clone().select(0, rows.clone().reshape([pieces * pieces]));
            return of_pairs.swap_dims(0, 1).reshape([1, heads, pieces, pieces]);
        }
        let dims = [inputs, heads, pieces, pieces];
        let gathered = |states: Tensor<B, 4>, distances: &Tensor<B, 4>, rows: Tensor<B, 4, Int>| {
            let products = cast(states.matmul(distances.clone().swap_dims(2, 3)), FloatDType::F32);
            products.gather(3, rows.expand(dims))
        };
        let of_queries = layer.distance_keys.as_ref().map(|distances| gathered(queries, distances, rows.clone()));
        let of_keys = layer.distance_queries.as_ref().map(|distances| {
            // A key's row holds what it gives to each query, so the pairs are turned round, and back.
            gathered(keys, distances, rows.clone().swap_dims(2, 3)).swap_dims(2, 3)
        });
        let zeros = || Tensor::zeros([1, 1, 1, 1], &rows.device());
        match (of_queries, of_keys) {
            (Some(of_queries), Some(of_keys)) => of_queries + of_keys,
            (one, other) => one.or(other).unwrap_or_else(zeros),
        }
    }
}

/// The queries and the keys of distances in one layer, `[1, head, bucket, width]`.
pub(super) fn projected<B: Backend>(
    weights: &LayerWeights,
    distances: &[f32],
    spec: &Architecture,
    device: &B::Device,
    products: FloatDType,
) -> [Option<Tensor<B, 4>>; 2] {
    let Some(Relative::Disentangled { buckets, content_to_position, position_to_content, shared, .. }) =
        spec.attention.relative
    else {
        return [None, None];
    };
    let of = |own: &Option<Linear>, of_pieces: &Linear| {
        let weights = if shared { of_pieces } else { own.as_ref().unwrap_or(of_pieces) };
        let rows = tensor::<B, 3>(distances.to_vec(), [1, buckets.rows(), spec.breadth], device);
        let states = project(&linear(weights.clone(), device, FloatDType::F32), rows);
        let states = states.reshape([1, buckets.rows(), spec.grid.heads, spec.head_width()]).swap_dims(1, 2);
        cast(states, products)
    };
    [
        position_to_content.then(|| of(&weights.relative_query, &weights.query)),
        content_to_position.then(|| of(&weights.relative_key, &weights.key)),
    ]
}
