//! What heads look at, layer by layer.

use super::{layer_means, measure_order, measure_title, surface_sheet};
use crate::html::plots::{Line, Panel, Point};
use crate::html::section::Section;
use crate::kinds::shared::{head, source};
use crate::run::ModelSummary;
use crate::tables::Surface;

/// Surface patterns: shares of attention, and how broad it is.
pub(crate) fn surface(rows: &[Surface], model: &ModelSummary) -> Option<Section> {
    if rows.is_empty() {
        return None;
    }
    let mut measures: Vec<&str> = rows.iter().map(|row| row.measure.as_str()).collect();
    measures.sort_by_key(|measure| (measure_order(measure), *measure));
    measures.dedup();
    measures.retain(|measure| *measure != UNIFORM);
    let (entropies, shares): (Vec<&str>, Vec<&str>) =
        measures.into_iter().partition(|measure| measure.starts_with("entropy"));
    let panels =
        |measures: Vec<&str>, unit: &str| measures.iter().map(|measure| panel(rows, measure, unit, model)).collect();
    let introduction = "Where heads look, whatever the words mean. A dot is a head, the line is the mean of a layer; the \
                        dotted line is what attention to everything alike would have.";
    let section = Section::new("layers", "What heads look at", introduction)
        .html(&source("Text", "sequences", rows.iter().map(|row| (row.corpus.as_str(), row.sequences))))
        .panels("Where attention goes", panels(shares, "share of attention"))
        .panels("How broad attention is", panels(entropies, "entropy in nats"))
        .details("Means of the layers", &surface_sheet(rows));
    Some(section)
}

const UNIFORM: &str = "entropy_uniform";

fn panel(rows: &[Surface], measure: &str, unit: &str, model: &ModelSummary) -> Panel {
    let heads = rows.iter().filter(|row| row.measure == measure);
    let dots = heads.filter_map(|row| {
        let head = head(row.layer_index, row.head_index?);
        Some((f64::from(row.layer_index + 1), row.value, head))
    });
    let curve = |measure: &str| layer_means(rows, measure).into_iter().map(|(at, value)| Point::new(at + 1, value));
    let mut lines = vec![Line::new("mean of the layer", curve(measure))];
    if measure == "entropy" && rows.iter().any(|row| row.measure == UNIFORM) {
        lines.push(Line { reference: true, ..Line::new("uniform attention", curve(UNIFORM)) });
    }
    Panel {
        id: format!("surface-{measure}"),
        title: measure_title(measure, model),
        x: "layer",
        y: unit.to_owned(),
        dots: dots.collect(),
        rings: Vec::new(),
        lines,
    }
}
