//! The packed encoder against the burn encoder, on shapes with tails of every kind and every instruction set that the
//! machine has.

use std::thread;

use burn::backend::Flex;
use headlight_attention::{AttentionHead, AttentionMaps, AttentionPeaks, MergeRule, WordAttention, peaks};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{CHUNK, PackedEncoder, simd::InstructionSet};
use crate::{
    Activation, Architecture, AttentionKind, Encoded, HeadMask, Level, Masking, Pieces, Precision, Request,
    batch::Batching,
    padded::PaddedEncoder,
    request::Encode,
    testing::{check_some, lone_piece, sentence, spec, variants, weights},
};

const BATCHING: Batching = Batching { pieces: 512, multiple: 1, overhead: 16 };

/// The largest difference to the burn encoder that is allowed at any position.
const TOLERANCE: f32 = 1e-5;

const KINDS: [AttentionKind; 5] = [
    AttentionKind::Weights,
    AttentionKind::Norms,
    AttentionKind::Rollout,
    AttentionKind::ValueZeroing,
    AttentionKind::GlobEnc,
];

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
        Request { attention: maps, kind: AttentionKind::Rollout, ..Default::default() },
        Request { attention: maps, kind: AttentionKind::ValueZeroing, ..Default::default() },
        Request { attention: words, kind: AttentionKind::GlobEnc, states: true, ..Default::default() },
        Request {
            attention: maps,
            kind: AttentionKind::Rollout,
            masked_heads: masked[..2].iter().copied().collect(),
            ..Default::default()
        },
        Request { attention: words, states: true, ..Default::default() },
        Request { states: true, ..Default::default() },
        Request { attention: maps, states: true, masked_heads: masked.into(), ..Default::default() },
        Request { peaks: Some(MergeRule::Mean), ..Default::default() },
        Request { final_states: true, ..Default::default() },
    ]
}

/// Everything that was answered, in one row.
fn numbers(encoded: &Encoded) -> Vec<f32> {
    let maps = encoded.maps.iter().flat_map(AttentionMaps::weights);
    let words = encoded.words.iter().flat_map(WordAttention::weights);
    let states = encoded.states.iter().flat_map(|states| states.view().into_iter().copied().collect::<Vec<_>>());
    let peaks = encoded.peaks.iter().flat_map(AttentionPeaks::places).map(|place| f32::from(*place));
    maps.chain(words).copied().chain(states).chain(peaks).collect()
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
    let shapes =
        shapes.map(|(heads, width, intermediate, activation)| spec(heads.max(2), width, intermediate, activation));
    let others = [spec(3, 16, 70, Activation::Gelu), spec(2, 10, 33, Activation::GeluTanh)];
    for spec in shapes.into_iter().chain(others.iter().flat_map(variants)) {
        let rng = &mut ChaCha8Rng::seed_from_u64(7);
        let weights = weights(&spec, rng);
        let sentences = sentences(rng);
        let inputs: Vec<&Pieces> = sentences.iter().collect();
        let reference =
            PaddedEncoder::<Flex>::new(weights.clone(), &spec, Default::default(), Precision::F32, BATCHING);
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
fn peaks_are_those_of_the_maps_whatever_else_is_wanted() {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    let spec = spec(3, 16, 70, Activation::Gelu);
    let packed = PackedEncoder::new(&spec, weights(&spec, rng));
    let sentences = sentences(rng);
    let inputs: Vec<&Pieces> = sentences.iter().collect();
    let rules = [MergeRule::Mean, MergeRule::First, MergeRule::Max];
    for (rule, kind) in rules.iter().flat_map(|rule| KINDS.map(|kind| (*rule, kind))) {
        let words = Request { attention: Some(Level::Words(rule)), kind, ..Default::default() };
        let alone = packed.encode(&inputs, &words);
        let pieces = packed.encode(&inputs, &Request { attention: Some(Level::Pieces), ..words.clone() });
        let levels = rules.map(Level::Words).into_iter().chain(rules.map(Level::Both)).chain([Level::Pieces]);
        for attention in levels.map(Some).chain([None]) {
            let request = Request { attention, peaks: Some(rule), ..words.clone() };
            for (number, found) in packed.encode(&inputs, &request).into_iter().enumerate() {
                let what = format!("{rule:?} {kind:?} beside {attention:?}, sentence {number}");
                assert!(found.peaks == alone[number].words.as_ref().map(peaks), "{what}");
                let of_pieces = attention.is_some_and(Level::pieces);
                assert!(found.maps == pieces[number].maps.clone().filter(|_| of_pieces), "{what}");
                let of_words = attention.and_then(Level::words);
                assert_eq!(found.words.is_some(), of_words.is_some(), "{what}");
                assert!(of_words != Some(rule) || found.words == alone[number].words, "{what}");
            }
        }
        check_some(&packed, &inputs, &Request { peaks: Some(rule), ..words });
    }
}

#[test]
fn a_sentence_does_not_depend_on_its_chunk_or_thread_to_the_bit() {
    let bert = spec(4, 24, 200, Activation::Gelu);
    let others = variants(&spec(2, 12, 40, Activation::Gelu));
    std::iter::once(bert).chain(others).for_each(|spec| check_company(&spec));
}

fn check_company(spec: &Architecture) {
    let rng = &mut ChaCha8Rng::seed_from_u64(11);
    let packed = PackedEncoder::new(spec, weights(spec, rng));
    let mut sentences: Vec<Pieces> = (0..90).map(|index| sentence(2 + index * 37 % 60, rng)).collect();
    sentences.push(lone_piece(rng));
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
                assert!(numbers(encoded) == numbers(&alone[*index]), "sentence {index}, {spec:?} {request:?}");
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
    weights.embeddings.words[..spec.breadth].fill(f32::MAX);
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the shape of the model: what is mixed is shared out whole, and nothing comes from where nothing is seen.
    #[test]
    fn rows_of_mixing_sum_to_one_and_keep_to_what_is_seen(pieces in 2_usize..40, seed in 0_u64..1000) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let bert = spec(2, 10, 20, Activation::Gelu);
        for spec in variants(&bert).into_iter().chain([bert]) {
            let packed = PackedEncoder::new(&spec, weights(&spec, rng));
            let input = sentence(pieces, rng);
            for kind in KINDS {
                let request = Request { attention: Some(Level::Pieces), kind, ..Default::default() };
                let maps = packed.encode(&[&input], &request).remove(0).maps.expect("maps were asked for");
                prop_assert_eq!(maps.grid(), kind.grid(spec.grid));
                // What no layer so far sees, no rollout reaches.
                let mut reached = vec![vec![false; pieces]; pieces];
                (0..pieces).for_each(|piece| reached[piece][piece] = true);
                for head in maps.grid().iter() {
                    let view = spec.attention.of_layer(head.layer).view;
                    let before = reached.clone();
                    for from in (0..pieces).filter(|_| head.index == 0) {
                        for through in view.range(from, pieces) {
                            (0..pieces).for_each(|to| reached[from][to] |= before[through][to]);
                        }
                    }
                    for (from, row) in maps.head(head).chunks_exact(pieces).enumerate() {
                        prop_assert!(row.iter().all(|weight| *weight >= 0.0), "{kind:?} {row:?}");
                        let sum = row.iter().sum::<f32>();
                        prop_assert!(!kind.has_distributions() || (sum - 1.0).abs() < 1e-5, "{kind:?} {sum}");
                        let seen = |to: usize| match kind {
                            AttentionKind::Rollout => reached[from][to],
                            _ => view.range(from, pieces).contains(&to),
                        };
                        prop_assert!((0..pieces).all(|to| seen(to) || row[to] == 0.0), "{kind:?} {from} {row:?}");
                    }
                }
            }
        }
    }
}

/// The rows that are kept of the last layer are those of the whole layer, to the bit, however many go together.
#[test]
fn final_states_of_some_rows_are_those_of_all() {
    let bert = spec(3, 16, 70, Activation::Gelu);
    variants(&bert).into_iter().chain([bert]).for_each(|spec| check_some_rows(&spec));
}

fn check_some_rows(spec: &Architecture) {
    let rng = &mut ChaCha8Rng::seed_from_u64(9);
    let packed = PackedEncoder::new(spec, weights(spec, rng));
    let sentences = sentences(rng);
    let inputs: Vec<&Pieces> = sentences.iter().collect();
    let masked: HeadMask = [(AttentionHead { layer: 2, index: 1 }, Masking::Zero)].into();
    let request = Request { states: true, masked_heads: masked.clone(), ..Default::default() };
    let whole = packed.encode(&inputs, &request);
    for step in [1, 3, 1000] {
        let rows: Vec<Vec<usize>> = inputs.iter().map(|input| (1..input.len()).step_by(step).collect()).collect();
        let rows: Vec<&[usize]> = rows.iter().map(Vec::as_slice).collect();
        let together = packed.final_states(&inputs, &rows, &[&masked]).concat();
        let alone: Vec<f32> = inputs
            .iter()
            .zip(&rows)
            .flat_map(|(input, rows)| packed.final_states(&[input], &[rows], &[&masked]).concat())
            .collect();
        let expected = whole.iter().zip(&rows).flat_map(|(encoded, rows)| {
            let states = encoded.states.as_ref().unwrap().view();
            rows.iter()
                .flat_map(|&row| states.slice(ndarray::s![spec.grid.layers, row, ..]).to_vec())
                .collect::<Vec<_>>()
        });
        let expected: Vec<f32> = expected.collect();
        assert!(together == expected, "every {step}");
        assert!(alone == expected, "every {step}, alone");
    }
    let lone = lone_piece(rng);
    let in_company = packed.final_states(&[inputs[3], &lone], &[&[], &[0]], &[&masked]);
    assert!(packed.final_states(&[&lone], &[&[0]], &[&masked]) == in_company, "{spec:?}");
    assert!(
        in_company
            == [packed.encode(&[inputs[3], &lone], &request)[1]
                .states
                .as_ref()
                .unwrap()
                .view()
                .slice(ndarray::s![spec.grid.layers, 0, ..])
                .to_vec()]
    );
}

/// Several sets of masked heads at once are what each is alone, to the bit, whatever is asked.
#[test]
fn sets_of_masked_heads_are_what_each_is_alone() {
    let bert = spec(3, 16, 70, Activation::Gelu);
    variants(&bert).into_iter().chain([bert]).for_each(|spec| check_sets(&spec));
}

fn check_sets(spec: &Architecture) {
    let rng = &mut ChaCha8Rng::seed_from_u64(10);
    let packed = PackedEncoder::new(spec, weights(spec, rng));
    // Sentences of which two differ in a piece, and one that stands there many times.
    let mut sentences = sentences(rng);
    let mut other = sentences[7].clone();
    other.ids[3] = (other.ids[3] + 1) % 50;
    sentences.extend(vec![sentences[7].clone(); 40]);
    sentences.push(other);
    let inputs: Vec<&Pieces> = sentences.iter().collect();
    let set = |heads: &[(usize, usize, Masking)]| -> HeadMask {
        heads.iter().map(|&(layer, index, masking)| (AttentionHead { layer, index }, masking)).collect()
    };
    use Masking::{Uniform, Zero};
    let sets = [
        set(&[(1, 0, Zero)]),
        set(&[]),
        set(&[(1, 0, Zero), (1, 2, Uniform), (2, 1, Zero)]),
        set(&[(1, 0, Uniform), (1, 2, Uniform)]),
        set(&[(0, 1, Uniform), (1, 0, Zero)]),
        set(&[(2, 1, Zero)]),
        set(&[(1, 0, Zero)]),
    ];
    let sets: Vec<&HeadMask> = sets.iter().collect();
    for request in requests() {
        let mut together = vec![Vec::new(); sets.len()];
        packed.encode_each(&inputs, &request, &sets, &mut |set, encoded| together[set] = encoded);
        for (&set, together) in sets.iter().zip(&together) {
            let alone = packed.encode(&inputs, &Request { masked_heads: set.clone(), ..request.clone() });
            assert!(alone == *together, "{spec:?} {request:?} {set:?}");
        }
        let lone = lone_piece(rng);
        packed.encode_each(&[&lone], &request, &sets, &mut |set, encoded| together[set] = encoded);
        for (&set, together) in sets.iter().zip(&together) {
            let request = Request { masked_heads: set.clone(), ..request.clone() };
            let in_company = packed.encode(&[inputs[0], &lone], &request).pop();
            assert!(together.len() == 1 && together.last() == in_company.as_ref(), "{spec:?} {request:?} {set:?}");
        }
    }
    let rows: Vec<Vec<usize>> = inputs.iter().map(|input| vec![input.len() / 2, input.len() - 1]).collect();
    let rows: Vec<&[usize]> = rows.iter().map(Vec::as_slice).collect();
    for (&set, together) in sets.iter().zip(packed.final_states(&inputs, &rows, &sets)) {
        let request = Request { states: true, masked_heads: set.clone(), ..Default::default() };
        let alone = packed.encode(&inputs, &request);
        let expected = alone.iter().zip(&rows).flat_map(|(encoded, rows)| {
            let states = encoded.states.as_ref().unwrap().view();
            let of_row = |row: &usize| states.slice(ndarray::s![spec.grid.layers, *row, ..]).to_vec();
            rows.iter().flat_map(of_row).collect::<Vec<_>>()
        });
        assert!(together == expected.collect::<Vec<f32>>(), "{spec:?} {set:?}");
    }
}
