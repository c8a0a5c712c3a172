//! `[sweep]`: one file, many runs.
//!
//! A run's name says the values that its sweep chose, so these have to be what the run works with: whatever else writes a
//! swept key is refused, and no two runs of a sweep have one name.

use anyhow::{Context, Result, bail, ensure};
use figment::value::{Dict, Tag, Value};

use super::checkpoints;
use super::layers::{Layer, Origin, nested, overlay};

/// Most runs of a sweep. Combinations multiply: six keys of a hundred values each would fill any memory.
const MOST_RUNS: usize = 10_000;

/// A swept key with one of its values.
#[derive(Clone)]
pub struct Swept {
    /// The key, dotted.
    pub key: String,
    /// The value.
    pub value: Value,
    /// The value as the run's name has it.
    pub text: String,
    /// Whether a pattern found it.
    pub found: bool,
}

/// One combination of swept values.
#[derive(Default, Clone)]
pub struct Variant {
    values: Vec<Swept>,
    /// What tells its run's name from the others': `-seed=2`.
    pub suffix: String,
}

impl Variant {
    /// The merged layers with this combination's values.
    ///
    /// # Errors
    /// When something on the command line also writes a swept key.
    pub fn apply(&self, root: &Dict, origin: &Origin<'_>) -> Result<Dict> {
        let mut root = Value::Dict(Tag::Default, root.clone());
        for Swept { key, value, .. } in &self.values {
            let table = Value::Dict(Tag::Default, nested(key, value.clone())?);
            if let Some(set) = written(&root, &table).filter(|value| origin.layer(value) == Layer::Set) {
                bail!(
                    "`{key}` is swept in {} and also given by {}: remove one of the two, or sweep other values by --set \
                     'sweep.{key}=[…]'",
                    origin.of(value),
                    origin.of(set)
                );
            }
            overlay(&mut root, table);
        }
        let Value::Dict(_, root) = root else { unreachable!("a table stays one") };
        Ok(root)
    }

    /// The swept keys with this combination's values.
    pub fn entries(&self) -> &[Swept] {
        &self.values
    }

    /// The keys, dotted.
    pub fn keys(&self) -> Vec<&str> {
        self.values.iter().map(|swept| swept.key.as_str()).collect()
    }

    /// Checks that each value swept for an experiment, or for all of a kind, is what the experiments have.
    /// `experiments` are their kinds and keys, as resolved.
    ///
    /// # Errors
    /// When an experiment has another value, which the run's name would deny, or there is none of the kind.
    pub fn check(&self, experiments: &[(&str, &Dict)], kinds: &[&str], origin: &Origin<'_>) -> Result<()> {
        for Swept { key, value, .. } in &self.values {
            let Some((section, rest)) = key.split_once('.') else { continue };
            // One experiment by its number, or all of a kind.
            let (only, own) = match rest.split_once('.') {
                Some((number, own)) if section == "experiment" => {
                    (Some(number.parse::<usize>().with_context(|| format!("`sweep.{key}`"))?), own)
                }
                _ if kinds.contains(&section) => (None, rest),
                _ => continue,
            };
            let is_meant = |at: usize, kind: &str| only.map_or(kind == section, |number| at == number);
            let meant = experiments.iter().enumerate().filter(|(at, (kind, _))| is_meant(*at, kind));
            let mut reached = false;
            for (number, (_, keys)) in meant {
                reached = true;
                if let Some(found) = keys.get(own)
                    && found != value
                {
                    bail!(
                        "`{key}` is swept in {}, but experiment {number} has its own `{own}` from {}, which the runs' \
                         names would deny: remove that one, or sweep experiment.{number}.{own}",
                        origin.of(value),
                        origin.of(found)
                    );
                }
            }
            ensure!(
                reached,
                "`{key}` is swept in {}, but no [[experiment]] has kind = {section:?}: all runs would be the same",
                origin.of(value)
            );
        }
        Ok(())
    }
}

/// What already stands where `table` would write.
fn written<'a>(root: &'a Value, table: &Value) -> Option<&'a Value> {
    match (root, table) {
        (Value::Dict(_, under), Value::Dict(_, over)) => {
            over.iter().find_map(|(key, value)| written(under.get(key)?, value))
        }
        (found, _) => Some(found),
    }
}

/// All combinations of what `[sweep]` lists; without it, the one that changes nothing.
///
/// # Errors
/// When a key has no list of values, or a list has one value twice.
pub fn variants(sweep: Option<Value>, origin: &Origin<'_>) -> Result<Vec<Variant>> {
    let mut lists = Vec::new();
    if let Some(sweep) = sweep {
        flatten("", &sweep, &mut lists, origin)?;
    }
    let keys: Vec<String> = lists.iter().map(|(key, _)| key.clone()).collect();
    let mut variants = vec![Variant::default()];
    for (key, listed) in lists {
        let (values, found): (Vec<Value>, Vec<bool>) = listed.into_iter().unzip();
        let runs = variants.len().saturating_mul(values.len());
        if let Some(value) = values.first().filter(|_| runs > MOST_RUNS) {
            bail!(
                "[sweep] in {} makes {runs} runs or more; at most {MOST_RUNS} are made of one file",
                origin.of(value)
            );
        }
        let twice = values.iter().enumerate().find(|(at, value)| values[..*at].contains(value));
        if let Some((_, value)) = twice {
            bail!("`sweep.{key}` in {} lists one value twice: {}", origin.of(value), plain(value, usize::MAX));
        }
        let (name, texts) = (short(&key, &keys), texts(&values));
        let with_each = |variant: &Variant| {
            let each = values.iter().zip(&found).zip(&texts).map(|((value, &found), text)| {
                let swept = Swept { key: key.clone(), value: value.clone(), text: text.clone(), found };
                variant.with(swept, &name)
            });
            each.collect::<Vec<_>>()
        };
        variants = variants.iter().flat_map(with_each).collect();
    }
    Ok(variants)
}

impl Variant {
    fn with(&self, swept: Swept, name: &str) -> Self {
        let mut variant = self.clone();
        variant.suffix.push_str(&format!("-{name}={}", swept.text));
        variant.values.push(swept);
        variant
    }
}

/// A key with its values, and of each whether a pattern found it.
type Listed = (String, Vec<(Value, bool)>);

/// The keys with their lists, in the order of their names.
fn flatten(prefix: &str, value: &Value, lists: &mut Vec<Listed>, origin: &Origin<'_>) -> Result<()> {
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
            let values = values.iter().map(|value| found(prefix, value, origin)).collect::<Result<Vec<_>>>()?;
            lists.push((prefix.to_owned(), values.concat()));
            Ok(())
        }
        Value::String(_, text) if prefix == FOLDER && checkpoints::is_pattern(text) => {
            lists.push((prefix.to_owned(), found(prefix, value, origin)?));
            Ok(())
        }
        other => bail!("`sweep.{prefix}` in {} is not a list of values", origin.of(other)),
    }
}

/// The key whose values may be patterns: `model.path = "training/step-*"` is a run for each folder.
const FOLDER: &str = "model.path";

/// A value of a list; of a pattern the folders that fit it, relative to the file that wrote it and ordered by their steps.
fn found(key: &str, value: &Value, origin: &Origin<'_>) -> Result<Vec<(Value, bool)>> {
    let pattern = value.as_str().filter(|text| checkpoints::is_pattern(text));
    let Some(pattern) = pattern.filter(|_| key.starts_with("model.")) else { return Ok(vec![(value.clone(), false)]) };
    ensure!(
        key == FOLDER,
        "`sweep.{key}` in {} holds the pattern {pattern:?}: patterns find folders, as `sweep.{FOLDER}`",
        origin.of(value)
    );
    let named = || format!("`sweep.{key}` in {}", origin.of(value));
    let found = checkpoints::find(&origin.folder(value).unwrap_or_default().join(pattern)).with_context(named)?;
    let text = |path: std::path::PathBuf| {
        let path = std::path::absolute(&path).with_context(named)?;
        let text = path.to_str().with_context(|| format!("the path {} is not UTF-8", path.display()))?;
        Ok((Value::String(value.tag(), text.to_owned()), true))
    };
    found.into_iter().map(text).collect()
}

/// The last part of a key; more of its parts where another swept key ends alike. An experiment's key is then whole: a
/// number alone says nothing.
fn short(key: &str, keys: &[String]) -> String {
    let parts: Vec<&str> = key.split('.').collect();
    let end = |count: usize| parts[parts.len() - count..].join(".");
    let is_alone = |count: &usize| {
        let end = format!(".{}", end(*count));
        keys.iter().filter(|other| format!(".{other}").ends_with(&end)).count() == 1
    };
    match (1..parts.len()).find(is_alone) {
        Some(count) if count == 1 || parts[0] != "experiment" => end(count),
        _ => key.to_owned(),
    }
}

/// Each value as a part of a folder's name, no two alike: of paths the last part, where that does not tell them apart as
/// many more as do; the value's number where nothing does.
fn texts(values: &[Value]) -> Vec<String> {
    let longest = values.iter().map(depth).max().unwrap_or(1);
    let with = |parts: usize| values.iter().map(|value| plain(value, parts)).collect::<Vec<_>>();
    let differ = |texts: &[String]| {
        let folded: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
        folded.iter().enumerate().all(|(at, text)| !folded[..at].contains(text))
    };
    if let Some(texts) = (1..=longest).map(with).find(|texts| differ(texts)) {
        return texts;
    }
    with(1).iter().enumerate().map(|(at, text)| format!("{}.{text}", at + 1)).collect()
}

/// The most parts that a path among the texts has.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(_, values) => values.iter().map(depth).max().unwrap_or(1),
        Value::String(_, text) => text.split('/').count(),
        _ => 1,
    }
}

/// A value as a part of a folder's name: of paths the last `parts`, and nothing but letters, digits, `.`, `_`, `-`, `+`.
fn plain(value: &Value, parts: usize) -> String {
    let text = match value {
        Value::Array(_, values) => values.iter().map(|value| plain(value, parts)).collect::<Vec<_>>().join("+"),
        Value::String(_, text) => {
            let all: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
            all[all.len().saturating_sub(parts)..].join("-")
        }
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
