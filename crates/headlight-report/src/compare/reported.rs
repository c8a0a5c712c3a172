//! What can be compared: a run, or a published table.

use std::path::Path;

use super::{CompareError, Paper};
use crate::run::RunDirectory;

/// A run or a published table, under the label that tells it from the others.
#[derive(Clone, Debug)]
pub enum Reported {
    /// A run.
    Run(Box<RunDirectory>),
    /// A published table.
    Paper(Box<Paper>),
}

impl Reported {
    /// Opens what `argument` names: a run's folder, a published table's file (`*.toml`), or the name of one that is
    /// compiled in (`clark2019`).
    ///
    /// # Errors
    /// [`CompareError::Run`] for a folder that is no complete run, [`CompareError::PaperFile`],
    /// [`CompareError::Paper`] or [`CompareError::PaperHead`] for a published table that cannot be read.
    pub fn open(argument: &str) -> Result<Self, CompareError> {
        let path = Path::new(argument);
        if !path.exists()
            && let Some(paper) = Paper::builtin(argument)
        {
            return paper.map(|paper| Reported::Paper(Box::new(paper)));
        }
        if path.extension().is_some_and(|extension| extension == "toml") {
            return Ok(Reported::Paper(Box::new(Paper::open(path)?)));
        }
        Ok(Reported::Run(Box::new(RunDirectory::open(path)?)))
    }

    /// Labels that tell the sources apart: the run's name or the paper's id; with the folder where two runs share a name.
    pub(super) fn labels(sources: &[Reported]) -> Result<Vec<String>, CompareError> {
        let places: Vec<String> = sources.iter().map(Reported::place).collect();
        for (index, place) in places.iter().enumerate() {
            if places[..index].contains(place) {
                return Err(CompareError::Itself(sources[index].name().to_owned()));
            }
        }
        let names: Vec<&str> = sources.iter().map(Reported::name).collect();
        let label = |source: &Reported| match source {
            Reported::Run(run) if names.iter().filter(|&&name| name == source.name()).count() > 1 => {
                run.path().display().to_string()
            }
            _ => source.name().to_owned(),
        };
        Ok(sources.iter().map(label).collect())
    }

    /// The run's name, or the paper's id.
    pub fn name(&self) -> &str {
        match self {
            Reported::Run(run) => &run.report().name,
            Reported::Paper(paper) => &paper.paper.id,
        }
    }

    /// What makes two sources the same one.
    fn place(&self) -> String {
        match self {
            Reported::Run(run) => {
                let path = run.path().canonicalize();
                path.unwrap_or_else(|_| run.path().to_owned()).display().to_string()
            }
            Reported::Paper(paper) => format!("paper {}", paper.paper.id),
        }
    }
}
