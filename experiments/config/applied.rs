//! Settings that nothing applies are errors: whoever writes one expects it to do something. A value that is the default, as
//! all are in the resolved config of a run, is no such wish.

use anyhow::{Result, bail};
use figment::value::{Dict, Value};

use super::layers::{Layer, Origin, Section};

/// Refuses sections of kinds that no experiment has, and keys that no experiment of the config reads. `kinds` are those of
/// its experiments, `sections` those taken from `root`.
///
/// # Errors
/// The first such key, with its writer and those that would read it.
pub fn check<E: Section>(
    root: &Dict,
    sections: &[(&str, Option<Value>)],
    kinds: &[&str],
    base: &Dict,
    origin: &Origin<'_>,
) -> Result<()> {
    for (kind, section) in sections.iter().filter(|(kind, _)| !kinds.contains(kind)) {
        if let Some((key, value)) = section.as_ref().and_then(|section| wished(section, base.get(*kind), origin)) {
            bail!("`{kind}.{key}` in {} does nothing: no [[experiment]] has kind = {kind:?}", origin.of(value));
        }
    }
    for (section, table) in root {
        let (Some(table), Some(defaults)) = (table.as_dict(), base.get(section)) else { continue };
        for (key, value) in table {
            let name = format!("{section}.{key}");
            let Some(readers) = E::readers(&name) else { continue };
            let alone = Value::from(Dict::from([(key.clone(), value.clone())]));
            if wished(&alone, Some(defaults), origin).is_some() && !readers.iter().any(|kind| kinds.contains(kind)) {
                let readers: Vec<String> = readers.iter().map(|kind| format!("{kind:?}")).collect();
                bail!(
                    "`{name}` in {} does nothing: it is for kind = {}, and the experiments are of kind = {}",
                    origin.of(value),
                    readers.join(", "),
                    kinds.iter().map(|kind| format!("{kind:?}")).collect::<Vec<_>>().join(", ")
                );
            }
        }
    }
    check_corpus(root, base, origin)
}

/// How text is packed says nothing where there is no text.
fn check_corpus(root: &Dict, base: &Dict, origin: &Origin<'_>) -> Result<()> {
    let (Some(corpus), Some(defaults)) = (root.get("corpus"), base.get("corpus")) else { return Ok(()) };
    let files = corpus.as_dict().and_then(|keys| keys.get("files")).and_then(Value::as_array);
    if files.is_none_or(|files| !files.is_empty()) {
        return Ok(());
    }
    match wished(corpus, Some(defaults), origin) {
        Some((key, value)) => {
            bail!("`corpus.{key}` in {} does nothing: `corpus.files` names no text", origin.of(value))
        }
        None => Ok(()),
    }
}

/// The first key of a table that somebody gave another value than the default.
fn wished<'a>(table: &'a Value, defaults: Option<&Value>, origin: &Origin<'_>) -> Option<(&'a str, &'a Value)> {
    let defaults = defaults.and_then(Value::as_dict);
    let is_wish = |(key, value): &(&String, &Value)| {
        origin.layer(value) > Layer::Base && defaults.and_then(|table| table.get(*key)) != Some(*value)
    };
    table.as_dict()?.iter().find(is_wish).map(|(key, value)| (key.as_str(), value))
}
