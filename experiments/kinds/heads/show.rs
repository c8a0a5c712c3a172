//! The best heads for people: a table of 80 columns, findings in sentences, warnings.

use headlight_heads::BestHeads;
use headlight_report::is_aggregate;
use headlight_report::sheet::{Sheet, SheetCell};
use headlight_report::tables::BestHead;

use super::Selection;
use crate::run::Run;

/// Adjusted p-values below this count as a difference.
const SIGNIFICANT: f64 = 0.05;
/// How many relations are findings of their own.
const TOLD: usize = 5;

/// The table of best heads: aggregates, then relations by number of words.
pub fn sheet(run: &Run, selection: Selection, rows: &[BestHead], min_total: u64, confidence: f64) -> Sheet {
    let title = format!("Best heads for {} per relation", run.config().treebank.display_name());
    let mut sheet = Sheet::new(
        title,
        &["<relation", ">words", ">head", "<direction", ">correct", ">interval", ">offset", ">baseline", ">p"],
    );
    let (aggregates, mut relations): (Vec<_>, Vec<_>) = rows.iter().partition(|row| is_aggregate(&row.relation));
    relations.retain(|row| row.total >= min_total);
    relations.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.relation.cmp(&b.relation)));
    let hidden = rows.len() - aggregates.len() - relations.len();
    sheet.groups = [aggregates, relations].map(|rows| rows.into_iter().map(cells).collect()).into();
    sheet.notes = vec![
        format!(
            "correct, baseline: % of the words whose governor is picked by the head, by the best fixed offset. \
             interval: {:.0} % sentence bootstrap. p: exact sign-flip test of head against offset, Holm-adjusted.",
            confidence * 100.0
        ),
        match selection {
            Selection::Separate => "Heads and offsets were chosen on other sentences (select).".to_owned(),
            Selection::Folds => {
                "Each half of the sentences was scored with what was chosen on the other; the head shown is that of the \
                 larger half."
                    .to_owned()
            }
            Selection::Same => "OPTIMISTIC: heads were chosen on the sentences that they are scored on.".to_owned(),
        },
    ];
    if hidden > 0 {
        sheet.notes.push(format!("{hidden} relations with fewer than {min_total} words are in best_heads.csv only."));
    }
    sheet
}

fn cells(row: &BestHead) -> Vec<SheetCell> {
    let better = row.accuracy > row.baseline_accuracy && row.p_adjusted.is_some_and(|p| p < SIGNIFICANT);
    let accuracy = percent(row.accuracy);
    vec![
        row.relation.clone().into(),
        row.total.to_string().into(),
        format!("{}-{}", row.layer, row.head).into(),
        row.direction.arrow().into(),
        if better { SheetCell::strong(accuracy) } else { accuracy.into() },
        interval(row).into(),
        row.baseline_offset.map_or_else(String::new, |offset| format!("{offset:+}")).into(),
        percent(row.baseline_accuracy).into(),
        row.p_adjusted.map_or_else(String::new, p_value).into(),
    ]
}

fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

fn interval(row: &BestHead) -> String {
    match (row.ci_low, row.ci_high) {
        (Some(low), Some(high)) => format!("{}–{}", percent(low), percent(high)),
        _ => String::new(),
    }
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "<.001".to_owned() } else { format!("{p:.3}").trim_start_matches('0').to_owned() }
}

/// The main results, the most important first.
pub fn findings(rows: &[BestHead], min_total: u64) -> Vec<String> {
    let relations: Vec<&BestHead> =
        rows.iter().filter(|row| !is_aggregate(&row.relation) && row.total >= min_total).collect();
    let gain = |row: &BestHead| row.accuracy - row.baseline_accuracy;
    let better: Vec<&&BestHead> =
        relations.iter().filter(|row| gain(row) > 0.0 && row.p_adjusted.is_some_and(|p| p < SIGNIFICANT)).collect();
    let mut findings = vec![format!(
        "For {} of {} relations with at least {min_total} words, one head beats the best fixed offset (Holm-adjusted \
         p < {SIGNIFICANT}).",
        better.len(),
        relations.len()
    )];
    let mut told: Vec<&BestHead> = better.into_iter().copied().collect();
    told.sort_by(|a, b| gain(b).total_cmp(&gain(a)).then_with(|| a.relation.cmp(&b.relation)));
    findings.extend(told.into_iter().take(TOLD).map(sentence));
    findings.extend(rows.iter().find(|row| row.relation == "all-nopunct").map(sentence));
    findings
}

fn sentence(row: &BestHead) -> String {
    let what = if is_aggregate(&row.relation) { "all words but punctuation" } else { &row.relation };
    format!(
        "{what}: head {}-{} ({}) picks the governor of {} % ({}), offset {:+} of {} %.",
        row.layer,
        row.head,
        row.direction.arrow(),
        percent(row.accuracy),
        interval(row),
        row.baseline_offset.unwrap_or(0),
        percent(row.baseline_accuracy)
    )
}

/// What a reader must know before trusting the numbers.
pub fn warnings(best: &BestHeads, rows: &[BestHead], min_total: u64) -> Vec<String> {
    let mut warnings = Vec::new();
    if best.optimistic {
        warnings.push(
            "Heads were chosen on the sentences that they are scored on, as in the paper: the accuracies are optimistic."
                .to_owned(),
        );
    }
    if !best.never_selected.is_empty() {
        let names: Vec<&str> = best.never_selected.iter().map(|(group, _)| group.name()).collect();
        let list = names.join(", ");
        warnings.push(format!("Relations without a word to choose a head on are not scored: {list}."));
    }
    let small = rows.iter().filter(|row| row.total < min_total).count();
    if small > 0 {
        warnings.push(format!("{small} relations have fewer than {min_total} words; their intervals mean little."));
    }
    warnings
}
