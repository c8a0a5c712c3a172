//! Faults injected from outside, a few of each: kills, signals, changed files. `tests/faults/run.py` tries them by the
//! hundred.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Ran, World, tiny_bert, tiny_config};

/// Everything of a run that does not say when it was made, by file.
fn left(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![run.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(run).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !["manifest.json", "report.md", "report.html", "config.toml"].contains(&name.as_str()) {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Heads and probes.
fn kinds() -> String {
    tiny_config("train = [\"sample:select\"]")
        + "null_models = 1\n[[experiment]]\nkind = \"probe\"\nepochs = 3\nresamples = 1000\n"
}

fn start(world: &World, arguments: &[&str]) -> Child {
    world.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_run_that_is_killed_at_any_moment_ends_as_one_that_nobody_disturbed() {
    let whole = World::new();
    whole.write("it.toml", kinds());
    let clock = Instant::now();
    whole.succeed(&["run", "it.toml"]);
    let (took, expected) = (clock.elapsed(), left(&whole.path("runs/it")));
    assert!(expected.len() > 10 && expected.keys().any(|it| it.ends_with("attention-seed1.safetensors")));
    for tenth in [1, 3, 4, 6, 8, 9] {
        let world = World::new();
        world.write("it.toml", kinds());
        let mut child = start(&world, &["run", "it.toml"]);
        thread::sleep(took * tenth / 10);
        child.kill().unwrap();
        child.wait().unwrap();
        if !world.path("runs/it").exists() {
            world.succeed(&["run", "it.toml"]);
        }
        assert!(left(&world.path("runs/it")) == expected, "after {tenth} tenths");
        assert_eq!(names(&world.path("runs")), ["it"], "after {tenth} tenths");
        world.succeed(&["verify", "runs/it"]);
    }
}

/// Statistics ask nobody whether to go on, and here they take minutes.
#[test]
fn signals_end_a_run_in_time_wherever_it_is_and_say_how_to_go_on() {
    let world = World::new();
    world.write("it.toml", tiny_config("").replace("resamples = 1000", "null_models = 0\nresamples = 4000000"));
    world.write("short.toml", tiny_config("").replace("resamples = 1000", "null_models = 0\nresamples = 1000"));
    // What the encoder says is there, so that the run is soon at its statistics.
    world.succeed(&["run", "short.toml"]);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    for (signal, number, code) in [("-INT", 2, 130), ("-TERM", 15, 143), ("-HUP", 1, 129)] {
        if ignored.is_none_or(|ignored| ignored >> (number - 1) & 1 == 1) {
            println!("not run: kill {signal}, which this process may have inherited as ignored");
            continue;
        }
        let child = start(&world, &["run", "it.toml"]);
        thread::sleep(Duration::from_millis(1500));
        let clock = Instant::now();
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        let (took, stderr) = (clock.elapsed(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{signal}: {:?} {stderr}", output.status);
        assert!(took < Duration::from_millis(2500), "{signal}: ended after {took:?}");
        assert!(
            stderr.contains("error: interrupted; what is computed is kept, and the same command goes on"),
            "{stderr}"
        );
        assert!(!world.path("runs/it").exists());
    }
}

fn two_runs() -> World {
    let world = World::new();
    world.write("a.toml", tiny_config("").replace("resamples = 1000", "null_models = 0\nresamples = 1000"));
    world.write(
        "b.toml",
        tiny_config("merge = \"first\"").replace("resamples = 1000", "null_models = 0\nresamples = 1000"),
    );
    world.succeed(&["run", "a.toml", "b.toml"]);
    world
}

#[test]
fn verify_says_what_changed_of_a_run_and_of_what_it_read() {
    let world = World::new();
    let treebank = crate::support::root().join("data/sample/en_sample-evaluate.conllu");
    world.write("own.conllu", fs::read(treebank).unwrap());
    let config = tiny_config("").replace("\"sample:evaluate\"", "\"own.conllu\"");
    world.write("a.toml", config.replace("resamples = 1000", "null_models = 0\nresamples = 1000"));
    world.succeed(&["run", "a.toml"]);
    let said = world.succeed(&["verify", "runs/a"]);
    assert!(
        said.starts_with("runs/a: ") && said.contains(" files as written") && said.contains("inputs as they were read")
    );

    let pages = ["report.md", "report.html"].map(|page| world.read(&format!("runs/a/{page}")));
    let check = |said: &Ran, lines: &[&str]| {
        assert_eq!(said.code, 1, "{}{}", said.stdout, said.stderr);
        lines.iter().for_each(|line| assert!(said.stdout.contains(line), "{line}: {}", said.stdout));
    };
    world.write("runs/a/report.md", "mine");
    world.write("runs/a/notes.txt", "mine");
    fs::remove_file(world.path("runs/a/baselines.csv")).unwrap();
    world.write("own.conllu", world.read("own.conllu") + "\n");
    check(
        &world.run(&["verify", "runs/a"]),
        &["  changed  report.md\n", "  missing  baselines.csv\n", "written later: notes.txt", "own.conllu (evaluate)"],
    );
    // Pages that are made again are the same, and known as such.
    world.succeed(&["report", "runs/a"]);
    assert!(pages == ["report.md", "report.html"].map(|page| world.read(&format!("runs/a/{page}"))));
    let said = world.run(&["verify", "runs/a"]);
    assert!(!said.stdout.contains("report.md") && said.stdout.contains("baselines.csv"), "{}", said.stdout);

    // What the cache keeps has the same command, by folder and by id.
    let records = world.path("cache/headlight/predictions");
    let id = names(&records).into_iter().find(|name| !name.starts_with('.')).unwrap();
    for what in [records.to_str().unwrap(), records.join(&id).to_str().unwrap(), &id[..12]] {
        assert!(world.succeed(&["verify", what]).contains("every byte as written"), "{what}");
    }
    let data = records.join(&id).join("data");
    let mut bytes = fs::read(&data).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&data, bytes).unwrap();
    check(&world.run(&["verify", &id[..12]]), &["is damaged after sentence"]);
    assert!(world.fail(1, &["verify", "."]).contains("is neither a run nor a folder of what runs have kept"));
}

#[test]
fn an_edited_file_is_shown_with_a_warning_and_a_damaged_table_is_refused() {
    let world = two_runs();
    let compare = ["compare", "runs/a", "runs/b"];
    let whole = world.run(&compare);
    assert!(whole.code == 0 && !whole.stderr.contains("changed"), "{}", whole.stderr);

    let report = world.read("runs/a/report.json");
    world.write("runs/a/report.json", report.replace("\"punctuation\": \"excluded\"", "\"punctuation\": \"included\""));
    let said = world.run(&compare);
    assert!(said.stderr.contains("runs/a: report.json was changed since it was written"), "{}", said.stderr);
    assert!(said.stdout.contains("of a, report.json was changed since it was written"), "{}", said.stdout);
    world.succeed(&["report", "runs/a"]);
    for page in ["report.md", "report.html"] {
        let text = world.read(&format!("runs/a/{page}"));
        assert!(
            text.contains("report.json was changed since it was written: what stands there now is shown"),
            "{page}"
        );
    }
    world.write("runs/a/report.json", &report);
    world.succeed(&["report", "runs/a"]);
    world.succeed(&["verify", "runs/a"]);

    for table in ["best_heads.parquet", "predictions.parquet", "head_scores.parquet"] {
        let path = format!("runs/a/{table}");
        let bytes = fs::read(world.path(&path)).unwrap();
        // In the middle, in the footer, in its length, and nothing left.
        let last = bytes.len() - 1;
        for at in [bytes.len() / 2, last - 100, last - 30, last - 5] {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            world.write(&path, changed);
            let said = world.run(&compare);
            assert!(said.code == 1 && !said.stderr.contains("panicked"), "{table} {at}: {}", said.stderr);
            let expected = format!("error: table {path} is damaged; repeat the run to write it anew");
            assert!(said.stderr.contains(&expected), "{table} {at}: {}", said.stderr);
        }
        world.write(&path, &bytes[..bytes.len() / 3]);
        assert!(world.fail(1, &compare).contains("is damaged; repeat the run"));
        world.write(&path, bytes);
    }
    assert_eq!(world.run(&compare).stdout, whole.stdout);

    let manifest = world.read("runs/a/manifest.json");
    let value: Value = serde_json::from_str(&manifest).unwrap();
    assert!(value["files"].as_array().unwrap().len() > 8);
    world.write("runs/a/manifest.json", manifest.replace("\"seed\": 1", "\"seed\": 2"));
    let said = world.run(&compare);
    assert!(said.stderr.contains("runs/a: manifest.json was changed since it was written"), "{}", said.stderr);
    // A manifest that was changed is no evidence against a table.
    let file = value["files"].as_array().unwrap().iter().find(|file| file["path"] == "best_heads.parquet").unwrap();
    let digits = file["sha256"].as_str().unwrap();
    world.write("runs/a/manifest.json", manifest.replace(digits, &digits.chars().rev().collect::<String>()));
    let said = world.run(&compare);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for file in ["manifest.json", "best_heads.parquet"] {
        assert!(said.stderr.contains(&format!("runs/a: {file} was changed since it was written")), "{}", said.stderr);
    }
}

/// A run believes nothing of what is kept: it verifies what it reads, and makes what is damaged again.
#[test]
fn damaged_attention_is_made_again() {
    let world = World::new();
    let experiment = "\n[[experiment]]\nkind = \"probe\"\nprobes = [\"attention\"]\nepochs = 1\nresamples = 1000\n";
    let config = format!(
        "[model]\npath = {:?}\n[treebank]\nname = \"sample\"\ntrain = [\"sample:select\"]\nevaluate = [\"sample:evaluate\"]\n",
        tiny_bert()
    ) + experiment;
    world.write("a.toml", &config);
    world.write("b.toml", &config);
    world.succeed(&["run", "a.toml"]);
    let root = world.path("cache/headlight/attention");
    let stores: Vec<String> = names(&root).into_iter().filter(|name| !name.starts_with('.')).collect();
    assert_eq!(stores.len(), 2);
    for store in stores {
        let shard = root.join(store).join("shard-00000.safetensors");
        let mut bytes = fs::read(&shard).unwrap();
        let middle = bytes.len() / 2;
        // The sign of a weight, or the highest bit of its exponent.
        bytes[middle | 1] ^= 0x40;
        fs::write(&shard, bytes).unwrap();
    }
    let said = world.run(&["run", "b.toml"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let damaged = said.stderr.matches("does not match its checksum: the store is made anew").count();
    assert_eq!(damaged, 2, "{}", said.stderr);
    let [mut a, mut b] = ["a", "b"].map(|run| left(&world.path(&format!("runs/{run}"))));
    assert!(a.remove("report.json").is_some() && b.remove("report.json").is_some() && a == b);
}

/// A call that may have so much address space and whose threads take a gigabyte of it each, so that few can be had.
#[cfg(target_os = "linux")]
fn with_few_threads(world: &World, gigabytes: u64, arguments: &[&str]) -> Ran {
    let mut command = world.under(&format!("ulimit -v {}", gigabytes << 20), arguments);
    command.env("RUST_MIN_STACK", (1_u64 << 30).to_string());
    Ran::of(command)
}

/// The watch for signals, the pools of runs, workers of the encoder and of losses, readers of stores: whichever thread it is
/// that cannot be had.
#[cfg(target_os = "linux")]
#[test]
fn threads_that_cannot_be_had_are_done_without_or_end_a_call_with_an_error() {
    let world = World::new();
    let config = tiny_config("train = [\"sample:select\"]\nmax_sentences = 20").replace("resamples = 1000", "");
    let rest = "null_models = 0\nresamples = 1000\n[[experiment]]\nkind = \"probe\"\nepochs = 1\nresamples = 1000\n\
                [[experiment]]\nkind = \"importance\"\nresamples = 1000\n[corpus]\nfiles = [\"sample:corpus\"]\nsequences = 8\n";
    world.write("it.toml", format!("threads = 3\n{config}{rest}"));
    world.succeed(&["run", "it.toml"]);
    let expected = left(&world.path("runs/it"));
    let (mut done, mut refused) = (0, 0);
    for gigabytes in 2..13 {
        for what in ["runs", "cache"] {
            fs::remove_dir_all(world.path(what)).unwrap();
            fs::create_dir(world.path(what)).unwrap();
        }
        let ran = with_few_threads(&world, gigabytes, &["run", "it.toml"]);
        let errors = ran.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert!(
            !ran.stderr.contains("panicked") && ran.code == i32::from(errors == 1),
            "{gigabytes} GB: {}",
            ran.stderr
        );
        match ran.code {
            0 => {
                done += 1;
                assert!(left(&world.path("runs/it")) == expected, "{gigabytes} GB");
            }
            _ => {
                refused += 1;
                assert!(ran.stderr.contains("emporarily unavailable") || ran.stderr.contains("cannot start a thread"));
            }
        }
    }
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
    for gigabytes in [1, 2, 3] {
        for call in [&["compare", "runs/it", "clark2019"][..], &["report", "runs/it"], &["check", "it.toml"]] {
            let ran = with_few_threads(&world, gigabytes, call);
            assert!(!ran.stderr.contains("panicked") && ran.code < 2, "{call:?}: {} {}", ran.code, ran.stderr);
        }
    }
}
