//! `kind = "heads"` beyond the peak, beyond position, and beside random weights (METHOD §2).

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{World, root, shared, tiny_config};

/// The rows of a table, each by the names of its columns.
fn table(world: &World, path: &str) -> Vec<BTreeMap<String, String>> {
    let text = world.read(path);
    let mut lines = text.lines().map(|line| line.split(',').map(ToOwned::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    lines.map(|line| header.iter().cloned().zip(line).collect()).collect()
}

fn number<T: std::str::FromStr>(row: &BTreeMap<String, String>, column: &str) -> T {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

/// Split, layer, head, direction and relation of a row.
fn place(row: &BTreeMap<String, String>) -> [String; 5] {
    ["split", "layer_index", "head_index", "direction", "relation"].map(|column| row[column].clone())
}

fn run(more: &str) -> World {
    let world = World::new();
    world.write("tiny.toml", format!("{}{more}\n", tiny_config("")));
    world.succeed(&["run", "tiny.toml"]);
    world
}

#[test]
fn shares_and_ranks_equal_numpy() {
    let (Some(model), Some(treebank)) = (shared("data/minilm-l6"), shared("data/ud-english-ewt/en_ewt-ud-dev.conllu"))
    else {
        return;
    };
    let golden = fs::read_to_string(root().join("tests/fixtures/head_attention.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    for rows in ["raw", "words"] {
        let world = World::new();
        world.write(
            "golden.toml",
            format!(
                "[model]\npath = {model:?}\n[treebank]\nevaluate = [{treebank:?}]\nmax_sentences = 20\n[[experiment]]\n\
                 kind = \"heads\"\nselection = \"same\"\nresamples = 1000\nattention = true\nnull_models = 0\n\
                 rows = {rows:?}\n"
            ),
        );
        world.succeed(&["run", "golden.toml"]);
        let mut compared = 0;
        for row in table(&world, "runs/golden/head_attention.csv") {
            let Some(total) = golden["total"][&row["relation"]].as_f64() else { continue };
            assert_eq!(number::<f64>(&row, "total"), total);
            let direction = usize::from(row["direction"] == "gov_to_dep");
            let head = 12 * number::<usize>(&row, "layer_index") + number::<usize>(&row, "head_index");
            let expected = &golden[rows][&row["relation"]][direction][head];
            assert_eq!(number::<f64>(&row, "correct"), expected[0].as_f64().unwrap(), "{row:?}");
            // Of some thousand ranks a few differ by one, where f32 rounds weights that are all but equal.
            for (at, (column, tolerance)) in
                [("weight", 1e-4), ("share", 1e-4), ("reciprocal_rank", 1e-2)].iter().enumerate()
            {
                let difference = number::<f64>(&row, column) * total - expected[at + 1].as_f64().unwrap();
                assert!(difference.abs() < *tolerance, "{column} {rows} {row:?}: {difference}");
            }
            compared += 1;
        }
        assert_eq!(compared, 3 * 2 * 72);
    }
}

#[test]
fn words_alone_change_who_attends_most_and_not_whom() {
    let [raw, words] =
        ["raw", "words"].map(|rows| run(&format!("null_models = 0\nlengths = 0\nattention = true\nrows = {rows:?}")));
    let counts = |world: &World, direction: &str| {
        let rows = table(world, "runs/tiny/head_scores.csv");
        let of_direction = rows.iter().filter(|row| row["direction"] == direction);
        of_direction.map(|row| (place(row), number::<u64>(row, "correct"))).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(counts(&raw, "dep_to_gov"), counts(&words, "dep_to_gov"));
    assert_ne!(counts(&raw, "gov_to_dep"), counts(&words, "gov_to_dep"));
    for (world, rows) in [(&raw, "raw"), (&words, "words")] {
        let report: Value = serde_json::from_str(&world.read("runs/tiny/report.json")).unwrap();
        assert_eq!(report["conventions"]["rows"], rows);
        // Rank 1 is what is counted as right, on both splits and in both ways to read rows.
        let scores: BTreeMap<_, _> = table(world, "runs/tiny/head_scores.csv")
            .iter()
            .map(|row| (place(row), number::<u64>(row, "correct")))
            .collect();
        let attention = table(world, "runs/tiny/head_attention.csv");
        assert!(attention.len() > 1000 && attention.iter().any(|row| row["split"] == "select"));
        for row in &attention {
            assert_eq!(number::<u64>(row, "correct"), scores[&place(row)], "{row:?}");
            let (correct, total): (f64, f64) = (number(row, "correct"), number(row, "total"));
            let [weight, share, rank] = ["weight", "share", "reciprocal_rank"].map(|column| number::<f64>(row, column));
            assert!((0.0..=1.0).contains(&weight) && (0.0..=1.0).contains(&share), "{row:?}");
            assert!(correct / total <= rank + 1e-12 && rank <= 1.0, "{row:?}");
        }
        // The page shows what was counted.
        assert!(world.read("runs/tiny/report.html").contains("Attention on governors"));
    }
}

#[test]
fn lengths_add_up_to_the_scores() {
    let world = run("null_models = 0\nlengths = 3");
    let mut sums: BTreeMap<[String; 5], [u64; 2]> = BTreeMap::new();
    for row in table(&world, "runs/tiny/head_lengths.csv") {
        let length: i32 = number(&row, "length");
        assert!((1..=4).contains(&length.abs()) && (row["and_longer"] == "true") == (length.abs() == 4), "{row:?}");
        let [correct, total, beyond, total_beyond] =
            ["correct", "total", "correct_beyond", "total_beyond"].map(|column| number::<u64>(&row, column));
        assert!(beyond <= correct && correct <= total && beyond <= total_beyond && total_beyond <= total, "{row:?}");
        let sum = sums.entry(place(&row)).or_default();
        sum[0] += correct;
        sum[1] += total;
    }
    let roots = |relation: &str| relation.starts_with("all") && relation != "all-nopunct-noroot";
    for row in table(&world, "runs/tiny/head_scores.csv") {
        let Some([correct, total]) = sums.get(&place(&row)) else { continue };
        assert_eq!(number::<u64>(&row, "correct"), *correct, "{row:?}");
        let counted: u64 = number(&row, "total");
        assert!(if roots(&row["relation"]) { counted > *total } else { counted == *total }, "{row:?}");
    }
    // The chosen head's curve is that of the head.
    let mut best: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    for row in table(&world, "runs/tiny/best_head_lengths.csv") {
        let [correct, baseline, both] =
            ["correct", "baseline_correct", "both_correct"].map(|column| number::<u64>(&row, column));
        assert!(both <= correct && both <= baseline, "{row:?}");
        let sum = best.entry(row["relation"].clone()).or_default();
        sum[0] += correct;
        sum[1] += number::<u64>(&row, "total");
    }
    let heads = table(&world, "runs/tiny/best_heads.csv");
    assert!(!best.is_empty() && !best.contains_key("root"));
    for row in heads.iter().filter(|row| best.contains_key(&row["relation"])) {
        assert_eq!(number::<u64>(row, "correct"), best[&row["relation"]][0], "{row:?}");
    }
    assert!(world.read("runs/tiny/report.html").contains("id=\"lengths-"));
}

#[test]
fn a_null_model_is_the_same_run_with_random_weights() {
    let world = run("null_models = 2");
    let rows = table(&world, "runs/tiny/null_models.csv");
    let seed = rows.iter().find(|row| row["draw"] == "2").unwrap()["seed"].clone();
    world.succeed(&[
        "run",
        "tiny.toml",
        "--set",
        "name=alone",
        "--set",
        "model.random_init=true",
        "--set",
        &format!("seed={seed}"),
    ]);
    let alone: BTreeMap<String, BTreeMap<String, String>> =
        table(&world, "runs/alone/best_heads.csv").into_iter().map(|row| (row["relation"].clone(), row)).collect();
    let trained: BTreeMap<String, BTreeMap<String, String>> =
        table(&world, "runs/tiny/best_heads.csv").into_iter().map(|row| (row["relation"].clone(), row)).collect();
    let drawn: Vec<_> = rows.iter().filter(|row| row["draw"] == "2").collect();
    assert_eq!(drawn.len(), alone.len());
    for row in drawn {
        for column in ["layer", "head", "direction", "correct", "total", "accuracy"] {
            assert_eq!(row[column], alone[&row["relation"]][column], "{column} {row:?}");
        }
        assert_eq!(row["trained_accuracy"], trained[&row["relation"]]["accuracy"]);
    }
    // All draws together: as many words for each, and a difference within its interval.
    for row in rows.iter().filter(|row| row["draw"].is_empty()) {
        let of_draws = rows.iter().filter(|it| it["relation"] == row["relation"] && !it["draw"].is_empty());
        assert_eq!(number::<u64>(row, "correct"), of_draws.map(|it| number::<u64>(it, "correct")).sum::<u64>());
        let [low, difference, high] = ["ci_low", "difference", "ci_high"].map(|column| number::<f64>(row, column));
        assert!(low <= difference + 1e-9 && difference <= high + 1e-9, "{row:?}");
    }
    assert!(world.read("runs/tiny/report.md").contains("## Null models"));
    assert!(world.read("runs/tiny/report.html").contains("id=\"null-models\""));
    // A run of random weights is one itself, and says so wherever it is named.
    assert!(!world.path("runs/alone/null_models.csv").exists());
    let printed = world.succeed(&["run", "tiny.toml", "--set", "name=said", "--set", "model.random_init=true"]);
    assert!(printed.contains("tiny-bert with random weights on sample"), "{printed}");
    assert!(printed.contains("weights are random"), "{printed}");
    assert!(world.read("runs/said/report.md").contains("weights are random"));
}

#[test]
fn how_many_passes_null_models_take_is_said_before_and_they_are_not_done_twice() {
    let world = World::new();
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    world.write("many.conllu", sample.repeat(20));
    let config = tiny_config("").replace("[\"sample:evaluate\"]", "[\"many.conllu\"]");
    world.write("tiny.toml", format!("threads = 1\n{config}null_models = 2\n"));
    let mut child = world.command(&["run", "tiny.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // Predictions of the model for two splits, and some of the first random model's.
    let kept = world.path("cache/headlight/predictions");
    let begun = || {
        let folders = fs::read_dir(&kept).into_iter().flatten().flatten();
        let sizes = folders.filter_map(|folder| fs::metadata(folder.path().join("data")).ok());
        sizes.filter(|data| data.len() > 5_000).count() >= 3
    };
    while !begun() && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(killed.success() && output.status.code() == Some(130), "{:?}", output.status);
    let said = String::from_utf8(output.stderr).unwrap();
    let passes =
        "the encoder passes over evaluate and select 3 times: for the model, and for 2 models with random weights";
    assert!(said.contains(passes), "{said}");

    let resumed = world.run(&["-v", "run", "tiny.toml"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    let manifest: Value = serde_json::from_str(&world.read("runs/tiny/manifest.json")).unwrap();
    let passes: Vec<&str> =
        manifest["stages"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(passes.iter().all(|pass| !pass.starts_with("encode") || pass.contains("random weights")), "{passes:?}");
    assert!(resumed.stderr.contains("that are predicted already"), "{}", resumed.stderr);
    world.succeed(&["run", "tiny.toml", "--out", "whole"]);
    for table in ["best_heads", "null_models", "head_scores"] {
        let [resumed, whole] = ["runs", "whole"].map(|out| world.read(&format!("{out}/tiny/{table}.csv")));
        assert!(resumed == whole, "{table}");
    }
}

#[test]
fn more_null_models_than_anybody_waits_for_are_refused() {
    let world = World::new();
    world.write("tiny.toml", tiny_config(""));
    let error = world.fail(2, &["run", "tiny.toml", "--set", "heads.null_models=5000"]);
    assert!(error.contains("`null_models` is 5000; each takes as long as the model itself"), "{error}");
}

#[test]
fn the_explorer_says_what_it_was_drawn_from() {
    let world = run("null_models = 0");
    let explorer: Value = serde_json::from_str(&world.read("runs/tiny/explorer.json")).unwrap();
    let words = |file: &str| {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let is_word = |line: &&str| line.split('\t').next().is_some_and(|id| id.parse::<u32>().is_ok());
        let of_sentence = |sentence: &str| sentence.lines().filter(is_word).count();
        text.split("\n\n").map(of_sentence).filter(|words| *words > 0).collect::<Vec<_>>()
    };
    let eligible = words("data/sample/en_sample-evaluate.conllu").iter().filter(|it| (3..=25).contains(*it)).count();
    assert_eq!(explorer["eligible"], eligible);
    let shown = explorer["sentences"].as_array().unwrap().len();
    let said = format!("{shown} of the {eligible} sentences of evaluate with 3 to 25 words, drawn at random");
    assert!(world.read("runs/tiny/report.html").contains(&said), "{said}");
}
