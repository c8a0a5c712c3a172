//! The command line: arguments, their help, and nothing else.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// How much syntax do the attention heads of BERT-like models know?
///
/// In: a checkpoint and a treebank. Out: how well each attention head follows each dependency relation, against
/// baselines, with its uncertainty.
#[derive(Debug, Parser)]
#[command(name = "headlight", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Start with: headlight run quickstart")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How much is told.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// `-v`, `-q`, `--log-format`
#[derive(Debug, Clone, Args)]
pub struct Verbosity {
    /// Log more: -v progress of each step, -vv details. The environment variable RUST_LOG, if set, decides instead
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Log errors only and show no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Form of the log lines on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT", global = true)]
    pub log_format: LogFormat,
}

/// `--log-format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the resolved config: every key, after defaults, file and --set
    Show(ShowArgs),
    /// Fetch models and treebanks into the cache, as a run does on first use
    Fetch(FetchArgs),
    /// List the models and treebanks that are known by name
    Models,
    /// Print completions for a shell: headlight completions bash > headlight.bash
    Completions(CompletionsArgs),
}

/// `headlight show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A config file, or the name of a config inside the binary, such as quickstart
    #[arg(value_name = "CONFIG")]
    pub config: String,
    /// Set a key of the config; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
}

/// `headlight fetch`
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// Names of models (minilm-l6, or a Hugging Face id) and treebanks (UD_English-EWT); see `headlight models`
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// `headlight completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
