//! The map of heads.

use serde::Serialize;

use super::clusters_sheet;
use crate::html::section::Section;
use crate::run::Report;
use crate::tables::{Behaviour, Cluster, Role};

/// Heads in the plane, by layer and by behaviour.
pub(crate) fn map(rows: &[Cluster], report: &Report) -> Option<Section> {
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

/// A head on the map.
#[derive(Debug, Serialize)]
pub(crate) struct Head {
    layer: u32,
    head: u32,
    x: f64,
    y: f64,
    /// See [`label`].
    label: &'static str,
}

/// What a head is called on maps: its behaviour, else its role, else nothing.
pub(crate) fn label(row: &Cluster) -> &'static str {
    row.behaviour.map(Behaviour::name).or(row.role.map(Role::name)).unwrap_or("")
}

/// What the script draws the map from.
pub(crate) fn on_map(rows: &[Cluster]) -> Vec<Head> {
    let head =
        |row: &Cluster| Head { layer: row.layer_index, head: row.head_index, x: row.x, y: row.y, label: label(row) };
    rows.iter().map(head).collect()
}
