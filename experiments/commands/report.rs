//! `headlight report`

use std::fs;

use anyhow::{Context, Result};
use headlight_report::run::RunDirectory;
use headlight_report::{html_report, markdown_report};

use crate::cli::ReportArgs;
use crate::cli::output;

/// Writes the reports of runs anew from their tables, as after an update of headlight, and prints where they are.
pub fn report(args: &ReportArgs) -> Result<()> {
    for folder in &args.runs {
        let run = RunDirectory::open(folder)?;
        for (file, text) in [("report.md", markdown_report(&run)?), ("report.html", html_report(&run)?)] {
            let path = folder.join(file);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            output::print(&format!("{}\n", path.display()))?;
        }
    }
    Ok(())
}
