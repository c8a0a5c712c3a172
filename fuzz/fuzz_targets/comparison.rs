#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(init: targets::let_caught_panics_pass(), |bytes: &[u8]| targets::comparison(bytes));
