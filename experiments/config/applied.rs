//! Settings that nothing applies are named: whoever writes one expects it to do something. By `--set` they are errors; in a
//! file, which may serve several studies, warnings. A value that is the default, as all are in the resolved config of a run,
//! is no such wish.

use anyhow::{Result, bail};
use figment::value::{Dict, Value};

use super::layers::{Layer, Origin, Section};

/// Names sections of kinds that no experiment has, and keys that no experiment of the config reads. `kinds` are those of
/// its experiments, `sections` those taken from `root`.
///
/// # Errors
/// The first such key that `--set` wrote, with those that would read it.
pub fn check<E: Section>(
    root: &Dict,
    sections: &[(&str, Option<Value>)],
    kinds: &[&str],
    base: &Dict,
    origin: &Origin<'_>,
) -> Result<()> {
    for (kind, section) in sections.iter().filter(|(kind, _)| !kinds.contains(kind)) {
        let wish = section.as_ref().and_then(|section| wished(section, base.get(*kind), origin));
        if let Some((key, value)) = wish {
            tell(value, &format!("{kind}.{key}"), &format!("no [[experiment]] has kind = {kind:?}"), origin)?;
        }
    }
    for (section, table) in root {
        let (Some(table), Some(defaults)) = (table.as_dict(), base.get(section)) else { continue };
        for (key, value) in table {
            let name = format!("{section}.{key}");
            let Some(readers) = E::readers(&name) else { continue };
            let alone = Value::from(Dict::from([(key.clone(), value.clone())]));
            if wished(&alone, Some(defaults), origin).is_some() && !readers.iter().any(|kind| kinds.contains(kind)) {
                let list = |kinds: &[&str]| kinds.iter().map(|kind| format!("{kind:?}")).collect::<Vec<_>>().join(", ");
                let (readers, kinds) = (list(readers), list(kinds));
                let why = format!("it is for kind = {readers}, and the experiments are of kind = {kinds}");
                tell(value, &name, &why, origin)?;
            }
        }
    }
    Ok(())
}

/// An error for what somebody wants of this very run, a warning for what stands in a file.
fn tell(value: &Value, key: &str, why: &str, origin: &Origin<'_>) -> Result<()> {
    let said = format!("`{key}` in {} does nothing: {why}", origin.of(value));
    if origin.layer(value) == Layer::Set {
        bail!(said);
    }
    tracing::warn!("{said}");
    Ok(())
}

/// A key of a table that somebody gave another value than the default, in the last layer that did.
fn wished<'a>(table: &'a Value, defaults: Option<&Value>, origin: &Origin<'_>) -> Option<(&'a str, &'a Value)> {
    let defaults = defaults.and_then(Value::as_dict);
    let is_wish = |(key, value): &(&String, &Value)| {
        origin.layer(value) > Layer::Base && defaults.and_then(|table| table.get(*key)) != Some(*value)
    };
    let wishes = table.as_dict()?.iter().filter(is_wish);
    wishes.max_by_key(|(_, value)| origin.layer(value)).map(|(key, value)| (key.as_str(), value))
}
