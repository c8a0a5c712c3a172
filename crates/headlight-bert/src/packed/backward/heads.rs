//! One attention head on one sentence, on the way back: from the gradient of what it yields to those of its weights, its gate, and
//! its queries, keys and values.

use super::{
    super::{
        Layer,
        attention::Head,
        layer::{Destination, Strided, multiply},
        relative::terms_back,
    },
    dot,
};
use crate::Relative;

/// What a head yielded and what that is worth, rows of all heads' outputs side by side.
#[derive(Clone, Copy)]
pub(super) struct Yielded<'a> {
    /// α, `[from, to]`.
    pub weights: &'a [f32],
    /// `[piece][heads]`: α·V.
    pub contexts: &'a [f32],
    /// `[piece][heads]`: its gradient.
    pub gradients: &'a [f32],
    /// Width of such a row.
    pub stride: usize,
}

/// The gradients of the weights, to `of_weights` `[from, to]`, and of the gate; those of the queries, keys and values are added to
/// the head's columns of `projected`, where that is wanted.
///
/// With C = α·V: ∂L/∂α = ∂L/∂C·Vᵀ and ∂L/∂V = αᵀ·∂L/∂C; of logits, α·(∂L/∂α − Σ α·∂L/∂α) over the row.
pub(super) fn attend_back(
    head: Head<'_>,
    relative: Option<&Relative>,
    layer: &Layer,
    yielded: Yielded<'_>,
    of_weights: &mut [f32],
    projected: Option<&mut [f32]>,
) -> f32 {
    let Yielded { weights, contexts, gradients, stride } = yielded;
    let (pieces, width) = (head.pieces(), head.width);
    let own = head.index * width..(head.index + 1) * width;
    let rows = contexts.chunks_exact(stride).zip(gradients.chunks_exact(stride));
    let gate = rows.map(|(context, gradient)| dot(&context[own.clone()], &gradient[own.clone()])).sum();
    let gradients = Strided { values: &gradients[own.start..], stride };
    let [queries, keys, values] = [0, 1, 2].map(|part| head.part(part));
    multiply(gradients, values.transposed(), [pieces, width, pieces], of_weights, Destination::Overwrite);
    let Some(projected) = projected else { return gate };

    let mut add = |part, products: &[f32]| {
        for (row, products) in projected.chunks_exact_mut(head.stride).zip(products.chunks_exact(width)) {
            super::add(&mut row[head.column(part)..][..width], products);
        }
    };
    let mut logits = vec![0.0; pieces * pieces];
    let rows = weights.chunks_exact(pieces).zip(of_weights.chunks_exact(pieces));
    for (logits, (weights, gradients)) in logits.chunks_exact_mut(pieces).zip(rows) {
        let mean = dot(weights, gradients);
        for ((logit, weight), gradient) in logits.iter_mut().zip(weights).zip(gradients) {
            *logit = weight * (gradient - mean) * head.scale;
        }
    }
    let map = |values| Strided { values, stride: pieces };
    let shape = [pieces, pieces, width];
    let mut room = vec![0.0; pieces * width];
    multiply(map(weights).transposed(), gradients, shape, &mut room, Destination::Overwrite);
    add(2, &room);
    multiply(map(&logits), keys, shape, &mut room, Destination::Overwrite);
    add(0, &room);
    multiply(map(&logits).transposed(), queries, shape, &mut room, Destination::Overwrite);
    add(1, &room);
    terms_back(relative, layer.distances.as_ref(), head, &logits, add);
    gate
}
