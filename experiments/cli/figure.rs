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
    /// Which figure; without it, all that this run has are listed, of every kind: table1, heatmap, sentence, tree, figure2,
    /// figure3, figure4, figure6, pruning, emergence (of a sweep), and by the names of the list what the page shows
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Of what: the relation of a heatmap, the sent_id of a sentence or a tree, the measure of pruning (default: the one
    /// that guided the orders), the series of emergence; of others one of those that the list names (default: the first)
    #[arg(value_name = "OF")]
    pub of: Option<String>,
    /// Format, where --out does not tell; default: svg, of a tree tex
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "out")]
    pub format: Option<FigureFormat>,
    /// File, ending in .svg, .png, .pdf or .tex; default: in the run directory, RUN/figures/NAME.svg
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Width in inches; that of a tree is the width of its words
    #[arg(long, value_name = "INCHES", default_value_t = 3.3, value_parser = width)]
    pub width: f64,
    /// Size of the text in points
    #[arg(long, value_name = "POINTS", default_value_t = 8.0, value_parser = font_size)]
    pub font_size: f64,
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

/// `--format` of `headlight figure`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FigureFormat {
    /// Vectors, text as text
    Svg,
    /// 384 pixels an inch
    Png,
    /// Vectors, with the font inside
    Pdf,
    /// LaTeX: table1 and trees
    Tex,
}

impl FigureFormat {
    /// As file names have it.
    pub fn name(self) -> &'static str {
        match self {
            FigureFormat::Svg => "svg",
            FigureFormat::Png => "png",
            FigureFormat::Pdf => "pdf",
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

fn width(text: &str) -> Result<f64, String> {
    within(text, 2.0, 20.0, "inches")
}

fn font_size(text: &str) -> Result<f64, String> {
    within(text, 4.0, 24.0, "points")
}

fn within(text: &str, least: f64, most: f64, unit: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number of {unit} from {least} to {most}")),
    }
}
