//! What a figure rests on, in a line below it: which sentences, how many, and where heads were chosen.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::format::count;
use crate::kinds::pruning::RestsOn;
use crate::kinds::shared::Sequences;
use crate::run::RunDirectory;
use crate::selection::Selection;

/// What kind of numbers a figure shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Basis {
    /// Of heads that were chosen, by the kind of the experiment.
    Chosen(&'static str),
    /// Of probes that were trained.
    Trained,
    /// Of text, where nothing was chosen, by the kind of the experiment.
    Text(&'static str),
    /// The figure itself says of how many.
    Said,
}

/// Beginnings of the names of figures, and what those rest on.
const NAMES: [(&str, Basis); 13] = [
    ("probe", Basis::Trained),
    ("structural", Basis::Trained),
    ("tree", Basis::Chosen("trees")),
    ("ensemble", Basis::Chosen("ensembles")),
    ("coreference", Basis::Chosen("coreference")),
    ("surface", Basis::Text("surface")),
    ("importance", Basis::Text("importance")),
    ("pruning", Basis::Text("pruning")),
    ("ablation", Basis::Text("pruning")),
    ("pairs", Basis::Said),
    ("differences", Basis::Said),
    ("lengths", Basis::Chosen("heads")),
    ("null-models", Basis::Chosen("heads")),
];

impl Basis {
    /// By the name of a figure, or of what the page shows.
    pub(super) fn of(name: &str) -> Self {
        NAMES.iter().find(|(start, _)| name.starts_with(start)).map_or(Basis::Chosen("heads"), |(_, basis)| *basis)
    }

    /// In words; where the run does not say, no more than the model.
    pub(super) fn note(self, run: &RunDirectory) -> String {
        let report = run.report();
        let model = report.model.display_name();
        let split = |name: &str| report.treebank.splits.iter().find(|split| split.split == name);
        let sentences = |name: &str| split(name).map(|split| format!("{} sentences", count(split.sentences)));
        let evaluated = split("evaluate").map(|split| {
            let name = &report.treebank.name;
            format!("{name}, {} sentences, {} words", count(split.sentences), count(split.words))
        });
        let on = |what: Option<String>| what.map_or_else(|| model.clone(), |what| format!("{model} on {what}"));
        match self {
            Basis::Chosen(kind) => {
                let stated: Option<Selection> = fact(run, kind, "selection");
                let selection = stated.unwrap_or(report.conventions.selection);
                let size = match selection {
                    Selection::Separate => sentences("select").map(|size| format!(" ({size})")).unwrap_or_default(),
                    Selection::Folds | Selection::Same => String::new(),
                };
                format!("{}; heads {}{size}.", on(evaluated), selection.chosen_where().replace('`', ""))
            }
            Basis::Trained => {
                let size = sentences("train").map(|size| format!("; trained on {size}")).unwrap_or_default();
                format!("{}{size}.", on(evaluated))
            }
            Basis::Text(kind) => {
                let rests: Option<BTreeMap<String, RestsOn>> = fact(run, kind, "rests_on");
                let rests = rests.and_then(|rests| rests.into_values().next());
                let of: Option<String> = fact(run, kind, "corpus");
                let sample = rests.zip(of).map(|(rests, of)| format!("{} {}s of {of}", count(rests.units), rests.unit));
                format!("{}.", on(sample.or_else(|| Some(sequences(run, kind)?.what())).or(evaluated)))
            }
            Basis::Said => format!("{model}."),
        }
    }
}

/// A fact of the first experiment of a kind.
fn fact<T: DeserializeOwned>(run: &RunDirectory, kind: &str, name: &str) -> Option<T> {
    let experiment = run.report().experiments.iter().find(|experiment| experiment.kind == kind)?;
    serde_json::from_value(experiment.facts.get(name)?.clone()).ok()
}

/// The text that a kind read.
fn sequences(run: &RunDirectory, kind: &str) -> Option<Sequences> {
    let experiment = run.report().experiments.iter().find(|experiment| experiment.kind == kind)?;
    let read: Option<Sequences> = serde_json::from_value(serde_json::to_value(&experiment.facts).ok()?).ok();
    read.filter(|read| read.sequences > 0)
}
