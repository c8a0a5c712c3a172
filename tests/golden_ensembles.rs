//! Ensembles of heads and their labelled trees on UD English EWT, against an independent implementation in numpy:
//! `fixtures/ensemble_trees.py`.

use serde_json::Value;

use crate::support::{World, shared};

/// Counts may differ by this share of what is counted: ties and rounding.
const TOLERANCE: f64 = 0.001;

#[test]
fn ensembles_and_their_trees_are_those_of_numpy() {
    let wanted = ["data/minilm-l6", "data/ud-english-ewt/en_ewt-ud-train.conllu"];
    let ([Some(model), Some(train)], Some(dev)) =
        (wanted.map(shared), shared("data/ud-english-ewt/en_ewt-ud-dev.conllu"))
    else {
        return;
    };
    let golden: Value = serde_json::from_str(include_str!("fixtures/ensemble_trees.json")).unwrap();
    let world = World::new();
    world.write(
        "ewt.toml",
        format!(
            "[model]\npath = {model:?}\n[treebank]\nselect = [{train:?}]\nevaluate = [{dev:?}]\nmax_sentences = {}\n\
             [[experiment]]\nkind = \"ensembles\"\nresamples = 1000\n",
            golden["sentences"]
        ),
    );
    world.succeed(&["run", "ewt.toml"]);
    let rows = |table: &str| -> Vec<Vec<String>> {
        let text = world.read(&format!("runs/ewt/{table}.csv"));
        text.lines().skip(1).map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect()
    };
    let check = |what: &str, found: &str, expected: &Value, of: u64| {
        let (found, expected) = (found.parse::<u64>().unwrap(), expected.as_u64().unwrap());
        assert!(found.abs_diff(expected) as f64 <= TOLERANCE * of as f64, "{what}: {found} instead of {expected}");
    };

    let gathered = rows("ensembles");
    let expected = golden["gathered"].as_array().unwrap();
    assert_eq!(gathered.len(), expected.len());
    for row in &gathered {
        let of = expected.iter().find(|of| of[0] == row[1] && of[1] == row[2]).unwrap();
        assert_eq!(row[5].parse::<u64>().ok(), of[3].as_u64(), "{row:?}");
        // Few words decide here: one may be a matter of rounding.
        check(&row[1], &row[4], &of[2], 1000);
    }

    let trees = rows("ensemble_trees");
    let total = golden["ensembles"]["total"].as_u64().unwrap();
    for predictor in ["ensembles", "calibrated"] {
        for measure in ["uas_given_root", "las_given_root", "relation_of_arc"] {
            let whole = |row: &&Vec<String>| row[1] == predictor && row[5] == measure && row[6].is_empty();
            let row = trees.iter().find(whole).unwrap();
            assert_eq!(row[8], total.to_string());
            check(&format!("{predictor} {measure}"), &row[7], &golden[predictor][measure], total);
        }
    }
}
