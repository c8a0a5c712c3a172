//! Coreference: documents whose mentions say which entity they mean.
//!
//! Two annotations are read. *CorefUD* (Nedoluzhko et al. 2022; UD English GUM writes it too) keeps brackets in MISC:
//! `Entity=(e1-person-…` opens a mention of e1, `Entity=e1)` closes it, `# global.Entity` names the attributes between
//! the hyphens. *CoNLL-2012* keeps `(12` and `12)` in its last column. Either way a document's mentions come out in text
//! order, each with its head word.
//!
//! ```
//! use headlight_treebank::coreference::{Documents, HeadRule, MentionType};
//! use headlight_treebank::{Format, Reader};
//!
//! let file = "\
//! ## newdoc id = pond
//! ## global.Entity = eid-etype
//! 1\tThe\tthe\tDET\t_\t_\t2\tdet\t_\tEntity=(e1-animal
//! 2\tfish\tfish\tNOUN\t_\t_\t3\tnsubj\t_\tEntity=e1)
//! 3\tswims\tswim\tVERB\t_\t_\t0\troot\t_\t_
//!
//! 1\tIt\tit\tPRON\t_\t_\t2\tnsubj\t_\tEntity=(e1-animal)
//! 2\tdives\tdive\tVERB\t_\t_\t0\troot\t_\t_
//!
//! ";
//! let reader = Reader::new(file.as_bytes(), "pond.conllu", Format::Conllu)?;
//! let pond = Documents::new(reader, HeadRule::default()).collect::<Result<Vec<_>, _>>()?.remove(0);
//! let [fish, it] = &pond.mentions[..] else { panic!("two mentions") };
//! assert_eq!((fish.entity, fish.kind, pond.text(fish)), (it.entity, MentionType::Nominal, "The fish".into()));
//! assert_eq!(pond.head(it).form, "It");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod brackets;
mod documents;
mod entity;
mod heads;

use std::ops::Range;

pub use documents::Documents;

use crate::sentence::{Sentence, Word, WordIdx};

/// A text and what is mentioned in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// `# newdoc id`, or `<file stem>:<line>`; for CoNLL-2012 `<name> part <number>`.
    pub id: String,
    /// The sentences in order.
    pub sentences: Vec<Sentence>,
    /// The entities in the order of their first mention, singletons among them.
    pub entities: Vec<Entity>,
    /// The mentions by first word, the longer one first where two begin together.
    pub mentions: Vec<Mention>,
    /// Mentions that cover no word but only empty nodes: counted, not kept.
    pub zero_mentions: usize,
    /// Mentions that were given again, the same words for the same entity (`(3)|(3)`): counted, not kept. The scorer of
    /// CoNLL-2012 drops them as well.
    pub repeated_mentions: usize,
}

/// What mentions refer to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entity {
    /// The name in the file, unique in its document.
    pub name: String,
    /// Its type, for example `person`, by its first mention.
    pub etype: Option<String>,
}

/// Words that refer to an entity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mention {
    /// Index into [`Document::entities`]: two mentions corefer if it is the same.
    pub entity: usize,
    /// Index into [`Document::sentences`] of the sentence that it begins in.
    pub sentence: usize,
    /// Its head word, in that sentence.
    pub head: WordIdx,
    /// What kind of expression it is.
    pub kind: MentionType,
    /// The words that it covers, in order; several spans where it is discontinuous or goes beyond a sentence.
    pub spans: Vec<Span>,
}

/// Neighbouring words of one sentence.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Span {
    /// Index into [`Document::sentences`].
    pub sentence: usize,
    /// Indices into [`Sentence::words`]; never empty.
    pub words: Range<usize>,
}

/// What kind of expression a mention is, by the UPOS of its head.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MentionType {
    /// PRON.
    Pronoun,
    /// PROPN.
    Proper,
    /// Anything else.
    Nominal,
}

impl MentionType {
    /// The type of a mention with this head.
    pub fn of(head: &Word) -> Self {
        match head.upos.as_deref() {
            Some("PRON") => Self::Pronoun,
            Some("PROPN") => Self::Proper,
            _ => Self::Nominal,
        }
    }
}

/// Which word is the head of a mention.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum HeadRule {
    /// As [`HeadRule::TopOfSpan`], among the words of CorefUD's `minspan` where it is given, which counts words; else CorefUD's
    /// `head` where that is given, which counts empty nodes too and says nothing where it names one.
    #[default]
    Annotated,
    /// The word of the first span whose way to the root is shortest among those with a governor outside the mention, the
    /// leftmost of several. Where there is no tree (CoNLL-2012 without parses): the last noun or pronoun, else the last
    /// word.
    TopOfSpan,
}

impl Document {
    /// Leaves the first `sentences` and the mentions whose words all lie in them.
    pub fn truncate(&mut self, sentences: usize) {
        self.sentences.truncate(sentences);
        let inside = |mention: &Mention| mention.spans.iter().all(|span| span.sentence < sentences);
        self.mentions.retain(inside);
    }

    /// The head word of a mention.
    pub fn head(&self, mention: &Mention) -> &Word {
        self.sentences[mention.sentence].word(mention.head)
    }

    /// The words of a mention in order.
    pub fn words<'a>(&'a self, mention: &'a Mention) -> impl Iterator<Item = &'a Word> + 'a {
        mention.spans.iter().flat_map(|span| &self.sentences[span.sentence].words()[span.words.clone()])
    }

    /// The words of a mention, separated by spaces.
    pub fn text(&self, mention: &Mention) -> String {
        self.words(mention).map(|word| word.form.as_str()).collect::<Vec<_>>().join(" ")
    }
}
