//! Minimum description length by the online code (Voita & Titov 2020, §2.2.2): how few bits the governors take when a
//! probe trained on what was sent before predicts what comes next. Rewards probes that learn early, not large ones.

use std::ops::Range;

use crate::{Examples, Hooks, Probe, ProbeSpec, ScoreError, TrainError, TrainOptions, evaluate_each, train};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Shares of the sentences after which the probe is trained anew, in percent (Voita & Titov 2020).
pub const CODE_FRACTIONS: [f64; 11] = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.25, 12.5, 25.0, 50.0, 100.0];

/// The online code of some sentences before it is sent: their order, and where blocks end. A caller that keeps each block
/// can be interrupted between two of them, and within one by the training's own checkpoint.
#[derive(Clone, PartialEq, Debug)]
pub struct OnlineCode {
    order: Vec<usize>,
    ends: Vec<usize>,
}

/// One block of the online code.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CodeBlock {
    /// Sentences that the probe was trained on; 0 for the first block, which is sent under the uniform code.
    pub trained_on: usize,
    /// What was sent, sentence by sentence in the order sent.
    pub sentences: Vec<CodeSentence>,
}

/// One sentence sent.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct CodeSentence {
    /// Its number among the examples.
    pub sentence: usize,
    /// Words sent.
    pub words: u64,
    /// Bits that their governors took.
    pub bits: f64,
    /// Bits under the uniform code, log2 n for each word of a sentence of n words.
    pub uniform_bits: f64,
}

/// The online code of a treebank's governors, block by block.
#[derive(Clone, PartialEq, Debug)]
pub struct DescriptionLength {
    /// The blocks in the order sent.
    pub blocks: Vec<CodeBlock>,
}

impl OnlineCode {
    /// Sends `sentences` in an order drawn from `seed`, in blocks that end at [`CODE_FRACTIONS`].
    pub fn new(sentences: &[usize], seed: u64) -> Self {
        let mut order = sentences.to_vec();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let ends = block_ends(order.len());
        Self { order, ends }
    }

    /// Number of blocks; all but the first need a probe.
    pub fn blocks(&self) -> usize {
        self.ends.len()
    }

    /// The sentences that were sent before a block: what its probe learns from.
    pub fn before(&self, block: usize) -> &[usize] {
        &self.order[..self.range(block).start]
    }

    fn range(&self, block: usize) -> Range<usize> {
        let start = block.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[block]
    }

    /// Sends a block with the probe that learned from [`OnlineCode::before`] it; the first with none, under the uniform
    /// code.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn send<E: Examples>(
        &self,
        block: usize,
        probe: Option<&Probe>,
        examples: &E,
    ) -> Result<CodeBlock, ScoreError> {
        let (range, sent) = (self.range(block), &self.order[self.range(block)]);
        let evaluations = probe.map(|probe| evaluate_each(probe, examples, sent)).transpose()?;
        let sentence = |(place, &sentence): (usize, &usize)| {
            let words = examples.words(sentence).words();
            let uniform_bits = words as f64 * (words as f64).log2();
            let loss = evaluations.as_ref().map(|evaluations| evaluations[place].loss);
            let bits = loss.map_or(uniform_bits, |loss| loss / std::f64::consts::LN_2);
            CodeSentence { sentence, words: words as u64, bits, uniform_bits }
        };
        Ok(CodeBlock { trained_on: range.start, sentences: sent.iter().enumerate().map(sentence).collect() })
    }
}

impl CodeBlock {
    /// Words sent.
    pub fn words(&self) -> u64 {
        self.sentences.iter().map(|sentence| sentence.words).sum()
    }

    /// Bits that their governors took.
    pub fn bits(&self) -> f64 {
        self.sentences.iter().map(|sentence| sentence.bits).sum()
    }

    /// Bits under the uniform code.
    pub fn uniform_bits(&self) -> f64 {
        self.sentences.iter().map(|sentence| sentence.uniform_bits).sum()
    }
}

impl DescriptionLength {
    /// Bits in all.
    pub fn bits(&self) -> f64 {
        self.blocks.iter().map(CodeBlock::bits).sum()
    }

    /// Bits under the uniform code.
    pub fn uniform_bits(&self) -> f64 {
        self.blocks.iter().map(CodeBlock::uniform_bits).sum()
    }

    /// How many times shorter than the uniform code.
    pub fn compression(&self) -> f64 {
        self.uniform_bits() / self.bits()
    }
}

/// Sends the governors of `sentences`, in an order drawn from the options' seed, under the online code. `progress` is
/// called before each training with the number of the block and of blocks.
///
/// # Errors
/// [`TrainError`].
pub fn online_code<E: Examples>(
    spec: &ProbeSpec,
    examples: &E,
    sentences: &[usize],
    options: &TrainOptions,
    mut progress: impl FnMut(usize, usize),
) -> Result<DescriptionLength, TrainError> {
    let code = OnlineCode::new(sentences, options.seed);
    if code.blocks() == 0 {
        return Err(TrainError::NoSentences);
    }
    let mut blocks = Vec::with_capacity(code.blocks());
    for block in 0..code.blocks() {
        let probe = if block == 0 {
            None
        } else {
            progress(block - 1, code.blocks() - 1);
            Some(train(spec.clone(), examples, code.before(block), options, Hooks::default())?.probe)
        };
        blocks.push(code.send(block, probe.as_ref(), examples).map_err(TrainError::HeldOut)?);
    }
    Ok(DescriptionLength { blocks })
}

/// Where each block ends: the fractions of `sentences`, rounded, without blocks that would be empty.
fn block_ends(sentences: usize) -> Vec<usize> {
    let mut ends: Vec<usize> =
        CODE_FRACTIONS.iter().map(|percent| (percent / 100.0 * sentences as f64).round() as usize).collect();
    ends.retain(|end| *end > 0);
    ends.dedup();
    ends
}

#[cfg(test)]
mod tests {
    use headlight_attention::Frame;

    use super::*;
    use crate::ProbeForm;
    use crate::train::tests::{GRID, all, telling_treebank};

    #[test]
    fn blocks_end_at_the_fractions() {
        assert_eq!(block_ends(10_000), [10, 20, 40, 80, 160, 320, 625, 1250, 2500, 5000, 10_000]);
        assert_eq!(block_ends(100), [1, 2, 3, 6, 13, 25, 50, 100]);
        assert_eq!(block_ends(1), [1]);
        assert_eq!(block_ends(0), [0; 0]);
    }

    #[test]
    fn attention_that_tells_the_governors_compresses_them() {
        let examples = telling_treebank(400, 1);
        let options = TrainOptions { learning_rate: 0.2, epochs: 20, ..TrainOptions::until_best(1) };
        let spec = ProbeSpec::new(ProbeForm::AttentionOnly, GRID, &Frame::bert(), 3);
        let mut trainings = 0;
        let length = online_code(&spec, &examples, &all(&examples), &options, |_, _| trainings += 1).unwrap();
        assert_eq!(trainings + 1, length.blocks.len());
        assert_eq!(length.blocks.iter().map(|block| block.sentences.len()).sum::<usize>(), 400);
        let words: usize = (0..400).map(|sentence| examples.words(sentence).words()).sum();
        assert_eq!(length.blocks.iter().map(CodeBlock::words).sum::<u64>(), words as u64);
        assert_eq!(length.blocks[0].bits(), length.blocks[0].uniform_bits());
        let last = length.blocks.last().unwrap();
        assert!(last.bits() < last.uniform_bits() / 2.0, "{last:?}");
        assert!(length.compression() > 1.5, "{}", length.compression());
    }

    #[test]
    fn governors_that_nothing_tells_do_not_compress() {
        let examples = telling_treebank(200, 1);
        let forms: Vec<String> = (0..12).map(|word| format!("w{word}")).collect();
        let random = crate::Relabelled::new(&examples, |sentence, words| {
            let forms: Vec<&str> = forms[..words.words()].iter().map(String::as_str).collect();
            crate::control_governors(&forms, sentence as u64)
        });
        let options = TrainOptions { learning_rate: 0.2, epochs: 20, ..TrainOptions::until_best(1) };
        let spec = ProbeSpec::new(ProbeForm::AttentionOnly, GRID, &Frame::bert(), 3);
        let told = online_code(&spec, &examples, &all(&examples), &options, |_, _| {}).unwrap();
        let untold = online_code(&spec, &random.unwrap(), &all(&examples), &options, |_, _| {}).unwrap();
        assert_eq!(told.uniform_bits(), untold.uniform_bits());
        assert!(untold.bits() > 1.3 * told.bits(), "{} {}", untold.bits(), told.bits());
    }
}
