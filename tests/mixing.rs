//! Maps of layers (`model.attention`, METHOD §12) in every kind that reads maps, on the tiny model of 3 layers of 3 heads. Their
//! numbers are checked where they are made (`crates/headlight-bert/tests/families.rs`).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{World, root, tiny_bert};

const KINDS: [&str; 3] = ["rollout", "value-zeroing", "globenc"];

/// A config of these experiments, each with its keys.
fn config(split: &str, attention: &str, experiments: &[(&str, &str)]) -> String {
    let experiments = experiments.iter().map(|(kind, keys)| format!("[[experiment]]\nkind = {kind:?}\n{keys}\n"));
    format!(
        "[model]\npath = {:?}\nattention = {attention:?}\n[treebank]\nname = \"sample\"\ntrain = [\"sample:select\"]\n\
         select = [\"{split}\"]\nevaluate = [\"{}\"]\nmax_sentences = 40\n{}",
        tiny_bert(),
        split.replace("select", "evaluate"),
        experiments.collect::<String>()
    )
}

fn table(world: &World, run: &str, name: &str) -> Vec<Vec<String>> {
    let text = world.read(&format!("runs/{run}/{name}.csv"));
    text.lines().map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect()
}

/// The different values of a column.
fn values(table: &[Vec<String>], column: &str) -> BTreeSet<String> {
    let at = table[0].iter().position(|name| name == column).unwrap_or_else(|| panic!("no {column}"));
    table[1..].iter().map(|row| row[at].clone()).collect()
}

fn texts(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

fn report(world: &World, run: &str) -> Value {
    serde_json::from_str(&world.read(&format!("runs/{run}/report.json"))).unwrap()
}

#[test]
fn every_kind_that_reads_maps_takes_those_of_layers() {
    let experiments = [
        ("heads", "null_models = 1\nresamples = 1000\nattention = true\nlengths = 2"),
        ("surface", ""),
        ("clusters", "clusters = 2\nstarts = 2"),
        ("trees", "resamples = 1000"),
        ("ensembles", "min_total = 10\nresamples = 1000"),
        ("probe", "epochs = 1\nresamples = 1000\nprobes = [\"attention\"]\nablation = [\"heads\"]"),
        ("importance", "resamples = 1000"),
    ];
    for kind in KINDS {
        let world = World::new();
        world.write("all.toml", config("sample:select", kind, &experiments));
        let printed = world.succeed(&["run", "all.toml"]);
        for name in ["head_scores", "head_attention", "head_lengths", "clusters"] {
            let rows = table(&world, "all", name);
            assert_eq!(values(&rows, "head_index"), texts(&["0"]), "{kind} {name}");
            assert_eq!(values(&rows, "layer_index"), texts(&["0", "1", "2"]), "{kind} {name}");
        }
        for name in ["surface", "head_trees"] {
            // Rows of whole layers, and of no head, are there as ever.
            assert_eq!(values(&table(&world, "all", name), "head_index"), texts(&["", "0"]), "{kind} {name}");
        }
        assert_eq!(table(&world, "all", "head_distances").len() - 1, 3, "{kind}: pairs of 3 layers");
        let best = values(&table(&world, "all", "best_heads"), "head");
        assert!(best.is_subset(&texts(&["1", ""])), "{kind} {best:?}");
        // What takes heads away, or weighs them, is about those of the model.
        assert_eq!(values(&table(&world, "all", "importance"), "head_index"), texts(&["", "0", "1", "2"]), "{kind}");

        let report = report(&world, "all");
        assert_eq!((&report["conventions"]["attention"], &report["model"]["heads"]), (&kind.into(), &3.into()));
        let warnings = report["warnings"].to_string();
        let said = format!(
            "maps are of layers, by {kind} (`model.attention`): heads are summed, and \\\"head 3-1\\\" is the map"
        );
        assert!(warnings.contains(&said), "{warnings}");
        assert!(warnings.contains(&format!("also where `model.attention` is \\\"{kind}\\\"")), "{warnings}");

        assert_eq!(world.succeed(&["report", "runs/all"]), printed, "{kind}");
        let page = world.read("runs/all/report.html");
        assert!(page.contains(&format!("maps are of layers, by {kind}")), "{kind}");
        world.succeed(&["figure", "runs/all", "heatmap", "det", "--out", "map.svg"]);
        let sample = root().join("data/sample/en_sample-evaluate.conllu");
        world.succeed(&["parse", "--probe", "runs/all", sample.to_str().unwrap()]);
    }
}

#[test]
fn documents_are_read_by_maps_of_layers() {
    let world = World::new();
    world.write("coref.toml", config("sample:coref", "value-zeroing", &[("coreference", "resamples = 1000")]));
    world.succeed(&["run", "coref.toml"]);
    let rows = table(&world, "coref", "coreference_heads");
    assert_eq!((values(&rows, "head_index"), values(&rows, "layer_index").len()), (texts(&["0"]), 3));
}

#[test]
fn every_device_makes_the_same_maps_and_no_two_kinds_do() {
    let world = World::new();
    let heads = [("heads", "selection = \"same\"\nresamples = 1000\nnull_models = 0")];
    let mut scores: Vec<String> = Vec::new();
    for kind in KINDS.into_iter().chain(["weights"]) {
        for device in ["cpu", "ndarray"] {
            let name = format!("{kind}-{device}");
            world.write(&format!("{name}.toml"), config("sample:select", kind, &heads));
            world.succeed(&["run", &format!("{name}.toml"), "--set", &format!("model.device={device}")]);
        }
        let [ours, theirs] = ["cpu", "ndarray"].map(|it| world.read(&format!("runs/{kind}-{it}/head_scores.csv")));
        assert_eq!(ours, theirs, "{kind}");
        assert!(!scores.contains(&ours), "{kind}");
        scores.push(ours);
    }
    // What one kind made is not taken for another's, and is there for the next run of its own.
    let again = world.run(&["run", "rollout-cpu.toml", "--set", "name=again"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    let manifest: Value = serde_json::from_str(&world.read("runs/again/manifest.json")).unwrap();
    assert!(!manifest["stages"].to_string().contains("encode"), "{}", manifest["stages"]);
    assert_eq!(world.read("runs/again/head_scores.csv"), scores[0]);
}

#[test]
fn a_probe_of_layers_measures_what_masking_heads_does() {
    let world = World::new();
    let keys = "measure = \"probe\"\norders = [\"random\"]\ndraws = 1\nsteps = 2\nsequences = 10\nresamples = 1000";
    world.write("masked.toml", config("sample:select", "globenc", &[("pruning", keys)]));
    world.succeed(&["run", "masked.toml"]);
    assert_eq!(values(&table(&world, "masked", "ablation"), "head_index"), texts(&["0", "1", "2"]));
}

#[test]
fn relations_choose_no_heads_among_layers() {
    let world = World::new();
    let pairs = |keys: &str| {
        let keys = format!("files = [\"sample:pairs\"]\nresamples = 1000\ndraws = 1\n{keys}");
        config("sample:select", "rollout", &[("pairs", &keys)])
    };
    world.write("pairs.toml", pairs("relations = [\"det\"]"));
    let error = world.fail(2, &["run", "pairs.toml"]);
    let expected = "`pairs.relations` names relations whose best heads are to be masked, but `model.attention` = \"rollout\" sums \
                    the heads of a layer";
    assert!(error.contains(expected), "{error}");
    assert!(!world.path("runs").exists());
    // Heads that are listed are the model's, which nothing sums.
    world.write("pairs.toml", pairs("heads = [\"1-2\", \"3-3\"]"));
    world.succeed(&["run", "pairs.toml"]);
}
