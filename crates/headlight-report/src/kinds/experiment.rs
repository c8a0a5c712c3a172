//! An experiment of a run, as it was written.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{KINDS, Kind};
use crate::run::{ExperimentSummary, Report, RunDirectory, RunError};
use crate::tables::{Difference, Table};

/// An experiment with the run that it is of.
pub(crate) struct Experiment<'a> {
    run: &'a RunDirectory,
    summary: &'a ExperimentSummary,
}

impl<'a> Experiment<'a> {
    /// Those of a run, in the order of its report.
    pub fn all(run: &'a RunDirectory) -> impl Iterator<Item = Self> {
        run.report().experiments.iter().map(move |summary| Self { run, summary })
    }

    /// `None` where a newer headlight knew of it.
    pub fn kind(&self) -> Option<&'static dyn Kind> {
        KINDS.into_iter().find(|kind| kind.name() == self.summary.kind)
    }

    /// The run's report.
    pub fn report(&self) -> &'a Report {
        self.run.report()
    }

    /// Heads of the model.
    pub fn heads(&self) -> u64 {
        let model = &self.report().model;
        u64::from(model.layers) * u64::from(model.heads)
    }

    /// Maps that there are: of every head, or where heads are summed of every layer.
    pub fn maps(&self) -> u64 {
        let model = self.report().mapped();
        u64::from(model.layers) * u64::from(model.heads)
    }

    /// Whether it filled the table.
    pub fn has<T: Table>(&self) -> bool {
        self.summary.tables.iter().any(|table| table == T::NAME)
    }

    /// The rows of a table that it filled; none of one that it did not fill.
    pub fn rows<T: Table>(&self) -> Result<Vec<T>, RunError> {
        if self.has::<T>() { self.run.table() } else { Ok(Vec::new()) }
    }

    /// What its kind compared.
    pub fn differences(&self) -> Result<Vec<Difference>, RunError> {
        let mut rows: Vec<Difference> = self.rows()?;
        rows.retain(|row| row.experiment.name() == self.summary.kind);
        Ok(rows)
    }

    /// Its facts, those that an earlier headlight did not write being empty.
    pub fn facts<T: DeserializeOwned>(&self) -> Result<T, RunError> {
        let facts = Value::Object(self.summary.facts.clone().into_iter().collect());
        let path = self.run.path().join("report.json");
        serde_json::from_value(facts).map_err(|source| RunError::Json { path, source })
    }
}
