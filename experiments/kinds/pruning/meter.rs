//! What masking heads does to a model, sequence by sequence.

use std::num::NonZeroUsize;

use anyhow::{Result, anyhow};
use headlight_bert::{HeadMask, HiddenStates, MaskedLm, MaskedPieces, Model, Pieces, Request, StreamError};

use super::Measure;
use crate::kinds::importance::Hide;
use crate::parallel::map_in_order;

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
        /// The sequences, each with its final states in the intact model, `[piece][hidden]`.
        sequences: Vec<(Pieces, Vec<f32>)>,
    },
}

impl<'a> Meter<'a> {
    /// The loss of these sequences, with pieces hidden.
    ///
    /// # Errors
    /// When a sequence has no piece to hide.
    pub fn loss(masked_lm: &'a MaskedLm, threads: NonZeroUsize, hide: Hide, sequences: &[Pieces]) -> Result<Self> {
        let draw = |(number, pieces): (usize, &Pieces)| hide.draw(pieces, number as u64);
        let sequences = sequences.iter().enumerate().map(draw).collect::<Result<_>>()?;
        Ok(Meter::Loss { masked_lm, sequences, threads })
    }

    /// The final states of these sequences.
    ///
    /// # Errors
    /// When a sequence is not the model's.
    pub fn states(model: &'a Model, sequences: &[Pieces]) -> Result<Self> {
        let inputs = sequences.iter().map(|pieces| ((), pieces.clone()));
        let intact = final_states(model, inputs, &HeadMask::new(), |(), states| states)?;
        Ok(Meter::States { model, sequences: sequences.iter().cloned().zip(intact).collect() })
    }

    /// Which measure it takes.
    pub fn measure(&self) -> Measure {
        match self {
            Meter::Loss { .. } => Measure::MaskedLm,
            Meter::States { .. } => Measure::States,
        }
    }

    /// The measure of each sequence with these heads masked.
    ///
    /// # Errors
    /// When a sequence or a head is not the model's.
    pub fn values(&self, masked_heads: &HeadMask) -> Result<Vec<f64>> {
        match self {
            Meter::Loss { masked_lm, sequences, threads } => {
                let losses = map_in_order(*threads, sequences, |sequence| masked_lm.losses(&[sequence], masked_heads));
                losses.into_iter().map(|losses| Ok(losses?.into_iter().sum())).collect()
            }
            Meter::States { model, sequences } => {
                let hidden = model.spec().hidden;
                let inputs = sequences.iter().map(|(pieces, intact)| (intact, pieces.clone()));
                final_states(model, inputs, masked_heads, |intact, states| turn(intact, &states, hidden))
            }
        }
    }
}

/// What `reduce` makes of the final states of each input, `[piece][hidden]`, in order.
fn final_states<T: Send, R: Send>(
    model: &Model,
    inputs: impl Iterator<Item = (T, Pieces)> + Send,
    masked_heads: &HeadMask,
    reduce: impl Fn(T, Vec<f32>) -> R + Sync,
) -> Result<Vec<R>> {
    let request = Request { hidden_states: true, masked_heads: masked_heads.clone(), ..Request::default() };
    let mut answers = Vec::new();
    let streamed = model.stream(
        inputs.map(Ok::<_, anyhow::Error>),
        &request,
        |tag, _, encoded| reduce(tag, last(&encoded.hidden.expect("the request asks for hidden states"))),
        |answer| {
            answers.push(answer);
            Ok(())
        },
    );
    streamed.map_err(|error| match error {
        StreamError::Caller(error) => error,
        other => anyhow!("{other}"),
    })?;
    Ok(answers)
}

fn last(states: &HiddenStates) -> Vec<f32> {
    let states = states.view();
    let layers = states.dim().0;
    states.into_iter().skip((layers - 1) * states.len() / layers).copied().collect()
}

/// Mean over pieces of 1 − cosine of two states.
fn turn(intact: &[f32], changed: &[f32], hidden: usize) -> f64 {
    let pieces = intact.len() / hidden;
    let turns = intact.chunks_exact(hidden).zip(changed.chunks_exact(hidden)).map(|(a, b)| 1.0 - cosine(a, b));
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
