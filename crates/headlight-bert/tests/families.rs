//! Families beside BERT against transformers, on both encoders: tiny checkpoints that `fixtures/families.py` has made.

mod support;

use std::collections::BTreeMap;

use headlight_bert::{Device, Level, LoadOptions, MaskedLm, MaskedPieces, Model, Request};
use support::{Golden, TOLERANCE, check_golden, fixture};

const SENTENCES: [&str; 3] = ["the old tree was an oak", "her dog was reading that book", "trees !"];

#[test]
fn attention_states_and_losses_equal_those_of_transformers() {
    for family in ["distilbert"] {
        let folder = fixture(&format!("families/{family}"));
        let golden = Golden::read(&folder.join("golden.safetensors"));
        let request = Request { attention: Some(Level::Pieces), hidden_states: true, ..Request::default() };
        for device in [Device::Cpu, Device::Ndarray] {
            let model = Model::load(&folder, &LoadOptions { device, ..LoadOptions::default() }).unwrap();
            assert_eq!((model.spec().family, model.warnings()), (family, &[][..]));
            for (number, sentence) in SENTENCES.iter().enumerate() {
                let words: Vec<&str> = sentence.split(' ').collect();
                let pieces = model.tokenizer().words(&words, 64).unwrap();
                assert_eq!(pieces.ids, golden.ids(&format!("ids.{number}")), "{family}");
                let encoded = model.encode(&pieces, &request).unwrap();
                let (maps, hidden) = (encoded.maps.unwrap(), encoded.hidden.unwrap());
                let hidden: Vec<f32> = hidden.view().iter().copied().collect();
                let context = format!("{family} {device}");
                check_golden(&context, &golden, &format!("attention.{number}"), maps.weights());
                check_golden(&context, &golden, &format!("hidden.{number}"), &hidden);
            }
        }
        let masked_lm = MaskedLm::load(&folder, &LoadOptions::default()).unwrap();
        let tokenizer = headlight_bert::Tokenizer::read(&folder, masked_lm.spec()).unwrap();
        for (number, sentence) in SENTENCES.iter().enumerate() {
            let words: Vec<&str> = sentence.split(' ').collect();
            let mut pieces = tokenizer.words(&words, 64).unwrap();
            let target = std::mem::replace(&mut pieces.ids[2], tokenizer.special().mask.unwrap());
            let input = MaskedPieces { pieces, targets: BTreeMap::from([(2, target)]) };
            let (_, expected) = golden.floats(&format!("loss.{number}"));
            let packed = masked_lm.losses(&[&input], &BTreeMap::new()).unwrap()[0];
            let burn = masked_lm.gradients(&[&input]).unwrap()[0].loss;
            for loss in [packed, burn] {
                let difference = (loss - f64::from(expected[0])).abs();
                assert!(difference <= f64::from(TOLERANCE * expected[0].max(1.0)), "{family} {number}: {difference}");
            }
        }
    }
}
