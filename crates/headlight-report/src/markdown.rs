//! `report.md`: a run for people, in one page.

use std::collections::BTreeMap;

use crate::best_heads::best_heads_sheet;
use crate::beyond::{attention_sheet, beyond_position_sheet};
use crate::differences::differences_sheet;
use crate::format::{count, percent};
use crate::importance::{importance_sheet, is_untrained};
use crate::null_models::null_models_sheet;
use crate::probes::{Mean, of_attention, worth_sheet};
use crate::pruning::{ablation_sheets, pruning_sheets};
use crate::run::{Manifest, Report, RunDirectory, RunError};
use crate::sheet::{Sheet, escape_markdown};
use crate::single_heads::{clusters_sheet, ensemble_trees_sheet, ensembles_sheet, head_trees_sheet};
use crate::structural::{is_structural, structural_sheet};
use crate::surface::surface_sheet;
use crate::tables::{BestHead, Coreference, Difference, ProbeScore};

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

/// Layer by layer; empty without structural probes.
fn structural_section(probes: &[ProbeScore], report: &Report) -> Sheet {
    let rows: Vec<ProbeScore> = probes.iter().filter(|row| is_structural(row)).cloned().collect();
    if rows.is_empty() { Sheet::default() } else { structural_sheet(&report.treebank.name, &rows) }
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
        let pieces = if reading.pieces == 0 { String::new() } else { count(reading.pieces) };
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

/// Measures of attachment, in the order of their columns; a probe's other measures have a table of their own.
const ATTACHMENT: [&str; 5] = ["uas", "uas_with_punct", "uuas", "root_accuracy", "uas_floored"];

/// Whether a probe's measure is a share of words, shown in per cent.
pub(crate) fn is_share(measure: &str) -> bool {
    ATTACHMENT.contains(&measure) || matches!(measure, "selectivity" | "control_accuracy")
}

/// The measures of attachment, and all others; each as title and table.
pub(crate) fn probe_sheets(scores: &[ProbeScore]) -> [(&'static str, Sheet); 2] {
    [("Probes", probe_sheet(scores, true)), ("What probes cost and memorise", probe_sheet(scores, false))]
}

/// Measure to its rows, one per seed and draw.
type RowsByMeasure<'a> = BTreeMap<&'a str, Vec<&'a ProbeScore>>;

/// Probes and their decodings × measures of attachment; or, not `attachment`, all other measures. Mean over seeds and its
/// standard deviation; only what is over everything, not by relation or length.
fn probe_sheet(scores: &[ProbeScore], attachment: bool) -> Sheet {
    let place = |measure: &str| ATTACHMENT.iter().position(|known| *known == measure);
    let whole = of_attention(scores);
    let whole = whole.filter(|score| score.group.is_none() && place(&score.measure).is_some() == attachment);
    let mut measures: Vec<&str> = whole.clone().map(|score| score.measure.as_str()).collect();
    measures.sort_by_key(|measure| (place(measure), *measure));
    measures.dedup();
    // Rows in the order of the table, which is that of the config.
    let mut rows: Vec<((&str, &str), RowsByMeasure<'_>)> = Vec::new();
    for score in whole {
        let name = (score.probe.as_str(), score.decoding.as_deref().unwrap_or(""));
        let row = rows.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            rows.push((name, BTreeMap::new()));
            rows.len() - 1
        });
        rows[row].1.entry(&score.measure).or_default().push(score);
    }
    let titles: Vec<String> = measures.iter().map(|measure| format!(">{}", measure.replace('_', " "))).collect();
    let columns: Vec<&str> = ["<probe", "<decoding"].into_iter().chain(titles.iter().map(String::as_str)).collect();
    let mut sheet = Sheet::new("Probes", &columns);
    let rows = rows.into_iter().map(|((probe, decoding), values)| {
        let cell = |measure: &&str| {
            let mean = values.get(measure).and_then(|rows| Mean::of(rows.iter().copied()));
            mean.map(|mean| mean_and_spread(&mean, is_share(measure))).unwrap_or_default().into()
        };
        let names = [probe.into(), decoding.into()];
        names.into_iter().chain(measures.iter().map(cell)).collect()
    });
    sheet.groups.push(rows.collect());
    sheet.notes.push("Shares of words in %. With several seeds: mean ± standard deviation; over draws of random weights or control tasks where said.".to_owned());
    sheet
}

fn mean_and_spread(mean: &Mean, share: bool) -> String {
    let show = |value: f64| if share { percent(value).replace('-', "−") } else { format!("{value:.3}") };
    mean.show(show)
}

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
