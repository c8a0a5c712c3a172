//! Structural probes (Hewitt & Manning 2019).

mod labelled;
mod page;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::differences::differences_sheet;
use super::probe::Mean;
use super::{Experiment, Kind};
use crate::explorer::Explorer;
use crate::format::{percent, points};
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::{Difference, ProbeScore};

pub(crate) use page::mean_and_range;

/// `kind = "structural"`
pub(crate) struct Structural;

/// What `kind = "structural"` leaves beside its tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// How probes were trained.
    pub training: Value,
    /// Their ranks.
    pub ranks: Vec<u64>,
    /// The layers that they read, 0 being the embeddings.
    pub layers: Vec<u64>,
    /// Each structure and rank, in the order of the config; none in runs of earlier versions.
    pub probes: Vec<StructuralProbe>,
}

/// A structure and rank, whose layer was chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StructuralProbe {
    /// As tables name it.
    pub probe: String,
    /// `distance` or `depth`.
    pub structure: String,
    /// The rank.
    pub rank: u64,
    /// The layers chosen for its seeds.
    pub chosen_layers: Vec<u64>,
}

impl StructuralProbe {
    /// A sentence about the layers chosen; `None` where nothing was counted.
    fn finding(&self, rows: &[ProbeScore], differences: &[Difference]) -> Option<String> {
        let Self { probe, structure, rank, chosen_layers } = self;
        let (share, correlation, what, found) = match structure.as_str() {
            "distance" => ("uuas", "distance_spearman", "distances", "arcs (UUAS)"),
            // What relations are for is said of the trees that they are in.
            "relation" => return None,
            _ => ("root_accuracy", "norm_spearman", "depths", "roots"),
        };
        let is_chosen =
            |row: &&ProbeScore, measure: &str| row.group.is_none() && row.probe == *probe && row.measure == measure;
        let of = |measure| Mean::of(rows.iter().filter(|row| is_chosen(row, measure)));
        let layers: Vec<String> = chosen_layers.iter().map(ToString::to_string).collect();
        let layers = format!("layer{} {}", if layers.len() > 1 { "s" } else { "" }, layers.join(", "));
        let mean = of(share)?;
        let over = Some(mean.over()).filter(|over| !over.is_empty()).map(|over| format!(" ({over})"));
        let rho =
            of(correlation).map(|rho| format!(", with a rank correlation of {}", rho.show(|it| format!("{it:.3}"))));
        let embeddings = format!("{probe} layer 0");
        let above =
            differences.iter().find(|row| row.measure.name() == share && row.a == *probe && row.b == embeddings);
        let above = above.and_then(|row| {
            let (low, high) = row.ci_low.zip(row.ci_high)?;
            let (low, high) = (points(low), points(high));
            Some(format!("; the embeddings {} %, a difference of {low} to {high} points", percent(row.value_b)))
        });
        Some(format!(
            "The structural probe of {what} (rank {rank}) on {layers}, chosen on training sentences held out, finds {} % \
             of the {found}{}{}{}.",
            mean.percent(),
            over.unwrap_or_default(),
            rho.unwrap_or_default(),
            above.unwrap_or_default()
        ))
    }
}

impl Kind for Structural {
    fn name(&self) -> &'static str {
        "structural"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let (rows, differences) = (of.rows()?, of.differences()?);
        let facts: Facts = of.facts()?;
        let of_probes = facts.probes.iter().filter_map(|probe| probe.finding(&rows, &differences));
        Ok(of_probes.chain(labelled::findings(&rows, &differences)).collect())
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        let treebank = &of.report().treebank.name;
        let differences =
            differences_sheet(&of.differences()?, &format!("Differences between structural probes on {treebank}"));
        let rows: Vec<ProbeScore> = of.rows()?;
        let sheets = [structural_sheet(treebank, &rows)].into_iter().chain(labelled::labelled_sheet(treebank, &rows));
        Ok(sheets.chain(differences).collect())
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        let rows: Vec<ProbeScore> = run.table_or_empty()?;
        let is_there = rows.iter().any(is_structural);
        let treebank = &run.report().treebank.name;
        let of_probes = is_there.then(|| ("Structural probes", structural_sheet(treebank, &rows)));
        let of_trees =
            labelled::labelled_sheet(treebank, &rows).map(|sheet| ("Labelled trees of hidden states", sheet));
        Ok(of_probes.into_iter().chain(of_trees).collect())
    }

    fn sections(&self, run: &RunDirectory, _: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        Ok(page::structural(&run.table_or_empty()?, &run.report().treebank.name).into_iter().collect())
    }
}

/// Whether a row is about a structural probe.
pub(crate) fn is_structural(row: &ProbeScore) -> bool {
    row.probe.starts_with("structural")
}

/// Layers × probes; a cell is the share, and the rank correlation behind it.
fn structural_sheet(treebank: &str, rows: &[ProbeScore]) -> Sheet {
    let rows: Vec<&ProbeScore> = rows.iter().filter(|row| is_structural(row) && !labelled::is_labelled(row)).collect();
    let mut probes: Vec<&str> = Vec::new();
    let mut layers: Vec<usize> = Vec::new();
    for row in &rows {
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
                let of = |row: &&&ProbeScore| {
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
