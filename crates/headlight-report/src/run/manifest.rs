//! `manifest.json`: with what, on what and for how long a run ran; enough to run it again and get the same counts.

use serde::{Deserialize, Serialize};

use super::WrittenFile;

/// The version of `manifest.json` that this crate writes, and the newest it reads.
pub const MANIFEST_VERSION: u32 = 1;

/// With what, on what and for how long a run ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`] at the time of writing.
    pub format_version: u32,
    /// Version of the binary.
    pub headlight_version: String,
    /// Git revision of its source, where known; `-dirty` is appended for uncommitted changes.
    pub git_revision: Option<String>,
    /// The device the model ran on: `cpu`, `ndarray` or `cuda`.
    pub device: String,
    /// In which numbers the model multiplied: `f32`, `f16` or `bf16`.
    #[serde(default = "super::report::exact")]
    pub precision: String,
    /// The config's seed.
    pub seed: u64,
    /// Worker threads.
    pub threads: u32,
    /// Every file read.
    pub inputs: Vec<Input>,
    /// Sentences left out.
    pub skipped: Vec<SkippedSentences>,
    /// Words that the model could not make out, which were scored nonetheless.
    #[serde(default)]
    pub unread: Vec<UnreadWords>,
    /// When the run began: RFC 3339, UTC.
    pub started: String,
    /// When it ended: RFC 3339, UTC.
    pub finished: String,
    /// Wall time of the whole run in seconds.
    pub seconds: f64,
    /// Wall time of its parts, in order.
    pub stages: Vec<Stage>,
    /// Largest resident memory in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// The machine.
    pub machine: Machine,
    /// Every other file that the run wrote; none in manifests of earlier versions. Behind it the file holds its own
    /// checksum: `sha256`, that of itself with zeros in the place of these 64 digits.
    #[serde(default)]
    pub files: Vec<WrittenFile>,
}

/// A file that a run read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What it served as: `model`, `tokenizer`, `select`, `evaluate`, `train`, `vectors`, `config`.
    pub role: String,
    /// Where it lay.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, 64 lowercase hexadecimal digits.
    pub sha256: String,
}

/// Sentences left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedSentences {
    /// The split.
    pub split: String,
    /// Why, such as `over the piece limit`.
    pub reason: String,
    /// How many.
    pub sentences: u64,
}

/// Words that the model could not make out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadWords {
    /// The split.
    pub split: String,
    /// Why, such as `unknown to the model`.
    pub reason: String,
    /// How many.
    pub words: u64,
}

/// A part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// What was done.
    pub name: String,
    /// Wall time in seconds.
    pub seconds: f64,
}

/// The machine a run ran on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system: `linux`, `macos`, `windows`.
    pub os: String,
    /// Architecture: `x86_64`, `aarch64`.
    pub architecture: String,
    /// The processor's name, where the system tells.
    pub processor: Option<String>,
    /// Logical cores.
    pub cores: u32,
    /// Memory in bytes, where the system tells.
    pub memory_bytes: Option<u64>,
    /// The accelerator's name, where one was used.
    pub accelerator: Option<String>,
}
