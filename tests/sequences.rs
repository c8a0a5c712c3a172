//! Kinds that need no trees, on packed text and on sentences: what they say about it, and how they go on when they were
//! interrupted.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::support::{Ran, World, root, tiny_bert};

/// A config of one experiment on the tiny model and a text.
fn config(kind: &str, keys: &str, corpus: &str) -> String {
    format!("[model]\npath = {:?}\n[corpus]\n{corpus}\n[[experiment]]\nkind = {kind:?}\n{keys}\n", tiny_bert())
}

fn report(world: &World) -> Value {
    serde_json::from_str(&world.read("runs/tiny/report.json")).unwrap()
}

#[test]
fn a_run_says_how_its_text_was_packed() {
    let world = World::new();
    world.write("tiny.toml", config("surface", "", "files = [\"sample:corpus\"]\nsequences = 0"));
    let run = |sets: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let printed = world.succeed(&["run", "tiny.toml", "--force"].into_iter().chain(sets).collect::<Vec<_>>());
        (printed.split_whitespace().collect::<Vec<_>>().join(" "), report(&world), world.read("runs/tiny/surface.csv"))
    };
    let (printed, paper, table) = run(&[]);
    assert!(printed.contains("the second of the same document as the first, none shortened on purpose"), "{printed}");
    let packing = &paper["experiments"][0]["facts"]["packing"];
    assert_eq!((&packing["random_next"], &packing["short"]), (&Value::from(0.0), &Value::from(0.0)));
    let convention = paper["conventions"]["packing"].as_str().unwrap();
    assert!(world.read("runs/tiny/report.md").contains(convention), "{convention}");

    let (printed, bert, other) = run(&["corpus.random_next=0.5", "corpus.short=0.1"]);
    assert!(printed.contains("of another document in 50.0 % of the cases, shorter ones from 10.0 %"), "{printed}");
    assert_ne!(paper["conventions"]["packing"], bert["conventions"]["packing"]);
    assert_ne!(table, other);
}

#[test]
fn sentences_that_nothing_follows_are_counted() {
    let world = World::new();
    world.write("alone.txt", "the cat sat\n\nthe dog sat\n");
    world.write("tiny.toml", config("surface", "", "files = [\"alone.txt\"]"));
    let error = world.fail(1, &["run", "tiny.toml"]);
    assert!(error.contains("no usable pair of segments (2 skipped: alone in its pair)"), "{error}");
    assert!(error.contains("--set corpus.random_next=0.5"), "{error}");
    world.succeed(&["run", "tiny.toml", "--set", "corpus.random_next=0.5"]);
    world.write("alone.txt", "the cat sat\n\nthe dog sat\nthe cat sat\n");
    world.succeed(&["run", "tiny.toml", "--force"]);
    assert_eq!(report(&world)["treebank"]["splits"][0]["skipped"]["alone in its pair"], 1);
    let error = world.fail(2, &["run", "tiny.toml", "--set", "corpus.random_next=50"]);
    assert!(error.contains("`corpus.random_next` is 50; it is a share"), "{error}");
}

/// A config of one experiment on a treebank of many sentences.
fn long_config(world: &World, kind: &str, keys: &str) {
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    world.write("many.conllu", sample.repeat(20));
    let model = format!("[model]\npath = {:?}\n", tiny_bert());
    world.write(
        "tiny.toml",
        format!("{model}[treebank]\nevaluate = [\"many.conllu\"]\n[[experiment]]\nkind = {kind:?}\n{keys}\n"),
    );
}

/// The steps that a run has kept, with when.
fn steps(world: &World) -> BTreeMap<String, SystemTime> {
    let files = fs::read_dir(world.path("runs/tiny.partial/work/steps")).into_iter().flatten().flatten();
    let steps = files.filter(|file| file.path().extension().is_some_and(|it| it == "step"));
    steps
        .filter_map(|file| Some((file.file_name().into_string().ok()?, file.metadata().ok()?.modified().ok()?)))
        .collect()
}

/// A run that gets Ctrl-C once `ready`; what it said. It has to stop within two seconds.
fn interrupted(world: &World, mut ready: impl FnMut() -> bool) -> Ran {
    let mut command = world.command(&["-v", "run", "tiny.toml"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !ready() && child.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(2));
    }
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
    let asked = Instant::now();
    let output = child.wait_with_output().unwrap();
    let (code, stderr) = (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(code != 130 || asked.elapsed() < Duration::from_secs(2), "it took {:?} to stop", asked.elapsed());
    Ran { code, stdout: String::new(), stderr }
}

/// The same run where nothing is kept.
fn apart(world: &World) -> World {
    let alone = World::new();
    for file in ["many.conllu", "text.txt", "tiny.toml"].iter().filter(|file| world.path(file).exists()) {
        alone.write(file, world.read(file));
    }
    alone.succeed(&["run", "tiny.toml"]);
    alone
}

/// Finishes the run and compares it with one that was never interrupted.
fn check_tables(world: &World, tables: &[&str]) {
    world.succeed(&["run", "tiny.toml"]);
    let alone = apart(world);
    for table in tables {
        let [resumed, whole] = [world, &alone].map(|world| world.read(&format!("runs/tiny/{table}.csv")));
        assert!(resumed == whole, "{table}");
    }
}

/// Interrupts a run twice after `more` new steps. What it kept at first is still there at the second time, but for
/// `sums` that every call writes anew; none is done again.
fn interrupt_twice(kind: &str, keys: &str, more: usize, sums: usize, tables: &[&str]) {
    let world = World::new();
    long_config(&world, kind, keys);
    let ran = interrupted(&world, || steps(&world).len() >= more);
    assert_eq!(ran.code, 130, "{kind}: {}", ran.stderr);
    assert!(ran.stderr.contains("interrupted; what is computed is kept"), "{}", ran.stderr);
    let first = steps(&world);
    assert!(first.len() >= more, "{kind}: {first:?}");
    let ran = interrupted(&world, || steps(&world).len() >= first.len() + more);
    assert_eq!(ran.code, 130, "{kind}: {}", ran.stderr);
    let second = steps(&world);
    assert!(second.len() >= first.len() + more, "{kind}");
    let again = first.iter().filter(|(step, when)| second.get(*step) != Some(when)).count();
    assert!(again <= sums, "{kind}: {again} steps were done again");
    check_tables(&world, tables);
}

#[test]
fn interrupted_pruning_goes_on_with_the_next_pass() {
    let keys = "sequences = 60\nmeasure = [\"masked-lm\", \"states\"]";
    interrupt_twice("pruning", keys, 8, 0, &["ablation", "pruning", "differences"]);
}

#[test]
fn interrupted_importance_goes_on_with_the_next_block() {
    interrupt_twice("importance", "", 3, 0, &["importance"]);
}

#[test]
fn an_interrupted_embedding_goes_on_with_the_next_start() {
    interrupt_twice("clusters", "starts = 4000", 30, 0, &["clusters", "head_distances"]);
}

/// Whether a run has opened what a pass adds up.
fn pass_has_begun(world: &World) -> bool {
    let folders = fs::read_dir(world.path("cache/headlight/records")).into_iter().flatten().flatten();
    folders.into_iter().any(|it| it.file_name().to_string_lossy().ends_with(".partial"))
}

#[test]
fn interrupted_passes_over_sequences_go_on_after_the_last_one() {
    let text = fs::read_to_string(root().join("data/sample/corpus.txt")).unwrap();
    for (kind, corpus) in [("surface", false), ("surface", true), ("clusters", false)] {
        let world = World::new();
        match corpus {
            false => {
                long_config(&world, kind, "");
                world.write("many.conllu", world.read("many.conllu").repeat(3));
            }
            true => {
                world.write("text.txt", text.repeat(60));
                world.write("tiny.toml", config(kind, "", "files = [\"text.txt\"]\nsequences = 0"));
            }
        }
        // Once the pass has begun, and later and later: some interruption falls into it, on any machine under any load. A pass
        // over the corpus keeps nothing in its first tenths of a second, so that these come last.
        let goes_on = |delay: Duration| {
            let mut begun = None;
            let ran = interrupted(&world, || {
                begun = begun.or_else(|| pass_has_begun(&world).then(Instant::now));
                begun.is_some_and(|begun| begun.elapsed() > delay)
            });
            assert!([0, 130].contains(&ran.code), "{}", ran.stderr);
            let ran = interrupted(&world, || false);
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            ran.stderr.contains("that the interrupted run has added up")
        };
        let resumed = [0].into_iter().chain(6..12).chain(1..6).any(|round| {
            for folder in ["cache", "runs"].iter().filter(|folder| world.path(folder).exists()) {
                fs::remove_dir_all(world.path(folder)).unwrap();
            }
            goes_on(Duration::from_millis(1 << round))
        });
        assert!(resumed && world.path("runs/tiny").exists(), "{kind}: no interruption came within the pass");
        let alone = apart(&world);
        let [resumed, whole] = [&world, &alone].map(|world| world.read(&format!("runs/tiny/{kind}.csv")));
        assert!(resumed == whole, "{kind}");
    }
}

#[test]
fn behaviours_are_thresholds_and_say_so() {
    let world = World::new();
    world.write("tiny.toml", config("surface", "", "files = [\"sample:corpus\"]"));
    let error = world.fail(2, &["run", "tiny.toml", "--set", "roles.next=50"]);
    assert!(error.contains("`roles.next` is 50"), "{error}");
    let printed = world.succeed(&["run", "tiny.toml", "--set", "roles.next=0.001"]);
    let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(printed.contains("mean over the sequences exceeds a threshold"), "{printed}");
    let findings = report(&world)["findings"].to_string();
    assert!(findings.contains("have a mean above the threshold for"), "{findings}");
    assert!(findings.contains("sequences of sample-corpus"), "{findings}");
    world.write("tiny.toml", config("clusters", "clusters = 40", "files = [\"sample:corpus\"]"));
    let error = world.fail(1, &["run", "tiny.toml", "--force"]);
    assert!(error.contains("`clusters` is 40, but the model has 9 heads"), "{error}");
}
