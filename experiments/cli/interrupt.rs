//! Signals that end a run: Ctrl-C, `kill` and a terminal that closes. The first stops the work at its next place where all
//! that is computed is kept, and wherever it is after [`GRACE`]; the second ends the process at once.
//!
//! The limit holds in every step, also in one that asks nobody whether to go on: what is on disk is whole at any moment, so
//! that the process may end at any moment.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// How long the work may take to come to its next place.
#[cfg(unix)]
const GRACE: Duration = Duration::from_millis(1100);

/// How long a terminal, or a machine that has other things to do, may take to show the last line.
#[cfg(unix)]
const LAST_LINE: Duration = Duration::from_millis(500);

/// Whether all that is left to do is to say so.
static SETTLED: Mutex<bool> = Mutex::new(false);

/// The signal that came, 0 before any did.
static RECEIVED: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// The run was stopped by a signal.
#[derive(Debug)]
pub struct Interrupted;

impl Interrupted {
    /// 128 and the signal's number, as shells have it: 130 after Ctrl-C, 143 after `kill`, 129 where the terminal closed.
    pub fn exit_code() -> u8 {
        let signal = match RECEIVED.load(Ordering::Relaxed) {
            0 => SIGINT,
            signal => i32::try_from(signal).unwrap_or(SIGINT),
        };
        code_of(signal)
    }
}

fn code_of(signal: i32) -> u8 {
    u8::try_from(signal).map_or(u8::MAX, |signal| 128 + signal)
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted; what is computed is kept, and the same command goes on from there")
    }
}

impl std::error::Error for Interrupted {}

/// The signals that stop a run here.
fn signals() -> Vec<i32> {
    let mut signals = vec![SIGINT, SIGTERM];
    #[cfg(unix)]
    signals.extend((!is_ignored(signal_hook::consts::SIGHUP)).then_some(signal_hook::consts::SIGHUP));
    signals
}

/// Whether whoever started the process has it ignore a signal, as `nohup` does, or that cannot be told.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    ignored.is_none_or(|ignored| ignored >> (signal - 1) & 1 == 1)
}

/// From now on signals are asked for by [`check`]. Called before the first work.
///
/// # Errors
/// When the system refuses the handlers.
pub fn install() -> anyhow::Result<()> {
    let came = Arc::new(AtomicBool::new(false));
    for signal in signals() {
        // Handlers run in the order of their registration: the second signal finds the flag set by the first and exits.
        flag::register_conditional_shutdown(signal, code_of(signal).into(), Arc::clone(&came))?;
        flag::register(signal, Arc::clone(&came))?;
        flag::register_usize(signal, Arc::clone(&RECEIVED), signal.unsigned_abs() as usize)?;
    }
    #[cfg(unix)]
    end_in_time().context("cannot watch for signals")?;
    Ok(())
}

/// Ends the process some time after a signal, whatever it is at.
#[cfg(unix)]
fn end_in_time() -> anyhow::Result<()> {
    use std::io::Read as _;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc;
    use std::thread;

    let (mut told, tells) = UnixStream::pair()?;
    for signal in signals() {
        signal_hook::low_level::pipe::register(signal, tells.try_clone()?)?;
    }
    let watch = move || {
        if told.read_exact(&mut [0]).is_err() {
            return;
        }
        thread::sleep(GRACE);
        let mut settled = settled();
        while *settled {
            drop(settled);
            thread::sleep(GRACE / 10);
            settled = self::settled();
        }
        // A terminal that takes no line is not waited for longer.
        let (said, is_said) = mpsc::channel();
        let say = move || {
            super::progress::fail(&Interrupted.to_string());
            said.send(())
        };
        let _ = thread::Builder::new().spawn(say).map(|_| is_said.recv_timeout(LAST_LINE));
        signal_hook::low_level::exit(Interrupted::exit_code().into());
    };
    thread::Builder::new().name("signals".to_owned()).spawn(watch)?;
    Ok(())
}

fn settled() -> MutexGuard<'static, bool> {
    SETTLED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does what gives a result its name, which a signal does not cut short: what is finished is not said to be interrupted.
/// From then on the process ends by itself, or comes to [`check`].
pub fn settle<T>(work: impl FnOnce() -> T) -> T {
    *settled() = true;
    work()
}

/// Begins work of which there may be more than one: what is settled is that before it.
///
/// # Errors
/// As [`check`].
pub fn begin() -> Result<(), Interrupted> {
    *settled() = false;
    check()
}

/// Whether to go on.
///
/// # Errors
/// [`Interrupted`] once a signal came.
pub fn check() -> Result<(), Interrupted> {
    if RECEIVED.load(Ordering::Relaxed) == 0 { Ok(()) } else { Err(Interrupted) }
}
