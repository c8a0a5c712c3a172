//! One shard: a safetensors file of sentences.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytemuck::Pod;
use half::f16;
use memmap2::Mmap;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use sha2::{Digest, Sha256};

use super::index::{Index, ShardEntry};
use super::key::hex;
use super::{Bits, Result, StoreError, damaged, io_at, rows};
use crate::{HeadGrid, WordAttention};

/// Length of the header with its own length before it: room for the tensors' places, filled up with spaces, so that
/// data can be written before its size is known. A multiple of every alignment.
const HEADER: usize = 1024;

/// A sentence as a store keeps it, for another store of the same heads, frame and precision.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    pub(super) precision: Bits,
    words: usize,
    weights: Vec<u8>,
    scales: Vec<f32>,
}

/// A shard that is being written.
#[derive(Debug)]
pub(super) struct ShardWriter {
    path: PathBuf,
    precision: Bits,
    out: BufWriter<File>,
    words: Vec<i64>,
    starts: Vec<i64>,
    row_starts: Vec<i64>,
    scales: Vec<f32>,
    halves: Vec<f16>,
}

impl ShardWriter {
    pub(super) fn create(path: &Path, precision: Bits) -> Result<Self> {
        let mut out = BufWriter::with_capacity(
            1 << 20,
            File::options().read(true).write(true).create(true).truncate(true).open(path).map_err(io_at(path))?,
        );
        out.write_all(&[0; HEADER]).map_err(io_at(path))?;
        Ok(Self {
            path: path.to_owned(),
            precision,
            out,
            words: Vec::new(),
            starts: vec![0],
            row_starts: vec![0],
            scales: Vec::new(),
            halves: Vec::new(),
        })
    }

    pub(super) fn sentences(&self) -> usize {
        self.words.len()
    }

    /// Bytes of weights so far.
    pub(super) fn bytes(&self) -> u64 {
        self.weights() as u64 * self.precision.bytes() as u64
    }

    fn weights(&self) -> usize {
        self.starts[self.words.len()] as usize
    }

    /// Appends a sentence. When f16 cannot hold a weight of some row, `too_large` makes the error, and the shard is as
    /// before.
    pub(super) fn push(
        &mut self,
        attention: &WordAttention,
        too_large: impl FnOnce(usize) -> StoreError,
    ) -> Result<()> {
        let weights = attention.weights();
        let bytes: &[u8] = match self.precision {
            Bits::F32 => bytemuck::cast_slice(weights),
            Bits::F16 => {
                let rows = self.scales.len();
                if let Err(row) = rows::encode(weights, attention.positions(), &mut self.halves, &mut self.scales) {
                    self.scales.truncate(rows);
                    return Err(too_large(row));
                }
                bytemuck::cast_slice(&self.halves)
            }
        };
        self.out.write_all(bytes).map_err(io_at(&self.path))?;
        self.starts.push((self.weights() + weights.len()) as i64);
        self.words.push(attention.words() as i64);
        self.row_starts.push(self.scales.len() as i64);
        Ok(())
    }

    /// Appends a sentence as another shard of the same precision keeps it.
    pub(super) fn push_kept(&mut self, kept: &Kept) -> Result<()> {
        self.out.write_all(&kept.weights).map_err(io_at(&self.path))?;
        self.starts.push((self.weights() + kept.weights.len() / self.precision.bytes()) as i64);
        self.words.push(kept.words as i64);
        self.scales.extend_from_slice(&kept.scales);
        self.row_starts.push(self.scales.len() as i64);
        Ok(())
    }

    /// Appends a sentence that has no attention.
    pub(super) fn push_skipped(&mut self) {
        self.starts.push(self.weights() as i64);
        self.words.push(0);
        self.row_starts.push(self.scales.len() as i64);
    }

    /// Completes the file of the store `id` and gives its size and SHA-256. Tensors follow each other without a gap, as
    /// the format demands; the widest come before `scales`, and zeros after `weights` keep all of them aligned.
    pub(super) fn seal(mut self, id: &str) -> Result<(u64, String)> {
        let padding = self.weights().next_multiple_of(4) - self.weights();
        let mut tensors = Vec::new();
        let mut end = 0;
        let mut tensor = |name: &str, dtype: Dtype, length: usize, bytes: usize| {
            let data_offsets = (end, end + length * bytes);
            end = data_offsets.1;
            tensors.push((name.to_owned(), TensorInfo { dtype, shape: vec![length], data_offsets }));
        };
        let weights = self.weights() + padding;
        tensor("weights", dtype(self.precision), weights, self.precision.bytes());
        tensor("starts", Dtype::I64, self.starts.len(), 8);
        tensor("words", Dtype::I64, self.words.len(), 8);
        if self.precision == Bits::F16 {
            tensor("row_starts", Dtype::I64, self.row_starts.len(), 8);
            tensor("scales", Dtype::F32, self.scales.len(), 4);
        } else {
            self.row_starts.clear();
        }
        let names = HashMap::from([("store".to_owned(), id.to_owned())]);
        let metadata = Metadata::new(Some(names), tensors).expect("tensors follow each other");
        let mut json = serde_json::to_vec(&metadata).expect("plain data");
        assert!(json.len() <= HEADER - 8, "five tensors' places fit the header");
        json.resize(HEADER - 8, b' ');
        let written = (|| {
            self.out.write_all(&vec![0; padding * self.precision.bytes()])?;
            for numbers in [&self.starts, &self.words, &self.row_starts] {
                self.out.write_all(bytemuck::cast_slice(numbers))?;
            }
            self.out.write_all(bytemuck::cast_slice(&self.scales))?;
            self.out.seek(SeekFrom::Start(0))?;
            self.out.write_all(&(json.len() as u64).to_le_bytes())?;
            self.out.write_all(&json)?;
            self.out.flush()?;
            self.out.get_ref().sync_all()?;
            // SAFETY: the file lies in a folder that is locked by this writer, and is complete.
            let bytes = unsafe { Mmap::map(self.out.get_ref()) }?;
            Ok((bytes.len() as u64, sha256(&bytes)))
        })();
        written.map_err(io_at(&self.path))
    }
}

/// A shard that is being read.
#[derive(Debug)]
pub(super) struct Shard {
    path: PathBuf,
    bytes: Mmap,
    sha256: String,
    precision: Bits,
    /// Special pieces around the words of every sentence.
    specials: usize,
    /// Places of the tensors in `bytes`.
    weights: Range<usize>,
    scales: Range<usize>,
    words: Vec<i64>,
    starts: Vec<i64>,
    row_starts: Vec<i64>,
}

impl Shard {
    /// Maps a shard and checks that it is whole and of the store: its size, its header and where its sentences start.
    /// Its content is checked by [`Shard::verify`].
    pub(super) fn open(folder: &Path, entry: &ShardEntry, index: &Index) -> Result<Self> {
        let path = folder.join(&entry.file);
        let file = File::open(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => damaged(&path, "is missing"),
            _ => io_at(&path)(source),
        })?;
        // SAFETY: shards are never changed once they have their name; a store that is removed or replaced while it is
        // read keeps its mapped files until the last reader is gone.
        let bytes = unsafe { Mmap::map(&file) }.map_err(io_at(&path))?;
        if bytes.len() as u64 != entry.bytes {
            return Err(damaged(&path, format!("has {} bytes instead of {}", bytes.len(), entry.bytes)));
        }
        let (header, metadata) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| damaged(&path, format!("is not a safetensors file: {error}")))?;
        if metadata.metadata().as_ref().and_then(|names| names.get("store")).is_none_or(|store| store != index.id()) {
            return Err(damaged(&path, "belongs to another store"));
        }
        let place = |name: &str, dtype: Dtype| match metadata.info(name) {
            Some(info) if info.dtype == dtype && info.shape.len() == 1 => {
                Ok(header + 8 + info.data_offsets.0..header + 8 + info.data_offsets.1)
            }
            _ => Err(damaged(&path, format!("has no tensor '{name}' of one axis and type {dtype:?}"))),
        };
        let precision = index.key.precision();
        let numbers = |name: &str| place(name, Dtype::I64).map(|place| bytemuck::pod_collect_to_vec(&bytes[place]));
        let (scales, row_starts) = match precision {
            Bits::F16 => (place("scales", Dtype::F32)?, numbers("row_starts")?),
            Bits::F32 => (0..0, vec![0; entry.sentences + 1]),
        };
        let (weights, words, starts) = (place("weights", dtype(precision))?, numbers("words")?, numbers("starts")?);
        let (sha256, specials) = (entry.sha256.clone(), index.frame().specials());
        let shard = Self { path, sha256, precision, specials, weights, scales, words, starts, row_starts, bytes };
        if !shard.is_consistent(entry.sentences, index.grid()) {
            return Err(damaged(&shard.path, "has sentences that do not start where the one before ends"));
        }
        Ok(shard)
    }

    /// Whether the sentences follow each other without a gap and fill their tensors.
    fn is_consistent(&self, sentences: usize, grid: HeadGrid) -> bool {
        let f16 = self.precision == Bits::F16;
        let full = |starts: &[i64], words: &[i64]| {
            let (weights, rows) = (starts[sentences] as usize, self.row_starts[sentences] as usize);
            let weights_fit = weights.next_multiple_of(4) * self.precision.bytes() == self.weights.len();
            let expected = places(starts, words, grid.len(), self.specials);
            weights_fit
                && (!f16 || rows * size_of::<f32>() == self.scales.len())
                && expected.is_some_and(|(starts, rows)| starts == self.starts && (!f16 || rows == self.row_starts))
        };
        self.words.len() == sentences
            && self.starts.len() == sentences + 1
            && self.row_starts.len() == sentences + 1
            && self.weights.start.is_multiple_of(align_of::<f32>())
            && self.scales.start.is_multiple_of(align_of::<f32>())
            && full(&self.starts, &self.words)
    }

    /// Words of a sentence; `None` when it was skipped.
    pub(super) fn words(&self, sentence: usize) -> Option<usize> {
        (self.starts[sentence] < self.starts[sentence + 1]).then(|| self.words[sentence] as usize)
    }

    /// Decodes a sentence into `out`, of exactly its length.
    pub(super) fn read(&self, sentence: usize, out: &mut [f32]) {
        let place = self.starts[sentence] as usize..self.starts[sentence + 1] as usize;
        match self.precision {
            Bits::F32 => out.copy_from_slice(&self.tensor::<f32>(&self.weights)[place]),
            Bits::F16 => {
                let scales = self.row_starts[sentence] as usize..self.row_starts[sentence + 1] as usize;
                let (halves, scales) = (&self.tensor::<f16>(&self.weights)[place], &self.tensor(&self.scales)[scales]);
                rows::decode(halves, scales, self.words[sentence] as usize + self.specials, out);
            }
        }
    }

    /// A sentence as it is kept.
    pub(super) fn kept(&self, sentence: usize) -> Kept {
        let width = self.precision.bytes();
        let place = self.starts[sentence] as usize * width..self.starts[sentence + 1] as usize * width;
        let weights = self.bytes[self.weights.clone()][place].to_vec();
        let scales = match self.precision {
            Bits::F32 => Vec::new(),
            Bits::F16 => {
                let scales = self.row_starts[sentence] as usize..self.row_starts[sentence + 1] as usize;
                self.tensor::<f32>(&self.scales)[scales].to_vec()
            }
        };
        Kept { precision: self.precision, words: self.words[sentence] as usize, weights, scales }
    }

    /// Gives the pages that were read back to the system; they are mapped again when they are needed.
    pub(super) fn release(&self) {
        // SAFETY: the mapping is of a file that nobody changes, and only read: a page which is dropped comes back as it
        // was, also where another thread is reading it.
        #[cfg(unix)]
        let released = unsafe { self.bytes.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
        #[cfg(unix)]
        if let Err(error) = released {
            tracing::debug!("{}: pages are kept: {error}", self.path.display());
        }
    }

    fn tensor<T: Pod>(&self, place: &Range<usize>) -> &[T] {
        bytemuck::cast_slice(&self.bytes[place.clone()])
    }

    /// Compares every byte with the checksum of the index.
    pub(super) fn verify(&self) -> Result<()> {
        if sha256(&self.bytes) == self.sha256 {
            Ok(())
        } else {
            Err(damaged(&self.path, "does not match its checksum"))
        }
    }
}

/// Where sentences of these lengths start in `weights` and in `scales`, and where the last one ends. A sentence that takes
/// no place in `starts` was skipped. `None` when a length is negative or beyond all measure.
fn places(starts: &[i64], words: &[i64], heads: usize, specials: usize) -> Option<(Vec<i64>, Vec<i64>)> {
    let (heads, specials) = (i64::try_from(heads).ok()?, i64::try_from(specials).ok()?);
    let (mut weights, mut rows) = (vec![0_i64], vec![0_i64]);
    for (place, words) in starts.windows(2).zip(words) {
        let skipped = *words == 0 && place[0] == place[1];
        let positions = if skipped { 0 } else { words.checked_add(specials).filter(|_| *words >= 0)? };
        let more = heads.checked_mul(positions)?;
        rows.push(rows.last()?.checked_add(more)?);
        weights.push(weights.last()?.checked_add(more.checked_mul(positions)?)?);
    }
    Some((weights, rows))
}

fn dtype(precision: Bits) -> Dtype {
    match precision {
        Bits::F16 => Dtype::F16,
        Bits::F32 => Dtype::F32,
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
