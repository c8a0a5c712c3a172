//! Predictions on disk, one sentence after the other, so that an interrupted run goes on where it stopped and every
//! later pass (selection, evaluation, folds, resampling) reads predictions and never attention.
//!
//! All numbers are little-endian. The header is `HLPREDIC`, version, layers, heads, directions (u32 each), and 32 bytes of the
//! key: a hash of whatever the predictions depend on. Then one block a sentence: number of words (u32; 0 for a
//! sentence that was skipped), FNV-1a checksum (u64) of the block's number, its words and its entries, and the entries
//! `[direction, layer, head, word]`: u8 in a sentence of up to 254 words, u16 in a longer one; the largest value
//! stands for no candidate. A block that is cut off or does not match its checksum ends the file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headlight_attention::{HeadGrid, MAX_WORDS, NO_PEAK};

use crate::HeadPredictions;
use crate::hash::fnv1a;

const MAGIC: &[u8; 8] = b"HLPREDIC";
const VERSION: u32 = 2;
const HEADER: usize = 8 + 4 + 4 + 4 + 4 + 32;
const BLOCK_HEADER: usize = 4 + 8;

/// The longest sentence whose entries are one byte each.
const MAX_WORDS_U8: usize = 254;

/// What predictions depend on, hashed by the caller: model, treebank, merge rule, attention kind and so on.
pub type PredictionKey = [u8; 32];

/// Why a prediction file cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictionFileError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} is not a file of predictions; move it away or choose another place", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is of another format version, grid of heads or key.
    #[error("{} was made with another model, other data or other settings; delete it to compute it anew", path.display())]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// Another process is writing to the file.
    #[error("{} is being written by another run; wait for it or choose another place", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file ends within a sentence, or a checksum does not match.
    #[error("{} is damaged after sentence {sentences}; run again to compute the rest anew", path.display())]
    Torn {
        /// The file.
        path: PathBuf,
        /// How many sentences are whole.
        sentences: usize,
    },
    /// A sentence was predicted from another number of heads and directions than the file is for.
    #[error("{}: {found} predictions a word in a file for {expected}", path.display())]
    OtherGrid {
        /// The file.
        path: PathBuf,
        /// Heads and directions of the file.
        expected: usize,
        /// Heads and directions of the sentence.
        found: usize,
    },
}

/// What a file of predictions is for: the heads, and whether they are read from later to earlier too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PredictionShape {
    /// Layers and heads.
    pub grid: HeadGrid,
    /// Whether there is a third direction.
    pub later_to_earlier: bool,
}

/// Two directions.
impl From<HeadGrid> for PredictionShape {
    fn from(grid: HeadGrid) -> Self {
        Self { grid, later_to_earlier: false }
    }
}

impl PredictionShape {
    fn ways(self) -> usize {
        2 + usize::from(self.later_to_earlier)
    }

    /// Predictions of a word.
    fn predictors(self) -> usize {
        self.ways() * self.grid.len()
    }
}

type Result<T> = std::result::Result<T, PredictionFileError>;

/// Appends the predictions of sentences to a file, under an exclusive lock.
#[derive(Debug)]
pub struct PredictionWriter {
    path: PathBuf,
    shape: PredictionShape,
    sentences: usize,
    damaged: bool,
    out: BufWriter<File>,
    block: Vec<u8>,
}

impl PredictionWriter {
    /// Opens `path` to append. Where it holds predictions for the same `shape` and `key`, what is whole is kept, a torn
    /// end is cut off and [`PredictionWriter::len`] says with which sentence to go on; a new file, an empty one, one
    /// torn in its header and one for another key start from the first sentence.
    ///
    /// # Errors
    /// [`PredictionFileError::Foreign`] when the file holds something else (it is left alone),
    /// [`PredictionFileError::Locked`] when another writer has it, or what the operating system says.
    pub fn resume(path: &Path, shape: impl Into<PredictionShape>, key: &PredictionKey) -> Result<Self> {
        let shape = shape.into();
        let io = |source| PredictionFileError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(PredictionFileError::Locked { path: path.to_owned() });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(io(source)),
        }
        let header = header(shape, key);
        let mut bytes = Window::new(file.try_clone().map_err(io)?).map_err(io)?;
        let first = bytes.at(0, HEADER).map_err(io)?;
        if !first.starts_with(MAGIC) && !header.starts_with(first) {
            return Err(PredictionFileError::Foreign { path: path.to_owned() });
        }
        let (sentences, end, damaged) = if first == header {
            let blocks = Blocks::scan(&mut bytes, shape).map_err(io)?;
            (blocks.count, blocks.end, blocks.damaged)
        } else {
            (0, 0, false)
        };
        file.set_len(end).map_err(io)?;
        let mut out = BufWriter::with_capacity(1 << 16, file);
        out.seek(SeekFrom::End(0)).map_err(io)?;
        if end == 0 {
            out.write_all(&header).map_err(io)?;
        }
        Ok(Self { path: path.to_owned(), shape, sentences, damaged, out, block: Vec::new() })
    }

    /// Sentences in the file: the number of the next one, counted from 0.
    pub fn len(&self) -> usize {
        self.sentences
    }

    /// Whether the file holds no sentence yet.
    pub fn is_empty(&self) -> bool {
        self.sentences == 0
    }

    /// Whether what was cut off on opening was not just a torn end: a whole sentence did not match its checksum.
    pub fn was_damaged(&self) -> bool {
        self.damaged
    }

    /// Appends the predictions of the next sentence.
    ///
    /// # Errors
    /// [`PredictionFileError::OtherGrid`], or what the operating system says.
    pub fn push(&mut self, predictions: &HeadPredictions) -> Result<()> {
        if (predictions.grid(), predictions.ways()) != (self.shape.grid, self.shape.ways()) {
            let found = predictions.ways() * predictions.grid().len();
            let expected = self.shape.predictors();
            return Err(PredictionFileError::OtherGrid { path: self.path.clone(), expected, found });
        }
        self.write_block(predictions.words(), predictions.raw())
    }

    /// Notes that the next sentence was skipped, so that numbers go on matching the treebank's.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn push_skipped(&mut self) -> Result<()> {
        self.write_block(0, &[])
    }

    fn write_block(&mut self, words: usize, governors: &[u16]) -> Result<()> {
        self.block.clear();
        self.block.resize(BLOCK_HEADER, 0);
        if words <= MAX_WORDS_U8 {
            // The cast takes `NO_PEAK` to 255 and every word to itself.
            self.block.extend(governors.iter().map(|governor| *governor as u8));
        } else {
            self.block.extend(governors.iter().flat_map(|governor| governor.to_le_bytes()));
        }
        let checksum = checksum(self.sentences, words, &self.block[BLOCK_HEADER..]);
        self.block[..4].copy_from_slice(&(words as u32).to_le_bytes());
        self.block[4..BLOCK_HEADER].copy_from_slice(&checksum.to_le_bytes());
        self.out.write_all(&self.block).map_err(|source| io_error(&self.path, source))?;
        self.sentences += 1;
        Ok(())
    }

    /// Hands what is buffered to the operating system, so that it outlives this process.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(|source| io_error(&self.path, source))
    }

    /// Writes out what is buffered; returns the number of sentences.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn finish(mut self) -> Result<usize> {
        let flushed = self.out.flush().and_then(|()| self.out.get_ref().sync_data());
        flushed.map_err(|source| io_error(&self.path, source))?;
        Ok(self.sentences)
    }
}

/// The predictions of a whole split, a piece of it in memory at a time.
#[derive(Debug)]
pub struct PredictionFile {
    path: PathBuf,
    cursor: Mutex<Cursor>,
    shape: PredictionShape,
    sentences: usize,
    /// Where every [`MARKED`]th block starts.
    marks: Vec<u64>,
}

impl PredictionFile {
    /// Opens a file of predictions for `shape` and `key`, and checks every sentence of it.
    ///
    /// # Errors
    /// [`PredictionFileError::Foreign`], [`PredictionFileError::OtherKey`] or [`PredictionFileError::Torn`] when that is
    /// not what the file holds, or what the operating system says.
    pub fn open(path: &Path, shape: impl Into<PredictionShape>, key: &PredictionKey) -> Result<Self> {
        let shape = shape.into();
        let io = |source| PredictionFileError::Io { path: path.to_owned(), source };
        let mut bytes = File::open(path).and_then(Window::new).map_err(io)?;
        let first = bytes.at(0, HEADER).map_err(io)?;
        if !first.starts_with(MAGIC) {
            return Err(PredictionFileError::Foreign { path: path.to_owned() });
        }
        if first != header(shape, key) {
            return Err(PredictionFileError::OtherKey { path: path.to_owned() });
        }
        let blocks = Blocks::scan(&mut bytes, shape).map_err(io)?;
        blocks.check(path, &bytes)?;
        let Blocks { count: sentences, marks, .. } = blocks;
        let cursor = Mutex::new(Cursor { bytes, following: (0, HEADER as u64) });
        Ok(Self { path: path.to_owned(), cursor, shape, sentences, marks })
    }

    /// Checks every sentence of a file of predictions, whatever it depends on; returns their number.
    ///
    /// # Errors
    /// [`PredictionFileError::Foreign`] or [`PredictionFileError::Torn`], or what the operating system says.
    pub fn verify(path: &Path) -> Result<usize> {
        let io = |source| io_error(path, source);
        let mut bytes = File::open(path).and_then(Window::new).map_err(io)?;
        let foreign = || PredictionFileError::Foreign { path: path.to_owned() };
        let first = bytes.at(0, HEADER).map_err(io)?;
        let numbers = first.get(MAGIC.len()..HEADER).filter(|_| first.starts_with(MAGIC)).ok_or_else(foreign)?;
        let number = |at: usize| u32::from_le_bytes([numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]]);
        if number(0) != VERSION {
            return Err(foreign());
        }
        let grid = HeadGrid { layers: number(4) as usize, heads: number(8) as usize };
        let later_to_earlier = match number(12) {
            2 => false,
            3 => true,
            _ => return Err(foreign()),
        };
        let blocks = Blocks::scan(&mut bytes, PredictionShape { grid, later_to_earlier }).map_err(io)?;
        blocks.check(path, &bytes)?;
        Ok(blocks.count)
    }

    /// Bytes that the predictions of a sentence take in a file.
    pub fn bytes_of(predictions: &HeadPredictions) -> usize {
        let width = if predictions.words() <= MAX_WORDS_U8 { 1 } else { 2 };
        BLOCK_HEADER + width * predictions.raw().len()
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.shape.grid
    }

    /// Number of sentences, skipped ones included.
    pub fn len(&self) -> usize {
        self.sentences
    }

    /// Whether there is no sentence.
    pub fn is_empty(&self) -> bool {
        self.sentences == 0
    }

    /// The predictions of a sentence, `None` when it was skipped.
    ///
    /// # Errors
    /// What the operating system says, or [`PredictionFileError::Torn`] for a file that is no longer what was opened.
    ///
    /// # Panics
    /// When there is no sentence of that number.
    pub fn sentence(&self, number: usize) -> Result<Option<HeadPredictions>> {
        self.sentence_at(&mut lock(&self.cursor), number)
    }

    fn sentence_at(&self, cursor: &mut Cursor, number: usize) -> Result<Option<HeadPredictions>> {
        let io = |source| io_error(&self.path, source);
        let torn = || PredictionFileError::Torn { path: self.path.clone(), sentences: number };
        let Cursor { bytes, following } = cursor;
        assert!(number < self.sentences, "sentence {number} of {}", self.sentences);
        let (mut at, mut start) = (number - number % MARKED, self.marks[number / MARKED]);
        if (at..=number).contains(&following.0) {
            (at, start) = *following;
        }
        for _ in at..number {
            start += block_length(bytes.block(start, self.shape).map_err(io)?.ok_or_else(torn)?.2);
        }
        let (words, _, entries) = bytes.block(start, self.shape).map_err(io)?.ok_or_else(torn)?;
        *following = (number + 1, start + block_length(entries));
        if words == 0 {
            return Ok(None);
        }
        Ok(Some(decode(self.shape, words, entries).ok_or_else(torn)?))
    }

    /// All sentences in order, `None` for those that were skipped. Several may be read at once, each in its own pieces.
    pub fn iter(&self) -> impl Iterator<Item = Result<Option<HeadPredictions>>> + Send {
        let mut cursor = Cursor { bytes: lock(&self.cursor).bytes.anew(), following: (0, HEADER as u64) };
        (0..self.len()).map(move |number| self.sentence_at(&mut cursor, number))
    }
}

/// So many blocks share one note of where they start.
const MARKED: usize = 16;

/// Where a file is being read.
#[derive(Debug)]
struct Cursor {
    bytes: Window,
    /// The number and the place of the sentence that follows the one read last.
    following: (usize, u64),
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The whole blocks of a file.
struct Blocks {
    count: usize,
    /// Where every [`MARKED`]th starts.
    marks: Vec<u64>,
    /// Where the last of them ends.
    end: u64,
    /// Whether a block follows that is not cut off but does not match its checksum.
    damaged: bool,
}

impl Blocks {
    fn scan(bytes: &mut Window, shape: PredictionShape) -> io::Result<Self> {
        let mut blocks = Blocks { count: 0, marks: Vec::new(), end: HEADER as u64, damaged: false };
        while let Some((words, sum, entries)) = bytes.block(blocks.end, shape)? {
            let whole = sum == checksum(blocks.count, words, entries);
            if !whole || decode(shape, words, entries).is_none() {
                blocks.damaged = true;
                break;
            }
            if blocks.count.is_multiple_of(MARKED) {
                blocks.marks.push(blocks.end);
            }
            blocks.count += 1;
            blocks.end += block_length(entries);
        }
        Ok(blocks)
    }

    /// Checks that they are all that there is.
    fn check(&self, path: &Path, bytes: &Window) -> Result<()> {
        match self.end < bytes.length {
            true => Err(PredictionFileError::Torn { path: path.to_owned(), sentences: self.count }),
            false => Ok(()),
        }
    }
}

/// A file of which a piece is in memory: what is read of it in order is read from disk once, and memory does not grow with it.
#[derive(Debug)]
struct Window {
    file: Arc<Mutex<File>>,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// Bytes that are read at once.
    const PIECE: usize = 1 << 20;

    fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(Mutex::new(file)), length, start: 0, bytes: Vec::new() })
    }

    /// Another piece of the same file, which is still empty.
    fn anew(&self) -> Self {
        Self { file: Arc::clone(&self.file), length: self.length, start: 0, bytes: Vec::new() }
    }

    /// So many bytes from a place on, fewer at the end of the file.
    fn at(&mut self, place: u64, length: usize) -> io::Result<&[u8]> {
        let length = length.min(usize::try_from(self.length.saturating_sub(place)).unwrap_or(usize::MAX));
        let is_inside = place >= self.start && place + length as u64 <= self.start + self.bytes.len() as u64;
        if !is_inside {
            let mut file = lock(&self.file);
            file.seek(SeekFrom::Start(place))?;
            self.bytes.clear();
            (&mut *file).take(length.max(Self::PIECE) as u64).read_to_end(&mut self.bytes)?;
            self.start = place;
        }
        let from = (place - self.start) as usize;
        Ok(&self.bytes[from..self.bytes.len().min(from + length)])
    }

    /// Words, checksum and entries of the block at a place; `None` when it is cut off.
    fn block(&mut self, place: u64, shape: PredictionShape) -> io::Result<Option<(usize, u64, &[u8])>> {
        let Some((words, length)) = head(self.at(place, BLOCK_HEADER)?, shape) else { return Ok(None) };
        let block = self.at(place, BLOCK_HEADER + length)?;
        let checksum = block.get(4..BLOCK_HEADER).and_then(|bytes| bytes.first_chunk::<8>());
        let entries = block.get(BLOCK_HEADER..BLOCK_HEADER + length);
        Ok(checksum.zip(entries).map(|(sum, entries)| (words, u64::from_le_bytes(*sum), entries)))
    }
}

fn block_length(entries: &[u8]) -> u64 {
    (BLOCK_HEADER + entries.len()) as u64
}

/// Words of a block by its beginning, and how many bytes its entries take.
fn head(bytes: &[u8], shape: PredictionShape) -> Option<(usize, usize)> {
    let words = u32::from_le_bytes(*bytes.first_chunk::<4>()?) as usize;
    let width = if words <= MAX_WORDS_U8 { 1 } else { 2 };
    let length = (width * shape.predictors()).checked_mul(words).filter(|_| words < MAX_WORDS)?;
    Some((words, length))
}

fn decode(shape: PredictionShape, words: usize, entries: &[u8]) -> Option<HeadPredictions> {
    let governors = if words <= MAX_WORDS_U8 {
        let widen = |entry: &u8| if *entry == u8::MAX { NO_PEAK } else { u16::from(*entry) };
        entries.iter().map(widen).collect()
    } else {
        entries.as_chunks().0.iter().map(|entry| u16::from_le_bytes(*entry)).collect()
    };
    HeadPredictions::from_raw(shape.grid, shape.ways(), words, governors)
}

fn header(shape: PredictionShape, key: &PredictionKey) -> Vec<u8> {
    let numbers =
        [VERSION, shape.grid.layers as u32, shape.grid.heads as u32, shape.ways() as u32].map(u32::to_le_bytes);
    [MAGIC.as_slice(), numbers.as_flattened(), key].concat()
}

/// FNV-1a: it tells a torn block from a whole one, not a forged one.
fn checksum(sentence: usize, words: usize, entries: &[u8]) -> u64 {
    let numbers = [sentence as u64, words as u64].map(u64::to_le_bytes);
    fnv1a(numbers.as_flattened().iter().chain(entries).copied())
}

fn io_error(path: &Path, source: io::Error) -> PredictionFileError {
    PredictionFileError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
