//! From counts to results that people can read, compare and publish.
//!
//! An experiment leaves counts: this many words of a relation, this many picked right, sentence by sentence. This crate
//! turns them into tables with their statistics, compares runs, and typesets both.
//!
//! It knows nothing about models and heads: the runner converts what the other crates count into the rows defined here.

pub mod run;
pub mod tables;
