//! The gradients of a stream of sequences, in blocks that are done once.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::mem::take;
use std::num::NonZeroUsize;

use anyhow::Result;
use headlight_bert::{LossGradients, MaskedLm, MaskedPieces};

use super::means::{self, Marks, Values};
use crate::cli::parallel::map_in_order;
use crate::run::{Steps, interrupted};

/// Sequences that an interrupted run does at most again; those of one length are computed together.
const BLOCK: usize = 256;

/// Pieces of sequences that are computed together: as many as keep products busy, and few enough for every worker's memory.
const TOGETHER: usize = 256;

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
        let together = of_one_length(&sequences);
        let of_some = |numbers: &Vec<usize>| -> Result<Vec<(f64, Values)>> {
            interrupted()?;
            let some: Vec<&MaskedPieces> = numbers.iter().map(|&number| &sequences[number]).collect();
            let gradients = self.masked_lm.gradients(&some)?;
            let of_sequence = |(sequence, it): (&&MaskedPieces, &LossGradients)| {
                (it.loss, means::values(&sequence.pieces, it, &self.marks))
            };
            Ok(some.iter().zip(&gradients).map(of_sequence).collect())
        };
        let block = self.steps.once(&format!("{BLOCK} sequences, block {}", self.done.len() / BLOCK), || {
            let done = map_in_order(self.threads, &together, of_some).into_iter().collect::<Result<Vec<_>>>()?;
            let mut in_order: Vec<_> = together.iter().flatten().zip(done.into_iter().flatten()).collect();
            in_order.sort_unstable_by_key(|(number, _)| **number);
            Ok(in_order.into_iter().map(|(_, values)| values).collect::<Vec<_>>())
        })?;
        self.done.extend(block);
        Ok(())
    }
}

/// The numbers of sequences that are computed together: of one length, so that none is padded and the gradients of each are, to
/// the bit, those that it has alone. The longest come first, since they take longest.
fn of_one_length(sequences: &[MaskedPieces]) -> Vec<Vec<usize>> {
    let mut by_length: BTreeMap<Reverse<usize>, Vec<usize>> = BTreeMap::new();
    for (number, sequence) in sequences.iter().enumerate() {
        by_length.entry(Reverse(sequence.pieces.len())).or_default().push(number);
    }
    let cut = |(Reverse(pieces), numbers): (Reverse<usize>, Vec<usize>)| {
        numbers.chunks((TOGETHER / pieces).max(1)).map(<[usize]>::to_vec).collect::<Vec<_>>()
    };
    by_length.into_iter().flat_map(cut).collect()
}
