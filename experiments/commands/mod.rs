//! The subcommands, one file each.

pub mod check;
pub mod compare;
pub mod completions;
pub mod fetch;
pub mod figure;
pub mod models;
pub mod parse;
pub mod report;
pub mod run;
pub mod show;
pub mod store;

use std::fmt;

use crate::config::{self, Config, Source};

/// Width of printed tables, in characters.
const WIDTH: usize = 80;

/// Wrong usage: a mistake in the arguments or in the config. Shown as its cause, and makes the exit code 2.
#[derive(Debug)]
pub struct Usage(anyhow::Error);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Usage {}

/// Reads the config that an argument names, or all configs of its sweep; every mistake in it is wrong usage.
fn load_configs(argument: &str, sets: &[String]) -> anyhow::Result<Vec<Config>> {
    Source::find(argument).and_then(|source| config::load(&source, sets)).map_err(|error| Usage(error).into())
}
