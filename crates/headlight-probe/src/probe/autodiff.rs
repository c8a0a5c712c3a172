//! The probes once more, as burn tensors: the reference for the gradients that are derived by hand.
//!
//! This follows the formulas of METHOD §5 pair by pair, with nothing shared with the fast path but the layout of the
//! parameters, and lets burn find the gradient.

use std::ops::Range;

use burn::backend::{Autodiff, Flex};
use burn::tensor::activation::log_softmax;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::spec::{DISTANCE_FEATURES, ROOT_FEATURE};
use super::{Input, Probe, ProbeForm, Role, RootScore};
use crate::arcs::candidate_of;

type Cpu = Autodiff<Flex>;

/// The loss of a sentence in nats, summed over its words; adds its gradient to `gradient`.
fn accumulate(probe: &Probe, input: &Input<'_>, gradient: &mut [f32]) -> f64 {
    let parameters = tensor::<Cpu, 1>(probe.parameters.clone(), [probe.parameters.len()]).require_grad();
    let loss = loss(probe, input, &parameters);
    let gradients = loss.backward();
    let values = parameters.grad(&gradients).map(|gradient| gradient.into_data().iter::<f32>().collect::<Vec<_>>());
    for (sum, value) in gradient.iter_mut().zip(values.unwrap_or_default()) {
        *sum += value;
    }
    loss.into_data().iter::<f64>().sum()
}

fn tensor<B: Backend, const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values, shape), &B::Device::default())
}

fn block<B: Backend, const D: usize>(
    probe: &Probe,
    parameters: &Tensor<B, 1>,
    role: Role,
    shape: [usize; D],
) -> Tensor<B, D> {
    parameters.clone().slice([probe.layout.range(role)]).reshape(shape)
}

fn loss<B: Backend>(probe: &Probe, input: &Input<'_>, parameters: &Tensor<B, 1>) -> Tensor<B, 1> {
    let n = input.words();
    let logits = match probe.spec.form {
        ProbeForm::AttentionOnly | ProbeForm::AttentionWords => combination(probe, input, parameters),
        ProbeForm::DistanceWords => distance(probe, input, parameters),
    };
    let (mut own, mut gold) = (vec![0.0; n * (n + 1)], vec![0.0; n * (n + 1)]);
    for (dependent, governor) in input.words.governors().iter().enumerate() {
        own[dependent * (n + 1) + dependent] = -1e9;
        gold[dependent * (n + 1) + candidate_of(*governor, n)] = -1.0;
    }
    (log_softmax(logits + tensor(own, [n, n + 1]), 1) * tensor(gold, [n, n + 1])).sum()
}

/// `[dependent, candidate]`.
fn combination<B: Backend>(probe: &Probe, input: &Input<'_>, parameters: &Tensor<B, 1>) -> Tensor<B, 2> {
    let (n, heads) = (input.words(), probe.spec.grid().len());
    let (frame, width) = (&probe.spec.frame, probe.spec.vector_width);
    let (m, inner) = (frame.positions(n), frame.words(n));
    let specials: Vec<usize> = (0..m).filter(|at| !inner.contains(at)).collect();
    let attention: Tensor<B, 3> = tensor(input.attention.to_vec(), [heads, m, m]);
    // The weights of the pair (governor a, dependent b), axes `[head, a, b]`.
    let no_words = || Tensor::zeros([heads, m, m], &B::Device::default());
    let (mut w, mut u): (Tensor<B, 3>, Tensor<B, 3>) = (no_words(), no_words());
    if !probe.layout.range(Role::Heads).is_empty() {
        let heads_block: Tensor<B, 3> = block(probe, parameters, Role::Heads, [2 * heads, 1, 1]);
        w = w + heads_block.clone().slice(0..heads);
        u = u + heads_block.slice(heads..2 * heads);
    }
    if probe.spec.form == ProbeForm::AttentionWords {
        let words: Tensor<B, 3> = block(probe, parameters, Role::Words, [width, 4, heads]);
        let part = |part: usize| words.clone().slice([0..width, part..part + 1]).reshape([width, heads]);
        let governors: Tensor<B, 2> = vectors(probe, input, |at| {
            if probe.spec.shifted_candidate_vectors { shifted(at, &inner) } else { at.checked_sub(inner.start) }
        });
        let dependents: Tensor<B, 2> = vectors(probe, input, |at| at.checked_sub(inner.start));
        let of_governor = |part: Tensor<B, 2>| governors.clone().matmul(part).transpose().reshape([heads, m, 1]);
        let of_dependent = |part: Tensor<B, 2>| dependents.clone().matmul(part).transpose().reshape([heads, 1, m]);
        w = w + of_governor(part(0)) + of_dependent(part(2));
        u = u + of_governor(part(1)) + of_dependent(part(3));
    }
    let towards: Tensor<B, 2> = (attention.clone() * w).sum_dim(0).reshape([m, m]);
    let back: Tensor<B, 2> = (attention.clone().swap_dims(1, 2) * u).sum_dim(0).reshape([m, m]);
    // `[dependent, governor]`, still with the specials among the governors.
    let pairs = (towards + back).transpose().slice([inner.clone(), 0..m]);
    let root = match probe.spec.root {
        RootScore::SpecialScalars => {
            // burn has no tensor without places, and a frame may have no piece: the block is taken piece by piece.
            let of = |(number, &at): (usize, &usize)| {
                let scalars: Tensor<B, 2> = block(probe, parameters, Role::RootScalars, [1, specials.len()]);
                pairs.clone().slice([0..n, at..at + 1]) * scalars.slice([0..1, number..number + 1])
            };
            specials.iter().enumerate().map(of).fold(Tensor::zeros([n, 1], &B::Device::default()), |sum, it| sum + it)
        }
        RootScore::OwnWeights => {
            let bias: Tensor<B, 2> = block(probe, parameters, Role::RootBias, [1, 1]);
            let mut root = bias.repeat_dim(0, n);
            let from = specials.iter().map(|&at| [at..at + 1, inner.clone()]);
            let to = specials.iter().map(|&at| [inner.clone(), at..at + 1]);
            for (part, [from, to]) in from.chain(to).enumerate() {
                let weights: Tensor<B, 3> = block(probe, parameters, Role::RootHeads, [2 * specials.len(), heads, 1]);
                let weights = weights.slice(part..part + 1).reshape([heads, 1]);
                let values = attention.clone().slice([0..heads, from, to]).reshape([heads, n]);
                root = root + (values * weights).sum_dim(0).reshape([n, 1]);
            }
            if width > 0 {
                let words: Tensor<B, 2> = block(probe, parameters, Role::RootWords, [width, 1]);
                root =
                    root + vectors(probe, input, |at| at.checked_sub(inner.start)).slice(inner.clone()).matmul(words);
            }
            root
        }
    };
    Tensor::cat(vec![pairs.slice([0..n, inner]), root], 1)
}

/// `[dependent, candidate]`.
fn distance<B: Backend>(probe: &Probe, input: &Input<'_>, parameters: &Tensor<B, 1>) -> Tensor<B, 2> {
    let (n, width, breadth) = (input.words(), probe.spec.vector_width, probe.spec.breadth);
    let mut features = vec![0.0; n * (n + 1) * DISTANCE_FEATURES];
    for (pair, row) in features.chunks_exact_mut(DISTANCE_FEATURES).enumerate() {
        let (dependent, candidate) = ((pair / (n + 1)) as f32, (pair % (n + 1)) as f32);
        if pair % (n + 1) == n {
            row[ROOT_FEATURE] = 1.0;
            continue;
        }
        row[0] = (candidate - dependent).max(0.0) / n as f32;
        row[1] = (dependent - candidate).max(0.0) / n as f32;
        for (indicator, offset) in [-2.0, -1.0, 0.0, 1.0, 2.0].into_iter().enumerate() {
            row[2 + indicator] = if candidate - dependent == offset { 1.0 } else { 0.0 };
        }
    }
    let features: Tensor<B, 2> = tensor(features, [n * (n + 1), DISTANCE_FEATURES]);
    let of_features = features.matmul(block(probe, parameters, Role::Distances, [DISTANCE_FEATURES, breadth]));
    let words: Tensor<B, 3> = block(probe, parameters, Role::Words, [width, 2, breadth]);
    let part = |part: usize| words.clone().slice([0..width, part..part + 1]).reshape([width, breadth]);
    // The words, and ROOT, which has no vector.
    let vectors: Tensor<B, 2> = rows(input, width, n + 1, Some);
    let of_candidates = vectors.clone().matmul(part(0)).reshape([1, n + 1, breadth]);
    let of_dependents = vectors.slice(0..n).matmul(part(1)).reshape([n, 1, breadth]);
    let bias = block(probe, parameters, Role::HiddenBias, [1, 1, breadth]);
    let units = (of_features.reshape([n, n + 1, breadth]) + of_candidates + of_dependents + bias).tanh();
    let output = block(probe, parameters, Role::Output, [1, 1, breadth]);
    (units * output).sum_dim(2).reshape([n, n + 1])
}

/// The vector of the word that `word` names for each position; zero where there is none.
fn vectors<B: Backend>(probe: &Probe, input: &Input<'_>, word: impl Fn(usize) -> Option<usize>) -> Tensor<B, 2> {
    rows(input, probe.spec.vector_width, probe.spec.frame.positions(input.words()), word)
}

fn rows<B: Backend>(
    input: &Input<'_>,
    width: usize,
    count: usize,
    word: impl Fn(usize) -> Option<usize>,
) -> Tensor<B, 2> {
    let n = input.words();
    let mut values = vec![0.0; count * width];
    for (at, row) in values.chunks_exact_mut(width).enumerate() {
        if let Some(vector) = word(at).filter(|word| *word < n).and_then(|word| input.vector(word)) {
            row.copy_from_slice(vector);
        }
    }
    tensor(values, [count, width])
}

/// The word whose vector a candidate has under the slip: the next one; special pieces, which make ROOT, the first.
fn shifted(at: usize, words: &Range<usize>) -> Option<usize> {
    Some(if words.contains(&at) { at + 1 - words.start } else { 0 })
}

#[cfg(test)]
mod tests;
