//! Gradients derived by hand, against burn's and against differences.

use headlight_attention::{Frame, HeadGrid};
use headlight_treebank::{Governor, WordIdx};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::{ProbeSpec, Workspace};
use super::*;
use crate::{SentenceWords, WordVectors};

const GRID: HeadGrid = HeadGrid { layers: 3, heads: 3 };
const WIDTH: usize = 5;
/// Relative to the largest entry of the gradient.
const TOLERANCE: f64 = 1e-5;

struct Fixture {
    words: SentenceWords,
    attention: Vec<f32>,
    vectors: WordVectors,
}

impl Fixture {
    /// A random sentence: random governors (no tree is needed), a word in five without a vector.
    fn new(frame: &Frame, n: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let vectors = (0..7).map(|word| (["a", "b", "c", "d", "e", "f", "g"][word], random_row(&mut random, WIDTH)));
        let vectors = WordVectors::from_rows(WIDTH, vectors.collect::<Vec<_>>()).unwrap();
        let governors = (0..n).map(|dependent| match random.random_range(0..n) {
            word if word == dependent => Governor::Root,
            word => Governor::Word(WordIdx::new(word)),
        });
        let governors = governors.collect();
        let rows = (0..n).map(|_| random.random_bool(0.8).then(|| random.random_range(0..7))).collect();
        let words = SentenceWords::for_tests(governors, rows);
        let mut attention = vec![0.0; GRID.len() * frame.positions(n).pow(2)];
        for row in attention.chunks_exact_mut(frame.positions(n).max(1)) {
            row.iter_mut().for_each(|value| *value = random.random_range(0.0_f32..1.0).powi(4));
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|value| *value /= sum);
        }
        Self { words, attention, vectors }
    }

    fn input(&self) -> Input<'_> {
        Input { words: &self.words, attention: &self.attention, vectors: Some(&self.vectors) }
    }
}

fn random_row(random: &mut ChaCha8Rng, width: usize) -> Vec<f32> {
    (0..width).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// Special pieces on both sides, on one, on none, and more than one.
fn frames() -> [Frame; 4] {
    [Frame::bert(), Frame::new(["<bos>"], []), Frame::none(), Frame::new(["a", "b"], ["c"])]
}

/// Every form of probe with parameters that are all away from 0.
fn probes(frame: &Frame) -> Vec<Probe> {
    let mut specs = Vec::new();
    for root in [RootScore::SpecialScalars, RootScore::OwnWeights] {
        specs.push(ProbeSpec { root, ..ProbeSpec::new(ProbeForm::AttentionOnly, GRID, frame, WIDTH) });
        for (bias, shifted_candidate_vectors) in [(true, false), (false, false), (true, true)] {
            let words = ProbeSpec::new(ProbeForm::AttentionWords, GRID, frame, WIDTH);
            specs.push(ProbeSpec { root, bias, shifted_candidate_vectors, ..words });
        }
    }
    specs.push(ProbeSpec { breadth: 19, ..ProbeSpec::new(ProbeForm::DistanceWords, GRID, frame, WIDTH) });
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let parameters = |spec: &ProbeSpec| random_row(&mut random, spec.layout().len());
    let parameters: Vec<_> = specs.iter().map(parameters).collect();
    specs.into_iter().zip(parameters).map(|(spec, values)| Probe::from_parameters(spec, values).unwrap()).collect()
}

fn by_hand(probe: &Probe, input: &Input<'_>) -> (f64, Vec<f32>) {
    let mut gradient = vec![0.0; probe.parameters.len()];
    // A used workspace must not show: the second sentence counts.
    let mut workspace = Workspace::default();
    let other = Fixture::new(&probe.spec.frame, 13, 99);
    probe.accumulate(&other.input(), &mut vec![0.0; gradient.len()], &mut workspace);
    let loss = probe.accumulate(input, &mut gradient, &mut workspace);
    (loss, gradient)
}

#[test]
fn gradients_by_hand_agree_with_burn() {
    for (seed, n) in [1, 2, 3, 6, 7, 14, 31].into_iter().enumerate() {
        for probe in frames().iter().flat_map(probes) {
            let fixture = Fixture::new(&probe.spec.frame, n, seed as u64);
            let (loss, gradient) = by_hand(&probe, &fixture.input());
            let mut expected = vec![0.0; gradient.len()];
            let expected_loss = accumulate(&probe, &fixture.input(), &mut expected);
            assert!(
                (loss - expected_loss).abs() <= TOLERANCE * expected_loss.max(1.0),
                "{loss} is not {expected_loss}"
            );
            let scale = expected.iter().fold(1e-3_f64, |most, value| most.max(f64::from(value.abs())));
            for block in probe.layout.blocks() {
                for at in block.range.clone() {
                    let difference = f64::from((gradient[at] - expected[at]).abs());
                    assert!(
                        difference <= TOLERANCE * scale,
                        "{:?}, n = {n}, {}[{}]: {} is not {}",
                        probe.spec,
                        block.role.name(),
                        at - block.range.start,
                        gradient[at],
                        expected[at]
                    );
                }
            }
        }
    }
}

#[test]
fn gradients_by_hand_agree_with_differences() {
    for probe in frames().iter().flat_map(probes) {
        let fixture = Fixture::new(&probe.spec.frame, 5, 3);
        let (_, gradient) = by_hand(&probe, &fixture.input());
        let mut random = ChaCha8Rng::seed_from_u64(1);
        // Along a random direction the difference is large enough for f32.
        let direction = random_row(&mut random, gradient.len());
        let moved = |step: f32| {
            let parameters = probe.parameters.iter().zip(&direction).map(|(value, to)| value + step * to).collect();
            by_hand(&Probe::from_parameters(probe.spec.clone(), parameters).unwrap(), &fixture.input()).0
        };
        let step = 1e-3;
        let difference = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
        let expected: f64 = gradient.iter().zip(&direction).map(|(a, b)| f64::from(a * b)).sum();
        assert!(
            (difference - expected).abs() <= 3e-3 * expected.abs().max(1.0),
            "{:?}: {difference} {expected}",
            probe.spec
        );
    }
}

#[test]
fn scores_are_the_logits_of_the_loss() {
    for probe in frames().iter().flat_map(probes) {
        let fixture = Fixture::new(&probe.spec.frame, 6, 5);
        let scores = probe.score(&fixture.input(), &mut Workspace::default()).unwrap();
        let mut loss = 0.0;
        for (dependent, governor) in fixture.words.governors().iter().enumerate() {
            let row = scores.row(WordIdx::new(dependent));
            let sum: f64 = row.iter().map(|score| f64::from(*score).exp()).sum();
            loss += sum.ln() - f64::from(scores.score(WordIdx::new(dependent), *governor));
        }
        let (expected, _) = by_hand(&probe, &fixture.input());
        assert!((loss - expected).abs() <= 1e-5 * expected, "{:?}: {loss} is not {expected}", probe.spec);
    }
}

#[test]
fn a_head_that_is_ablated_no_longer_matters() {
    let head = headlight_attention::AttentionHead { layer: 1, index: 2 };
    for probe in frames().iter().flat_map(probes) {
        let fixture = Fixture::new(&probe.spec.frame, 4, 8);
        let mut blind = Fixture::new(&probe.spec.frame, 4, 8);
        let area = probe.spec.frame.positions(4).pow(2);
        blind.attention[GRID.number(head) * area..][..area].fill(0.0);
        let ablated = probe.without_heads([head]).score(&fixture.input(), &mut Workspace::default());
        let unseen = probe.score(&blind.input(), &mut Workspace::default()).unwrap();
        for (a, b) in ablated.unwrap().scores().iter().zip(unseen.scores()) {
            assert!(a == b || (a - b).abs() < 1e-5, "{:?}: {a} is not {b}", probe.spec);
        }
    }
}
