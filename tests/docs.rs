//! The book in `docs/`: its configs are configs, and what the pages of kinds say to run is run.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::support::{World, root};

/// All Markdown files below `docs/`, and the README, by path from the root.
fn pages() -> Vec<PathBuf> {
    let (mut folders, mut pages) = (vec![PathBuf::from("docs")], vec![PathBuf::from("README.md")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            match path.extension() {
                Some(ending) if ending == "md" => pages.push(path),
                None => folders.push(path),
                Some(_) => {}
            }
        }
    }
    pages
}

/// The fenced blocks of a language in a text.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let blocks = text.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

/// The file that a config is written to: its first line says which.
fn file_of(config: &str) -> &str {
    let name = config.lines().next().and_then(|line| line.strip_prefix("# "));
    name.filter(|name| name.ends_with(".toml"))
        .unwrap_or_else(|| panic!("no name of a file in the first line: {config}"))
}

#[test]
fn every_config_of_the_book_resolves_without_a_warning() {
    let (world, mut resolved) = (World::new(), 0);
    for page in pages() {
        for config in blocks(&fs::read_to_string(root().join(&page)).unwrap(), "toml") {
            world.write(file_of(config), config);
            let ran = world.run(&["show", file_of(config)]);
            assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}: {config}", page.display());
            resolved += 1;
        }
    }
    assert!(resolved > 12, "{resolved} configs were found");
}

#[test]
fn every_config_of_the_repository_resolves_without_a_warning() {
    let world = World::new();
    for folder in ["configs", "configs/clark2019"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "toml") && !path.ends_with("base.toml") {
                let ran = world.run(&["show", path.to_str().unwrap()]);
                assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", path.display());
            }
        }
    }
}

/// The words of a command of a page: quotes hold what has spaces.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate();
    quoted
        .flat_map(|(number, part)| match number % 2 {
            1 => vec![part.to_owned()],
            _ => part.split_whitespace().map(ToOwned::to_owned).collect(),
        })
        .collect()
}

/// Writes the configs of a kind's page and runs its commands one after the other, as they stand.
fn run_page(kind: &str) {
    let page = fs::read_to_string(root().join(format!("docs/kinds/{kind}.md"))).unwrap();
    let world = World::new();
    world.write("text.txt", "The dog sleeps.\n");
    let configs = blocks(&page, "toml");
    configs.iter().for_each(|config| drop(world.write(file_of(config), config)));
    let mut ran = 0;
    for line in blocks(&page, "sh").iter().flat_map(|block| block.lines()) {
        let words = words(line.strip_prefix("headlight ").unwrap_or_else(|| panic!("{kind}: {line}")));
        // Revisions of a model on the Hub cannot be had here.
        if words.iter().any(|word| word.contains("pythia")) {
            continue;
        }
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        if arguments[0] == "run" {
            arguments.push("--offline");
        }
        let printed = world.succeed(&arguments);
        assert!(!printed.trim().is_empty(), "{kind}: {line}");
        ran += 1;
    }
    assert!(ran > 0, "{kind}: no command was run");
    let left = page.split("\n## What it leaves\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let told: BTreeSet<&str> = left.split('`').skip(1).step_by(2).collect();
    let folders = fs::read_dir(world.path("runs")).unwrap().map(|entry| entry.unwrap().path());
    let mut tables = 0;
    // Of a sweep, what its runs together leave.
    let is_asked = |folder: &PathBuf| folder.is_dir() && (kind != "sweep" || folder.ends_with("merge-sample-sweep"));
    for folder in folders.filter(is_asked) {
        for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|ending| ending == "csv") {
                let table = file.file_stem().unwrap().to_str().unwrap();
                assert!(told.contains(table), "{kind}: the page does not say that there is a table {table}");
                tables += 1;
            }
        }
    }
    assert!(tables > 0, "{kind}: no table");
}

/// A test for each page, and one that there is no other.
macro_rules! run_pages {
    ($($kind:ident),+) => {
        $(#[test] fn $kind() { run_page(stringify!($kind)); })+

        #[test]
        fn every_page_of_a_kind_is_run() {
            let run = BTreeSet::from([$(stringify!($kind).to_owned()),+]);
            let pages = pages().into_iter().filter(|page| page.starts_with("docs/kinds"));
            assert_eq!(pages.map(|page| page.file_stem().unwrap().to_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), run);
        }
    };
}

mod whole {
    use super::*;

    run_pages! {
        heads, probe, structural, surface, clusters, coreference, trees, ensembles, pairs, importance, pruning, sweep
    }
}

/// The pages beside those of kinds whose commands stand alone.
#[test]
fn what_other_pages_say_to_run_is_run() {
    for (page, least) in [("look", 3), ("runs", 3)] {
        let text = fs::read_to_string(root().join(format!("docs/{page}.md"))).unwrap();
        let world = World::new();
        let mut ran = 0;
        for line in blocks(&text, "sh").iter().flat_map(|block| block.lines()) {
            let words = words(line.strip_prefix("headlight ").unwrap_or_else(|| panic!("{page}: {line}")));
            // Runs of the reader's own are not here.
            if words.iter().any(|word| word.contains("my") || word.starts_with("runs/") || word == "store") {
                continue;
            }
            let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
            arguments.push("--offline");
            assert!(!world.succeed(&arguments).trim().is_empty(), "{page}: {line}");
            ran += 1;
        }
        assert!(ran >= least, "{page}: {ran} commands were run");
    }
}

#[test]
fn explain_prints_pages_and_says_what_is_near() {
    let world = World::new();
    let page = fs::read_to_string(root().join("docs/kinds/trees.md")).unwrap();
    assert!(world.succeed(&["explain", "trees"]).starts_with(&page));
    assert!(world.succeed(&["explain", "heads.selection"]).starts_with("Key heads.selection = \"separate\"\n"));
    assert!(world.succeed(&["explain", "attention", "head"]).starts_with("**attention head**"));
    assert!(world.succeed(&["explain"]).contains("\nTables\n"));
    let error = world.fail(2, &["explain", "governer"]);
    assert_eq!(
        error,
        "nothing here is called \"governer\"; did you mean governor? `headlight explain` lists all names"
    );
}
