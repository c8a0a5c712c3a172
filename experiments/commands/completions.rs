//! `headlight completions`

use anyhow::Result;

use crate::cli::CompletionsArgs;
use crate::cli::output;

/// Prints the completion script of a shell.
pub fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::kind::command(), "headlight", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
