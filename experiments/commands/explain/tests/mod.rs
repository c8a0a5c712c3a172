//! What is explained, and whether the book keeps to the program: its names, its commands, its pages.

mod answers;
mod commands;
mod names;

use std::fs;
use std::path::{Path, PathBuf};

/// A page: its path from the root of the repository, and its text.
struct Page {
    path: PathBuf,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages below `docs/`, and the README.
fn pages() -> Vec<Page> {
    let (mut folders, mut pages) = (vec![root().join("docs")], vec![root().join("README.md")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("md") => pages.push(path),
                _ if path.is_dir() => folders.push(path),
                _ => {}
            }
        }
    }
    let read = |path: PathBuf| Page {
        text: fs::read_to_string(&path).unwrap(),
        path: path.strip_prefix(root()).unwrap().to_owned(),
    };
    let pages: Vec<Page> = pages.into_iter().map(read).collect();
    assert!(pages.len() > 15, "the book has pages");
    pages
}

impl Page {
    /// Its name without folder and ending: `heads`.
    fn name(&self) -> &str {
        self.path.file_stem().unwrap().to_str().unwrap()
    }

    /// The fenced blocks of a language.
    fn blocks(&self, language: &str) -> Vec<&str> {
        let parts = self.text.split("\n```");
        // Every other part is within fences.
        parts.skip(1).step_by(2).filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
    }

    /// What stands in single backticks outside of blocks, each on one line.
    fn spans(&self) -> Vec<String> {
        let outside = self.text.split("\n```").step_by(2);
        outside.flat_map(|text| text.split('`').skip(1).step_by(2)).map(|span| span.replace('\n', " ")).collect()
    }
}
