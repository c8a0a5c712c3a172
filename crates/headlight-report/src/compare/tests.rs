mod across;
mod measures;
mod pairing;

use std::fs;
use std::path::{Path, PathBuf};

use headlight_stats::Bootstrap;
use tempfile::TempDir;

use super::*;
use crate::run::{Report, tests, write_manifest, write_report};
use crate::tables::{BaselineKind, BestHead, Decoding, Direction, Prediction, ProbeScore, Split, write_table};

/// Sentence, word, governor, relation, right or not.
type Word = (&'static str, u32, u32, &'static str, bool);

/// A run on disk whose best heads say `words`; `all` repeats them.
fn write_run(folder: &Path, name: &str, words: &[Word], edit: impl FnOnce(&mut Report)) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir(&path).unwrap();
    let mut report = tests::report();
    report.name = name.into();
    report.experiments[0].tables = vec!["best_heads".into(), "predictions".into()];
    edit(&mut report);
    write_report(&path, &report).unwrap();
    write_manifest(&path, &tests::manifest()).unwrap();
    let mut predictions = Vec::new();
    for &(sent_id, word_id, governor, relation, correct) in words {
        for scope in [relation, "all"] {
            predictions.push(Prediction {
                predictor: "best_head".into(),
                scope: Some(scope.into()),
                sent_id: sent_id.into(),
                word_id,
                governor,
                relation: relation.into(),
                predicted: correct.then_some(governor),
                correct,
                sentence: None,
                form: None,
                document: None,
            });
        }
    }
    write_table(&path, &predictions).unwrap();
    let mut scopes: Vec<&str> = words.iter().map(|word| word.3).chain(["all"]).collect();
    scopes.sort_unstable();
    scopes.dedup();
    let best: Vec<BestHead> = scopes.into_iter().map(|scope| best_head(scope, &predictions)).collect();
    write_table(&path, &best).unwrap();
    path
}

fn best_head(relation: &str, predictions: &[Prediction]) -> BestHead {
    let of_scope = || predictions.iter().filter(|row| row.scope.as_deref() == Some(relation));
    let (correct, total) = (of_scope().filter(|row| row.correct).count() as u64, of_scope().count() as u64);
    BestHead {
        relation: relation.into(),
        layer: Some(4),
        head: Some(5),
        direction: Some(if relation == "obj" {
            Direction::GovernorToDependent
        } else {
            Direction::DependentToGovernor
        }),
        selected_on: crate::tables::SelectedOn::Select,
        evaluated_on: crate::tables::EvaluatedOn::Evaluate,
        correct,
        total,
        accuracy: correct as f64 / total as f64,
        ci_low: Some((correct as f64 / total as f64 - 0.125).max(0.0)),
        ci_high: Some((correct as f64 / total as f64 + 0.125).min(1.0)),
        baseline: Some(BaselineKind::Offset),
        baseline_accuracy: 0.5,
        baseline_offset: Some(1),
        ..BestHead::default()
    }
}

/// Twelve sentences of a determiner and an object; `a` gets every determiner, `b` every other object.
fn words(right: impl Fn(usize, &str) -> bool) -> Vec<Word> {
    const SENTENCES: [&str; 12] = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12"];
    let sentence = |(index, sent_id): (usize, &&'static str)| {
        [(*sent_id, 1, 2, "det", right(index, "det")), (*sent_id, 2, 3, "obj", right(index, "obj"))]
    };
    SENTENCES.iter().enumerate().flat_map(sentence).collect()
}

fn open(paths: &[PathBuf]) -> Vec<Reported> {
    paths.iter().map(|path| Reported::open(path.to_str().unwrap()).unwrap()).collect()
}

fn compared(paths: &[PathBuf]) -> Comparison {
    compare(&open(paths), &Bootstrap::default()).unwrap()
}

fn error(folder: &TempDir, paths: &[PathBuf]) -> String {
    let error = compare(&open(paths), &Bootstrap::default()).unwrap_err().to_string();
    error.replace(&folder.path().display().to_string(), "DIR")
}

/// Two runs on the same words: `a` right on all determiners, `b` on none of them and on every other object.
fn two_runs(folder: &TempDir) -> [PathBuf; 2] {
    let a = write_run(folder.path(), "a", &words(|_, relation| relation == "det"), |_| {});
    let b = write_run(folder.path(), "b", &words(|index, relation| relation == "obj" && index % 2 == 0), |_| {});
    [a, b]
}

#[test]
fn two_runs_are_paired_and_tested() {
    let folder = tempfile::tempdir().unwrap();
    let comparison = compared(&two_runs(&folder));
    assert_eq!(comparison.flags, [""; 0]);
    let names: Vec<_> = comparison.relations.iter().map(|row| row.relation.as_str()).collect();
    assert_eq!(names, ["all", "det", "obj"]);
    let det = &comparison.relations[1];
    let difference = det.differences[1].unwrap();
    // Twelve of twelve against none: the far end is Newcombe's, of Wilson's intervals.
    let end = |end: Option<f64>| (1000.0 * end.unwrap()).round() / 1000.0;
    assert_eq!((difference.value, end(difference.ci_low), end(difference.ci_high)), (-1.0, -1.0, -0.657));
    // All twelve sentences lost: 2 of 2^12 sign patterns; Holm over two relations.
    assert_eq!(difference.p_value, Some(2.0 / 4096.0));
    assert_eq!(difference.p_adjusted, Some(4.0 / 4096.0));
    let obj = comparison.relations[2].differences[1].unwrap();
    assert_eq!((obj.value, obj.p_value), (0.5, Some(2.0 / 64.0)));
    assert!(det.differences[0].is_none());
    insta::assert_snapshot!(comparison.render(Format::Terminal, 80), @r"
    Best heads of a, b

    relation  words  a              b              difference
    ────────  ─────  ─────────────  ─────────────  ──────────────────────────
    all          24  4-5 →    50.0  4-5 →    25.0  −25.0 (−37.5, −12.5) *
    ────────  ─────  ─────────────  ─────────────  ──────────────────────────
    det          12  4-5 →   100.0  4-5 →     0.0  −100.0 (−100.0, −65.7) ***
    obj          12  4-5 ←     0.0  4-5 ←    50.0  +50.0 (+25.0, +75.0) *

    a: minilm-l6 on en_ewt; b: minilm-l6 on en_ewt.
    Best head (→ the governor is the word that the dependent attends to most, ← the
    word that attends to the dependent most) and the share of a relation's words
    whose governor it finds, in %.
    Intervals of the shares are in wider tables and in other formats.
    Differences in points to a. In brackets 95 % intervals of 1,000 paired bootstrap
    resamples of sentences; paired sign-flip test, Holm-corrected over the relations
    that differ: * p < 0.05, ** p < 0.01, *** p < 0.001.
    ");
    insta::assert_snapshot!(comparison.render(Format::Csv, 80), @r"
    relation,contestant,layer,head,direction,correct,total,accuracy,ci_low,ci_high,difference,difference_ci_low,difference_ci_high,p_value,p_adjusted,paired_words,paired_accuracy,paired_reference_accuracy
    all,a,4,5,dep_to_gov,12,24,0.5,0.375,0.625,,,,,,,,
    all,b,4,5,dep_to_gov,6,24,0.25,0.125,0.375,-0.25,-0.375,-0.125,0.03125,0.03125,24,0.25,0.5
    det,a,4,5,dep_to_gov,12,12,1,0.875,1,,,,,,,,
    det,b,4,5,dep_to_gov,0,12,0,0,0.125,-1,-1,-0.6570616869939667,0.00048828125,0.0009765625,12,0,1
    obj,a,4,5,gov_to_dep,0,12,0,0,0.125,,,,,,,,
    obj,b,4,5,gov_to_dep,6,12,0.5,0.375,0.625,0.5,0.25,0.75,0.03125,0.03125,12,0.5,0
    ");
    insta::assert_snapshot!(comparison.render(Format::Latex, 80), @r"
    % needs \usepackage{booktabs}
    \begin{table}
      \centering
      \caption{Best heads of a, b}
      \label{tab:comparison}
      \begin{tabular}{lrlll}
        \toprule
        relation & words & a & b & difference \\
        \midrule
        all & 24 & \textbf{4-5 $\to$ \hfill 50.0 (37.5, 62.5)} & 4-5 $\to$ \hfill 25.0 (12.5, 37.5) & $-$25.0 ($-$37.5, $-$12.5) * \\
        \midrule
        det & 12 & \textbf{4-5 $\to$ \hfill 100.0 (87.5, 100.0)} & 4-5 $\to$ \hfill 0.0 (0.0, 12.5) & $-$100.0 ($-$100.0, $-$65.7) *** \\
        obj & 12 & 4-5 $\leftarrow$ \hfill 0.0 (0.0, 12.5) & \textbf{4-5 $\leftarrow$ \hfill 50.0 (37.5, 62.5)} & +50.0 (+25.0, +75.0) * \\
        \bottomrule
      \end{tabular}

      \smallskip
      {\footnotesize a: minilm-l6 on en\_ewt; b: minilm-l6 on en\_ewt.\par}

      \smallskip
      {\footnotesize Best head ($\to$ the governor is the word that the dependent attends to most, $\leftarrow$ the word that attends to the dependent most) and the share of a relation's words whose governor it finds, in \%.\par}

      \smallskip
      {\footnotesize In brackets behind a share its interval, as the run has it.\par}

      \smallskip
      {\footnotesize Differences in points to a. In brackets 95 \% intervals of 1,000 paired bootstrap resamples of sentences; paired sign-flip test, Holm-corrected over the relations that differ: * p \textless{} 0.05, ** p \textless{} 0.01, *** p \textless{} 0.001.\par}
    \end{table}
    ");
}

#[test]
fn every_format_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let comparison = compared(&two_runs(&folder));
    let json: serde_json::Value = serde_json::from_str(&comparison.render(Format::Json, 80)).unwrap();
    assert_eq!(json["relations"][1]["differences"][1]["value"], -1.0);
    let markdown = comparison.render(Format::Markdown, 80);
    assert!(
        markdown.contains(
            "| relation | words | a head | a % | a interval | b head | b % | b interval | b difference | b its interval | b p | b \
             over |\n| --- | ---: | --- | ---: | --- | --- | ---: | --- | ---: | --- | ---: | --- |\n"
        ),
        "{markdown}"
    );
    assert!(
        markdown.contains(
            "| det | 12 | 4-5 → | **100.0** | 87.5–100.0 | 4-5 → | 0.0 | 0.0–12.5 | −100.0 | −100.0 to −65.7 | \\< 0.001 | 12 \
             words |"
        ),
        "{markdown}"
    );
    let html = comparison.render(Format::Html, 80);
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("<strong>4-5 →   100.0 (87.5, 100.0)</strong>"));
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    let unknown = "pdf".parse::<Format>().unwrap_err().to_string();
    assert_eq!(unknown, "there is no format `pdf`; take one of term, md, csv, json, latex, html");
}

#[test]
fn a_gate_closes_on_the_relations_that_lost() {
    let folder = tempfile::tempdir().unwrap();
    let comparison = compared(&two_runs(&folder));
    let lost = |points| lost_below(&comparison, points).into_iter().map(|lost| lost.relation).collect::<Vec<_>>();
    assert_eq!(lost(-100.0), [""; 0]);
    assert_eq!(lost(-50.0), ["det"]);
    assert_eq!(lost(-1.0), ["all", "det"]);
    assert_eq!(lost(51.0), ["all", "det", "obj"]);
}

/// What a gate at so many points finds below.
fn lost_below(comparison: &Comparison, points: f64) -> Vec<Shortfall> {
    comparison.hold(&Gate { points, ..Gate::default() }).unwrap().shortfalls
}

#[test]
fn a_gate_is_narrowed_by_names_counts_and_intervals() {
    let folder = tempfile::tempdir().unwrap();
    let comparison = compared(&two_runs(&folder));
    let hold = |gate: Gate| {
        comparison.hold(&gate).map(|held| held.shortfalls.into_iter().map(|lost| lost.relation).collect::<Vec<_>>())
    };
    let gate = Gate { points: 51.0, ..Gate::default() };
    let of = |names: &[&str]| Gate { names: names.iter().map(ToString::to_string).collect(), ..gate.clone() };
    assert_eq!(hold(of(&["obj"])).unwrap(), ["obj"]);
    assert_eq!(hold(of(&["det", "obj"])).unwrap(), ["det", "obj"]);
    let error = hold(of(&["nsubj"])).unwrap_err().to_string();
    assert!(
        error.starts_with("there is no relation or measure nsubj in what is compared: there are all, det"),
        "{error}"
    );
    let count = |name: &str| {
        let row = comparison.relations.iter().find(|row| row.relation == name).unwrap();
        row.differences[1].unwrap().paired.unwrap().words
    };
    let (all, obj) = (count("all"), count("obj"));
    assert!(obj < all, "{obj} {all}");
    assert_eq!(hold(Gate { min_count: all, ..gate.clone() }).unwrap(), ["all"]);
    let error = hold(Gate { min_count: all, ..of(&["obj"]) }).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("b has no number that could be held of obj: none with at least {all} words that are counted")
    );
    // Of `det` the whole interval lies from -100 to -65.7: below -65, and not below -66.
    let at = |points: f64| hold(Gate { points, whole_interval: true, ..of(&["det"]) }).unwrap();
    assert_eq!((at(-65.0), at(-66.0)), (vec!["det".to_owned()], vec![]));
    assert_eq!(hold(Gate { points: -66.0, ..of(&["det"]) }).unwrap(), ["det"]);
}

#[test]
fn words_of_one_run_only_are_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let a = write_run(folder.path(), "a", &words(|_, _| true), |_| {});
    let b = write_run(folder.path(), "b", &words(|index, _| index > 0)[4..], |report| {
        report.conventions.merge_rule = "first".into();
        report.conventions.selection = crate::Selection::Same;
    });
    let comparison = compared(&[a, b]);
    assert_eq!(
        comparison.flags,
        [
            "merge rule differs: mean in a, first in b",
            "selection differs: separate in a, same in b",
            "a and b share 20 words, of 24 and 20: differences are over those",
            "b chose its heads on the sentences that it is scored on: optimistic, and differences of its heads are not tested",
        ]
    );
    assert_eq!(comparison.relations[0].scores[0].as_ref().unwrap().total, Some(24));
    assert_eq!(comparison.relations[0].differences[1].unwrap().paired.unwrap().words, 20);
}

#[test]
fn three_runs_are_compared_with_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = two_runs(&folder);
    let c = write_run(folder.path(), "c", &words(|_, _| true), |_| {});
    let comparison = compared(&[a, b, c]);
    let values: Vec<_> = comparison.relations[1].differences.iter().map(|d| d.map(|d| d.value)).collect();
    assert_eq!(values, [None, Some(-1.0), Some(0.0)]);
}

#[test]
fn a_paper_stands_in_for_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let [a, _] = two_runs(&folder);
    let probe = ProbeScore {
        probe: "attention+words".into(),
        decoding: Some(Decoding::Argmax),
        treebank: "en_ewt".into(),
        split: Split::Evaluate,
        seed: Some(1),
        measure: "uas".into(),
        group: None,
        group_value: None,
        correct: None,
        total: None,
        value: 0.666,
        ci_low: None,
        ci_high: None,
        draw: None,
    };
    write_table(&a, [&probe]).unwrap();
    let sources = [Reported::open(a.to_str().unwrap()).unwrap(), Reported::open("clark2019").unwrap()];
    let comparison = compare(&sources, &Bootstrap::default()).unwrap();
    insta::assert_snapshot!(comparison.render(Format::Terminal, 80), @r"
    Best heads of a, clark2019

    relation  words  a                            clark2019      difference
    ────────  ─────  ───────────────────────────  ─────────────  ──────────
    all          24  4-5 →    50.0 (37.5, 62.5)   7-6 →    34.5  −15.5 °
    ────────  ─────  ───────────────────────────  ─────────────  ──────────
    det          12  4-5 →   100.0 (87.5, 100.0)  8-11 →   94.3   −5.7 °
    obj          12  4-5 ←     0.0 (0.0, 12.5)    8-10 →   86.8  +86.8 °

    Probes, trees and coreference, in %

    measure               a      clark2019  difference
    ────────────────────  ─────  ─────────  ──────────
    UAS, attention+words   66.6   77.0      +10.4 °

    a: minilm-l6 on en_ewt; clark2019: bert-base-uncased.
    Best head (→ the governor is the word that the dependent attends to most, ← the
    word that attends to the dependent most) and the share of a relation's words
    whose governor it finds, in %.
    In brackets behind a share its interval, as the run has it.
    Differences in points to a.
    ° not paired word by word: two numbers beside each other, no interval, no test.
    Only clark2019 has advmod; amod; aux; aux:pass; ccomp; compound; compound:prt;
    mark; nmod:poss; nsubj; UAS, attention; UAS, distance+words and 20 more, which
    formats csv and json have.
    Note: clark2019 is published: Clark, Khandelwal, Levy, Manning (2019): What Does
    BERT Look At? An Analysis of BERT's Attention. BlackboxNLP.
    Note: clark2019 is scored on Penn Treebank, WSJ development section with
    Stanford Dependencies.
    Note: clark2019 chose its heads on the sentences that it is scored on:
    optimistic.
    Note: relations are called otherwise in clark2019: obj is dobj.
    Note: probes in clark2019 are scored on Penn Treebank, WSJ development section,
    punctuation excluded.
    Note: a and clark2019 share no words: differences between them have no interval
    and no test.
    ");
}

#[test]
fn built_in_papers_can_be_read() {
    for name in builtin_papers() {
        let paper = Paper::builtin(name).unwrap().unwrap();
        assert_eq!(paper.paper.id, name);
        assert!(!paper.heads.is_empty() && !paper.probes.is_empty());
    }
    let clark = Paper::builtin("clark2019").unwrap().unwrap();
    let obj = clark.heads.iter().find(|head| head.ud.as_deref() == Some("obj")).unwrap();
    assert_eq!((obj.relation.as_str(), obj.layer_and_head(), obj.accuracy), ("dobj", Some((8, 10)), Some(86.8)));
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = two_runs(&folder);
    assert_eq!(
        error(&folder, std::slice::from_ref(&a)),
        "a comparison needs two runs or more, not 1; published tables such as `clark2019` can stand in for a run"
    );
    assert_eq!(
        error(&folder, &[a.clone(), b, folder.path().join("./a")]),
        "a is compared with itself: name two different runs"
    );

    let empty = write_run(folder.path(), "empty", &[], |_| {});
    fs::remove_file(empty.join("best_heads.parquet")).unwrap();
    write_table::<BestHead>(&empty, []).unwrap();
    assert_eq!(
        error(&folder, &[a, empty]),
        "no relation and no probe occurs in two of the sources (a has all, det, obj; empty has none): there is nothing \
         to compare"
    );
}

#[test]
fn runs_without_common_words_are_set_side_by_side_without_a_test() {
    let folder = tempfile::tempdir().unwrap();
    let a = write_run(folder.path(), "a", &[("s1", 1, 2, "det", true)], |_| {});
    let b = write_run(folder.path(), "b", &[("t1", 1, 2, "det", false)], |_| {});
    let comparison = compared(&[a, b]);
    assert_eq!(comparison.flags, ["a and b share no words: differences between them have no interval and no test"]);
    let difference = comparison.relations[1].differences[1].unwrap();
    assert_eq!((difference.value, difference.p_value), (-1.0, None));
}

#[test]
fn runs_of_one_name_are_told_apart_by_their_folders() {
    let folder = tempfile::tempdir().unwrap();
    let a = write_run(folder.path(), "a", &words(|_, _| true), |report| report.name = "same".into());
    let b = write_run(folder.path(), "b", &words(|_, _| true), |report| report.name = "same".into());
    let labels: Vec<_> = compared(&[a.clone(), b]).contestants.into_iter().map(|c| c.label).collect();
    assert_eq!(labels[0], a.display().to_string());
    assert_ne!(labels[0], labels[1]);
}

#[test]
fn a_broken_paper_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let open = |text: &str| {
        fs::write(&path, text).unwrap();
        Reported::open(path.to_str().unwrap()).unwrap_err().to_string().replace(path.to_str().unwrap(), "mine.toml")
    };
    let paper = "[paper]\nid = \"x\"\ncitation = \"y\"\nmodel = \"z\"\n";
    let head = "[[head]]\nrelation = \"det\"\nhead = \"8/11\"\ndirection = \"dep_to_gov\"\n";
    assert_eq!(open("[paper]"), "cannot understand the published table mine.toml: line 1: missing field `id`");
    assert_eq!(
        open(&format!("{paper}{head}")),
        "published table mine.toml names head `8/11` for relation det; write layer-head, as in `8-10`"
    );
    let misspelt = open(&format!("{paper}{}acuracy = 3\n", head.replace("8/11", "8-11")));
    assert!(misspelt.contains("mine.toml: line 9: unknown field `acuracy`, expected one of `relation`,"), "{misspelt}");
    let absent = Reported::open("no-such.toml").unwrap_err().to_string();
    assert_eq!(absent, "cannot read the published table no-such.toml");
}
