//! Agreement with an independent PyTorch implementation on real data (METHOD §9).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::support::{World, shared};

/// Counts of a head may differ by this share of all words: ties and rounding.
const TOLERANCE: f64 = 0.001;

#[test]
fn counts_of_every_head_on_ewt_dev_are_those_of_pytorch() {
    let (Some(golden), Some(model), Some(dev)) = (
        shared("golden/ewt-dev-minilm-heads.json"),
        shared("data/minilm-l6"),
        shared("data/ud-english-ewt/en_ewt-ud-dev.conllu"),
    ) else {
        return;
    };
    let golden: Value = serde_json::from_str(&fs::read_to_string(golden).unwrap()).unwrap();
    let world = World::new();
    world.write(
        "ewt.toml",
        format!(
            "[model]\npath = {model:?}\n[treebank]\nevaluate = [{dev:?}]\n[[experiment]]\nkind = \"heads\"\n\
             selection = \"same\"\nresamples = 1000\nnull_models = 0\n"
        ),
    );
    world.succeed(&["run", "ewt.toml"]);

    // relation → [direction][head] → (correct, total)
    let mut found: BTreeMap<String, [Vec<(u64, u64)>; 2]> = BTreeMap::new();
    for line in world.read("runs/ewt/head_scores.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |cell: usize| cells[cell].parse::<u64>().unwrap();
        let direction = usize::from(cells[4] == "gov_to_dep");
        let heads = &mut found.entry(cells[5].to_owned()).or_default()[direction];
        assert_eq!(heads.len() as u64, number(2) * 12 + number(3), "rows are by head");
        heads.push((number(6), number(7)));
    }
    let totals = golden["total"].as_object().unwrap();
    let (ours, theirs): (BTreeSet<&String>, BTreeSet<&String>) = (found.keys().collect(), totals.keys().collect());
    assert_eq!(ours, theirs);

    let words = totals["all"].as_f64().unwrap();
    let (mut compared, mut different, mut largest, mut differing_words) = (0, 0, 0, 0);
    for (relation, directions) in &found {
        for (direction, heads) in directions.iter().enumerate() {
            let expected = golden["correct"][relation][direction].as_array().unwrap();
            assert_eq!(heads.len(), expected.len());
            for (head, ((correct, total), expected)) in heads.iter().zip(expected).enumerate() {
                assert_eq!(*total, totals[relation].as_u64().unwrap(), "{relation}");
                let difference = correct.abs_diff(expected.as_u64().unwrap());
                compared += 1;
                different += u32::from(difference > 0);
                largest = largest.max(difference);
                if relation == "all" {
                    differing_words += difference;
                }
                assert!(
                    difference as f64 <= TOLERANCE * words,
                    "{relation}, direction {direction}, head {head}: {correct} instead of {expected}"
                );
            }
        }
    }
    println!(
        "{different} of {compared} counts differ, by at most {largest} of {words} words; over all heads and both \
         directions {differing_words} words"
    );
    offsets(&world, &golden);
}

/// Baselines are whole numbers without rounding: they must be the same.
fn offsets(world: &World, golden: &Value) {
    let offsets: Vec<i64> = golden["offsets"].as_array().unwrap().iter().map(|it| it.as_i64().unwrap()).collect();
    let mut compared = 0;
    for line in world.read("runs/ewt/baselines.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if cells[2] != "offset" {
            continue;
        }
        let at = offsets.iter().position(|offset| *offset == cells[3].parse::<i64>().unwrap());
        let Some(at) = at else { continue };
        let expected = golden["offset_correct"][cells[4]][at].as_u64().unwrap();
        assert_eq!(cells[5].parse::<u64>().unwrap(), expected, "{} at {}", cells[4], cells[3]);
        compared += 1;
    }
    assert!(compared > 100, "{compared} baselines were compared");
}
