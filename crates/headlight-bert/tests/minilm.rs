//! The encoders on a real model, against PyTorch.

use crate::support::{Golden, TOLERANCE, check_mixing, fixture, max_difference, shared};
use headlight_attention::{Alignment, Frame, MergeRule, merge};
use headlight_bert::{Device, Level, LoadOptions, Model, Pieces, Request};

fn golden_pieces(golden: &Golden) -> Vec<Pieces> {
    (0..20)
        .map(|number| {
            let ids = golden.ids(&format!("input_ids.{number}"));
            // Words of up to two pieces, so that there is something to merge.
            let words = (1..ids.len() - 1).step_by(2).map(|start| start..(start + 2).min(ids.len() - 1)).collect();
            let alignment = Alignment::new(&Frame::bert(), ids.len(), words).unwrap();
            Pieces { segments: vec![0; ids.len()], alignment, ids, unpieced_words: 0 }
        })
        .collect()
}

#[test]
fn attention_equals_pytorch_on_every_device() {
    let (Some(folder), Some(golden)) = (shared("data/minilm-l6"), shared("golden/attention-minilm.safetensors")) else {
        return;
    };
    let golden = Golden::read(&golden);
    let inputs = golden_pieces(&golden);
    for device in [Device::Cpu, Device::Ndarray] {
        let model = Model::load(&folder, &LoadOptions { device, ..Default::default() }).unwrap();
        let request = Request { attention: Some(Level::Pieces), ..Default::default() };
        let mut maps = Vec::new();
        let stream = inputs.iter().cloned().enumerate().map(Ok::<_, ()>);
        let keep = |(number, encoded)| {
            maps.push((number, encoded));
            Ok(())
        };
        model.stream(stream, &request, |number, _, encoded| (number, encoded.maps.unwrap()), keep).unwrap();

        let numbers: Vec<usize> = maps.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
        let differences = maps.iter().map(|(number, maps)| {
            let (shape, expected) = golden.floats(&format!("attention.{number}"));
            assert_eq!(shape, [72, maps.positions(), maps.positions()]);
            max_difference(maps.weights(), &expected)
        });
        let worst = differences.fold(0.0, f32::max);
        assert!(worst <= TOLERANCE, "{device}: {worst}");

        for rule in [MergeRule::Mean, MergeRule::First, MergeRule::Max] {
            let request = Request { attention: Some(Level::Words(rule)), ..Default::default() };
            for (input, (_, maps)) in inputs.iter().zip(&maps).take(4) {
                let merged = model.encode(input, &request).unwrap().words.unwrap();
                let expected = merge(maps, &input.alignment, rule);
                let worst = max_difference(merged.weights(), expected.weights());
                assert!(worst <= TOLERANCE, "{device} {rule:?}: {worst}");
            }
        }
    }
}

/// The sentences of `fixtures/mixing.py`.
const SENTENCES: [&str; 3] = [
    "The old man who lived by the river had never seen the sea .",
    "What did the committee decide to publish after the long meeting in Geneva ?",
    "Unquestionably , they disliked it .",
];

#[test]
fn maps_of_layers_equal_those_of_their_definitions() {
    let Some(folder) = shared("data/minilm-l6") else { return };
    let golden = Golden::read(&fixture("minilm-mixing.safetensors"));
    for device in [Device::Cpu, Device::Ndarray] {
        let model = Model::load(&folder, &LoadOptions { device, ..Default::default() }).unwrap();
        let words = SENTENCES.map(|sentence| sentence.split(' ').collect::<Vec<_>>());
        let inputs = words.map(|words| model.tokenizer().words(&words, 128).unwrap());
        check_mixing(&format!("minilm {device}"), &model, &inputs, &golden);
    }
}
