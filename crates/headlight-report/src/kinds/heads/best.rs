//! The table everybody asks for: the best head of each relation beside the best baseline; and what it says in words.

use crate::Selection;
use crate::assess::{Family, is_between_words};
use crate::format::{count, percent, points, stars};
use crate::run::Report;
use crate::sheet::{Sheet, SheetCell};
use crate::tables::{BestHead, Direction};

/// The table, aggregates first, then relations, then paths, each from frequent to rare; 80 characters wide as plain text.
pub(crate) fn best_heads_sheet(rows: &[BestHead], report: &Report) -> Sheet {
    let title = format!("Best attention heads of {} on {}", report.model.display_name(), report.treebank.name);
    let accuracy = format!(">accuracy ({:.0} %)", 100.0 * report.statistics.confidence);
    let columns = ["<relation", ">words", "<head", "<attends", &accuracy, "<baseline", "<points"];
    let notes = notes(rows, report);
    let mut rows: Vec<&BestHead> = rows.iter().filter(|row| is_between_words(&row.relation)).collect();
    rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.relation.cmp(&b.relation)));
    let groups = Family::groups(rows, |row| &row.relation);
    let groups = groups.into_iter().map(|group| group.into_iter().map(sheet_row).collect()).collect();
    Sheet { groups, notes, ..Sheet::new(title, &columns) }
}

/// Of the best heads the share of words that they can find at all, where that is not all words: in a causal model a word sees
/// none behind it. `None` where heads see all words.
pub(crate) fn reachable_sheet(rows: &[BestHead]) -> Option<Sheet> {
    let between_words = |row: &&BestHead| row.relation == "all-nopunct-noroot";
    let is_hidden = |row: &BestHead| row.reachable.is_some_and(|reachable| reachable < row.total);
    let is_causal = rows.iter().filter(between_words).any(is_hidden) || rows.iter().any(reads_later);
    if !is_causal {
        return None;
    }
    let columns = ["<relation", "<head", "<direction", ">words", ">of all", ">reachable", ">of reachable"];
    let mut rows: Vec<&BestHead> = rows.iter().filter(|row| is_between_words(&row.relation)).collect();
    rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.relation.cmp(&b.relation)));
    let groups = Family::groups(rows, |row| &row.relation);
    let row = |row: &BestHead| -> Vec<SheetCell> {
        let reachable = row.reachable.unwrap_or(row.total);
        let share = (reachable > 0).then(|| percent(row.correct as f64 / reachable as f64));
        vec![
            row.relation.as_str().into(),
            row.head_name().into(),
            row.direction_name().into(),
            count(row.total).into(),
            percent(row.accuracy).into(),
            count(reachable).into(),
            share.unwrap_or_default().into(),
        ]
    };
    let notes = vec![
        "Reachable: words whose other end the best head can see at all, in its direction; in a causal model a word sees none \
         behind it, and the root has no other end. Of all, of reachable: words found, in % of either."
            .to_owned(),
    ];
    let groups = groups.into_iter().map(|group| group.into_iter().map(row).collect()).collect();
    Some(Sheet { groups, notes, ..Sheet::new("What the best heads can reach", &columns) })
}

/// Whether a head is read from later to earlier.
pub(super) fn reads_later(row: &BestHead) -> bool {
    row.chosen().iter().any(|chosen| chosen.direction == Direction::LaterToEarlier)
}

fn sheet_row(row: &BestHead) -> Vec<SheetCell> {
    let accuracy = match (row.ci_low, row.ci_high) {
        (Some(low), Some(high)) => format!("{} ({}–{})", percent(row.accuracy), percent(low), percent(high)),
        _ => percent(row.accuracy),
    };
    let difference = row.accuracy - row.baseline_accuracy;
    let baseline = format!("{:>4} {}", percent(row.baseline_accuracy), row.baseline_name());
    vec![
        row.relation.as_str().into(),
        count(row.total).into(),
        row.head_name().into(),
        row.direction_name().into(),
        if difference > 0.0 { SheetCell::strong(accuracy) } else { accuracy.into() },
        if difference < 0.0 { SheetCell::strong(baseline) } else { baseline.into() },
        format!("{:>5} {}", points(difference), stars(row.p_adjusted)).trim_end().into(),
    ]
}

fn notes(rows: &[BestHead], report: &Report) -> Vec<String> {
    let statistics = &report.statistics;
    let units = match rows.iter().find_map(|row| row.units) {
        Some(units) => format!("{} {}", count(units), report.conventions.unit.plural()),
        None => report.conventions.unit.plural().to_owned(),
    };
    let mut notes = vec![
        "Share of a relation's words whose governor is found, in %. dep→gov: it is the word that the dependent attends to \
         most; gov→dep: the word that attends to the dependent most. Baselines: the best of all offsets to the governor \
         and of right-branching (`right`: the next word; the last word is the root). A head predicts words, so `root` has \
         no row."
            .to_owned(),
    ];
    if rows.iter().any(reads_later) {
        notes.push(
            "late→early: the later of dependent and governor attends to the earlier one most, of all words before it. Each \
             arc is one try, and so it is for the baselines ±1, ±2, …: the earlier word so far before the later."
                .to_owned(),
        );
    }
    notes.extend([
        format!(
            "Intervals: {:.0} %, {} bootstrap resamples of {units}; Wilson's where all or none are right. Difference in \
             points to the baseline; {}: * p < 0.05, ** p < 0.01, *** p < 0.001.",
            100.0 * statistics.confidence,
            count(statistics.resamples.into()),
            how_tested(report)
        ),
        chosen_where(report),
    ]);
    if rows.iter().any(|row| Family::of(&row.relation) == Family::Paths) {
        notes.push(PATHS.to_owned());
    }
    if rows.iter().any(|row| row.layer.is_none() && !row.chosen().is_empty()) {
        notes.push(
            "Two heads: the one chosen on the first half is scored on the second, and the other way round; the row is of \
             both together."
                .to_owned(),
        );
    }
    notes
}

/// What the name of a path means.
pub(crate) const PATHS: &str = "obl+case: of words that hang by `case` from a word that hangs by `obl`, the word that this one \
                                hangs from. Paths are corrected for each other and not for relations, whose words they repeat.";

/// How heads were tested against baselines. Exact is only the test of what was chosen elsewhere.
pub(crate) fn how_tested(report: &Report) -> String {
    let units = report.conventions.unit.plural();
    match report.conventions.selection {
        Selection::Folds => format!(
            "paired sign-flip test over {units}, Holm-corrected over relations and not exact, since the halves depend on \
             each other through the choice"
        ),
        selection if selection == Selection::Same || report.treebank.shares_much("evaluate", "select") => format!(
            "p of the maximum over all heads, directions and baselines when the signs of {units} flip, stepped down over \
             relations (Westfall & Young), so that it pays for the choice"
        ),
        _ => format!("exact paired sign-flip test over {units}, Holm-corrected over relations"),
    }
}

/// Where heads and baselines were chosen.
pub(crate) fn chosen_where(report: &Report) -> String {
    match report.conventions.selection {
        Selection::Same => {
            "Optimistic: heads and baselines were chosen on the sentences that they are scored on; accuracies and \
                   their intervals do not pay for that."
                .to_owned()
        }
        Selection::Folds => {
            "Heads and baselines were chosen on one half of the sentences and scored on the other, both ways round."
                .to_owned()
        }
        Selection::Separate => {
            format!("Heads and baselines were chosen {}.", report.treebank.beside_evaluated("select"))
        }
    }
}

/// What the rows come to: the one source of findings and of the page's tiles.
pub(crate) struct Summary<'a> {
    /// Relations between words that were scored.
    pub scored: usize,
    /// Those that their head finds better than the best baseline (p < 0.05, corrected): those of words enough to be sure of
    /// first, the largest gain first.
    pub better: Vec<&'a BestHead>,
    /// The same of paths.
    pub scored_paths: usize,
    /// The same of paths.
    pub better_paths: Vec<&'a BestHead>,
    /// All words but punctuation.
    pub all: Option<&'a BestHead>,
}

impl<'a> Summary<'a> {
    /// Sums up the table.
    pub(crate) fn new(rows: &'a [BestHead]) -> Self {
        let is_better = |row: &&BestHead| gain(row) > 0.0 && row.p_adjusted.is_some_and(|p| p < 0.05);
        let of = |family| {
            let is_of = |row: &&BestHead| Family::of(&row.relation) == family && is_between_words(&row.relation);
            let mut better: Vec<&BestHead> = rows.iter().filter(is_of).filter(is_better).collect();
            better.sort_by(|a, b| (b.total >= SURE).cmp(&(a.total >= SURE)).then(gain(b).total_cmp(&gain(a))));
            (rows.iter().filter(is_of).count(), better)
        };
        let ((scored, better), (scored_paths, better_paths)) = (of(Family::Relations), of(Family::Paths));
        let all = rows.iter().find(|row| row.relation == "all-nopunct");
        Self { scored, better, scored_paths, better_paths, all }
    }

    /// The relation that all of a report begins with: its tile, the first finding about a head, what the page opens on.
    pub(crate) fn telling(&self) -> Option<&'a BestHead> {
        self.better.first().copied()
    }
}

/// A relation of so many words has not gained most by chance.
const SURE: u64 = 100;

fn gain(row: &BestHead) -> f64 {
    row.accuracy - row.baseline_accuracy
}

/// The main results as sentences with numbers, for `report.json`, the most important first; empty without a relation.
pub(crate) fn findings(rows: &[BestHead]) -> Vec<String> {
    let summary = Summary::new(rows);
    let mut sentences = Vec::new();
    if summary.scored > 0 {
        sentences.push(format!(
            "For {} of {} relations one attention head finds the governor better than the best baseline \
             (p < 0.05, corrected for the number of relations).",
            summary.better.len(),
            summary.scored
        ));
    }
    sentences.extend(summary.better.iter().take(3).map(|row| sentence(row)));
    if summary.scored_paths > 0 {
        let example = summary.better_paths.first().map(|row| {
            format!(
                ", most clearly {}: {}, {}, {} % of {}, the best baseline {} %",
                row.relation,
                row.head_name(),
                row.direction_name(),
                percent(row.accuracy),
                count(row.total),
                percent(row.baseline_accuracy)
            )
        });
        sentences.push(format!(
            "For {} of {} paths of several arcs one attention head finds the upper end better than the best baseline \
             (p < 0.05, corrected for the number of paths){}.",
            summary.better_paths.len(),
            summary.scored_paths,
            example.unwrap_or_default()
        ));
    }
    if let Some(all) = summary.all {
        let heads = if all.layer.is_none() { "those chosen on either half" } else { "the best one" };
        sentences.push(format!(
            "No single head does it all: over all words but punctuation {heads}, {}, {} {} % of governors; the best \
             baseline finds {} %.",
            all.head_name(),
            if all.layer.is_none() { "find" } else { "finds" },
            percent(all.accuracy),
            percent(all.baseline_accuracy)
        ));
    }
    sentences
}

fn sentence(row: &BestHead) -> String {
    let (share, total) = (percent(row.accuracy), count(row.total));
    let rest = format!(
        "{share} % of {total} cases of {}; the best baseline reaches {} %.",
        row.relation,
        percent(row.baseline_accuracy)
    );
    match row.direction {
        Some(Direction::DependentToGovernor) => {
            format!("In head {} the governor is the word that the dependent attends to most in {rest}", row.head_name())
        }
        Some(Direction::GovernorToDependent) => {
            format!("In head {} the governor is the word that attends to the dependent most in {rest}", row.head_name())
        }
        Some(Direction::LaterToEarlier) => {
            format!(
                "In head {} the later of dependent and governor attends to the earlier one most, of all words before it, in \
                 {rest}",
                row.head_name()
            )
        }
        None => {
            let heads = row
                .chosen()
                .iter()
                .map(|it| format!("{}-{} ({})", it.layer, it.head, it.direction.arrow()))
                .collect::<Vec<_>>();
            format!(
                "Heads {}, each chosen on one half and scored on the other, find the governor in {rest}",
                heads.join(" and ")
            )
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use headlight_stats::Unit;

    use super::*;
    use crate::run::tests::report;
    use crate::tables::{BaselineKind, EvaluatedOn, SelectedOn};

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
            layer: Some(head.0),
            head: Some(head.1),
            direction: Some(direction),
            selected_on: SelectedOn::Select,
            evaluated_on: EvaluatedOn::Evaluate,
            correct,
            total,
            accuracy,
            ci_low: Some(accuracy - 0.016),
            ci_high: Some(accuracy + 0.0155),
            baseline: Some(if baseline_offset.is_some() { BaselineKind::Offset } else { BaselineKind::RightBranching }),
            baseline_accuracy: baseline_correct as f64 / total as f64,
            p_value: p,
            p_adjusted: p,
            baseline_offset,
            baseline_correct,
            unit: Some(Unit::Sentence),
            units: Some(2001),
            ..BestHead::default()
        }
    }

    #[test]
    fn the_table_reads_in_80_columns() {
        let text = best_heads_sheet(&rows(), &report()).to_text(80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r"
        Best attention heads of minilm-l6 on en_ewt

        relation          words  head   attends   accuracy (95 %)  baseline    points
        ───────────────  ──────  ─────  ───────  ────────────────  ──────────  ─────────
        all-nopunct      20,000  3-11   dep→gov  41.3 (39.7–42.9)  31.4 right   +9.9 ***
        all-nopunct-no…  18,000  3-11   dep→gov  45.9 (44.3–47.4)  34.9 right  +11.0
        ───────────────  ──────  ─────  ───────  ────────────────  ──────────  ─────────
        obj               1,100  4-10   gov→dep  67.3 (65.7–68.8)  32.5 −2     +34.7 **
        det               1,000  4-5    dep→gov  80.8 (79.2–82.3)  59.6 +1     +21.2 ***
        nmod:poss           400  12-12  dep→gov  74.8 (73.2–76.3)  77.5 +1      −2.7

        Share of a relation's words whose governor is found, in %. dep→gov: it is the
        word that the dependent attends to most; gov→dep: the word that attends to the
        dependent most. Baselines: the best of all offsets to the governor and of
        right-branching (`right`: the next word; the last word is the root). A head
        predicts words, so `root` has no row.
        Intervals: 95 %, 1,000 bootstrap resamples of 2,001 sentences; Wilson's where
        all or none are right. Difference in points to the baseline; exact paired
        sign-flip test over sentences, Holm-corrected over relations: * p < 0.05, ** p <
        0.01, *** p < 0.001.
        Heads and baselines were chosen on other sentences than they are scored on.
        ");
    }

    #[test]
    fn findings_are_sentences_with_numbers() {
        insta::assert_snapshot!(findings(&rows()).join("\n"), @r"
        For 2 of 3 relations one attention head finds the governor better than the best baseline (p < 0.05, corrected for the number of relations).
        In head 4-10 the governor is the word that attends to the dependent most in 67.3 % of 1,100 cases of obj; the best baseline reaches 32.5 %.
        In head 4-5 the governor is the word that the dependent attends to most in 80.8 % of 1,000 cases of det; the best baseline reaches 59.6 %.
        No single head does it all: over all words but punctuation the best one, 3-11, finds 41.3 % of governors; the best baseline finds 31.4 %.
        ");
        assert_eq!(findings(&[]), [""; 0]);
    }

    #[test]
    fn a_test_is_called_exact_only_where_it_is() {
        let notes = |selection: Selection, unit: Unit| {
            let mut report = report();
            report.conventions.selection = selection;
            report.conventions.unit = unit;
            best_heads_sheet(&rows(), &report).notes.join(" ")
        };
        assert!(
            notes(Selection::Separate, Unit::Document)
                .contains("; exact paired sign-flip test over documents, Holm-corrected")
        );
        assert!(
            notes(Selection::Folds, Unit::Sentence)
                .contains("not exact, since the halves depend on each other through the choice")
        );
        let same = notes(Selection::Same, Unit::Sentence);
        assert!(same.contains("Westfall & Young") && same.contains("Optimistic") && !same.contains("exact"), "{same}");
    }

    #[test]
    fn two_heads_are_never_printed_as_one() {
        let mut row = rows().remove(0);
        (row.layer, row.head, row.direction) = (None, None, None);
        (row.fold_1_layer, row.fold_1_head, row.fold_1_direction) =
            (Some(4), Some(5), Some(Direction::DependentToGovernor));
        (row.fold_2_layer, row.fold_2_head, row.fold_2_direction) =
            (Some(3), Some(9), Some(Direction::GovernorToDependent));
        let mut report = report();
        report.conventions.selection = Selection::Folds;
        let text = best_heads_sheet(&[row.clone()], &report).to_text(80);
        assert!(text.contains("4-5/3-9") && text.contains("dep→/gov→") && text.contains("Two heads:"), "{text}");
        assert_eq!(
            findings(&[row])[1],
            "Heads 4-5 (dep→gov) and 3-9 (gov→dep), each chosen on one half and scored on the other, find the governor in \
             80.8 % of 1,000 cases of det; the best baseline reaches 59.6 %."
        );
    }

    /// `root` is in no "k of n", whatever its p.
    #[test]
    fn root_is_no_relation_that_a_head_could_follow() {
        let mut rows = rows();
        rows.push(BestHead { relation: "root".into(), total: 2001, p_adjusted: Some(1.0), ..BestHead::default() });
        let summary = Summary::new(&rows);
        assert_eq!((summary.scored, summary.better.len()), (3, 2));
        assert_eq!(summary.telling().unwrap().relation, "obj");
    }
}
