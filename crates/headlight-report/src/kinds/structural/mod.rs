//! Structural probes (Hewitt & Manning 2019), as a table for people.

mod page;

pub(crate) use page::{mean_and_range, structural};

use crate::format::percent;
use crate::run::Report;
use crate::sheet::Sheet;
use crate::tables::ProbeScore;

/// Whether a row is about a structural probe.
pub(crate) fn is_structural(row: &ProbeScore) -> bool {
    row.probe.starts_with("structural")
}

/// Layers × probes; a cell is the share, and the rank correlation behind it. Rows of other probes are not to be among
/// them.
pub fn structural_sheet(treebank: &str, rows: &[ProbeScore]) -> Sheet {
    let mut probes: Vec<&str> = Vec::new();
    let mut layers: Vec<usize> = Vec::new();
    for row in rows {
        if !probes.contains(&row.probe.as_str()) {
            probes.push(&row.probe);
        }
        layers.extend(row.group_value.as_deref().and_then(|layer| layer.parse::<usize>().ok()));
    }
    layers.sort_unstable();
    layers.dedup();
    let mut titles = vec![">layer".to_owned()];
    for probe in &probes {
        let share = if probe.contains("distance") { "UUAS" } else { "root" };
        let rank = probe.rsplit_once("_rank").map(|(_, rank)| format!(" {rank}")).unwrap_or_default();
        titles.extend([format!(">{share}{rank}"), ">ρ".to_owned()]);
    }
    let mut sheet =
        Sheet::new(format!("Structural probes on {treebank}"), &titles.iter().map(String::as_str).collect::<Vec<_>>());
    let cells = |layer: Option<usize>| {
        let mut cells = Vec::new();
        for probe in &probes {
            for shares in [true, false] {
                let of = |row: &&ProbeScore| {
                    row.probe == *probe
                        && row.group_value == layer.map(|layer| layer.to_string())
                        && row.total.is_some() == shares
                };
                let values: Vec<f64> = rows.iter().filter(of).map(|row| row.value).collect();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let text = match (values.is_empty(), shares) {
                    (true, _) => String::new(),
                    (_, true) => percent(mean),
                    (_, false) => format!("{mean:.3}"),
                };
                cells.push(text.into());
            }
        }
        cells
    };
    let row = |title: String, layer: Option<usize>| [title.into()].into_iter().chain(cells(layer)).collect();
    sheet.groups.push(layers.iter().map(|layer| row(layer.to_string(), Some(*layer))).collect());
    sheet.groups.push(vec![row("chosen".to_owned(), None)]);
    sheet.notes.push(
        "UUAS, root: % of arcs and of roots, without punctuation. ρ: Spearman, mean over sentences of 5–50 words. Layer \
         0 is the embeddings; chosen: the layer of least loss on training sentences held out. Means over seeds."
            .to_owned(),
    );
    sheet
}

/// Layer by layer; empty without structural probes.
pub(crate) fn structural_section(probes: &[ProbeScore], report: &Report) -> Sheet {
    let rows: Vec<ProbeScore> = probes.iter().filter(|row| is_structural(row)).cloned().collect();
    if rows.is_empty() { Sheet::default() } else { structural_sheet(&report.treebank.name, &rows) }
}
