//! The encoder on a GPU, against PyTorch and against the processor. Products are rounded there, in f32 as well (see
//! `Precision`), so bounds are those of 10 bits of mantissa, and of 7 for bf16.
//!
//! `cargo test --release --features cuda -p headlight-bert --test cuda -- --nocapture` prints what was found.
//! `HEADLIGHT_FAMILIES=albert,gpt2` tries these families alone: kernels are compiled for each, and several processes take less
//! time than one.
#![cfg(feature = "cuda")]
#![allow(clippy::print_stderr, reason = "a test that does not run says so; figures are for people")]

mod support;

use std::{num::NonZeroUsize, path::Path};

use headlight_attention::{Alignment, AttentionPeaks, Frame, MergeRule, peaks};
use headlight_bert::{Device, Level, LoadOptions, Model, Pieces, Precision, Request};
use support::{
    Golden, bare, differing, encode_all, family, family_golden, family_names, fixture, max_difference, real_sentences,
    shared,
};

/// How far attention may be from PyTorch's on a processor.
const ATTENTION: [(Precision, f32); 3] = [(Precision::F32, 0.02), (Precision::F16, 0.02), (Precision::Bf16, 0.16)];

/// The share of predictions of a real model that rounding may change.
const PREDICTIONS: [(Precision, f64); 3] = [(Precision::F32, 0.01), (Precision::F16, 0.01), (Precision::Bf16, 0.06)];

fn has_gpu() -> bool {
    let checked = Device::Cuda.check();
    if let Err(problem) = &checked {
        eprintln!("not run: no GPU ({problem})");
    }
    checked.is_ok()
}

fn model(folder: &Path, device: Device, precision: Precision, threads: usize) -> Model {
    let threads = NonZeroUsize::new(threads);
    Model::load(folder, &LoadOptions { device, precision, threads, ..Default::default() }).unwrap()
}

fn peaks_request() -> Request {
    Request { peaks: Some(MergeRule::Mean), ..Request::default() }
}

fn peaks_on(model: &Model, inputs: &[Pieces]) -> Vec<AttentionPeaks> {
    encode_all(model, inputs, &peaks_request(), |encoded| encoded.peaks.unwrap())
}

/// Attention over pieces beside golden maps, `attention.0` and so on.
fn check_attention(folder: &Path, golden: &Golden, ids: &str, count: usize) {
    let input = |number: usize| {
        let ids = golden.ids(&format!("{ids}.{number}"));
        let words = (1..ids.len() - 1).map(|piece| piece..piece + 1).collect();
        let alignment = Alignment::new(&Frame::bert(), ids.len(), words).unwrap();
        Pieces { segments: vec![0; ids.len()], alignment, ids, unpieced_words: 0 }
    };
    check_inputs(folder, golden, &(0..count).map(input).collect::<Vec<_>>());
}

fn check_inputs(folder: &Path, golden: &Golden, inputs: &[Pieces]) {
    let request = Request { attention: Some(Level::Pieces), ..Request::default() };
    for (precision, tolerance) in ATTENTION {
        let model = model(folder, Device::Cuda, precision, 2);
        let maps = encode_all(&model, inputs, &request, |encoded| encoded.maps.unwrap());
        let differences = maps.iter().enumerate().map(|(number, maps)| {
            let (_, expected) = golden.floats(&format!("attention.{number}"));
            max_difference(maps.weights(), &expected)
        });
        let worst = differences.fold(0.0, f32::max);
        eprintln!("{} in {precision}: attention differs from PyTorch's by up to {worst}", folder.display());
        assert!(worst <= tolerance, "{precision}: {worst}");
    }
}

#[test]
fn families_equal_transformers_up_to_rounding() {
    if !has_gpu() {
        return;
    }
    let some = std::env::var("HEADLIGHT_FAMILIES").ok();
    let asked = |name: &String| some.as_ref().is_none_or(|some| some.split(',').any(|it| it == name));
    for name in family_names().into_iter().filter(asked) {
        eprintln!("{name}");
        let golden = family_golden(&name);
        let inputs: Vec<Pieces> = (0..4).map(|number| bare(golden.ids(&format!("ids.{number}")))).collect();
        check_inputs(family(&name).path(), &golden, &inputs);
    }
}

#[test]
fn attention_equals_pytorch_up_to_rounding() {
    if !has_gpu() {
        return;
    }
    check_attention(&fixture("tiny-bert"), &Golden::read(&fixture("tiny-bert-golden.safetensors")), "ids", 3);
    if let (Some(folder), Some(golden)) = (shared("data/minilm-l6"), shared("golden/attention-minilm.safetensors")) {
        check_attention(&folder, &Golden::read(&golden), "input_ids", 20);
    }
}

/// Peaks are those of the maps that the GPU hands over, on any number of workers, and nearly those of the processor.
fn check_peaks(folder: &Path, inputs: impl Fn(&Model) -> Vec<Pieces>) {
    let exact = model(folder, Device::Cpu, Precision::F32, 2);
    let inputs = inputs(&exact);
    let expected = peaks_on(&exact, &inputs);
    for (precision, most) in PREDICTIONS {
        let one = model(folder, Device::Cuda, precision, 1);
        let found = peaks_on(&one, &inputs);
        let both = Request { attention: Some(Level::Words(MergeRule::Mean)), ..peaks_request() };
        let of_maps =
            encode_all(&one, &inputs, &both, |encoded| encoded.peaks.unwrap() == peaks(&encoded.words.unwrap()));
        assert!(of_maps.into_iter().all(|same| same), "{precision}: other peaks than those of the maps");
        let three = model(folder, Device::Cuda, precision, 3);
        assert!(found == peaks_on(&three, &inputs), "{precision}: other peaks with three workers");
        let share = differing(&expected, &found);
        eprintln!("{} in {precision}: {:.3} % of the predictions differ", folder.display(), 100.0 * share);
        assert!(share <= most, "{precision}: {share} of the predictions differ from the processor's");
    }
}

#[test]
fn peaks_are_those_of_the_maps_and_nearly_those_of_the_processor() {
    if !has_gpu() {
        return;
    }
    check_peaks(&fixture("tiny-bert"), |model| {
        let sentences = ["the old cat sat on a mat .", "her dog was reading that book", "trees !"];
        let words = |text: &&str| model.tokenizer().words(&text.split(' ').collect::<Vec<_>>(), 128).unwrap();
        sentences.iter().map(words).cycle().take(600).collect()
    });
    if let (Some(folder), Some(treebank)) =
        (shared("data/minilm-l6"), shared("data/ud-english-ewt/en_ewt-ud-dev.conllu"))
    {
        check_peaks(&folder, |model| real_sentences(model, &treebank, 2000));
    }
}
