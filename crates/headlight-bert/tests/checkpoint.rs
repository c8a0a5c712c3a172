//! Checkpoints that are broken or do not fit, and the forms in which good ones come.

mod support;

use std::{collections::BTreeMap, fs, path::Path};

use half::{bf16, f16};
use headlight_bert::{BertWeights, LoadError, ModelSpec};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use support::fixture;

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
    BertWeights::read(folder, &ModelSpec::read(&folder.join("config.json"))?)
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
    let message = result.unwrap_err().to_string();
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
    for (layers, kind) in [(2, "16 unused"), (5, "32 missing")] {
        let folder = folder(r#""num_hidden_layers": 3"#, &format!(r#""num_hidden_layers": {layers}"#));
        write(&folder.path().join("model.safetensors"), &tensors());
        let summary = format!("config.json says {layers} layers, the tensors have 3; {kind}");
        check_message(read(folder.path()), &[&summary]);
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
    check_message(read(folder.path()), &["has no model.safetensors", "config.json, model.safetensors and"]);
    fs::write(folder.path().join("pytorch_model.bin"), "").unwrap();
    check_message(read(folder.path()), &["has no model.safetensors: only pytorch_model.bin is there"]);
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
    check_config(r#""model_type": "bert""#, r#""model_type": "roberta""#, "model_type is `roberta`, supported: bert");
    check_config(
        r#""hidden_act": "gelu""#,
        r#""hidden_act": "silu""#,
        "hidden_act is `silu`, supported: gelu, gelu_new",
    );
    check_config(r#""is_decoder": false"#, r#""is_decoder": true"#, "is_decoder is `true`");
    let relative = r#""position_embedding_type": "relative_key", "pad_token_id""#;
    check_config(r#""pad_token_id""#, relative, "position_embedding_type is `relative_key`, supported: absolute");
    check_config(r#""num_attention_heads": 3"#, r#""num_attention_heads": 5"#, "hidden_size 24 is no multiple of");
    check_config(r#""hidden_size": 24"#, r#""hidden_size": 0"#, "hidden_size is 0");
    check_config(
        r#""vocab_size": 94"#,
        r#""vocab_size": 999999999999"#,
        "vocab_size is 999999999999, which no model has",
    );
    check_config(r#""vocab_size": 94"#, r#""vocab_sise": 94"#, "missing field `vocab_size`");
    check_config(r#""hidden_size": 24"#, r#""hidden_size": "wide""#, "invalid type: string \"wide\"");
    check_config(
        r#""layer_norm_eps": 1e-12"#,
        r#""layer_norm_eps": -1"#,
        "layer_norm_eps is -1, not a positive number",
    );
    check_config("{", "", "expected struct Config");
}
