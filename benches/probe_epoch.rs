//! One epoch of probe training from the attention store: 2,000 sentences of the lengths of UD English EWT, 72 heads.
//!
//! `cargo bench --bench probe_epoch`; PyTorch's epochs stand in `benches/peers/probe_epoch.py`.

use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use headlight_attention::Frame;
use headlight_attention::store::{Bits, Entry, Store, StoreKey, open_or_write};
use headlight_attention::{HeadGrid, MergeRule, WordAttention};
use headlight_probe::{
    Examples, Hooks, ProbeForm, ProbeSpec, SentenceWords, SourceError, TrainOptions, WordVectors, train,
};
use headlight_treebank::{Governor, Relation, Sentence, SentenceParts, Word, WordIdx};
use rayon::ThreadPoolBuilder;

const GRID: HeadGrid = HeadGrid { layers: 6, heads: 12 };
const WIDTH: usize = 50;
const SENTENCES: usize = 2000;
/// The 20-quantiles of sentence length in UD English EWT, about; the peer has the same table.
const LENGTHS: [usize; 20] = [1, 2, 4, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 22, 25, 28, 32, 38, 50];

struct Treebank {
    words: Vec<SentenceWords>,
    vectors: WordVectors,
    store: Store,
}

impl Examples for Treebank {
    fn grid(&self) -> HeadGrid {
        GRID
    }

    fn frame(&self) -> &Frame {
        self.store.frame()
    }

    fn len(&self) -> usize {
        self.words.len()
    }

    fn words(&self, sentence: usize) -> &SentenceWords {
        &self.words[sentence]
    }

    fn vectors(&self) -> Option<&WordVectors> {
        Some(&self.vectors)
    }

    fn attention(&self, sentence: usize, out: &mut [f32]) -> Result<(), SourceError> {
        self.store.read(sentence, out);
        Ok(())
    }
}

/// Fixed pseudo-random numbers in [0, 1).
fn numbers(mut state: u32) -> impl FnMut() -> f32 {
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    }
}

fn treebank(folder: &Path) -> Treebank {
    let mut number = numbers(1);
    let forms: Vec<String> = (0..1000).map(|word| format!("w{word}")).collect();
    let rows = forms.iter().map(|form| (form.as_str(), (0..WIDTH).map(|_| number() - 0.5).collect::<Vec<f32>>()));
    let vectors = WordVectors::from_rows(WIDTH, rows.collect::<Vec<_>>()).expect("all rows have one width");
    let key = StoreKey::new("bench", "bench", MergeRule::Mean, Bits::F16);
    let Entry::Vacant(mut writer) = open_or_write(folder, &key, GRID, &Frame::bert()).expect("opens") else {
        unreachable!("the folder is new")
    };
    let mut words = Vec::with_capacity(SENTENCES);
    for sentence in 0..SENTENCES {
        let n = LENGTHS[sentence % LENGTHS.len()];
        let positions = Frame::bert().positions(n);
        let mut weights: Vec<f32> = (0..GRID.len() * positions * positions).map(|_| number()).collect();
        for row in weights.chunks_exact_mut(positions) {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|weight| *weight /= sum);
        }
        writer.push(&WordAttention::new(GRID, &Frame::bert(), n, weights).expect("one map a head")).expect("writes");
        // Each word hangs from an earlier one.
        let below = |number: f32, limit: usize| (number * limit as f32) as usize;
        let word = |at: usize| Word {
            form: forms[below(number(), forms.len())].clone(),
            lemma: None,
            upos: None,
            xpos: None,
            features: None,
            governor: if at == 0 { Governor::Root } else { Governor::Word(WordIdx::new(below(number(), at))) },
            relation: Relation::new("dep"),
            deps: None,
            misc: None,
        };
        let parts = SentenceParts { words: (0..n).map(word).collect(), ..SentenceParts::default() };
        words.push(SentenceWords::new(&Sentence::new(parts).expect("a tree"), Some(&vectors)));
    }
    Treebank { words, vectors, store: writer.finish().expect("finishes") }
}

fn probe_epoch(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let treebank = treebank(folder.path());
    let all: Vec<usize> = (0..SENTENCES).collect();
    for (form, name) in [
        (ProbeForm::AttentionOnly, "attention"),
        (ProbeForm::AttentionWords, "attention+words"),
        (ProbeForm::DistanceWords, "distance+words"),
    ] {
        let mut group = criterion.benchmark_group(format!("probe epoch/{name}"));
        group.sample_size(10);
        for (batch, threads) in [(1, 2), (32, 1), (32, 2)] {
            let spec = ProbeSpec::clark2019(form, GRID, &Frame::bert(), WIDTH);
            let options = TrainOptions { batch, ..TrainOptions::clark2019(1) };
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            group.throughput(Throughput::Elements(all.len() as u64));
            let id = BenchmarkId::new(format!("{threads} threads"), format!("batches of {batch}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    pool.install(|| train(spec.clone(), &treebank, &all, &options, Hooks::default())).expect("trains")
                });
            });
        }
    }
}

criterion_group!(benches, probe_epoch);
criterion_main!(benches);
