//! Whole run directories: a config of all kinds leaves what each kind leaves alone, and a second run what the first left.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{World, tiny_bert};

/// Every kind, with the keys that keep it short.
const KINDS: [(&str, &str); 10] = [
    ("heads", "attention = true\nnull_models = 1\nresamples = 1000"),
    (
        "probe",
        "probes = [\"attention\", \"random-init\", \"right-branching\"]\nepochs = 1\ndraws = 1\nresamples = 1000",
    ),
    ("structural", "layers = [0, 3]\nranks = [4]\nepochs = 1\nresamples = 1000"),
    ("surface", ""),
    ("clusters", "clusters = 3\nstarts = 2"),
    ("coreference", "selection = \"folds\"\nresamples = 1000"),
    ("importance", "resamples = 1000"),
    ("pruning", "measure = \"masked-lm\"\nsteps = 3\ngreedy_steps = 1\nsequences = 10\ndraws = 1\nresamples = 1000"),
    ("trees", "resamples = 1000"),
    ("ensembles", "min_total = 10\nresamples = 1000"),
];

/// A config of these kinds on the tiny model and the sample treebank.
fn config(kinds: &[(&str, &str)]) -> String {
    let experiments = kinds.iter().map(|(kind, keys)| format!("[[experiment]]\nkind = {kind:?}\n{keys}\n"));
    format!(
        "[model]\npath = {:?}\n[treebank]\nname = \"sample\"\ntrain = [\"sample:select\"]\nselect = [\"sample:select\"]\n\
         evaluate = [\"sample:coref\"]\n{}",
        tiny_bert(),
        experiments.collect::<String>()
    )
}

/// What a run left that does not say when, by file.
fn left(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let wanted = |name: &str| [".csv", ".parquet", ".conllu", "explorer.json"].iter().any(|end| name.ends_with(end));
    let files = fs::read_dir(run).unwrap().map(|file| file.unwrap().path());
    let named = files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    named.filter(|(name, _)| wanted(name)).map(|(name, path)| (name, fs::read(path).unwrap())).collect()
}

/// The report without the run's name.
fn report(run: &Path) -> Value {
    let mut report: Value = serde_json::from_slice(&fs::read(run.join("report.json")).unwrap()).unwrap();
    report.as_object_mut().unwrap().remove("name");
    report
}

/// Whether all lines of `part` stand in `whole`, one behind the other.
fn holds(whole: &[u8], part: &[u8]) -> bool {
    let lines =
        |text: &[u8]| String::from_utf8(text.to_vec()).unwrap().lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    let (whole, part) = (lines(whole), lines(part));
    whole[0] == part[0] && whole[1..].windows(part.len() - 1).any(|rows| rows == &part[1..])
}

#[test]
fn all_kinds_in_one_config_leave_what_each_leaves_alone() {
    let world = World::new();
    world.write("all.toml", config(&KINDS));
    world.succeed(&["run", "all.toml"]);
    let all = left(&world.path("runs/all"));
    let together = report(&world.path("runs/all"));
    for (number, kind) in KINDS.into_iter().enumerate() {
        let (name, world) = (kind.0, World::new());
        world.write("alone.toml", config(&[kind]));
        world.succeed(&["run", "alone.toml"]);
        let alone = left(&world.path("runs/alone"));
        assert!(!alone.is_empty(), "{name} leaves tables");
        for (file, content) in &alone {
            // Several kinds write behind each other's rows in a few tables.
            let same = all.get(file) == Some(content);
            assert!(same || file.ends_with(".parquet") || holds(&all[file], content), "{name}: {file}");
        }
        let report = report(&world.path("runs/alone"));
        assert_eq!(report["experiments"][0], together["experiments"][number], "{name}");
        let findings = report["findings"].as_array().unwrap();
        let known = together["findings"].as_array().unwrap();
        assert!(findings.iter().all(|finding| known.contains(finding)), "{name}: {findings:?}");
    }
}

#[test]
fn a_second_run_leaves_what_the_first_left() {
    let world = World::new();
    world.write("all.toml", config(&KINDS));
    world.succeed(&["run", "all.toml"]);
    world.succeed(&["run", "all.toml", "--set", "name=again", "--set", "threads=1"]);
    let [first, second] = ["runs/all", "runs/again"].map(|run| world.path(run));
    assert_eq!(report(&first), report(&second));
    let [first, second] = [left(&first), left(&second)];
    assert!(first.keys().eq(second.keys()));
    for (file, content) in &first {
        assert!(content == &second[file], "{file}");
    }
}

/// Every file of a run, by its path.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => drop(files.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    files
}

/// All kinds, with what only some choices show: two experiments of one kind that share tables, heads chosen on the words that
/// they are scored on, random weights.
#[test]
fn a_report_is_all_that_the_run_printed_and_wrote() {
    let labelled = ("probe", "label = \"other\"\nprobes = [\"attention\"]\nepochs = 1\nresamples = 1000");
    let same = [
        ("heads", "selection = \"same\"\nresamples = 1000"),
        ("trees", "selection = \"same\"\nresamples = 1000"),
        ("coreference", "selection = \"same\"\nresamples = 1000"),
    ];
    let all: Vec<_> = KINDS.into_iter().chain([labelled]).collect();
    for (experiments, more) in [(all.as_slice(), ""), (&same, "model.random_init=true")] {
        let world = World::new();
        world.write("all.toml", config(experiments));
        let arguments: &[&str] =
            if more.is_empty() { &["run", "all.toml"] } else { &["run", "all.toml", "--set", more] };
        let printed = world.succeed(arguments);
        let written = files(&world.path("runs/all"));
        for file in ["report.md", "report.html"] {
            fs::remove_file(world.path("runs/all").join(file)).unwrap();
        }
        assert_eq!(world.succeed(&["report", "runs/all"]), printed);
        let again = files(&world.path("runs/all"));
        assert!(written.keys().eq(again.keys()));
        let changed: Vec<_> = written.iter().filter(|(file, content)| again[*file] != **content).collect();
        assert!(changed.is_empty(), "{:?}", changed.iter().map(|(file, _)| file).collect::<Vec<_>>());
        // What is printed is of every kind, and of each experiment of a kind alone.
        for title in ["Best attention heads", "Antecedents found", "Trees of single heads"] {
            assert!(printed.contains(title), "{title}");
        }
        assert_eq!(printed.matches("\nProbes on sample\n").count(), if more.is_empty() { 2 } else { 0 });
    }
}

/// A run of an earlier version kept fewer facts: its reports are made of what there is.
#[test]
fn reports_are_made_of_runs_without_facts() {
    let world = World::new();
    world.write("all.toml", config(&KINDS));
    world.succeed(&["run", "all.toml"]);
    let path = world.path("runs/all/report.json");
    let mut report: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for experiment in report["experiments"].as_array_mut().unwrap() {
        experiment["facts"] = serde_json::json!({});
    }
    fs::write(&path, report.to_string()).unwrap();
    let page = world.read("runs/all/report.md");
    let printed = world.succeed(&["report", "runs/all"]);
    assert!(
        printed.contains("Trees of single heads") && printed.contains("What heads do, and which are alike"),
        "{printed}"
    );
    // Findings are those that the run wrote down, and so are the tables; that the head has not learned is a fact.
    let again = world.read("runs/all/report.md");
    assert!(again.contains("report.json was changed since it was written"), "{again}");
    let without = |text: &str| -> Vec<String> {
        let told = ["these numbers say nothing about the model", "changed since it was written"];
        let is_kept = |line: &&str| !line.is_empty() && !told.iter().any(|told| line.contains(told));
        text.lines().filter(is_kept).map(ToOwned::to_owned).collect()
    };
    assert_eq!(without(&page), without(&again));
}
