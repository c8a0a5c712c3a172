//! The subcommands, one file each.

pub mod check;
pub mod collect;
pub mod compare;
pub mod completions;
pub mod config;
pub mod encode;
pub mod explain;
pub mod fetch;
pub mod figure;
mod given;
mod input;
pub mod kind;
pub mod look;
pub mod man;
pub mod models;
pub mod parse;
pub mod plan;
pub mod report;
pub mod run;
pub mod show;
pub mod store;
pub mod submit;
mod sweep;
pub mod verify;

use std::fmt;
use std::path::Path;

use anyhow::Result;
use headlight_report::run::RunDirectory;
use headlight_report::sheet::Sheet;

use crate::cli::output;

/// Width of printed tables, in characters.
const WIDTH: usize = 80;

/// Prints the tables of a run.
fn print_sheets(sheets: &[Sheet]) -> Result<()> {
    sheets.iter().try_for_each(|sheet| output::print(&format!("\n{}", sheet.to_text(WIDTH))))
}

/// A run, once the user was told what in it is no longer what the run wrote.
fn opened(run: RunDirectory) -> RunDirectory {
    tell(run.path(), run.changed());
    run
}

/// Tells the user what of a folder's files is no longer what was written.
fn tell(folder: &Path, changed: &[String]) {
    changed.iter().for_each(|changed| tracing::warn!("{}: {changed}", folder.display()));
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
