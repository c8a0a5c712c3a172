//! From counts to results that people can read, compare and publish.
//!
//! An experiment leaves counts: so many words of a relation in each sentence, so many picked right. This crate takes them
//! further in six steps, each usable alone:
//! 1. [`assess`]: accuracies with intervals and tests, the unit being the sentence or the document;
//! 2. [`tables`] and [`run`]: typed rows as CSV and Parquet, `report.json`, `manifest.json`, and back again;
//! 3. [`compare`]: runs with each other and with published numbers, paired word by word;
//! 4. [`sheet`] and its users: the same table for a terminal, Markdown, LaTeX and HTML;
//! 5. [`collect`]: the tables of many runs as one, partitioned, with a page to look around in;
//! 6. [`figures`] for papers, and [`html_report`], the page to look around in, which [`explorer`] gives its sentences.
//!
//! It runs no model, reads no treebank but the sentences of a run's own files, and predicts nothing: the runner converts what
//! the other crates count into the rows defined here.
//!
//! ```
//! use headlight_stats::{Bootstrap, Counts, Unit};
//! use headlight_report::tables::{BaselineKind, BestHead, Direction, read_table, write_table};
//! use headlight_report::{Assessment, Chosen, RelationCounts, Selection, assess};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Head 8-10 and the offset −2 on the objects of three sentences: words right, words.
//! let choice = RelationCounts {
//!     relation: "obj".into(),
//!     chosen: vec![Chosen {
//!         fold: None,
//!         layer: 8,
//!         head: 10,
//!         direction: Direction::DependentToGovernor,
//!         baseline: Some(BaselineKind::Offset),
//!         baseline_offset: Some(-2),
//!         correct: 5,
//!         total: 6,
//!     }],
//!     reachable: None,
//!     head_counts: [(2, 2), (1, 1), (2, 3)].map(Counts::from).into(),
//!     baseline_counts: [(1, 2), (0, 1), (1, 3)].map(Counts::from).into(),
//! };
//! let assessment = Assessment {
//!     selection: Selection::Separate,
//!     unit: Unit::Sentence,
//!     bootstrap: &Bootstrap::default(),
//!     is_tested: true,
//! };
//! let rows = assess(&[choice], &assessment)?;
//! assert_eq!((rows[0].correct, rows[0].total), (5, 6));
//! assert_eq!(rows[0].p_value, Some(0.25)); // three sentences say little, however clear they are
//!
//! let folder = tempfile::tempdir()?;
//! write_table(folder.path(), &rows)?;
//! assert_eq!(read_table::<BestHead>(folder.path())?, rows);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod assess;
mod bytes;
pub mod collect;
pub mod compare;
mod differences;
pub mod explorer;
pub mod facts;
pub mod figures;
pub mod format;
mod head_counts;
mod head_tests;
mod html;
mod kinds;
pub mod look;
mod markdown;
mod null_models;
pub mod run;
mod script;
mod selection;
pub mod sheet;
pub mod sweep;
pub mod tables;
mod tree_figure;

pub use assess::{AGGREGATES, Assessment, Chosen, RelationCounts, assess, is_aggregate};
pub use differences::{Compared, difference_of_values, differences};
pub use head_tests::{Field, head_tests, pay_for_choice};
pub use html::html_report;
pub use kinds::ensembles::{BEST_HEAD, FIRST_HEAD};
pub use kinds::masked_lm::has_learned;
pub use kinds::pairs;
pub use kinds::probe::RIGHT_BRANCHING;
pub use kinds::{RANDOM_WEIGHTS, Told, show, told};
pub use markdown::markdown_report;
pub use null_models::{NullChoice, NullChoices, null_models};
pub use selection::Selection;
pub use tree_figure::{TreeFigureError, dependency_tree, run_tree};
