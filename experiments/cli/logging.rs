//! Log lines: `tracing` events of all crates, on standard error, in between progress bars.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};

use headlight_report::sheet::visible_lines;
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
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let installed = match verbosity.log_format {
        LogFormat::Text => {
            let form = if colours() { Form::Coloured } else { Form::Plain };
            let builder = builder.with_writer(AboveBars(form)).without_time().with_target(false);
            builder.with_ansi(colours()).try_init()
        }
        LogFormat::Json => builder.with_writer(AboveBars(Form::Json)).json().flatten_event(true).try_init(),
    };
    debug_assert!(installed.is_ok(), "the subscriber is installed once");
}

/// Colours are for terminals, and for people who have not asked for none (<https://no-color.org>).
fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// How a log line is written.
#[derive(Clone, Copy)]
enum Form {
    Plain,
    /// With escape characters of the log's own; those of the text are written out by the subscriber.
    Coloured,
    Json,
}

/// Writes a log line without tearing the progress bars apart. Names in it may come from files: what would act on the
/// terminal is written out.
#[derive(Clone, Copy)]
struct AboveBars(Form);

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        let line: Cow<'_, str> = match self.0 {
            Form::Plain => visible_lines(&line),
            Form::Coloured => line.split('\u{1b}').map(visible_lines).collect::<Vec<_>>().join("\u{1b}").into(),
            Form::Json => visible_json(&line).into(),
        };
        progress::suspend(|| io::stderr().write_all(line.as_bytes()))?;
        Ok(bytes.len())
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

/// JSON whose texts are visible when they are read back, too: neither a control character nor its escape stays.
fn visible_json(line: &str) -> String {
    let mut visible = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        let escaped = rest.strip_prefix("\\u").and_then(|digits| digits.get(..4));
        let meant = escaped.and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
        let length = match (meant, character) {
            (Some(_), _) => 6,
            // Any other escape is two characters, whose second begins none.
            (None, '\\') => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => character.len_utf8(),
        };
        let (this, after) = rest.split_at(length);
        match meant {
            Some(meant) => visible.push_str(&visible_lines(&meant.to_string()).replace('\\', "\\\\")),
            None => visible.push_str(&visible_lines(this).replace("\\u{", "\\\\u{")),
        }
        rest = after;
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_visible_before_and_after_it_is_read() {
        let message = "a \u{1b}[31m b\u{9b} \u{7f} \\u001b \\\" \u{202e} ü\n";
        let line = serde_json::json!({ "message": message }).to_string() + "\n";
        let visible = visible_json(&line);
        assert!(!visible.trim_end().contains(char::is_control), "{visible}");
        let read: serde_json::Value = serde_json::from_str(&visible).unwrap();
        assert_eq!(read["message"], "a \\u{1b}[31m b\\u{9b} \\u{7f} \\u001b \\\" \\u{202e} ü\n");
    }
}
