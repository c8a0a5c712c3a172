//! The sections of the page in reading order: what heads do, alone and together; what they look at and which are alike;
//! what the model needs; what probes make of them; what is
//! compared.

use super::data::PageData;
use super::kinds;
use super::plots::grid_frame;
use super::relations::relations;
use super::section::Section;
use super::story::{findings, method};
use crate::best_heads::{chosen_where, how_tested};
use crate::explorer::{Explorer, WORDS};
use crate::format::count;
use crate::run::{Report, RunDirectory, RunError};
use crate::sheet::escape_html;
use crate::single_heads::clusters_sheet;
use crate::tables::{BestHead, Cluster};

/// The sections for which the run has something to show.
pub(super) fn sections(
    run: &RunDirectory,
    data: &PageData,
    explorer: Option<&Explorer>,
) -> Result<Vec<Section>, RunError> {
    let (report, model) = (run.report(), &run.report().model);
    let sections = [
        Some(findings(report)),
        best_heads(&data.best_heads, report),
        (!data.scores.relations.is_empty()).then(heads),
        explorer.map(sentences),
        kinds::beyond(&run.table_or_empty()?, &data.best_heads, &run.table_or_empty()?),
        kinds::null_models(&run.table_or_empty()?),
        kinds::ensembles(&run.table_or_empty()?, &run.table_or_empty()?, &run.table_or_empty()?),
        kinds::trees(&run.table_or_empty()?, model),
        kinds::coreference(&run.table_or_empty()?, &run.table_or_empty()?, model),
        kinds::surface(&run.table_or_empty()?),
        map(&run.table_or_empty()?, report),
        kinds::importance(&run.table_or_empty()?, report),
        kinds::pruning(&run.table_or_empty()?, &run.table_or_empty()?, model),
        kinds::probes(&data.probe_rows, model, &report.treebank.name),
        kinds::structural(&data.probe_rows, &report.treebank.name),
        kinds::differences(&run.table_or_empty()?),
        Some(method(report, run.manifest())),
    ];
    Ok(sections.into_iter().flatten().collect())
}

fn best_heads(rows: &[BestHead], report: &Report) -> Option<Section> {
    let introduction = format!(
        "For each relation the head that follows it best, and how often it picks the right word, beside the best baseline \
         on the same words. {} A click on a row shows the relation in the sections below.",
        selection_note(report)
    );
    (!rows.is_empty()).then(|| Section::new("relations", "Relations", introduction).html(&relations(rows)))
}

fn selection_note(report: &Report) -> String {
    let note = chosen_where(report).replace("Optimistic", "<strong>Optimistic</strong>");
    format!("{note} Test: {}.", escape_html(&how_tested(report)))
}

fn heads() -> Section {
    let introduction = "How often each head picks the right word for a relation: dep→gov, the governor is the word that the \
                        dependent attends to most; gov→dep, the word that attends to the dependent most. Choose a relation \
                        and a direction; a click on a cell, or an arrow key, chooses the head whose attention the sentences \
                        show. Its frame is in all heat maps of the page. An asterisk marks heads that are better than the \
                        best baseline with a false discovery rate of 5 % over all heads, directions and relations \
                        (Benjamini &amp; Hochberg).";
    let boxes = [("heat-relation", "Relation"), ("heat-direction", "Direction")];
    Section::new("heads", "Heads", introduction).html(&grid_frame("heat-map", "Accuracy of each head", &boxes))
}

fn sentences(explorer: &Explorer) -> Section {
    let introduction = "Above the words the treebank's dependencies, below them one head's attention: lines run from the \
                        attending word down to the attended one, the stronger the more. For the chosen relation, the head's \
                        pick is <span class=\"swatch right\"></span>right or <span class=\"swatch wrong\"></span>wrong.";
    let (shown, split) = (count(explorer.sentences.len() as u64), escape_html(&explorer.split));
    let (least, most) = (WORDS.start(), WORDS.end());
    let drawn = match explorer.eligible {
        Some(eligible) => {
            format!(
                "{shown} of the {} sentences of {split} with {least} to {most} words, drawn at random",
                count(eligible)
            )
        }
        None => format!("{shown} sentences of {split} with {least} to {most} words, drawn at random"),
    };
    let frame = format!(
        "<p class=\"hint\">{drawn}. Point at a word, or focus it with Tab, to see its attention \
         alone; click or Enter keeps it. ↑ and ↓ walk through the list.</p>\n\
         <div class=\"toolbar\"><label>Relation<select id=\"explorer-relation\"></select></label>\
         <label>Head<select id=\"explorer-head\"></select></label>\
         <label>Direction<select id=\"explorer-direction\"></select></label>\
         <label>Words<input type=\"search\" id=\"explorer-search\" placeholder=\"in the sentence\"></label>\
         <label class=\"check\"><input type=\"checkbox\" id=\"explorer-mistakes\"> mistakes first</label>\
         <label class=\"check\"><input type=\"checkbox\" id=\"explorer-specials\"> [CLS] and [SEP]</label></div>\n\
         <p class=\"readout note\" id=\"explorer-summary\" aria-live=\"polite\"></p>\n\
         <div class=\"explorer\"><ul class=\"sentences\" id=\"explorer-sentences\" role=\"listbox\" tabindex=\"0\" \
         aria-label=\"Sentences\"></ul><div class=\"stage\" id=\"explorer-stage\"></div></div>\n",
    );
    Section::new("sentences", "Sentences", introduction).html(&frame)
}

fn map(rows: &[Cluster], report: &Report) -> Option<Section> {
    let stress = report.experiments.iter().find_map(|experiment| experiment.facts.get("stress_1")?.as_f64());
    let stress = stress
        .map(|stress| format!(" Kruskal's stress: {stress:.3} (below 0.1 fair, above 0.2 poor)."))
        .unwrap_or_default();
    let introduction = format!(
        "Heads with similar attention lie close together: multidimensional scaling of the Jensen–Shannon distances between \
         all pairs; the axes have no meaning of their own.{stress}"
    );
    let frame = "<div class=\"columns\"><div><h3>By layer</h3><div class=\"plot\" id=\"map-layers\" role=\"img\" \
                 aria-label=\"Map of heads, coloured by layer\"></div></div><div><h3>By behaviour</h3>\
                 <div class=\"plot\" id=\"map-roles\" role=\"img\" aria-label=\"Map of heads, coloured by behaviour\">\
                 </div></div></div>\n";
    let section = || {
        let section = Section::new("map", "Map of heads", &introduction).html(frame);
        section.details("Behaviours, roles and clusters", &clusters_sheet(rows))
    };
    (!rows.is_empty()).then(section)
}
