//! `headlight collect`: the tables of many runs as one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use headlight_report::collect::{Added, Collection, RESULTS, RUNS, RunPlace};
use headlight_report::format::count;
use headlight_report::run::RunDirectory;
use headlight_report::sheet::Sheet;
use headlight_report::sweep::Sweep;

use super::print_sheets;
use crate::cli::CollectArgs;
use crate::cli::progress::{Amount, Progress, say};
use crate::run::interrupted;

/// Adds runs to a collection, and says which are there already, stand there twice, or are not what they wrote. Fails where any
/// was left out, once the others are in.
pub fn collect(args: &CollectArgs) -> Result<()> {
    let runs = Found::of(&args.runs)?;
    let tables: Option<BTreeSet<String>> = (!args.tables.is_empty()).then(|| args.tables.iter().cloned().collect());
    let mut collection = Collection::open(&args.out)?;
    let (mut added, mut known, mut left_out) = (0, 0, runs.left_out);
    let mut filled = BTreeSet::new();
    let progress = Progress::start("collect", Amount::Items("runs"), Some(runs.runs.len() as u64));
    for (path, place) in &runs.runs {
        interrupted()?;
        progress.add(1);
        match collection.add(path, place.as_ref(), tables.as_ref()) {
            Ok(Added::New) => added += 1,
            Ok(Added::Known) => known += 1,
            Ok(Added::Replaced) => {
                added += 1;
                say(&format!("{}: stands in the place of the run that lay there before", path.display()));
            }
            Ok(Added::Twice(first)) => {
                known += 1;
                say(&format!("{}: the same run as {first}, which is collected once", path.display()));
            }
            Err(error) => left_out.push(format!("{:#}", anyhow::Error::from(error))),
        }
        if tables.is_some()
            && let Ok(run) = RunDirectory::open(path)
        {
            filled.extend(run.report().experiments.iter().flat_map(|it| it.tables.clone()));
        }
    }
    progress.finish();
    let folder = args.out.display();
    let summary = collection.finish()?;
    let mut sheet = Sheet::new(format!("Collection {folder}"), &["<table", ">rows", ">runs", ">bytes"]);
    let of_runs = |name: &str| [RUNS, RESULTS].contains(&name);
    for is_made_here in [true, false] {
        let tables = summary.iter().filter(|table| of_runs(&table.name) == is_made_here);
        let row = |numbers: [u64; 3]| numbers.map(|number| count(number).into());
        let rows = tables.map(|table| {
            let mut cells = vec![table.name.as_str().into()];
            cells.extend(row([table.rows, table.files, table.bytes]));
            cells
        });
        sheet.groups.push(rows.collect());
    }
    say(&format!("{} added to {folder}, {} there before; look at {folder}/report.html", runs_of(added), count(known)));
    print_sheets(&[sheet])?;
    if let Some(unknown) = tables.iter().flatten().find(|table| !filled.contains(*table)) {
        let filled: Vec<String> = filled.into_iter().collect();
        bail!("--table {unknown}: none of the runs has such a table; they have {}", filled.join(", "));
    }
    ensure!(left_out.is_empty(), "{} left out: {}", runs_of(left_out.len() as u64), left_out.join("; "));
    Ok(())
}

fn runs_of(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "run" } else { "runs" })
}

/// The runs that arguments stand for, each once, with their places in sweeps.
struct Found {
    runs: Vec<(PathBuf, Option<RunPlace>)>,
    left_out: Vec<String>,
}

impl Found {
    fn of(arguments: &[PathBuf]) -> Result<Self> {
        let (mut runs, mut left_out) = (Vec::new(), Vec::new());
        for argument in arguments {
            ensure!(argument.is_dir(), "there is no run and no folder of runs at {}", argument.display());
            if is_run(argument) || Sweep::is_at(argument) {
                open(argument, &mut runs, &mut left_out);
                continue;
            }
            let named = || format!("cannot read {}", argument.display());
            let mut inner: Vec<PathBuf> = Vec::new();
            for entry in fs::read_dir(argument).with_context(named)? {
                let path = entry.with_context(named)?.path();
                // What is being written has a name that begins with a point.
                let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
                if !is_hidden && path.is_dir() && (is_run(&path) || Sweep::is_at(&path)) {
                    inner.push(path);
                }
            }
            ensure!(!inner.is_empty(), "{} is no run and holds none", argument.display());
            inner.sort();
            inner.iter().for_each(|path| open(path, &mut runs, &mut left_out));
        }
        // A run that is named by itself and by its sweep too is one run, and has its place.
        let mut places: BTreeMap<PathBuf, (usize, Option<RunPlace>)> = BTreeMap::new();
        for (number, (path, place)) in runs.into_iter().enumerate() {
            let known = places.entry(fs::canonicalize(&path).unwrap_or(path)).or_insert((number, None));
            known.1 = known.1.take().or(place);
        }
        let mut runs: Vec<_> = places.into_iter().map(|(path, (number, place))| (number, path, place)).collect();
        runs.sort_by_key(|(number, ..)| *number);
        Ok(Self { runs: runs.into_iter().map(|(_, path, place)| (path, place)).collect(), left_out })
    }
}

/// Whether a folder is a run, or was one before something of it was lost.
fn is_run(path: &Path) -> bool {
    ["report.json", "manifest.json"].iter().any(|file| path.join(file).is_file())
}

/// A run, or those of a sweep.
fn open(path: &Path, runs: &mut Vec<(PathBuf, Option<RunPlace>)>, left_out: &mut Vec<String>) {
    if is_run(path) {
        runs.push((path.to_owned(), None));
        return;
    }
    match Sweep::open(path) {
        Ok(sweep) if sweep.changed().is_empty() => {
            runs.extend(sweep.places(path).into_iter().map(|(run, place)| (run, Some(place))));
        }
        Ok(sweep) => left_out.push(format!("{}: {}", path.display(), sweep.changed().join(", "))),
        Err(error) => left_out.push(format!("{:#}", anyhow::Error::from(error))),
    }
}
