//! The sections of the page in reading order: what heads do, alone and together; what they look at and which are alike;
//! what the model needs; what probes make of them; what is
//! compared.

use super::data::PageData;
use super::section::Section;
use super::story::{findings, method};
use crate::explorer::Explorer;
use crate::kinds::clusters::map;
use crate::kinds::coreference::coreference;
use crate::kinds::differences::differences;
use crate::kinds::ensembles::ensembles;
use crate::kinds::heads::{best_heads, beyond, heads, null_models, sentences};
use crate::kinds::importance::importance;
use crate::kinds::probe::probes;
use crate::kinds::pruning::pruning;
use crate::kinds::structural::structural;
use crate::kinds::surface::surface;
use crate::kinds::trees::trees;
use crate::run::{RunDirectory, RunError};

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
        beyond(&run.table_or_empty()?, &data.best_heads, &run.table_or_empty()?),
        null_models(&run.table_or_empty()?),
        ensembles(&run.table_or_empty()?, &run.table_or_empty()?, &run.table_or_empty()?),
        trees(&run.table_or_empty()?, model),
        coreference(&run.table_or_empty()?, &run.table_or_empty()?, model),
        surface(&run.table_or_empty()?),
        map(&run.table_or_empty()?, report),
        importance(&run.table_or_empty()?, report),
        pruning(&run.table_or_empty()?, &run.table_or_empty()?, model),
        probes(&data.probe_rows, model, &report.treebank.name),
        structural(&data.probe_rows, &report.treebank.name),
        differences(&run.table_or_empty()?),
        Some(method(report, run.manifest())),
    ];
    Ok(sections.into_iter().flatten().collect())
}
