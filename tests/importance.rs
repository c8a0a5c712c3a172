//! `kind = "importance"` and `kind = "pruning"` on the tiny model, from a config to tables.

use std::collections::BTreeSet;
use std::fs;

use safetensors::SafeTensors;
use serde_json::Value;

use crate::support::{World, tiny_bert};

/// The tiny model has 3 layers of 3 heads.
const LAYERS: usize = 3;
const HEADS: usize = 9;

/// A config of one experiment on the tiny model and the first sentences of the sample treebank.
fn config(kind: &str, keys: &str) -> String {
    format!(
        "[model]\npath = {:?}\n[treebank]\nname = \"sample\"\nevaluate = [\"sample:evaluate\"]\nmax_sentences = 20\n\
         [[experiment]]\nkind = {kind:?}\n{keys}\n",
        tiny_bert()
    )
}

/// Runs a config; returns the world and what was printed.
fn run(kind: &str, keys: &str, arguments: &[&str]) -> (World, String) {
    let world = World::new();
    world.write("tiny.toml", config(kind, keys));
    let printed = world.succeed(&[&["run", "tiny.toml"], arguments].concat());
    (world, printed)
}

/// The rows of a table whose cells hold no comma.
fn table(world: &World, name: &str) -> Vec<Vec<String>> {
    let text = world.read(&format!("runs/tiny/{name}.csv"));
    text.lines().skip(1).map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect()
}

fn report(world: &World) -> Value {
    serde_json::from_str(&world.read("runs/tiny/report.json")).unwrap()
}

/// A world with the tiny model in `model/`, without its masked-language-model head.
fn world_without_head() -> World {
    let world = World::new();
    for file in ["config.json", "vocab.txt", "tokenizer_config.json"] {
        world.write(&format!("model/{file}"), fs::read(tiny_bert().join(file)).unwrap());
    }
    let bytes = fs::read(tiny_bert().join("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let kept = tensors.tensors().into_iter().filter(|(name, _)| !name.starts_with("cls."));
    world.write("model/model.safetensors", safetensors::serialize(kept, None).unwrap());
    world
}

#[test]
fn importance_of_every_head_and_layer() {
    let (world, printed) = run("importance", "", &[]);
    let rows = table(&world, "importance");
    for measure in ["gradient_sep", "gradient_punct", "gradient_rest", "gate"] {
        let of: Vec<_> = rows.iter().filter(|row| row[3] == measure).collect();
        assert_eq!(of.len(), LAYERS + HEADS, "{measure}");
        for row in of {
            assert_eq!(row[0], "sample");
            assert!(row[6] == "20" || measure == "gradient_punct", "{row:?}");
            let [value, error] = [&row[4], &row[5]].map(|cell| cell.parse::<f64>().unwrap());
            assert!(value > 0.0 && error > 0.0 && error < value, "{row:?}");
            let [low, high] = [&row[7], &row[8]].map(|cell| cell.parse::<f64>().unwrap());
            assert!(low < value && value < high && high - low < 5.0 * error && high - low > 2.5 * error, "{row:?}");
        }
    }
    // A layer's value is the mean of its heads'.
    let gates = |layer: &str, of_layer: bool| -> Vec<f64> {
        let wanted = |row: &&Vec<String>| row[3] == "gate" && row[1] == layer && row[2].is_empty() == of_layer;
        rows.iter().filter(wanted).map(|row| row[4].parse().unwrap()).collect()
    };
    assert!((gates("1", true)[0] - gates("1", false).iter().sum::<f64>() / 3.0).abs() < 1e-12);

    assert!(printed.contains("Importance to the masked-language-model loss"), "{printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 80), "{printed}");
    let report = report(&world);
    let facts = &report["experiments"][0]["facts"];
    // A model of 94 pieces that has learned nothing is no better than a guess.
    assert!(facts["masked_lm_loss"].as_f64().unwrap() > 94_f64.ln(), "{facts}");
    // And no finding is drawn from it.
    assert_eq!(
        (&facts["masked_lm_head_untrained"], &report["findings"]),
        (&Value::from(true), &Value::from(vec![""; 0]))
    );
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(warning.contains("has not learned to guess") && warning.contains("among 94 pieces has 4.543"), "{warning}");
    for page in ["report.md", "report.html"] {
        assert!(
            world.read(&format!("runs/tiny/{page}")).contains("these numbers say nothing about the model"),
            "{page}"
        );
    }
    assert!(world.read("runs/tiny/report.md").contains("## Importance"));
}

#[test]
fn findings_say_what_they_rest_on() {
    let (world, _) = run("pruning", "sequences = 10\ngreedy_steps = 2\nmeasure = \"states\"", &[]);
    let report = report(&world);
    let findings: Vec<&str> = report["findings"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let random = findings.iter().find(|it| it.contains("at random (3 draws)")).unwrap();
    assert!(random.contains("the final states have clearly turned by more than 0.1"), "{random}");
    assert!(random.contains("95 % interval of the change, paired, over 10 sentences of sample"), "{random}");
    let greedy = findings.iter().find(|it| it.starts_with("With 2 heads masked, greedy ")).unwrap();
    let others = ["importance", "random (mean of 3 draws)"];
    let verdicts = others.map(|other| {
        ["does clearly less harm than", "does clearly more harm than", "and"]
            .map(|verdict| format!("greedy {verdict} {other}"))
    });
    assert!(verdicts.as_flattened().iter().any(|verdict| greedy.contains(verdict.as_str())), "{greedy}");
    // What is missed most is the largest of many changes, and says so.
    assert!(
        findings.iter().any(|it| it.contains("the largest change of 9") || it.contains("No head of 9")),
        "{findings:?}"
    );

    // The differences between orders are those of their curves.
    let number = |cell: &String| cell.parse::<f64>().unwrap();
    let differences = table(&world, "differences");
    let curves = table(&world, "pruning");
    let mean = |order: &str, step: &str| {
        let of_step = curves.iter().filter(|row| row[1] == order && row[4] == step);
        let values: Vec<f64> = of_step.map(|row| number(&row[7])).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    assert!(!differences.is_empty());
    for row in &differences {
        let first_word = |cell: usize| row[cell].split(' ').next().unwrap();
        assert!((number(&row[5]) - mean(&row[3], first_word(2))).abs() < 1e-12, "{row:?}");
        assert!((number(&row[6]) - mean(first_word(4), first_word(2))).abs() < 1e-12, "{row:?}");
        assert!(number(&row[8]) <= number(&row[7]) && number(&row[7]) <= number(&row[9]), "{row:?}");
        assert!(row[10].is_empty() && row[12] == "sentence" && row[13] == "10", "{row:?}");
    }
    for row in curves.iter().filter(|row| row[4] != "0") {
        let change = number(&row[7]) - mean(&row[1], "0");
        assert!(number(&row[13]) <= change + 1e-9 && change <= number(&row[14]) + 1e-9, "{row:?}");
    }
}

#[test]
fn documents_are_halved_and_resampled_as_a_whole() {
    let world = World::new();
    let sample = fs::read_to_string(crate::support::root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    let strip = |text: &str| text.lines().filter(|line| !line.starts_with("# newdoc")).collect::<Vec<_>>().join("\n");
    // Five documents of four sentences: three are measured on.
    let sentences = sample.split("\n\n").filter(|it| !it.trim().is_empty()).take(20).enumerate();
    let opened = |(at, text): (usize, &str)| match at % 4 {
        0 => format!("# newdoc id = d{at}\n{}", strip(text)),
        _ => strip(text),
    };
    world.write("docs.conllu", sentences.map(opened).collect::<Vec<_>>().join("\n\n") + "\n\n");
    let keys = "sequences = 10\norders = [\"random\"]\nmeasure = \"states\"";
    let text = config("pruning", keys).replace("\"sample:evaluate\"", "\"docs.conllu\"");
    world.write("tiny.toml", text.replace("[treebank]\n", "[treebank]\nunit = \"document\"\n"));
    world.succeed(&["run", "tiny.toml"]);
    let report = report(&world);
    let facts = &report["experiments"][0]["facts"];
    assert_eq!((&facts["unit"], &facts["units"]), (&Value::from("document"), &Value::from(3)));
    assert_eq!((&facts["sequences_measured_on"], &facts["sequences_ordered_on"]), (&Value::from(12), &Value::from(8)));
    assert!(report["findings"].to_string().contains("3 documents (12 sentences) of sample"), "{}", report["findings"]);
}

#[test]
fn importance_on_packed_text() {
    let text = "\n[corpus]\nfiles = [\"sample:corpus\"]\nsequences = 6\n[[experiment]]";
    let world = World::new();
    world.write("tiny.toml", config("importance", "").replace("\n[[experiment]]", text));
    world.succeed(&["run", "tiny.toml"]);
    let rows = table(&world, "importance");
    assert!(rows.iter().all(|row| row[0] == "sample-corpus" && row[6] == "6"), "{rows:?}");
}

#[test]
fn gradients_depend_on_the_seed_and_not_on_threads() {
    let importance = |set: &str| run("importance", "", &["--set", set]).0.read("runs/tiny/importance.csv");
    let once = importance("threads=1");
    assert_eq!(once, importance("threads=3"));
    assert_ne!(once, importance("seed=2"));
    assert_ne!(once, importance("importance.hidden=0.5"));
}

#[test]
fn a_checkpoint_without_the_head_is_named() {
    let world = world_without_head();
    let text = config("importance", "").replace(tiny_bert().to_str().unwrap(), "model");
    world.write("tiny.toml", text);
    let error = world.fail(1, &["run", "tiny.toml"]);
    assert!(error.contains("model has no masked-language-model head (cls.predictions.*)"), "{error}");
    assert!(error.contains("bert-base-uncased has"), "{error}");
    let error = world.fail(2, &["run", "tiny.toml", "--set", "importance.hidden=15"]);
    assert!(error.contains("`hidden` is 15"), "{error}");
}

#[test]
fn heads_masked_alone_and_in_three_orders() {
    let (world, printed) = run("pruning", "sequences = 6\ngreedy_steps = 2", &[]);
    let ablation = table(&world, "ablation");
    assert_eq!(ablation.len(), HEADS);
    assert!(ablation.iter().all(|row| row[3] == "zero" && row[4] == "masked_lm" && row[8] == "6"), "{ablation:?}");
    let rows = table(&world, "pruning");
    // Of the random orders the first.
    let is_first = |row: &&Vec<String>| row[12].is_empty() || row[12] == "1";
    let curve =
        |order: &str| -> Vec<&Vec<String>> { rows.iter().filter(is_first).filter(|row| row[1] == order).collect() };
    let heads =
        |draw: &str| rows.iter().filter(|row| row[12] == draw).map(|row| row[5..7].to_vec()).collect::<Vec<_>>();
    assert!(
        heads("1") != heads("2") && heads("2") != heads("3") && heads("3").len() == HEADS + 1 && heads("4").is_empty()
    );
    for (order, steps) in [("importance", HEADS), ("greedy", 2), ("random", HEADS)] {
        let curve = curve(order);
        assert_eq!(curve.len(), steps + 1, "{order}");
        let heads: BTreeSet<(&str, &str)> = curve[1..].iter().map(|row| (row[5].as_str(), row[6].as_str())).collect();
        assert_eq!(heads.len(), steps, "{order}: each head goes once");
        // Step 0 is the intact model, step 1 a head alone.
        assert_eq!(curve[0][7], ablation[0][6]);
        let alone = ablation.iter().find(|row| row[1..3] == curve[1][5..7]).unwrap();
        assert_eq!(curve[1][7], alone[5], "{order}");
    }
    // Without any head all orders come to the same model.
    let last = |order: &str| curve(order)[HEADS][7].parse::<f64>().unwrap();
    assert!((last("importance") - last("random")).abs() < 1e-6);
    assert!(printed.contains("Heads masked one at a time") && printed.contains("loss in nats"), "{printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 80), "{printed}");
    let facts = &report(&world)["experiments"][0]["facts"];
    assert_eq!((&facts["importance_by"], &facts["sequences_ordered_on"]), (&Value::from("gradient"), &Value::from(6)));
    let page = world.read("runs/tiny/report.md");
    assert!(page.contains("## Single heads masked") && page.contains("## Pruning"), "{page}");
}

#[test]
fn without_the_head_pruning_is_measured_by_states() {
    let world = world_without_head();
    let keys = "sequences = 4\ngreedy_steps = 3";
    world.write("tiny.toml", config("pruning", keys).replace(tiny_bert().to_str().unwrap(), "model"));
    world.succeed(&["run", "tiny.toml"]);
    let rows = table(&world, "pruning");
    // Importance, three random orders, three greedy steps.
    assert_eq!(rows.len(), 4 * (HEADS + 1) + 4);
    for row in &rows {
        let turn: f64 = row[7].parse().unwrap();
        assert!(
            row[3] == "states" && if row[4] == "0" { turn.abs() < 1e-6 } else { turn > 1e-6 && turn < 2.0 },
            "{row:?}"
        );
    }
    assert_eq!(report(&world)["experiments"][0]["facts"]["importance_by"], "ablation");
    for set in ["pruning.measure=masked-lm", "pruning.importance=gradient"] {
        let error = world.fail(1, &["run", "tiny.toml", "--force", "--set", set]);
        assert!(error.contains("has no masked-language-model head"), "{set}: {error}");
    }
}

/// A config of pruning with sentences to train a probe on.
fn with_train(keys: &str) -> String {
    let keys = format!("store = \"store\"\n{keys}");
    config("pruning", &keys).replace("evaluate =", "train = [\"sample:select\"]\nevaluate =")
}

#[test]
fn a_probe_measures_what_is_masked() {
    let world = World::new();
    world.write("tiny.toml", with_train("sequences = 10\ngreedy_steps = 2\nmeasure = [\"states\", \"probe\"]"));
    let printed = world.succeed(&["run", "tiny.toml"]);
    let (ablation, curves) = (table(&world, "ablation"), table(&world, "pruning"));
    assert_eq!((ablation.len(), curves.len()), (2 * HEADS, 2 * (4 * (HEADS + 1) + 3)));
    // Both are measured along the same orders.
    let heads = |measure: &str| -> Vec<[String; 4]> {
        let of_measure = curves.iter().filter(|row| row[3] == measure);
        of_measure.map(|row| [1, 4, 5, 6].map(|cell: usize| row[cell].clone())).collect()
    };
    assert_eq!(heads("states"), heads("probe_uas"));
    // UAS is a ratio of counts, and changes with what is masked.
    let number = |cell: &String| cell.parse::<f64>().unwrap();
    for row in curves.iter().filter(|row| row[3] == "probe_uas") {
        assert_eq!(number(&row[7]), number(&row[10]) / number(&row[11]), "{row:?}");
    }
    let of_probe: Vec<_> = ablation.iter().filter(|row| row[4] == "probe_uas").collect();
    assert!(of_probe.iter().any(|row| row[5] != row[6] && number(&row[7]) > 0.0), "{of_probe:?}");
    assert!(curves.iter().all(|row| (row[3] == "states") == row[11].is_empty()));
    assert!(printed.contains("UAS in % of a probe trained on the intact model"), "{printed}");
    assert!(world.path("runs/tiny/probes/attention-pruning-seed1.safetensors").exists());
    assert!(report(&world)["findings"].to_string().contains("the UAS of the probe"));
}

#[test]
fn with_all_heads_at_work_the_probe_finds_what_kind_probe_says() {
    let world = World::new();
    let text = with_train("sequences = 10\nmeasure = \"probe\"\norders = [\"greedy\"]\ngreedy_steps = 1");
    world.write("tiny.toml", text + "[[experiment]]\nkind = \"probe\"\nstore = \"store\"\n");
    world.succeed(&["run", "tiny.toml"]);
    // All 20 sentences are drawn, and every other one is measured on.
    let predictions = table(&world, "predictions");
    let mut sentences: Vec<&str> = Vec::new();
    let (mut correct, mut total) = (0, 0);
    for row in predictions.iter().filter(|row| row[0] == "attention argmax") {
        if sentences.last() != Some(&row[2].as_str()) {
            sentences.push(&row[2]);
        }
        if sentences.len() % 2 == 1 && row[5] != "punct" {
            total += 1;
            correct += i32::from(row[7] == "true");
        }
    }
    assert_eq!(sentences.len(), 20);
    let intact = &table(&world, "pruning")[0];
    assert_eq!((&intact[4], &intact[10], &intact[11]), (&"0".into(), &correct.to_string(), &total.to_string()));
}

#[test]
fn what_cannot_measure_is_named() {
    let world = World::new();
    world.write("tiny.toml", with_train(""));
    for (set, expected) in [
        ("pruning.measure=[]", "`measure` is empty"),
        ("pruning.measure=[\"states\", \"states\"]", "`measure` names \"states\" twice"),
        ("pruning.measure=uas", "unknown variant"),
        ("pruning.measure=3", "the name of a measure or a list of names"),
        ("pruning.measure=states", "`store` is for the probe"),
        ("pruning.draws=0", "`draws` is 0"),
        ("pruning.turned=0", "`turned` is 0"),
        ("pruning.orders=[]", "`orders` is empty"),
        ("pruning.heads=[\"3\"]", "`heads` names \"3\", which is no head"),
        ("pruning.heads=[\"1-1\", \"1-1\"]", "`heads` names head 1-1 twice"),
        ("pruning.relations=[\"det\"]", "`pruning.relations` needs `treebank.select`"),
        ("roles.next=50", "`roles.next` in --set does nothing: it is for kind = \"surface\", \"clusters\""),
        ("corpus.short=0.1", "`corpus.short` is given, but `corpus.files` is empty"),
    ] {
        let error = world.fail(2, &["run", "tiny.toml", "--set", set]);
        assert!(error.contains(expected), "{set}: {error}");
    }
    world.write("tiny.toml", config("pruning", "measure = \"probe\""));
    let error = world.fail(2, &["run", "tiny.toml"]);
    assert!(error.contains("measure = \"probe\" needs `treebank.train`"), "{error}");
}

#[test]
fn named_heads_are_masked_in_order_beside_others_of_their_layers() {
    let keys = "orders = []\nheads = [\"3-2\", \"1-3\"]\nsequences = 10\ndraws = 2";
    let (world, printed) = run("pruning", keys, &[]);
    let (rows, ablation) = (table(&world, "pruning"), table(&world, "ablation"));
    let seen: Vec<[&str; 4]> = rows.iter().map(|row| [1, 12, 4, 5].map(|cell: usize| row[cell].as_str())).collect();
    let expected = [
        ["named", "", "0", ""],
        ["named", "", "1", "2"],
        ["named", "", "2", "0"],
        ["random_of_layers", "1", "0", ""],
        ["random_of_layers", "1", "1", "2"],
        ["random_of_layers", "1", "2", "0"],
        ["random_of_layers", "2", "0", ""],
        ["random_of_layers", "2", "1", "2"],
        ["random_of_layers", "2", "2", "0"],
    ];
    assert_eq!(seen, expected);
    assert_eq!((rows[1][6].as_str(), rows[2][6].as_str()), ("1", "2"));
    for row in rows.iter().filter(|row| row[1] == "random_of_layers" && row[4] != "0") {
        assert!(!matches!((row[5].as_str(), row[6].as_str()), ("2", "1") | ("0", "2")), "{row:?}");
    }
    // The first step is that head alone.
    let alone = ablation.iter().find(|row| row[1..3] == ["2", "1"]).unwrap();
    assert_eq!(rows[1][7], alone[5]);
    let differences = table(&world, "differences");
    assert!(differences.iter().all(|row| row[3] == "named" && row[4] == "random of layers (mean of 2 draws)"));
    assert_eq!(differences.len(), 2, "{differences:?}");
    assert!(
        printed.contains("random of layers") && printed.lines().all(|line| line.chars().count() <= 80),
        "{printed}"
    );
    let facts = &report(&world)["experiments"][0]["facts"];
    assert_eq!(facts["named_heads"], serde_json::json!(["3-2", "1-3"]));
    assert!(world.read("runs/tiny/report.html").contains("others of their layers, at random, 2 draws"));
    for (heads, expected) in [
        ("[\"4-1\"]", "`heads` names head 4-1, but the model has 3 layers of 3 heads"),
        ("[\"1-1\", \"1-2\"]", "2 of the 3 heads of layer 1 are to be masked"),
    ] {
        let error = world.fail(1, &["run", "tiny.toml", "--force", "--set", &format!("pruning.heads={heads}")]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn pruning_masks_the_heads_that_pairs_masks_for_relations() {
    let keys = "relations = [\"det\", \"obj\"]\nmost_heads = 2\ndraws = 1";
    let world = World::new();
    let text = config("pruning", &format!("orders = [\"greedy\"]\ngreedy_steps = 1\nsequences = 6\n{keys}"));
    let pairs = format!("[[experiment]]\nkind = \"pairs\"\nfiles = [\"sample:pairs\"]\nlimit = 2\n{keys}\n");
    world.write("tiny.toml", text.replace("evaluate =", "select = [\"sample:select\"]\nevaluate =") + &pairs);
    world.succeed(&["run", "tiny.toml"]);
    let report = report(&world);
    let [pruning, pairs] = [0, 1].map(|number| &report["experiments"][number]["facts"]);
    assert_eq!(pruning["named_heads"], pairs["masked_heads"]);
    assert_eq!(pruning["best_heads_on_select"], pairs["best_heads_on_select"]);
    assert_eq!(pruning["named_heads"].as_array().unwrap().len(), 2);
    let random: Vec<String> = table(&world, "pruning")
        .iter()
        .filter(|row| row[1] == "random_of_layers" && row[4] != "0")
        .map(|row| format!("{}-{}", row[5].parse::<u32>().unwrap() + 1, row[6].parse::<u32>().unwrap() + 1))
        .collect();
    assert_eq!(serde_json::json!([random]), pairs["draws"]);
}

#[test]
fn without_the_head_a_probe_measures_where_it_can_be_trained() {
    let world = world_without_head();
    let text = config("pruning", "sequences = 4\norders = [\"random\"]\nstore = \"store\"");
    let text = text.replace(tiny_bert().to_str().unwrap(), "model");
    world.write("tiny.toml", text.replace("evaluate =", "train = [\"sample:select\"]\nevaluate ="));
    world.succeed(&["run", "tiny.toml"]);
    let measures: BTreeSet<String> = table(&world, "pruning").into_iter().map(|row| row[3].clone()).collect();
    assert_eq!(measures, BTreeSet::from(["states".to_owned(), "probe_uas".to_owned()]));
}

#[test]
fn pruning_depends_on_its_keys_and_not_on_threads() {
    let pruning = |set: &str| {
        let keys = "sequences = 4\norders = [\"importance\", \"random\"]";
        run("pruning", keys, &["--set", set]).0.read("runs/tiny/pruning.csv")
    };
    let once = pruning("threads=1");
    assert_eq!(once, pruning("threads=3"));
    for set in ["seed=2", "experiment.0.masking=uniform", "experiment.0.measure=states", "experiment.0.steps=3"] {
        assert_ne!(once, pruning(set), "{set}");
    }
    let world = World::new();
    world.write("tiny.toml", config("pruning", "orders = [\"random\", \"random\"]"));
    let error = world.fail(2, &["run", "tiny.toml"]);
    assert!(error.contains("`orders` names \"random\" twice"), "{error}");
}

#[test]
fn norms_stand_for_attention_on_every_device() {
    let scores = |attention: &str, device: &str| {
        let sets = ["--set", &format!("model.attention={attention}"), "--set", &format!("model.device={device}")];
        let (world, _) = run("heads", "selection = \"same\"\nresamples = 1000", &sets);
        assert_eq!(report(&world)["conventions"]["attention"], attention);
        world.read("runs/tiny/head_scores.csv")
    };
    let norms = scores("norms", "cpu");
    assert_eq!(norms, scores("norms", "ndarray"));
    assert_ne!(norms, scores("weights", "cpu"));
}
