//! What ensembles find beside single heads: their first one, and the best of either direction.

use std::collections::BTreeMap;

use anyhow::Result;
use headlight_attention::{AttentionHead, WordAttention};
use headlight_heads::ensembles::{Ensemble, EnsembleKey};
use headlight_heads::{Direction, Selected};
use headlight_report::tables::{self, ComparedMeasure, ComparingKind, Difference};
use headlight_report::{BEST_HEAD, Compared, FIRST_HEAD, differences};
use headlight_stats::{Bootstrap, Counts, Pair};
use headlight_treebank::{Granularity, Sentence};

use super::{Evaluated, Gathered, either, halves};
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
#[derive(Clone, Copy, Default)]
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
#[derive(Clone, Default)]
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

/// What one ensemble finds, by unit; with folds that of each on the sentences of the other.
struct OfEnsemble<'a> {
    key: &'a EnsembleKey,
    /// One, or that of each half.
    ensembles: Vec<&'a Ensemble>,
    /// The best single heads of either direction, in the same order.
    best: Vec<(Direction, AttentionHead)>,
    /// As the table of differences names it.
    name: String,
    together: Vec<Counts>,
    alone: Vec<Counts>,
    of_best: Vec<Counts>,
}

impl OfEnsemble<'_> {
    /// A count of where heads were gathered.
    fn gathered(&self, count: fn(&Ensemble) -> u64) -> u64 {
        self.ensembles.iter().map(|ensemble| count(ensemble)).sum()
    }

    /// Whether the best head of either direction is the ensemble's own first one.
    fn begins_with_the_best(&self) -> bool {
        let mut both = self.ensembles.iter().zip(&self.best);
        both.all(|(ensemble, (direction, head))| *direction == self.key.1 && ensemble.heads.first() == Some(head))
    }
}

/// The ensembles as rows, and their differences to single heads: each to its first head, and each relation's better
/// direction, by where heads were gathered, to the best head of either direction. With folds those that both halves have.
///
/// # Errors
/// Those of the bootstrap.
pub fn rows(
    config: &Settings,
    gathered: &Selected<Gathered>,
    evaluated: &Evaluated,
    bootstrap: &Bootstrap,
) -> Result<(Vec<tables::Ensemble>, Vec<Difference>)> {
    let halves = halves(gathered);
    let of_key = |key| {
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
            ensembles: halves.iter().map(|it| it.chosen.ensembles.get(key)).collect::<Option<_>>()?,
            best: halves.iter().map(|it| it.chosen.best.get(&key.0).copied()).collect::<Option<_>>()?,
            name: format!("ensemble, {}", key.1),
            together: counts(|hits| hits.together),
            alone: counts(|hits| hits.alone),
            of_best: counts(|hits| hits.best),
        })
    };
    let all: Vec<OfEnsemble<'_>> = halves[0].chosen.ensembles.keys().filter_map(of_key).collect();
    let mut rows = Vec::new();
    let mut compared = Vec::new();
    let pairs: Vec<Pair<'_>> = all.iter().map(|of| Pair { a: &of.together, b: &of.alone }).collect();
    for (of, intervals) in all.iter().zip(bootstrap.paired(&pairs)?) {
        let Some(intervals) = intervals else { continue };
        let ((correct, total), (single_correct, _)) = (Counts::sum(&of.together), Counts::sum(&of.alone));
        let names = |heads: &[AttentionHead]| heads.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let (relation, way) = of.key;
        let group = Some(&**relation);
        if of.ensembles.iter().any(|ensemble| ensemble.heads.len() > 1) {
            let counts = Pair { a: &of.together, b: &of.alone };
            compared.push(Compared { a: &of.name, b: FIRST_HEAD, group, counts });
        }
        let right = |of: &OfEnsemble<'_>| of.gathered(|ensemble| ensemble.correct);
        let other = all.iter().find(|other| other.key.0 == *relation && other.key.1 != *way);
        let is_better = other.is_none_or(|other| match way {
            Direction::DependentToGovernor => right(of) >= right(other),
            Direction::GovernorToDependent | Direction::LaterToEarlier => right(of) > right(other),
        });
        // Where the best head is the ensemble's own first one, the two comparisons are one.
        if is_better && !of.begins_with_the_best() {
            let counts = Pair { a: &of.together, b: &of.of_best };
            compared.push(Compared { a: &of.name, b: BEST_HEAD, group, counts });
        }
        let best_way = of.best[0].0;
        rows.push(tables::Ensemble {
            treebank: config.treebank.display_name(),
            relation: relation.to_string(),
            direction: direction(*way),
            heads: either(of.ensembles.iter().map(|ensemble| names(&ensemble.heads))),
            single_head: either(of.ensembles.iter().map(|ensemble| names(&ensemble.heads[..1]))),
            selected_correct: right(of),
            selected_total: of.gathered(|ensemble| ensemble.total),
            correct,
            total,
            ci_low: Some(intervals.a.low),
            ci_high: Some(intervals.a.high),
            single_correct,
            difference_ci_low: Some(intervals.difference.low),
            difference_ci_high: Some(intervals.difference.high),
            best_head: either(of.best.iter().map(|(_, head)| head.to_string())),
            best_direction: of.best.iter().all(|(way, _)| *way == best_way).then(|| direction(best_way)),
            best_correct: Counts::sum(&of.of_best).0,
        });
    }
    let (kind, measure) = (ComparingKind::Ensembles, ComparedMeasure::ArcsFound);
    let differences = differences(kind, measure, &compared, evaluated.units.unit(), bootstrap)?;
    Ok((rows, differences))
}
