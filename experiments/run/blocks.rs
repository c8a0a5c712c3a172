//! Long passes in blocks: what a pass makes of so many inputs is a step that is done once, so that an interruption costs no
//! more than one block.
//!
//! A block is an accumulator of its own: counts that are added up, or what was counted of each sentence. Blocks have the same
//! borders in every run and are taken in order, so that sums, of whole numbers or not, come out the same digit for digit
//! whether or not a run was interrupted.

use anyhow::Result;
use headlight_bert::{Encoded, Pieces, Request};
use headlight_treebank::Sentence;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::units::Mark;
use super::{Pass, Run, Steps, Units};
use crate::config::Split;

/// Sentences of a block: a second or a few of work.
const BLOCK: usize = 256;

/// A pass of the encoder over a split whose results are kept block by block.
pub struct KeptPass<'a> {
    /// The sentences.
    pub split: Split,
    /// What is asked of the encoder.
    pub request: &'a Request,
    /// Where blocks are kept: steps of this pass and no other, `steps.of("round 2")`.
    pub steps: Steps,
}

/// The block at work, and those before it.
pub struct Blocks<A, T> {
    steps: Steps,
    size: usize,
    /// Number of the block at work, and how many inputs lie before it.
    number: usize,
    before: usize,
    inputs: usize,
    current: A,
    take: T,
}

impl<A: Default + Serialize + DeserializeOwned, T: FnMut(A) -> Result<()>> Blocks<A, T> {
    /// Takes up the blocks of `size` inputs that an earlier call kept; `take` gets every block once, in order.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn resume(steps: Steps, size: usize, mut take: T) -> Result<Self> {
        let (mut number, mut before) = (0, 0);
        while let Some((inputs, block)) = steps.kept::<(usize, A)>(&name(number)) {
            take(block)?;
            number += 1;
            before += inputs;
        }
        if before > 0 {
            tracing::info!("going on after {before} inputs of an interrupted pass");
        }
        Ok(Self { steps, size, number, before, inputs: 0, current: A::default(), take })
    }

    /// How many inputs an earlier call has done.
    pub fn done(&self) -> usize {
        self.before
    }

    /// Puts what came of the next input into the block at work.
    ///
    /// # Errors
    /// Those of `put` and `take`; a disk that does not take the block.
    pub fn add(&mut self, put: impl FnOnce(&mut A) -> Result<()>) -> Result<()> {
        put(&mut self.current)?;
        self.inputs += 1;
        if self.inputs == self.size { self.close() } else { Ok(()) }
    }

    /// Closes the last block, whatever it holds.
    ///
    /// # Errors
    /// As [`Blocks::add`].
    pub fn finish(mut self) -> Result<()> {
        if self.inputs > 0 { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<()> {
        let block = (self.inputs, std::mem::take(&mut self.current));
        self.steps.keep(&name(self.number), &block)?;
        self.number += 1;
        self.before += block.0;
        self.inputs = 0;
        (self.take)(block.1)
    }
}

fn name(number: usize) -> String {
    format!("block {number}")
}

/// What a pass over sentences keeps of a block.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "A: DeserializeOwned"))]
struct SentenceBlock<A> {
    marks: Vec<Mark>,
    made: A,
}

impl<A: Default> Default for SentenceBlock<A> {
    fn default() -> Self {
        Self { marks: Vec::new(), made: A::default() }
    }
}

impl Run {
    /// Encodes the sentences of a split as [`Run::encode`] does, in blocks that are kept: `fold` puts what `map` made of each
    /// encoded sentence into its block, in order; `take` gets the blocks in order, those of an earlier, interrupted call
    /// first. Returns the units of the encoded sentences, in the order in which they were folded.
    ///
    /// # Errors
    /// As [`Run::encode`]; those of `take`; a disk that does not take a block.
    pub fn encode_kept<A: Default + Serialize + DeserializeOwned, R: Send>(
        &mut self,
        pass: KeptPass<'_>,
        map: impl Fn(&Sentence, &Pieces, Encoded) -> R + Sync,
        mut fold: impl FnMut(&mut A, R),
        mut take: impl FnMut(A) -> Result<()>,
    ) -> Result<Units> {
        let mut units = self.units();
        let unit = units.unit();
        let mut blocks = Blocks::resume(pass.steps, BLOCK, |block: SentenceBlock<A>| {
            block.marks.into_iter().for_each(|mark| {
                units.mark(mark);
            });
            take(block.made)
        })?;
        let pass = Pass { split: pass.split, from: blocks.done(), request: pass.request };
        self.encode(&pass, map, |sentence, made| {
            blocks.add(|block| {
                if let Some(made) = made {
                    block.marks.push(Mark::of(sentence, unit));
                    fold(&mut block.made, made);
                }
                Ok(())
            })
        })?;
        blocks.finish()?;
        Ok(units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_made_once_and_come_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let pass = |stop: usize| {
            let mut taken: Vec<Vec<usize>> = Vec::new();
            let steps = Steps::in_folder(folder.path());
            let mut blocks = Blocks::resume(steps, 4, |block| {
                taken.push(block);
                Ok(())
            })
            .unwrap();
            let from = blocks.done();
            for input in from..stop {
                blocks
                    .add(|block: &mut Vec<usize>| {
                        block.push(input);
                        Ok(())
                    })
                    .unwrap();
            }
            // An interruption drops the block at work.
            if stop == 10 {
                blocks.finish().unwrap();
            }
            (from, taken)
        };
        assert_eq!(pass(6), (0, vec![vec![0, 1, 2, 3]]));
        let all = vec![vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]];
        assert_eq!(pass(10), (4, all.clone()));
        assert_eq!(pass(10), (10, all));
    }
}
