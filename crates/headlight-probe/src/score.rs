//! What a trained probe says: arc scores of sentences, and how good its predictions are word by word.

use std::ops::AddAssign;

use headlight_attention::WordAttention;
use headlight_treebank::{Count, Governor, WordIdx};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::arcs::candidate_of;
use crate::probe::{Input, Workspace};
use crate::stream::{check, stream};
use crate::{ArcScores, DataError, Examples, Probe, SentenceWords};

/// Why sentences could not be scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The probe and the examples do not fit, or the source failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A parameter, attention weight or word vector is not finite.
    #[error(
        "the scores of sentence {sentence} are not finite; the probe, its word vectors or the attention are broken"
    )]
    NotFinite {
        /// The sentence's number in the source, counted from 0.
        sentence: usize,
    },
}

/// Scores `sentences` on the present rayon pool and hands each one's scores to `fold` in order.
///
/// # Errors
/// [`ScoreError`]; sentences before the culprit may have been handed over.
pub fn score<E: Examples>(
    probe: &Probe,
    examples: &E,
    sentences: &[usize],
    mut fold: impl FnMut(usize, ArcScores) + Send,
) -> Result<(), ScoreError> {
    check(probe, examples)?;
    stream(probe.spec().reads_attention(), examples, sentences, |chunk| {
        let scores: Vec<Option<ArcScores>> = (0..chunk.len())
            .into_par_iter()
            .map_init(Workspace::default, |workspace, place| probe.score(&chunk.input(place), workspace))
            .collect();
        for (place, scores) in scores.into_iter().enumerate() {
            let sentence = chunk.sentence(place);
            fold(sentence, scores.ok_or(ScoreError::NotFinite { sentence })?);
        }
        Ok(())
    })
}

/// How good a probe's predictions are, each word for itself.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Evaluation {
    /// UAS without punctuation, as in the paper.
    pub uas: Count,
    /// UAS of all words, as the UD scorer counts.
    pub uas_with_punctuation: Count,
    /// −Σ ln p(gold governor) in nats.
    pub loss: f64,
    /// ln of the number of candidates, summed over words: the loss of guessing evenly.
    pub uniform_loss: f64,
}

impl Evaluation {
    /// The evaluation of one sentence.
    pub(crate) fn of(words: &SentenceWords, scores: &ArcScores) -> Self {
        let mut evaluation = Self::default();
        let gold = words.governors().iter().zip(words.punctuation());
        for ((at, (governor, punctuation)), predicted) in gold.enumerate().zip(scores.best_governors()) {
            let correct = *governor == predicted;
            evaluation.uas_with_punctuation.observe(correct);
            if !punctuation {
                evaluation.uas.observe(correct);
            }
            evaluation.loss += surprisal(scores.row(WordIdx::new(at)), candidate_of(*governor, words.words()));
            evaluation.uniform_loss += (words.words() as f64).ln();
        }
        evaluation
    }
}

impl AddAssign for Evaluation {
    fn add_assign(&mut self, other: Self) {
        self.uas += other.uas;
        self.uas_with_punctuation += other.uas_with_punctuation;
        self.loss += other.loss;
        self.uniform_loss += other.uniform_loss;
    }
}

/// Compares a probe's predictions with the gold governors of `sentences`, on the present rayon pool.
///
/// # Errors
/// [`ScoreError`].
pub fn evaluate<E: Examples>(probe: &Probe, examples: &E, sentences: &[usize]) -> Result<Evaluation, ScoreError> {
    let mut evaluation = Evaluation::default();
    evaluate_each(probe, examples, sentences)?.into_iter().for_each(|of_sentence| evaluation += of_sentence);
    Ok(evaluation)
}

/// [`evaluate`], sentence by sentence: what intervals are computed from.
///
/// # Errors
/// [`ScoreError`].
pub fn evaluate_each<E: Examples>(
    probe: &Probe,
    examples: &E,
    sentences: &[usize],
) -> Result<Vec<Evaluation>, ScoreError> {
    let mut evaluations = Vec::with_capacity(sentences.len());
    score(probe, examples, sentences, |sentence, scores| {
        evaluations.push(Evaluation::of(examples.words(sentence), &scores));
    })?;
    Ok(evaluations)
}

/// What [`evaluate`] says of one sentence whose attention is at hand, on the caller's thread: for work that makes attention
/// and judges it at once. The probe reads attention alone. `None` where its scores are not finite.
///
/// # Panics
/// When `attention` is of another sentence or of other heads, and when the probe reads word vectors.
pub fn evaluate_sentence(probe: &Probe, words: &SentenceWords, attention: &WordAttention) -> Option<Evaluation> {
    let spec = probe.spec();
    assert_eq!((attention.words(), attention.grid()), (words.words(), spec.grid()), "attention of something else");
    assert!(!spec.reads_vectors(), "a probe that reads word vectors is scored on examples");
    let input = Input { words, attention: attention.weights(), vectors: None };
    let scores = probe.score(&input, &mut Workspace::default())?;
    Some(Evaluation::of(words, &scores))
}

/// Percent as the released code prints them, rounded down to a whole number by integer division (METHOD §8 slip 3);
/// `None` where nothing was counted.
pub fn floored_percent(count: Count) -> Option<u64> {
    (100 * count.correct).checked_div(count.total)
}

/// The baseline that hangs every word from the next one, and the last from ROOT.
pub fn right_branching(words: usize) -> Vec<Governor> {
    let next = |word| if word + 1 < words { Governor::Word(WordIdx::new(word + 1)) } else { Governor::Root };
    (0..words).map(next).collect()
}

/// −ln softmax(row)[gold].
fn surprisal(row: &[f32], gold: usize) -> f64 {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|score| f64::from(score - highest).exp()).sum();
    sum.ln() - f64::from(row[gold] - highest)
}

#[cfg(test)]
mod tests {
    use headlight_attention::Frame;

    use super::*;
    use crate::train::tests::{GRID, all, telling_treebank};
    use crate::{ProbeForm, ProbeSpec};

    #[test]
    fn a_sentence_at_hand_is_judged_as_among_examples() {
        let examples = telling_treebank(12, 1);
        let probe = Probe::new(ProbeSpec::new(ProbeForm::AttentionOnly, GRID, &Frame::bert(), 0), 1);
        for sentence in all(&examples) {
            let words = examples.words(sentence);
            let mut weights = vec![0.0; words.attention_len(GRID.len(), &Frame::bert())];
            examples.attention(sentence, &mut weights).unwrap();
            let attention = WordAttention::new(GRID, &Frame::bert(), words.words(), weights).unwrap();
            let expected = evaluate(&probe, &examples, &[sentence]).unwrap();
            assert_eq!(evaluate_sentence(&probe, words, &attention), Some(expected));
        }
        let nowhere = WordAttention::new(GRID, &Frame::bert(), 1, vec![f32::NAN; GRID.len() * 9]).unwrap();
        let alone = SentenceWords::for_tests(vec![Governor::Root], vec![None]);
        assert_eq!(evaluate_sentence(&probe, &alone, &nowhere), None);
    }

    #[test]
    fn right_branching_hangs_the_last_word_from_the_root() {
        let word = |index| Governor::Word(WordIdx::new(index));
        assert_eq!(right_branching(3), [word(1), word(2), Governor::Root]);
        assert_eq!(right_branching(1), [Governor::Root]);
    }

    #[test]
    fn surprisal_is_in_nats() {
        let row = [f32::NEG_INFINITY, 0.0, 0.0, 2.0_f32.ln()];
        assert!((surprisal(&row, 1) - 4.0_f64.ln()).abs() < 1e-6);
        assert!((surprisal(&row, 3) - 2.0_f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn the_released_code_rounds_down() {
        assert_eq!(floored_percent(Count { correct: 619, total: 1000 }), Some(61));
        assert_eq!(floored_percent(Count::default()), None);
    }
}
