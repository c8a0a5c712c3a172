//! What a structural probe sees of a treebank: annotation in memory, hidden states from wherever they lie.

use crate::{SentenceWords, SourceError};

/// Sentences with the hidden states of their words in every layer. A probe keeps the states of one batch at a time, so
/// a source may lie on disk and be larger than memory.
pub trait WordStates: Sync {
    /// Layers, the embeddings included as layer 0.
    fn layers(&self) -> usize;

    /// Width of a hidden state.
    fn width(&self) -> usize;

    /// Number of sentences.
    fn len(&self) -> usize;

    /// Whether there is no sentence at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The words of one sentence.
    fn words(&self, sentence: usize) -> &SentenceWords;

    /// Writes the hidden states of one sentence of n words in one layer into `out`, axes `[word, width]`: n × width
    /// places.
    ///
    /// # Errors
    /// Whatever the source says; it is passed on with the number of the sentence.
    fn states(&self, layer: usize, sentence: usize, out: &mut [f32]) -> Result<(), SourceError>;
}
