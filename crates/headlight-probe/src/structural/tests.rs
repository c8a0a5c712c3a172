use std::ops::ControlFlow;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData};
use headlight_treebank::{Governor, WordIdx};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::{SentenceWords, SourceError};

const WIDTH: usize = 12;

/// Random trees, and states in which an orthogonal embedding of each tree hides: a word's state is its governor's plus
/// a direction of its own, so that squared distances and depths are those of the tree under the right map.
struct Planted {
    words: Vec<SentenceWords>,
    states: Vec<Vec<f32>>,
}

/// Words of a planted sentence at most: each needs a direction of its own.
const WORDS: usize = 7;

impl Planted {
    fn new(sentences: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut all_words, mut all_states) = (Vec::new(), Vec::new());
        for _ in 0..sentences {
            let n = random.random_range(2..=WORDS);
            // Each word hangs from an earlier one.
            let governor = |word: usize, random: &mut ChaCha8Rng| match word {
                0 => Governor::Root,
                _ => Governor::Word(WordIdx::new(random.random_range(0..word))),
            };
            let governors: Vec<Governor> = (0..n).map(|word| governor(word, &mut random)).collect();
            let mut states = vec![0.0; n * WIDTH];
            for (word, governor) in governors.iter().enumerate() {
                if let Some(governor) = governor.word() {
                    states.copy_within(governor.index() * WIDTH..(governor.index() + 1) * WIDTH, word * WIDTH);
                    states[word * WIDTH + word] += 0.5;
                }
                // The last numbers tell nothing.
                for noise in &mut states[word * WIDTH + WORDS..(word + 1) * WIDTH] {
                    *noise = random.random_range(-1.0..1.0);
                }
            }
            all_words.push(SentenceWords::for_tests(governors, vec![None; n]));
            all_states.push(states);
        }
        Self { words: all_words, states: all_states }
    }

    /// A word's label is its place, of five; later words have none that is known.
    fn labelled(mut self) -> Self {
        for words in &mut self.words {
            let labels = (0..words.words()).map(|at| if at < 5 { at as u32 } else { UNKNOWN_LABEL });
            *words = words.clone().with_labels(labels.collect()).unwrap();
        }
        self
    }

    fn all(&self) -> Vec<usize> {
        (0..self.words.len()).collect()
    }
}

/// Layer 0 is all zero, layer 1 holds the trees.
impl WordStates for Planted {
    fn layers(&self) -> usize {
        2
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn len(&self) -> usize {
        self.words.len()
    }

    fn words(&self, sentence: usize) -> &SentenceWords {
        &self.words[sentence]
    }

    fn states(&self, layer: usize, sentence: usize, out: &mut [f32]) -> Result<(), SourceError> {
        match layer {
            0 => out.fill(0.0),
            _ => out.copy_from_slice(&self.states[sentence]),
        }
        Ok(())
    }
}

const BOTH: [Structure; 2] = [Structure::Distance, Structure::Depth];
const ALL: [Structure; 3] = [Structure::Distance, Structure::Depth, Structure::Relation];

/// States of three sentences in a row, and what is to be said about each.
fn batch(probe: &StructuralProbe, planted: &Planted) -> (Vec<f32>, Vec<(usize, Vec<f32>)>) {
    let states = planted.states[..3].concat();
    let target = |words: &SentenceWords| (words.words(), probe.target(words).unwrap());
    (states, planted.words[..3].iter().map(target).collect())
}

fn gradient(probe: &StructuralProbe, states: &[f32], targets: &[(usize, Vec<f32>)]) -> (f64, Vec<f32>) {
    let mut gradient = vec![0.0; probe.parameters().len()];
    let loss = probe.accumulate(states, targets, &mut gradient);
    (loss, gradient)
}

#[test]
fn gradients_agree_with_finite_differences() {
    let planted = Planted::new(3, 1).labelled();
    for structure in ALL {
        let mut probe = StructuralProbe::new(structure, 5, WIDTH, 2);
        probe.parameters_mut().iter_mut().for_each(|value| *value *= 10.0);
        let (states, targets) = batch(&probe, &planted);
        let (_, by_hand) = gradient(&probe, &states, &targets);
        let step = 1e-3;
        for (place, by_hand) in by_hand.iter().enumerate() {
            let at = probe.parameters()[place];
            let mut loss_at = |moved: f32| {
                probe.parameters_mut()[place] = moved;
                gradient(&probe, &states, &targets).0
            };
            let slope = (loss_at(at + step) - loss_at(at - step)) / f64::from(2.0 * step);
            loss_at(at);
            let by_hand = f64::from(*by_hand);
            assert!((slope - by_hand).abs() < 2e-3 * (1.0 + slope.abs()), "{structure:?} {place}: {slope} {by_hand}");
        }
    }
}

#[test]
fn gradients_agree_with_autodiff() {
    type Cpu = Autodiff<Flex>;
    let planted = Planted::new(3, 4);
    let device = Default::default();
    for structure in BOTH {
        let probe = StructuralProbe::new(structure, 5, WIDTH, 3);
        let (states, targets) = batch(&probe, &planted);
        let parameters = TensorData::new(probe.parameters().to_vec(), [WIDTH, 5]);
        let parameters = Tensor::<Cpu, 2>::from_data(parameters, &device).require_grad();
        let mut first = 0;
        let mut loss = Tensor::<Cpu, 1>::zeros([1], &device);
        for (n, target) in &targets {
            let rows = TensorData::new(states[first * WIDTH..(first + n) * WIDTH].to_vec(), [*n, WIDTH]);
            first += n;
            let points = Tensor::<Cpu, 2>::from_data(rows, &device).matmul(parameters.clone());
            let target = Tensor::<Cpu, 1>::from_data(TensorData::new(target.clone(), [target.len()]), &device);
            let predicted = match structure {
                Structure::Depth => points.powf_scalar(2.0).sum_dim(1).reshape([*n]),
                Structure::Relation => unreachable!("its witness is PyTorch"),
                Structure::Distance => {
                    let (a, b) = (points.clone().reshape([*n, 1, 5]), points.reshape([1, *n, 5]));
                    (a - b).powf_scalar(2.0).sum_dim(2).reshape([n * n])
                }
            };
            loss = loss + (predicted - target).abs().mean();
        }
        let expected = parameters.grad(&loss.backward()).unwrap().into_data().to_vec::<f32>().unwrap();
        let (by_hand_loss, by_hand) = gradient(&probe, &states, &targets);
        assert!((by_hand_loss - f64::from(loss.into_data().to_vec::<f32>().unwrap()[0])).abs() < 1e-5);
        for (a, b) in by_hand.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{structure:?}: {a} {b}");
        }
    }
}

fn quick(seed: u64) -> StructuralOptions {
    StructuralOptions { learning_rate: 0.02, ..StructuralOptions::hewitt2019(seed) }
}

#[test]
fn probes_find_planted_trees() {
    let (learned, test) = (Planted::new(400, 5), Planted::new(80, 6));
    for structure in BOTH {
        let trained = train((structure, WIDTH), &learned, 1, &learned.all(), &quick(1), |_| ControlFlow::Continue(()));
        let trained = trained.unwrap();
        assert!(trained.history.len() > trained.best_epoch);
        let scores = evaluate(&trained.probe, &test, 1, &test.all()).unwrap();
        let found = scores.counts.iter().fold(headlight_treebank::Count::default(), |sum, count| sum + *count);
        assert!(found.ratio().unwrap() > 0.98, "{structure:?}: {found:?}");
        // Gold depths and distances have many ties, predictions have none: a perfect probe reaches 0.942 and 0.961 here.
        let highest = if structure == Structure::Depth { 0.94 } else { 0.96 };
        assert!(scores.spearman.mean().unwrap() > highest, "{structure:?}: {:?}", scores.spearman.mean());
        let blind =
            train((structure, 2), &learned, 0, &learned.all(), &quick(1), |_| ControlFlow::Continue(())).unwrap();
        let blind = evaluate(&blind.probe, &test, 0, &test.all()).unwrap();
        assert_eq!(blind.spearman.mean(), None, "all states are alike");
    }
}

#[test]
fn punctuation_is_no_part_of_the_spanning_tree() {
    // 1 ← 2 → 4, 3 is punctuation between them and hangs from 2.
    let word = |at| Governor::Word(WordIdx::new(at));
    let file = "1\ta\t_\t_\t_\t_\t2\tdep\t_\t_\n2\tb\t_\t_\t_\t_\t0\troot\t_\t_\n\
                3\t,\t_\t_\t_\t_\t2\tpunct\t_\t_\n4\tc\t_\t_\t_\t_\t2\tdep\t_\t_\n\n";
    let mut reader = headlight_treebank::Reader::new(file.as_bytes(), "x", headlight_treebank::Format::Conllu).unwrap();
    let words = SentenceWords::new(&reader.next().unwrap().unwrap(), None);
    assert_eq!(words.governors(), [word(1), Governor::Root, word(1), word(1)]);
    // On a line at 0, 1, 1.9 and 2.5: over all words the path 1-2-3-4, without word 3 the tree itself.
    let states = Planted {
        words: vec![words],
        states: vec![[0.0, 1.0, 1.9, 2.5].map(|x| [[x].as_slice(), &[0.0; 11]].concat()).concat()],
    };
    let mut probe = StructuralProbe::new(Structure::Distance, 1, WIDTH, 1);
    probe.parameters_mut().fill(1.0);
    let scores = evaluate(&probe, &states, 1, &[0]).unwrap();
    assert_eq!(scores.counts, [headlight_treebank::Count { correct: 2, total: 2 }]);
    assert_eq!(scores.spearman.mean(), None, "a sentence of four words is too short");
}

#[test]
fn states_on_disk_are_those_written() {
    let planted = Planted::new(9, 7);
    let folder = tempfile::tempdir().unwrap();
    let mut writer = StateWriter::create(&folder.path().join("states"), 2, WIDTH).unwrap();
    for (words, states) in planted.words.iter().zip(&planted.states) {
        writer.push(words.clone(), &[vec![0.0; states.len()], states.clone()]).unwrap();
    }
    let error = writer.push(planted.words[0].clone(), &[vec![], vec![]]).unwrap_err().to_string();
    assert!(error.contains("sentence 9: 0 numbers for"), "{error}");
    let file = writer.finish().unwrap();
    assert_eq!((file.layers(), file.width(), file.len()), (2, WIDTH, 9));
    let continued = |_: &StructuralEpoch| ControlFlow::Continue(());
    let options = StructuralOptions { epochs: 2, ..quick(1) };
    let from_disk = train((Structure::Distance, 3), &file, 1, &planted.all(), &options, continued).unwrap();
    let from_memory = train((Structure::Distance, 3), &planted, 1, &planted.all(), &options, continued).unwrap();
    assert_eq!(from_disk, from_memory);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let planted = Planted::new(4, 8);
    let check = |rank, layer, sentences: &[usize], options: StructuralOptions, expected: &str| {
        let error =
            train((Structure::Depth, rank), &planted, layer, sentences, &options, |_| ControlFlow::Continue(()));
        assert_eq!(error.unwrap_err().to_string(), expected);
    };
    check(0, 1, &[0, 1], quick(1), "rank 0 does not fit hidden states of 12 numbers; it lies between 1 and 12");
    check(13, 1, &[0, 1], quick(1), "rank 13 does not fit hidden states of 12 numbers; it lies between 1 and 12");
    check(2, 2, &[0, 1], quick(1), "layer 2 does not exist; layers are 0 (embeddings) to 1");
    let few = "a structural probe needs at least two sentences to train on, not 1; name a treebank with a train split";
    check(2, 1, &[0], quick(1), few);
    check(2, 1, &[0, 1], StructuralOptions { batch: 0, ..quick(1) }, "batch must be at least 1, not 0");
    let held_out = StructuralOptions { held_out: 1.0, ..quick(1) };
    check(2, 1, &[0, 1], held_out, "held_out must be a share of at least 0 and below 1, not 1");
}

#[test]
fn an_interrupted_training_arrives_at_the_same_probe() {
    let planted = Planted::new(60, 3);
    let options = StructuralOptions { epochs: 9, patience: 2, learning_rate: 0.05, ..quick(2) };
    let form = (Structure::Distance, 3);
    let whole = train(form, &planted, 1, &planted.all(), &options, |_| ControlFlow::Continue(())).unwrap();
    for stop in 1..=whole.history.len() {
        let mut kept = None;
        let stopped = train_from(None, form, &planted, 1, &planted.all(), &options, |state| {
            kept = Some(state.clone());
            if state.history().len() == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(stopped, Err(StructuralError::Interrupted { epoch }) if epoch == stop));
        let mut more = 0;
        let resumed = train_from(kept, form, &planted, 1, &planted.all(), &options, |_| {
            more += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(resumed.unwrap(), whole);
        assert_eq!(more, whole.history.len() - stop);
    }
    // A state of another rank.
    let mut other = None;
    let _ = train_from(None, (Structure::Distance, 2), &planted, 1, &planted.all(), &options, |state| {
        other = Some(state.clone());
        ControlFlow::Break(())
    });
    let again = train_from(other, form, &planted, 1, &planted.all(), &options, |_| ControlFlow::Continue(()));
    assert_eq!(again.unwrap(), whole);
}

/// Made by tests/fixtures/depprobe.py with PyTorch and numpy.
const DEPPROBE: &str = include_str!("../../tests/fixtures/depprobe.json");

#[derive(serde::Deserialize)]
struct GoldenDepProbe {
    width: usize,
    labels: usize,
    rank: usize,
    /// Parameters of L and B, both transposed.
    relation: Vec<f32>,
    distance: Vec<f32>,
    sentences: Vec<GoldenSentence>,
    loss: f64,
    gradient: Vec<f32>,
}

#[derive(serde::Deserialize)]
struct GoldenSentence {
    states: Vec<f32>,
    /// Counted from 1, 0 is the root; of words.
    governors: Vec<usize>,
    labels: Vec<u32>,
    punctuation: Vec<bool>,
    /// −1 where a word is punctuation.
    tree: Vec<i64>,
    named: Vec<i64>,
}

#[test]
fn relations_and_labelled_trees_equal_pytorch_and_numpy() {
    let golden: GoldenDepProbe = serde_json::from_str(DEPPROBE).unwrap();
    let mut relation = StructuralProbe::new(Structure::Relation, golden.labels, golden.width, 1);
    relation.parameters_mut().copy_from_slice(&golden.relation);
    let mut distance = StructuralProbe::new(Structure::Distance, golden.rank, golden.width, 1);
    distance.parameters_mut().copy_from_slice(&golden.distance);
    let targets = golden.sentences.iter().map(|it| (it.governors.len(), relations::targets(&it.labels)));
    let states: Vec<f32> = golden.sentences.iter().flat_map(|it| it.states.clone()).collect();
    let (loss, by_hand) = gradient(&relation, &states, &targets.collect::<Vec<_>>());
    assert!((loss - golden.loss).abs() < 1e-5, "{loss} is not {}", golden.loss);
    for (found, expected) in by_hand.iter().zip(&golden.gradient) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
    for sentence in &golden.sentences {
        let kept: Vec<bool> = sentence.punctuation.iter().map(|it| !it).collect();
        let tree = labelled_tree(&distance.predict(&sentence.states), &relation.predict(&sentence.states), &kept);
        let governor = |said: &Option<Labelled>| match said.map(|said| said.governor) {
            None => -1,
            Some(Governor::Root) => 0,
            Some(Governor::Word(word)) => word.index() as i64 + 1,
        };
        assert_eq!(tree.iter().map(governor).collect::<Vec<_>>(), sentence.tree);
        let label = |said: &Option<Labelled>| said.map_or(-1, |said| i64::from(said.label));
        assert_eq!(tree.iter().map(label).collect::<Vec<_>>(), sentence.named);
    }
}

#[test]
fn relations_are_learned_and_words_without_labels_refused() {
    let (learned, test) = (Planted::new(300, 5).labelled(), Planted::new(60, 6).labelled());
    let form = (Structure::Relation, 5);
    let trained = train(form, &learned, 1, &learned.all(), &quick(1), |_| ControlFlow::Continue(())).unwrap();
    let scores = evaluate(&trained.probe, &test, 1, &test.all()).unwrap();
    let blind = train(form, &learned, 0, &learned.all(), &quick(1), |_| ControlFlow::Continue(())).unwrap();
    let blind = evaluate(&blind.probe, &test, 0, &test.all()).unwrap();
    let share = |scores: &StructuralScores| {
        scores.counts.iter().fold(headlight_treebank::Count::default(), |sum, count| sum + *count).ratio().unwrap()
    };
    // Words behind the fifth have a label that is never said.
    assert!(share(&scores) > 0.7 && share(&scores) > share(&blind) + 0.3, "{} {}", share(&scores), share(&blind));
    assert_eq!(scores.spearman.mean(), None);
    let bare = Planted::new(4, 5);
    let error = train(form, &bare, 1, &bare.all(), &quick(1), |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("have no labels"), "{error}");
}
