//! A run of a sweep is what its name says.

use super::*;

fn configs(text: &str, sets: &[&str]) -> Result<Vec<Config>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study.toml");
    fs::write(&file, text).unwrap();
    load_in(&file, sets)
}

fn names(sweep: &str) -> Vec<String> {
    let configs = configs(&format!("[sweep]\n{sweep}\n{MINIMAL}"), &[]).unwrap();
    configs.into_iter().map(|config| config.settings.name.strip_prefix("study-").unwrap().to_owned()).collect()
}

#[test]
fn a_sweep_is_a_run_for_each_combination() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study.toml");
    let sweep = "[sweep]\nseed = [1, 2]\ntreebank.evaluate = [[\"a.conllu\"], [\"b.conllu\"]]\nexperiment.0.resamples = [5000]\n";
    fs::write(&file, format!("{sweep}{MINIMAL}")).unwrap();
    let configs = load_in(&file, &["heads.confidence=0.9"]).unwrap();
    let names: Vec<&str> = configs.iter().map(|config| config.settings.name.as_str()).collect();
    let expected = ["1-evaluate=a.conllu", "1-evaluate=b.conllu", "2-evaluate=a.conllu", "2-evaluate=b.conllu"];
    assert_eq!(names, expected.map(|name| format!("study-resamples=5000-seed={name}")));
    assert_eq!(configs[3].settings.seed, 2);
    assert_eq!(Path::new(&configs[3].settings.treebank.evaluate[0]), folder.path().join("b.conllu"));
    assert!(configs.iter().all(|config| config.to_toml().contains("resamples = 5000\nconfidence = 0.9")));
}

#[test]
fn values_that_end_alike_get_longer_names() {
    for (sweep, expected) in [
        ("model.path = [\"/a/bert\", \"/b/bert\"]", ["path=a-bert", "path=b-bert"]),
        ("model.path = [\"/bert\", \"/b/bert\"]", ["path=bert", "path=b-bert"]),
        ("treebank.evaluate = [[\"x/dev\"], [\"y/dev\"]]", ["evaluate=x-dev", "evaluate=y-dev"]),
        ("treebank.name = [\"a/b\", \"a-b\"]", ["name=b", "name=a-b"]),
        ("treebank.name = [\"a*b\", \"a b\"]", ["name=1.a-b", "name=2.a-b"]),
        ("treebank.name = [\"UP\", \"up\"]", ["name=1.UP", "name=2.up"]),
        ("heads.confidence = [0.9, 0.95]", ["confidence=0.9", "confidence=0.95"]),
        (
            "heads.resamples = [1000]\nexperiment.0.resamples = [1000]\nseed = [1, 2]",
            [
                "experiment.0.resamples=1000-heads.resamples=1000-seed=1",
                "experiment.0.resamples=1000-heads.resamples=1000-seed=2",
            ],
        ),
    ] {
        assert_eq!(names(sweep), expected, "{sweep}");
    }
}

#[test]
fn a_swept_value_is_the_value_or_the_sweep_is_refused() {
    let seeds = format!("[sweep]\nseed = [1, 2]\n{MINIMAL}");
    let all = format!("[sweep]\nheads.resamples = [1000, 3000]\n{MINIMAL}");
    let one = format!("[sweep]\nexperiment.0.resamples = [1000, 3000]\n{MINIMAL}");
    for (text, sets, expected) in [
        (
            seeds.as_str(),
            &["seed=5"][..],
            "`seed` is swept in config study.toml and also given by --set: remove one of the two, or sweep other values \
             by --set 'sweep.seed=[…]'",
        ),
        (&all, &["heads.resamples=2000"], "`heads.resamples` is swept in config study.toml and also given by --set"),
        (
            &one,
            &["experiment.0.resamples=2000"],
            "`experiment.0.resamples` is swept in config study.toml and also given",
        ),
        (
            &one,
            &["heads.resamples=2000"],
            "`experiment.0.resamples` is swept in config study.toml, but experiment 0 has its own `resamples` from --set",
        ),
        (
            &all,
            &["experiment.0.resamples=2000"],
            "`heads.resamples` is swept in config study.toml, but experiment 0 has its own `resamples` from --set, which \
             the runs' names would deny: remove that one, or sweep experiment.0.resamples",
        ),
        (
            &format!("{all}resamples = 2000"),
            &[],
            "`heads.resamples` is swept in config study.toml, but experiment 0 has its own `resamples` from config \
             study.toml",
        ),
        (
            &format!("[sweep]\nprobe.epochs = [1, 2]\n{MINIMAL}"),
            &[],
            "`probe.epochs` is swept in config study.toml, but no [[experiment]] has kind = \"probe\": all runs would",
        ),
        (&seeds, &["sweep.seed=[2, 2]"], "`sweep.seed` in --set lists one value twice: 2"),
        (&seeds, &["sweep.seed=[]"], "`sweep.seed` in --set is an empty list"),
    ] {
        let error = error(text, sets);
        assert!(error.starts_with(expected), "\n   found: {error}\nexpected: {expected}");
    }
    // An experiment may say the same as the sweep, and --set may sweep otherwise.
    assert_eq!(
        configs(&format!("[sweep]\nheads.resamples = [2000]\n{MINIMAL}resamples = 2000"), &[]).unwrap().len(),
        1
    );
    let seeds: Vec<u64> =
        configs(&seeds, &["sweep.seed=[7]"]).unwrap().iter().map(|config| config.settings.seed).collect();
    assert_eq!(seeds, [7]);
}

/// A training of two seeds, and other folders.
fn trainings() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["seed-1/step-1000", "seed-1/step-200", "seed-2/step-200", "seed-2/step-1000", "odd/step-1", "odd/last"]
    {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    folder
}

fn swept_in(folder: &Path, sweep: &str) -> Result<Vec<Config>> {
    let file = folder.join("study.toml");
    let text = MINIMAL.replace("name = \"minilm-l6\"", "");
    fs::write(&file, format!("[sweep]\n{sweep}\n{text}")).unwrap();
    load_in(&file, &[])
}

#[test]
fn a_pattern_is_a_run_for_each_folder_in_the_order_of_steps() {
    let folder = trainings();
    let configs = swept_in(folder.path(), "model.path = \"seed-1/step-*\"").unwrap();
    let names: Vec<&str> = configs.iter().map(|config| config.settings.name.as_str()).collect();
    assert_eq!(names, ["study-path=step-200", "study-path=step-1000"]);
    let place = configs[1].place.clone().unwrap();
    assert_eq!((place.sweep.as_str(), place.swept.as_str()), ("study", "model.path=step-1000"));
    assert_eq!((place.series.as_str(), place.step, place.seed), ("step-*", Some(1000), 1));
    assert_eq!(configs[0].settings.model.path, fs::canonicalize(folder.path().join("seed-1/step-200")).unwrap());
}

#[test]
fn runs_that_differ_in_step_and_seed_alone_are_one_series() {
    let folder = trainings();
    let sweep = "model.path = [\"seed-?/step-*\"]\ntreebank.merge = [\"mean\", \"first\"]";
    let configs = swept_in(folder.path(), sweep).unwrap();
    assert_eq!(configs.len(), 8);
    let place = configs[3].place.clone().unwrap();
    assert_eq!(configs[3].settings.name, "study-path=seed-1-step-1000-merge=first");
    assert_eq!((place.series.as_str(), place.step, place.seed), ("step-*, treebank.merge=first", Some(1000), 1));
    let seeds: Vec<u64> = configs.iter().map(|config| config.place.as_ref().unwrap().seed).collect();
    assert_eq!(seeds, [1, 1, 1, 1, 2, 2, 2, 2]);
    // Names of models tell likewise; where they tell no seed, the run's own is meant.
    let of = |sweep: &str| -> Vec<(String, Option<u64>, u64)> {
        let configs = configs_of(sweep);
        configs.into_iter().map(|it| it.place.unwrap()).map(|it| (it.series, it.step, it.seed)).collect()
    };
    let multiberts = of("model.name = [\"a/multiberts-seed_0-step_20k\", \"a/multiberts-seed_1-step_20k\"]");
    assert_eq!(multiberts[1], ("multiberts-seed_*-step_*".into(), Some(20_000), 1));
    let pythia = of("model.name = [\"a/net@step-0\", \"a/net@step-512\"]\nseed = [3, 4]");
    assert_eq!(pythia[3], ("net@step-*".into(), Some(512), 4));
    assert_eq!(of("seed = [3, 4]")[1], ("study".into(), None, 4));
}

fn configs_of(sweep: &str) -> Vec<Config> {
    configs(&format!("[sweep]\n{sweep}\n{MINIMAL}"), &[]).unwrap()
}

#[test]
fn steps_that_cannot_be_ordered_are_refused() {
    let folder = trainings();
    for (sweep, expected) in [
        ("model.path = \"odd/*\"", "`sweep.model.path` in config study.toml: odd/last has no number of a step"),
        (
            "model.path = \"odd/stop-*\"",
            "`sweep.model.path` in config study.toml: no folder fits the pattern odd/stop-*",
        ),
        ("model.path = \"odd/step-1\"", "`sweep.model.path` in config study.toml is not a list of values"),
        (
            "model.path = [\"odd/step-x\"]",
            "[sweep] in config study.toml: odd/step-x names the step \"x\", which is no whole",
        ),
        (
            "model.path = [\"seed-1/step-200\", \"seed-1/step-0200\"]",
            "[sweep] in config study.toml: two runs are of step-* (step 200, seed 1): model.path=step-200 and \
             model.path=step-0200",
        ),
        (
            "model.name = [\"a/net@step-*\"]",
            "`sweep.model.name` in config study.toml holds the pattern \"a/net@step-*\": patterns find folders, as \
             `sweep.model.path`",
        ),
    ] {
        let error = format!("{:#}", swept_in(folder.path(), sweep).unwrap_err());
        let error = error.replace(&format!("{}/", folder.path().display()), "");
        assert!(error.starts_with(expected), "\n   found: {error}\nexpected: {expected}");
    }
}

#[test]
fn combinations_without_end_are_refused_before_they_are_made() {
    let hundred = (0..100).map(|value| value.to_string()).collect::<Vec<_>>().join(", ");
    let keys =
        ["seed", "treebank.max_pieces", "treebank.max_sentences", "heads.lengths", "heads.null_models", "threads"];
    let sweep: String = keys.iter().map(|key| format!("{key} = [{hundred}]\n")).collect();
    let said = configs(&format!("[sweep]\n{sweep}\n{MINIMAL}"), &[]).unwrap_err().to_string();
    assert!(said.contains("makes 1000000 runs or more; at most 10000 are made of one file"), "{said}");
}
