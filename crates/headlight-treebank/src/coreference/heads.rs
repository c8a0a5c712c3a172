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
        HeadRule::Annotated => &mention.heads[..],
        HeadRule::TopOfSpan => &[],
    };
    let candidates: Vec<usize> = annotated.iter().map(|&place| words.get(place).copied()).collect::<Option<_>>()?;
    let candidates = if candidates.is_empty() { &words } else { &candidates };
    let head = if sentence.is_unparsed() { last_noun(candidates, sentence)? } else { top(candidates, sentence)? };
    Some((sentence_index, WordIdx::new(head)))
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
