//! The house rules of DESIGN.md: which crate may know which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;

/// Crate by crate, the workspace crates that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("headlight-attention", &[]),
    ("headlight-treebank", &[]),
    ("headlight-bert", &["headlight-attention"]),
    ("headlight-heads", &["headlight-attention", "headlight-treebank"]),
    ("headlight-probe", &["headlight-attention", "headlight-treebank"]),
    ("headlight-report", &["headlight-attention", "headlight-stats", "headlight-treebank"]),
    ("headlight-stats", &[]),
];

/// What only the named crates may depend on.
const RESERVED: &[(&str, &[&str])] = &[
    ("burn", &["headlight-bert"]),
    ("burn-flex", &["headlight-bert"]),
    ("cudarc", &["headlight-bert"]),
    ("clap", &[]),
    ("figment", &[]),
    ("anyhow", &[]),
    ("tracing-subscriber", &[]),
    ("indicatif", &[]),
    ("ureq", &[]),
    ("hf-hub", &[]),
];

/// The normal dependencies of every crate under crates/.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let folders = fs::read_dir(root().join("crates")).unwrap();
    folders
        .map(|folder| {
            let folder = folder.unwrap();
            let manifest: toml::Table = fs::read_to_string(folder.path().join("Cargo.toml")).unwrap().parse().unwrap();
            let name = manifest["package"]["name"].as_str().unwrap().to_owned();
            assert_eq!(folder.file_name().to_str(), Some(name.as_str()), "a folder is named like its crate");
            let table = manifest.get("dependencies").and_then(toml::Value::as_table);
            (name, table.map(|table| table.keys().cloned().collect()).unwrap_or_default())
        })
        .collect()
}

#[test]
fn every_crate_depends_on_workspace_crates_as_drawn() {
    let found = dependencies();
    let drawn: BTreeSet<String> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), drawn);
    for (name, allowed) in ALLOWED {
        let ours: Vec<&String> = found[*name].iter().filter(|name| name.starts_with("headlight")).collect();
        for dependency in ours {
            assert!(allowed.contains(&dependency.as_str()), "{name} may not depend on {dependency}");
        }
    }
}

#[test]
fn burn_stays_in_its_rooms_and_the_door_is_only_in_the_binary() {
    for (name, dependencies) in dependencies() {
        for (reserved, allowed) in RESERVED {
            assert!(
                !dependencies.contains(*reserved) || allowed.contains(&name.as_str()),
                "{name} may not depend on {reserved}"
            );
        }
    }
}

/// The floors of `experiments/`, from the ground up: each imports only from those below it, and from itself.
const FLOORS: &[&str] = &["cli", "config", "sources", "run", "kinds", "commands"];

/// The sources in a folder of `experiments/`, however deep, each with its path from there: `probe/keys.rs`.
fn sources(floor: &str) -> Vec<(PathBuf, String)> {
    let base = root().join("experiments").join(floor);
    let (mut folders, mut sources) = (vec![base.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    sources.push((path.strip_prefix(&base).unwrap().to_owned(), fs::read_to_string(&path).unwrap()));
                }
            }
        }
    }
    assert!(sources.len() > 1, "no sources were found under {floor}");
    sources
}

/// The name that a path begins with.
fn name(path: &str) -> &str {
    path.split(|at: char| !at.is_alphanumeric() && at != '_').next().unwrap()
}

/// A file that is longer holds more than one room.
const LONGEST: usize = 500;

#[test]
fn no_source_is_longer_than_a_room() {
    let mut folders: Vec<PathBuf> =
        ["crates", "experiments", "tests", "benches", "data"].iter().map(|folder| root().join(folder)).collect();
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| ["rs", "js", "css", "py"].iter().any(|known| it == *known)) {
                let lines = fs::read_to_string(&path).unwrap().lines().count();
                assert!(lines <= LONGEST, "{} has {lines} lines: {LONGEST} are a room", path.display());
                read += 1;
            }
        }
    }
    assert!(read > 400, "{read} sources");
}

#[test]
fn floors_of_the_binary_import_only_what_lies_below() {
    for (height, floor) in FLOORS.iter().enumerate() {
        for (path, source) in sources(floor) {
            for other in source.split("crate::").skip(1).map(name) {
                let below = FLOORS.iter().position(|floor| *floor == other);
                assert!(
                    below.is_none_or(|below| below <= height),
                    "{floor}/{}: {floor} may not import {other}",
                    path.display()
                );
            }
        }
    }
}

/// What a kind names of the folder `kinds`, wherever it lies in it: `crate::kinds::NAME`, and `super::NAME` of a file in the
/// folder itself, `super::super::NAME` one folder deeper.
fn named_in_kinds<'a>(path: &Path, source: &'a str) -> Vec<&'a str> {
    let depth = path.components().count() - usize::from(path.ends_with("mod.rs"));
    // Tests at the end of a file are a module deeper.
    let source = source.split("mod tests {").next().unwrap();
    let up = "super::".repeat(depth);
    let from_above = source.match_indices(&up).filter(|(at, _)| !source[..*at].ends_with("super::"));
    let from_above = from_above.map(|(at, _)| &source[at + up.len()..]);
    let named = source.split("crate::kinds::").skip(1).chain(from_above);
    named
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(several) => several.split(';').next().unwrap().split(',').map(|one| name(one.trim())).collect(),
            None => vec![name(rest)],
        })
        .collect()
}

#[test]
fn no_kind_imports_a_kind() {
    let sources = sources("kinds");
    let kind = |path: &Path| {
        let first = path.components().next().unwrap();
        Path::new(&first).file_stem().unwrap().to_str().unwrap().to_owned()
    };
    let kinds: BTreeSet<String> = sources.iter().map(|(path, _)| kind(path)).filter(|name| name != "mod").collect();
    assert!(kinds.contains("heads") && kinds.contains("shared"), "{kinds:?}");
    for (path, source) in sources.iter().filter(|(path, _)| path != Path::new("mod.rs")) {
        let own = kind(path);
        for other in named_in_kinds(path, source) {
            let allowed = other == own || other == "shared" || !kinds.contains(other);
            assert!(
                allowed,
                "kinds/{}: {own} may not import {other}; what both need goes to kinds/shared",
                path.display()
            );
        }
    }
}

#[test]
fn what_a_kind_names_is_read_from_its_source() {
    let check = |path: &str, source: &str, names: &[&str]| {
        assert_eq!(named_in_kinds(Path::new(path), source), names, "{path}");
    };
    check("trees.rs", "use super::Kind;\nuse super::heads::Selection;", &["Kind", "heads"]);
    check("probe/mod.rs", "use super::{Kind, heads::Selection, shared};", &["Kind", "heads", "shared"]);
    check("probe/keys.rs", "use super::Probe;\nuse super::super::heads::Selection;", &["heads"]);
    check("probe/keys.rs", "use crate::kinds::heads::Selection;\nsuper::training::train();", &["heads"]);
    check("shared/probing/mod.rs", "use super::paired;\nuse super::super::heads::x;", &["heads"]);
}

#[test]
fn every_bundled_config_is_the_file_of_its_name() {
    let listed = crate::support::World::new().run(&["show", "no-such-config"]).stderr;
    let names = listed.split("inside the binary: ").nth(1).expect("the error lists the names").trim();
    for name in names.split(", ") {
        assert!(root().join("configs").join(name).with_extension("toml").is_file(), "{name}");
    }
}
