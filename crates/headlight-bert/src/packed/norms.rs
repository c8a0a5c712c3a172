//! Norm-based attention: ‖α·f(x)‖ = α·‖f(x)‖ with f(x) = (x·W_V + b_V)·W_O of one head (Kobayashi et al. 2020, §2.2).

use super::{
    attention::Head,
    layer::{Destination, Projection, Strided, multiply},
    scratch::Buffer,
};

/// Multiplies each column `to` of a head's map `[from, to]` with the norm of that piece's transformed value. `output` is
/// the layer's W_O, of which the head's rows are its own part.
pub(crate) fn scale_by_norms(head: Head<'_>, output: &Projection, transformed: &mut Buffer, map: &mut [f32]) {
    let (pieces, breadth) = (head.pieces(), output.outputs);
    let transformed = transformed.slice(pieces * breadth);
    transform(head, output, transformed);
    let norms: Vec<f32> = transformed.chunks_exact(breadth).map(norm).collect();
    for row in map.chunks_exact_mut(pieces) {
        row.iter_mut().zip(&norms).for_each(|(weight, norm)| *weight *= norm);
    }
}

/// transformed `[piece][breadth]` ← f(x) of each piece.
pub(crate) fn transform(head: Head<'_>, output: &Projection, transformed: &mut [f32]) {
    let (pieces, width, breadth) = (head.pieces(), head.width, output.outputs);
    let own = Strided { values: &output.weight[head.index * width * breadth..], stride: breadth };
    multiply(head.part(2), own, [pieces, width, breadth], transformed, Destination::Overwrite);
}

/// √Σx², summed in f64.
fn norm(row: &[f32]) -> f32 {
    row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt() as f32
}
