//! The burn encoder in batches of every kind, in every precision that a processor has.

use burn::backend::{Flex, NdArray};
use headlight_attention::{AttentionMaps, AttentionPeaks, Frame, peaks};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::{
    Activation, AttentionKind,
    testing::{check_some, sentence, shared, spec, weights},
};

const RULES: [MergeRule; 3] = [MergeRule::Mean, MergeRule::First, MergeRule::Max];

/// Small batches, large ones, and some whose padding goes beyond the longest input.
const BATCHINGS: [Batching; 4] = [
    Batching { pieces: 1, multiple: 1, overhead: 0 },
    Batching { pieces: 64, multiple: 1, overhead: 16 },
    Batching { pieces: 8192, multiple: 1, overhead: 1024 },
    Batching { pieces: 512, multiple: 8, overhead: 64 },
];

fn encoder<B: Backend>(precision: Precision, batching: Batching) -> PaddedEncoder<B> {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    let spec = spec(3, 16, 70, Activation::Gelu);
    let weights = weights(&spec, rng);
    PaddedEncoder::new(weights, &spec, Default::default(), precision, batching)
}

/// Sentences of many lengths, one of words alone.
fn sentences() -> Vec<Pieces> {
    let rng = &mut ChaCha8Rng::seed_from_u64(4);
    let mut sentences: Vec<Pieces> = (0..12).map(|number| sentence(2 + number * 37 % 60, rng)).collect();
    let words = sentences[3].clone();
    let alignment = (1..words.len() - 1).map(|piece| piece..piece + 1).collect();
    let alignment =
        headlight_attention::Alignment::new(&Frame::bert(), words.len(), alignment).expect("a word a piece");
    sentences.push(Pieces { alignment, ..words });
    sentences
}

/// Every rule, kind and level beside every other, so that the sentences are the short ones of them; by one rule, with padding beyond
/// the longest, they are all (but for GlobEnc, whose maps take longest to make).
fn check_peaks<B: Backend>(name: &str) {
    let sentences = sentences();
    let all: Vec<&Pieces> = sentences.iter().collect();
    let short: Vec<&Pieces> = sentences.iter().filter(|pieces| pieces.len() < 32).collect();
    assert!(short.len() > 4, "of many lengths");
    // Padding to the longest, and beyond it.
    for (batching, long) in [(BATCHINGS[2], None), (BATCHINGS[3], Some(MergeRule::Mean))] {
        let encoder = encoder::<B>(Precision::F32, batching);
        let kinds = [AttentionKind::Weights, AttentionKind::Norms, AttentionKind::Rollout, AttentionKind::GlobEnc];
        for (rule, kind) in RULES.iter().flat_map(|rule| kinds.map(|kind| (*rule, kind))) {
            let inputs = if long == Some(rule) && kind != AttentionKind::GlobEnc { &all } else { &short };
            let words = Request { attention: Some(Level::Words(rule)), kind, ..Request::default() };
            let alone = encoder.encode(inputs, &words);
            let pieces = encoder.encode(inputs, &Request { attention: Some(Level::Pieces), ..words.clone() });
            let expected: Vec<Option<AttentionPeaks>> = alone.iter().map(|it| it.words.as_ref().map(peaks)).collect();
            let levels = RULES.map(Level::Words).into_iter().chain(RULES.map(Level::Both)).chain([Level::Pieces]);
            for attention in levels.map(Some).chain([None]) {
                let request = Request { attention, peaks: Some(rule), ..words.clone() };
                for (number, encoded) in encoder.encode(inputs, &request).into_iter().enumerate() {
                    let what = format!("{name} {batching:?} {rule:?} {kind:?} beside {attention:?}, sentence {number}");
                    assert_eq!(encoded.peaks, expected[number], "{what}");
                    let (of_pieces, of_words) =
                        (attention.is_some_and(Level::pieces), attention.and_then(Level::words));
                    assert!(encoded.maps == pieces[number].maps.clone().filter(|_| of_pieces), "{what}");
                    assert_eq!(encoded.words.is_some(), of_words.is_some(), "{what}");
                    assert!(of_words != Some(rule) || encoded.words == alone[number].words, "{what}");
                }
                check_some(&encoder, inputs, &request);
            }
        }
    }
}

#[test]
fn peaks_on_ndarray_are_those_of_the_maps_that_leave_it() {
    check_peaks::<NdArray>("ndarray");
}

#[test]
fn peaks_on_flex_are_those_of_the_maps_that_leave_it() {
    check_peaks::<Flex>("flex");
}

#[test]
fn peaks_do_not_depend_on_how_batches_are_cut() {
    fn check<B: Backend>(name: &str) {
        let sentences = sentences();
        let inputs: Vec<&Pieces> = sentences.iter().collect();
        let request = Request { peaks: Some(MergeRule::Mean), ..Request::default() };
        let answers = BATCHINGS.map(|batching| encoder::<B>(Precision::F32, batching).encode(&inputs, &request));
        for (batching, answer) in BATCHINGS.iter().zip(&answers) {
            assert!(*answer == answers[0], "{name} {batching:?}");
        }
    }
    check::<NdArray>("ndarray");
    check::<Flex>("flex");
}

/// How far attention in a precision may be from f32: a few roundings of logits of this model, whose size is about 10.
const ROUNDING: [(Precision, f32); 2] = [(Precision::F16, 0.02), (Precision::Bf16, 0.16)];

#[test]
fn reduced_precision_rounds_and_does_no_more() {
    let sentences = sentences();
    let inputs: Vec<&Pieces> = sentences.iter().collect();
    let request = Request { attention: Some(Level::Pieces), states: true, ..Request::default() };
    let exact = encoder::<Flex>(Precision::F32, BATCHINGS[2]).encode(&inputs, &request);
    for (precision, tolerance) in ROUNDING {
        let mut worst = [0f32; 2];
        for batching in BATCHINGS {
            let encoder = encoder::<Flex>(precision, batching);
            for (exact, rounded) in exact.iter().zip(encoder.encode(&inputs, &request)) {
                let maps = |encoded: &Encoded| encoded.maps.as_ref().map(AttentionMaps::weights).unwrap().to_vec();
                let states = |encoded: &Encoded| encoded.states.as_ref().unwrap().view().iter().copied().collect();
                let furthest = |ours: Vec<f32>, theirs: Vec<f32>| {
                    assert!(theirs.iter().all(|value| value.is_finite()), "{precision} {batching:?}");
                    ours.iter().zip(&theirs).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
                };
                worst[0] = worst[0].max(furthest(maps(exact), maps(&rounded)));
                worst[1] = worst[1].max(furthest(states(exact), states(&rounded)));
                for row in rounded.maps.unwrap().weights().chunks_exact(exact.maps.as_ref().unwrap().positions()) {
                    let sum = row.iter().sum::<f32>();
                    assert!((sum - 1.0).abs() < 1e-5, "{precision}: softmax is in f32, but a row sums to {sum}");
                }
            }
        }
        // Without any difference nothing would have been rounded.
        assert!(worst[0] > 1e-5 && worst[0] < tolerance, "{precision}: attention differs by up to {}", worst[0]);
        assert!(worst[1] > 1e-5 && worst[1] < 10.0 * tolerance, "{precision}: states differ by up to {}", worst[1]);
    }
}

/// The most predictions of a real model that rounding may change.
const ROUNDED: [(Precision, f64); 2] = [(Precision::F16, 0.01), (Precision::Bf16, 0.06)];

#[test]
fn reduced_precision_changes_few_predictions_of_a_real_model() {
    let Some([folder, treebank]) = shared(["data/minilm-l6", "data/ud-english-ewt/en_ewt-ud-dev.conllu"]) else {
        return;
    };
    let spec = Architecture::read(&folder.join("config.json")).unwrap();
    let tokenizer = crate::Tokenizer::read(&folder, &spec).unwrap();
    let text = std::fs::read_to_string(treebank).unwrap();
    let words = text.split("\n\n").take(60).map(|block| {
        let columns = block.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        columns.filter(|columns| columns[0].parse::<u32>().is_ok()).map(|columns| columns[1]).collect::<Vec<_>>()
    });
    let sentences: Vec<Pieces> = words.filter_map(|words| tokenizer.words(&words, 128).ok()).collect();
    let inputs: Vec<&Pieces> = sentences.iter().collect();
    let request = Request { peaks: Some(MergeRule::Mean), ..Request::default() };
    let peaks = |precision| {
        let weights = BertWeights::read(&folder, &spec).unwrap();
        let encoder = PaddedEncoder::<Flex>::new(weights, &spec, Default::default(), precision, BATCHINGS[1]);
        let encoded = encoder.encode(&inputs, &request);
        encoded.iter().flat_map(|encoded| encoded.peaks.as_ref().unwrap().places()).copied().collect::<Vec<u16>>()
    };
    let exact = peaks(Precision::F32);
    for (precision, most) in ROUNDED {
        let rounded = peaks(precision);
        assert_eq!(exact.len(), rounded.len());
        let different = exact.iter().zip(&rounded).filter(|(exact, rounded)| exact != rounded).count();
        let share = different as f64 / exact.len() as f64;
        assert!(share > 0.0 && share < most, "{precision}: {share} of the predictions differ");
    }
}
