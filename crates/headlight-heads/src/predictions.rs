//! What each attention head predicts: for every word, the other word with the highest attention (METHOD §2;
//! Clark et al. 2019, §4.2).

use std::fmt;

use headlight_attention::{AttentionHead, AttentionPeaks, HeadGrid, NO_PEAK, WordAttention, peaks};
use headlight_treebank::{Governor, Sentence, WordIdx};
use serde::{Deserialize, Serialize};

use crate::Directions;

/// Which way a head's attention is read as a dependency. Ordered as in files: dependent→governor first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Direction {
    /// The dependent's row: a word's prediction is the word that it attends to most.
    DependentToGovernor,
    /// The dependent's column: a word's prediction is the word that attends to it most. The governor itself may attend to
    /// another word more: [`HeadPredictions::by_rows`] asks for its row instead.
    GovernorToDependent,
    /// The row of whichever of the two stands later: an arc is found where that word attends to the other one most of all
    /// words before it. Each arc is one try, and a causal model can find every one (METHOD §10).
    LaterToEarlier,
}

impl Direction {
    /// The two that are read of a word alone, in order.
    pub const BOTH: [Direction; 2] = [Direction::DependentToGovernor, Direction::GovernorToDependent];

    /// All, in order.
    pub const ALL: [Direction; 3] =
        [Direction::DependentToGovernor, Direction::GovernorToDependent, Direction::LaterToEarlier];

    /// 0 for dependent→governor, 1 for governor→dependent, 2 for later→earlier.
    pub fn index(self) -> usize {
        self as usize
    }

    /// As tables write it: `dep_to_gov`, `gov_to_dep` or `later_to_earlier`.
    pub fn name(self) -> &'static str {
        match self {
            Direction::DependentToGovernor => "dep_to_gov",
            Direction::GovernorToDependent => "gov_to_dep",
            Direction::LaterToEarlier => "later_to_earlier",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The governor that each head predicts for each word of one sentence, axes `[direction, layer, head, word]`: the peaks
/// of its attention, read as dependencies. Made by [`predict`], or from the [`AttentionPeaks`] that an encoder found, for the
/// two directions that are read of a word alone; [`HeadPredictions::with_later_to_earlier`] adds the third.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeadPredictions {
    grid: HeadGrid,
    words: usize,
    /// 2, or 3 with later→earlier.
    ways: usize,
    places: Vec<u16>,
}

impl From<AttentionPeaks> for HeadPredictions {
    fn from(peaks: AttentionPeaks) -> Self {
        Self { grid: peaks.grid(), words: peaks.words(), ways: 2, places: peaks.into_places() }
    }
}

impl HeadPredictions {
    /// Predictions read back from `governors` `[direction, layer, head, word]` of 2 or 3 directions. `None` when the length
    /// does not fit or an entry is neither a word of the sentence nor [`NO_PEAK`].
    pub(crate) fn from_raw(grid: HeadGrid, ways: usize, words: usize, governors: Vec<u16>) -> Option<Self> {
        let fits = |place: &u16| usize::from(*place) < words || *place == NO_PEAK;
        let is_whole = matches!(ways, 2 | 3) && governors.len() == ways * grid.len() * words;
        (is_whole && governors.iter().all(fits)).then_some(Self { grid, words, ways, places: governors })
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.grid
    }

    /// Number of words.
    pub fn words(&self) -> usize {
        self.words
    }

    /// Number of directions: 2, or 3 with later→earlier.
    pub(crate) fn ways(&self) -> usize {
        self.ways
    }

    /// With the direction later→earlier: of each word the one before it that it attends to most. `attention` is what the
    /// predictions were made from; where it is `None`, words see none behind them, so that the peaks of their rows are among
    /// the words before.
    ///
    /// # Panics
    /// When the attention is of other words or heads.
    #[must_use]
    pub fn with_later_to_earlier(mut self, attention: Option<&WordAttention>) -> Self {
        let entries = self.grid.len() * self.words;
        let earlier = attention.map_or_else(|| self.places[..entries].to_vec(), earlier_peaks);
        assert_eq!(earlier.len(), entries, "attention of other heads or words");
        self.places.truncate(2 * entries);
        self.places.extend(earlier);
        self.ways = 3;
        self
    }

    /// What `head` says when asked for the `governor` of `word`: the word that it takes for it. From later to earlier a
    /// governor that stands behind is found or not: the answer is it, or nothing.
    pub fn answer(
        &self,
        direction: Direction,
        head: AttentionHead,
        word: WordIdx,
        governor: Governor,
    ) -> Option<WordIdx> {
        match (direction, governor.word()) {
            (Direction::LaterToEarlier, None) => None,
            (Direction::LaterToEarlier, Some(behind)) if behind.index() > word.index() => {
                (self.governor(direction, head, behind) == Some(word)).then_some(behind)
            }
            _ => self.governor(direction, head, word),
        }
    }

    /// Whether `head` finds the `governor` of `word`. Nothing finds the root.
    pub fn finds(&self, direction: Direction, head: AttentionHead, word: WordIdx, governor: Governor) -> bool {
        governor.word().is_some_and(|is| self.answer(direction, head, word, governor) == Some(is))
    }

    /// The same of every head in some directions: heads by number, all of one direction before all of the next.
    pub fn found(&self, directions: Directions, word: WordIdx, governor: Governor) -> Vec<bool> {
        let heads = self.grid.len();
        let mut found = Vec::with_capacity(directions.len() * heads);
        for (number, direction) in directions.iter().enumerate() {
            if let Some(upper) = governor.word() {
                let (asked, wanted) = match direction {
                    Direction::LaterToEarlier if upper > word => (upper, word),
                    _ => (word, upper),
                };
                let first = direction.index() * heads * self.words;
                let rows = self.places.get(first..first + heads * self.words).unwrap_or_default();
                let rows = rows.chunks_exact(self.words);
                found.extend(rows.map(|row| usize::from(row[asked.index()]) == wanted.index()));
            }
            // Nothing finds the root, nor anything in a direction that was not read.
            found.resize((number + 1) * heads, false);
        }
        found
    }

    /// The governor that `head` predicts for `word`; from later to earlier the word before it that it attends to most, be it
    /// its governor or its dependent. `None` where there is no candidate: the sentence is one word long, or the weights are
    /// not numbers; and where the direction was not read.
    pub fn governor(&self, direction: Direction, head: AttentionHead, word: WordIdx) -> Option<WordIdx> {
        let row = direction.index() * self.grid().len() + self.grid().number(head);
        let governor = *self.raw().get(row * self.words() + word.index())?;
        (governor != NO_PEAK).then(|| WordIdx::new(governor.into()))
    }

    /// The same with the direction governor→dependent read by the governor's row, not the dependent's column: an arc is
    /// found where the governor attends to this dependent most. What roles of heads and ensembles mean (METHOD §6; Voita et
    /// al. 2019, §5.2; Limisiewicz et al. 2020, §3.1): each arc is one try, and of a governor's dependents at most one is
    /// found. A word whose governor attends most to another word gets no prediction in this direction.
    ///
    /// # Panics
    /// When `sentence` has another number of words.
    pub fn by_rows(&self, sentence: &Sentence) -> Self {
        let (words, heads) = (self.words(), self.grid().len());
        assert_eq!(sentence.len(), words, "predictions of another sentence");
        let (rows, _) = self.raw().split_at(heads * words);
        let mut places = rows.to_vec();
        for row in rows.chunks_exact(words) {
            places.extend(sentence.words().iter().enumerate().map(|(dependent, word)| match word.governor.word() {
                Some(governor) if usize::from(row[governor.index()]) == dependent => governor.index() as u16,
                _ => NO_PEAK,
            }));
        }
        Self { ways: 2, places, ..*self }
    }

    /// How many predictions there are: one for each direction, head and word.
    pub fn total(&self) -> u64 {
        self.raw().len() as u64
    }

    /// How many of the predictions are other than those of `other`, which is of the same sentence and grid.
    ///
    /// # Panics
    /// When it is of another one.
    pub fn differences(&self, other: &Self) -> u64 {
        assert_eq!((self.grid(), self.words()), (other.grid(), other.words()), "predictions of the same sentence");
        self.raw().iter().zip(other.raw()).filter(|(ours, theirs)| ours != theirs).count() as u64
    }

    /// All rows as they lie in memory.
    pub(crate) fn raw(&self) -> &[u16] {
        &self.places
    }
}

/// For each head and word the word before it that it attends to most, `[layer, head, word]`: of equals the lowest; a
/// word that gets nothing never is, nor what is not a number.
fn earlier_peaks(attention: &WordAttention) -> Vec<u16> {
    let (words, positions) = (attention.words(), attention.positions());
    let mut places = Vec::with_capacity(attention.grid().len() * words);
    for map in attention.weights().chunks_exact(positions * positions) {
        for word in 0..words {
            let row = &map[attention.frame().position(word) * positions..][..positions];
            let mut peak = (0.0, NO_PEAK);
            for (place, weight) in attention.frame().inner(row).iter().enumerate().take(word) {
                if *weight > peak.0 {
                    peak = (*weight, place as u16);
                }
            }
            places.push(peak.1);
        }
    }
    places
}

/// What each head predicts in both directions: for each word the *other* word with the highest weight. `[CLS]`, `[SEP]`
/// and the word itself are no candidates; of equal weights the lowest word wins; a weight that is not a number never
/// does.
///
/// # Panics
/// When the sentence has 65,535 words or more, which no encoder takes.
pub fn predict(attention: &WordAttention) -> HeadPredictions {
    peaks(attention).into()
}

#[cfg(test)]
mod tests {
    use headlight_attention::Frame;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{GRID, pairs, sentence};

    #[test]
    fn by_rows_the_governor_has_the_dependent_on_top() {
        // Both words hang from the last. Its column says that both attend to it and what attends to them; its own row has
        // the first on top.
        let sentence = sentence("s", &[(3, "nsubj"), (3, "obj"), (0, "root")]);
        let grid = HeadGrid { layers: 1, heads: 1 };
        let head = grid.head(0);
        let of = |weights: [f32; 9]| {
            let mut map = vec![0.0; 25];
            (0..9).for_each(|place| map[(place / 3 + 1) * 5 + place % 3 + 1] = weights[place]);
            predict(&WordAttention::new(grid, &Frame::bert(), 3, map).expect("one map"))
        };
        #[rustfmt::skip]
        let predictions = of([
            0.0, 0.9, 0.1,
            0.2, 0.0, 0.8,
            0.5, 0.4, 0.1,
        ]);
        let found = |predictions: &HeadPredictions, direction| {
            [0, 1, 2].map(|word| predictions.governor(direction, head, WordIdx::new(word)).map(WordIdx::index))
        };
        let (up, down) = (Direction::DependentToGovernor, Direction::GovernorToDependent);
        let by_rows = predictions.by_rows(&sentence);
        assert_eq!(found(&by_rows, up), found(&predictions, up));
        assert_eq!(found(&predictions, down), [Some(2), Some(0), Some(1)]);
        assert_eq!(found(&by_rows, down), [Some(2), None, None]);
    }

    proptest! {
        #[test]
        fn what_is_found_of_all_heads_is_what_each_finds(pairs in pairs(3)) {
            for (_, predictions) in pairs {
                let words = predictions.words();
                for predictions in [predictions.clone(), predictions.with_later_to_earlier(None)] {
                    for (word, governor) in (0..words).flat_map(|word| (0..=words).map(move |governor| (word, governor))) {
                        let word = WordIdx::new(word);
                        let governor = governor.checked_sub(1).map_or(Governor::Root, |it| Governor::Word(WordIdx::new(it)));
                        let each = Directions::ALL.iter().flat_map(|way| GRID.iter().map(move |head| (way, head)));
                        let each = each.map(|(way, head)| predictions.finds(way, head, word, governor));
                        prop_assert_eq!(predictions.found(Directions::ALL, word, governor), each.collect::<Vec<_>>());
                    }
                }
            }
        }
    }

    #[test]
    fn a_prediction_is_found_by_direction_head_and_word() {
        let grid = HeadGrid { layers: 2, heads: 2 };
        let mut weights = vec![0.1; 4 * 25];
        // Layer 2, head 1 has word 0 attend to word 2; all other weights are equal.
        weights[2 * 25 + 5 + 3] = 1.0;
        let predictions = predict(&WordAttention::new(grid, &Frame::bert(), 3, weights).expect("four maps"));
        let governor = |direction, layer, index, word| {
            predictions.governor(direction, AttentionHead { layer, index }, WordIdx::new(word)).map(WordIdx::index)
        };
        assert_eq!(governor(Direction::DependentToGovernor, 1, 0, 0), Some(2));
        assert_eq!(governor(Direction::DependentToGovernor, 0, 1, 0), Some(1));
        assert_eq!(governor(Direction::GovernorToDependent, 1, 0, 2), Some(0));
        assert_eq!(governor(Direction::GovernorToDependent, 1, 0, 0), Some(1));
    }

    #[test]
    fn differences_are_counted_prediction_by_prediction() {
        let grid = HeadGrid { layers: 1, heads: 1 };
        let of = |governors: [u16; 6]| HeadPredictions::from_raw(grid, 2, 3, governors.to_vec()).expect("three words");
        let ours = of([1, 0, 0, NO_PEAK, 2, 1]);
        assert_eq!(ours.differences(&ours), 0);
        assert_eq!(ours.differences(&of([2, 0, 0, 0, 2, 1])), 2);
    }
}
