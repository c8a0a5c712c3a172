//! `headlight submit`: the jobs that run a config on a cluster. Engines differ in what they are told; what is done is the same:
//! elements of an array, numbered from 0, each of which encodes one shard of one run (`headlight encode --task`), and a job
//! behind them that finds everything encoded and computes statistics (`headlight run`).

mod kubernetes;
mod slurm;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use super::Usage;
use super::config::{Config, load_configs};
use crate::cli::{Engine, SubmitArgs};
use crate::config::{MOST_SHARDS, Source, SubmitConfig};
use crate::sources::fetch;

/// Writes the jobs of a config, and with `--go` submits them.
pub fn submit(args: &SubmitArgs) -> Result<()> {
    let submission = Submission::of(args)?;
    match args.engine {
        Engine::Slurm => slurm::submit(&submission, args.go),
        Engine::Kubernetes => kubernetes::submit(&submission, args.go),
    }
}

/// What is to be done, whichever engine does it.
struct Submission {
    /// The name of the run, or of the sweep.
    name: String,
    /// The runs: cells of a sweep.
    configs: Vec<Config>,
    /// Shards of each run.
    shards: usize,
    /// What the cluster is asked for.
    keys: SubmitConfig,
    /// CONFIG and `--set`, as every call of headlight has them.
    arguments: Vec<String>,
    /// `<out>`, absolute.
    out: PathBuf,
    /// Whether what is there is replaced.
    force: bool,
}

/// What a folder of jobs is for, so that those of another config are not taken for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Written {
    headlight: String,
    engine: String,
    shards: usize,
    elements: usize,
}

/// What [`Written`] is kept in.
const WRITTEN: &str = "submission.json";

/// The resolved config, as `headlight show` prints it.
const CONFIG: &str = "config.toml";

impl Submission {
    fn of(args: &SubmitArgs) -> Result<Self> {
        let configs = load_configs(&args.config, &args.sets)?;
        let first = configs.first().context("a config is at least one run")?;
        let mut keys = first.settings.submit.clone();
        if let Some(partition) = &args.partition {
            keys.partition.clone_from(partition);
        }
        let checked = keys.check().map_err(|error| anyhow!("--partition: {error:#}"));
        checked.map_err(Usage)?;
        let shards = args.shards.unwrap_or(keys.shards);
        let possible = (1..=MOST_SHARDS).contains(&shards);
        ensure!(possible, Usage(anyhow!("--shards is {shards}; there are 1 to {MOST_SHARDS}")));
        let name = first.place.as_ref().map_or(&first.settings.name, |place| &place.sweep).clone();
        let config = match Source::find(&args.config)? {
            Source::File(path) => text(&std::path::absolute(&path)?)?,
            Source::Bundled(name, _) => name.to_owned(),
            Source::Given(name, _) => name,
        };
        let sets = args.sets.iter().flat_map(|set| ["--set".to_owned(), set.clone()]);
        let arguments = [config].into_iter().chain(sets).collect();
        let out = std::path::absolute(&args.out)?;
        Ok(Self { name, configs, shards, keys, arguments, out, force: args.force })
    }

    /// Elements of the array: the shards of the first run, those of the second, and so on.
    fn elements(&self) -> usize {
        self.configs.len() * self.shards
    }

    /// The resolved config, as `headlight show` prints it.
    fn config(&self) -> String {
        self.configs.iter().map(Config::to_toml).collect::<Vec<_>>().join("\n")
    }

    /// Where jobs and logs go.
    fn folder(&self) -> PathBuf {
        self.out.join(format!("{}-submit", self.name))
    }

    /// What headlight's cache lies in.
    fn cache_home() -> Result<PathBuf> {
        let folder = fetch::cache_folder()?;
        Ok(folder.parent().context("the cache has a folder of its own")?.to_owned())
    }

    /// This binary.
    fn headlight() -> Result<String> {
        text(&env::current_exe().context("cannot tell where this binary lies")?)
    }

    fn written(&self, engine: &str) -> Written {
        let headlight = env!("CARGO_PKG_VERSION").to_owned();
        Written { headlight, engine: engine.to_owned(), shards: self.shards, elements: self.elements() }
    }

    /// Whether the folder holds the same jobs already, so that what is marked as done in it counts.
    ///
    /// # Errors
    /// When it is something else's, or another config's and nothing says that it is to be replaced.
    fn goes_on(&self, engine: &str) -> Result<bool> {
        let folder = self.folder();
        if folder.symlink_metadata().is_ok() {
            let is_empty = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_none());
            ensure!(
                is_empty || folder.join(WRITTEN).is_file(),
                "{} exists and holds no jobs of headlight: it is left alone; --out or --set name=… writes elsewhere",
                folder.display()
            );
        }
        let written = fs::read(folder.join(WRITTEN)).ok();
        let written: Option<Written> = written.and_then(|written| serde_json::from_slice(&written).ok());
        let config = fs::read_to_string(folder.join(CONFIG)).ok();
        let is_same = config.as_ref() == Some(&self.config());
        ensure!(
            config.is_none() || is_same || self.force,
            "{} holds the jobs of another config of this name: --force replaces them, --set name=… or --out writes elsewhere",
            folder.display()
        );
        Ok(is_same && written == Some(self.written(engine)))
    }

    /// Takes the folder for this config and engine.
    ///
    /// # Errors
    /// A disk that does not take it.
    fn claim(&self, engine: &str) -> Result<()> {
        let folder = self.folder();
        fs::create_dir_all(&folder).with_context(|| format!("cannot write {}", folder.display()))?;
        put(&folder.join(WRITTEN), &serde_json::to_string_pretty(&self.written(engine))?)?;
        put(&folder.join(CONFIG), &self.config())
    }
}

/// Writes a file, which gets its name when it is whole.
fn put(path: &Path, content: &str) -> Result<()> {
    let partial = path.with_extension("writing");
    let written = fs::write(&partial, content).and_then(|()| fs::rename(&partial, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// A path as a text that scripts can hold.
fn text(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.contains('\n'));
    Ok(text
        .with_context(|| format!("a job cannot name {}: it is not UTF-8, or has a line break", path.display()))?
        .to_owned())
}
