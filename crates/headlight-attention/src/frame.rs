//! What stands around the words of an input.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The special pieces before and after the words of an input, by name: `[CLS] … [SEP]` of BERT, `<s> … </s>` of RoBERTa,
/// none at all of GPT-2.
///
/// Positions of word attention run over the pieces before, the words, and the pieces after; the frame is the only one that
/// knows where a word lies among them. Cloning it copies a pointer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Frame(Arc<Names>);

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
struct Names {
    before: Vec<String>,
    after: Vec<String>,
}

impl Frame {
    /// A frame of pieces with these names, each list in order.
    pub fn new<S: Into<String>>(before: impl IntoIterator<Item = S>, after: impl IntoIterator<Item = S>) -> Self {
        let names = |pieces: &mut dyn Iterator<Item = String>| pieces.collect();
        Self(Arc::new(Names {
            before: names(&mut before.into_iter().map(Into::into)),
            after: names(&mut after.into_iter().map(Into::into)),
        }))
    }

    /// That of BERT: `[CLS] … [SEP]`.
    pub fn bert() -> Self {
        Self::new(["[CLS]"], ["[SEP]"])
    }

    /// No special piece.
    pub fn none() -> Self {
        Self::new([""; 0], [])
    }

    /// Names of the pieces before the words.
    pub fn before(&self) -> &[String] {
        &self.0.before
    }

    /// Names of the pieces after the words.
    pub fn after(&self) -> &[String] {
        &self.0.after
    }

    /// Number of special pieces.
    pub fn specials(&self) -> usize {
        self.before().len() + self.after().len()
    }

    /// Number of positions of a sentence of `words` words.
    pub fn positions(&self, words: usize) -> usize {
        words + self.specials()
    }

    /// The position of a word, counted from 0.
    pub fn position(&self, word: usize) -> usize {
        self.before().len() + word
    }

    /// The positions of all `words` words.
    pub fn words(&self, words: usize) -> Range<usize> {
        self.before().len()..self.before().len() + words
    }

    /// Number of words in a sentence of `positions` positions; `None` where not even the special pieces fit.
    pub fn words_of(&self, positions: usize) -> Option<usize> {
        positions.checked_sub(self.specials())
    }

    /// What is left of a row or column over all positions when the special pieces are dropped.
    ///
    /// # Panics
    /// When there are fewer values than special pieces.
    pub fn inner<'a, T>(&self, values: &'a [T]) -> &'a [T] {
        &values[self.before().len()..values.len() - self.after().len()]
    }
}

/// `[CLS] … [SEP]`.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, after] = [self.before(), self.after()].map(|pieces| pieces.join(" "));
        write!(f, "{before} … {after}")
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({self})")
    }
}

impl Serialize for Frame {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Names::deserialize(deserializer).map(|names| Self(Arc::new(names)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lie_between_the_special_pieces() {
        for (frame, positions, words, name) in [
            (Frame::bert(), 5, 1..4, "[CLS] … [SEP]"),
            (Frame::none(), 3, 0..3, " … "),
            (Frame::new(["<bos>"], []), 4, 1..4, "<bos> … "),
            (Frame::new(["a", "b"], ["c"]), 6, 2..5, "a b … c"),
        ] {
            assert_eq!(
                (frame.positions(3), frame.words(3), frame.to_string()),
                (positions, words.clone(), name.into())
            );
            assert_eq!((frame.position(2), frame.words_of(positions)), (words.end - 1, Some(3)));
            assert_eq!(frame.inner(&(0..positions).collect::<Vec<_>>()), words.collect::<Vec<_>>());
            let text = serde_json::to_string(&frame).unwrap();
            assert_eq!(serde_json::from_str::<Frame>(&text).unwrap(), frame);
        }
        assert_eq!(Frame::bert().words_of(1), None);
    }
}
