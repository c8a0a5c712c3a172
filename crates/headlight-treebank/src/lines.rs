//! The lines of a file, block by block: gzip or not, LF or CR LF, with or without byte order mark.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::fault::Fault;
use crate::options::Limits;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// How much of the start is looked at to know what the file is, in bytes.
const PEEK: u64 = 4096;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Files that are often taken for treebanks, by how they begin, and what to do about them.
const NO_TEXT: [(&[u8], &str); 8] = [
    (b"\xff\xfe", "it is UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "it is UTF-16; save it as UTF-8"),
    (b"PK\x03\x04", "it is a zip archive; unpack it"),
    (b"\xfd7zXZ", "it is compressed by xz; decompress it, or use gzip"),
    (b"BZh", "it is compressed by bzip2; decompress it, or use gzip"),
    (b"\x28\xb5\x2f\xfd", "it is compressed by zstd; decompress it, or use gzip"),
    (b"version https://git-lfs", "it is a pointer of git-lfs to the file; `git lfs pull` fetches the file itself"),
    (b"<!DOCTYPE html", "it is a web page; download the file itself"),
];

/// What ends a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// A blank line: the block is a sentence of word lines.
    Paragraph,
    /// Any line end: the block is one line of text.
    Line,
}

/// Neighbouring lines without their line ends. One block is reused for the whole file.
#[derive(Default)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Line of the file on which the block starts, counted from 1.
    pub(crate) first_line: usize,
    /// Whether a blank line, or the start of the file, comes before it.
    pub(crate) after_blank: bool,
    /// What keeps the block from being held, on which of its lines, counted from 0; the rest of it is left out.
    too_long: Option<(usize, Fault)>,
}

impl Block {
    /// The lines as text, or the line (counted from 0 in the block) and the fault that keeps it from being text.
    pub(crate) fn lines(&self) -> Result<impl Iterator<Item = &str> + Clone, (usize, Fault)> {
        if let Some(too_long) = &self.too_long {
            return Err(too_long.clone());
        }
        let place = |at: usize| {
            let line = self.ends.partition_point(|&end| end <= at);
            (line, at - if line == 0 { 0 } else { self.ends[line - 1] } + 1)
        };
        // What stands in no text at all is looked for in one go.
        if let Some(at) = self.bytes.iter().position(|byte| matches!(byte, 0 | b'\r')) {
            let (line, column) = place(at);
            let fault = if self.bytes[at] == 0 { Fault::Nul { column } } else { Fault::LoneCarriageReturn };
            return Err((line, fault));
        }
        match str::from_utf8(&self.bytes) {
            Ok(text) => {
                // Line ends are gone: half a character before one and half a character behind it are none.
                if let Some(end) = self.ends.iter().find(|end| !text.is_char_boundary(**end)) {
                    let begun = (0..*end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
                    let (line, column) = place(begun);
                    return Err((line, Fault::InvalidUtf8 { column }));
                }
                Ok(self.ends.iter().scan(0, move |start, &end| Some(&text[std::mem::replace(start, end)..end])))
            }
            Err(error) => {
                let (line, column) = place(error.valid_up_to());
                Err((line, Fault::InvalidUtf8 { column }))
            }
        }
    }

    /// The lines with replacement characters for what is not UTF-8; only to name a sentence that cannot be read.
    pub(crate) fn lossy_lines(&self) -> impl Iterator<Item = String> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| String::from_utf8_lossy(&self.bytes[start..end]).into_owned())
    }
}

/// Reads a file block by block.
pub(crate) struct Lines {
    input: Box<dyn BufRead + Send>,
    number: usize,
    carriage_return_seen: bool,
    pub(crate) limits: Limits,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// Finds out by the first two bytes whether the input is gzip.
    pub(crate) fn new(mut input: impl Read + Send + 'static) -> io::Result<Self> {
        let mut start = Vec::new();
        input.by_ref().take(PEEK).read_to_end(&mut start)?;
        let gzip = start.starts_with(&GZIP_MAGIC);
        let whole = BufReader::with_capacity(1 << 16, Cursor::new(start).chain(input));
        let input: Box<dyn BufRead + Send> = if gzip {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(whole)))
        } else {
            Box::new(whole)
        };
        let mut lines = Self { input, number: 0, carriage_return_seen: false, limits: Limits::default() };
        // What cannot be looked at is said when it is read, with its line.
        let start = lines.peek().unwrap_or_default();
        match NO_TEXT.iter().find(|(magic, _)| start.starts_with(magic)) {
            Some((_, what)) => Err(io::Error::new(io::ErrorKind::InvalidData, *what)),
            None => Ok(lines),
        }
    }

    /// Number of the last line read, counted from 1.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The first bytes, to know the file by, without reading them.
    pub(crate) fn peek(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    /// Fills `block` with the next one; `false` at the end. `note` hears of oddities in the layout, with their line.
    pub(crate) fn next_block(
        &mut self,
        unit: Unit,
        block: &mut Block,
        note: &mut dyn FnMut(usize, Fault),
    ) -> io::Result<bool> {
        block.bytes.clear();
        block.ends.clear();
        block.too_long = None;
        let Limits { line: longest_line, sentence: longest_sentence, .. } = self.limits;
        let mut lines = 0;
        block.after_blank = self.number == 0;
        loop {
            let start = block.bytes.len();
            if self.read_line(&mut block.bytes)? == 0 {
                let any = lines > 0;
                if any && unit == Unit::Paragraph {
                    note(self.number, Fault::NoFinalBlankLine);
                }
                return Ok(any);
            }
            self.number += 1;
            self.strip_line_end(start, block, note);
            if self.number == 1 && block.bytes.starts_with(BYTE_ORDER_MARK) {
                note(1, Fault::ByteOrderMark);
                block.bytes.drain(..BYTE_ORDER_MARK.len());
            }
            let blank = block.bytes[start..].iter().all(u8::is_ascii_whitespace);
            match (blank, lines == 0) {
                (true, true) => {
                    block.bytes.clear();
                    block.after_blank = true;
                    if unit == Unit::Paragraph {
                        note(self.number, Fault::BlankLine);
                    }
                }
                (true, false) => {
                    block.bytes.truncate(start);
                    return Ok(true);
                }
                (false, first) => {
                    if first {
                        block.first_line = self.number;
                    }
                    let long_line = block.bytes.len() - start > longest_line;
                    if block.too_long.is_none() && long_line {
                        block.too_long = Some((lines, Fault::LongLine { limit: longest_line }));
                    } else if block.too_long.is_none() && (lines == longest_sentence || start / 4 > longest_line) {
                        block.too_long = Some((lines, Fault::LongSentence { limit: longest_sentence }));
                    }
                    if block.too_long.is_some() {
                        block.bytes.truncate(start);
                    } else {
                        block.ends.push(block.bytes.len());
                    }
                    lines += 1;
                    if unit == Unit::Line {
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// Reads a line with its end; of one that is too long only so much as tells that it is.
    fn read_line(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let most = (self.limits.line as u64).saturating_add(3);
        let read = self.input.by_ref().take(most).read_until(b'\n', bytes)?;
        if read as u64 == most && bytes.last() != Some(&b'\n') {
            self.input.skip_until(b'\n')?;
        }
        Ok(read)
    }

    fn strip_line_end(&mut self, start: usize, block: &mut Block, note: &mut dyn FnMut(usize, Fault)) {
        if block.bytes.last() != Some(&b'\n') {
            return;
        }
        block.bytes.pop();
        if block.bytes.len() > start && block.bytes.last() == Some(&b'\r') {
            block.bytes.pop();
            if !std::mem::replace(&mut self.carriage_return_seen, true) {
                note(self.number, Fault::CarriageReturn);
            }
        }
    }
}
