use super::*;

fn accuracy(level: PairLevel, group: Option<&str>, paradigms: u64, correct: u64, total: u64) -> PairAccuracy {
    PairAccuracy {
        pairs: "blimp".into(),
        score: SentenceScore::WithinWordL2r,
        level,
        group: group.map(Into::into),
        paradigms,
        correct,
        ties: u64::from(level == PairLevel::Whole),
        total,
        ci_low: Some(0.5),
        ci_high: Some(0.75),
        macro_mean: (paradigms > 1).then_some(0.625),
        macro_ci_low: (paradigms > 1).then_some(0.5),
        macro_ci_high: (paradigms > 1).then_some(0.8),
    }
}

fn masking(masked: MaskedHeads, draw: Option<u32>, step: u32, group: Option<&str>, correct: u64) -> PairMasking {
    PairMasking {
        pairs: "blimp".into(),
        score: SentenceScore::WithinWordL2r,
        masking: Masking::Zero,
        masked,
        draw,
        step,
        heads: ["", "3-9", "3-9 3-1"][step as usize].into(),
        level: if group.is_some() { PairLevel::Phenomenon } else { PairLevel::Whole },
        group: group.map(Into::into),
        correct,
        ties: 0,
        total: 100,
        ci_low: (step > 0).then_some(-0.1),
        ci_high: (step > 0).then_some(0.02),
    }
}

fn maskings() -> Vec<PairMasking> {
    let mut rows = Vec::new();
    for group in [None, Some("binding"), Some("filler_gap")] {
        rows.push(masking(MaskedHeads::None, None, 0, group, 80));
        for step in 1..=2 {
            rows.push(masking(MaskedHeads::Chosen, None, step, group, 80 - 10 * u64::from(step)));
            for draw in 0..2 {
                let correct = 80 - u64::from(step) - 2 * u64::from(draw);
                rows.push(masking(MaskedHeads::Random, Some(draw), step, group, correct));
            }
        }
    }
    rows
}

#[test]
fn phenomena_stand_above_fields_and_the_whole() {
    let rows = [
        accuracy(PairLevel::Whole, None, 3, 200, 300),
        accuracy(PairLevel::Field, Some("syntax"), 3, 200, 300),
        accuracy(PairLevel::Phenomenon, Some("filler_gap"), 2, 130, 200),
        accuracy(PairLevel::Phenomenon, Some("binding"), 1, 70, 100),
        accuracy(PairLevel::Paradigm, Some("wh_questions"), 1, 60, 100),
    ];
    insta::assert_snapshot!(pairs_sheet(&rows).to_text(100), @"
    Minimal pairs whose acceptable sentence is more likely, in %

    of          right      interval  by paradigm  pairs
    ──────────  ─────  ────────────  ───────────  ─────
    filler gap   65.0  [50.0, 75.0]         62.5    200
    binding      70.0  [50.0, 75.0]                 100
    ──────────  ─────  ────────────  ───────────  ─────
    syntax       66.7  [50.0, 75.0]         62.5    300
    ──────────  ─────  ────────────  ───────────  ─────
    all          66.7  [50.0, 75.0]         62.5    300

    Score: pseudo-log-likelihood, each piece guessed in its turn with the later pieces of its word
    hidden too (within_word_l2r). Sentences of one score count as wrong (1 of these). Intervals:
    bootstrap over pairs. By paradigm: the mean of the paradigms' accuracies, as BLiMP reports it.
    ");
}

#[test]
fn masked_heads_stand_beside_random_ones() {
    let difference = Difference {
        experiment: ComparingKind::Pairs,
        measure: measure(PairLevel::Phenomenon),
        group: Some("binding".into()),
        a: "masked 3-9 3-1".into(),
        b: RANDOM.into(),
        value_a: 0.6,
        value_b: 0.77,
        difference: -0.17,
        ci_low: Some(-0.25),
        ci_high: Some(-0.1),
        p_value: Some(0.0001),
        p_adjusted: Some(0.0002),
        unit: headlight_stats::Unit::Pair,
        units: 100,
    };
    let sheets = pairs_masked_sheets(&maskings(), &[difference]);
    let texts: Vec<String> = sheets.iter().map(|sheet| sheet.to_text(100)).collect();
    insta::assert_snapshot!(texts.join("\n"), @"
    Minimal pairs with heads masked, right in %

    masked  heads    right  change  at random  lowest  highest
    ──────  ───────  ─────  ──────  ─────────  ──────  ───────
    0                 80.0
    1       3-9       70.0   −10.0       78.0    77.0     79.0
    2       3-9 3-1   60.0   −20.0       77.0    76.0     78.0

    Score: pseudo-log-likelihood, each piece guessed in its turn with the later pieces of its word
    hidden too (within_word_l2r). Of 100 pairs. Masked heads do nothing. At random: as many other heads
    of the same layers, 2 draws.

    What the masked heads are for, right in %

    phenomenon  intact  masked  random    gap        interval
    ──────────  ──────  ──────  ──────  ─────  ──────────────  ───
    binding       80.0    60.0    77.0  −17.0  [−25.0, −10.0]  ***
    filler gap    80.0    60.0    77.0

    2 heads masked: 3-9 3-1. Random: as many others of the same layers, all draws together; gap: masked
    minus random, paired over pairs. Holm-corrected over phenomena: * p < 0.05, ** p < 0.01, *** p <
    0.001.
    ");
    assert!(pairs_masked_sheets(&[], &[]).is_empty());
}

#[test]
fn a_curve_has_the_mean_of_its_draws_and_their_range() {
    let rows = maskings();
    let random = curve(&rows, MaskedHeads::Random, PairLevel::Whole, None);
    let seen: Vec<_> = random.iter().map(|point| (point.step, point.accuracy, point.ends, point.draws)).collect();
    assert_eq!(seen, [(0, 0.8, None, 1), (1, 0.78, Some((0.77, 0.79)), 2), (2, 0.77, Some((0.76, 0.78)), 2)]);
    let chosen = curve(&rows, MaskedHeads::Chosen, PairLevel::Whole, None);
    assert_eq!(chosen[2].accuracy, 0.6);
    // The interval is of the change, the curve of the accuracy.
    let (low, high) = chosen[2].ends.unwrap();
    assert!((low - 0.7).abs() < 1e-12 && (high - 0.82).abs() < 1e-12);
}
