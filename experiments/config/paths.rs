//! Paths are relative to the file that wrote them. After resolution every path is absolute, so that the resolved config
//! means the same from any folder.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use figment::value::{Dict, Value};

use super::layers::Origin;

/// Keys of `[model]`, `[treebank]` and `[corpus]` that hold a path or a list of paths.
const PATHS: &[(&str, &[&str])] =
    &[("model", &["path"]), ("treebank", &["train", "select", "evaluate"]), ("corpus", &["files"])];

/// Names of data that are no paths start with one of these.
const SCHEMES: &[&str] = &["sample:", "ud:"];

/// Whether a value under a path key is a path, and not empty or a name such as `sample:select`.
pub fn is_path(value: &str) -> bool {
    !value.is_empty() && !SCHEMES.iter().any(|scheme| value.starts_with(scheme))
}

/// Makes all paths outside experiments absolute.
pub fn resolve_all(root: &mut Dict, origin: &Origin<'_>) -> Result<()> {
    for (section, keys) in PATHS {
        if let Some(Value::Dict(_, table)) = root.get_mut(*section) {
            resolve(table, keys, origin)?;
        }
    }
    Ok(())
}

/// Makes the paths under `keys` absolute.
pub fn resolve(table: &mut Dict, keys: &[&str], origin: &Origin<'_>) -> Result<()> {
    for key in keys {
        match table.get_mut(*key) {
            Some(Value::Array(_, elements)) => {
                for element in elements {
                    resolve_one(element, origin)?;
                }
            }
            Some(value) => resolve_one(value, origin)?,
            None => {}
        }
    }
    Ok(())
}

fn resolve_one(value: &mut Value, origin: &Origin<'_>) -> Result<()> {
    let folder = origin.folder(value).unwrap_or_default();
    if let Value::String(_, text) = value
        && is_path(text)
    {
        let path = absolute(&folder.join(&*text)).with_context(|| format!("the path {text:?}"))?;
        *text = path.to_str().with_context(|| format!("the path {text:?} is not UTF-8"))?.to_owned();
    }
    Ok(())
}

/// The canonical path where it exists, else the absolute one without `.` and `..`.
fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    if let Ok(canonical) = fs::canonicalize(path) {
        return Ok(canonical);
    }
    let mut clean = PathBuf::new();
    for component in std::path::absolute(path)?.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    Ok(clean)
}
