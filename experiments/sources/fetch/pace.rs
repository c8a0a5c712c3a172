//! Servers that send next to nothing are given up: a byte now and then keeps a connection alive for days.

use std::time::{Duration, Instant};

/// The least that has to come.
#[derive(Debug, Clone, Copy)]
pub struct Least {
    /// Bytes in each window.
    pub bytes: u64,
    /// How long a window is.
    pub window: Duration,
}

/// Of every download: what a modem brought, over long enough that a hiccup is none.
pub const LEAST: Least = Least { bytes: 30 * 1024, window: Duration::from_secs(30) };

/// Watches one download.
#[derive(Debug)]
pub struct Pace {
    least: Least,
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// A download that begins now.
    pub fn new(least: Least) -> Self {
        Self { least, since: Instant::now(), bytes: 0 }
    }

    /// Takes note of bytes that came; `Err` with how many came in a window that was too slow.
    pub fn add(&mut self, bytes: u64) -> Result<(), u64> {
        self.bytes += bytes;
        if self.since.elapsed() < self.least.window {
            return Ok(());
        }
        let came = std::mem::take(&mut self.bytes);
        self.since = Instant::now();
        if came < self.least.bytes { Err(came) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_is_given_up_and_a_stream_is_not() {
        let least = Least { bytes: 100, window: Duration::from_millis(20) };
        let mut trickle = Pace::new(least);
        let first = (0..100).map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            trickle.add(1)
        });
        assert!(first.into_iter().any(|added| added.is_err()));
        let mut stream = Pace::new(least);
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(1));
            assert_eq!(stream.add(1000), Ok(()));
        }
    }
}
