//! `headlight explain`: what a kind, key, table, column or word means. The texts are those of the book in `docs/`, of the
//! comments in `configs/base.toml` and of the row types of tables; nothing is written for this command alone.

mod book;
#[cfg(test)]
mod tests;

use anyhow::{Result, anyhow};
use headlight_report::tables::reference;

use self::book::{GLOSSARY, METHOD, PAGES, entries, sections};
use super::Usage;
use crate::cli::nearest::nearest;
use crate::cli::{ExplainArgs, output};
use crate::config::{Described, DescribedKey, Section as _, described};
use crate::kinds::Experiment;

/// Prints all that bears the name, or without one the names that there are.
pub fn explain(args: &ExplainArgs) -> Result<()> {
    let name = args.name.join(" ");
    let known = Known::new();
    if name.trim().is_empty() {
        return output::print(&known.listing());
    }
    let answers = known.answers(&name);
    if answers.is_empty() {
        return Err(Usage(known.unknown(&name)).into());
    }
    output::print(&answers.join("\n"))
}

/// All that can be explained.
struct Known {
    /// The tables of base.toml.
    config: Vec<Described>,
    /// `docs/tables.md`, as the row types write it.
    reference: String,
}

impl Known {
    fn new() -> Self {
        Self { config: described(), reference: reference() }
    }

    /// What a name means, the shortest first. Parts of names (a key without its table, a column without its own) count where
    /// nothing bears the whole name.
    fn answers(&self, asked: &str) -> Vec<String> {
        let asked = plain(asked);
        if let Some(number) = method_section(&asked) {
            return sections(METHOD).filter(|(of, _)| *of == number).map(|(_, text)| text.to_owned()).collect();
        }
        let mut answers: Vec<String> = entries(GLOSSARY)
            .filter(|entry| entry.names().any(|name| spaced(name) == spaced(&asked)))
            .map(|entry| format!("{}\n", entry.text))
            .collect();
        answers.extend(self.keys().filter(|key| key.name == asked).map(of_key));
        answers.extend(self.columns().filter(|(name, _)| *name == asked).map(|(name, line)| of_column(&name, line)));
        let mut whole = Vec::new();
        whole.extend(PAGES.iter().filter(|(name, _)| *name == asked).map(|(_, text)| (*text).to_owned()));
        let tables = self.config.iter().filter(|table| table.name == asked && !asked.is_empty());
        whole.extend(tables.map(|table| format!("Keys of [{asked}]\n\n{}", table.text)));
        whole.extend(self.tables().filter(|(name, _)| *name == asked).map(|(_, text)| format!("Table {text}")));
        if whole.is_empty() {
            answers.extend(self.keys().filter(|key| key.last() == asked && key.name != asked).map(of_key));
            let of_name = self.columns().filter(|(name, _)| name.split_once('.').is_some_and(|(_, it)| it == asked));
            answers.extend(of_name.map(|(name, line)| of_column(&name, line)));
        }
        answers.extend(whole);
        answers
    }

    fn unknown(&self, asked: &str) -> anyhow::Error {
        let names: Vec<String> = self.names().into_iter().flat_map(|(_, names)| names).collect();
        let parts = names.iter().filter_map(|name| Some(name.split_once('.')?.1));
        let near = nearest(&plain(asked), names.iter().map(String::as_str).chain(parts));
        let hint = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
        anyhow!("nothing here is called {asked:?}; {hint}`headlight explain` lists all names")
    }

    fn keys(&self) -> impl Iterator<Item = &DescribedKey> {
        self.config.iter().flat_map(|table| &table.keys)
    }

    /// Name and text of each table of runs.
    fn tables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reference.split("\n## ").skip(1).filter_map(|text| Some((text.split('`').nth(1)?, text)))
    }

    /// Each column of tables as `table.column`, with its line in the reference.
    fn columns(&self) -> impl Iterator<Item = (String, &str)> {
        self.tables().flat_map(|(table, text)| {
            let columns = text.lines().filter_map(|line| Some((line.strip_prefix("| `")?.split_once('`')?.0, line)));
            columns.map(move |(column, line)| (format!("{table}.{column}"), line))
        })
    }

    /// All names, by what they are of.
    fn names(&self) -> Vec<(&'static str, Vec<String>)> {
        let pages = PAGES.iter().map(|(name, _)| *name).filter(|name| !Experiment::KINDS.contains(name));
        let words = entries(GLOSSARY).flat_map(|entry| entry.names().collect::<Vec<_>>());
        vec![
            ("Kinds", owned(Experiment::KINDS.iter().copied())),
            ("Pages", owned(pages)),
            ("Sections of the method", sections(METHOD).map(|(number, _)| format!("§{number}")).collect()),
            ("Keys", owned(self.keys().map(|key| key.name.as_str()))),
            ("Tables", owned(self.tables().map(|(name, _)| name))),
            ("Words", owned(words)),
        ]
    }

    fn listing(&self) -> String {
        let mut text = "headlight explain NAME, where NAME is one of these, or a column as TABLE.COLUMN:\n".to_owned();
        for (title, names) in self.names() {
            text.push_str(&format!("\n{title}\n"));
            let mut line = String::new();
            for name in names {
                if line.chars().count() + name.chars().count() > 92 {
                    text.push_str(&format!("  {line}\n"));
                    line.clear();
                }
                line.push_str(if line.is_empty() { "" } else { " · " });
                line.push_str(&name);
            }
            text.push_str(&format!("  {line}\n"));
        }
        text
    }
}

fn owned<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(ToOwned::to_owned).collect()
}

/// A name without what it may be wrapped in: `[heads]`, `kind = "heads"`, `` `heads` ``.
fn plain(name: &str) -> String {
    let name = name.trim().trim_matches('`');
    let value = name.strip_prefix("kind").and_then(|rest| rest.trim_start().strip_prefix('='));
    value.unwrap_or(name).trim().trim_matches(['[', ']', '"', '\'']).to_lowercase()
}

/// `dep_to_gov` and `dep-to-gov` are one word.
fn spaced(word: &str) -> String {
    word.to_lowercase().replace(['_', '-'], " ")
}

/// The number of `§2`, `method §2`.
fn method_section(name: &str) -> Option<&str> {
    let number = name.trim_start_matches("method").trim_start().strip_prefix('§')?;
    Some(number.trim())
}

/// A key with its default, what it means, and which kinds it says something to.
fn of_key(key: &DescribedKey) -> String {
    let DescribedKey { name, default, meaning } = key;
    let mut text = format!("Key {name} = {default}\n\n{}\n", meaning.join("\n"));
    if let Some(kinds) = Experiment::readers(name) {
        text.push_str(&format!("\nRead by kind = {}.\n", kinds.join(", ")));
    }
    text
}

/// A column with its type and meaning.
fn of_column(name: &str, line: &str) -> String {
    let cells: Vec<&str> = line.trim_matches('|').splitn(3, " | ").map(str::trim).collect();
    let (kind, meaning) = (cells.get(1).unwrap_or(&""), cells.get(2).unwrap_or(&""));
    format!("Column {name} ({})\n\n{meaning}\n", kind.replace('*', ""))
}
