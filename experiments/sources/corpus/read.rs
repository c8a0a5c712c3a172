//! Reading: a text becomes a stream of documents.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use flate2::read::MultiGzDecoder;

/// The sentences of a document, none of them empty.
pub type Document = Vec<String>;

/// `corpus.max_document` where nobody says otherwise.
pub const LONGEST_DOCUMENT: usize = 1 << 26;

/// The longest, in bytes, that memory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of a line: what is longer is no sentence, and an error.
    pub line: usize,
    /// A document that has become so long ends at the next line, so that memory holds no more of a text whose documents
    /// are not marked.
    pub document: usize,
}

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads documents one by one: one sentence a line; a blank line ends the document, unless the whole file is one.
/// Ends after the first error.
pub struct Documents {
    path: PathBuf,
    lines: Option<Box<dyn BufRead + Send>>,
    failed: Option<anyhow::Error>,
    whole: bool,
    line: usize,
    limits: Limits,
}

impl Documents {
    /// Reads a file, also one compressed by gzip. With `whole` it is one document. What is wrong with it comes as the
    /// only item.
    pub fn open(path: &Path, whole: bool, limits: Limits) -> Self {
        match File::open(path) {
            Ok(file) => Self::new(file, path.to_owned(), whole, limits),
            Err(error) => Self::failed(path.to_owned(), limits, error),
        }
    }

    /// Reads from anything; `path` stands for it in errors.
    pub fn new(input: impl Read + Send + 'static, path: PathBuf, whole: bool, limits: Limits) -> Self {
        match plain(input) {
            Ok(lines) => Self { path, lines: Some(lines), failed: None, whole, line: 0, limits },
            Err(error) => Self::failed(path, limits, error),
        }
    }

    fn failed(path: PathBuf, limits: Limits, error: io::Error) -> Self {
        let failed = Some(anyhow!(error).context(format!("cannot read {}", path.display())));
        Self { path, lines: None, failed, whole: false, line: 0, limits }
    }

    /// The next line without white space around it; `None` at the end.
    fn line(&mut self) -> Result<Option<String>> {
        let Some(lines) = &mut self.lines else { return Ok(None) };
        let (mut bytes, longest) = (Vec::new(), self.limits.line);
        let read = lines.by_ref().take((longest as u64).saturating_add(1)).read_until(b'\n', &mut bytes);
        if read.with_context(|| format!("cannot read {}", self.path.display()))? == 0 {
            return Ok(None);
        }
        self.line += 1;
        ensure!(
            bytes.len() <= longest,
            "{}:{}: the line has more than {longest} bytes (`corpus.max_line`); write one sentence a line",
            self.path.display(),
            self.line
        );
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| anyhow!("{}:{}: not UTF-8 text; convert the file first", self.path.display(), self.line))?;
        Ok(Some(text.trim_start_matches('\u{feff}').trim().to_owned()))
    }

    fn document(&mut self) -> Result<Option<Document>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let (mut sentences, mut bytes) = (Vec::new(), 0);
        while let Some(line) = self.line()? {
            bytes += line.len();
            match (line.is_empty(), sentences.is_empty()) {
                (false, _) => sentences.push(line),
                (true, false) if !self.whole => break,
                (true, _) => {}
            }
            if bytes > self.limits.document {
                break;
            }
        }
        Ok((!sentences.is_empty()).then_some(sentences))
    }
}

impl Iterator for Documents {
    type Item = Result<Document>;

    fn next(&mut self) -> Option<Self::Item> {
        let document = self.document();
        if document.is_err() {
            self.lines = None;
        }
        document.transpose()
    }
}

/// What a file holds, decompressed where it starts as gzip does.
pub fn plain(mut input: impl Read + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let mut start = Vec::new();
    (&mut input).take(GZIP.len() as u64).read_to_end(&mut start)?;
    let compressed = start == GZIP;
    let all: Chain<Cursor<Vec<u8>>, _> = Cursor::new(start).chain(input);
    Ok(if compressed { Box::new(BufReader::new(MultiGzDecoder::new(all))) } else { Box::new(BufReader::new(all)) })
}
