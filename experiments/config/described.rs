//! What `configs/base.toml` says of its keys: its comments, read beside its values, so that each key is described once.

use super::BASE;

/// A table of base.toml, or what stands before the first (its name is empty then).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described {
    /// `treebank`
    pub name: &'static str,
    /// The lines of the table, its own comment before it.
    pub text: String,
    /// Its keys in order.
    pub keys: Vec<DescribedKey>,
}

/// A key of base.toml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedKey {
    /// Dotted, as `--set` has it: `treebank.merge`.
    pub name: String,
    /// Its default, as TOML.
    pub default: String,
    /// What the comment beside it says, a line each.
    pub meaning: Vec<&'static str>,
}

impl DescribedKey {
    /// The last part of the name.
    pub fn last(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }
}

/// Every table of base.toml.
pub fn described() -> Vec<Described> {
    let mut tables = vec![Described::default()];
    // Comment lines that may belong to the table that follows.
    let mut before: Vec<&str> = Vec::new();
    for line in BASE.lines() {
        let (value, comment) = parted(line);
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let mut table = Described { name, ..Described::default() };
            before.drain(..).for_each(|line| table.push(line));
            table.push(line);
            tables.push(table);
            continue;
        }
        if line.starts_with('#') {
            before.push(line);
            continue;
        }
        before.clear();
        let Some(table) = tables.last_mut().filter(|_| !line.trim().is_empty()) else { continue };
        table.push(line);
        match (line.starts_with(' '), value.split_once('=')) {
            (false, Some((key, default))) => {
                let name = [table.name, key.trim()].join(".").trim_start_matches('.').to_owned();
                let meaning = comment.into_iter().collect();
                table.keys.push(DescribedKey { name, default: default.trim().to_owned(), meaning });
            }
            _ => {
                let Some(key) = table.keys.last_mut() else { continue };
                key.default.push_str(value.trim());
                key.meaning.extend(comment);
            }
        }
    }
    tables
}

impl Described {
    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// A line before its comment, and the comment.
fn parted(line: &str) -> (&str, Option<&str>) {
    let mut is_text = false;
    for (at, char) in line.char_indices() {
        match char {
            '"' => is_text = !is_text,
            '#' if !is_text => return (&line[..at], Some(line[at + 1..].trim())),
            _ => {}
        }
    }
    (line, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_described_once_with_its_default_and_a_meaning() {
        let base: toml::Table = BASE.parse().unwrap();
        let mut expected: Vec<(String, toml::Value)> = Vec::new();
        for (name, value) in base {
            match value {
                toml::Value::Table(keys) => {
                    expected.extend(keys.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
                }
                value => expected.push((name, value)),
            }
        }
        let mut found: Vec<(String, toml::Value)> = Vec::new();
        for key in described().into_iter().flat_map(|table| table.keys) {
            let line: toml::Table = format!("value = {}", key.default).parse().unwrap();
            assert!(!key.meaning.concat().is_empty(), "{} has no comment beside it", key.name);
            found.push((key.name, line["value"].clone()));
        }
        let by_name = |a: &(String, toml::Value), b: &(String, toml::Value)| a.0.cmp(&b.0);
        expected.sort_by(by_name);
        found.sort_by(by_name);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_comment_belongs_to_its_key_and_a_block_to_its_table() {
        let tables = described();
        let table = tables.iter().find(|table| table.name == "treebank").unwrap();
        assert!(table.text.starts_with("# Each split is a list of files"), "{}", table.text);
        let key = table.keys.iter().find(|key| key.last() == "max_pieces").unwrap();
        assert_eq!((key.name.as_str(), key.default.as_str()), ("treebank.max_pieces", "128"));
        let of_ensembles = tables.iter().find(|table| table.name == "ensembles").unwrap();
        let relations = of_ensembles.keys.iter().find(|key| key.last() == "relations").unwrap();
        assert!(relations.default.starts_with("[\"amod\"") && relations.default.ends_with(']'), "{relations:?}");
        assert!(relations.meaning.len() > 1, "{relations:?}");
    }

    #[test]
    fn a_hash_within_quotes_is_no_comment() {
        assert_eq!(parted("name = \"a # b\"   # why"), ("name = \"a # b\"   ", Some("why")));
        assert_eq!(parted("seed = 1"), ("seed = 1", None));
    }
}
