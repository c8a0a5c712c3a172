//! Arcs with their relations, from the ensembles of all relations together (Limisiewicz et al. 2020, §3.4; METHOD §6).
//!
//! The two ensembles of a relation make one map of it: the geometric mean of their averaged maps, weighted with their
//! accuracies where they were gathered. Over the relations the highest map says how good an arc is and what it is called.
//!
//! The maps of different relations are not comparable as they are: the heads of a relation of few words may attend to
//! the neighbour of *every* word, and then give its name to every arc. [`Calibration`] replaces a map's weight by how often
//! arcs of that weight are of the relation, counted where the ensembles were gathered.

use std::collections::BTreeMap;

use headlight_attention::{AttentionHead, WordAttention};
use headlight_treebank::{Granularity, Sentence};

use crate::Direction;
use crate::ensembles::{Ensemble, EnsembleKey};

/// The least weight of an arc: a geometric mean with 0 is 0 whatever the other direction says. That of the released code.
const FLOOR: f32 = 1e-3;
/// Steps of weight, equal in the logarithm from [`FLOOR`] to 1, between which calibration tells arcs apart.
const BINS: usize = 30;
/// The least calibrated share.
const RARELY: f32 = 1e-6;

/// The ensembles of some relations, as one parser.
#[derive(Clone, PartialEq, Debug)]
pub struct LabelledEnsembles {
    relations: Vec<RelationEnsembles>,
}

/// The ensembles of one relation by direction: heads, and the weight of their map.
#[derive(Clone, PartialEq, Debug)]
struct RelationEnsembles {
    name: Box<str>,
    parts: Vec<(Direction, Vec<AttentionHead>, f32)>,
}

impl LabelledEnsembles {
    /// The ensembles of those `relations` that have any. A map's weight is its accuracy raised to `power`.
    pub fn new(ensembles: &BTreeMap<EnsembleKey, Ensemble>, relations: &[String], power: f64) -> Self {
        let of = |name: &String| {
            let part = |direction: Direction| {
                let ensemble = ensembles.get(&(name.as_str().into(), direction))?;
                let accuracy = ensemble.correct as f64 / ensemble.total as f64;
                let weight = accuracy.powf(power) as f32;
                (!ensemble.heads.is_empty() && weight > 0.0).then(|| (direction, ensemble.heads.clone(), weight))
            };
            let parts: Vec<_> = Direction::BOTH.into_iter().filter_map(part).collect();
            (!parts.is_empty()).then(|| RelationEnsembles { name: name.as_str().into(), parts })
        };
        Self { relations: relations.iter().filter_map(of).collect() }
    }

    /// The relations that arcs may have, in the order of their numbers.
    pub fn relations(&self) -> impl ExactSizeIterator<Item = &str> {
        self.relations.iter().map(|relation| &*relation.name)
    }

    /// The map of each relation.
    pub fn maps(&self, attention: &WordAttention) -> RelationMaps {
        let words = attention.words();
        let mut weights = Vec::with_capacity(self.relations.len() * words * words);
        let mut sums = vec![0.0; words];
        for relation in &self.relations {
            let all: f32 = relation.parts.iter().map(|(_, _, weight)| weight).sum();
            for dependent in 0..words {
                let start = weights.len();
                weights.resize(start + words, 0.0);
                for (direction, heads, weight) in &relation.parts {
                    sums.fill(0.0);
                    heads.iter().for_each(|&head| add(attention, head, *direction, dependent, &mut sums));
                    for (log, sum) in weights[start..].iter_mut().zip(&sums) {
                        *log += weight / all * (sum / heads.len() as f32).clamp(FLOOR, 1.0).ln();
                    }
                }
            }
        }
        RelationMaps { words, weights }
    }
}

/// Adds a head's weights between a dependent and each word as its governor, by who attends: the dependent's row, or its
/// column, where each governor's own row has the weight.
fn add(attention: &WordAttention, head: AttentionHead, direction: Direction, dependent: usize, sums: &mut [f32]) {
    match direction {
        Direction::DependentToGovernor => {
            sums.iter_mut().zip(attention.row(head, dependent)).for_each(|(sum, weight)| *sum += weight);
        }
        Direction::GovernorToDependent => {
            sums.iter_mut().zip(attention.column(head, dependent)).for_each(|(sum, weight)| *sum += weight);
        }
        Direction::LaterToEarlier => {
            let (row, column) = (attention.row(head, dependent), attention.column(head, dependent));
            for ((word, sum), (by_row, by_column)) in sums.iter_mut().enumerate().zip(row.iter().copied().zip(column)) {
                *sum += if word < dependent { by_row } else { by_column };
            }
        }
    }
}

/// How much the ensembles of each relation speak for each arc of a sentence: natural logarithms of weights between
/// 0.001 and 1, `[relation, dependent, governor]`. What a word says of itself means nothing.
#[derive(Clone, PartialEq, Debug)]
pub struct RelationMaps {
    words: usize,
    weights: Vec<f32>,
}

impl RelationMaps {
    /// For each arc the relation that speaks for it most, the lowest of equals; with a calibration, the one whose arcs of
    /// this weight are most often right.
    pub fn arcs(&self, calibration: Option<&Calibration>) -> LabelledArcs {
        let places = self.words * self.words;
        let mut arcs =
            LabelledArcs { words: self.words, scores: vec![f32::NEG_INFINITY; places], relations: vec![0; places] };
        for (number, map) in self.weights.chunks_exact(places.max(1)).enumerate() {
            for (place, &weight) in map.iter().enumerate() {
                let score = calibration.map_or(weight, |calibration| calibration.score(number, weight));
                if score > arcs.scores[place] {
                    arcs.scores[place] = score;
                    arcs.relations[place] = number as u16;
                }
            }
        }
        arcs
    }
}

/// The best relation of each arc of a sentence, and how good the arc is.
#[derive(Clone, PartialEq, Debug)]
pub struct LabelledArcs {
    words: usize,
    scores: Vec<f32>,
    relations: Vec<u16>,
}

impl LabelledArcs {
    /// How good an arc is: the logarithm of a weight or share, so that those of a tree may be summed.
    pub fn score(&self, dependent: usize, governor: usize) -> f32 {
        self.scores[dependent * self.words + governor]
    }

    /// The number of its relation among [`LabelledEnsembles::relations`].
    pub fn relation(&self, dependent: usize, governor: usize) -> usize {
        self.relations[dependent * self.words + governor].into()
    }
}

/// For each relation and step of weight, how many arcs the maps give it, and how many of those are of the relation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reliability {
    counts: Vec<[(u64, u64); BINS]>,
}

impl Reliability {
    /// Counts the arcs that `maps` speaks for in one sentence: all pairs of words but those whose dependent is the root.
    pub fn observe(
        &mut self,
        ensembles: &LabelledEnsembles,
        sentence: &Sentence,
        granularity: Granularity,
        maps: &RelationMaps,
    ) {
        self.counts.resize(ensembles.relations.len(), [(0, 0); BINS]);
        let words = maps.words;
        for (relation, counts) in self.counts.iter_mut().enumerate() {
            let name = &*ensembles.relations[relation].name;
            for (dependent, word) in sentence.words().iter().enumerate() {
                let Some(right) = word.governor.word() else { continue };
                let row = &maps.weights[(relation * words + dependent) * words..][..words];
                for (governor, &weight) in row.iter().enumerate().filter(|(governor, _)| *governor != dependent) {
                    let (correct, total) = &mut counts[bin(weight)];
                    *total += 1;
                    *correct += u64::from(governor == right.index() && word.relation.name(granularity) == name);
                }
            }
        }
    }

    /// Adds the counts of other sentences.
    pub fn merge(&mut self, other: &Self) {
        self.counts.resize(self.counts.len().max(other.counts.len()), [(0, 0); BINS]);
        for (ours, others) in self.counts.iter_mut().zip(&other.counts) {
            for ((correct, total), more) in ours.iter_mut().zip(others) {
                *correct += more.0;
                *total += more.1;
            }
        }
    }

    /// How often arcs are of a relation, by its map's weight: shares that never fall as the weight rises, the closest to
    /// what was counted (isotonic regression by pooling adjacent violators; Ayer et al. 1955).
    pub fn calibration(&self) -> Calibration {
        Calibration { shares: self.counts.iter().map(rising_shares).collect() }
    }
}

/// What a weight of a relation's map is worth: the share of arcs that are of the relation.
#[derive(Clone, PartialEq, Debug)]
pub struct Calibration {
    shares: Vec<[f32; BINS]>,
}

impl Calibration {
    /// The logarithm of the share, and a trace of the weight, so that arcs of one step keep their order.
    fn score(&self, relation: usize, weight: f32) -> f32 {
        self.shares[relation][bin(weight)].max(RARELY).ln() + 1e-4 * weight
    }
}

/// The step that the logarithm of a weight lies in.
fn bin(weight: f32) -> usize {
    let share = 1.0 - weight / FLOOR.ln();
    ((share * BINS as f32) as usize).min(BINS - 1)
}

fn rising_shares(counts: &[(u64, u64); BINS]) -> [f32; BINS] {
    /// Neighbouring steps that share a value: right ones, all, number of steps.
    type Pool = (u64, u64, usize);
    let falls = |a: &Pool, b: &Pool| u128::from(a.0) * u128::from(b.1) >= u128::from(b.0) * u128::from(a.1);
    let mut pools: Vec<Pool> = Vec::new();
    for &(correct, total) in counts {
        pools.push((correct, total, 1));
        while let [.., before, last] = &pools[..]
            && falls(before, last)
        {
            let pooled = (before.0 + last.0, before.1 + last.1, before.2 + last.2);
            pools.truncate(pools.len() - 2);
            pools.push(pooled);
        }
    }
    let mut shares = [0.0; BINS];
    let mut place = 0;
    for (correct, total, steps) in pools {
        let share = if total == 0 { 0.0 } else { correct as f32 / total as f32 };
        shares[place..place + steps].fill(share);
        place += steps;
    }
    shares
}

/// The most frequent relation of arcs of each length: names for the arcs of a tree that has none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OffsetRelations {
    /// By governor's place minus dependent's place.
    counts: BTreeMap<i64, BTreeMap<Box<str>, u64>>,
}

impl OffsetRelations {
    /// Counts the arcs of one sentence, without those of punctuation and of the root.
    pub fn observe(&mut self, sentence: &Sentence, granularity: Granularity) {
        for (dependent, word) in sentence.words().iter().enumerate().filter(|(_, word)| !word.is_punctuation()) {
            let Some(governor) = word.governor.word() else { continue };
            let of_offset = self.counts.entry(governor.index() as i64 - dependent as i64).or_default();
            *of_offset.entry(word.relation.name(granularity).into()).or_default() += 1;
        }
    }

    /// Adds the counts of other sentences.
    pub fn merge(&mut self, other: &Self) {
        for (offset, relations) in &other.counts {
            let ours = self.counts.entry(*offset).or_default();
            for (relation, more) in relations {
                *ours.entry(relation.clone()).or_default() += more;
            }
        }
    }

    /// The most frequent relation of an offset, the first by name of equals; none of an offset that never occurred.
    pub fn relation(&self, offset: i64) -> Option<&str> {
        let relations = self.counts.get(&offset)?;
        relations.iter().min_by_key(|(_, count)| std::cmp::Reverse(**count)).map(|(name, _)| &**name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use headlight_attention::Frame;

    use super::*;
    use crate::testing::{GRID, sentence, sentences};

    const HEADS: [AttentionHead; 2] = [AttentionHead { layer: 0, index: 0 }, AttentionHead { layer: 1, index: 1 }];

    fn ensemble(heads: &[AttentionHead], correct: u64) -> Ensemble {
        Ensemble { heads: heads.into(), correct, total: 100, ..Ensemble::default() }
    }

    /// `a b`, with the attention from a to b and from b to a of both heads.
    fn attention(of_heads: [[f32; 2]; 2]) -> WordAttention {
        let mut weights = vec![0.0; GRID.len() * 16];
        for (head, [from_a, from_b]) in HEADS.into_iter().zip(of_heads) {
            weights[GRID.number(head) * 16 + 4 + 2] = from_a;
            weights[GRID.number(head) * 16 + 8 + 1] = from_b;
        }
        WordAttention::new(GRID, &Frame::bert(), 2, weights).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn both_directions_make_one_map_by_a_weighted_geometric_mean() {
        let dep = |direction| (Box::from("dep"), direction);
        let both = BTreeMap::from([
            (dep(Direction::DependentToGovernor), ensemble(&HEADS, 80)),
            (dep(Direction::GovernorToDependent), ensemble(&HEADS[1..], 40)),
        ]);
        let attention = attention([[0.9, 0.2], [0.1, 0.4]]);
        let check = |power, dependent: usize, governor, expected: f64| {
            let arcs = LabelledEnsembles::new(&both, &names(&["dep"]), power).maps(&attention).arcs(None);
            let found = f64::from(arcs.score(dependent, governor)).exp();
            assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
        };
        // From a: the mean of 0.9 and 0.1 in a's row, and 0.4 from b in a's column, two to one.
        check(1.0, 0, 1, (0.5_f64.powi(2) * 0.4).powf(1.0 / 3.0));
        check(1.0, 1, 0, (0.3_f64.powi(2) * 0.1).powf(1.0 / 3.0));
        check(2.0, 0, 1, (0.5_f64.powi(4) * 0.4).powf(1.0 / 5.0));
        // A direction that no head ever found has no say.
        let one = BTreeMap::from([(dep(Direction::DependentToGovernor), ensemble(&HEADS, 80))]);
        let arcs = LabelledEnsembles::new(&one, &names(&["dep"]), 1.0).maps(&attention).arcs(None);
        assert!((arcs.score(0, 1) - 0.5_f32.ln()).abs() < 1e-6, "{}", arcs.score(0, 1));
    }

    #[test]
    fn an_arc_has_the_relation_that_speaks_for_it_most() {
        let key = |name: &str| (Box::from(name), Direction::DependentToGovernor);
        let both = BTreeMap::from([(key("det"), ensemble(&HEADS[..1], 90)), (key("obj"), ensemble(&HEADS[1..], 90))]);
        let wanted = names(&["det", "nsubj", "obj"]);
        let ensembles = LabelledEnsembles::new(&both, &wanted, 1.0);
        assert_eq!(ensembles.relations().collect::<Vec<_>>(), ["det", "obj"]);
        let maps = ensembles.maps(&attention([[0.9, 0.2], [0.1, 0.4]]));
        let arcs = maps.arcs(None);
        assert_eq!((arcs.relation(0, 1), arcs.relation(1, 0)), (0, 1));
        // Arcs that det's map gives 0.9 are never det: then obj is what is left.
        let mut reliability = Reliability::default();
        let gold = sentence("s", &[(2, "obj"), (0, "root")]);
        reliability.observe(&ensembles, &gold, Granularity::Full, &maps);
        let arcs = maps.arcs(Some(&reliability.calibration()));
        assert_eq!(arcs.relation(0, 1), 1);
        assert!(arcs.score(0, 1).abs() < 1e-3, "{}", arcs.score(0, 1));
    }

    #[test]
    fn shares_rise_with_the_weight() {
        let check = |counts: &[(u64, u64)], expected: &[f32]| {
            let mut all = [(1, 1); BINS];
            all[..counts.len()].copy_from_slice(counts);
            assert_eq!(rising_shares(&all)[..expected.len()], *expected);
        };
        check(&[(1, 10), (2, 10), (9, 10)], &[0.1, 0.2, 0.9, 1.0]);
        check(&[(5, 10), (1, 10), (9, 10)], &[0.3, 0.3, 0.9, 1.0]);
        check(&[(0, 0), (3, 10), (2, 10), (1, 10)], &[0.2, 0.2, 0.2, 0.2, 1.0]);
        assert_eq!([FLOOR.ln(), 0.0, 0.5 * FLOOR.ln()].map(bin), [0, BINS - 1, BINS / 2]);
    }

    #[test]
    fn an_offset_has_its_most_frequent_relation() {
        let mut offsets = OffsetRelations::default();
        offsets.observe(&sentence("s", &[(2, "det"), (0, "root"), (2, "obj"), (2, "punct")]), Granularity::Full);
        let mut more = OffsetRelations::default();
        more.observe(&sentence("t", &[(2, "amod"), (3, "amod"), (0, "root")]), Granularity::Full);
        offsets.merge(&more);
        assert_eq!([1, -1, -2].map(|offset| offsets.relation(offset)), [Some("amod"), Some("obj"), None]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn counts_add_up_and_calibrated_shares_are_those_of_the_pools(
            sentences in sentences(4), seed in prop::collection::vec(0.0_f32..1.0, 4 * 100)
        ) {
            let key = |name: &str, direction| (Box::from(name), direction);
            let ensembles = BTreeMap::from([
                (key("nsubj", Direction::DependentToGovernor), ensemble(&HEADS, 60)),
                (key("nmod", Direction::GovernorToDependent), ensemble(&HEADS[..1], 30)),
            ]);
            let ensembles = LabelledEnsembles::new(&ensembles, &names(&["nmod", "nsubj"]), 1.0);
            let (mut together, mut apart) = (Reliability::default(), Reliability::default());
            let (mut pairs, mut right) = (0, 0);
            for sentence in &sentences {
                let weights = seed.iter().cycle().take(GRID.len() * (sentence.len() + 2).pow(2)).copied().collect();
                let maps = ensembles.maps(&WordAttention::new(GRID, &Frame::bert(), sentence.len(), weights).unwrap());
                let mut alone = Reliability::default();
                for counts in [&mut together, &mut alone] {
                    counts.observe(&ensembles, sentence, Granularity::Full, &maps);
                }
                apart.merge(&alone);
                pairs += (sentence.len() - 1).pow(2) as u64;
                right += sentence.words().iter().filter(|word| word.relation.full() == "nsubj").count() as u64;
            }
            prop_assert_eq!(&together, &apart);
            if let [_, nsubj] = &together.counts[..] {
                prop_assert_eq!(nsubj.iter().map(|(_, total)| total).sum::<u64>(), pairs);
                prop_assert_eq!(nsubj.iter().map(|(correct, _)| correct).sum::<u64>(), right);
                // Pooling keeps what is expected of all arcs together.
                let shares = &together.calibration().shares[1];
                let expected: f64 = shares.iter().zip(nsubj).map(|(&share, &(_, total))| f64::from(share) * total as f64).sum();
                prop_assert!((expected - right as f64).abs() < 1e-3, "{} {}", expected, right);
                prop_assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]));
            }
        }
    }
}
