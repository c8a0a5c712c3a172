//! headlight: how much syntax the attention heads of BERT-like models know.
//!
//! This binary reads arguments, configs and the environment, drives the libraries and writes runs. Nothing else does.

#![forbid(unsafe_code)]

mod cli;
mod commands;
mod config;
mod kinds;
mod run;
mod sources;

use std::process::ExitCode;

use clap::Parser;
use headlight_report::sheet::visible_lines;

use crate::cli::{Cli, Command, Interrupted, LogFormat, logging, output, progress};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code when the arguments or the config are wrong; clap's own.
const USAGE: u8 = 2;

/// A panic over damaged bytes of a table becomes an error that names the file; nothing else is said of it.
fn caught_panics_are_silent() {
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !headlight_report::tables::is_reading() {
            say(panic);
        }
    }));
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // clap repeats arguments as they are, in colours of its own.
        Err(error) if visible_lines(&error.to_string()) == error.to_string() => error.exit(),
        Err(error) => {
            progress::fail(error.to_string().trim_start_matches("error: ").trim_end());
            return ExitCode::from(USAGE);
        }
    };
    logging::install(&cli.verbosity);
    caught_panics_are_silent();
    if cli.verbosity.quiet {
        progress::quiet();
    }
    if cli.verbosity.log_format == LogFormat::Json {
        progress::json();
    }
    if cli.offline {
        sources::fetch::go_offline();
    }
    let result = match &cli.command {
        Command::Run(args) => commands::run::run(args),
        Command::Encode(args) => commands::encode::encode(args),
        Command::Plan(args) => commands::plan::plan(args),
        Command::Submit(args) => commands::submit::submit(args),
        Command::Compare(args) => commands::compare::compare(args),
        Command::Report(args) => commands::report::report(args),
        Command::Figure(args) => commands::figure::figure(args),
        Command::Check(args) => commands::check::check(args),
        Command::Fetch(args) => commands::fetch::fetch(args),
        Command::Models => commands::models::models(),
        Command::Show(args) => commands::show::show(args),
        Command::Explain(args) => commands::explain::explain(args),
        Command::Parse(args) => commands::parse::parse(args),
        Command::Store(args) => commands::store::store(args),
        Command::Verify(args) => commands::verify::verify(args),
        Command::Completions(args) => commands::completions::completions(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<output::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            // One line, whatever the causes hold; a closed standard error leaves only the exit code.
            progress::fail(&format!("{error:#}").replace('\n', " "));
            ExitCode::from(match () {
                () if error.is::<commands::Usage>() => USAGE,
                () if error.is::<Interrupted>() => Interrupted::exit_code(),
                () => 1,
            })
        }
    }
}
