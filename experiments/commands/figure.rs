//! `headlight figure`

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use headlight_report::figures::{Figure, write_emergence};
use headlight_report::run::RunDirectory;
use headlight_report::sweep::Sweep;
use headlight_report::tables::Direction;

use super::{Usage, opened, tell};
use crate::cli::output;
use crate::cli::{DirectionName, FigureArgs, FigureFormat, FigureName};

/// Draws a figure of a run, or of a sweep, and prints where it is.
pub fn figure(args: &FigureArgs) -> Result<()> {
    match figure_of(args).map_err(Usage)? {
        Some(figure) => {
            let run = opened(RunDirectory::open(&args.run)?);
            figure.write(&run, &place(args)?)?;
        }
        None => {
            let sweep = Sweep::open(&args.run)?;
            tell(&args.run, sweep.changed());
            write_emergence(&sweep, args.of.as_deref(), &place(args)?)?;
        }
    }
    output::print(&format!("{}\n", place(args)?.display()))
}

/// Where the figure goes; the folder is there.
fn place(args: &FigureArgs) -> Result<PathBuf> {
    let path = args.out.clone().unwrap_or_else(|| default_path(args));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    Ok(path)
}

/// Refuses what the figure does not ask for: a figure drawn without it would look like the answer to another question.
fn check_arguments(args: &FigureArgs) -> Result<()> {
    use FigureName::{Emergence, Heatmap, Pruning, Sentence, Tree};
    let given = [
        (args.of.is_some(), "OF", &[Heatmap, Sentence, Tree, Pruning, Emergence][..]),
        (args.direction.is_some(), "--direction", &[Heatmap]),
        (args.head.is_some(), "--head", &[Sentence]),
        (args.relation.is_some(), "--relation", &[Sentence]),
        (args.predictor.is_some(), "--predictor", &[Tree]),
    ];
    let unasked = |(is_given, _, of): &&(bool, &str, &[FigureName])| *is_given && !of.contains(&args.name);
    let Some((_, argument, of)) = given.iter().find(unasked) else { return Ok(()) };
    let (name, figures) = (args.name.name(), of.iter().map(|name| name.name()).collect::<Vec<_>>().join(", "));
    match &args.of {
        Some(value) if *argument == "OF" => bail!("`{name}` is of the whole run: {value:?} says nothing to it"),
        _ => bail!("`{name}` has no {argument}; it is for {figures}"),
    }
}

/// The figure of a run that is asked for; `None` where it is that of a sweep.
fn figure_of(args: &FigureArgs) -> Result<Option<Figure>> {
    check_arguments(args)?;
    let of =
        |what: &str| args.of.clone().ok_or_else(|| anyhow!("`{}` needs to know of what: {what}", args.name.name()));
    Ok(Some(match args.name {
        FigureName::Emergence => return Ok(None),
        FigureName::Figure2 => Figure::Surface,
        FigureName::Figure3 => Figure::Importance,
        FigureName::Figure4 => Figure::Entropy,
        FigureName::Figure6 => Figure::Map,
        FigureName::Pruning => Figure::Pruning { measure: args.of.clone() },
        FigureName::Table1 => Figure::Relations,
        FigureName::Heatmap => Figure::HeatMap {
            relation: of("a relation, such as obj")?,
            direction: args.direction.map(|direction| match direction {
                DirectionName::DepToGov => Direction::DependentToGovernor,
                DirectionName::GovToDep => Direction::GovernorToDependent,
                DirectionName::LaterToEarlier => Direction::LaterToEarlier,
            }),
        },
        FigureName::Sentence => Figure::Sentence {
            sent_id: of("the sent_id of a sentence of the report's explorer")?,
            head: args.head,
            relation: args.relation.clone(),
        },
        FigureName::Tree => Figure::Tree {
            sent_id: of("the sent_id of a sentence that the run evaluated")?,
            predictor: args.predictor.clone(),
        },
    }))
}

/// `<run>/figures/heatmap-obj.svg`; what a file name cannot hold becomes `_`.
fn default_path(args: &FigureArgs) -> PathBuf {
    let safe = |character: char| if character.is_alphanumeric() || "-.".contains(character) { character } else { '_' };
    let of = args.of.iter().map(|of| format!("-{}", of.chars().map(safe).collect::<String>())).collect::<String>();
    let default = if args.name == FigureName::Tree { FigureFormat::Tex } else { FigureFormat::Svg };
    let format = args.format.unwrap_or(default).name();
    args.run.join("figures").join(format!("{}{of}.{format}", args.name.name()))
}
