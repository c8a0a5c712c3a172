//! The subcommands, one file each.

pub mod check;
pub mod compare;
pub mod completions;
mod config;
pub mod explain;
pub mod fetch;
pub mod figure;
pub mod models;
pub mod parse;
pub mod report;
pub mod run;
pub mod show;
pub mod store;
mod sweep;

use std::fmt;

use anyhow::Result;
use headlight_report::sheet::Sheet;

use crate::cli::output;

/// Width of printed tables, in characters.
const WIDTH: usize = 80;

/// Prints the tables of a run.
fn print_sheets(sheets: &[Sheet]) -> Result<()> {
    sheets.iter().try_for_each(|sheet| output::print(&format!("\n{}", sheet.to_text(WIDTH))))
}

/// Wrong usage: a mistake in the arguments or in the config. Shown as its cause, and makes the exit code 2.
#[derive(Debug)]
pub struct Usage(anyhow::Error);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Usage {}
