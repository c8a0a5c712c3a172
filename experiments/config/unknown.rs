//! Keys that nobody reads are errors. `configs/base.toml` is the list of all keys; a key that is not in it is refused,
//! with its writer and the nearest key.

use anyhow::{Result, bail};
use figment::value::{Dict, Value};

use super::layers::Origin;
use crate::cli::nearest::nearest;

/// Refuses keys of the merged layers that base.toml does not have. Experiments are checked by [`check_section`].
pub fn check(root: &Dict, base: &Dict, origin: &Origin<'_>) -> Result<()> {
    for (key, value) in root {
        match (base.get(key), value) {
            (Some(Value::Dict(_, known)), Value::Dict(_, table)) => {
                refuse_unknown(table, &format!("{key}."), known, &[], base, origin)?;
            }
            (Some(Value::Dict(..)), other) => {
                bail!("`{key}` in {} is not a table: write [{key}] with its keys below", origin.of(other))
            }
            (Some(_), _) => {}
            (None, value) => return Err(unknown(key, "", base.keys().map(String::as_str), base, value, origin)),
        }
    }
    Ok(())
}

/// Refuses keys of one experiment that the section of its kind in base.toml does not have.
pub fn check_section(element: &Dict, base: &Dict, kind: &str, place: &str, origin: &Origin<'_>) -> Result<()> {
    let empty = Dict::new();
    let known = base.get(kind).and_then(Value::as_dict).unwrap_or(&empty);
    refuse_unknown(element, &format!("{place}."), known, &["kind"], base, origin)
}

fn refuse_unknown(
    table: &Dict,
    prefix: &str,
    known: &Dict,
    also_known: &[&str],
    base: &Dict,
    origin: &Origin<'_>,
) -> Result<()> {
    let names = || known.keys().map(String::as_str).chain(also_known.iter().copied());
    match table.iter().find(|(key, _)| !names().any(|name| name == key.as_str())) {
        None => Ok(()),
        Some((key, value)) => Err(unknown(key, prefix, names(), base, value, origin)),
    }
}

/// The nearest key is looked for in the same table, then in all tables.
fn unknown<'a>(
    key: &str,
    prefix: &str,
    siblings: impl Iterator<Item = &'a str> + Clone,
    base: &Dict,
    value: &Value,
    origin: &Origin<'_>,
) -> anyhow::Error {
    let elsewhere = || {
        base.iter().filter_map(|(section, value)| Some((section, value.as_dict()?))).find_map(|(section, table)| {
            nearest(key, table.keys().map(String::as_str)).map(|name| format!("{section}.{name}"))
        })
    };
    let hint = match nearest(key, siblings.clone()).map(|name| format!("{prefix}{name}")).or_else(elsewhere) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known keys here: {}", siblings.collect::<Vec<_>>().join(", ")),
    };
    anyhow::anyhow!("unknown key `{prefix}{key}` in {}; {hint}", origin.of(value))
}
