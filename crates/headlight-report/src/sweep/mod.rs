//! Runs of one sweep side by side: over the steps of a training, over its seeds, over any other key (METHOD §13).
//!
//! A sweep has a folder of its own beside those of its runs, with two tables, `sweep.json`, a page and a Markdown report, all
//! made from what the runs have written.

mod curves;
mod measures;
mod page;
mod seeds;
mod sheets;

use std::path::{Path, PathBuf};

use headlight_stats::Bootstrap;
use serde::{Deserialize, Serialize};

pub(crate) use curves::{Curve, CurvePoint};
pub(crate) use measures::{BEST_HEAD, scores};

use crate::kinds::probe::is_share;
use crate::run::{
    ReadJson, RunDirectory, RunError, Verified, WrittenFile, changed_files, read_json, write_sealed, write_whole,
};
use crate::selection::Selection;
use crate::tables::{SweepScore, SweepSeeds, read_table, write_table};

/// The version of `sweep.json` that this crate writes, and the newest it reads.
pub const SWEEP_VERSION: u32 = 1;

/// The file that makes a folder that of a sweep.
const FILE: &str = "sweep.json";

/// A finished run and its place in a sweep.
#[derive(Clone, Debug)]
pub struct SweptRun {
    /// The run.
    pub run: RunDirectory,
    /// The swept keys with its values.
    pub swept: String,
    /// What it shares with the runs that differ from it in step and seed only.
    pub series: String,
    /// The step of the training that its checkpoint is of.
    pub step: Option<u64>,
    /// The seed of the training, or the run's own.
    pub seed: u64,
}

/// The place of a run in a sweep, as the sweep's folder has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPlace {
    /// The swept keys with its values.
    pub swept: String,
    /// What it shares with the runs that differ from it in step and seed only.
    pub series: String,
    /// The step of the training that its checkpoint is of.
    pub step: Option<u64>,
    /// The seed of the training, or the run's own.
    pub seed: u64,
}

/// A sweep, as its folder has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    summary: Summary,
    scores: Vec<SweepScore>,
    seeds: Vec<SweepSeeds>,
    changed: Vec<String>,
}

/// `sweep.json`: which runs are in it, and what a reader must know of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Summary {
    format_version: u32,
    /// The name that all runs begin with.
    name: String,
    headlight_version: String,
    /// The treebank or corpus that results are of.
    treebank: String,
    /// Where heads were chosen, as in configs.
    selection: Selection,
    runs: Vec<RunSummary>,
    warnings: Vec<String>,
    /// The tables, with their checksums; none in files of earlier versions.
    #[serde(default)]
    files: Vec<WrittenFile>,
}

/// A run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RunSummary {
    name: String,
    swept: String,
    series: String,
    step: Option<u64>,
    seed: u64,
    finished: String,
}

/// One result in all its runs: a measure, and of what.
type Measured<'a> = (&'a str, &'a str);

impl Sweep {
    /// From the runs of a sweep; `name` is what their names begin with.
    ///
    /// # Errors
    /// [`RunError::OtherShape`] where the checkpoints of a training are not of one shape, and whatever keeps the runs' tables
    /// from being read.
    pub fn of_runs(name: &str, runs: &[SweptRun]) -> Result<Self, RunError> {
        for (at, run) in runs.iter().enumerate() {
            if let Some(before) = runs[..at].iter().find(|before| before.series == run.series) {
                check_shapes(before, run)?;
            }
        }
        let mut scores = Vec::new();
        for run in runs {
            scores.extend(measures::scores(run)?);
        }
        let (seeds, mut warnings) = seeds::over_seeds(runs, &scores)?;
        let report = runs.first().map(|first| first.run.report());
        let selection = report.map_or(Selection::Separate, |report| report.conventions.selection);
        if scores.iter().any(|row| row.measure == BEST_HEAD) {
            warnings.extend(selection.warning("of every run alike"));
        }
        let steps = runs.iter().any(|run| run.step.is_some());
        if steps && seeds.is_empty() {
            warnings.push(
                "Each step is of one training seed: intervals are over sentences alone and say nothing of other trainings."
                    .to_owned(),
            );
        }
        let treebank = report.map(|report| report.treebank.name.clone()).unwrap_or_default();
        let summary = Summary {
            format_version: SWEEP_VERSION,
            name: name.to_owned(),
            headlight_version: env!("CARGO_PKG_VERSION").to_owned(),
            treebank,
            selection,
            runs: runs.iter().map(RunSummary::of).collect(),
            warnings,
            files: Vec::new(),
        };
        Ok(Self { summary, scores, seeds, changed: Vec::new() })
    }

    /// Whether a folder is that of a sweep.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Reads the folder of a sweep.
    ///
    /// # Errors
    /// When it is none, or a file of it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, RunError> {
        if !Self::is_at(folder) {
            return Err(RunError::NotASweep(folder.to_owned()));
        }
        let ReadJson { value: mut summary, is_sealed } = read_json::<Summary>(&folder.join(FILE), SWEEP_VERSION)?;
        let changed = changed_files(folder, FILE, is_sealed, &summary.files)?;
        summary.warnings.extend(changed.iter().map(|changed| format!("{changed}: what stands there now is shown.")));
        let seeds = folder.join(format!("{}.parquet", <SweepSeeds as crate::tables::Table>::NAME));
        Ok(Self {
            summary,
            scores: read_table(folder)?,
            seeds: if seeds.is_file() { read_table(folder)? } else { Vec::new() },
            changed,
        })
    }

    /// What became of the files in the folder of a sweep.
    ///
    /// # Errors
    /// As [`crate::run::verify`].
    pub fn verify(folder: &Path) -> Result<Verified, RunError> {
        let ReadJson { value: summary, is_sealed } = read_json::<Summary>(&folder.join(FILE), SWEEP_VERSION)?;
        Verified::of(folder, FILE, is_sealed, &summary.files)
    }

    /// Writes tables, `sweep.json`, `report.md` and `report.html` into a folder.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn write(&self, folder: &Path) -> Result<(), RunError> {
        write_table(folder, &self.scores)?;
        if !self.seeds.is_empty() {
            write_table(folder, &self.seeds)?;
        }
        let files = WrittenFile::all_in(folder, &[])?;
        write_sealed(&folder.join(FILE), &Summary { files, ..self.summary.clone() })?;
        self.write_reports(folder)
    }

    /// Writes `report.md` and `report.html` into a folder, each whole or not at all.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn write_reports(&self, folder: &Path) -> Result<(), RunError> {
        let reports = [("report.md", self.to_markdown()), ("report.html", self.to_html())];
        reports.iter().try_for_each(|(file, text)| write_whole(&folder.join(file), text))
    }

    /// What of its files is no longer what was written, in words.
    pub fn changed(&self) -> &[String] {
        &self.changed
    }

    /// The one result of each run.
    pub fn scores(&self) -> &[SweepScore] {
        &self.scores
    }

    /// Results over the seeds of each step.
    pub fn seeds(&self) -> &[SweepSeeds] {
        &self.seeds
    }

    /// The folders of its runs, which lie beside its own, `folder`.
    pub fn folders(&self, folder: &Path) -> Vec<PathBuf> {
        self.summary.runs.iter().map(|run| folder.with_file_name(&run.name)).collect()
    }

    /// The folders of its runs, with the place of each.
    pub fn places(&self, folder: &Path) -> Vec<(PathBuf, RunPlace)> {
        let place = |run: &RunSummary| {
            let RunSummary { swept, series, step, seed, .. } = run.clone();
            (folder.with_file_name(&run.name), RunPlace { swept, series, step, seed })
        };
        self.summary.runs.iter().map(place).collect()
    }

    /// The series, in the order of the runs.
    pub fn series(&self) -> Vec<&str> {
        let mut series: Vec<&str> = Vec::new();
        for run in &self.summary.runs {
            if !series.contains(&run.series.as_str()) {
                series.push(&run.series);
            }
        }
        series
    }

    /// The steps of a series, ascending; runs whose checkpoint has none are of the step `None`.
    fn steps(&self, series: &str) -> Vec<Option<u64>> {
        let mut steps: Vec<Option<u64>> =
            self.summary.runs.iter().filter(|run| run.series == series).map(|run| run.step).collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    /// The rows of one result at one step, one for each seed.
    fn rows(&self, series: &str, step: Option<u64>, (measure, of): Measured<'_>) -> impl Iterator<Item = &SweepScore> {
        let step = step.map(|step| step as i64);
        self.scores
            .iter()
            .filter(move |row| row.step == step && row.series == series && row.measure == measure && row.of == of)
    }

    /// One result at one step: over its seeds where there are several.
    fn value(&self, series: &str, step: Option<u64>, result: Measured<'_>) -> Option<Value> {
        let rows: Vec<&SweepScore> = self.rows(series, step, result).collect();
        let first = *rows.first()?;
        let at = step.map(|step| step as i64);
        let over = self
            .seeds
            .iter()
            .find(|row| row.step == at && row.series == series && (row.measure.as_str(), row.of.as_str()) == result);
        let mut heads: Vec<String> =
            rows.iter().filter_map(|row| Some(format!("{}-{}", row.layer?, row.head?))).collect();
        heads.sort();
        heads.dedup();
        Some(match over {
            Some(over) => Value {
                value: over.mean,
                spread: Some(over.sd),
                seeds: rows.len(),
                interval: over.ci_low.zip(over.ci_high),
                heads,
                baseline: first.baseline_accuracy,
            },
            None => Value {
                value: first.value,
                spread: None,
                seeds: 1,
                interval: first.ci_low.zip(first.ci_high),
                heads,
                baseline: first.baseline_accuracy,
            },
        })
    }
}

/// One result at one step.
struct Value {
    value: f64,
    /// The standard deviation over seeds.
    spread: Option<f64>,
    seeds: usize,
    interval: Option<(f64, f64)>,
    /// The heads that were chosen, one where all seeds chose the same.
    heads: Vec<String>,
    baseline: Option<f64>,
}

impl RunSummary {
    fn of(run: &SweptRun) -> Self {
        Self {
            name: run.run.report().name.clone(),
            swept: run.swept.clone(),
            series: run.series.clone(),
            step: run.step,
            seed: run.seed,
            finished: run.run.manifest().finished.clone(),
        }
    }
}

/// The checkpoints of a training have one shape.
///
/// # Errors
/// [`RunError::OtherShape`] when two have not.
pub fn check_shapes(a: &SweptRun, b: &SweptRun) -> Result<(), RunError> {
    let shape = |run: &SweptRun| {
        let model = &run.run.report().model;
        format!("{} layers × {} heads, width {}", model.layers, model.heads, model.hidden_size)
    };
    let name = |run: &SweptRun| run.run.report().name.clone();
    if shape(a) == shape(b) {
        return Ok(());
    }
    Err(RunError::OtherShape { series: a.series.clone(), a: (name(a), shape(a)), b: (name(b), shape(b)) })
}

/// Whether a measure is shown in per cent.
pub(crate) fn is_percentage(measure: &str) -> bool {
    [BEST_HEAD, measures::PAIRS].contains(&measure) || is_share(measure)
}

/// How intervals of a sweep are computed: as its first run computed its own.
fn bootstrap(runs: &[SweptRun]) -> Bootstrap {
    let statistics = runs.iter().map(|run| &run.run.report().statistics).find(|it| it.resamples > 0);
    statistics.map_or_else(Bootstrap::default, |it| Bootstrap {
        resamples: it.resamples,
        seed: it.seed,
        confidence: it.confidence,
    })
}
