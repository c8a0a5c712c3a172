//! How likely a model finds a sentence.
//!
//! A causal model gives its log-likelihood, the sum over the pieces of ln p(piece | those before). A masked model gives no
//! probability of a sentence; its pseudo-log-likelihood stands in: the sum of ln p(piece | the rest), each piece hidden in its
//! turn. Special pieces are never hidden or guessed.

use std::collections::{BTreeMap, HashMap};

use headlight_attention::HeadGrid;

use crate::{HeadMask, MaskedLm, MaskedLmError, Pieces, Visibility};

/// What is hidden while a piece is guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Hiding {
    /// The piece and those after it in its word, so that a rare word of many pieces does not give itself away (Kauf &
    /// Ivanova 2023, *A Better Way to Do Masked Language Model Scoring*; `within_word_l2r` of minicons).
    WithinWordL2r,
    /// The piece alone (Salazar et al. 2020, *Masked Language Model Scoring*).
    Original,
}

/// One input with pieces hidden.
struct Masked {
    pieces: Pieces,
    /// The position that is guessed.
    position: [usize; 1],
}

impl MaskedLm {
    /// For each of several sets of masked heads, the pseudo-log-likelihood of each sentence in nats, pieces hidden behind
    /// `mask`. What is the same of several sentences or sets is computed once: sentences of a minimal pair differ in few words,
    /// and sets have the layers below their heads in common. What a sentence's number is depends neither on the others nor on
    /// other sets nor on the number of threads.
    ///
    /// # Errors
    /// Sentences or heads that are not this model's.
    pub fn pseudo_log_likelihoods(
        &self,
        sentences: &[&Pieces],
        mask: u32,
        hiding: Hiding,
        masks: &[&HeadMask],
    ) -> Result<Vec<Vec<f64>>, MaskedLmError> {
        if self.spec.visibility() == Visibility::Causal {
            return Err(MaskedLmError::Causal);
        }
        self.check_heads(masks)?;
        let outside = |input, piece| MaskedLmError::Target { input, position: 0, piece };
        if mask as usize >= self.spec.vocabulary {
            return Err(outside(0, mask));
        }
        self.check_pieces(sentences)?;
        // Each different masked input, in the order in which it is first needed, and what is guessed there for whom.
        let mut inputs: Vec<Masked> = Vec::new();
        let mut known: HashMap<Vec<u32>, usize> = HashMap::new();
        let mut guesses: Vec<Vec<(usize, u32)>> = Vec::with_capacity(sentences.len());
        for sentence in sentences {
            let of_sentence = hidden_with(sentence, hiding).into_iter().map(|(position, end)| {
                let mut ids = sentence.ids.clone();
                ids[position..end].fill(mask);
                // Where several pieces are hidden, which of them is guessed is not told by the ids.
                let mut key = ids.clone();
                key.push(position as u32);
                let number = *known.entry(key).or_insert_with(|| {
                    inputs.push(Masked { pieces: Pieces { ids, ..(*sentence).clone() }, position: [position] });
                    inputs.len() - 1
                });
                (number, sentence.ids[position])
            });
            guesses.push(of_sentence.collect());
        }
        let sums = |likelihoods: &BTreeMap<(usize, u32), f64>| {
            let sum = |of_sentence: &Vec<(usize, u32)>| of_sentence.iter().map(|guess| likelihoods[guess]).sum();
            guesses.iter().map(sum).collect()
        };
        Ok(self.guess(&inputs, &guesses, masks).iter().map(sums).collect())
    }

    /// For each of several sets of masked heads, the log-likelihood of each sentence in nats under a causal model. Its first
    /// piece is guessed from the special piece before it, where the model is given one (`<bos>`); else nothing guesses it and it
    /// adds nothing, as in minicons. Special pieces behind a sentence are not guessed.
    ///
    /// # Errors
    /// Sentences or heads that are not this model's.
    pub fn log_likelihoods(&self, sentences: &[&Pieces], masks: &[&HeadMask]) -> Result<Vec<Vec<f64>>, MaskedLmError> {
        if self.spec.visibility() == Visibility::Full {
            return Err(MaskedLmError::NotCausal);
        }
        self.check_heads(masks)?;
        self.check_pieces(sentences)?;
        // A piece is guessed from the state of the one before it.
        let guessed = |sentence: &&Pieces| {
            let frame = sentence.alignment.frame();
            frame.before().len().max(1)..(sentence.len() - frame.after().len()).max(1)
        };
        let rows: Vec<Vec<usize>> =
            sentences.iter().map(|it| guessed(it).map(|position| position - 1).collect()).collect();
        let rows: Vec<&[usize]> = rows.iter().map(Vec::as_slice).collect();
        let pieces: Vec<u32> = sentences.iter().flat_map(|it| it.ids[guessed(it)].iter().copied()).collect();
        let targets: Vec<(usize, u32)> = pieces.into_iter().enumerate().collect();
        let sums = |states: Vec<f32>| {
            let of_rows = self.head.log_likelihoods_at(&self.encoder, &states, &targets);
            let mut rest = &of_rows[..];
            let mut sum = |rows: &&[usize]| {
                let (own, others) = rest.split_at(rows.len());
                rest = others;
                own.iter().sum()
            };
            rows.iter().map(&mut sum).collect()
        };
        Ok(self.encoder.final_states(sentences, &rows, masks).into_iter().map(sums).collect())
    }

    /// For each set of masked heads, ln p of every guess, a piece in the input with that number.
    fn guess(
        &self,
        inputs: &[Masked],
        guesses: &[Vec<(usize, u32)>],
        masks: &[&HeadMask],
    ) -> Vec<BTreeMap<(usize, u32), f64>> {
        let mut targets: Vec<(usize, u32)> = guesses.iter().flatten().copied().collect();
        targets.sort_unstable();
        targets.dedup();
        let pieces: Vec<&Pieces> = inputs.iter().map(|input| &input.pieces).collect();
        let rows: Vec<&[usize]> = inputs.iter().map(|input| &input.position[..]).collect();
        let likelihoods = |states: Vec<f32>| {
            let found = self.head.log_likelihoods_at(&self.encoder, &states, &targets);
            targets.iter().copied().zip(found).collect()
        };
        self.encoder.final_states(&pieces, &rows, masks).into_iter().map(likelihoods).collect()
    }

    /// Fails for a head that the model does not have.
    pub(crate) fn check_heads(&self, masks: &[&HeadMask]) -> Result<(), MaskedLmError> {
        let grid @ HeadGrid { layers, heads } = self.spec.grid;
        let mut masked = masks.iter().flat_map(|mask| mask.keys());
        let missing = masked.find(|head| head.layer >= layers || head.index >= heads);
        missing.map_or(Ok(()), |&head| Err(MaskedLmError::NoSuchHead { head, grid }))
    }
}

/// The positions that are guessed, with the end of what is hidden then. Pieces that several words share are guessed once.
fn hidden_with(sentence: &Pieces, hiding: Hiding) -> Vec<(usize, usize)> {
    let mut guessed = Vec::new();
    let mut next = 0;
    for word in sentence.alignment.words() {
        for position in word.start.max(next)..word.end {
            guessed.push(match hiding {
                Hiding::WithinWordL2r => (position, word.end),
                Hiding::Original => (position, position + 1),
            });
        }
        next = next.max(word.end);
    }
    guessed
}
