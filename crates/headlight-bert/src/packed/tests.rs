//! The packed encoder against the burn encoder, on shapes with tails of every kind and every instruction set that the
//! machine has.

use std::thread;

use burn::backend::Flex;
use headlight_attention::{Alignment, AttentionHead, AttentionMaps, HeadGrid, MergeRule, WordAttention};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{CHUNK, PackedEncoder, simd::InstructionSet};
use crate::{
    Activation, AttentionKind, BertWeights, Embeddings, Encoded, LayerNorm, LayerWeights, Level, Linear, Masking,
    ModelSpec, Pieces, Request, reference::Reference, request::Encode,
};

/// The largest difference to the burn encoder that is allowed at any position.
const TOLERANCE: f32 = 1e-5;

fn spec(heads: usize, width: usize, intermediate: usize, activation: Activation) -> ModelSpec {
    ModelSpec {
        grid: HeadGrid { layers: 3, heads },
        hidden: heads * width,
        intermediate,
        vocabulary: 50,
        max_positions: 200,
        segments: 2,
        activation,
        layer_norm_eps: 1e-12,
        initializer_range: 0.02,
        tied_decoder: true,
    }
}

/// Weights large enough that attention is far from uniform.
fn weights(spec: &ModelSpec, rng: &mut ChaCha8Rng) -> BertWeights {
    let mut draw = |len: usize, around: f32, spread: f32| -> Vec<f32> {
        (0..len).map(|_| around + spread * rng.random_range(-1.0..1.0_f32)).collect()
    };
    let (hidden, intermediate) = (spec.hidden, spec.intermediate);
    let mut tables = [spec.vocabulary, spec.max_positions, spec.segments].map(|rows| draw(rows * hidden, 0.0, 1.0));
    let mut norm = || LayerNorm { weight: draw(hidden, 1.0, 0.3), bias: draw(hidden, 0.0, 0.3) };
    let embeddings = Embeddings {
        words: std::mem::take(&mut tables[0]),
        positions: std::mem::take(&mut tables[1]),
        segments: std::mem::take(&mut tables[2]),
        norm: norm(),
    };
    let mut linear = |inputs: usize, outputs: usize| Linear {
        inputs,
        outputs,
        weight: draw(inputs * outputs, 0.0, 2.0 / (inputs as f32).sqrt()),
        bias: draw(outputs, 0.0, 0.5),
    };
    let norm = LayerNorm { weight: vec![0.9; hidden], bias: vec![0.1; hidden] };
    let layer = |_| LayerWeights {
        query: linear(hidden, hidden),
        key: linear(hidden, hidden),
        value: linear(hidden, hidden),
        attention_output: linear(hidden, hidden),
        attention_norm: norm.clone(),
        intermediate: linear(hidden, intermediate),
        output: linear(intermediate, hidden),
        output_norm: norm.clone(),
    };
    BertWeights { embeddings, layers: (0..spec.grid.layers).map(layer).collect(), masked_lm: None }
}

/// A sentence of random pieces with words of one to three pieces each.
fn sentence(pieces: usize, rng: &mut ChaCha8Rng) -> Pieces {
    let mut words = Vec::new();
    let mut start = 1;
    while start < pieces - 1 {
        let end = (start + rng.random_range(1..4)).min(pieces - 1);
        words.push(start..end);
        start = end;
    }
    let ids = (0..pieces).map(|_| rng.random_range(0..50)).collect();
    let segments = (0..pieces).map(|piece| u32::from(2 * piece > pieces)).collect();
    let alignment = Alignment::new(pieces, words).expect("words within");
    Pieces { ids, segments, alignment, unpieced_words: 0 }
}

/// Lengths at which blocks of rows and vectors of lanes end early, or just do not.
fn sentences(rng: &mut ChaCha8Rng) -> Vec<Pieces> {
    [2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 48, 50, 100].map(|pieces| sentence(pieces, rng)).into()
}

fn requests() -> Vec<Request> {
    let masked = [(0, 0, Masking::Zero), (0, 1, Masking::Uniform), (1, 1, Masking::Zero), (2, 0, Masking::Uniform)];
    let masked = masked.map(|(layer, index, masking)| (AttentionHead { layer, index }, masking));
    let [maps, words] = [Level::Pieces, Level::Words(MergeRule::Mean)].map(Some);
    vec![
        Request { attention: maps, ..Default::default() },
        Request { attention: words, ..Default::default() },
        Request { attention: maps, kind: AttentionKind::Norms, ..Default::default() },
        Request { attention: words, hidden_states: true, ..Default::default() },
        Request { hidden_states: true, ..Default::default() },
        Request { attention: maps, hidden_states: true, masked_heads: masked.into(), ..Default::default() },
    ]
}

/// Everything that was answered, in one row.
fn numbers(encoded: &Encoded) -> Vec<f32> {
    let maps = encoded.maps.iter().flat_map(AttentionMaps::weights);
    let words = encoded.words.iter().flat_map(WordAttention::weights);
    let hidden = encoded.hidden.iter().flat_map(|hidden| hidden.view().into_iter().copied().collect::<Vec<_>>());
    maps.chain(words).copied().chain(hidden).collect()
}

fn assert_close(found: &[Encoded], expected: &[Encoded], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (found, expected) = (numbers(found), numbers(expected));
        assert_eq!(found.len(), expected.len(), "{what}, sentence {index}");
        // Norms and states have a size of their own; weights are at most 1.
        let differ = |(x, y): &(&f32, &f32)| (*x - *y).abs() > TOLERANCE * y.abs().max(1.0) || !x.is_finite();
        let worst = found.iter().zip(&expected).find(differ);
        assert_eq!(worst, None, "{what}, sentence {index}");
    }
}

#[test]
fn equals_the_burn_encoder_on_every_instruction_set() {
    let shapes = [
        (3, 16, 70, Activation::Gelu),
        (2, 32, 128, Activation::GeluTanh),
        (5, 7, 33, Activation::Relu),
        (2, 20, 40, Activation::Gelu),
        (1, 64, 16, Activation::Gelu),
    ];
    for (heads, width, intermediate, activation) in shapes {
        let rng = &mut ChaCha8Rng::seed_from_u64(7);
        let spec = spec(heads.max(2), width, intermediate, activation);
        let weights = weights(&spec, rng);
        let sentences = sentences(rng);
        let inputs: Vec<&Pieces> = sentences.iter().collect();
        let reference = Reference::<Flex>::new(weights.clone(), &spec, Default::default(), 512);
        let mut packed = PackedEncoder::new(&spec, weights);
        for request in requests() {
            let expected = reference.encode(&inputs, &request);
            for set in InstructionSet::available() {
                packed.set = set;
                assert_close(&packed.encode(&inputs, &request), &expected, &format!("{set} {spec:?} {request:?}"));
            }
        }
    }
}

#[test]
fn a_sentence_does_not_depend_on_its_chunk_or_thread_to_the_bit() {
    let rng = &mut ChaCha8Rng::seed_from_u64(11);
    let spec = spec(4, 24, 200, Activation::Gelu);
    let packed = PackedEncoder::new(&spec, weights(&spec, rng));
    let sentences: Vec<Pieces> = (0..90).map(|index| sentence(2 + index * 37 % 60, rng)).collect();
    assert!(sentences.iter().map(Pieces::len).sum::<usize>() > 2 * CHUNK, "several chunks, one of them not full");
    for request in requests() {
        let alone: Vec<_> = sentences.iter().map(|sentence| packed.encode(&[sentence], &request).remove(0)).collect();
        let mut order: Vec<usize> = (0..sentences.len()).collect();
        for _ in 0..3 {
            order.shuffle(rng);
            let shuffled: Vec<&Pieces> = order.iter().map(|index| &sentences[*index]).collect();
            let (left, right) = shuffled.split_at(rng.random_range(0..shuffled.len()));
            let together = thread::scope(|scope| {
                let left = scope.spawn(|| packed.encode(left, &request));
                let mut right = packed.encode(right, &request);
                let mut all = left.join().expect("a worker ends");
                all.append(&mut right);
                all
            });
            for (index, encoded) in order.iter().zip(&together) {
                assert!(numbers(encoded) == numbers(&alone[*index]), "sentence {index}, {request:?}");
            }
        }
    }
}

#[test]
fn scratch_memory_is_taken_back_and_not_seen_by_the_next_call() {
    let rng = &mut ChaCha8Rng::seed_from_u64(13);
    let spec = spec(2, 12, 30, Activation::Gelu);
    let packed = PackedEncoder::new(&spec, weights(&spec, rng));
    let (short, long) = (sentence(5, rng), sentence(150, rng));
    let request = &requests()[0];
    let before = packed.encode(&[&short], request);
    packed.encode(&[&long], request);
    assert_eq!(packed.encode(&[&short], request), before);
    assert_eq!(packed.pool().len(), 1);
}

#[test]
fn a_sentence_that_overflows_harms_no_other() {
    let rng = &mut ChaCha8Rng::seed_from_u64(17);
    let spec = spec(2, 12, 30, Activation::Gelu);
    let mut weights = weights(&spec, rng);
    weights.embeddings.words[..spec.hidden].fill(f32::MAX);
    let packed = PackedEncoder::new(&spec, weights);
    let mut healthy = sentence(21, rng);
    healthy.ids.iter_mut().for_each(|id| *id = (*id).max(1));
    let mut ill = sentence(60, rng);
    ill.ids.fill(0);
    for request in requests() {
        let alone = packed.encode(&[&healthy], &request).remove(0);
        let beside = packed.encode(&[&ill, &healthy, &ill], &request).remove(1);
        assert!(numbers(&alone).iter().all(|x| x.is_finite()));
        assert_eq!(beside, alone, "{request:?}");
    }
}

proptest! {
    #[test]
    fn rows_of_weights_sum_to_one(pieces in 2_usize..120, seed in 0_u64..1000) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let spec = spec(2, 10, 20, Activation::Gelu);
        let packed = PackedEncoder::new(&spec, weights(&spec, rng));
        let encoded = packed.encode(&[&sentence(pieces, rng)], &requests()[0]).remove(0);
        for row in encoded.maps.expect("maps were asked for").weights().chunks_exact(pieces) {
            prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            prop_assert!(row.iter().all(|weight| (0.0..=1.0).contains(weight)));
        }
    }
}
