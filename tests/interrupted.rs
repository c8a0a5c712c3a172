//! Long kinds that are interrupted go on where they stopped, to the same tables.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::{World, root, tables, tiny_bert};

/// Whether a pass has begun to leave something, as it does now and then.
fn has_begun(world: &World) -> bool {
    let folders = fs::read_dir(world.path("cache/headlight/records")).into_iter().flatten().flatten();
    let mut partial = folders.filter(|it| it.file_name().to_string_lossy().ends_with(".partial"));
    partial.any(|it| it.path().join("data").exists())
}

/// Interrupts a run of an experiment over a sample file that is repeated within a pass; then lets it go on.
fn check(experiment: &str, sample: &str, times: usize) {
    let world = World::new();
    let text = fs::read_to_string(root().join("data/sample").join(sample)).unwrap().repeat(times);
    world.write("many.conllu", text);
    world.write(
        "long.toml",
        format!(
            "threads = 1\n[model]\npath = {:?}\n[treebank]\nevaluate = [\"many.conllu\"]\n[[experiment]]\n{experiment}\n\
             selection = \"same\"\nresamples = 1000\n",
            tiny_bert()
        ),
    );
    let mut child = world.command(&["run", "long.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !has_begun(&world) && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(killed.success() && output.status.code() == Some(130), "{experiment}: {:?} {stderr}", output.status);
    assert!(stderr.contains("interrupted; what is computed is kept"), "{stderr}");
    assert!(has_begun(&world) && !world.path("runs/long").exists(), "{experiment}");

    let resumed = world.run(&["-v", "run", "long.toml"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert!(resumed.stderr.contains("that the interrupted run has added up"), "{experiment}: {}", resumed.stderr);
    let alone = World::new();
    ["many.conllu", "long.toml"].iter().for_each(|file| drop(alone.write(file, world.read(file))));
    alone.succeed(&["run", "long.toml"]);
    let [resumed, whole] = [&world, &alone].map(|world| tables(&world.path("runs/long")));
    assert!(!whole.is_empty());
    for ((name, resumed), (_, whole)) in resumed.iter().zip(&whole) {
        assert!(resumed == whole, "{experiment}: {name}");
    }
    assert_eq!(resumed.len(), whole.len());
}

#[test]
fn trees_go_on_within_the_pass() {
    check("kind = \"trees\"", "en_sample-evaluate.conllu", 60);
}

/// What ensembles read is stored whole before heads are gathered: interrupted then, nothing is encoded again.
#[test]
fn ensembles_that_are_interrupted_encode_nothing_again() {
    let world = World::new();
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    world.write("many.conllu", sample.repeat(10));
    world.write(
        "long.toml",
        format!(
            "threads = 1\n[model]\npath = {:?}\n[treebank]\nevaluate = [\"many.conllu\"]\n[[experiment]]\nkind = \"ensembles\"\n\
             selection = \"same\"\nresamples = 1000\n",
            tiny_bert()
        ),
    );
    let is_stored = || {
        let folders = fs::read_dir(world.path("cache/headlight/attention")).into_iter().flatten().flatten();
        folders.map(|it| it.path()).any(|it| it.is_dir() && !it.file_name().unwrap().to_string_lossy().starts_with('.'))
    };
    let mut child = world.command(&["run", "long.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !is_stored() && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(killed.success() && output.status.code() == Some(130), "{:?} {stderr}", output.status);
    assert!(is_stored() && !world.path("runs/long").exists());
    world.succeed(&["run", "long.toml"]);
    assert!(!world.read("runs/long/manifest.json").contains("\"encode "), "{}", world.read("runs/long/manifest.json"));
    let alone = World::new();
    ["many.conllu", "long.toml"].iter().for_each(|file| drop(alone.write(file, world.read(file))));
    alone.succeed(&["run", "long.toml"]);
    let [resumed, whole] = [&world, &alone].map(|world| tables(&world.path("runs/long")));
    assert!(!whole.is_empty());
    assert!(resumed == whole);
}

#[test]
fn coreference_goes_on_within_the_pass() {
    check("kind = \"coreference\"", "en_sample-coref.conllu", 200);
}
