//! A sentence without words of its own: what a language model is asked about.

use std::ops::Range;

use super::Tokenizer;
use crate::{Pieces, Skip};

impl Tokenizer {
    /// A sentence as the model reads it, with the special pieces around it. Its words are those that the tokenizer splits
    /// text into before it looks for pieces (`word_ids` in transformers): for BERT `didn't` is three. An added token is a
    /// word of its own.
    ///
    /// # Errors
    /// Why the sentence has to be skipped.
    pub fn sentence(&self, text: &str, limit: usize) -> Result<Pieces, Skip> {
        self.check_growth(text)?;
        let encoding = self.inner.encode_char_offsets(text, false).map_err(|_| Skip::Untokenizable)?;
        let mut words: Vec<Range<usize>> = Vec::new();
        let mut before = None;
        for (number, &word) in encoding.get_word_ids().iter().enumerate() {
            let position = self.frame().position(number);
            match words.last_mut() {
                Some(last) if word.is_some() && word == before => last.end = position + 1,
                _ => words.push(position..position + 1),
            }
            before = word;
        }
        if words.is_empty() {
            return Err(Skip::NoWords);
        }
        let ids = [self.around.before.as_slice(), encoding.get_ids(), &self.around.after].concat();
        self.finish(ids, words, limit, 0)
    }
}
