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
