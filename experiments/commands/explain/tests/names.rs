//! Names in the book are names of the program: keys, tables, columns, pages, links.

use std::fs;
use std::path::PathBuf;

use super::super::Known;
use super::super::book::{METHOD, sections};
use super::{pages, root};

/// Endings of files.
const FILES: [&str; 7] = ["toml", "conllu", "csv", "parquet", "md", "json", "safetensors"];

/// Whether a span is written as a key or column, `table.name`, with `= value` behind it or not.
fn dotted(span: &str) -> Option<&str> {
    let name = span.split(" = ").next()?;
    let (table, last) = name.split_once('.')?;
    let is_letter = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    let is_name = |part: &str| !part.is_empty() && part.chars().all(is_letter);
    (is_name(table) && is_name(last) && !FILES.contains(&last)).then_some(name)
}

#[test]
fn keys_and_columns_that_pages_name_exist() {
    let known = Known::new();
    let is_table =
        |name: &str| known.config.iter().any(|table| table.name == name) || known.tables().any(|it| it.0 == name);
    let mut checked = 0;
    for page in pages() {
        for name in page.spans().iter().filter_map(|span| dotted(span)) {
            // Others are modules; what is swept is any key.
            let table = name.split('.').next().unwrap();
            if !is_table(table) || table == "sweep" {
                continue;
            }
            assert!(!known.answers(name).is_empty(), "{}: there is no `{name}`", page.path.display());
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked} names were found");
}

#[test]
fn a_dotted_name_is_told_from_other_spans() {
    for (span, name) in [
        ("heads.selection", Some("heads.selection")),
        ("treebank.input = \"words\"", Some("treebank.input")),
        ("docs/method.md", None),
        ("predictions.conllu", None),
        ("[CLS]", None),
        ("Model::stream", None),
    ] {
        assert_eq!(dotted(span), name, "{span}");
    }
}

/// Texts below a folder of the repository, with their paths.
fn texts(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut folders, mut texts) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if path.is_dir() {
                folders.push(path);
            } else if ["rs", "toml", "md"].contains(&ending) {
                texts.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    texts
}

#[test]
fn sections_of_the_method_that_are_cited_exist() {
    let known: Vec<&str> = sections(METHOD).map(|(number, _)| number).collect();
    let mut cited = 0;
    for (path, text) in ["docs", "configs", "crates", "experiments", "tests"].into_iter().flat_map(texts) {
        // Lists of them: METHOD §3, §6.
        for rest in text.split("METHOD §").skip(1) {
            for part in rest.split(", §") {
                let number = part.split(|char: char| !char.is_ascii_digit()).next().unwrap();
                assert!(number.is_empty() || known.contains(&number), "{}: METHOD §{number}", path.display());
                cited += usize::from(!number.is_empty());
                if part.len() > number.len() {
                    break;
                }
            }
        }
    }
    assert!(cited > 100, "{cited} citations were found");
}

#[test]
fn links_lead_somewhere_and_the_summary_has_every_page() {
    let pages = pages();
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    for page in &pages {
        let folder = root().join(page.path.parent().unwrap());
        for link in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                assert!(folder.join(file).exists(), "{}: {link} leads nowhere", page.path.display());
            }
        }
        if let Ok(inside) = page.path.strip_prefix("docs")
            && page.name() != "SUMMARY"
        {
            assert!(
                summary.contains(&format!("]({})", inside.display())),
                "docs/SUMMARY.md has no {}",
                inside.display()
            );
        }
    }
}
