//! Labelled trees of all ensembles together (Limisiewicz et al. 2020, §3.4), beside simpler trees.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anyhow::{Context, Result};
use headlight_attention::{AttentionHead, HeadGrid, WordAttention};
use headlight_heads::labelled::{Calibration, LabelledArcs, LabelledEnsembles, OffsetRelations, Reliability};
use headlight_heads::{Direction, words_only};
use headlight_report::stats::{Bootstrap, Counts, Pair};
use headlight_report::tables::{
    ComparedMeasure, ComparingKind, Difference, EnsembleTree, LabelledMeasure, LabelledPredictor,
};
use headlight_report::{Compared, differences};
use headlight_treebank::{Governor, Granularity, Sentence};
use serde::{Deserialize, Serialize};

use super::{Ensembles, Evaluated, words};
use crate::config::{Settings, mirrored};
use crate::kinds::shared::direction as to_table;
use crate::kinds::shared::rooted::{arborescence, chain, counted_arcs, found, is_governor, of_head};
use crate::run::{Record, Run, Stream, Wants};

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
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Lesson {
    reliability: Reliability,
    offsets: OffsetRelations,
    /// Arcs that the tree of each head has, `[direction, head]`.
    heads: Vec<u64>,
}

impl Lesson {
    fn merge(&mut self, other: &Self) {
        self.reliability.merge(&other.reliability);
        self.offsets.merge(&other.offsets);
        self.heads.resize(self.heads.len().max(other.heads.len()), 0);
        self.heads.iter_mut().zip(&other.heads).for_each(|(all, more)| *all += more);
    }
}

impl Ensembles {
    /// What is learned to make trees of the split that heads are gathered on.
    pub(super) fn lesson(&self, run: &Run, ensembles: &LabelledEnsembles) -> Record<Lesson> {
        let (rows, granularity) = (self.rows, run.settings().treebank.granularity());
        let depends = format!("{granularity:?} {ensembles:?}");
        let ensembles = ensembles.clone();
        let record = Record::new(
            run,
            (Stream::Trees(self.split()), Wants::words(run.settings().treebank.merge_rule())),
            "what ensembles learn to make trees",
            Lesson::default(),
            move |item, _, encoded| {
                let (sentence, attention) = (item.sentence()?, words(encoded)?);
                let mut lesson = Lesson { heads: trees_of_heads(sentence, attention), ..Lesson::default() };
                let maps = ensembles.maps(&rows.of(attention));
                lesson.reliability.observe(&ensembles, sentence, granularity, &maps);
                lesson.offsets.observe(sentence, granularity);
                Ok(lesson)
            },
            |all: &mut Lesson, _, lesson| {
                all.merge(&lesson);
                Ok(())
            },
        );
        record.depends(self.rows).depends(depends)
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
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
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

    /// The relations that arcs may have.
    pub fn relations(&self) -> Vec<String> {
        self.ensembles.relations().map(ToOwned::to_owned).collect()
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

    /// The counts of all sentences as rows: all relations together, with intervals, then each; and what lies between the
    /// predictors.
    ///
    /// # Errors
    /// Those of the bootstrap.
    pub fn rows(
        &self,
        config: &Settings,
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
        let whole =
            LabelledPredictor::ALL.map(|predictor| LabelledMeasure::ALL.map(|measure| whole(predictor, measure)));
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
                    ..self.row(config, predictor, measure, None, Counts::sum(all))
                });
            }
            for measure in LabelledMeasure::ALL {
                rows.extend(by_relation.iter().map(|(relation, rights)| {
                    let counts: Vec<Counts> = rights.iter().map(|right| right.counts(predictor, measure)).collect();
                    self.row(config, predictor, measure, Some(relation), Counts::sum(&counts))
                }));
            }
        }
        let mut between = Vec::new();
        for measure in LabelledMeasure::ALL {
            let of = |predictor: LabelledPredictor| whole[predictor as usize][measure as usize].as_slice();
            let compared: Vec<Compared<'_>> = COMPARED
                .into_iter()
                // Head and chain name arcs alike.
                .filter(|(a, b)| {
                    measure != LabelledMeasure::RelationOfArc || ![*a, *b].contains(&LabelledPredictor::Head)
                })
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
        &self,
        config: &Settings,
        predictor: LabelledPredictor,
        measure: LabelledMeasure,
        relation: Option<&str>,
        (correct, total): (u64, u64),
    ) -> EnsembleTree {
        let head = (predictor == LabelledPredictor::Head).then_some(self.head);
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
}

impl Right {
    fn counts(&self, predictor: LabelledPredictor, measure: LabelledMeasure) -> Counts {
        Counts { correct: self.correct[predictor as usize][measure as usize], total: self.total }
    }
}
