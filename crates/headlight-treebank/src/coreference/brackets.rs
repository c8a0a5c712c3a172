//! Brackets that open and close over words, gathered into mentions.

use super::Span;
use crate::fault::Fault;
use crate::sentence::Sentence;

/// One bracket of an annotation such as `(e1-person(e2)e3)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bracket<'a> {
    /// `(e1-person`, without the bracket.
    Open(&'a str),
    /// `e1)`, without the bracket.
    Close(&'a str),
    /// `(e1-person)`, without the brackets.
    Single(&'a str),
}

/// Takes an annotation apart, `None` where it is not made of brackets.
pub(super) fn split(annotation: &str) -> Option<Vec<Bracket<'_>>> {
    let mut brackets = Vec::new();
    let mut rest = annotation;
    while !rest.is_empty() {
        let (content, bracket): (_, fn(_) -> _) = if let Some(opened) = rest.strip_prefix('(') {
            let end = opened.find(['(', ')']).unwrap_or(opened.len());
            let single = opened[end..].starts_with(')');
            rest = &opened[end + usize::from(single)..];
            (&opened[..end], if single { Bracket::Single } else { Bracket::Open })
        } else {
            let (content, behind) = rest.split_once(')')?;
            rest = behind;
            (content, Bracket::Close)
        };
        if content.is_empty() || content.contains('(') {
            return None;
        }
        brackets.push(bracket(content));
    }
    Some(brackets)
}

/// Where a bracket stands: between which words it cuts, at which node, and the word to name in an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// Index of the sentence in its document.
    pub(super) sentence: usize,
    /// The word in front of which an opening bracket cuts, counted from 0.
    pub(super) before: usize,
    /// The word in front of which a closing bracket cuts.
    pub(super) behind: usize,
    /// The word or empty node that carries the bracket, counted over both in the order of the file.
    pub(super) node: usize,
    /// The word that carries the bracket, or the one next to the empty node that does.
    pub(super) word: usize,
    /// That word's line of the file.
    pub(super) line: usize,
}

/// A mention whose brackets have closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bracketed {
    /// Name of the entity.
    pub(super) entity: String,
    /// Type of the entity.
    pub(super) etype: Option<String>,
    /// What is said of its head.
    pub(super) heads: Heads,
    /// Its words; none where it covers only empty nodes.
    pub(super) spans: Vec<Span>,
    /// Its nodes, words and empty ones: sentence and word, none for an empty node.
    pub(super) nodes: Vec<(usize, Option<usize>)>,
    /// Where it opened.
    pub(super) place: Place,
}

/// What an annotation says of a mention's head, as places in the mention counted from 0.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Heads {
    /// CorefUD's `minspan`: among the words.
    pub(super) minspan: Vec<usize>,
    /// CorefUD's `head`: among the nodes, empty ones counted too.
    pub(super) head: Vec<usize>,
}

/// What an opening bracket says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Opening {
    pub(super) name: String,
    /// Part and number of parts of a discontinuous mention, `(1, 2)` for `[1/2]`.
    pub(super) part: Option<(usize, usize)>,
    pub(super) etype: Option<String>,
    pub(super) heads: Heads,
}

/// The brackets of a document as they come.
#[derive(Default)]
pub(super) struct Brackets {
    open: Vec<(Opening, Place)>,
    /// Discontinuous mentions that wait for their next part: the number of the last one and of all.
    partial: Vec<(usize, usize, Bracketed)>,
    closed: Vec<Bracketed>,
}

impl Brackets {
    /// A bracket opens.
    pub(super) fn open(&mut self, opening: Opening, place: Place) {
        self.open.push((opening, place));
    }

    /// A bracket closes: the one of this name and part that opened last. `false` where none is open.
    #[must_use]
    pub(super) fn close(
        &mut self,
        name: &str,
        part: Option<(usize, usize)>,
        place: Place,
        sentences: &[Sentence],
    ) -> bool {
        let same = |(opening, _): &(Opening, Place)| opening.name == name && opening.part == part;
        let Some(index) = self.open.iter().rposition(same) else { return false };
        let (opening, opened) = self.open.remove(index);
        let (spans, nodes) = (spans(opened, place, sentences), nodes(opened, place, sentences));
        let Some((number, of)) = part else {
            self.closed.push(bracketed(opening, opened, spans, nodes));
            return true;
        };
        let waits = |(last, all, mention): &(usize, usize, Bracketed)| {
            (last + 1, *all, mention.entity.as_str()) == (number, of, name)
        };
        match self.partial.iter().rposition(waits) {
            Some(index) => {
                self.partial[index].0 = number;
                self.partial[index].2.spans.extend(spans);
                self.partial[index].2.nodes.extend(nodes);
            }
            None if number == 1 => self.partial.push((1, of, bracketed(opening, opened, spans, nodes))),
            None => return false,
        }
        let complete = self.partial.extract_if(.., |(last, all, _)| last >= all);
        self.closed.extend(complete.map(|(_, _, mention)| mention));
        true
    }

    /// The mentions in text order, or where the first bracket stands that never closes.
    pub(super) fn finish(self, sentences: &[Sentence]) -> Result<Vec<Bracketed>, (Place, Fault)> {
        let unclosed = self.open.into_iter().map(|(opening, place)| (opening.name, place));
        let incomplete = self.partial.into_iter().map(|(_, _, mention)| (mention.entity, mention.place));
        if let Some((entity, place)) = unclosed.chain(incomplete).min_by_key(|(_, at)| (at.sentence, at.before)) {
            let (word, form) = (place.word + 1, sentences[place.sentence].words()[place.word].form.clone());
            return Err((place, Fault::EntityNeverCloses { entity, word, form }));
        }
        let mut closed = self.closed;
        closed.sort_by_key(|mention| {
            let last = mention.spans.last().map(|span| (span.sentence, span.words.end));
            (mention.place.sentence, mention.place.before, std::cmp::Reverse(last))
        });
        Ok(closed)
    }
}

fn bracketed(opening: Opening, place: Place, spans: Vec<Span>, nodes: Vec<(usize, Option<usize>)>) -> Bracketed {
    Bracketed { entity: opening.name, etype: opening.etype, heads: opening.heads, spans, nodes, place }
}

/// The words and empty nodes from an opening to a closing bracket.
fn nodes(open: Place, close: Place, sentences: &[Sentence]) -> Vec<(usize, Option<usize>)> {
    let of_sentence = |sentence: usize| {
        let nodes = in_order(&sentences[sentence]);
        let start = if sentence == open.sentence { open.node } else { 0 };
        let end = if sentence == close.sentence { close.node + 1 } else { nodes.len() };
        nodes.into_iter().take(end).skip(start).map(move |word| (sentence, word)).collect::<Vec<_>>()
    };
    (open.sentence..=close.sentence).flat_map(of_sentence).collect()
}

/// The words of a sentence, with `None` in the places of its empty nodes.
fn in_order(sentence: &Sentence) -> Vec<Option<usize>> {
    let mut empty = sentence.empty_nodes().iter().peekable();
    let mut nodes = Vec::with_capacity(sentence.len() + sentence.empty_nodes().len());
    for word in 0..sentence.len() {
        while empty.next_if(|(before, _)| *before <= word).is_some() {
            nodes.push(None);
        }
        nodes.push(Some(word));
    }
    nodes.extend(empty.map(|_| None));
    nodes
}

/// The words from an opening to a closing bracket, one span for each sentence.
fn spans(open: Place, close: Place, sentences: &[Sentence]) -> Vec<Span> {
    let span = |sentence: usize| {
        let start = if sentence == open.sentence { open.before } else { 0 };
        let end = if sentence == close.sentence { close.behind } else { sentences[sentence].len() };
        Span { sentence, words: start..end }
    };
    (open.sentence..=close.sentence).map(span).filter(|span| !span.words.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::Bracket::{Close, Open, Single};
    use super::*;

    #[test]
    fn annotations_are_taken_apart() {
        fn check(annotation: &str, expected: Option<&[Bracket<'_>]>) {
            assert_eq!(split(annotation).as_deref(), expected, "{annotation}");
        }
        check("(e1-person", Some(&[Open("e1-person")]));
        check("e1)", Some(&[Close("e1")]));
        check("(7-x(3-y)7)6)(8", Some(&[Open("7-x"), Single("3-y"), Close("7"), Close("6"), Open("8")]));
        check("(e5[1/2]-x", Some(&[Open("e5[1/2]-x")]));
        check("", Some(&[]));
        for wrong in ["e1", "()", ")", "((e1)", "(e1)x", "e1(e2)"] {
            check(wrong, None);
        }
    }
}
