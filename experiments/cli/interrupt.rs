//! Ctrl-C: the first stops the run at the next sentence, so that what is computed is kept; the second ends the process.

use std::fmt;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;

static PRESSED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The run was stopped by Ctrl-C.
#[derive(Debug)]
pub struct Interrupted;

impl Interrupted {
    /// 128 + SIGINT, as shells have it.
    pub const EXIT_CODE: u8 = 130;
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted; what is computed is kept, and the same command goes on from there")
    }
}

impl std::error::Error for Interrupted {}

/// From now on Ctrl-C is asked for by [`check`]. Called before the first experiment.
///
/// # Errors
/// When the system refuses the handler.
pub fn install() -> anyhow::Result<()> {
    // Handlers run in the order of their registration: the second press finds the flag set by the first and exits.
    signal_hook::flag::register_conditional_shutdown(SIGINT, Interrupted::EXIT_CODE.into(), Arc::clone(&PRESSED))?;
    signal_hook::flag::register(SIGINT, Arc::clone(&PRESSED))?;
    Ok(())
}

/// Whether to go on.
///
/// # Errors
/// [`Interrupted`] once Ctrl-C was pressed.
pub fn check() -> Result<(), Interrupted> {
    if PRESSED.load(Ordering::Relaxed) { Err(Interrupted) } else { Ok(()) }
}
