//! What stands in the splits of a run, by its words: which sentences two splits share, and which stand twice in one.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use headlight_report::format::count;
use headlight_report::run::{Overlap, Repeated, TreebankSummary};
use headlight_treebank::Sentence;

use super::Run;
use crate::config::Split;

/// The sentences of a split, as far as it takes to find them again: 20 bytes for each, 12 when all are read.
#[derive(Debug, Default)]
pub struct Contents {
    sentences: Vec<Known>,
    /// Hashes of names, until all sentences are read.
    names: Vec<u64>,
    /// Sentences with several roots.
    pub(super) repaired: u64,
    /// Words that count as punctuation.
    punctuation: u64,
    /// Words that are nothing but punctuation marks and do not count as such, by relation.
    marks: BTreeMap<String, u64>,
}

/// A hash of a sentence's words, and their number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Known([u32; 3]);

impl Known {
    fn of(sentence: &Sentence) -> Self {
        let hash = of_words(sentence);
        Self([(hash >> 32) as u32, hash as u32, sentence.len() as u32])
    }

    fn hash(self) -> [u32; 2] {
        [self.0[0], self.0[1]]
    }

    fn words(self) -> u64 {
        u64::from(self.0[2])
    }
}

impl Contents {
    /// Adds a sentence that is used.
    pub fn push(&mut self, sentence: &Sentence) {
        self.sentences.push(Known::of(sentence));
        self.repaired += u64::from(sentence.is_repaired());
        for word in sentence.words().iter().filter(|_| !sentence.is_unparsed()) {
            if word.is_punctuation() {
                self.punctuation += 1;
            } else if word.is_marks() {
                *self.marks.entry(word.relation.full().to_owned()).or_default() += 1;
            }
        }
        self.names.push(of_name(sentence.sent_id()));
    }

    /// Says what stands in the split more than once, when all of it is read.
    pub fn close(&mut self) -> Repeated {
        let mut names = std::mem::take(&mut self.names);
        names.sort_unstable();
        let names = names.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        self.sentences.sort_unstable();
        let again = self.sentences.windows(2).filter(|pair| pair[0].hash() == pair[1].hash());
        let (sentences, words) =
            again.fold((0, 0), |(sentences, words), pair| (sentences + 1, words + pair[1].words()));
        Repeated { sentences, words, names }
    }

    /// What is said of punctuation that hides behind other relations, so that "without punctuation" leaves little out.
    pub fn unmarked_punctuation(&self, split: Split) -> Option<String> {
        let unmarked: u64 = self.marks.values().sum();
        if unmarked <= self.punctuation {
            return None;
        }
        let mut relations: Vec<(&String, &u64)> = self.marks.iter().collect();
        relations.sort_by_key(|&(relation, count)| (Reverse(count), relation));
        let named: Vec<&str> = relations.iter().take(3).map(|(relation, _)| relation.as_str()).collect();
        Some(format!(
            "{} words of `{}` are nothing but punctuation marks and have other relations than punct (most often {}): scores \
             without punctuation count them; treebank.punctuation = \"form\" leaves them out",
            count(unmarked),
            split.name(),
            named.join(", ")
        ))
    }

    /// The sentences, and their words, that stand in `other` too.
    fn shared_with(&self, other: &Self) -> (u64, u64) {
        let mut others = other.sentences.iter().peekable();
        let shared = self.sentences.iter().filter(|known| {
            while others.next_if(|other| other.hash() < known.hash()).is_some() {}
            others.peek().is_some_and(|other| other.hash() == known.hash())
        });
        shared.fold((0, 0), |(sentences, words), known| (sentences + 1, words + known.words()))
    }
}

/// Two sentences are one if their words are, in this order, upper and lower case alike: an uncased model cannot tell
/// them apart, and copies differ in names, comments and annotation.
fn of_words(sentence: &Sentence) -> u64 {
    let mut hasher = DefaultHasher::new();
    for word in sentence.words() {
        word.form.chars().flat_map(char::to_lowercase).for_each(|letter| hasher.write_u32(letter.into()));
        hasher.write_u32(u32::MAX);
    }
    hasher.finish()
}

fn of_name(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(name.as_bytes());
    hasher.finish()
}

impl Run {
    /// See [`TreebankSummary::shares_much`].
    pub fn shares_much(&self, split: Split, with: Split) -> bool {
        let (splits, overlaps) = (self.splits(), self.overlaps());
        TreebankSummary { name: String::new(), splits, overlaps }.shares_much(split.name(), with.name())
    }

    /// What the splits that were read share, for each pair of which one is chosen on, or learnt from, before the other is
    /// looked at.
    pub(super) fn overlaps(&self) -> Vec<Overlap> {
        let contents = self.contents();
        let pairs = [(Split::Evaluate, Split::Select), (Split::Evaluate, Split::Train), (Split::Select, Split::Train)];
        let overlap = |(split, with): (Split, Split)| {
            let (sentences, words) = contents.get(&split)?.shared_with(contents.get(&with)?);
            Some(Overlap { split: split.name().to_owned(), with: with.name().to_owned(), sentences, words })
        };
        pairs.into_iter().filter_map(overlap).collect()
    }
}
