//! Where the time of an encoder goes.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The parts of a batch's time, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// Padding on the host, and handing the inputs to the device.
    Upload,
    /// Telling the device what to do. A GPU is at work meanwhile.
    Queue,
    /// Waiting until the device has done it.
    Kernels,
    /// Copying results to the host.
    Download,
    /// Taking them apart, sentence by sentence.
    Host,
}

impl Part {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Upload, "upload"),
        (Self::Queue, "queue"),
        (Self::Kernels, "kernels"),
        (Self::Download, "download"),
        (Self::Host, "host"),
    ];
}

/// Times of batches, summed over workers, which work at the same time: with one worker they add up to the time that passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct TimeSplit {
    batches: u64,
    /// Pieces, and the places of padded batches that hold them.
    pieces: u64,
    places: u64,
    parts: [Duration; 5],
}

impl fmt::Display for TimeSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let padding = 100.0 * (1.0 - self.pieces as f64 / self.places.max(1) as f64);
        write!(f, "{} batches, {} pieces, {padding:.1} % padding", self.batches, self.pieces)?;
        for ((_, name), time) in Part::ALL.iter().zip(self.parts) {
            write!(f, ", {name} {:.3} s", time.as_secs_f64())?;
        }
        Ok(())
    }
}

/// Measures batches on any number of threads, where somebody listens.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    split: Mutex<TimeSplit>,
}

/// The time of one batch.
pub(crate) struct Lap<'a> {
    watch: &'a Stopwatch,
    split: TimeSplit,
    since: Instant,
}

impl Stopwatch {
    /// Starts on a batch; `None` when the log level leaves nobody to tell. Measuring makes a worker wait for the device
    /// before it reads, which costs nothing but the wait that the read would have been.
    pub fn lap(&self, pieces: usize, places: usize) -> Option<Lap<'_>> {
        tracing::enabled!(tracing::Level::DEBUG).then(|| {
            let split = TimeSplit { batches: 1, pieces: pieces as u64, places: places as u64, ..TimeSplit::default() };
            Lap { watch: self, split, since: Instant::now() }
        })
    }

    /// Tells what was measured since it last did.
    pub fn tell(&self) {
        let split = std::mem::take(&mut *self.split.lock().unwrap_or_else(PoisonError::into_inner));
        if split.batches > 0 {
            tracing::debug!("time of the encoder, summed over workers: {split}");
        }
    }
}

impl Lap<'_> {
    /// What passed since the part before is this part's.
    pub fn end(&mut self, part: Part) {
        let now = Instant::now();
        self.split.parts[part as usize] += now - self.since;
        self.since = now;
    }
}

impl Drop for Lap<'_> {
    fn drop(&mut self) {
        let mut sum = self.watch.split.lock().unwrap_or_else(PoisonError::into_inner);
        sum.batches += self.split.batches;
        sum.pieces += self.split.pieces;
        sum.places += self.split.places;
        sum.parts.iter_mut().zip(self.split.parts).for_each(|(sum, time)| *sum += time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_reads_as_a_sentence() {
        let parts = [1, 20, 300, 4000, 50].map(Duration::from_millis);
        let split = TimeSplit { batches: 2, pieces: 750, places: 1000, parts };
        assert_eq!(
            split.to_string(),
            "2 batches, 750 pieces, 25.0 % padding, upload 0.001 s, queue 0.020 s, kernels 0.300 s, download 4.000 s, \
             host 0.050 s"
        );
    }
}
