//! Word vectors as text: GloVe, word2vec text, fastText `.vec`.

use std::io::BufRead;
use std::path::Path;

use super::{VectorError, Vocabulary, WordVectors};

pub(super) fn read(path: &Path, mut file: impl BufRead, vocabulary: &Vocabulary) -> Result<WordVectors, VectorError> {
    let mut vectors: Option<WordVectors> = None;
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = file.read_until(b'\n', &mut bytes);
        if read.map_err(|source| VectorError::Io { path: path.to_owned(), source })? == 0 {
            break;
        }
        let text = bytes.trim_ascii_end();
        if text.is_empty() || (line == 1 && is_header(text)) {
            continue;
        }
        let vectors = vectors.get_or_insert_with(|| WordVectors::empty(width_of_first(text)));
        if vectors.width == 0 {
            break;
        }
        let entry = split(text, vectors.width).map_err(|found| VectorError::MixedWidth {
            path: path.to_owned(),
            line,
            word: String::from_utf8_lossy(first_field(text)).into_owned(),
            found,
            width: vectors.width,
        })?;
        // A word that is not UTF-8 can be in no vocabulary.
        let Some(word) = str::from_utf8(entry.word).ok().filter(|word| vectors.wants(word, vocabulary)) else {
            continue;
        };
        let row = entry.numbers.split(|byte| *byte == b' ').map(|field| {
            number(field).ok_or_else(|| VectorError::NotANumber {
                path: path.to_owned(),
                line,
                word: word.to_owned(),
                field: String::from_utf8_lossy(field).into_owned(),
            })
        });
        let row = row.collect::<Result<Vec<f32>, _>>()?;
        vectors.insert(word, row);
    }
    vectors.filter(|vectors| vectors.width > 0).ok_or_else(|| VectorError::Empty { path: path.to_owned() })
}

struct Entry<'a> {
    word: &'a [u8],
    numbers: &'a [u8],
}

/// Takes the last `width` fields for the numbers and all before them for the word, which may hold spaces. What would be
/// a word followed by more numbers than `width` is refused, as are too few fields: `Err` holds how many there are.
fn split(line: &[u8], width: usize) -> Result<Entry<'_>, usize> {
    let fields = 1 + line.iter().filter(|byte| **byte == b' ').count();
    if fields < width + 1 {
        return Err(fields - 1);
    }
    let mut end = line.len();
    for _ in 0..width {
        end = line[..end].iter().rposition(|byte| *byte == b' ').expect("there are more spaces than numbers");
    }
    let (word, numbers) = (&line[..end], &line[end + 1..]);
    let surplus = fields - width - 1;
    if surplus > 0 && word.split(|byte| *byte == b' ').skip(1).all(|field| number(field).is_some()) {
        return Err(width + surplus);
    }
    Ok(Entry { word, numbers })
}

/// A line of two whole numbers: how many vectors there are and how wide they are.
fn is_header(line: &[u8]) -> bool {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut whole = || fields.next().is_some_and(|field| !field.is_empty() && field.iter().all(u8::is_ascii_digit));
    whole() && whole() && fields.next().is_none()
}

/// The first line fixes the width: all fields after the first up to one that is no number, counted from the end.
fn width_of_first(line: &[u8]) -> usize {
    let after_word = &line[first_field(line).len()..];
    after_word.rsplit(|byte| *byte == b' ').take_while(|field| number(field).is_some()).count()
}

fn first_field(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b' ').next().unwrap_or(line)
}

fn number(field: &[u8]) -> Option<f32> {
    str::from_utf8(field).ok()?.parse().ok().filter(|number: &f32| number.is_finite())
}
