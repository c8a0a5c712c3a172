//! The tables of what heads do beyond the peak and position, and of null models, of made-up numbers.

use std::path::Path;

use headlight_report::tables::*;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::run::Size;

impl Size {
    /// Writes them, for the relations of `best`.
    pub fn write_beyond(&self, folder: &Path, best: &[BestHead], random: &mut ChaCha8Rng) {
        let (mut lengths, mut attention, mut null) = (Vec::new(), Vec::new(), Vec::new());
        for row in best {
            for length in (-11_i32..=11).filter(|length| *length != 0) {
                let total = row.total / (length.unsigned_abs() as u64 + 1);
                let (correct, both) = (total / 2, if length == 1 { total / 3 } else { 0 });
                lengths.push(BestHeadLength {
                    relation: row.relation.clone(),
                    length,
                    and_longer: length.abs() == 11,
                    correct,
                    baseline_correct: if length == 1 { total } else { 0 },
                    both_correct: both,
                    total,
                });
            }
            attention.push(HeadAttention {
                treebank: self.text("en_ewt"),
                split: Split::Evaluate,
                layer_index: row.layer.map_or(0, |layer| layer - 1),
                head_index: row.head.map_or(0, |head| head - 1),
                direction: row.direction.unwrap_or(Direction::DependentToGovernor),
                relation: row.relation.clone(),
                rows: MapRows::Raw,
                correct: row.correct,
                total: row.total,
                weight: random.random_range(0.1..0.6),
                share: random.random_range(0.1..0.6),
                reciprocal_rank: row.accuracy + 0.5 * (1.0 - row.accuracy),
            });
            for draw in [Some(1), Some(2), Some(3), None] {
                let accuracy = 0.12;
                null.push(NullModel {
                    relation: row.relation.clone(),
                    draw,
                    seed: draw.map(i64::from),
                    layer: draw,
                    head: draw,
                    direction: draw.map(|_| Direction::DependentToGovernor),
                    correct: 12,
                    total: 100,
                    accuracy,
                    lowest: 0.1,
                    highest: 0.15,
                    trained_accuracy: row.accuracy,
                    difference: row.accuracy - accuracy,
                    ci_low: Some(row.accuracy - accuracy - 0.02),
                    ci_high: Some(row.accuracy - accuracy + 0.02),
                    p_value: Some(1e-4),
                    p_adjusted: Some(2e-3),
                    unit: headlight_stats::Unit::Sentence,
                    units: 2001,
                });
            }
        }
        write_table(folder, &lengths).unwrap();
        write_table(folder, &attention).unwrap();
        write_table(folder, &null).unwrap();
    }
}
