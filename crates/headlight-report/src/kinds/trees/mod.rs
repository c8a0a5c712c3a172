//! Trees of single heads beside chains of neighbours.

mod page;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::differences::{differences_sheet, said};
use super::shared::{NOT_TESTED, ends, head_name, share};
use super::{Experiment, Kind};
use crate::Selection;
use crate::explorer::Explorer;
use crate::format::{count, percent};
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::{Difference, HeadTree, TreePredictor, TreeShape};

/// `kind = "trees"`
pub(crate) struct Trees;

/// What `kind = "trees"` leaves beside its tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// On which sentences heads were chosen; `None` in runs of earlier versions.
    pub selection: Option<Selection>,
    /// By tree the head chosen, or those of both folds.
    pub chosen: BTreeMap<String, Vec<String>>,
}

impl Kind for Trees {
    fn name(&self) -> &'static str {
        "trees"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let facts: Facts = of.facts()?;
        let (rows, differences) = (of.rows::<HeadTree>()?, of.differences()?);
        let finding = |(head, difference): (&HeadTree, &Difference)| {
            let name = match facts.chosen.get(head.tree.name()).map_or(&[][..], Vec::as_slice) {
                [first, second] if first != second => {
                    format!("heads {first} and {second}, each on the half it was not chosen on,")
                }
                _ => format!("head {}", head_name(head.layer_index, head.head_index)),
            };
            format!(
                "Of {} arcs without punctuation and root, the maximum spanning tree of {name} has {} % (UUAS; {}), joined \
                 neighbours {} %: {}.",
                count(head.total),
                percent(difference.value_a),
                facts.selection.map_or("chosen", Selection::chosen_where),
                percent(difference.value_b),
                said(difference),
            )
        };
        Ok(rows.first().zip(differences.first()).map(finding).into_iter().collect())
    }

    fn warnings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        Ok(of.facts::<Facts>()?.selection.and_then(|it| it.warning(NOT_TESTED)).into_iter().collect())
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        let differences = differences_sheet(&of.differences()?, "Trees of heads and chains of neighbours");
        Ok([head_trees_sheet(&of.rows()?)].into_iter().chain(differences).collect())
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        Ok(vec![("Trees of single heads", head_trees_sheet(&run.table_or_empty()?))])
    }

    fn sections(&self, run: &RunDirectory, _: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        Ok(page::trees(&run.table_or_empty()?, &run.report().mapped()).into_iter().collect())
    }
}

/// A way to make a tree, for people.
pub(crate) fn tree_title(tree: TreeShape) -> &'static str {
    match tree {
        TreeShape::Undirected => "spanning tree, UUAS",
        TreeShape::DependentToGovernor => "arborescence dep→gov, UAS",
        TreeShape::GovernorToDependent => "arborescence gov→dep, UAS",
    }
}

/// The trees of the chosen heads beside chains of neighbours.
fn head_trees_sheet(rows: &[HeadTree]) -> Sheet {
    let columns = ["<tree", "<head", ">accuracy", ">interval", ">chain", ">arcs"];
    let mut sheet = Sheet::new("Trees of single heads, arcs found in %", &columns);
    let line = |head: &HeadTree| {
        let chain = rows.iter().find(|row| row.predictor == TreePredictor::Chain && row.tree == head.tree);
        let cells = [
            tree_title(head.tree).to_owned(),
            head_name(head.layer_index, head.head_index),
            percent(share(head.correct, head.total)),
            ends(head.ci_low.zip(head.ci_high)),
            chain.map_or_else(String::new, |chain| percent(share(chain.correct, chain.total))),
            count(head.total),
        ];
        cells.map(Into::into).into()
    };
    sheet.groups.push(rows.iter().filter(|row| row.predictor == TreePredictor::Head).map(line).collect());
    sheet.notes.push(
        "Arcs without punctuation and root. Spanning tree and its chain: over the words that are no punctuation. \
         Arborescences are given the root. The chain joins neighbours."
            .to_owned(),
    );
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Split, TreeMeasure};

    #[test]
    fn chosen_heads_stand_beside_chains() {
        let row = |predictor: TreePredictor, tree: TreeShape, correct: u64| HeadTree {
            treebank: "t".into(),
            split: Split::Evaluate,
            predictor,
            layer_index: (predictor != TreePredictor::Chain).then_some(4),
            head_index: (predictor != TreePredictor::Chain).then_some(2),
            tree,
            measure: TreeMeasure::Uuas,
            correct,
            total: 200,
            ci_low: (predictor == TreePredictor::Head).then_some(0.5),
            ci_high: (predictor == TreePredictor::Head).then_some(0.7),
        };
        let rows = [
            row(TreePredictor::Head, TreeShape::Undirected, 120),
            row(TreePredictor::Chain, TreeShape::Undirected, 90),
            row(TreePredictor::EachHead, TreeShape::Undirected, 10),
            row(TreePredictor::Head, TreeShape::GovernorToDependent, 100),
        ];
        insta::assert_snapshot!(head_trees_sheet(&rows).to_text(80), @r"
    Trees of single heads, arcs found in %

    tree                       head  accuracy      interval  chain  arcs
    ─────────────────────────  ────  ────────  ────────────  ─────  ────
    spanning tree, UUAS        5-3       60.0  [50.0, 70.0]   45.0   200
    arborescence gov→dep, UAS  5-3       50.0  [50.0, 70.0]          200

    Arcs without punctuation and root. Spanning tree and its chain: over the words
    that are no punctuation. Arborescences are given the root. The chain joins
    neighbours.
    ");
    }
}
