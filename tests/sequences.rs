//! Kinds that need no trees, on packed text and on sentences: what they say about it, and how they go on when they were
//! interrupted.

use serde_json::Value;

use crate::support::{World, tiny_bert};

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
