//! Inputs with pieces to be guessed: what the loss of a language model is taken over.

use std::collections::BTreeMap;

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{Pieces, SpecialPieces};

/// An input some of whose pieces are to be guessed: hidden, where a model sees what stands on both sides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MaskedPieces {
    /// The input as the model sees it, `[MASK]` where a piece is hidden.
    pub pieces: Pieces,
    /// Position → the piece to be guessed there. Not empty.
    pub targets: BTreeMap<usize, u32>,
}

impl MaskedPieces {
    /// Hides a share of the pieces, at least one, each behind `[MASK]`. `[CLS]` and `[SEP]` stay. The same pieces, share
    /// and seed hide the same positions.
    ///
    /// `None` when the vocabulary has no `[MASK]`, or there is nothing to hide.
    pub fn draw(pieces: &Pieces, special: SpecialPieces, share: f64, seed: u64) -> Option<Self> {
        let mask = special.mask?;
        let stays = |id: u32| [special.cls, special.sep].contains(&Some(id));
        let mut positions: Vec<usize> = (0..pieces.len()).filter(|&position| !stays(pieces.ids[position])).collect();
        let hidden = ((positions.len() as f64 * share).round() as usize).clamp(1, positions.len().max(1));
        positions.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        positions.truncate(hidden);
        let mut pieces = pieces.clone();
        let targets: BTreeMap<usize, u32> = positions
            .into_iter()
            .map(|position| (position, std::mem::replace(&mut pieces.ids[position], mask)))
            .collect();
        (!targets.is_empty()).then_some(Self { pieces, targets })
    }

    /// Has every piece but the first guessed from those before it, as a causal model does.
    ///
    /// `None` when there is no other.
    pub fn following(pieces: &Pieces) -> Option<Self> {
        let targets: BTreeMap<usize, u32> = pieces.ids.iter().copied().enumerate().skip(1).collect();
        (!targets.is_empty()).then(|| Self { pieces: pieces.clone(), targets })
    }
}
