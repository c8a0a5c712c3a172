//! What heads look at, layer by layer.

use super::{MEASURES, layer_means, surface_sheet};
use crate::html::plots::{Line, Panel, Point};
use crate::html::section::Section;
use crate::kinds::shared::{head, source};
use crate::run::ModelSummary;
use crate::tables::{Surface, SurfaceMeasure};

/// Surface patterns: shares of attention, and how broad it is.
pub(crate) fn surface(rows: &[Surface], model: &ModelSummary) -> Option<Section> {
    if rows.is_empty() {
        return None;
    }
    let shown = MEASURES.into_iter().filter(|(measure, _)| rows.iter().any(|row| row.measure == *measure));
    let (entropies, shares): (Vec<_>, Vec<_>) = shown.partition(|(measure, _)| measure.is_entropy());
    let panels = |measures: Vec<(SurfaceMeasure, &str)>, unit: &str| {
        measures.into_iter().map(|measure| panel(rows, measure, unit, model)).collect()
    };
    let introduction = "Where heads look, whatever the words mean. A dot is a head, the line is the mean of a layer; the \
                        dotted line is what attention to everything alike would have.";
    let section = Section::new("layers", "What heads look at", introduction)
        .html(&source("Text", "sequences", rows.iter().map(|row| (row.corpus.as_str(), row.sequences))))
        .panels("Where attention goes", panels(shares, "share of attention"))
        .panels("How broad attention is", panels(entropies, "entropy in nats"))
        .details("Means of the layers", &surface_sheet(rows));
    Some(section)
}

fn panel(rows: &[Surface], (measure, title): (SurfaceMeasure, &str), unit: &str, model: &ModelSummary) -> Panel {
    let heads = rows.iter().filter(|row| row.measure == measure);
    let dots = heads.filter_map(|row| {
        let head = head(row.layer_index, row.head_index?);
        Some((f64::from(row.layer_index + 1), row.value, head))
    });
    let curve = |measure| layer_means(rows, measure).into_iter().map(|(at, value)| Point::new(at + 1, value));
    let mut lines = vec![Line::new("mean of the layer", curve(measure))];
    let uniform = SurfaceMeasure::UniformEntropy;
    if measure == SurfaceMeasure::Entropy && rows.iter().any(|row| row.measure == uniform) {
        lines.push(Line { reference: true, ..Line::new("uniform attention", curve(uniform)) });
    }
    Panel {
        id: format!("surface-{measure}"),
        title: model.named(title),
        x: "layer",
        y: unit.to_owned(),
        dots: dots.collect(),
        rings: Vec::new(),
        lines,
    }
}
