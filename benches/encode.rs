//! The packed encoder on one thread, beside the matrix products that no encoder can avoid: what `products alone` takes is
//! the floor, and its share of `words` is the share of gemm's own peak that the whole encoder reaches.
//!
//! `cargo bench --bench encode`; the same work in PyTorch stands in `benches/peers/encode.py`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gemm_common::Parallelism;
use gemm_f32::gemm::f32::get_gemm_fn;
use headlight_attention::{Alignment, Frame, HeadGrid, MergeRule};
use headlight_bert::{
    Activation, Architecture, AttentionKind, BertWeights, Embeddings, FeedForward, LayerNorm, LayerWeights, Level,
    Linear, MaskedLmShape, Norm, PackedEncoder, Pieces, Positions, Request,
};

/// Pieces of sentences, `[CLS]` and `[SEP]` included, spread as in UD English EWT: 17 on average.
const LENGTHS: [usize; 12] = [4, 6, 8, 10, 12, 14, 16, 19, 22, 26, 31, 38];

const VOCABULARY: usize = 1000;

fn spec(layers: usize, heads: usize, width: usize) -> Architecture {
    let hidden = heads * width;
    Architecture {
        family: "bert",
        grid: HeadGrid { layers, heads },
        hidden,
        vocabulary: VOCABULARY,
        positions: Positions { rows: 512, offset: 0 },
        segments: 2,
        feed_forward: FeedForward { width: 4 * hidden, activation: Activation::Gelu },
        norm: Norm { epsilon: 1e-12 },
        head: MaskedLmShape { tied: true, activation: Activation::Gelu },
        initializer_range: 0.02,
    }
}

/// Fixed pseudo-random numbers in −1..1.
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    fn take(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| 0.05 * self.next()).collect()
    }

    fn linear(&mut self, inputs: usize, outputs: usize) -> Linear {
        Linear { inputs, outputs, weight: self.take(inputs * outputs), bias: self.take(outputs) }
    }
}

fn weights(spec: &Architecture) -> BertWeights {
    let (mut numbers, hidden) = (Numbers(1), spec.hidden);
    let norm = || LayerNorm { weight: vec![1.0; hidden], bias: vec![0.0; hidden] };
    let layers = (0..spec.grid.layers).map(|_| LayerWeights {
        query: numbers.linear(hidden, hidden),
        key: numbers.linear(hidden, hidden),
        value: numbers.linear(hidden, hidden),
        attention_output: numbers.linear(hidden, hidden),
        attention_norm: norm(),
        intermediate: numbers.linear(hidden, spec.feed_forward.width),
        output: numbers.linear(spec.feed_forward.width, hidden),
        output_norm: norm(),
    });
    let layers = layers.collect();
    let words = numbers.take(spec.vocabulary * hidden);
    let positions = numbers.take(spec.positions.rows * hidden);
    let segments = numbers.take(spec.segments * hidden);
    BertWeights { embeddings: Embeddings { words, positions, segments, norm: norm() }, layers, masked_lm: None }
}

/// A sentence in which every third word has two pieces.
fn sentence(pieces: usize) -> Pieces {
    let mut words = Vec::new();
    let mut start = 1;
    while start < pieces - 1 {
        let end = (start + 1 + usize::from(words.len() % 3 == 2)).min(pieces - 1);
        words.push(start..end);
        start = end;
    }
    let ids = (0..pieces).map(|piece| (piece * 7919 % VOCABULARY) as u32).collect();
    let alignment = Alignment::new(&Frame::bert(), pieces, words).expect("words within");
    Pieces { ids, segments: vec![0; pieces], alignment, unpieced_words: 0 }
}

/// At least 1,024 pieces of sentences of these lengths: one chunk.
fn chunk(lengths: &[usize]) -> Vec<Pieces> {
    let mut pieces = 0;
    let lengths = lengths.iter().cycle().take_while(|length| {
        pieces += **length;
        pieces < 1024 + **length
    });
    lengths.map(|length| sentence(*length)).collect()
}

/// All products of the linear layers of `rows` pieces, as far as attention needs them, each alone in a call of gemm.
fn products(spec: &Architecture, rows: usize) -> impl FnMut() + use<> {
    let (hidden, intermediate) = (spec.hidden, spec.feed_forward.width);
    let full = [(hidden, 3 * hidden), (hidden, hidden), (hidden, intermediate), (intermediate, hidden)];
    let mut shapes = full.repeat(spec.grid.layers - 1);
    shapes.push((hidden, 2 * hidden));
    let mut numbers = Numbers(2);
    let weights: Vec<Vec<f32>> = shapes.iter().map(|(inputs, outputs)| numbers.take(inputs * outputs)).collect();
    let input = numbers.take(rows * intermediate);
    let mut output = vec![0.0; rows * intermediate];
    move || {
        for ((inputs, outputs), weight) in shapes.iter().zip(&weights) {
            // As the encoder calls it, transposed: the kernels write columns.
            // SAFETY: the matrices are row-major with `rows`, `inputs` and `rows` rows, each within its vector.
            unsafe {
                get_gemm_fn()(
                    *outputs,
                    rows,
                    *inputs,
                    output.as_mut_ptr(),
                    *outputs as isize,
                    1,
                    false,
                    weight.as_ptr(),
                    *outputs as isize,
                    1,
                    input.as_ptr(),
                    *inputs as isize,
                    1,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    Parallelism::None,
                );
            }
            black_box(&output);
        }
    }
}

fn encode(criterion: &mut Criterion) {
    let words = Request { attention: Some(Level::Words(MergeRule::Mean)), ..Default::default() };
    let requests = [
        ("words", words.clone()),
        ("words as norms", Request { kind: AttentionKind::Norms, ..words.clone() }),
        ("words and hidden states", Request { hidden_states: true, ..words }),
    ];
    for (name, spec) in [("minilm-l6", spec(6, 12, 32)), ("bert-base", spec(12, 12, 64))] {
        let mut group = criterion.benchmark_group(format!("encode/{name}"));
        group.sample_size(10);
        let encoder = PackedEncoder::new(&spec, weights(&spec));
        for (kind, lengths) in [("ewt", LENGTHS.as_slice()), ("128", &[128])] {
            let sentences = chunk(lengths);
            let inputs: Vec<&Pieces> = sentences.iter().collect();
            let pieces = inputs.iter().map(|input| input.len()).sum::<usize>();
            group.throughput(Throughput::Elements(pieces as u64));
            for (what, request) in &requests {
                let id = BenchmarkId::new(*what, kind);
                group.bench_function(id, |bencher| bencher.iter(|| encoder.encode(&inputs, request)));
            }
            let mut products = products(&spec, pieces);
            group.bench_function(BenchmarkId::new("products alone", kind), |bencher| bencher.iter(&mut products));
        }
    }
}

criterion_group!(benches, encode);
criterion_main!(benches);
