//! The experiment kinds beside `heads`, each from a config to its tables, on the tiny model and the sample data.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use headlight_heads::Fold;
use serde_json::Value;

use crate::support::{World, root, tiny_bert};

/// The tiny model has 3 layers of 3 heads.
const HEADS: usize = 9;

/// A config of one experiment on the tiny model.
fn config(kind: &str, tables: &str) -> String {
    format!("[model]\npath = {:?}\n{tables}\n[[experiment]]\nkind = {kind:?}\n", tiny_bert())
}

/// Runs a config of one experiment; returns the world and what was printed.
fn run(kind: &str, tables: &str, arguments: &[&str]) -> (World, String) {
    let world = World::new();
    world.write("tiny.toml", config(kind, tables));
    let printed = world.succeed(&[&["run", "tiny.toml"], arguments].concat());
    (world, printed)
}

/// The rows of a table whose cells hold no comma.
fn table(world: &World, name: &str) -> Vec<Vec<String>> {
    let text = world.read(&format!("runs/tiny/{name}.csv"));
    text.lines().skip(1).map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect()
}

fn json(world: &World, file: &str) -> Value {
    serde_json::from_str(&world.read(&format!("runs/tiny/{file}"))).unwrap()
}

const CORPUS: &str = "[corpus]\nfiles = [\"sample:corpus\"]\nsequences = 20";
const SENTENCES: &str = "[treebank]\nname = \"sample\"\nevaluate = [\"sample:evaluate\"]\nmax_sentences = 30";
const DOCUMENTS: &str = "[treebank]\nname = \"sample\"\nevaluate = [\"sample:coref\"]";

#[test]
fn surface_statistics_of_every_head_and_layer() {
    for (tables, corpus, sequences) in [(CORPUS, "sample-corpus", "20"), (SENTENCES, "sample", "30")] {
        let (world, printed) = run("surface", tables, &[]);
        let rows = table(&world, "surface");
        let measures: BTreeSet<&str> = rows.iter().map(|row| row[3].as_str()).collect();
        assert_eq!(measures.len(), 11, "{measures:?}");
        for row in &rows {
            assert_eq!(row[0], corpus);
            let value: f64 = row[4].parse().unwrap();
            let most = if row[3].starts_with("entropy") { 128_f64.ln() } else { 1.0 };
            assert!((0.0..=most + 1e-6).contains(&value), "{row:?}");
        }
        let of = |measure: &'static str| rows.iter().filter(move |row| row[3] == measure);
        assert_eq!(of("sep").filter(|row| !row[2].is_empty()).count(), HEADS);
        assert_eq!(of("sep").filter(|row| row[2].is_empty()).count(), 3);
        assert!(of("prev").all(|row| row[5] == sequences));
        assert!(printed.contains("uniform attention would have"), "{printed}");
        assert!(printed.lines().all(|line| line.chars().count() <= 80), "{printed}");
    }
}

#[test]
fn the_same_seed_draws_the_same_sequences_on_any_number_of_threads() {
    let surface = |arguments: &[&str]| run("surface", CORPUS, arguments).0.read("runs/tiny/surface.csv");
    let once = surface(&["--set", "threads=1"]);
    assert_eq!(once, surface(&["--set", "threads=3"]));
    assert_ne!(once, surface(&["--set", "seed=2"]));
}

#[test]
fn clusters_place_every_head() {
    let tables = format!("{CORPUS}\n{SENTENCES}");
    let (world, printed) = run("clusters", &tables, &["--set", "clusters.clusters=4"]);
    let heads = table(&world, "clusters");
    assert_eq!(heads.len(), HEADS);
    let clusters: BTreeSet<&str> = heads.iter().map(|row| row[6].as_str()).collect();
    assert_eq!(clusters, BTreeSet::from(["0", "1", "2", "3"]));
    let distances = table(&world, "head_distances");
    assert_eq!(distances.len(), HEADS * (HEADS - 1) / 2);
    for row in &distances {
        let mean: f64 = row[5].parse().unwrap();
        assert!((0.0..=std::f64::consts::LN_2).contains(&mean), "{row:?}");
    }
    let facts = json(&world, "report.json")["experiments"][0]["facts"].clone();
    assert_eq!(facts["hierarchy"].as_array().unwrap().len(), HEADS - 1);
    assert!(printed.contains("to other layers") && printed.contains("stress"), "{printed}");
}

/// Relations are chosen elsewhere by what the files hold, not by what they are called.
#[test]
fn roles_say_where_their_relations_were_chosen() {
    let same = format!("{SENTENCES}\nselect = [\"sample:evaluate\"]");
    for (tables, apart) in [(SPLITS, true), (SENTENCES, false), (same.as_str(), false)] {
        let (world, _) = run("clusters", tables, &["--set", "clusters.clusters=3", "--set", "clusters.starts=1"]);
        let report = json(&world, "report.json");
        assert_eq!(report["experiments"][0]["facts"]["roles_chosen_apart"], apart, "{tables}");
        let told = "told on the sentences that their relations were chosen on";
        assert_eq!(report["warnings"].to_string().contains(told), !apart, "{tables}");
    }
}

#[test]
fn norms_are_compared_as_distributions() {
    let (world, _) = run("clusters", CORPUS, &["--set", "model.attention=norms"]);
    for row in table(&world, "head_distances") {
        let mean: f64 = row[5].parse().unwrap();
        assert!((0.0..=std::f64::consts::LN_2).contains(&mean), "{row:?}");
    }
    let warnings = json(&world, "report.json")["warnings"].clone();
    assert!(warnings.to_string().contains("No head is called syntactic"), "{warnings}");
}

#[test]
fn coreference_scores_heads_and_baselines() {
    for selection in ["same", "folds", "separate"] {
        let tables = format!("{DOCUMENTS}\nselect = [\"sample:coref\"]");
        let (world, printed) = run("coreference", &tables, &["--set", &format!("coreference.selection={selection}")]);
        let rows = table(&world, "coreference");
        let mut totals: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        let mut correct: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for row in &rows {
            totals.entry(&row[6]).or_default().insert(row[8].parse().unwrap());
            correct.insert((&row[2], &row[6]), row[7].parse().unwrap());
        }
        // Every predictor is scored on the same mentions, and types add up to all.
        assert!(totals.values().all(|totals| totals.len() == 1), "{totals:?}");
        for predictor in ["head", "nearest", "head_match", "sieves"] {
            let types = ["pronoun", "proper", "nominal"].iter().filter_map(|kind| correct.get(&(predictor, kind)));
            assert_eq!(types.sum::<u64>(), correct[&(predictor, "all")], "{predictor}");
        }
        assert!(correct[&("sieves", "all")] > correct[&("nearest", "all")]);
        let heads = table(&world, "coreference_heads");
        let splits = if selection == "separate" { 2 } else { 1 };
        assert_eq!(heads.iter().filter(|row| row[5] == "all").count(), splits * 2 * HEADS);
        assert!(printed.contains("four sieves"), "{printed}");
        let warned = json(&world, "report.json")["warnings"].to_string().contains("chosen on the same words");
        assert_eq!(warned, selection == "same");
        // The head beside each rule, on all mentions and on those of each type.
        let differences = table(&world, "differences");
        assert_eq!(differences.len(), 3 * totals.len());
        for row in &differences {
            assert_eq!((row[0].as_str(), row[3].as_str(), row[12].as_str()), ("coreference", "head", "document"));
            // The select split has the same documents here: what was chosen there was not chosen elsewhere.
            assert_eq!(row[10].is_empty(), selection != "folds", "{row:?}");
        }
    }
}

#[test]
fn documents_are_read_as_the_treebank_keys_say() {
    let sentence = |id: &str, word: &str, entity: &str| {
        format!(
            "# sent_id = {id}\n1\t{word}\t_\tPRON\t_\t_\t2\tnsubj\t_\tEntity={entity}\n2\twalks\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n"
        )
    };
    let document = |name: &str, twice: &str| {
        format!("# newdoc id = {name}\n# global.Entity = eid\n")
            + &sentence("a", "bank", "(e1)")
            + &sentence("b", "it", twice)
            + &sentence("c", "it", "(e1)")
            + &sentence("d", "it", "(e1)")
    };
    let anaphoric = |text: &str, keys: &str, expected: &str| {
        let world = World::new();
        world.write("pond.conllu", text);
        let tables = format!("[treebank]\nevaluate = [\"pond.conllu\"]\n{keys}");
        world.write("tiny.toml", config("coreference", &tables) + "selection = \"same\"\n");
        world.succeed(&["run", "tiny.toml"]);
        let warnings = json(&world, "report.json")["warnings"].to_string();
        assert!(warnings.contains(expected), "{warnings}");
        let rows = table(&world, "coreference");
        let row = rows.iter().find(|row| row[2] == "nearest" && row[6] == "all").unwrap().clone();
        let documents = json(&world, "report.json")["experiments"][0]["facts"]["documents"].clone();
        (row[8].parse::<u64>().unwrap(), documents.as_u64().unwrap(), row[9].is_empty())
    };
    // One document has no interval; documents of one name are two.
    assert_eq!(anaphoric(&document("pond", "(e1)"), "", "All mentions are of one document"), (3, 1, true));
    assert_eq!(anaphoric(&(document("pond", "(e1)") + &document("pond", "(e1)")), "", "optimistic"), (6, 2, false));
    // So many sentences of the split, and not one more.
    let two = document("pond", "(e1)") + &document("lake", "(e1)");
    assert_eq!(anaphoric(&two, "max_sentences = 2", "one document"), (1, 1, true));
    assert_eq!(anaphoric(&two, "max_sentences = 7", "optimistic"), (5, 2, false));
    // A mention that is given twice is one.
    assert_eq!(anaphoric(&document("pond", "(e1)(e1)"), "", "1 mention is given again"), (3, 1, true));
}

#[test]
fn candidates_and_singletons_are_keys() {
    let correct = |set: &str| {
        let sets = ["--set", "coreference.selection=same", "--set", set];
        let (world, _) = run("coreference", DOCUMENTS, &sets);
        let rows = table(&world, "coreference");
        let of = |predictor: &str| {
            let row = rows.iter().find(|row| row[2] == predictor && row[6] == "all").unwrap();
            row[7].parse::<u64>().unwrap()
        };
        (of("nearest"), of("head"))
    };
    let (nearest, head) = correct("seed=1");
    // Fewer distractors make the nearest mention right more often, more of them a head less often.
    assert!(correct("coreference.singletons=false").0 > nearest);
    assert!(correct("coreference.candidates=words").1 < head);
}

const SPLITS: &str = "[treebank]\nname = \"sample\"\nselect = [\"sample:select\"]\nevaluate = [\"sample:evaluate\"]";

#[test]
fn single_heads_make_trees() {
    for selection in ["separate", "folds", "same"] {
        let world = World::new();
        world.write("tiny.toml", config("trees", SPLITS) + "[[experiment]]\nkind = \"heads\"\n");
        let printed = world.succeed(&["run", "tiny.toml", "--set", &format!("trees.selection={selection}")]);
        let rows = table(&world, "head_trees");
        let of = |predictor: &'static str, tree: &'static str| {
            rows.iter().filter(move |row| row[1] == "evaluate" && row[2] == predictor && row[5] == tree)
        };
        let counts = |row: &Vec<String>| (row[7].parse::<u64>().unwrap(), row[8].parse::<u64>().unwrap());
        for tree in ["undirected", "dep_to_gov", "gov_to_dep"] {
            let [head] = of("head", tree).collect::<Vec<_>>()[..] else { panic!("one chosen head for {tree}") };
            let most = of("each_head", tree).map(|row| counts(row).0).max().unwrap();
            assert_eq!(of("each_head", tree).count(), HEADS);
            assert!(counts(head).0 <= most && (selection != "same" || counts(head).0 == most));
            assert!(counts(head).0 < counts(head).1);
        }
        // The arcs counted are the words that kind `heads` calls so.
        let [chain] = of("chain", "undirected").collect::<Vec<_>>()[..] else { panic!("one baseline") };
        let heads = table(&world, "head_scores");
        let counted = heads.iter().find(|row| row[1] == "evaluate" && row[5] == "all-nopunct-noroot").unwrap();
        assert_eq!(counts(chain).1.to_string(), counted[7]);
        assert!(printed.contains("spanning tree, UUAS"), "{printed}");
    }
}

#[test]
fn what_is_resampled_is_a_key() {
    for (kind, table_name, low) in [("trees", "head_trees", 9), ("ensembles", "ensembles", 8)] {
        let differences = |unit: &str| {
            let (world, _) = run(kind, SPLITS, &["--set", &format!("treebank.unit={unit}")]);
            let rows = table(&world, table_name);
            // Experiment, measure, group, a, b, both values, difference, its interval, two ps, unit, units.
            let text = world.read("runs/tiny/differences.csv");
            let units: BTreeSet<String> =
                text.lines().skip(1).map(|line| line.rsplitn(3, ',').take(2).collect::<Vec<_>>().join(" ")).collect();
            let counts: Vec<String> = rows.iter().map(|row| row[low - 2..low].join(" ")).collect();
            let ends: Vec<String> = rows.iter().map(|row| row[low].clone()).collect();
            (units, counts, ends)
        };
        let ((of_sentences, counts, ends), (of_documents, same, others)) =
            (differences("sentence"), differences("document"));
        assert_eq!(of_sentences, BTreeSet::from(["120 sentence".to_owned()]), "{kind}");
        assert_eq!(of_documents, BTreeSet::from(["13 document".to_owned()]), "{kind}");
        // What is counted stays; what it rests on changes.
        assert!(counts == same && ends != others, "{kind}");
    }
    let world = World::new();
    world.write("one.conllu", "1\ta\t_\t_\t_\t_\t2\tnsubj\t_\t_\n2\tb\t_\t_\t_\t_\t0\troot\t_\t_\n\n");
    let one = "[treebank]\nevaluate = [\"one.conllu\"]\nunit = \"document\"";
    world.write("tiny.toml", config("trees", one) + "selection = \"same\"\n");
    let error = world.fail(1, &["run", "tiny.toml"]);
    assert!(error.contains("marks no more than one document"), "{error}");
}

#[test]
fn trees_and_chains_are_compared_in_pairs() {
    let (world, printed) = run("trees", SPLITS, &[]);
    let text = world.read("runs/tiny/differences.csv");
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(rows.len(), 3, "{text}");
    assert!(rows[0].starts_with("trees,uuas,,\"head, undirected\",chain,"), "{text}");
    assert!(rows[1].starts_with("trees,uas_given_root,,\"head, dep_to_gov\",chain,"), "{text}");
    // The finding says what it rests on, and the page has a section.
    assert!(printed.contains("Trees of heads and chains of neighbours"), "{printed}");
    let findings = json(&world, "report.json")["findings"].to_string();
    assert!(findings.contains("paired over 120 sentences") && findings.contains("chosen on `select`"), "{findings}");
    assert!(world.read("runs/tiny/report.html").contains("id=\"differences\""));
    assert!(world.read("runs/tiny/report.md").contains("## Differences"));
    // Where the head was chosen on the same words, nothing is tested, also where they are called another split.
    for set in ["trees.selection=same", "treebank.select=[\"sample:evaluate\"]"] {
        let (world, _) = run("trees", SPLITS, &["--set", set]);
        let findings = json(&world, "report.json")["findings"].to_string();
        assert!(findings.contains("not tested, over 120 sentences"), "{set}: {findings}");
    }
}

#[test]
fn ensembles_are_compared_with_the_best_head_of_either_direction() {
    let (world, _) = run("ensembles", SPLITS, &["--set", "ensembles.min_total=20"]);
    let rows = table(&world, "ensembles");
    let number = |row: &[String], cell: usize| row[cell].parse::<u64>().unwrap();
    for row in &rows {
        let other = rows.iter().find(|other| other[1] == row[1] && other[2] != row[2]);
        // Both directions name the same head: the first of one of them.
        if let Some(other) = other {
            assert_eq!(row[14..17], other[14..17], "{row:?}");
        }
        let of_best = [Some(row), other].into_iter().flatten().find(|it| it[2] == row[15]).unwrap();
        assert_eq!((&row[14], number(row, 16)), (&of_best[10], number(of_best, 11)), "{row:?}");
    }
    // Each relation is compared once with that head, unless its better ensemble begins with it.
    let text = world.read("runs/tiny/differences.csv");
    let relations: BTreeSet<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    for relation in relations {
        let compared =
            text.lines().filter(|line| line.contains(&format!(",{relation},")) && line.contains(",best head,"));
        assert!(compared.count() <= 1, "{relation}");
    }
    let findings = json(&world, "report.json")["findings"].to_string();
    assert!(findings.contains("than the best single head of either direction for"), "{findings}");
    assert!(text.contains("ensembles,las_given_root,,calibrated,ensembles,"), "{text}");
}

#[test]
fn heads_are_gathered_into_ensembles() {
    let (world, printed) = run("ensembles", SPLITS, &["--set", "ensembles.selection=same"]);
    let rows = table(&world, "ensembles");
    assert!(rows.len() > 10, "{}", rows.len());
    for row in &rows {
        let number = |cell: usize| row[cell].parse::<u64>().unwrap();
        let heads: Vec<&str> = row[3].split(' ').collect();
        assert!((1..=4).contains(&heads.len()) && heads[0] == row[10], "{row:?}");
        // Reported on the sentences that they were gathered on, they score what they scored there, and no less than
        // their first head.
        assert_eq!((number(4), number(5)), (number(6), number(7)), "{row:?}");
        assert!(number(6) >= number(11) && number(7) >= 50, "{row:?}");
        assert_eq!(heads.len() > 1, number(6) > number(11), "{row:?}");
    }
    assert!(printed.contains("best head"), "{printed}");
    // Nothing is tested on the words that heads were gathered on.
    let differences = world.read("runs/tiny/differences.csv");
    assert!(differences.lines().skip(1).all(|line| line.split(',').rev().nth(2) == Some("")), "{differences}");
    let (world, _) = run("ensembles", SPLITS, &["--set", "ensembles.heads=1"]);
    assert!(table(&world, "ensembles").iter().all(|row| !row[3].contains(' ') && row[6] == row[11]));
    // What single heads find in dependents' rows as they are is what kind `heads` counts; the other direction reads the
    // governor's row here and the dependent's column there.
    let world = World::new();
    world.write("tiny.toml", config("ensembles", SPLITS) + "[[experiment]]\nkind = \"heads\"\n");
    world.succeed(&["run", "tiny.toml", "--set", "ensembles.heads=1", "--set", "ensembles.rows=raw"]);
    let heads = table(&world, "head_scores");
    for row in table(&world, "ensembles").iter().filter(|row| row[2] == "dep_to_gov") {
        let counted = |of: &&Vec<String>| of[1] == "select" && of[4] == row[2] && of[5] == row[1];
        let most = heads.iter().filter(counted).map(|of| of[6].parse::<u64>().unwrap()).max();
        assert_eq!(most, row[4].parse().ok(), "{row:?}");
    }
}

/// With folds each half has what the other gathered: the sums of two runs on the halves as files.
#[test]
fn halves_gather_heads_for_each_other() {
    let (world, printed) =
        run("ensembles", SPLITS, &["--set", "ensembles.selection=folds", "--set", "ensembles.min_total=10"]);
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    let of_half = |wanted: Fold| -> String {
        let is_of = |sentence: &&str| {
            let name = sentence.lines().find_map(|line| line.strip_prefix("# sent_id = "));
            name.is_some_and(|name| Fold::of_name(name) == wanted)
        };
        sample.split_inclusive("\n\n").filter(is_of).collect()
    };
    let apart = [(Fold::First, Fold::Second), (Fold::Second, Fold::First)].map(|(gathered, reported)| {
        let world = World::new();
        world.write("gathered.conllu", of_half(gathered));
        world.write("reported.conllu", of_half(reported));
        let splits = "[treebank]\nselect = [\"gathered.conllu\"]\nevaluate = [\"reported.conllu\"]";
        world.write("tiny.toml", config("ensembles", splits) + "min_total = 10\n");
        world.succeed(&["run", "tiny.toml"]);
        world
    });
    let [first, second] = apart.each_ref().map(|world| table(world, "ensembles"));
    let rows = table(&world, "ensembles");
    let of = |rows: &[Vec<String>], key: &[String]| rows.iter().find(|row| row[1..3] == *key).cloned();
    let in_both = first.iter().filter(|row| of(&second, &row[1..3]).is_some()).count();
    assert!(rows.len() > 10 && rows.len() == in_both, "{} {in_both}", rows.len());
    for row in &rows {
        let [a, b] = [&first, &second].map(|half| of(half, &row[1..3]).unwrap());
        let number = |row: &[String], cell: usize| row[cell].parse::<u64>().unwrap();
        for cell in [4, 5, 6, 7, 11, 16] {
            assert_eq!(number(row, cell), number(&a, cell) + number(&b, cell), "{cell}: {row:?}");
        }
        for cell in [3, 10, 14] {
            let either = if a[cell] == b[cell] { a[cell].clone() } else { format!("{}/{}", a[cell], b[cell]) };
            assert_eq!(row[cell], either, "{row:?}");
        }
        assert_eq!(row[15], if a[15] == b[15] { a[15].as_str() } else { "" }, "{row:?}");
    }
    let trees = table(&world, "ensemble_trees");
    let [first, second] = apart.each_ref().map(|world| table(world, "ensemble_trees"));
    for row in trees.iter().filter(|row| row[6].is_empty()) {
        let sum = |cell: usize| {
            let of = |rows: &[Vec<String>]| {
                let same = |it: &&Vec<String>| it[1] == row[1] && it[5..7] == row[5..7];
                rows.iter().find(same).unwrap()[cell].parse::<u64>().unwrap()
            };
            of(&first) + of(&second)
        };
        assert_eq!([7, 8].map(sum), [7, 8].map(|cell| row[cell].parse::<u64>().unwrap()), "{row:?}");
    }
    assert!(printed.contains("Heads that find a relation together"), "{printed}");
}

#[test]
fn ensembles_make_labelled_trees() {
    let (world, printed) = run("ensembles", SPLITS, &["--set", "ensembles.min_total=20"]);
    let rows = table(&world, "ensemble_trees");
    let number = |row: &[String], cell: usize| row[cell].parse::<u64>().unwrap();
    let whole = |predictor: &str, measure: &str| {
        let wanted = |row: &&Vec<String>| row[1] == predictor && row[5] == measure && row[6].is_empty();
        let [row] = rows.iter().filter(wanted).collect::<Vec<_>>()[..] else { panic!("{predictor} {measure}") };
        assert!(!row[9].is_empty() && !row[10].is_empty(), "{row:?}");
        (number(row, 7), number(row, 8))
    };
    for predictor in ["ensembles", "calibrated", "head", "chain"] {
        let [uas, las, named] =
            ["uas_given_root", "las_given_root", "relation_of_arc"].map(|measure| whole(predictor, measure));
        // An arc that is right in full has the right governor, and the right name.
        assert!(las.0 <= uas.0 && las.0 <= named.0 && las.0 > 0, "{predictor} {uas:?} {las:?} {named:?}");
        assert_eq!((uas.1, las.1), (named.1, named.1));
        for measure in ["uas_given_root", "las_given_root", "relation_of_arc"] {
            let of_relations = rows.iter().filter(|row| row[1] == predictor && row[5] == measure && !row[6].is_empty());
            let sums = of_relations.fold((0, 0), |sums, row| (sums.0 + number(row, 7), sums.1 + number(row, 8)));
            assert_eq!(sums, whole(predictor, measure), "{predictor} {measure}");
        }
    }
    // The trees of chain and of the best head are those of kind `trees`.
    let world = World::new();
    world.write("tiny.toml", config("trees", SPLITS));
    world.succeed(&["run", "tiny.toml"]);
    let trees = table(&world, "head_trees");
    let chain = trees.iter().find(|row| row[2] == "chain" && row[6] == "uas_given_root").unwrap();
    assert_eq!((number(chain, 7), number(chain, 8)), whole("chain", "uas_given_root"));
    let head = rows.iter().find(|row| row[1] == "head").unwrap();
    let same = |row: &&Vec<String>| {
        row[1] == "evaluate" && row[2] == "each_head" && row[3..5] == head[2..4] && row[5] == head[4]
    };
    assert_eq!(number(trees.iter().find(same).unwrap(), 7), whole("head", "uas_given_root").0);
    assert!(printed.contains("Labelled trees given the root"), "{printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 80), "{printed}");

    // Without relations to take part there is an explanation in the place of trees.
    let (world, _) = run("ensembles", SPLITS, &["--set", "ensembles.relations=[\"subj\"]"]);
    assert!(json(&world, "report.json")["warnings"].to_string().contains("made no trees"));
    assert!(!world.path("runs/tiny/ensemble_trees.csv").exists());
    let world = World::new();
    world.write("tiny.toml", config("ensembles", SPLITS));
    for (set, expected) in [
        ("ensembles.relations=[\"det\", \"det\"]", "`relations` names \"det\" twice"),
        ("ensembles.accuracy_power=-1", "`accuracy_power` is -1"),
    ] {
        let error = world.fail(2, &["run", "tiny.toml", "--set", set]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn text_and_documents_with_nothing_to_use_are_named() {
    let check = |kind: &str, tables: &str, code: i32, expected: &str| {
        let world = World::new();
        world.write("empty.txt", "\n\n");
        world.write("broken.txt", b"A pond.\n\xff\n");
        world.write("tiny.toml", config(kind, tables));
        let error = world.fail(code, &["run", "tiny.toml"]);
        assert!(error.contains(expected), "{error}");
    };
    let corpus = |file: &str| format!("[corpus]\nfiles = [{file:?}]");
    check("surface", &corpus("empty.txt"), 1, "`corpus.files` (empty.txt) holds no usable pair of segments");
    check("surface", &corpus("broken.txt"), 1, "broken.txt:2: not UTF-8 text");
    check("clusters", &corpus("none.txt"), 1, "none.txt: No such file");
    check("surface", "", 2, "kind = \"surface\" without `corpus.files` needs `treebank.evaluate`");
    check("surface", "[corpus]\nshort = 2.0", 2, "`corpus.short` is 2");
    let no_mentions = "[treebank]\nevaluate = [\"sample:evaluate\"]\nselect = [\"sample:evaluate\"]";
    check("coreference", no_mentions, 1, "`treebank.evaluate` (sample:evaluate): the document ");
    check("coreference", no_mentions, 1, "has no mentions; --set treebank.invalid=skip");
    let skipped = format!("{no_mentions}\ninvalid = \"skip\"");
    check("coreference", &skipped, 1, "has 0 mentions, and none with an antecedent in its window of 128 pieces");
}
