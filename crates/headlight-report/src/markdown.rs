//! `report.md`: a run for people, in one page.

use crate::format::count;
use crate::kinds::clusters::clusters_sheet;
use crate::kinds::coreference::coreference_sheet;
use crate::kinds::differences::differences_sheet;
use crate::kinds::ensembles::{ensemble_trees_sheet, ensembles_sheet};
use crate::kinds::heads::{attention_sheet, best_heads_sheet, beyond_position_sheet, null_models_sheet};
use crate::kinds::importance::{importance_sheet, is_untrained};
use crate::kinds::probe::{probe_sheets, worth_sheet};
use crate::kinds::pruning::{ablation_sheets, pruning_sheets};
use crate::kinds::structural::structural_section;
use crate::kinds::surface::surface_sheet;
use crate::kinds::trees::head_trees_sheet;
use crate::run::{Manifest, Report, RunDirectory, RunError};
use crate::sheet::{Sheet, escape_markdown};
use crate::tables::{BestHead, Difference, ProbeScore};

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
    let best_heads: Vec<BestHead> = run.table_or_empty()?;
    let probes: Vec<ProbeScore> = run.table_or_empty()?;
    let [attachment, others] = probe_sheets(&probes);
    let worth = worth_sheet(&report.treebank.name, &probes).unwrap_or_default();
    let each = |title, sheets: Vec<Sheet>| sheets.into_iter().map(move |sheet| (title, sheet));
    let mut sections = vec![
        ("Best heads", best_heads_sheet(&best_heads, report)),
        ("Beyond position", beyond_position_sheet(&run.table_or_empty()?)),
        ("Attention on governors", attention_sheet(&best_heads, &run.table_or_empty()?)),
        ("Null models", null_models_sheet(&run.table_or_empty()?, usize::MAX).unwrap_or_default()),
        attachment,
        ("What the scores of probes are worth", worth),
        others,
        ("Structural probes", structural_section(&probes, report)),
        ("Coreference", coreference_sheet(&run.table_or_empty()?)),
        ("Surface patterns", surface_sheet(&run.table_or_empty()?)),
        ("Importance", importance_sheet(&run.table_or_empty()?, is_untrained(report))),
    ];
    sections.extend(each("Single heads masked", ablation_sheets(&run.table_or_empty()?)));
    sections.extend(each("Pruning", pruning_sheets(&run.table_or_empty()?)));
    sections.extend([
        ("Behaviours, roles and clusters", clusters_sheet(&run.table_or_empty()?)),
        ("Trees of single heads", head_trees_sheet(&run.table_or_empty()?)),
        ("Ensembles of heads", ensembles_sheet(&run.table_or_empty()?)),
        ("Labelled trees of ensembles", ensemble_trees_sheet(&run.table_or_empty()?)),
    ]);
    let differences: Vec<Difference> = run.table_or_empty()?;
    let mut experiments: Vec<&str> = differences.iter().map(|row| row.experiment.as_str()).collect();
    experiments.dedup();
    for experiment in experiments {
        let rows: Vec<Difference> = differences.iter().filter(|row| row.experiment == experiment).cloned().collect();
        let sheet = differences_sheet(&rows, &format!("Differences, {experiment}"));
        sections.extend(sheet.map(|sheet| ("Differences", sheet)));
    }
    for (title, sheet) in sections {
        if sheet.groups.iter().any(|group| !group.is_empty()) {
            text.push_str(&format!("\n## {title}\n\n{}", sheet.to_markdown()));
        }
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
