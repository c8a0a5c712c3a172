//! The page's words: what was run on what, findings, and the frame of each section.

use super::data::PageData;
use super::relations::relations;
use crate::assess::is_aggregate;
use crate::explorer::Explorer;
use crate::format::{count, percent};
use crate::markdown::{conventions_sheet, coreference_sheet, probe_sheets};
use crate::run::{Manifest, Report, RunDirectory, RunError};
use crate::sheet::{Sheet, escape_html};

/// A section of the page.
pub(super) struct Section {
    pub id: &'static str,
    pub title: &'static str,
    body: String,
}

impl Section {
    pub(super) fn to_html(&self) -> String {
        let Self { id, title, body } = self;
        format!(
            "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{body}</section>\n"
        )
    }
}

/// What was run on what, in two sentences.
pub(super) fn lede(report: &Report) -> String {
    let model = &report.model;
    let weights = if model.random_weights { " with random weights" } else { "" };
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
         {per_layer} heads), read beside the trees of <strong>{treebank}</strong>.{splits}</p>\n",
        heads = count(u64::from(model.layers) * u64::from(model.heads)),
        name = escape_html(&model.name),
        architecture = escape_html(&model.architecture),
        layers = model.layers,
        per_layer = model.heads,
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
    let relations = || data.best_heads.iter().filter(|row| !is_aggregate(&row.relation));
    let gain = |row: &crate::tables::BestHead| row.accuracy - row.baseline_accuracy;
    let clear = relations().filter(|row| gain(row) > 0.0 && row.p_adjusted.is_some_and(|p| p < 0.05)).count();
    if relations().count() > 0 {
        let scored = relations().count();
        tiles.push((
            format!("{clear} of {scored}"),
            "relations that one head follows better than any baseline".to_owned(),
        ));
    }
    // Of relations that are frequent enough to be sure of.
    let sure = relations().filter(|row| row.total >= 100);
    if let Some(row) = sure.max_by(|a, b| gain(a).total_cmp(&gain(b))) {
        let text = format!(
            "of {}: head {}-{}; baseline {} %",
            row.relation,
            row.layer,
            row.head,
            percent(row.baseline_accuracy)
        );
        tiles.push((format!("{} %", percent(row.accuracy)), text));
    }
    if let Some(row) = data.best_heads.iter().find(|row| row.relation == "all-nopunct") {
        let text = format!(
            "of all words: the best single head, {}-{}; baseline {} %",
            row.layer,
            row.head,
            percent(row.baseline_accuracy)
        );
        tiles.push((format!("{} %", percent(row.accuracy)), text));
    }
    let uas = data.probe_rows.iter().filter(|row| row.measure == "uas" && row.group.is_none());
    if let Some(row) = uas.max_by(|a, b| a.value.total_cmp(&b.value)) {
        tiles.push((
            format!("{} %", percent(row.value)),
            format!("UAS of the best probe, {}", row.probe.replace('_', " ")),
        ));
    }
    if let Some(split) = report.treebank.splits.iter().find(|split| split.split == "evaluate") {
        tiles.push((count(split.words), format!("words in {} sentences", count(split.sentences))));
    }
    let tile = |(number, text): (String, String)| {
        format!("<li><b>{}</b><span>{}</span></li>", escape_html(&number), escape_html(&text))
    };
    format!("<ul class=\"tiles\">{}</ul>", tiles.into_iter().map(tile).collect::<String>())
}

/// The sections for which the run has something to show.
pub(super) fn sections(
    run: &RunDirectory,
    data: &PageData,
    explorer: Option<&Explorer>,
) -> Result<Vec<Section>, RunError> {
    let report = run.report();
    let mut sections = vec![Section { id: "findings", title: "Findings", body: findings(report) }];
    if !data.best_heads.is_empty() {
        let body = format!(
            "<p>For each relation the head that follows it best, and how often it picks the right word, beside the best \
             baseline on the same words. {} A click on a row shows the relation in the sections below.</p>\n{}",
            selection_note(report),
            relations(&data.best_heads)
        );
        sections.push(Section { id: "relations", title: "Relations", body });
    }
    if !data.scores.relations.is_empty() {
        sections.push(Section { id: "heads", title: "Heads", body: HEADS.to_owned() });
    }
    if let Some(explorer) = explorer {
        sections.push(Section { id: "sentences", title: "Sentences", body: explorer_frame(explorer) });
    }
    if !data.surface.is_empty() {
        let plot = |group: &super::data::SurfaceGroup| {
            format!("<h3>{}</h3>\n<div class=\"plot\" id=\"{}\"></div>\n", group.title, group.id)
        };
        let plots: String = data.surface.iter().map(plot).collect();
        let body = format!("<p>A dot is a head, the line is the mean of a layer.</p>\n{plots}");
        sections.push(Section { id: "layers", title: "Layers", body });
    }
    if !data.clusters.is_empty() {
        sections.push(Section { id: "map", title: "Map of heads", body: map_frame(report) });
    }
    if !data.probes.is_empty() {
        let [(_, attachment), (others_title, others)] = probe_sheets(&data.probe_rows);
        let mut body = format!("{PROBES}{}", as_details("All probes and decodings", &attachment));
        if others.groups.iter().any(|group| !group.is_empty()) {
            body.push_str(&as_details(others_title, &others));
        }
        sections.push(Section { id: "probes", title: "Probes", body });
    }
    let coreference = coreference_sheet(&run.table_or_empty()?);
    if coreference.groups.iter().any(|group| !group.is_empty()) {
        let body = format!("<div class=\"scroll\">{}</div>\n", coreference.to_html());
        sections.push(Section { id: "coreference", title: "Coreference", body });
    }
    sections.push(Section { id: "method", title: "How it was made", body: method(report, run.manifest()) });
    Ok(sections)
}

fn findings(report: &Report) -> String {
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
    body
}

fn selection_note(report: &Report) -> &'static str {
    match report.conventions.selection.as_str() {
        "same" => {
            "<strong>Optimistic</strong>: heads and baselines were chosen on the sentences that they are scored on."
        }
        "folds" => {
            "Heads and baselines were chosen on one half of the sentences and scored on the other, both ways round."
        }
        _ => "Heads and baselines were chosen on other sentences than they are scored on.",
    }
}

const HEADS: &str = "<p>How often each head picks the right word for a relation. Choose a relation and who attends; a click \
on a cell shows that head's attention in the sentences below.</p>\n\
<div class=\"toolbar\"><label>Relation<select id=\"heat-relation\"></select></label>\
<label>Direction<select id=\"heat-direction\"></select></label></div>\n\
<p class=\"readout\" id=\"heat-readout\" aria-live=\"polite\"></p>\n<div class=\"plot\" id=\"heat-map\"></div>\n";

const PROBES: &str = "<p>Probes read the attention of all heads together and are trained; bars are what they reach, lines \
their intervals.</p>\n<div class=\"toolbar\"><label>Measure<select id=\"probe-measure\"></select></label></div>\n\
<div class=\"plot\" id=\"probe-plot\"></div>\n";

fn explorer_frame(explorer: &Explorer) -> String {
    format!(
        "<p>Above the words the treebank's dependencies, below them one head's attention: lines run from the attending \
         word down to the attended one, the darker the more. For the chosen relation, the head's pick is \
         <span class=\"swatch right\"></span>right or <span class=\"swatch wrong\"></span>wrong.</p>\n\
         <p class=\"hint\">{} sentences of {}. Point at a word, or focus it with Tab, to see its attention alone; click or \
         Enter keeps it. ↑ and ↓ walk through the list.</p>\n\
         <div class=\"toolbar\"><label>Relation<select id=\"explorer-relation\"></select></label>\
         <label>Head<select id=\"explorer-head\"></select></label>\
         <label>Direction<select id=\"explorer-direction\"></select></label>\
         <label>Words<input type=\"search\" id=\"explorer-search\" placeholder=\"in the sentence\"></label>\
         <label class=\"check\"><input type=\"checkbox\" id=\"explorer-mistakes\"> mistakes first</label>\
         <label class=\"check\"><input type=\"checkbox\" id=\"explorer-specials\"> [CLS] and [SEP]</label></div>\n\
         <p class=\"readout note\" id=\"explorer-summary\" aria-live=\"polite\"></p>\n\
         <div class=\"explorer\"><ul class=\"sentences\" id=\"explorer-sentences\" role=\"listbox\" tabindex=\"0\" \
         aria-label=\"Sentences\"></ul><div class=\"stage\" id=\"explorer-stage\"></div></div>\n",
        count(explorer.sentences.len() as u64),
        escape_html(&explorer.split)
    )
}

fn map_frame(report: &Report) -> String {
    let stress = report.experiments.iter().find_map(|experiment| experiment.facts.get("mds_stress")?.as_f64());
    let stress = stress.map(|stress| format!(" Stress: {stress:.3}.")).unwrap_or_default();
    format!(
        "<p>Heads with similar attention lie close together: multidimensional scaling of the Jensen–Shannon distances \
         between all pairs.{stress}</p>\n<div class=\"columns\"><div><h3>By layer</h3>\
         <div class=\"plot\" id=\"map-layers\"></div></div><div><h3>By behaviour</h3>\
         <div class=\"plot\" id=\"map-roles\"></div></div></div>\n"
    )
}

fn as_details(title: &str, sheet: &Sheet) -> String {
    format!("<details><summary>{title}</summary><div class=\"scroll\">{}</div></details>\n", sheet.to_html())
}

fn method(report: &Report, manifest: &Manifest) -> String {
    let mut splits = Sheet::new("Sentences", &["<split", "<files", ">sentences", ">words", "<left out"]);
    splits.groups.push(
        report
            .treebank
            .splits
            .iter()
            .map(|split| {
                let skipped = split.skipped.iter().map(|(reason, sentences)| format!("{} {reason}", count(*sentences)));
                vec![
                    split.split.as_str().into(),
                    split.files.join(", ").into(),
                    count(split.sentences).into(),
                    count(split.words).into(),
                    skipped.collect::<Vec<_>>().join(", ").into(),
                ]
            })
            .collect(),
    );
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
    format!(
        "<div class=\"scroll\">{}</div>\n<div class=\"columns\"><div><h3>Conventions</h3>{}</div><div><h3>Run</h3>\
         <dl class=\"facts\">{facts}</dl></div></div>\n{}",
        splits.to_html(),
        Sheet { title: String::new(), ..conventions_sheet(report) }.to_html(),
        as_details("Files read", &inputs)
    )
}

/// Who made the page, and whose work lies in it.
pub(super) fn colophon(manifest: &Manifest) -> String {
    format!(
        "<p>Made by headlight {}. All numbers lie beside this page as CSV and Parquet; <code>config.toml</code> repeats the \
         run. Method after Clark, Khandelwal, Levy and Manning, <cite>What Does BERT Look At?</cite> (2019). Plots by \
         plotly.js, © Plotly, Inc., MIT licence.</p>",
        escape_html(&manifest.headlight_version)
    )
}
