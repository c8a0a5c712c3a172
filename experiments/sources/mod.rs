//! Where files come from: folders, downloads, the binary itself; and their checksums.

pub mod corpus;
pub mod fetch;
pub mod pairs;
pub mod treebank;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use headlight_report::run::Input;

/// A file with its size and checksum.
///
/// # Errors
/// When it cannot be read; names it.
pub fn input(role: &str, path: &Path) -> Result<Input> {
    let bytes = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    let sha256 = fetch::sha256(path)?;
    Ok(Input { role: role.to_owned(), path: path.display().to_string(), bytes, sha256 })
}
