//! From a config to a complete run directory, on the tiny model and the sample treebank.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{World, tiny_config};

/// Runs the tiny config with more keys; returns the world and the run's folder in it.
fn run(name: &str, more: &str, arguments: &[&str]) -> World {
    let world = World::new();
    world.write(&format!("{name}.toml"), tiny_config(more));
    let file = format!("{name}.toml");
    world.succeed(&[&["run", &file], arguments].concat());
    world
}

fn json(world: &World, path: &str) -> Value {
    serde_json::from_str(&world.read(path)).unwrap()
}

/// The rows of a CSV table that holds no quoted field.
fn rows(world: &World, path: &str) -> Vec<Vec<String>> {
    world.read(path).lines().skip(1).map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect()
}

const TABLES: [&str; 8] = [
    "head_scores",
    "baselines",
    "best_heads",
    "head_tests",
    "predictions",
    "head_lengths",
    "best_head_lengths",
    "null_models",
];

#[test]
fn a_run_leaves_a_complete_directory() {
    let world = run("tiny", "", &[]);
    let mut files: Vec<String> = fs::read_dir(world.path("runs/tiny"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let tables = TABLES.iter().flat_map(|table| [format!("{table}.csv"), format!("{table}.parquet")]);
    let others = [
        "config.toml",
        "explorer.json",
        "manifest.json",
        "predictions.conllu",
        "report.json",
        "report.html",
        "report.md",
    ];
    let mut expected: Vec<String> = tables.chain(others.map(ToOwned::to_owned)).collect();
    expected.sort();
    assert_eq!(files, expected);
    assert!(!world.path("runs/tiny.partial").exists());
    assert!(world.read("runs/tiny/report.html").contains("<h1>tiny</h1>"));

    let manifest = json(&world, "runs/tiny/manifest.json");
    assert_eq!(manifest["device"], "cpu");
    let roles: Vec<&str> =
        manifest["inputs"].as_array().unwrap().iter().map(|it| it["role"].as_str().unwrap()).collect();
    for role in ["model", "tokenizer", "select", "evaluate"] {
        assert!(roles.contains(&role), "{role}: {roles:?}");
    }
    let report = json(&world, "runs/tiny/report.json");
    assert_eq!((&report["model"]["layers"], &report["model"]["heads"]), (&Value::from(3), &Value::from(3)));
    let splits = report["treebank"]["splits"].as_array().unwrap();
    assert_eq!(splits.len(), 2);
    assert!(splits.iter().all(|split| split["sentences"].as_u64().unwrap() > 100));
}

#[test]
fn reports_and_figures_are_drawn_from_a_finished_run() {
    let world = run("tiny", "", &[]);
    let before = world.read("runs/tiny/report.html");
    fs::remove_file(world.path("runs/tiny/report.html")).unwrap();
    let ran = world.run(&["report", "runs/tiny"]);
    assert!(ran.code == 0 && ran.stdout.starts_with("\nBest attention heads of tiny-bert on sample"), "{}", ran.stdout);
    assert!(ran.stderr.contains("report.md and report.html written to runs/tiny"), "{}", ran.stderr);
    assert!(world.read("runs/tiny/report.html") == before, "the page has changed");

    assert_eq!(world.succeed(&["figure", "runs/tiny", "table1"]), "runs/tiny/figures/table1.svg\n");
    assert_eq!(
        world.succeed(&["figure", "runs/tiny", "heatmap", "nmod:poss", "--format", "png"]),
        "runs/tiny/figures/heatmap-nmod_poss.png\n"
    );
    let sent_id = json(&world, "runs/tiny/explorer.json")["sentences"][0]["sent_id"].as_str().unwrap().to_owned();
    world.succeed(&["figure", "runs/tiny", "sentence", &sent_id, "--head", "2-3", "--out", "sentence.svg"]);
    assert!(world.read("sentence.svg").contains("head 2-3"));
    assert_eq!(
        world.succeed(&["figure", "runs/tiny", "tree", &sent_id]),
        format!("runs/tiny/figures/tree-{sent_id}.tex\n")
    );
    let tree = world.read(&format!("runs/tiny/figures/tree-{sent_id}.tex"));
    assert!(tree.contains("\\deproot{") && tree.contains("edge below"), "{tree}");
    world.succeed(&["figure", "runs/tiny", "tree", &sent_id, "--out", "tree.svg"]);
    let drawn = world.read("tree.svg");
    // A label for each word above, the words, and what they are; a font of eight points.
    let words = json(&world, "runs/tiny/explorer.json")["sentences"][0]["words"].as_array().unwrap().len();
    assert!(drawn.matches("<text").count() > 2 * words && drawn.contains("Above: the treebank"), "{drawn}");
    world.succeed(&["figure", "runs/tiny", "tree", &sent_id, "--format", "pdf", "--font-size", "10"]);
    let pdf = fs::read(world.path(&format!("runs/tiny/figures/tree-{sent_id}.pdf"))).unwrap();
    assert!(pdf.starts_with(b"%PDF-1."));
    world.succeed(&["figure", "runs/tiny", "table1", "--out", "best.tex"]);
    let table = world.read("best.tex");
    assert!(table.contains("\\toprule") && table.contains("nmod:poss & ") && !table.contains(" root & "), "{table}");
    let error = world.fail(1, &["figure", "runs/tiny", "figure6"]);
    assert!(error.contains("its config has no experiment of kind = \"clusters\""), "{error}");
}

#[test]
fn what_the_loss_minds_and_what_pruning_costs_are_drawn() {
    let more =
        "max_sentences = 8\n[[experiment]]\nkind = \"importance\"\n[[experiment]]\nkind = \"pruning\"\nsequences = 4";
    let world = run("tiny", more, &[]);
    for (figure, said) in [
        ("figure3", ["to [SEP]", "to the rest", "|∂loss/∂attention|"]),
        ("pruning", ["importance", "greedy", "heads masked"]),
    ] {
        world.succeed(&["figure", "runs/tiny", figure, "--out", "figure.svg"]);
        let svg = world.read("figure.svg");
        assert!(said.iter().all(|text| svg.contains(text)), "{figure}: {svg}");
        world.succeed(&["figure", "runs/tiny", figure, "--out", "figure.png"]);
        let png = fs::read(world.path("figure.png")).unwrap();
        assert!(png.len() > 10_000, "{figure} is empty");
        // 384 pixels an inch are 15,118 a metre.
        let size = png.windows(4).position(|chunk| chunk == b"pHYs").expect("the figure has a size in inches");
        assert_eq!(png[size + 4..][..9], [0, 0, 59, 14, 0, 0, 59, 14, 1], "{figure}");
    }
}

#[test]
fn counts_add_up() {
    let world = run("tiny", "", &[]);
    let evaluated: Vec<_> = rows(&world, "runs/tiny/head_scores.csv")
        .into_iter()
        .filter(|row| row[1] == "evaluate" && row[2] == "0" && row[3] == "0" && row[4] == "dep_to_gov")
        .collect();
    let total = |relation: &str| {
        let row = evaluated.iter().find(|row| row[5] == relation).unwrap_or_else(|| panic!("no row of {relation}"));
        row[7].parse::<u64>().unwrap()
    };
    let report = json(&world, "runs/tiny/report.json");
    let words = report["treebank"]["splits"].as_array().unwrap().iter().find(|it| it["split"] == "evaluate").unwrap();
    assert_eq!(total("all"), words["words"].as_u64().unwrap());
    assert_eq!(total("all") - total("all-nopunct"), total("punct"));
    assert_eq!(total("all-nopunct") - total("all-nopunct-noroot"), total("root"));
    let relations: u64 =
        evaluated.iter().filter(|row| !row[5].starts_with("all")).map(|row| row[7].parse::<u64>().unwrap()).sum();
    assert_eq!(relations, total("all"));
    // What the chosen heads said about each word adds up to the table, for relations and aggregates alike; offsets are
    // written for relations only.
    let predictions = rows(&world, "runs/tiny/predictions.csv");
    let best_heads = rows(&world, "runs/tiny/best_heads.csv");
    let said = |predictor: &str, scope: &str, correct: &str| {
        let fits = |row: &&Vec<String>| row[0] == predictor && row[1] == scope && row[7].contains(correct);
        predictions.iter().filter(fits).count().to_string()
    };
    for row in &best_heads {
        assert_eq!([said("best_head", &row[0], "true"), said("best_head", &row[0], "")], row[6..8], "{}", row[0]);
        let offsets = if row[0].starts_with("all") { "0" } else { &row[7] };
        assert_eq!(said("best_baseline", &row[0], ""), offsets, "{}", row[0]);
    }
}

#[test]
fn the_written_config_runs_again_to_the_same_numbers_on_any_number_of_threads() {
    let world = run("tiny", "", &["--set", "threads=1"]);
    world.succeed(&["run", "runs/tiny/config.toml", "--out", "again", "--set", "threads=2", "--set", "name=tiny"]);
    for table in TABLES {
        let [first, second] = ["runs", "again"].map(|out| world.read(&format!("{out}/tiny/{table}.csv")));
        assert!(first == second, "{table}");
    }
    let config = |out: &str| world.read(&format!("{out}/tiny/config.toml"));
    assert_eq!(config("runs").replace("threads = 1", "threads = 2"), config("again"));
}

#[test]
fn every_encoder_counts_the_same() {
    let counts = |device: &str| {
        let world = run("tiny", "", &["--set", &format!("model.device={device}")]);
        assert_eq!(json(&world, "runs/tiny/report.json")["experiments"][0]["facts"]["rounding"], Value::Null);
        TABLES.map(|table| world.read(&format!("runs/tiny/{table}.csv")))
    };
    assert!(counts("cpu") == counts("ndarray"));
}

#[test]
fn a_run_that_exists_is_replaced_only_by_force() {
    let world = run("tiny", "max_sentences = 5", &[]);
    let before = world.read("runs/tiny/head_scores.csv");
    let error = world.fail(1, &["run", "tiny.toml", "--set", "treebank.max_sentences=7"]);
    assert!(error.contains("runs/tiny exists: --force replaces it"), "{error}");
    assert_eq!(world.read("runs/tiny/head_scores.csv"), before);
    world.succeed(&["run", "tiny.toml", "--force", "--set", "treebank.max_sentences=7"]);
    assert_ne!(world.read("runs/tiny/head_scores.csv"), before);
    assert_eq!(fs::read_dir(world.path("runs")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn skipped_sentences_are_counted_with_their_reason() {
    let world = run("tiny", "max_pieces = 30", &[]);
    let manifest = json(&world, "runs/tiny/manifest.json");
    let skipped = manifest["skipped"].as_array().unwrap();
    assert!(skipped.iter().all(|it| it["reason"] == "too many pieces"), "{skipped:?}");
    let sentences = |report: Value, split: usize| {
        let split = &report["treebank"]["splits"][split];
        let count = |value: &Value| value.as_u64().unwrap_or(0);
        (count(&split["sentences"]), count(&split["skipped"]["too many pieces"]))
    };
    let all = run("all", "", &[]);
    for split in 0..2 {
        let (used, left_out) = sentences(json(&world, "runs/tiny/report.json"), split);
        let (used_of_all, left_out_of_all) = sentences(json(&all, "runs/all/report.json"), split);
        assert!(left_out > left_out_of_all);
        assert_eq!(used + left_out, used_of_all + left_out_of_all);
    }
    assert!(world.read("runs/tiny/report.md").contains("skipped"));
}

#[test]
fn the_ways_to_choose_heads_are_told_apart() {
    let selection = |name: &str| {
        let world = run("tiny", "", &["--set", &format!("heads.selection={name}")]);
        (json(&world, "runs/tiny/report.json"), rows(&world, "runs/tiny/best_heads.csv"))
    };
    let accuracy = |rows: &[Vec<String>]| {
        let correct: f64 = rows.iter().map(|row| row[6].parse::<f64>().unwrap()).sum();
        correct / rows.iter().map(|row| row[7].parse::<f64>().unwrap()).sum::<f64>()
    };
    let (separate, _) = selection("separate");
    let (folds, on_folds) = selection("folds");
    let (same, on_same) = selection("same");
    assert_eq!(separate["conventions"]["selection"], "separate");
    assert_eq!(folds["conventions"]["selection"], "folds");
    assert_eq!(same["conventions"]["selection"], "same");
    assert!(same["warnings"].as_array().unwrap().iter().any(|it| it.as_str().unwrap().contains("optimistic")));
    assert!(folds["experiments"][0]["facts"]["fold_choices"].is_object());
    assert!(accuracy(&on_same) > accuracy(&on_folds), "choosing on the reported data flatters");
}

/// The cells of a table by column name.
fn records(world: &World, path: &str) -> Vec<BTreeMap<String, String>> {
    let text = world.read(path);
    let mut lines = text.lines().map(|line| line.split(',').map(ToOwned::to_owned).collect::<Vec<String>>());
    let names = lines.next().unwrap();
    lines.map(|cells| names.iter().cloned().zip(cells).collect()).collect()
}

#[test]
fn folds_name_both_heads_and_never_one_with_the_score_of_two() {
    let world = run("tiny", "", &["--set", "heads.selection=folds"]);
    let best_heads = records(&world, "runs/tiny/best_heads.csv");
    let number = |row: &BTreeMap<String, String>, name: &str| row[name].parse::<u64>().unwrap_or(0);
    let parts = ["layer", "head", "direction"];
    let mut apart = 0;
    for row in &best_heads {
        for count in ["correct", "total"] {
            let folds = [1, 2].map(|fold| number(row, &format!("fold_{fold}_{count}")));
            assert_eq!(folds[0] + folds[1], number(row, count), "{row:?}");
        }
        let [first, second] = [1, 2].map(|fold| parts.map(|part| row[&format!("fold_{fold}_{part}")].clone()));
        let both = !first[0].is_empty() && !second[0].is_empty();
        let expected = if both && first != second {
            apart += 1;
            [""; 3].map(String::from)
        } else if first[0].is_empty() {
            second
        } else {
            first
        };
        assert_eq!(parts.map(|part| row[part].clone()), expected, "{row:?}");
    }
    assert!(apart > 0, "the folds of the sample choose differently somewhere");
    let report = json(&world, "runs/tiny/report.json");
    assert!(world.read("runs/tiny/report.md").contains("not exact"));
    let finding =
        report["findings"].as_array().unwrap().iter().any(|it| it.as_str().unwrap().contains("those chosen on"));
    let all = best_heads.iter().find(|row| row["relation"] == "all-nopunct").unwrap();
    assert_eq!(finding, all["layer"].is_empty());
    world.succeed(&["compare", "runs/tiny", "clark2019"]);
    for figure in ["table1", "heatmap"] {
        let more: &[&str] = if figure == "table1" { &[] } else { &["det"] };
        world.succeed(&[&["figure", "runs/tiny", figure], more].concat());
    }
}

#[test]
fn where_heads_are_chosen_on_what_they_are_scored_on_p_pays_for_the_choice() {
    let world = run("tiny", "", &["--set", "heads.selection=same"]);
    let tests = records(&world, "runs/tiny/head_tests.csv");
    let best_heads = records(&world, "runs/tiny/best_heads.csv");
    for row in &best_heads {
        let p = |name: &str| row[name].parse::<f64>().ok();
        assert_eq!(p("p_value").is_none(), row["relation"] == "root", "{row:?}");
        if row["relation"] == "root" {
            continue;
        }
        let place = [("layer", "layer_index"), ("head", "head_index")];
        let is_it = |test: &&BTreeMap<String, String>| {
            let same = |(ours, theirs)| row[ours].parse::<u32>().unwrap() == test[theirs].parse::<u32>().unwrap() + 1;
            test["relation"] == row["relation"] && test["direction"] == row["direction"] && place.into_iter().all(same)
        };
        let alone = tests.iter().find(is_it).unwrap();
        let alone = |name: &str| alone[name].parse::<f64>().unwrap();
        // What the best of many gains by being chosen is in no naive p.
        assert!(p("p_adjusted") >= p("p_value"), "{row:?}");
        let ahead = row["correct"].parse::<i64>().unwrap() - row["baseline_correct"].parse::<i64>().unwrap();
        assert_eq!(alone("ahead"), ahead as f64, "{row:?}");
        assert!(ahead <= 0 || p("p_value").unwrap() >= alone("p_value") - 0.02, "{row:?}");
        assert!(alone("q_value") >= alone("p_value"), "{row:?}");
    }
    assert!(tests.iter().all(|test| test["relation"] != "root"));
    let notes = world.read("runs/tiny/report.md");
    assert!(notes.contains("Westfall") && !notes.contains("exact paired"), "{notes}");
}

#[test]
fn documents_are_units_by_key() {
    let world = run("tiny", "", &["--set", "treebank.unit=document", "--set", "heads.selection=folds"]);
    let best_heads = records(&world, "runs/tiny/best_heads.csv");
    assert!(best_heads.iter().all(|row| row["unit"] == "document" && row["units"] == "13"), "{best_heads:?}");
    assert_eq!(json(&world, "runs/tiny/report.json")["conventions"]["unit"], "document");
    assert!(world.read("runs/tiny/report.md").contains("bootstrap resamples of 13 documents"));
}

#[test]
fn surface_text_is_a_second_way_in() {
    let world = run("tiny", "input = \"text\"", &[]);
    let report = json(&world, "runs/tiny/report.json");
    assert_eq!(report["conventions"]["input"], "text");
    for split in report["treebank"]["splits"].as_array().unwrap() {
        let reasons: Vec<&String> = split["skipped"].as_object().unwrap().keys().collect();
        assert!(reasons.iter().all(|reason| *reason == "too many pieces"), "{reasons:?}");
        assert!(split["sentences"].as_u64().unwrap() > 100);
    }
}

#[test]
fn predictions_are_a_treebank_without_problems() {
    let world = run("tiny", "", &[]);
    let checked = world.succeed(&["check", "runs/tiny/predictions.conllu"]);
    assert!(checked.ends_with("no problem\n"), "{checked}");
    assert!(world.read("runs/tiny/predictions.conllu").contains("PredictedBy="));
}

/// A run over many sentences that is ended by a signal once some are predicted; returns its exit code and what it said.
fn interrupt(world: &World, signal: &str) -> (Option<i32>, String) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample/en_sample-evaluate.conllu");
    world.write("many.conllu", fs::read_to_string(sample).unwrap().repeat(40));
    let config = tiny_config("").replace("[\"sample:evaluate\"]", "[\"many.conllu\"]");
    world.write("long.toml", format!("{config}attention = true\nnull_models = 1\n"));
    let mut child = world.command(&["run", "long.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let kept = world.path("cache/headlight/predictions");
    let begun = || {
        let folders = fs::read_dir(&kept).into_iter().flatten().flatten();
        folders.map(|folder| fs::metadata(folder.path().join("data")).map_or(0, |it| it.len())).max() > Some(100_000)
    };
    while !begun() && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(2));
    }
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(killed.success() && begun() && !world.path("runs/long").exists());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_interrupted_run_goes_on_where_it_stopped() {
    let whole = World::new();
    for (signal, code, damaged) in [("-INT", Some(130), false), ("-KILL", None, false), ("-KILL", None, true)] {
        let world = World::new();
        let (exit, stderr) = interrupt(&world, signal);
        assert_eq!(exit, code, "{stderr}");
        assert_eq!(stderr.contains("interrupted; what is computed is kept"), signal == "-INT", "{stderr}");
        if damaged {
            damage(&world.path("cache/headlight"));
        }
        let resumed = world.run(&["run", "long.toml"]);
        assert_eq!(resumed.code, 0, "{}", resumed.stderr);
        assert!(resumed.stderr.contains("going on with the interrupted run"), "{}", resumed.stderr);
        if !whole.path("runs/long").exists() {
            for file in ["many.conllu", "long.toml"] {
                whole.write(file, world.read(file));
            }
            whole.succeed(&["run", "long.toml"]);
        }
        for table in TABLES.into_iter().chain(["head_attention"]) {
            let file = format!("runs/long/{table}.csv");
            assert!(world.read(&file) == whole.read(&file), "{signal} {table}");
        }
        let explorer = "runs/long/explorer.json";
        assert!(world.read(explorer) == whole.read(explorer), "{signal}: the page shows other sentences");
    }
}

/// Changes a byte in the middle of every file that an interrupted run left to go on from.
fn damage(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            damage(&entry.path());
            continue;
        }
        let mut bytes = fs::read(entry.path()).unwrap();
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 0x10;
        }
        fs::write(entry.path(), bytes).unwrap();
    }
}
