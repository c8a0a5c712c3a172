//! What was run is what is named. `model.name`, `treebank.name` and `corpus.name` are what tables call the data beside
//! them. A name belongs to the data of its own layer, or of a layer below: a layer that brings other data and no name
//! leaves the old name behind, and the data name themselves.

use anyhow::{Result, bail};
use figment::value::{Dict, Value};

use super::layers::{Layer, Origin};

/// Sections with a `name`, and the keys of the data that it names.
const NAMED: &[(&str, &[&str])] =
    &[("model", &["path"]), ("treebank", &["train", "select", "evaluate"]), ("corpus", &["files"])];

/// Empties the names of data that a later layer has replaced. `swept` are the keys of a sweep: the last layer. `is_unproven`
/// tells the names of models that could be obtained, and that no checksum tells from a folder's.
///
/// # Errors
/// When a layer names a model to be obtained, and a folder that a layer below gave would be run in its place.
pub fn settle(root: &mut Dict, swept: &[&str], origin: &Origin<'_>, is_unproven: fn(&str) -> bool) -> Result<()> {
    for (section, data) in NAMED {
        let Some(Value::Dict(_, table)) = root.get_mut(*section) else { continue };
        let layer_of = |key: &str, value: &Value| {
            let name = format!("{section}.{key}");
            if swept.contains(&name.as_str()) { Layer::Sweep } else { origin.layer(value) }
        };
        let given = data.iter().filter_map(|key| Some((*key, table.get(*key).filter(|value| !is_empty(value))?)));
        let newest = given.map(|(key, value)| (layer_of(key, value), value)).max_by_key(|(layer, _)| *layer);
        let (Some((newest, replaced)), Some(name)) = (newest, table.get("name")) else { continue };
        let Some(label) = name.as_str().filter(|label| !label.is_empty()) else { continue };
        let named = layer_of("name", name);
        if *section == "model" && named > newest && is_unproven(label) {
            bail!(
                "`model.name` in {} is {label:?}, but the folder of `model.path` in {} is what would run: add --set \
                 model.path= to run {label}, or name the folder in the same place if it holds {label}",
                origin.of(name),
                origin.of(replaced)
            );
        }
        if named < newest {
            table.insert("name".to_owned(), Value::from(""));
        }
    }
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(_, text) => text.is_empty(),
        Value::Array(_, elements) => elements.is_empty(),
        _ => false,
    }
}
