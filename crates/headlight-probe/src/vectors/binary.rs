//! Word vectors in the binary layout of word2vec.

use std::io::BufRead;
use std::path::Path;

use super::{VectorError, Vocabulary, WordVectors};

/// Longer words than this are taken for a sign that the file is something else.
const LONGEST_WORD: usize = 1 << 16;

pub(super) fn read(path: &Path, mut file: impl BufRead, vocabulary: &Vocabulary) -> Result<WordVectors, VectorError> {
    let io = |source| VectorError::Io { path: path.to_owned(), source };
    let mut header = Vec::new();
    take_until(&mut file, b'\n', &mut header).map_err(io)?;
    let (entries, width) = parse_header(&header).ok_or_else(|| VectorError::Header { path: path.to_owned() })?;
    if entries == 0 || width == 0 {
        return Err(VectorError::Empty { path: path.to_owned() });
    }
    let mut vectors = WordVectors::empty(width);
    let (mut word, mut numbers) = (Vec::new(), vec![0_u8; 4 * width]);
    for entry in 1..=entries {
        let broken = |reason| VectorError::Entry { path: path.to_owned(), entry, entries, reason };
        word.clear();
        if !take_until(&mut file, b' ', &mut word).map_err(io)? {
            return Err(broken("the file ends, or no space follows the word"));
        }
        file.read_exact(&mut numbers).map_err(|_| broken("the file ends within its numbers"))?;
        // Some writers put a line break after each vector.
        let text = word.trim_ascii_start();
        let Some(text) = str::from_utf8(text).ok().filter(|text| vectors.wants(text, vocabulary)) else {
            continue;
        };
        let row = numbers.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        if row.clone().any(|number| !number.is_finite()) {
            return Err(broken("one of its numbers is not finite"));
        }
        vectors.insert(text, row);
    }
    Ok(vectors)
}

/// Reads up to `end`, which is dropped. `false` when the file ends, or [`LONGEST_WORD`] is reached, before it.
fn take_until(file: &mut impl BufRead, end: u8, out: &mut Vec<u8>) -> std::io::Result<bool> {
    std::io::Read::take(&mut *file, LONGEST_WORD as u64).read_until(end, out)?;
    Ok(out.pop_if(|last| *last == end).is_some())
}

fn parse_header(line: &[u8]) -> Option<(usize, usize)> {
    let (entries, width) = str::from_utf8(line).ok()?.trim_end().split_once(' ')?;
    // Wider vectors than this exist nowhere: a header that announces them is not one.
    Some((entries.parse().ok()?, width.parse().ok().filter(|width| *width < 1 << 20)?))
}
