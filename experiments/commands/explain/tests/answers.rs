//! What `headlight explain` finds.

use super::super::book::{GLOSSARY, PAGES, entries};
use super::super::{Known, spaced};
use super::pages;
use crate::config::Section as _;
use crate::kinds::Experiment;

#[test]
fn names_of_every_sort_are_explained() {
    let known = Known::new();
    let check = |asked: &str, expected: &[&str]| {
        let answers = known.answers(asked).join("\n");
        let mut at = 0;
        for part in expected {
            let found = answers[at..].find(part);
            at += found.unwrap_or_else(|| panic!("{asked}: no {part:?} in its place in {answers}"));
        }
    };
    check("heads", &["# heads: single heads", "## Pitfalls", "Keys of [heads]", "null_models = 3"]);
    check("kind = \"heads\"", &["# heads: single heads"]);
    check("[treebank]", &["Keys of [treebank]", "max_pieces = 128"]);
    check("treebank.max_pieces", &["Key treebank.max_pieces = 128\n\na sentence with more pieces"]);
    check("treebank.merge", &["Key treebank.merge = \"mean\"", "Read by kind = heads, probe"]);
    check("selection", &["**selection**: where heads are chosen", "Key heads.selection", "Key trees.selection"]);
    check("best_heads", &["Table `best_heads`", "| `p_adjusted` | double, *optional* |"]);
    check("surface", &["# surface:", "Keys of [surface]", "Table `surface`"]);
    check("best_heads.accuracy", &["Column best_heads.accuracy (double)\n\n`correct / total`."]);
    check("head_tests.q_value", &["Column head_tests.q_value (double)\n\nBenjamini & Hochberg's"]);
    check("Attention Head", &["**attention head**, **head**: one of"]);
    check("dep-to-gov", &["**dep_to_gov**"]);
    check("§2", &["2. Single heads on relations", "**Directions.**"]);
    check("METHOD §11", &["11. What heads are for"]);
    check("seed", &["**seed**", "Key seed = 1"]);
}

#[test]
fn only_what_bears_the_name_is_printed() {
    let known = Known::new();
    // `pairs.heads` and `ensembles.heads` are keys of other things.
    assert!(!known.answers("heads").iter().any(|answer| answer.starts_with("Key ")));
    assert_eq!(known.answers("heads.selection").len(), 1);
    assert!(known.answers("select").iter().all(|answer| !answer.starts_with("Keys of")));
    assert!(known.answers("").is_empty() && known.answers("no such thing").is_empty());
}

#[test]
fn a_slip_is_told_what_is_near() {
    let known = Known::new();
    let check = |asked: &str, expected: &str| {
        let error = known.unknown(asked).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("governer", "did you mean governor?");
    check("heads.selecton", "did you mean heads.selection?");
    check("best_head", "did you mean best_heads?");
    check("structral", "did you mean structural?");
    check("granularty", "did you mean granularity?");
    assert_eq!(
        known.unknown("xyzzy").to_string(),
        "nothing here is called \"xyzzy\"; `headlight explain` lists all names"
    );
}

#[test]
fn every_listed_name_has_an_answer() {
    let known = Known::new();
    let listing = known.listing();
    for (title, names) in known.names() {
        assert!(!names.is_empty() && listing.contains(&format!("\n{title}\n")), "{title}");
        for name in names {
            assert!(!known.answers(&name).is_empty(), "{title}: {name}");
        }
    }
    assert!(listing.lines().all(|line| line.chars().count() <= 100), "{listing}");
}

#[test]
fn every_kind_has_a_page_and_every_page_is_compiled_in() {
    for kind in Experiment::KINDS {
        assert!(PAGES.iter().any(|(name, _)| name == kind), "docs/kinds/{kind}.md is missing, or its line in book.rs");
    }
    let pages = pages();
    // Those that are printed from their source.
    let generated = ["tables", "keys", "SUMMARY", "README"];
    for page in pages.iter().filter(|page| !generated.contains(&page.name())) {
        let known = PAGES.iter().find(|(name, _)| *name == page.name());
        assert!(known.is_some_and(|(_, text)| *text == page.text), "{} is not in book.rs", page.path.display());
    }
    for page in pages.iter().filter(|page| page.path.starts_with("docs/kinds")) {
        let mut at = 0;
        for part in [
            "**Question.**",
            "\n## Definition",
            "METHOD §",
            "\n## Config",
            "```toml",
            "```sh",
            "\n## Keys",
            "\n## Cost",
            "\n## What it leaves",
            "\n## How to read it",
            "\n## Pitfalls",
            "\n## Reference",
        ] {
            let found = page.text[at..].find(part);
            at += found.unwrap_or_else(|| panic!("{} has no {part:?} in its place", page.path.display()));
        }
        assert!(page.text.starts_with(&format!("# {}: ", page.name())), "{}", page.path.display());
    }
}

#[test]
fn no_word_of_the_glossary_stands_there_twice() {
    let mut words: Vec<String> =
        entries(GLOSSARY).flat_map(|entry| entry.names().map(spaced).collect::<Vec<_>>()).collect();
    assert!(words.len() > 100, "{words:?}");
    words.sort();
    for pair in words.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}
