//! Arc scores: what every probe says about a sentence, and what every decoder reads.

use headlight_treebank::{Governor, WordIdx};

/// How good every candidate governor is for every word of one sentence: n rows (dependents) of n + 1 candidates.
///
/// Candidate `i < n` is word `i`, candidate `n` is ROOT ([`ArcScores::root_candidate`]). Scores are logits: only
/// differences within a row mean anything, and the softmax of a row is p(governor | dependent) of METHOD §5. A word is
/// no candidate of its own: the constructor sets those n entries to −∞ and keeps all others finite, so no decoder needs
/// to know.
#[derive(Clone, PartialEq, Debug)]
pub struct ArcScores {
    words: usize,
    scores: Vec<f32>,
}

impl ArcScores {
    /// Scores of a sentence of `words` words, row-major `[dependent, candidate]`. `None` when `scores` has another
    /// length than n × (n + 1), or a score is not finite.
    pub fn new(words: usize, mut scores: Vec<f32>) -> Option<Self> {
        if scores.len() != words * (words + 1) {
            return None;
        }
        for dependent in 0..words {
            scores[dependent * (words + 1) + dependent] = 0.0;
        }
        if !scores.iter().all(|score| score.is_finite()) {
            return None;
        }
        for dependent in 0..words {
            scores[dependent * (words + 1) + dependent] = f32::NEG_INFINITY;
        }
        Some(Self { words, scores })
    }

    /// Scores given by a function of dependent and candidate governor, called for every pair but a word with itself.
    /// `None` when one of them is not finite.
    pub fn from_fn(words: usize, mut score: impl FnMut(WordIdx, Governor) -> f32) -> Option<Self> {
        let mut scores = Vec::with_capacity(words * (words + 1));
        for dependent in 0..words {
            let mut of = |candidate| score(WordIdx::new(dependent), Governor::Word(WordIdx::new(candidate)));
            scores.extend((0..dependent).map(&mut of));
            scores.push(f32::NEG_INFINITY);
            scores.extend((dependent + 1..words).map(of));
            scores.push(score(WordIdx::new(dependent), Governor::Root));
        }
        Self::new(words, scores)
    }

    /// Number of words, n.
    pub fn words(&self) -> usize {
        self.words
    }

    /// The candidate that stands for ROOT: n, the last of a row.
    pub fn root_candidate(&self) -> usize {
        self.words
    }

    /// All scores, row-major `[dependent, candidate]`.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// The n + 1 scores of one word's candidates.
    pub fn row(&self, dependent: WordIdx) -> &[f32] {
        &self.scores[dependent.index() * (self.words + 1)..][..self.words + 1]
    }

    /// The score of one arc.
    pub fn score(&self, dependent: WordIdx, governor: Governor) -> f32 {
        self.row(dependent)[candidate_of(governor, self.words)]
    }

    /// For every word the candidate with the highest score, each word for itself: no tree is promised, and several
    /// words may hang from ROOT (the paper's decoding). Ties go to the lowest candidate, ROOT being the last.
    pub fn best_governors(&self) -> Vec<Governor> {
        self.scores.chunks_exact(self.words + 1).map(|row| governor_of(first_maximum(row), self.words)).collect()
    }
}

/// The candidate that stands for a governor in a sentence of `words` words.
pub(crate) fn candidate_of(governor: Governor, words: usize) -> usize {
    governor.word().map_or(words, WordIdx::index)
}

/// The governor that a candidate stands for in a sentence of `words` words.
pub(crate) fn governor_of(candidate: usize, words: usize) -> Governor {
    if candidate == words { Governor::Root } else { Governor::Word(WordIdx::new(candidate)) }
}

fn first_maximum(row: &[f32]) -> usize {
    let mut best = 0;
    for (candidate, score) in row.iter().enumerate() {
        if *score > row[best] {
            best = candidate;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(index: usize) -> Governor {
        Governor::Word(WordIdx::new(index))
    }

    #[test]
    fn each_word_takes_its_best_candidate_and_never_itself() {
        let scores = ArcScores::new(2, vec![9.0, 1.0, 0.5, 2.0, 9.0, 2.5]).unwrap();
        assert_eq!(scores.best_governors(), [word(1), Governor::Root]);
        assert_eq!(scores.score(WordIdx::new(0), word(0)), f32::NEG_INFINITY);
        assert_eq!(scores.score(WordIdx::new(1), Governor::Root), 2.5);
        assert_eq!(scores.row(WordIdx::new(1))[scores.root_candidate()], 2.5);
    }

    #[test]
    fn ties_go_to_the_lowest_candidate() {
        let scores = ArcScores::new(3, vec![1.0; 12]).unwrap();
        assert_eq!(scores.best_governors(), [word(1), word(0), word(0)]);
    }

    #[test]
    fn the_only_word_hangs_from_the_root() {
        assert_eq!(ArcScores::new(1, vec![0.0, -3.0]).unwrap().best_governors(), [Governor::Root]);
    }

    #[test]
    fn a_function_of_arcs_is_laid_out_by_dependent() {
        let scores = ArcScores::from_fn(2, |dependent, governor| {
            10.0 * dependent.index() as f32 + candidate_of(governor, 2) as f32
        });
        let infinity = f32::NEG_INFINITY;
        assert_eq!(scores.unwrap().scores(), [infinity, 1.0, 2.0, 10.0, infinity, 12.0]);
    }

    #[test]
    fn wrong_lengths_and_scores_that_are_not_finite_are_refused() {
        assert_eq!(ArcScores::new(2, vec![0.0; 4]), None);
        assert_eq!(ArcScores::new(1, vec![0.0, f32::NAN]), None);
        assert_eq!(ArcScores::new(1, vec![0.0, f32::NEG_INFINITY]), None);
        assert_eq!(ArcScores::new(1, vec![f32::NAN, 0.0]).map(|scores| scores.words()), Some(1));
    }
}
