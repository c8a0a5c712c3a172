//! Writing sentences to the attention store and reading them back, in both precisions: 72 heads, 18 words.
//!
//! `cargo bench --bench store`

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use headlight_attention::Frame;
use headlight_attention::store::{Bits, Entry, Store, StoreKey, StoreWriter, open_or_write, remove};
use headlight_attention::{HeadGrid, MergeRule, WordAttention};

const GRID: HeadGrid = HeadGrid { layers: 6, heads: 12 };
const WORDS: usize = 18;
const SENTENCES: usize = 200;

fn key(precision: Bits) -> StoreKey {
    StoreKey::new("bench", "bench", MergeRule::Mean, precision)
}

fn sentence() -> WordAttention {
    let length = GRID.len() * (WORDS + 2) * (WORDS + 2);
    let weights = (0..length).map(|place| (place as f32 * 0.618_034).fract() / 10.0).collect();
    WordAttention::new(GRID, &Frame::bert(), WORDS, weights).expect("one map a head")
}

fn writer(root: &Path, precision: Bits) -> StoreWriter {
    match open_or_write(root, &key(precision), GRID, &Frame::bert()).expect("opens") {
        Entry::Vacant(writer) => writer,
        Entry::Ready(_) => panic!("the store is removed after each pass"),
    }
}

fn write(root: &Path, sentence: &WordAttention, precision: Bits) -> Store {
    let mut writer = writer(root, precision);
    (0..SENTENCES).for_each(|_| writer.push(sentence).expect("writes"));
    writer.finish().expect("finishes")
}

fn store(criterion: &mut Criterion) {
    let sentence = sentence();
    let root = tempfile::tempdir().expect("a folder");
    let mut group = criterion.benchmark_group("store");
    group.sample_size(20).throughput(Throughput::Elements(SENTENCES as u64));
    for precision in [Bits::F16, Bits::F32] {
        group.bench_function(format!("write/{}", precision.name()), |bencher| {
            bencher.iter(|| {
                write(root.path(), &sentence, precision);
                remove(root.path(), &key(precision).id()).expect("removes")
            });
        });
        let store = write(root.path(), &sentence, precision);
        let mut out = vec![0.0; sentence.weights().len()];
        group.bench_function(format!("read/{}", precision.name()), |bencher| {
            bencher.iter(|| (0..SENTENCES).for_each(|number| store.read(number, black_box(&mut out))));
        });
        remove(root.path(), &key(precision).id()).expect("removes");
    }
}

criterion_group!(benches, store);
criterion_main!(benches);
