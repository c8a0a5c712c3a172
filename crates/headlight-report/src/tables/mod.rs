//! Tables of a run: typed rows, written as CSV and Parquet from one description, and read back.
//!
//! Each row type ([`HeadScore`], [`Prediction`], …) is declared once, beside the words that its columns may hold, by a
//! macro that also yields its [`Table`] implementation: the table's name, its columns with their types and meaning, and
//! the way from a row to [`Value`]s and back. CSV writer, Parquet writer and reader all work from that description, so
//! they cannot disagree.
//!
//! ```
//! use headlight_report::tables::{Baseline, BaselineKind, Split, read_table, write_table};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let row = Baseline {
//!     treebank: "en_ewt".into(),
//!     split: Split::Evaluate,
//!     baseline: BaselineKind::Offset,
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
mod cell_text;
mod coreference;
mod differences;
mod dynamic;
mod error;
mod heads;
mod masking;
mod pairs;
mod probes;
mod read;
mod reference;
mod schema;
mod source;
mod surface;
mod sweeps;
mod thrift;
mod trees;
pub(crate) mod words;
mod write;

pub use beyond::{BestHeadLength, HeadAttention, HeadLength, MapRows, NullModel};
pub(crate) use cell_text::cell_text;
pub use coreference::{AntecedentPredictor, Coreference, CoreferenceHead, MentionType};
pub use differences::{ComparedMeasure, ComparingKind, Difference};
pub(crate) use dynamic::{AnyColumn, AnyReader, AnyRows, AnyWriter};
pub use error::TableError;
pub use heads::{Baseline, BaselineKind, BestHead, EvaluatedOn, HeadScore, HeadTest, Prediction, SelectedOn};
pub use masking::{Ablation, Importance, ImportanceMeasure, Masking, MaskingMeasure, Pruning, PruningOrder};
pub use pairs::{MaskedHeads, PairAccuracy, PairLevel, PairMasking, PairScore, SentenceScore};
pub use probes::{Decoding, ProbeGroup, ProbeScore};
pub(crate) use read::check_changed_table;
pub use read::{TableReader, is_reading, read_table};
pub use reference::reference;
pub use schema::{Cell, Column, Kind, Table, Value};
pub use surface::{Behaviour, Cluster, HeadDistance, Role, Surface, SurfaceMeasure};
pub use sweeps::{SweepScore, SweepSeeds};
pub use trees::{
    Ensemble, EnsembleTree, HeadTree, LabelledMeasure, LabelledPredictor, TreeMeasure, TreePredictor, TreeShape,
};
pub use words::{Direction, Split};
pub use write::{TableWriter, write_table};

/// Version of the tables' columns, stored in every Parquet file. It grows when a column is renamed or changes its
/// meaning, not when one is added; files of a newer version are refused.
pub const TABLES_VERSION: u32 = 1;

#[cfg(test)]
mod tests;
