//! What masking heads does to a model, sequence by sequence.

use std::num::NonZeroUsize;

use anyhow::{Context, Result, anyhow, ensure};
use headlight_bert::{Encoded, HeadMask, MaskedLm, MaskedPieces, Model, Pieces, Request, StreamError};
use headlight_probe::{Probe, SentenceWords, evaluate_sentence};

use super::values::Values;
use crate::cli::parallel::map_in_order;
use crate::kinds::shared::masked_lm::Hide;
use crate::run::interrupted;

/// A measure on fixed sequences. What it says of a sequence does not depend on the others.
pub enum Meter<'a> {
    /// The masked-language-model loss.
    Loss {
        /// Encoder and head.
        masked_lm: &'a MaskedLm,
        /// The sequences with their hidden pieces.
        sequences: Vec<MaskedPieces>,
        /// How many work at a time.
        threads: NonZeroUsize,
    },
    /// How far the final hidden states turn away from those of the intact model.
    States {
        /// The encoder.
        model: &'a Model,
        /// The sequences, each with its final states in the intact model, `[piece][breadth]`.
        sequences: Vec<(Pieces, Vec<f32>)>,
    },
    /// How many governors a probe finds that was trained on the intact model.
    Probe {
        /// The encoder.
        model: &'a Model,
        /// The probe.
        probe: &'a Probe,
        /// What it reads of the encoder.
        request: &'a Request,
        /// The sentences.
        sentences: &'a [(Pieces, SentenceWords)],
    },
}

impl<'a> Meter<'a> {
    /// The loss of these sequences, with pieces hidden.
    pub fn loss(masked_lm: &'a MaskedLm, threads: NonZeroUsize, hide: Hide, sequences: &[Pieces]) -> Self {
        Meter::Loss { masked_lm, sequences: hide.draw_each(sequences).collect(), threads }
    }

    /// The final states of these sequences.
    ///
    /// # Errors
    /// When a sequence is not the model's.
    pub fn states(model: &'a Model, sequences: &[Pieces]) -> Result<Self> {
        let inputs = sequences.iter().map(|pieces| ((), pieces.clone()));
        let intact =
            encode(model, inputs, &finally(), &[&HeadMask::new()], |(), encoded| final_states(encoded))?.concat();
        Ok(Meter::States { model, sequences: sequences.iter().cloned().zip(intact).collect() })
    }

    /// What a probe finds in these sentences.
    ///
    /// # Errors
    /// When there is no word to find the governor of.
    pub fn probe(
        model: &'a Model,
        probe: &'a Probe,
        request: &'a Request,
        sentences: &'a [(Pieces, SentenceWords)],
    ) -> Result<Self> {
        let words = sentences.iter().flat_map(|(_, words)| words.punctuation());
        ensure!(
            words.filter(|punctuation| !**punctuation).count() > 0,
            "the {} sentences drawn from `treebank.evaluate` have no word but punctuation: draw more, for example by \
             --set pruning.sequences=100",
            sentences.len()
        );
        Ok(Meter::Probe { model, probe, request, sentences })
    }

    /// For each set of masked heads, the measure of each sequence. What sets have in common is computed once.
    ///
    /// # Errors
    /// When a sequence or a head is not the model's.
    pub fn values(&self, masks: &[&HeadMask]) -> Result<Vec<Values>> {
        match self {
            Meter::Loss { masked_lm, sequences, threads } => {
                let losses = |together: &Vec<&MaskedPieces>| -> Result<Vec<Vec<f64>>> {
                    interrupted()?;
                    Ok(masked_lm.losses(together, masks)?)
                };
                let done = map_in_order(*threads, &together(sequences, *threads), losses);
                let done: Vec<Vec<Vec<f64>>> = done.into_iter().collect::<Result<_>>()?;
                let of_set = |set: usize| done.iter().flat_map(|losses| losses[set].iter().copied()).collect();
                Ok((0..masks.len()).map(|set| Values::Means(of_set(set))).collect())
            }
            Meter::States { model, sequences } => {
                let breadth = model.spec().breadth;
                let inputs = sequences.iter().map(|(pieces, intact)| (intact, pieces.clone()));
                let turned = |intact: &&Vec<f32>, encoded| turn(intact, &final_states(encoded), breadth);
                Ok(encode(model, inputs, &finally(), masks, turned)?.into_iter().map(Values::Means).collect())
            }
            Meter::Probe { model, probe, request, sentences } => {
                let inputs = sentences.iter().map(|(pieces, words)| (words, pieces.clone()));
                let found = |words: &&SentenceWords, encoded: Encoded| {
                    let attention = encoded.words.expect("the request asks for attention over words");
                    let uas = evaluate_sentence(probe, words, &attention)?.uas;
                    Some((uas.correct as u32, uas.total as u32))
                };
                let counts = |found: Vec<Option<(u32, u32)>>| {
                    let counts = found.into_iter().collect::<Option<_>>();
                    Ok(Values::Shares(counts.context("the probe's scores are not finite; train it anew")?))
                };
                encode(model, inputs, request, masks, found)?.into_iter().map(counts).collect()
            }
        }
    }
}

/// Sequences that one worker takes together: about so many pieces at most.
const PIECES: usize = 1024;

/// Sequences in their order, as workers take them: each gets as many pieces as the others.
fn together(sequences: &[MaskedPieces], threads: NonZeroUsize) -> Vec<Vec<&MaskedPieces>> {
    let pieces: usize = sequences.iter().map(|sequence| sequence.pieces.len()).sum();
    let share = pieces.div_ceil(pieces.div_ceil(PIECES).next_multiple_of(threads.get()).max(1));
    let mut all: Vec<Vec<&MaskedPieces>> = Vec::new();
    let mut room = 0;
    for sequence in sequences {
        match all.last_mut() {
            Some(last) if room > 0 => last.push(sequence),
            _ => {
                all.push(vec![sequence]);
                room = share;
            }
        }
        room = room.saturating_sub(sequence.pieces.len());
    }
    all
}

fn finally() -> Request {
    Request { final_states: true, ..Request::default() }
}

/// For each set of masked heads, what `reduce` makes of what the encoder answers about each input, in order.
fn encode<T: Send, R: Send>(
    model: &Model,
    inputs: impl Iterator<Item = (T, Pieces)> + Send,
    request: &Request,
    masks: &[&HeadMask],
    reduce: impl Fn(&T, Encoded) -> R + Sync,
) -> Result<Vec<Vec<R>>> {
    let mut answers: Vec<Vec<R>> = masks.iter().map(|_| Vec::new()).collect();
    let inputs = inputs.map(|input| {
        interrupted()?;
        Ok::<_, anyhow::Error>(input)
    });
    let streamed = model.stream_each(inputs, request, masks, reduce, |of_input| {
        interrupted()?;
        answers.iter_mut().zip(of_input).for_each(|(answers, answer)| answers.push(answer));
        Ok(())
    });
    streamed.map_err(|error| match error {
        StreamError::Caller(error) => error,
        other => anyhow!("{other}"),
    })?;
    Ok(answers)
}

fn final_states(encoded: Encoded) -> Vec<f32> {
    let states = encoded.states.expect("the request asks for hidden states");
    states.view().into_iter().copied().collect()
}

/// Mean over pieces of 1 − cosine of two states.
fn turn(intact: &[f32], changed: &[f32], breadth: usize) -> f64 {
    let pieces = intact.len() / breadth;
    let turns = intact.chunks_exact(breadth).zip(changed.chunks_exact(breadth)).map(|(a, b)| 1.0 - cosine(a, b));
    turns.sum::<f64>() / pieces as f64
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_turn_from_not_at_all_to_right_round() {
        let check = |a: &[f32], b: &[f32], expected: f64| {
            let found = turn(a, b, 2);
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        };
        check(&[1.0, 2.0], &[2.0, 4.0], 0.0);
        check(&[1.0, 0.0], &[0.0, 3.0], 1.0);
        check(&[1.0, 0.0, 0.0, 1.0], &[-1.0, 0.0, 0.0, 1.0], 1.0);
    }
}
