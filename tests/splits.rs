//! What splits share is counted by content, and said.

use serde_json::{Value, json};

use crate::support::{World, tiny_config};

const SENTENCES: [&[&str]; 4] = [
    &["She", "walks", "near", "the", "river"],
    &["the", "bank", "said", "it"],
    &["a", "small", "stone", "walks"],
    &["Thanks", "."],
];

/// Sentences in which every word but the first hangs from the one before. Names, comments and annotation are `name`'s own.
fn treebank(name: &str, sentences: &[&[&str]]) -> String {
    let mut text = String::new();
    for (number, words) in sentences.iter().enumerate() {
        text += &format!("# sent_id = {name}-{number}\n# text = {}\n", words.join(" "));
        for (at, word) in words.iter().enumerate() {
            let relation = if at == 0 { "root" } else { "dep" };
            text += &format!("{}\t{word}\t{name}\tX\t_\t_\t{at}\t{relation}\t_\t_\n", at + 1);
        }
        text += "\n";
    }
    text
}

fn world(select: &[&[&str]], evaluate: &[&[&str]]) -> World {
    let world = World::new();
    world.write("select.conllu", treebank("first", select));
    world.write("evaluate.conllu", treebank("second", evaluate));
    let config =
        tiny_config("").replace("sample:select", "select.conllu").replace("sample:evaluate", "evaluate.conllu");
    world.write("run.toml", config);
    world
}

fn report(world: &World) -> (Value, String) {
    let ran = world.run(&["run", "run.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&world.read("runs/run/report.json")).unwrap();
    let page = world.read("runs/run/report.html");
    (report, [ran.stdout, ran.stderr, world.read("runs/run/report.md"), page].join("\n"))
}

#[test]
fn a_copy_under_another_name_is_no_other_split() {
    let upper: Vec<Vec<String>> =
        SENTENCES.iter().rev().map(|words| words.iter().map(|word| word.to_uppercase()).collect()).collect();
    let upper: Vec<Vec<&str>> = upper.iter().map(|words| words.iter().map(String::as_str).collect()).collect();
    let upper: Vec<&[&str]> = upper.iter().map(Vec::as_slice).collect();
    let (report, said) = report(&world(&upper, &SENTENCES));
    let overlap = json!([{ "split": "evaluate", "with": "select", "sentences": 4, "words": 15 }]);
    assert_eq!(report["treebank"]["overlaps"], overlap);
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("All 4 evaluated sentences stand in the selection split too"), "{warning}");
    assert!(warning.contains("optimistic"), "{warning}");
    assert_eq!(said.matches(warning).count(), 3, "terminal, Markdown and page: {said}");
    assert!(!said.contains("other sentences"), "{said}");
}

#[test]
fn what_is_shared_is_counted_and_other_sentences_are_called_so() {
    let (found, said) = report(&world(&SENTENCES[1..], &[SENTENCES[0], SENTENCES[3], SENTENCES[3]]));
    let overlap = json!([{ "split": "evaluate", "with": "select", "sentences": 2, "words": 4 }]);
    assert_eq!(found["treebank"]["overlaps"], overlap);
    assert_eq!(found["treebank"]["splits"][0]["repeated"], json!({ "sentences": 1, "words": 2, "names": 0 }));
    assert!(said.contains("2 of the 3 evaluated sentences (66.7 %, with 44.4 % of the words) stand"), "{said}");
    assert!(said.contains("1 of the 3 evaluated sentences (33.3 %, with 22.2 % of the words) repeats"), "{said}");
    assert!(!said.contains("other sentences"), "{said}");

    let (found, said) = report(&world(&SENTENCES[..2], &SENTENCES[2..]));
    let overlap = json!([{ "split": "evaluate", "with": "select", "sentences": 0, "words": 0 }]);
    assert_eq!(found["treebank"]["overlaps"], overlap);
    assert!(said.contains("chosen on other sentences than they are scored on"), "{said}");
}

#[test]
fn one_file_twice_is_refused() {
    let world = world(&SENTENCES[..2], &SENTENCES);
    world.write("copy.conllu", treebank("second", &SENTENCES));
    for (files, expected) in [
        ("[\"evaluate.conllu\", \"./evaluate.conllu\"]", "which would count its sentences twice"),
        ("[\"evaluate.conllu\", \"copy.conllu\"]", "hold the same bytes"),
        ("[\"sample:evaluate\", \"sample:evaluate\"]", "names sample:evaluate twice"),
    ] {
        let error = world.fail(1, &["run", "run.toml", "--set", &format!("treebank.evaluate={files}")]);
        assert!(error.contains(expected) && error.contains("`treebank.evaluate`"), "{error}");
    }
}

#[test]
fn names_that_repeat_are_counted() {
    let world = world(&SENTENCES[..1], &SENTENCES);
    world.write("more.conllu", treebank("second", &SENTENCES[..2]).replace("river", "bank").replace("said", "was"));
    world.write(
        "run.toml",
        world.read("run.toml").replace("[\"evaluate.conllu\"]", "[\"evaluate.conllu\", \"more.conllu\"]"),
    );
    let (found, said) = report(&world);
    assert_eq!(found["treebank"]["splits"][0]["repeated"]["names"], 2);
    assert!(said.contains("2 of the 6 evaluated sentences have a sent_id that an earlier one has"), "{said}");
}
