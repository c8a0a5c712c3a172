//! The page's words: what was run on what, findings, and how it was made.

use super::data::PageData;
use super::section::Section;
use crate::format::{count, percent};
use crate::kinds::heads::Summary;
use crate::markdown::{conventions_sheet, splits_sheet};
use crate::run::{Manifest, Report};
use crate::sheet::{Sheet, escape_html, isolated};
use crate::tables::BestHead;

/// What was run on what, in two sentences.
pub(super) fn lede(report: &Report) -> String {
    let model = &report.model;
    let weights = if model.random_weights { " with random weights" } else { "" };
    let of_layers = report.mapped().heads < model.heads;
    let maps = of_layers.then(|| format!("; maps are of layers, by {}", escape_html(&report.conventions.attention)));
    let mut splits: Vec<_> = report.treebank.splits.iter().collect();
    splits.sort_by_key(|split| ["select", "train", "evaluate"].iter().position(|name| *name == split.split));
    let splits = splits.into_iter().map(|split| {
        let (sentences, words) = (count(split.sentences), count(split.words));
        match split.split.as_str() {
            "select" => format!("heads were chosen on {sentences} sentences ({words} words)"),
            "evaluate" => format!("scores are of {sentences} sentences ({words} words)"),
            "train" => format!("probes learnt from {sentences} sentences ({words} words)"),
            other => format!("{} has {sentences} sentences ({words} words)", escape_html(other)),
        }
    });
    let splits = splits.collect::<Vec<_>>().join("; ");
    format!(
        "<p class=\"lede\">The {heads} attention heads of <strong>{name}</strong> ({architecture}{weights}, {layers} layers × \
         {per_layer} heads{maps}), read beside the trees of <strong>{treebank}</strong>.{splits}</p>\n",
        heads = count(u64::from(model.layers) * u64::from(model.heads)),
        name = escape_html(&model.name),
        architecture = escape_html(&model.architecture),
        layers = model.layers,
        per_layer = model.heads,
        maps = maps.unwrap_or_default(),
        treebank = escape_html(&report.treebank.name),
        splits = if splits.is_empty() { String::new() } else { format!(" {}.", capitalised(&splits)) },
    )
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

/// The numbers that one would ask for first.
pub(super) fn tiles(report: &Report, data: &PageData) -> String {
    let mut tiles = Vec::new();
    let heads = Summary::new(&data.best_heads);
    if heads.scored > 0 {
        tiles.push((
            format!("{} of {}", heads.better.len(), heads.scored),
            "relations that one head follows better than the best baseline".to_owned(),
        ));
    }
    if let Some(row) = heads.telling() {
        let text = format!(
            "of {}: {}; best baseline {} %",
            isolated(&row.relation),
            head_or_heads(row),
            percent(row.baseline_accuracy)
        );
        tiles.push((format!("{} %", percent(row.accuracy)), text));
    }
    if let Some(row) = heads.all {
        let text = format!(
            "of all words but punctuation: the best single {}; best baseline {} %",
            head_or_heads(row),
            percent(row.baseline_accuracy)
        );
        tiles.push((format!("{} %", percent(row.accuracy)), text));
    }
    tiles.extend(crate::kinds::probe::headline(&data.probe_rows));
    if let Some(split) = report.treebank.splits.iter().find(|split| split.split == "evaluate") {
        tiles.push((count(split.words), format!("words in {} sentences", count(split.sentences))));
    }
    let tile = |(number, text): (String, String)| {
        format!("<li><b>{}</b><span>{}</span></li>", escape_html(&number), escape_html(&text))
    };
    format!("<ul class=\"tiles\">{}</ul>", tiles.into_iter().map(tile).collect::<String>())
}

/// `head 3-9`, or the heads of two folds.
fn head_or_heads(row: &BestHead) -> String {
    let name = row.head_name();
    if row.layer.is_none() { format!("heads of two folds, {name}") } else { format!("head {name}") }
}

/// What came out, in sentences with numbers.
pub(super) fn findings(report: &Report) -> Section {
    let items =
        |items: &[String]| items.iter().map(|item| format!("<li>{}</li>", escape_html(item))).collect::<String>();
    let mut body = match report.findings.as_slice() {
        [] => "<p>The run computed its tables and wrote down no finding.</p>\n".to_owned(),
        findings => format!("<ol class=\"findings\">{}</ol>\n", items(findings)),
    };
    if !report.warnings.is_empty() {
        body.push_str(&format!(
            "<aside class=\"warnings\"><h3>Before trusting the numbers</h3><ul>{}</ul></aside>\n",
            items(&report.warnings)
        ));
    }
    Section::new("findings", "Findings", "").html(&body)
}

/// What it takes to trust the numbers and to repeat them.
pub(super) fn method(report: &Report, manifest: &Manifest) -> Section {
    let machine = &manifest.machine;
    let facts = [
        ("headlight", format!("{} {}", manifest.headlight_version, manifest.git_revision.as_deref().unwrap_or(""))),
        ("finished", manifest.finished.clone()),
        ("took", format!("{:.1} s on {} threads, device {}", manifest.seconds, manifest.threads, manifest.device)),
        (
            "machine",
            [
                machine.processor.as_deref(),
                Some(&machine.architecture),
                Some(&machine.os),
                machine.accelerator.as_deref(),
            ]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
        ),
        ("seed", manifest.seed.to_string()),
    ];
    let facts: String =
        facts.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape_html(value))).collect();
    let mut inputs = Sheet::new("", &["<role", "<file", ">bytes", "<SHA-256"]);
    inputs.groups.push(
        manifest
            .inputs
            .iter()
            .map(|input| {
                vec![
                    input.role.as_str().into(),
                    input.path.as_str().into(),
                    count(input.bytes).into(),
                    input.sha256.as_str().into(),
                ]
            })
            .collect(),
    );
    let body = format!(
        "<div class=\"scroll\">{}</div>\n<div class=\"columns\"><div><h3>Conventions</h3>{}</div><div><h3>Run</h3>\
         <dl class=\"facts\">{facts}</dl></div></div>\n",
        Sheet { title: "Sentences".to_owned(), ..splits_sheet(report) }.to_html(),
        Sheet { title: String::new(), ..conventions_sheet(report) }.to_html(),
    );
    Section::new("method", "How it was made", "").html(&body).details("Files read", &inputs)
}

/// Who made the page, and whose work lies in it.
pub(super) fn colophon(manifest: &Manifest) -> String {
    made(
        "All numbers lie beside this page as CSV and Parquet; <code>config.toml</code> repeats the run.",
        &manifest.headlight_version,
    )
}

/// The same of several runs.
pub(super) fn colophon_of_sweep(version: &str) -> String {
    made("All numbers lie beside this page as CSV and Parquet, and in the folders of the runs.", version)
}

fn made(numbers: &str, version: &str) -> String {
    format!(
        "<p>Made by headlight {}. {numbers} Method after Clark, Khandelwal, Levy and Manning, <cite>What Does BERT Look \
         At?</cite> (2019).</p>",
        escape_html(version)
    )
}
