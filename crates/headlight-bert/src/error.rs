//! What can be wrong with a checkpoint folder.

use std::{fmt, io, path::PathBuf};

use crate::DeviceError;

/// Why a model could not be loaded. Every variant names the file and what is wrong in it.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// A file of the checkpoint could not be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder lacks a file that every checkpoint has.
    #[error("{} has no {wanted}: {hint}", .folder.display())]
    MissingFile {
        /// The checkpoint folder.
        folder: PathBuf,
        /// The file or files looked for.
        wanted: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A JSON file that is none, or lacks a key.
    #[error("cannot understand {}", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, column and what was expected.
        source: serde_json::Error,
    },
    /// A file that git-lfs keeps elsewhere.
    #[error(
        "{} is a pointer of git-lfs and not the file itself; fetch the files of the folder with `git lfs pull`",
        .path.display()
    )]
    Pointer {
        /// The file.
        path: PathBuf,
    },
    /// A model that this crate does not compute.
    #[error("{}: {key} is `{found}`, supported: {supported}", .path.display())]
    Unsupported {
        /// The `config.json`.
        path: PathBuf,
        /// The key that decides.
        key: &'static str,
        /// Its value.
        found: String,
        /// The values that work.
        supported: &'static str,
    },
    /// Sizes that contradict each other.
    #[error("{}: {problem}", .path.display())]
    Config {
        /// The `config.json`.
        path: PathBuf,
        /// Which keys, and why they cannot be.
        problem: String,
    },
    /// A file that is not what its name promises: truncated, or not safetensors at all.
    #[error("{} is not a complete safetensors file: {problem}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not add up.
        problem: String,
    },
    /// An index of shards that does not fit the shards.
    #[error("{}: {problem}", .path.display())]
    Shards {
        /// The index.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// A file of PyTorch that is damaged, or holds something else than weights. Nothing of it was executed.
    #[error("{} cannot be read as weights of PyTorch: {problem}", .path.display())]
    PyTorch {
        /// The file.
        path: PathBuf,
        /// What does not add up, or has no place among weights.
        problem: String,
    },
    /// The tensors are not those of the model that `config.json` describes.
    #[error("{} does not fit its config.json: {problems}", .path.display())]
    Tensors {
        /// The file of weights or the index of shards.
        path: PathBuf,
        /// Every tensor at fault.
        problems: Box<TensorProblems>,
    },
    /// A checkpoint that cannot guess pieces.
    #[error(
        "{} has no {kind} head ({names}), which losses and gradients need; bert-base-uncased has one",
        .folder.display()
    )]
    NoMaskedLmHead {
        /// The checkpoint folder.
        folder: PathBuf,
        /// What the head would guess by.
        kind: &'static str,
        /// The tensors that are looked for.
        names: String,
    },
    /// A device that this build or machine does not have.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The tokenizer is broken or belongs to another model.
    #[error("{}: {problem}", .path.display())]
    Tokenizer {
        /// The tokenizer's file.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
}

/// Every tensor of a checkpoint that is not as its config says. Empty when all is well.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TensorProblems {
    /// A disagreement that explains many of the others, such as another number of layers.
    pub summary: Option<String>,
    /// Tensors that the model needs and the file lacks.
    pub missing: Vec<String>,
    /// Tensors that no part of the model uses.
    pub unused: Vec<String>,
    /// Tensors of another shape or type, each with both: `name [7, 4], expected [8, 4]`.
    pub misfits: Vec<String>,
    /// Tensors with NaN or infinite values.
    pub not_finite: Vec<String>,
}

impl TensorProblems {
    /// Whether no tensor is at fault.
    pub fn is_empty(&self) -> bool {
        self.summary.is_none()
            && [&self.missing, &self.unused, &self.misfits, &self.not_finite].iter().all(|names| names.is_empty())
    }

    /// Adds those of other tensors of the checkpoint.
    pub(crate) fn extend(&mut self, more: Self) {
        let Self { summary, missing, unused, misfits, not_finite } = more;
        self.summary = self.summary.take().or(summary);
        self.missing.extend(missing);
        self.unused.extend(unused);
        self.misfits.extend(misfits);
        self.not_finite.extend(not_finite);
    }
}

impl fmt::Display for TensorProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("missing", &self.missing),
            ("unused", &self.unused),
            ("of another shape or type", &self.misfits),
            ("with values that are not finite", &self.not_finite),
        ];
        let lists = kinds
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(kind, names)| format!("{} {kind}: {}", names.len(), some(names)));
        f.write_str(&self.summary.iter().cloned().chain(lists).collect::<Vec<_>>().join("; "))
    }
}

/// The first names, and how many others there are: a checkpoint of another kind has hundreds.
pub(crate) fn some(names: &[String]) -> String {
    const SHOWN: usize = 8;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(others) => format!("{} and {others} more", names[..SHOWN].join(", ")),
    }
}
