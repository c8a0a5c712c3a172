//! The command line: arguments, their help, and nothing else.

mod cluster;
mod figure;
pub mod interrupt;
pub mod logging;
mod look;
pub mod nearest;
pub mod output;
pub mod parallel;
pub mod progress;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use cluster::{EncodeArgs, Engine, PlanArgs, Shard, SubmitArgs};
pub use figure::{DirectionName, FigureArgs, FigureFormat};
pub use interrupt::Interrupted;
pub use look::{KindArgs, LookArgs};

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
    /// Fetch nothing: models and treebanks that are not on this machine are an error. So does HEADLIGHT_OFFLINE=1
    #[arg(long, global = true)]
    pub offline: bool,
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
    /// Run the experiments of a config and write a run directory
    Run(RunArgs),
    /// Encode what a config asks of the model, or a part of it, into the cache, where `headlight run` finds it
    Encode(EncodeArgs),
    /// Print what a config would encode: runs, passes, shards, and the time and bytes that a quick sample leads to expect
    Plan(PlanArgs),
    /// Write the jobs that run a config on a cluster, and with --go submit them
    Submit(SubmitArgs),
    /// Compare runs, or a run with published numbers, relation by relation
    Compare(CompareArgs),
    /// Write the reports of runs anew from their tables, and print what the runs printed
    Report(ReportArgs),
    /// Put the tables of many runs together, for DuckDB, polars and Spark, with a page to look around in
    Collect(CollectArgs),
    /// Draw a figure of a run for a paper, as SVG, PNG or PDF, or write its table or a tree as LaTeX; lists what there is
    Figure(FigureArgs),
    /// Print the resolved config: every key, after defaults, file and --set
    Show(ShowArgs),
    /// Print what a kind, key, table, column or word means, from the documentation
    Explain(ExplainArgs),
    /// List everything that is wrong with treebank files, by line
    Check(CheckArgs),
    /// Fetch models and treebanks into the cache, as a run does on first use
    Fetch(FetchArgs),
    /// List the models and treebanks that are known by name
    Models,
    /// Look at the attention of all heads in sentences of your own, in one page
    Look(LookArgs),
    /// Parse text or CoNLL-U by a probe that a run has trained; prints CoNLL-U
    Parse(ParseArgs),
    /// List, verify or remove what runs have kept of the encoder's answers: word attention, predictions, records
    Store(StoreArgs),
    /// Say what has changed since it was written: files of runs and of the cache, and what runs have read
    Verify(VerifyArgs),
    /// Print completions for a shell: headlight completions bash > headlight.bash
    Completions(CompletionsArgs),
    /// Write manual pages, of headlight and of each command: headlight man ~/.local/share/man/man1
    Man(ManArgs),
}

/// `headlight run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Config files, or names of configs inside the binary, such as quickstart
    #[arg(required = true, value_name = "CONFIG")]
    pub configs: Vec<String>,
    /// Set a key of the config; may be repeated: --set seed=2 --set heads.resamples=5000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// Folder that holds the run directories; a run is written into a folder of its name there
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub out: PathBuf,
    /// Replace run directories that exist; without it a sweep goes on, and leaves its finished runs as they are
    #[arg(long)]
    pub force: bool,
}

/// `headlight compare`
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Run directories, published tables (clark2019, replication-ewt) or files of such, two or more; the first is the
    /// reference
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<String>,
    /// Form of the comparison
    #[arg(long, value_enum, default_value_t = CompareFormat::Term, value_name = "FORMAT")]
    pub format: CompareFormat,
    /// Which of them is the reference of all differences, as it is named there or by the run's name; it then stands first
    #[arg(long, value_name = "RUN")]
    pub reference: Option<String>,
    /// Widest line of the text table, in characters: with room, many runs share one table
    #[arg(long, value_name = "COUNT", default_value_t = 80, value_parser = clap::value_parser!(u16).range(60..))]
    pub width: u16,
    /// Exit with code 1 when the difference of a relation or another measure to the reference is below this, in
    /// percentage points: --fail-below=-1 allows a loss of one point
    #[arg(long, value_name = "POINTS", allow_negative_numbers = true, value_parser = points)]
    pub fail_below: Option<f64>,
    /// Hold this relation or measure only, as the table names it; may be repeated. Needs --fail-below
    #[arg(long = "relation", value_name = "NAME", requires = "fail_below")]
    pub relations: Vec<String>,
    /// Hold only what rests on so many words or more
    #[arg(long, value_name = "WORDS", default_value_t = 0, requires = "fail_below", hide_default_value = true)]
    pub min_count: u64,
    /// Fail only where the whole interval of the difference is below: chance alone does not close the gate
    #[arg(long, requires = "fail_below")]
    pub interval: bool,
    /// Resamples of sentences behind the intervals
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1000..))]
    pub resamples: u32,
    /// Seed of the resamples
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
}

/// A difference that something can be below.
fn points(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(points) if f64::is_finite(points) => Ok(points),
        _ => Err("a number of percentage points, such as -0.5".to_owned()),
    }
}

/// `--format` of `headlight compare`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// Plain text
    Term,
    /// Markdown
    Md,
    /// CSV
    Csv,
    /// JSON
    Json,
    /// LaTeX, package booktabs
    Latex,
    /// HTML
    Html,
}

/// `headlight report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Run directories, or those of sweeps
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
}

/// `headlight collect`
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Run directories, those of sweeps (NAME-sweep), or folders that hold such
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Folder of the collection; runs are added to those that are there
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Collect only this table; may be repeated. Default: all that runs have
    #[arg(long = "table", value_name = "NAME")]
    pub tables: Vec<String>,
}

/// `headlight show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A config file, or the name of a config inside the binary, such as quickstart
    #[arg(value_name = "CONFIG", required_unless_present = "defaults")]
    pub config: Option<String>,
    /// Print every key with its default and its meaning instead
    #[arg(long, conflicts_with_all = ["config", "sets"])]
    pub defaults: bool,
    /// Set a key of the config; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
}

/// `headlight explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A kind (heads), a key (heads.selection), a table (best_heads) or a column of it (best_heads.p_adjusted), a word
    /// (governor), a page (formats) or a section of the method (§2); without one, all names are listed
    #[arg(value_name = "NAME")]
    pub name: Vec<String>,
}

/// `headlight check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Treebank files, also compressed by gzip
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Format of the files
    #[arg(long, value_enum, default_value_t = FileFormat::Auto, value_name = "FORMAT")]
    pub format: FileFormat,
}

/// `--format` of `headlight check`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// As the file's name tells
    Auto,
    /// CoNLL-U
    Conllu,
    /// CoNLL-X, 8 or 10 columns
    Conllx,
    /// CoNLL-2012, with coreference in its last column
    Conll2012,
    /// A line `word head-relation` for each word
    HeadRelation,
}

/// `headlight fetch`
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// Names of models (minilm-l6, or a Hugging Face id) and treebanks (UD_English-EWT); see `headlight models`
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// `headlight parse`
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// Directory of a finished run with kind = "probe"
    #[arg(long, value_name = "RUN")]
    pub probe: PathBuf,
    /// Which of the run's probes, such as attention-seed1; by default the one with the highest UAS as trees
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The model, as a folder or a known name, where it is no longer where the run had it
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// The word vectors, where they are no longer where the run had them
    #[arg(long, value_name = "FILE")]
    pub vectors: Option<PathBuf>,
    /// Format of the file
    #[arg(long, value_enum, default_value_t = ParseFormat::Auto, value_name = "FORMAT")]
    pub format: ParseFormat,
    /// What to parse; - is standard input
    #[arg(value_name = "FILE")]
    pub file: String,
}

/// `--format` of `headlight parse`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ParseFormat {
    /// As the name and the content tell
    Auto,
    /// CoNLL-U; its HEAD and DEPREL are not read
    Conllu,
    /// CoNLL-X; likewise
    Conllx,
    /// A sentence a line
    Text,
}

/// `headlight store`
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// What to do
    #[command(subcommand)]
    pub command: StoreCommand,
    /// Folder of attention stores, in place of all that is in the cache
    #[arg(long, value_name = "DIR", global = true)]
    pub store: Option<PathBuf>,
}

/// The subcommands of `headlight store`
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// List all of it, with sizes and when it was used last
    Ls,
    /// Compare every byte with the checksums
    Verify {
        /// First digits of ids; all when none is given
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Remove some of it
    Rm {
        /// First digits of ids
        #[arg(value_name = "ID", conflicts_with = "all")]
        ids: Vec<String>,
        /// Remove everything
        #[arg(long)]
        all: bool,
    },
}

/// `headlight verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Run directories, those of sweeps, folders of the cache, or first digits of ids that `headlight store ls` lists
    #[arg(required = true, value_name = "RUN|STORE")]
    pub what: Vec<String>,
}

/// `headlight man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder that the pages are written into; it is made where it is not there
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// `headlight completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
