//! Writing CoNLL-U: what was read comes out byte for byte, or with a predicted tree in the place of its own.

use std::io::{self, Write};

use crate::columns::DEPS;
use crate::sentence::{Governor, MultiwordToken, Relation, Sentence, Word, WordIdx};
use crate::tree::TreeError;

/// Writes one sentence as CoNLL-U, with the blank line that ends it.
///
/// A sentence read from CoNLL-U in canonical form (LF line ends, no byte order mark, multiword tokens right before their
/// first word, empty nodes right after the word that they follow, one blank line behind each sentence) is written byte
/// for byte as it was read. One without a tree gets `_` for HEAD and DEPREL, never its placeholder.
///
/// # Errors
/// Those of `out`. Give it a [`io::BufWriter`]: each column is written on its own.
pub fn write_conllu(sentence: &Sentence, out: &mut impl Write) -> io::Result<()> {
    for comment in sentence.comments() {
        writeln!(out, "{comment}")?;
    }
    let mut tokens = sentence.multiword_tokens().iter().peekable();
    let mut empty_nodes = sentence.empty_nodes().iter().peekable();
    for (index, word) in sentence.words().iter().enumerate() {
        while let Some((_, line)) = empty_nodes.next_if(|&&(before, _)| before <= index) {
            writeln!(out, "{line}")?;
        }
        if let Some(token) = tokens.next_if(|token| token.first.index() == index) {
            write_token(token, out)?;
        }
        write_word(index + 1, word, sentence.is_unparsed(), out)?;
    }
    for (_, line) in empty_nodes {
        writeln!(out, "{line}")?;
    }
    out.write_all(b"\n")
}

fn write_token(token: &MultiwordToken, out: &mut impl Write) -> io::Result<()> {
    let (first, last, form) = (token.first.id(), token.last.id(), &token.form);
    let (features, misc) = (column(&token.features), column(&token.misc));
    writeln!(out, "{first}-{last}\t{form}\t_\t_\t_\t{features}\t_\t_\t_\t{misc}")
}

fn write_word(id: usize, word: &Word, unparsed: bool, out: &mut impl Write) -> io::Result<()> {
    let (head, relation) = match unparsed {
        true => ("_".to_owned(), "_"),
        false => (word.governor.word().map_or(0, WordIdx::id).to_string(), word.relation.full()),
    };
    let [lemma, upos, xpos] = [&word.lemma, &word.upos, &word.xpos].map(column);
    let [features, deps, misc] = [&word.features, &word.deps, &word.misc].map(column);
    let form = &word.form;
    writeln!(out, "{id}\t{form}\t{lemma}\t{upos}\t{xpos}\t{features}\t{head}\t{relation}\t{deps}\t{misc}")
}

fn column(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or("_")
}

/// Why a sentence cannot take a predicted tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReattachError {
    /// Not one prediction for each word.
    #[error("sentence {sent_id}: {found} {what} for {words} words")]
    Length {
        /// The sentence's name.
        sent_id: String,
        /// `governors` or `relations`.
        what: &'static str,
        /// How many were given.
        found: usize,
        /// How many words there are.
        words: usize,
    },
    /// The governors are not a tree; the best governor of each word alone often is not: decode a tree first.
    #[error("sentence {sent_id}: the predicted governors are not a tree: {source}")]
    Tree {
        /// The sentence's name.
        sent_id: String,
        /// What keeps them from being one.
        source: TreeError,
    },
}

/// The sentence with predicted governors and relations, ready to be written by [`write_conllu`].
///
/// Without relations the root gets `root` and every other word `dep`, the label UD keeps for what is not known. The
/// enhanced graph belongs to the old tree: DEPS becomes `_`, that of empty nodes too. All else stays.
///
/// # Errors
/// [`ReattachError`] unless there is one governor, and one relation if any, for each word, and they form a tree.
pub fn reattach(
    sentence: &Sentence,
    governors: &[Governor],
    relations: Option<&[Relation]>,
) -> Result<Sentence, ReattachError> {
    let words = sentence.len();
    let sent_id = || sentence.sent_id().to_owned();
    let check = |what, found| match found == words {
        true => Ok(()),
        false => Err(ReattachError::Length { sent_id: sent_id(), what, found, words }),
    };
    check("governors", governors.len())?;
    check("relations", relations.map_or(words, <[Relation]>::len))?;

    let mut parts = sentence.clone().into_parts();
    for (index, word) in parts.words.iter_mut().enumerate() {
        word.governor = governors[index];
        word.relation = match (relations, governors[index]) {
            (Some(relations), _) => relations[index].clone(),
            (None, Governor::Root) => Relation::new("root"),
            (None, Governor::Word(_)) => Relation::new("dep"),
        };
        word.deps = None;
    }
    for (_, line) in &mut parts.empty_nodes {
        *line = without_deps(line);
    }
    (parts.unparsed, parts.repaired) = (None, false);
    Sentence::new(parts).map_err(|source| ReattachError::Tree { sent_id: sent_id(), source })
}

/// The line of an empty node without its place in the enhanced graph.
fn without_deps(line: &str) -> String {
    let columns = line.split('\t').enumerate().map(|(at, column)| if at == DEPS { "_" } else { column });
    columns.collect::<Vec<_>>().join("\t")
}
