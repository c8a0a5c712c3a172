//! Trees that nobody annotated are scored by no kind, and kinds that need words alone read any text.

use crate::support::{World, tiny_bert, tiny_config};

const TEXT: &str = "The bank said it.\nShe walks near the small river, and the stone said it.\nThe bank walks.\n";
const NO_PARSE: &str = "#begin document (a/b); part 000\na/b 0 0 The DT - - - - s * (3\na/b 0 1 bank NN - - - - s * 3)\n\
                        a/b 0 2 said VBD - - - - s * -\n\na/b 0 0 it PRP - - - - s * (3)\n\n";

fn blind(head: &str, relation: &str) -> String {
    let row = |id: usize, form: &str| format!("{id}\t{form}\t_\t_\t_\t_\t{head}\t{relation}\t_\t_\n");
    format!("{}{}\n{}\n", row(1, "the"), row(2, "bank"), row(1, "said"))
}

fn world(kind: &str, file: &str, text: &str) -> World {
    let world = World::new();
    world.write(file, text);
    world.write(
        "run.toml",
        format!(
            "[model]\npath = {:?}\n[treebank]\ntrain = [{file:?}]\nselect = [\"sample:select\"]\nevaluate = [{file:?}]\n\
             [[experiment]]\nkind = {kind:?}\n",
            tiny_bert()
        ),
    );
    world
}

#[test]
fn no_kind_scores_heads_or_probes_against_made_up_trees() {
    for (file, text, why) in [
        ("notes.txt", TEXT.to_owned(), "notes.txt:1: sentence notes:1: no tree: this is read as plain text"),
        ("a.v4_gold_conll", NO_PARSE.to_owned(), "no tree: no word has a bit of a parse"),
        ("a.conllu", blind("_", "_"), "a.conllu:1: sentence a:1: no tree: no word has a HEAD"),
        ("a.conllu", blind("0", "_"), "no tree: no word has a DEPREL"),
        ("a.conllx", blind("_", "_"), "no tree: no word has a HEAD"),
    ] {
        for kind in ["heads", "trees", "ensembles", "probe", "structural"] {
            let keys: &[&str] = if kind == "structural" { &["--set", "structural.ranks=[8]"] } else { &[] };
            let error = world(kind, file, &text).fail(1, &[&["run", "run.toml"], keys].concat());
            assert!(error.contains(why), "{kind}, {file}: {error}");
            assert!(error.contains("trees are needed here") && error.contains("treebank.format"), "{kind}: {error}");
        }
    }
    // Skipping leaves nothing, and says so.
    let error = world("heads", "notes.txt", TEXT).fail(1, &["run", "run.toml", "--set", "treebank.invalid=skip"]);
    assert!(error.contains("no sentence to work with (3 skipped: not a tree: none is annotated)"), "{error}");
}

#[test]
fn words_alone_are_enough_where_no_tree_is_needed() {
    for kind in ["surface", "clusters"] {
        for (file, text) in
            [("notes.txt", TEXT.to_owned()), ("a.conllu", blind("_", "_")), ("a.conllu", blind("1", "_"))]
        {
            world(kind, file, &text).succeed(&["run", "run.toml"]);
        }
    }
}

#[test]
fn a_file_of_head_relations_is_never_taken_for_text() {
    let good = "New York 2-nsubj\nwalks 0-root\n\nthe 2-det\nbank 3-nsubj\nsaid 0-root\n\n".repeat(3);
    world("trees", "a.txt", &good).succeed(&["run", "run.toml", "--set", "trees.selection=same"]);
    let error = world("trees", "a.txt", &good.replacen("2-nsubj", "2nsubj", 1)).fail(1, &["run", "run.toml"]);
    assert!(error.contains("a.txt:1: sentence a:1: `New York 2nsubj` is not of the form"), "{error}");
}

#[test]
fn check_says_that_text_has_no_trees() {
    let world = World::new();
    world.write("plain.txt", TEXT);
    world.write("empty.conllu", "");
    let ran = world.run(&["check", "plain.txt", "empty.conllu"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("plain.txt:1: none of the 3 sentences has a tree"), "{}", ran.stdout);
    assert!(ran.stdout.contains("empty.conllu:1: the file holds no sentence"), "{}", ran.stdout);
}

fn tree(words: &[(&str, &str, &str)]) -> String {
    let row = |(at, (form, head, relation)): (usize, &(&str, &str, &str))| {
        format!("{}\t{form}\t_\tX\t_\t_\t{head}\t{relation}\t_\t_\n", at + 1)
    };
    words.iter().enumerate().map(row).collect::<String>() + "\n"
}

#[test]
fn several_roots_have_a_way_on() {
    let several = tree(&[("the", "2", "det"), ("bank", "0", "root"), ("walks", "0", "root"), (".", "0", "punct")]);
    let one = tree(&[("the", "2", "det"), ("bank", "3", "nsubj"), ("walks", "0", "root")]);
    let world = World::new();
    world.write("old.conllu", several + &one);
    world.write("run.toml", tiny_config("").replace("sample:evaluate", "old.conllu"));
    let error = world.fail(1, &["run", "run.toml"]);
    assert!(error.contains("old.conllu:3: ") && error.contains("treebank.invalid=repair"), "{error}");
    world.succeed(&["run", "run.toml", "--set", "treebank.invalid=repair"]);
    let report = world.read("runs/run/report.json");
    assert!(report.contains("1 of the 2 evaluated sentences have several roots in the treebank"), "{report}");
    assert!(report.contains("\"repaired\": 1"), "{report}");
}

#[test]
fn punctuation_by_another_name_is_found_or_missed_aloud() {
    let text = tree(&[("the", "2", "NMOD"), ("bank", "3", "SBJ"), ("walks", "0", "ROOT"), (".", "3", "P")]).repeat(2);
    let total = |world: &World, relation: &str| -> u64 {
        let scores = world.read("runs/run/head_scores.csv");
        let rows = scores.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let mut found = rows.filter(|row| row[1] == "evaluate" && row[5] == relation);
        found.next().map_or(0, |row| row[7].parse().unwrap())
    };
    let world = World::new();
    world.write("a.conllx", &text);
    world.write("a.conllu", &text);
    world.write("run.toml", tiny_config("").replace("sample:evaluate", "a.conllx"));
    world.succeed(&["run", "run.toml"]);
    assert_eq!((total(&world, "all"), total(&world, "all-nopunct"), total(&world, "punct")), (8, 6, 2));
    assert!(!world.read("runs/run/report.json").contains("punctuation marks"));

    let conllu = "treebank.evaluate=[\"a.conllu\"]";
    world.succeed(&["run", "run.toml", "--force", "--set", conllu]);
    assert_eq!((total(&world, "all"), total(&world, "all-nopunct")), (8, 8));
    let report = world.read("runs/run/report.json");
    assert!(report.contains("2 words of `evaluate` are nothing but punctuation marks"), "{report}");
    assert!(report.contains("treebank.punctuation"), "{report}");
    world.succeed(&["run", "run.toml", "--force", "--set", conllu, "--set", "treebank.punctuation=form"]);
    assert_eq!((total(&world, "all"), total(&world, "all-nopunct")), (8, 6));
}

#[test]
fn a_skipped_sentence_is_shown_once_and_a_flood_is_cut() {
    let bad = tree(&[("the", "2", "det"), ("bank", "1", "root")]).repeat(30);
    let good = tree(&[("the", "2", "det"), ("bank", "0", "root")]);
    let world = World::new();
    world.write("a.conllu", bad + &good);
    world.write("run.toml", tiny_config("").replace("sample:evaluate", "a.conllu"));
    let ran = world.run(&["run", "run.toml", "--set", "treebank.invalid=skip"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("skipped: ").count(), 20, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("more sentences are skipped and counted").count(), 1, "{}", ran.stderr);
}
