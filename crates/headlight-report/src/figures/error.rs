//! Why a figure cannot be drawn.

use std::io;
use std::path::PathBuf;

use headlight_attention::AttentionHead;

use crate::run::RunError;
use crate::tree_figure::TreeFigureError;

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
    /// The run has no such figure.
    #[error("the run at {} has no figure {name}{hint}; it has {known}", .run.display())]
    UnknownFigure {
        /// The run's folder.
        run: PathBuf,
        /// As asked for.
        name: String,
        /// What it may have meant.
        hint: String,
        /// Those that there are.
        known: String,
    },
    /// The figure is not of that.
    #[error("`{name}` is not of {of:?}; it is of {known}")]
    UnknownPart {
        /// The figure.
        name: String,
        /// As asked for.
        of: String,
        /// What it can be of.
        known: String,
    },
    /// The file's name says no format.
    #[error("cannot tell the format of {}: its name ends neither in .svg nor in .png, .pdf or .tex", .0.display())]
    Format(PathBuf),
    /// A drawing was asked for as LaTeX.
    #[error("this figure is a drawing and cannot be written as LaTeX: name a file that ends in .svg, .png or .pdf")]
    NoLatex,
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
