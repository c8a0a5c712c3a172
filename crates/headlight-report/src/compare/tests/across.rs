//! Runs of other trees, other sentences, other names, and many of them.

use super::*;
use crate::tables::read_table;

/// A run of twelve sentences, of which `words` tells those of the sentence with a number.
fn write_sentences(folder: &Path, name: &str, words: impl Fn(usize) -> Vec<(u32, &'static str, bool)>) -> PathBuf {
    const NAMES: [&str; 12] = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12"];
    let of = |(at, sent_id): (usize, &&'static str)| {
        let word = |(id, (governor, relation, right))| (*sent_id, id, governor, relation, right);
        (1..).zip(words(at)).map(word).collect::<Vec<_>>()
    };
    let words: Vec<Word> = NAMES.iter().enumerate().flat_map(of).collect();
    let path = write_run(folder, name, &words, |_| {});
    let mut rows = read_table::<Prediction>(&path).unwrap();
    for row in &mut rows {
        row.sentence = row.sent_id[1..].parse().ok();
        row.form = Some(format!("{}.{}", row.sent_id, row.word_id));
    }
    write_table(&path, &rows).unwrap();
    path
}

fn row<'a>(comparison: &'a Comparison, relation: &str) -> &'a RelationRow {
    comparison.relations.iter().find(|row| row.relation == relation).unwrap()
}

/// Two conversions of one treebank: a determiner and its noun, which one hangs from the verb and the other from the
/// preposition, by another name.
fn two_conversions(folder: &TempDir) -> [PathBuf; 2] {
    let universal = |at| vec![(2, "det", true), (3, "obl", at % 2 == 0), (2, "case", true)];
    let surface = |at| vec![(2, "det", at % 3 == 0), (3, "comp:obj", true), (4, "udep", true)];
    [
        write_sentences(folder.path(), "ud", universal),
        write_sentences(folder.path(), "sud", move |at| if at == 11 { universal(at) } else { surface(at) }),
    ]
}

#[test]
fn conversions_are_paired_word_by_word_where_names_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let comparison = compared(&two_conversions(&folder));
    let paired = |relation: &str| row(&comparison, relation).differences[1].unwrap().paired.unwrap();
    assert_eq!((paired("all").words, paired("all").complete), (36, true));
    assert_eq!((paired("det").words, paired("det").reference, paired("det").complete), (12, 1.0, true));
    // The twelfth sentence has the trees of the first run: one `obl` and one `case` of twelve.
    assert_eq!((paired("obl").words, paired("obl").complete), (1, false));
    assert_eq!(row(&comparison, "comp:obj").differences, [None, None]);
    assert_eq!(
        comparison.flags,
        [
            "22 of the 36 words that ud and sud share have another governor or relation in sud: each run is right by its own \
             trees, and a relation's difference is over the words that both call so"
        ]
    );
    insta::assert_snapshot!(comparison.render(Format::Terminal, 80), @r"
    Best heads of ud, sud

    relation  words  ud             sud            difference
    ────────  ─────  ─────────────  ─────────────  ──────────────────────
    all          36  4-5 →    83.3  4-5 →    77.8   −5.6 (−16.7, +5.6)
    ────────  ─────  ─────────────  ─────────────  ──────────────────────
    case       1–12  4-5 →   100.0  4-5 →   100.0    0.0 (−79.3, +79.3) †
    det          12  4-5 →   100.0  4-5 →    41.7  −58.3 (−83.3, −33.3) *
    obl        1–12  4-5 →    50.0  4-5 →     0.0    0.0 (−79.3, +79.3) †
    ────────  ─────  ─────────────  ─────────────  ──────────────────────
    comp:obj     11  –              4-5 →   100.0
    udep         11  –              4-5 →   100.0

    ud: minilm-l6 on en_ewt; sud: minilm-l6 on en_ewt.
    Best head (→ the governor is the word that the dependent attends to most, ← the
    word that attends to the dependent most) and the share of a relation's words
    whose governor it finds, in %.
    Intervals of the shares are in wider tables and in other formats.
    Differences in points to ud. In brackets 95 % intervals of 1,000 paired
    bootstrap resamples of sentences; paired sign-flip test, Holm-corrected over the
    relations that differ: * p < 0.05, ** p < 0.01, *** p < 0.001.
    † over the words that both runs have under this name, which are not all of
    theirs.
    – no number of this name.
    Note: 22 of the 36 words that ud and sud share have another governor or relation
    in sud: each run is right by its own trees, and a relation's difference is over
    the words that both call so.
    ");
}

#[test]
fn languages_stand_beside_each_other_without_a_test() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = two_runs(&folder);
    let german: Vec<Word> = [("d1", 1, 2, "det", true), ("d1", 2, 3, "obj", false), ("d2", 1, 2, "iobj", true)].into();
    let german = write_run(folder.path(), "german", &german, |report| report.treebank.name = "de_gsd".into());
    let comparison = compared(&[a, german, b]);
    let det = row(&comparison, "det");
    assert_eq!((det.differences[1].unwrap().value, det.differences[1].unwrap().paired), (0.0, None));
    // The third run is paired as if the second were not there.
    assert_eq!(det.differences[2].unwrap().p_value, Some(2.0 / 4096.0));
    assert!(
        comparison.flags.iter().any(|flag| flag.starts_with("a was evaluated on en_ewt")),
        "{:?}",
        comparison.flags
    );
    let csv = comparison.render(Format::Csv, 80);
    assert!(csv.contains("\niobj,german,4,5,dep_to_gov,1,1,1,0.875,1,,,,,,,,\n"), "{csv}");
    assert!(csv.contains("\ndet,german,4,5,dep_to_gov,1,1,1,0.875,1,0,,,,,,,\n"), "{csv}");
    assert!(csv.contains("\ndet,b,4,5,dep_to_gov,0,12,0,0,0.125,-1,-1,"), "{csv}");
    assert!(csv.contains(",0.0009765625,12,0,1\n"), "{csv}");
}

#[test]
fn granularities_are_paired_over_the_words_of_both_names() {
    let folder = tempfile::tempdir().unwrap();
    let fine = |at| vec![(2, if at < 4 { "nmod:poss" } else { "nmod" }, true), (0, "root", false)];
    let coarse = |_| vec![(2, "nmod", false), (0, "root", false)];
    let a = write_sentences(folder.path(), "full", fine);
    let b = write_sentences(folder.path(), "universal", coarse);
    let mut report: Report = tests::report();
    report.name = "universal".into();
    report.experiments[0].tables = vec!["best_heads".into(), "predictions".into()];
    report.conventions.granularity = "universal".into();
    write_report(&b, &report).unwrap();
    let comparison = compared(&[a, b]);
    assert_eq!(comparison.flags[0], "granularity differs: full in full, universal in universal");
    let nmod = row(&comparison, "nmod");
    let paired = nmod.differences[1].unwrap().paired.unwrap();
    assert_eq!((paired.words, paired.complete), (8, false));
    assert_eq!(nmod.scores.iter().map(|score| score.as_ref().unwrap().total).collect::<Vec<_>>(), [Some(8), Some(12)]);
    assert_eq!(row(&comparison, "nmod:poss").differences[1], None);
}

/// A pair that is equal in every sentence has p = 1 whatever the signs: the others do not pay for it.
#[test]
fn pairs_that_never_differ_are_in_no_family() {
    let folder = tempfile::tempdir().unwrap();
    let right = |right: bool| move |_| vec![(2, "det", right), (3, "obj", true), (4, "case", false)];
    let a = write_sentences(folder.path(), "a", right(true));
    let b = write_sentences(folder.path(), "b", right(false));
    let comparison = compared(&[a, b]);
    let p = |relation: &str| {
        let difference = row(&comparison, relation).differences[1].unwrap();
        (difference.p_value.unwrap(), difference.p_adjusted.unwrap())
    };
    assert_eq!((p("det"), p("obj"), p("case")), ((2.0 / 4096.0, 2.0 / 4096.0), (1.0, 1.0), (1.0, 1.0)));
}

/// Ten runs with names that begin alike, each one determiner worse than the one before.
fn ten_runs(folder: &TempDir, name: impl Fn(usize) -> String) -> Comparison {
    let write = |worse: usize| {
        let words = move |at| vec![(2, "det", at >= worse), (3, "obj", at % 2 == 0), (4, "nsubj:outer", true)];
        write_sentences(folder.path(), &name(worse), words)
    };
    compared(&(0..10).map(write).collect::<Vec<_>>())
}

#[test]
fn ten_runs_share_a_table_where_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let comparison = ten_runs(&folder, |run| format!("seed-{run}"));
    let text = comparison.render(Format::Terminal, 120);
    let overview: String = text.lines().take(8).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(overview, @r"
    Best heads of 10 runs

    relation     words  seed-0  seed-1  seed-2  seed-3  seed-4  seed-5  seed-6  seed-7  seed-8   seed-9
    ───────────  ─────  ──────  ──────  ──────  ──────  ──────  ──────  ──────  ──────  ───────  ───────
    all             36   83.3    80.6    77.8    75.0    72.2    69.4    66.7*   63.9*   61.1**   58.3**
    ───────────  ─────  ──────  ──────  ──────  ──────  ──────  ──────  ──────  ──────  ───────  ───────
    det             12  100.0    91.7    83.3    75.0    66.7    58.3    50.0*   41.7*   33.3**   25.0**
    nsubj:outer     12  100.0   100.0   100.0   100.0   100.0   100.0   100.0   100.0   100.0    100.0
    ");
    for width in [80, 120] {
        let text = comparison.render(Format::Terminal, width);
        assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
        assert_eq!(text.matches("Differences in points").count(), 1, "{text}");
    }
    let narrow = comparison.render(Format::Terminal, 80);
    assert!(narrow.contains("Best heads of 10 runs (1 of 2)") && narrow.contains("10 runs: details"), "{narrow}");
}

#[test]
fn long_names_are_numbered_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let comparison = ten_runs(&folder, |run| format!("a-model-with-quite-a-name-on-a-treebank-{run}"));
    let text = comparison.render(Format::Terminal, 100);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(text.contains("\n[10] a-model-with-quite-a-name-on-a-treebank-9: minilm-l6 on en_ewt.\n"), "{text}");
    assert!(text.contains("Differences in points to [1]."), "{text}");
    let markdown = comparison.render(Format::Markdown, 80);
    assert!(markdown.contains("| relation | run | words | head | % | interval | difference |"), "{markdown}");
    // A line for each relation and run, in one table.
    let lines = |name: &str| markdown.lines().filter(|line| line.starts_with(&format!("| {name} | "))).count();
    let tables = markdown.lines().filter(|line| line.starts_with("| --- |")).count();
    assert_eq!((lines("all"), tables), (10, 1), "{markdown}");
    let latex = comparison.render(Format::Latex, 80);
    let floats: Vec<usize> =
        latex.split("\\begin{table}").skip(1).map(|float| float.matches(r" \\\\").count()).collect();
    assert!(floats.len() > 1 && floats.iter().all(|rows| *rows <= 51), "{floats:?}");
    for at in 1..=10 {
        assert!(latex.contains(&format!("[{at}]")) && markdown.contains(&format!("[{at}")), "{at}");
    }
}

#[test]
fn names_that_no_published_table_has_are_named_below() {
    let folder = tempfile::tempdir().unwrap();
    let run = write_sentences(folder.path(), "a", |_| vec![(2, "det", true), (3, "advcl:relcl", false)]);
    let sources = [run.to_str().unwrap(), "clark2019"].map(|source| Reported::open(source).unwrap());
    let comparison = compare(&sources, &Bootstrap::default()).unwrap();
    let text = comparison.render(Format::Markdown, 80);
    assert!(!text.contains("| advcl:relcl") && text.contains("Only a has advcl:relcl."), "{text}");
    assert!(text.contains("Only clark2019 has ") && text.contains("UAS, attention"), "{text}");
    assert!(comparison.render(Format::Csv, 80).contains("\nadvcl:relcl,a,"));
}
