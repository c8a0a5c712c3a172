//! The machine that a run ran on, as far as it tells.

use std::fs;
use std::thread;

use headlight_report::run::Machine;

/// Processor, cores, memory, and the accelerator where the device is one.
pub fn describe(device: headlight_bert::Device) -> Machine {
    Machine {
        os: std::env::consts::OS.to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        processor: field("/proc/cpuinfo", "model name"),
        cores: thread::available_parallelism().map_or(1, |cores| cores.get() as u32),
        memory_bytes: field("/proc/meminfo", "MemTotal").as_deref().and_then(kibibytes),
        accelerator: device.accelerator(),
    }
}

/// The largest resident memory of this process so far.
pub fn peak_memory() -> Option<u64> {
    kibibytes(&field("/proc/self/status", "VmHWM")?)
}

/// The first value of `key: value` lines.
fn field(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

/// `8192 kB` in bytes.
fn kibibytes(value: &str) -> Option<u64> {
    value.strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
