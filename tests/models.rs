//! What a report says about how a model read its words and how its checkpoint was read.

use std::fs;

use crate::support::{World, tiny_bert, tiny_config};

/// Eight sentences of these four words, each hanging from the next, the third the root.
fn treebank(words: [&str; 4]) -> String {
    let heads = [2, 3, 0, 3];
    let relations = ["det", "nsubj", "root", "obj"];
    (0..8)
        .map(|number| {
            let text = words.iter().filter(|word| **word != "_").copied().collect::<Vec<_>>().join(" ");
            let row =
                |at: usize| format!("{}\t{}\t_\tX\t_\t_\t{}\t{}\t_\t_\n", at + 1, words[at], heads[at], relations[at]);
            format!("# sent_id = s{number}\n# text = {text}\n{}\n", (0..4).map(row).collect::<String>())
        })
        .collect()
}

/// Runs heads on a treebank; the warnings of its report, and the report.
fn run(words: [&str; 4], more: &str) -> (Vec<String>, serde_json::Value, World) {
    let world = World::new();
    world.write("bank.conllu", treebank(words));
    let config = format!(
        "name = \"run\"\n[model]\npath = {:?}\n[treebank]\nevaluate = [\"bank.conllu\"]\n{more}\n[[experiment]]\nkind = \
         \"heads\"\nselection = \"same\"\nresamples = 1000\n",
        tiny_bert()
    );
    world.write("run.toml", config);
    world.succeed(&["run", "run.toml"]);
    let report: serde_json::Value = serde_json::from_str(&world.read("runs/run/report.json")).unwrap();
    let warnings = report["warnings"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    (warnings, report, world)
}

/// Runs heads on the world's `bank.conllu` alone, with these keys of `[treebank]`.
fn run_bank(world: &World, keys: &str) {
    world.write(
        "run.toml",
        tiny_config(keys)
            .replace("[\"sample:select\"]", "[]")
            .replace("sample:evaluate", "bank.conllu")
            .replace("kind = \"heads\"", "kind = \"heads\"\nselection = \"same\""),
    );
    world.succeed(&["run", "run.toml"]);
}

#[track_caller]
fn check(words: [&str; 4], warning: &str, reading: [u64; 5]) {
    let (warnings, report, world) = run(words, "");
    assert!(warnings.iter().any(|it| it.contains(warning)), "{warnings:?}");
    let counts = &report["treebank"]["splits"][0]["reading"];
    let keys = ["pieces", "unknown_words", "unpieced_words", "shared_words", "blank_words"];
    assert_eq!(keys.map(|key| counts[key].as_u64().unwrap()), reading, "{words:?}");
    let manifest: serde_json::Value = serde_json::from_str(&world.read("runs/run/manifest.json")).unwrap();
    assert_eq!(manifest["unread"][0]["words"].as_u64(), reading[1..].iter().copied().find(|words| *words > 0));
    for page in ["runs/run/report.md", "runs/run/report.html"] {
        assert!(world.read(page).contains("not read"), "{page}");
    }
}

#[test]
fn words_that_the_model_cannot_read_are_counted_and_warned_of() {
    check(
        ["ሰላም", "ልጅ", "ቤት", "ሄደ"],
        "evaluate: 100.0 % of the words (32 of 32) are nothing but the unknown piece to the model: it sees where",
        [32, 32, 0, 0, 0],
    );
    check(
        ["\u{200b}", "\u{ad}", "tree", "\u{200d}"],
        "evaluate: 75.0 % of the words (24 of 32) are nothing but the unknown piece to the model, 24 of them without any",
        [32, 24, 24, 0, 0],
    );
    check(
        ["_", "_", "_", "_"],
        "evaluate: 100.0 % of the words (32 of 32) are `_`: the treebank comes without its text",
        [32, 32, 0, 0, 32],
    );
    let (warnings, report, _world) = run(["the", "tree", "sat", "mat"], "");
    let of_reading = ["unknown piece", "same pieces", "are `_`"];
    assert!(!warnings.iter().any(|it| of_reading.iter().any(|part| it.contains(part))), "{warnings:?}");
    assert_eq!(report["treebank"]["splits"][0]["reading"]["unknown_words"], 0);
}

#[test]
fn words_of_one_piece_are_warned_of_where_text_is_the_input() {
    // "thetree" is one unknown piece, and two words of it say so in MISC.
    let world = World::new();
    let bank = treebank(["ልጅቤት", "ቤት", "sat", "mat"]);
    let bank = bank.replace("# text = ልጅቤት ቤት sat mat", "# text = ልጅቤት sat mat");
    let bank = bank.replace(
        "1\tልጅቤት\t_\tX\t_\t_\t2\tdet\t_\t_\n",
        "1-2\tልጅቤት\t_\t_\t_\t_\t_\t_\t_\t_\n1\tልጅ\t_\tX\t_\t_\t2\tdet\t_\t_\n",
    );
    world.write("bank.conllu", bank);
    run_bank(&world, "input = \"text\"");
    let report = world.read("runs/run/report.json");
    assert!(report.contains("25.0 % of the words (8 of 32) have the same pieces as the word before"), "{report}");
}

#[test]
fn sentences_that_cannot_be_aligned_are_counted_and_listed() {
    let world = World::new();
    // The text of the third sentence is another one's, and a word of the fifth has no character that is read.
    let bank = treebank(["the", "tree", "sat", "mat"]);
    let bank =
        bank.replacen("# sent_id = s2\n# text = the tree sat mat", "# sent_id = s2\n# text = the mat sat tree", 1);
    let (before, after) = bank.split_once("# sent_id = s4").unwrap();
    let bank = format!("{before}# sent_id = s4{}", after.replacen("mat", "\u{200b}", 2));
    world.write("bank.conllu", bank);
    run_bank(&world, "input = \"text\"");
    let report: serde_json::Value = serde_json::from_str(&world.read("runs/run/report.json")).unwrap();
    let split = &report["treebank"]["splits"][0];
    assert_eq!((&split["sentences"], &split["skipped"]["word outside the text"]), (&7.into(), &1.into()));
    assert_eq!(
        split["unaligned"],
        serde_json::json!([
            {"sent_id": "s2", "problem": "word 2 does not lie in the text"},
            {"sent_id": "s4", "problem": "1 word has no piece of its own"},
        ])
    );
    let said = "s2 (word 2 does not lie in the text), s4 (1 word has no piece of its own)";
    for page in ["runs/run/report.md", "runs/run/report.html"] {
        assert!(
            world.read(page).contains(&said.replace('(', "\\(").replace(')', "\\)")) || world.read(page).contains(said),
            "{page}"
        );
    }
}

#[test]
fn the_piece_limit_is_the_models_where_that_is_lower() {
    let world = World::new();
    let row =
        |at: usize| format!("{at}\tthe\t_\tX\t_\t_\t{}\t{}\t_\t_\n", at - 1, if at == 1 { "root" } else { "dep" });
    let long: String = (1..=140).map(row).collect();
    world.write("bank.conllu", format!("{}# sent_id = long\n{long}\n", treebank(["the", "tree", "sat", "mat"])));
    run_bank(&world, "max_pieces = 512");
    let report: serde_json::Value = serde_json::from_str(&world.read("runs/run/report.json")).unwrap();
    assert_eq!(report["conventions"]["piece_limit"], 128);
    assert_eq!(report["treebank"]["splits"][0]["skipped"]["too many pieces"], 1);
    let said =
        "the model reads at most 128 pieces, fewer than `treebank.max_pieces` = 512: longer sentences are skipped";
    assert!(report["warnings"].as_array().unwrap().iter().any(|it| it == said), "{}", report["warnings"]);
}

#[test]
fn how_a_checkpoint_was_read_stands_in_the_report() {
    let world = World::new();
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        world.write(&format!("model/{file}"), fs::read(tiny_bert().join(file)).unwrap());
    }
    world.write("model/added_tokens.json", "{\"tree\": 7}");
    world.write("run.toml", tiny_config("").replace(tiny_bert().to_str().unwrap(), "model"));
    world.succeed(&["run", "run.toml"]);
    let report = world.read("runs/run/report.json");
    assert!(report.contains("the added token `tree` is listed with id 7 and gets id"), "{report}");
    let manifest = world.read("runs/run/manifest.json");
    assert!(manifest.contains("added_tokens.json"), "{manifest}");
}
