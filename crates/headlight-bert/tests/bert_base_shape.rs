//! The encoders on a random model of BERT-base's shape, where `fixtures/bert_base_shape.py` has made it.

use std::path::Path;

use crate::support::{Golden, check_golden};
use headlight_attention::{Alignment, Frame};
use headlight_bert::{Device, Level, LoadOptions, Model, Pieces, Request};

#[test]
fn attention_and_states_equal_pytorch() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bert-base-shape");
    if !folder.exists() {
        eprintln!("not run: {} is absent; fixtures/bert_base_shape.py makes it", folder.display());
        return;
    }
    let golden = Golden::read(&folder.join("golden.safetensors"));
    let inputs: Vec<Pieces> = (0..5)
        .map(|number| {
            let ids = golden.ids(&format!("ids.{number}"));
            let words = (1..ids.len() - 1).map(|piece| piece..piece + 1).collect();
            let alignment = Alignment::new(&Frame::bert(), ids.len(), words).unwrap();
            Pieces { segments: vec![0; ids.len()], ids, alignment, unpieced_words: 0 }
        })
        .collect();
    let request = Request { attention: Some(Level::Pieces), states: true, ..Default::default() };
    for device in [Device::Cpu, Device::Ndarray] {
        let model = Model::load(&folder, &LoadOptions { device, ..Default::default() }).unwrap();
        for (number, input) in inputs.iter().enumerate() {
            let encoded = model.encode(input, &request).unwrap();
            let (maps, states) = (encoded.maps.unwrap(), encoded.states.unwrap());
            let last: Vec<f32> = states.view().outer_iter().next_back().unwrap().iter().copied().collect();
            check_golden(&device.to_string(), &golden, &format!("attention.{number}"), maps.weights());
            check_golden(&device.to_string(), &golden, &format!("last_hidden.{number}"), &last);
        }
    }
}
