//! Heads that find a relation together, and the labelled trees of all ensembles.

mod findings;
mod page;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::differences::differences_sheet;
use super::shared::{NOT_TESTED, ends, share};
use super::{Experiment, Kind};
use crate::Selection;
use crate::explorer::Explorer;
use crate::format::{count, percent};
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::{
    ComparedMeasure, ComparingKind, Difference, Direction, Ensemble, EnsembleTree, LabelledMeasure, LabelledPredictor,
};

/// `kind = "ensembles"`
pub(crate) struct Ensembles;

/// What `kind = "ensembles"` leaves beside its tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// On which sentences heads were gathered; `None` in runs of earlier versions.
    pub selection: Option<Selection>,
    /// What the rows of maps were read as.
    pub rows: String,
    /// The relations that arcs of trees may have; `None` where no trees were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree_relations: Option<Vec<String>>,
}

/// The differences between ensembles and heads, and those between their trees.
fn parted(differences: Vec<Difference>) -> (Vec<Difference>, Vec<Difference>) {
    differences.into_iter().partition(|row| row.measure == ComparedMeasure::ArcsFound)
}

impl Kind for Ensembles {
    fn name(&self) -> &'static str {
        "ensembles"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let (of_heads, _) = parted(of.differences()?);
        let mut findings = findings::of_heads(&of.rows()?, &of_heads);
        let relations = of.facts::<Facts>()?.tree_relations.unwrap_or_default();
        findings.extend(findings::of_trees(&of.rows()?, &relations));
        Ok(findings)
    }

    fn warnings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        Ok(of.facts::<Facts>()?.selection.and_then(|it| it.warning(NOT_TESTED)).into_iter().collect())
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        let (of_heads, of_trees) = parted(of.differences()?);
        let mut sheets = vec![ensembles_sheet(&of.rows()?)];
        sheets.extend(differences_sheet(&of_heads, "Ensembles and single heads"));
        if of.has::<EnsembleTree>() {
            sheets.push(ensemble_trees_sheet(&of.rows()?));
        }
        sheets.extend(differences_sheet(&of_trees, "Labelled trees compared"));
        Ok(sheets)
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        Ok(vec![
            ("Ensembles of heads", ensembles_sheet(&run.table_or_empty()?)),
            ("Labelled trees of ensembles", ensemble_trees_sheet(&run.table_or_empty()?)),
        ])
    }

    fn sections(&self, run: &RunDirectory, _: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        let section = page::ensembles(&run.table_or_empty()?, &run.table_or_empty()?, &run.table_or_empty()?);
        Ok(section.into_iter().collect())
    }
}

/// The single head of either direction that was best where heads were gathered, as the table `differences` names it.
pub const BEST_HEAD: &str = "best head";
/// The first head of an ensemble, as the table `differences` names it.
pub const FIRST_HEAD: &str = "its first head";

/// What lies between an ensemble and [`BEST_HEAD`]; where that is its own first head, what lies between the two. `None`
/// where they were not compared: the ensemble is that head, or the other direction was better where heads were gathered.
fn beside_the_best_head<'a>(row: &Ensemble, differences: &'a [Difference]) -> Option<&'a Difference> {
    let is_first = row.best_head == row.single_head && row.best_direction == Some(row.direction);
    let ensemble = format!("ensemble, {}", row.direction);
    differences.iter().find(|difference| {
        difference.experiment == ComparingKind::Ensembles
            && difference.group.as_deref() == Some(&row.relation)
            && difference.a == ensemble
            && (difference.b == BEST_HEAD || is_first && difference.b == FIRST_HEAD)
    })
}

/// Who attends when a head is read.
fn way(direction: Option<Direction>) -> &'static str {
    direction.map_or("either way", Direction::arrow)
}

/// Each relation's ensemble in the direction that was better where heads were gathered, the most frequent first.
fn better_directions(rows: &[Ensemble]) -> Vec<&Ensemble> {
    let mut best: BTreeMap<&str, &Ensemble> = BTreeMap::new();
    for row in rows {
        let known = best.entry(&row.relation).or_insert(row);
        if share(row.selected_correct, row.selected_total) > share(known.selected_correct, known.selected_total) {
            *known = row;
        }
    }
    let mut best: Vec<&Ensemble> = best.into_values().collect();
    best.sort_by_key(|row| std::cmp::Reverse(row.total));
    best
}

/// For each relation the ensemble in the direction that was better where heads were gathered, the most frequent first.
fn ensembles_sheet(rows: &[Ensemble]) -> Sheet {
    let columns = ["<relation", "<heads", ">found", "<best head", ">found", ">n"];
    let mut sheet = Sheet::new("Heads that find a relation together, arcs found in %", &columns);
    let line = |row: &Ensemble| {
        let cells = [
            format!("{} {}", row.relation, row.direction.arrow()),
            row.heads.clone(),
            percent(share(row.correct, row.total)),
            format!("{} {}", row.best_head, way(row.best_direction)),
            percent(share(row.best_correct, row.total)),
            count(row.total),
        ];
        cells.map(Into::into).into()
    };
    sheet.groups.push(better_directions(rows).into_iter().map(line).collect());
    sheet.notes.push(
        "The direction that was better where the heads were gathered, beside the single head of either direction that was \
         best there. dep→gov: the governor is on top of the dependent's row; gov→dep: the dependent is on top of the \
         governor's row."
            .to_owned(),
    );
    sheet
}

/// The labelled trees of all ensembles together beside simpler ones.
fn ensemble_trees_sheet(rows: &[EnsembleTree]) -> Sheet {
    let columns = ["<trees of", ">LAS", ">interval", ">UAS", ">interval", ">relation of arc", ">arcs"];
    let mut sheet = Sheet::new("Labelled trees given the root, in %", &columns);
    let whole = |predictor: LabelledPredictor, measure: LabelledMeasure| {
        let wanted = |row: &&EnsembleTree| {
            row.predictor == predictor && row.measure == measure && row.relation.is_none() && row.total > 0
        };
        rows.iter().find(wanted)
    };
    let mut predictors: Vec<LabelledPredictor> = rows.iter().map(|row| row.predictor).collect();
    predictors.dedup();
    let line = |predictor: &LabelledPredictor| {
        let whole = |measure| whole(*predictor, measure);
        let [las, uas] = [LabelledMeasure::LasGivenRoot, LabelledMeasure::UasGivenRoot].map(whole);
        let relation = whole(LabelledMeasure::RelationOfArc);
        let accuracy =
            |row: Option<&EnsembleTree>| row.map_or_else(String::new, |it| percent(share(it.correct, it.total)));
        let between =
            |row: Option<&EnsembleTree>| row.map_or_else(String::new, |row| ends(row.ci_low.zip(row.ci_high)));
        let head = las.and_then(|row| row.layer_index.zip(row.head_index).zip(row.direction));
        let name = match (*predictor, head) {
            (LabelledPredictor::Calibrated, _) => "ensembles, maps calibrated".to_owned(),
            (LabelledPredictor::Head, Some(((layer, head), direction))) => {
                format!("head {}-{} {}", layer + 1, head + 1, direction.arrow())
            }
            (other, _) => other.to_string(),
        };
        let arcs = las.or(uas).map_or_else(String::new, |row| count(row.total));
        [name, accuracy(las), between(las), accuracy(uas), between(uas), accuracy(relation), arcs]
            .map(Into::into)
            .into()
    };
    sheet.groups.push(predictors.iter().map(line).collect());
    sheet.notes.push(
        "Without arcs of punctuation and of the root. Head and chain name an arc by the most frequent relation of its \
         offset. Relation of arc: the name given to the treebank's own arcs, in the tree or not."
            .to_owned(),
    );
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_direction_of_each_relation_is_shown() {
        let row = |relation: &str, direction, selected_correct: u64, total: u64| Ensemble {
            treebank: "t".into(),
            relation: relation.into(),
            direction,
            heads: "5-3 4-1".into(),
            selected_correct,
            selected_total: 100,
            correct: total / 2,
            total,
            ci_low: None,
            ci_high: None,
            single_head: "5-3".into(),
            single_correct: total / 4,
            difference_ci_low: None,
            difference_ci_high: None,
            best_head: "3-2".into(),
            best_direction: Some(Direction::DependentToGovernor),
            best_correct: total / 4,
        };
        let rows = [
            row("det", Direction::DependentToGovernor, 50, 20),
            row("det", Direction::GovernorToDependent, 60, 20),
            row("nsubj", Direction::DependentToGovernor, 70, 2000),
        ];
        insta::assert_snapshot!(ensembles_sheet(&rows).to_text(80), @r"
    Heads that find a relation together, arcs found in %

    relation       heads    found  best head    found      n
    ─────────────  ───────  ─────  ───────────  ─────  ─────
    nsubj dep→gov  5-3 4-1   50.0  3-2 dep→gov   25.0  2,000
    det gov→dep    5-3 4-1   50.0  3-2 dep→gov   25.0     20

    The direction that was better where the heads were gathered, beside the single
    head of either direction that was best there. dep→gov: the governor is on top of
    the dependent's row; gov→dep: the dependent is on top of the governor's row.
    ");
    }

    #[test]
    fn trees_of_ensembles_stand_beside_simpler_ones() {
        use LabelledMeasure as Measure;
        use LabelledPredictor as Predictor;

        let row = |predictor: Predictor, measure: Measure, relation: Option<&str>, correct: u64| EnsembleTree {
            treebank: "t".into(),
            predictor,
            layer_index: (predictor == Predictor::Head).then_some(4),
            head_index: (predictor == Predictor::Head).then_some(2),
            direction: (predictor == Predictor::Head).then_some(Direction::DependentToGovernor),
            measure,
            relation: relation.map(Into::into),
            correct,
            total: 200,
            ci_low: Some(correct as f64 / 200.0 - 0.05),
            ci_high: Some(correct as f64 / 200.0 + 0.05),
        };
        let rows = [
            row(Predictor::Ensembles, Measure::UasGivenRoot, None, 92),
            row(Predictor::Ensembles, Measure::LasGivenRoot, None, 16),
            row(Predictor::Ensembles, Measure::RelationOfArc, None, 38),
            row(Predictor::Ensembles, Measure::LasGivenRoot, Some("det"), 1),
            row(Predictor::Calibrated, Measure::LasGivenRoot, None, 24),
            row(Predictor::Head, Measure::UasGivenRoot, None, 60),
            row(Predictor::Head, Measure::LasGivenRoot, None, 20),
        ];
        let sheet = ensemble_trees_sheet(&rows);
        let texts = sheet.groups[0].iter().map(|line| line.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>());
        assert_eq!(
            texts.collect::<Vec<_>>(),
            [
                ["ensembles", "8.0", "[3.0, 13.0]", "46.0", "[41.0, 51.0]", "19.0", "200"],
                ["ensembles, maps calibrated", "12.0", "[7.0, 17.0]", "", "", "", "200"],
                ["head 5-3 dep→gov", "10.0", "[5.0, 15.0]", "30.0", "[25.0, 35.0]", "", "200"],
            ]
        );
    }
}
