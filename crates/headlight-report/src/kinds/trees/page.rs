//! Trees of single heads beside chains of neighbours.

use super::tree_title;
use crate::format::{count, percent, points};
use crate::html::plots::{Grid, HeadMap};
use crate::html::section::Section;
use crate::html::strips::{Align, Column, Order, Strip, legend, number, strip, table, text};
use crate::kinds::shared::{head_name, of_heads, share};
use crate::run::ModelSummary;
use crate::tables::{HeadTree, Split, TreePredictor, TreeShape};

/// The chosen head of each way to make a tree, and how all heads do.
pub(crate) fn trees(rows: &[HeadTree], model: &ModelSummary) -> Option<Section> {
    let introduction = "Trees of the words made of one head's attention, with nothing trained: which share of the \
                        treebank's arcs they have, without punctuation and root. Punctuation leaves before the spanning \
                        tree is built; the arborescences are told the root. The chain joins neighbours. In the heat map the dotted frame is the head that the run chose.";
    let chosen: Vec<&HeadTree> = rows.iter().filter(|row| row.predictor == TreePredictor::Head).collect();
    let shown = |tree: &TreeShape| rows.iter().any(|row| row.tree == *tree);
    let maps = TreeShape::ALL.into_iter().filter(shown).filter_map(|tree| {
        let of_tree = |row: &&HeadTree| {
            row.tree == tree && row.predictor == TreePredictor::EachHead && row.split == Split::Evaluate
        };
        let scored: Vec<&HeadTree> = rows.iter().filter(of_tree).collect();
        let of_head = |layer, head| {
            let row = scored.iter().find(|row| (row.layer_index, row.head_index) == (Some(layer), Some(head)))?;
            Some((row.correct, row.total))
        };
        let map = HeadMap::shares(tree_title(tree), "% of arcs", &of_heads(model, of_head));
        let chosen = chosen.iter().find(|row| row.tree == tree).and_then(|row| row.layer_index.zip(row.head_index));
        (!scored.is_empty()).then_some(HeadMap { chosen, ..map })
    });
    let grid = Grid { id: "tree-heads", title: "Trees of each head", choose: "Tree", maps: maps.collect() };
    if chosen.is_empty() && grid.maps.is_empty() {
        return None;
    }
    let chain = |tree| rows.iter().find(|row| row.predictor == TreePredictor::Chain && row.tree == tree);
    let lines = chosen.iter().map(|row| line(row, chain(row.tree))).collect::<String>();
    let shown = format!(
        "{}{}",
        legend("tree of the chosen head, with interval", Some("chain of neighbours")),
        table("", &COLUMNS, &[lines], false)
    );
    Some(Section::new("trees", "Trees", introduction).html(&shown).grid(grid))
}

const COLUMNS: [Column; 7] = [
    Column("tree", Align::Text, Order::Fixed),
    Column("head", Align::Text, Order::Fixed),
    Column("0 – 100 %", Align::Drawing, Order::Fixed),
    Column("arcs found", Align::Number, Order::Fixed),
    Column("chain", Align::Number, Order::Fixed),
    Column("difference", Align::Number, Order::Fixed),
    Column("arcs", Align::Number, Order::Fixed),
];

fn line(row: &HeadTree, chain: Option<&HeadTree>) -> String {
    let found = share(row.correct, row.total);
    let chain = chain.map(|chain| share(chain.correct, chain.total));
    let shown = |show: fn(f64) -> String, value: Option<f64>| value.map_or_else(String::new, show);
    let difference = chain.map(|chain| found - chain);
    [
        format!("<tr>{}", text(tree_title(row.tree))),
        text(&head_name(row.layer_index, row.head_index)),
        strip(Strip { share: found, interval: row.ci_low.zip(row.ci_high), reference: chain }),
        number(chain.unwrap_or(0.0), "", &shown(percent, chain)),
        number(difference.unwrap_or(0.0), "", &shown(points, difference)),
        number(row.total as f64, "", &count(row.total)),
        "</tr>\n".to_owned(),
    ]
    .concat()
}
