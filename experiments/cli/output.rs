//! Results on standard output. Names from files come this way to the terminal, so nothing in a text acts on it: control
//! characters are written out.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use headlight_report::sheet::visible_lines;

/// Standard output was closed by its reader, as `| head` does: the end of the work, but no error.
#[derive(Debug)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is closed")
    }
}

impl std::error::Error for Closed {}

/// Prints a text for people.
///
/// # Errors
/// [`Closed`] when nobody reads, or the error of the write.
pub fn print(text: &str) -> anyhow::Result<()> {
    write(&visible_lines(text))
}

/// Prints data for other programs: into a file or a pipe byte for byte, to a terminal as text for people.
///
/// # Errors
/// As [`print()`].
pub fn print_data(text: &str) -> anyhow::Result<()> {
    if io::stdout().is_terminal() { print(text) } else { write(text) }
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed.into()),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
    }
}
