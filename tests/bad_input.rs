//! Bad input gets a clear error that names the culprit, and loses nothing.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Ran, World, tiny_bert, tiny_config};

/// A world with a copy of the tiny model in `model/`, changed by `change`, and a config `bad.toml` for it.
fn world_with_model(change: impl FnOnce(PathBuf)) -> World {
    let world = World::new();
    for file in ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"] {
        world.write(&format!("model/{file}"), fs::read(tiny_bert().join(file)).unwrap());
    }
    change(world.path("model"));
    world.write("bad.toml", tiny_config("").replace(tiny_bert().to_str().unwrap(), "model"));
    world
}

fn edit(model: &std::path::Path, file: &str, from: &str, to: &str) {
    let path = model.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} holds {from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_checkpoint_that_does_not_fit_is_named() {
    type Change = fn(PathBuf);
    let cases: [(&str, Change, &[&str]); 8] = [
        ("no folder", |model| fs::remove_dir_all(model).unwrap(), &["`model.path` is", "which is no folder"]),
        ("no weights", |model| fs::remove_file(model.join("model.safetensors")).unwrap(), &["model.safetensors"]),
        (
            "truncated",
            |model| {
                let bytes = fs::read(model.join("model.safetensors")).unwrap();
                fs::write(model.join("model.safetensors"), &bytes[..bytes.len() / 2]).unwrap();
            },
            &["model.safetensors", "not a complete safetensors file"],
        ),
        (
            "config and tensors disagree",
            |model| edit(&model, "config.json", "\"hidden_size\": 24", "\"hidden_size\": 48"),
            &["does not fit its config.json", "word_embeddings"],
        ),
        (
            "unsupported type",
            |model| edit(&model, "config.json", "\"model_type\": \"bert\"", "\"model_type\": \"t5\""),
            &["model_type is `t5`", "supported: bert"],
        ),
        ("no tokenizer", |model| fs::remove_file(model.join("vocab.txt")).unwrap(), &["vocab.txt"]),
        (
            "a tokenizer of another model",
            |model| {
                let more: String = (0..200).map(|number| format!("word{number}\n")).collect();
                let vocabulary = fs::read_to_string(model.join("vocab.txt")).unwrap();
                fs::write(model.join("vocab.txt"), vocabulary + &more).unwrap();
            },
            &["vocab.txt", "embeds only 94 pieces"],
        ),
        ("no JSON", |model| fs::write(model.join("config.json"), "{").unwrap(), &["config.json", "EOF"]),
    ];
    for (name, change, expected) in cases {
        let error = world_with_model(change).fail(1, &["run", "bad.toml"]);
        for part in expected {
            assert!(error.contains(part), "{name}: {error}");
        }
    }
}

#[test]
fn a_device_that_is_not_there_is_no_crash() {
    let world = world_with_model(|_| ());
    if cfg!(feature = "cuda") {
        println!("not run: built with cuda, which this machine may have");
        return;
    }
    let error = world.fail(1, &["run", "bad.toml", "--set", "model.device=cuda"]);
    assert!(error.contains("--features cuda"), "{error}");
}

fn row(id: &str, head: &str) -> String {
    format!("{id}\tword\t_\tX\t_\t_\t{head}\tdep\t_\t_\n")
}

/// Runs the tiny model on a treebank file.
fn world_with_treebank(file: impl AsRef<[u8]>) -> World {
    let world = World::new();
    world.write("bad.conllu", file);
    world.write("bad.toml", tiny_config("").replace("[\"sample:evaluate\"]", "[\"bad.conllu\"]"));
    world
}

#[test]
fn a_treebank_that_is_none_is_named_by_line() {
    let good = format!("# sent_id = good\n{}\n", row("1", "0"));
    for (name, bad, expected) in [
        ("columns", "1\tword\n\n".to_owned(), "bad.conllu:4: "),
        ("ids", format!("{}{}\n", row("1", "0"), row("3", "1")), "ID 3 where 2 is due"),
        ("a cycle", format!("{}{}{}\n", row("1", "0"), row("2", "3"), row("3", "2")), "part of a cycle"),
        ("two roots", format!("{}{}\n", row("1", "0"), row("2", "0")), "both have HEAD 0"),
        ("no tree", format!("{}\n", row("1", "_")), "no HEAD"),
    ] {
        let world = world_with_treebank(format!("{good}{bad}"));
        let error = world.fail(1, &["run", "bad.toml"]);
        assert!(error.contains(expected) && error.contains("bad.conllu:"), "{name}: {error}");
        assert!(error.contains("treebank.invalid=skip"), "{name}: {error}");
        world.succeed(&["run", "bad.toml", "--set", "treebank.invalid=skip", "--set", "heads.selection=same"]);
        let manifest = world.read("runs/bad/manifest.json");
        assert!(manifest.contains("not a tree"), "{name}: {manifest}");
    }
}

#[test]
fn layouts_that_lose_nothing_are_read() {
    let lines = format!("# sent_id = a\n{}{}\n", row("1", "0"), row("2", "1"));
    for (name, file) in [
        ("CRLF", lines.replace('\n', "\r\n")),
        ("a byte order mark", format!("\u{feff}{lines}")),
        ("no final blank line", lines.trim_end().to_owned()),
    ] {
        let world = world_with_treebank(&file);
        world.succeed(&["run", "bad.toml", "--set", "heads.selection=same"]);
        let counts = world.read("runs/bad/head_scores.csv");
        assert!(counts.contains(",all,") && counts.contains(",2\n"), "{name}: {counts}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let mut invalid = format!("# sent_id = a\n{}", row("1", "0")).into_bytes();
    invalid.extend(b"2\t\xff\t_\tX\t_\t_\t1\tdep\t_\t_\n\n");
    let error = world_with_treebank(invalid).fail(1, &["run", "bad.toml"]);
    assert!(error.contains("bad.conllu:3: ") && error.contains("not valid UTF-8"), "{error}");

    let error = world_with_treebank("").fail(1, &["run", "bad.toml"]);
    assert!(error.contains("`treebank.evaluate` (bad.conllu) has no sentence"), "{error}");

    let world = world_with_treebank("");
    fs::remove_file(world.path("bad.conllu")).unwrap();
    let error = world.fail(1, &["run", "bad.toml"]);
    assert!(error.contains("bad.conllu") && error.contains("No such file"), "{error}");

    let error = world.fail(2, &["run", "bad.toml", "--set", "treebank.evaluate=[\"sample:dev\"]"]);
    assert!(error.contains("\"sample:dev\" names no data"), "{error}");
}

#[test]
fn a_split_of_which_everything_is_skipped_says_why() {
    let world = World::new();
    world.write("bad.toml", tiny_config("max_pieces = 3"));
    let error = world.fail(1, &["run", "bad.toml"]);
    assert!(error.contains("has no sentence to work with") && error.contains("too many pieces"), "{error}");
}

#[test]
fn a_full_disk_names_the_file_and_the_next_call_goes_on() {
    let world = World::new();
    world.write("full.toml", tiny_config(""));
    let mut shell = Command::new("bash");
    let call = world.command(&["run", "full.toml"]);
    // No file may grow beyond 40 KiB: writes fail as they do on a full disk.
    shell.arg("-c").arg("trap '' XFSZ; ulimit -f 40; exec \"$0\" run full.toml").arg(call.get_program());
    shell.current_dir(world.path("."));
    for (name, value) in call.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let ran = Ran::of(shell);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let error = ran.stderr.lines().last().unwrap();
    assert!(error.starts_with("error: ") && error.contains("runs/full.partial/"), "{error}");
    assert!(!world.path("runs/full").exists());
    world.succeed(&["run", "full.toml"]);
}

#[test]
fn two_runs_of_one_name_do_not_mix() {
    let world = World::new();
    world.write("twice.toml", tiny_config(""));
    let folder = world.path("runs/twice.partial");
    fs::create_dir_all(&folder).unwrap();
    let lock = fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let error = world.fail(1, &["run", "twice.toml"]);
    assert!(error.contains("another headlight is at work in runs/twice.partial"), "{error}");
    drop(lock);
    world.succeed(&["run", "twice.toml"]);
}
