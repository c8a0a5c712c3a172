//! A sentence as the encoder reads it, and why a sentence may have none.

use std::{fmt, ops::Range};

use headlight_attention::Alignment;

use crate::{Architecture, SpecialPieces};

/// One input of an encoder: `[CLS] … [SEP]`, or `[CLS] A [SEP] B [SEP]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pieces {
    /// The pieces' rows in the vocabulary.
    pub ids: Vec<u32>,
    /// The segment of each piece: 0, and 1 after the first `[SEP]` of a pair. As long as `ids`.
    pub segments: Vec<u32>,
    /// Which pieces make which word.
    pub alignment: Alignment,
    /// How many words yielded no piece and stand as `[UNK]`.
    pub unpieced_words: usize,
}

impl Pieces {
    /// Number of pieces, `[CLS]` and `[SEP]` included.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no pieces at all, which no tokenizer of this crate yields.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// How much of the words the model can make out.
    pub fn legibility(&self, special: SpecialPieces) -> Legibility {
        let words = self.alignment.words();
        let SpecialPieces { unk, space, .. } = special;
        // The space before a word says nothing of it.
        let is_unknown = |word: &&Range<usize>| {
            let ids = &self.ids[(*word).clone()];
            ids.iter().any(|id| Some(*id) == unk) && ids.iter().all(|id| [unk, space].contains(&Some(*id)))
        };
        let shares = |pair: &&[Range<usize>]| pair[0].start <= pair[1].start && pair[1].end <= pair[0].end;
        Legibility {
            words: words.len(),
            unknown: words.iter().filter(is_unknown).count(),
            unpieced: self.unpieced_words,
            shared: words.windows(2).filter(shares).count(),
        }
    }

    /// Checks that a model can read these pieces.
    ///
    /// # Errors
    /// What does not fit: lengths that differ, too many pieces, ids or segments without an embedding.
    pub fn check(&self, spec: &Architecture) -> Result<(), UnfitPieces> {
        let (ids, segments, aligned) = (self.ids.len(), self.segments.len(), self.alignment.pieces());
        if ids != segments || ids != aligned {
            return Err(UnfitPieces::Lengths { ids, segments, aligned });
        }
        if ids > spec.max_pieces() {
            return Err(UnfitPieces::TooMany { pieces: ids, positions: spec.max_pieces() });
        }
        if let Some(&id) = self.ids.iter().find(|&&id| id as usize >= spec.vocabulary) {
            return Err(UnfitPieces::Id { id, vocabulary: spec.vocabulary });
        }
        // Of one segment are all pieces, and without an embedding of segments they are not looked at.
        let segments = spec.embedding.segments;
        let unfit = |segment: &&u32| segments > 1 && **segment as usize >= segments;
        if let Some(&segment) = self.segments.iter().find(unfit) {
            return Err(UnfitPieces::Segment { segment, segments });
        }
        Ok(())
    }
}

/// How many words of an input a model cannot make out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Legibility {
    /// All words.
    pub words: usize,
    /// Words of which the model sees nothing but the unknown piece.
    pub unknown: usize,
    /// Those of them that yielded no piece at all.
    pub unpieced: usize,
    /// Words all of whose pieces are pieces of the word before: whatever a head does with the one, it does with the other.
    pub shared: usize,
}

/// Pieces that are not of the model that should read them.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnfitPieces {
    /// Ids, segments and alignment of different lengths.
    #[error("{ids} ids, {segments} segments and an alignment of {aligned} pieces do not belong together")]
    Lengths {
        /// Number of ids.
        ids: usize,
        /// Number of segments.
        segments: usize,
        /// Pieces of the alignment.
        aligned: usize,
    },
    /// More pieces than the model has positions.
    #[error("{pieces} pieces, but the model has {positions} positions")]
    TooMany {
        /// Number of pieces.
        pieces: usize,
        /// Positions of the model.
        positions: usize,
    },
    /// An id outside the vocabulary.
    #[error("piece id {id}, but the model's vocabulary has {vocabulary} pieces")]
    Id {
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// A segment that the model does not know.
    #[error("segment {segment}, but the model has {segments} segments")]
    Segment {
        /// The segment.
        segment: u32,
        /// Segments of the model.
        segments: usize,
    },
}

/// Why a sentence is not encoded. Skipped sentences are counted by [`Skip::reason`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Skip {
    /// More pieces than the limit, or than the model has positions.
    TooManyPieces {
        /// Pieces with `[CLS]` and `[SEP]`.
        pieces: usize,
        /// The most that are allowed.
        limit: usize,
    },
    /// A sentence without words.
    NoWords,
    /// A word that does not lie in the surface text, so that its pieces cannot be found.
    WordOutsideText {
        /// The word, counted from 0.
        word: usize,
    },
    /// A text that the tokenizer refuses.
    Untokenizable,
}

impl Skip {
    /// The reason without its numbers: the key under which skipped sentences are counted.
    pub fn reason(self) -> &'static str {
        match self {
            Skip::TooManyPieces { .. } => "too many pieces",
            Skip::NoWords => "no words",
            Skip::WordOutsideText { .. } => "word outside the text",
            Skip::Untokenizable => "refused by the tokenizer",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skip::TooManyPieces { pieces, limit } => write!(f, "{pieces} pieces, limit {limit}"),
            Skip::WordOutsideText { word } => write!(f, "word {} does not lie in the text", word + 1),
            Skip::NoWords | Skip::Untokenizable => f.write_str(self.reason()),
        }
    }
}
