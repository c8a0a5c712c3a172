//! `headlight compare`

use anyhow::{Result, anyhow, bail, ensure};
use headlight_report::compare::{CompareError, Format, Reported, builtin_papers, compare as compare_sources};
use headlight_report::run::RunError;
use headlight_report::stats::Bootstrap;

use super::opened;
use crate::cli::nearest::nearest;
use crate::cli::output;
use crate::cli::{CompareArgs, CompareFormat};

/// Prints the comparison; fails when a gate is set and a relation falls below it.
pub fn compare(args: &CompareArgs) -> Result<()> {
    let mut sources = args.runs.iter().map(|run| open(run)).collect::<Result<Vec<_>>>()?;
    if let Some(reference) = &args.reference {
        let named = args.runs.iter().position(|run| run == reference);
        let named = named.or_else(|| sources.iter().position(|source| source.name() == reference));
        let Some(at) = named else {
            bail!("--reference {reference} is none of what is compared: {}", args.runs.join(", "))
        };
        sources[..=at].rotate_right(1);
    }
    let bootstrap = Bootstrap { resamples: args.resamples, seed: args.seed, ..Bootstrap::default() };
    let comparison = compare_sources(&sources, &bootstrap)?;
    let format = match args.format {
        CompareFormat::Term => Format::Terminal,
        CompareFormat::Md => Format::Markdown,
        CompareFormat::Csv => Format::Csv,
        CompareFormat::Json => Format::Json,
        CompareFormat::Latex => Format::Latex,
        CompareFormat::Html => Format::Html,
    };
    let rendered = comparison.render(format, args.width.into());
    match format {
        Format::Terminal | Format::Markdown => output::print(&rendered)?,
        Format::Csv | Format::Json | Format::Latex | Format::Html => output::print_data(&rendered)?,
    }
    let Some(points) = args.fail_below else { return Ok(()) };
    let unmeasured = comparison.unmeasured();
    ensure!(
        unmeasured.is_empty(),
        "--fail-below has nothing to hold {} against: no relation and no measure of the first run",
        unmeasured.join(", ")
    );
    let shortfalls = comparison.shortfalls(points);
    if shortfalls.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = shortfalls
        .iter()
        .map(|shortfall| {
            format!("{} of {} ({:+.1})", shortfall.relation, shortfall.label, 100.0 * shortfall.difference)
        })
        .collect();
    bail!("below {points} points: {}", named.join(", "))
}

/// A run or a published table; the name of a published table that is nearly right is put right.
fn open(name: &str) -> Result<Reported> {
    let reported = Reported::open(name).map_err(|error| match (&error, nearest(name, builtin_papers())) {
        (CompareError::Run(RunError::NotFound(_)), Some(paper)) => {
            anyhow!("there is neither a run nor a published table {name}; did you mean {paper}?")
        }
        _ => error.into(),
    })?;
    Ok(match reported {
        Reported::Run(run) => Reported::Run(Box::new(opened(*run))),
        paper @ Reported::Paper(_) => paper,
    })
}
