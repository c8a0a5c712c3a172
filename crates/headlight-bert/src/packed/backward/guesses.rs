//! The language-model head, there and back.

use super::{
    super::{
        PackedEncoder,
        layer::{Destination, Strided, multiply},
        masked_lm::{COLUMNS, Head, exponentials},
        rows::{activate, normalise},
        scratch::Buffer,
    },
    rows::{activate_back, normalise_back},
};

/// A piece that is guessed, and its share of a loss.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub piece: u32,
    pub share: f32,
}

/// ln p of each piece, guessed from its row of the final states `[row][breadth]`, and the gradient of −Σ share·ln p with respect
/// to these, `[row][breadth]`.
pub(super) fn guess(encoder: &PackedEncoder, head: &Head, states: &[f32], targets: &[Target]) -> (Vec<f64>, Vec<f32>) {
    let (breadth, columns) = (encoder.spec.breadth, head.columns().next_multiple_of(COLUMNS));
    let (mut log_likelihoods, mut gradients) = (Vec::with_capacity(targets.len()), Vec::with_capacity(states.len()));
    for (states, targets) in states.chunks(columns * breadth).zip(targets.chunks(columns)) {
        // Filled up to whole vectors with states of zeros, as for likelihoods.
        let mut whole = states.to_vec();
        whole.resize(targets.len().next_multiple_of(COLUMNS) * breadth, 0.0);
        let (found, of_states) =
            encoder.with_scratch(|scratch| guess_some(encoder, head, &whole, targets, &mut scratch.logits));
        log_likelihoods.extend(found);
        gradients.extend_from_slice(&of_states[..states.len()]);
    }
    (log_likelihoods, gradients)
}

fn guess_some(
    encoder: &PackedEncoder,
    head: &Head,
    states: &[f32],
    targets: &[Target],
    room: &mut Buffer,
) -> (Vec<f64>, Vec<f32>) {
    let (set, spec) = (encoder.set, &encoder.spec);
    let count = states.len() / spec.breadth;
    let transform = match (&head.transform, &head.weights.transform, spec.head.transform) {
        (Some(linear), Some(weights), Some(shape)) => Some((linear, &weights.norm, shape)),
        _ => None,
    };
    let (mut entered, mut active, mut decoded) = (Vec::new(), Vec::new(), states.to_vec());
    if let Some((linear, norm, shape)) = transform {
        entered = vec![0.0; count * shape.width];
        linear.multiply(states, &mut entered, shape.width, Destination::Overwrite);
        active = entered.clone();
        activate(set, &mut active, &linear.bias, shape.activation);
        decoded = active.clone();
        normalise(set, &mut decoded, None, norm, spec.norm);
    }
    let logits = head.decode(encoder, &decoded, count, room);
    let own: Vec<f32> =
        targets.iter().enumerate().map(|(row, target)| logits[target.piece as usize * count + row]).collect();
    let normalisers = exponentials(set, logits, count);
    let log_likelihoods = own.iter().enumerate().map(|(row, logit)| normalisers.log_likelihood(row, *logit)).collect();

    let mut gradients = of_decoded(head.decoder(encoder), logits, count, targets, &normalisers.sums);
    if let Some((linear, norm, shape)) = transform {
        normalise_back(set, &active, &mut gradients, norm, spec.norm);
        activate_back(set, &mut entered, &linear.bias, &gradients, shape.activation, false);
        gradients = linear.multiply_back(&entered, shape.width);
    }
    (log_likelihoods, gradients)
}

/// Σ (p(piece) − [piece is the target])·share·D(piece) for each row, `[row][width]`, with p as exponentials `[vocabulary][row]` and
/// their sums. Rows beyond the targets have no gradient.
fn of_decoded(decoder: &[f32], exponentials: &[f32], count: usize, targets: &[Target], sums: &[f64]) -> Vec<f32> {
    /// Pieces whose share of the sum is taken at once: so many that rows go the same way through the product, whatever their
    /// number, and few enough to stay near the processor.
    const SLAB: usize = 512;
    let width = decoder.len() / (exponentials.len() / count);
    let mut gradients = vec![0.0; count * width];
    for (decoder, exponentials) in decoder.chunks(SLAB * width).zip(exponentials.chunks(SLAB * count)) {
        let shape = [count, decoder.len() / width, width];
        let exponentials = Strided { values: exponentials, stride: count }.transposed();
        multiply(exponentials, Strided { values: decoder, stride: width }, shape, &mut gradients, Destination::Add);
    }
    let (own, others) = gradients.split_at_mut(targets.len() * width);
    others.fill(0.0);
    for ((row, Target { piece, share }), sum) in own.chunks_exact_mut(width).zip(targets).zip(sums) {
        let scale = (f64::from(*share) / sum) as f32;
        let target = &decoder[*piece as usize * width..][..width];
        row.iter_mut().zip(target).for_each(|(x, target)| *x = *x * scale - share * target);
    }
    gradients
}
