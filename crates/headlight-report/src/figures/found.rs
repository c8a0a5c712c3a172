//! What a run has to draw.

use super::FigureError;
use super::dots::{self, Dots};
use super::drawing::Drawing;
use super::plots::{curves, heads, plain};
use crate::explorer::Explorer;
use crate::html::plots::{HeadMap, Panel};
use crate::kinds::sections;
use crate::run::RunDirectory;
use crate::tables::{BestHead, Cluster, HeadScore, Importance, Prediction, Pruning, Surface};

/// A figure that a run has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawable {
    /// As `headlight figure` takes it.
    pub name: String,
    /// What it shows.
    pub what: String,
    /// What it can be of, the first where nothing is said; empty where it is of the whole run.
    pub of: Vec<String>,
    /// Whether something has to be said.
    pub needs_of: bool,
}

/// What can be drawn under a name.
enum Found {
    Curves(Panel),
    Heads(Vec<HeadMap>),
    Dots(Vec<Dots>),
}

impl Found {
    /// What it can be of.
    fn of(&self) -> Vec<String> {
        match self {
            Found::Curves(_) => Vec::new(),
            Found::Heads(maps) if maps.len() == 1 => Vec::new(),
            Found::Heads(maps) => maps.iter().map(|map| plain(&map.title)).collect(),
            Found::Dots(figures) if figures.len() == 1 => Vec::new(),
            Found::Dots(figures) => figures.iter().map(|figure| plain(&figure.of)).collect(),
        }
    }
}

/// Everything but the figures with names of their own, by name with a title.
fn found(run: &RunDirectory) -> Result<Vec<(String, String, Found)>, FigureError> {
    let mut all = Vec::new();
    for section in sections(run, None)? {
        for panel in section.panels.into_iter().flatten() {
            all.push((
                panel.id.clone(),
                format!("{}: {} by {}", plain(&panel.title), panel.y, panel.x),
                Found::Curves(panel),
            ));
        }
        for grid in section.grids {
            all.push((grid.id.to_owned(), format!("{}, a value of every head", grid.title), Found::Heads(grid.maps)));
        }
    }
    for (name, figures) in dots::all(run)? {
        let what = figures.first().map(|figure| format!("{}: {}", figure.title, figure.axis)).unwrap_or_default();
        all.push((name.to_owned(), what, Found::Dots(figures)));
    }
    Ok(all)
}

/// Everything that can be drawn of a run.
///
/// # Errors
/// [`FigureError::Run`] where a table cannot be read.
pub fn drawable(run: &RunDirectory) -> Result<Vec<Drawable>, FigureError> {
    let mut all = Vec::new();
    let mut add = |name: &str, what: &str, of: Vec<String>, needs_of: bool| {
        all.push(Drawable { name: name.to_owned(), what: what.to_owned(), of, needs_of });
    };
    let best: Vec<BestHead> = run.table_or_empty()?;
    if !best.is_empty() {
        add("table1", "best head of each relation beside its baseline (also tex)", Vec::new(), false);
    }
    if run.has_table::<HeadScore>() && !best.is_empty() {
        add(
            "heatmap",
            "accuracy of all heads for a relation",
            best.into_iter().map(|row| row.relation).collect(),
            true,
        );
    }
    if let Some(explorer) = Explorer::read(run)?
        && !explorer.sentences.is_empty()
    {
        let ids = explorer.sentences.into_iter().map(|sentence| sentence.sent_id).collect();
        add("sentence", "attention of one head in a sentence", ids, true);
    }
    if run.has_table::<Prediction>() {
        add("tree", "tree of a sentence with a predictor's arcs below (also tex), by any sent_id", Vec::new(), true);
    }
    if run.has_table::<Surface>() {
        add("figure2", "surface patterns of each head by layer", Vec::new(), false);
        add("figure4", "entropy of each head by layer", Vec::new(), false);
    }
    if run.has_table::<Importance>() {
        add("figure3", "what the loss minds by layer", Vec::new(), false);
    }
    if run.has_table::<Cluster>() {
        add("figure6", "map of heads by behaviour and layer", Vec::new(), false);
    }
    if run.has_table::<Pruning>() {
        add("pruning", "what the model loses as heads are masked, by measure", Vec::new(), false);
    }
    for (name, what, found) in found(run)? {
        add(&name, &what, found.of(), false);
    }
    Ok(all)
}

/// Draws what the run has under a name.
pub(super) fn draw(run: &RunDirectory, name: &str, of: Option<&str>, column: f64) -> Result<Drawing, FigureError> {
    let all = found(run)?;
    let Some((_, _, found)) = all.iter().find(|(known, ..)| known == name) else {
        let known: Vec<String> = drawable(run)?.into_iter().map(|it| it.name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let (run, name) = (run.path().to_owned(), name.to_owned());
        return Err(FigureError::UnknownFigure { run, name, hint: String::new(), known });
    };
    let names = found.of();
    let at = match of {
        None => 0,
        Some(of) => match names.iter().position(|known| known == of || known.starts_with(of)) {
            Some(at) => at,
            None => {
                let known = if names.is_empty() { "the whole run".to_owned() } else { names.join("; ") };
                return Err(FigureError::UnknownPart { name: name.to_owned(), of: of.to_owned(), known });
            }
        },
    };
    Ok(match found {
        Found::Curves(panel) => curves(panel, column),
        Found::Heads(maps) => heads(&maps[at], &run.report().mapped(), column),
        Found::Dots(figures) => figures[at].draw(column),
    })
}
