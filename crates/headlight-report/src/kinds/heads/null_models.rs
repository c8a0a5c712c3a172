//! Null models, for people.

use crate::assess::{Family, is_aggregate, is_between_words};
use crate::format::{count, percent, points, stars};
use crate::sheet::Sheet;
use crate::tables::NullModel;

/// All draws together, aggregates first, then relations from frequent to rare, at most `most` of them; `None` where there
/// are no null models.
pub(crate) fn null_models_sheet(rows: &[NullModel], most: usize) -> Option<Sheet> {
    let together: Vec<&NullModel> = summed(rows).collect();
    let first = together.first()?;
    let draws = draws(rows);
    let (aggregates, mut relations): (Vec<&NullModel>, Vec<&NullModel>) =
        together.iter().partition(|row| is_aggregate(&row.relation));
    relations.sort_by(|a, b| {
        let family = |row: &NullModel| Family::of(&row.relation) as usize;
        family(a).cmp(&family(b)).then(b.total.cmp(&a.total)).then_with(|| a.relation.cmp(&b.relation))
    });
    let left_out = relations.len().saturating_sub(most);
    relations.truncate(most);
    let columns = ["<relation", ">words", ">trained", ">random", ">range", "<difference", "<interval"];
    let groups = [aggregates, relations].map(|group| group.into_iter().map(sheet_row).collect()).into();
    let tested = together.iter().any(|row| row.p_value.is_some());
    let mut notes = vec![
        format!(
            "Null models: {} with the same embeddings and all other weights drawn at random. In each the \
             best head was chosen as in the trained one, among as many candidates. Random: their mean accuracy, and the \
             lowest and highest of them. Accuracies in %, on the same words.",
            models(draws)
        ),
        format!(
            "Difference in points, trained minus random; paired bootstrap interval{} over {} {}, for these draws.{}",
            if tested { " and exact sign-flip test" } else { "" },
            count(first.units),
            first.unit.plural(),
            if tested { " Holm-corrected over relations: * p < 0.05, ** p < 0.01, *** p < 0.001." } else { "" }
        ),
    ];
    if left_out > 0 {
        notes.push(format!("Table null_models has the rarer relations, too: {left_out} more."));
    }
    Some(Sheet { groups, notes, ..Sheet::new("Best heads beside those of random weights", &columns) })
}

fn sheet_row(row: &NullModel) -> Vec<crate::sheet::SheetCell> {
    let interval = row.ci_low.zip(row.ci_high);
    vec![
        row.relation.as_str().into(),
        count(row.total).into(),
        percent(row.trained_accuracy).into(),
        percent(row.accuracy).into(),
        format!("{}–{}", percent(row.lowest), percent(row.highest)).into(),
        format!("{:>5} {}", points(row.difference), stars(row.p_adjusted)).trim_end().into(),
        interval.map_or_else(String::new, |(low, high)| format!("{} – {}", points(low), points(high))).into(),
    ]
}

/// What null models say in a sentence; `None` without them.
pub(crate) fn null_models_finding(rows: &[NullModel]) -> Option<String> {
    let relations: Vec<&NullModel> =
        summed(rows).filter(|row| Family::of(&row.relation) == Family::Relations).collect();
    let draws = draws(rows);
    let above = relations.iter().filter(|row| row.ci_low.is_some_and(|low| low > 0.0)).count();
    (!relations.is_empty()).then(|| {
        format!(
            "For {above} of {} relations the best head is right more often than the best heads of {} with \
             random weights, chosen in the same way (interval of the paired difference above 0, not corrected for the \
             number of relations).",
            relations.len(),
            models(draws)
        )
    })
}

/// The rows that sum all draws up, without the root.
pub(crate) fn summed(rows: &[NullModel]) -> impl Iterator<Item = &NullModel> {
    rows.iter().filter(|row| row.draw.is_none() && is_between_words(&row.relation))
}

/// `1 model`, `3 models`.
pub(crate) fn models(draws: u32) -> String {
    if draws == 1 { "1 model".to_owned() } else { format!("{draws} models") }
}

pub(crate) fn draws(rows: &[NullModel]) -> u32 {
    rows.iter().filter_map(|row| row.draw).max().unwrap_or(0)
}
