//! `report.md`: a run for people, in one page.

use crate::format::count;
use crate::kinds;
use crate::run::{Manifest, Report, RunDirectory, RunError};
use crate::sheet::{Sheet, escape_markdown};

/// The text of `report.md`, from the run's other files.
///
/// # Errors
/// [`RunError::Table`] where a table cannot be read.
pub fn markdown_report(run: &RunDirectory) -> Result<String, RunError> {
    let report = run.report();
    let mut text = format!("# {}\n\n", escape_markdown(&report.name));
    text.push_str(&introduction(report));
    push_list(&mut text, "Findings", &report.findings);
    push_list(&mut text, "Before trusting the numbers", &report.warnings);
    for (title, sheet) in kinds::chapters(run)? {
        text.push_str(&format!("\n## {title}\n\n{}", sheet.to_markdown()));
    }
    text.push_str(&format!("\n## Conventions\n\n{}", conventions_sheet(report).to_markdown()));
    text.push_str(&colophon(report, run.manifest()));
    Ok(text)
}

fn introduction(report: &Report) -> String {
    let model = &report.model;
    let weights = if model.random_weights { ", random weights" } else { "" };
    let mut text = format!(
        "Model **{}** ({}{weights}, {} layers × {} heads) on treebank **{}**.\n\n",
        escape_markdown(&model.name),
        escape_markdown(&model.architecture),
        model.layers,
        model.heads,
        escape_markdown(&report.treebank.name)
    );
    text.push_str(&splits_sheet(report).to_markdown());
    text
}

/// What was read of each split.
pub(crate) fn splits_sheet(report: &Report) -> Sheet {
    let mut sheet = Sheet::new("", &["<split", "<files", ">sentences", ">words", ">pieces", "<not read", "<left out"]);
    let rows = report.treebank.splits.iter().map(|split| {
        let skipped = split.skipped.iter().map(|(reason, sentences)| format!("{} {reason}", count(*sentences)));
        let reading = split.reading;
        let unread = [
            (reading.unknown_words, "unknown words"),
            (reading.shared_words, "words with the pieces of the word before"),
            (reading.blank_words, "words without a form"),
        ];
        let unread = unread.iter().filter(|(words, _)| *words > 0);
        let unread: Vec<String> = unread.map(|(words, what)| format!("{} {what}", count(*words))).collect();
        // Runs from before pieces were counted have none.
        let pieces = match reading.pieces {
            0 => String::new(),
            pieces => format!("{} ({:.2} a word)", count(pieces), pieces as f64 / split.words as f64),
        };
        vec![
            split.split.as_str().into(),
            split.files.join(", ").into(),
            count(split.sentences).into(),
            count(split.words).into(),
            pieces.into(),
            unread.join(", ").into(),
            skipped.collect::<Vec<_>>().join(", ").into(),
        ]
    });
    sheet.groups.push(rows.collect());
    sheet
}

fn push_list(text: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    text.push_str(&format!("\n## {title}\n\n"));
    text.extend(items.iter().map(|item| format!("- {}\n", escape_markdown(item))));
}

pub(crate) fn conventions_sheet(report: &Report) -> Sheet {
    let mut sheet = Sheet::new("Conventions", &["<convention", "<value"]);
    let rows = report.conventions.entries().map(|(name, value)| vec![name.into(), value.into()]);
    sheet.groups.push(rows.into());
    sheet
}

fn colophon(report: &Report, manifest: &Manifest) -> String {
    let revision = manifest.git_revision.as_deref().map(|revision| format!(" ({revision})")).unwrap_or_default();
    let tables: Vec<String> =
        report.experiments.iter().flat_map(|experiment| &experiment.tables).map(|table| format!("`{table}`")).collect();
    format!(
        "\nMade by headlight {}{revision} on {}, device {}, {} threads, seed {}, in {:.1} s. Tables, each as CSV and \
         Parquet: {}. `config.toml` repeats the run; `manifest.json` has the checksums of everything it read.\n",
        manifest.headlight_version,
        manifest.finished,
        manifest.device,
        manifest.threads,
        manifest.seed,
        manifest.seconds,
        tables.join(", ")
    )
}

#[cfg(test)]
mod tests;
