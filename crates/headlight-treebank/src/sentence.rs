//! The sentence: words, governors and relations, and the proof that they form a tree.

use std::fmt;

use crate::fault::NoTree;
use crate::tree::{TreeError, tree_errors};

/// A word's place in its sentence, counted from 0. CoNLL-U's ID column is [`WordIdx::id`], counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WordIdx(u32);

impl WordIdx {
    /// The word at `index`, counted from 0.
    pub fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("a sentence has fewer than 2^32 words"))
    }

    /// Counted from 0: an index into [`Sentence::words`].
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// Counted from 1, as CoNLL-U writes it.
    pub fn id(self) -> usize {
        self.index() + 1
    }
}

/// The upper end of a dependency. CoNLL-U's HEAD column becomes this on reading; HEAD 0 is [`Governor::Root`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Governor {
    /// The word is the root of its sentence.
    Root,
    /// The word hangs from another word.
    Word(WordIdx),
}

impl Governor {
    /// The governing word, `None` for the root.
    pub fn word(self) -> Option<WordIdx> {
        match self {
            Governor::Root => None,
            Governor::Word(word) => Some(word),
        }
    }
}

/// How finely relations are told apart: `nmod:poss` is `nmod:poss` under `Full` and `nmod` under `Universal`; likewise
/// `subj@pass` and `comp:obj@lvc` of SUD, which are `subj` and `comp`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub enum Granularity {
    /// With subtypes.
    #[default]
    Full,
    /// Without subtypes.
    Universal,
}

/// A dependency relation such as `nsubj` or `nmod:poss`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Relation(Box<str>);

impl Relation {
    /// The relation written `full` in the treebank.
    pub fn new(full: &str) -> Self {
        Self(full.into())
    }

    /// What results over several relations are called, in all tables; as a relation it would be counted among them.
    pub const RESERVED: [&str; 3] = ["all", "all-nopunct", "all-nopunct-noroot"];

    /// Whether it is called as results over several relations are, with or without its subtype. A reader refuses it.
    pub fn is_reserved(&self) -> bool {
        Self::RESERVED.iter().any(|name| [self.full(), self.universal()].contains(name))
    }

    /// As the treebank writes it: `nmod:poss`.
    pub fn full(&self) -> &str {
        &self.0
    }

    /// Without its subtype, `nmod`, and without the feature that SUD puts behind `@`. A relation that begins with such a
    /// mark has nothing before it and stays whole.
    pub fn universal(&self) -> &str {
        self.0.split([':', '@']).next().filter(|relation| !relation.is_empty()).unwrap_or(&self.0)
    }

    /// The subtype alone: `poss`.
    pub fn subtype(&self) -> Option<&str> {
        self.0.split_once(':').map(|(_, subtype)| subtype)
    }

    /// The name under a granularity.
    pub fn name(&self, granularity: Granularity) -> &str {
        match granularity {
            Granularity::Full => self.full(),
            Granularity::Universal => self.universal(),
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A UD syntactic word. Optional columns are `None` where the file has `_`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// The word itself (FORM).
    pub form: String,
    /// LEMMA.
    pub lemma: Option<String>,
    /// Universal part of speech (UPOS).
    pub upos: Option<String>,
    /// Language-specific part of speech (XPOS).
    pub xpos: Option<String>,
    /// FEATS as written: `Case=Nom|Number=Sing`. See [`Word::feature`].
    pub features: Option<String>,
    /// HEAD.
    pub governor: Governor,
    /// DEPREL.
    pub relation: Relation,
    /// DEPS as written: the enhanced graph.
    pub deps: Option<String>,
    /// MISC as written: `SpaceAfter=No|Entity=(e1-person`. See [`Word::misc_value`].
    pub misc: Option<String>,
}

impl Word {
    /// The value of one feature in FEATS, for example `feature("Number")`.
    pub fn feature(&self, name: &str) -> Option<&str> {
        attribute(self.features.as_deref(), name)
    }

    /// The value of one attribute in MISC, for example `misc_value("Entity")`.
    pub fn misc_value(&self, name: &str) -> Option<&str> {
        attribute(self.misc.as_deref(), name)
    }

    /// Whether white space follows the word in the text (no `SpaceAfter=No`).
    pub fn space_after(&self) -> bool {
        self.misc_value("SpaceAfter") != Some("No")
    }

    /// Whether the form is nothing but punctuation marks (Unicode category P), whatever the relation says.
    pub fn is_marks(&self) -> bool {
        crate::options::is_marks(&self.form)
    }

    /// Whether this is punctuation: its universal relation is `punct`. See [`Punctuation`](crate::Punctuation) for
    /// treebanks that call it otherwise.
    pub fn is_punctuation(&self) -> bool {
        self.relation.universal() == "punct"
    }
}

fn attribute<'a>(column: Option<&'a str>, name: &str) -> Option<&'a str> {
    column?.split('|').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then_some(value)
    })
}

/// A surface token that stands for several words: `1-2 don't`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MultiwordToken {
    /// First word covered.
    pub first: WordIdx,
    /// Last word covered, inclusive.
    pub last: WordIdx,
    /// The token's surface form.
    pub form: String,
    /// FEATS as written; UD allows `Typo=Yes` here and nothing else.
    pub features: Option<String>,
    /// MISC as written.
    pub misc: Option<String>,
}

/// Everything a [`Sentence`] is made of, before it is known to be a tree.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SentenceParts {
    /// `# sent_id`; where the file has none, the reader makes `<file stem>:<line>`.
    pub sent_id: String,
    /// `# text`.
    pub text: Option<String>,
    /// `# newdoc id` of the document the sentence belongs to, carried over from an earlier sentence.
    pub document: Option<String>,
    /// Whether this sentence opens a document (`# newdoc`).
    pub opens_document: bool,
    /// All comment lines as written, without the line break, `#` included.
    pub comments: Vec<String>,
    /// The words in order.
    pub words: Vec<Word>,
    /// Multiword tokens in order.
    pub multiword_tokens: Vec<MultiwordToken>,
    /// Empty nodes (`8.1`), as their raw lines, each with the number of words before it.
    pub empty_nodes: Vec<(usize, String)>,
    /// The line of the file on which the sentence starts, counted from 1; 0 when it comes from no file.
    pub line: usize,
    /// What stands in the place of a tree, where the tree is a placeholder: the words come from plain text, from a sentence without any HEAD or DEPREL, or
    /// from a file whose HEAD column is not to be read. Such sentences are for parsing and for what needs words alone: a
    /// [`Reader`](crate::Reader) refuses them unless it is told that [trees are optional](crate::Trees::Optional).
    pub unparsed: Option<NoTree>,
    /// Whether the treebank gave the sentence several roots, all but the first of which were hung from the first.
    pub repaired: bool,
}

/// A sentence whose words form one tree: exactly one root, every governor in range, no cycle, at least one word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sentence(SentenceParts);

impl Sentence {
    /// Checks that the parts form a tree.
    ///
    /// # Errors
    /// [`TreeError`] names the first word that breaks the tree.
    pub fn new(parts: SentenceParts) -> Result<Self, TreeError> {
        match tree_errors(&parts.words).into_iter().next() {
            Some(error) => Err(error),
            None => Ok(Self(parts)),
        }
    }

    /// `# sent_id`, or `<file stem>:<line>` where the file gave none.
    pub fn sent_id(&self) -> &str {
        &self.0.sent_id
    }

    /// `# text`.
    pub fn text(&self) -> Option<&str> {
        self.0.text.as_deref()
    }

    /// The document the sentence belongs to.
    pub fn document(&self) -> Option<&str> {
        self.0.document.as_deref()
    }

    /// Whether this sentence opens a document.
    pub fn opens_document(&self) -> bool {
        self.0.opens_document
    }

    /// Comment lines as written.
    pub fn comments(&self) -> &[String] {
        &self.0.comments
    }

    /// The words in order; never empty.
    pub fn words(&self) -> &[Word] {
        &self.0.words
    }

    /// The word at `index`.
    pub fn word(&self, index: WordIdx) -> &Word {
        &self.0.words[index.index()]
    }

    /// The words' forms in order.
    pub fn forms(&self) -> Vec<&str> {
        self.0.words.iter().map(|word| word.form.as_str()).collect()
    }

    /// Number of words, at least 1. There is no `is_empty`: a sentence never is.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.words.len()
    }

    /// The word that hangs from the root.
    pub fn root(&self) -> WordIdx {
        let root = self.0.words.iter().position(|word| word.governor == Governor::Root);
        WordIdx::new(root.expect("a sentence has a root"))
    }

    /// Multiword tokens in order.
    pub fn multiword_tokens(&self) -> &[MultiwordToken] {
        &self.0.multiword_tokens
    }

    /// Empty nodes as raw lines, each with the number of words before it.
    pub fn empty_nodes(&self) -> &[(usize, String)] {
        &self.0.empty_nodes
    }

    /// The line of the file on which the sentence starts; 0 when it comes from no file.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// Whether the tree is a placeholder that no prediction should be scored against: see [`SentenceParts::unparsed`].
    pub fn is_unparsed(&self) -> bool {
        self.0.unparsed.is_some()
    }

    /// Whether the tree is not quite the treebank's: see [`SentenceParts::repaired`].
    pub fn is_repaired(&self) -> bool {
        self.0.repaired
    }

    /// Takes the sentence apart, for example to change its governors.
    pub fn into_parts(self) -> SentenceParts {
        self.0
    }
}
