//! Checkpoints that are broken or do not fit, and the forms in which good ones come.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::{fixture, told};
use half::{bf16, f16};
use headlight_bert::{Architecture, BertWeights, ExtraTensors, LoadError, LoadOptions, MaskedLm, Model};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

/// A tensor to write: type, shape, bytes.
type Raw = (Dtype, Vec<usize>, Vec<u8>);

/// The tensors of the fixture model.
fn tensors() -> BTreeMap<String, Raw> {
    let bytes = fs::read(fixture("tiny-bert/model.safetensors")).unwrap();
    let stored = SafeTensors::deserialize(&bytes).unwrap();
    let raw = |tensor: TensorView<'_>| (tensor.dtype(), tensor.shape().to_vec(), tensor.data().to_vec());
    stored.tensors().into_iter().map(|(name, tensor)| (name, raw(tensor))).collect()
}

fn write(path: &Path, tensors: &BTreeMap<String, Raw>) {
    let views = tensors
        .iter()
        .map(|(name, (dtype, shape, data))| (name.clone(), TensorView::new(*dtype, shape.clone(), data).unwrap()));
    fs::write(path, safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap()).unwrap();
}

fn floats(values: &[f32]) -> Raw {
    (Dtype::F32, vec![values.len()], values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// The fixture's `config.json` with a replacement, in a folder of its own.
fn folder(from: &str, to: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = fs::read_to_string(fixture("tiny-bert/config.json")).unwrap();
    assert!(config.contains(from), "{from}");
    fs::write(folder.path().join("config.json"), config.replace(from, to)).unwrap();
    folder
}

fn read(folder: &Path) -> Result<BertWeights, LoadError> {
    BertWeights::read(folder, &Architecture::read(&folder.join("config.json"))?)
}

/// Loads the fixture's tensors after a change, with its config.
fn read_changed(change: impl FnOnce(&mut BTreeMap<String, Raw>)) -> Result<BertWeights, LoadError> {
    let folder = folder("", "");
    let mut tensors = tensors();
    change(&mut tensors);
    write(&folder.path().join("model.safetensors"), &tensors);
    read(folder.path())
}

#[track_caller]
fn check_message(result: Result<BertWeights, LoadError>, parts: &[&str]) {
    let message = told(&result.unwrap_err());
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn every_tensor_at_fault_is_named_in_one_error() {
    let result = read_changed(|tensors| {
        tensors.remove("bert.encoder.layer.1.attention.self.key.bias").unwrap();
        tensors.remove("bert.embeddings.LayerNorm.weight").unwrap();
        tensors.insert("bert.encoder.layer.0.adapter.weight".into(), floats(&[1.0]));
        tensors.insert("bert.encoder.layer.2.output.dense.bias".into(), floats(&[0.0; 23]));
        let (dtype, ..) = tensors.get_mut("bert.encoder.layer.0.output.dense.bias").unwrap();
        *dtype = Dtype::I32;
    });
    check_message(
        result,
        &[
            "model.safetensors does not fit its config.json",
            "2 missing: embeddings.LayerNorm.weight, encoder.layer.1.attention.self.key.bias",
            "1 unused: bert.encoder.layer.0.adapter.weight",
            "2 of another shape or type: bert.encoder.layer.0.output.dense.bias [24] of I32",
            "bert.encoder.layer.2.output.dense.bias [23] of F32, expected [24]",
        ],
    );
}

#[test]
fn values_that_are_not_finite_are_named() {
    let result = read_changed(|tensors| {
        let mut values = [0.0; 24];
        values[7] = f32::NAN;
        tensors.insert("bert.encoder.layer.2.output.dense.bias".into(), floats(&values));
    });
    check_message(result, &["1 with values that are not finite: bert.encoder.layer.2.output.dense.bias"]);
}

#[test]
fn another_number_of_layers_is_said_first() {
    // However many layers the config claims, those of the file bound the work and the message.
    for (layers, kind) in [(2, "16 unused"), (5, "16 missing"), (1 << 28, "16 missing")] {
        let folder = folder(r#""num_hidden_layers": 3"#, &format!(r#""num_hidden_layers": {layers}"#));
        write(&folder.path().join("model.safetensors"), &tensors());
        let summary = format!("config.json says {layers} layers, the tensors have 3; {kind}");
        check_message(read(folder.path()), &[&summary, "and 8 more"]);
    }
}

#[test]
fn old_names_other_types_and_other_heads_are_understood() {
    let expected = read_changed(|_| {}).unwrap();
    assert!(expected.masked_lm.is_some());

    let old = read_changed(|tensors| {
        for (name, tensor) in std::mem::take(tensors) {
            let name = name.strip_prefix("bert.").unwrap_or(&name);
            let name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
            tensors.insert(name, tensor);
        }
        for name in ["pooler.dense.bias", "cls.seq_relationship.bias", "classifier.bias", "embeddings.position_ids"] {
            tensors.insert(name.into(), floats(&[0.0, 1.0]));
        }
    });
    assert_eq!(old.unwrap(), expected);

    let bare = read_changed(|tensors| tensors.retain(|name, _| !name.starts_with("cls.")));
    assert_eq!(bare.unwrap().masked_lm, None);

    let convert = |dtype, half: &dyn Fn(f32) -> [u8; 2]| {
        read_changed(|tensors| {
            for (stored, _, data) in tensors.values_mut() {
                let values = data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
                *data = values.flat_map(half).collect();
                *stored = dtype;
            }
        })
    };
    let halves = convert(Dtype::F16, &|value| f16::from_f32(value).to_le_bytes()).unwrap();
    let brain = convert(Dtype::BF16, &|value| bf16::from_f32(value).to_le_bytes()).unwrap();
    for (index, value) in expected.layers[1].query.weight.iter().enumerate() {
        assert_eq!(halves.layers[1].query.weight[index], f16::from_f32(*value).to_f32());
        assert_eq!(brain.layers[1].query.weight[index], bf16::from_f32(*value).to_f32());
    }
}

/// Writes the fixture's tensors after a change, with its config, into a folder of its own.
fn changed(change: impl FnOnce(&mut BTreeMap<String, Raw>)) -> tempfile::TempDir {
    let folder = folder("", "");
    let mut tensors = tensors();
    change(&mut tensors);
    write(&folder.path().join("model.safetensors"), &tensors);
    fs::copy(fixture("tiny-bert/vocab.txt"), folder.path().join("vocab.txt")).unwrap();
    folder
}

#[test]
fn what_stands_beside_the_encoder_is_passed_over_and_named() {
    let expected = read_changed(|_| {}).unwrap();
    let names = ["linear.weight", "crf.transitions", "crf.start_transitions", "score.weight", "lstm.weight_ih_l0"];
    let folder = changed(|tensors| names.iter().for_each(|name| drop(tensors.insert((*name).into(), floats(&[1.0])))));
    assert_eq!(read(folder.path()).unwrap(), expected);
    let model = Model::load(folder.path(), &LoadOptions::default()).unwrap();
    let named = "passed over: 5 tensors beside the encoder (crf.start_transitions, crf.transitions, linear.weight, \
                 lstm.weight_ih_l0, score.weight)";
    assert_eq!(model.warnings(), [named]);
    assert!(Model::load(&fixture("tiny-bert"), &LoadOptions::default()).unwrap().warnings().is_empty());
}

#[test]
fn what_lies_within_the_encoder_is_let_through_on_demand_alone() {
    let name = "bert.encoder.layer.0.attention.self.query.lora_A.weight";
    let folder = changed(|tensors| drop(tensors.insert(name.into(), floats(&[1.0]))));
    check_message(read(folder.path()), &["1 unused: bert.encoder.layer.0.attention.self.query.lora_A.weight"]);
    let options = LoadOptions { extra_tensors: ExtraTensors::Ignore, ..LoadOptions::default() };
    let model = Model::load(folder.path(), &options).unwrap();
    assert_eq!(model.warnings(), [format!("passed over: 1 tensor within the encoder ({name})")]);
    // A config of fewer layers takes the first.
    let shorter = self::folder(r#""num_hidden_layers": 3"#, r#""num_hidden_layers": 2"#);
    fs::copy(folder.path().join("vocab.txt"), shorter.path().join("vocab.txt")).unwrap();
    write(&shorter.path().join("model.safetensors"), &tensors());
    assert_eq!(Model::load(shorter.path(), &options).unwrap().spec().grid.layers, 2);
}

#[test]
fn an_encoder_within_other_modules_is_found() {
    let expected = read_changed(|_| {}).unwrap();
    for prefix in ["model.", "0.auto_model.", "encoder."] {
        let moved = read_changed(|tensors| {
            for (name, tensor) in std::mem::take(tensors) {
                tensors.insert(format!("{prefix}{name}"), tensor);
            }
        });
        assert_eq!(moved.unwrap(), expected, "{prefix}");
    }
    let two = read_changed(|tensors| {
        for (name, tensor) in std::mem::take(tensors) {
            tensors.insert(format!("question.{name}"), tensor.clone());
            tensors.insert(format!("context.{name}"), tensor);
        }
    });
    check_message(two, &["it holds several encoders (context.bert., question.bert.)"]);
}

#[test]
fn a_masked_lm_head_that_does_not_fit_costs_nothing_but_itself() {
    let cases: [(&str, tempfile::TempDir, &str); 3] = [
        (
            "a resized bias",
            changed(|tensors| drop(tensors.insert("cls.predictions.bias".into(), floats(&[0.0; 95])))),
            "cls.predictions.bias [95] of F32, expected [94]",
        ),
        (
            "a lost transform",
            changed(|tensors| drop(tensors.remove("cls.predictions.transform.dense.weight").unwrap())),
            "1 missing: cls.predictions.transform.dense.weight",
        ),
        (
            "no number",
            changed(|tensors| drop(tensors.insert("cls.predictions.bias".into(), floats(&[f32::NAN; 94])))),
            "1 with values that are not finite: cls.predictions.bias",
        ),
    ];
    for (what, folder, problem) in &cases {
        check_head_left_out(what, folder.path(), problem);
    }
    // Untied, but without a decoder.
    let untied = folder(r#""tie_word_embeddings": true"#, r#""tie_word_embeddings": false"#);
    fs::copy(fixture("tiny-bert/vocab.txt"), untied.path().join("vocab.txt")).unwrap();
    let mut tensors = tensors();
    tensors.remove("cls.predictions.decoder.weight");
    write(&untied.path().join("model.safetensors"), &tensors);
    check_head_left_out("untied", untied.path(), "1 missing: cls.predictions.decoder.weight");
}

#[track_caller]
fn check_head_left_out(what: &str, folder: &Path, problem: &str) {
    let bare = read_changed(|tensors| tensors.retain(|name, _| !name.starts_with("cls."))).unwrap();
    assert_eq!(read(folder).unwrap(), bare, "{what}");
    let options = LoadOptions::default();
    let model = Model::load(folder, &options).unwrap();
    assert!(!model.has_masked_lm_head(), "{what}");
    let [warning] = model.warnings() else { panic!("{what}: {:?}", model.warnings()) };
    assert!(warning.contains("head does not fit") && warning.contains(problem), "{what}: {warning}");
    let error = told(&MaskedLm::load(folder, &options).unwrap_err());
    assert!(error.contains(problem), "{what}: {error}");
}

#[test]
fn files_that_are_no_weights_say_what_they_are_and_what_to_do() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 133466304\n";
    for file in ["model.safetensors", "config.json", "vocab.txt", "tokenizer.json"] {
        let folder = changed(|_| {});
        fs::write(folder.path().join(file), pointer).unwrap();
        let error = told(&Model::load(folder.path(), &LoadOptions::default()).unwrap_err());
        assert!(error.contains(&format!("{file} is a pointer of git-lfs")), "{error}");
        assert!(error.contains("git lfs pull"), "{error}");
    }
    for (file, hint) in [
        ("pytorch_model-00001-of-00002.bin", "a file of PyTorch under another name"),
        ("weights.pt", "call it pytorch_model.bin"),
        ("tf_model.h5", "only weights of TensorFlow"),
        ("flax_model.msgpack", "only weights of Flax"),
        ("adapter_model.safetensors", "merge_and_unload"),
        ("bert.safetensors", "call it model.safetensors"),
        ("model.onnx", "made for inference"),
    ] {
        let folder = folder("", "");
        fs::write(folder.path().join(file), "").unwrap();
        check_message(read(folder.path()), &["has no model.safetensors or pytorch_model.bin", hint]);
    }
}

#[test]
fn one_tensor_under_two_names_is_refused() {
    let result = read_changed(|tensors| {
        let copy = tensors["bert.embeddings.LayerNorm.bias"].clone();
        tensors.insert("bert.embeddings.LayerNorm.beta".into(), copy);
    });
    check_message(result, &["bert.embeddings.LayerNorm.beta and bert.embeddings.LayerNorm.bias are the same tensor"]);
}

/// Writes the fixture as two shards, and an index after a change.
fn shards(change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> tempfile::TempDir {
    let folder = folder("", "");
    let tensors = tensors();
    let shard_of = |number: usize| if number.is_multiple_of(3) { "a.safetensors" } else { "b.safetensors" };
    let mut index = serde_json::Map::new();
    for shard in ["a.safetensors", "b.safetensors"] {
        let part = tensors.iter().enumerate().filter(|(number, _)| shard_of(*number) == shard);
        let part: BTreeMap<_, _> = part.map(|(_, (name, tensor))| (name.clone(), tensor.clone())).collect();
        write(&folder.path().join(shard), &part);
        index.extend(part.into_keys().map(|name| (name, shard.into())));
    }
    change(&mut index);
    let index = serde_json::json!({"metadata": {}, "weight_map": index});
    fs::write(folder.path().join("model.safetensors.index.json"), index.to_string()).unwrap();
    folder
}

#[test]
fn shards_are_one_checkpoint() {
    assert_eq!(read(shards(|_| {}).path()).unwrap(), read_changed(|_| {}).unwrap());
    let name = "bert.embeddings.LayerNorm.bias";
    let lost = shards(|index| drop(index.insert("x".into(), "a.safetensors".into())));
    check_message(read(lost.path()), &["it places x in a.safetensors, which lacks it"]);
    let unlisted = shards(|index| drop(index.remove(name)));
    check_message(read(unlisted.path()), &["it does not list bert.embeddings.LayerNorm.bias of a.safetensors"]);
    let moved = shards(|index| drop(index.insert(name.into(), "b.safetensors".into())));
    check_message(read(moved.path()), &["it places bert.embeddings.LayerNorm.bias in b.safetensors, but"]);
    let outside = shards(|index| drop(index.insert(name.into(), "../a.safetensors".into())));
    check_message(read(outside.path()), &["the shard `../a.safetensors` is not a plain file name"]);
    let absent = shards(|_| {});
    fs::remove_file(absent.path().join("b.safetensors")).unwrap();
    check_message(read(absent.path()), &["cannot read", "b.safetensors"]);
}

#[test]
fn a_damaged_file_is_named_with_what_is_wrong() {
    let bytes = fs::read(fixture("tiny-bert/model.safetensors")).unwrap();
    let check = |bytes: &[u8], part: &str| {
        let folder = folder("", "");
        fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        check_message(read(folder.path()), &["model.safetensors is not a complete safetensors file", part]);
    };
    check(&bytes[..bytes.len() - 1], "truncated: its header promises");
    check(&[&bytes[..], b"x"].concat(), "too long");
    check(&bytes[..100], "but the file has 100");
    check(b"", "it has 0 bytes");
    check(b"PK\x03\x04 a zip file of pytorch", "its header should take");
    check(b"\x02\0\0\0\0\0\0\0{]", "its header is broken");
}

#[test]
fn a_folder_without_a_file_says_what_is_missing() {
    let folder = folder("", "");
    check_message(read(folder.path()), &["has no model.safetensors", "model.safetensors (or pytorch_model.bin) and"]);
    fs::remove_file(folder.path().join("config.json")).unwrap();
    check_message(read(folder.path()), &["has no config.json"]);
}

#[track_caller]
fn check_config(from: &str, to: &str, message: &str) {
    let folder = folder(from, to);
    check_message(read(folder.path()), &["config.json", message]);
}

#[test]
fn configs_of_models_that_are_not_supported_say_what_is() {
    check_config(r#""model_type": "bert""#, r#""model_type": "t5""#, "model_type is `t5`, supported: bert, roberta");
    check_config(
        r#""hidden_act": "gelu""#,
        r#""hidden_act": "tanh""#,
        "hidden_act is `tanh`, supported: gelu, gelu_new",
    );
    check_config(r#""is_decoder": false"#, r#""is_decoder": true"#, "is_decoder is `true`");
    let relative = r#""position_embedding_type": "relative_key", "pad_token_id""#;
    check_config(r#""pad_token_id""#, relative, "position_embedding_type is `relative_key`, supported: absolute");
    check_config(
        r#""num_attention_heads": 3"#,
        r#""num_attention_heads": 5"#,
        "the hidden size 24 is no multiple of the 5 heads",
    );
    check_config(r#""hidden_size": 24"#, r#""hidden_size": 0"#, "hidden_size is 0");
    check_config(
        r#""vocab_size": 94"#,
        r#""vocab_size": 999999999999"#,
        "vocab_size is 999999999999, which no model has",
    );
    check_config(r#""vocab_size": 94"#, r#""vocab_sise": 94"#, "vocab_size is missing");
    check_config(r#""hidden_size": 24"#, r#""hidden_size": "wide""#, "hidden_size is \"wide\", not a whole number");
    check_config(
        r#""layer_norm_eps": 1e-12"#,
        r#""layer_norm_eps": -1"#,
        "layer_norm_eps is -1, not a positive number",
    );
    check_config("{", "", "expected a map");
}
