//! Trees of single heads beside chains of neighbours.

mod page;

pub(crate) use page::trees;

use super::shared::{ends, head_name, share};
use crate::format::percent;
use crate::sheet::Sheet;
use crate::tables::HeadTree;

/// A way to make a tree, for people.
pub(crate) fn tree_title(tree: &str) -> &str {
    match tree {
        "undirected" => "spanning tree, UUAS",
        "dep_to_gov" => "arborescence dep→gov, UAS",
        "gov_to_dep" => "arborescence gov→dep, UAS",
        other => other,
    }
}

/// The trees of the chosen heads beside chains of neighbours.
pub fn head_trees_sheet(rows: &[HeadTree]) -> Sheet {
    let columns = ["<tree", "<head", ">accuracy", ">interval", ">chain"];
    let mut sheet = Sheet::new("Trees of single heads, arcs found in %", &columns);
    let line = |head: &HeadTree| {
        let chain = rows.iter().find(|row| row.predictor == "chain" && row.tree == head.tree);
        let cells = [
            tree_title(&head.tree).to_owned(),
            head_name(head.layer_index, head.head_index),
            percent(share(head.correct, head.total)),
            ends(head.ci_low.zip(head.ci_high)),
            chain.map_or_else(String::new, |chain| percent(share(chain.correct, chain.total))),
        ];
        cells.map(Into::into).into()
    };
    sheet.groups.push(rows.iter().filter(|row| row.predictor == "head").map(line).collect());
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

    #[test]
    fn chosen_heads_stand_beside_chains() {
        let row = |predictor: &str, tree: &str, correct: u64| HeadTree {
            treebank: "t".into(),
            split: "evaluate".into(),
            predictor: predictor.into(),
            layer_index: (predictor != "chain").then_some(4),
            head_index: (predictor != "chain").then_some(2),
            tree: tree.into(),
            measure: "uuas".into(),
            correct,
            total: 200,
            ci_low: (predictor == "head").then_some(0.5),
            ci_high: (predictor == "head").then_some(0.7),
        };
        let rows = [
            row("head", "undirected", 120),
            row("chain", "undirected", 90),
            row("each_head", "undirected", 10),
            row("head", "gov_to_dep", 100),
        ];
        insta::assert_snapshot!(head_trees_sheet(&rows).to_text(80), @r"
    Trees of single heads, arcs found in %

    tree                       head  accuracy      interval  chain
    ─────────────────────────  ────  ────────  ────────────  ─────
    spanning tree, UUAS        5-3       60.0  [50.0, 70.0]   45.0
    arborescence gov→dep, UAS  5-3       50.0  [50.0, 70.0]

    Arcs without punctuation and root. Spanning tree and its chain: over the words
    that are no punctuation. Arborescences are given the root. The chain joins
    neighbours.
    ");
    }
}
