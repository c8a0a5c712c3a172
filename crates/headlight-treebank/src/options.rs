//! What is done about things that files leave open: absent trees, several roots, punctuation under other names.

use unicode_categories::UnicodeCategories;

use crate::read::Format;
use crate::sentence::{Governor, Relation, Word, WordIdx};

/// How a [`Reader`](crate::Reader) takes what a file leaves open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReadOptions {
    /// Whether sentences need trees.
    pub trees: Trees,
    /// What becomes of several roots.
    pub roots: Roots,
    /// Which words are punctuation.
    pub punctuation: Punctuation,
    /// What is too long to be meant.
    pub limits: Limits,
}

/// The longest that is taken for a line, a sentence, a document; what is longer is an error, before it fills memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most bytes of a line: a paragraph of a novel has a few thousand.
    pub line: usize,
    /// Most lines of a sentence, and most words of a line of text; a treebank's longest have some hundreds.
    pub sentence: usize,
    /// Most words of a document, which [`Documents`](crate::coreference::Documents) hold whole.
    pub document: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 1 << 24, sentence: 100_000, document: 1_000_000 }
    }
}

/// Whether sentences need trees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Trees {
    /// One without a tree is an error: nothing is ever scored against a placeholder.
    #[default]
    Required,
    /// One without a tree has a placeholder, which [`Sentence::is_unparsed`](crate::Sentence::is_unparsed) tells.
    Optional,
}

/// What becomes of a sentence in which several words have HEAD 0, as in treebanks that are older than UD.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Roots {
    /// It is an error.
    #[default]
    One,
    /// The first one that is no punctuation mark stays; the others hang from it, with their relations, or with `dep` where
    /// that is `root`. [`Sentence::is_repaired`](crate::Sentence::is_repaired) tells.
    First,
}

/// Which words are punctuation, that is, have the relation `punct`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Punctuation {
    /// By form in CoNLL-X, whose treebanks agree on no relation, by relation in all other formats.
    #[default]
    Auto,
    /// Those to which the treebank gives it.
    Relation,
    /// Also those of nothing but punctuation marks (Unicode category P), as the scorer of CoNLL-X has it: whatever their
    /// relation was (`P`, `PUNC`, …), it becomes `punct`.
    Form,
}

impl Punctuation {
    pub(crate) fn by_form(self, format: Format) -> bool {
        match self {
            Punctuation::Auto => format == Format::Conllx,
            Punctuation::Relation => false,
            Punctuation::Form => true,
        }
    }
}

/// Gives words of nothing but punctuation marks, and those whose relation is `punct` in other letters, the relation
/// `punct`.
pub(crate) fn mark_punctuation(words: &mut [Word]) {
    for word in words {
        let named = ["punct", "punc"].iter().any(|name| word.relation.universal().eq_ignore_ascii_case(name));
        if !word.is_punctuation() && (named || word.is_marks()) {
            word.relation = Relation::new("punct");
        }
    }
}

/// Whether a form is punctuation marks alone.
pub(crate) fn is_marks(form: &str) -> bool {
    !form.is_empty() && form.chars().all(UnicodeCategories::is_punctuation)
}

/// Leaves one root and hangs the others from it; whether there were several.
pub(crate) fn one_root(words: &mut [Word]) -> bool {
    let roots: Vec<usize> = (0..words.len()).filter(|&at| words[at].governor == Governor::Root).collect();
    let [_, _, ..] = roots[..] else { return false };
    let is_mark = |at: usize| words[at].is_punctuation() || words[at].is_marks();
    let root = roots.iter().copied().find(|&at| !is_mark(at)).unwrap_or(roots[0]);
    for at in roots.into_iter().filter(|&at| at != root) {
        words[at].governor = Governor::Word(WordIdx::new(root));
        if words[at].relation.universal().eq_ignore_ascii_case("root") {
            words[at].relation = Relation::new("dep");
        }
    }
    true
}
