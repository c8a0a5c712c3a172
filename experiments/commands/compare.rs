//! `headlight compare`

use anyhow::{Result, bail};
use headlight_report::compare::{Format, Source, compare as compare_sources};
use headlight_report::stats::Bootstrap;

use super::WIDTH;
use crate::cli::{CompareArgs, CompareFormat};
use crate::output;

/// Prints the comparison; fails when a gate is set and a relation falls below it.
pub fn compare(args: &CompareArgs) -> Result<()> {
    let sources = args.runs.iter().map(|run| Source::open(run)).collect::<Result<Vec<_>, _>>()?;
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
    output::print(&comparison.render(format, WIDTH))?;
    let Some(points) = args.fail_below else { return Ok(()) };
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
