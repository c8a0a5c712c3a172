//! Comparison of runs, with each other and with published numbers, relation by relation.
//!
//! The first [`Reported`] is the reference; every other one is compared with it. Two runs are paired word by word, by what
//! the sentences of their `predictions` tables say, relation by relation of the same name:
//! - a difference is over the words that both runs count under the name, whatever else they have; scores are each run's own;
//! - what cannot be paired, as other sentences, published numbers, means over seeds, stands beside each other without a test,
//!   and a name that only one source has stands alone: see [`Difference::paired`];
//! - what differs beside that (conventions, trees, sentences) is named in [`Comparison::flags`].

mod align;
mod entry;
mod error;
mod facts;
mod flags;
mod gate;
mod measures;
mod outcome;
mod paper;
mod render;
mod reported;
mod sheets;
mod words;

pub use error::CompareError;
pub use gate::{Gate, GateError, Held, Shortfall};
pub use outcome::{Comparison, Contestant, Difference, MeasureRow, PairedWords, RelationRow, Score, compare};
pub use paper::{
    HeadTable, Paper, Publication, PublishedCoreference, PublishedFact, PublishedHead, PublishedProbe, ScoreTable,
    builtin_papers,
};
pub use render::{Format, UnknownFormat};
pub use reported::Reported;

#[cfg(test)]
mod tests;
