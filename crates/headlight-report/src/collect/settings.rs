//! What a run was done with, as columns beside its numbers.

use toml::Value as Toml;

use super::RunPlace;
use crate::run::{Report, RunDirectory};
use crate::tables::{AnyColumn, Kind, Value};

/// A column that says the same of every row of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub column: AnyColumn,
    pub value: Owned,
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Owned {
    Null,
    Text(String),
    Integer(i64),
    Real(f64),
    Flag(bool),
}

impl From<Value<'_>> for Owned {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Owned::Null,
            Value::Text(text) => Owned::Text(text.to_owned()),
            Value::Integer(number) => Owned::Integer(number),
            Value::Real(number) => Owned::Real(number),
            Value::Flag(flag) => Owned::Flag(flag),
        }
    }
}

impl Owned {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Owned::Null => Value::Null,
            Owned::Text(text) => Value::Text(text),
            Owned::Integer(number) => Value::Integer(*number),
            Owned::Real(number) => Value::Real(*number),
            Owned::Flag(flag) => Value::Flag(*flag),
        }
    }
}

/// What the columns of runs begin with, so that no column of a table has such a name.
pub(super) const PREFIX: &str = "run_";

/// What the columns of a run's config begin with, in the table `runs`.
pub(super) const CONFIG: &str = "config_";

/// The columns that stand in every table: which run, and the choices that its numbers depend on.
pub(super) fn settings(run: &RunDirectory, id: &str, place: Option<&RunPlace>) -> Vec<Setting> {
    let (report, manifest) = (run.report(), run.manifest());
    let model = &report.model;
    let text = |name: &str, value: &str| setting(name, Kind::Text, Owned::Text(value.to_owned()));
    let whole = |name: &str, value: u64| setting(name, Kind::Integer, Owned::Integer(value as i64));
    let optional = |value: Option<&str>| value.map_or(Owned::Null, |it| Owned::Text(it.to_owned()));
    let step = place.and_then(|place| place.step).map_or(Owned::Null, |step| Owned::Integer(step as i64));
    let mut all = vec![
        Setting { column: AnyColumn::new("run", Kind::Text), value: Owned::Text(report.name.clone()) },
        text("id", id),
        setting("series", Kind::Text, optional(place.map(|place| place.series.as_str()))),
        setting("swept", Kind::Text, optional(place.map(|place| place.swept.as_str()))),
        setting("step", Kind::Integer, step),
        whole("seed", place.map_or(manifest.seed, |place| place.seed)),
        text("architecture", &model.architecture),
        whole("layers", model.layers.into()),
        whole("heads", model.heads.into()),
        whole("hidden_size", model.hidden_size.into()),
        setting("random_weights", Kind::Flag, Owned::Flag(model.random_weights)),
        text("device", &manifest.device),
    ];
    all.extend(conventions(report));
    all.push(text("version", &manifest.headlight_version));
    all.push(text("finished", &manifest.finished));
    all
}

/// The conventions of a report, each a column.
fn conventions(report: &Report) -> impl Iterator<Item = Setting> {
    let limit = i64::from(report.conventions.piece_limit);
    report.conventions.entries().into_iter().map(move |(name, value)| match name {
        "piece limit" => setting("piece_limit", Kind::Integer, Owned::Integer(limit)),
        name => setting(&name.replace(' ', "_"), Kind::Text, Owned::Text(value)),
    })
}

fn setting(name: &str, kind: Kind, value: Owned) -> Setting {
    Setting { column: AnyColumn::new(format!("{PREFIX}{name}"), kind), value }
}

/// What the table `runs` has beside: where the run lay, how much it read, and every key of its config.
pub(super) fn of_run(run: &RunDirectory, path: &str, config: &str) -> Result<Vec<Setting>, toml::de::Error> {
    let (report, manifest) = (run.report(), run.manifest());
    let evaluated = report.treebank.splits.first();
    let warnings = serde_json::to_string(&report.warnings).unwrap_or_default();
    let kinds: Vec<&str> = report.experiments.iter().map(|it| it.kind.as_str()).collect();
    let mut all = vec![
        setting("path", Kind::Text, Owned::Text(path.to_owned())),
        setting("kinds", Kind::Text, Owned::Text(kinds.join(" "))),
        setting("sentences", Kind::Integer, evaluated.map_or(Owned::Null, |it| Owned::Integer(it.sentences as i64))),
        setting("words", Kind::Integer, evaluated.map_or(Owned::Null, |it| Owned::Integer(it.words as i64))),
        setting("seconds", Kind::Real, Owned::Real(manifest.seconds)),
        setting("threads", Kind::Integer, Owned::Integer(manifest.threads.into())),
        setting(
            "peak_memory_bytes",
            Kind::Integer,
            manifest.peak_memory_bytes.map_or(Owned::Null, |it| Owned::Integer(it as i64)),
        ),
        setting("warnings", Kind::Text, Owned::Text(warnings)),
    ];
    let config: toml::Table = toml::from_str(config)?;
    flatten("", &config, &mut all);
    Ok(all)
}

/// Every key of a config as a column: `treebank.merge` is `config_treebank_merge`, a list is JSON. Experiments, of which there
/// may be several, go by their kind, the second of a kind by its number too.
fn flatten(before: &str, table: &toml::Table, all: &mut Vec<Setting>) {
    for (key, value) in table {
        let name = format!("{before}{key}");
        match value {
            Toml::Table(inner) => flatten(&format!("{name}_"), inner, all),
            Toml::Array(experiments) if before.is_empty() && key == "experiment" => {
                let mut kinds: Vec<&str> = Vec::new();
                for experiment in experiments.iter().filter_map(Toml::as_table) {
                    let kind = experiment.get("kind").and_then(Toml::as_str).unwrap_or("experiment");
                    kinds.push(kind);
                    let times = kinds.iter().filter(|known| **known == kind).count();
                    let number = if times > 1 { format!("{times}") } else { String::new() };
                    let keys = experiment.iter().filter(|(key, _)| *key != "kind");
                    let keys: toml::Table = keys.map(|(key, value)| (key.clone(), value.clone())).collect();
                    flatten(&format!("{kind}{number}_"), &keys, all);
                }
            }
            value => {
                let (kind, value) = cell(value);
                all.push(Setting { column: AnyColumn::new(format!("{CONFIG}{name}"), kind), value });
            }
        }
    }
}

fn cell(value: &Toml) -> (Kind, Owned) {
    match value {
        Toml::String(text) => (Kind::Text, Owned::Text(text.clone())),
        Toml::Integer(number) => (Kind::Integer, Owned::Integer(*number)),
        Toml::Float(number) => (Kind::Real, Owned::Real(*number)),
        Toml::Boolean(flag) => (Kind::Flag, Owned::Flag(*flag)),
        other => (Kind::Text, Owned::Text(serde_json::to_string(other).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_config_is_a_column() {
        let config = "seed = 3\n[treebank]\nmerge = \"mean\"\nevaluate = [\"a\", \"b\"]\n[corpus]\nshort = 0.0\n\
                      [[experiment]]\nkind = \"heads\"\nattention = true\n[[experiment]]\nkind = \"probe\"\n\
                      [[experiment]]\nkind = \"heads\"\nresamples = 1000\n";
        let mut all = Vec::new();
        flatten("", &toml::from_str(config).unwrap(), &mut all);
        let mut found: Vec<String> = all
            .iter()
            .map(|Setting { column, value }| format!("{} {} {}", column.name, column.kind, value.value()))
            .collect();
        found.sort();
        assert_eq!(
            found,
            [
                "config_corpus_short a real number 0",
                "config_heads2_resamples a whole number 1000",
                "config_heads_attention true or false true",
                "config_seed a whole number 3",
                "config_treebank_evaluate text [\"a\",\"b\"]",
                "config_treebank_merge text mean",
            ]
        );
    }
}
