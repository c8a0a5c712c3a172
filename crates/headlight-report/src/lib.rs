//! From counts to results that people can read, compare and publish.
//!
//! An experiment leaves counts: this many words of a relation, this many picked right, sentence by sentence. This crate
//! turns them into tables with their statistics, compares runs, and typesets both.
//!
//! It knows nothing about models and heads: the runner converts what the other crates count into the rows defined here.

mod assess;
mod base64;
mod best_heads;
pub mod compare;
pub mod explorer;
pub mod format;
mod markdown;
pub mod run;
pub mod sheet;
pub mod stats;
pub mod tables;
mod tree_figure;

pub use assess::{AGGREGATES, Choice, assess, is_aggregate};
pub use best_heads::{best_heads_sheet, findings};
pub use markdown::markdown_report;
pub use tree_figure::{TreeFigureError, dependency_tree, run_tree};
