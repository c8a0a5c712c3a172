//! The house rules of DESIGN.md: which crate may know which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support::root;

/// Crate by crate, the workspace crates that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("headlight-attention", &[]),
    ("headlight-treebank", &[]),
    ("headlight-bert", &["headlight-attention"]),
    ("headlight-heads", &["headlight-attention", "headlight-treebank"]),
    ("headlight-probe", &["headlight-attention", "headlight-treebank"]),
    ("headlight-report", &["headlight-attention", "headlight-treebank"]),
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

#[test]
fn floors_of_the_binary_import_only_what_lies_below() {
    for (height, floor) in FLOORS.iter().enumerate() {
        let mut folders = vec![root().join("experiments").join(floor)];
        let mut read = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = fs::read_to_string(&path).unwrap();
                read += 1;
                for other in source.split("crate::").skip(1) {
                    let other = other.split(|at: char| !at.is_alphanumeric() && at != '_').next().unwrap();
                    let below = FLOORS.iter().position(|floor| *floor == other);
                    assert!(
                        below.is_none_or(|below| below <= height),
                        "{}: {floor} may not import {other}",
                        path.display()
                    );
                }
            }
        }
        assert!(read > 1, "no sources were found under {floor}");
    }
}

#[test]
fn every_bundled_config_is_the_file_of_its_name() {
    let listed = crate::support::World::new().run(&["show", "no-such-config"]).stderr;
    let names = listed.split("inside the binary: ").nth(1).expect("the error lists the names").trim();
    for name in names.split(", ") {
        assert!(root().join("configs").join(name).with_extension("toml").is_file(), "{name}");
    }
}
