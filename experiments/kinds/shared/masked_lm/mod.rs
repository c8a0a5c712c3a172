//! The masked-language-model loss of sequences: which of their pieces are hidden, and what the loss is derived by.

mod gradients;
pub mod means;

use anyhow::{Result, ensure};
use headlight_bert::{MaskedPieces, Model, Pieces, SpecialPieces, Visibility};

pub use gradients::Gradients;

use crate::run::SequencesSeen;

/// How pieces are hidden: the same in each run with this seed, whatever else is read. Of a causal model none is hidden, and
/// every piece but the first is guessed.
#[derive(Debug, Clone, Copy)]
pub struct Hide {
    /// Of the model.
    visibility: Visibility,
    /// Of the tokenizer.
    special: SpecialPieces,
    /// Of the pieces of a sequence.
    share: f64,
    /// Of the run.
    seed: u64,
}

impl Hide {
    /// So much of each sequence of this model.
    pub fn new(model: &Model, share: f64, seed: u64) -> Self {
        Self { visibility: model.spec().visibility(), special: model.tokenizer().special(), share, seed }
    }

    /// Hides pieces of the sequence with this number; `None` where it has none to guess.
    pub fn draw(&self, pieces: &Pieces, number: u64) -> Option<MaskedPieces> {
        // An odd multiplier keeps the seeds of neighbouring numbers and runs apart.
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number);
        match self.visibility {
            Visibility::Full => MaskedPieces::draw(pieces, self.special, self.share, seed),
            Visibility::Causal => MaskedPieces::following(pieces),
        }
    }

    /// Hides pieces of sequences that have some to guess, numbered from 0.
    pub fn draw_each(self, sequences: &[Pieces]) -> impl Iterator<Item = MaskedPieces> {
        sequences.iter().zip(0..).filter_map(move |(pieces, number)| self.draw(pieces, number))
    }

    /// What is said of sequences that were left out because they have no piece to guess.
    ///
    /// # Errors
    /// When these are all.
    pub fn left_out(&self, count: u64, seen: &SequencesSeen) -> Result<Option<String>> {
        let SequencesSeen { name, sequences, .. } = seen;
        let why = match self.visibility {
            Visibility::Full => "special pieces are not hidden",
            Visibility::Causal => "nothing stands before the first piece, which a causal model would guess it from",
        };
        if count == 0 {
            return Ok(None);
        }
        ensure!(count < *sequences, "none of the {sequences} sequences of {name} has a piece to guess: {why}");
        let [have, are] = if count == 1 { ["has", "is"] } else { ["have", "are"] };
        Ok(Some(format!(
            "{count} of {sequences} sequences of {name} {have} no piece to guess and {are} left out: {why}"
        )))
    }
}

/// Checks a key that says which share of the pieces is hidden.
///
/// # Errors
/// When it is no share.
pub fn check_hidden(hidden: f64) -> Result<()> {
    ensure!(hidden > 0.0 && hidden <= 1.0, "`hidden` is {hidden}; it is a share above 0 and at most 1, such as 0.15");
    Ok(())
}
