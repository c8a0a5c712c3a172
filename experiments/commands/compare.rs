//! `headlight compare`

use anyhow::{Context, Result, anyhow, bail};
use headlight_report::compare::{
    CompareError, Comparison, Format, Gate, Reported, Shortfall, builtin_papers, compare as compare_sources,
};
use headlight_report::run::RunError;
use headlight_stats::Bootstrap;

use super::opened;
use crate::cli::nearest::nearest;
use crate::cli::{CompareArgs, CompareFormat};
use crate::cli::{output, progress};

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
    match args.fail_below {
        Some(points) => hold(&comparison, points, args),
        None => Ok(()),
    }
}

/// Fails when something that is held falls below so many points; otherwise says what was held.
fn hold(comparison: &Comparison, points: f64, args: &CompareArgs) -> Result<()> {
    let gate = Gate { points, names: args.relations.clone(), min_count: args.min_count, whole_interval: args.interval };
    let held = comparison.hold(&gate).context("--fail-below")?;
    if held.shortfalls.is_empty() {
        let passed = [(held.too_few_words, "with too few words"), (held.without_interval, "without an interval")];
        let passed = passed.iter().filter(|(count, _)| *count > 0);
        let passed: String = passed.map(|(count, why)| format!(", {count} {why} passed over")).collect();
        progress::say(&format!("--fail-below {points}: {} differences held, none below{passed}", held.held));
        return Ok(());
    }
    let interval = |shortfall: &Shortfall| match shortfall.interval {
        Some((low, high)) => format!(", {:+.1} to {:+.1}", 100.0 * low, 100.0 * high),
        None => String::new(),
    };
    let named: Vec<String> = held
        .shortfalls
        .iter()
        .map(|it| format!("{} of {} ({:+.1}{})", it.relation, it.label, 100.0 * it.difference, interval(it)))
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
