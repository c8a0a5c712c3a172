//! Frozen word vectors: only the rows that a treebank needs stay in memory.

mod binary;
mod source;
mod text;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// Wider vectors than this exist nowhere: a file that announces them is something else.
const WIDEST: usize = 1 << 16;

/// The words of a treebank, lower-cased, with how often each occurs: which vectors to keep, and the measure of how
/// many were found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Vocabulary {
    counts: HashMap<String, u64>,
}

impl Vocabulary {
    /// No word yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one occurrence of a word.
    pub fn observe(&mut self, form: &str) {
        *self.counts.entry(form.to_lowercase()).or_default() += 1;
    }

    /// Number of different words.
    pub fn types(&self) -> usize {
        self.counts.len()
    }
}

/// How much of a vocabulary has a vector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// Different words with a vector.
    pub types_found: u64,
    /// Different words.
    pub types: u64,
    /// Occurrences of words with a vector.
    pub words_found: u64,
    /// Occurrences of words.
    pub words: u64,
}

/// How a file of word vectors is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum VectorFormat {
    /// A word and its numbers on a line, separated by spaces or tabs: GloVe (no header; words may hold spaces), word2vec
    /// text and fastText `.vec` (a first line `count width`, which the file must keep to).
    Text,
    /// word2vec binary: a line `count width`, then each word, a space and its little-endian f32 numbers.
    Word2vecBinary,
}

impl VectorFormat {
    /// By extension: `.bin` is word2vec binary, everything else text. Either may be packed: `.bin.gz`, `.vec.gz`.
    pub fn of(path: &Path) -> Self {
        let is = |path: &Path, extension| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(extension));
        let packed = path.file_stem().filter(|_| is(path, "gz")).map(Path::new);
        if is(packed.unwrap_or(path), "bin") { Self::Word2vecBinary } else { Self::Text }
    }
}

/// Vectors of the words of a [`Vocabulary`], looked up in lower case.
#[derive(Clone, PartialEq, Debug)]
pub struct WordVectors {
    width: usize,
    rows: HashMap<String, u32>,
    values: Vec<f32>,
    repeated: u64,
}

/// Why word vectors could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// The file could not be opened or read.
    #[error("cannot read the word vectors {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file without a single vector.
    #[error("{path} holds no word vector; expected a word and its numbers on each line")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A line of the wrong width.
    #[error("{path}:{line}: [{word}] has {found} numbers, but the vectors of this file have {width}")]
    MixedWidth {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The line's word.
        word: String,
        /// Numbers on this line.
        found: usize,
        /// Numbers on the other lines.
        width: usize,
    },
    /// A line of another width than the first line announces.
    #[error(
        "{path}:{line}: [{word}] has {found} numbers, but the first line of this file says {width}; correct it, or remove \
         it if it is no `count width`"
    )]
    HeaderWidth {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The line's word.
        word: String,
        /// Numbers on this line.
        found: usize,
        /// Numbers that the first line announces.
        width: usize,
    },
    /// Another number of vectors than the first line announces.
    #[error(
        "{path}:1: the first line says {said} vectors, but {found} follow; if the file was cut off, fetch it again, and if \
         it was shortened on purpose, correct its first line"
    )]
    Count {
        /// The file.
        path: PathBuf,
        /// Vectors that the first line announces.
        said: usize,
        /// Vectors there are.
        found: usize,
    },
    /// Vectors wider than any.
    #[error(
        "{path}:{line}: vectors of {width} numbers; the widest that are read have {WIDEST}: is this a file of vectors?"
    )]
    TooWide {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// Numbers in a vector.
        width: usize,
    },
    /// A line without an end.
    #[error("{path}:{line}: the line is longer than 16 MiB; is this a file of word vectors?")]
    LongLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A file of another kind.
    #[error("{path} is {what}; {way}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// How to come to vectors.
        way: &'static str,
    },
    /// A line with something that is no number.
    #[error("{path}:{line}: [{field}] in the vector of [{word}] is not a finite number")]
    NotANumber {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The line's word.
        word: String,
        /// What stands in the number's place.
        field: String,
    },
    /// A binary file whose first line is not `count width`.
    #[error("{path} does not open with `count width`, as word2vec binary files do; is it a text file?")]
    Header {
        /// The file.
        path: PathBuf,
    },
    /// A binary file that ends early or has an unreadable entry.
    #[error("{path}: entry {entry} of {entries} is broken: {reason}")]
    Entry {
        /// The file.
        path: PathBuf,
        /// The entry, counted from 1.
        entry: usize,
        /// Entries that the header announces.
        entries: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A binary file that goes on where its header says it ends.
    #[error(
        "{path} goes on behind the {entries} vectors that its first line announces; is it word2vec binary? fastText and \
         GloVe write text, in files that do not end in .bin"
    )]
    Surplus {
        /// The file.
        path: PathBuf,
        /// Entries that the header announces.
        entries: usize,
    },
}

impl WordVectors {
    /// Reads the vectors of the words in `vocabulary`; `format` defaults to [`VectorFormat::of`]. Every line's width is
    /// checked, and the number of lines where the first one announces it, but numbers are read only where the vocabulary
    /// needs them. Of several vectors of one word the first counts ([`WordVectors::repeated`]); words that the file does
    /// not write in lower case are never found.
    ///
    /// # Errors
    /// [`VectorError`] names the file and the line or entry.
    pub fn read(path: &Path, format: Option<VectorFormat>, vocabulary: &Vocabulary) -> Result<Self, VectorError> {
        let format = format.unwrap_or_else(|| VectorFormat::of(path));
        let file = source::open(path, format)?;
        match format {
            VectorFormat::Text => text::read(path, file, vocabulary),
            VectorFormat::Word2vecBinary => binary::read(path, file, vocabulary),
        }
    }

    /// Vectors of `width` numbers given one by one, for tests and generated data. `None` when one has another width.
    pub fn from_rows<'a>(width: usize, rows: impl IntoIterator<Item = (&'a str, Vec<f32>)>) -> Option<Self> {
        let mut vectors = Self::empty(width);
        for (word, row) in rows {
            if row.len() != width {
                return None;
            }
            vectors.insert(&word.to_lowercase(), row);
        }
        Some(vectors)
    }

    fn empty(width: usize) -> Self {
        Self { width, rows: HashMap::new(), values: Vec::new(), repeated: 0 }
    }

    fn insert(&mut self, word: &str, row: impl IntoIterator<Item = f32>) {
        let next = u32::try_from(self.rows.len()).expect("a vocabulary has fewer than 2^32 words");
        self.rows.insert(word.to_owned(), next);
        self.values.extend(row);
    }

    /// Whether a word's vector is wanted and not yet there; counts those that are there.
    fn wants(&mut self, word: &str, vocabulary: &Vocabulary) -> bool {
        let known = self.rows.contains_key(word);
        self.repeated += u64::from(known);
        !known && vocabulary.counts.contains_key(word)
    }

    /// Vectors that were passed over because their word had one already.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Numbers in a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The row of a word, looked up in lower case; `None` when it has no vector.
    pub fn find(&self, form: &str) -> Option<u32> {
        self.rows.get(&form.to_lowercase()).copied()
    }

    /// The vector in a row that [`WordVectors::find`] gave.
    pub fn row(&self, row: u32) -> &[f32] {
        &self.values[row as usize * self.width..][..self.width]
    }

    /// How much of a vocabulary is found here.
    pub fn coverage(&self, vocabulary: &Vocabulary) -> Coverage {
        let mut coverage = Coverage { types_found: 0, types: 0, words_found: 0, words: 0 };
        for (word, count) in &vocabulary.counts {
            let found = self.rows.contains_key(word);
            coverage.types += 1;
            coverage.types_found += u64::from(found);
            coverage.words += count;
            coverage.words_found += if found { *count } else { 0 };
        }
        coverage
    }
}

#[cfg(test)]
mod tests;
