use super::findings::probe_findings;
use super::numbers::*;
use super::sheets::worth_sheet;
use crate::tables::{Decoding, ProbeScore, Split};

fn row(
    probe: &str,
    decoding: Option<Decoding>,
    (seed, draw): (i64, Option<i64>),
    measure: &str,
    value: f64,
) -> ProbeScore {
    ProbeScore {
        probe: probe.to_owned(),
        decoding,
        treebank: "en_ewt".to_owned(),
        split: Split::Evaluate,
        seed: Some(seed),
        measure: measure.to_owned(),
        group: None,
        group_value: None,
        correct: None,
        total: None,
        value,
        ci_low: Some(value - 0.01),
        ci_high: Some(value + 0.01),
        draw,
    }
}

/// One seed and one decoding are far above the rest.
fn rows() -> Vec<ProbeScore> {
    let mut rows = vec![
        row("attention", Some(Decoding::Argmax), (1, None), "uas", 0.5),
        row("attention", Some(Decoding::Argmax), (2, None), "uas", 0.7),
        row("attention", Some(Decoding::Tree), (1, None), "uas", 0.9),
        row("attention", Some(Decoding::Tree), (2, None), "uas", 0.9),
        row("right-branching", None, (1, None), "uas", 0.3),
        row("structural_distance", None, (1, None), "uuas", 0.99),
    ];
    for draw in 1..=3 {
        for seed in [1, 2] {
            let value = 0.1 * draw as f64 + 0.01 * seed as f64;
            rows.push(row("random-init+words", Some(Decoding::Argmax), (seed, Some(draw)), "uas", value));
        }
    }
    rows
}

#[test]
fn a_headline_is_the_mean_of_one_decoding() {
    let rows = rows();
    let (number, text) = headline(&rows).unwrap();
    assert_eq!(number, "60.0 %");
    let expected =
        "UAS of the probe attention, the best of 2 on these sentences; each word for itself; mean of 2 seeds";
    assert_eq!(text, expected);
    let findings = probe_findings(&rows, &[]);
    assert!(findings[0].starts_with("The probe attention reaches 60.0 ±14.1 % UAS"), "{findings:?}");
    assert!(findings[0].contains("(mean of 2 seeds), 90.0 ±0.0 % decoded to trees; right-branching has 30.0 %."));
    assert_eq!(findings.len(), 2, "in the order of the table, the baseline and structural probes not among them");
    let alone: Vec<ProbeScore> = rows[..1].to_vec();
    assert_eq!(headline(&alone).unwrap().1, "UAS of the probe attention; each word for itself");
    assert_eq!(headline(&rows[4..6]), None);
}

#[test]
fn seeds_and_draws_are_told_apart() {
    let rows = rows();
    let of_random = Mean::of(whole(&rows, "random-init+words", DECODING, "uas")).unwrap();
    // Draws 0.115, 0.215, 0.315; seeds 0.21, 0.22.
    assert_eq!(of_random.percent(), "21.5 ±0.7 (seeds) ±10.0 (draws)");
    assert_eq!(of_random.over(), "mean of 2 seeds and 3 draws");
    assert_eq!(Mean::of([]), None);
}

#[test]
fn what_scores_are_worth_is_said_with_them() {
    let mut rows = rows();
    assert_eq!(worth_sheet("en_ewt", &rows), None);
    for (draw, control) in [(1, 0.2), (2, 0.3)] {
        rows.push(row("attention", None, (1, Some(draw)), "control_accuracy", control));
        rows.push(row("attention", None, (1, Some(draw)), "selectivity", 0.6 - control));
    }
    rows.push(row("attention", None, (1, None), "mdl_bits", 1234.5));
    rows.push(row("attention", None, (1, None), "mdl_compression", 2.5));
    let finding = &probe_findings(&rows, &[])[0];
    let expected = "Its selectivity is +35.0 ±7.1 (draws) points: the same probe reaches 25.0 ±7.1 (draws) % on control \
                    tasks. Its online code of the governors of train is 2.50 times shorter than the uniform one.";
    assert!(finding.ends_with(expected), "{finding}");
    let sheet = worth_sheet("en_ewt", &rows).unwrap().to_text(200);
    for part in ["+35.0 ±7.1 (draws)", "2.50", "2.49–2.51", "1,23"] {
        assert!(sheet.contains(part), "{sheet}\nhas no {part}");
    }
}

#[test]
fn names_of_former_tables_are_those_of_configs() {
    let check = |former: &str, now: &str| assert_eq!(probe_name(former), now);
    check("attention", "attention");
    check("attention_words", "attention+words");
    check("attention_words-shifted", "attention+words-shifted");
    check("random_attention", "random-init");
    check("random_attention_words-a_b", "random-init+words-a_b");
    check("right_branching", "right-branching");
    check("structural_distance", "structural_distance");
    assert!(is_baseline("right_branching-x") && is_baseline("right-branching") && !is_baseline("attention"));
}
