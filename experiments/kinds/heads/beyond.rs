//! Beyond the peak and beyond position: the tables of attention on governors and of lengths (METHOD §2).

use anyhow::Result;
use headlight_heads::{AttentionScores, Beyond, Direction, LengthScores};
use headlight_report::tables;

use super::Predicted;
use crate::kinds::shared::predictions::Rows;
use crate::kinds::shared::selection::Splits;
use crate::kinds::shared::{direction, split as to_table};
use crate::run::Run;

/// Writes the table `head_attention`: every head and direction on every split whose attention was summed up.
pub fn write_attention(run: &Run, splits: &Splits<Predicted>, rows: Rows) -> Result<()> {
    let treebank = run.settings().treebank.display_name();
    let mut table = Vec::new();
    for (split, scores) in splits.iter().filter_map(|(split, predicted)| Some((split, predicted.attention.as_ref()?))) {
        for (group, way, head) in of_all(scores) {
            let (sums, total) = (scores.sums(group, way, head), scores.total(group));
            let mean = |sum: f64| sum / total as f64;
            table.push(tables::HeadAttention {
                treebank: treebank.clone(),
                split: to_table(split),
                layer_index: head.layer as u32,
                head_index: head.index as u32,
                direction: direction(way),
                relation: group.name().to_owned(),
                rows: rows.into(),
                correct: sums.correct,
                total,
                weight: mean(sums.weight),
                share: mean(sums.share),
                reciprocal_rank: mean(sums.reciprocal_rank),
            });
        }
    }
    Ok(tables::write_table(run.folder(), &table)?)
}

/// Each group with each direction and head.
fn of_all(
    scores: &AttentionScores,
) -> impl Iterator<Item = (&headlight_heads::Group, Direction, headlight_attention::AttentionHead)> {
    let grid = scores.grid();
    scores.groups().flat_map(move |group| {
        Direction::BOTH.into_iter().flat_map(move |way| grid.iter().map(move |head| (group, way, head)))
    })
}

/// Writes the tables `head_lengths` and `best_head_lengths`.
pub fn write_lengths(run: &Run, evaluate: &Predicted, lengths: &LengthScores) -> Result<()> {
    let treebank = run.settings().treebank.display_name();
    let mut best = Vec::new();
    let mut heads = tables::TableWriter::<tables::HeadLength>::create(run.folder())?;
    for (group, length, counts) in lengths.iter() {
        let (relation, and_longer) = (group.name().to_owned(), lengths.is_pooled(length));
        let Beyond { all: total, baseline_wrong: total_beyond } = counts.total;
        best.push(tables::BestHeadLength {
            relation: relation.clone(),
            length,
            and_longer,
            correct: counts.chosen.all,
            baseline_correct: total - total_beyond,
            both_correct: counts.chosen.all - counts.chosen.baseline_wrong,
            total,
        });
        for way in lengths.directions().iter() {
            for head in lengths.grid().iter() {
                let correct = lengths.correct(counts, way, head);
                heads.push(&tables::HeadLength {
                    treebank: treebank.clone(),
                    split: to_table(evaluate.split),
                    layer_index: head.layer as u32,
                    head_index: head.index as u32,
                    direction: direction(way),
                    relation: relation.clone(),
                    length,
                    and_longer,
                    correct: correct.all,
                    total,
                    correct_beyond: correct.baseline_wrong,
                    total_beyond,
                })?;
            }
        }
    }
    heads.finish()?;
    Ok(tables::write_table(run.folder(), &best)?)
}
