//! A run on disk: `report.json`, `manifest.json` and the tables, written by the runner and read back by everything that
//! shows results.
//!
//! [`Report`] says what was measured and how, [`Manifest`] with what and on what; numbers stay in the tables. Both carry
//! a format version: fields may be added freely, anything else raises it, and a newer version is refused on reading.

mod directory;
mod manifest;
mod overlap;
mod report;
mod verify;
mod written;

pub(crate) use directory::{ReadJson, changed_files, read_json, write_json, write_sealed, write_whole};
pub use directory::{RunDirectory, RunError, write_manifest, write_report};
pub use manifest::{Input, MANIFEST_VERSION, Machine, Manifest, SkippedSentences, Stage, UnreadWords};
pub use overlap::{Overlap, Repeated};
pub use report::{
    Conventions, ExperimentSummary, ModelSummary, REPORT_VERSION, Reading, Report, SplitSummary, StatisticsSummary,
    TreebankSummary, Unaligned,
};
pub use verify::{Verified, verify};
pub use written::{FileState, WrittenFile, checksum, hex};

#[cfg(test)]
pub(crate) mod tests;
