use headlight_attention::{AttentionHead, Frame, HeadGrid, WordAttention};
use headlight_treebank::{Governor, WordIdx};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::{InMemory, ProbeForm, RootScore, SentenceWords, WordVectors};

pub(crate) const GRID: HeadGrid = HeadGrid { layers: 2, heads: 2 };
/// The head that attends from each word to its governor, and from the root to `[CLS]`; the others are noise.
pub(crate) const TELLING: AttentionHead = AttentionHead { layer: 1, index: 0 };

/// Random trees whose governors one attention head betrays.
pub(crate) fn telling_treebank(sentences: usize, seed: u64) -> InMemory {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let vectors = WordVectors::from_rows(3, [("a", vec![1.0, 0.0, 0.5]), ("b", vec![-1.0, 0.25, 0.0])]);
    let mut examples = InMemory::new(GRID, &Frame::bert(), vectors);
    for _ in 0..sentences {
        let n = random.random_range(1..12);
        let root = random.random_range(0..n);
        // Each word hangs from a word nearer to the root.
        let governors: Vec<Governor> = (0..n)
            .map(|word: usize| match word.cmp(&root) {
                std::cmp::Ordering::Less => Governor::Word(WordIdx::new(random.random_range(word + 1..=root))),
                std::cmp::Ordering::Equal => Governor::Root,
                std::cmp::Ordering::Greater => Governor::Word(WordIdx::new(random.random_range(root..word))),
            })
            .collect();
        let m = n + 2;
        let mut weights: Vec<f32> = (0..GRID.len() * m * m).map(|_| random.random_range(0.0..1.0)).collect();
        let telling = &mut weights[GRID.number(TELLING) * m * m..][..m * m];
        for (word, governor) in governors.iter().enumerate() {
            telling[(word + 1) * m + governor.word().map_or(0, WordIdx::id)] += 1.0;
        }
        weights.chunks_exact_mut(m).for_each(|row| {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|weight| *weight /= sum);
        });
        let rows = (0..n).map(|_| random.random_bool(0.7).then(|| random.random_range(0..2))).collect();
        let words = SentenceWords::for_tests(governors, rows);
        assert!(examples.push(words, WordAttention::new(GRID, &Frame::bert(), n, weights).unwrap()));
    }
    examples
}

pub(crate) fn all(examples: &InMemory) -> Vec<usize> {
    (0..examples.len()).collect()
}

fn spec(form: ProbeForm) -> ProbeSpec {
    ProbeSpec { breadth: 8, ..ProbeSpec::new(form, GRID, &Frame::bert(), 3) }
}

fn quick(seed: u64) -> TrainOptions {
    TrainOptions { learning_rate: 0.02, epochs: 5, ..TrainOptions::until_best(seed) }
}

#[test]
fn probes_over_attention_learn_what_the_heads_know() {
    let (train_set, test) = (telling_treebank(300, 1), telling_treebank(60, 2));
    for form in [ProbeForm::AttentionOnly, ProbeForm::AttentionWords] {
        for root in [RootScore::SpecialScalars, RootScore::OwnWeights] {
            let options = TrainOptions { epochs: 30, ..quick(1) };
            let spec = ProbeSpec { root, ..spec(form) };
            let trained = train(spec, &train_set, &all(&train_set), &options, Hooks::default()).unwrap();
            let evaluation = evaluate(&trained.probe, &test, &all(&test)).unwrap();
            let uas = evaluation.uas.ratio().unwrap();
            assert!(uas > 0.85, "{form:?} {root:?}: {uas}");
            assert!(evaluation.loss < evaluation.uniform_loss / 2.0, "{form:?} {root:?}: {evaluation:?}");
            let blind = evaluate(&trained.probe.without_heads([TELLING]), &test, &all(&test)).unwrap();
            assert!(blind.uas.ratio().unwrap() < 0.5, "{form:?} {root:?}: {blind:?}");
        }
    }
}

#[test]
fn the_paper_regime_reads_each_sentence_once() {
    let examples = telling_treebank(20, 3);
    let spec = ProbeSpec::clark2019(ProbeForm::AttentionOnly, GRID, &Frame::bert(), 3);
    let trained = train(spec, &examples, &all(&examples), &TrainOptions::clark2019(1), Hooks::default()).unwrap();
    assert_eq!((trained.history.len(), trained.best_epoch), (1, 0));
    assert_eq!(trained.history[0].held_out_loss, None);
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let examples = telling_treebank(90, 6);
    for form in [ProbeForm::AttentionWords, ProbeForm::DistanceWords] {
        let options = TrainOptions { batch: 7, epochs: 2, ..quick(2) };
        let [one, three] = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| train(spec(form), &examples, &all(&examples), &options, Hooks::default())).unwrap()
        });
        assert_eq!(one, three, "{form:?}");
    }
}

/// Trains, but breaks off once `sentences` sentences are done in `epoch`; then takes it up again to the end.
fn broken_off(examples: &InMemory, options: &TrainOptions, epoch: usize, sentences: usize) -> (TrainError, Trained) {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("probe.checkpoint");
    let mut stop = |progress: &Progress| {
        if progress.epoch == epoch && progress.sentences >= sentences {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let hooks = Hooks { checkpoint: Some(checkpoint.clone()), progress: Some(&mut stop) };
    let form = spec(ProbeForm::AttentionWords);
    let interrupted = train(form.clone(), examples, &all(examples), options, hooks).unwrap_err();
    assert!(checkpoint.exists());
    let hooks = Hooks { checkpoint: Some(checkpoint.clone()), progress: None };
    let trained = train(form, examples, &all(examples), options, hooks).unwrap();
    assert!(!checkpoint.exists());
    (interrupted, trained)
}

#[test]
fn an_interrupted_training_arrives_at_the_same_probe() {
    let examples = telling_treebank(600, 7);
    let options = TrainOptions { epochs: 3, ..quick(3) };
    let whole = train(spec(ProbeForm::AttentionWords), &examples, &all(&examples), &options, Hooks::default()).unwrap();
    for (epoch, sentences) in [(0, 256), (1, 512), (2, 570)] {
        let (error, trained) = broken_off(&examples, &options, epoch, sentences);
        assert!(matches!(error, TrainError::Interrupted { epoch: at, .. } if at == epoch + 1), "{error}");
        assert_eq!(trained, whole);
    }
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("probe.checkpoint");
    let examples = telling_treebank(40, 8);
    let run = |form: ProbeForm, options: &TrainOptions, sentences: &[usize], stop: bool| {
        let mut stop = |_: &Progress| if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let hooks = Hooks { checkpoint: Some(path.clone()), progress: Some(&mut stop) };
        train(spec(form), &examples, sentences, options, hooks).unwrap_err().to_string()
    };
    let form = ProbeForm::AttentionOnly;
    run(form, &quick(1), &all(&examples), true);
    let expect = |found: String, what: &str| assert!(found.contains(what), "{found}");
    expect(run(ProbeForm::AttentionWords, &quick(1), &all(&examples), false), "another probe");
    expect(run(form, &quick(2), &all(&examples), false), "another regime or seed");
    expect(run(form, &quick(1), &all(&examples)[1..], false), "another treebank");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    expect(run(form, &quick(1), &all(&examples), false), "not a whole training checkpoint");
    // A number of a parameter, of a moment, and of the loss so far.
    for (at, of) in [(bytes.len() - 2, "moment"), (bytes.len() / 2, "numbers"), (40, "header")] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        let error = run(form, &quick(1), &all(&examples), false);
        assert!(error.contains("not a whole training checkpoint"), "{of}: {error}");
    }
}

#[test]
fn training_stops_when_the_sentences_held_out_say_so() {
    let examples = telling_treebank(60, 9);
    // Far too fast: the loss soon only rises.
    let options = TrainOptions { learning_rate: 3.0, epochs: 100, held_out: 0.3, patience: 1, ..quick(1) };
    let trained =
        train(spec(ProbeForm::AttentionWords), &examples, &all(&examples), &options, Hooks::default()).unwrap();
    assert!(trained.history.len() < 100);
    assert!(trained.history.len() <= trained.best_epoch + 3);
    let losses: Vec<f64> = trained.history.iter().map(|epoch| epoch.held_out_loss.unwrap()).collect();
    assert!(losses.iter().all(|loss| *loss >= losses[trained.best_epoch]));
}

#[test]
fn impossible_wishes_are_named() {
    let examples = telling_treebank(5, 10);
    let check = |spec: ProbeSpec, sentences: &[usize], options: TrainOptions, expected: &str| {
        let error = train(spec, &examples, sentences, &options, Hooks::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let only = || spec(ProbeForm::AttentionOnly);
    check(only(), &[], quick(1), "there is no sentence to train on; name a treebank with a train split");
    check(
        ProbeSpec { layers: 12, ..only() },
        &[0],
        quick(1),
        "the probe reads 12 layers of 2 heads, but the attention has 2 layers of 2; use the model that the probe was \
         trained on",
    );
    check(
        ProbeSpec { vector_width: 50, ..spec(ProbeForm::AttentionWords) },
        &[0],
        quick(1),
        "the probe reads word vectors of 50 numbers, but those given have 3",
    );
    let mut mute = InMemory::new(GRID, &Frame::bert(), None);
    let words = SentenceWords::for_tests(vec![Governor::Root], vec![None]);
    assert!(mute.push(words, WordAttention::new(GRID, &Frame::bert(), 1, vec![1.0 / 3.0; 36]).unwrap()));
    let error = train(spec(ProbeForm::AttentionWords), &mute, &[0], &quick(1), Hooks::default()).unwrap_err();
    assert_eq!(error.to_string(), "the probe reads word vectors, but none were given");
    check(only(), &[0], TrainOptions { batch: 0, ..quick(1) }, "batch must be at least 1, not 0");
    let share = TrainOptions { held_out: 1.5, ..quick(1) };
    check(only(), &[0], share, "held_out must be a share of at least 0 and below 1, not 1.5");
}

proptest! {
    #[test]
    fn every_sentence_is_learned_from_or_held_out_once(count in 1_usize..300, batch in 1_usize..20, seed: u64, share in 0.0..0.9) {
        let examples = telling_treebank(count, seed);
        let options = TrainOptions { batch, held_out: share, ..TrainOptions::until_best(seed) };
        let split = order::split(&all(&examples), &options);
        let order = order::epoch_order(&examples, &split.train, &options, 3);
        let mut seen: Vec<usize> = order.iter().chain(&split.held_out).copied().collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, all(&examples));
        prop_assert!(!order.is_empty());
    }
}
