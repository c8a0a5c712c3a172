//! Small models and sentences for tests, and where real ones lie.
#![allow(clippy::print_stderr, reason = "a test that does not run says so")]

use std::path::{Path, PathBuf};

use headlight_attention::{Alignment, Frame, HeadGrid};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{
    Activation, Architecture, Attention, BertWeights, Biases, Buckets, Embedding, Embeddings, Encoded, FeedForward,
    LayerNorm, LayerWeights, Linear, LmShape, LmTransform, Local, LocalLayers, Norm, NormKind, Order, Pieces,
    Positions, Relative, Request, Rotary, Visibility, request::Encode,
};

/// Sizes of a small model.
pub(crate) fn spec(heads: usize, width: usize, intermediate: usize, activation: Activation) -> Architecture {
    let breadth = heads * width;
    Architecture {
        family: "bert",
        grid: HeadGrid { layers: 3, heads },
        breadth,
        vocabulary: 50,
        embedding: Embedding {
            width: breadth,
            positions: Positions::Learned { rows: 200, offset: 0 },
            segments: 2,
            norm: true,
            projected: false,
        },
        attention: Attention::full(heads, width),
        feed_forward: FeedForward { width: intermediate, activation, gated: false },
        norm: Norm { kind: NormKind::Layer, epsilon: 1e-12, bias: true },
        order: Order::Post,
        biases: Biases::ALL,
        stored_layers: 3,
        head: LmShape {
            transform: Some(LmTransform { width: breadth, activation, bias: true }),
            bias: true,
            tied: true,
        },
        initializer_range: 0.02,
    }
}

/// The same sizes in models unlike BERT, which together have all that an [`Architecture`] can say.
pub(crate) fn variants(spec: &Architecture) -> Vec<Architecture> {
    let width = spec.head_width();
    let rotary = |share: f32| Rotary {
        frequencies: (0..(width as f32 * share) as usize / 2).map(|pair| 0.7f32.powi(pair as i32)).collect(),
    };
    let unplaced =
        Embedding { positions: Positions::InAttention { longest: 200 }, segments: 0, ..spec.embedding.clone() };
    let disentangled = Relative::Disentangled {
        buckets: Buckets::Around { span: 8, furthest: Some(40) },
        content_to_position: true,
        position_to_content: true,
        shared: false,
        norm: false,
    };
    let with = |relative| Attention { relative: Some(relative), ..spec.attention.clone() };
    vec![
        Architecture {
            stored_layers: 1,
            embedding: Embedding { width: 6, projected: true, ..spec.embedding.clone() },
            ..spec.clone()
        },
        Architecture { attention: with(Relative::Bias(Buckets::Halves { count: 8, furthest: 20 })), ..spec.clone() },
        Architecture { attention: with(disentangled), embedding: unplaced.clone(), ..spec.clone() },
        Architecture {
            attention: Attention {
                rotary: Some(rotary(1.0)),
                local: Some(Local { layers: LocalLayers::AllButEvery(2), reach: 5, rotary: Some(rotary(0.5)) }),
                first_normalised: false,
                ..spec.attention.clone()
            },
            embedding: unplaced.clone(),
            feed_forward: FeedForward { gated: true, ..spec.feed_forward },
            order: Order::Pre,
            ..spec.clone()
        },
        Architecture {
            attention: Attention {
                visibility: Visibility::Causal,
                rotary: Some(rotary(0.5)),
                scaled_by_layer: true,
                ..spec.attention.clone()
            },
            embedding: Embedding { norm: false, ..unplaced.clone() },
            order: Order::Parallel,
            ..spec.clone()
        },
        Architecture {
            attention: Attention {
                visibility: Visibility::Causal,
                key_value_heads: 1,
                query_key_norm: true,
                rotary: Some(rotary(1.0)),
                local: Some(Local { layers: LocalLayers::From(1), reach: 9, rotary: Some(rotary(1.0)) }),
                ..spec.attention.clone()
            },
            embedding: unplaced,
            feed_forward: FeedForward { activation: Activation::Silu, gated: true, ..spec.feed_forward },
            norm: Norm { kind: NormKind::Rms, bias: false, ..spec.norm },
            order: Order::Pre,
            ..spec.clone()
        },
    ]
}

/// Weights large enough that attention is far from uniform.
pub(crate) fn weights(spec: &Architecture, rng: &mut ChaCha8Rng) -> BertWeights {
    let mut draw = |len: usize, around: f32, spread: f32| -> Vec<f32> {
        (0..len).map(|_| around + spread * rng.random_range(-1.0..1.0_f32)).collect()
    };
    let (breadth, inner, embedding) = (spec.breadth, spec.feed_forward.width, &spec.embedding);
    let mut tables = [spec.vocabulary, 200, embedding.segments].map(|rows| draw(rows * embedding.width, 0.0, 1.0));
    let shift = f32::from(u8::from(spec.norm.bias));
    let mut norm = |width: usize| LayerNorm { weight: draw(width, 1.0, 0.3), bias: draw(width, 0.0, 0.3 * shift) };
    let of_embeddings = embedding.norm.then(|| norm(embedding.width));
    let relative = match &spec.attention.relative {
        None => 0,
        Some(Relative::Bias(buckets)) => buckets.rows() * spec.grid.heads,
        Some(Relative::Disentangled { buckets, .. }) => buckets.rows() * breadth,
    };
    let relative = draw(relative, 0.0, 1.0);
    let mut linear = |inputs: usize, outputs: usize| Linear {
        inputs,
        outputs,
        weight: draw(inputs * outputs, 0.0, 2.0 / (inputs as f32).sqrt()),
        bias: draw(outputs, 0.0, 0.5),
    };
    let embeddings = Embeddings {
        words: std::mem::take(&mut tables[0]),
        positions: std::mem::take(&mut tables[1]),
        segments: std::mem::take(&mut tables[2]),
        norm: of_embeddings,
        projection: embedding.projected.then(|| linear(embedding.width, breadth)),
        relative,
    };
    let norm = |width: usize| LayerNorm { weight: vec![0.9; width], bias: vec![0.1 * shift; width] };
    let of_heads = |width: usize| spec.attention.query_key_norm.then(|| norm(width));
    let (heads, keys) = (spec.heads_width(), spec.keys_width());
    let own = matches!(spec.attention.relative, Some(Relative::Disentangled { shared: false, .. }));
    let layer = |layer| LayerWeights {
        query: linear(breadth, heads),
        key: linear(breadth, keys),
        value: linear(breadth, keys),
        query_norm: of_heads(spec.head_width()),
        key_norm: of_heads(spec.head_width()),
        relative_query: own.then(|| linear(breadth, heads)),
        relative_key: own.then(|| linear(breadth, heads)),
        attention_output: linear(heads, breadth),
        attention_norm: (spec.order == Order::Post || spec.normalises_input(layer)).then(|| norm(breadth)),
        gate: spec.feed_forward.gated.then(|| linear(breadth, inner)),
        intermediate: linear(breadth, inner),
        output: linear(inner, breadth),
        output_norm: norm(breadth),
    };
    let layers = (0..spec.stored_layers).map(layer).collect();
    let final_norm = (spec.order != Order::Post).then(|| norm(breadth));
    BertWeights { embeddings, layers, final_norm, masked_lm: None }
}

/// A sentence of random pieces with words of one to three pieces each.
pub(crate) fn sentence(pieces: usize, rng: &mut ChaCha8Rng) -> Pieces {
    let mut words = Vec::new();
    let mut start = 1;
    while start < pieces - 1 {
        let end = (start + rng.random_range(1..4)).min(pieces - 1);
        words.push(start..end);
        start = end;
    }
    let ids = (0..pieces).map(|_| rng.random_range(0..50)).collect();
    let segments = (0..pieces).map(|piece| u32::from(2 * piece > pieces)).collect();
    let alignment = Alignment::new(&Frame::bert(), pieces, words).expect("words within");
    Pieces { ids, segments, alignment, unpieced_words: 0 }
}

/// A word of one piece, without special pieces around it.
pub(crate) fn lone_piece(rng: &mut ChaCha8Rng) -> Pieces {
    let word = std::iter::once(0..1).collect();
    let alignment = Alignment::new(&Frame::none(), 1, word).expect("a word within");
    Pieces { ids: vec![rng.random_range(0..50)], segments: vec![0], alignment, unpieced_words: 0 }
}

/// The attention of some inputs and the peaks of all are those of a call that yields the attention of all.
#[track_caller]
pub(crate) fn check_some(encoder: &dyn Encode, inputs: &[&Pieces], request: &Request) {
    let whole = encoder.encode(inputs, request);
    for nth in [2, 5, usize::MAX] {
        let with_maps = |number: usize| number % nth == 1;
        for (number, (whole, some)) in whole.iter().zip(encoder.encode_as(inputs, request, &with_maps)).enumerate() {
            let expected = match with_maps(number) {
                true => whole.clone(),
                false => Encoded { maps: None, words: None, ..whole.clone() },
            };
            assert!(some == expected, "{request:?}, one of {nth}, sentence {number}");
        }
    }
}

/// Files and folders of the development data beside the checkout, or `None` with a note when one is absent.
pub(crate) fn shared<const N: usize>(parts: [&str; N]) -> Option<[PathBuf; N]> {
    let paths = parts.map(|part| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(part));
    let absent = paths.iter().find(|path| !path.exists());
    absent.iter().for_each(|path| eprintln!("not run: {} is absent", path.display()));
    absent.is_none().then_some(paths)
}
