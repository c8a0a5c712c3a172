//! What single heads do beside relations, as tables for people: trees, ensembles, behaviours.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::{count, percent};
use crate::sheet::Sheet;
use crate::tables::{Cluster, Difference, Ensemble, EnsembleTree, HeadTree};

/// Heads named before the rest is only counted.
const NAMED: usize = 9;

fn share(correct: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { correct as f64 / total as f64 }
}

fn interval(ends: Option<(f64, f64)>) -> String {
    ends.map_or_else(String::new, |(low, high)| format!("[{}, {}]", percent(low), percent(high)))
}

/// A way to make a tree, for people.
pub(crate) fn tree_title(tree: &str) -> &str {
    match tree {
        "undirected" => "spanning tree, UUAS",
        "dep_to_gov" => "arborescence dep→gov, UAS",
        "gov_to_dep" => "arborescence gov→dep, UAS",
        other => other,
    }
}

/// The head that was chosen, where it was one for all sentences.
pub(crate) fn head_name(layer_index: Option<u32>, head_index: Option<u32>) -> String {
    let head = layer_index.zip(head_index);
    head.map_or_else(|| "by fold".to_owned(), |(layer, head)| format!("{}-{}", layer + 1, head + 1))
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
            interval(head.ci_low.zip(head.ci_high)),
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

/// The single head of either direction that was best where heads were gathered, as the table `differences` names it.
pub const BEST_HEAD: &str = "best head";
/// The first head of an ensemble, as the table `differences` names it.
pub const FIRST_HEAD: &str = "its first head";

/// What lies between an ensemble and [`BEST_HEAD`]; where that is its own first head, what lies between the two. `None`
/// where they were not compared: the ensemble is that head, or the other direction was better where heads were gathered.
pub fn beside_the_best_head<'a>(row: &Ensemble, differences: &'a [Difference]) -> Option<&'a Difference> {
    let is_first = row.best_head == row.single_head && row.best_direction == row.direction;
    let ensemble = format!("ensemble, {}", row.direction);
    differences.iter().find(|difference| {
        difference.experiment == "ensembles"
            && difference.group.as_deref() == Some(&row.relation)
            && difference.a == ensemble
            && (difference.b == BEST_HEAD || is_first && difference.b == FIRST_HEAD)
    })
}

/// Each relation's ensemble in the direction that was better where heads were gathered, the most frequent first.
pub fn better_directions(rows: &[Ensemble]) -> Vec<&Ensemble> {
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
pub fn ensembles_sheet(rows: &[Ensemble]) -> Sheet {
    let columns = ["<relation", "<heads", ">found", "<best head", ">found", ">n"];
    let mut sheet = Sheet::new("Heads that find a relation together, arcs found in %", &columns);
    let line = |row: &Ensemble| {
        let cells = [
            format!("{} {}", row.relation, row.direction.arrow()),
            row.heads.clone(),
            percent(share(row.correct, row.total)),
            format!("{} {}", row.best_head, row.best_direction.arrow()),
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
pub fn ensemble_trees_sheet(rows: &[EnsembleTree]) -> Sheet {
    let columns = ["<trees of", ">LAS", ">interval", ">UAS", ">interval", ">relation of arc"];
    let mut sheet = Sheet::new("Labelled trees given the root, in %", &columns);
    let whole = |predictor: &str, measure: &str| {
        let wanted = |row: &&EnsembleTree| {
            row.predictor == predictor && row.measure == measure && row.relation.is_none() && row.total > 0
        };
        rows.iter().find(wanted)
    };
    let mut predictors: Vec<&str> = rows.iter().map(|row| row.predictor.as_str()).collect();
    predictors.dedup();
    let line = |predictor: &&str| {
        let [las, uas, relation] =
            ["las_given_root", "uas_given_root", "relation_of_arc"].map(|measure| whole(predictor, measure));
        let accuracy =
            |row: Option<&EnsembleTree>| row.map_or_else(String::new, |it| percent(share(it.correct, it.total)));
        let ends =
            |row: Option<&EnsembleTree>| row.map_or_else(String::new, |row| interval(row.ci_low.zip(row.ci_high)));
        let head = las.and_then(|row| row.layer_index.zip(row.head_index).zip(row.direction));
        let name = match (*predictor, head) {
            ("ensembles", _) => "ensembles".to_owned(),
            ("calibrated", _) => "ensembles, maps calibrated".to_owned(),
            ("head", Some(((layer, head), direction))) => {
                format!("head {}-{} {}", layer + 1, head + 1, direction.arrow())
            }
            (other, _) => other.to_owned(),
        };
        [name, accuracy(las), ends(las), accuracy(uas), ends(uas), accuracy(relation)].map(Into::into).into()
    };
    sheet.groups.push(predictors.iter().map(line).collect());
    sheet.notes.push(
        "Without arcs of punctuation and of the root. Head and chain name an arc by the most frequent relation of its \
         offset. Relation of arc: the name given to the treebank's own arcs, in the tree or not."
            .to_owned(),
    );
    sheet
}

/// The heads of each behaviour, role and cluster.
pub fn clusters_sheet(rows: &[Cluster]) -> Sheet {
    let mut sheet = Sheet::new("What heads do, and which are alike", &["<heads that are", ">n", "<which"]);
    let name = |row: &Cluster| format!("{}-{}", row.layer_index + 1, row.head_index + 1);
    let group = |label: &dyn Fn(&Cluster) -> Option<String>| {
        let labels: BTreeSet<String> = rows.iter().filter_map(label).collect();
        let line = |wanted: &String| {
            let heads: Vec<String> = rows.iter().filter(|row| label(row).as_ref() == Some(wanted)).map(name).collect();
            let more = heads.len().saturating_sub(NAMED);
            let more = if more == 0 { String::new() } else { format!(", … ({more} more)") };
            let named = heads.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            vec![wanted.as_str().into(), heads.len().to_string().into(), format!("{named}{more}").into()]
        };
        labels.iter().map(line).collect::<Vec<_>>()
    };
    let groups = [
        group(&|row| row.behaviour.clone()),
        group(&|row| row.role.clone()),
        group(&|row| Some(format!("in cluster {:>2}", row.cluster? + 1))),
    ];
    sheet.groups.extend(groups.into_iter().filter(|group| !group.is_empty()));
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Direction;

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
            best_direction: Direction::DependentToGovernor,
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
        let row = |predictor: &str, measure: &str, relation: Option<&str>, correct: u64| EnsembleTree {
            treebank: "t".into(),
            predictor: predictor.into(),
            layer_index: (predictor == "head").then_some(4),
            head_index: (predictor == "head").then_some(2),
            direction: (predictor == "head").then_some(Direction::DependentToGovernor),
            measure: measure.into(),
            relation: relation.map(Into::into),
            correct,
            total: 200,
            ci_low: Some(correct as f64 / 200.0 - 0.05),
            ci_high: Some(correct as f64 / 200.0 + 0.05),
        };
        let rows = [
            row("ensembles", "uas_given_root", None, 92),
            row("ensembles", "las_given_root", None, 16),
            row("ensembles", "relation_of_arc", None, 38),
            row("ensembles", "las_given_root", Some("det"), 1),
            row("calibrated", "las_given_root", None, 24),
            row("head", "uas_given_root", None, 60),
            row("head", "las_given_root", None, 20),
        ];
        let sheet = ensemble_trees_sheet(&rows);
        let texts = sheet.groups[0].iter().map(|line| line.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>());
        assert_eq!(
            texts.collect::<Vec<_>>(),
            [
                ["ensembles", "8.0", "[3.0, 13.0]", "46.0", "[41.0, 51.0]", "19.0"],
                ["ensembles, maps calibrated", "12.0", "[7.0, 17.0]", "", "", ""],
                ["head 5-3 dep→gov", "10.0", "[5.0, 15.0]", "30.0", "[25.0, 35.0]", ""],
            ]
        );
    }

    #[test]
    fn heads_are_listed_by_what_they_do() {
        let row = |head_index: u32| Cluster {
            layer_index: 1,
            head_index,
            x: 0.0,
            y: 0.0,
            behaviour: (head_index == 0).then(|| "cls".to_owned()),
            role: (head_index < 2).then(|| "positional".to_owned()),
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
