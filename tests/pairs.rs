//! `kind = "pairs"` on the tiny model, from a config to tables, beside scores that transformers computed
//! (`crates/headlight-bert/tests/fixtures/likelihoods.py`).

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{World, root, tiny_bert};

/// The largest difference to PyTorch that is allowed, in nats a sentence.
const TOLERANCE: f64 = 1e-4;

/// Heads to mask, of different layers.
const HEADS: &str = "heads = [\"1-2\", \"3-3\"]\n";

fn config(keys: &str) -> String {
    format!(
        "[model]\npath = {:?}\n[treebank]\nselect = [\"sample:select\"]\nmax_sentences = 40\n[[experiment]]\nkind = \"pairs\"\n\
         files = [\"sample:pairs\"]\nresamples = 1000\n{keys}",
        tiny_bert()
    )
}

fn run(keys: &str) -> (World, String) {
    let world = World::new();
    world.write("tiny.toml", config(keys));
    let printed = world.succeed(&["run", "tiny.toml"]);
    (world, printed)
}

/// The rows of a table as columns by name.
fn table(world: &World, name: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = world.read(&format!("runs/tiny/{name}.csv"));
    let mut lines = text.lines();
    let header: Vec<String> = lines.next().unwrap().split(',').map(ToOwned::to_owned).collect();
    // Sentences of the sample hold no comma.
    lines.map(|line| header.iter().cloned().zip(line.split(',').map(ToOwned::to_owned)).collect()).collect()
}

fn number(row: &std::collections::BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} is {:?}", row[column]))
}

fn golden(part: &str, variant: &str) -> Vec<f64> {
    let path = root().join("crates/headlight-bert/tests/fixtures/likelihoods.json");
    let golden: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    golden[part][variant].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn scores_and_accuracies_equal_pytorch() {
    for variant in ["within_word_l2r", "original"] {
        let (world, printed) = run(&format!("score = {variant:?}\n"));
        let expected = golden("sample", variant);
        let scores = table(&world, "pair_scores");
        assert_eq!(scores.len(), 40);
        let mut right = Vec::new();
        for (row, pair) in scores.iter().zip(expected.chunks_exact(2)) {
            let found = ["good_score", "bad_score"].map(|column| number(row, column));
            assert!(found.iter().zip(pair).all(|(a, b)| (a - b).abs() < TOLERANCE), "{row:?}: {pair:?}");
            right.push(pair[0] > pair[1]);
            assert_eq!(row["correct"], (pair[0] > pair[1]).to_string());
        }
        let rows = table(&world, "pairs");
        let of = |level: &str, group: &str| {
            rows.iter().find(|row| row["level"] == level && row["group"] == group).unwrap_or_else(|| panic!("{group}"))
        };
        let whole = right.iter().filter(|right| **right).count() as f64;
        assert_eq!((number(of("whole", ""), "correct"), number(of("whole", ""), "total")), (whole, 40.0));
        // Five paradigms of eight pairs, in the order of the file; three of them are morphology.
        let by_paradigm: Vec<f64> = right.chunks(8).map(|it| it.iter().filter(|it| **it).count() as f64).collect();
        assert_eq!(number(of("paradigm", "sample_determiner_noun"), "correct"), by_paradigm[0]);
        assert_eq!(number(of("phenomenon", "npi_licensing"), "correct"), by_paradigm[4]);
        assert_eq!(number(of("field", "morphology"), "correct"), by_paradigm[..3].iter().sum::<f64>());
        let mean = by_paradigm.iter().sum::<f64>() / 40.0;
        assert!((number(of("whole", ""), "macro_mean") - mean).abs() < 1e-12);
        assert!(number(of("whole", ""), "ci_low") < whole / 40.0 && whole / 40.0 < number(of("whole", ""), "ci_high"));
        assert!(printed.contains("Minimal pairs whose acceptable sentence is more likely"), "{printed}");
        assert!(!world.path("runs/tiny/pairs_masked.csv").exists());
        assert!(world.read("runs/tiny/report.html").contains("id=\"pairs\""));
        let report: Value = serde_json::from_str(&world.read("runs/tiny/report.json")).unwrap();
        assert_eq!(report["treebank"]["name"], "sample");
        assert!(report["findings"][0].as_str().unwrap().contains("of 40 minimal pairs"), "{report}");
    }
}

#[test]
fn masked_heads_are_compared_pair_by_pair_with_the_intact_model_and_random_ones() {
    let (world, printed) = run(&format!("{HEADS}masking = \"uniform\"\ndraws = 2\nmasked_limit = 6\n"));
    let rows = table(&world, "pairs_masked");
    let whole: Vec<_> = rows.iter().filter(|row| row["level"] == "whole").collect();
    let seen: Vec<_> =
        whole.iter().map(|row| (row["masked"].as_str(), row["step"].as_str(), row["draw"].as_str())).collect();
    let expected = [
        ("none", "0", ""),
        ("chosen", "1", ""),
        ("chosen", "2", ""),
        ("random", "1", "0"),
        ("random", "2", "0"),
        ("random", "1", "1"),
        ("random", "2", "1"),
    ];
    assert_eq!(seen, expected);
    assert!(whole.iter().all(|row| row["total"] == "30" && row["masking"] == "uniform"));
    assert_eq!((whole[1]["heads"].as_str(), whole[2]["heads"].as_str()), ("1-2", "1-2 3-3"));
    for row in &whole[3..] {
        assert!(row["heads"].split(' ').all(|head| !["1-2", "3-3"].contains(&head)), "{row:?}");
        assert!(row["heads"].starts_with("1-"), "{row:?}");
    }
    // The whole sample, beside what transformers says with the same heads masked.
    let (all, _) = run(&format!("{HEADS}masking = \"uniform\"\ndraws = 1\nmasked_limit = 0\n"));
    let wanted = |row: &&std::collections::BTreeMap<String, String>| row["masked"] == "chosen" && row["step"] == "2";
    let expected = golden("sample_masked", "within_word_l2r").chunks_exact(2).filter(|pair| pair[0] > pair[1]).count();
    let found = table(&all, "pairs_masked").into_iter().find(|row| wanted(&row)).unwrap();
    assert_eq!((number(&found, "correct"), number(&found, "total")), (expected as f64, 40.0));
    let differences = table(&world, "differences");
    let accuracy = |step: usize| number(whole[step], "correct") / 30.0;
    let of = |b: &str| {
        let wanted = |row: &&std::collections::BTreeMap<String, String>| row["measure"] == "accuracy" && row["b"] == b;
        differences.iter().find(wanted).unwrap_or_else(|| panic!("{b}: {differences:?}"))
    };
    assert!((number(of("intact"), "difference") - (accuracy(2) - accuracy(0))).abs() < 1e-12);
    let random = (accuracy(4) + accuracy(6)) / 2.0;
    assert!((number(of("random heads masked"), "difference") - (accuracy(2) - random)).abs() < 1e-12);
    assert!(differences.iter().all(|row| row["unit"] == "pair" && !row["p_value"].is_empty()));
    assert!(printed.contains("Minimal pairs with heads masked, right in %"), "{printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 80), "{printed}");
    // What the sheet says is remade from the tables.
    let before = world.read("runs/tiny/report.md");
    fs::remove_file(world.path("runs/tiny/report.md")).unwrap();
    world.succeed(&["report", "runs/tiny"]);
    assert!(before == world.read("runs/tiny/report.md") && before.contains("## Minimal pairs without heads"));
}

#[test]
fn heads_are_the_best_for_relations_on_select() {
    let (world, _) = run("relations = [\"det\", \"obj\"]\nmost_heads = 2\ndraws = 1\nmasked_limit = 2\n");
    let world_of_heads = World::new();
    world_of_heads.write(
        "tiny.toml",
        config("")
            .replace("kind = \"pairs\"\nfiles = [\"sample:pairs\"]", "kind = \"heads\"\nnull_models = 0")
            .replace("max_sentences", "evaluate = [\"sample:evaluate\"]\nmax_sentences"),
    );
    world_of_heads.succeed(&["run", "tiny.toml"]);
    let best = table(&world_of_heads, "best_heads");
    let head = |relation: &str| {
        let row = best.iter().find(|row| row["relation"] == relation).unwrap();
        format!("{}-{}", row["layer"], row["head"])
    };
    let report: Value = serde_json::from_str(&world.read("runs/tiny/report.json")).unwrap();
    let facts = &report["experiments"][0]["facts"];
    let first = |relation: &str| {
        let ranked = facts["best_heads_on_select"].as_array().unwrap();
        let ranked = ranked.iter().find(|it| it["relation"] == relation).unwrap();
        ranked["heads"][0].as_str().unwrap().to_owned()
    };
    assert_eq!((first("det"), first("obj")), (head("det"), head("obj")));
    let mut expected = vec![head("det")];
    if head("obj") != head("det") {
        expected.push(head("obj"));
    }
    let masked = facts["masked_heads"].as_array().unwrap();
    assert!(masked.iter().zip(&expected).all(|(a, b)| a == b) && masked.len() == 2, "{masked:?} {expected:?}");
}

#[test]
fn threads_and_interruptions_change_nothing() {
    let world = World::new();
    let pairs: String = (0..40)
        .map(|copy| {
            let text = fs::read_to_string(root().join("data/sample/pairs.tsv")).unwrap();
            text.lines()
                .skip(1)
                .map(|line| format!("{}\n", line.replace("The ", &format!("The {copy} "))))
                .collect::<String>()
        })
        .collect();
    world.write("many.tsv", format!("paradigm\tphenomenon\tfield\tgood\tbad\n{pairs}"));
    let text = config(HEADS).replace("sample:pairs", "many.tsv");
    world.write("long.toml", format!("threads = 1\n{text}"));
    let steps = || {
        let folder = world.path("runs/long.partial/work/steps");
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|it| it.path().extension().is_some_and(|it| it == "step"))
            .count()
    };
    let mut child = world.command(&["run", "long.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while steps() < 2 && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(steps() >= 2);
    world.succeed(&["run", "long.toml"]);
    world.succeed(&["run", "long.toml", "--out", "whole", "--set", "threads=3"]);
    for name in ["pairs", "pairs_masked", "pair_scores", "differences"] {
        let [resumed, whole] = ["runs", "whole"].map(|out| world.read(&format!("{out}/long/{name}.csv")));
        assert!(resumed == whole && resumed.lines().count() > 5, "{name}");
    }
}

#[test]
fn pairs_that_are_too_long_are_counted_and_left_out() {
    let world = World::new();
    let long = "a ".repeat(60);
    world.write(
        "own.tsv",
        format!("paradigm\tgood\tbad\nx\tThe cat is.\tThe cat it.\nx\t{long}b.\t{long}c.\nx\tA cat.\ta cat.\n"),
    );
    world.write(
        "tiny.toml",
        config("").replace("sample:pairs", "own.tsv").replace("max_sentences", "max_pieces = 40\nmax_sentences"),
    );
    world.succeed(&["run", "tiny.toml"]);
    let report: Value = serde_json::from_str(&world.read("runs/tiny/report.json")).unwrap();
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("Pairs that were left out with both sentences, by reason: 1 too many pieces (first "),
        "{warnings}"
    );
    assert!(warnings.contains("The sentences of 1 of 2 pairs are the same pieces to the model"), "{warnings}");
    let rows = table(&world, "pairs");
    assert_eq!((rows[0]["total"].as_str(), rows[0]["ties"].as_str()), ("2", "1"));
}

#[test]
fn what_cannot_be_scored_is_named() {
    let check = |keys: &str, code: i32, expected: &str| {
        let world = World::new();
        world.write("own.tsv", "paradigm\tgood\tbad\nx\tIt is.\tIt is.\n");
        let long = "a ".repeat(200);
        world.write("long.tsv", format!("paradigm\tgood\tbad\nx\t{long}b.\t{long}c.\n"));
        let text = if keys.starts_with("files") {
            config("").replace("files = [\"sample:pairs\"]", keys)
        } else {
            config(keys)
        };
        world.write("tiny.toml", text);
        let error = world.fail(code, &["run", "tiny.toml"]);
        assert!(error.contains(expected), "{error}\nnot {expected}");
    };
    check("files = []\n", 2, "needs `pairs.files`, which is empty");
    check("files = [\"absent.tsv\"]\n", 1, "absent.tsv");
    check("files = [\"own.tsv\"]\ninvalid = \"stop\"\n", 1, "own.tsv:2: both sentences are the same");
    let none = "own.tsv holds no pair that can be scored: both sentences are the same (1 of them, the first at ";
    check("files = [\"own.tsv\"]\n", 1, none);
    check("files = [\"long.tsv\"]\n", 1, "(`treebank.max_pieces` is 128): too many pieces (1 of them");
    check("heads = [\"9-1\"]\n", 1, "`heads` names head 9-1, but the model has 3 layers of 3 heads");
    check("heads = [\"x\"]\n", 2, "`heads` names \"x\", which is no head");
    check("heads = [\"1-1\", \"1-2\"]\n", 1, "2 of the 3 heads of layer 1 are to be masked");
    check("relations = [\"nonsense\"]\n", 1, "`relations` names \"nonsense\", of which `treebank.select` has no word");
    check("heads = [\"1-1\"]\nrelations = [\"det\"]\n", 2, "give one of them");
    check("heads = [\"1-1\"]\ndraws = 0\n", 2, "`draws` is 0");
}
