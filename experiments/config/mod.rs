//! The settings of a run: what its keys mean, and how the layers that write them become one.
//!
//! Three layers, later ones win: `configs/base.toml`, which is compiled in and holds every key with its default; the
//! named config; each `--set key=value`. What comes out are [`Settings`] without gaps, and the experiments, of which this
//! floor knows no more than that they are a [`Section`] each.

mod applied;
mod cache;
mod checkpoints;
mod corpus;
mod described;
mod labels;
mod layers;
mod paths;
mod place;
mod roles;
mod submit;
mod sweep;
mod unknown;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

pub use cache::CacheConfig;
pub use corpus::CorpusConfig;
pub use described::{Described, DescribedKey, described};
#[cfg(test)]
pub use layers::BUNDLED;
pub use layers::{BASE, Resolved, Section, Source, load};
pub use paths::is_path;
pub use place::Place;
pub use roles::RolesConfig;
pub use submit::{MOST_SHARDS, SubmitConfig};

/// Everything that a resolved config says but its experiments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Name of the run directory.
    pub name: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Worker threads; 0 is one per core.
    pub threads: usize,
    /// The checkpoint and how it runs.
    pub model: ModelConfig,
    /// The sentences.
    pub treebank: TreebankConfig,
    /// Text without trees.
    pub corpus: CorpusConfig,
    /// When a head counts as looking at something.
    pub roles: RolesConfig,
    /// How much of earlier runs is kept.
    pub cache: CacheConfig,
    /// What a cluster is asked for.
    pub submit: SubmitConfig,
}

/// `[model]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// A known name or a Hugging Face id.
    pub name: String,
    /// A folder with a checkpoint; `name` is then only what the tables call it, empty where the folder's name does.
    pub path: PathBuf,
    /// Where it runs.
    pub device: Device,
    /// In which numbers it multiplies.
    pub precision: Precision,
    /// Random weights behind the checkpoint's embeddings.
    pub random_init: bool,
    /// What counts as attention.
    pub attention: Attention,
    /// What happens to tensors within the encoder that the model of `config.json` does not have.
    pub extra_tensors: ExtraTensors,
}

/// `[treebank]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TreebankConfig {
    /// What tables call the treebank.
    pub name: String,
    /// Files that probes learn from.
    pub train: Vec<String>,
    /// Files that best heads, offsets and layers are chosen on.
    pub select: Vec<String>,
    /// Files that results are reported on.
    pub evaluate: Vec<String>,
    /// Format of the files.
    pub format: Format,
    /// How finely relations are told apart.
    pub granularity: Granularity,
    /// What happens at a sentence that is not a tree.
    pub invalid: Invalid,
    /// Which words are punctuation.
    pub punctuation: Punctuation,
    /// What the tokenizer sees.
    pub input: Input,
    /// Longest sentence in pieces, `[CLS]` and `[SEP]` included.
    pub max_pieces: usize,
    /// Sentences read of each split; 0 is all.
    pub max_sentences: usize,
    /// Most bytes of a line.
    pub max_line: usize,
    /// Most words of a sentence.
    pub max_words: usize,
    /// Most words of a document.
    pub max_document: usize,
    /// How the pieces of a word are merged.
    pub merge: Merge,
    /// What statistics resample and swap as a whole.
    pub unit: Unit,
}

/// Declares a config enum with the text of each value. `Name => library::Enum` also makes it the library's enum, whose
/// variants have the same names, by [`From`].
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident => $library:ty { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $crate::config::choice! { $(#[$doc])* $name { $($(#[$variant_doc])* $variant = $text),+ } }
        $crate::config::mirrored! { $name => $library { $($variant),+ } }
    };
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[doc = concat!("`", $text, "`")] #[serde(rename = $text)] $variant),+
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $(Self::$variant => $text),+ })
            }
        }
    };
}
pub(crate) use choice;

/// Makes one enum another whose variants have the same names: by [`From`], or by a function where both are of libraries.
macro_rules! mirrored {
    ($from:ty => $to:ty { $($variant:ident),+ $(,)? }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value { $(<$from>::$variant => <$to>::$variant),+ }
            }
        }
    };
    ($(#[$doc:meta])* $vis:vis fn $name:ident($from:ty) -> $to:ty { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        $vis fn $name(value: $from) -> $to {
            match value { $(<$from>::$variant => <$to>::$variant),+ }
        }
    };
}
pub(crate) use mirrored;

choice! {
    /// Where the encoder runs.
    Device => headlight_bert::Device { Cpu = "cpu", Ndarray = "ndarray", Cuda = "cuda" }
}
choice! {
    /// In which numbers the encoder multiplies.
    Precision => headlight_bert::Precision { F32 = "f32", F16 = "f16", Bf16 = "bf16" }
}
choice! {
    /// What counts as attention: its weights, the norms of the vectors it weighs, or what whole layers mix.
    Attention => headlight_bert::AttentionKind {
        Weights = "weights",
        Norms = "norms",
        Rollout = "rollout",
        ValueZeroing = "value-zeroing",
        GlobEnc = "globenc",
    }
}
choice! {
    /// What happens to tensors within the encoder that it has no use for.
    ExtraTensors => headlight_bert::ExtraTensors { Refuse = "refuse", Ignore = "ignore" }
}
choice! {
    /// Format of treebank files.
    Format {
        Auto = "auto",
        Conllu = "conllu",
        Conllx = "conllx",
        HeadRelation = "head-relation",
        Conll2012 = "conll2012",
    }
}
choice! {
    /// How finely relations are told apart.
    Granularity => headlight_treebank::Granularity { Full = "full", Universal = "universal" }
}
choice! {
    /// What happens at a sentence that is not a tree; `repair` hangs all roots but the first from it, and skips the rest.
    Invalid { Stop = "stop", Skip = "skip", Repair = "repair" }
}
choice! {
    /// Which words are punctuation.
    Punctuation => headlight_treebank::Punctuation { Auto = "auto", Relation = "relation", Form = "form" }
}
choice! {
    /// What the tokenizer sees: one word at a time, or the surface text.
    Input { Words = "words", Text = "text" }
}
choice! {
    /// How the rows of a word's pieces become one row.
    Merge => headlight_attention::MergeRule { Mean = "mean", First = "first", Max = "max" }
}
choice! {
    /// What statistics resample and swap as a whole.
    Unit => headlight_stats::Unit { Sentence = "sentence", Document = "document" }
}

/// More threads than any machine has cores for: each has its buffers, so that a slip takes all memory.
const MOST_THREADS: usize = 1024;

/// Bytes of a run's name: file systems take 255, and a run in work has an ending.
const LONGEST_NAME: usize = 200;

/// The three lists of a treebank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    /// Probes learn here.
    Train,
    /// Best heads, offsets and layers are chosen here.
    Select,
    /// Results are reported here.
    Evaluate,
}

impl Split {
    /// All of them.
    pub const ALL: [Split; 3] = [Split::Train, Split::Select, Split::Evaluate];

    /// The config key and the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Select => "select",
            Split::Evaluate => "evaluate",
        }
    }
}

impl ModelConfig {
    /// What counts as attention.
    pub fn attention_kind(&self) -> headlight_bert::AttentionKind {
        self.attention.into()
    }
}

impl TreebankConfig {
    /// The files of a split.
    pub fn files(&self, split: Split) -> &[String] {
        match split {
            Split::Train => &self.train,
            Split::Select => &self.select,
            Split::Evaluate => &self.evaluate,
        }
    }

    /// `treebank.name`, or what the names of the evaluated files say: `en_ewt-ud-dev.conllu` is of `en_ewt`, and files of
    /// two treebanks are `en_ewt+en_gum`.
    pub fn display_name(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let splits = [&self.evaluate, &self.train, &self.select];
        display_name_of(splits.into_iter().find(|files| !files.is_empty()).map_or(&[][..], Vec::as_slice))
    }

    /// How finely relations are told apart.
    pub fn granularity(&self) -> headlight_treebank::Granularity {
        self.granularity.into()
    }

    /// How the pieces of a word are merged.
    pub fn merge_rule(&self) -> headlight_attention::MergeRule {
        self.merge.into()
    }

    /// How files are read that leave something open.
    pub fn reading(&self) -> headlight_treebank::ReadOptions {
        use headlight_treebank::{Limits, ReadOptions, Roots, Trees};
        let roots = if self.invalid == Invalid::Repair { Roots::First } else { Roots::One };
        let limits = Limits { line: self.max_line, sentence: self.max_words, document: self.max_document };
        ReadOptions { trees: Trees::Required, roots, punctuation: self.punctuation.into(), limits }
    }

    /// What statistics resample and swap as a whole.
    pub fn unit(&self) -> headlight_stats::Unit {
        self.unit.into()
    }

    /// The files of a split, which must name at least one.
    ///
    /// # Errors
    /// When the list is empty; `wanted_by` says for what it is needed.
    pub fn required_files(&self, split: Split, wanted_by: &str) -> anyhow::Result<&[String]> {
        let files = self.files(split);
        let name = split.name();
        anyhow::ensure!(
            !files.is_empty(),
            "{wanted_by} needs `treebank.{name}`, which is empty: name its files in the config \
             or by --set 'treebank.{name}=[\"FILE\"]'"
        );
        Ok(files)
    }
}

/// What the names of files say of their treebanks.
pub fn display_name_of(files: &[String]) -> String {
    joined(files.iter().map(|file| match file.strip_prefix("ud:").unwrap_or(file) {
        release if release != file => release.split('/').next().unwrap_or(release).to_owned(),
        path => {
            let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
            let stem = name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or(name);
            let stem = stem.split("-ud-").next().unwrap_or(stem);
            // The sample's splits are called sample:select and sample:evaluate.
            if is_path(file) { stem.to_owned() } else { stem.split(':').next().unwrap_or(stem).to_owned() }
        }
    }))
}

/// The names that differ, in order: `a+b+c`, of more than three `a+b+c+…`.
pub(crate) fn joined(names: impl Iterator<Item = String>) -> String {
    let mut different: Vec<String> = Vec::new();
    for name in names {
        if !different.contains(&name) {
            different.push(name);
        }
    }
    if different.len() > MOST_NAMES {
        different.truncate(MOST_NAMES);
        different.push("…".to_owned());
    }
    different.join("+")
}

/// Names of files that are joined to one.
const MOST_NAMES: usize = 3;

impl ModelConfig {
    /// `model.name`, or what the folder is called.
    pub fn display_name(&self) -> String {
        if self.name.is_empty() { folder_name(&self.path) } else { self.name.clone() }
    }
}

/// The name of a folder with a checkpoint. A snapshot in the Hugging Face cache, whose folder is a commit, is called by its
/// repository: `google-bert/bert-base-cased@1a2b3c4`.
fn folder_name(path: &Path) -> String {
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let repository = || {
        let snapshots = path.parent().filter(|parent| parent.ends_with("snapshots"))?;
        let repository = name(snapshots.parent()?);
        Some(repository.strip_prefix("models--")?.replacen("--", "/", 1))
    };
    match repository() {
        Some(repository) => format!("{repository}@{}", name(path).chars().take(7).collect::<String>()),
        None => name(path),
    }
}

impl Settings {
    /// Checks that there is text for a kind that needs no trees.
    ///
    /// # Errors
    /// When there is none, or not enough pieces for a pair of segments.
    pub fn check_sequences(&self, wanted_by: &str) -> anyhow::Result<()> {
        if self.corpus.files.is_empty() {
            self.treebank.required_files(Split::Evaluate, &format!("{wanted_by} without `corpus.files`"))?;
        }
        anyhow::ensure!(
            self.corpus.files.is_empty() || self.treebank.max_pieces >= 5,
            "`treebank.max_pieces` is {}; a pair of segments with the special pieces around them has at least 5",
            self.treebank.max_pieces
        );
        Ok(())
    }

    /// As TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings are plain tables, texts and numbers")
    }

    /// What is wrong with the settings, found before any work is done.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> anyhow::Result<()> {
        let name = Path::new(&self.name);
        let plain = name.components().count() == 1 && name.file_name().is_some_and(|file| file == name.as_os_str());
        anyhow::ensure!(
            plain && !self.name.ends_with(".partial"),
            "`name` is {:?}, which cannot name a run directory: use one plain name without slashes",
            self.name
        );
        anyhow::ensure!(
            self.name.len() <= LONGEST_NAME,
            "`name` has {} bytes; a run directory's has at most {LONGEST_NAME}",
            self.name.len()
        );
        anyhow::ensure!(
            !self.model.name.is_empty() || !self.model.path.as_os_str().is_empty(),
            "no model: give `model.name` (see `headlight models`) or `model.path`, a folder with a checkpoint"
        );
        headlight_bert::Device::from(self.model.device)
            .check_precision(self.model.precision.into())
            .context("`model.precision`")?;
        anyhow::ensure!(
            self.threads <= MOST_THREADS,
            "`threads` is {}; take at most {MOST_THREADS}, or 0 for one per core",
            self.threads
        );
        anyhow::ensure!(
            self.treebank.max_pieces >= 3,
            "`treebank.max_pieces` is {}; a text with the special pieces around it has at least 3",
            self.treebank.max_pieces
        );
        let limits = [
            ("treebank.max_line", self.treebank.max_line),
            ("treebank.max_words", self.treebank.max_words),
            ("treebank.max_document", self.treebank.max_document),
            ("corpus.max_line", self.corpus.max_line),
            ("corpus.max_document", self.corpus.max_document),
        ];
        if let Some((key, _)) = limits.iter().find(|(_, limit)| *limit == 0) {
            anyhow::bail!("`{key}` is 0, which nothing fits; `headlight explain {key}` says what it is by default");
        }
        self.corpus.check()?;
        self.cache.check()?;
        self.submit.check()?;
        self.roles.check()
    }
}
