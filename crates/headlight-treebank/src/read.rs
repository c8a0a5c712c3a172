//! Reading: a file becomes a stream of sentences, each a tree or an error that names its place.

use std::cell::Cell;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::columns::{self, Columns};
use crate::conll2012;
use crate::fault::{Fault, Problem, ReadError};
use crate::lines::{Block, Lines, Unit};
use crate::options::{Limits, ReadOptions, Roots, Trees, mark_punctuation, one_root};
use crate::sentence::{Sentence, SentenceParts};
use crate::tree::tree_errors;
use crate::words::{looks_like_head_relations, parse_head_relations, parse_text};

/// The formats that can be read. Each may be compressed by gzip, which is recognised by content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Format {
    /// CoNLL-U, with comments, multiword tokens and empty nodes (`.conllu`).
    Conllu,
    /// CoNLL-U for parsing: HEAD, DEPREL and DEPS may hold anything, and the tree is a placeholder.
    UnparsedConllu,
    /// CoNLL-X for parsing: likewise.
    UnparsedConllx,
    /// CoNLL-X, the format of the 2006 and 2007 shared tasks (`.conllx`, `.conll`), with 8 or 10 columns; PHEAD and
    /// PDEPREL are not kept.
    Conllx,
    /// The format of the code released with Clark et al. (2019): a line `word head-relation` for each word, for example
    /// `The 2-det`, head 0 for the root, a blank line between sentences (`.txt` whose first lines look like it).
    HeadRelation,
    /// CoNLL-2012 (`_conll`), with coreference: constituents become dependencies by head rules, with the relations
    /// `root`, `punct` and `dep`, and coreference becomes `Entity=` in MISC. Without parses there are no trees.
    Conll2012,
    /// One sentence a line, a blank line between documents (any other `.txt`). Words end at white space and at
    /// punctuation; the tree is a placeholder.
    PlainText,
}

impl Format {
    /// The format that a file's name tells, and its content where the name is `.txt`; `None` for other names.
    fn guess(path: &Path, lines: &mut Lines) -> Result<Option<Self>, std::io::Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ending = name.trim_end_matches(".gz").rsplit_once('.').map(|(_, ending)| ending);
        Ok(match ending {
            Some("conllu") => Some(Self::Conllu),
            Some("conllx" | "conll") => Some(Self::Conllx),
            Some("txt") if looks_like_head_relations(lines.peek()?) => Some(Self::HeadRelation),
            Some("txt") => Some(Self::PlainText),
            Some(ending) if ending.ends_with("_conll") => Some(Self::Conll2012),
            _ => None,
        })
    }

    /// The format of a file to be parsed: its name tells it, or else whether its lines have the columns of CoNLL-U. Trees
    /// are not looked at, where the format has a column for them.
    ///
    /// # Errors
    /// [`ReadError::Open`].
    pub fn guess_unparsed(path: &Path, name: &Path) -> Result<Self, ReadError> {
        let cannot_open = |source| ReadError::Open { path: name.to_owned(), source };
        let mut lines = Lines::open(path).map_err(cannot_open)?;
        let guessed = Self::guess(name, &mut lines).map_err(cannot_open)?;
        let columns = |start: &[u8]| {
            start.split(|byte| *byte == b'\n').any(|line| line.iter().filter(|byte| **byte == b'\t').count() == 9)
        };
        Ok(match guessed {
            Some(Self::Conllu) => Self::UnparsedConllu,
            Some(Self::Conllx) => Self::UnparsedConllx,
            Some(other) => other,
            None if columns(lines.peek().map_err(cannot_open)?) => Self::UnparsedConllu,
            None => Self::PlainText,
        })
    }

    fn unit(self) -> Unit {
        if self == Self::PlainText { Unit::Line } else { Unit::Paragraph }
    }
}

/// Reads one file sentence by sentence. Memory holds one sentence.
///
/// Yields a [`Sentence`] or an error for each sentence of the file, in order. After an error that
/// [is skippable](ReadError::is_skippable) the next sentence follows; after any other the reader is at its end.
///
/// A sentence without a tree is an error too, in whatever format, unless [`Reader::with`] says that trees are optional.
pub struct Reader {
    source: Parts,
    options: ReadOptions,
    done: bool,
}

impl Reader {
    /// Opens a file; without a format, its name tells it.
    ///
    /// # Errors
    /// [`ReadError::Open`], and [`ReadError::UnknownFormat`] where no format is given and the name tells none.
    pub fn open(path: impl AsRef<Path>, format: impl Into<Option<Format>>) -> Result<Self, ReadError> {
        Parts::open(path.as_ref(), format.into()).map(Self::of)
    }

    /// Reads from anything, for example standard input. `name` stands for the file in errors and in made-up names.
    ///
    /// # Errors
    /// [`ReadError::Open`] when the first two bytes, which tell whether it is gzip, cannot be read.
    pub fn new(input: impl Read + Send + 'static, name: impl Into<PathBuf>, format: Format) -> Result<Self, ReadError> {
        let path = name.into();
        match Lines::new(input) {
            Ok(lines) => Ok(Self::of(Parts::new(path, lines, format))),
            Err(source) => Err(ReadError::Open { path, source }),
        }
    }

    fn of(source: Parts) -> Self {
        Self { source, options: ReadOptions::default(), done: false }
    }

    /// The same reader under other options.
    #[must_use]
    pub fn with(self, options: ReadOptions) -> Self {
        Self { options, ..self }
    }

    /// The same reader, which also yields sentences without a tree.
    #[must_use]
    pub fn with_optional_trees(mut self) -> Self {
        self.options.trees = Trees::Optional;
        self
    }

    /// Passes over the next sentences, refused ones too: nothing is read of them but which documents they open. Returns how
    /// many there were, which is fewer at the end of the file.
    ///
    /// # Errors
    /// [`ReadError::Read`].
    pub fn pass_over(&mut self, sentences: usize) -> Result<usize, ReadError> {
        let mut passed = 0;
        while passed < sentences && !self.done {
            let any = self.source.pass_over(self.options);
            self.done = !matches!(any, Ok(true));
            passed += usize::from(any?);
        }
        Ok(passed)
    }

    /// The file that is read.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// The format that it is read in.
    pub fn format(&self) -> Format {
        self.source.format
    }
}

impl Iterator for Reader {
    type Item = Result<Sentence, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().map(|step| step.sentence)
    }
}

/// One sentence of a file, read or refused.
pub(crate) struct Step {
    pub(crate) sentence: Result<Sentence, ReadError>,
    /// Whether it opens a document, which a refused one does too.
    pub(crate) opens_document: bool,
}

impl Reader {
    pub(crate) fn advance(&mut self) -> Option<Step> {
        if self.done {
            return None;
        }
        let mut error: Option<(usize, Fault)> = None;
        let read = self.source.next_parts(self.options, &mut |line, fault| {
            if error.is_none() && fault.is_error() {
                error = Some((line, fault));
            }
        });
        let parts = match read {
            Ok(Some(parts)) => parts,
            Ok(None) => {
                self.done = true;
                return None;
            }
            Err(error) => {
                self.done = true;
                return Some(Step { sentence: Err(error), opens_document: false });
            }
        };
        let opens_document = parts.opens_document;
        let sentence = match error {
            None => Ok(Sentence::new(parts).expect("no fault was reported, so the words are a tree")),
            Some((line, fault)) => {
                let problem = Box::new(Problem { line, sent_id: Some(parts.sent_id), fault });
                Err(ReadError::Sentence { path: self.source.path.clone(), problem })
            }
        };
        Some(Step { sentence, opens_document })
    }

    pub(crate) fn limits(&self) -> Limits {
        self.options.limits
    }

    /// The line of the file of each word of the sentence read last.
    pub(crate) fn word_lines(&self) -> impl Iterator<Item = usize> + '_ {
        self.source.word_lines.iter().map(|line| self.source.block.first_line + line)
    }
}

/// The parts of a file's sentences with all their faults: what [`Reader`] and [`check`](crate::check) share.
pub(crate) struct Parts {
    path: PathBuf,
    stem: String,
    lines: Lines,
    format: Format,
    block: Block,
    word_lines: Vec<usize>,
    document: Option<String>,
    /// The document that the next sentence of CoNLL-2012 opens.
    opened: Option<String>,
}

impl Parts {
    pub(crate) fn open(path: &Path, format: Option<Format>) -> Result<Self, ReadError> {
        let cannot_open = |source| ReadError::Open { path: path.to_owned(), source };
        let mut lines = Lines::open(path).map_err(cannot_open)?;
        let format = match format {
            Some(format) => format,
            None => Format::guess(path, &mut lines)
                .map_err(cannot_open)?
                .ok_or_else(|| ReadError::UnknownFormat { path: path.to_owned() })?,
        };
        Ok(Self::new(path.to_owned(), lines, format))
    }

    fn new(path: PathBuf, lines: Lines, format: Format) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
        let (block, word_lines) = (Block::default(), Vec::new());
        Self { path, stem, lines, format, block, word_lines, document: None, opened: None }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// The next sentence's parts, `None` at the end. `report` hears of every fault with its line in the file; where it
    /// heard of no error the words are a tree.
    pub(crate) fn next_parts(
        &mut self,
        options: ReadOptions,
        report: &mut dyn FnMut(usize, Fault),
    ) -> Result<Option<SentenceParts>, ReadError> {
        if !self.next_block(options, report)? {
            return Ok(None);
        }
        let first_line = self.block.first_line;
        let mut parts = SentenceParts { line: first_line, ..SentenceParts::default() };
        let any_error = Cell::new(false);
        let report = &mut |line: usize, fault: Fault| {
            any_error.set(any_error.get() || fault.is_error());
            report(first_line + line, fault);
        };
        match self.block.lines() {
            Err((line, fault)) => {
                parts.comments.extend(self.lossy_comments());
                report(line, fault);
            }
            Ok(mut lines) => match self.format {
                Format::Conllu => columns::parse(lines, Columns::Conllu, &mut parts, &mut self.word_lines, report),
                Format::UnparsedConllu => {
                    columns::parse(lines, Columns::Unparsed, &mut parts, &mut self.word_lines, report);
                }
                Format::Conllx => columns::parse(lines, Columns::Conllx, &mut parts, &mut self.word_lines, report),
                Format::UnparsedConllx => {
                    columns::parse(lines, Columns::UnparsedConllx, &mut parts, &mut self.word_lines, report);
                }
                Format::HeadRelation => {
                    parse_head_relations(lines.clone(), &mut parts, report);
                    self.word_lines.clear();
                    self.word_lines.extend(0..lines.count());
                }
                Format::Conll2012 => conll2012::parse(lines, &mut parts, &mut self.word_lines, report),
                Format::PlainText => {
                    parse_text(lines.next().unwrap_or_default(), options.limits.sentence, &mut parts, report);
                    self.word_lines.clear();
                    self.word_lines.resize(parts.words.len(), 0);
                }
            },
        }
        self.name(&mut parts);
        if let (Trees::Required, Some(why), false) = (options.trees, parts.unparsed, any_error.get()) {
            report(0, Fault::NoTree { why });
        }
        if parts.unparsed.is_none() && options.roots == Roots::First {
            parts.repaired = one_root(&mut parts.words);
        }
        if parts.unparsed.is_none() && options.punctuation.by_form(self.format) {
            mark_punctuation(&mut parts.words);
        }
        if !any_error.get() {
            for error in tree_errors(&parts.words) {
                let word_line = error.word().and_then(|word| self.word_lines.get(word - 1));
                report(word_line.copied().unwrap_or(0), error.into());
            }
        }
        Ok(Some(parts))
    }

    /// Passes over the next sentence, of which nothing is read but its document; `false` at the end.
    fn pass_over(&mut self, options: ReadOptions) -> Result<bool, ReadError> {
        if !self.next_block(options, &mut |_, _| {})? {
            return Ok(false);
        }
        let mut parts = SentenceParts { line: self.block.first_line, ..SentenceParts::default() };
        match (self.block.lines(), self.format) {
            (Err(_), _) => parts.comments.extend(self.lossy_comments()),
            (Ok(lines), Format::Conllu | Format::UnparsedConllu | Format::Conllx | Format::UnparsedConllx) => {
                parts.comments.extend(lines.filter(|line| line.starts_with('#')).map(str::to_owned));
            }
            (Ok(_), Format::HeadRelation | Format::Conll2012 | Format::PlainText) => {}
        }
        self.name(&mut parts);
        Ok(true)
    }

    /// The lines of the next sentence; `false` at the end.
    fn next_block(&mut self, options: ReadOptions, report: &mut dyn FnMut(usize, Fault)) -> Result<bool, ReadError> {
        self.lines.limits = options.limits;
        loop {
            let any = self
                .lines
                .next_block(self.format.unit(), &mut self.block, report)
                .map_err(|source| ReadError::Read { path: self.path.clone(), line: self.lines.number(), source })?;
            if !any || self.format != Format::Conll2012 || !self.block_is_between_documents() {
                return Ok(any);
            }
        }
    }

    /// The comments of a sentence that is refused for its letters. They name it; what is too long to be a comment names nothing.
    fn lossy_comments(&self) -> impl Iterator<Item = String> + '_ {
        self.block.lossy_lines().filter(|line| line.starts_with('#') && line.len() < 1000)
    }

    /// Takes note of the document that a block of CoNLL-2012 opens. Whether the block has no words: `#end document`
    /// stands alone, and `#begin document` may.
    fn block_is_between_documents(&mut self) -> bool {
        let Ok(mut lines) = self.block.lines() else { return false };
        self.opened = conll2012::document(lines.clone()).or(self.opened.take());
        lines.all(|line| line.starts_with('#'))
    }

    /// Fills in the names of the sentence and its document, from comments where the format has them.
    fn name(&mut self, parts: &mut SentenceParts) {
        let place = format!("{}:{}", self.stem, parts.line);
        if self.format == Format::PlainText && self.block.after_blank {
            parts.comments.push(format!("# newdoc id = {place}"));
        }
        if let Some(id) = self.opened.take() {
            parts.comments.extend([format!("# newdoc id = {id}"), "# global.Entity = eid".to_owned()]);
        }
        for comment in &parts.comments {
            if let Some(id) = comment_value(comment, "newdoc") {
                parts.opens_document = true;
                let id = value_of(id, "id").filter(|id| !id.is_empty());
                self.document = Some(id.map_or_else(|| place.clone(), str::to_owned));
            } else if let Some(id) = comment_value(comment, "sent_id").filter(|id| !id.is_empty()) {
                parts.sent_id = id.to_owned();
            } else if let Some(text) = comment_value(comment, "text") {
                parts.text = Some(text.to_owned());
            }
        }
        parts.document.clone_from(&self.document);
        if parts.sent_id.is_empty() {
            parts.sent_id = place;
            if !matches!(self.format, Format::Conllu | Format::UnparsedConllu) {
                parts.comments.push(format!("# sent_id = {}", parts.sent_id));
                parts.comments.extend(parts.text.as_ref().map(|text| format!("# text = {text}")));
            }
        }
    }
}

/// The value of the comment `# key = value`, and the empty string for `# key` alone.
pub(crate) fn comment_value<'a>(comment: &'a str, key: &str) -> Option<&'a str> {
    value_of(comment.strip_prefix('#')?.trim_start(), key)
}

fn value_of<'a>(assignment: &'a str, key: &str) -> Option<&'a str> {
    let rest = assignment.strip_prefix(key)?;
    if !rest.is_empty() && !rest.starts_with(|c: char| c == '=' || c.is_whitespace()) {
        return None;
    }
    let rest = rest.trim_start();
    Some(rest.strip_prefix('=').unwrap_or(rest).trim())
}
