//! `heads.paths`: words several arcs apart, counted as relations are (METHOD §10).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::directions::{GPT2, Row, gpt2, table};
use crate::support::{World, tiny_bert, tiny_config};

fn count(row: &Row, column: &str) -> u64 {
    row[column].parse().unwrap()
}

/// Every cell of every path against attention by transformers, counted in numpy (`fixtures/causal_heads.py`): in three
/// directions, of two and of three arcs, and the offsets that are the baselines.
#[test]
fn paths_of_a_causal_model_equal_numpys_of_transformers_attention() {
    let world = World::new();
    gpt2(&world);
    let golden: Value = serde_json::from_str(include_str!("fixtures/causal_heads.json")).unwrap();
    let golden = &golden["paths"];
    let names: Vec<&String> = golden["total"].as_object().unwrap().keys().collect();
    world.write("causal.toml", format!("{GPT2}selection = \"same\"\npaths = {names:?}\n"));
    let said = world.succeed(&["run", "causal.toml"]);
    assert!(said.contains("obl+case: of words that hang by `case`"), "{said}");

    let of_paths = |name| {
        let rows = table(&world, "runs/causal", name);
        rows.into_iter().filter(|row| row["relation"].contains('+')).collect::<Vec<_>>()
    };
    let scores = of_paths("head_scores");
    assert_eq!(scores.len(), 3 * 4 * names.len());
    assert!(names.iter().any(|name| name.split('+').count() == 3));
    for row in &scores {
        let (way, path) = (&row["direction"], &row["relation"]);
        let head = 2 * row["layer_index"].parse::<usize>().unwrap() + row["head_index"].parse::<usize>().unwrap();
        let expected = [&golden["correct"][way][path][head], &golden["total"][path], &golden["reachable"][way][path]];
        let found = ["correct", "total", "reachable"].map(|column| count(row, column));
        assert_eq!(found, expected.map(|number| number.as_u64().unwrap()), "{row:?}");
    }
    let offsets: Vec<Row> = of_paths("baselines").into_iter().filter(|row| row["baseline"] == "offset").collect();
    assert_eq!(offsets.len(), 10 * names.len());
    for row in &offsets {
        let at = usize::try_from(row["offset"].parse::<i32>().unwrap() + 5).unwrap();
        assert_eq!(row["correct"], golden["offsets"][&row["relation"]][at].to_string(), "{row:?}");
    }
    // Attention on the upper end is on top where the head finds it.
    for row in of_paths("head_attention") {
        let head = 2 * row["layer_index"].parse::<usize>().unwrap() + row["head_index"].parse::<usize>().unwrap();
        let expected = &golden["correct"][&row["direction"]][&row["relation"]][head];
        assert_eq!(row["correct"], expected.to_string(), "{row:?}");
    }
}

/// What is chosen, scored and tested of paths: in two halves, beside null models, by length and word by word.
#[test]
fn paths_are_chosen_and_tested_as_relations_are_and_change_none_of_them() {
    let world = World::new();
    for (name, paths) in [("without", ""), ("with", "paths = [\"all\", \"advcl+obl+case\"]\npaths_min_total = 40\n")] {
        let keys = format!("selection = \"folds\"\nnull_models = 1\n{paths}");
        world.write(&format!("{name}.toml"), format!("name = {name:?}\n{}{keys}", tiny_config("")));
        world.succeed(&["run", &format!("{name}.toml")]);
    }
    for name in ["head_scores", "baselines", "best_heads", "head_tests", "null_models", "best_head_lengths"] {
        let [without, with] = ["without", "with"].map(|run| table(&world, &format!("runs/{run}"), name));
        let (paths, others): (Vec<Row>, Vec<Row>) = with.into_iter().partition(|row| row["relation"].contains('+'));
        assert_eq!(others, without, "{name}: paths change nothing of relations, corrected p-values included");
        let named: BTreeSet<&str> = paths.iter().map(|row| row["relation"].as_str()).collect();
        assert!(named.contains("obl+case") && named.contains("advcl+obl+case"), "{name}: {named:?}");
    }
    let best = table(&world, "runs/with", "best_heads");
    let predictions = table(&world, "runs/with", "predictions");
    let lengths = table(&world, "runs/with", "best_head_lengths");
    for best in best.iter().filter(|row| row["relation"].contains('+')) {
        // The key counts the whole file, sentences that the model cannot take included.
        assert!(count(best, "total") >= 36 || best["relation"] == "advcl+obl+case", "{best:?}");
        assert!(
            !best["p_value"].is_empty() && !best["ci_low"].is_empty() && !best["baseline_accuracy"].is_empty(),
            "{best:?}"
        );
        let right = |predictor: &str| {
            let of = predictions.iter().filter(|row| row["predictor"] == predictor && row["scope"] == best["relation"]);
            let rows: Vec<&Row> = of.collect();
            assert_eq!(rows.len() as u64, count(best, "total"), "{best:?}");
            rows.iter().filter(|row| row["correct"] == "true").count() as u64
        };
        assert_eq!(right("best_head"), count(best, "correct"));
        assert_eq!(right("best_baseline"), count(best, "baseline_correct"));
        let of_lengths = lengths.iter().filter(|row| row["relation"] == best["relation"]);
        assert_eq!(of_lengths.map(|row| count(row, "correct")).sum::<u64>(), count(best, "correct"));
    }
    let report: Value = serde_json::from_str(&world.read("runs/with/report.json")).unwrap();
    let findings = report["findings"].to_string();
    assert!(findings.contains("paths of several arcs one attention head finds the upper end"), "{findings}");
    world.succeed(&["figure", "runs/with", "heatmap", "obl+case"]);
    world.succeed(&["compare", "runs/with", "runs/without"]);
}

#[test]
fn heads_can_be_masked_for_a_path() {
    let world = World::new();
    let config = format!(
        "[model]\npath = {:?}\n[treebank]\nselect = [\"sample:select\"]\nmax_sentences = 40\n[[experiment]]\n\
         kind = \"pairs\"\nfiles = [\"sample:pairs\"]\nresamples = 1000\nrelations = [\"obl+case\"]\nmost_heads = 1\n\
         limit = 2\ndraws = 1\n",
        tiny_bert()
    );
    world.write("pairs.toml", &config);
    world.succeed(&["run", "pairs.toml"]);
    let report = world.read("runs/pairs/report.md");
    assert!(report.contains("the best for obl+case in turn, chosen on 40 sentences"), "{report}");
    world.write("none.toml", config.replace("obl+case", "obl+iobj"));
    let error = world.fail(1, &["run", "none.toml"]);
    assert!(error.contains("\"obl+iobj\", of which `treebank.select` has no word"), "{error}");
}

#[test]
fn what_is_no_path_is_refused() {
    let world = World::new();
    let check = |code, keys: &str, expected: &str| {
        world.write("wrong.toml", format!("{}{keys}\n", tiny_config("")));
        let error = world.fail(code, &["run", "wrong.toml"]);
        assert!(error.contains(expected), "{keys}: {error}");
    };
    check(2, "paths = [\"case\"]", "\"case\" is no path: write the relations of two or three arcs");
    check(2, "paths = [\"a+b+c+d\"]", "\"a+b+c+d\" is no path");
    check(2, "paths = [\"obl+case\", \"obl+case\"]", "`paths` names obl+case twice");
    check(
        1,
        "paths = [\"obl+cas\"]",
        "`heads.paths` names \"obl+cas\", of which `treebank.select` has no word; the most",
    );
    check(
        1,
        "paths = [\"all\"]\npaths_min_total = 100000",
        "no path of two arcs has 100000 words in `treebank.select`",
    );
    let ensembles = tiny_config("").replace("\"heads\"", "\"ensembles\"");
    world.write("wrong.toml", format!("{ensembles}relations = [\"obl+case\"]\n"));
    let error = world.fail(2, &["run", "wrong.toml"]);
    assert!(error.contains("names the path \"obl+case\": trees are made of arcs"), "{error}");
}

/// By the definition, in ten lines: of the sample treebank every path of two arcs, counted from its file.
#[test]
fn totals_are_those_of_the_file() {
    let world = World::new();
    let keys = "selection = \"same\"\nnull_models = 0\npaths = [\"all\"]\npaths_min_total = 1\n";
    world.write("all.toml", format!("{}{keys}", tiny_config("")));
    world.succeed(&["run", "all.toml"]);
    // Sentences that are too long for the model are in no count.
    let read: BTreeSet<String> =
        table(&world, "runs/all", "predictions").into_iter().map(|mut row| row.remove("sent_id").unwrap()).collect();

    let text = include_str!("../data/sample/en_sample-evaluate.conllu");
    let mut totals: BTreeMap<String, u64> = BTreeMap::new();
    let name = |sentence: &str| sentence.lines().find_map(|line| line.strip_prefix("# sent_id = ")).map(str::to_owned);
    for sentence in text.split("\n\n").filter(|sentence| name(sentence).is_some_and(|name| read.contains(&name))) {
        let rows: Vec<Vec<&str>> = sentence.lines().map(|line| line.split('\t').collect()).collect();
        let words: Vec<(usize, &str)> = rows
            .iter()
            .filter(|row| row.len() == 10 && row[0].parse::<usize>().is_ok())
            .map(|row| (row[6].parse().unwrap(), row[7]))
            .collect();
        for (governor, relation) in words.iter().filter(|(governor, _)| *governor > 0) {
            let (above, between) = words[governor - 1];
            if above > 0 {
                *totals.entry(format!("{between}+{relation}")).or_default() += 1;
            }
        }
    }
    let best = table(&world, "runs/all", "best_heads");
    let paths = best.iter().filter(|row| row["relation"].contains('+'));
    let found: BTreeMap<String, u64> = paths.map(|row| (row["relation"].clone(), count(row, "total"))).collect();
    assert_eq!(found, totals);
}
