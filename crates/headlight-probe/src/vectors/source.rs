//! The bytes of a file of word vectors: unpacked where it is gzip, and refused by name where they are something else.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::{VectorError, VectorFormat};

/// Bytes read from disk at once.
const BUFFER: usize = 1 << 18;
/// The mark of UTF-8 that some editors write first.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Opens a file of vectors in the layout `format`.
///
/// # Errors
/// [`VectorError::Io`], and [`VectorError::Foreign`] for what holds no vectors that can be read here.
pub(super) fn open(path: &Path, format: VectorFormat) -> Result<Box<dyn BufRead>, VectorError> {
    let io = |source| VectorError::Io { path: path.to_owned(), source };
    let mut file: Box<dyn BufRead> = Box::new(BufReader::with_capacity(BUFFER, File::open(path).map_err(io)?));
    if file.fill_buf().map_err(io)?.starts_with(b"\x1f\x8b") {
        file = Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)));
    }
    let start = file.fill_buf().map_err(io)?;
    if let Some((what, way)) = foreign(start, format) {
        return Err(VectorError::Foreign { path: path.to_owned(), what, way });
    }
    if start.starts_with(BOM) {
        file.consume(BOM.len());
    }
    Ok(file)
}

/// What a file is that begins like this, and how to come to vectors from it.
fn foreign(start: &[u8], format: VectorFormat) -> Option<(&'static str, &'static str)> {
    const UNPACK: &str = "unpack it and name the file of vectors in it";
    let archives: [(&[u8], &str); 4] = [
        (b"PK\x03\x04", "a zip archive"),
        (b"\xfd7zXZ\x00", "an xz archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
        (b"BZh91AY&SY", "a bzip2 archive"),
    ];
    if let Some((_, what)) = archives.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Some((what, UNPACK));
    }
    if start.starts_with(b"\xba\x16\x4f\x2f") {
        let way = "name the .vec file that comes with it, or write one with `fasttext print-word-vectors`";
        return Some(("a fastText model (vectors of parts of words, not of words)", way));
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Some(("UTF-16 text", "save it as UTF-8"));
    }
    let head = &start[..start.len().min(1 << 13)];
    if format == VectorFormat::Text && head.contains(&0) {
        return Some(("no text", "if it is word2vec binary, let its name end in .bin"));
    }
    None
}

/// Reads up to `end`, which is dropped, and no more than `most` bytes.
pub(super) fn take_until(file: &mut impl BufRead, end: u8, most: usize, out: &mut Vec<u8>) -> io::Result<Taken> {
    let read = io::Read::take(&mut *file, most as u64).read_until(end, out)?;
    Ok(match out.pop_if(|last| *last == end) {
        Some(_) => Taken::Whole,
        None if read == most => Taken::TooLong,
        None if read == 0 => Taken::Nothing,
        None => Taken::Last,
    })
}

/// How reading up to a byte ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// At that byte.
    Whole,
    /// At the end of the file, behind something.
    Last,
    /// At the end of the file, and nothing was left.
    Nothing,
    /// At the limit.
    TooLong,
}
