//! `headlight run`

use anyhow::Result;

use super::{WIDTH, load_configs};
use crate::cli::RunArgs;
use crate::{output, run};

/// Runs each config in turn. All are read first, so that a mistake in the last is found before the first is run.
pub fn run(args: &RunArgs) -> Result<()> {
    let configs = args.configs.iter().map(|config| load_configs(config, &args.sets)).collect::<Result<Vec<_>>>()?;
    run::watch_interrupts()?;
    for config in configs.into_iter().flatten() {
        let sheets = run::run(config, &args.out, args.force)?;
        for sheet in sheets {
            output::print(&format!("\n{}", sheet.to_text(WIDTH)))?;
        }
    }
    Ok(())
}
