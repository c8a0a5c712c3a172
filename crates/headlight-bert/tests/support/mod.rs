//! What the tests share: where data lies and how goldens are read.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::print_stderr, reason = "a test that does not run says so; figures are for people")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use headlight_attention::{Alignment, AttentionPeaks, Frame};
use headlight_bert::{AttentionKind, Encoded, Level, Model, Pieces, Request};
use safetensors::{Dtype, SafeTensors};

/// A folder of the development data beside the checkout, or `None` with a note when it is absent.
pub fn shared(part: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(part);
    if path.exists() {
        return Some(path);
    }
    eprintln!("not run: {} is absent", path.display());
    None
}

/// A file or folder of this crate's fixtures.
pub fn fixture(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(part)
}

/// The arrays of a safetensors file.
pub struct Golden(Vec<u8>);

impl Golden {
    pub fn read(path: &Path) -> Self {
        Self(fs::read(path).unwrap())
    }

    pub fn floats(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
        let values = tensor.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
        (tensor.shape().to_vec(), values.collect())
    }

    pub fn ids(&self, name: &str) -> Vec<u32> {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::I64, "{name}");
        let values = tensor.data().chunks_exact(8).map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()));
        values.map(|id| u32::try_from(id).unwrap()).collect()
    }
}

/// The folders of `fixtures/families`, sorted.
pub fn family_names() -> Vec<String> {
    let entries = fs::read_dir(fixture("families")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A tiny model of a family, with a vocabulary that stands in for its tokenizer.
pub fn family(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        fs::copy(fixture("families").join(name).join(file), folder.path().join(file)).unwrap();
    }
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let pieces: Vec<String> = pieces.into_iter().chain((5..60).map(|number| format!("piece{number}"))).collect();
    fs::write(folder.path().join("vocab.txt"), pieces.join("\n")).unwrap();
    fs::write(folder.path().join("tokenizer_config.json"), r#"{"tokenizer_class": "BertTokenizer"}"#).unwrap();
    folder
}

/// What transformers computes of it.
pub fn family_golden(name: &str) -> Golden {
    Golden::read(&fixture("families").join(name).join("golden.safetensors"))
}

/// The maps of its layers, by their definitions.
pub fn mixing_golden(name: &str) -> Golden {
    Golden::read(&fixture("families").join(name).join("mixing.safetensors"))
}

/// Checks a model's maps of layers of every kind against golden ones.
#[track_caller]
pub fn check_mixing(context: &str, model: &Model, inputs: &[Pieces], golden: &Golden) {
    let kinds = [
        (AttentionKind::Rollout, "rollout"),
        (AttentionKind::ValueZeroing, "zeroing"),
        (AttentionKind::GlobEnc, "globenc"),
    ];
    for (kind, name) in kinds {
        let request = Request { attention: Some(Level::Pieces), kind, ..Request::default() };
        for (number, encoded) in encode_all(model, inputs, &request, |it| it).into_iter().enumerate() {
            let maps = encoded.maps.unwrap();
            let shape = [maps.grid().layers, maps.positions(), maps.positions()];
            let name = format!("{name}.{number}");
            assert_eq!((maps.grid().heads, golden.floats(&name).0), (1, shape.to_vec()), "{context} {name}");
            check_golden(context, golden, &name, maps.weights());
        }
    }
}

/// Pieces without any around them, each a word.
pub fn bare(ids: Vec<u32>) -> Pieces {
    let words = (0..ids.len()).map(|piece| piece..piece + 1).collect();
    let alignment = Alignment::new(&Frame::none(), ids.len(), words).unwrap();
    Pieces { segments: vec![0; ids.len()], ids, alignment, unpieced_words: 0 }
}

/// The pieces of the first sentences of a CoNLL-U file, as far as they have at most 128.
pub fn real_sentences(model: &Model, treebank: &Path, count: usize) -> Vec<Pieces> {
    let words = conllu_words(treebank).into_iter().filter_map(|words| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        model.tokenizer().words(&words, 128).ok()
    });
    words.take(count).collect()
}

/// What `reduce` makes of the answer for each input, which go through the encoder as one stream.
pub fn encode_all<R: Send>(
    model: &Model,
    inputs: &[Pieces],
    request: &Request,
    reduce: impl Fn(Encoded) -> R + Sync,
) -> Vec<R> {
    let mut answers = Vec::new();
    let stream = inputs.iter().cloned().map(|pieces| Ok::<_, ()>(((), pieces)));
    let keep = |answer| {
        answers.push(answer);
        Ok(())
    };
    model.stream(stream, request, |(), _, encoded| reduce(encoded), keep).unwrap();
    answers
}

/// The share of predictions that differ.
pub fn differing(ours: &[AttentionPeaks], theirs: &[AttentionPeaks]) -> f64 {
    let places = |all: &[AttentionPeaks]| all.iter().flat_map(AttentionPeaks::places).copied().collect::<Vec<_>>();
    let (ours, theirs) = (places(ours), places(theirs));
    assert_eq!(ours.len(), theirs.len());
    let different = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).count();
    different as f64 / ours.len() as f64
}

/// The words of a CoNLL-U file, sentence by sentence: column 2 of lines whose id is an integer.
pub fn conllu_words(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    let words = |block: &str| -> Vec<String> {
        let columns = block.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        columns.filter(|columns| columns[0].parse::<u32>().is_ok()).map(|columns| columns[1].to_owned()).collect()
    };
    text.split("\n\n").map(words).filter(|words| !words.is_empty()).collect()
}

/// The largest difference to PyTorch that is allowed at any position, times the largest value where that exceeds 1.
pub const TOLERANCE: f32 = 1e-5;

/// Checks values against the golden ones of this name.
#[track_caller]
pub fn check_golden(context: &str, golden: &Golden, name: &str, found: &[f32]) {
    let (_, expected) = golden.floats(name);
    let largest = expected.iter().fold(1f32, |largest, value| largest.max(value.abs()));
    let worst = max_difference(found, &expected) / largest;
    eprintln!("{context} {name} differs by {worst:e}");
    assert!(worst <= TOLERANCE, "{context} {name}: {worst}");
}

/// The largest absolute difference.
pub fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// An error with its causes, as a user reads it; none is told twice.
pub fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let told: Vec<String> = std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect();
    for (number, cause) in told.iter().enumerate().skip(1) {
        assert!(!told[..number].iter().any(|before| before.contains(cause)), "told twice: {told:?}");
    }
    told.join(": ")
}
