//! Layers in, config out; and what a user sees when a layer is wrong.

mod applied;
mod damaged;
mod labels;
mod sweeps;

use std::fs;
use std::path::Path;

use super::*;
use crate::config::{BUNDLED, Granularity, Merge};

const MINIMAL: &str = r#"
    [model]
    name = "minilm-l6"
    [treebank]
    select = ["sample:select"]
    evaluate = ["dev.conllu"]
    [[experiment]]
    kind = "heads"
"#;

fn resolve_in(folder: &Path, text: &str, sets: &[&str]) -> Result<Config> {
    let file = folder.join("study.toml");
    fs::write(&file, text).unwrap();
    let mut configs = load_in(&file, sets)?;
    assert_eq!(configs.len(), 1);
    Ok(configs.remove(0))
}

fn load_in(file: &Path, sets: &[&str]) -> Result<Vec<Config>> {
    super::resolve(&Source::File(file.to_path_buf()), &sets.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn resolve(text: &str, sets: &[&str]) -> Result<Config> {
    resolve_in(tempfile::tempdir().unwrap().path(), text, sets)
}

/// The error of a config, in one line, with the folder of the config cut out.
fn error(text: &str, sets: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let error = resolve_in(folder.path(), text, sets).unwrap_err();
    format!("{error:#}").replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn every_bundled_config_resolves_and_its_resolved_form_resolves_to_itself() {
    for (name, text) in BUNDLED {
        let sets: &[String] = if name.ends_with("wsj") { &["treebank.evaluate=[\"wsj.conll\"]".into()] } else { &[] };
        for config in
            super::resolve(&Source::Bundled(name, text), sets).unwrap_or_else(|error| panic!("{name}: {error:#}"))
        {
            assert_eq!(resolve(&config.to_toml(), &[]).unwrap(), config, "{name}");
        }
    }
}

#[test]
fn defaults_come_from_base_and_later_layers_win() {
    let config = resolve(MINIMAL, &["seed=7", "treebank.granularity=universal", "name=other"]).unwrap();
    assert_eq!((config.settings.name.as_str(), config.settings.seed), ("other", 7));
    assert_eq!(config.settings.treebank.granularity, Granularity::Universal);
    assert_eq!((config.settings.treebank.max_pieces, config.settings.treebank.merge), (128, Merge::Mean));
}

#[test]
fn the_name_defaults_to_the_files() {
    assert_eq!(resolve(MINIMAL, &[]).unwrap().settings.name, "study");
}

#[test]
fn an_experiments_keys_come_from_its_kind_then_itself_then_the_command_line() {
    let keys = |own: &str, sets: &[&str]| {
        let text = format!("{MINIMAL}\n{own}\n[heads]\nconfidence = 0.9\n");
        let table: toml::Table = resolve(&text, sets).unwrap().to_toml().parse().unwrap();
        ["resamples", "confidence"].map(|key| table["experiment"][0][key].to_string())
    };
    assert_eq!(keys("", &[]), ["2000", "0.9"]);
    assert_eq!(keys("resamples = 3000", &[]), ["3000", "0.9"]);
    assert_eq!(keys("resamples = 3000\nconfidence = 0.8", &["heads.resamples=4000"]), ["4000", "0.8"]);
    assert_eq!(keys("resamples = 3000", &["experiment.0.resamples=5000"]), ["5000", "0.9"]);
    assert_eq!(keys("", &["experiment.0.confidence=0.7", "heads.confidence=0.6"]), ["2000", "0.7"]);
}

#[test]
fn paths_are_relative_to_the_file_that_wrote_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = resolve_in(folder.path(), MINIMAL, &["treebank.train=[\"train.conllu\"]"]).unwrap();
    assert_eq!(config.settings.treebank.select, ["sample:select"]);
    assert_eq!(Path::new(&config.settings.treebank.evaluate[0]), folder.path().join("dev.conllu"));
    let from_the_command_line = std::path::absolute("train.conllu").unwrap();
    assert_eq!(Path::new(&config.settings.treebank.train[0]), from_the_command_line);
}

#[test]
fn what_is_wrong_is_named_with_its_writer_and_the_way_out() {
    for (text, sets, expected) in [
        (
            "[treebank]\ngranularty = \"full\"",
            &[][..],
            "unknown key `treebank.granularty` in config study.toml; did you mean `treebank.granularity`?",
        ),
        ("devise = \"cpu\"", &[], "unknown key `devise` in config study.toml; did you mean `model.device`?"),
        ("", &["sed=2"], "unknown key `sed` in --set; did you mean `seed`?"),
        ("", &["seed=two"], "`seed` in --set: invalid type: found string \"two\", expected u64"),
        (
            "",
            &["seed"],
            "--set seed: expected key=value, for example --set seed=2 or --set treebank.granularity=universal",
        ),
        (
            "[[experiment]]\nkind = \"head\"",
            &[],
            "`experiment.0.kind` in config study.toml is \"head\"; did you mean \"heads\"?",
        ),
        ("[[experiment]]", &[], "`experiment.0` in config study.toml has no `kind`; kinds: heads"),
        (
            "[[experiment]]\nkind = \"heads\"\nresample = 3",
            &[],
            "unknown key `experiment.0.resample` in config study.toml; did you mean `experiment.0.resamples`?",
        ),
        (
            "[[experiment]]\nkind = \"heads\"\nresamples = \"many\"",
            &[],
            "`experiment.0.resamples` in config study.toml: invalid type: found string \"many\", expected u32",
        ),
        ("seed = ", &[], "config study.toml: line 1: "),
        ("model = 3", &[], "`model` in config study.toml is not a table: write [model] with its keys below"),
        (MINIMAL, &["experiment.2.resamples=5"], "--set experiment.2: the config has 1 experiments, counted from 0"),
        (MINIMAL, &["experiment.resamples=5"], "`experiment` in --set is not a list of tables"),
        (MINIMAL, &["heads.resamples=5"], "config study.toml: experiment 0: `resamples` is 5; intervals need"),
        (
            MINIMAL,
            &["treebank.select=[]"],
            "config study.toml: experiment 0: selection = \"separate\" needs `treebank.select`",
        ),
        (MINIMAL, &["name=a/b"], "config study.toml: `name` is \"a/b\", which cannot name a run directory"),
        ("[sweep]\nseed = 1", &[], "`sweep.seed` in config study.toml is not a list of values"),
        ("[sweep]\nsed = [1]", &[], "unknown key `sed` in config study.toml; did you mean `seed`?"),
        (
            MINIMAL,
            &["model.precision=f16"],
            "config study.toml: `model.precision`: device cpu computes in f32, not in f16; choose precision f32",
        ),
        (MINIMAL, &["model.device=tpu"], "`model.device` in --set: unknown variant: found `tpu`, expected"),
    ] {
        let found = error(text, sets);
        assert!(found.starts_with(expected), "\n   found: {found}\nexpected: {expected}");
        assert!(!found.contains('\n'), "{found}");
    }
}

#[test]
fn an_unknown_config_names_the_nearest_bundled_one() {
    let error = Source::find("quickstrat").unwrap_err().to_string();
    assert!(error.starts_with("no config file quickstrat; did you mean quickstart; configs inside"), "{error}");
}
