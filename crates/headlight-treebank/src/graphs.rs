//! Sentences of the [`conllu`] crate, which are those of [`udgraph`]: both ways, so that its users read, check and score here
//! and go on there.
//!
//! Such a sentence is a graph of tokens with comments. It has no place for multiword tokens, empty nodes, the order in which
//! FEATS and MISC are written, nor for where a sentence comes from; all of this is [`Beside`] it, and what goes through both
//! directions comes out as it was. What was changed in the graph in between is what counts.
//!
//! ```
//! use conllu::io::{ReadSentence, Reader};
//! use headlight_treebank::{Beside, Punctuation, from_graph, to_graph};
//!
//! let text = "# sent_id = fish\n1\tFish\tfish\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tswim\tswim\tVERB\t_\t_\t0\troot\t_\t_\n\n";
//! let graph = Reader::new(text.as_bytes()).read_sentence()?.expect("one sentence");
//!
//! let sentence = from_graph(&graph, Beside::default())?;
//! assert_eq!((sentence.sent_id(), sentence.root().id()), ("fish", 2));
//!
//! let (again, _) = to_graph(&sentence);
//! assert_eq!(again, graph);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use conllu::display::{ConlluFeatures, ConlluMisc};
use udgraph::graph::{Comment, DepTriple, Sentence as Graph};
use udgraph::token::{Features, Misc, Token};

use crate::columns::plant_placeholder;
use crate::sentence::{Governor, MultiwordToken, Relation, Sentence, SentenceParts, Word, WordIdx};
use crate::tree::TreeError;

/// What a [`Sentence`] has and a graph has no place for. Empty for graphs from elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Beside {
    /// Multiword tokens in order.
    pub multiword_tokens: Vec<MultiwordToken>,
    /// Empty nodes as raw lines, each with the number of words before it.
    pub empty_nodes: Vec<(usize, String)>,
    /// Everything but the words' columns and the fields above, as it was.
    origin: SentenceParts,
    /// FEATS and MISC of each word as written.
    written: Vec<[Option<String>; 2]>,
}

/// Why a graph is no [`Sentence`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The graph is not of the sentence that the rest is of.
    #[error(
        "the graph has {found} words, what stands beside it belongs to {expected}; give `Beside::default()` where words were added or taken away"
    )]
    Words {
        /// Words of the sentence that the rest is of.
        expected: usize,
        /// Words of the graph.
        found: usize,
    },
    /// A word without a governor, where others have one.
    #[error("word {word} ({form}) has no governor")]
    NoGovernor {
        /// Its place, counted from 1.
        word: usize,
        /// The word.
        form: String,
    },
    /// A word whose governor has no relation to it.
    #[error("word {word} ({form}) has a governor and no relation")]
    NoRelation {
        /// Its place, counted from 1.
        word: usize,
        /// The word.
        form: String,
    },
    /// The governors form no tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// The sentence as a graph, and what has no place in one. A sentence without a tree becomes a graph without arcs.
pub fn to_graph(sentence: &Sentence) -> (Graph, Beside) {
    let parts = sentence.clone().into_parts();
    let token = |word: &Word| {
        let mut token = Token::new(&*word.form);
        token.set_lemma(word.lemma.as_deref());
        token.set_upos(word.upos.as_deref());
        token.set_xpos(word.xpos.as_deref());
        token.set_features(features_of(word.features.as_deref()));
        token.set_deps(word.deps.as_deref());
        token.set_misc(misc_of(word.misc.as_deref()));
        token
    };
    let mut graph: Graph = parts.words.iter().map(token).collect();
    graph.set_comments(parts.comments.iter().map(|line| comment_of(line)).collect::<Vec<_>>());
    if !sentence.is_unparsed() {
        for (index, word) in parts.words.iter().enumerate() {
            let governor = word.governor.word().map_or(0, WordIdx::id);
            let arc = DepTriple::new(governor, Some(word.relation.full()), index + 1);
            graph.dep_graph_mut().add_deprel(arc).expect("governors of a tree are among its words");
        }
    }
    let SentenceParts { words, multiword_tokens, empty_nodes, .. } = parts;
    let written = words.into_iter().map(|word| [word.features, word.misc]).collect();
    let origin = SentenceParts {
        words: Vec::new(),
        multiword_tokens: Vec::new(),
        empty_nodes: Vec::new(),
        ..sentence.clone().into_parts()
    };
    (graph, Beside { multiword_tokens, empty_nodes, origin, written })
}

/// The sentence of a graph and of what [`to_graph`] put beside it. A graph in which no word has a governor makes a sentence
/// without a tree. Where the rest is empty, the name is that of a comment `# sent_id = …`, or nothing.
///
/// # Errors
/// [`GraphError`] where words have come or gone, where some words have no governor or relation, and where they form no tree.
pub fn from_graph(graph: &Graph, beside: Beside) -> Result<Sentence, GraphError> {
    let Beside { multiword_tokens, empty_nodes, origin, written } = beside;
    let found = graph.len() - 1;
    let is_alone = written.is_empty() && multiword_tokens.is_empty() && empty_nodes.is_empty();
    if !is_alone && written.len() != found {
        return Err(GraphError::Words { expected: written.len(), found });
    }
    let arcs = graph.dep_graph();
    let is_unparsed = (1..=found).all(|word| arcs.head(word).is_none());
    let nothing = [None, None];
    let word = |(index, token): (usize, &Token)| {
        let [features, misc] = written.get(index).unwrap_or(&nothing);
        let (governor, relation) = match arcs.head(index + 1) {
            None if is_unparsed => (Governor::Root, Relation::new("root")),
            None => return Err(GraphError::NoGovernor { word: index + 1, form: token.form().to_owned() }),
            Some(arc) => {
                let no_relation = || GraphError::NoRelation { word: index + 1, form: token.form().to_owned() };
                let governor = arc.head().checked_sub(1).map_or(Governor::Root, |at| Governor::Word(WordIdx::new(at)));
                (governor, Relation::new(arc.relation().ok_or_else(no_relation)?))
            }
        };
        let owned = |column: Option<&str>| column.map(str::to_owned);
        Ok(Word {
            form: token.form().to_owned(),
            lemma: owned(token.lemma()),
            upos: owned(token.upos()),
            xpos: owned(token.xpos()),
            features: column(token.features() == &features_of(features.as_deref()), features, || {
                (!token.features().is_empty()).then(|| ConlluFeatures::borrowed(token.features()).to_string())
            }),
            governor,
            relation,
            deps: owned(token.deps()),
            misc: column(token.misc() == &misc_of(misc.as_deref()), misc, || {
                (!token.misc().is_empty()).then(|| ConlluMisc::borrowed(token.misc()).to_string())
            }),
        })
    };
    let tokens = graph.iter().filter_map(udgraph::graph::Node::token).enumerate();
    let words = tokens.map(word).collect::<Result<Vec<Word>, GraphError>>()?;
    let mut parts = SentenceParts { words, multiword_tokens, empty_nodes, ..origin };
    take_comments(graph.comments(), &mut parts);
    match (is_unparsed && found > 0, parts.unparsed) {
        (true, reason) => plant_placeholder(&mut parts, reason.unwrap_or(crate::NoTree::Head)),
        (false, _) => parts.unparsed = None,
    }
    Ok(Sentence::new(parts)?)
}

/// A column as it was written where nobody changed it.
fn column(same: bool, written: &Option<String>, shown: impl FnOnce() -> Option<String>) -> Option<String> {
    if same { written.clone() } else { shown() }
}

/// The graph's comments, as written where nobody changed them, and what they say of the sentence.
fn take_comments(comments: &[Comment], parts: &mut SentenceParts) {
    let before: Vec<Comment> = parts.comments.iter().map(|line| comment_of(line)).collect();
    if before == comments {
        return;
    }
    let value = |of: &[Comment], name: &str| {
        of.iter()
            .filter_map(Comment::attr_val)
            .find(|(attribute, _)| *attribute == name)
            .map(|(_, value)| value.to_owned())
    };
    if let Some(sent_id) = value(comments, "sent_id") {
        parts.sent_id = sent_id;
    }
    if value(comments, "text") != value(&before, "text") {
        parts.text = value(comments, "text");
    }
    let line = |(at, comment): (usize, &Comment)| match before.get(at) {
        Some(same) if same == comment => parts.comments[at].clone(),
        _ => comment.to_string(),
    };
    parts.comments = comments.iter().enumerate().map(line).collect();
}

/// A comment line as the `conllu` crate reads it.
fn comment_of(line: &str) -> Comment {
    let comment = line.strip_prefix('#').unwrap_or(line).trim();
    match comment.split_once(" = ") {
        Some((attribute, value)) => Comment::AttrVal { attr: attribute.to_owned(), val: value.to_owned() },
        None => Comment::String(comment.to_owned()),
    }
}

/// FEATS as a map; none where that crate would refuse it, for a part without `=`.
fn features_of(written: Option<&str>) -> Features {
    let read = written.and_then(|written| ConlluFeatures::try_from(written).ok());
    read.map(ConlluFeatures::into_owned).unwrap_or_default()
}

fn misc_of(written: Option<&str>) -> Misc {
    written.map(|written| ConlluMisc::from(written).into_owned()).unwrap_or_default()
}
