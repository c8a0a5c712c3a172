//! Do heads find antecedents? (METHOD §4; Clark et al. 2019, §4.3.)
//!
//! A mention's head word attends somewhere; among the head words of other mentions, does it most attend to one that means
//! the same? Documents are cut into [`windows`] of whole sentences that an encoder can take at once. A [`Window`] scores
//! every attention head, in both directions, and three baselines, on each mention that has an antecedent in the window;
//! [`CoreferenceCounts`] add up over windows and documents, and [`CoreferenceScores`] keep them by document, to choose on
//! some and report on others.

mod baselines;
mod counts;
#[cfg(test)]
mod tests;

use std::ops::Range;

use headlight_attention::{Frame, WordAttention};
use headlight_treebank::coreference::{Document, MentionType};

pub use counts::{AntecedentPredictor, CoreferenceCounts, CoreferenceScores, MentionGroup};

use crate::Direction;

/// Which words an attention head may choose as antecedent; never a special piece or the mention's own head word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Candidates {
    /// Head words, to the left of its own, of mentions.
    #[default]
    PrecedingMentions,
    /// Head words of all other mentions. One on the right is never correct.
    Mentions,
    /// All words of the window. One on the right is never correct.
    Words,
}

/// The choices that METHOD §4 leaves open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoreferenceOptions {
    /// Which words may be chosen.
    pub candidates: Candidates,
    /// Whether entities with a single mention in the document count as mentions: UD English GUM annotates them,
    /// CoNLL-2012 does not. They have no antecedent, but are candidates.
    pub singletons: bool,
}

impl Default for CoreferenceOptions {
    fn default() -> Self {
        Self { candidates: Candidates::default(), singletons: true }
    }
}

/// Consecutive sentences up to `limit` pieces: ranges of sentences, in order, each as long as it can be. `pieces` says how
/// many pieces each sentence has without those of the frame, which `limit` includes. A sentence that is too long on its own
/// ends a window and is in none.
pub fn windows(pieces: &[usize], limit: usize, frame: &Frame) -> Vec<Range<usize>> {
    let room = limit.saturating_sub(frame.specials());
    let mut windows: Vec<Range<usize>> = Vec::new();
    let mut filled = 0;
    for (sentence, &pieces) in pieces.iter().enumerate() {
        match windows.last_mut() {
            _ if pieces > room => {}
            Some(window) if window.end == sentence && filled + pieces <= room => {
                window.end += 1;
                filled += pieces;
            }
            _ => {
                windows.push(sentence..sentence + 1);
                filled = pieces;
            }
        }
    }
    windows
}

/// The mentions of a window, by the place of their head words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    words: usize,
    candidates: Candidates,
    /// By head word; of one head word in the order of the document.
    mentions: Vec<Mention>,
}

/// What is asked of a mention. Texts are in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Mention {
    /// Its head word in the window, counted from 0.
    head: usize,
    entity: usize,
    kind: MentionType,
    text: String,
    head_form: String,
    number: Option<String>,
    gender: Option<String>,
    /// `Person`; nouns are third person.
    person: Option<String>,
}

impl Window {
    /// The mentions of `document` whose head words lie in `sentences`.
    pub fn new(document: &Document, sentences: Range<usize>, options: &CoreferenceOptions) -> Self {
        let mut starts = Vec::with_capacity(sentences.len());
        let mut words = 0;
        for sentence in &document.sentences[sentences.clone()] {
            starts.push(words);
            words += sentence.len();
        }
        let mut of_entity = vec![0_usize; document.entities.len()];
        document.mentions.iter().for_each(|mention| of_entity[mention.entity] += 1);
        let inside = document.mentions.iter().filter(|mention| {
            sentences.contains(&mention.sentence) && (options.singletons || of_entity[mention.entity] > 1)
        });
        let mut mentions: Vec<Mention> = inside
            .map(|mention| {
                let word = document.head(mention);
                let feature = |name| word.feature(name).map(str::to_owned);
                let third = (mention.kind != MentionType::Pronoun).then(|| "3".to_owned());
                Mention {
                    head: starts[mention.sentence - sentences.start] + mention.head.index(),
                    entity: mention.entity,
                    kind: mention.kind,
                    text: document.text(mention).to_lowercase(),
                    head_form: word.form.to_lowercase(),
                    number: feature("Number"),
                    gender: feature("Gender"),
                    person: feature("Person").or(third),
                }
            })
            .collect();
        mentions.sort_by_key(|mention| mention.head);
        Self { words, candidates: options.candidates, mentions }
    }

    /// Words of the window.
    pub fn words(&self) -> usize {
        self.words
    }

    /// Mentions that have an antecedent in the window: those that are scored.
    pub fn anaphoric(&self) -> usize {
        (0..self.mentions.len()).filter(|&mention| self.antecedents(mention).next().is_some()).count()
    }

    /// Mentions of the same entity whose head words lie to the left, the nearest first.
    fn antecedents(&self, mention: usize) -> impl Iterator<Item = &Mention> {
        let of = &self.mentions[mention];
        self.preceding(mention).filter(|other| other.entity == of.entity)
    }

    /// Mentions whose head words lie to the left, the nearest first.
    fn preceding(&self, mention: usize) -> impl Iterator<Item = &Mention> {
        let of = &self.mentions[mention];
        self.mentions[..mention].iter().rev().filter(|other| other.head < of.head)
    }

    /// Scores all attention heads and baselines on the mentions that have an antecedent in the window.
    ///
    /// Among the candidates, a head chooses in one direction the word that the mention's head word attends to most, in
    /// the other the word that attends to it most; of equal weights the lowest word, and never a weight that is not a
    /// number. It is right where the word is the head word of an antecedent.
    ///
    /// # Panics
    /// When `attention` is not over the words of the window.
    pub fn score(&self, attention: &WordAttention) -> CoreferenceCounts {
        assert_eq!(attention.words(), self.words, "the attention is of other words");
        let grid = attention.grid();
        let mut counts = CoreferenceCounts::new(grid);
        let (frame, positions) = (attention.frame(), attention.positions());
        for (index, mention) in self.mentions.iter().enumerate() {
            let right: Vec<usize> = self.antecedents(index).map(|antecedent| antecedent.head).collect();
            if right.is_empty() {
                continue;
            }
            counts.count(mention.kind);
            let candidates = self.candidates_of(index);
            for head in grid.iter() {
                let map = attention.head(head);
                for direction in Direction::BOTH {
                    let weight = |&word: &usize| {
                        let (from, to) = match direction {
                            Direction::DependentToGovernor => (mention.head, word),
                            Direction::GovernorToDependent => (word, mention.head),
                            Direction::LaterToEarlier => (mention.head.max(word), mention.head.min(word)),
                        };
                        map[frame.position(from) * positions + frame.position(to)]
                    };
                    if highest(&candidates, weight).is_some_and(|word| right.contains(&word)) {
                        counts.hit(mention.kind, AntecedentPredictor::Head { direction, head });
                    }
                }
            }
            for baseline in AntecedentPredictor::BASELINES {
                let chosen = baselines::choose(baseline, mention, self.preceding(index));
                if chosen.is_some_and(|chosen| chosen.entity == mention.entity) {
                    counts.hit(mention.kind, baseline);
                }
            }
        }
        counts
    }

    /// The words that may be chosen for a mention, in order, each once.
    fn candidates_of(&self, mention: usize) -> Vec<usize> {
        let own = self.mentions[mention].head;
        let mut words: Vec<usize> = match self.candidates {
            Candidates::Words => (0..self.words).collect(),
            Candidates::Mentions => self.mentions.iter().map(|mention| mention.head).collect(),
            Candidates::PrecedingMentions => self.mentions[..mention].iter().map(|mention| mention.head).collect(),
        };
        words.dedup();
        words.retain(|&word| word != own);
        words
    }
}

/// The first of the words with the highest weight.
fn highest(words: &[usize], weight: impl Fn(&usize) -> f32) -> Option<usize> {
    let mut best: Option<(f32, usize)> = None;
    for word in words {
        let weight = weight(word);
        if !weight.is_nan() && best.is_none_or(|(most, _)| weight > most) {
            best = Some((weight, *word));
        }
    }
    best.map(|(_, word)| word)
}
