//! What ensembles find beside single heads: their first one, and the best of either direction.

use std::collections::BTreeMap;

use anyhow::Result;
use headlight_attention::{AttentionHead, WordAttention};
use headlight_heads::Direction;
use headlight_heads::ensembles::{Ensemble, EnsembleKey};
use headlight_report::stats::{Bootstrap, Counts, Pair};
use headlight_report::tables::{self, ComparedMeasure, ComparingKind, Difference};
use headlight_report::{BEST_HEAD, Compared, FIRST_HEAD, differences};
use headlight_treebank::{Granularity, Sentence};
use serde::{Deserialize, Serialize};

use super::Evaluated;
use crate::config::Settings;
use crate::kinds::shared::direction;

/// The ensembles of relations with enough words to select on.
#[derive(Debug)]
pub struct Chosen {
    pub ensembles: BTreeMap<EnsembleKey, Ensemble>,
    /// By relation the single head that was best where ensembles were gathered, of both directions.
    best: BTreeMap<Box<str>, (Direction, AttentionHead)>,
}

/// Arcs of one relation in one sentence.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Hits {
    total: u32,
    /// Found by the ensemble.
    together: u32,
    /// Found by its first head.
    alone: u32,
    /// Found by the best head of either direction.
    best: u32,
}

/// What one sentence counts.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Scored(BTreeMap<EnsembleKey, Hits>);

impl Chosen {
    pub fn new(ensembles: BTreeMap<EnsembleKey, Ensemble>) -> Self {
        let mut best: BTreeMap<Box<str>, (Direction, AttentionHead)> = BTreeMap::new();
        let mut most: BTreeMap<&str, u64> = BTreeMap::new();
        for ((relation, direction), ensemble) in &ensembles {
            let Some(&head) = ensemble.heads.first() else { continue };
            let most = most.entry(relation).or_default();
            if ensemble.first_correct > *most {
                *most = ensemble.first_correct;
                best.insert(relation.clone(), (*direction, head));
            }
        }
        Self { ensembles, best }
    }

    pub fn score(&self, sentence: &Sentence, attention: &WordAttention, granularity: Granularity) -> Scored {
        let mut relations: BTreeMap<EnsembleKey, Hits> = BTreeMap::new();
        for (index, word) in sentence.words().iter().enumerate() {
            let Some(governor) = word.governor.word().map(headlight_treebank::WordIdx::index) else { continue };
            for direction in Direction::BOTH {
                let key = (word.relation.name(granularity).into(), direction);
                let Some(ensemble) = self.ensembles.get(&key) else { continue };
                let best = self
                    .best
                    .get(&key.0)
                    .is_some_and(|&(direction, head)| Ensemble::of(head).finds(attention, direction, index, governor));
                let hits = relations.entry(key).or_default();
                hits.total += 1;
                hits.together += u32::from(ensemble.finds(attention, direction, index, governor));
                hits.alone += u32::from(ensemble.first().finds(attention, direction, index, governor));
                hits.best += u32::from(best);
            }
        }
        Scored(relations)
    }
}

/// What one ensemble finds, by unit.
struct OfEnsemble<'a> {
    key: &'a EnsembleKey,
    ensemble: &'a Ensemble,
    best: (Direction, AttentionHead),
    /// As the table of differences names it.
    name: String,
    together: Vec<Counts>,
    alone: Vec<Counts>,
    of_best: Vec<Counts>,
}

/// The ensembles as rows, and their differences to single heads: each to its first head, and each relation's better
/// direction, by where heads were gathered, to the best head of either direction.
///
/// # Errors
/// Those of the bootstrap.
pub fn rows(
    config: &Settings,
    chosen: &Chosen,
    evaluated: &Evaluated,
    bootstrap: &Bootstrap,
) -> Result<(Vec<tables::Ensemble>, Vec<Difference>)> {
    let of_ensemble = |(key, ensemble)| {
        let key: &EnsembleKey = key;
        let counts = |of: fn(&Hits) -> u32| {
            let count = |scored: &Scored| {
                let hits = scored.0.get(key).copied().unwrap_or_default();
                Counts { correct: of(&hits), total: hits.total }
            };
            evaluated.units.sums(&evaluated.scored.iter().map(count).collect::<Vec<_>>())
        };
        Some(OfEnsemble {
            key,
            ensemble,
            best: *chosen.best.get(&key.0)?,
            name: format!("ensemble, {}", key.1),
            together: counts(|hits| hits.together),
            alone: counts(|hits| hits.alone),
            of_best: counts(|hits| hits.best),
        })
    };
    let all: Vec<OfEnsemble<'_>> = chosen.ensembles.iter().filter_map(of_ensemble).collect();
    let mut rows = Vec::new();
    let mut compared = Vec::new();
    for of in &all {
        let Some(intervals) = bootstrap.paired(&[Pair { a: &of.together, b: &of.alone }])?[0] else { continue };
        let ((correct, total), (single_correct, _)) = (Counts::sum(&of.together), Counts::sum(&of.alone));
        let heads: Vec<String> = of.ensemble.heads.iter().map(ToString::to_string).collect();
        let group = Some(&*of.key.0);
        if heads.len() > 1 {
            let counts = Pair { a: &of.together, b: &of.alone };
            compared.push(Compared { a: &of.name, b: FIRST_HEAD, group, counts });
        }
        let other = all.iter().find(|other| other.key.0 == of.key.0 && other.key.1 != of.key.1);
        let is_better = other.is_none_or(|other| match of.key.1 {
            Direction::DependentToGovernor => of.ensemble.correct >= other.ensemble.correct,
            Direction::GovernorToDependent | Direction::LaterToEarlier => of.ensemble.correct > other.ensemble.correct,
        });
        // Where the best head is the ensemble's own first one, the two comparisons are one.
        let is_first = of.key.1 == of.best.0 && of.ensemble.heads.first() == Some(&of.best.1);
        if is_better && !is_first {
            let counts = Pair { a: &of.together, b: &of.of_best };
            compared.push(Compared { a: &of.name, b: BEST_HEAD, group, counts });
        }
        rows.push(tables::Ensemble {
            treebank: config.treebank.display_name(),
            relation: of.key.0.to_string(),
            direction: direction(of.key.1),
            single_head: heads.first().cloned().unwrap_or_default(),
            heads: heads.join(" "),
            selected_correct: of.ensemble.correct,
            selected_total: of.ensemble.total,
            correct,
            total,
            ci_low: Some(intervals.a.low),
            ci_high: Some(intervals.a.high),
            single_correct,
            difference_ci_low: Some(intervals.difference.low),
            difference_ci_high: Some(intervals.difference.high),
            best_head: of.best.1.to_string(),
            best_direction: direction(of.best.0),
            best_correct: Counts::sum(&of.of_best).0,
        });
    }
    let (kind, measure) = (ComparingKind::Ensembles, ComparedMeasure::ArcsFound);
    let differences = differences(kind, measure, &compared, evaluated.units.unit(), bootstrap)?;
    Ok((rows, differences))
}
