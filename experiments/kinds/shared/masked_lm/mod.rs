//! The masked-language-model loss of sequences: which of their pieces are hidden, and what the loss is derived by.

mod gradients;
pub mod means;

use anyhow::{Result, anyhow, ensure};
use headlight_bert::{MaskedPieces, Pieces, SpecialPieces, Visibility};

pub use gradients::Gradients;

/// How pieces are hidden: the same in each run with this seed, whatever else is read. Of a causal model none is hidden, and
/// every piece but the first is guessed.
#[derive(Debug, Clone, Copy)]
pub struct Hide {
    /// Of the model.
    pub visibility: Visibility,
    /// Of the tokenizer.
    pub special: SpecialPieces,
    /// Of the pieces of a sequence.
    pub share: f64,
    /// Of the run.
    pub seed: u64,
}

impl Hide {
    /// Hides pieces of the sequence with this number.
    ///
    /// # Errors
    /// When it has none to hide.
    pub fn draw(&self, pieces: &Pieces, number: u64) -> Result<MaskedPieces> {
        // An odd multiplier keeps the seeds of neighbouring numbers and runs apart.
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number);
        let drawn = match self.visibility {
            Visibility::Full => MaskedPieces::draw(pieces, self.special, self.share, seed),
            Visibility::Causal => MaskedPieces::following(pieces),
        };
        drawn.ok_or_else(|| anyhow!("sequence {} has no piece to hide", number + 1))
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
