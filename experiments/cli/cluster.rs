//! Arguments of the commands for more than one machine.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `headlight submit`
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// A config file, or the name of a config inside the binary, such as quickstart
    #[arg(value_name = "CONFIG")]
    pub config: String,
    /// Set a key of the config; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// What runs the jobs
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub engine: Engine,
    /// Shards of each run; default: `submit.shards`
    #[arg(long, value_name = "N")]
    pub shards: Option<usize>,
    /// Partition of a Slurm cluster; default: `submit.partition`
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,
    /// Folder that holds the run directories; scripts and logs go to NAME-submit there
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub out: PathBuf,
    /// Submit the jobs; without it they are only written
    #[arg(long)]
    pub go: bool,
    /// Replace the jobs of another config of this name, and run directories that exist
    #[arg(long)]
    pub force: bool,
}

/// `--engine` of `headlight submit`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// A Slurm cluster: an array of jobs, and one that depends on it
    Slurm,
    /// A Kubernetes cluster: an Indexed Job, and one that follows it
    Kubernetes,
}
