//! Word vectors as text: GloVe, word2vec text, fastText `.vec`.

use std::io::BufRead;
use std::path::Path;

use super::source::{Taken, take_until};
use super::{VectorError, Vocabulary, WIDEST, WordVectors};

/// Longer lines than this are taken for a sign that the file is something else.
const LONGEST_LINE: usize = 1 << 24;
/// Lines that are asked for the width where no header says it: a first word with a number in it must not decide alone.
const ASKED: usize = 32;

pub(super) fn read(path: &Path, file: impl BufRead, vocabulary: &Vocabulary) -> Result<WordVectors, VectorError> {
    let mut lines = Lines { path, file, line: 0 };
    let mut asked: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut header = None;
    let mut bytes = Vec::new();
    while asked.len() < ASKED && lines.next(&mut bytes)? {
        match parse_header(&bytes) {
            Some(said) if lines.line == 1 => header = Some(said),
            _ if bytes.is_empty() => {}
            _ => asked.push((lines.line, std::mem::take(&mut bytes))),
        }
    }
    let width = header.map_or_else(|| usual_width(asked.iter().map(|(_, line)| line.as_slice())), |said| said.width);
    if width > WIDEST {
        return Err(VectorError::TooWide { path: path.to_owned(), line: 1, width });
    }
    if width == 0 || asked.is_empty() {
        return Err(VectorError::Empty { path: path.to_owned() });
    }
    let mut reading = Reading { path, vocabulary, header, vectors: WordVectors::empty(width), found: 0 };
    for (line, bytes) in &asked {
        reading.line(*line, bytes)?;
    }
    while lines.next(&mut bytes)? {
        if !bytes.is_empty() {
            reading.line(lines.line, &bytes)?;
        }
    }
    match header {
        Some(Header { entries, .. }) if entries != reading.found => {
            Err(VectorError::Count { path: path.to_owned(), said: entries, found: reading.found })
        }
        _ => Ok(reading.vectors),
    }
}

/// The lines of a file, their ends and the spaces before them dropped.
struct Lines<'a, R> {
    path: &'a Path,
    file: R,
    line: usize,
}

impl<R: BufRead> Lines<'_, R> {
    /// The next line, in the place of what `out` held; `false` at the end.
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, VectorError> {
        out.clear();
        let taken = take_until(&mut self.file, b'\n', LONGEST_LINE, out);
        self.line += 1;
        match taken.map_err(|source| VectorError::Io { path: self.path.to_owned(), source })? {
            Taken::Nothing => return Ok(false),
            Taken::TooLong => return Err(VectorError::LongLine { path: self.path.to_owned(), line: self.line }),
            Taken::Whole | Taken::Last => {}
        }
        out.truncate(out.trim_ascii_end().len());
        Ok(true)
    }
}

/// `count width`, as fastText and word2vec write it on the first line.
#[derive(Clone, Copy)]
struct Header {
    entries: usize,
    width: usize,
}

struct Reading<'a> {
    path: &'a Path,
    vocabulary: &'a Vocabulary,
    header: Option<Header>,
    vectors: WordVectors,
    found: usize,
}

impl Reading<'_> {
    fn line(&mut self, line: usize, text: &[u8]) -> Result<(), VectorError> {
        let (path, width) = (self.path.to_owned(), self.vectors.width);
        let entry = match split(text, width) {
            Ok(entry) => entry,
            Err(found) => {
                let word = String::from_utf8_lossy(fields(text).next().unwrap_or_default()).into_owned();
                return Err(match self.header {
                    Some(_) => VectorError::HeaderWidth { path, line, word, found, width },
                    None => VectorError::MixedWidth { path, line, word, found, width },
                });
            }
        };
        self.found += 1;
        // A word that is not UTF-8 can be in no vocabulary.
        let Ok(word) = str::from_utf8(entry.word) else { return Ok(()) };
        if !self.vectors.wants(word, self.vocabulary) {
            return Ok(());
        }
        let row = fields(entry.numbers).map(|field| {
            number(field).filter(|number| number.is_finite()).ok_or_else(|| VectorError::NotANumber {
                path: path.clone(),
                line,
                word: word.to_owned(),
                field: String::from_utf8_lossy(field).into_owned(),
            })
        });
        let row = row.collect::<Result<Vec<f32>, _>>()?;
        self.vectors.insert(word, row);
        Ok(())
    }
}

struct Entry<'a> {
    word: &'a [u8],
    numbers: &'a [u8],
}

/// Takes the last `width` fields for the numbers and all before them for the word, which may hold spaces. What would be
/// a word followed by more numbers than `width` is refused, as are too few fields: `Err` holds how many there are. A
/// line that begins with a space may have the empty word.
fn split(line: &[u8], width: usize) -> Result<Entry<'_>, usize> {
    let mut end = line.len();
    for taken in 0..width {
        let rest = trim_end(&line[..end]);
        if rest.is_empty() {
            return Err(taken.saturating_sub(usize::from(!line.first().is_some_and(is_space))));
        }
        end = rest.iter().rposition(is_space).map_or(0, |space| space + 1);
    }
    let (word, numbers) = (trim_end(&line[..end]), &line[end..]);
    let word = &word[word.iter().take_while(|byte| is_space(byte)).count()..];
    if word.is_empty() && !line.first().is_some_and(is_space) {
        return Err(width - 1);
    }
    let surplus = fields(word).count().saturating_sub(1);
    if surplus > 0 && fields(word).skip(1).all(|field| number(field).is_some_and(f32::is_finite)) {
        return Err(width + surplus);
    }
    Ok(Entry { word, numbers })
}

/// A line of two whole numbers: how many vectors there are and how wide they are.
fn parse_header(line: &[u8]) -> Option<Header> {
    let mut whole = fields(line).map(|field| match field.iter().all(u8::is_ascii_digit) {
        true => str::from_utf8(field).ok()?.parse().ok(),
        false => None,
    });
    let (entries, width) = (whole.next()??, whole.next()??);
    whole.next().is_none().then_some(Header { entries, width })
}

/// The number of numbers behind the word that most of some lines have; of several the one that comes first.
fn usual_width<'a>(lines: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut widths: Vec<(usize, usize)> = Vec::new();
    for line in lines {
        let all = fields(line).count();
        let numbers = line.rsplit(is_space).filter(|field| !field.is_empty());
        let width = numbers.take_while(|field| number(field).is_some()).count().min(all.saturating_sub(1));
        match widths.iter_mut().find(|(known, _)| *known == width) {
            Some((_, lines)) => *lines += 1,
            None => widths.push((width, 1)),
        }
    }
    let most = widths.iter().map(|(_, lines)| *lines).max();
    widths.iter().find(|(_, lines)| Some(*lines) == most).map_or(0, |(width, _)| *width)
}

fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What stands between spaces, of which several in a row count as one.
fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(is_space).filter(|field| !field.is_empty())
}

fn trim_end(text: &[u8]) -> &[u8] {
    &text[..text.iter().rposition(|byte| !is_space(byte)).map_or(0, |last| last + 1)]
}

/// A number, `nan` and `inf` among them.
fn number(field: &[u8]) -> Option<f32> {
    str::from_utf8(field).ok()?.parse().ok()
}
