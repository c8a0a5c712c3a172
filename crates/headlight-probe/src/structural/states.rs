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

/// The same states under other labels, such as those of a control task.
#[derive(Debug)]
pub struct Relabelled<'a, S> {
    inner: &'a S,
    words: Vec<SentenceWords>,
}

impl<'a, S: WordStates> Relabelled<'a, S> {
    /// `labels` gives the new labels of each sentence. `None` when they are not one for each of its words.
    pub fn new(inner: &'a S, mut labels: impl FnMut(usize) -> Vec<u32>) -> Option<Self> {
        let words = (0..inner.len()).map(|sentence| inner.words(sentence).clone().with_labels(labels(sentence)));
        Some(Self { inner, words: words.collect::<Option<_>>()? })
    }
}

impl<S: WordStates> WordStates for Relabelled<'_, S> {
    fn layers(&self) -> usize {
        self.inner.layers()
    }

    fn width(&self) -> usize {
        self.inner.width()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn words(&self, sentence: usize) -> &SentenceWords {
        &self.words[sentence]
    }

    fn states(&self, layer: usize, sentence: usize, out: &mut [f32]) -> Result<(), SourceError> {
        self.inner.states(layer, sentence, out)
    }
}
