//! `headlight run`

use anyhow::Result;

use super::load_config;
use crate::cli::RunArgs;
use crate::{output, run};

/// Width of printed tables, in characters.
const WIDTH: usize = 80;

/// Runs each config in turn. All are read first, so that a mistake in the last is found before the first is run.
pub fn run(args: &RunArgs) -> Result<()> {
    let configs = args.configs.iter().map(|config| load_config(config, &args.sets)).collect::<Result<Vec<_>>>()?;
    run::watch_interrupts()?;
    for config in configs {
        let (_, sheets) = run::run(config, &args.out, args.force)?;
        for sheet in sheets {
            output::print(&format!("\n{}", sheet.to_text(WIDTH)))?;
        }
    }
    Ok(())
}
