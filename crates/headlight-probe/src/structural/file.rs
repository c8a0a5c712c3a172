//! Hidden states on disk: written once by one pass of the encoder, read by memory map in every epoch of every probe.
//!
//! Encoding a sentence costs some hundred times what a probe does with its states, and a sweep reads each layer tens of
//! times, so the states are kept; they are kept as f32, without loss, since they live no longer than the run: UD English
//! EWT's training split takes 0.3 GB a layer of 384 numbers a word.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bytemuck::cast_slice;
use memmap2::Mmap;

use super::WordStates;
use crate::{SentenceWords, SourceError};

/// Why hidden states could not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateFileError {
    /// The operating system refused.
    #[error("cannot {action} {path}")]
    Io {
        /// `create`, `write` or `map`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// States that are not of the sentence's words.
    #[error("sentence {sentence}: {found} numbers for {words} words of {width}")]
    Length {
        /// The sentence's number, counted from 0.
        sentence: usize,
        /// Numbers given for a layer.
        found: usize,
        /// Words of the sentence.
        words: usize,
        /// Width of a state.
        width: usize,
    },
}

/// Writes the hidden states of sentences, a file a layer. Memory does not grow but for the sentences' annotation.
#[derive(Debug)]
pub struct StateWriter {
    files: Vec<(PathBuf, BufWriter<File>)>,
    width: usize,
    sentences: Vec<SentenceWords>,
    /// The number of the first word of each sentence, and of all words.
    firsts: Vec<usize>,
}

/// Hidden states of sentences on disk. It may be read from several threads at once.
#[derive(Debug)]
pub struct StateFile {
    layers: Vec<Mmap>,
    width: usize,
    sentences: Vec<SentenceWords>,
    firsts: Vec<usize>,
}

impl StateWriter {
    /// Creates `layer-0.f32` to `layer-<layers−1>.f32` in a folder, which is made where it is absent; what is there
    /// under these names is replaced.
    ///
    /// # Errors
    /// [`StateFileError::Io`].
    pub fn create(folder: &Path, layers: usize, width: usize) -> Result<Self, StateFileError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StateFileError::Io { action: "create", path, source }
        };
        std::fs::create_dir_all(folder).map_err(io(folder))?;
        let create = |layer| {
            let path = StateFile::path(folder, layer);
            let file = File::options().create(true).truncate(true).read(true).write(true).open(&path);
            let file = file.map_err(io(&path))?;
            Ok((path, BufWriter::with_capacity(1 << 18, file)))
        };
        let files = (0..layers).map(create).collect::<Result<_, _>>()?;
        Ok(Self { files, width, sentences: Vec::new(), firsts: vec![0] })
    }

    /// Appends a sentence; `states` holds one layer after the other, `[word, width]` each.
    ///
    /// # Errors
    /// [`StateFileError::Length`], after which the writer is as before, or [`StateFileError::Io`].
    pub fn push(&mut self, words: SentenceWords, states: &[Vec<f32>]) -> Result<(), StateFileError> {
        let (sentence, expected) = (self.sentences.len(), words.words() * self.width);
        let wrong = states.iter().find(|states| states.len() != expected).map(Vec::len);
        if wrong.is_some() || states.len() != self.files.len() {
            let found = wrong.unwrap_or(0);
            return Err(StateFileError::Length { sentence, found, words: words.words(), width: self.width });
        }
        for ((path, file), states) in self.files.iter_mut().zip(states) {
            let written = file.write_all(cast_slice(states));
            written.map_err(|source| StateFileError::Io { action: "write", path: path.clone(), source })?;
        }
        self.firsts.push(self.firsts[sentence] + words.words());
        self.sentences.push(words);
        Ok(())
    }

    /// Makes what was written readable.
    ///
    /// # Errors
    /// [`StateFileError::Io`].
    pub fn finish(self) -> Result<StateFile, StateFileError> {
        let map = |(path, file): (PathBuf, BufWriter<File>)| {
            let io = |action| {
                let path = path.clone();
                move |source| StateFileError::Io { action, path, source }
            };
            let file = file.into_inner().map_err(|error| io("write")(error.into_error()))?;
            // SAFETY: the run that wrote the file owns its folder and changes it no more.
            unsafe { Mmap::map(&file) }.map_err(io("map"))
        };
        let layers = self.files.into_iter().map(map).collect::<Result<_, _>>()?;
        Ok(StateFile { layers, width: self.width, sentences: self.sentences, firsts: self.firsts })
    }
}

impl StateFile {
    /// Where the states of a layer lie, by its place among those that were written.
    pub fn path(folder: &Path, layer: usize) -> PathBuf {
        folder.join(format!("layer-{layer}.f32"))
    }

    /// Reads again what a [`StateWriter`] finished: the states of `sentences`, the same and in the same order.
    ///
    /// # Errors
    /// [`StateFileError::Io`], and [`StateFileError::Length`] for a file of another size.
    pub fn open(
        folder: &Path,
        layers: usize,
        width: usize,
        sentences: Vec<SentenceWords>,
    ) -> Result<Self, StateFileError> {
        let mut firsts = vec![0];
        for words in &sentences {
            firsts.push(firsts[firsts.len() - 1] + words.words());
        }
        let words = firsts[sentences.len()];
        let map = |layer| {
            let path = Self::path(folder, layer);
            let io = |source| StateFileError::Io { action: "map", path: path.clone(), source };
            let file = File::open(&path).map_err(io)?;
            // SAFETY: the run that wrote the file owns its folder and changes it no more.
            let states = unsafe { Mmap::map(&file) }.map_err(io)?;
            let found = states.len() / size_of::<f32>();
            match states.len() == words * width * size_of::<f32>() {
                true => Ok(states),
                false => Err(StateFileError::Length { sentence: sentences.len(), found, words, width }),
            }
        };
        let layers = (0..layers).map(map).collect::<Result<_, _>>()?;
        Ok(Self { layers, width, sentences, firsts })
    }
}

impl WordStates for StateFile {
    fn layers(&self) -> usize {
        self.layers.len()
    }

    fn width(&self) -> usize {
        self.width
    }

    fn len(&self) -> usize {
        self.sentences.len()
    }

    fn words(&self, sentence: usize) -> &SentenceWords {
        &self.sentences[sentence]
    }

    fn states(&self, layer: usize, sentence: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let bytes_a_word = self.width * size_of::<f32>();
        let place = self.firsts[sentence] * bytes_a_word..self.firsts[sentence + 1] * bytes_a_word;
        let bytes = self.layers[layer].get(place).ok_or("the file of hidden states was cut off")?;
        let (numbers, _) = bytes.as_chunks();
        out.iter_mut().zip(numbers).for_each(|(to, bytes)| *to = f32::from_ne_bytes(*bytes));
        Ok(())
    }
}
