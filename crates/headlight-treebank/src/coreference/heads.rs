//! The head word of a mention.

use super::brackets::Bracketed;
use super::{HeadRule, Span};
use crate::sentence::{Sentence, WordIdx};

/// The sentence and the word in it that is the mention's head; `None` where the annotated places of the head lie outside
/// the mention, or the mention has no words.
pub(super) fn head(mention: &Bracketed, rule: HeadRule, sentences: &[Sentence]) -> Option<(usize, WordIdx)> {
    let sentence_index = mention.spans.first()?.sentence;
    let sentence = &sentences[sentence_index];
    let here = mention.spans.iter().take_while(|span| span.sentence == sentence_index);
    let words: Vec<usize> = here.flat_map(|span: &Span| span.words.clone()).collect();
    let annotated = match rule {
        HeadRule::Annotated => annotated(mention, sentence_index, &words)?,
        HeadRule::TopOfSpan => Vec::new(),
    };
    let candidates = if annotated.is_empty() { &words } else { &annotated };
    let head = if sentence.is_unparsed() { last_noun(candidates, sentence)? } else { top(candidates, sentence)? };
    Some((sentence_index, WordIdx::new(head)))
}

/// The words of the mention's first sentence that the annotation calls its head: those of `minspan`, which counts words; else
/// those of `head`, which counts empty nodes too. Empty where it says nothing, or names an empty node, which no encoder reads;
/// `None` where a place lies outside.
fn annotated(mention: &Bracketed, sentence: usize, words: &[usize]) -> Option<Vec<usize>> {
    if !mention.heads.minspan.is_empty() {
        return mention.heads.minspan.iter().map(|&place| words.get(place).copied()).collect();
    }
    let nodes = mention.heads.head.iter().map(|&place| mention.nodes.get(place).copied());
    let nodes: Vec<(usize, Option<usize>)> = nodes.collect::<Option<_>>()?;
    let of_sentence = nodes.iter().all(|(of, word)| *of == sentence || word.is_none());
    of_sentence.then(|| nodes.iter().filter_map(|(_, word)| *word).collect())
}

/// The candidate nearest to the root, the leftmost of several. It never hangs from another candidate, which would be
/// nearer.
fn top(candidates: &[usize], sentence: &Sentence) -> Option<usize> {
    let up = |&word: &WordIdx| sentence.word(word).governor.word();
    candidates.iter().copied().min_by_key(|&word| std::iter::successors(Some(WordIdx::new(word)), up).count())
}

fn last_noun(candidates: &[usize], sentence: &Sentence) -> Option<usize> {
    let is_noun = |&&word: &&usize| matches!(sentence.words()[word].upos.as_deref(), Some("NOUN" | "PROPN" | "PRON"));
    candidates.iter().rev().find(is_noun).or(candidates.last()).copied()
}
