//! The scores of pairs: what a model with some heads masked says of their sentences.

use std::num::NonZeroUsize;

use anyhow::{Result, anyhow};
use headlight_bert::{HeadMask, Hiding, MaskedLm, Pieces, Skip, Tokenizer};
use serde::{Deserialize, Serialize};

use crate::cli::parallel::map_in_order;
use crate::cli::progress::Progress;
use crate::run::{Steps, interrupted};
use crate::sources::pairs::Pair;

/// Pairs of a step: a few seconds of work, and what an interruption costs at most.
const BLOCK: usize = 1024;

/// Pairs that one worker takes together.
const TOGETHER: usize = 16;

/// What came of a pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Scored {
    /// The scores of the acceptable sentence and of the other one, in nats, and whether both are the same pieces to the model.
    Scores {
        good: f64,
        bad: f64,
        alike: bool,
        /// Pieces of both, those around them not counted.
        pieces: u64,
        /// Words that are nothing but the unknown piece, of all words.
        unknown: u64,
        words: u64,
    },
    /// Why the model cannot read it.
    Skipped(String),
}

/// How sentences are scored.
#[derive(Debug, Clone, Copy)]
pub enum By {
    /// By the pseudo-log-likelihood of a masked model.
    PseudoLogLikelihood {
        /// The id of `[MASK]`.
        mask: u32,
        hiding: Hiding,
    },
    /// By the log-likelihood of a causal one.
    LogLikelihood,
}

/// What scores sentences.
pub struct Scorer<'a> {
    pub masked_lm: &'a MaskedLm,
    pub tokenizer: &'a Tokenizer,
    /// How sentences are scored.
    pub by: By,
    /// Most pieces of a sentence.
    pub limit: usize,
    pub threads: NonZeroUsize,
}

impl Scorer<'_> {
    /// For each set of masked heads, the scores of these pairs, in order, in blocks that are steps.
    ///
    /// # Errors
    /// Ctrl-C; heads that the model does not have.
    pub fn pass(
        &self,
        pairs: &[&Pair],
        masks: &[&HeadMask],
        steps: &Steps,
        progress: &Progress,
    ) -> Result<Vec<Vec<Scored>>> {
        let mut scored = vec![Vec::with_capacity(pairs.len()); masks.len()];
        // About as much work as of one set, and enough for all workers.
        let block = (BLOCK / masks.len().max(1)).max(8 * TOGETHER);
        for (number, block) in pairs.chunks(block).enumerate() {
            let of_block = steps.once(&format!("block {number}"), || {
                let together: Vec<&[&Pair]> = block.chunks(TOGETHER).collect();
                let scores = |pairs: &&[&Pair]| {
                    interrupted()?;
                    let scored = self.scores(pairs, masks)?;
                    progress.add((masks.len() * pairs.len()) as u64);
                    Ok(scored)
                };
                let done: Vec<Result<Vec<Vec<Scored>>>> = map_in_order(self.threads, &together, scores);
                done.into_iter().collect::<Result<Vec<_>>>()
            })?;
            for of_pairs in of_block {
                scored.iter_mut().zip(of_pairs).for_each(|(scored, of_pairs)| scored.extend(of_pairs));
            }
        }
        Ok(scored)
    }

    fn scores(&self, pairs: &[&Pair], masks: &[&HeadMask]) -> Result<Vec<Vec<Scored>>> {
        let read = |pair: &&Pair| -> Result<[Pieces; 2], Skip> {
            Ok([self.tokenizer.sentence(&pair.good, self.limit)?, self.tokenizer.sentence(&pair.bad, self.limit)?])
        };
        let read: Vec<Result<[Pieces; 2], Skip>> = pairs.iter().map(read).collect();
        let sentences: Vec<&Pieces> = read.iter().flatten().flatten().collect();
        let likelihoods = match self.by {
            By::PseudoLogLikelihood { mask, hiding } => {
                self.masked_lm.pseudo_log_likelihoods(&sentences, mask, hiding, masks)
            }
            By::LogLikelihood => self.masked_lm.log_likelihoods(&sentences, masks),
        };
        let likelihoods = likelihoods.map_err(|error| anyhow!("{error}"))?;
        Ok(likelihoods.into_iter().map(|of_set| self.scored(&read, of_set)).collect())
    }

    /// What came of pairs, given the likelihoods of all sentences that can be read.
    fn scored(&self, read: &[Result<[Pieces; 2], Skip>], likelihoods: Vec<f64>) -> Vec<Scored> {
        let mut likelihoods = likelihoods.into_iter();
        let special = self.tokenizer.special();
        let mut next = || likelihoods.next().unwrap_or(f64::NAN);
        let scored = |read: &Result<[Pieces; 2], Skip>| match read {
            Ok([good, bad]) => {
                let legible = [good, bad].map(|pieces| pieces.legibility(special));
                Scored::Scores {
                    good: next(),
                    bad: next(),
                    alike: good.ids == bad.ids,
                    pieces: (good.len() + bad.len()).saturating_sub(2 * good.alignment.frame().specials()) as u64,
                    unknown: legible.iter().map(|it| it.unknown as u64).sum(),
                    words: legible.iter().map(|it| it.words as u64).sum(),
                }
            }
            Err(skip) => Scored::Skipped(skip.reason().to_owned()),
        };
        read.iter().map(scored).collect()
    }
}
