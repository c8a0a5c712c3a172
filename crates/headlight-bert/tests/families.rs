//! Families beside BERT against transformers, on both encoders: tiny checkpoints that `fixtures/families.py` has made. Inputs are
//! ids; tokenizers have tests of their own.

use std::{fs, path::Path};

use crate::support::{
    Golden, bare, check_golden, check_mixing, encode_all, family, family_golden, family_names, fixture, max_difference,
    mixing_golden, told,
};
use headlight_attention::{AttentionHead, MergeRule, peaks};
use headlight_bert::{
    AttentionKind, Device, HeadMask, Level, LoadOptions, MaskedLm, MaskedPieces, Masking, Model, Pieces, Request,
    Visibility,
};

const DEVICES: [Device; 2] = [Device::Cpu, Device::Ndarray];

/// Each folder of `fixtures/families`, with the family that it is of and how many layers of heads it has.
const MODELS: [(&str, &str, Visibility); 22] = [
    ("albert", "albert", Visibility::Full),
    ("albert-groups", "albert", Visibility::Full),
    ("camembert-untied", "roberta", Visibility::Full),
    ("deberta-v2-c2p", "deberta-v2", Visibility::Full),
    ("deberta-v2-unshared", "deberta-v2", Visibility::Full),
    ("deberta-v3", "deberta-v2", Visibility::Full),
    ("distilbert", "distilbert", Visibility::Full),
    ("electra-discriminator", "electra", Visibility::Full),
    ("electra-generator", "electra", Visibility::Full),
    ("gpt-neox", "gpt_neox", Visibility::Causal),
    ("gpt-neox-in-turn", "gpt_neox", Visibility::Causal),
    ("gpt2", "gpt2", Visibility::Causal),
    ("gpt2-bare", "gpt2", Visibility::Causal),
    ("llama", "llama", Visibility::Causal),
    ("llama-odd-heads", "llama", Visibility::Causal),
    ("mistral", "llama", Visibility::Causal),
    ("modernbert", "modernbert", Visibility::Full),
    ("mpnet", "mpnet", Visibility::Full),
    ("qwen2", "llama", Visibility::Causal),
    ("qwen3", "llama", Visibility::Causal),
    ("roberta", "roberta", Visibility::Full),
    ("xlm-roberta-offset-3", "roberta", Visibility::Full),
];

/// Those whose checkpoint has a language-model head.
const WITHOUT_HEAD: [&str; 5] =
    ["albert-groups", "deberta-v2-c2p", "deberta-v2-unshared", "electra-discriminator", "gpt-neox-in-turn"];

fn model(name: &str, options: &LoadOptions) -> Model {
    Model::load(family(name).path(), options).unwrap_or_else(|error| panic!("{name}: {}", told(&error)))
}

fn inputs(golden: &Golden) -> Vec<Pieces> {
    (0..4).map(|number| bare(golden.ids(&format!("ids.{number}")))).collect()
}

#[test]
fn every_folder_is_looked_at() {
    assert_eq!(family_names(), MODELS.map(|(name, ..)| name));
}

#[test]
fn attention_and_states_equal_those_of_transformers() {
    for (name, of_family, visibility) in MODELS {
        let golden = family_golden(name);
        let request = Request { attention: Some(Level::Pieces), states: true, ..Request::default() };
        for device in DEVICES {
            let model = model(name, &LoadOptions { device, ..LoadOptions::default() });
            assert_eq!((model.spec().family, model.spec().visibility()), (of_family, visibility), "{name}");
            assert_eq!(model.warnings(), &[] as &[String], "{name}");
            let context = format!("{name} {device}");
            for (number, encoded) in encode_all(&model, &inputs(&golden), &request, |it| it).into_iter().enumerate() {
                let states: Vec<f32> = encoded.states.unwrap().view().iter().copied().collect();
                check_golden(&context, &golden, &format!("hidden.{number}"), &states);
                check_golden(&context, &golden, &format!("attention.{number}"), encoded.maps.unwrap().weights());
            }
        }
    }
}

#[test]
fn norms_equal_those_of_transformers() {
    for (name, ..) in MODELS {
        let golden = family_golden(name);
        let kind = AttentionKind::Norms;
        let request = Request { attention: Some(Level::Pieces), kind, ..Request::default() };
        for device in DEVICES {
            let model = model(name, &LoadOptions { device, ..LoadOptions::default() });
            let encoded = encode_all(&model, &inputs(&golden)[..3], &request, |it| it);
            for (number, encoded) in encoded.into_iter().enumerate() {
                let context = format!("{name} {device}");
                check_golden(&context, &golden, &format!("norms.{number}"), encoded.maps.unwrap().weights());
            }
        }
    }
}

/// The maps of layers by their definitions, which `fixtures/mixing.py` has computed in another way.
#[test]
fn maps_of_layers_equal_those_of_their_definitions() {
    for (name, ..) in MODELS {
        let (golden, mixing) = (family_golden(name), mixing_golden(name));
        for device in DEVICES {
            let model = model(name, &LoadOptions { device, ..LoadOptions::default() });
            check_mixing(&format!("{name} {device}"), &model, &inputs(&golden)[..3], &mixing);
        }
    }
}

#[test]
fn losses_and_their_gradients_equal_those_of_transformers() {
    for (name, ..) in MODELS {
        let (folder, golden) = (fixture("families").join(name), family_golden(name));
        if WITHOUT_HEAD.contains(&name) {
            let error = told(&MaskedLm::load(&folder, &LoadOptions::default()).unwrap_err());
            assert!(error.contains("language-model head ("), "{name}: {error}");
            continue;
        }
        if name == "gpt2-bare" {
            // Nothing but its embeddings decodes, so it has a head, which transformers did not ask.
            assert!(MaskedLm::load(&folder, &LoadOptions::default()).is_ok());
            continue;
        }
        let model = MaskedLm::load(&folder, &LoadOptions::default()).unwrap();
        for number in [0, 1] {
            let ids = golden.ids(&format!("ids.{number}"));
            let positions = golden.ids(&format!("targets.{number}"));
            let targets = positions.into_iter().map(|position| (position as usize, ids[position as usize])).collect();
            let input = MaskedPieces { pieces: bare(golden.ids(&format!("seen.{number}"))), targets };
            let packed = model.losses(&[&input], &[&HeadMask::new()]).unwrap()[0][0];
            let derived = model.gradients(&[&input]).unwrap().remove(0);
            check_golden(name, &golden, &format!("loss.{number}"), &[packed as f32]);
            check_golden(name, &golden, &format!("loss.{number}"), &[derived.loss as f32]);
            let gradients = derived.attention_gradients.weights();
            check_golden(name, &golden, &format!("gradient.{number}"), gradients);
            // A head's gate changes the loss as all its weights together do.
            let grid = derived.attention.grid();
            for head in grid.iter() {
                let products = derived.attention.head(head).iter().zip(derived.attention_gradients.head(head));
                let sum: f32 = products.map(|(weight, gradient)| weight * gradient).sum();
                assert!((sum - derived.gate_gradients[grid.number(head)]).abs() < 1e-4, "{name} {head}");
            }
        }
    }
}

/// The positions whose logits `fixtures/family_logits.py` keeps.
fn kept(length: usize) -> Vec<usize> {
    if length <= 9 { (0..length).collect() } else { vec![0, length / 2, length - 2, length - 1] }
}

/// Every logit of every family that has a head, of tiny BERT and of a checkpoint that only its embeddings decode.
#[test]
fn logits_equal_those_of_transformers_on_both_encoders() {
    let golden = Golden::read(&fixture("family_logits.safetensors"));
    let mut compared = 0;
    for name in MODELS.map(|(name, ..)| name).into_iter().chain(["tiny-bert"]) {
        let (folder, inputs) = match name {
            "tiny-bert" => (fixture(name), Golden::read(&fixture("tiny-bert-golden.safetensors"))),
            _ => (fixture("families").join(name), family_golden(name)),
        };
        if WITHOUT_HEAD.contains(&name) {
            assert!(MaskedLm::load(&folder, &LoadOptions::default()).is_err(), "{name}");
            continue;
        }
        let model = MaskedLm::load(&folder, &LoadOptions::default()).unwrap();
        let of = |number: usize| {
            let pieces = bare(inputs.ids(&format!("ids.{number}")));
            let segments =
                if name == "tiny-bert" { inputs.ids(&format!("segments.{number}")) } else { vec![0; pieces.len()] };
            Pieces { segments, ..pieces }
        };
        let inputs: Vec<Pieces> = (0..4).map(of).collect();
        let inputs: Vec<&Pieces> = inputs.iter().collect();
        let [packed, burn] = [model.logits(&inputs), model.reference_logits(&inputs)].map(Result::unwrap);
        for (encoder, logits) in [("packed", packed), ("burn", burn)] {
            for (number, logits) in logits.iter().enumerate() {
                let shown = logits.select(ndarray::Axis(0), &kept(logits.nrows()));
                let shown: Vec<f32> = shown.iter().copied().collect();
                check_golden(&format!("{name} {encoder}"), &golden, &format!("{name}.{number}"), &shown);
                compared += shown.len();
            }
        }
    }
    assert!(compared > 40_000, "{compared}");
}

#[test]
fn a_causal_model_guesses_every_piece_but_the_first_and_hides_none() {
    let model = MaskedLm::load(&fixture("families/gpt2"), &LoadOptions::default()).unwrap();
    let input = bare(vec![7, 8, 9, 10]);
    let drawn = MaskedPieces::following(&input).unwrap();
    assert_eq!((&drawn.pieces, drawn.targets.clone()), (&input, [(1, 8), (2, 9), (3, 10)].into()));
    assert_eq!(MaskedPieces::following(&bare(vec![7])), None);
    // The first piece has none before it to be guessed from.
    let first = MaskedPieces { pieces: input, targets: [(0, 7)].into() };
    let error = model.losses(&[&first], &[&HeadMask::new()]).unwrap_err().to_string();
    assert_eq!(error, "input 1: piece 7 at position 0 cannot be guessed");
}

#[test]
fn masked_heads_and_peaks_are_the_same_on_both_encoders_and_keep_to_what_is_seen() {
    for (name, _, visibility) in MODELS {
        let inputs = inputs(&family_golden(name));
        let [packed, burn] = DEVICES.map(|device| model(name, &LoadOptions { device, ..LoadOptions::default() }));
        let head = |layer, index| AttentionHead { layer, index };
        let masked_heads = HeadMask::from([(head(0, 0), Masking::Uniform), (head(1, 1), Masking::Zero)]);
        let maps = Request { attention: Some(Level::Pieces), states: true, masked_heads, ..Request::default() };
        let [ours, theirs] = [&packed, &burn].map(|model| encode_all(model, &inputs, &maps, |it| it));
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            let (ours, theirs) =
                ((ours.maps.unwrap(), ours.states.unwrap()), (theirs.maps.unwrap(), theirs.states.unwrap()));
            assert!(max_difference(ours.0.weights(), theirs.0.weights()) <= 1e-5, "{name}");
            let states = [ours.1, theirs.1].map(|states| states.view().iter().copied().collect::<Vec<_>>());
            let largest = states[1].iter().fold(1f32, |largest, x| largest.max(x.abs()));
            assert!(max_difference(&states[0], &states[1]) <= 1e-5 * largest, "{name}");
            assert!(ours.0.head(head(1, 1)).iter().all(|weight| *weight == 0.0), "{name}");
            let places = ours.0.positions();
            for (from, row) in ours.0.head(head(0, 0)).chunks_exact(places).enumerate() {
                let seen = row.iter().filter(|weight| **weight > 0.0).count();
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{name}");
                assert!(row.iter().all(|weight| *weight == 0.0 || (weight * seen as f32 - 1.0).abs() < 1e-5), "{name}");
                if visibility == Visibility::Causal {
                    assert!(row[from + 1..].iter().all(|weight| *weight == 0.0), "{name}");
                }
            }
        }
        let request = Request {
            attention: Some(Level::Words(MergeRule::Mean)),
            peaks: Some(MergeRule::Mean),
            ..Request::default()
        };
        for model in [&packed, &burn] {
            for encoded in encode_all(model, &inputs, &request, |it| it) {
                let (words, found) = (encoded.words.unwrap(), encoded.peaks.unwrap());
                assert_eq!(found, peaks(&words), "{name}");
                if visibility == Visibility::Causal {
                    let (rows, columns) = found.places().split_at(found.places().len() / 2);
                    let later = |(place, peak): (usize, &u16)| usize::from(*peak) >= place % found.words();
                    // No later word in a row, none before in a column: where there is none at all, there is no peak.
                    let none = headlight_attention::NO_PEAK;
                    assert!(rows.iter().enumerate().all(|it| !later(it) || *it.1 == none), "{name}");
                    assert!(columns.iter().enumerate().all(later), "{name}");
                }
            }
        }
    }
}

#[test]
fn random_init_keeps_the_embeddings_only() {
    for (name, ..) in MODELS {
        let input = &inputs(&family_golden(name))[0];
        let request = Request { attention: Some(Level::Pieces), states: true, ..Request::default() };
        let with = |random_init| {
            let options = LoadOptions { random_init, ..LoadOptions::default() };
            model(name, &options).encode(input, &request).unwrap()
        };
        let (trained, first, again, other) = (with(None), with(Some(1)), with(Some(1)), with(Some(2)));
        assert_eq!(first, again, "{name}");
        assert_ne!(first.maps, other.maps, "{name}");
        assert_ne!(first.maps, trained.maps, "{name}");
        // What projects them is drawn as well.
        if !["albert", "electra-generator"].iter().any(|projected| name.starts_with(projected)) {
            let [first, trained] = [first, trained].map(|encoded| encoded.states.unwrap());
            assert_eq!(
                first.view().index_axis(ndarray::Axis(0), 0),
                trained.view().index_axis(ndarray::Axis(0), 0),
                "{name}"
            );
        }
    }
}

/// The error for a folder whose `config.json` was changed.
fn changed(name: &str, change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> String {
    let folder = family(name);
    let path = folder.path().join("config.json");
    let mut config: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(&path, serde_json::to_string(&config).unwrap()).unwrap();
    match Model::load(folder.path(), &LoadOptions::default()) {
        Ok(_) => panic!("{name} is loaded all the same"),
        Err(error) => told(&error),
    }
}

#[track_caller]
fn check_refused(name: &str, key: &str, value: serde_json::Value, part: &str) {
    let error = changed(name, |config| drop(config.insert(key.to_owned(), value)));
    assert!(error.contains("config.json") && error.contains(part), "{name} {key}: {error}");
}

#[test]
fn what_is_not_computed_is_refused_by_name() {
    use serde_json::json;
    check_refused("gpt2", "model_type", json!("t5"), "model_type is `t5`, supported: bert, roberta, xlm-roberta");
    check_refused("gpt2", "model_type", json!("t5"), "another family is one file in");
    check_refused("gpt2", "scale_attn_weights", json!(false), "scale_attn_weights is `false`, supported: true");
    check_refused("gpt2", "add_cross_attention", json!(true), "add_cross_attention is `true`, supported: false");
    check_refused("albert", "inner_group_num", json!(2), "inner_group_num is `2`, supported: 1");
    check_refused("albert", "num_hidden_groups", json!(9), "num_hidden_groups is 9, num_hidden_layers 3");
    check_refused("mpnet", "relative_attention_num_buckets", json!(64), "num_buckets is `64`, supported: 32");
    check_refused("deberta-v3", "conv_kernel_size", json!(3), "conv_kernel_size is `3`, supported: 0");
    check_refused("deberta-v3", "pos_att_type", json!("p2p"), "pos_att_type is `p2p`, supported: c2p, p2c");
    check_refused("deberta-v3", "embedding_size", json!(12), "embedding_size is 12, and only 16");
    check_refused("deberta-v3", "position_buckets", json!(2), "position_buckets is 2, max_relative_positions 40");
    let yarn = json!({"rope_type": "yarn", "factor": 4.0});
    check_refused("llama", "rope_parameters", yarn, "rope_type is `yarn`, supported: default, linear, llama3");
    check_refused("llama", "rope_parameters", json!([1]), "rope_parameters is [1], not an object of keys");
    check_refused("llama", "num_key_value_heads", json!(3), "4 heads cannot share 3 heads of keys and values equally");
    check_refused("llama", "head_dim", json!(1 << 20), "heads of width 1048576, which no model has");
    check_refused("llama", "head_dim", json!(1), "0 of the 1 columns of a head are to be turned");
    check_refused(
        "qwen2",
        "layer_types",
        json!(["full_attention"]),
        "layer_types names 1 layers, num_hidden_layers says 3",
    );
    check_refused(
        "modernbert",
        "layer_types",
        json!(["odd", "odd", "odd", "odd"]),
        "layer_types is `odd`, supported: full_attention, sliding",
    );
    check_refused("roberta", "pad_token_id", json!(50), "max_position_embeddings is 42, of which 51 stand for padding");
    check_refused("gpt-neox", "hidden_act", json!("tanh"), "hidden_act is `tanh`, supported: gelu");
    check_refused(
        "camembert-untied",
        "num_attention_heads",
        json!(5),
        "the hidden size 16 is no multiple of the 5 heads",
    );
}

#[test]
fn configs_without_sizes_and_of_other_tensors_are_told() {
    for (name, of_family, _) in MODELS {
        if ["distilbert", "gpt2"].contains(&of_family) {
            // Their sizes have defaults, which are not those of these tensors.
            let error = changed(name, |config| config.retain(|key, _| key == "model_type"));
            assert!(error.contains("layers, the tensors have 2") && error.contains("missing"), "{name}: {error}");
            continue;
        }
        let error = changed(name, |config| config.retain(|key, _| key == "model_type"));
        assert!(error.contains("config.json: model_type is `") && error.ends_with(" is missing"), "{name}: {error}");
        let error = changed(name, serde_json::Map::clear);
        let told = "model_type is not given, so that it is read as `bert`, whose hidden_size is missing";
        assert!(error.ends_with(told), "{name}: {error}");
    }
    // Of another family: its own tensors are missing, and those that are there are no others'.
    for (name, other) in
        [("roberta", "mpnet"), ("llama-odd-heads", "gpt_neox"), ("mistral", "qwen3"), ("electra-generator", "albert")]
    {
        let error = changed(name, |config| drop(config.insert("model_type".into(), other.into())));
        assert!(error.contains("does not fit its config.json: ") && error.contains("missing: "), "{name}: {error}");
    }
    // A hostile number of layers costs nothing.
    for (name, ..) in MODELS {
        let key = if name.starts_with("gpt2") {
            "n_layer"
        } else if name == "distilbert" {
            "n_layers"
        } else {
            "num_hidden_layers"
        };
        let error = changed(name, |config| {
            config.remove("layer_types");
            config.insert(key.into(), (1 << 28).into());
            config.remove("num_hidden_groups");
        });
        assert!(
            error.contains("does not fit its config.json") || error.contains("which no model has"),
            "{name}: {error}"
        );
    }
}

/// Only what is read of the folder matters, so that it can be moved.
#[test]
fn buffers_of_old_versions_are_no_weights() {
    use safetensors::{Dtype, SafeTensors, tensor::TensorView};
    let buffers =
        [("gpt2", "transformer.h.0.attn.bias"), ("gpt-neox", "gpt_neox.layers.1.attention.rotary_emb.inv_freq")];
    for (name, buffer) in buffers {
        let folder = family(name);
        let path = folder.path().join("model.safetensors");
        let bytes = fs::read(&path).unwrap();
        let stored = SafeTensors::deserialize(&bytes).unwrap();
        let mut tensors: Vec<(String, TensorView<'_>)> = stored.tensors();
        tensors.push((buffer.to_owned(), TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap()));
        let written = safetensors::serialize(tensors, None).unwrap();
        write(&path, &written);
        let model = Model::load(folder.path(), &LoadOptions::default()).unwrap();
        assert_eq!(model.warnings(), &[] as &[String], "{name}");
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}
