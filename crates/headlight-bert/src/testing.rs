//! Small models and sentences for tests, and where real ones lie.
#![allow(clippy::print_stderr, reason = "a test that does not run says so")]

use std::path::{Path, PathBuf};

use headlight_attention::{Alignment, Frame, HeadGrid};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{
    Activation, Architecture, BertWeights, Embeddings, Encoded, FeedForward, LayerNorm, LayerWeights, Linear,
    MaskedLmShape, Norm, Pieces, Positions, Request, request::Encode,
};

/// Sizes of a small model.
pub(crate) fn spec(heads: usize, width: usize, intermediate: usize, activation: Activation) -> Architecture {
    Architecture {
        family: "bert",
        grid: HeadGrid { layers: 3, heads },
        hidden: heads * width,
        vocabulary: 50,
        positions: Positions { rows: 200, offset: 0 },
        segments: 2,
        feed_forward: FeedForward { width: intermediate, activation },
        norm: Norm { epsilon: 1e-12 },
        head: MaskedLmShape { tied: true, activation },
        initializer_range: 0.02,
    }
}

/// Weights large enough that attention is far from uniform.
pub(crate) fn weights(spec: &Architecture, rng: &mut ChaCha8Rng) -> BertWeights {
    let mut draw = |len: usize, around: f32, spread: f32| -> Vec<f32> {
        (0..len).map(|_| around + spread * rng.random_range(-1.0..1.0_f32)).collect()
    };
    let (hidden, intermediate) = (spec.hidden, spec.feed_forward.width);
    let mut tables = [spec.vocabulary, spec.positions.rows, spec.segments].map(|rows| draw(rows * hidden, 0.0, 1.0));
    let mut norm = || LayerNorm { weight: draw(hidden, 1.0, 0.3), bias: draw(hidden, 0.0, 0.3) };
    let embeddings = Embeddings {
        words: std::mem::take(&mut tables[0]),
        positions: std::mem::take(&mut tables[1]),
        segments: std::mem::take(&mut tables[2]),
        norm: norm(),
    };
    let mut linear = |inputs: usize, outputs: usize| Linear {
        inputs,
        outputs,
        weight: draw(inputs * outputs, 0.0, 2.0 / (inputs as f32).sqrt()),
        bias: draw(outputs, 0.0, 0.5),
    };
    let norm = LayerNorm { weight: vec![0.9; hidden], bias: vec![0.1; hidden] };
    let layer = |_| LayerWeights {
        query: linear(hidden, hidden),
        key: linear(hidden, hidden),
        value: linear(hidden, hidden),
        attention_output: linear(hidden, hidden),
        attention_norm: norm.clone(),
        intermediate: linear(hidden, intermediate),
        output: linear(intermediate, hidden),
        output_norm: norm.clone(),
    };
    BertWeights { embeddings, layers: (0..spec.grid.layers).map(layer).collect(), masked_lm: None }
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

/// The attention of some inputs and the peaks of all are those of a call that yields the attention of all.
#[track_caller]
pub(crate) fn check_some(encoder: &dyn Encode, inputs: &[&Pieces], request: &Request) {
    let whole = encoder.encode(inputs, request);
    for nth in [2, 5, usize::MAX] {
        let attended = |number: usize| number % nth == 1;
        for (number, (whole, some)) in whole.iter().zip(encoder.encode_as(inputs, request, &attended)).enumerate() {
            let expected = match attended(number) {
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
