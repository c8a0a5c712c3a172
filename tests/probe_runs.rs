//! What a run says of its probes: draws, differences, what scores are worth; and that it goes on where it was interrupted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::support::{World, tiny_bert};

/// A config of experiments on the tiny model; `experiments` follow.
fn config(experiments: &str) -> String {
    format!(
        "[model]\npath = {:?}\n[treebank]\nname = \"sample\"\ntrain = [\"sample:select\"]\n\
         evaluate = [\"sample:evaluate\"]\n[probe]\nresamples = 1000\nepochs = 2\n[structural]\nresamples = 1000\n{experiments}",
        tiny_bert()
    )
}

/// The rows of a table of a run, by the names of its columns.
fn table(world: &World, run: &str, name: &str) -> Vec<BTreeMap<String, String>> {
    let text = world.read(&format!("{run}/{name}.csv"));
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| columns.iter().map(|it| (*it).to_owned()).zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} is {:?} in {row:?}", row[column]))
}

#[test]
fn controls_rest_on_three_draws_and_what_they_say_is_shown_where_the_run_is_summed_up() {
    let world = World::new();
    let experiment = "[[experiment]]\nkind = \"probe\"\nprobes = [\"attention\", \"random-init\", \"right-branching\"]\n\
                      control_task = true\ndescription_length = true\n";
    world.write("draws.toml", config(experiment));
    let said = world.succeed(&["run", "draws.toml"]);
    let rows = table(&world, "runs/draws", "probe_scores");
    let values = |probe: &str, decoding: &str, measure: &str| -> Vec<(String, String)> {
        let is = |row: &&BTreeMap<String, String>| {
            row["probe"] == probe && row["decoding"] == decoding && row["measure"] == measure && row["group"].is_empty()
        };
        rows.iter().filter(is).map(|row| (row["draw"].clone(), row["value"].clone())).collect()
    };
    for (probe, decoding, measure) in [
        ("random-init", "argmax", "uas"),
        ("random-init", "tree", "uas"),
        ("random-init", "", "mdl_bits"),
        ("random-init", "", "selectivity"),
        ("attention", "", "control_accuracy"),
        ("attention", "", "selectivity"),
    ] {
        let found = values(probe, decoding, measure);
        let draws: Vec<&str> = found.iter().map(|(draw, _)| draw.as_str()).collect();
        assert_eq!(draws, ["1", "2", "3"], "{probe} {decoding} {measure}");
        assert!(found[0].1 != found[1].1 || found[1].1 != found[2].1, "draws are different ones: {found:?}");
    }
    assert_eq!(values("attention", "argmax", "uas").len(), 1);
    assert_eq!(values("attention", "argmax", "uas")[0].0, "");
    assert!(world.path("runs/draws/probes/random-init-draw3-seed1.safetensors").exists());

    // Selectivity is the difference of two shares of the same words, and lies within its interval.
    let of = |measure: &str| rows.iter().find(|row| row["probe"] == "attention" && row["measure"] == measure).unwrap();
    let uas: f64 = values("attention", "argmax", "uas")[0].1.parse().unwrap();
    let selectivity = of("selectivity");
    assert!((uas - number(of("control_accuracy"), "value") - number(selectivity, "value")).abs() < 1e-12);
    for measure in ["selectivity", "control_accuracy", "mdl_bits", "mdl_compression"] {
        let row = of(measure);
        assert!(
            number(row, "ci_low") < number(row, "value") && number(row, "value") < number(row, "ci_high"),
            "{row:?}"
        );
    }

    for part in ["What the scores of probes on sample are worth", "selectivity", "compression", "(draws)"] {
        assert!(said.contains(part), "{said}\nhas no {part:?}");
    }
    let report = world.read("runs/draws/report.md");
    assert!(
        report.contains("## What the scores of probes are worth") && report.contains("Its selectivity is"),
        "{report}"
    );
    let page = world.read("runs/draws/report.html");
    let shown = page.find("What the scores of probes on sample are worth").or(page.find("Its selectivity is")).unwrap();
    assert!(shown < page.find("All probes and decodings").unwrap(), "before anything that is folded");

    let one = world.run(&["run", "draws.toml", "--set", "probe.draws=1", "--force"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert!(world.read("runs/draws/report.md").contains("rest on one draw"));
    let none = world.fail(2, &["run", "draws.toml", "--set", "probe.draws=0", "--force"]);
    assert!(none.contains("`draws` is 0"), "{none}");
}

/// Against sums over the table of predictions.
#[test]
fn probes_are_compared_pair_by_pair() {
    let world = World::new();
    let experiment =
        "[[experiment]]\nkind = \"probe\"\nprobes = [\"attention\", \"random-init\", \"right-branching\"]\n";
    world.write("pairs.toml", config(experiment));
    let said = world.succeed(&["run", "pairs.toml", "--set", "probe.draws=1"]);
    assert!(said.contains("Differences between probes on sample"), "{said}");
    let mut shares: BTreeMap<String, [f64; 2]> = BTreeMap::new();
    for row in table(&world, "runs/pairs", "predictions") {
        if row["relation"] != "punct" {
            let [correct, total] = shares.entry(row["predictor"].clone()).or_default();
            *total += 1.0;
            *correct += f64::from(u8::from(row["correct"] == "true"));
        }
    }
    let share = |predictor: &str| shares[predictor][0] / shares[predictor][1];
    let rows = table(&world, "runs/pairs", "differences");
    let uas: Vec<(&str, &str)> =
        rows.iter().filter(|row| row["measure"] == "uas").map(|row| (row["a"].as_str(), row["b"].as_str())).collect();
    assert_eq!(
        uas,
        [
            ("attention argmax", "random-init argmax"),
            ("attention argmax", "right-branching"),
            ("random-init argmax", "right-branching"),
            ("attention tree", "attention argmax"),
            ("random-init tree", "random-init argmax"),
        ]
    );
    for row in rows.iter().filter(|row| row["measure"] == "uas") {
        let (a, b) = (share(&row["a"]), share(&row["b"]));
        assert!((number(row, "value_a") - a).abs() < 1e-12 && (number(row, "value_b") - b).abs() < 1e-12, "{row:?}");
        assert!((number(row, "difference") - (a - b)).abs() < 1e-12, "{row:?}");
        assert!(number(row, "p_adjusted") >= number(row, "p_value"), "{row:?}");
        assert_eq!(
            (row["experiment"].as_str(), row["unit"].as_str(), row["units"].as_str()),
            ("probe", "sentence", "120")
        );
    }
    assert_eq!(rows.iter().filter(|row| row["measure"] == "uuas").count(), 3);
    // The mean over seeds, whose numbers are three for a probe and one for the baseline.
    world.succeed(&["run", "pairs.toml", "--set", "probe.seeds=[1, 2, 3]", "--set", "probe.draws=2", "--force"]);
    let scores = table(&world, "runs/pairs", "probe_scores");
    let mean = |probe: &str| {
        let is = |row: &&BTreeMap<String, String>| {
            row["probe"] == probe && row["measure"] == "uas" && row["group"].is_empty() && row["decoding"] != "tree"
        };
        let values: Vec<f64> = scores.iter().filter(is).map(|row| number(row, "value")).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let rows = table(&world, "runs/pairs", "differences");
    for (row, [a, b]) in rows.iter().zip([["attention", "random-init"], ["attention", "right-branching"]]) {
        assert!((number(row, "value_a") - mean(a)).abs() < 1e-12, "{row:?}");
        assert!((number(row, "value_b") - mean(b)).abs() < 1e-12, "{row:?}");
    }
}

#[test]
fn documents_are_the_units_where_the_config_says_so() {
    let world = World::new();
    let experiment = "[[experiment]]\nkind = \"probe\"\nprobes = [\"attention\", \"right-branching\"]\n\
                      control_task = true\ndraws = 1\n[[experiment]]\nkind = \"structural\"\nranks = [2]\nlayers = [0, 3]\n\
                      epochs = 1\n";
    world.write("units.toml", config(experiment));
    let sample = crate::support::root().join("data/sample/en_sample-evaluate.conllu");
    let text = fs::read_to_string(sample).unwrap();
    // Documents of ten sentences.
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty()).enumerate();
    let strip = |block: &str| block.lines().filter(|line| !line.starts_with("# newdoc")).collect::<Vec<_>>().join("\n");
    let documents = blocks.map(|(number, block)| match number % 10 {
        0 => format!("# newdoc id = d{number}\n{}\n\n", strip(block)),
        _ => format!("{}\n\n", strip(block)),
    });
    world.write("documents.conllu", documents.collect::<String>());
    let set = ["--set", "treebank.evaluate=[\"documents.conllu\"]", "--set", "treebank.unit=document"];
    world.succeed(&[["run", "units.toml"].as_slice(), &set].concat());
    let rows = table(&world, "runs/units", "differences");
    assert!(
        rows.iter().any(|row| row["experiment"] == "structural") && rows.iter().any(|row| row["experiment"] == "probe")
    );
    for row in rows {
        assert_eq!((row["unit"].as_str(), row["units"].as_str()), ("document", "13"), "{row:?}");
    }
}

#[test]
fn a_structural_run_says_nothing_of_probes_of_attention() {
    let world = World::new();
    let experiment = "[[experiment]]\nkind = \"structural\"\nranks = [2, 4]\nlayers = [0, 3]\nepochs = 2\n";
    world.write("structural.toml", config(experiment));
    world.succeed(&["run", "structural.toml"]);
    let page = world.read("runs/structural/report.html");
    assert!(page.contains("id=\"structural\"") && !page.contains("id=\"probes\""), "a section of its own and no other");
    assert!(!page.contains("read the attention of all heads") && !page.contains("UAS of the probe"));
    assert!(!world.read("runs/structural/report.md").contains("## Probes"));
    let rows = table(&world, "runs/structural", "differences");
    let compared: Vec<String> =
        rows.iter().map(|row| format!("{}: {} / {}", row["measure"], row["a"], row["b"])).collect();
    let ranks = "structural_distance_rank2 / structural_distance_rank4";
    assert!(compared.contains(&format!("uuas: {ranks}")) && compared.contains(&format!("distance_spearman: {ranks}")));
    for row in &rows {
        assert_eq!(row["p_value"].is_empty(), row["measure"].ends_with("spearman"), "{row:?}");
        assert!(
            number(row, "ci_low") <= number(row, "difference") && number(row, "difference") <= number(row, "ci_high")
        );
    }
    for row in table(&world, "runs/structural", "probe_scores") {
        assert!(number(&row, "ci_low") < number(&row, "ci_high"), "{row:?}");
    }
}

/// Files of finished steps and when they were written.
fn steps(work: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let files = fs::read_dir(work.join("steps")).into_iter().flatten().flatten().map(|file| file.path());
    let steps = files.filter(|path| path.extension().is_some_and(|it| it == "step"));
    steps.filter_map(|path| Some((path.clone(), fs::metadata(path).ok()?.modified().ok()?))).collect()
}

/// Interrupts a run after every few steps until it is complete; what it leaves is what an uninterrupted run leaves.
fn goes_on_after_every_interruption(name: &str, experiment: &str, rewritten: bool) {
    let world = World::new();
    let file = format!("{name}.toml");
    world.write(&file, config(experiment));
    let work = world.path(&format!("runs/{name}.partial/work"));
    let mut interrupted = 0;
    let mut before: BTreeMap<PathBuf, SystemTime> = BTreeMap::new();
    loop {
        let mut child = world.command(&["run", &file]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        while steps(&work).len() <= before.len() + interrupted && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            break;
        }
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(130) && stderr.contains("goes on from there"), "{stderr}");
        let after = steps(&work);
        for (path, time) in &before {
            assert!(rewritten || after.get(path) == Some(time), "{} was done again", path.display());
        }
        assert!(after.len() > before.len(), "every call comes further");
        (before, interrupted) = (after, interrupted + 1);
        assert!(interrupted < 40, "the run comes to no end");
    }
    assert!(interrupted >= 2, "{interrupted} interruptions");
    world.succeed(&["run", &file, "--out", "whole"]);
    for table in ["probe_scores", "differences"] {
        let [resumed, whole] = ["runs", "whole"].map(|out| world.read(&format!("{out}/{name}/{table}.csv")));
        assert!(resumed == whole, "{table}");
    }
}

#[test]
fn interrupted_control_tasks_codes_and_draws_go_on_where_they_stopped() {
    let experiment = "[[experiment]]\nkind = \"probe\"\nprobes = [\"attention\", \"random-init\"]\nepochs = 6\n\
                      control_task = true\ndescription_length = true\ndraws = 2\n";
    goes_on_after_every_interruption("worth", experiment, false);
}

#[test]
fn interrupted_structural_probes_go_on_where_they_stopped() {
    let experiment =
        "[[experiment]]\nkind = \"structural\"\nranks = [4, 8]\nlayers = [0, 1, 2, 3]\nepochs = 12\nseeds = [1, 2]\n";
    // The state of a training is written anew after every epoch.
    goes_on_after_every_interruption("layers", experiment, true);
}
