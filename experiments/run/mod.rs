//! A run: what an experiment works with, and what becomes of it on disk.
//!
//! [`Run`] holds the config, the model and the treebank, keeps the books (inputs with their checksums, skipped
//! sentences, times) and writes the run directory, which appears under its name only when it is complete.

mod addends;
mod books;
pub mod cache;
mod checked;
mod contents;
mod counted;
mod directory;
mod estimate;
pub mod identity;
mod machine;
mod model;
mod pass;
mod reader;
mod reading;
mod record;
mod sequences;
mod shards;
mod steps;
mod stream;
mod text;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use anyhow::Result;
use headlight_report::facts::Facts;
use headlight_report::run::{
    Conventions, ExperimentSummary, Input, MANIFEST_VERSION, Manifest, REPORT_VERSION, Report, RunDirectory,
    SkippedSentences, SplitSummary, Stage, StatisticsSummary, TreebankSummary, write_manifest, write_report,
};
use headlight_report::sheet::Sheet;
use headlight_report::tables::{Table, TableWriter, read_table};
use headlight_report::{RANDOM_WEIGHTS, Selection, Told};

use crate::cli::{interrupt, progress};
use crate::config::{Settings, Split};
use crate::sources::pairs;
use crate::sources::treebank::Treebank;
use books::Books;
use cache::Place;
use counted::Counted;
use model::ModelFacts;

pub use crate::cli::Shard;
pub use crate::cli::interrupt::{Interrupted, check as interrupted};
pub use directory::Directory;
pub use estimate::{Estimate, Planned};
pub use model::{Checkpoint, LoadedModel, request};
pub use reader::{Ask, Filling, Made, Reader, Reading, Sink, Take, Wants};
pub use record::Record;
pub use sequences::SequencesSeen;
pub use shards::Shared;
pub use steps::Steps;
pub use stream::{Item, Rules, Sentences, Stream, pieces};
pub use units::{Units, fold};

/// What one experiment leaves besides its tables. What it shows is made from both by `headlight_report`.
#[derive(Default)]
pub struct Outcome {
    /// Names of the tables it filled.
    pub tables: Vec<String>,
    /// What fits no table and is needed to say what came out.
    pub facts: Facts,
    /// What a reader must know before trusting the numbers and neither rows nor facts tell.
    pub warnings: Vec<String>,
    /// How its intervals were computed.
    pub statistics: Option<StatisticsSummary>,
    /// Where heads were chosen: `separate`, `folds` or `same`.
    pub selection: Option<Selection>,
}

/// The seed of a draw of random weights or control tasks, counted from 0: the first is the run's own, the others are
/// scattered, so that the draws of runs with neighbouring seeds are different ones.
pub fn draw_seed(seed: u64, draw: usize) -> u64 {
    if draw == 0 {
        return seed;
    }
    // The finisher of SplitMix64; 63 bits, which TOML can hold.
    let mixed = seed.wrapping_add((draw as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) >> 1
}

/// A run in work.
pub struct Run {
    config: Settings,
    /// The experiments as the resolved config has them.
    experiments: String,
    /// Number of the experiment that is at work.
    at_work: usize,
    /// Whether no other comes behind it.
    is_last: bool,
    directory: Directory,
    model: OnceLock<LoadedModel>,
    /// What is said of the model when its weights are gone; see [`Run::leave_model`].
    left: Option<ModelFacts>,
    /// Names of what the experiments that are done have written.
    written: BTreeSet<String>,
    treebanks: BTreeMap<&'static str, Treebank>,
    inputs: Vec<Input>,
    /// What was read of each stream, in the order of their first passes.
    books: Vec<(Stream, Books)>,
    /// What was read of minimal pairs.
    pairs: Option<SplitSummary>,
    /// A hash of what each stream is made of.
    texts: Vec<(Stream, String)>,
    /// How many of each stream there are to be divided.
    counts: Vec<(Stream, Counted)>,
    /// What is read of a split by those who need words alone.
    words: BTreeMap<Split, Stream>,
    /// What the model is, whichever weights it has.
    checkpoint: OnceLock<Checkpoint>,
    /// What this run found or made complete in the cache, and what keeps it there until the run ends.
    complete: BTreeSet<Place>,
    in_use: Vec<File>,
    /// Which random counterpart of the model is at work, if one is; see [`Run::with_random_weights`].
    draw: Option<usize>,
    stages: Vec<Stage>,
    started: SystemTime,
    clock: Instant,
}

impl Run {
    /// Begins a run, or goes on with one that was interrupted, in `<out>/<name>.partial`. `experiments` is the rest of the
    /// resolved config, as TOML.
    ///
    /// # Errors
    /// Those of [`Directory::open`]; a disk that does not take the config.
    pub fn begin(settings: Settings, experiments: String, out: &Path, force: bool) -> Result<Self> {
        let directory = Directory::open(out, &settings.name, force)?;
        directory.write("config.toml", format!("{}\n{experiments}", settings.to_toml()).as_bytes())?;
        Ok(Run {
            config: settings,
            experiments,
            at_work: 0,
            is_last: false,
            directory,
            model: OnceLock::new(),
            left: None,
            written: BTreeSet::new(),
            treebanks: BTreeMap::new(),
            inputs: Vec::new(),
            books: Vec::new(),
            pairs: None,
            texts: Vec::new(),
            counts: Vec::new(),
            words: BTreeMap::new(),
            checkpoint: OnceLock::new(),
            complete: BTreeSet::new(),
            in_use: Vec::new(),
            draw: None,
            stages: Vec::new(),
            started: SystemTime::now(),
            clock: Instant::now(),
        })
    }

    /// Notes that the experiment of this number, of so many, is at work from now on.
    pub fn at_work(&mut self, experiment: usize, of: usize) {
        (self.at_work, self.is_last) = (experiment, experiment + 1 == of);
    }

    /// Notes what an experiment has written, which is to be there when the run is complete.
    ///
    /// # Errors
    /// When the run's folder cannot be read.
    pub fn note_written(&mut self, outcome: &Outcome) -> Result<()> {
        let files = |table: &String| ["csv", "parquet"].map(|ending| format!("{table}.{ending}"));
        self.written.extend(outcome.tables.iter().flat_map(files));
        self.written.extend(self.directory.names()?);
        Ok(())
    }

    /// Everything that the resolved config says but the experiments.
    pub fn settings(&self) -> &Settings {
        &self.config
    }

    /// The folder that tables are written to.
    pub fn folder(&self) -> &Path {
        self.directory.path()
    }

    /// A folder for what a later call can go on from; removed when the run is complete.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn work_folder(&self) -> Result<PathBuf> {
        self.directory.work_folder()
    }

    /// A table of the run, to write behind what earlier experiments of the run wrote there.
    ///
    /// # Errors
    /// When it cannot be read or written, or what was written there is gone.
    pub fn table<T: Table>(&self) -> Result<TableWriter<T>> {
        let file = format!("{}.parquet", T::NAME);
        let before = match self.folder().join(&file).exists() {
            true => read_table::<T>(self.folder())?,
            false => Vec::new(),
        };
        self.directory.check_files(self.written.get(&file))?;
        let mut table = TableWriter::create(self.folder())?;
        before.iter().try_for_each(|row| table.push(row))?;
        Ok(table)
    }

    /// What people call the model and the text of a stream.
    pub fn labels(&self, stream: Stream, draw: Option<usize>) -> (String, String) {
        let mut model = self.checkpoint.get().map_or_else(String::new, |checkpoint| checkpoint.name.clone());
        if self.seed_of(draw).is_some() {
            model.push_str(" with random weights");
        }
        let text = match stream {
            Stream::Packed => self.config.corpus.display_name(),
            _ => format!("{} {}", self.config.treebank.display_name(), stream.name()),
        };
        (model, text)
    }

    /// Works with the model's random counterpart in its place: its embeddings kept, everything else drawn anew from
    /// [`draw_seed`] of the run's seed and `draw`.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn with_random_weights<T>(&mut self, draw: usize, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let model = std::mem::take(&mut self.model);
        let random_init = std::mem::replace(&mut self.config.model.random_init, true);
        let draw = self.draw.replace(draw);
        let result = work(self);
        (self.config.model.random_init, self.draw) = (random_init, draw);
        self.model = model;
        result
    }

    /// Works with a draw of random weights, or with the model that is at work where it is that draw's.
    fn in_draw<T>(&mut self, draw: Option<usize>, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        match draw {
            Some(draw) if self.draw != Some(draw) => self.with_random_weights(draw, work),
            _ => work(self),
        }
    }

    /// The seed that the model's random weights are drawn from; `None` where they are the checkpoint's.
    pub fn random_seed(&self) -> Option<u64> {
        self.seed_of(self.draw)
    }

    /// The same for a draw of random weights, `None` being the model of the run.
    fn seed_of(&self, draw: Option<usize>) -> Option<u64> {
        let is_random = draw.is_some() || self.config.model.random_init;
        is_random.then(|| draw_seed(self.config.seed, draw.unwrap_or(0)))
    }

    /// Which random counterpart of the model is at work, if one is.
    pub fn draw(&self) -> Option<usize> {
        self.draw
    }

    /// What is done to a split, for people: `encode evaluate`, and with which random counterpart of the model.
    fn stage(&self, verb: &str, split: &str) -> String {
        match self.draw {
            None => format!("{verb} {split}"),
            Some(draw) => format!("{verb} {split}, random weights {}", draw + 1),
        }
    }

    /// The treebank files of a split, opened and hashed on first use.
    ///
    /// # Errors
    /// When a file cannot be obtained or read.
    pub fn treebank(&mut self, split: Split) -> Result<Treebank> {
        if let Some(treebank) = self.treebanks.get(split.name()) {
            return Ok(treebank.clone());
        }
        let treebank = Treebank::resolve(&self.config.treebank, split)?;
        self.inputs.extend(treebank.inputs.iter().cloned());
        self.treebanks.insert(split.name(), treebank.clone());
        Ok(treebank)
    }

    /// Notes a file that results depend on, once.
    pub fn note_input(&mut self, input: Input) {
        if !self.inputs.contains(&input) {
            self.inputs.push(input);
        }
    }

    /// Notes that a part of the work, begun at `clock`, is done.
    pub fn note_stage(&mut self, name: impl Into<String>, clock: Instant) {
        self.stages.push(Stage { name: name.into(), seconds: clock.elapsed().as_secs_f64() });
    }

    /// Checks that the run's folder is still there.
    ///
    /// # Errors
    /// When it was moved or removed.
    pub fn check_folder(&self) -> Result<()> {
        self.directory.check()
    }

    /// Writes report, manifest and pages, and gives the run its name; returns the tables for people.
    ///
    /// # Errors
    /// When the disk does not take it, or a file that the run has written is gone.
    pub fn finish(&mut self, outcomes: Vec<(&'static str, Outcome)>) -> Result<Vec<Sheet>> {
        let mut report = self.report(&outcomes)?;
        write_report(self.directory.path(), &report)?;
        let mut manifest = self.manifest();
        write_manifest(self.directory.path(), &manifest)?;
        // What is said and shown is made from what was written, as `headlight report` makes it again.
        let told = headlight_report::told(&RunDirectory::open(self.directory.path())?)?;
        for (Told { findings, warnings }, (_, outcome)) in told.into_iter().zip(outcomes) {
            report.findings.extend(findings);
            report.warnings.extend(warnings.into_iter().chain(outcome.warnings));
        }
        report.warnings.extend(self.skipped());
        write_report(self.directory.path(), &report)?;
        let written = RunDirectory::open(self.directory.path())?;
        let (sheets, files) = self.directory.files_with(|| Ok(headlight_report::show(&written)?))?;
        manifest.files = files;
        write_manifest(self.directory.path(), &manifest)?;
        self.directory.check_files(&self.written)?;
        let place = interrupt::settle(|| self.directory.complete())?;
        progress::say(&format!("run written to {} in {:.1} s", place.display(), self.clock.elapsed().as_secs_f64()));
        Ok(sheets)
    }

    fn skipped(&self) -> Option<String> {
        let skipped: u64 = self.splits().iter().flat_map(|split| split.skipped.values()).sum();
        let counted = if skipped == 1 { "1 sentence was".to_owned() } else { format!("{skipped} sentences were") };
        (skipped > 0).then(|| format!("{counted} skipped; the manifest lists the reasons"))
    }

    /// What the run was, before anything is said about it.
    fn report(&mut self, outcomes: &[(&'static str, Outcome)]) -> Result<Report> {
        let ModelFacts { summary: model, warnings: of_model, max_pieces: positions, .. } = self.model_facts()?;
        let config = &self.config;
        let treebank = &config.treebank;
        // A run on unlabelled text alone has no treebank to name, whatever files `[treebank]` lists.
        let is = |name: &'static str| move |split: &&SplitSummary| split.split == name;
        let has_trees = |split: &SplitSummary| !["corpus", "pairs"].contains(&split.split.as_str());
        let splits = self.splits();
        let of_treebank = splits.iter().any(has_trees).then(|| treebank.display_name());
        let of_corpus = splits.iter().find(is("corpus")).map(|_| config.corpus.display_name());
        let of_pairs = splits.iter().find(is("pairs")).map(|split| pairs::name(&split.files));
        let name = of_treebank.or(of_corpus).or(of_pairs);
        let treebank_summary =
            TreebankSummary { name: name.unwrap_or_default(), splits: splits.clone(), overlaps: self.overlaps() };
        let mut warnings = treebank_summary.warnings();
        warnings.extend(of_model);
        warnings.extend(splits.iter().flat_map(reading::warnings));
        warnings.extend(self.contents().iter().filter_map(|(split, contents)| contents.unmarked_punctuation(*split)));
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        if model.random_weights {
            warnings.push(RANDOM_WEIGHTS.to_owned());
        }
        if config.model.attention_kind().is_of_layers() {
            warnings.push(format!(
                "maps are of layers, by {} (`model.attention`): heads are summed, and \"head 3-1\" is the map of layer 3",
                config.model.attention
            ));
        }
        let of_heads = outcomes.iter().find(|(kind, _)| *kind == "heads");
        let rows = of_heads.and_then(|(_, outcome)| outcome.facts.get("rows")?.as_str());
        if self.skipped().is_some() && positions < treebank.max_pieces {
            warnings.push(format!(
                "the model reads at most {positions} pieces, fewer than `treebank.max_pieces` = {}: longer sentences are skipped",
                treebank.max_pieces
            ));
        }
        Ok(Report {
            format_version: REPORT_VERSION,
            name: config.name.clone(),
            model,
            treebank: treebank_summary,
            conventions: Conventions {
                granularity: treebank.granularity.to_string(),
                punctuation: "excluded".to_owned(),
                merge_rule: treebank.merge.to_string(),
                selection: outcomes.iter().find_map(|(_, it)| it.selection).unwrap_or(Selection::Separate),
                unit: treebank.unit(),
                input: treebank.input.to_string(),
                attention: config.model.attention.to_string(),
                rows: rows.unwrap_or("raw").to_owned(),
                precision: config.model.precision.to_string(),
                piece_limit: u32::try_from(treebank.max_pieces.min(positions))?,
                packing: self.books.iter().find_map(|(_, books)| books.packing).map(|packing| packing.to_string()),
            },
            statistics: outcomes
                .iter()
                .find_map(|(_, outcome)| outcome.statistics.clone())
                .unwrap_or(StatisticsSummary { resamples: 0, confidence: 0.95, seed: config.seed }),
            experiments: outcomes
                .iter()
                .map(|(kind, outcome)| ExperimentSummary {
                    kind: (*kind).to_owned(),
                    tables: outcome.tables.clone(),
                    facts: outcome.facts.clone(),
                })
                .collect(),
            findings: Vec::new(),
            warnings,
        })
    }

    fn manifest(&self) -> Manifest {
        let splits = self.splits();
        let skipped = splits.iter().flat_map(|split| {
            split.skipped.iter().map(|(reason, sentences)| SkippedSentences {
                split: split.split.clone(),
                reason: reason.clone(),
                sentences: *sentences,
            })
        });
        let model = self.model.get().map(LoadedModel::facts).or_else(|| self.left.clone());
        Manifest {
            format_version: MANIFEST_VERSION,
            headlight_version: env!("CARGO_PKG_VERSION").to_owned(),
            git_revision: option_env!("HEADLIGHT_GIT_REVISION").map(ToOwned::to_owned),
            device: self.config.model.device.to_string(),
            precision: self.config.model.precision.to_string(),
            seed: self.config.seed,
            threads: model.map_or(0, |model| model.threads),
            inputs: self.inputs.clone(),
            skipped: skipped.collect(),
            unread: splits.iter().flat_map(reading::unread).collect(),
            started: timestamp(self.started),
            finished: timestamp(SystemTime::now()),
            seconds: self.clock.elapsed().as_secs_f64(),
            stages: self.stages.clone(),
            peak_memory_bytes: machine::peak_memory(),
            machine: machine::describe(self.config.model.device.into()),
            // Known when the last of them is written.
            files: Vec::new(),
        }
    }
}

/// RFC 3339 in UTC, to the second: `2026-11-23T14:02:00Z`.
fn timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_models_of_neighbouring_seeds_are_all_different() {
        let seeds: BTreeSet<u64> = (0..50).flat_map(|seed| (0..20).map(move |draw| draw_seed(seed, draw))).collect();
        assert_eq!(seeds.len(), 50 * 20);
        assert_eq!((draw_seed(7, 0), seeds.iter().all(|seed| i64::try_from(*seed).is_ok())), (7, true));
    }
}
