//! Word vectors in the binary layout of word2vec.

use std::io::BufRead;
use std::path::Path;

use super::source::{Taken, take_until};
use super::{VectorError, Vocabulary, WIDEST, WordVectors};

/// Longer words than this are taken for a sign that the file is something else.
const LONGEST_WORD: usize = 1 << 16;

pub(super) fn read(path: &Path, mut file: impl BufRead, vocabulary: &Vocabulary) -> Result<WordVectors, VectorError> {
    let io = |source| VectorError::Io { path: path.to_owned(), source };
    let mut header = Vec::new();
    take_until(&mut file, b'\n', LONGEST_WORD, &mut header).map_err(io)?;
    let (entries, width) = parse_header(&header).ok_or_else(|| VectorError::Header { path: path.to_owned() })?;
    if width > WIDEST {
        return Err(VectorError::TooWide { path: path.to_owned(), line: 1, width });
    }
    if entries == 0 || width == 0 {
        return Err(VectorError::Empty { path: path.to_owned() });
    }
    let mut vectors = WordVectors::empty(width);
    let (mut word, mut numbers) = (Vec::new(), vec![0_u8; 4 * width]);
    for entry in 1..=entries {
        let broken = |reason| VectorError::Entry { path: path.to_owned(), entry, entries, reason };
        word.clear();
        if take_until(&mut file, b' ', LONGEST_WORD, &mut word).map_err(io)? != Taken::Whole {
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
    let mut rest = Vec::new();
    while !matches!(take_until(&mut file, b'\n', LONGEST_WORD, &mut rest).map_err(io)?, Taken::Nothing) {
        if !rest.trim_ascii().is_empty() {
            return Err(VectorError::Surplus { path: path.to_owned(), entries });
        }
        rest.clear();
    }
    Ok(vectors)
}

fn parse_header(line: &[u8]) -> Option<(usize, usize)> {
    let mut fields = str::from_utf8(line).ok()?.split_ascii_whitespace();
    let (entries, width) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    fields.next().is_none().then_some((entries, width))
}
