//! What a record adds up, kept input by input: of a shard, so that the sum over all shards is added in the order of the inputs,
//! and has the digits of one that was never in shards.
//!
//! A file is `HLADDEND`, the version (u32), the 64 digits of what it is a file of, and one block an input: its number within the
//! shard (u64), the length of what was made of it (u32; the largest value stands for an input that was skipped), the first 8
//! bytes of a SHA-256 of all that, and what was made, in MessagePack. A block of the number `u64::MAX` ends a file that is
//! whole. All numbers are little-endian.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"HLADDEND";
const VERSION: u32 = 1;
const DIGITS: usize = 64;
const HEADER: usize = 8 + 4 + DIGITS;
/// Bytes of a block beside what was made.
pub const HEAD: usize = 8 + 4 + 8;
const SKIPPED: u32 = u32::MAX;
const END: u64 = u64::MAX;

/// Appends to a file.
pub struct Writer {
    out: BufWriter<File>,
    from: usize,
}

impl Writer {
    /// Goes on with the file of this id behind what is whole in it; begins one that is not there, or is something else's.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn resume(path: &Path, id: &str) -> Result<Self> {
        let failed = || format!("cannot write {}", path.display());
        let (mut from, mut end) = (0, 0);
        if let Ok(mut blocks) = Blocks::open(path, id) {
            end = HEADER as u64;
            while let Ok(Some(block)) = blocks.next_block() {
                if block.number == END {
                    break;
                }
                (from, end) = (block.number as usize + 1, blocks.read);
            }
        }
        let open = || -> io::Result<BufWriter<File>> {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
            file.set_len(end)?;
            let mut out = BufWriter::with_capacity(1 << 16, file);
            out.seek(SeekFrom::End(0))?;
            if end == 0 {
                out.write_all(&header(id))?;
            }
            Ok(out)
        };
        Ok(Self { out: open().with_context(failed)?, from })
    }

    /// The number of the first input that is not in it yet.
    pub fn from(&self) -> usize {
        self.from
    }

    /// Appends what was made of an input; `None` where it was skipped.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn push(&mut self, number: usize, made: Option<&[u8]>) -> Result<()> {
        self.block(number as u64, made)
    }

    fn block(&mut self, number: u64, made: Option<&[u8]>) -> Result<()> {
        let length = match made {
            Some(made) => u32::try_from(made.len()).ok().filter(|length| *length < SKIPPED),
            None => Some(SKIPPED),
        };
        let length = length.context("what is made of one input takes more than 4 GB")?;
        let made = made.unwrap_or_default();
        let mut write = || -> io::Result<()> {
            self.out.write_all(&number.to_le_bytes())?;
            self.out.write_all(&length.to_le_bytes())?;
            self.out.write_all(&checksum(number, length, made))?;
            self.out.write_all(made)
        };
        write().context("cannot write what is added up")
    }

    /// Ends it: whole, or to be gone on with.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn finish(mut self, is_whole: bool) -> Result<()> {
        if is_whole {
            self.block(END, None)?;
        }
        let flushed = self.out.flush().and_then(|()| self.out.get_ref().sync_data());
        flushed.context("cannot write what is added up")
    }
}

/// Gives everything in the file of an id, which is whole, to `take`, in order.
///
/// # Errors
/// A file that is not whole, and those of `take`.
pub fn read(path: &Path, id: &str, mut take: impl FnMut(usize, Option<&[u8]>) -> Result<()>) -> Result<()> {
    let failed = || format!("cannot read {}", path.display());
    let mut blocks = Blocks::open(path, id).with_context(failed)?;
    loop {
        let block = blocks.next_block().with_context(failed)?;
        let block = block.with_context(|| format!("{} is cut off", path.display()))?;
        if block.number == END {
            break;
        }
        take(block.number as usize, (!block.is_skipped).then_some(block.made))?;
    }
    let behind = fs::metadata(path).with_context(failed)?.len() - blocks.read;
    ensure!(behind == 0, "{} goes on behind its end", path.display());
    Ok(())
}

/// Whether a file is that of an id, and every byte of it as it was written.
pub fn is_whole(path: &Path, id: &str) -> bool {
    read(path, id, |_, _| Ok(())).is_ok()
}

fn header(id: &str) -> Vec<u8> {
    let mut header = [MAGIC.as_slice(), &VERSION.to_le_bytes(), id.as_bytes()].concat();
    header.resize(HEADER, 0);
    header
}

struct Block<'a> {
    number: u64,
    is_skipped: bool,
    made: &'a [u8],
}

struct Blocks {
    file: BufReader<File>,
    /// Bytes up to the end of the last block.
    read: u64,
    length: u64,
    made: Vec<u8>,
}

impl Blocks {
    fn open(path: &Path, id: &str) -> Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut blocks =
            Self { file: BufReader::with_capacity(1 << 16, file), read: HEADER as u64, length, made: Vec::new() };
        let mut found = [0; HEADER];
        blocks.file.read_exact(&mut found).context("it is cut off")?;
        ensure!(found == *header(id), "it is something else");
        Ok(blocks)
    }

    /// The next block; `None` where the file ends, or within it.
    fn next_block(&mut self) -> Result<Option<Block<'_>>> {
        let left = self.length - self.read;
        let mut head = [0; HEAD];
        if left < HEAD as u64 || self.file.read_exact(&mut head).is_err() {
            return Ok(None);
        }
        let (number, rest) = head.split_at(8);
        let (length, sum) = rest.split_at(4);
        let number = u64::from_le_bytes(number.try_into().context("8 bytes")?);
        let length = u32::from_le_bytes(length.try_into().context("4 bytes")?);
        let is_skipped = length == SKIPPED;
        let bytes = if is_skipped { 0 } else { length as usize };
        if left - (HEAD as u64) < bytes as u64 {
            return Ok(None);
        }
        self.made.resize(bytes, 0);
        self.file.read_exact(&mut self.made)?;
        ensure!(checksum(number, length, &self.made) == sum, "a byte behind the first {} differs", self.read);
        self.read += (HEAD + bytes) as u64;
        Ok(Some(Block { number, is_skipped, made: &self.made }))
    }
}

fn checksum(number: u64, length: u32, made: &[u8]) -> [u8; 8] {
    let hash = Sha256::new().chain_update(number.to_le_bytes()).chain_update(length.to_le_bytes()).chain_update(made);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "its own";

    type Kept = Vec<(usize, Option<Vec<u8>>)>;

    fn kept(path: &Path) -> Result<Kept> {
        let mut kept = Vec::new();
        read(path, ID, |number, made| {
            kept.push((number, made.map(<[u8]>::to_vec)));
            Ok(())
        })?;
        Ok(kept)
    }

    fn inputs() -> Kept {
        vec![(0, Some(vec![1, 2, 3])), (1, None), (4, Some(Vec::new())), (5, Some(vec![7; 300]))]
    }

    fn write(path: &Path, inputs: &Kept, is_whole: bool) -> usize {
        let mut writer = Writer::resume(path, ID).unwrap();
        let from = writer.from();
        for (number, made) in inputs.iter().filter(|(number, _)| *number >= from) {
            writer.push(*number, made.as_deref()).unwrap();
        }
        writer.finish(is_whole).unwrap();
        from
    }

    #[test]
    fn what_is_kept_comes_back_wherever_it_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        write(&path, &inputs(), true);
        assert_eq!(kept(&path).unwrap(), inputs());
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            fs::write(&path, &whole[..at]).unwrap();
            assert!(!is_whole(&path, ID), "cut at {at}");
            write(&path, &inputs(), true);
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {at}");
        }
        assert!(!is_whole(&path, "another's"));
        assert_eq!(Writer::resume(&path, "another's").unwrap().from(), 0);
        fs::remove_file(&path).unwrap();
        write(&path, &inputs()[..2].to_vec(), false);
        assert!(!is_whole(&path, ID), "it has no end");
        assert_eq!(write(&path, &inputs(), true), 2);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn every_changed_byte_is_noticed_and_what_stands_before_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        write(&path, &inputs(), true);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(!is_whole(&path, ID), "byte {at}");
            write(&path, &inputs(), true);
            assert_eq!(fs::read(&path).unwrap(), whole, "byte {at}");
        }
        fs::write(&path, [whole.as_slice(), &[0]].concat()).unwrap();
        assert!(!is_whole(&path, ID));
    }
}
