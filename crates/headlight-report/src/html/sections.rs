//! The sections of the page in reading order: findings, what each kind shows, how it was made.

use super::section::Section;
use super::story::{findings, method};
use crate::explorer::Explorer;
use crate::kinds;
use crate::run::{RunDirectory, RunError};

/// The sections for which the run has something to show.
pub(super) fn sections(run: &RunDirectory, explorer: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
    let mut sections = vec![findings(run.report())];
    sections.extend(kinds::sections(run, explorer)?);
    sections.push(method(run.report(), run.manifest()));
    Ok(sections)
}
