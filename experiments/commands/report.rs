//! `headlight report`

use std::fs;

use anyhow::{Context, Result};
use headlight_report::markdown_report;
use headlight_report::run::RunDirectory;

use crate::cli::ReportArgs;
use crate::output;

/// Writes the reports of runs anew from their tables, as after an update of headlight, and prints where they are.
pub fn report(args: &ReportArgs) -> Result<()> {
    for folder in &args.runs {
        let run = RunDirectory::open(folder)?;
        let path = folder.join("report.md");
        fs::write(&path, markdown_report(&run)?).with_context(|| format!("cannot write {}", path.display()))?;
        output::print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}
