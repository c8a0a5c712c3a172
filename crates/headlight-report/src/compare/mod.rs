//! Comparison of runs, with each other and with published numbers, relation by relation.
//!
//! The first [`Source`] is the reference; every other one is compared with it. Two runs are paired word by word, by what
//! the sentences of their `predictions` tables say, and what cannot be paired is never joined silently:
//! - runs that tell relations apart differently, or whose sentences or trees differ, are refused;
//! - other conventions that differ, sentences that only one run has, and numbers without counts (published ones) are
//!   named in [`Comparison::flags`].

mod align;
mod error;
mod flags;
mod measures;
mod outcome;
mod paper;
mod render;
mod source;
mod words;

pub use error::CompareError;
pub use outcome::{Comparison, Contestant, Difference, MeasureRow, RelationRow, Score, Shortfall, compare};
pub use paper::{
    HeadTable, Paper, Publication, PublishedCoreference, PublishedFact, PublishedHead, PublishedProbe, ScoreTable,
    builtin_papers,
};
pub use render::{Format, UnknownFormat};
pub use source::Source;

#[cfg(test)]
mod tests;
