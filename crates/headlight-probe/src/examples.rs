//! What a probe sees of a treebank: annotation in memory, word attention from wherever it lies.

use headlight_attention::{Frame, HeadGrid, WordAttention};
use headlight_treebank::{Governor, Sentence};

use crate::WordVectors;

/// Why a source could not give a sentence's word attention.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Sentences with their word attention. Training and scoring go over these and keep no more than a few sentences'
/// attention at a time, so a source may lie on disk and be larger than memory.
pub trait Examples: Sync {
    /// The attention heads of every sentence.
    fn grid(&self) -> HeadGrid;

    /// The special pieces around every sentence's words.
    fn frame(&self) -> &Frame;

    /// Number of sentences.
    fn len(&self) -> usize;

    /// Whether there is no sentence at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The words of one sentence.
    fn words(&self, sentence: usize) -> &SentenceWords;

    /// The word vectors that [`SentenceWords::vectors`] points into; `None` where there are none.
    fn vectors(&self) -> Option<&WordVectors>;

    /// Writes the word attention of one sentence of n words into `out`, axes `[head, from, to]`, heads layer by layer,
    /// positions as in [`Frame`]. `out` has exactly heads × positions² places.
    ///
    /// # Errors
    /// Whatever the source says; it is passed on with the number of the sentence.
    fn attention(&self, sentence: usize, out: &mut [f32]) -> Result<(), SourceError>;
}

/// What a probe knows of the words of one sentence beside their attention.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SentenceWords {
    governors: Vec<Governor>,
    punctuation: Vec<bool>,
    vectors: Vec<Option<u32>>,
    labels: Vec<u32>,
}

impl SentenceWords {
    /// The words of a sentence, each with its row of `vectors` if it has one there.
    pub fn new(sentence: &Sentence, vectors: Option<&WordVectors>) -> Self {
        let words = sentence.words();
        Self {
            governors: words.iter().map(|word| word.governor).collect(),
            punctuation: words.iter().map(headlight_treebank::Word::is_punctuation).collect(),
            vectors: words.iter().map(|word| vectors.and_then(|vectors| vectors.find(&word.form))).collect(),
            labels: Vec::new(),
        }
    }

    /// Number of words, n.
    pub fn words(&self) -> usize {
        self.governors.len()
    }

    /// The gold governor of every word.
    pub fn governors(&self) -> &[Governor] {
        &self.governors
    }

    /// Whether each word is punctuation.
    pub fn punctuation(&self) -> &[bool] {
        &self.punctuation
    }

    /// Each word's row in the word vectors, `None` for an unknown word.
    pub fn vectors(&self) -> &[Option<u32>] {
        &self.vectors
    }

    /// The label of every word, of its relation or of a control task; empty where none were given.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The same words with labels. `None` when it is not one for each word.
    pub fn with_labels(self, labels: Vec<u32>) -> Option<Self> {
        (labels.len() == self.words()).then_some(Self { labels, ..self })
    }

    /// The same words with other gold governors. `None` when their number differs or one of them is out of range or
    /// the word itself.
    pub fn with_governors(&self, governors: Vec<Governor>) -> Option<Self> {
        let fits = governors.len() == self.words()
            && governors.iter().enumerate().all(|(dependent, governor)| {
                governor.word().is_none_or(|word| word.index() < self.words() && word.index() != dependent)
            });
        fits.then(|| Self { governors, ..self.clone() })
    }

    /// Words without a sentence, none of them punctuation.
    #[cfg(test)]
    pub(crate) fn for_tests(governors: Vec<Governor>, vectors: Vec<Option<u32>>) -> Self {
        Self { punctuation: vec![false; governors.len()], governors, vectors, labels: Vec::new() }
    }

    /// Length of the sentence's word attention with `heads` attention heads: heads × positions².
    pub(crate) fn attention_len(&self, heads: usize, frame: &Frame) -> usize {
        heads * frame.positions(self.words()).pow(2)
    }
}

/// Sentences whose word attention is kept in memory: for tests and small treebanks.
#[derive(Clone, Debug)]
pub struct InMemory {
    grid: HeadGrid,
    frame: Frame,
    vectors: Option<WordVectors>,
    sentences: Vec<(SentenceWords, WordAttention)>,
}

impl InMemory {
    /// No sentence yet, for attention over `grid` within `frame` and words with rows in `vectors`.
    pub fn new(grid: HeadGrid, frame: &Frame, vectors: Option<WordVectors>) -> Self {
        Self { grid, frame: frame.clone(), vectors, sentences: Vec::new() }
    }

    /// Adds a sentence. `false`, and nothing is added, when the attention is over other heads or other many words, or within
    /// another frame.
    pub fn push(&mut self, words: SentenceWords, attention: WordAttention) -> bool {
        let fits =
            attention.grid() == self.grid && *attention.frame() == self.frame && attention.words() == words.words();
        if fits {
            self.sentences.push((words, attention));
        }
        fits
    }
}

impl Examples for InMemory {
    fn grid(&self) -> HeadGrid {
        self.grid
    }

    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn len(&self) -> usize {
        self.sentences.len()
    }

    fn words(&self, sentence: usize) -> &SentenceWords {
        &self.sentences[sentence].0
    }

    fn vectors(&self) -> Option<&WordVectors> {
        self.vectors.as_ref()
    }

    fn attention(&self, sentence: usize, out: &mut [f32]) -> Result<(), SourceError> {
        out.copy_from_slice(self.sentences[sentence].1.weights());
        Ok(())
    }
}

/// The same sentences and attention under other gold governors, such as those of a control task.
#[derive(Debug)]
pub struct Relabelled<'a, E> {
    inner: &'a E,
    words: Vec<SentenceWords>,
}

impl<'a, E: Examples> Relabelled<'a, E> {
    /// `governors` gives the new gold governors of each sentence. `None` when [`SentenceWords::with_governors`] refuses
    /// those of one sentence.
    pub fn new(inner: &'a E, mut governors: impl FnMut(usize, &SentenceWords) -> Vec<Governor>) -> Option<Self> {
        let words = (0..inner.len())
            .map(|sentence| {
                let words = inner.words(sentence);
                words.with_governors(governors(sentence, words))
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Self { inner, words })
    }
}

impl<E: Examples> Examples for Relabelled<'_, E> {
    fn grid(&self) -> HeadGrid {
        self.inner.grid()
    }

    fn frame(&self) -> &Frame {
        self.inner.frame()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn words(&self, sentence: usize) -> &SentenceWords {
        &self.words[sentence]
    }

    fn vectors(&self) -> Option<&WordVectors> {
        self.inner.vectors()
    }

    fn attention(&self, sentence: usize, out: &mut [f32]) -> Result<(), SourceError> {
        self.inner.attention(sentence, out)
    }
}
