//! The sample model of `data/model` against transformers (`fixtures/sample.py`), on both encoders.

use std::path::{Path, PathBuf};

use crate::support::{Golden, check_golden, encode_all, fixture};
use headlight_bert::{Device, HeadMask, Level, LoadOptions, MaskedLm, MaskedPieces, Model, Request};

const SENTENCES: [&str; 2] =
    ["The old gardener gave her neighbour some apples .", "What did the children, who were tired, see?"];
const HIDDEN: [usize; 2] = [3, 7];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/model")
}

#[test]
fn pieces_attention_and_states_equal_those_of_transformers() {
    let golden = Golden::read(&fixture("sample-golden.safetensors"));
    let request = Request { attention: Some(Level::Pieces), states: true, ..Request::default() };
    for device in [Device::Cpu, Device::Ndarray] {
        let model = Model::load(&folder(), &LoadOptions { device, ..LoadOptions::default() }).unwrap();
        let inputs = SENTENCES.map(|text| model.tokenizer().sentence(text, 128).unwrap());
        for (number, input) in inputs.iter().enumerate() {
            assert_eq!(input.ids, golden.ids(&format!("ids.{number}")));
        }
        for (number, encoded) in encode_all(&model, &inputs, &request, |it| it).into_iter().enumerate() {
            let states: Vec<f32> = encoded.states.unwrap().view().iter().copied().collect();
            let context = device.to_string();
            check_golden(&context, &golden, &format!("hidden.{number}"), &states);
            check_golden(&context, &golden, &format!("attention.{number}"), encoded.maps.unwrap().weights());
        }
    }
}

#[test]
fn losses_equal_those_of_transformers() {
    let golden = Golden::read(&fixture("sample-golden.safetensors"));
    let options = LoadOptions::default();
    let (model, masked_lm) = (Model::load(&folder(), &options).unwrap(), MaskedLm::load(&folder(), &options).unwrap());
    for (number, text) in SENTENCES.iter().enumerate() {
        let mut pieces = model.tokenizer().sentence(text, 128).unwrap();
        let targets = HIDDEN.map(|place| (place, pieces.ids[place])).into();
        pieces.ids = golden.ids(&format!("seen.{number}"));
        let loss = masked_lm.losses(&[&MaskedPieces { pieces, targets }], &[&HeadMask::new()]).unwrap()[0][0];
        check_golden("sample", &golden, &format!("loss.{number}"), &[loss as f32]);
    }
}
