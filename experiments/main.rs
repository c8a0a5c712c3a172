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

use headlight_report::sheet::visible_lines;

use crate::cli::{Command, Interrupted, LogFormat, logging, output, progress};
use crate::commands::kind::{Called, Work};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code when the arguments or the config are wrong; clap's own.
const USAGE: u8 = 2;

/// What libraries panic with where the system gives them no thread.
const NO_THREAD: [&str; 2] = ["failed to spawn thread", "thread pool has not been initialized"];

/// A panic over damaged bytes of a table becomes an error that names the file; nothing else is said of it. A library that
/// cannot have a thread panics, which is an error like others.
fn tame_panics() {
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let payload = panic.payload();
        let said = payload.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or_default();
        if NO_THREAD.iter().any(|message| said.contains(message)) {
            progress::fail("cannot start a thread; a limit of memory or of processes is too low (`ulimit -a`)");
            std::process::exit(1);
        }
        if !headlight_report::tables::is_reading() {
            say(panic);
        }
    }));
}

fn main() -> ExitCode {
    let Called { verbosity, offline, work } = match commands::kind::called() {
        Ok(called) => called,
        // clap repeats arguments as they are, in colours of its own.
        Err(error) if visible_lines(&error.to_string()) == error.to_string() => error.exit(),
        Err(error) => {
            progress::fail(error.to_string().trim_start_matches("error: ").trim_end());
            return ExitCode::from(USAGE);
        }
    };
    logging::install(&verbosity);
    tame_panics();
    if verbosity.quiet {
        progress::quiet();
    }
    if verbosity.log_format == LogFormat::Json {
        progress::json();
    }
    if offline {
        sources::fetch::go_offline();
    }
    let command = match &work {
        Work::Command(command) => command,
        Work::Kind(kind, matches) => return ended(commands::kind::run(kind, matches)),
    };
    let result = match command {
        Command::Run(args) => commands::run::run(args),
        Command::Encode(args) => commands::encode::encode(args),
        Command::Plan(args) => commands::plan::plan(args),
        Command::Submit(args) => commands::submit::submit(args),
        Command::Compare(args) => commands::compare::compare(args),
        Command::Report(args) => commands::report::report(args),
        Command::Collect(args) => commands::collect::collect(args),
        Command::Figure(args) => commands::figure::figure(args),
        Command::Check(args) => commands::check::check(args),
        Command::Fetch(args) => commands::fetch::fetch(args),
        Command::Models => commands::models::models(),
        Command::Show(args) => commands::show::show(args),
        Command::Explain(args) => commands::explain::explain(args),
        Command::Look(args) => commands::look::look(args),
        Command::Parse(args) => commands::parse::parse(args),
        Command::Store(args) => commands::store::store(args),
        Command::Verify(args) => commands::verify::verify(args),
        Command::Completions(args) => commands::completions::completions(args),
        Command::Man(args) => commands::man::man(args),
    };
    ended(result)
}

/// Says what went wrong, and what the process ends with.
fn ended(result: anyhow::Result<()>) -> ExitCode {
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
