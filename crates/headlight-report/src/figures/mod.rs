//! Figures for papers, as SVG, PNG and PDF: one column wide (3.3 inches), text of 8 points, both at will ([`Setting`]), colours
//! for the colour-blind; and as LaTeX what papers set themselves, tables and trees.
//!
//! Named after their models in Clark et al. (2019) where they have one there. What the page shows of a kind, curves and maps of
//! heads, is a figure too ([`Figure::Plot`]), so that a new kind has figures as soon as it has a section; [`drawable`] lists
//! what a run has. Each figure is a function from a run to a `drawing::Drawing`; SVG, PNG and PDF are ways to render it. A line
//! below each says what it rests on.

mod axes;
mod basis;
mod clusters;
mod colours;
mod curves;
mod dots;
mod drawing;
mod emergence;
mod error;
mod found;
mod heat_map;
mod layers;
mod pdf;
mod plots;
mod relations;
mod sentence;
mod tree;

use std::fs;
use std::path::Path;

use headlight_attention::AttentionHead;

use crate::kinds::heads::best_heads_sheet;
use crate::run::RunDirectory;
use crate::sweep::Sweep;
use crate::tables::{BestHead, Direction};
use crate::tree_figure::{run_tree, sentence_tree};
use basis::Basis;
use drawing::{Drawing, FONT_SIZE};
pub use error::FigureError;
pub use found::{Drawable, drawable};

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
    /// The tree of one sentence, with a predictor's arcs below it; as wide as its words.
    Tree {
        /// The sentence's `sent_id`, any that the run evaluated.
        sent_id: String,
        /// As the table `predictions` calls it; where not given, the best head of each relation, or else a probe.
        predictor: Option<String>,
    },
    /// What the page shows of a kind, and results side by side: see [`drawable`].
    Plot {
        /// Its name there.
        name: String,
        /// Which of several; where not given, the first.
        of: Option<String>,
    },
}

/// How large a figure is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// The width of the page, in inches.
    pub width: f64,
    /// The size of its text, in points.
    pub font_size: f64,
}

impl Default for Setting {
    fn default() -> Self {
        Self { width: 3.3, font_size: FONT_SIZE }
    }
}

impl Setting {
    /// Widths that can be set, in inches.
    pub const WIDTHS: std::ops::RangeInclusive<f64> = 2.0..=20.0;
    /// Sizes of text that can be set, in points.
    pub const FONT_SIZES: std::ops::RangeInclusive<f64> = 4.0..=24.0;

    /// How much larger everything is than it is laid out.
    fn scale(self) -> f64 {
        self.font_size / FONT_SIZE
    }

    /// The width in which a figure is laid out, in points.
    fn column(self) -> f64 {
        72.0 * self.width / self.scale()
    }
}

/// What a file does not show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Characters for which the font of PNG and PDF has no glyph; SVG keeps them as text.
    pub without_glyph: Vec<char>,
}

impl Figure {
    /// Writes the figure of a run into a file whose name ends in `.svg`, `.png`, `.pdf` or `.tex`.
    ///
    /// # Errors
    /// All [`FigureError`]s.
    pub fn write(&self, run: &RunDirectory, path: &Path, setting: Setting) -> Result<Written, FigureError> {
        if ending(path) == Some("tex") {
            fs::write(path, self.latex(run)?).map_err(|source| FigureError::Io { path: path.to_owned(), source })?;
            return Ok(Written::default());
        }
        check_ending(path)?;
        write_drawing(&self.draw(run, setting.column())?, path, setting)
    }

    fn draw(&self, run: &RunDirectory, column: f64) -> Result<Drawing, FigureError> {
        let basis = match self {
            Figure::HeatMap { .. } | Figure::Relations => Some(Basis::Chosen("heads")),
            Figure::Sentence { .. } | Figure::Tree { .. } => None,
            Figure::Plot { name, .. } => Some(Basis::of(name)),
            Figure::Surface | Figure::Entropy => Some(Basis::Text("surface")),
            Figure::Importance => Some(Basis::Text("importance")),
            Figure::Pruning { .. } => Some(Basis::Text("pruning")),
            Figure::Map => Some(Basis::Text("clusters")),
        };
        let mut drawing = match self {
            Figure::Surface => layers::surface(run, column),
            Figure::Importance => layers::importance(run, column),
            Figure::Entropy => layers::entropy(run, column),
            Figure::Pruning { measure } => curves::pruning(run, measure.as_deref(), column),
            Figure::Map => clusters::map(run, column),
            Figure::Relations => relations::relations(run, column),
            Figure::HeatMap { relation, direction } => heat_map::heat_map(run, relation, *direction, column),
            Figure::Sentence { sent_id, head, relation } => {
                sentence::sentence(run, sent_id, *head, relation.as_deref(), column)
            }
            Figure::Tree { sent_id, predictor } => {
                Ok(tree::tree(&sentence_tree(run, sent_id, predictor.as_deref())?, column))
            }
            Figure::Plot { name, of } => found::draw(run, name, of.as_deref(), column),
        }?;
        let note = basis.map(|basis| basis.note(run)).unwrap_or_default();
        if !note.is_empty() {
            drawing.foot(&note);
        }
        Ok(drawing)
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

/// Writes the figure of a sweep's emergence into a file whose name ends in `.svg`, `.png` or `.pdf`: the curves of one series,
/// where none is named the first that has steps.
///
/// # Errors
/// [`FigureError::NoSteps`], and those of the file.
pub fn write_emergence(
    sweep: &Sweep,
    series: Option<&str>,
    path: &Path,
    setting: Setting,
) -> Result<Written, FigureError> {
    if ending(path) == Some("tex") {
        return Err(FigureError::NoLatex);
    }
    check_ending(path)?;
    write_drawing(&emergence::emergence(sweep, series, setting.column())?, path, setting)
}

fn ending(path: &Path) -> Option<&str> {
    path.extension().and_then(|extension| extension.to_str())
}

fn check_ending(path: &Path) -> Result<(), FigureError> {
    match ending(path) {
        Some("svg" | "png" | "pdf") => Ok(()),
        _ => Err(FigureError::Format(path.to_owned())),
    }
}

fn write_drawing(drawing: &Drawing, path: &Path, setting: Setting) -> Result<Written, FigureError> {
    let scale = setting.scale();
    let write =
        |bytes: &[u8]| fs::write(path, bytes).map_err(|source| FigureError::Io { path: path.to_owned(), source });
    if ending(path) == Some("svg") {
        write(drawing.to_svg(scale)?.as_bytes())?;
        return Ok(Written::default());
    }
    match ending(path) {
        Some("pdf") => write(&pdf::to_pdf(drawing, scale)?)?,
        _ => drawing.write_png(path, scale)?,
    }
    Ok(Written { without_glyph: pdf::without_glyph(drawing.texts()) })
}

fn nothing_to_draw(run: &RunDirectory, kind: &'static str) -> FigureError {
    FigureError::NothingToDraw { run: run.path().to_owned(), kind }
}
