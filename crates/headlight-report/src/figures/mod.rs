//! Figures for papers, as SVG and PNG: one column wide (3.3 inches), text of 8 points, colours for the colour-blind; and
//! as LaTeX what papers set themselves, tables and trees.
//!
//! Named after their models in Clark et al. (2019) where they have one there. Each figure is a function from a run to a
//! `drawing::Drawing`; SVG and PNG are two ways to render it.

mod axes;
mod clusters;
mod colours;
mod curves;
mod drawing;
mod emergence;
mod heat_map;
mod layers;
mod relations;
mod sentence;

use std::path::{Path, PathBuf};
use std::{fs, io};

use headlight_attention::AttentionHead;

use crate::kinds::heads::best_heads_sheet;
use crate::run::{RunDirectory, RunError};
use crate::sweep::Sweep;
use crate::tables::{BestHead, Direction};
use crate::tree_figure::{TreeFigureError, run_tree};
use drawing::Drawing;

/// A figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Where attention goes: the share of each head's attention to special tokens and to neighbours, by layer (Figure 2).
    Surface,
    /// How broad attention is: the entropy of each head, by layer (Figure 4).
    Entropy,
    /// What the masked-language-model loss minds: attention to special tokens and to the rest, and each head, by layer
    /// (Figure 3).
    Importance,
    /// What the model loses as more and more heads are masked.
    Pruning {
        /// As the table `pruning` calls it; where not given, the one that guided the orders.
        measure: Option<String>,
    },
    /// The map of all heads by multidimensional scaling, by behaviour and by layer (Figure 6).
    Map,
    /// The best head of each relation beside the best baseline, with intervals: bars, or as LaTeX a table (Table 1).
    Relations,
    /// Every head's accuracy for one relation, layers × heads.
    HeatMap {
        /// The relation, or an aggregate.
        relation: String,
        /// Who attends; where not given, as the relation's best head does.
        direction: Option<Direction>,
    },
    /// The attention of one head in one sentence (Figure 5).
    Sentence {
        /// The sentence's `sent_id`, one of those in `explorer.json`.
        sent_id: String,
        /// The head; where not given, the best one for `relation`.
        head: Option<AttentionHead>,
        /// The relation whose dependents stand out; where not given, the sentence's most telling one.
        relation: Option<String>,
    },
    /// The tree of one sentence, with a predictor's arcs below it; only as LaTeX.
    Tree {
        /// The sentence's `sent_id`, any that the run evaluated.
        sent_id: String,
        /// As the table `predictions` calls it; where not given, the best head of each relation, or else a probe.
        predictor: Option<String>,
    },
}

/// A figure that cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// The run did no experiment that the figure shows.
    #[error("the run at {} has nothing to draw here: its config has no experiment of kind = \"{kind}\"", .run.display())]
    NothingToDraw {
        /// The run's folder.
        run: PathBuf,
        /// The kind of experiment that is missing.
        kind: &'static str,
    },
    /// No series of a sweep has steps.
    #[error(
        "emergence is drawn against the steps of a training; series of this sweep that have several: {}",
        if .known.is_empty() { "none" } else { .known }
    )]
    NoSteps {
        /// The series that have.
        known: String,
    },
    /// No head was scored on the relation.
    #[error("no relation `{relation}` was scored; the run has {known}")]
    UnknownRelation {
        /// As asked for.
        relation: String,
        /// The relations there are.
        known: String,
    },
    /// Heads were not read in the direction.
    #[error("heads were not read in the direction {direction}; the run has {known}, by `heads.directions`")]
    UnknownDirection {
        /// As asked for.
        direction: &'static str,
        /// The directions there are.
        known: String,
    },
    /// Pruning was not measured so.
    #[error("pruning was not measured by `{measure}`; the run has {known}")]
    UnknownMeasure {
        /// As asked for.
        measure: String,
        /// The measures there are.
        known: String,
    },
    /// The run kept no attention of the sentence.
    #[error("explorer.json has no sentence `{sent_id}`; it has {known}")]
    UnknownSentence {
        /// As asked for.
        sent_id: String,
        /// Some of the sentences there are.
        known: String,
    },
    /// The model has no such head.
    #[error("the model has no head {head}; it has {layers} layers of {heads} heads")]
    UnknownHead {
        /// As asked for.
        head: AttentionHead,
        /// Layers of the model.
        layers: usize,
        /// Heads per layer.
        heads: usize,
    },
    /// The file's name says neither SVG nor PNG nor LaTeX.
    #[error("cannot tell the format of {}: its name ends neither in .svg nor in .png nor in .tex", .0.display())]
    Format(PathBuf),
    /// A drawing was asked for as LaTeX.
    #[error("this figure is a drawing and cannot be written as LaTeX: name a file that ends in .svg or .png")]
    NoLatex,
    /// A tree was asked for as a drawing.
    #[error("trees are written as LaTeX (tikz-dependency): name a file that ends in .tex")]
    OnlyLatex,
    /// No tree can be drawn.
    #[error(transparent)]
    Tree(#[from] TreeFigureError),
    /// The plotting library failed, or the disk did.
    #[error("cannot draw: {0}")]
    Drawing(String),
    /// The figure could not be written.
    #[error("cannot write {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The run could not be read.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Figure {
    /// Writes the figure of a run into a file whose name ends in `.svg`, `.png` or `.tex`.
    ///
    /// # Errors
    /// All [`FigureError`]s.
    pub fn write(&self, run: &RunDirectory, path: &Path) -> Result<(), FigureError> {
        let write =
            |text: String| fs::write(path, text).map_err(|source| FigureError::Io { path: path.to_owned(), source });
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("png") => self.draw(run)?.write_png(path),
            Some("svg") => write(self.draw(run)?.to_svg()?),
            Some("tex") => write(self.latex(run)?),
            _ => Err(FigureError::Format(path.to_owned())),
        }
    }

    fn draw(&self, run: &RunDirectory) -> Result<Drawing, FigureError> {
        match self {
            Figure::Surface => layers::surface(run),
            Figure::Importance => layers::importance(run),
            Figure::Entropy => layers::entropy(run),
            Figure::Pruning { measure } => curves::pruning(run, measure.as_deref()),
            Figure::Map => clusters::map(run),
            Figure::Relations => relations::relations(run),
            Figure::HeatMap { relation, direction } => heat_map::heat_map(run, relation, *direction),
            Figure::Sentence { sent_id, head, relation } => {
                sentence::sentence(run, sent_id, *head, relation.as_deref())
            }
            Figure::Tree { .. } => Err(FigureError::OnlyLatex),
        }
    }

    fn latex(&self, run: &RunDirectory) -> Result<String, FigureError> {
        match self {
            Figure::Relations => {
                let rows: Vec<BestHead> = run.table_or_empty()?;
                if rows.is_empty() {
                    return Err(nothing_to_draw(run, "heads"));
                }
                Ok(best_heads_sheet(&rows, run.report()).to_latex("tab:best-heads"))
            }
            Figure::Tree { sent_id, predictor } => Ok(run_tree(run, sent_id, predictor.as_deref())?),
            _ => Err(FigureError::NoLatex),
        }
    }
}

/// Writes the figure of a sweep's emergence into a file whose name ends in `.svg` or `.png`: the curves of one series,
/// where none is named the first that has steps.
///
/// # Errors
/// [`FigureError::NoSteps`], and those of the file.
pub fn write_emergence(sweep: &Sweep, series: Option<&str>, path: &Path) -> Result<(), FigureError> {
    let draw = || emergence::emergence(sweep, series);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("png") => draw()?.write_png(path),
        Some("svg") => {
            let io = |source| FigureError::Io { path: path.to_owned(), source };
            fs::write(path, draw()?.to_svg()?).map_err(io)
        }
        Some("tex") => Err(FigureError::NoLatex),
        _ => Err(FigureError::Format(path.to_owned())),
    }
}

fn nothing_to_draw(run: &RunDirectory, kind: &'static str) -> FigureError {
    FigureError::NothingToDraw { run: run.path().to_owned(), kind }
}
