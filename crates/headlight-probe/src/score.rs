//! What a trained probe says: arc scores of sentences, and how good its predictions are word by word.

use headlight_treebank::{Count, Governor, WordIdx};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::arcs::candidate_of;
use crate::probe::Workspace;
use crate::stream::{check, stream};
use crate::{ArcScores, DataError, Examples, Probe};

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
    fn observe<E: Examples>(&mut self, examples: &E, sentence: usize, scores: &ArcScores) {
        let words = examples.words(sentence);
        let gold = words.governors().iter().zip(words.punctuation());
        for ((at, (governor, punctuation)), predicted) in gold.enumerate().zip(scores.best_governors()) {
            let correct = *governor == predicted;
            self.uas_with_punctuation.observe(correct);
            if !punctuation {
                self.uas.observe(correct);
            }
            self.loss += surprisal(scores.row(WordIdx::new(at)), candidate_of(*governor, words.words()));
            self.uniform_loss += (words.words() as f64).ln();
        }
    }
}

/// Compares a probe's predictions with the gold governors of `sentences`, on the present rayon pool.
///
/// # Errors
/// [`ScoreError`].
pub fn evaluate<E: Examples>(probe: &Probe, examples: &E, sentences: &[usize]) -> Result<Evaluation, ScoreError> {
    let mut evaluation = Evaluation::default();
    score(probe, examples, sentences, |sentence, scores| evaluation.observe(examples, sentence, &scores))?;
    Ok(evaluation)
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
