//! What each kind of experiment shows, made from the rows and facts that it wrote: the one home of findings, of the
//! warnings that follow from rows, of sheets (terminal, `report.md`) and of sections of the page.
//!
//! A kind is a type that implements [`Kind`], in a file or folder of its own, and a line in [`KINDS`]. It gets what was
//! written and nothing else, so that `headlight report` shows what the run showed; what no table holds is a fact, whose
//! type stands beside the kind and which the runner fills (see [`crate::facts`]).

pub(crate) mod clusters;
pub(crate) mod coreference;
pub(crate) mod differences;
pub(crate) mod ensembles;
mod experiment;
pub(crate) mod heads;
pub(crate) mod importance;
pub(crate) mod masked_lm;
pub mod pairs;
pub mod probe;
pub(crate) mod pruning;
pub(crate) mod shared;
pub(crate) mod structural;
pub(crate) mod surface;
pub(crate) mod trees;

use crate::explorer::Explorer;
use crate::html::html_report;
use crate::html::section::Section;
use crate::markdown::markdown_report;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
pub(crate) use experiment::Experiment;

/// What a kind of experiment shows. The parts of one experiment get its own rows where several share a table; the parts of a
/// report are of all that a run wrote.
pub(crate) trait Kind: Sync {
    /// As configs and `report.json` name it.
    fn name(&self) -> &'static str;

    /// The main results of an experiment as sentences with numbers, the most important first.
    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError>;

    /// What a reader must know before trusting its numbers, as far as rows and facts tell.
    fn warnings(&self, _of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        Ok(Vec::new())
    }

    /// The tables that are printed when a run ends.
    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError>;

    /// The tables of `report.md`, each under its title; empty ones are left out.
    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError>;

    /// The sections of the page.
    fn sections(&self, run: &RunDirectory, explorer: Option<&Explorer>) -> Result<Vec<Section>, RunError>;
}

/// All kinds in the order in which reports show them: what heads do, alone and together; what they look at and which are
/// alike; what the model needs; what probes make of them.
const KINDS: [&dyn Kind; 11] = [
    &heads::Heads,
    &ensembles::Ensembles,
    &trees::Trees,
    &coreference::Coreference,
    &surface::Surface,
    &clusters::Clusters,
    &importance::Importance,
    &pruning::Pruning,
    &pairs::Pairs,
    &probe::Probe,
    &structural::Structural,
];

/// What an experiment says in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The main results as sentences with numbers, the most important first.
    pub findings: Vec<String>,
    /// What a reader must know before trusting them, as far as rows and facts tell.
    pub warnings: Vec<String>,
}

/// What each experiment of a run says, in the order of its report.
///
/// # Errors
/// [`RunError::Table`] where a table cannot be read.
pub fn told(run: &RunDirectory) -> Result<Vec<Told>, RunError> {
    let of = |experiment: Experiment<'_>| match experiment.kind() {
        Some(kind) => {
            let named = |texts: Vec<String>| texts.iter().map(|text| run.report().model.named(text)).collect();
            Ok(Told { findings: named(kind.findings(&experiment)?), warnings: named(kind.warnings(&experiment)?) })
        }
        None => Ok(Told::default()),
    };
    Experiment::all(run).map(of).collect()
}

/// Writes `report.md` and `report.html` of a run from its other files, and returns the tables that are printed when it ends.
/// All of it is a matter of those files: the same again whenever it is called.
///
/// # Errors
/// [`RunError::Table`] where a table cannot be read; those of [`html_report`]; [`RunError::Io`] where the disk does not
/// take the reports.
pub fn show(run: &RunDirectory) -> Result<Vec<Sheet>, RunError> {
    let reports = || rayon::join(|| markdown_report(run), || html_report(run));
    let ((markdown, html), sheets) = rayon::join(reports, || sheets(run));
    run.write_made(&[("report.md", markdown?), ("report.html", html?)])?;
    sheets
}

/// The tables that are printed.
fn sheets(run: &RunDirectory) -> Result<Vec<Sheet>, RunError> {
    let mut sheets = Vec::new();
    for experiment in Experiment::all(run) {
        if let Some(kind) = experiment.kind() {
            sheets.extend(kind.sheets(&experiment)?.into_iter().map(|sheet| sheet.in_terms_of(&run.report().model)));
        }
    }
    if run.report().model.random_weights {
        sheets.iter_mut().for_each(|sheet| sheet.notes.push(RANDOM_WEIGHTS.to_owned()));
    }
    Ok(sheets)
}

/// What a reader of numbers about random weights must know.
pub const RANDOM_WEIGHTS: &str =
    "The model's weights are random, all but its embeddings (model.random_init): a control, not the model.";

/// The tables of `report.md`, kind by kind, then what is compared.
pub(crate) fn chapters(run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
    let mut chapters = Vec::new();
    for kind in KINDS {
        let named = |(title, sheet): (&'static str, Sheet)| (title, sheet.in_terms_of(&run.report().model));
        chapters.extend(kind.chapters(run)?.into_iter().map(named));
    }
    chapters.extend(differences::chapters(run)?);
    chapters.retain(|(_, sheet)| !sheet.is_empty());
    Ok(chapters)
}

/// The sections of the page, likewise.
pub(crate) fn sections(run: &RunDirectory, explorer: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
    let mut sections = Vec::new();
    for kind in KINDS {
        sections.extend(kind.sections(run, explorer)?);
    }
    sections.extend(differences::differences(&run.table_or_empty()?));
    Ok(sections)
}
