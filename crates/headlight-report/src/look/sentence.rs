//! One sentence as the page shows it.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use headlight_attention::{Alignment, AttentionMaps, Frame, NO_PEAK, WordAttention, peaks};
use headlight_treebank::{Governor, Sentence};
use serde::Serialize;

use super::Pair;
use super::positions_beside;
use crate::bytes;

/// A sentence with the maps of all heads.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LookSentence {
    words: Vec<Word>,
    has_tree: bool,
    /// What each piece is called, special pieces included.
    pieces: Vec<String>,
    /// The first and the last piece of each word.
    spans: Vec<(usize, usize)>,
    word_maps: Maps,
    /// `None` where each piece is a word.
    piece_maps: Option<Maps>,
    /// How many words each head finds the governor of, where there is a tree: by the dependent's row, by its column.
    found: Vec<(usize, usize)>,
    /// How many words have a governor.
    governed: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Word {
    form: String,
    /// Counted from 1; 0 for the root.
    governor: usize,
    relation: String,
}

/// Maps of all heads, axes `[layer, head, from, to]`.
#[derive(Clone, Debug, Serialize)]
struct Maps {
    /// What a byte of 255 stands for: 1, or the largest weight where weights exceed 1.
    scale: f32,
    /// A byte a weight, packed by zlib.
    #[serde(with = "bytes")]
    weights: Vec<u8>,
}

/// What a model made of a sentence.
#[derive(Clone, Debug)]
pub struct Over<'a> {
    /// What its pieces are called, special pieces included.
    pub pieces: Vec<String>,
    /// Which of them make which word.
    pub alignment: &'a Alignment,
    /// Attention over words.
    pub over_words: &'a WordAttention,
    /// Attention over pieces.
    pub over_pieces: &'a AttentionMaps,
}

impl LookSentence {
    /// A sentence; its tree is shown where it has one, and its relations where `has_relations`.
    ///
    /// # Panics
    /// When the maps are of other sentences.
    pub fn new(sentence: &Sentence, has_relations: bool, over: Over<'_>) -> Self {
        let Over { pieces, alignment, over_words, over_pieces } = over;
        assert_eq!(over_words.words(), sentence.len(), "a map over the words of the sentence");
        assert_eq!(
            (over_pieces.positions(), alignment.pieces()),
            (pieces.len(), pieces.len()),
            "a label for each piece"
        );
        let has_tree = !sentence.is_unparsed();
        let words = sentence.words().iter().map(|word| Word {
            form: word.form.clone(),
            governor: word.governor.word().map_or(0, headlight_treebank::WordIdx::id),
            relation: if has_relations { word.relation.full().to_owned() } else { String::new() },
        });
        Self {
            words: words.collect(),
            has_tree,
            pieces,
            spans: alignment.words().iter().map(|span| (span.start, span.end - 1)).collect(),
            word_maps: Maps::new(over_words.weights()),
            piece_maps: (!alignment.is_identity()).then(|| Maps::new(over_pieces.weights())),
            found: if has_tree { found(sentence, over_words) } else { Vec::new() },
            governed: sentence.words().iter().filter(|word| word.governor != Governor::Root).count(),
        }
    }

    /// Bytes of its maps, as they are packed.
    pub fn packed_bytes(&self) -> usize {
        self.word_maps.weights.len() + self.piece_maps.as_ref().map_or(0, |maps| maps.weights.len())
    }

    /// Number of words.
    pub fn words(&self) -> usize {
        self.words.len()
    }

    /// Which positions belong together with those of `other`. The same model reads sentences piece by piece alike; another
    /// model reads the same words, but has pieces of its own.
    pub fn beside(&self, frame: &Frame, other: &Self, other_frame: &Frame, is_same_model: bool) -> Pair {
        let labels = |sentence: &Self, frame: &Frame| {
            let words = sentence.words.iter().map(|word| word.form.clone());
            frame.before().iter().cloned().chain(words).chain(frame.after().iter().cloned()).collect::<Vec<_>>()
        };
        let (own, others) = (labels(self, frame), labels(other, other_frame));
        let same_ends = frame.before().len() == other_frame.before().len();
        Pair {
            words: positions_beside(&own, &others, same_ends),
            pieces: positions_beside(&self.pieces, &other.pieces, is_same_model),
        }
    }
}

impl Maps {
    fn new(weights: &[f32]) -> Self {
        let scale = weights.iter().copied().fold(1.0, f32::max);
        let quantised: Vec<u8> =
            weights.iter().map(|weight| (weight / scale * 255.0).round().clamp(0.0, 255.0) as u8).collect();
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&quantised).expect("memory takes everything");
        Self { scale, weights: packed.finish().expect("memory takes everything") }
    }
}

/// Of how many words each head finds the governor: as the peak of the dependent's row, and of its column (METHOD §2).
fn found(sentence: &Sentence, attention: &WordAttention) -> Vec<(usize, usize)> {
    let (peaks, words) = (peaks(attention), sentence.words());
    let (by_row, by_column) = peaks.places().split_at(peaks.places().len() / 2);
    let right = |places: &[u16]| {
        let is_right = |(word, place): &(&headlight_treebank::Word, &u16)| match word.governor {
            Governor::Root => false,
            Governor::Word(governor) => **place != NO_PEAK && usize::from(**place) == governor.index(),
        };
        words.iter().zip(places).filter(is_right).count()
    };
    by_row
        .chunks_exact(words.len())
        .zip(by_column.chunks_exact(words.len()))
        .map(|(row, column)| (right(row), right(column)))
        .collect()
}
