//! Sentences on their way from a source to a probe: a few megabytes at a time, the next ones read while the present ones
//! are worked on.

use std::ops::Range;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::probe::Input;
use crate::{Examples, Probe, SourceError};

/// Attention held in one chunk, in f32 values (16 MiB), unless a single sentence has more. Two chunks are in flight.
/// Tests have small chunks, so that batches begin and end within them.
const CHUNK: usize = if cfg!(test) { 1 << 11 } else { 1 << 22 };

/// Why a probe cannot work with some examples.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Attention over other heads.
    #[error(
        "the probe reads {probe_layers} layers of {probe_heads} heads, but the attention has {layers} layers of {heads}; \
         use the model that the probe was trained on"
    )]
    Grid {
        /// Layers that the probe reads.
        probe_layers: usize,
        /// Heads a layer that the probe reads.
        probe_heads: usize,
        /// Layers of the examples' attention.
        layers: usize,
        /// Heads a layer of the examples' attention.
        heads: usize,
    },
    /// Attention within other special pieces.
    #[error(
        "the probe reads attention within {probe}, but that given is within {found}; use the model that the probe was trained \
         on"
    )]
    Frame {
        /// Special pieces that the probe knows.
        probe: String,
        /// Those of the examples' attention.
        found: String,
    },
    /// No word vectors for a probe that reads words.
    #[error("the probe reads word vectors, but none were given")]
    NoVectors,
    /// Word vectors of another width.
    #[error("the probe reads word vectors of {probe_width} numbers, but those given have {width}")]
    VectorWidth {
        /// Width that the probe reads.
        probe_width: usize,
        /// Width of the examples' vectors.
        width: usize,
    },
    /// The source failed.
    #[error("cannot read the attention of sentence {sentence}")]
    Source {
        /// The sentence's number in the source, counted from 0.
        sentence: usize,
        /// What the source said.
        source: SourceError,
    },
}

/// Whether a probe can work with some examples.
pub(crate) fn check<E: Examples>(probe: &Probe, examples: &E) -> Result<(), DataError> {
    let (spec, grid) = (probe.spec(), examples.grid());
    if spec.reads_attention() && spec.grid() != grid {
        let (probe_layers, probe_heads) = (spec.layers, spec.heads);
        return Err(DataError::Grid { probe_layers, probe_heads, layers: grid.layers, heads: grid.heads });
    }
    if spec.reads_attention() && spec.frame != *examples.frame() {
        return Err(DataError::Frame { probe: spec.frame.to_string(), found: examples.frame().to_string() });
    }
    match examples.vectors() {
        _ if !spec.reads_vectors() => Ok(()),
        None => Err(DataError::NoVectors),
        Some(vectors) if vectors.width() != spec.vector_width => {
            Err(DataError::VectorWidth { probe_width: spec.vector_width, width: vectors.width() })
        }
        Some(_) => Ok(()),
    }
}

/// Consecutive sentences with their attention.
pub(crate) struct Chunk<'a, E> {
    examples: &'a E,
    attention: Vec<f32>,
    /// Each sentence and where its attention lies.
    sentences: Vec<(usize, Range<usize>)>,
}

impl<E: Examples> Chunk<'_, E> {
    /// Number of sentences.
    pub(crate) fn len(&self) -> usize {
        self.sentences.len()
    }

    /// The number in the source of the sentence at a place in the chunk.
    pub(crate) fn sentence(&self, place: usize) -> usize {
        self.sentences[place].0
    }

    /// What a probe reads of the sentence at a place in the chunk.
    pub(crate) fn input(&self, place: usize) -> Input<'_> {
        let (sentence, range) = &self.sentences[place];
        Input {
            words: self.examples.words(*sentence),
            attention: &self.attention[range.clone()],
            vectors: self.examples.vectors(),
        }
    }
}

/// Goes over `sentences` in order, chunk by chunk, on the present rayon pool. Ends early with what `consume` returns.
pub(crate) fn stream<'a, E: Examples, R: From<DataError> + Send>(
    probe_reads_attention: bool,
    examples: &'a E,
    sentences: &[usize],
    mut consume: impl FnMut(&Chunk<'a, E>) -> Result<(), R> + Send,
) -> Result<(), R> {
    let heads = if probe_reads_attention { examples.grid().len() } else { 0 };
    let mut left = sentences;
    let mut load = |mut chunk: Chunk<'a, E>| {
        left = fill(&mut chunk, heads, left)?;
        Ok::<_, DataError>(chunk)
    };
    let empty = || Chunk { examples, attention: Vec::new(), sentences: Vec::new() };
    let mut present = load(empty())?;
    let mut spare = empty();
    while present.len() > 0 {
        let (next, consumed) = rayon::join(|| load(spare), || consume(&present));
        consumed?;
        spare = std::mem::replace(&mut present, next?);
    }
    Ok(())
}

/// Refills a chunk from the front of `sentences`; returns the rest.
fn fill<'s, E: Examples>(
    chunk: &mut Chunk<'_, E>,
    heads: usize,
    sentences: &'s [usize],
) -> Result<&'s [usize], DataError> {
    chunk.sentences.clear();
    let mut end = 0;
    // Without attention a sentence still counts for something, so that chunks end.
    let (mut taken, mut weight) = (0, 0);
    for &sentence in sentences {
        let (words, frame) = (chunk.examples.words(sentence), chunk.examples.frame());
        let length = words.attention_len(heads, frame);
        weight += length.max(words.attention_len(1, frame));
        if taken > 0 && weight > CHUNK {
            break;
        }
        chunk.sentences.push((sentence, end..end + length));
        end += length;
        taken += 1;
    }
    chunk.attention.resize(end, 0.0);
    if heads > 0 {
        let mut rest = chunk.attention.as_mut_slice();
        let mut places = Vec::with_capacity(taken);
        for (sentence, range) in &chunk.sentences {
            let (place, behind) = rest.split_at_mut(range.len());
            places.push((*sentence, place));
            rest = behind;
        }
        let examples = chunk.examples;
        places.into_par_iter().try_for_each(|(sentence, place)| {
            examples.attention(sentence, place).map_err(|source| DataError::Source { sentence, source })
        })?;
    }
    Ok(&sentences[taken..])
}

#[cfg(test)]
mod tests {
    use headlight_attention::{Frame, HeadGrid};

    use super::*;
    use crate::train::tests::{GRID, all, telling_treebank};
    use crate::{InMemory, SentenceWords, WordVectors};

    /// A source that fails at one sentence.
    struct Failing(InMemory, usize);

    impl Examples for Failing {
        fn grid(&self) -> HeadGrid {
            self.0.grid()
        }
        fn frame(&self) -> &Frame {
            self.0.frame()
        }
        fn len(&self) -> usize {
            self.0.len()
        }
        fn words(&self, sentence: usize) -> &SentenceWords {
            self.0.words(sentence)
        }
        fn vectors(&self) -> Option<&WordVectors> {
            self.0.vectors()
        }
        fn attention(&self, sentence: usize, out: &mut [f32]) -> Result<(), SourceError> {
            if sentence == self.1 { Err("torn".into()) } else { self.0.attention(sentence, out) }
        }
    }

    #[test]
    fn sentences_pass_once_in_order_with_their_own_attention() {
        let examples = telling_treebank(60, 1);
        let order: Vec<usize> = all(&examples).into_iter().rev().collect();
        let (mut seen, mut chunks) = (Vec::new(), 0);
        let passed = stream(true, &examples, &order, |chunk| {
            chunks += 1;
            for place in 0..chunk.len() {
                let sentence = chunk.sentence(place);
                let mut expected = vec![0.0; examples.words(sentence).attention_len(GRID.len(), examples.frame())];
                examples.attention(sentence, &mut expected).unwrap();
                assert_eq!(chunk.input(place).attention, expected);
                seen.push(sentence);
            }
            Ok::<(), DataError>(())
        });
        assert!(passed.is_ok() && seen == order);
        assert!(chunks > 3, "{chunks}");
    }

    #[test]
    fn a_probe_without_attention_reads_none() {
        let examples = Failing(telling_treebank(20, 2), 0);
        let mut sentences = 0;
        let passed = stream(false, &examples, &all(&examples.0), |chunk| {
            sentences += chunk.len();
            assert!((0..chunk.len()).all(|place| chunk.input(place).attention.is_empty()));
            Ok::<(), DataError>(())
        });
        assert!(passed.is_ok() && sentences == 20);
    }

    #[test]
    fn the_sentence_that_cannot_be_read_is_named() {
        let examples = Failing(telling_treebank(60, 3), 47);
        let failed = stream(true, &examples, &all(&examples.0), |_| Ok(()));
        let error: DataError = failed.unwrap_err();
        assert_eq!(error.to_string(), "cannot read the attention of sentence 47");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "torn");
    }
}
