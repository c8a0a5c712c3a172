//! Where files come from: folders, downloads, the binary itself; and their checksums.

pub mod corpus;
pub mod fetch;
pub mod pairs;
pub mod treebank;

use std::path::Path;

use anyhow::{Context, Result};
use headlight_report::run::{Input, checksum};

/// A file with its size and checksum.
///
/// # Errors
/// When it cannot be read; names it.
pub fn input(role: &str, path: &Path) -> Result<Input> {
    let (bytes, sha256) = checksum(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Input { role: role.to_owned(), path: path.display().to_string(), bytes, sha256 })
}
