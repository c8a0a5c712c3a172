//! The arguments of `headlight figure`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use headlight_attention::AttentionHead;

/// `headlight figure`
#[derive(Debug, Args)]
pub struct FigureArgs {
    /// A run directory, or that of a sweep
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Which figure
    #[arg(value_enum, value_name = "NAME")]
    pub name: FigureName,
    /// Of what: the relation of a heatmap, the sent_id of a sentence or a tree, the measure of pruning (default: the one
    /// that guided the orders), the series of emergence (default: the first)
    #[arg(value_name = "OF")]
    pub of: Option<String>,
    /// Format, where --out does not tell; default: svg, of a tree tex
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "out")]
    pub format: Option<FigureFormat>,
    /// File, ending in .svg, .png or .tex; default: in the run directory, RUN/figures/NAME.svg
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Direction of a heatmap; default: that of the relation's best head
    #[arg(long, value_enum, value_name = "DIRECTION")]
    pub direction: Option<DirectionName>,
    /// Head of a sentence, as 4-10: layer and head, counted from 1; default: the best one for the relation
    #[arg(long, value_parser = head, value_name = "HEAD")]
    pub head: Option<AttentionHead>,
    /// Relation that stands out in a sentence; default: the one with the largest gain over its baseline
    #[arg(long, value_name = "RELATION")]
    pub relation: Option<String>,
    /// Whose arcs a tree has below, as the table `predictions` calls it: best_head, "attention tree"; default: the best
    /// heads, in a run without heads a probe
    #[arg(long, value_name = "PREDICTOR")]
    pub predictor: Option<String>,
}

/// `NAME` of `headlight figure`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FigureName {
    /// Surface patterns of each head by layer (needs kind = "surface")
    Figure2,
    /// What the loss minds by layer: attention to SEP, to . and , and to the rest; heads (needs kind = "importance")
    Figure3,
    /// Entropy of each head by layer (needs kind = "surface")
    Figure4,
    /// Map of heads by behaviour and layer (needs kind = "clusters")
    Figure6,
    /// Best head of each relation beside its baseline: bars, as tex a table (needs kind = "heads")
    Table1,
    /// Accuracy of all heads for a relation
    Heatmap,
    /// Attention of one head in a sentence
    Sentence,
    /// Tree of a sentence with a predictor's arcs below, as tex only (package tikz-dependency)
    Tree,
    /// What the model loses as more and more heads are masked (needs kind = "pruning")
    Pruning,
    /// What the checkpoints of a training can do against its step (of a sweep's directory, NAME-sweep)
    Emergence,
}

impl FigureName {
    /// As arguments and file names have it.
    pub fn name(self) -> &'static str {
        match self {
            FigureName::Figure2 => "figure2",
            FigureName::Figure3 => "figure3",
            FigureName::Figure4 => "figure4",
            FigureName::Figure6 => "figure6",
            FigureName::Table1 => "table1",
            FigureName::Heatmap => "heatmap",
            FigureName::Sentence => "sentence",
            FigureName::Tree => "tree",
            FigureName::Pruning => "pruning",
            FigureName::Emergence => "emergence",
        }
    }
}

/// `--format` of `headlight figure`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FigureFormat {
    /// Vectors
    Svg,
    /// 384 pixels an inch
    Png,
    /// LaTeX: table1 and trees
    Tex,
}

impl FigureFormat {
    /// As file names have it.
    pub fn name(self) -> &'static str {
        match self {
            FigureFormat::Svg => "svg",
            FigureFormat::Png => "png",
            FigureFormat::Tex => "tex",
        }
    }
}

/// `--direction` of `headlight figure`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DirectionName {
    /// The dependent's row: the word that it attends to most
    #[value(name = "dep_to_gov")]
    DepToGov,
    /// The governor attends to its dependent
    #[value(name = "gov_to_dep")]
    GovToDep,
    /// The later of the two attends to the earlier one most, of all words before it
    #[value(name = "later_to_earlier")]
    LaterToEarlier,
}

/// `4-10` is the tenth head of the fourth layer.
fn head(text: &str) -> Result<AttentionHead, String> {
    let numbers = text.split_once('-').and_then(|(layer, head)| Some((layer.parse().ok()?, head.parse().ok()?)));
    match numbers {
        Some((layer @ 1_usize.., index @ 1_usize..)) => Ok(AttentionHead { layer: layer - 1, index: index - 1 }),
        _ => Err("a head is a layer and a head in it, counted from 1: 4-10".to_owned()),
    }
}
