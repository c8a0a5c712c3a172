//! Every kind of experiment, from its config to its tables, on the tiny model; and the commands that read what it left.

use std::fs;

use serde_json::Value;

use crate::support::{World, root, tiny_bert, tiny_config};

/// A run of the tiny model with these experiments behind `kind = "heads"`.
fn run(experiments: &str) -> World {
    let world = World::new();
    world.write("tiny.toml", format!("{}{experiments}", tiny_config("train = [\"sample:select\"]")));
    world.succeed(&["run", "tiny.toml"]);
    world
}

/// The tables that the report lists for a kind, which all must hold rows.
fn tables(world: &World, kind: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(&world.read("runs/tiny/report.json")).unwrap();
    let experiments = report["experiments"].as_array().unwrap();
    let experiment = experiments.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
    let tables: Vec<String> =
        experiment["tables"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    for table in &tables {
        let rows = world.read(&format!("runs/tiny/{table}.csv")).lines().count() - 1;
        assert!(rows > 0, "{table} is empty");
        assert!(world.path(&format!("runs/tiny/{table}.parquet")).exists(), "{table}.parquet");
    }
    tables
}

#[test]
fn probes_are_trained_parse_and_leave_a_store() {
    let world = run("[[experiment]]\nkind = \"probe\"\nepochs = 2\nresamples = 1000\n");
    assert!(tables(&world, "probe").iter().any(|table| table == "probe_scores"));
    let predictions = world.read("runs/tiny/predictions.csv");
    for predictor in ["best_head", "best_baseline", "right-branching", "attention"] {
        assert!(predictions.lines().any(|line| line.starts_with(predictor)), "{predictor} predicts");
    }

    let sample = root().join("data/sample/en_sample-evaluate.conllu");
    let parsed = world.succeed(&["parse", "--probe", "runs/tiny", sample.to_str().unwrap()]);
    world.write("parsed.conllu", &parsed);
    let checked = world.succeed(&["check", "parsed.conllu"]);
    assert!(checked.ends_with("no problem\n"), "{checked}");

    let stores = world.succeed(&["store", "ls"]);
    assert!(stores.contains("3×3 heads"), "{stores}");
    world.succeed(&["store", "verify"]);
    let again = world.run(&["-v", "run", "tiny.toml", "--force"]);
    assert!(again.code == 0 && again.stderr.contains("from the store"), "{}", again.stderr);
    world.succeed(&["store", "rm", "--all"]);
    assert!(!world.succeed(&["store", "ls"]).contains("heads"));
}

#[test]
fn hidden_states_are_probed_for_structure() {
    let world =
        run("[[experiment]]\nkind = \"structural\"\nlayers = [0, 3]\nranks = [4]\nepochs = 1\nresamples = 1000\n");
    assert!(tables(&world, "structural").iter().any(|table| table == "probe_scores"));
}

#[test]
fn hidden_states_give_labelled_trees_beside_their_controls() {
    let world = run(
        "[[experiment]]\nkind = \"structural\"\nfind = [\"distance\", \"depth\", \"labels\"]\nlayers = [0, 3]\nranks = [4]\n\
         epochs = 2\nseeds = [1, 2]\ndraws = 2\nresamples = 1000\n",
    );
    tables(&world, "structural");
    let scores = world.read("runs/tiny/probe_scores.csv");
    let rows: Vec<Vec<&str>> = scores.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let titles: Vec<&str> = scores.lines().next().unwrap().split(',').collect();
    let column = |name: &str| titles.iter().position(|title| *title == name).unwrap();
    let of = |probe: &str, measure: &str| -> Vec<&Vec<&str>> {
        let whole = rows.iter().filter(|row| row[column("group")].is_empty());
        whole.filter(|row| row[column("probe")] == probe && row[column("measure")] == measure).collect()
    };
    let value = |row: &[&str], name: &str| row[column(name)].parse::<f64>().unwrap();
    for (probe, measure, count) in [
        ("structural_labelled", "uas", 2),
        ("structural_labelled", "las", 2),
        ("structural_labelled", "root_accuracy", 2),
        ("structural_rooted", "uas", 2),
        ("structural_relation", "relation_accuracy", 2),
        ("structural_relation", "control_accuracy", 4),
        ("structural_relation", "selectivity", 4),
    ] {
        assert_eq!(of(probe, measure).len(), count, "{probe} {measure}");
        for row in of(probe, measure) {
            let at = value(row, "value");
            assert!(value(row, "ci_low") <= at && at <= value(row, "ci_high"), "{row:?}");
        }
    }
    let (uas, las) = (of("structural_labelled", "uas"), of("structural_labelled", "las"));
    for (uas, las) in uas.iter().zip(&las) {
        assert!(value(las, "value") <= value(uas, "value"), "a labelled arc is an arc");
        // Words without punctuation, which the head's table counts too.
        assert_eq!(value(las, "total"), value(uas, "total"));
    }
    let best = world.read("runs/tiny/best_heads.csv");
    let words = best.lines().find(|line| line.starts_with("all-nopunct,")).unwrap().split(',').nth(7).unwrap();
    assert_eq!(uas[0][column("total")], words);
    let differences = world.read("runs/tiny/differences.csv");
    for other in ["structural_rooted", "right-branching"] {
        let start = format!("structural,uas,,structural_labelled,{other},");
        assert!(differences.lines().any(|line| line.starts_with(&start)), "{differences}");
    }
    assert!(world.read("runs/tiny/report.html").contains("Labelled trees"));
    let error = {
        let config = tiny_config("train = [\"sample:select\"]");
        world.write("bare.toml", format!("{config}[[experiment]]\nkind = \"structural\"\nfind = [\"labels\"]\n"));
        world.fail(2, &["run", "bare.toml"])
    };
    assert!(error.contains("`find` holds \"labels\" without \"distance\""), "{error}");
}

#[test]
fn what_heads_look_at_is_counted_and_mapped() {
    let world = run("[[experiment]]\nkind = \"surface\"\n[[experiment]]\nkind = \"clusters\"\nclusters = 3\n");
    assert_eq!(tables(&world, "surface"), ["surface"]);
    let mut mapped = tables(&world, "clusters");
    mapped.sort();
    assert_eq!(mapped[..2], ["clusters", "head_distances"]);
    let distances = world.read("runs/tiny/head_distances.csv").lines().count() - 1;
    assert_eq!(distances, 9 * 8 / 2, "each pair of 3 × 3 heads once");
}

#[test]
fn coreference_is_read_from_documents() {
    let world = World::new();
    let config = tiny_config("").replace("sample:select", "sample:coref").replace("sample:evaluate", "sample:coref");
    world.write("tiny.toml", config.replace("kind = \"heads\"", "kind = \"coreference\""));
    world.succeed(&["run", "tiny.toml"]);
    assert!(tables(&world, "coreference").iter().any(|table| table == "coreference"));
}

#[test]
fn an_experiment_without_its_split_is_refused_before_any_work() {
    let world = World::new();
    world.write("tiny.toml", format!("{}[[experiment]]\nkind = \"probe\"\n", tiny_config("")));
    let error = world.fail(2, &["run", "tiny.toml"]);
    assert!(error.contains("needs `treebank.train`, which is empty"), "{error}");
    assert!(!world.path("runs").exists());
}

#[test]
fn a_sweep_writes_a_run_for_each_value_and_runs_are_compared() {
    let world = World::new();
    world.write("tiny.toml", format!("{}[sweep]\ntreebank.merge = [\"mean\", \"first\"]\n", tiny_config("")));
    world.succeed(&["run", "tiny.toml"]);
    let [mean, first] = ["runs/tiny-merge=mean", "runs/tiny-merge=first"];
    let compared = world.succeed(&["compare", mean, first]);
    assert!(compared.contains("nsubj") && compared.contains("merge rule"), "{compared}");
    let json: Value = serde_json::from_str(&world.succeed(&["compare", mean, first, "--format", "json"])).unwrap();
    assert_eq!(json["contestants"].as_array().unwrap().len(), 2);
    world.succeed(&["compare", mean, first, "--fail-below=-100"]);
    let error = world.fail(1, &["compare", mean, first, "--fail-below", "100"]);
    assert!(error.starts_with("below 100 points: "), "{error}");

    let error = world.fail(1, &["compare", mean, mean]);
    assert!(error.contains("itself"), "{error}");
    let error = world.fail(1, &["compare", mean, "runs/absent"]);
    assert!(error.contains("runs/absent"), "{error}");
    fs::remove_file(world.path(mean).join("report.json")).unwrap();
    let error = world.fail(1, &["compare", mean, first]);
    assert!(error.contains("report.json"), "{error}");
}

#[test]
fn a_model_that_was_fetched_is_found_by_name() {
    let mut world = World::new();
    let place = world.path("cache/headlight/models/someone--tiny");
    fs::create_dir_all(&place).unwrap();
    for file in fs::read_dir(tiny_bert()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), place.join(file.file_name())).unwrap();
    }
    world.set("HF_HUB_OFFLINE", 1);
    let config = tiny_config("max_sentences = 5");
    let config = config.replace(&format!("path = {:?}", tiny_bert()), "name = \"someone/tiny\"");
    world.write("tiny.toml", config);
    world.succeed(&["run", "tiny.toml"]);
    let report: Value = serde_json::from_str(&world.read("runs/tiny/report.json")).unwrap();
    assert_eq!(report["model"]["name"], "someone/tiny");
}
