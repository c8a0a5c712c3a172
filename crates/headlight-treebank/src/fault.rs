//! Everything that can be wrong with a treebank file, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::tree::TreeError;

/// One thing that is wrong with a sentence or with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Bytes that are not UTF-8.
    #[error("byte {column} of the line is not valid UTF-8; save the file as UTF-8")]
    InvalidUtf8 {
        /// Place in the line, in bytes counted from 1.
        column: usize,
    },
    /// A NUL byte, as in UTF-16 and in binary files.
    #[error("byte {column} of the line is NUL; is the file UTF-16, or no text? Save it as UTF-8")]
    Nul {
        /// Place in the line, in bytes counted from 1.
        column: usize,
    },
    /// Lines that end with CR alone.
    #[error(
        "the line has a CR in its middle: lines must end with LF or CR LF, and no column may hold one; \
         `tr '\\r' '\\n' < FILE` converts a file whose lines end with CR alone"
    )]
    LoneCarriageReturn,
    /// A line that nobody can have meant.
    #[error("the line has more than {limit} bytes; is this the file that was meant?")]
    LongLine {
        /// Most bytes of a line.
        limit: usize,
    },
    /// A sentence that nobody can have meant.
    #[error(
        "the sentence has more than {limit} lines or words, or 64 MiB; is the blank line between sentences missing, or the line end \
         in a text?"
    )]
    LongSentence {
        /// Most lines, or words of a text.
        limit: usize,
    },
    /// A document that nobody can have meant.
    #[error("the document has more than {limit} words; mark where documents begin by `# newdoc`")]
    LongDocument {
        /// Most words.
        limit: usize,
    },
    /// A sentence without a tree, where trees are wanted.
    #[error("no tree: {why}")]
    NoTree {
        /// What is there instead.
        why: NoTree,
    },
    /// A relation named as what is summed up over relations.
    #[error(
        "word {word} [{form}] has DEPREL `{relation}`, which is what results over several relations are called: rename the \
         relation"
    )]
    ReservedRelation {
        /// Id of the word.
        word: usize,
        /// Its form.
        form: String,
        /// The column as written.
        relation: String,
    },
    /// A word line with too few or too many columns.
    #[error("{found} column(s) where {expected} are expected{}", spaces_hint(.spaces))]
    Columns {
        /// Columns on the line.
        found: usize,
        /// Columns of the format.
        expected: &'static str,
        /// Whether the columns would be right if spaces were tabs.
        spaces: bool,
    },
    /// An ID that is neither `3`, `3-4` nor `3.1`.
    #[error("ID `{id}` is neither a word (`3`), a multiword token (`3-4`) nor an empty node (`3.1`)")]
    Id {
        /// The column as written.
        id: String,
    },
    /// A word id that skips or repeats.
    #[error("ID {found} where {expected} is due; ids count up by one")]
    IdOrder {
        /// The id of the line.
        found: usize,
        /// The id that continues the sentence.
        expected: usize,
    },
    /// A multiword token's line that does not stand before its first word.
    #[error("multiword token {first}-{last} stands before word {next}; its line belongs right before word {first}")]
    RangePlace {
        /// First word of the range.
        first: usize,
        /// Last word of the range.
        last: usize,
        /// The word that comes next.
        next: usize,
    },
    /// A multiword token that ends before it starts.
    #[error("multiword token {first}-{last} ends before it starts")]
    RangeReversed {
        /// First word of the range.
        first: usize,
        /// Last word of the range.
        last: usize,
    },
    /// Two multiword tokens that share a word.
    #[error("multiword token {first}-{last} overlaps the one that ends at word {previous}")]
    RangeOverlap {
        /// First word of the range.
        first: usize,
        /// Last word of the range.
        last: usize,
        /// Last word of the range before.
        previous: usize,
    },
    /// A multiword token beyond the last word.
    #[error("multiword token {first}-{last} reaches beyond the sentence's {words} words")]
    RangeEnd {
        /// First word of the range.
        first: usize,
        /// Last word of the range.
        last: usize,
        /// How many words there are.
        words: usize,
    },
    /// An empty node whose number does not continue the sentence.
    #[error("empty node {found} where {expected} is due")]
    EmptyNodePlace {
        /// The id of the line.
        found: String,
        /// The id that continues the sentence.
        expected: String,
    },
    /// A HEAD that is not a number.
    #[error("word {word} [{form}] has HEAD `{head}`, which is not the id of a word or 0")]
    Head {
        /// Id of the word.
        word: usize,
        /// Its form.
        form: String,
        /// The column as written.
        head: String,
    },
    /// A word without HEAD.
    #[error("word {word} [{form}] has no HEAD, while other words of the sentence have one")]
    NoHead {
        /// Id of the word.
        word: usize,
        /// Its form.
        form: String,
    },
    /// A word without DEPREL.
    #[error("word {word} [{form}] has no DEPREL, while other words of the sentence have one")]
    NoRelation {
        /// Id of the word.
        word: usize,
        /// Its form.
        form: String,
    },
    /// A word without FORM.
    #[error("word {word} has an empty FORM")]
    NoForm {
        /// Id of the word.
        word: usize,
    },
    /// A line of the original release's format that is not `word head-relation`.
    #[error("`{line}` is not of the form `word head-relation`, for example `The 2-det`")]
    HeadRelation {
        /// The line as written.
        line: String,
    },
    /// A comment below a word line.
    #[error("a comment stands after word {word}; it is read as if it stood before the sentence's first word")]
    CommentPlace {
        /// Id of the word above, 0 below a multiword token or empty node that opens the sentence.
        word: usize,
    },
    /// Constituents of CoNLL-2012 that do not close, or close too often.
    #[error("the brackets of the parse are not one tree at word {word} [{form}], which has `{bit}`")]
    Parse {
        /// Number of the word, counted from 1.
        word: usize,
        /// Its form.
        form: String,
        /// Its parse column.
        bit: String,
    },
    /// The words are not a tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// An entity bracket that opens and never closes.
    #[error("the bracket of entity `{entity}` that opens at word {word} [{form}] never closes")]
    EntityNeverCloses {
        /// The entity's name.
        entity: String,
        /// Id of the word.
        word: usize,
        /// Its form.
        form: String,
    },
    /// An entity bracket that closes without having opened.
    #[error("the bracket of entity `{entity}` that closes at word {word} [{form}] never opened")]
    EntityNeverOpened {
        /// The entity's name.
        entity: String,
        /// Id of the word.
        word: usize,
        /// Its form.
        form: String,
    },
    /// A mention whose annotated head is not among its words.
    #[error("the head of the mention of entity `{entity}` that opens at word {word} [{form}] lies outside the mention")]
    HeadOutside {
        /// The entity's name.
        entity: String,
        /// Id of the word.
        word: usize,
        /// Its form.
        form: String,
    },
    /// Something in an entity annotation that is not a bracket.
    #[error(
        "`{annotation}` at word {word} [{form}] is not an entity annotation such as `(e1-person`, `e1)` or `(e1[1/2]`"
    )]
    Entity {
        /// The annotation as written.
        annotation: String,
        /// Id of the word.
        word: usize,
        /// Its form.
        form: String,
    },
    /// Trees that nobody made: said once of a file that has no other.
    #[error("none of the {sentences} sentences has a tree: {why}")]
    NoTrees {
        /// Sentences of the file.
        sentences: usize,
        /// What is there instead.
        why: NoTree,
    },
    /// A file without a sentence.
    #[error("the file holds no sentence")]
    NoSentences,
    /// Two sentences of one name.
    #[error("sent_id `{sent_id}` is already used on line {first}")]
    DuplicateSentId {
        /// The name.
        sent_id: String,
        /// Where it was used first.
        first: usize,
    },
    /// A sentence without `# sent_id`.
    #[error("the sentence has no `# sent_id`")]
    NoSentId,
    /// A sentence without `# text`.
    #[error("the sentence has no `# text`")]
    NoText,
    /// `# text` is not what the words spell.
    #[error("`# text` and the words part at character {character}: text has `{text}`, the words spell `{words}`")]
    Text {
        /// First character that differs, counted from 1.
        character: usize,
        /// The text from there on.
        text: String,
        /// The words from there on.
        words: String,
    },
    /// A column with nothing in it.
    #[error("column {column} is empty; write `_`")]
    EmptyColumn {
        /// Name of the column.
        column: &'static str,
    },
    /// White space where none belongs.
    #[error("column {column} has white space in `{value}`")]
    Space {
        /// Name of the column.
        column: &'static str,
        /// The column as written.
        value: String,
    },
    /// A multiword token with more than FORM, FEATS and MISC.
    #[error("multiword token {first}-{last} has {column} `{value}`; only FORM, FEATS and MISC may be given")]
    RangeColumn {
        /// First word of the range.
        first: usize,
        /// Last word of the range.
        last: usize,
        /// Name of the column.
        column: &'static str,
        /// The column as written.
        value: String,
    },
    /// The file starts with a byte order mark.
    #[error("the file starts with a byte order mark; it is skipped")]
    ByteOrderMark,
    /// Lines end with CR LF.
    #[error("lines end with CR LF (said once); the CR is dropped")]
    CarriageReturn,
    /// More than one blank line between sentences, or one at the start.
    #[error("a blank line too many")]
    BlankLine,
    /// The last sentence is not followed by a blank line.
    #[error("the last sentence is not followed by a blank line")]
    NoFinalBlankLine,
}

impl Fault {
    /// Whether the reader refuses the sentence for it. The rest, from [`Fault::NoSentences`] on, and a misplaced comment,
    /// break a rule of the format without keeping the sentence from being read.
    pub fn is_error(&self) -> bool {
        !matches!(
            self,
            Fault::CommentPlace { .. }
                | Fault::NoSentences
                | Fault::DuplicateSentId { .. }
                | Fault::NoSentId
                | Fault::NoText
                | Fault::Text { .. }
                | Fault::EmptyColumn { .. }
                | Fault::Space { .. }
                | Fault::RangeColumn { .. }
                | Fault::ByteOrderMark
                | Fault::CarriageReturn
                | Fault::BlankLine
                | Fault::NoFinalBlankLine
        )
    }
}

fn spaces_hint(spaces: &bool) -> &'static str {
    if *spaces { "; the line has spaces in the place of tabs" } else { "" }
}

/// What stands in the place of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTree {
    /// Words alone.
    #[error("this is read as plain text, one sentence a line")]
    Text,
    /// CoNLL-U or CoNLL-X before parsing.
    #[error("no word has a HEAD")]
    Head,
    /// Likewise; tokenizers fill in a HEAD that means nothing.
    #[error("no word has a DEPREL")]
    Relation,
    /// CoNLL-2012 without constituents.
    #[error("no word has a bit of a parse")]
    Parse,
    /// HEAD is not to be looked at.
    #[error("HEAD is not read in this format")]
    Unread,
}

/// A fault and its place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line of the file, counted from 1.
    pub line: usize,
    /// The sentence's `# sent_id`, or `<file stem>:<line>`; `None` where no sentence is at fault.
    pub sent_id: Option<String>,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.line)?;
        if let Some(sent_id) = &self.sent_id {
            write!(f, "sentence {sent_id}: ")?;
        }
        write!(f, "{}", self.fault)
    }
}

/// Why a treebank, or one sentence of it, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file breaks off while it is read, for example a truncated `.gz`.
    #[error("cannot read {} beyond line {line}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The last line that could be read.
        line: usize,
        /// What the system says.
        source: io::Error,
    },
    /// The file's name does not tell its format.
    #[error(
        "cannot tell the format of {} from its name; known endings are .conllu, .conllx, .conll, _conll and .txt, each also \
         with .gz: name the format",
        path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// One sentence is wrong. The reader goes on with the next one.
    #[error("{}:{problem}", path.display())]
    Sentence {
        /// The file.
        path: PathBuf,
        /// What is wrong, and on which line.
        problem: Box<Problem>,
    },
}

impl ReadError {
    /// Whether only one sentence is lost, so that the caller may count it and go on. After any other error nothing
    /// more comes from the file.
    pub fn is_skippable(&self) -> bool {
        matches!(self, ReadError::Sentence { .. })
    }
}
