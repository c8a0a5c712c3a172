//! Why sources cannot be compared.

use std::io;
use std::path::PathBuf;

use headlight_stats::StatsError;

use crate::run::RunError;
use crate::tables::TableError;

/// Sources that cannot be opened or must not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// Only one source, or none.
    #[error(
        "a comparison needs two runs or more, not {0}; published tables such as `clark2019` can stand in for a run"
    )]
    TooFew(usize),
    /// A source that is named twice.
    #[error("{0} is compared with itself: name two different runs")]
    Itself(String),
    /// One name for several sentences, and nothing that tells them apart.
    #[error(
        "{label} has several sentences called {sent_id}, and its predictions, of an earlier version of headlight, do not \
         say which is meant: repeat the run"
    )]
    RepeatedNames {
        /// The run.
        label: String,
        /// The name.
        sent_id: String,
    },
    /// Nothing to compare.
    #[error("no relation and no probe occurs in two of the sources ({}): there is nothing to compare", .0.join("; "))]
    NothingInCommon(Vec<String>),
    /// A run that cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A run's table that cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A published table that cannot be read.
    #[error("cannot read the published table {}", .path.display())]
    PaperFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A published table that is not what it should be.
    #[error("cannot understand the published table {name}: line {line}: {message}")]
    Paper {
        /// File or built-in name.
        name: String,
        /// The line, counted from 1.
        line: usize,
        /// Why.
        message: String,
    },
    /// A head in a published table that is not written `layer-head`.
    #[error("published table {name} names head `{head}` for relation {relation}; write layer-head, as in `8-10`")]
    PaperHead {
        /// File or built-in name.
        name: String,
        /// The relation.
        relation: String,
        /// What stands there.
        head: String,
    },
    /// Counts that do not fit together.
    #[error(transparent)]
    Statistics(#[from] StatsError),
}
