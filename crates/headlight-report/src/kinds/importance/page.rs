//! What the masked-language-model loss minds: Figure 3 of Clark et al. (2019), and heads (Michel et al. 2019).

use super::importance_sheet;
use crate::html::plots::{Colours, Grid, HeadMap, Line, Panel, Point};
use crate::html::section::Section;
use crate::kinds::masked_lm::{UNTRAINED, is_untrained};
use crate::kinds::shared::{distinct, head, of_heads, source};
use crate::run::Report;
use crate::tables::{Importance, ImportanceMeasure};

/// Gradients of the loss by layer and by head.
pub(crate) fn importance(rows: &[Importance], report: &Report) -> Option<Section> {
    let model = &report.model;
    let untrained = is_untrained(report);
    if rows.is_empty() {
        return None;
    }
    let introduction = "How much the masked-language-model loss changes with a small change of attention. Where attention \
                        to [SEP] is common but matters little, heads rest there (Figure 3 of Clark et al. 2019). A gate \
                        scales all that a head says: heads with small gradients are not missed (Michel et al. 2019). Bars \
                        are standard errors over sequences; a dot is a head.";
    let introduction = if untrained { format!("{UNTRAINED} {introduction}") } else { introduction.to_owned() };
    let introduction = model.named(&introduction);
    let title = |measure: ImportanceMeasure| model.named(title(measure));
    let measures = distinct(rows.iter().map(|row| row.measure));
    let (gates, attention): (Vec<_>, Vec<_>) = measures.into_iter().partition(|it| *it == ImportanceMeasure::Gate);
    let line = |measure: &ImportanceMeasure| Line::new(title(*measure), layers(rows, *measure));
    let mut panels = Vec::new();
    if !attention.is_empty() {
        panels.push(Panel {
            id: "importance-attention".to_owned(),
            title: "Gradient by attention weights, mean of the layer".to_owned(),
            x: "layer",
            y: "|∂loss/∂attention| in nats".to_owned(),
            dots: Vec::new(),
            rings: Vec::new(),
            lines: attention.iter().map(line).collect(),
        });
    }
    panels.extend(gates.iter().map(|measure| Panel {
        id: format!("importance-{measure}"),
        title: format!("Gradient by the {measure} of each head"),
        x: "layer",
        y: format!("|∂loss/∂{measure}| in nats"),
        dots: dots(rows, *measure),
        rings: Vec::new(),
        lines: vec![Line::new("mean of the layer", layers(rows, *measure))],
    }));
    let map = |measure: &ImportanceMeasure| {
        let of_head = |layer, head| {
            let mine =
                |row: &&Importance| row.measure == *measure && (row.layer_index, row.head_index) == (layer, Some(head));
            rows.iter().find(mine).map(|row| (row.value, row.standard_error))
        };
        HeadMap::numbers(title(*measure), "nats", Colours::Amount, &of_heads(model, of_head))
    };
    // What a head matters as a whole comes first.
    let maps = gates.iter().chain(&attention).map(map).collect();
    let grid = Grid { id: "importance-heads", title: "Importance of each head", choose: "Gradient by", maps };
    Some(
        Section::new("importance", "Importance", &introduction)
            .html(&source("Text", "sequences", rows.iter().map(|row| (row.corpus.as_str(), row.sequences))))
            .panels("", panels)
            .grid(grid)
            .details("By layer", &importance_sheet(rows, untrained).in_terms_of(model)),
    )
}

fn title(measure: ImportanceMeasure) -> &'static str {
    match measure {
        ImportanceMeasure::GradientSep => "attention to [SEP]",
        ImportanceMeasure::GradientPunct => "attention to . and ,",
        ImportanceMeasure::GradientRest => "attention to all else",
        ImportanceMeasure::Gate => "a gate on the head",
    }
}

fn layers(rows: &[Importance], measure: ImportanceMeasure) -> Vec<Point> {
    let whole = rows.iter().filter(|row| row.measure == measure && row.head_index.is_none());
    whole.map(|row| Point::new(row.layer_index + 1, row.value).with_error(row.standard_error)).collect()
}

fn dots(rows: &[Importance], measure: ImportanceMeasure) -> Vec<(f64, f64, String)> {
    let of_measure = rows.iter().filter(|row| row.measure == measure);
    let dot = |row: &Importance| {
        let head = head(row.layer_index, row.head_index?);
        Some((f64::from(row.layer_index + 1), row.value, head))
    };
    of_measure.filter_map(dot).collect()
}
