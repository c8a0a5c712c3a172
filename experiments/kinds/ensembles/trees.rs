//! Labelled trees of all ensembles together (Limisiewicz et al. 2020, §3.4), beside simpler trees.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::{Context, Result};
use headlight_attention::{AttentionHead, HeadGrid, WordAttention};
use headlight_heads::labelled::{Calibration, LabelledArcs, LabelledEnsembles, OffsetRelations, Reliability};
use headlight_heads::{Direction, Selected, words_only};
use headlight_report::tables::{
    ComparedMeasure, ComparingKind, Difference, EnsembleTree, LabelledMeasure, LabelledPredictor,
};
use headlight_report::{Compared, differences};
use headlight_stats::{Bootstrap, Counts, Pair};
use headlight_treebank::{Governor, Granularity, Sentence};

use super::{Evaluated, Gathered, halves};
use crate::config::{Settings, mirrored};
use crate::kinds::shared::direction as to_table;
use crate::kinds::shared::rooted::{arborescence, chain, counted_arcs, found, is_governor, of_head};

/// Who is compared with whom.
const COMPARED: [(LabelledPredictor, LabelledPredictor); 6] = [
    (LabelledPredictor::Ensembles, LabelledPredictor::Head),
    (LabelledPredictor::Ensembles, LabelledPredictor::Chain),
    (LabelledPredictor::Calibrated, LabelledPredictor::Ensembles),
    (LabelledPredictor::Calibrated, LabelledPredictor::Head),
    (LabelledPredictor::Calibrated, LabelledPredictor::Chain),
    (LabelledPredictor::Head, LabelledPredictor::Chain),
];

mirrored! {
    /// A measure as `differences` has it.
    fn compared_by(LabelledMeasure) -> ComparedMeasure { UasGivenRoot, LasGivenRoot, RelationOfArc }
}

/// What is needed to make trees, learned where the ensembles were gathered.
#[derive(Debug)]
pub struct Parsers {
    ensembles: LabelledEnsembles,
    calibration: Calibration,
    offsets: OffsetRelations,
    head: (AttentionHead, Direction),
    granularity: Granularity,
}

/// What sentences say of how trees are best made.
#[derive(Clone, Default)]
pub struct Lesson {
    reliability: Reliability,
    offsets: OffsetRelations,
    /// Arcs that the tree of each head has, `[direction, head]`.
    heads: Vec<u64>,
}

impl Lesson {
    /// Adds what other sentences say.
    pub fn merge(&mut self, other: &Self) {
        self.reliability.merge(&other.reliability);
        self.offsets.merge(&other.offsets);
        self.heads.resize(self.heads.len().max(other.heads.len()), 0);
        self.heads.iter_mut().zip(&other.heads).for_each(|(all, more)| *all += more);
    }

    /// What one sentence says; `maps` is the attention that ensembles read.
    pub fn of(
        ensembles: &LabelledEnsembles,
        sentence: &Sentence,
        attention: &WordAttention,
        maps: &WordAttention,
        granularity: Granularity,
    ) -> Self {
        let mut lesson = Self { heads: trees_of_heads(sentence, attention), ..Self::default() };
        lesson.reliability.observe(ensembles, sentence, granularity, &ensembles.maps(maps));
        lesson.offsets.observe(sentence, granularity);
        lesson
    }
}

fn trees_of_heads(sentence: &Sentence, attention: &WordAttention) -> Vec<u64> {
    let arcs = counted_arcs(sentence);
    let weights: Vec<Vec<f32>> = attention.grid().iter().map(|head| words_only(attention, head)).collect();
    let right = |weights: &Vec<f32>, direction| {
        of_head(sentence, weights, direction).map_or(0, |governors| found(&arcs, &governors) as u64)
    };
    let both = Direction::BOTH.into_iter();
    both.flat_map(|direction| weights.iter().map(move |weights| right(weights, direction))).collect()
}

fn best_head(grid: HeadGrid, right: &[u64]) -> Option<(AttentionHead, Direction)> {
    let all = Direction::BOTH.into_iter().flat_map(|direction| grid.iter().map(move |head| (head, direction)));
    all.zip(right).min_by_key(|(_, right)| Reverse(**right)).map(|(best, _)| best)
}

/// Arcs, and how many of them each predictor has right.
#[derive(Clone, Copy, Default)]
pub struct Right {
    total: u32,
    /// `[predictor, measure]`
    correct: [[u32; LabelledMeasure::ALL.len()]; LabelledPredictor::ALL.len()],
}

/// What one sentence counts, by relation.
pub type SentenceTrees = BTreeMap<Box<str>, Right>;

impl Parsers {
    /// What makes trees of these ensembles after a lesson.
    ///
    /// # Errors
    /// When the model has no heads.
    pub fn new(grid: HeadGrid, granularity: Granularity, ensembles: LabelledEnsembles, lesson: Lesson) -> Result<Self> {
        let head = best_head(grid, &lesson.heads).context("the model has no heads")?;
        let calibration = lesson.reliability.calibration();
        Ok(Self { ensembles, calibration, offsets: lesson.offsets, head, granularity })
    }

    /// Makes and counts the trees of a sentence; `maps` is the attention that ensembles read.
    pub fn count(&self, sentence: &Sentence, attention: &WordAttention, maps: &WordAttention) -> SentenceTrees {
        let maps = self.ensembles.maps(maps);
        let plain = maps.arcs(None);
        let calibrated = maps.arcs(Some(&self.calibration));
        let named = |arcs: &LabelledArcs, dependent, governor| {
            self.ensembles.relations().nth(arcs.relation(dependent, governor)).map(ToOwned::to_owned)
        };
        let mut counts = SentenceTrees::new();
        for predictor in LabelledPredictor::ALL {
            let governors = match predictor {
                LabelledPredictor::Ensembles => {
                    arborescence(sentence, |dependent, governor| plain.score(dependent, governor))
                }
                LabelledPredictor::Calibrated => {
                    arborescence(sentence, |dependent, governor| calibrated.score(dependent, governor))
                }
                LabelledPredictor::Head => of_head(sentence, &words_only(attention, self.head.0), self.head.1),
                LabelledPredictor::Chain => Some(chain(sentence)),
            };
            let name = |dependent: usize, governor: usize| match predictor {
                LabelledPredictor::Ensembles => named(&plain, dependent, governor),
                LabelledPredictor::Calibrated => named(&calibrated, dependent, governor),
                LabelledPredictor::Head | LabelledPredictor::Chain => {
                    self.offsets.relation(governor as i64 - dependent as i64).map(ToOwned::to_owned)
                }
            };
            self.add(&mut counts, sentence, predictor, governors.as_deref(), name);
        }
        counts
    }

    fn add(
        &self,
        counts: &mut SentenceTrees,
        sentence: &Sentence,
        predictor: LabelledPredictor,
        governors: Option<&[Governor]>,
        name: impl Fn(usize, usize) -> Option<String>,
    ) {
        for (dependent, governor) in counted_arcs(sentence) {
            let relation = sentence.words()[dependent].relation.name(self.granularity);
            let attached = governors.is_some_and(|governors| is_governor(governors, dependent, governor));
            let called = name(dependent, governor).as_deref() == Some(relation);
            let counts = counts.entry(relation.into()).or_default();
            counts.total += u32::from(predictor == LabelledPredictor::ALL[0]);
            // Where the governor is right, the arc of the tree is that of the treebank.
            for (correct, right) in
                counts.correct[predictor as usize].iter_mut().zip([attached, attached && called, called])
            {
                *correct += u32::from(right);
            }
        }
    }
}

/// The relations that arcs may have, of both halves together; `None` where no trees are made.
pub fn relations(gathered: &Selected<Gathered>) -> Option<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for gathered in halves(gathered) {
        for relation in gathered.parsers.as_ref()?.ensembles.relations() {
            if !all.iter().any(|known| known == relation) {
                all.push(relation.to_owned());
            }
        }
    }
    Some(all)
}

/// The single head whose trees stand beside those of ensembles, where both halves chose the same.
pub fn single_head(gathered: &Selected<Gathered>) -> Option<(AttentionHead, Direction)> {
    let mut heads = halves(gathered).into_iter().filter_map(|gathered| Some(gathered.parsers.as_ref()?.head));
    let first = heads.next()?;
    heads.all(|head| head == first).then_some(first)
}

/// The counts of all sentences as rows: all relations together, with intervals, then each; and what lies between the
/// predictors.
///
/// # Errors
/// Those of the bootstrap.
pub fn rows(
    config: &Settings,
    head: Option<(AttentionHead, Direction)>,
    evaluated: &Evaluated,
    bootstrap: &Bootstrap,
) -> Result<(Vec<EnsembleTree>, Vec<Difference>)> {
    let whole = |predictor: LabelledPredictor, measure: LabelledMeasure| -> Vec<Counts> {
        let of = |sentence: &SentenceTrees| {
            let parts = sentence.values().map(|right| right.counts(predictor, measure));
            let (correct, total) = Counts::sum(&parts.collect::<Vec<_>>());
            Counts { correct: correct as u32, total: total as u32 }
        };
        evaluated.units.sums(&evaluated.trees.iter().map(of).collect::<Vec<_>>())
    };
    let whole = LabelledPredictor::ALL.map(|predictor| LabelledMeasure::ALL.map(|measure| whole(predictor, measure)));
    let mut by_relation: BTreeMap<&str, Vec<&Right>> = BTreeMap::new();
    for (relation, right) in evaluated.trees.iter().flatten() {
        by_relation.entry(relation).or_default().push(right);
    }
    let mut rows = Vec::new();
    for (predictor, whole) in LabelledPredictor::ALL.into_iter().zip(&whole) {
        let intervals = bootstrap.intervals(&whole.each_ref().map(Vec::as_slice))?;
        for ((measure, all), interval) in LabelledMeasure::ALL.into_iter().zip(whole).zip(intervals) {
            rows.push(EnsembleTree {
                ci_low: interval.map(|interval| interval.low),
                ci_high: interval.map(|interval| interval.high),
                ..row(config, head, (predictor, measure), None, Counts::sum(all))
            });
        }
        for measure in LabelledMeasure::ALL {
            rows.extend(by_relation.iter().map(|(relation, rights)| {
                let counts: Vec<Counts> = rights.iter().map(|right| right.counts(predictor, measure)).collect();
                row(config, head, (predictor, measure), Some(relation), Counts::sum(&counts))
            }));
        }
    }
    let mut between = Vec::new();
    for measure in LabelledMeasure::ALL {
        let of = |predictor: LabelledPredictor| whole[predictor as usize][measure as usize].as_slice();
        let compared: Vec<Compared<'_>> = COMPARED
            .into_iter()
            // Head and chain name arcs alike.
            .filter(|(a, b)| measure != LabelledMeasure::RelationOfArc || ![*a, *b].contains(&LabelledPredictor::Head))
            .map(|(a, b)| Compared { a: a.name(), b: b.name(), group: None, counts: Pair { a: of(a), b: of(b) } })
            .collect();
        between.extend(differences(
            ComparingKind::Ensembles,
            compared_by(measure),
            &compared,
            evaluated.units.unit(),
            bootstrap,
        )?);
    }
    Ok((rows, between))
}

fn row(
    config: &Settings,
    head: Option<(AttentionHead, Direction)>,
    (predictor, measure): (LabelledPredictor, LabelledMeasure),
    relation: Option<&str>,
    (correct, total): (u64, u64),
) -> EnsembleTree {
    let head = head.filter(|_| predictor == LabelledPredictor::Head);
    EnsembleTree {
        treebank: config.treebank.display_name(),
        predictor,
        layer_index: head.map(|(head, _)| head.layer as u32),
        head_index: head.map(|(head, _)| head.index as u32),
        direction: head.map(|(_, direction)| to_table(direction)),
        measure,
        relation: relation.map(ToOwned::to_owned),
        correct,
        total,
        ci_low: None,
        ci_high: None,
    }
}

impl Right {
    fn counts(&self, predictor: LabelledPredictor, measure: LabelledMeasure) -> Counts {
        Counts { correct: self.correct[predictor as usize][measure as usize], total: self.total }
    }
}
