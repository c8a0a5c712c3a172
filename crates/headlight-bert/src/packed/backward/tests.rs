//! The way back against burn's automatic differentiation of the encoder in burn.

use burn::{
    backend::{Autodiff, NdArray},
    prelude::*,
    tensor::{TensorData, activation},
};
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Found, TOGETHER};
use crate::{
    Activation, Architecture, HeadTransform, LayerNorm, Linear, MaskedLmHead, MaskedPieces, Visibility,
    batch::Batch,
    encoder::{Intervention, Met},
    packed::{self, PackedEncoder, simd::InstructionSet},
    padded::host,
    reference::Reference,
    testing::{sentence, spec, variants, weights},
};

type Differentiable = Autodiff<NdArray>;

/// The largest difference to burn that is allowed, in parts of the largest number beside it.
const TOLERANCE: f32 = 1e-5;

/// A head of every kind: with and without a transform, decoding by the embeddings or by weights of its own.
fn head(spec: &Architecture, transformed: bool, tied: bool, rng: &mut ChaCha8Rng) -> MaskedLmHead {
    let mut draw =
        |len: usize, spread: f32| -> Vec<f32> { (0..len).map(|_| rng.random_range(-spread..spread)).collect() };
    let (breadth, width) = (spec.breadth, spec.embedding.width);
    let width = if transformed { width } else { breadth };
    let transform = transformed.then(|| HeadTransform {
        linear: Linear {
            inputs: breadth,
            outputs: width,
            weight: draw(breadth * width, 2.0 / (breadth as f32).sqrt()),
            bias: draw(width, 0.5),
        },
        norm: LayerNorm { weight: draw(width, 1.0), bias: vec![0.0; width] },
    });
    let decoder = (!tied).then(|| draw(spec.vocabulary * width, 1.0));
    MaskedLmHead { transform, decoder, bias: draw(spec.vocabulary, 1.0) }
}

/// An input some of whose pieces are guessed: one, half or all that can be.
fn guessed(spec: &Architecture, pieces: usize, every: usize, rng: &mut ChaCha8Rng) -> MaskedPieces {
    let pieces = sentence(pieces, rng);
    let first = usize::from(spec.visibility() == Visibility::Causal);
    let targets = (first.max(1)..pieces.len()).step_by(every).map(|at| (at, rng.random_range(0..50))).collect();
    MaskedPieces { pieces, targets }
}

fn inputs(spec: &Architecture, rng: &mut ChaCha8Rng) -> Vec<MaskedPieces> {
    [(2, 1), (3, 1000), (16, 1), (17, 2), (33, 7), (50, 1000)]
        .map(|(pieces, every)| guessed(spec, pieces, every, rng))
        .into()
}

/// What burn finds for one input.
fn by_burn(reference: &Reference<Differentiable>, spec: &Architecture, input: &MaskedPieces) -> Found {
    let batch = Batch::new(&[&input.pieces], input.pieces.len(), &Default::default());
    let (heads, pieces, device) = (spec.grid.heads, input.pieces.len(), batch.ids.device());
    // A zero that is added to the weights has their gradient, and a gate of 1 that of the head.
    let leaves: Vec<Intervention<Differentiable>> = (0..spec.grid.layers)
        .map(|_| Intervention {
            keep: None,
            add: Some(Tensor::zeros([1, heads, pieces, pieces], &device).require_grad()),
            gate: Some(Tensor::ones([1, heads, 1, 1], &device).require_grad()),
        })
        .collect();
    let mut attention = Vec::new();
    let keep = |met: Met<'_, Differentiable>| {
        if let Met::Attention(_, _, weighed) = met {
            attention.extend(host(weighed.weights.clone()));
        }
    };
    let states = reference.bert.walk(spec, &batch, true, |layer| leaves[layer].clone(), keep);
    let back = usize::from(spec.visibility() == Visibility::Causal);
    let rows: Vec<i32> = input.targets.keys().map(|position| (position - back) as i32).collect();
    let targets: Vec<i32> = input.targets.values().map(|piece| piece.cast_signed()).collect();
    let count = targets.len();
    let ints = |values| Tensor::<Differentiable, 1, Int>::from_data(TensorData::new(values, [count]), &device);
    let states = states.reshape([pieces, spec.breadth]).select(0, ints(rows));
    let log_likelihoods =
        activation::log_softmax(reference.logits(states), 1).gather(1, ints(targets).reshape([count, 1]));
    let gradients = log_likelihoods.clone().mean().neg().backward();
    let gradient = |leaf: &Option<Tensor<Differentiable, 4>>| {
        host(leaf.as_ref().and_then(|leaf| leaf.grad(&gradients)).expect("every leaf is part of the loss"))
    };
    Found {
        log_likelihoods: host(log_likelihoods).into_iter().map(f64::from).collect(),
        attention,
        attention_gradients: leaves.iter().flat_map(|leaf| gradient(&leaf.add)).collect(),
        gate_gradients: leaves.iter().flat_map(|leaf| gradient(&leaf.gate)).collect(),
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |largest, x| largest.max(x.abs()))
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_near(found, expected, largest(expected), what);
}

#[track_caller]
fn assert_near(found: &[f32], expected: &[f32], largest: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let differ = |(x, y): &(&f32, &f32)| (*x - *y).abs() > TOLERANCE * largest || !x.is_finite();
    assert_eq!(found.iter().zip(expected).find(differ), None, "{what}, of at most {largest}");
}

/// Every kind of model, of head and of instruction set.
#[test]
fn gradients_equal_those_of_burn_on_every_instruction_set() {
    let shapes = [
        spec(3, 16, 70, Activation::Gelu),
        spec(5, 7, 33, Activation::Relu),
        spec(2, 20, 40, Activation::GeluTanh),
        spec(2, 10, 21, Activation::Silu),
    ];
    let others = [spec(3, 16, 70, Activation::Gelu), spec(2, 10, 33, Activation::GeluTanh)];
    for (number, spec) in shapes.into_iter().chain(others.iter().flat_map(variants)).enumerate() {
        let rng = &mut ChaCha8Rng::seed_from_u64(21);
        let mut spec = spec;
        let transformed = number % 3 != 1 || spec.embedding.width != spec.breadth;
        if !transformed {
            spec.head.transform = None;
        } else if let Some(transform) = &mut spec.head.transform {
            transform.width = spec.embedding.width;
        }
        let (weights, head) = (weights(&spec, rng), head(&spec, transformed, number % 2 == 0, rng));
        let inputs = inputs(&spec, rng);
        let reference = Reference::<Differentiable>::new(weights.clone(), head.clone(), &spec);
        let expected: Vec<Found> = inputs.iter().map(|input| by_burn(&reference, &spec, input)).collect();
        let (mut encoder, head) = (PackedEncoder::new(&spec, weights), packed::MaskedLmHead::new(head));
        let back = usize::from(spec.visibility() == Visibility::Causal);
        for set in InstructionSet::available() {
            encoder.set = set;
            let found = encoder.loss_gradients(&head, &inputs.iter().collect::<Vec<_>>(), back);
            for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let what = |of: &str| format!("{of} of input {number}, {set} {spec:?}");
                let log_likelihoods = |of: &Found| of.log_likelihoods.iter().map(|x| *x as f32).collect::<Vec<_>>();
                assert_close(&log_likelihoods(found), &log_likelihoods(expected), &what("ln p"));
                assert_close(&found.attention, &expected.attention, &what("attention"));
                for layer in 0..spec.grid.layers {
                    let part = |values: &[f32]| {
                        let len = values.len() / spec.grid.layers;
                        values[layer * len..][..len].to_vec()
                    };
                    let [ours, theirs] = [found, expected].map(|of| part(&of.attention_gradients));
                    assert_close(&ours, &theirs, &what(&format!("∂L/∂α in layer {layer}")));
                    // A gate's is a sum of these, and may be near zero.
                    let of_weights = largest(&theirs);
                    let [ours, theirs] = [found, expected].map(|of| part(&of.gate_gradients));
                    assert_near(
                        &ours,
                        &theirs,
                        of_weights.max(largest(&theirs)),
                        &what(&format!("∂L/∂ξ in layer {layer}")),
                    );
                }
            }
        }
    }
}

/// Whatever stands beside an input, to the bit: alone, among others, and beyond what goes together.
#[test]
fn an_inputs_gradients_do_not_depend_on_its_company() {
    let bert = spec(4, 24, 200, Activation::Gelu);
    for mut spec in variants(&spec(2, 12, 40, Activation::Gelu)).into_iter().chain([bert]) {
        if let Some(transform) = &mut spec.head.transform {
            transform.width = spec.embedding.width;
        }
        // More pieces than a block of a product sums at once.
        spec.vocabulary = 1300;
        let rng = &mut ChaCha8Rng::seed_from_u64(23);
        let encoder = PackedEncoder::new(&spec, weights(&spec, rng));
        let head = packed::MaskedLmHead::new(head(&spec, true, true, rng));
        let inputs: Vec<MaskedPieces> =
            (0..40).map(|number| guessed(&spec, 2 + number * 37 % 60, [1, 7, 1000][number % 3], rng)).collect();
        assert!(inputs.iter().map(|input| input.pieces.len()).sum::<usize>() > 3 * TOGETHER);
        let back = usize::from(spec.visibility() == Visibility::Causal);
        let bits = |found: Vec<Found>| -> Vec<_> {
            let of = |found: Found| {
                let numbers = [found.attention, found.attention_gradients, found.gate_gradients].concat();
                (found.log_likelihoods, numbers)
            };
            found.into_iter().map(of).collect()
        };
        let derive = |some: &[&MaskedPieces]| bits(encoder.loss_gradients(&head, some, back));
        let alone: Vec<_> = inputs.iter().map(|input| derive(&[input]).remove(0)).collect();
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        for _ in 0..3 {
            let shuffled: Vec<&MaskedPieces> = order.iter().map(|number| &inputs[*number]).collect();
            for (number, found) in order.iter().zip(derive(&shuffled)) {
                assert!(found == alone[*number], "input {number}, {spec:?}");
            }
            order.shuffle(rng);
        }
    }
}
