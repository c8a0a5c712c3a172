//! `[sweep]`: one file, many runs.

use anyhow::{Result, bail, ensure};
use figment::value::{Dict, Tag, Value};

use super::layers::{Origin, nested, overlay};

/// One combination of swept values.
#[derive(Default, Clone)]
pub struct Variant {
    values: Vec<(String, Value)>,
    /// What tells its run's name from the others': `-seed=2`.
    pub suffix: String,
}

impl Variant {
    /// The merged layers with this combination's values.
    pub fn apply(&self, root: &Dict) -> Result<Dict> {
        let mut root = Value::Dict(Tag::Default, root.clone());
        for (key, value) in &self.values {
            overlay(&mut root, Value::Dict(Tag::Default, nested(key, value.clone())?));
        }
        let Value::Dict(_, root) = root else { unreachable!("a table stays one") };
        Ok(root)
    }
}

/// All combinations of what `[sweep]` lists; without it, the one that changes nothing.
///
/// # Errors
/// When a key has no list of values.
pub fn variants(sweep: Option<Value>, origin: &Origin<'_>) -> Result<Vec<Variant>> {
    let mut lists = Vec::new();
    if let Some(sweep) = sweep {
        flatten("", &sweep, &mut lists, origin)?;
    }
    let mut variants = vec![Variant::default()];
    for (key, values) in lists {
        let with_each = |variant: &Variant| values.iter().map(|value| variant.with(&key, value)).collect::<Vec<_>>();
        variants = variants.iter().flat_map(with_each).collect();
    }
    Ok(variants)
}

impl Variant {
    fn with(&self, key: &str, value: &Value) -> Self {
        let mut variant = self.clone();
        variant.values.push((key.to_owned(), value.clone()));
        let short = key.rsplit('.').next().unwrap_or(key);
        variant.suffix.push_str(&format!("-{short}={}", plain(value)));
        variant
    }
}

/// The keys with their lists, in the order of their names.
fn flatten(prefix: &str, value: &Value, lists: &mut Vec<(String, Vec<Value>)>, origin: &Origin<'_>) -> Result<()> {
    match value {
        Value::Dict(_, table) => {
            for (key, value) in table {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&key, value, lists, origin)?;
            }
            Ok(())
        }
        Value::Array(_, values) => {
            ensure!(!values.is_empty(), "`sweep.{prefix}` in {} is an empty list", origin.of(value));
            lists.push((prefix.to_owned(), values.clone()));
            Ok(())
        }
        other => bail!("`sweep.{prefix}` in {} is not a list of values", origin.of(other)),
    }
}

/// A value as a part of a folder's name: of paths the last part, and nothing but letters, digits, `.`, `_` and `-`.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::Array(_, values) => values.iter().map(plain).collect::<Vec<_>>().join("+"),
        Value::String(_, text) => text.rsplit('/').next().unwrap_or(text).to_owned(),
        Value::Bool(_, value) => value.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map(|it| it.to_string())
            .or_else(|| number.to_f64().map(|it| it.to_string()))
            .unwrap_or_default(),
        _ => String::new(),
    };
    text.chars().map(|char| if char.is_alphanumeric() || "._-+".contains(char) { char } else { '-' }).collect()
}
