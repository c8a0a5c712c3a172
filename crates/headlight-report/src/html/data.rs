//! What the page's scripts draw from, as JSON, beside the plots of single sections.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::head_counts::HeadCounts;
use crate::kinds::clusters::{Head, on_map};
use crate::kinds::heads::{Best, Start, chosen, start};
use crate::kinds::probe::{ProbeMeasure, bars};
use crate::run::{RunDirectory, RunError};
use crate::tables::{BestHead, ProbeScore};

/// Everything but the explorer's sentences.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageData {
    model: Model,
    /// What the page shows first: the relation with the largest gain over its baseline.
    start: Start,
    /// By relation.
    best: BTreeMap<String, Best>,
    pub scores: HeadCounts,
    pub clusters: Vec<Head>,
    pub probes: Vec<ProbeMeasure>,
    #[serde(skip)]
    pub best_heads: Vec<BestHead>,
    #[serde(skip)]
    pub probe_rows: Vec<ProbeScore>,
}

#[derive(Debug, Default, Serialize)]
struct Model {
    name: String,
    layers: u32,
    heads: u32,
}

impl PageData {
    /// Reads the tables of a run; what the run did not compute is empty.
    pub(super) fn read(run: &RunDirectory) -> Result<Self, RunError> {
        let report = run.report();
        let best_heads: Vec<BestHead> = run.table_or_empty()?;
        let probe_rows: Vec<ProbeScore> = run.table_or_empty()?;
        let scores = HeadCounts::read(run)?;
        Ok(Self {
            model: Model {
                name: report.model.display_name(),
                layers: report.model.layers,
                heads: report.mapped().heads,
            },
            start: start(&best_heads, &scores),
            best: best_heads.iter().map(|row| (row.relation.clone(), chosen(row))).collect(),
            scores,
            clusters: on_map(&run.table_or_empty()?),
            probes: bars(&probe_rows),
            best_heads,
            probe_rows,
        })
    }
}
