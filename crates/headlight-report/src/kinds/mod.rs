//! What each kind of experiment shows, from the rows that it wrote.

pub(crate) mod clusters;
pub(crate) mod coreference;
pub(crate) mod differences;
pub(crate) mod ensembles;
pub(crate) mod heads;
pub(crate) mod importance;
pub mod probe;
pub(crate) mod pruning;
mod shared;
pub(crate) mod structural;
pub(crate) mod surface;
pub(crate) mod trees;
