//! The experiment kinds: one module each. A new kind is a module with a type that implements [`Kind`], a line in
//! `kinds!` and a section with its defaults in `configs/base.toml`. A kind knows no other: what several need is in
//! [`shared`].

mod clusters;
mod coreference;
mod ensembles;
mod heads;
mod importance;
mod pairs;
pub mod probe;
mod pruning;
pub mod shared;
mod structural;
mod surface;
mod trees;

use anyhow::Result;
use figment::value::Value;
use serde::{Deserialize, Serialize};

use crate::config::{Section, Settings};
use crate::run::{Ask, Outcome, Run};

/// What a kind reads, where a command is to find that out from the name of a treebank (`headlight heads --treebank T`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// `treebank.train` to learn on, `treebank.evaluate` to be scored on.
    Learned,
    /// `treebank.select` to choose on, `treebank.evaluate` to report on; or halves of that (its key `selection`).
    Chosen,
    /// Likewise, and coreference in it.
    Documents,
    /// Text without trees: `corpus.files`, or the sentences of `treebank.evaluate`.
    Text,
    /// Files of pairs, a key of its own, and `treebank.select` where heads are chosen by relations.
    Pairs,
}

/// What a kind brings. The implementing type holds the kind's keys, all of them with defaults in base.toml.
pub trait Kind: Serialize + for<'de> Deserialize<'de> {
    /// What it reads.
    const READS: Reads;

    /// Keys that hold paths, to be resolved against the file that wrote them.
    const PATHS: &'static [&'static str] = &[];

    /// Why this experiment and another of its kind cannot stand in one config.
    fn clash(&self, _other: &Self) -> Option<&'static str> {
        Some("two experiments of this kind would write the same tables; [sweep] runs one with several values")
    }

    /// What is wrong with the keys, alone or together with the rest of the config. Runs before any work is done.
    ///
    /// # Errors
    /// The first thing that is wrong.
    fn check(&self, config: &Settings) -> Result<()>;

    /// What it asks of the passes of the run, so that kinds that read the same share them. What it does not ask here, or asks
    /// of a stream only later, it fills itself by the same readers.
    ///
    /// # Errors
    /// When what is asked cannot be named: a model or a file that cannot be read.
    fn asks(&self, _run: &mut Run) -> Result<Vec<Ask>> {
        Ok(Vec::new())
    }

    /// Does the work: writes tables into the run's folder and says what came out.
    ///
    /// # Errors
    /// Whatever stops it. What a later call can go on from stays in the run's work folder.
    fn run(&self, run: &mut Run) -> Result<Outcome>;
}

/// Declares [`Experiment`], a variant for each kind.
macro_rules! kinds {
    ($($name:literal => $variant:ident($type:ty)),+ $(,)?) => {
        /// One `[[experiment]]` of a config.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Experiment {
            $(#[doc = concat!("`kind = \"", $name, "\"`")] #[serde(rename = $name)] $variant($type)),+
        }

        impl Experiment {
            /// The kind's name.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),+ }
            }

            /// What a kind reads; see [`Reads`].
            pub fn reads(kind: &str) -> Reads {
                match kind { $($name => <$type as Kind>::READS,)+ _ => Reads::Text }
            }

            /// See [`Kind::clash`]; experiments of different kinds never clash.
            pub fn clash(&self, other: &Self) -> Option<&'static str> {
                match (self, other) {
                    $((Self::$variant(keys), Self::$variant(other)) => Kind::clash(keys, other),)+
                    _ => None,
                }
            }

            /// See [`Kind::check`].
            pub fn check(&self, config: &Settings) -> Result<()> {
                match self { $(Self::$variant(keys) => Kind::check(keys, config)),+ }
            }

            /// See [`Kind::asks`].
            pub fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
                match self { $(Self::$variant(keys) => Kind::asks(keys, run)),+ }
            }

            /// See [`Kind::run`].
            pub fn run(&self, run: &mut Run) -> Result<Outcome> {
                match self { $(Self::$variant(keys) => Kind::run(keys, run)),+ }
            }
        }

        impl Section for Experiment {
            const KINDS: &'static [&'static str] = &[$($name),+];

            fn paths(kind: &str) -> &'static [&'static str] {
                match kind { $($name => <$type as Kind>::PATHS,)+ _ => &[] }
            }

            fn readers(key: &str) -> Option<&'static [&'static str]> {
                readers(key)
            }

            fn from_value(kind: &str, keys: &Value) -> Result<Self, Box<figment::Error>> {
                match kind {
                    $($name => <$type>::deserialize(keys).map(Self::$variant).map_err(Box::new),)+
                    other => Err(Box::new(figment::Error::from(format!("no experiment kind {other:?}")))),
                }
            }
        }
    };
}

kinds! {
    "heads" => Heads(heads::Heads),
    "probe" => Probe(probe::Probe),
    "structural" => Structural(structural::Structural),
    "surface" => Surface(surface::Surface),
    "clusters" => Clusters(clusters::Clusters),
    "coreference" => Coreference(coreference::Coreference),
    "importance" => Importance(importance::Importance),
    "pairs" => Pairs(pairs::Pairs),
    "pruning" => Pruning(pruning::Pruning),
    "trees" => Trees(trees::Trees),
    "ensembles" => Ensembles(ensembles::Ensembles),
}

/// See [`Section::readers`]: what a kind does not read, it would ignore in silence.
fn readers(key: &str) -> Option<&'static [&'static str]> {
    const TEXT: &[&str] = &["surface", "clusters", "importance", "pruning"];
    Some(match key {
        "model.attention" => {
            &["heads", "probe", "surface", "clusters", "coreference", "pruning", "pairs", "trees", "ensembles"]
        }
        "treebank.granularity" => &["heads", "probe", "clusters", "pairs", "pruning", "trees", "ensembles"],
        "treebank.max_document" => &["coreference"],
        "treebank.merge" => &["heads", "probe", "clusters", "coreference", "pruning", "pairs", "trees", "ensembles"],
        "treebank.unit" => &["heads", "probe", "structural", "trees", "ensembles", "importance", "pruning"],
        "roles.next" | "roles.previous" | "roles.entropy" | "roles.cls" | "roles.sep" | "roles.punctuation" => {
            &["surface", "clusters"]
        }
        "roles.positional" | "roles.syntactic" | "roles.relations" | "roles.min_total" => &["clusters"],
        _ if key.starts_with("corpus.") => TEXT,
        _ => return None,
    })
}

impl Experiment {
    /// The keys, where the kind is `probe`.
    pub fn as_probe(&self) -> Option<&probe::Probe> {
        if let Experiment::Probe(keys) = self { Some(keys) } else { None }
    }
}
