//! What a user sees while work goes on, on standard error: bars with rate and time left on a terminal, a plain line at
//! most every ten seconds elsewhere, nothing with `--quiet`, JSON with `--log-format json`.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime};

use headlight_report::sheet::visible;
use indicatif::{HumanBytes, HumanCount, MultiProgress, ProgressBar, ProgressStyle};

use super::interrupt;

static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
static QUIET: AtomicBool = AtomicBool::new(false);
static JSON: AtomicBool = AtomicBool::new(false);

/// How often a plain line is written where no bar can be drawn.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Switches all progress off.
pub fn quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// From now on every line on standard error is a JSON object, and no bar is drawn.
pub fn json() {
    JSON.store(true, Ordering::Relaxed);
}

/// Runs `write` while no bar is on the screen.
pub fn suspend<T>(write: impl FnOnce() -> T) -> T {
    BARS.suspend(write)
}

/// Tells the user one thing, unless `--quiet`.
pub fn say(line: &str) {
    if !QUIET.load(Ordering::Relaxed) {
        write_line("INFO", "", line);
    }
}

/// Tells the user why the work ends, even with `--quiet`.
pub fn fail(line: &str) {
    write_line("ERROR", "error: ", line);
}

/// `prefix` and `line`, or an object like those of the log; names in it may come from files, so nothing in it acts on the
/// terminal. A closed standard error takes nothing, and that is no error.
fn write_line(level: &str, prefix: &str, line: &str) {
    let line = visible(line);
    let line = match JSON.load(Ordering::Relaxed) {
        true => {
            let timestamp = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
            serde_json::json!({ "timestamp": timestamp, "level": level, "message": line, "target": "headlight" })
                .to_string()
        }
        false => format!("{prefix}{line}"),
    };
    let _ = suspend(|| writeln!(io::stderr(), "{line}"));
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Sentences, or anything else that has this name.
    Items(&'static str),
    /// Bytes.
    Bytes,
}

impl Amount {
    fn count(self, amount: u64) -> String {
        match self {
            Amount::Items(name) => format!("{} {name}", HumanCount(amount)),
            Amount::Bytes => HumanBytes(amount).to_string(),
        }
    }
}

/// The progress of one step. Counting is cheap and may come from any thread.
pub struct Progress {
    label: String,
    unit: Amount,
    bar: ProgressBar,
    done: AtomicU64,
    total: Option<u64>,
    started: Instant,
    last_line: Mutex<Instant>,
}

impl Progress {
    /// Starts a step of `total` units; `None` when nobody knows how many there will be.
    pub fn start(label: impl Into<String>, unit: Amount, total: Option<u64>) -> Self {
        let label = visible(&label.into()).into_owned();
        let shown = io::stderr().is_terminal() && ![&QUIET, &JSON].iter().any(|it| it.load(Ordering::Relaxed));
        let bar = if shown {
            BARS.add(total.map_or_else(ProgressBar::new_spinner, ProgressBar::new))
        } else {
            ProgressBar::hidden()
        };
        if shown {
            bar.set_style(style(unit, total.is_some()));
            bar.set_message(label.clone());
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let now = Instant::now();
        Self { label, unit, bar, done: AtomicU64::new(0), total, started: now, last_line: Mutex::new(now) }
    }

    /// Counts `amount` more units as done.
    pub fn add(&self, amount: u64) {
        self.done.fetch_add(amount, Ordering::Relaxed);
        self.bar.inc(amount);
        if self.bar.is_hidden()
            && let Ok(mut last) = self.last_line.try_lock()
            && last.elapsed() >= PLAIN_EVERY
        {
            *last = Instant::now();
            drop(last);
            self.line();
        }
    }

    /// Ends the step: the bar goes, one line stays.
    pub fn finish(self) {
        self.bar.finish_and_clear();
        BARS.remove(&self.bar);
        let seconds = self.started.elapsed().as_secs_f64();
        say(&format!("{}: {} in {seconds:.1} s", self.label, self.done()));
    }

    fn line(&self) {
        match self.total {
            Some(total) => say(&format!("{}: {} of {}", self.label, self.done(), self.unit.count(total))),
            None => say(&format!("{}: {}", self.label, self.done())),
        }
    }

    fn done(&self) -> String {
        self.unit.count(self.done.load(Ordering::Relaxed))
    }
}

/// A reader that counts its bytes as progress, and ends after a signal.
pub struct Counted<'a, R> {
    reader: R,
    progress: &'a Progress,
}

impl<'a, R> Counted<'a, R> {
    /// Counts what is read from `reader`.
    pub fn new(reader: R, progress: &'a Progress) -> Self {
        Self { reader, progress }
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check().map_err(io::Error::other)?;
        let read = self.reader.read(buffer)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}

fn style(unit: Amount, total_known: bool) -> ProgressStyle {
    let template = match (unit, total_known) {
        (Amount::Items(_), true) => "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} left {eta}",
        (Amount::Items(_), false) => "{msg} {spinner} {human_pos} {per_sec}",
        (Amount::Bytes, true) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} left {eta}",
        (Amount::Bytes, false) => "{msg} {spinner} {bytes} {bytes_per_sec}",
    };
    ProgressStyle::with_template(template).expect("the templates above are valid")
}
