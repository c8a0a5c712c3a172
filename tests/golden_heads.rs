//! Single heads of MiniLM on UD English EWT dev read by rows, and their spanning trees, against an independent implementation
//! in numpy: `fixtures/rows_and_trees.py`.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::support::{World, shared};

/// Counts may differ by this share of what is counted: ties and rounding.
const TOLERANCE: f64 = 0.001;

fn golden() -> Value {
    serde_json::from_str(include_str!("fixtures/rows_and_trees.json")).unwrap()
}

/// A run of one experiment on sentences of EWT dev, and the rows of a table of it.
fn rows(world: &World, model: &std::path::Path, keys: &str, table: &str) -> Vec<Vec<String>> {
    world.write(
        "ewt.toml",
        format!("[model]\npath = {model:?}\n[treebank]\nevaluate = [\"dev.conllu\"]\n[[experiment]]\n{keys}\n"),
    );
    world.succeed(&["run", "ewt.toml", "--force"]);
    let text = world.read(&format!("runs/ewt/{table}.csv"));
    text.lines().skip(1).map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect()
}

fn check(what: &str, found: &str, expected: u64, of: u64) {
    let found = found.parse::<u64>().unwrap();
    let most = (TOLERANCE * of as f64).max(1.0);
    assert!(found.abs_diff(expected) as f64 <= most, "{what}: {found} instead of {expected}");
}

/// The index of the largest, the first of equals.
fn best(counts: &[u64]) -> usize {
    let most = counts.iter().max().unwrap();
    counts.iter().position(|count| count == most).unwrap()
}

fn counts(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
}

#[test]
fn arcs_are_found_in_the_row_of_the_word_that_attends() {
    let (Some(model), Some(dev)) = (shared("data/minilm-l6"), shared("data/ud-english-ewt/en_ewt-ud-dev.conllu"))
    else {
        return;
    };
    let (golden, world) = (golden(), World::new());
    world.write("dev.conllu", fs::read(dev).unwrap());
    let keys = "kind = \"ensembles\"\nselection = \"same\"\nheads = 1\nresamples = 1000";
    let of_heads = rows(&world, &model, keys, "ensembles");
    for (relation, by_rows) in golden["by_rows"].as_object().unwrap() {
        let total = golden["totals"][relation].as_u64().unwrap();
        for (number, direction) in ["dep_to_gov", "gov_to_dep"].into_iter().enumerate() {
            let counts = counts(&by_rows[number]);
            let row = of_heads.iter().find(|row| row[1] == *relation && row[2] == direction).unwrap();
            assert_eq!(row[7], total.to_string(), "{row:?}");
            check(&format!("{relation} {direction}"), &row[6], counts[best(&counts)], total);
        }
    }
    // The best head for obj from governor to dependent: 55.1 % by the governor's row, 37.2 % by the dependent's column.
    let row = of_heads.iter().find(|row| row[1] == "obj" && row[2] == "gov_to_dep").unwrap();
    assert_eq!(
        (row[3].as_str(), row[6].parse::<f64>().unwrap() / row[7].parse::<f64>().unwrap() > 0.55),
        ("4-2", true)
    );

    // Syntactic heads by the same counts.
    let keys = "kind = \"clusters\"\nstarts = 1";
    let _ = rows(&world, &model, keys, "clusters");
    let report: Value = serde_json::from_str(&world.read("runs/ewt/report.json")).unwrap();
    let roles = report["experiments"][0]["facts"]["roles"].as_object().unwrap();
    let syntactic = |(head, role): (&String, &Value)| {
        let role = role.as_str().unwrap();
        (!role.starts_with("positional")).then(|| (head.clone(), role.to_owned()))
    };
    let found: BTreeMap<String, String> = roles.iter().filter_map(syntactic).collect();
    let expected = golden["roles"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let expected: BTreeMap<String, String> = expected.map(|role| (text(&role[0]), text(&role[1]))).collect();
    assert_eq!(found, expected);
    assert_eq!(expected.len(), 15);
}

#[test]
fn spanning_trees_are_those_of_numpy_without_punctuation() {
    let (Some(model), Some(dev)) = (shared("data/minilm-l6"), shared("data/ud-english-ewt/en_ewt-ud-dev.conllu"))
    else {
        return;
    };
    let (golden, world) = (golden(), World::new());
    let dev = fs::read_to_string(dev).unwrap();
    world.write("dev.conllu", dev.split_inclusive("\n\n").step_by(5).collect::<String>());
    let trees = rows(&world, &model, "kind = \"trees\"\nselection = \"same\"\nresamples = 1000", "head_trees");
    let trees: Vec<_> = trees.iter().filter(|row| row[5] == "undirected").collect();
    let (found, arcs) = (counts(&golden["trees"]["found"]), golden["trees"]["arcs"].as_u64().unwrap());
    for row in trees.iter().filter(|row| row[2] == "each_head") {
        let head = row[3].parse::<usize>().unwrap() * 12 + row[4].parse::<usize>().unwrap();
        assert_eq!(row[8], arcs.to_string());
        check(&format!("{row:?}"), &row[7], found[head], arcs);
    }
    let of = |predictor: &str| trees.iter().find(|row| row[2] == predictor).unwrap();
    assert_eq!(of("chain")[7], golden["trees"]["chain"].to_string());
    // Head 3-9; with punctuation in the trees it would be 2-8.
    assert_eq!((of("head")[3].as_str(), of("head")[4].as_str(), best(&found)), ("2", "8", 2 * 12 + 8));
}
