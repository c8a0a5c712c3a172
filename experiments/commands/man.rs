//! `headlight man`

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::cli::{Cli, ManArgs};

/// Writes a manual page of headlight and one of each of its commands.
pub fn man(args: &ManArgs) -> Result<()> {
    let cannot = || format!("cannot write manual pages into {}", args.folder.display());
    std::fs::create_dir_all(&args.folder).with_context(cannot)?;
    clap_mangen::generate_to(Cli::command(), &args.folder).with_context(cannot)
}
