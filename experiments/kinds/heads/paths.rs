//! `heads.paths`: words several arcs apart, counted beside arcs (METHOD §10).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use headlight_heads::{MOST_ARCS, Relations, paths};
use headlight_treebank::Granularity;

use crate::config::Split;
use crate::kinds::shared::repeated;
use crate::kinds::shared::selection::Selection;
use crate::run::Run;

/// Stands for every path of two arcs that is frequent enough.
const ALL: &str = "all";

/// Checks the names of a config.
///
/// # Errors
/// A name that no path can have, or one that stands there twice.
pub fn check(names: &[String]) -> Result<()> {
    if let Some(name) = repeated(names) {
        bail!("`paths` names {name} twice");
    }
    let named = names.iter().map(String::as_str).filter(|name| *name != ALL);
    Relations::default().with_paths(named).context("`paths`; or \"all\", all frequent ones of two arcs").map(|_| ())
}

/// What is counted: arcs by the treebank's granularity, the named paths, and with `"all"` those of two arcs that `min_total`
/// words are the lower end of where heads are chosen.
///
/// # Errors
/// A path that does not occur there, or a relation whose name is like a path's; a treebank that cannot be read.
pub fn relations(run: &mut Run, names: &[String], (min_total, selection): (u64, Selection)) -> Result<Relations> {
    let granularity = run.settings().treebank.granularity();
    let arcs = Relations::from(granularity);
    if names.is_empty() {
        return Ok(arcs);
    }
    let split = if selection == Selection::Separate { Split::Select } else { Split::Evaluate };
    let totals = totals(run, split, granularity)?;
    let frequent = || {
        let mut frequent: Vec<(&String, &u64)> = totals.iter().collect();
        frequent.sort_by_key(|(_, words)| Reverse(**words));
        let frequent = frequent.iter().take(10).map(|(name, words)| format!("{name} ({words})"));
        frequent.collect::<Vec<_>>().join(", ")
    };
    let mut wanted: Vec<&str> = Vec::new();
    for name in names {
        if name == ALL {
            let of_two = totals.iter().filter(|(name, words)| arcs_of(name) == 2 && **words >= min_total);
            let before = wanted.len();
            wanted.extend(of_two.map(|(name, _)| name.as_str()));
            ensure!(
                wanted.len() > before,
                "no path of two arcs has {min_total} words in `treebank.{}`; lower `heads.paths_min_total`. The most \
                 frequent: {}",
                split.name(),
                frequent()
            );
        } else {
            ensure!(
                totals.contains_key(name),
                "`heads.paths` names {name:?}, of which `treebank.{}` has no word; the most frequent: {}",
                split.name(),
                frequent()
            );
            wanted.push(name);
        }
    }
    Ok(arcs.with_paths(wanted)?)
}

/// How many words of a split each path has, whether or not the encoder takes their sentences.
fn totals(run: &mut Run, split: Split, granularity: Granularity) -> Result<BTreeMap<String, u64>> {
    let mut totals = BTreeMap::new();
    for sentence in run.sentences(split)? {
        let sentence = sentence?;
        if let Some(word) = sentence.words().iter().find(|word| word.relation.full().contains('+')) {
            bail!(
                "sentence {} has the relation {}, which reads like a path: leave out `heads.paths`, or rename the relation",
                sentence.sent_id(),
                word.relation
            );
        }
        for (name, ..) in paths(&sentence, granularity, MOST_ARCS) {
            *totals.entry(name).or_default() += 1;
        }
    }
    Ok(totals)
}

fn arcs_of(path: &str) -> usize {
    path.split('+').count()
}
