//! `headlight figure`

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use headlight_report::figures::{Drawable, Figure, FigureError, Setting, Written, drawable, write_emergence};
use headlight_report::run::RunDirectory;
use headlight_report::sweep::Sweep;
use headlight_report::tables::Direction;

use super::{Usage, opened, tell};
use crate::cli::nearest::nearest;
use crate::cli::output;
use crate::cli::{DirectionName, FigureArgs, FigureFormat};

/// The figure of a sweep.
const EMERGENCE: &str = "emergence";

/// Draws a figure of a run, or of a sweep, and prints where it is; without a name, lists what there is.
pub fn figure(args: &FigureArgs) -> Result<()> {
    let Some(name) = &args.name else { return list(args) };
    let asked = figure_of(name, args).map_err(Usage)?;
    let setting = Setting { width: args.width, font_size: args.font_size };
    let place = place(name, args)?;
    let written = match asked {
        Some(figure) => {
            let run = opened(RunDirectory::open(&args.run)?);
            figure.write(&run, &place, setting).map_err(|error| refused(error, &run))?
        }
        None => {
            let sweep = Sweep::open(&args.run)?;
            tell(&args.run, sweep.changed());
            write_emergence(&sweep, args.of.as_deref(), &place, setting)?
        }
    };
    warn_of_missing(&written);
    output::print(&format!("{}\n", place.display()))
}

/// Says which characters a file does not show.
fn warn_of_missing(written: &Written) {
    const SHOWN: usize = 12;
    if written.without_glyph.is_empty() {
        return;
    }
    let shown: String = written.without_glyph.iter().take(SHOWN).collect();
    let more = if written.without_glyph.len() > SHOWN { "…" } else { "" };
    tracing::warn!("the font of PNG and PDF has no glyph for {shown}{more}: boxes stand there; SVG keeps them as text");
}

/// A name that the run does not have is wrong usage.
fn refused(error: FigureError, run: &RunDirectory) -> anyhow::Error {
    match error {
        FigureError::UnknownFigure { run: folder, name, known, .. } => {
            let all = drawable(run).unwrap_or_default();
            let near = nearest(&name, all.iter().map(|it| it.name.as_str()));
            let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            Usage(FigureError::UnknownFigure { run: folder, name, hint, known }.into()).into()
        }
        error @ FigureError::UnknownPart { .. } => Usage(error.into()).into(),
        error => error.into(),
    }
}

/// So many of what a figure can be of are listed.
const SHOWN: usize = 6;

/// Prints all that can be drawn.
fn list(args: &FigureArgs) -> Result<()> {
    let options = [
        args.out.is_some(),
        args.format.is_some(),
        args.direction.is_some(),
        args.head.is_some(),
        args.relation.is_some(),
        args.predictor.is_some(),
    ];
    if options.contains(&true) {
        return Err(Usage(anyhow!("which figure? `headlight figure {}` lists them", args.run.display())).into());
    }
    let folder = args.run.display();
    let all = if Sweep::is_at(&args.run) {
        let sweep = Sweep::open(&args.run)?;
        let of: Vec<String> = sweep.series_with_steps().into_iter().map(str::to_owned).collect();
        let what = "what the checkpoints of a training can do against its step".to_owned();
        let emergence = Drawable { name: EMERGENCE.to_owned(), what, needs_of: false, of: of.clone() };
        if of.is_empty() { Vec::new() } else { vec![emergence] }
    } else {
        drawable(&opened(RunDirectory::open(&args.run)?))?
    };
    if all.is_empty() {
        return output::print(&format!("{folder} has nothing to draw\n"));
    }
    let widest = all.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
    let mut text = format!("headlight figure {folder} NAME [OF] [--format svg|png|pdf]\n\n");
    for Drawable { name, what, of, needs_of } in all {
        text.push_str(&format!("{name:<widest$}  {what}\n"));
        if !of.is_empty() {
            let more = of.len().saturating_sub(SHOWN);
            let shown = of.iter().take(SHOWN).map(|of| if of.contains(' ') { format!("{of:?}") } else { of.clone() });
            let shown = shown.collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let lead = if needs_of { "of" } else { "or of" };
            text.push_str(&format!("{:widest$}  {lead} {shown}{more}\n", ""));
        }
    }
    output::print(&text)
}

/// Where the figure goes; the folder is there.
fn place(name: &str, args: &FigureArgs) -> Result<PathBuf> {
    let path = args.out.clone().unwrap_or_else(|| default_path(name, args));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    Ok(path)
}

/// Figures of the whole run: what they would be of says nothing to them.
const WHOLE: [&str; 5] = ["figure2", "figure3", "figure4", "figure6", "table1"];

/// Refuses what the figure does not ask for: a figure drawn without it would look like the answer to another question.
fn check_arguments(name: &str, args: &FigureArgs) -> Result<()> {
    let given = [
        (args.direction.is_some(), "--direction", "heatmap"),
        (args.head.is_some(), "--head", "sentence"),
        (args.relation.is_some(), "--relation", "sentence"),
        (args.predictor.is_some(), "--predictor", "tree"),
    ];
    if let Some((_, argument, of)) = given.iter().find(|(is_given, _, of)| *is_given && *of != name) {
        bail!("`{name}` has no {argument}; it is for {of}");
    }
    match &args.of {
        Some(of) if WHOLE.contains(&name) => bail!("`{name}` is of the whole run: {of:?} says nothing to it"),
        _ => Ok(()),
    }
}

/// The figure of a run that is asked for; `None` where it is that of a sweep.
fn figure_of(name: &str, args: &FigureArgs) -> Result<Option<Figure>> {
    check_arguments(name, args)?;
    let of = |what: &str| args.of.clone().ok_or_else(|| anyhow!("`{name}` needs to know of what: {what}"));
    Ok(Some(match name {
        EMERGENCE => return Ok(None),
        "figure2" => Figure::Surface,
        "figure3" => Figure::Importance,
        "figure4" => Figure::Entropy,
        "figure6" => Figure::Map,
        "pruning" => Figure::Pruning { measure: args.of.clone() },
        "table1" => Figure::Relations,
        "heatmap" => Figure::HeatMap {
            relation: of("a relation, such as obj")?,
            direction: args.direction.map(|direction| match direction {
                DirectionName::DepToGov => Direction::DependentToGovernor,
                DirectionName::GovToDep => Direction::GovernorToDependent,
                DirectionName::LaterToEarlier => Direction::LaterToEarlier,
            }),
        },
        "sentence" => Figure::Sentence {
            sent_id: of("the sent_id of a sentence of the report's explorer")?,
            head: args.head,
            relation: args.relation.clone(),
        },
        "tree" => Figure::Tree {
            sent_id: of("the sent_id of a sentence that the run evaluated")?,
            predictor: args.predictor.clone(),
        },
        other => Figure::Plot { name: other.to_owned(), of: args.of.clone() },
    }))
}

/// `<run>/figures/heatmap-obj.svg`; what a file name cannot hold becomes `_`.
fn default_path(name: &str, args: &FigureArgs) -> PathBuf {
    let safe = |character: char| if character.is_alphanumeric() || "-.".contains(character) { character } else { '_' };
    let named = |text: &str| text.chars().map(safe).collect::<String>();
    let of = args.of.iter().map(|of| format!("-{}", named(of))).collect::<String>();
    let default = if name == "tree" { FigureFormat::Tex } else { FigureFormat::Svg };
    let format = args.format.unwrap_or(default).name();
    args.run.join("figures").join(format!("{}{of}.{format}", named(name)))
}
