//! Folders of a partitioned table, `model=…/treebank=…`, as Hive and Spark write them and as DuckDB, polars and Arrow read
//! them.

use std::fmt::Write as _;
use std::path::PathBuf;

/// Stands for an empty value.
const EMPTY: &str = "__HIVE_DEFAULT_PARTITION__";

/// What Hive writes as `%XX` beside control characters, so that a value is one name of a folder and no pattern.
const ESCAPED: &[char] = &['"', '#', '%', '\'', '*', '/', ':', '=', '?', '\\', '{', '[', ']', '^'];

/// A value as the name of a folder has it. What is not ASCII stays as it is: readers do not agree on how to read it back
/// otherwise.
fn escaped(value: &str) -> String {
    if value.is_empty() {
        return EMPTY.to_owned();
    }
    let mut name = String::new();
    for character in value.chars() {
        match character {
            character if character.is_ascii_control() || ESCAPED.contains(&character) => {
                write!(name, "%{:02X}", u32::from(character)).expect("a string takes everything");
            }
            character => name.push(character),
        }
    }
    name
}

/// The folder of rows about a model and a treebank, from that of their table.
pub(super) fn partition(model: &str, treebank: &str) -> PathBuf {
    PathBuf::from(format!("model={}", escaped(model))).join(format!("treebank={}", escaped(treebank)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected names are those that Hive's `FileUtils.escapePathName` and Spark's `ExternalCatalogUtils` make.
    #[test]
    fn any_name_is_one_folder() {
        for (value, expected) in [
            ("bert-base-cased", "bert-base-cased"),
            ("google-bert/bert-base-cased", "google-bert%2Fbert-base-cased"),
            ("pythia-70m@step=512", "pythia-70m@step%3D512"),
            ("../..", "..%2F.."),
            ("50 % of it", "50 %25 of it"),
            ("UD_हिन्दी-HDTB", "UD_हिन्दी-HDTB"),
            ("a\tb\u{7f}\n", "a%09b%7F%0A"),
            ("[*]?", "%5B%2A%5D%3F"),
            ("C:\\models", "C%3A%5Cmodels"),
            ("", "__HIVE_DEFAULT_PARTITION__"),
        ] {
            assert_eq!(escaped(value), expected);
        }
        assert_eq!(partition("a/b", "x y"), PathBuf::from("model=a%2Fb/treebank=x y"));
    }
}
