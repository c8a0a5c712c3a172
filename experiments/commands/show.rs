//! `headlight show`: the resolved config.

use anyhow::Result;

use super::config::{Config, load_configs};
use crate::cli::{ShowArgs, output};
use crate::config::BASE;

/// Prints the config as a run would write it: TOML that resolves to itself. The configs of a sweep follow each other.
/// With `--defaults`, prints base.toml.
pub fn show(args: &ShowArgs) -> Result<()> {
    let Some(config) = &args.config else { return output::print(BASE) };
    let configs = load_configs(config, &args.sets)?;
    output::print_data(&configs.iter().map(Config::to_toml).collect::<Vec<_>>().join("\n"))
}
