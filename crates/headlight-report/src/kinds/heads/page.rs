//! The best head of each relation, all heads, and the sentences in which one sees them.

use super::best::{PATHS, chosen_where, how_tested, reachable_sheet};
use super::relations::relations;
use crate::assess::Family;
use crate::explorer::{Explorer, WORDS};
use crate::format::count;
use crate::html::plots::grid_frame;
use crate::html::section::Section;
use crate::run::Report;
use crate::sheet::escape_html;
use crate::tables::BestHead;

/// The relation table.
pub(crate) fn best_heads(rows: &[BestHead], report: &Report) -> Option<Section> {
    let introduction = format!(
        "For each relation the head that follows it best, and how often it picks the right word, beside the best baseline \
         on the same words. {} A click on a row shows the relation in the sections below.{}",
        selection_note(report),
        if rows.iter().any(|row| Family::of(&row.relation) == Family::Paths) {
            format!(" {}", PATHS.replace('`', ""))
        } else {
            String::new()
        }
    );
    let section = || Section::new("relations", "Relations", introduction).html(&relations(rows));
    (!rows.is_empty()).then(|| match reachable_sheet(rows) {
        Some(reachable) => section().details("What the best heads can reach", &reachable),
        None => section(),
    })
}

fn selection_note(report: &Report) -> String {
    let note = chosen_where(report).replace("Optimistic", "<strong>Optimistic</strong>");
    format!("{note} Test: {}.", escape_html(&how_tested(report)))
}

/// The heat map of all heads; `reads_later`: some are read from later to earlier too.
pub(crate) fn heads(reads_later: bool) -> Section {
    let later = if reads_later {
        "; late→early, the later of dependent and governor attends to the earlier one most, of all words before it"
    } else {
        ""
    };
    let introduction = format!(
        "How often each head picks the right word for a relation: dep→gov, the governor is the word that the \
                        dependent attends to most; gov→dep, the word that attends to the dependent most{later}. Choose a \
                        relation and a direction; a click on a cell, or an arrow key, chooses the head whose attention the sentences \
                        show. Its frame is in all heat maps of the page. An asterisk marks heads that are better than the \
                        best baseline with a false discovery rate of 5 % over all heads, directions and relations \
                        (Benjamini &amp; Hochberg)."
    );
    let boxes = [("heat-relation", "Relation"), ("heat-direction", "Direction")];
    Section::new("heads", "Heads", introduction).html(&grid_frame("heat-map", "Accuracy of each head", &boxes))
}

/// The explorer.
pub(crate) fn sentences(explorer: &Explorer) -> Section {
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
    let specials: Vec<&str> =
        explorer.frame.before().iter().chain(explorer.frame.after()).map(String::as_str).collect();
    let hidden = if specials.is_empty() { " hidden" } else { "" };
    let specials = escape_html(&specials.join(", "));
    let frame = format!(
        "<p class=\"hint\">{drawn}. Point at a word, or focus it with Tab, to see its attention \
         alone; click or Enter keeps it. ↑ and ↓ walk through the list.</p>\n\
         <div class=\"toolbar\"><label>Relation<select id=\"explorer-relation\"></select></label>\
         <label>Head<select id=\"explorer-head\"></select></label>\
         <label>Direction<select id=\"explorer-direction\"></select></label>\
         <label>Words<input type=\"search\" id=\"explorer-search\" placeholder=\"in the sentence\"></label>\
         <label class=\"check\"><input type=\"checkbox\" id=\"explorer-mistakes\"> mistakes first</label>\
         <label class=\"check\"{hidden}><input type=\"checkbox\" id=\"explorer-specials\"> {specials}</label></div>\n\
         <p class=\"readout note\" id=\"explorer-summary\" aria-live=\"polite\"></p>\n\
         <div class=\"explorer\"><ul class=\"sentences\" id=\"explorer-sentences\" role=\"listbox\" tabindex=\"0\" \
         aria-label=\"Sentences\"></ul><div class=\"stage\" id=\"explorer-stage\"></div></div>\n",
    );
    Section::new("sentences", "Sentences", introduction).html(&frame)
}
