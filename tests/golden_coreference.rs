//! Coreference on UD English GUM dev, against an independent implementation in PyTorch: `fixtures/coreference.py`.

use serde_json::Value;

use crate::support::{World, shared};

/// Counts of a head may differ by this share of all mentions: ties and rounding.
const TOLERANCE: f64 = 0.001;

#[test]
fn antecedents_of_heads_and_baselines_are_those_of_pytorch() {
    let (Some(model), Some(dev)) = (shared("data/minilm-l6"), shared("data/ud-english-gum/en_gum-ud-dev.conllu"))
    else {
        return;
    };
    let golden: Value = serde_json::from_str(include_str!("fixtures/coreference.json")).unwrap();
    let world = World::new();
    let keys = "[[experiment]]\nkind = \"coreference\"\nselection = \"same\"\nresamples = 1000\n";
    world.write("gum.toml", format!("[model]\npath = {model:?}\n[treebank]\nevaluate = [{dev:?}]\n{keys}"));
    world.succeed(&["run", "gum.toml"]);
    let rows = |table: &str| -> Vec<Vec<String>> {
        let text = world.read(&format!("runs/gum/{table}.csv"));
        text.lines().skip(1).map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect()
    };
    let number = |text: &str| text.parse::<u64>().unwrap();
    let group = |name: &str| golden["groups"].as_array().unwrap().iter().position(|group| group == name).unwrap();

    // Baselines are whole numbers without rounding: they must be the same.
    let mut baselines = 0;
    for row in rows("coreference").iter().filter(|row| row[2] != "head") {
        let place = group(&row[6]);
        assert_eq!(number(&row[7]), golden[&row[2]][place], "{} of {}", row[2], row[6]);
        assert_eq!(number(&row[8]), golden["total"][place], "{}", row[6]);
        baselines += 1;
    }
    assert_eq!(baselines, 12);

    let mentions = golden["total"][0].as_f64().unwrap();
    let (mut different, mut largest) = (0, 0);
    let heads = rows("coreference_heads");
    assert_eq!(heads.len(), 4 * 2 * 72);
    for row in &heads {
        let (place, direction) = (group(&row[5]), usize::from(row[4] == "gov_to_dep"));
        let head = (number(&row[2]) * 12 + number(&row[3])) as usize;
        let expected = golden["heads"][place][direction][head].as_u64().unwrap();
        let difference = number(&row[6]).abs_diff(expected);
        different += u32::from(difference > 0);
        largest = largest.max(difference);
        assert!(difference as f64 <= TOLERANCE * mentions, "{row:?} instead of {expected}");
    }
    println!("{different} of {} counts differ, by at most {largest} of {mentions} mentions", heads.len());
}
