#![no_main]
#![allow(dead_code, reason = "the binary's own rooms, of which only those that read configs are called")]

#[path = "../../experiments/cli/mod.rs"]
mod cli;
#[path = "../../experiments/commands/mod.rs"]
mod commands;
#[path = "../../experiments/config/mod.rs"]
mod config;
#[path = "../config.rs"]
mod fuzzed;
#[path = "../../experiments/kinds/mod.rs"]
mod kinds;
#[path = "../../experiments/run/mod.rs"]
mod run;
#[path = "../../experiments/sources/mod.rs"]
mod sources;

use crate::commands::config::{Config, resolve};
use crate::config::Source;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::config(bytes, |file, sets| {
    let configs = resolve(&Source::File(file.to_owned()), sets);
    configs.map(|configs| configs.iter().map(Config::to_toml).collect())
}));
