//! What hidden states hold of distances and depths, layer by layer (Hewitt & Manning 2019).

use std::collections::BTreeMap;

use super::labelled::labelled_sheet;
use super::{is_structural, structural_sheet};
use crate::html::plots::{Line, Panel, Point};
use crate::html::section::Section;
use crate::kinds::shared::distinct;
use crate::tables::{ProbeGroup, ProbeScore};

/// Structural probes over layers.
pub(crate) fn structural(rows: &[ProbeScore], treebank: &str) -> Option<Section> {
    let table = structural_sheet(treebank, rows);
    let rows: Vec<ProbeScore> = rows.iter().filter(|row| is_structural(row)).cloned().collect();
    let [distances, depths] = MEASURES
        .map(|measures| -> Vec<Panel> { measures.iter().filter_map(|measure| panel(&rows, measure)).collect() });
    let relations: Vec<Panel> = panel(&rows, &RELATIONS).into_iter().collect();
    if distances.is_empty() && depths.is_empty() {
        return None;
    }
    let introduction = "A linear map of the hidden states after each layer, trained so that squared distances are those in \
                        the tree, squared lengths the depths below the root, or scores the relations of words; layer 0 is the \
                        embeddings. The ring is the \
                        layer with the least loss on training sentences held out. Bars are intervals; with several seeds \
                        the range.";
    let section = Section::new("structural", "Structural probes", introduction)
        .panels("Distances between words", distances)
        .panels("Depths below the root", depths)
        .panels("Relations of words", relations);
    let section = match labelled_sheet(treebank, &rows) {
        Some(sheet) => {
            section.html(&format!("<h3>Labelled trees</h3>\n<div class=\"scroll\">{}</div>\n", sheet.to_html()))
        }
        None => section,
    };
    Some(section.details("As a table", &table))
}

/// Of distances and of depths: a measure, its title and that of its axis.
const MEASURES: [[(&str, &str, &str); 2]; 2] = [
    [("uuas", "arcs found", "UUAS in %"), ("distance_spearman", "correlation with the tree's", "Spearman's ρ")],
    [("root_accuracy", "roots found", "roots in %"), ("norm_spearman", "correlation with the tree's", "Spearman's ρ")],
];

/// Of relations.
const RELATIONS: (&str, &str, &str) = ("relation_accuracy", "relations found", "words in %");

fn panel(rows: &[ProbeScore], (measure, title, y): &(&str, &str, &str)) -> Option<Panel> {
    let factor = if y.ends_with('%') { 100.0 } else { 1.0 };
    let of_layers = |row: &&ProbeScore| row.measure == *measure && row.group == Some(ProbeGroup::Layer);
    let of_layers: Vec<&ProbeScore> = rows.iter().filter(of_layers).collect();
    let layer = |row: &ProbeScore| row.group_value.as_deref()?.parse::<f64>().ok();
    let names = distinct(of_layers.iter().map(|row| row.probe.as_str()));
    let line = |name: &&str| {
        let mut layers: BTreeMap<u64, Vec<&ProbeScore>> = BTreeMap::new();
        for row in of_layers.iter().filter(|row| row.probe == **name) {
            layers.entry(layer(row).unwrap_or(0.0) as u64).or_default().push(row);
        }
        let point = |(layer, rows): (u64, Vec<&ProbeScore>)| {
            let (value, interval) = mean_and_range(&rows);
            let interval = interval.map(|(low, high)| (factor * low, factor * high));
            Point { interval, ..Point::new(layer as f64, factor * value) }
        };
        let rank =
            name.rsplit_once("_rank").map_or_else(|| "of the layer".to_owned(), |(_, rank)| format!("rank {rank}"));
        Line::new(rank, layers.into_iter().map(point))
    };
    // The chosen layer's row is there once more, without its layer.
    let chosen = rows.iter().filter(|row| row.measure == *measure && row.group.is_none());
    let ring = |chosen: &ProbeScore| {
        let same = |row: &&&ProbeScore| (&row.probe, row.seed, row.value) == (&chosen.probe, chosen.seed, chosen.value);
        let at = layer(of_layers.iter().find(same)?)?;
        Some((at, factor * chosen.value, format!("layer {at}, chosen")))
    };
    (!names.is_empty()).then(|| Panel {
        id: format!("structural-{measure}"),
        title: (*title).to_owned(),
        x: "layer",
        y: (*y).to_owned(),
        dots: Vec::new(),
        rings: chosen.filter_map(ring).collect(),
        lines: names.iter().map(line).collect(),
    })
}

/// The mean over seeds, and the interval of a single one or the range of several.
pub(crate) fn mean_and_range(rows: &[&ProbeScore]) -> (f64, Option<(f64, f64)>) {
    let values = || rows.iter().map(|row| row.value);
    let range = match rows {
        [row] => row.ci_low.zip(row.ci_high),
        _ => values().reduce(f64::min).zip(values().reduce(f64::max)),
    };
    (values().sum::<f64>() / rows.len() as f64, range)
}
