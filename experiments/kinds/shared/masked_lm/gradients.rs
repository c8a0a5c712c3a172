//! The gradients of a stream of sequences, in blocks that are done once.

use std::mem::take;
use std::num::NonZeroUsize;

use anyhow::Result;
use headlight_bert::{LossGradients, MaskedLm, MaskedPieces};

use super::means::{self, Marks, Values};
use crate::cli::parallel::map_in_order;
use crate::run::{Steps, interrupted};

/// Sequences that an interrupted run does at most again.
const BLOCK: usize = 256;

/// Gradients of a stream of sequences, a block at a time; a block that an interrupted call finished is not done again.
pub struct Gradients<'a> {
    masked_lm: &'a MaskedLm,
    marks: Marks,
    threads: NonZeroUsize,
    steps: Steps,
    waiting: Vec<MaskedPieces>,
    done: Vec<(f64, Values)>,
}

impl<'a> Gradients<'a> {
    /// Of no sequence.
    pub fn new(masked_lm: &'a MaskedLm, marks: Marks, threads: NonZeroUsize, steps: Steps) -> Self {
        Self { masked_lm, marks, threads, steps, waiting: Vec::new(), done: Vec::new() }
    }

    /// Adds a sequence.
    ///
    /// # Errors
    /// When it is not the model's; Ctrl-C.
    pub fn push(&mut self, sequence: MaskedPieces) -> Result<()> {
        self.waiting.push(sequence);
        if self.waiting.len() >= BLOCK { self.work() } else { Ok(()) }
    }

    /// The loss of each sequence, and its values.
    ///
    /// # Errors
    /// As [`Gradients::push`].
    pub fn finish(mut self) -> Result<Vec<(f64, Values)>> {
        self.work()?;
        Ok(self.done)
    }

    fn work(&mut self) -> Result<()> {
        let sequences = take(&mut self.waiting);
        if sequences.is_empty() {
            return Ok(());
        }
        let sequences: Vec<&MaskedPieces> = sequences.iter().collect();
        let of_some = |some: &&[&MaskedPieces]| -> Result<Vec<(f64, Values)>> {
            interrupted()?;
            let gradients = self.masked_lm.gradients(some)?;
            let of_sequence = |(sequence, it): (&&MaskedPieces, &LossGradients)| {
                (it.loss, means::values(&sequence.pieces, it, &self.marks))
            };
            Ok(some.iter().zip(&gradients).map(of_sequence).collect())
        };
        let block = self.steps.once(&format!("{BLOCK} sequences, block {}", self.done.len() / BLOCK), || {
            let done = map_in_order(self.threads, &MaskedLm::together(&sequences), of_some);
            Ok(done.into_iter().collect::<Result<Vec<_>>>()?.concat())
        })?;
        self.done.extend(block);
        Ok(())
    }
}
