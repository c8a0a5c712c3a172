//! Choosing the best head of each relation on some sentences, and scoring the choice on others (METHOD §2).
//!
//! Choosing the best of 144 predictors and reporting its score on the same words flatters it. So the two are apart:
//! [`Choices`] are made from [`HeadScores`] of one split, an [`Evaluation`] counts on another. Where there is but one
//! split, [`Selected::TwoFold`] has each half chosen for by the other. [`Selected::Same`] is what the paper did; its
//! result says that it is optimistic.

use std::collections::{BTreeMap, BTreeSet};

use headlight_attention::{AttentionHead, HeadGrid, Visibility};
use headlight_treebank::{Sentence, WordIdx};
use serde::{Deserialize, Serialize};

use crate::hash::fnv1a;
use crate::scores::check_pair;
use crate::{Baseline, Direction, Group, HeadPredictions, HeadScores, MismatchError, Related, Relations};

/// What was chosen for a group of words, with its counts on the data that it was chosen on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The direction in which the head is read.
    pub direction: Direction,
    /// The head.
    pub head: AttentionHead,
    /// The baseline that it is compared with.
    pub baseline: Baseline,
    /// Words of the group.
    pub total: u64,
    /// For how many of them the head is right.
    pub head_correct: u64,
    /// For how many of them the baseline is right.
    pub baseline_correct: u64,
}

/// The best head, direction and baseline for each group of words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choices {
    grid: HeadGrid,
    relations: Relations,
    choices: BTreeMap<Group, Choice>,
}

impl Choices {
    /// Chooses by the counts of `scores`, the baseline among [`crate::BaselineScores::candidates`]. Groups without words in
    /// `scores` get no choice.
    ///
    /// # Panics
    /// When the grid has no head.
    pub fn new(scores: &HeadScores) -> Self {
        let choose = |group: &Group| {
            let (direction, head) = scores.best(group).expect("a head for a group with words");
            let baseline =
                scores.baselines().best(group, scores.directions()).expect("a baseline for a group with words");
            let choice = Choice {
                direction,
                head,
                baseline,
                total: scores.total(group),
                head_correct: scores.correct(group, direction, head),
                baseline_correct: scores.baselines().correct(group, baseline),
            };
            (group.clone(), choice)
        };
        let (relations, choices) = (scores.relations().clone(), scores.groups().map(choose).collect());
        Self { grid: scores.grid(), relations, choices }
    }

    /// What was chosen for a group; `None` where it had no words.
    pub fn choice(&self, group: &Group) -> Option<&Choice> {
        self.choices.get(group)
    }

    /// What was counted to choose by.
    pub fn relations(&self) -> &Relations {
        &self.relations
    }

    /// All choices, aggregates first, relations and paths by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Group, &Choice)> {
        self.choices.iter()
    }
}

/// Half of a treebank.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Fold {
    /// The one half.
    First,
    /// The other half.
    Second,
}

impl Fold {
    /// The half that a sentence belongs to: the parity of the bits of its sent_id's FNV-1a hash. It depends on no seed and on no
    /// other sentence, so that skipping or sharding moves nothing from one half to the other.
    pub fn of(sentence: &Sentence) -> Self {
        Self::of_name(sentence.sent_id())
    }

    /// The half that whatever has this name belongs to, for example a document.
    pub fn of_name(name: &str) -> Self {
        if fnv1a(name.bytes()).count_ones().is_multiple_of(2) { Fold::First } else { Fold::Second }
    }

    /// As tables and reports count them, from 1.
    pub fn number(self) -> u32 {
        self as u32 + 1
    }

    /// The half that is not this one.
    pub fn other(self) -> Self {
        match self {
            Fold::First => Fold::Second,
            Fold::Second => Fold::First,
        }
    }
}

/// What was chosen, with where it was: seen from the sentences that it is scored on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selected<T> {
    /// Chosen on other sentences.
    Elsewhere(T),
    /// On the same sentences, as in the paper: optimistic.
    Same(T),
    /// On the first half for sentences of the second, and the other way round.
    TwoFold {
        /// Chosen on [`Fold::First`].
        first: T,
        /// Chosen on [`Fold::Second`].
        second: T,
    },
}

impl<T> Selected<T> {
    /// What sentences of a half are scored with.
    pub fn of(&self, fold: Fold) -> &T {
        self.for_fold(fold).1
    }

    /// The same, with the half that it was chosen on.
    pub fn for_fold(&self, fold: Fold) -> (Option<Fold>, &T) {
        match self {
            Selected::Elsewhere(chosen) | Selected::Same(chosen) => (None, chosen),
            Selected::TwoFold { first, second } => match fold.other() {
                Fold::First => (Some(Fold::First), first),
                Fold::Second => (Some(Fold::Second), second),
            },
        }
    }

    /// All that was chosen: once, or for each half by the other, what the first is scored with first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let other = matches!(self, Selected::TwoFold { .. }).then(|| self.of(Fold::Second));
        [self.of(Fold::First)].into_iter().chain(other)
    }

    /// What was chosen, where both halves agree.
    pub fn common(&self) -> Option<&T>
    where
        T: PartialEq,
    {
        let mut all = self.iter();
        let first = all.next()?;
        all.all(|other| other == first).then_some(first)
    }
}

/// Counts of one unit for one group: what bootstrap intervals and paired tests resample. A unit is a sentence, unless
/// [`Evaluation::observe_unit`] is told otherwise; those without a word of the group have none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EvaluatedUnit {
    /// The unit's number, counted from 0; see [`BestHeads::joined`].
    pub unit: u32,
    /// Words of the group.
    pub total: u32,
    /// For how many of them the chosen head is right.
    pub head_correct: u32,
    /// For how many of them the chosen baseline is right.
    pub baseline_correct: u32,
}

impl EvaluatedUnit {
    fn add(&mut self, more: &Self) {
        self.total += more.total;
        self.head_correct += more.head_correct;
        self.baseline_correct += more.baseline_correct;
    }
}

/// A choice and what it scores on sentences that it was not made on (but see [`Selected::Same`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScoredChoice {
    /// With two folds, the one that the choice was made on.
    pub selected_on: Option<Fold>,
    /// The choice.
    pub choice: Choice,
    /// Words of the group on the evaluation data.
    pub total: u64,
    /// Those of them whose arc the head can find in the direction of the choice.
    pub reachable: u64,
    /// For how many of them the head is right.
    pub head_correct: u64,
    /// For how many of them the baseline is right.
    pub baseline_correct: u64,
}

/// What the choices for one group score: one choice, or two with two folds, and the counts per sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupResult {
    /// The words counted.
    pub group: Group,
    /// The choices with their counts; with two folds up to two, by fold.
    pub choices: Vec<ScoredChoice>,
    /// Counts per unit, in order, all choices together.
    pub units: Vec<EvaluatedUnit>,
}

impl GroupResult {
    /// Words of the group that were evaluated.
    pub fn total(&self) -> u64 {
        self.choices.iter().map(|scored| scored.total).sum()
    }

    /// How many of them the chosen head can find.
    pub fn reachable(&self) -> u64 {
        self.choices.iter().map(|scored| scored.reachable).sum()
    }

    /// For how many of them the chosen head is right.
    pub fn head_correct(&self) -> u64 {
        self.choices.iter().map(|scored| scored.head_correct).sum()
    }

    /// For how many of them the chosen baseline is right.
    pub fn baseline_correct(&self) -> u64 {
        self.choices.iter().map(|scored| scored.baseline_correct).sum()
    }
}

/// The best heads and what they score.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BestHeads {
    /// Whether the choices were made on the sentences that they are scored on.
    pub optimistic: bool,
    /// Sentences evaluated.
    pub sentences: u32,
    /// So many neighbouring units have one number in the results: 1, or a power of two where there are more than
    /// [`MOST_EVALUATED`].
    pub joined: u32,
    /// One result a group, aggregates first, relations and paths by name.
    pub results: Vec<GroupResult>,
    /// Words that could not be scored because their group has no word in the selection data, by group.
    pub never_selected: Vec<(Group, u64)>,
    /// Choices for groups that have no word in the evaluation data.
    pub never_evaluated: Vec<(Group, Choice)>,
}

/// More units than this are joined with their neighbours, so that memory and the time of resampling do not grow with the
/// treebank. Stretches of sentences that are resampled together are units all the same.
pub const MOST_EVALUATED: u32 = 1 << 16;

/// Counts how choices score, unit by unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evaluation {
    selected: Selected<Choices>,
    visibility: Visibility,
    sentences: u32,
    /// The number after the largest of a unit.
    units: u32,
    /// Of units in one place of the results, the logarithm to base 2.
    joined: u32,
    results: BTreeMap<Group, GroupResult>,
    never_selected: BTreeMap<Group, u64>,
}

impl Evaluation {
    /// Nothing counted yet.
    pub fn new(selected: Selected<Choices>) -> Self {
        let (results, never_selected) = (BTreeMap::new(), BTreeMap::new());
        Self { selected, visibility: Visibility::Full, sentences: 0, units: 0, joined: 0, results, never_selected }
    }

    /// The same for heads of a model that sees so much.
    #[must_use]
    pub fn seen_by(self, visibility: Visibility) -> Self {
        Self { visibility, ..self }
    }

    /// Counts a sentence of the half `fold`, which is of meaning with two folds, and what was predicted for it, as a unit of
    /// its own.
    ///
    /// # Errors
    /// [`MismatchError`] when the predictions are not of this sentence or of other heads than the choices; nothing
    /// is counted then.
    pub fn observe(
        &mut self,
        sentence: &Sentence,
        fold: Fold,
        predictions: &HeadPredictions,
    ) -> Result<(), MismatchError> {
        self.observe_unit(self.sentences, sentence, fold, predictions)
    }

    /// The same as a part of the unit of this number, a document for example.
    ///
    /// # Errors
    /// As [`Evaluation::observe`].
    pub fn observe_unit(
        &mut self,
        unit: u32,
        sentence: &Sentence,
        fold: Fold,
        predictions: &HeadPredictions,
    ) -> Result<(), MismatchError> {
        let (fold, choices) = self.selected.for_fold(fold);
        check_pair(sentence, predictions, choices.grid)?;
        let mut counts: BTreeMap<Group, (EvaluatedUnit, u32)> = BTreeMap::new();
        for Related { word, governor, groups } in choices.relations.of(sentence) {
            for group in groups {
                let Some(choice) = choices.choice(&group) else {
                    *self.never_selected.entry(group).or_default() += 1;
                    continue;
                };
                let head_found = predictions.finds(choice.direction, choice.head, WordIdx::new(word), governor);
                let by_baseline = choice.baseline.governor(word, sentence.len(), governor);
                let start = EvaluatedUnit { unit, total: 0, head_correct: 0, baseline_correct: 0 };
                let (counts, reachable) = counts.entry(group).or_insert((start, 0));
                let reaches = |governor: WordIdx| choice.direction.reaches(self.visibility, word, governor.index());
                *reachable += u32::from(governor.word().is_some_and(reaches));
                counts.total += 1;
                counts.head_correct += u32::from(head_found);
                counts.baseline_correct += u32::from(by_baseline == Some(governor));
            }
        }
        for (group, (counts, reachable)) in counts {
            let choice = choices.choices[&group];
            let start = || GroupResult { group: group.clone(), choices: Vec::new(), units: Vec::new() };
            let result = self.results.entry(group.clone()).or_insert_with(start);
            let scored = ScoredChoice {
                selected_on: fold,
                choice,
                total: counts.total.into(),
                reachable: reachable.into(),
                head_correct: counts.head_correct.into(),
                baseline_correct: counts.baseline_correct.into(),
            };
            add_choice(&mut result.choices, scored);
            add_unit(&mut result.units, EvaluatedUnit { unit: unit >> self.joined, ..counts });
        }
        self.sentences += 1;
        self.units = self.units.max(unit + 1);
        self.join();
        Ok(())
    }

    /// Adds the counts of the sentences that follow.
    ///
    /// # Panics
    /// When the two score different choices.
    pub fn merge(&mut self, following: &Self) {
        assert_eq!(self.selected, following.selected, "counts of different choices cannot be added");
        while self.joined < following.joined {
            self.join_pairs();
        }
        for (group, theirs) in &following.results {
            let start = || GroupResult { group: group.clone(), choices: Vec::new(), units: Vec::new() };
            let result = self.results.entry(group.clone()).or_insert_with(start);
            theirs.choices.iter().for_each(|scored| add_choice(&mut result.choices, *scored));
            for counts in &theirs.units {
                let unit = (self.units + (counts.unit << following.joined)) >> self.joined;
                add_unit(&mut result.units, EvaluatedUnit { unit, ..*counts });
            }
        }
        for (group, words) in &following.never_selected {
            *self.never_selected.entry(group.clone()).or_default() += words;
        }
        self.sentences += following.sentences;
        self.units += following.units;
        self.join();
    }

    /// Keeps the number of places within bounds.
    fn join(&mut self) {
        while self.units.div_ceil(1 << self.joined) > MOST_EVALUATED {
            self.join_pairs();
        }
    }

    fn join_pairs(&mut self) {
        self.joined += 1;
        for result in self.results.values_mut() {
            for counts in std::mem::take(&mut result.units) {
                add_unit(&mut result.units, EvaluatedUnit { unit: counts.unit / 2, ..counts });
            }
        }
    }

    /// What the choices score, and the groups that one of the two sides lacks.
    pub fn finish(self) -> BestHeads {
        let seen = |group: &Group| self.results.contains_key(group) || self.never_selected.contains_key(group);
        let choices = self.selected.iter().flat_map(Choices::iter);
        let mut named = BTreeSet::new();
        let never_evaluated = choices
            .filter(|(group, _)| !seen(group) && named.insert((*group).clone()))
            .map(|(group, choice)| (group.clone(), *choice))
            .collect();
        BestHeads {
            optimistic: matches!(self.selected, Selected::Same(_)),
            sentences: self.sentences,
            joined: 1 << self.joined,
            never_evaluated,
            results: self.results.into_values().collect(),
            never_selected: self.never_selected.into_iter().collect(),
        }
    }
}

/// Adds to the counts of the same unit, or inserts them, by unit. Most come in order.
fn add_unit(units: &mut Vec<EvaluatedUnit>, more: EvaluatedUnit) {
    match units.last_mut() {
        Some(last) if last.unit == more.unit => last.add(&more),
        Some(last) if last.unit > more.unit => match units.binary_search_by_key(&more.unit, |known| known.unit) {
            Ok(at) => units[at].add(&more),
            Err(at) => units.insert(at, more),
        },
        _ => units.push(more),
    }
}

/// Adds to the counts of the same fold's choice, or inserts them, by fold.
fn add_choice(choices: &mut Vec<ScoredChoice>, more: ScoredChoice) {
    match choices.binary_search_by_key(&more.selected_on, |scored| scored.selected_on) {
        Ok(at) => {
            choices[at].total += more.total;
            choices[at].reachable += more.reachable;
            choices[at].head_correct += more.head_correct;
            choices[at].baseline_correct += more.baseline_correct;
        }
        Err(at) => choices.insert(at, more),
    }
}

#[cfg(test)]
mod tests;
