//! `headlight completions`

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::output;
use crate::cli::{Cli, CompletionsArgs};

/// Prints the completion script of a shell.
pub fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "headlight", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
