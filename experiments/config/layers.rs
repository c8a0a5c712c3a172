//! From layers of TOML to resolved [`Settings`] and experiments.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Deserialize;

use super::place::{Place, places};
use super::sweep::Variant;
use super::{Settings, applied, labels, paths, sweep, unknown};
use crate::cli::nearest::nearest;

/// The first layer: every key with its default.
pub const BASE: &str = include_str!("../../configs/base.toml");

/// Configs that are part of the binary, by the name that `headlight run NAME` takes.
pub const BUNDLED: &[(&str, &str)] = &[
    ("quickstart", include_str!("../../configs/quickstart.toml")),
    ("clark2019/figure3", include_str!("../../configs/clark2019/figure3.toml")),
    ("clark2019/heads-ewt", include_str!("../../configs/clark2019/heads-ewt.toml")),
    ("clark2019/heads-wsj", include_str!("../../configs/clark2019/heads-wsj.toml")),
    ("clark2019/surface", include_str!("../../configs/clark2019/surface.toml")),
    ("clark2019/coreference-gum", include_str!("../../configs/clark2019/coreference-gum.toml")),
    ("clark2019/coreference-conll2012", include_str!("../../configs/clark2019/coreference-conll2012.toml")),
    ("clark2019/probes-ewt", include_str!("../../configs/clark2019/probes-ewt.toml")),
    ("clark2019/probes-wsj", include_str!("../../configs/clark2019/probes-wsj.toml")),
];

/// Where the second layer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// One of [`BUNDLED`], as (name, text).
    Bundled(&'static str, &'static str),
    /// What a command's arguments say, as (name, text); its paths are relative to the current folder.
    Given(String, String),
}

impl Source {
    /// What `headlight run ARGUMENT` means: a file if there is one, else a bundled config.
    ///
    /// # Errors
    /// When it is neither.
    pub fn find(argument: &str) -> Result<Self> {
        let path = Path::new(argument);
        if path.is_file() {
            return Ok(Self::File(path.to_path_buf()));
        }
        if let Some((name, text)) = BUNDLED.iter().find(|(name, _)| *name == argument) {
            return Ok(Self::Bundled(name, text));
        }
        let names = || BUNDLED.iter().map(|(name, _)| *name);
        let near = nearest(argument, names()).map(|name| format!("; did you mean {name}")).unwrap_or_default();
        bail!("no config file {argument}{near}; configs inside the binary: {}", names().collect::<Vec<_>>().join(", "))
    }

    fn text(&self) -> Result<String> {
        match self {
            Self::File(path) => {
                let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                String::from_utf8(bytes).map_err(|_| anyhow!("{} is not UTF-8 text", path.display()))
            }
            Self::Bundled(_, text) => Ok((*text).to_owned()),
            Self::Given(_, text) => Ok(text.clone()),
        }
    }

    fn metadata(&self) -> Metadata {
        match self {
            Self::File(path) => Metadata::from("config", path.as_path()),
            Self::Bundled(name, _) => Metadata::named(format!("bundled config {name}")),
            Self::Given(..) => Metadata::named("the arguments"),
        }
    }

    /// In words, for errors: `config a/b.toml`.
    pub fn describe(&self) -> String {
        describe(&self.metadata())
    }

    /// The run's name where the config gives none.
    fn stem(&self) -> String {
        match self {
            Self::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Bundled(name, _) => name.replace('/', "-"),
            Self::Given(name, _) => name.clone(),
        }
    }
}

/// What this floor knows of experiments: each is a table with a `kind`, whose defaults stand in the section of that name.
pub trait Section: Sized {
    /// The names of all kinds.
    const KINDS: &'static [&'static str];

    /// The keys of a kind that hold paths.
    fn paths(kind: &str) -> &'static [&'static str];

    /// The kinds that a key outside their sections says something to; `None` where it is all of them.
    fn readers(key: &str) -> Option<&'static [&'static str]>;

    /// Reads the keys of a kind from a table without `kind`.
    ///
    /// # Errors
    /// When a key is missing or has the wrong type.
    fn from_value(kind: &str, keys: &Value) -> Result<Self, Box<figment::Error>>;
}

/// Who wrote a value; later ones win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// `configs/base.toml`.
    Base,
    /// The named config.
    Config,
    /// `--set`, all of them alike.
    Set,
    /// One value of a list in `[sweep]`.
    Sweep,
}

/// One layer on its way into figment: a table and who wrote it.
struct Written {
    metadata: Metadata,
    table: Dict,
}

impl Provider for Written {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.table.clone()))
    }
}

/// Name of the figment metadata of the first layer.
const BASE_NAME: &str = "base.toml";
/// Name of the figment metadata of `--set` layers.
const SET: &str = "--set";
/// Where `--set experiment.0.key=…` waits while figment merges, since figment replaces arrays as a whole.
const SET_EXPERIMENTS: &str = "experiment set on the command line";

/// A config that has been resolved.
pub struct Resolved<E> {
    /// Everything but the experiments.
    pub settings: Settings,
    /// What is done, in order.
    pub experiments: Vec<E>,
    /// Its place among the runs of a sweep, where it is one.
    pub place: Option<Place>,
}

/// Resolves the config of `source` with `--set` assignments (`key=value`, later ones win): settings and experiments once, or
/// for each combination of what `[sweep]` lists. `is_unproven` tells the names of models that could be obtained, and that no
/// checksum tells from a folder's.
///
/// # Errors
/// When a layer is not TOML, or holds an unknown key or a value of the wrong type; each error names the key and the
/// layer that wrote it.
pub fn load<E: Section>(source: &Source, sets: &[String], is_unproven: fn(&str) -> bool) -> Result<Vec<Resolved<E>>> {
    let base = parse(BASE).context("configs/base.toml")?;
    let file = parse(&source.text()?).with_context(|| source.describe())?;
    let mut figment = Figment::from(Written { metadata: Metadata::named(BASE_NAME), table: base.clone() })
        .merge(Written { metadata: source.metadata(), table: file });
    for set in sets {
        figment = figment.merge(assignment(set)?);
    }
    let Value::Dict(_, mut root) = figment.find_value("")? else { unreachable!("layers are tables") };
    let origin = Origin { figment: &figment };
    let swept = root.remove("sweep").filter(|sweep| sweep.as_dict().is_none_or(|table| !table.is_empty()));
    let is_sweep = swept.is_some();
    let variants = sweep::variants(swept, &origin)?;
    let mut configs = Vec::new();
    for variant in &variants {
        let (settings, experiments) =
            resolve(variant.apply(&root, &origin)?, &base, source, variant, &origin, is_unproven)?;
        configs.push(Resolved { settings, experiments, place: None });
    }
    for (at, Resolved { settings, .. }) in configs.iter().enumerate() {
        if configs[..at].iter().any(|before| before.settings.name == settings.name) {
            bail!("[sweep] in {} gives two runs the name {}", source.describe(), settings.name);
        }
    }
    if is_sweep {
        let settings: Vec<&Settings> = configs.iter().map(|config| &config.settings).collect();
        let places = places(&variants, &settings).with_context(|| format!("[sweep] in {}", source.describe()))?;
        configs.iter_mut().zip(places).for_each(|(config, place)| config.place = Some(place));
    }
    Ok(configs)
}

fn parse(text: &str) -> Result<Dict> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        anyhow!("line {line}: {}", error.message().replace('\n', "; "))
    })?;
    match Value::serialize(table)? {
        Value::Dict(_, dict) => Ok(dict),
        _ => unreachable!("a TOML document is a table"),
    }
}

/// `key=value` as a layer. The value is TOML where it reads as such, else a text: `name=x` needs no quotes.
fn assignment(set: &str) -> Result<Written> {
    let (key, text) = set.split_once('=').ok_or_else(|| {
        anyhow!("--set {set}: expected key=value, for example --set seed=2 or --set treebank.granularity=universal")
    })?;
    let (key, text) = (key.trim(), text.trim());
    let value = match format!("value = {text}").parse::<toml::Table>() {
        Ok(mut table) => table.remove("value").expect("the line above wrote it"),
        Err(_) => toml::Value::String(text.to_owned()),
    };
    let table = nested(key, Value::serialize(value)?).with_context(|| format!("--set {set}"))?;
    Ok(Written { metadata: Metadata::named(SET), table })
}

/// A table that holds a value at a dotted key.
pub(super) fn nested(key: &str, value: Value) -> Result<Dict> {
    let mut names: Vec<&str> = key.split('.').collect();
    anyhow::ensure!(names.iter().all(|name| !name.is_empty()), "`{key}` is not a key");
    if names.len() > 2 && names[0] == "experiment" {
        let rest = names[1..].join(".");
        anyhow::ensure!(
            names[1].parse::<usize>().is_ok(),
            "`experiment` is a list; count from 0, as in experiment.0.{rest}"
        );
        names[0] = SET_EXPERIMENTS;
    }
    let table = names
        .iter()
        .rev()
        .fold(value, |value, name| Value::Dict(Tag::Default, Dict::from([((*name).to_owned(), value)])));
    let Value::Dict(_, table) = table else { unreachable!("a key has at least one part") };
    Ok(table)
}

fn resolve<E: Section>(
    mut root: Dict,
    base: &Dict,
    source: &Source,
    variant: &Variant,
    origin: &Origin<'_>,
    is_unproven: fn(&str) -> bool,
) -> Result<(Settings, Vec<E>)> {
    let mut experiments = match root.remove("experiment") {
        None => Vec::new(),
        Some(Value::Array(_, elements)) => elements,
        Some(other) => {
            bail!("`experiment` in {} is not a list of tables: write [[experiment]] with a `kind`", origin.of(&other))
        }
    };
    if let Some(Value::Dict(_, sets)) = root.remove(SET_EXPERIMENTS) {
        for (number, set) in sets {
            let index: usize = number.parse()?;
            let count = experiments.len();
            let element = experiments.get_mut(index).ok_or_else(|| {
                anyhow!("--set experiment.{number}: the config has {count} experiments, counted from 0")
            })?;
            overlay(element, set);
        }
    }
    unknown::check(&root, base, origin)?;
    let mut sections = Vec::new();
    for name in E::KINDS {
        sections.push((*name, root.remove(*name)));
    }
    let mut merged = Vec::new();
    for (number, element) in experiments.into_iter().enumerate() {
        let place = format!("experiment.{number}");
        let kind = kind_of::<E>(&element, &place, origin)?;
        let section = sections.iter().find(|(name, _)| *name == kind).and_then(|(_, section)| section.clone());
        let Value::Dict(_, mut keys) = with_defaults(element, section, origin) else { unreachable!("it has a kind") };
        keys.remove("kind");
        unknown::check_section(&keys, base, kind, &place, origin)?;
        merged.push((kind, keys));
    }
    let kept: Vec<(&str, &Dict)> = merged.iter().map(|(kind, keys)| (*kind, keys)).collect();
    variant.check(&kept, E::KINDS, origin)?;
    let kinds: Vec<&str> = kept.iter().map(|(kind, _)| *kind).collect();
    applied::check::<E>(&root, &sections, &kinds, base, origin)?;
    let mut resolved = Vec::new();
    for (number, (kind, mut keys)) in merged.into_iter().enumerate() {
        paths::resolve(&mut keys, E::paths(kind), origin)?;
        let (place, keys) = (format!("experiment.{number}"), Value::from(keys));
        resolved.push(E::from_value(kind, &keys).map_err(|error| origin.explain(&error, &keys, &place))?);
    }
    labels::settle(&mut root, &variant.keys(), origin, is_unproven)?;
    paths::resolve_all(&mut root, origin)?;
    let mut settings = plain(&root, origin)?;
    if settings.name.is_empty() {
        settings.name = source.stem();
    }
    settings.name.push_str(&variant.suffix);
    Ok((settings, resolved))
}

/// The kind that an `[[experiment]]` table names.
fn kind_of<E: Section>(element: &Value, place: &str, origin: &Origin<'_>) -> Result<&'static str> {
    let kinds = || E::KINDS.join(", ");
    let table = element.as_dict().ok_or_else(|| {
        anyhow!("`{place}` in {} is not a table: write [[experiment]] with a `kind`", origin.of(element))
    })?;
    let Some(kind) = table.get("kind") else {
        bail!("`{place}` in {} has no `kind`; kinds: {}", origin.of(element), kinds());
    };
    let text = kind.as_str().ok_or_else(|| anyhow!("`{place}.kind` in {} is not a text", origin.of(kind)))?;
    E::KINDS.iter().find(|name| **name == text).copied().ok_or_else(|| {
        let near = nearest(text, E::KINDS.iter().copied());
        let hint = near.map_or_else(|| format!("kinds: {}", kinds()), |near| format!("did you mean {near:?}?"));
        anyhow!("`{place}.kind` in {} is {text:?}; {hint}", origin.of(kind))
    })
}

/// Writes the keys of `over` into `under`.
pub(super) fn overlay(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Dict(_, under), Value::Dict(_, over)) => {
            for (key, value) in over {
                match under.get_mut(&key) {
                    Some(slot) => overlay(slot, value),
                    None => {
                        under.insert(key, value);
                    }
                }
            }
        }
        (slot, over) => *slot = over,
    }
}

/// An experiment's own keys over those of its kind's section. What `--set` wrote into the section wins over what a file
/// wrote into the experiment.
fn with_defaults(element: Value, section: Option<Value>, origin: &Origin<'_>) -> Value {
    let (Value::Dict(_, mut element), Some(Value::Dict(tag, section))) = (element.clone(), section) else {
        return element;
    };
    element.retain(|key, own| {
        let set_for_all = section.get(key).is_some_and(|value| origin.is_set(value));
        origin.is_set(own) || !set_for_all
    });
    let mut merged = Value::Dict(tag, section);
    overlay(&mut merged, Value::Dict(tag, element));
    merged
}

/// All but the experiments, which are read one by one so that errors can name their place.
fn plain(root: &Dict, origin: &Origin<'_>) -> Result<Settings> {
    let mut root = root.clone();
    let mut table = |key: &str| root.remove(key).unwrap_or_else(|| Value::Dict(Tag::Default, Dict::new()));
    Ok(Settings {
        name: typed(&table("name"), "name", origin)?,
        seed: typed(&table("seed"), "seed", origin)?,
        threads: typed(&table("threads"), "threads", origin)?,
        model: typed(&table("model"), "model", origin)?,
        treebank: typed(&table("treebank"), "treebank", origin)?,
        corpus: typed(&table("corpus"), "corpus", origin)?,
        roles: typed(&table("roles"), "roles", origin)?,
        cache: typed(&table("cache"), "cache", origin)?,
        submit: typed(&table("submit"), "submit", origin)?,
    })
}

fn typed<'de, T: Deserialize<'de>>(value: &Value, place: &str, origin: &Origin<'_>) -> Result<T> {
    T::deserialize(value).map_err(|error| origin.explain(&error, value, place))
}

/// Who wrote a value.
pub struct Origin<'a> {
    figment: &'a Figment,
}

impl Origin<'_> {
    /// In words: `--set`, `config a/b.toml`.
    pub fn of(&self, value: &Value) -> String {
        self.figment.get_metadata(value.tag()).map_or_else(|| "the config".to_owned(), describe)
    }

    /// The folder of the file that wrote a value; `None` for values from elsewhere.
    pub fn folder(&self, value: &Value) -> Option<PathBuf> {
        let file = self.figment.get_metadata(value.tag())?.source.as_ref()?.file_path()?;
        Some(file.parent().map(Path::to_path_buf).unwrap_or_default())
    }

    /// The layer that wrote a value, which no sweep has touched.
    pub(super) fn layer(&self, value: &Value) -> Layer {
        match self.figment.get_metadata(value.tag()).map(|metadata| metadata.name.as_ref()) {
            None | Some(BASE_NAME) => Layer::Base,
            Some(SET) => Layer::Set,
            Some(_) => Layer::Config,
        }
    }

    fn is_set(&self, value: &Value) -> bool {
        self.layer(value) == Layer::Set
    }

    /// A deserialization error with the key's full name and its writer.
    fn explain(&self, error: &figment::Error, value: &Value, place: &str) -> anyhow::Error {
        let key = std::iter::once(place).chain(error.path.iter().map(String::as_str)).collect::<Vec<_>>().join(".");
        let culprit = error.path.iter().try_fold(value, |value, step| match value {
            Value::Dict(_, dict) => dict.get(step),
            Value::Array(_, elements) => elements.get(step.parse::<usize>().ok()?),
            _ => None,
        });
        anyhow!("`{key}` in {}: {}", self.of(culprit.unwrap_or(value)), error.kind)
    }
}

fn describe(metadata: &Metadata) -> String {
    match metadata.source.as_ref().and_then(|source| source.file_path()) {
        Some(path) => format!("{} {}", metadata.name, path.display()),
        None => metadata.name.to_string(),
    }
}
