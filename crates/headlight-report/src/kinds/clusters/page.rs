//! The map of heads.

use super::clusters_sheet;
use crate::html::section::Section;
use crate::run::Report;
use crate::tables::Cluster;

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
