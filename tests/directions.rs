//! `heads.directions`: heads that are read from later to earlier words too, or in nothing else.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::support::{World, root, tiny_config};

pub type Row = BTreeMap<String, String>;

/// The rows of a table of a run, by the names of its columns.
pub fn table(world: &World, run: &str, name: &str) -> Vec<Row> {
    let text = world.read(&format!("{run}/{name}.csv"));
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| columns.iter().map(|it| (*it).to_owned()).zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

fn run(name: &str, directions: &str, world: &World) -> String {
    let config = format!("name = {name:?}\n{}null_models = 0\n{directions}", tiny_config(""));
    world.write(&format!("{name}.toml"), config);
    world.succeed(&["run", &format!("{name}.toml")])
}

fn of<'a>(rows: &'a [Row], direction: &str) -> Vec<&'a Row> {
    rows.iter().filter(|row| row["direction"] == direction).collect()
}

#[test]
fn later_to_earlier_stands_beside_the_others_and_changes_none_of_their_counts() {
    let world = World::new();
    run("two", "", &world);
    let said = run("three", "directions = [\"later_to_earlier\", \"gov_to_dep\", \"dep_to_gov\"]\n", &world);
    assert!(said.contains("late→early") && said.contains("What the best heads can reach"), "{said}");
    let [two, three] = ["two", "three"].map(|run| table(&world, &format!("runs/{run}"), "head_scores"));
    assert!(of(&two, "later_to_earlier").is_empty());
    for direction in ["dep_to_gov", "gov_to_dep"] {
        assert_eq!(of(&two, direction), of(&three, direction), "{direction}");
    }
    let later = of(&three, "later_to_earlier");
    assert_eq!(later.len(), of(&three, "dep_to_gov").len());
    let count = |row: &Row, column: &str| row[column].parse::<u64>().unwrap();
    assert!(later.iter().any(|row| count(row, "correct") > 0));
    for row in &later {
        let expected = match row["relation"].as_str() {
            "root" => 0,
            "all" | "all-nopunct" => count(row, "reachable"),
            _ => count(row, "total"),
        };
        assert_eq!(count(row, "reachable"), expected, "{row:?}");
        assert!(count(row, "correct") <= count(row, "reachable"), "{row:?}");
    }

    // What the predictions say of each word adds up to what the best heads are given.
    let predictions = table(&world, "runs/three", "predictions");
    for best in table(&world, "runs/three", "best_heads") {
        let of_head = |row: &&Row| row["predictor"] == "best_head" && row["scope"] == best["relation"];
        let right = predictions.iter().filter(of_head).filter(|row| row["correct"] == "true").count();
        assert_eq!(right.to_string(), best["correct"], "{}", best["relation"]);
    }
    let error = world.fail(1, &["figure", "runs/two", "heatmap", "obj", "--direction", "later_to_earlier"]);
    assert!(error.contains("the run has dep_to_gov, gov_to_dep, by `heads.directions`"), "{error}");
    world.succeed(&["figure", "runs/three", "heatmap", "obj", "--direction", "later_to_earlier"]);
    world.succeed(&["figure", "runs/three", "table1"]);
}

#[test]
fn heads_can_be_read_in_one_direction_alone() {
    let world = World::new();
    let said = run("later", "directions = [\"later_to_earlier\"]\nselection = \"same\"\nattention = true\n", &world);
    assert!(!said.contains("dep→gov  "), "{said}");
    for name in ["head_scores", "head_tests", "head_lengths", "best_heads"] {
        let rows = table(&world, "runs/later", name);
        assert!(!rows.is_empty() && rows.iter().all(|row| row["direction"] == "later_to_earlier"), "{name}");
    }
    let baselines = table(&world, "runs/later", "baselines");
    assert!(baselines.iter().all(|row| ["distance", "modal_distance"].contains(&row["baseline"].as_str())));
    // The step-down p of the choice is there for every relation between words.
    let best = table(&world, "runs/later", "best_heads");
    assert!(best.iter().all(|row| row["p_value"].is_empty() == (row["relation"] == "root")));
    for (directions, expected) in [
        ("directions = [\"gov_to_dep\", \"gov_to_dep\"]\n", "`directions` names gov_to_dep twice"),
        ("directions = [\"sideways\"]\n", "sideways"),
    ] {
        world.write("wrong.toml", format!("{}{directions}", tiny_config("")));
        let error = world.fail(2, &["run", "wrong.toml"]);
        assert!(error.contains(expected), "{error}");
    }
}

/// A folder with the tiny GPT-2 and a tokenizer for the sample treebank.
pub fn gpt2(world: &World) {
    let model = root().join("crates/headlight-bert/tests/fixtures/families/gpt2");
    for file in ["config.json", "model.safetensors"] {
        world.write(&format!("gpt2/{file}"), fs::read(model.join(file)).unwrap());
    }
    world.write("gpt2/tokenizer.json", include_str!("fixtures/causal_tokenizer.json"));
}

pub const GPT2: &str = "[model]\npath = \"gpt2\"\n[treebank]\nname = \"sample\"\nselect = [\"sample:select\"]\n\
                    evaluate = [\"sample:evaluate\"]\nmax_pieces = 40\n[[experiment]]\nkind = \"heads\"\n\
                    resamples = 1000\nnull_models = 1\nattention = true\n";

/// Every cell of every head against attention by transformers, counted in numpy (`fixtures/causal_heads.py`).
#[test]
fn a_causal_models_counts_equal_numpys_of_transformers_attention() {
    let world = World::new();
    gpt2(&world);
    world.write("causal.toml", GPT2);
    let said = world.succeed(&["run", "causal.toml"]);
    assert!(said.contains("late→early") && said.contains("What the best heads can reach"), "{said}");
    let golden: Value = serde_json::from_str(include_str!("fixtures/causal_heads.json")).unwrap();
    let rows = table(&world, "runs/causal", "head_scores");
    let mut cells = 0;
    for row in rows.iter().filter(|row| row["split"] == "evaluate") {
        let (way, relation) = (&row["direction"], &row["relation"]);
        let head = 2 * row["layer_index"].parse::<usize>().unwrap() + row["head_index"].parse::<usize>().unwrap();
        let found = ["correct", "total", "reachable"].map(|column| row[column].parse::<u64>().unwrap());
        let expected =
            [&golden["correct"][way][relation][head], &golden["total"][relation], &golden["reachable"][way][relation]];
        assert_eq!(found, expected.map(|number| number.as_u64().unwrap()), "{row:?}");
        cells += 1;
    }
    assert_eq!(cells, 3 * 4 * golden["total"].as_object().unwrap().len());
    // Attention on governors has the same words right, in the two directions that it has.
    for row in table(&world, "runs/causal", "head_attention").iter().filter(|row| row["split"] == "evaluate") {
        let head = 2 * row["layer_index"].parse::<usize>().unwrap() + row["head_index"].parse::<usize>().unwrap();
        let expected = &golden["correct"][&row["direction"]][&row["relation"]][head];
        assert_eq!(row["correct"], expected.to_string(), "{row:?}");
    }
}

/// Every kind works with a causal model; what it shows is in that model's terms.
#[test]
fn every_kind_reads_a_causal_model() {
    let world = World::new();
    gpt2(&world);
    let kinds = [
        ("heads", "null_models = 1\nresamples = 1000", "Best attention heads"),
        ("probe", "epochs = 1\nresamples = 1000", "Probes on sample"),
        ("structural", "ranks = [4]\nepochs = 1\nresamples = 1000", "Structural probes"),
        ("surface", "", "What heads look at"),
        ("clusters", "clusters = 2\nstarts = 2", "What heads do, and which are alike"),
        ("coreference", "selection = \"folds\"\nresamples = 1000", "Antecedents found"),
        ("importance", "resamples = 1000", "Importance to the language-model loss"),
        ("pruning", "sequences = 6\nsteps = 2\ngreedy_steps = 1\nresamples = 1000", "Heads masked one at a time"),
        ("trees", "resamples = 1000", "Trees of single heads"),
        ("ensembles", "min_total = 10\nresamples = 1000", "Heads that find a relation together"),
        ("pairs", "files = [\"sample:pairs\"]\nresamples = 1000", "Minimal pairs"),
    ];
    for (kind, keys, title) in kinds {
        let config = format!(
            "[model]\npath = \"gpt2\"\n[treebank]\nname = \"sample\"\nmax_pieces = 60\ntrain = [\"sample:select\"]\n\
             select = [\"sample:select\"]\nevaluate = [\"sample:coref\"]\n[[experiment]]\nkind = {kind:?}\n{keys}\n"
        );
        world.write(&format!("{kind}.toml"), config);
        let said = world.succeed(&["run", &format!("{kind}.toml")]);
        assert!(said.contains(title), "{kind}: {said}");
        let report = world.read(&format!("runs/{kind}/report.md"));
        for term in ["[CLS]", "[SEP]", "masked-language-model"] {
            assert!(!said.contains(term) && !report.contains(term), "{kind} speaks of {term}: {said}");
        }
    }
}

/// Nothing stands before the only piece of a sentence, so that a causal model has nothing to guess there.
#[test]
fn sentences_of_one_piece_are_left_out_where_a_causal_model_guesses() {
    let world = World::new();
    gpt2(&world);
    let sentence = |id: usize, words: &[&str]| {
        let row = |(at, word): (usize, &&str)| {
            let (governor, relation) = if at == 0 { (0, "root") } else { (1, "dep") };
            format!("{}\t{word}\t_\tX\t_\t_\t{governor}\t{relation}\t_\t_\n", at + 1)
        };
        let rows: String = words.iter().enumerate().map(row).collect();
        format!("# sent_id = {id}\n# text = {}\n{rows}\n", words.join(" "))
    };
    let long = |id| sentence(id, &["the", "a", "to", "and", "of", "in"][..2 + id % 5]);
    let text: String = (0..20).map(|id| if id % 7 == 3 { sentence(id, &["the"]) } else { long(id) }).collect();
    world.write("some.conllu", text);
    world.write("none.conllu", format!("{}{}", sentence(1, &["the"]), sentence(2, &["a"])));
    let kinds = ["kind = \"importance\"", "kind = \"pruning\"\nmeasure = \"masked-lm\"\nsteps = 2\ngreedy_steps = 1"];
    for (number, kind) in kinds.into_iter().enumerate() {
        for file in ["some", "none"] {
            let config = format!(
                "[model]\npath = \"gpt2\"\n[treebank]\nname = \"it\"\nevaluate = [\"{file}.conllu\"]\n[[experiment]]\n\
                 resamples = 1000\n{kind}\n"
            );
            world.write(&format!("{file}{number}.toml"), config);
        }
        world.succeed(&["run", &format!("some{number}.toml")]);
        let report = world.read(&format!("runs/some{number}/report.json"));
        let report: Value = serde_json::from_str(&report).unwrap();
        let warnings = report["warnings"].as_array().unwrap().iter().filter_map(Value::as_str);
        let said: Vec<&str> = warnings.filter(|warning| warning.contains("no piece to guess")).collect();
        assert_eq!(
            said,
            [
                "3 of 20 sequences of it have no piece to guess and are left out: nothing stands before the first piece, which a \
              causal model would guess it from"
            ],
        );
        let facts = report["experiments"][0]["facts"].to_string();
        let count = |key: &str| facts.split(&format!("\"{key}\":")).nth(1).map(|rest| rest.split(',').next().unwrap());
        let counts =
            if number == 0 { ["sequences", "units"] } else { ["sequences_ordered_on", "sequences_measured_on"] };
        let counted = counts.map(|key| count(key).and_then(|count| count.trim_end_matches('}').parse::<u64>().ok()));
        let expected = if number == 0 { [Some(17), Some(17)] } else { [Some(8), Some(9)] };
        assert_eq!(counted, expected, "{facts}");
        let error = world.fail(1, &["run", &format!("none{number}.toml")]);
        assert!(error.contains("none of the 2 sequences of it has a piece to guess: nothing stands before"), "{error}");
    }
}
