//! Numbers beside the relations: probes, trees, coreference.

use super::*;
use crate::tables::{
    AntecedentPredictor, Coreference, Decoding, HeadTree, MentionType, Split, TreeMeasure, TreePredictor, TreeShape,
};

fn uas(probe: &str, decoding: Decoding, seed: i64, value: f64) -> ProbeScore {
    ProbeScore {
        probe: probe.into(),
        decoding: Some(decoding),
        treebank: "en_ewt".into(),
        split: Split::Evaluate,
        seed: Some(seed),
        measure: "uas".into(),
        group: None,
        group_value: None,
        correct: None,
        total: None,
        value,
        ci_low: Some(value - 0.01),
        ci_high: Some(value + 0.01),
        draw: None,
    }
}

/// A run of one probe without heads: twelve sentences of two words and a full stop, the first word right by `says`.
fn write_probe_run(folder: &Path, name: &str, seeds: &[i64], says: impl Fn(usize) -> bool) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir(&path).unwrap();
    let mut report = tests::report();
    report.name = name.into();
    report.experiments[0].tables = vec!["probe_scores".into(), "predictions".into()];
    write_report(&path, &report).unwrap();
    write_manifest(&path, &tests::manifest()).unwrap();
    let mut predictions = Vec::new();
    for sentence in 0..12 {
        let words = [(2, "det", says(sentence)), (0, "root", true), (2, "punct", false)];
        for (word_id, (governor, relation, correct)) in (1..).zip(words) {
            predictions.push(Prediction {
                predictor: "attention argmax".into(),
                scope: None,
                sent_id: format!("p{sentence}"),
                word_id,
                governor,
                relation: relation.into(),
                predicted: Some(1),
                correct,
                sentence: None,
                form: None,
                document: None,
            });
        }
    }
    write_table(&path, &predictions).unwrap();
    let right = (0..12).filter(|&sentence| says(sentence)).count() as f64;
    let value = (12.0 + right) / 24.0;
    let scores: Vec<ProbeScore> = seeds.iter().map(|&seed| uas("attention", Decoding::Argmax, seed, value)).collect();
    write_table(&path, &scores).unwrap();
    path
}

#[test]
fn probes_are_paired_word_by_word_without_punctuation() {
    let folder = tempfile::tempdir().unwrap();
    let a = write_probe_run(folder.path(), "a", &[1], |_| false);
    let b = write_probe_run(folder.path(), "b", &[7], |sentence| sentence < 8);
    let comparison = compared(&[a, b]);
    assert_eq!(comparison.flags, [""; 0]);
    let row = &comparison.measures[0];
    assert_eq!((row.measure.as_str(), &row.values), ("UAS, attention", &vec![Some(0.5), Some(20.0 / 24.0)]));
    let difference = row.differences[1].unwrap();
    // Eight sentences of twelve won by one word, none lost: all signs alike twice in 2^8.
    assert_eq!((difference.value, difference.p_value), (20.0 / 24.0 - 0.5, Some(2.0 / 256.0)));
    assert!(difference.ci_low.unwrap() > 0.15 && difference.ci_high.unwrap() < 0.5, "{difference:?}");
    insta::assert_snapshot!(comparison.render(Format::Terminal, 80), @r"
    Probes, trees and coreference, in %

    measure         a                   b                   difference
    ──────────────  ──────────────────  ──────────────────  ───────────────────────
    UAS, attention   50.0 (49.0, 51.0)   83.3 (82.3, 84.3)  +33.3 (+20.8, +45.8) **

    a: minilm-l6 on en_ewt; b: minilm-l6 on en_ewt.
    In brackets behind a share its interval, as the run has it.
    Differences in points to a. In brackets 95 % intervals of 1,000 paired bootstrap
    resamples of sentences; paired sign-flip test, Holm-corrected over the measures
    that differ: * p < 0.05, ** p < 0.01, *** p < 0.001.
    ");
    let csv = comparison.render(Format::Csv, 80);
    assert!(csv.contains("\n\"UAS, attention\",b,,,,,,0.8333333333333334,"), "{csv}");
}

#[test]
fn means_over_seeds_are_set_side_by_side_without_a_test() {
    let folder = tempfile::tempdir().unwrap();
    let a = write_probe_run(folder.path(), "a", &[1], |_| false);
    let b = write_probe_run(folder.path(), "b", &[1, 2, 3], |sentence| sentence < 8);
    let comparison = compared(&[a, b]);
    assert_eq!(comparison.flags, ["scores of b's probes are means over 3 seeds: without interval and test"]);
    let difference = comparison.measures[0].differences[1].unwrap();
    assert!((difference.value - 1.0 / 3.0).abs() < 1e-12 && difference.p_value.is_none(), "{difference:?}");
}

#[test]
fn a_gate_closes_on_a_probe_that_lost_and_on_nothing_measured() {
    let folder = tempfile::tempdir().unwrap();
    let a = write_probe_run(folder.path(), "a", &[1], |_| true);
    let b = write_probe_run(folder.path(), "b", &[1], |sentence| sentence < 8);
    let of_heads = write_run(folder.path(), "heads", &words(|_, _| true), |_| {});
    let comparison = compared(&[a.clone(), b.clone()]);
    let lost = |points| lost_below(&comparison, points).into_iter().map(|lost| lost.relation).collect::<Vec<_>>();
    assert_eq!((lost(-20.0), lost(-1.0)), (vec![], vec!["UAS, attention".to_owned()]));
    assert!(comparison.hold(&Gate::default()).is_ok());
    let error = compared(&[of_heads, a, b]).hold(&Gate::default()).unwrap_err().to_string();
    assert_eq!(error, "a has no number that could be held: no relation and no measure that the first run has too");
}

#[test]
fn published_tables_2_and_3_stand_in_for_runs() {
    let folder = tempfile::tempdir().unwrap();
    let run = write_probe_run(folder.path(), "a", &[1], |_| true);
    let names = ["attention", "attention+words", "distance+words", "random-init+words", "right_branching"];
    let mut scores: Vec<ProbeScore> = names.map(|probe| uas(probe, Decoding::Argmax, 1, 0.5)).into();
    scores.push(ProbeScore {
        measure: "uuas".into(),
        decoding: None,
        ..uas("structural_distance", Decoding::Argmax, 1, 0.5)
    });
    write_table(&run, &scores).unwrap();
    let antecedents = |predictor| Coreference {
        corpus: "en_gum".into(),
        split: Split::Evaluate,
        predictor,
        layer_index: None,
        head_index: None,
        direction: None,
        mention_type: MentionType::All,
        correct: 1,
        total: 2,
        ci_low: None,
        ci_high: None,
    };
    write_table(&run, &AntecedentPredictor::ALL.map(antecedents)).unwrap();
    let tree = HeadTree {
        treebank: "en_ewt".into(),
        split: Split::Evaluate,
        predictor: TreePredictor::Head,
        layer_index: Some(1),
        head_index: Some(2),
        tree: TreeShape::Undirected,
        measure: TreeMeasure::Uuas,
        correct: 1,
        total: 2,
        ci_low: None,
        ci_high: None,
    };
    write_table(&run, [&tree]).unwrap();
    let published = |paper: &str| {
        let sources = [run.to_str().unwrap(), paper].map(|source| Reported::open(source).unwrap());
        let comparison = compare(&sources, &Bootstrap::default()).unwrap();
        let both = comparison.measures.iter().filter(|row| row.values.iter().all(Option::is_some));
        let number = |row: &MeasureRow| format!("{} {:.1}", row.measure, 100.0 * row.values[1].unwrap());
        (both.map(number).collect::<Vec<_>>(), comparison.flags)
    };
    let (numbers, flags) = published("clark2019");
    assert_eq!(
        numbers,
        [
            "UAS, attention 61.0",
            "UAS, attention+words 77.0",
            "UAS, distance+words 58.0",
            "UAS, random-init+words 30.0",
            "UAS, right-branching 26.0",
            "UUAS, structural_distance 80.0",
            "coreference, head match, all 52.0",
            "coreference, head, all 65.0",
            "coreference, nearest, all 27.0",
            "coreference, sieves, all 69.0",
        ]
    );
    let said = |part: &str| flags.iter().any(|flag| flag.contains(part));
    assert!(
        said("WSJ development section, punctuation excluded") && said("of CoNLL-2012") && said("undirected"),
        "{flags:?}"
    );
    let (numbers, _) = published("replication-ewt");
    assert_eq!(
        numbers,
        [
            "UAS, attention 61.4",
            "UAS, attention+words 74.7",
            "UAS, distance+words 60.9",
            "UAS, right-branching 32.1",
            "UUAS, single head tree 61.9",
        ]
    );
}
