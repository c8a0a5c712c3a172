//! Tables of a run: typed rows, written as CSV and Parquet from one description, and read back.
//!
//! Each row type ([`HeadScore`], [`Prediction`], …) is declared once, in `rows.rs`, by a macro that also yields its
//! [`Table`] implementation: the table's name, its columns with their types and meaning, and the way from a row to
//! [`Value`]s and back. CSV writer, Parquet writer and reader all work from that description, so they cannot disagree.
//!
//! ```
//! use headlight_report::tables::{Baseline, read_table, write_table};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let row = Baseline {
//!     treebank: "en_ewt".into(),
//!     split: "dev".into(),
//!     baseline: "offset".into(),
//!     offset: Some(1),
//!     relation: "det".into(),
//!     correct: 596,
//!     total: 1000,
//! };
//! write_table(folder.path(), [&row])?; // baselines.csv and baselines.parquet
//! assert_eq!(read_table::<Baseline>(folder.path())?, [row]);
//! # Ok(())
//! # }
//! ```
//!
//! Tables stream: [`TableWriter::push`] takes one row at a time and [`TableReader`] gives one at a time; neither holds
//! more than one row group (65,536 rows).

mod beyond;
mod error;
mod pairs;
mod read;
mod reference;
mod rows;
mod schema;
mod sweeps;
pub(crate) mod words;
mod write;

pub use beyond::{BestHeadLength, HeadAttention, HeadLength, NullModel};
pub use error::TableError;
pub use pairs::{MaskedHeads, PairAccuracy, PairLevel, PairMasking, PairScore, SentenceScore};
pub(crate) use read::check_changed_table;
pub use read::{TableReader, is_reading, read_table};
pub use reference::reference;
pub use rows::{
    Ablation, Baseline, BestHead, Cluster, Coreference, CoreferenceHead, Difference, Ensemble, EnsembleTree,
    HeadDistance, HeadScore, HeadTest, HeadTree, Importance, Prediction, ProbeScore, Pruning, Surface,
};
pub use schema::{Cell, Column, Kind, Table, Value};
pub use sweeps::{SweepScore, SweepSeeds};
pub use words::{
    Direction, EvaluatedOn, LabelledMeasure, LabelledPredictor, SelectedOn, TreeMeasure, TreePredictor, TreeShape,
};
pub use write::{TableWriter, write_table};

/// Version of the tables' columns, stored in every Parquet file. It grows when a column is renamed or changes its
/// meaning, not when one is added; files of a newer version are refused.
pub const TABLES_VERSION: u32 = 1;

#[cfg(test)]
mod tests;
