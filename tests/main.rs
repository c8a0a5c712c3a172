//! Everything that is tested from outside: the binary as a user sees it, the pipeline from files to tables, agreement
//! with an independent implementation, and the house rules of the workspace. One binary, so that it links once.

// A test says what it could not check, and by how much it missed: on standard output, where the harness keeps it.
#![allow(clippy::print_stdout)]

mod architecture;
mod bad_input;
mod beyond;
mod cli;
mod collect;
mod controls;
mod directions;
mod docs;
mod downloads;
mod faults;
mod fetch;
mod fuzz;
mod golden_coreference;
mod golden_ensembles;
mod golden_heads;
mod golden_maps;
mod goldens;
mod importance;
mod interrupted;
mod kinds;
mod kubernetes;
mod labels;
mod look;
mod mixing;
mod models;
mod packaging;
mod pairs;
mod paths;
mod pipeline;
mod probe_runs;
mod probes;
mod quickstart;
mod sequences;
mod shards;
mod shared_passes;
mod single_heads;
mod slurm;
mod splits;
mod submit;
mod support;
mod surroundings;
mod sweeps;
mod unannotated;
mod wheels;
mod whole_runs;
mod without_config;
