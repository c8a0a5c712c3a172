//! Which heads are alike, and what they do.

mod page;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shared::{Sequences, head, listed, number};
use super::{Experiment, Kind};
use crate::explorer::Explorer;
use crate::format::count;
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::{Cluster, HeadDistance, Role};

pub(crate) use page::{Head, label, on_map};

/// `kind = "clusters"`
pub(crate) struct Clusters;

/// What `kind = "clusters"` leaves beside its tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// What was read.
    #[serde(flatten)]
    pub seen: Sequences,
    /// Raw stress of the plane.
    #[serde(deserialize_with = "number")]
    pub stress: f64,
    /// Kruskal's stress of the plane.
    #[serde(deserialize_with = "number")]
    pub stress_1: f64,
    /// Mean distance in nats per row between the heads of each layer; `None` of one head.
    pub layers_within: Vec<Option<f64>>,
    /// That of each layer's heads to those of other layers; `None` of one layer.
    pub layers_between: Vec<Option<f64>>,
    /// The mergers of the hierarchy, in their order.
    pub hierarchy: Value,
    /// What the roles of heads are about, by head.
    pub roles: BTreeMap<String, String>,
    /// Whether the relations of syntactic heads were chosen on other sentences than the rule was applied on.
    pub roles_chosen_apart: bool,
}

impl Facts {
    /// The distances within each layer, and to others.
    fn layers(&self) -> impl Iterator<Item = (Option<f64>, Option<f64>)> {
        self.layers_within.iter().copied().zip(self.layers_between.iter().copied())
    }
}

impl Kind for Clusters {
    fn name(&self) -> &'static str {
        "clusters"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let (facts, model): (Facts, _) = (of.facts()?, of.report().mapped());
        let what = facts.seen.what();
        let mut findings = Vec::new();
        if model.layers > 1 && model.heads > 1 {
            let is_closer = |(within, between): &(Option<f64>, Option<f64>)| {
                within.zip(*between).is_some_and(|(within, between)| within < between)
            };
            findings.push(format!(
                "In {} of {} layers, heads are closer to each other than to heads of other layers ({what}).",
                facts.layers().filter(is_closer).count(),
                model.layers
            ));
        }
        let distances: Vec<HeadDistance> = of.rows()?;
        let nearest = distances.iter().min_by(|a, b| a.js_mean_per_row.total_cmp(&b.js_mean_per_row));
        findings.extend(nearest.map(|pair| {
            format!(
                "Of {} pairs of heads {} and {} are the most alike: {:.3} nats per row ({what}).",
                count(distances.len() as u64),
                head(pair.layer_a_index, pair.head_a_index),
                head(pair.layer_b_index, pair.head_b_index),
                pair.js_mean_per_row
            )
        }));
        let rows: Vec<Cluster> = of.rows()?;
        findings.extend(Role::ALL.into_iter().filter_map(|role| with_role(&rows, &facts, role)));
        Ok(findings)
    }

    fn warnings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let stress = of.facts::<Facts>()?.stress_1;
        let warning = || {
            format!(
                "The plane shows the distances of heads poorly (stress {stress:.2}): trust the table head_distances, not the \
                 picture."
            )
        };
        Ok((stress > 0.2).then(warning).into_iter().collect())
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        Ok(vec![layers_sheet(of, &of.facts()?), clusters_sheet(&of.rows()?)])
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        Ok(vec![("Behaviours, roles and clusters", clusters_sheet(&run.table_or_empty()?))])
    }

    fn sections(&self, run: &RunDirectory, _: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        Ok(page::map(&run.table_or_empty()?, run.report()).into_iter().collect())
    }
}

/// The heads that have a role, in a sentence; `None` without any.
fn with_role(rows: &[Cluster], facts: &Facts, role: Role) -> Option<String> {
    let heads = rows.iter().filter(|row| row.role == Some(role));
    let heads: Vec<String> = heads.map(|row| head(row.layer_index, row.head_index)).collect();
    let described = |head: &String| format!("{head} ({})", facts.roles.get(head).map_or(role.name(), String::as_str));
    let which = heads.iter().take(6).map(described).collect::<Vec<_>>().join(", ");
    let more = if heads.len() > 6 { ", …" } else { "" };
    let rests_on = match (role, facts.roles_chosen_apart) {
        (Role::Syntactic, true) => ", relations chosen on `select`, the rule applied on `evaluate`",
        (Role::Syntactic, false) => ", relations chosen and the rule applied on the same sentences",
        (Role::Positional, _) => "",
    };
    let (number, of) = (count(heads.len() as u64), count(rows.len() as u64));
    (!heads.is_empty()).then(|| format!("{number} of {of} heads are {role} by Voita's rules{rests_on}: {which}{more}."))
}

/// The mean distances within and between layers.
fn layers_sheet(of: &Experiment<'_>, facts: &Facts) -> Sheet {
    let title = format!("Divergence of heads in nats per row, {}", facts.seen.what());
    let mut sheet = Sheet::new(title, &[">layer", ">within", ">to other layers"]);
    let cell = |distance: Option<f64>| distance.map_or_else(|| "–".to_owned(), |distance| format!("{distance:.3}"));
    let row = |(layer, (within, between)): (usize, (Option<f64>, Option<f64>))| {
        vec![(layer + 1).to_string().into(), cell(within).into(), cell(between).into()]
    };
    sheet.groups.push(facts.layers().enumerate().map(row).collect());
    sheet.notes.push(facts.seen.note(of.report()));
    sheet.notes.push(format!(
        "Heads in the plane: Kruskal's stress {:.3} (below 0.1 fair, above 0.2 poor); table clusters.",
        facts.stress_1
    ));
    sheet
}

/// Heads named before the rest is only counted.
const NAMED: usize = 9;

/// The heads of each behaviour, role and cluster.
fn clusters_sheet(rows: &[Cluster]) -> Sheet {
    let mut sheet = Sheet::new("What heads do, and which are alike", &["<heads that are", ">n", "<which"]);
    let group = |label: &dyn Fn(&Cluster) -> Option<String>| {
        let labels: BTreeSet<String> = rows.iter().filter_map(label).collect();
        let line = |wanted: &String| {
            let of_label = rows.iter().filter(|row| label(row).as_ref() == Some(wanted));
            let heads: Vec<String> = of_label.map(|row| head(row.layer_index, row.head_index)).collect();
            vec![wanted.as_str().into(), heads.len().to_string().into(), listed(&heads, NAMED).into()]
        };
        labels.iter().map(line).collect::<Vec<_>>()
    };
    let groups = [
        group(&|row| Some(row.behaviour?.to_string())),
        group(&|row| Some(row.role?.to_string())),
        group(&|row| Some(format!("in cluster {:>2}", row.cluster? + 1))),
    ];
    sheet.groups.extend(groups.into_iter().filter(|group| !group.is_empty()));
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_listed_by_what_they_do() {
        let row = |head_index: u32| Cluster {
            layer_index: 1,
            head_index,
            x: 0.0,
            y: 0.0,
            behaviour: (head_index == 0).then_some(crate::tables::Behaviour::Cls),
            role: (head_index < 2).then_some(Role::Positional),
            cluster: Some(head_index / 11),
        };
        let rows: Vec<Cluster> = (0..12).map(row).collect();
        insta::assert_snapshot!(clusters_sheet(&rows).to_text(80), @r"
    What heads do, and which are alike

    heads that are   n  which
    ──────────────  ──  ───────────────────────────────────────────────────────
    cls              1  2-1
    ──────────────  ──  ───────────────────────────────────────────────────────
    positional       2  2-1, 2-2
    ──────────────  ──  ───────────────────────────────────────────────────────
    in cluster  1   11  2-1, 2-2, 2-3, 2-4, 2-5, 2-6, 2-7, 2-8, 2-9, … (2 more)
    in cluster  2    1  2-12
    ");
        assert_eq!(clusters_sheet(&[]).groups, Vec::<Vec<Vec<crate::sheet::SheetCell>>>::new());
    }
}
