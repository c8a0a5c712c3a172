//! Weights as `torch.save` writes them, and files that only look like them. The fixtures are made by `fixtures/pytorch.py`.

use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
};

use crate::support::{fixture, told};
use half::{bf16, f16};
use headlight_bert::{Architecture, BertWeights, LayerNorm, Linear, LoadError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

fn architecture() -> Architecture {
    Architecture::read(&fixture("tiny-bert/config.json")).unwrap()
}

/// A folder with these files of the fixtures, by the names that a checkpoint gives them.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, file) in files {
        fs::copy(fixture("pytorch").join(file), folder.path().join(name)).unwrap();
    }
    folder
}

fn read(folder: &Path) -> Result<BertWeights, LoadError> {
    BertWeights::read(folder, &architecture())
}

/// Reads these bytes as `pytorch_model.bin`.
fn read_bytes(bytes: &[u8]) -> Result<BertWeights, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pytorch_model.bin"), bytes).unwrap();
    read(folder.path())
}

/// All values of the weights of the fixture in safetensors, each changed.
fn expected(round: impl Fn(f32) -> f32) -> BertWeights {
    let mut weights = BertWeights::read(&fixture("tiny-bert"), &architecture()).unwrap();
    let change = |values: &mut Vec<f32>| values.iter_mut().for_each(|value| *value = round(*value));
    let linear = |linear: &mut Linear| {
        change(&mut linear.weight);
        change(&mut linear.bias);
    };
    let embeddings = &mut weights.embeddings;
    let mut norms: Vec<&mut LayerNorm> = embeddings.norm.iter_mut().collect();
    for values in [&mut embeddings.words, &mut embeddings.positions, &mut embeddings.segments] {
        change(values);
    }
    for layer in &mut weights.layers {
        let parts = [&mut layer.query, &mut layer.key, &mut layer.value, &mut layer.attention_output];
        parts.into_iter().for_each(linear);
        [&mut layer.intermediate, &mut layer.output].into_iter().for_each(linear);
        norms.extend(layer.attention_norm.iter_mut().chain([&mut layer.output_norm]));
    }
    let head = weights.masked_lm.as_mut().unwrap();
    let transform = head.transform.as_mut().unwrap();
    linear(&mut transform.linear);
    change(&mut head.bias);
    norms.push(&mut transform.norm);
    for norm in norms {
        change(&mut norm.weight);
        change(&mut norm.bias);
    }
    weights
}

#[test]
fn views_of_shared_and_transposed_storages_are_the_same_weights() {
    let views = folder(&[("pytorch_model.bin", "views.bin")]);
    assert_eq!(read(views.path()).unwrap(), expected(|value| value));
}

#[test]
fn files_of_before_pytorch_1_6_and_half_precision_are_read() {
    let legacy = folder(&[("pytorch_model.bin", "legacy-f16.bin")]);
    assert_eq!(read(legacy.path()).unwrap(), expected(|value| f16::from_f32(value).to_f32()));
}

#[test]
fn shards_are_one_checkpoint() {
    let names =
        ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "pytorch_model.bin.index.json"];
    let shards = folder(&names.map(|name| (name, name)));
    assert_eq!(read(shards.path()).unwrap(), expected(|value| bf16::from_f32(value).to_f32()));
    fs::remove_file(shards.path().join(names[1])).unwrap();
    let error = told(&read(shards.path()).unwrap_err());
    assert!(error.contains("cannot read") && error.contains(names[1]), "{error}");
}

#[test]
fn safetensors_come_before_pytorch() {
    let both = folder(&[("pytorch_model.bin", "code.bin")]);
    fs::copy(fixture("tiny-bert/model.safetensors"), both.path().join("model.safetensors")).unwrap();
    assert_eq!(read(both.path()).unwrap(), expected(|value| value));
}

#[track_caller]
fn check_refused(bytes: &[u8], parts: &[&str]) {
    let error = told(&read_bytes(bytes).unwrap_err());
    for part in [&["pytorch_model.bin cannot be read as weights of PyTorch: "], parts].concat() {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    assert!(error.len() < 500, "{error}");
}

#[test]
fn a_file_with_code_is_refused_and_nothing_of_it_runs() {
    for file in ["code.bin", "code-legacy.bin"] {
        let bytes = fs::read(fixture("pytorch").join(file)).unwrap();
        check_refused(&bytes, &["it names posix.system, and weights need no such code. Nothing of it was executed"]);
    }
    // Code whose result is thrown away, in every way to name and to call it.
    let touched = std::env::temp_dir().join(format!("headlight-touched-{}", std::process::id()));
    let command = format!("touch {}", touched.display());
    let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let run = |name: &[u8], call: &[u8]| [b"\x80\x02", name, &text(&command), call, b"0}."].concat();
    let by_stack = [text("os"), text("system"), b"\x93".to_vec()].concat();
    check_refused(&archive(&run(b"cos\nsystem\n", b"\x85R")), &["it names os.system"]);
    check_refused(&archive(&run(&by_stack, b"\x85R")), &["it names os.system"]);
    check_refused(&archive(&run(b"cbuiltins\neval\n", b"\x85R")), &["it names builtins.eval"]);
    check_refused(&archive(&run(b"ctorch.storage\n_load_from_bytes\n", b"\x85R")), &["torch.storage._load_from_bytes"]);
    check_refused(
        &archive(&run(b"ccollections\nOrderedDict\n", b"\x85\x81")),
        &["opcode 0x81 (which makes an object)"],
    );
    check_refused(&archive(b"\x80\x02(ios\nsystem\n."), &["opcode 0x69 (which makes an object)"]);
    check_refused(&archive(b"\x80\x02\x82\x01."), &["opcode 0x82 (a registered extension)"]);
    assert!(!touched.exists());
}

#[test]
fn what_is_no_dictionary_of_tensors_says_what_it_is() {
    let bytes = fs::read(fixture("pytorch/training.bin")).unwrap();
    check_refused(&bytes, &["`state_dict` is a dictionary and no tensor", "as `model.state_dict()` gives it"]);
    check_refused(&archive(b"\x80\x02]."), &["it holds a list and no dictionary of tensors"]);
    check_refused(&archive(b"\x80\x02}K\x01K\x01s."), &["a number stands where the name of a tensor should"]);
    check_refused(b"", &["it has 0 bytes"]);
    check_refused(b"\x80\x02}.", &["which begin as no file of `torch.save` does"]);
    check_refused(&zip_of(&[("archive/model.json", b"{}")]), &["a zip archive with 0 files data.pkl"]);
    let big = zip_of(&[("archive/data.pkl", b"\x80\x02}."), ("archive/byteorder", b"big")]);
    check_refused(&big, &["not in the byte order of this machine"]);
}

/// An archive as `torch.save` writes it, of this program and one storage of four values.
fn archive(pickle: &[u8]) -> Vec<u8> {
    zip_of(&[("archive/data.pkl", pickle), ("archive/data/0", &[0; 16])])
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A program that makes one tensor of a storage of `values` values by these numbers.
fn tensor(values: &str, offset: &str, shape: &str, strides: &str) -> Vec<u8> {
    let int = |number: &str| {
        let number: i64 = number.parse().unwrap();
        [&[0x8a, 8][..], &number.to_le_bytes()].concat()
    };
    let tuple = |numbers: &str| {
        let numbers: Vec<u8> = numbers.split_whitespace().flat_map(int).collect();
        [b"(", numbers.as_slice(), b"t"].concat()
    };
    let storage = [b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu".as_slice(), &int(values), b"tQ"].concat();
    let arguments = [b"(".as_slice(), &storage, &int(offset), &tuple(shape), &tuple(strides), b"\x89Nt"].concat();
    [b"\x80\x02}U\x01actorch._utils\n_rebuild_tensor_v2\n".as_slice(), &arguments, b"Rs."].concat()
}

#[test]
fn files_that_lie_are_refused_before_memory_is_taken() {
    // The file as it should be has no tensor of the model, and says so.
    let fine = told(&read_bytes(&archive(&tensor("4", "0", "2 2", "2 1"))).unwrap_err());
    assert!(fine.contains("does not fit its config.json"), "{fine}");
    let outside = "does not lie in its storage of 4 values";
    check_refused(&archive(&tensor("4", "1", "2 2", "2 1")), &[outside]);
    check_refused(&archive(&tensor("4", "0", "2 2", "3 1")), &[outside]);
    // A view that repeats values grows without a file.
    check_refused(&archive(&tensor("4", "0", "1000000 1000000", "0 0")), &[outside]);
    check_refused(&archive(&tensor("4", "0", "9223372036854775807 3", "1 1")), &[outside]);
    check_refused(&archive(&tensor("4", "0", "-1", "1")), &["a negative size"]);
    check_refused(&archive(&tensor("4", "0", "2 2", "1")), &["different lengths"]);
    check_refused(&archive(&tensor("-4", "0", "1", "1")), &["a storage of negative length"]);
    check_refused(
        &archive(&tensor("999999999999", "0", "1", "1")),
        &["should hold 999999999999 values of F32, but has 16 bytes"],
    );
    let lost = zip_of(&[("archive/data.pkl", &tensor("4", "0", "4", "1"))]);
    check_refused(&lost, &["its storage 0 cannot be found"]);
    // Texts and stacks of any length that they only claim.
    check_refused(&archive(b"\x80\x02X\xff\xff\xff\xffabc"), &["longer than 8 MiB"]);
    check_refused(&archive(b"\x80\x02X\xff\xff\x0f\0abc"), &["truncated"]);
    check_refused(&archive(b"\x80\x02t."), &["no mark"]);
    check_refused(&archive(b"\x80\x02(00t."), &["an empty stack"]);
    check_refused(&archive(b"\x80\x02h\x05."), &["a value that was never kept"]);
    check_refused(&archive(&[b"\x80\x02".as_slice(), &vec![b'}'; 9 << 20]].concat()), &["longer than 8 MiB"]);
}

/// However a file is cut or changed: an error or weights, never a panic.
#[test]
fn damaged_files_are_errors() {
    for file in ["views.bin", "legacy-f16.bin", "code.bin"] {
        let bytes = fs::read(fixture("pytorch").join(file)).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for cut in (0..bytes.len()).step_by(bytes.len() / 97 + 1) {
            assert!(read_bytes(&bytes[..cut]).is_err(), "{file} of {cut} bytes");
        }
        for _ in 0..200 {
            let mut changed = bytes.clone();
            // Directory and pickle lie at the ends.
            let near = random.random_range(0..bytes.len().min(9000));
            let place = if random.random_bool(0.5) { near } else { bytes.len() - 1 - near };
            changed[place] = random.random_range(0..=255);
            drop(read_bytes(&changed));
        }
    }
}
