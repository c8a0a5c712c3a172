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
    Activation, Architecture, Attention, AttentionKind, BertWeights, Biases, Buckets, Embedding, Embeddings,
    FeedForward, LayerNorm, LayerWeights, Level, Linear, LmShape, Local, LocalLayers, Norm, NormKind, Order,
    PackedEncoder, Pieces, Positions, Relative, Request, Rotary, Visibility,
};

/// Pieces of sentences, `[CLS]` and `[SEP]` included, spread as in UD English EWT: 17 on average.
const LENGTHS: [usize; 12] = [4, 6, 8, 10, 12, 14, 16, 19, 22, 26, 31, 38];

const VOCABULARY: usize = 1000;

fn spec(layers: usize, heads: usize, width: usize) -> Architecture {
    let breadth = heads * width;
    Architecture {
        family: "bert",
        grid: HeadGrid { layers, heads },
        breadth,
        vocabulary: VOCABULARY,
        embedding: Embedding {
            width: breadth,
            positions: Positions::Learned { rows: 512, offset: 0 },
            segments: 2,
            norm: true,
            projected: false,
        },
        attention: Attention::full(heads, width),
        feed_forward: FeedForward { width: 4 * breadth, activation: Activation::Gelu, gated: false },
        norm: Norm { kind: NormKind::Layer, epsilon: 1e-12, bias: true },
        order: Order::Post,
        biases: Biases::ALL,
        stored_layers: layers,
        head: LmShape { transform: None, bias: false, tied: true },
        initializer_range: 0.02,
    }
}

/// The shapes of the families, with four layers of the width of their base models: what a layer does is what differs.
fn families() -> Vec<(&'static str, Architecture)> {
    let bert = spec(4, 12, 64);
    let rotary = |width: usize| {
        let frequency = |pair: usize| 10_000f32.powf(-2.0 * pair as f32 / width as f32);
        Some(Rotary { frequencies: (0..width / 2).map(frequency).collect() })
    };
    let unplaced =
        Embedding { positions: Positions::InAttention { longest: 512 }, segments: 0, ..bert.embedding.clone() };
    let causal = Attention { visibility: Visibility::Causal, ..bert.attention.clone() };
    let related = |relative| Architecture {
        attention: Attention { relative: Some(relative), ..bert.attention.clone() },
        embedding: unplaced.clone(),
        ..bert.clone()
    };
    let gated = FeedForward { width: 1152, activation: Activation::Gelu, gated: true };
    vec![
        ("bert", bert.clone()),
        (
            "electra-small",
            Architecture {
                breadth: 256,
                grid: HeadGrid { layers: 4, heads: 4 },
                attention: Attention::full(4, 64),
                embedding: Embedding { width: 128, projected: true, ..bert.embedding.clone() },
                feed_forward: FeedForward { width: 1024, ..bert.feed_forward },
                ..bert.clone()
            },
        ),
        ("albert", Architecture { stored_layers: 1, ..bert.clone() }),
        ("mpnet", related(Relative::Bias(Buckets::Halves { count: 32, furthest: 128 }))),
        (
            "deberta-v3",
            related(Relative::Disentangled {
                buckets: Buckets::Around { span: 256, furthest: Some(512) },
                content_to_position: true,
                position_to_content: true,
                shared: true,
                norm: false,
            }),
        ),
        (
            "modernbert",
            Architecture {
                attention: Attention {
                    rotary: rotary(64),
                    local: Some(Local { layers: LocalLayers::AllButEvery(3), reach: 64, rotary: rotary(64) }),
                    ..bert.attention.clone()
                },
                embedding: unplaced.clone(),
                feed_forward: gated,
                order: Order::Pre,
                ..bert.clone()
            },
        ),
        ("gpt2", Architecture { attention: causal.clone(), order: Order::Pre, ..bert.clone() }),
        (
            "pythia",
            Architecture {
                attention: Attention { rotary: rotary(16), ..causal.clone() },
                embedding: unplaced.clone(),
                order: Order::Parallel,
                ..bert.clone()
            },
        ),
        (
            "llama",
            Architecture {
                attention: Attention { rotary: rotary(64), key_value_heads: 4, ..causal },
                embedding: unplaced,
                feed_forward: FeedForward { width: 2048, activation: Activation::Silu, gated: true },
                norm: Norm { kind: NormKind::Rms, ..bert.norm },
                order: Order::Pre,
                ..bert
            },
        ),
    ]
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
    let (mut numbers, breadth) = (Numbers(1), spec.breadth);
    let norm = |width: usize| LayerNorm { weight: vec![1.0; width], bias: vec![0.0; width] };
    let [heads, keys] = input_widths(spec);
    let layers = (0..spec.stored_layers).map(|_| LayerWeights {
        query: numbers.linear(breadth, heads),
        key: numbers.linear(breadth, keys),
        value: numbers.linear(breadth, keys),
        query_norm: None,
        key_norm: None,
        relative_query: None,
        relative_key: None,
        attention_output: numbers.linear(heads, breadth),
        attention_norm: Some(norm(breadth)),
        gate: spec.feed_forward.gated.then(|| numbers.linear(breadth, spec.feed_forward.width)),
        intermediate: numbers.linear(breadth, spec.feed_forward.width),
        output: numbers.linear(spec.feed_forward.width, breadth),
        output_norm: norm(breadth),
    });
    let layers = layers.collect();
    let width = spec.embedding.width;
    let relative = match &spec.attention.relative {
        None => 0,
        Some(Relative::Bias(buckets)) => buckets.rows() * spec.grid.heads,
        Some(Relative::Disentangled { buckets, .. }) => buckets.rows() * breadth,
    };
    let embeddings = Embeddings {
        words: numbers.take(spec.vocabulary * width),
        positions: match spec.embedding.positions {
            Positions::Learned { rows, .. } => numbers.take(rows * width),
            Positions::InAttention { .. } => Vec::new(),
        },
        segments: numbers.take(spec.embedding.segments * width),
        norm: Some(norm(width)),
        projection: spec.embedding.projected.then(|| numbers.linear(width, breadth)),
        relative: numbers.take(relative),
    };
    let final_norm = (spec.order != Order::Post).then(|| norm(breadth));
    BertWeights { embeddings, layers, final_norm, masked_lm: None }
}

/// Width of all queries, and of all keys.
fn input_widths(spec: &Architecture) -> [usize; 2] {
    [spec.grid.heads, spec.attention.key_value_heads].map(|heads| heads * spec.attention.head_width)
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
    let (breadth, intermediate) = (spec.breadth, spec.feed_forward.width);
    let [heads, keys] = input_widths(spec);
    let first = if spec.feed_forward.gated { 2 * intermediate } else { intermediate };
    let full = [(breadth, heads + 2 * keys), (heads, breadth), (breadth, first), (intermediate, breadth)];
    let mut shapes = full.repeat(spec.grid.layers - 1);
    shapes.push((breadth, heads + keys));
    let mut numbers = Numbers(2);
    let weights: Vec<Vec<f32>> = shapes.iter().map(|(inputs, outputs)| numbers.take(inputs * outputs)).collect();
    let input = numbers.take(rows * intermediate.max(breadth));
    let mut output = vec![0.0; rows * 2 * intermediate.max(2 * breadth)];
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
        ("words and hidden states", Request { states: true, ..words.clone() }),
        ("words as rollout", Request { kind: AttentionKind::Rollout, ..words.clone() }),
        ("words as globenc", Request { kind: AttentionKind::GlobEnc, ..words.clone() }),
        ("words as value zeroing", Request { kind: AttentionKind::ValueZeroing, ..words }),
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
            // A layer is run for every piece: minutes where inputs are long.
            let is_short = |request: &Request| kind == "ewt" || request.kind != AttentionKind::ValueZeroing;
            for (what, request) in requests.iter().filter(|(_, request)| is_short(request)) {
                let id = BenchmarkId::new(*what, kind);
                group.bench_function(id, |bencher| bencher.iter(|| encoder.encode(&inputs, request)));
            }
            let mut products = products(&spec, pieces);
            group.bench_function(BenchmarkId::new("products alone", kind), |bencher| bencher.iter(&mut products));
        }
    }
}

/// What of its time the encoder spends on products, family by family, on the lengths of EWT.
fn encode_families(criterion: &mut Criterion) {
    let request = Request { attention: Some(Level::Words(MergeRule::Mean)), ..Default::default() };
    let sentences = chunk(&LENGTHS);
    let inputs: Vec<&Pieces> = sentences.iter().collect();
    let pieces = inputs.iter().map(|input| input.len()).sum::<usize>();
    for (name, spec) in families() {
        let mut group = criterion.benchmark_group(format!("encode/family/{name}"));
        group.sample_size(10).throughput(Throughput::Elements(pieces as u64));
        let encoder = PackedEncoder::new(&spec, weights(&spec));
        group.bench_function("words", |bencher| bencher.iter(|| encoder.encode(&inputs, &request)));
        let mut products = products(&spec, pieces);
        group.bench_function("products alone", |bencher| bencher.iter(&mut products));
    }
}

criterion_group!(benches, encode, encode_families);
criterion_main!(benches);
