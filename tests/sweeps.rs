//! Sweeps over checkpoints and seeds: one table, one page, one figure over all runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{World, tiny_bert, tiny_config};

/// A checkpoint like the tiny one, its weights as far from it as `by` says.
fn checkpoint(place: &Path, by: f32, seed: u64) {
    fs::create_dir_all(place).unwrap();
    for file in fs::read_dir(tiny_bert()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), place.join(file.file_name())).unwrap();
    }
    let path = place.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for number in bytes[8 + header..].chunks_exact_mut(4) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = (state >> 40) as f32 / (1 << 23) as f32 - 1.0;
        let value = f32::from_le_bytes(number.try_into().unwrap()) * (1.0 + by * noise);
        number.copy_from_slice(&value.to_le_bytes());
    }
    fs::write(&path, bytes).unwrap();
}

/// A training of two seeds with three steps each.
fn world() -> World {
    let world = World::new();
    for seed in 1..=2 {
        for (step, by) in [(0, 1.5), (10, 0.9), (200, 0.2)] {
            checkpoint(&world.path(&format!("training/seed-{seed}/step-{step}")), by, seed);
        }
    }
    let config = tiny_config("max_sentences = 60\ntrain = [\"sample:select\"]");
    let config = config.replace(&format!("path = {:?}", tiny_bert()), "");
    let probe = "[[experiment]]\nkind = \"probe\"\nepochs = 2\nresamples = 1000\n";
    let pairs = "[[experiment]]\nkind = \"pairs\"\nfiles = [\"sample:pairs\"]\nresamples = 1000\n";
    world.write("study.toml", format!("{config}{probe}{pairs}[sweep]\nmodel.path = \"training/seed-*/step-*\"\n"));
    world
}

/// The rows of a CSV table, by column; no field holds a comma or is quoted.
fn rows(world: &World, path: &str) -> Vec<BTreeMap<String, String>> {
    let text = world.read(path).replace("\"", "");
    let mut lines = text.lines().map(|line| line.split(',').map(ToOwned::to_owned).collect::<Vec<_>>());
    let names = lines.next().unwrap();
    lines.map(|line| names.iter().cloned().zip(line).collect()).collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {row:?}"))
}

#[test]
fn a_sweep_over_checkpoints_has_one_table_one_page_and_one_figure() {
    let world = world();
    let summary = world.succeed(&["run", "study.toml"]);
    let lines: Vec<&str> = summary.lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(lines[0], "study: step-*");
    assert!(lines[1].trim_start().starts_with("step  seeds  all-nopunct"), "{summary}");
    for (line, step) in lines[3..6].iter().zip(["0", "10", "200"]) {
        assert_eq!(line.split_whitespace().take(2).collect::<Vec<_>>(), [step, "2"], "{summary}");
        assert!(line.contains('±'), "{summary}");
    }
    // The tables of single runs are not printed.
    assert!(!summary.contains("Best heads"), "{summary}");

    let table = rows(&world, "runs/study-sweep/sweep.csv");
    let steps: Vec<(String, String)> = table
        .iter()
        .filter(|row| row["measure"] == "best_head" && row["of"] == "det")
        .map(|row| (row["step"].clone(), row["seed"].clone()))
        .collect();
    let expected = [("0", "1"), ("10", "1"), ("200", "1"), ("0", "2"), ("10", "2"), ("200", "2")];
    assert_eq!(steps, expected.map(|(step, seed)| (step.to_owned(), seed.to_owned())));
    for row in table.iter().filter(|row| row["measure"] == "best_head") {
        let best = rows(&world, &format!("runs/{}/best_heads.csv", row["run"]));
        let best = best.iter().find(|best| best["relation"] == row["of"]).unwrap();
        for (column, of_run) in [("value", "accuracy"), ("ci_low", "ci_low"), ("total", "total"), ("head", "head")] {
            assert_eq!(row[column], best[of_run], "{row:?}");
        }
    }
    assert!(table.iter().any(|row| row["measure"] == "uas" && row["of"] == "attention tree"));
    for row in table.iter().filter(|row| row["measure"] == "pairs_accuracy") {
        let pairs = rows(&world, &format!("runs/{}/pairs.csv", row["run"]));
        let [level, group] = if row["of"] == "all" { ["whole", ""] } else { ["phenomenon", row["of"].as_str()] };
        let pairs = pairs.iter().find(|pairs| pairs["level"] == level && pairs["group"] == group).unwrap();
        for column in ["correct", "total", "ci_low"] {
            assert_eq!(row[column], pairs[column], "{row:?}");
        }
        assert!((number(row, "value") - number(row, "correct") / number(row, "total")).abs() < 1e-12);
    }
    assert!(lines[1].ends_with("pairs"), "{summary}");

    // Over seeds: what the rows of single runs give, and an interval around it.
    let seeds = rows(&world, "runs/study-sweep/sweep_seeds.csv");
    let report: Value = serde_json::from_str(&world.read("runs/study-path=seed-1-step-0/report.json")).unwrap();
    let splits = report["treebank"]["splits"].as_array().unwrap();
    let sentences = splits.iter().find(|it| it["split"] == "evaluate").unwrap()["sentences"].to_string();
    let mut with_interval = 0;
    for over in &seeds {
        let same = |row: &&BTreeMap<String, String>| {
            ["step", "measure", "of"].iter().all(|column| row[*column] == over[*column])
        };
        let values: Vec<f64> = table.iter().filter(same).map(|row| number(row, "value")).collect();
        let [a, b] = values[..] else { panic!("two seeds: {over:?}") };
        assert!((number(over, "mean") - (a + b) / 2.0).abs() < 1e-12, "{over:?}");
        assert!((number(over, "sd") - (a - b).abs() / 2_f64.sqrt()).abs() < 1e-12, "{over:?}");
        if !over["ci_low"].is_empty() {
            with_interval += 1;
            assert!(number(over, "ci_low") <= number(over, "mean") + 1e-12, "{over:?}");
            assert!(number(over, "ci_high") >= number(over, "mean") - 1e-12, "{over:?}");
            let pairs = over["measure"] == "pairs_accuracy";
            assert_eq!(over["unit"], if pairs { "pair" } else { "sentence" });
            assert!(pairs || over["units"] == sentences, "{over:?}");
        }
    }
    let of = |measure: &str, of: &str| {
        seeds.iter().filter(|row| row["measure"] == measure && row["of"] == of && !row["ci_low"].is_empty()).count()
    };
    assert!(with_interval > 20);
    for (measure, what) in
        [("best_head", "all-nopunct"), ("best_head", "nsubj"), ("uas", "attention tree"), ("pairs_accuracy", "all")]
    {
        assert_eq!(of(measure, what), 3, "{measure} {what}");
    }

    let page = world.read("runs/study-sweep/report.html");
    assert!(page.contains("id=\"emergence-0-0\"") && page.contains("probes, %"), "the page has curves");
    let svg = world.succeed(&["figure", "runs/study-sweep", "emergence"]);
    assert_eq!(svg, "runs/study-sweep/figures/emergence.svg\n");
    let svg = world.read(svg.trim());
    assert!(["best heads, %", "probes, %", "minimal pairs, %", "step"].iter().all(|text| svg.contains(text)), "{svg}");
    let error = world.fail(1, &["figure", "runs/study-sweep", "emergence", "other"]);
    assert!(error.contains("series of this sweep that have several: \"step-*\""), "{error}");
    let error = world.fail(1, &["figure", "runs/study-sweep", "table1"]);
    assert!(error.contains("is the folder of a sweep and no run"), "{error}");
    let error = world.fail(1, &["figure", "runs/study-path=seed-1-step-0", "emergence"]);
    assert!(error.contains("is not a sweep"), "{error}");

    // Reports are made again from the tables, byte for byte.
    let before = ["report.md", "report.html"].map(|file| world.read(&format!("runs/study-sweep/{file}")));
    world.succeed(&["report", "runs/study-sweep"]);
    let error = world.fail(1, &["compare", "runs/study-sweep", "runs/study-path=seed-1-step-0"]);
    let named = "is the folder of a sweep and no run; its runs are runs/study-path=seed-1-step-0, runs/study-path=seed-1-step-10, ";
    assert!(error.contains(named), "{error}");
    assert!(before == ["report.md", "report.html"].map(|file| world.read(&format!("runs/study-sweep/{file}"))));
}

#[test]
fn finished_runs_of_a_sweep_are_not_run_again() {
    let world = world();
    let text = world.read("study.toml").split("[[experiment]]\nkind = \"probe\"").next().unwrap().to_owned();
    world.write("study.toml", format!("{text}[sweep]\nmodel.path = \"training/seed-1/step-*\"\n"));
    world.succeed(&["run", "study.toml"]);
    let read = || ["sweep.csv", "report.md"].map(|file| world.read(&format!("runs/study-sweep/{file}")));
    let before = read();
    fs::remove_dir_all(world.path("runs/study-path=step-10")).unwrap();
    fs::remove_dir_all(world.path("runs/study-sweep")).unwrap();
    let manifest = |step: u32| world.read(&format!("runs/study-path=step-{step}/manifest.json"));
    let kept = [manifest(0), manifest(200)];
    let again = world.run(&["run", "study.toml"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("2 of 3 runs are finished and are not run again"), "{}", again.stderr);
    assert!(again.stderr.contains("run 2 of 3: study-path=step-10"), "{}", again.stderr);
    assert!(kept == [manifest(0), manifest(200)], "finished runs are left alone");
    assert_eq!(read()[0], before[0]);

    // Another config, and another file under the same name, are not what was run.
    let error = world.fail(1, &["run", "study.toml", "--set", "treebank.max_sentences=50"]);
    assert!(error.contains("exists with another config: --force replaces it"), "{error}");
    checkpoint(&world.path("training/seed-1/step-200"), 0.1, 9);
    let error = world.fail(1, &["run", "study.toml"]);
    assert!(error.contains("step-200/model.safetensors was another file: --force runs"), "{error}");
    let forced = world.run(&["run", "study.toml", "--force"]);
    assert!(forced.code == 0 && !forced.stderr.contains("not run again"), "{}", forced.stderr);
    assert_ne!(read()[0], before[0]);
    let plain = World::new();
    plain.write("runs/study-sweep/mine.txt", "");
    plain.write("study.toml", format!("{}[sweep]\nseed = [1, 2]\n", tiny_config("max_sentences = 5")));
    let error = plain.fail(1, &["run", "study.toml"]);
    assert!(error.contains("study-sweep exists and is no sweep's"), "{error}");
}

#[test]
fn checkpoints_of_one_training_have_one_shape() {
    let world = world();
    let wide = world.path("training/seed-1/step-10/config.json");
    let config = fs::read_to_string(&wide).unwrap();
    let heads = config.replace("\"num_attention_heads\": 3", "\"num_attention_heads\": 1");
    assert_ne!(config, heads);
    fs::write(&wide, heads).unwrap();
    let error = world.fail(1, &["run", "study.toml", "--set", "treebank.max_sentences=10"]);
    for expected in
        ["checkpoints of one training have one shape, but of step-* ", "seed-1/step-0 has 3 layers × 3 heads"]
    {
        assert!(error.contains(expected), "{error}");
    }
    // Nothing was run before that was found.
    assert!(!world.path("runs/study-path=seed-1-step-0").exists());
}
