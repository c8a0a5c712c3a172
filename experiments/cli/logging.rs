//! Log lines: `tracing` events of all crates, on standard error, in between progress bars.

use std::io::{self, IsTerminal as _, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::progress;
use crate::cli::{LogFormat, Verbosity};

/// Installs the subscriber. Called once, before any work.
pub fn install(verbosity: &Verbosity) {
    let default = match (verbosity.quiet, verbosity.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "warn,headlight=info",
        (false, 2) => "info,headlight=debug",
        (false, _) => "trace",
    };
    let headlight = |level: &str| {
        // Crates are targets of their own: `headlight=info` means all of them.
        ["treebank", "attention", "bert", "heads", "probe", "report"]
            .map(|it| format!("headlight_{it}={level}"))
            .join(",")
    };
    let filter = match default.split_once("headlight=") {
        Some((_, level)) => format!("{default},{}", headlight(level)),
        None => default.to_owned(),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(AboveBars);
    let installed = match verbosity.log_format {
        LogFormat::Text => builder.without_time().with_target(false).with_ansi(colours()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    debug_assert!(installed.is_ok(), "the subscriber is installed once");
}

/// Colours are for terminals, and for people who have not asked for none (<https://no-color.org>).
fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes a log line without tearing the progress bars apart.
#[derive(Clone, Copy)]
struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for AboveBars {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}
