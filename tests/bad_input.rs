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
        ("no tree", format!("{}\n", row("1", "_")), "no tree: no word has a HEAD"),
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
        assert!(counts.contains(",all,") && counts.contains(",2,1\n"), "{name}: {counts}");
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
    // In the cache, or in the run's own folder: the first file that grows is named.
    let named = ["cache/headlight/", "runs/full.partial/"].iter().any(|folder| error.contains(folder));
    assert!(error.starts_with("error: ") && named, "{error}");
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

/// A world with the finished run `runs/tiny`, and a second one of another seed, `runs/other`.
fn world_with_runs() -> World {
    let world = World::new();
    world.write("tiny.toml", tiny_config("max_sentences = 10"));
    world.succeed(&["run", "tiny.toml"]);
    world.succeed(&["run", "tiny.toml", "--set", "name=other", "--set", "seed=2"]);
    world
}

#[test]
fn what_is_no_run_is_never_replaced() {
    let world = World::new();
    world.write("tiny.toml", tiny_config("max_sentences = 5"));
    for (name, file) in [("folder", "runs/folder/mine.txt"), ("file", "runs/file")] {
        world.write(file, "mine");
        let error = world.fail(1, &["run", "tiny.toml", "--force", "--set", &format!("name={name}")]);
        assert!(error.contains(&format!("runs/{name} exists and is no run directory")), "{error}");
        assert_eq!(world.read(file), "mine");
    }
    fs::create_dir(world.path("runs/empty")).unwrap();
    world.succeed(&["run", "tiny.toml", "--force", "--set", "name=empty"]);
}

#[test]
fn a_run_that_is_damaged_is_named_with_the_way_out() {
    let world = world_with_runs();
    let whole = fs::read(world.path("runs/tiny/predictions.parquet")).unwrap();
    let mut scrambled = whole.clone();
    scrambled[8..200].iter_mut().for_each(|byte| *byte ^= 0x5a);
    for bytes in [&whole[..whole.len() / 2], &scrambled, &[]] {
        world.write("runs/tiny/predictions.parquet", bytes);
        let error = world.fail(1, &["compare", "runs/tiny", "runs/other"]);
        let expected = "table runs/tiny/predictions.parquet is damaged; repeat the run to write it anew";
        assert!(error.starts_with(expected), "{error}");
    }
    fs::remove_file(world.path("runs/tiny/predictions.parquet")).unwrap();
    let error = world.fail(1, &["compare", "runs/tiny", "runs/other"]);
    assert!(error.contains("runs/tiny is incomplete: it has no predictions.parquet"), "{error}");
    world.write("runs/tiny/predictions.parquet", &whole);

    let report = world.read("runs/tiny/report.json");
    for (text, expected) in [
        (report.replace("\"format_version\": 1", "\"format_version\": 9"), "has format version 9"),
        (
            report[..report.len() / 2].to_owned(),
            "cannot understand runs/tiny/report.json; repeat the run to write it anew: EOF while parsing",
        ),
    ] {
        world.write("runs/tiny/report.json", text);
        for arguments in [&["compare", "runs/tiny", "runs/other"][..], &["report", "runs/tiny"]] {
            let error = world.fail(1, arguments);
            assert!(error.contains(expected), "{error}");
        }
    }
}

#[test]
fn what_cannot_be_compared_is_said_in_a_line() {
    let world = world_with_runs();
    world.write("mine.toml", "[paper]\nid = \"x\"\ncitation = \"y\"\nmodel = \"z\"\npages = 3\n");
    for (others, expected) in [
        (&["runs/tiny"][..], "tiny is compared with itself"),
        (&["clark2109"], "there is neither a run nor a published table clark2109; did you mean clark2019?"),
        (&["runs/absent"], "there is no run at runs/absent; `headlight run CONFIG` makes one"),
        (&["runs"], "runs is not a run: it has no report.json"),
        (&["mine.toml"], "cannot understand the published table mine.toml: line 5: unknown field `pages`"),
    ] {
        let error = world.fail(1, &[&["compare", "runs/tiny"], others].concat());
        assert!(error.contains(expected), "{error}");
    }
    // A gate that has nothing to test does not open: the replication has no accuracies of heads.
    let error = world.fail(1, &["compare", "runs/tiny", "runs/other", "replication-ewt", "--fail-below=-1"]);
    assert!(error.contains("--fail-below: replication-ewt has no number that could be held"), "{error}");
    world.succeed(&["compare", "runs/tiny", "runs/other", "--fail-below=-101"]);
}

#[test]
fn figures_that_cannot_be_written_name_the_file() {
    let world = world_with_runs();
    for file in ["taken.svg", "taken.png", "taken.tex"] {
        fs::create_dir(world.path(file)).unwrap();
        let error = world.fail(1, &["figure", "runs/tiny", "table1", "--out", file]);
        assert!(error.starts_with(&format!("cannot write {file}: ")), "{error}");
    }
    for (arguments, expected) in [
        (&["heatmap", "obj", "--format", "tex"][..], "is a drawing and cannot be written as LaTeX"),
        (&["tree", "absent"], "predictions.conllu has no sentence absent"),
        (&["tree", "absent", "--format", "png"], "predictions.conllu has no sentence absent"),
        (&["figure3"], "no experiment of kind = \"importance\""),
        (&["pruning"], "no experiment of kind = \"pruning\""),
    ] {
        let error = world.fail(1, &[&["figure", "runs/tiny"], arguments].concat());
        assert!(error.contains(expected), "{error}");
    }
    for (arguments, expected) in [
        (&["tabel1"][..], "has no figure tabel1; did you mean table1?; it has table1, heatmap, sentence, tree"),
        (&["ensembles", "dep_to_gov"], "has no figure ensembles"),
        (&["null-models", "obj"], "`null-models` is not of \"obj\"; it is of the whole run"),
        (&["--format", "png"], "which figure? `headlight figure runs/tiny` lists them"),
        (&["table1", "--width", "1"], "a number of inches from 2 to 20"),
    ] {
        let ran = world.run(&[&["figure", "runs/tiny"], arguments].concat());
        assert!(ran.code == 2 && ran.stderr.contains(expected), "{}", ran.stderr);
    }
    let list = world.succeed(&["figure", "runs/tiny"]);
    assert!(list.contains("\nheatmap ") && list.contains(" of all, ") && list.contains("\ntree "), "{list}");
}

#[test]
fn text_that_a_corpus_names_twice_is_refused() {
    let world = World::new();
    for (name, text) in [("a.txt", "one\ntwo\n"), ("copy.txt", "one\ntwo\n"), ("b.txt", "three\nfour\n")] {
        world.write(name, text);
    }
    for folder in ["folder/a.txt", "folder/like_a.txt"] {
        world.write(folder, "five\nsix\n");
    }
    let name_files = |files: &str| {
        world.write(
            "run.toml",
            format!(
                "[model]\npath = {:?}\n[corpus]\nfiles = [{files}]\n[[experiment]]\nkind = \"surface\"\n",
                tiny_bert()
            ),
        );
    };
    for (files, expected) in [
        ("\"a.txt\", \"b.txt\", \"a.txt\"", "twice, which would count its text twice"),
        ("\"a.txt\", \"./a.txt\"", "twice, which would count its text twice"),
        ("\"a.txt\", \"copy.txt\"", "copy.txt, which hold the same bytes"),
        ("\"folder\", \"folder\"", "twice, which would count its text twice"),
        ("\"folder\", \"folder/a.txt\"", "twice, which would count its text twice"),
        ("\"sample:corpus\", \"sample:corpus\"", "`corpus.files` names sample:corpus twice"),
    ] {
        name_files(files);
        let error = world.fail(1, &["run", "run.toml"]);
        assert!(error.contains(expected), "{files}: {error}");
    }
    // Documents of a folder may say the same.
    name_files("\"folder\", \"a.txt\", \"b.txt\"");
    world.succeed(&["run", "run.toml"]);
}

#[test]
fn limits_of_length_are_keys_and_what_they_leave_out_is_another_text() {
    let world = World::new();
    world.write("it.toml", tiny_config("").replace("resamples = 1000", "null_models = 0\nresamples = 1000"));
    let error = world.fail(1, &["run", "it.toml", "--set", "treebank.max_words=20"]);
    assert!(error.contains("en_sample") || error.contains("sample:"), "{error}");
    assert!(error.contains("20"), "{error}");
    let error = world.fail(2, &["run", "it.toml", "--set", "treebank.max_line=0"]);
    assert!(error.contains("`treebank.max_line` is 0"), "{error}");
    let skip = ["run", "it.toml", "--set", "treebank.invalid=skip", "--force"];
    world.succeed(&skip);
    let all = world.read("runs/it/predictions.csv").lines().count();
    // With the same cache, the shorter sentences are not taken for all of them.
    world.succeed(&[&skip[..], &["--set", "treebank.max_words=20"]].concat());
    let short = world.read("runs/it/predictions.csv").lines().count();
    assert!(0 < short && short < all, "{short} of {all}");
}
