//! How often antecedents are found: counts per predictor and type of mention.

use headlight_attention::{AttentionHead, HeadGrid};
use headlight_treebank::coreference::MentionType;
use serde::{Deserialize, Serialize};

use crate::Direction;

/// Who chooses an antecedent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AntecedentPredictor {
    /// An attention head.
    Head {
        /// Dependent→governor: the mention attends to its antecedent. The other way round: the antecedent attends to it.
        direction: Direction,
        /// The head.
        head: AttentionHead,
    },
    /// The nearest preceding mention.
    Nearest,
    /// The nearest preceding mention with the same head word; none where there is none.
    HeadMatch,
    /// Rules: the nearest preceding mention with the same words, else with the same head word, else with the same number,
    /// gender and person, else any.
    Sieves,
}

impl AntecedentPredictor {
    /// Those that need no model.
    pub const BASELINES: [AntecedentPredictor; 3] =
        [AntecedentPredictor::Nearest, AntecedentPredictor::HeadMatch, AntecedentPredictor::Sieves];

    /// Its number among `2 · heads + 3` predictors.
    fn number(self, grid: HeadGrid) -> usize {
        match self {
            AntecedentPredictor::Head { direction, head } => direction.index() * grid.len() + grid.number(head),
            AntecedentPredictor::Nearest => 2 * grid.len(),
            AntecedentPredictor::HeadMatch => 2 * grid.len() + 1,
            AntecedentPredictor::Sieves => 2 * grid.len() + 2,
        }
    }
}

/// The mentions that one count is over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MentionGroup {
    /// All of them.
    All,
    /// Those of one type.
    Type(MentionType),
}

impl MentionGroup {
    /// All groups, in the order of tables.
    pub const ALL: [MentionGroup; 4] = [
        MentionGroup::All,
        MentionGroup::Type(MentionType::Pronoun),
        MentionGroup::Type(MentionType::Proper),
        MentionGroup::Type(MentionType::Nominal),
    ];

    fn number(self) -> usize {
        match self {
            MentionGroup::All => 0,
            MentionGroup::Type(MentionType::Pronoun) => 1,
            MentionGroup::Type(MentionType::Proper) => 2,
            MentionGroup::Type(MentionType::Nominal) => 3,
        }
    }
}

/// How often each predictor finds an antecedent of the mentions that have one in their window.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CoreferenceCounts {
    grid: HeadGrid,
    totals: [u32; 4],
    /// `[group, predictor]`
    correct: Vec<u32>,
}

impl CoreferenceCounts {
    /// Nothing counted yet.
    pub fn new(grid: HeadGrid) -> Self {
        Self { grid, totals: [0; 4], correct: vec![0; MentionGroup::ALL.len() * predictors(grid)] }
    }

    pub(super) fn count(&mut self, kind: MentionType) {
        for group in [MentionGroup::All, MentionGroup::Type(kind)] {
            self.totals[group.number()] += 1;
        }
    }

    pub(super) fn hit(&mut self, kind: MentionType, predictor: AntecedentPredictor) {
        for group in [MentionGroup::All, MentionGroup::Type(kind)] {
            self.correct[group.number() * predictors(self.grid) + predictor.number(self.grid)] += 1;
        }
    }

    /// Adds the counts of other mentions.
    ///
    /// # Panics
    /// When the two are of models with other heads.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.grid, other.grid, "counts of different models cannot be added");
        self.totals.iter_mut().zip(&other.totals).for_each(|(total, more)| *total += more);
        self.correct.iter_mut().zip(&other.correct).for_each(|(correct, more)| *correct += more);
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.grid
    }

    /// Mentions that have an antecedent in their window.
    pub fn total(&self, group: MentionGroup) -> u32 {
        self.totals[group.number()]
    }

    /// For how many of them a predictor finds one.
    pub fn correct(&self, group: MentionGroup, predictor: AntecedentPredictor) -> u32 {
        self.correct[group.number() * predictors(self.grid) + predictor.number(self.grid)]
    }

    /// The direction and head that are right most often; of equals dependent→governor first, then the lower head. `None`
    /// where there is no mention.
    pub fn best(&self, group: MentionGroup) -> Option<(Direction, AttentionHead)> {
        let heads =
            Direction::BOTH.into_iter().flat_map(|direction| self.grid.iter().map(move |head| (direction, head)));
        let rank = |(direction, head): &(Direction, AttentionHead)| {
            let predictor = AntecedentPredictor::Head { direction: *direction, head: *head };
            std::cmp::Reverse(self.correct(group, predictor))
        };
        (self.total(group) > 0).then(|| heads.min_by_key(rank)).flatten()
    }
}

fn predictors(grid: HeadGrid) -> usize {
    2 * grid.len() + AntecedentPredictor::BASELINES.len()
}

/// Counts of each document, the unit that intervals resample: mentions of one text are not independent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CoreferenceScores {
    grid: HeadGrid,
    documents: Vec<(String, CoreferenceCounts)>,
    /// Number of the last document.
    last: Option<usize>,
}

impl CoreferenceScores {
    /// No document yet.
    pub fn new(grid: HeadGrid) -> Self {
        Self { grid, documents: Vec::new(), last: None }
    }

    /// Adds the counts of one window of a document. Windows come in order, document by document; documents are told apart
    /// by their number, not by their name, which may repeat.
    pub fn add(&mut self, number: usize, document: &str, counts: &CoreferenceCounts) {
        match self.documents.last_mut() {
            Some((_, sum)) if self.last == Some(number) => sum.merge(counts),
            _ => self.documents.push((document.to_owned(), counts.clone())),
        }
        self.last = Some(number);
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.grid
    }

    /// The documents with their names, in order.
    pub fn documents(&self) -> impl Iterator<Item = (&str, &CoreferenceCounts)> {
        self.documents.iter().map(|(id, counts)| (id.as_str(), counts))
    }

    /// The counts of the documents for which `belongs` holds.
    pub fn sum(&self, belongs: impl Fn(&str) -> bool) -> CoreferenceCounts {
        let mut sum = CoreferenceCounts::new(self.grid);
        self.documents().filter(|(id, _)| belongs(id)).for_each(|(_, counts)| sum.merge(counts));
        sum
    }
}
