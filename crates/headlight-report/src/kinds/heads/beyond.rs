//! What best heads do beyond position and beyond the peak, for people (METHOD §2).

use std::collections::BTreeMap;

use crate::assess::{Family, is_between_words};
use crate::format::{count, percent};
use crate::kinds::shared::head;
use crate::sheet::Sheet;
use crate::tables::{BestHead, BestHeadLength, HeadAttention, MapRows, Split};

/// The chosen head of one relation on all words that have a length, and on those that the best baseline is wrong about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct BeyondPosition {
    pub correct: u64,
    pub baseline_correct: u64,
    pub both_correct: u64,
    pub total: u64,
}

impl BeyondPosition {
    /// Words that the baseline is wrong about.
    pub fn beyond(&self) -> u64 {
        self.total - self.baseline_correct
    }

    /// For how many of them the head is right.
    pub fn correct_beyond(&self) -> u64 {
        self.correct - self.both_correct
    }

    /// The share of them; `None` without any.
    pub fn share_beyond(&self) -> Option<f64> {
        (self.beyond() > 0).then(|| self.correct_beyond() as f64 / self.beyond() as f64)
    }
}

/// Relations in the order of the best heads: aggregates first, then from frequent to rare.
pub(crate) fn beyond_position(rows: &[BestHeadLength]) -> Vec<(&str, BeyondPosition)> {
    let mut sums: BTreeMap<&str, BeyondPosition> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(&row.relation).or_default();
        sum.correct += row.correct;
        sum.baseline_correct += row.baseline_correct;
        sum.both_correct += row.both_correct;
        sum.total += row.total;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(relation, sum)| (Family::of(relation) as usize, std::cmp::Reverse(sum.total), *relation));
    sums
}

/// Where position does not help, in a sentence; `None` where nothing was counted by length.
pub(crate) fn beyond_position_finding(rows: &[BestHeadLength]) -> Option<String> {
    let sums = beyond_position(rows);
    let (_, sum) = sums.iter().find(|(relation, _)| *relation == "all-nopunct-noroot")?;
    let relations = sums.iter().filter(|(relation, sum)| Family::of(relation) == Family::Relations && sum.beyond() > 0);
    let most = relations.max_by(|(_, a), (_, b)| (a.correct_beyond()).cmp(&b.correct_beyond()))?;
    Some(format!(
        "Of {} words that the best baseline over all of them is wrong about (without punctuation and root), the best single \
         head finds the governor of {} %; of the {} such words of {}, the relation with most of them found, its own best \
         head {} %.",
        count(sum.beyond()),
        percent(sum.share_beyond()?),
        count(most.1.beyond()),
        most.0,
        percent(most.1.share_beyond()?),
    ))
}

/// For each relation the best head on all words, near, far, and where the best baseline is wrong; empty without rows.
pub(crate) fn beyond_position_sheet(rows: &[BestHeadLength]) -> Sheet {
    let columns = ["<relation", ">words", ">found", ">baseline", ">near", ">far", ">baseline wrong", ">found"];
    let share = |correct: u64, total: u64| match total {
        0 => String::new(),
        total => percent(correct as f64 / total as f64),
    };
    let groups = Family::ALL.map(|family| {
        let of_group = beyond_position(rows).into_iter().filter(|(relation, _)| Family::of(relation) == family);
        let row = |(relation, sum): (&str, BeyondPosition)| {
            let part = |near: bool| {
                let fits = |row: &&BestHeadLength| row.relation == relation && (row.length.abs() <= NEAR) == near;
                rows.iter()
                    .filter(fits)
                    .fold((0, 0), |(correct, total), row| (correct + row.correct, total + row.total))
            };
            let [near, far] = [part(true), part(false)];
            vec![
                relation.into(),
                count(sum.total).into(),
                share(sum.correct, sum.total).into(),
                share(sum.baseline_correct, sum.total).into(),
                share(near.0, near.1).into(),
                share(far.0, far.1).into(),
                count(sum.beyond()).into(),
                share(sum.correct_beyond(), sum.beyond()).into(),
            ]
        };
        of_group.map(row).collect()
    });
    let note = format!(
        "Words that have a governor, and in % how many of their governors the chosen head finds: of all, of those at most \
         {NEAR} words from their governor (near) and farther ones (far), and of those that the best baseline is wrong about. \
         By length in table best_head_lengths, for every head in head_lengths."
    );
    Sheet { groups: groups.into(), notes: vec![note], ..Sheet::new("Beyond position", &columns) }
}

/// The longest dependency that is called near.
const NEAR: i32 = 2;

/// How much attention of the chosen heads lies on governors, and how high those rank; empty without rows.
pub(crate) fn attention_sheet(best: &[BestHead], rows: &[HeadAttention]) -> Sheet {
    let columns = ["<relation", "<head", "<direction", ">words", ">found", ">share", ">weight", ">1/rank"];
    let mut chosen: Vec<(&BestHead, &HeadAttention)> = best
        .iter()
        .filter(|best| is_between_words(&best.relation))
        .filter_map(|best| {
            let same = |row: &&HeadAttention| {
                row.split == Split::Evaluate
                    && row.relation == best.relation
                    && Some(row.direction) == best.direction
                    && (Some(row.layer_index + 1), Some(row.head_index + 1)) == (best.layer, best.head)
            };
            Some((best, rows.iter().find(same)?))
        })
        .collect();
    chosen.sort_by(|a, b| b.1.total.cmp(&a.1.total).then_with(|| a.1.relation.cmp(&b.1.relation)));
    let groups = Family::ALL.map(|family| {
        let of_group = chosen.iter().filter(|(best, _)| Family::of(&best.relation) == family);
        let row = |(_, row): &(&BestHead, &HeadAttention)| {
            vec![
                row.relation.as_str().into(),
                head(row.layer_index, row.head_index).into(),
                row.direction.arrow().into(),
                count(row.total).into(),
                percent(row.correct as f64 / row.total as f64).into(),
                percent(row.share).into(),
                percent(row.weight).into(),
                format!("{:.3}", row.reciprocal_rank).into(),
            ]
        };
        of_group.map(row).collect()
    });
    let read = match chosen.first().map(|(_, row)| row.rows) {
        Some(MapRows::Words) => "with rows renormalised over words",
        Some(MapRows::Raw) | None => "with rows as attended, special pieces included",
    };
    let note = format!(
        "Of the evaluated words that have a governor, {read}. Found: the governor has the highest weight in the dependent's \
         row (dep→gov) or column (gov→dep), in %. Share: mean part of the row's or column's sum that lies on the governor, in \
         %. Weight: mean weight between the two, in %. 1/rank: mean reciprocal rank of the governor among the other words. \
         All heads are in table head_attention."
    );
    let notes = if chosen.is_empty() { Vec::new() } else { vec![note] };
    Sheet { groups: groups.into(), notes, ..Sheet::new("Attention of best heads on governors", &columns) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Direction;

    fn row(relation: &str, length: i32, [correct, baseline_correct, both_correct, total]: [u64; 4]) -> BestHeadLength {
        let relation = relation.into();
        BestHeadLength {
            relation,
            length,
            and_longer: length.abs() > 3,
            correct,
            baseline_correct,
            both_correct,
            total,
        }
    }

    #[test]
    fn lengths_are_summed_up() {
        let rows = [
            row("obj", -1, [6, 0, 0, 10]),
            row("obj", -2, [8, 10, 8, 10]),
            row("obj", -4, [5, 0, 0, 20]),
            row("all-nopunct-noroot", 1, [20, 30, 20, 30]),
            row("all-nopunct-noroot", -1, [10, 0, 0, 40]),
        ];
        let sums = beyond_position(&rows);
        assert_eq!(sums[0].0, "all-nopunct-noroot");
        assert_eq!((sums[1].1.beyond(), sums[1].1.correct_beyond()), (30, 11));
        let text = beyond_position_sheet(&rows).to_text(80);
        let obj = text.lines().find(|line| line.starts_with("obj")).unwrap();
        let cells: Vec<&str> = obj.split_whitespace().collect();
        assert_eq!(cells, ["obj", "40", "47.5", "25.0", "70.0", "25.0", "30", "36.7"]);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let finding = beyond_position_finding(&rows).unwrap();
        assert!(finding.contains("Of 40 words") && finding.contains("25.0 %; of the 30") && finding.contains("36.7 %"));
        assert_eq!(beyond_position_finding(&rows[..3]), None);
    }

    #[test]
    fn attention_is_that_of_the_chosen_head() {
        let best = super::super::best::tests::rows();
        let of = |relation: &str, layer_index, head_index, share| HeadAttention {
            treebank: "t".into(),
            split: Split::Evaluate,
            layer_index,
            head_index,
            direction: Direction::DependentToGovernor,
            relation: relation.into(),
            rows: MapRows::Words,
            correct: 80,
            total: 100,
            weight: 0.4,
            share,
            reciprocal_rank: 0.875,
        };
        let text = attention_sheet(&best, &[of("det", 3, 4, 0.5), of("det", 0, 0, 0.1)]).to_text(80);
        assert!(text.contains("renormalised over words") && !text.contains("10.0"), "{text}");
        let det: Vec<&str> = text.lines().find(|line| line.starts_with("det")).unwrap().split_whitespace().collect();
        assert_eq!(det, ["det", "4-5", "dep→gov", "100", "80.0", "50.0", "40.0", "0.875"]);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
