//! Heads that find a relation together (Limisiewicz et al. 2020, *Universal Dependencies according to BERT: both more
//! specific and more general*, §3.2; METHOD §6).
//!
//! For each relation and direction heads are gathered greedily: the head whose map, averaged with those gathered before,
//! is right most often is added, as long as that makes the ensemble more accurate. A round is a pass over the attention of
//! the sentences to select on; what each candidate would score in it is counted by [`EnsembleSearch::observe`].
//!
//! What is counted are the arcs of the relation (DepAcc in §3.1 of the paper). An arc is found from dependent to governor
//! where the governor has the highest weight in the dependent's row, and from governor to dependent where the dependent has
//! the highest weight in the governor's row: who attends is always the row. Of several dependents of one governor at most
//! one is found then.
//!
//! The paper averages maps whose rows sum to 1 over the words alone: [`among_words`](crate::among_words) makes them.

use std::collections::BTreeMap;

use headlight_attention::{AttentionHead, HeadGrid, WordAttention};
use headlight_treebank::{Granularity, Sentence};

use crate::Direction;

/// Which arcs an ensemble looks for: the relation's name, and whose row is read.
pub type EnsembleKey = (Box<str>, Direction);

/// Heads whose maps are averaged.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ensemble {
    /// The heads in the order in which they were added.
    pub heads: Vec<AttentionHead>,
    /// How many arcs the ensemble finds in the sentences that it was selected on.
    pub correct: u64,
    /// How many of them its first head finds alone.
    pub first_correct: u64,
    /// Arcs of the relation there.
    pub total: u64,
    /// Whether no head makes it better, or it is full.
    pub(crate) complete: bool,
}

/// The search for ensembles of all relations at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnsembleSearch {
    grid: HeadGrid,
    granularity: Granularity,
    most: usize,
    ensembles: BTreeMap<EnsembleKey, Ensemble>,
    started: bool,
}

/// What each head would make of each ensemble, in one round.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EnsembleRound {
    counts: BTreeMap<EnsembleKey, (u64, Vec<u64>)>,
}

impl EnsembleRound {
    /// Adds the counts of other sentences.
    pub fn merge(&mut self, other: &Self) {
        for (key, (total, correct)) in &other.counts {
            let ours = self.counts.entry(key.clone()).or_insert_with(|| (0, vec![0; correct.len()]));
            ours.0 += total;
            ours.1.iter_mut().zip(correct).for_each(|(ours, more)| *ours += more);
        }
    }
}

impl EnsembleSearch {
    /// No head gathered yet. An ensemble has at most `most` heads.
    pub fn new(grid: HeadGrid, granularity: Granularity, most: usize) -> Self {
        Self { grid, granularity, most, ensembles: BTreeMap::new(), started: false }
    }

    /// Counts, for each relation and direction whose ensemble may still grow, how often each head would be right
    /// together with it on one sentence. The word that hangs from the root has no governor to find and is left out.
    ///
    /// # Panics
    /// When `attention` is of another sentence or model.
    pub fn observe(&self, sentence: &Sentence, attention: &WordAttention) -> EnsembleRound {
        assert_eq!((attention.words(), attention.grid()), (sentence.len(), self.grid), "attention of something else");
        let mut round = EnsembleRound::default();
        let mut gathered = vec![0.0; sentence.len()];
        let mut together = gathered.clone();
        for (index, word) in sentence.words().iter().enumerate() {
            let Some(governor) = word.governor.word() else { continue };
            for direction in Direction::BOTH {
                let key = (word.relation.name(self.granularity).into(), direction);
                let ensemble = self.ensembles.get(&key);
                if ensemble.map_or(self.started, |ensemble| ensemble.complete) {
                    continue;
                }
                let heads = ensemble.map_or(&[][..], |ensemble| &ensemble.heads);
                let (from, to) = ends(direction, index, governor.index());
                gathered.fill(0.0);
                heads.iter().for_each(|&head| add_row(attention, head, from, &mut gathered));
                let (total, correct) = round.counts.entry(key).or_insert_with(|| (0, vec![0; self.grid.len()]));
                *total += 1;
                for (number, head) in self.grid.iter().enumerate() {
                    if heads.contains(&head) {
                        continue;
                    }
                    together.copy_from_slice(&gathered);
                    add_row(attention, head, from, &mut together);
                    correct[number] += u64::from(highest_other(&together, from) == Some(to));
                }
            }
        }
        round
    }

    /// Adds to each ensemble the head that makes it most accurate; of equals the lowest. Returns whether another round
    /// could make any better.
    pub fn step(&mut self, round: &EnsembleRound) -> bool {
        self.started = true;
        for (key, (total, correct)) in &round.counts {
            let ensemble = self.ensembles.entry(key.clone()).or_default();
            ensemble.total = *total;
            let best = self.grid.iter().enumerate().min_by_key(|(number, _)| std::cmp::Reverse(correct[*number]));
            match best {
                Some((number, head)) if correct[number] > ensemble.correct => {
                    ensemble.heads.push(head);
                    ensemble.correct = correct[number];
                    if ensemble.heads.len() == 1 {
                        ensemble.first_correct = ensemble.correct;
                    }
                    ensemble.complete = ensemble.heads.len() >= self.most;
                }
                _ => ensemble.complete = true,
            }
        }
        self.ensembles.values().any(|ensemble| !ensemble.complete)
    }

    /// The ensembles gathered so far; those of relations that no head ever finds are empty.
    pub fn ensembles(&self) -> &BTreeMap<EnsembleKey, Ensemble> {
        &self.ensembles
    }

    /// How finely relations are told apart.
    pub fn granularity(&self) -> Granularity {
        self.granularity
    }
}

impl Ensemble {
    /// One head on its own.
    pub fn of(head: AttentionHead) -> Self {
        Self { heads: vec![head], ..Self::default() }
    }

    /// The head that was added first, on its own.
    pub fn first(&self) -> Self {
        self.heads.first().map_or_else(Self::default, |&head| Self::of(head))
    }

    /// Whether the ensemble finds an arc, its words counted from 0: of all other words, the one at its other end has the
    /// highest mean weight in the row of the one that attends, the lowest of equals. An empty ensemble finds none.
    pub fn finds(&self, attention: &WordAttention, direction: Direction, dependent: usize, governor: usize) -> bool {
        let (from, to) = ends(direction, dependent, governor);
        let mut together = vec![0.0; attention.words()];
        self.heads.iter().for_each(|&head| add_row(attention, head, from, &mut together));
        !self.heads.is_empty() && highest_other(&together, from) == Some(to)
    }
}

/// The word of an arc that attends, and the one that is attended to.
fn ends(direction: Direction, dependent: usize, governor: usize) -> (usize, usize) {
    match direction {
        Direction::DependentToGovernor => (dependent, governor),
        Direction::GovernorToDependent => (governor, dependent),
        Direction::LaterToEarlier => (dependent.max(governor), dependent.min(governor)),
    }
}

/// Adds the weights that a head has from word `from` to each word.
fn add_row(attention: &WordAttention, head: AttentionHead, from: usize, sums: &mut [f32]) {
    sums.iter_mut().zip(attention.row(head, from)).for_each(|(sum, weight)| *sum += weight);
}

/// The first of the highest weights but that of `own`; what is not a number is never the highest.
fn highest_other(weights: &[f32], own: usize) -> Option<usize> {
    let mut best: Option<(f32, usize)> = None;
    for (word, &weight) in weights.iter().enumerate() {
        if word != own && !weight.is_nan() && best.is_none_or(|(most, _)| weight > most) {
            best = Some((weight, word));
        }
    }
    best.map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use headlight_attention::Frame;

    use super::*;
    use crate::testing::{GRID, sentence, sentences};
    use crate::{HeadScores, predict};

    const HEAD: [AttentionHead; 4] = [
        AttentionHead { layer: 0, index: 0 },
        AttentionHead { layer: 0, index: 1 },
        AttentionHead { layer: 1, index: 0 },
        AttentionHead { layer: 1, index: 1 },
    ];

    /// `a b c`, b is the root. Head 1-1 knows where a hangs, head 1-2 where c does, 2-1 is right about both but less
    /// than it is wrong, and 2-2 knows nothing.
    fn film() -> (Sentence, WordAttention) {
        let sentence = sentence("film", &[(2, "dep"), (0, "root"), (2, "dep")]);
        let mut weights = vec![0.0; 4 * 25];
        let mut set = |head: usize, from: usize, to: usize, weight: f32| {
            weights[head * 25 + (from + 1) * 5 + to + 1] = weight;
        };
        set(0, 0, 1, 0.6);
        set(0, 2, 0, 0.1);
        set(1, 2, 1, 0.6);
        set(1, 0, 2, 0.1);
        set(2, 0, 1, 0.3);
        set(2, 0, 2, 0.4);
        set(2, 2, 1, 0.3);
        set(2, 2, 0, 0.4);
        set(3, 0, 2, 0.9);
        set(3, 2, 0, 0.9);
        (sentence, WordAttention::new(GRID, &Frame::bert(), 3, weights).unwrap())
    }

    #[test]
    fn heads_that_complement_each_other_are_gathered() {
        let (sentence, attention) = film();
        let mut search = EnsembleSearch::new(GRID, Granularity::Full, 4);
        let mut rounds = 0;
        while search.step(&search.observe(&sentence, &attention)) {
            rounds += 1;
        }
        let ensemble = &search.ensembles()[&("dep".into(), Direction::DependentToGovernor)];
        assert_eq!((&ensemble.heads[..], ensemble.correct, ensemble.total), (&HEAD[..2], 2, 2));
        assert!(rounds >= 2, "{rounds}");
        let finds = |ensemble: &Ensemble, word| ensemble.finds(&attention, Direction::DependentToGovernor, word, 1);
        assert!(finds(ensemble, 0) && finds(ensemble, 2));
        assert_eq!((ensemble.first().heads.as_slice(), ensemble.first_correct), (&HEAD[..1], 1));
        assert!(finds(&ensemble.first(), 0) && !finds(&ensemble.first(), 2));
        assert!(!finds(&Ensemble::default(), 0));
    }

    #[test]
    fn from_governor_to_dependent_the_governors_row_is_read() {
        // `a b c` hang from b. b attends to a most, while c gets more from b than from a: by c's column b would be right.
        let sentence = sentence("s", &[(2, "dep"), (0, "root"), (2, "dep")]);
        let mut weights = vec![0.0; 4 * 25];
        for (from, to, weight) in [(1, 0, 0.6), (1, 2, 0.4), (0, 2, 0.1), (2, 0, 0.7)] {
            weights[(from + 1) * 5 + to + 1] = weight;
        }
        let attention = WordAttention::new(GRID, &Frame::bert(), 3, weights).unwrap();
        let mut search = EnsembleSearch::new(GRID, Granularity::Full, 1);
        search.step(&search.observe(&sentence, &attention));
        let ensemble = &search.ensembles()[&("dep".into(), Direction::GovernorToDependent)];
        assert_eq!((&ensemble.heads[..], ensemble.correct, ensemble.total), (&HEAD[..1], 1, 2));
        let finds = |dependent| ensemble.finds(&attention, Direction::GovernorToDependent, dependent, 1);
        assert!(finds(0) && !finds(2));
    }

    #[test]
    fn an_ensemble_is_no_larger_than_allowed() {
        let (sentence, attention) = film();
        let mut search = EnsembleSearch::new(GRID, Granularity::Full, 1);
        assert!(!search.step(&search.observe(&sentence, &attention)));
        assert!(search.ensembles().values().all(|ensemble| ensemble.heads.len() <= 1));
    }

    fn with_attention(sentences: Vec<Sentence>) -> impl Strategy<Value = Vec<(Sentence, WordAttention)>> {
        let cells: usize = sentences.iter().map(|sentence| (sentence.len() + 2).pow(2) * GRID.len()).sum();
        prop::collection::vec(0.0_f32..1.0, cells).prop_map(move |weights| {
            let mut rest = &weights[..];
            let attend = |sentence: &Sentence| {
                let (these, others) = rest.split_at((sentence.len() + 2).pow(2) * GRID.len());
                rest = others;
                (sentence.clone(), WordAttention::new(GRID, &Frame::bert(), sentence.len(), these.to_vec()).unwrap())
            };
            sentences.iter().map(attend).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn one_head_is_the_best_head_and_more_are_never_worse(pairs in sentences(4).prop_flat_map(with_attention)) {
            let mut scores = HeadScores::new(GRID, Granularity::Full);
            let mut search = EnsembleSearch::new(GRID, Granularity::Full, 3);
            for (sentence, attention) in &pairs {
                scores.observe(sentence, &predict(attention).by_rows(sentence)).unwrap();
            }
            let mut before: BTreeMap<EnsembleKey, u64> = BTreeMap::new();
            for number in 0..3 {
                let mut round = EnsembleRound::default();
                pairs.iter().for_each(|(sentence, attention)| round.merge(&search.observe(sentence, attention)));
                let more = search.step(&round);
                for (key, ensemble) in search.ensembles() {
                    if number == 0 {
                        let group = crate::Group::relation(&key.0);
                        let best = GRID.iter().map(|head| scores.correct(&group, key.1, head)).max();
                        prop_assert_eq!(Some(ensemble.correct), best);
                    }
                    prop_assert!(ensemble.correct >= before.get(key).copied().unwrap_or(0));
                    before.insert(key.clone(), ensemble.correct);
                }
                if !more {
                    break;
                }
            }
            for ((relation, direction), ensemble) in search.ensembles() {
                let mut correct = 0;
                for (sentence, attention) in &pairs {
                    for (index, word) in sentence.words().iter().enumerate() {
                        let governor = word.governor.word().map(headlight_treebank::WordIdx::index);
                        let Some(governor) = governor.filter(|_| word.relation.full() == &**relation) else { continue };
                        correct += u64::from(ensemble.finds(attention, *direction, index, governor));
                    }
                }
                prop_assert_eq!(correct, ensemble.correct);
            }
        }
    }
}
