//! The table everybody asks for: the best head of each relation beside the best baseline; and what it says in words.

use crate::assess::{is_aggregate, is_between_words};
use crate::format::{count, offset, percent, points, stars};
use crate::run::Report;
use crate::sheet::{Sheet, SheetCell};
use crate::tables::{BestHead, Direction};

/// The table, aggregates first, then relations from frequent to rare; 80 characters wide as plain text.
pub fn best_heads_sheet(rows: &[BestHead], report: &Report) -> Sheet {
    let title = format!("Best attention heads of {} on {}", report.model.name, report.treebank.name);
    let accuracy = format!(">accuracy ({:.0} %)", 100.0 * report.statistics.confidence);
    let columns = ["<relation", "<head", "<direction", &accuracy, "<baseline", "<difference"];
    let mut rows: Vec<&BestHead> = rows.iter().filter(|row| is_between_words(&row.relation)).collect();
    rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.relation.cmp(&b.relation)));
    let (aggregates, relations): (Vec<&BestHead>, Vec<&BestHead>) =
        rows.into_iter().partition(|row| is_aggregate(&row.relation));
    let groups = [aggregates, relations].map(|group| group.into_iter().map(sheet_row).collect()).into();
    Sheet { groups, notes: notes(report), ..Sheet::new(title, &columns) }
}

fn sheet_row(row: &BestHead) -> Vec<SheetCell> {
    let accuracy = match (row.ci_low, row.ci_high) {
        (Some(low), Some(high)) => format!("{} ({}–{})", percent(row.accuracy), percent(low), percent(high)),
        _ => percent(row.accuracy),
    };
    let difference = row.accuracy - row.baseline_accuracy;
    let baseline = format!("{:>4} {}", percent(row.baseline_accuracy), baseline_name(row));
    vec![
        row.relation.as_str().into(),
        format!("{}-{}", row.layer, row.head).into(),
        row.direction.arrow().into(),
        if difference > 0.0 { SheetCell::strong(accuracy) } else { accuracy.into() },
        if difference < 0.0 { SheetCell::strong(baseline) } else { baseline.into() },
        format!("{:>5} {}", points(difference), stars(row.p_adjusted)).trim_end().into(),
    ]
}

/// `+1` for an offset, `right` for right-branching.
pub(crate) fn baseline_name(row: &BestHead) -> String {
    match (row.baseline.as_str(), row.baseline_offset) {
        ("right_branching", _) => "right".to_owned(),
        (_, Some(at)) => offset(at),
        (name, None) => name.replace('_', " "),
    }
}

fn notes(report: &Report) -> Vec<String> {
    let statistics = &report.statistics;
    let mut notes = vec![
        "Share of a relation's words whose governor is found, in %. Baselines: the best fixed offset to the governor \
         (`right`: the next word). A head predicts words, so `root` has no row."
            .to_owned(),
        format!(
            "Intervals: {:.0} %, {} bootstrap resamples of sentences. Difference in points to the baseline; exact \
             paired sign-flip test over sentences, Holm-corrected over relations: * p < 0.05, ** p < 0.01, \
             *** p < 0.001.",
            100.0 * statistics.confidence,
            count(statistics.resamples.into())
        ),
    ];
    notes.push(match report.conventions.selection.as_str() {
        "same" => "Optimistic: heads and baselines were chosen on the sentences that they are scored on.".to_owned(),
        "folds" => "Heads and baselines were chosen on one half of the sentences and scored on the other, both ways \
                    round."
            .to_owned(),
        _ => format!("Heads and baselines were chosen {}.", report.treebank.beside_evaluated("select")),
    });
    notes
}

/// The main results as sentences with numbers, for `report.json`, the most important first; empty without a relation.
pub fn findings(rows: &[BestHead]) -> Vec<String> {
    let is_relation = |row: &&BestHead| !is_aggregate(&row.relation) && is_between_words(&row.relation);
    let relations: Vec<&BestHead> = rows.iter().filter(is_relation).collect();
    let gain = |row: &BestHead| row.accuracy - row.baseline_accuracy;
    let is_better = |row: &&&BestHead| gain(row) > 0.0 && row.p_adjusted.is_some_and(|p| p < 0.05);
    let mut better: Vec<&BestHead> = relations.iter().filter(is_better).copied().collect();
    better.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
    let mut sentences = Vec::new();
    if !relations.is_empty() {
        sentences.push(format!(
            "For {} of {} relations one attention head finds the governor better than the best baseline \
             (p < 0.05 after Holm's correction).",
            better.len(),
            relations.len()
        ));
    }
    sentences.extend(better.iter().take(3).map(|row| sentence(row)));
    if let Some(all) = rows.iter().find(|row| row.relation == "all-nopunct") {
        sentences.push(format!(
            "No single head does it all: the best one over all words but punctuation, {}-{}, finds {} % of governors; \
             the best baseline finds {} %.",
            all.layer,
            all.head,
            percent(all.accuracy),
            percent(all.baseline_accuracy)
        ));
    }
    sentences
}

fn sentence(row: &BestHead) -> String {
    let what = match row.direction {
        Direction::DependentToGovernor => "attends from the dependent to its governor",
        Direction::GovernorToDependent => "attends from the governor to its dependent",
    };
    format!(
        "Head {}-{} {what} in {} % of {} cases of {}; the best baseline reaches {} %.",
        row.layer,
        row.head,
        percent(row.accuracy),
        count(row.total),
        row.relation,
        percent(row.baseline_accuracy)
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::run::tests::report;

    #[rustfmt::skip]
    pub(crate) fn rows() -> Vec<BestHead> {
        use Direction::{DependentToGovernor as Up, GovernorToDependent as Down};
        vec![
            row("det", (4, 5), Up, (808, 1000), (596, Some(1)), Some(0.0)),
            row("all-nopunct", (3, 11), Up, (8260, 20_000), (6280, None), Some(0.0)),
            row("obj", (4, 10), Down, (740, 1100), (358, Some(-2)), Some(0.004)),
            row("nmod:poss", (12, 12), Up, (299, 400), (310, Some(1)), Some(1.0)),
            row("all-nopunct-noroot", (3, 11), Up, (8260, 18_000), (6280, None), None),
        ]
    }

    fn row(
        relation: &str,
        head: (u32, u32),
        direction: Direction,
        (correct, total): (u64, u64),
        (baseline_correct, baseline_offset): (u64, Option<i32>),
        p: Option<f64>,
    ) -> BestHead {
        let accuracy = correct as f64 / total as f64;
        BestHead {
            relation: relation.into(),
            layer: head.0,
            head: head.1,
            direction,
            selected_on: "select".into(),
            evaluated_on: "evaluate".into(),
            correct,
            total,
            accuracy,
            ci_low: Some(accuracy - 0.016),
            ci_high: Some(accuracy + 0.0155),
            baseline: if baseline_offset.is_some() { "offset" } else { "right_branching" }.into(),
            baseline_accuracy: baseline_correct as f64 / total as f64,
            p_value: p,
            p_adjusted: p,
            baseline_offset,
            baseline_correct,
            difference_ci_low: None,
            difference_ci_high: None,
        }
    }

    #[test]
    fn the_table_reads_in_80_columns() {
        let text = best_heads_sheet(&rows(), &report()).to_text(80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r"
        Best attention heads of minilm-l6 on en_ewt

        relation            head   direction   accuracy (95 %)  baseline    difference
        ──────────────────  ─────  ─────────  ────────────────  ──────────  ──────────
        all-nopunct         3-11   dep→gov    41.3 (39.7–42.9)  31.4 right   +9.9 ***
        all-nopunct-noroot  3-11   dep→gov    45.9 (44.3–47.4)  34.9 right  +11.0
        ──────────────────  ─────  ─────────  ────────────────  ──────────  ──────────
        obj                 4-10   gov→dep    67.3 (65.7–68.8)  32.5 −2     +34.7 **
        det                 4-5    dep→gov    80.8 (79.2–82.3)  59.6 +1     +21.2 ***
        nmod:poss           12-12  dep→gov    74.8 (73.2–76.3)  77.5 +1      −2.7

        Share of a relation's words whose governor is found, in %. Baselines: the best
        fixed offset to the governor (`right`: the next word). A head predicts words, so
        `root` has no row.
        Intervals: 95 %, 1,000 bootstrap resamples of sentences. Difference in points to
        the baseline; exact paired sign-flip test over sentences, Holm-corrected over
        relations: * p < 0.05, ** p < 0.01, *** p < 0.001.
        Heads and baselines were chosen on other sentences than they are scored on.
        ");
    }

    #[test]
    fn findings_are_sentences_with_numbers() {
        insta::assert_snapshot!(findings(&rows()).join("\n"), @r"
        For 2 of 3 relations one attention head finds the governor better than the best baseline (p < 0.05 after Holm's correction).
        Head 4-10 attends from the governor to its dependent in 67.3 % of 1,100 cases of obj; the best baseline reaches 32.5 %.
        Head 4-5 attends from the dependent to its governor in 80.8 % of 1,000 cases of det; the best baseline reaches 59.6 %.
        No single head does it all: the best one over all words but punctuation, 3-11, finds 41.3 % of governors; the best baseline finds 31.4 %.
        ");
        assert_eq!(findings(&[]), [""; 0]);
    }

    #[test]
    fn optimistic_selection_is_said() {
        let mut report = report();
        report.conventions.selection = "same".into();
        assert!(best_heads_sheet(&rows(), &report).notes[2].starts_with("Optimistic"));
    }
}
