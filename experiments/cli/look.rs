//! The arguments of what begins without a config: `headlight look`, and the commands of kinds.

use std::path::PathBuf;

use clap::Args;

use super::ParseFormat;

/// `headlight look`
#[derive(Debug, Args)]
#[command(override_usage = "headlight look [OPTIONS] [MODEL] [SENTENCE|FILE|-]")]
pub struct LookArgs {
    /// The model, as a folder, a known name or a Hugging Face id (default: the sample model), and what to look at: a
    /// sentence in quotes, a file (plain text with a sentence a line, or CoNLL-U, whose trees are shown), or - for standard
    /// input. One argument alone is the sentence, unless it is a known model or a folder
    #[arg(value_name = "MODEL|SENTENCE", num_args = 0..=2)]
    pub what: Vec<String>,
    /// What stands beside it, with the difference: another model, or another sentence or file of as many
    #[arg(long, value_name = "MODEL|SENTENCE")]
    pub beside: Option<String>,
    /// Words are what white space separates; otherwise punctuation is split off the ends of words too
    #[arg(long)]
    pub words: bool,
    /// Format of files
    #[arg(long, value_enum, default_value_t = ParseFormat::Auto, value_name = "FORMAT")]
    pub format: ParseFormat,
    /// Directory of a finished run with kind = "probe", whose best probe draws the trees; its model is the default
    #[arg(long, value_name = "RUN", conflicts_with = "sets")]
    pub probe: Option<PathBuf>,
    /// Which of the run's probes, such as attention-seed1
    #[arg(long, value_name = "NAME", requires = "probe")]
    pub name: Option<String>,
    /// Set a key under model or treebank; may be repeated: --set model.attention=norms
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// The page; default: a file in looks/ that is called by the sentence
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
}

/// The arguments that the command of every kind has
#[derive(Debug, Args)]
pub struct KindArgs {
    /// The model, as a folder, a known name or a Hugging Face id; see `headlight models`
    #[arg(long, value_name = "MODEL")]
    pub model: String,
    /// A treebank: a file, the name of a release such as UD_English-EWT (learns and chooses on its train, reports on its
    /// dev), or sample. Without --evaluate heads are chosen on one half of a file for the other. May be repeated
    #[arg(long, value_name = "TREEBANK")]
    pub treebank: Vec<String>,
    /// What results are reported on, if --treebank does not tell
    #[arg(long, value_name = "TREEBANK")]
    pub evaluate: Vec<String>,
    /// What heads and layers are chosen on, in place of --treebank
    #[arg(long, value_name = "FILE")]
    pub select: Vec<String>,
    /// What probes learn on, in place of --treebank
    #[arg(long, value_name = "FILE")]
    pub train: Vec<String>,
    /// Text without trees, a sentence a line, or sample:corpus
    #[arg(long, value_name = "FILE")]
    pub corpus: Vec<String>,
    /// Set any other key of the config; may be repeated: --set seed=2 --set treebank.merge=first
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// Name of the run; default: that of the kind, the model and the treebank
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Folder that holds the run directories
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub out: PathBuf,
    /// Replace a run directory that exists
    #[arg(long)]
    pub force: bool,
    /// Print the config and run nothing
    #[arg(long)]
    pub show: bool,
}
