//! Long kinds that are interrupted go on where they stopped, to the same tables.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::{World, root, tiny_bert};

/// Steps that a run has kept so far.
fn steps(world: &World) -> usize {
    let folder = world.path("runs/long.partial/work/steps");
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter(|file| file.path().extension().is_some_and(|it| it == "step")).count()
}

/// The tables of a run by name.
fn tables(folder: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let tables = files.filter(|path| path.extension().is_some_and(|it| it == "csv"));
    let mut tables: Vec<_> = tables
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    tables.sort();
    tables
}

/// Interrupts a run of an experiment over a sample file that is repeated, once `kept` steps are; then lets it go on.
fn check(experiment: &str, sample: &str, times: usize, kept: usize) {
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
    while steps(&world) < kept && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(killed.success() && output.status.code() == Some(130), "{experiment}: {:?} {stderr}", output.status);
    assert!(stderr.contains("interrupted; what is computed is kept"), "{stderr}");
    assert!(steps(&world) >= kept && !world.path("runs/long").exists(), "{experiment}");

    let resumed = world.run(&["-v", "run", "long.toml"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert!(resumed.stderr.contains("inputs of an interrupted pass"), "{experiment}: {}", resumed.stderr);
    world.succeed(&["run", "long.toml", "--out", "whole"]);
    let [resumed, whole] = ["runs/long", "whole/long"].map(|folder| tables(&world.path(folder)));
    assert!(!whole.is_empty());
    for ((name, resumed), (_, whole)) in resumed.iter().zip(&whole) {
        assert!(resumed == whole, "{experiment}: {name}");
    }
    assert_eq!(resumed.len(), whole.len());
}

#[test]
fn trees_go_on_after_the_last_block() {
    check("kind = \"trees\"", "en_sample-evaluate.conllu", 20, 2);
}

#[test]
fn ensembles_go_on_within_a_round() {
    check("kind = \"ensembles\"", "en_sample-evaluate.conllu", 20, 2);
}

#[test]
fn coreference_goes_on_after_the_last_block_of_windows() {
    check("kind = \"coreference\"", "en_sample-coref.conllu", 60, 2);
}
