//! `headlight report`

use anyhow::Result;
use headlight_report::run::RunDirectory;
use headlight_report::show;
use headlight_report::sweep::Sweep;

use super::{opened, print_sheets, tell};
use crate::cli::{ReportArgs, progress};

/// Writes the reports of runs, or of a sweep, anew from their other files, as after an update of headlight, and prints the
/// tables that the runs printed; where the reports are stands on standard error.
pub fn report(args: &ReportArgs) -> Result<()> {
    for folder in &args.runs {
        let sheets = if Sweep::is_at(folder) {
            let sweep = Sweep::open(folder)?;
            tell(folder, sweep.changed());
            sweep.write_reports(folder)?;
            sweep.sheets()
        } else {
            show(&opened(RunDirectory::open(folder)?))?
        };
        progress::say(&format!("report.md and report.html written to {}", folder.display()));
        print_sheets(&sheets)?;
    }
    Ok(())
}
