//! Minimum description length by the online code (Voita & Titov 2020, §2.2.2): how few bits the governors take when a
//! probe trained on what was sent before predicts what comes next. Rewards probes that learn early, not large ones.

use crate::{Examples, Hooks, ProbeSpec, TrainError, TrainOptions, evaluate, train};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Shares of the sentences after which the probe is trained anew, in percent (Voita & Titov 2020).
pub const CODE_FRACTIONS: [f64; 11] = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.25, 12.5, 25.0, 50.0, 100.0];

/// One block of the online code.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CodeBlock {
    /// Sentences that the probe was trained on; 0 for the first block, which is sent under the uniform code.
    pub trained_on: usize,
    /// Sentences sent.
    pub sentences: usize,
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

impl DescriptionLength {
    /// Bits in all.
    pub fn bits(&self) -> f64 {
        self.blocks.iter().map(|block| block.bits).sum()
    }

    /// Bits under the uniform code.
    pub fn uniform_bits(&self) -> f64 {
        self.blocks.iter().map(|block| block.uniform_bits).sum()
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
    let mut order = sentences.to_vec();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(options.seed));
    let ends = block_ends(order.len());
    let (first, rest) = ends.split_first().ok_or(TrainError::NoSentences)?;
    let mut blocks = vec![uniform_block(examples, &order[..*first])];
    let mut sent = *first;
    for (number, end) in rest.iter().enumerate() {
        progress(number, rest.len());
        let trained = train(spec.clone(), examples, &order[..sent], options, Hooks::default())?;
        let evaluation = evaluate(&trained.probe, examples, &order[sent..*end]).map_err(TrainError::HeldOut)?;
        let uniform = uniform_block(examples, &order[sent..*end]);
        blocks.push(CodeBlock { trained_on: sent, bits: evaluation.loss / std::f64::consts::LN_2, ..uniform });
        sent = *end;
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

fn uniform_block<E: Examples>(examples: &E, sentences: &[usize]) -> CodeBlock {
    let lengths = || sentences.iter().map(|sentence| examples.words(*sentence).words());
    let bits = lengths().map(|words| words as f64 * (words as f64).log2()).sum();
    let words = lengths().sum::<usize>() as u64;
    CodeBlock { trained_on: 0, sentences: sentences.len(), words, bits, uniform_bits: bits }
}

#[cfg(test)]
mod tests {
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
        let spec = ProbeSpec::new(ProbeForm::AttentionOnly, GRID, 3);
        let mut trainings = 0;
        let length = online_code(&spec, &examples, &all(&examples), &options, |_, _| trainings += 1).unwrap();
        assert_eq!(trainings + 1, length.blocks.len());
        assert_eq!(length.blocks.iter().map(|block| block.sentences).sum::<usize>(), 400);
        let words: usize = (0..400).map(|sentence| examples.words(sentence).words()).sum();
        assert_eq!(length.blocks.iter().map(|block| block.words).sum::<u64>(), words as u64);
        assert_eq!(length.blocks[0].bits, length.blocks[0].uniform_bits);
        let last = length.blocks.last().unwrap();
        assert!(last.bits < last.uniform_bits / 2.0, "{last:?}");
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
        let spec = ProbeSpec::new(ProbeForm::AttentionOnly, GRID, 3);
        let told = online_code(&spec, &examples, &all(&examples), &options, |_, _| {}).unwrap();
        let untold = online_code(&spec, &random.unwrap(), &all(&examples), &options, |_, _| {}).unwrap();
        assert_eq!(told.uniform_bits(), untold.uniform_bits());
        assert!(untold.bits() > 1.3 * told.bits(), "{} {}", untold.bits(), told.bits());
    }
}
