//! What was run is what is named, in every report.

use std::fs;

use crate::support::{World, root, tiny_bert, tiny_config};

/// Everything that a run of the quickstart with another model, or other files, says for people.
fn said(world: &World, sets: &[&str]) -> [String; 4] {
    let arguments: Vec<&str> = ["run", "quickstart", "--force"].into_iter().chain(sets.iter().copied()).collect();
    let printed = world.succeed(&arguments);
    let [report, page, json] =
        ["report.md", "report.html", "report.json"].map(|file| world.read(&format!("runs/quickstart/{file}")));
    [printed, report, page, json]
}

#[test]
fn a_run_names_the_model_in_the_folder_and_the_files_it_read() {
    let world = World::new();
    let model = format!("model.path={}", tiny_bert().display());
    let few = "treebank.max_sentences=20";
    for text in said(&world, &["--set", &model, "--set", few]) {
        assert!(text.contains("tiny-bert") && !text.contains("minilm"), "{text}");
    }
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    world.write("xx_other-ud-test.conllu", sample);
    let other = "treebank.evaluate=[\"xx_other-ud-test.conllu\"]";
    let [printed, ..] = said(&world, &["--set", &model, "--set", few, "--set", other]);
    assert!(printed.contains("Best attention heads of tiny-bert on xx_other"), "{printed}");
    let labelled = ["--set", &model, "--set", few, "--set", "model.name=my model", "--set", "treebank.name=my files"];
    let [printed, ..] = said(&world, &labelled);
    assert!(printed.contains("Best attention heads of my model on my files"), "{printed}");
}

#[test]
fn a_folder_is_not_called_by_the_name_of_a_known_model_that_it_does_not_hold() {
    let world = World::new();
    let named = tiny_config("max_sentences = 5").replace("[model]\n", "[model]\nname = \"minilm-l6\"\n");
    world.write("named.toml", named);
    let error = world.fail(1, &["run", "named.toml"]);
    assert!(error.contains("tiny-bert minilm-l6, which it is not: give another name, or none"), "{error}");
    assert!(error.contains("SHA-256"), "{error}");
}

#[test]
fn a_corpus_names_the_run_that_read_nothing_else() {
    let world = World::new();
    world.write("wiki.txt", "One sentence here .\nAnother one there .\n\nA third .\nA fourth one .\n");
    let model = format!("model.path={}", tiny_bert().display());
    let text = tiny_config("").replace("heads\"\nresamples = 1000", "surface\"");
    world.write("both.toml", text);
    world.succeed(&["run", "both.toml", "--set", &model, "--set", "corpus.files=[\"wiki.txt\"]"]);
    let report = world.read("runs/both/report.md");
    assert!(report.contains("on treebank **wiki**") && !report.contains("**sample**"), "{report}");
}

#[test]
fn two_runs_of_one_call_never_replace_each_other() {
    let world = World::new();
    world.write("a/same.toml", tiny_config("max_sentences = 5"));
    world.write("b/same.toml", tiny_config("max_sentences = 6"));
    let error = world.fail(2, &["run", "a/same.toml", "b/same.toml", "--force"]);
    assert_eq!(error, "two runs would be called same, and one replace the other: give one another `name`");
    world.write("model/x/net/readme", "");
    world.write("model/y/net/readme", "");
    let sweep = format!("[sweep]\nmodel.path = [\"model/x/net\", \"model/y/net\"]\n{}", tiny_config(""));
    world.write("sweep.toml", sweep);
    let shown = world.succeed(&["show", "sweep.toml"]);
    for name in ["name = \"sweep-path=x-net\"", "name = \"sweep-path=y-net\""] {
        assert!(shown.contains(name), "{shown}");
    }
}

#[test]
fn a_comparison_pairs_sentences_whatever_they_are_called() {
    let world = World::new();
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    let rename = |name: fn(usize) -> String| {
        let mut number = 0;
        let lines = sample.lines().map(|line| {
            if !line.starts_with("# sent_id = ") {
                return format!("{line}\n");
            }
            number += 1;
            format!("# sent_id = {}\n", name(number))
        });
        lines.collect::<String>()
    };
    let mut compared = Vec::new();
    for (names, file) in
        [("unique", rename(|number| number.to_string())), ("repeated", rename(|at| (at % 3).to_string()))]
    {
        world.write(&format!("{names}.conllu"), file);
        for merge in ["mean", "first"] {
            let config =
                tiny_config(&format!("merge = \"{merge}\"")).replace("sample:evaluate", &format!("{names}.conllu"));
            world.write(&format!("{names}-{merge}.toml"), config);
            world.succeed(&["run", &format!("{names}-{merge}.toml")]);
        }
        let runs = ["mean", "first"].map(|merge| format!("runs/{names}-{merge}"));
        let table = world.succeed(&["compare", &runs[0], &runs[1], "--format", "csv"]);
        compared.push(table.replace(names, "run"));
    }
    assert!(compared[0] == compared[1], "{}\n{}", compared[0], compared[1]);
    let all = compared[0].lines().find(|line| line.starts_with("all,run-first")).unwrap();
    let ends: Vec<f64> = all.split(',').skip(11).take(2).map(|end| end.parse().unwrap()).collect();
    assert!(ends[0] < ends[1], "{all}");
}
