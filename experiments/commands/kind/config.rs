//! The config that the arguments of a kind's command make.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail, ensure};
use toml::{Table, Value};

use crate::cli::KindArgs;
use crate::cli::nearest::nearest;
use crate::config::{DescribedKey, display_name_of};
use crate::kinds::{Experiment, Reads};
use crate::sources::fetch::{RELEASES, TreebankName};

/// A config as text, and the name of its run.
#[derive(Debug, PartialEq, Eq)]
pub struct Given {
    pub name: String,
    pub text: String,
}

/// The sample treebank's name, and its splits: to learn or choose on, to report on, and what has coreference.
const SAMPLE: &str = "sample";
const SAMPLE_SPLITS: [&str; 3] = ["sample:select", "sample:evaluate", "sample:coref"];

/// The tables of a config, in the order in which they are written.
#[derive(Default)]
struct Config {
    top: Table,
    tables: Vec<(String, Table)>,
    experiment: Table,
}

/// The config; `own` are the kind's keys that were given, as they stand on the command line.
pub fn of(kind: &str, args: &KindArgs, own: &[(&DescribedKey, &str)]) -> Result<Given> {
    let mut config = Config::default();
    config.set("model", if Path::new(&args.model).is_dir() { "path" } else { "name" }, args.model.as_str().into());
    let splits = splits(kind, args)?;
    for (split, files) in [("train", &splits.train), ("select", &splits.select), ("evaluate", &splits.evaluate)] {
        if !files.is_empty() {
            config.set("treebank", split, list(files));
        }
    }
    if !args.corpus.is_empty() {
        config.set("corpus", "files", list(&args.corpus));
    }
    if splits.in_folds {
        config.experiment.insert("selection".to_owned(), "folds".into());
    }
    for (key, text) in own {
        let value = value_like(&key.default, text).with_context(|| format!("--{}", key.last().replace('_', "-")))?;
        config.experiment.insert(key.last().to_owned(), value);
    }
    for set in &args.sets {
        config.assign(kind, set)?;
    }
    let name = match (&args.name, config.top.get("name")) {
        (Some(name), _) => name.clone(),
        (None, Some(Value::String(name))) => name.clone(),
        (None, _) => run_name(kind, args, &splits),
    };
    config.top.insert("name".to_owned(), name.as_str().into());
    let text = config.text(kind, &name);
    Ok(Given { name, text })
}

impl Config {
    fn set(&mut self, table: &str, key: &str, value: Value) {
        self.table(table).insert(key.to_owned(), value);
    }

    fn table(&mut self, name: &str) -> &mut Table {
        let at = self.tables.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.tables.push((name.to_owned(), Table::new()));
            self.tables.len() - 1
        });
        &mut self.tables[at].1
    }

    /// `--set KEY=VALUE`; a key of the kind's own table is one of the experiment.
    fn assign(&mut self, kind: &str, set: &str) -> Result<()> {
        let (key, text) = set.split_once('=').ok_or_else(|| {
            anyhow!("--set {set}: expected key=value, for example --set seed=2 or --set treebank.granularity=universal")
        })?;
        let value = toml_value(text.trim()).unwrap_or_else(|| text.trim().into());
        let names: Vec<&str> = key.trim().split('.').collect();
        ensure!(names.iter().all(|name| !name.is_empty()), "--set {set}: `{key}` is not a key");
        let (table, rest) = match names.as_slice() {
            [key] => (&mut self.top, vec![*key]),
            ["experiment", "0", rest @ ..] | [_, rest @ ..] if names[0] == "experiment" || names[0] == kind => {
                (&mut self.experiment, rest.to_vec())
            }
            [table, rest @ ..] => (self.table(table), rest.to_vec()),
            [] => bail!("--set {set}: no key"),
        };
        insert(table, &rest, value);
        Ok(())
    }

    /// As a file.
    fn text(&self, kind: &str, name: &str) -> String {
        let mut text = format!("# The same as a file: headlight run {name}.toml\n{}", lines("", &self.top));
        for (name, table) in &self.tables {
            text.push_str(&format!("\n[{name}]\n{}", lines("", table)));
        }
        text.push_str(&format!("\n[[experiment]]\nkind = {}\n{}", Value::from(kind), lines("", &self.experiment)));
        text
    }
}

/// A line for each key, dotted where tables lie in each other.
fn lines(before: &str, table: &Table) -> String {
    let line = |(key, value): (&String, &Value)| match value {
        Value::Table(inner) => lines(&format!("{before}{key}."), inner),
        value => format!("{before}{key} = {value}\n"),
    };
    table.iter().map(line).collect()
}

fn insert(table: &mut Table, names: &[&str], value: Value) {
    match names {
        [] => {}
        [key] => drop(table.insert((*key).to_owned(), value)),
        [key, rest @ ..] => {
            let inner = table.entry((*key).to_owned()).or_insert_with(|| Table::new().into());
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

fn list(texts: &[String]) -> Value {
    Value::Array(texts.iter().map(|text| text.as_str().into()).collect())
}

/// A text as TOML reads it; `None` where it is none.
fn toml_value(text: &str) -> Option<Value> {
    format!("value = {text}").parse::<Table>().ok()?.remove("value")
}

/// A value of the type that a key's default has: of a list all that commas separate, of a text the text itself.
fn value_like(default: &str, text: &str) -> Result<Value> {
    Ok(match toml_value(default) {
        Some(Value::Array(_)) => match toml_value(text) {
            Some(Value::Array(items)) => Value::Array(items),
            _ => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::Array(items.map(|item| toml_value(item).unwrap_or_else(|| item.into())).collect())
            }
        },
        Some(Value::String(_)) => text.into(),
        _ => toml_value(text).ok_or_else(|| anyhow!("{text:?} is no value like the default, {default}"))?,
    })
}

/// The files of each split.
#[derive(Default)]
struct Splits {
    train: Vec<String>,
    select: Vec<String>,
    evaluate: Vec<String>,
    /// Whether heads are chosen on one half of `evaluate` for the other, since there is nothing else.
    in_folds: bool,
}

/// What a treebank is for: to learn or choose on, and to report on.
struct Parts {
    first: Vec<String>,
    second: Vec<String>,
}

fn splits(kind: &str, args: &KindArgs) -> Result<Splits> {
    let reads = Experiment::reads(kind);
    let is_coreference = reads == Reads::Documents;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for treebank in &args.treebank {
        let parts = parts(treebank, is_coreference)?;
        first.extend(parts.first);
        second.extend(parts.second);
    }
    let evaluate: Vec<String> = match args.evaluate.is_empty() {
        true => second,
        false => {
            let parts = args.evaluate.iter().map(|treebank| parts(treebank, is_coreference));
            let parts = parts.collect::<Result<Vec<Parts>>>()?.into_iter();
            parts.flat_map(|parts| if parts.second.is_empty() { parts.first } else { parts.second }).collect()
        }
    };
    let mut splits = Splits { train: args.train.clone(), select: args.select.clone(), evaluate, in_folds: false };
    let has_own = |files: &[String]| !files.is_empty();
    match reads {
        Reads::Pairs => {
            splits.evaluate.clear();
            if !has_own(&splits.select) {
                splits.select = first;
            }
            return Ok(splits);
        }
        Reads::Text => {
            if splits.evaluate.is_empty() {
                splits.evaluate = first;
            }
            let any = has_own(&splits.evaluate) || has_own(&args.corpus);
            ensure!(any, "`headlight {kind}` needs text: --treebank NAME or FILE, or --corpus FILE");
            return Ok(splits);
        }
        Reads::Learned | Reads::Chosen | Reads::Documents => {}
    }
    if reads == Reads::Learned {
        if !has_own(&splits.train) {
            splits.train = first;
        }
        ensure!(
            has_own(&splits.train),
            "`headlight {kind}` needs sentences to learn on: --treebank NAME or FILE (such as UD_English-EWT, sample, or \
             my.conllu), or --train FILE"
        );
        ensure!(
            has_own(&splits.evaluate),
            "`headlight {kind}` learns on --treebank and is scored on other sentences: --evaluate FILE"
        );
        return Ok(splits);
    }
    if !has_own(&splits.evaluate) {
        splits.evaluate = first;
        splits.in_folds = !has_own(&splits.select);
    } else if !has_own(&splits.select) {
        splits.in_folds = first.is_empty();
        splits.select = first;
    }
    ensure!(
        has_own(&splits.evaluate),
        "`headlight {kind}` needs sentences: --treebank NAME or FILE, such as UD_English-EWT, sample, or my.conllu"
    );
    Ok(splits)
}

/// A treebank by its name, all of it: a release, the sample. A file, or one split by name, is only one of the parts.
fn parts(treebank: &str, is_coreference: bool) -> Result<Parts> {
    let one = |text: &str| vec![text.to_owned()];
    let [select, evaluate, coreference] = SAMPLE_SPLITS;
    let path = Path::new(treebank);
    if treebank.starts_with("ud:") || treebank.starts_with("sample:") || path.is_file() {
        return Ok(Parts { first: one(treebank), second: Vec::new() });
    }
    if treebank == SAMPLE {
        return Ok(match is_coreference {
            true => Parts { first: one(coreference), second: Vec::new() },
            false => Parts { first: one(select), second: one(evaluate) },
        });
    }
    if treebank.starts_with("UD_") {
        TreebankName::from_str(treebank)?;
        return Ok(Parts { first: one(&format!("ud:{treebank}/train")), second: one(&format!("ud:{treebank}/dev")) });
    }
    ensure!(!path.is_dir(), "{treebank} is a folder; name its files, each by a --treebank of its own");
    let near = nearest(treebank, [SAMPLE, "UD_English-EWT"]).map(|near| format!("; did you mean {near}?"));
    bail!(
        "there is no file {treebank}{} A treebank is a file, sample, or a release of UD {} by its name, such as \
         UD_English-EWT",
        near.as_deref().unwrap_or("."),
        RELEASES[0].0
    )
}

/// `heads-minilm-l6-en_ewt`
fn run_name(kind: &str, args: &KindArgs, splits: &Splits) -> String {
    let model = Path::new(&args.model).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = [&splits.evaluate, &splits.train, &splits.select, &args.corpus];
    let files = files.into_iter().find(|files| !files.is_empty()).cloned().unwrap_or_default();
    let text = display_name_of(&files);
    let safe =
        |character: char| if character.is_alphanumeric() || "-_.+".contains(character) { character } else { '-' };
    let name = [kind, &model, &text].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    name.chars().map(safe).take(MOST_CHARACTERS).collect()
}

/// Of a run's name.
const MOST_CHARACTERS: usize = 60;
