//! Whether heads attend from a mention to its antecedent.

mod page;

pub(crate) use page::coreference;

use crate::format::{count, percent};
use crate::sheet::Sheet;
use crate::tables::Coreference;

/// Predictors and types of mentions.
pub(crate) fn coreference_sheet(rows: &[Coreference]) -> Sheet {
    let mut sheet = Sheet::new("Coreference", &["<predictor", "<head", "<mentions", ">accuracy", ">n"]);
    let rows = rows.iter().map(|row| {
        let head = row.layer_index.zip(row.head_index).map(|(layer, head)| format!("{}-{}", layer + 1, head + 1));
        vec![
            row.predictor.replace('_', " ").into(),
            head.unwrap_or_default().into(),
            row.mention_type.as_str().into(),
            percent(row.correct as f64 / row.total as f64).into(),
            count(row.total).into(),
        ]
    });
    sheet.groups.push(rows.collect());
    sheet.notes.push("Mentions whose antecedent is found, in % of those that have one in their window.".to_owned());
    sheet
}
