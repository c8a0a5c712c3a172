//! Pseudo-log-likelihoods against transformers (`fixtures/likelihoods.py`).

use std::{fs, io::Read, path::Path};

use crate::support::{bare, fixture, shared};
use headlight_attention::{Alignment, AttentionHead, Frame};
use headlight_bert::{
    HeadMask, Hiding, LoadOptions, MaskedLm, MaskedLmError, MaskedPieces, Masking, Model, Pieces, Skip,
};
use serde_json::Value;

/// The largest difference to PyTorch that is allowed, in nats a sentence.
const TOLERANCE: f64 = 1e-4;

/// `[MASK]` of the tiny model.
const MASK: u32 = 4;

const HIDINGS: [(&str, Hiding); 2] = [("within_word_l2r", Hiding::WithinWordL2r), ("original", Hiding::Original)];

struct Loaded {
    model: Model,
    masked_lm: MaskedLm,
}

impl Loaded {
    fn new(folder: &Path) -> Self {
        let options = LoadOptions::default();
        Self { model: Model::load(folder, &options).unwrap(), masked_lm: MaskedLm::load(folder, &options).unwrap() }
    }

    fn pieces(&self, texts: &[String]) -> Vec<Pieces> {
        texts.iter().map(|text| self.model.tokenizer().sentence(text, 512).unwrap()).collect()
    }

    fn scores(&self, sentences: &[&Pieces], hiding: Hiding, heads: &HeadMask) -> Vec<f64> {
        let mask = self.model.tokenizer().special().mask.unwrap();
        self.masked_lm.pseudo_log_likelihoods(sentences, mask, hiding, &[heads]).unwrap().remove(0)
    }

    #[track_caller]
    fn check(&self, texts: &[String], heads: &HeadMask, golden: &Value) {
        let pieces = self.pieces(texts);
        for (name, hiding) in HIDINGS {
            let found = self.scores(&pieces.iter().collect::<Vec<_>>(), hiding, heads);
            for ((text, found), expected) in texts.iter().zip(found).zip(golden[name].as_array().unwrap()) {
                let expected = expected.as_f64().unwrap();
                assert!((found - expected).abs() < TOLERANCE, "{name} {text}: {found}, not {expected}");
            }
        }
    }
}

fn golden() -> Value {
    serde_json::from_slice(&fs::read(fixture("likelihoods.json")).unwrap()).unwrap()
}

fn texts(golden: &Value) -> Vec<String> {
    golden["tiny"]["sentences"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn pseudo_log_likelihoods_equal_pytorch() {
    let (golden, tiny) = (golden(), Loaded::new(&fixture("tiny-bert")));
    tiny.check(&texts(&golden), &HeadMask::new(), &golden["tiny"]);
}

#[test]
fn pseudo_log_likelihoods_with_masked_heads_equal_pytorch() {
    let (golden, tiny) = (golden(), Loaded::new(&fixture("tiny-bert")));
    let head = |value: &Value| {
        let number = |at: usize| value[at].as_u64().unwrap() as usize;
        let masking = if value[2] == "zero" { Masking::Zero } else { Masking::Uniform };
        (AttentionHead { layer: number(0), index: number(1) }, masking)
    };
    let heads: HeadMask = golden["tiny_masked"]["heads"].as_array().unwrap().iter().map(head).collect();
    tiny.check(&texts(&golden), &heads, &golden["tiny_masked"]);
}

#[test]
fn log_likelihoods_of_causal_models_equal_pytorch() {
    let golden = golden();
    let ids = golden["causal"]["ids"].as_array().unwrap().iter();
    let ids: Vec<Vec<u32>> =
        ids.map(|ids| ids.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()).collect();
    // The same pieces behind a special one, which guesses the first of them.
    let framed = |ids: &[u32]| {
        let alignment =
            Alignment::new(&Frame::new(["<bos>"], []), ids.len(), (1..ids.len()).map(|at| at..at + 1).collect());
        Pieces { segments: vec![0; ids.len()], ids: ids.to_vec(), alignment: alignment.unwrap(), unpieced_words: 0 }
    };
    for name in ["gpt2", "gpt-neox", "llama"] {
        let model = MaskedLm::load(&fixture("families").join(name), &LoadOptions::default()).unwrap();
        let expected: Vec<f64> =
            golden["causal"][name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        let check = |pieces: Vec<Pieces>, expected: &[f64]| {
            let sentences: Vec<&Pieces> = pieces.iter().collect();
            let found = model.log_likelihoods(&sentences, &[&HeadMask::new()]).unwrap().remove(0);
            assert!(
                found.iter().zip(expected).all(|(a, b)| (a - b).abs() < TOLERANCE),
                "{name}: {found:?} {expected:?}"
            );
            for (sentence, found) in sentences.iter().zip(found) {
                assert_eq!(model.log_likelihoods(&[sentence], &[&HeadMask::new()]).unwrap(), [[found]], "{name} alone");
            }
        };
        check(ids.iter().map(|ids| bare(ids.clone())).collect(), &expected);
        let several: Vec<Pieces> = ids.iter().filter(|ids| ids.len() > 1).map(|ids| framed(ids)).collect();
        check(several, &[expected[0], expected[1], expected[3]]);
        let sentence = bare(ids[0].clone());
        let error = model.pseudo_log_likelihoods(&[&sentence], 4, Hiding::Original, &[&HeadMask::new()]).unwrap_err();
        assert_eq!(error, MaskedLmError::Causal);
    }
    let error = Loaded::new(&fixture("tiny-bert")).masked_lm.log_likelihoods(&[], &[&HeadMask::new()]).unwrap_err();
    assert_eq!(error, MaskedLmError::NotCausal);
}

#[test]
fn pairs_of_blimp_equal_pytorch() {
    let [Some(folder), Some(blimp)] = ["data/own-model", "data/blimp/blimp.tsv.gz"].map(shared) else { return };
    let (golden, model) = (golden(), Loaded::new(&folder));
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(blimp).unwrap()).read_to_string(&mut text).unwrap();
    let rows: Vec<&str> = text.lines().skip(1).collect();
    let lines = golden["blimp"]["lines"].as_array().unwrap().iter().map(|line| line.as_u64().unwrap() as usize);
    let sentences: Vec<String> =
        lines.flat_map(|line| rows[line].split('\t').skip(3).map(str::to_owned).collect::<Vec<_>>()).collect();
    model.check(&sentences, &HeadMask::new(), &golden["blimp"]);
}

/// What is computed together with others is what is computed alone, to the bit.
#[test]
fn a_sentence_is_scored_alike_whatever_stands_beside_it() {
    let tiny = Loaded::new(&fixture("tiny-bert"));
    let many: Vec<String> = (0..60)
        .map(|n| format!("the {} sat on a {} .", ["cat", "dog", "old tree"][n % 3], "abcde".repeat(n % 7 + 1)))
        .collect();
    let texts: Vec<String> = texts(&golden()).into_iter().chain(many).collect();
    let pieces = tiny.pieces(&texts);
    for (_, hiding) in HIDINGS {
        let together = tiny.scores(&pieces.iter().collect::<Vec<_>>(), hiding, &HeadMask::new());
        for (sentence, together) in pieces.iter().zip(together) {
            assert_eq!(tiny.scores(&[sentence], hiding, &HeadMask::new()), [together]);
        }
    }
}

/// Several sets of masked heads at once are what each is alone, to the bit.
#[test]
fn sets_of_masked_heads_are_scored_as_each_is_alone() {
    let tiny = Loaded::new(&fixture("tiny-bert"));
    let pieces = tiny.pieces(&texts(&golden()));
    let sentences: Vec<&Pieces> = pieces.iter().collect();
    let set = |heads: &[(usize, usize, Masking)]| -> HeadMask {
        heads.iter().map(|&(layer, index, masking)| (AttentionHead { layer, index }, masking)).collect()
    };
    use Masking::{Uniform, Zero};
    let sets = [
        set(&[]),
        set(&[(1, 0, Zero)]),
        set(&[(1, 0, Zero), (2, 1, Uniform)]),
        set(&[(0, 2, Uniform)]),
        set(&[(1, 0, Uniform)]),
        set(&[(2, 1, Uniform)]),
    ];
    let sets: Vec<&HeadMask> = sets.iter().collect();
    let scores = |sets: &[&HeadMask]| {
        tiny.masked_lm.pseudo_log_likelihoods(&sentences, MASK, Hiding::WithinWordL2r, sets).unwrap()
    };
    let hidden: Vec<MaskedPieces> =
        pieces.iter().filter_map(|it| MaskedPieces::draw(it, tiny.model.tokenizer().special(), 0.3, 1)).collect();
    let hidden: Vec<&MaskedPieces> = hidden.iter().collect();
    let (together, losses) = (scores(&sets), tiny.masked_lm.losses(&hidden, &sets).unwrap());
    assert!(together[0] != together[1] && losses[0] != losses[5]);
    for (number, set) in sets.iter().enumerate() {
        assert_eq!(scores(&[set]), [together[number].clone()], "{set:?}");
        for (input, loss) in hidden.iter().zip(&losses[number]) {
            assert_eq!(tiny.masked_lm.losses(&[input], &[set]).unwrap(), [[*loss]], "{set:?}");
        }
    }
}

#[test]
fn words_are_those_that_the_tokenizer_splits_text_into() {
    let tiny = Loaded::new(&fixture("tiny-bert"));
    let tokenizer = tiny.model.tokenizer();
    let pieces = tokenizer.sentence("Her dogs weren't", 20).unwrap();
    // [CLS] her | dog ##s | w ##er ##e ##n | ' | t [SEP]
    assert_eq!(pieces.alignment.words(), [1..2, 2..4, 4..8, 8..9, 9..10]);
    assert_eq!(tokenizer.sentence(" ", 20), Err(Skip::NoWords));
    assert_eq!(tokenizer.sentence("her dogs", 4), Err(Skip::TooManyPieces { pieces: 5, limit: 4 }));
}

#[test]
fn what_is_not_this_models_is_named() {
    let tiny = Loaded::new(&fixture("tiny-bert"));
    let sentence = tiny.model.tokenizer().sentence("the cat", 20).unwrap();
    let check = |sentence: &Pieces, mask: u32, heads: HeadMask, message: &str| {
        let error = tiny.masked_lm.pseudo_log_likelihoods(&[sentence], mask, Hiding::Original, &[&heads]).unwrap_err();
        assert_eq!(error.to_string(), message);
    };
    let head = AttentionHead { layer: 3, index: 0 };
    let no_head = MaskedLmError::NoSuchHead { head, grid: tiny.model.spec().grid }.to_string();
    check(&sentence, MASK, HeadMask::from([(head, Masking::Zero)]), &no_head);
    check(&sentence, 94, HeadMask::new(), "input 1: piece 94 at position 0 cannot be guessed");
    let mut unfit = sentence.clone();
    unfit.ids[1] = 94;
    check(&unfit, MASK, HeadMask::new(), "input 1: piece id 94, but the model's vocabulary has 94 pieces");
}
