//! `headlight show`: the resolved config.

use anyhow::Result;

use super::load_config;
use crate::cli::ShowArgs;
use crate::output;

/// Prints the config as a run would write it: TOML that resolves to itself.
pub fn show(args: &ShowArgs) -> Result<()> {
    output::print(&load_config(&args.config, &args.sets)?.to_toml())
}
