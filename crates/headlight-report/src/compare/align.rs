//! Pairing runs sentence by sentence and word by word. A sentence is known by what it says: names repeat in some
//! treebanks, and places shift where a run skipped a sentence.

use std::collections::{HashMap, HashSet};

use super::CompareError;
use super::words::{Gold, ReadSentence, RunWords, WordKey};
use crate::stats::Unit;

/// For each sentence of a run its place in the reference.
pub(super) type Places = Vec<Option<usize>>;

/// The words that several runs share, in the reference's places, and what statistics resample of them.
#[derive(Default)]
pub(super) struct CommonWords {
    words: HashSet<WordKey>,
    /// The unit of each sentence of the reference with common words.
    unit_of: HashMap<usize, usize>,
    units: usize,
    unit: Unit,
}

/// One run's way to the common words.
pub(super) struct Paired<'a> {
    pub(super) common: &'a CommonWords,
    pub(super) places: &'a Places,
}

impl Paired<'_> {
    /// The reference's place of one of the run's sentences.
    pub(super) fn sentence(&self, at: usize) -> Option<usize> {
        self.places[at]
    }
}

impl CommonWords {
    /// Number of words.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Number of units.
    pub(super) fn units(&self) -> usize {
        self.units
    }

    /// What a unit is.
    pub(super) fn unit_kind(&self) -> Unit {
        self.unit
    }

    /// The unit of a word, if it is common.
    pub(super) fn unit(&self, word: WordKey) -> Option<usize> {
        self.words.contains(&word).then(|| self.unit_of[&word.0])
    }

    /// The words that all runs have, after checking that their trees agree there. The first run is the reference.
    pub(super) fn of(runs: &[(&RunWords, &Places)]) -> Result<Self, CompareError> {
        let Some(((first, _), others)) = runs.split_first() else { return Ok(Self::default()) };
        let words =
            |(at, sentence): (usize, &ReadSentence)| sentence.words.keys().map(move |id| (at, *id)).collect::<Vec<_>>();
        let mut common: HashSet<WordKey> = first.sentences.iter().enumerate().flat_map(words).collect();
        for (other, places) in others {
            let mut shared = HashSet::new();
            for (sentence, place) in other.sentences.iter().zip(*places) {
                let Some(place) = *place else { continue };
                for (id, gold) in &sentence.words {
                    let Some(expected) = first.sentences[place].words.get(id) else { continue };
                    check_tree(&first.sentences[place], *id, (expected, first), (gold, other))?;
                    shared.insert((place, *id));
                }
            }
            common.retain(|word| shared.contains(word));
        }
        let mut sentences: Vec<usize> = common.iter().map(|(sentence, _)| *sentence).collect();
        sentences.sort_unstable();
        sentences.dedup();
        let documents = runs.iter().find_map(|(run, places)| documents(run, places, &sentences));
        let unit = if documents.is_some() { Unit::Document } else { Unit::Sentence };
        let mut numbers = HashMap::new();
        let mut unit_of = HashMap::new();
        for sentence in sentences {
            let next = numbers.len();
            let name = documents.as_ref().map_or(sentence, |documents| documents[&sentence] as usize);
            unit_of.insert(sentence, *numbers.entry(name).or_insert(next));
        }
        Ok(Self { words: common, unit_of, units: numbers.len(), unit })
    }
}

/// The documents of sentences of the reference, as one of the runs tells them; `None` where it does not.
fn documents(run: &RunWords, places: &Places, sentences: &[usize]) -> Option<HashMap<usize, u32>> {
    let told = run.sentences.iter().zip(places).filter_map(|(sentence, place)| Some(((*place)?, sentence.document?)));
    let told: HashMap<usize, u32> = told.collect();
    (!sentences.is_empty() && sentences.iter().all(|sentence| told.contains_key(sentence))).then_some(told)
}

fn check_tree(
    sentence: &ReadSentence,
    word_id: u32,
    a: (&Gold, &RunWords),
    b: (&Gold, &RunWords),
) -> Result<(), CompareError> {
    let of = |gold: &Gold| (gold.governor, gold.relation.clone());
    if of(a.0) == of(b.0) {
        return Ok(());
    }
    let said =
        |(gold, run): (&Gold, &RunWords)| format!("governor {} ({}) in {}", gold.governor, gold.relation, run.label);
    Err(CompareError::DifferentTrees { sent_id: sentence.sent_id.clone(), word_id, a: said(a), b: said(b) })
}

/// For each sentence of `other` the place of the same sentence in `reference`: of those with its name the one at its own
/// place, or the first that is not taken, if it says the same. Where a name is unique in both runs, words that only one of
/// the two has are left to [`CommonWords`].
///
/// # Errors
/// [`CompareError::DifferentSentences`] where a unique name stands for other words, or no sentence is shared though names
/// are.
pub(super) fn align(reference: &RunWords, other: &RunWords) -> Result<Places, CompareError> {
    let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, sentence) in reference.sentences.iter().enumerate() {
        named.entry(&sentence.sent_id).or_default().push(at);
    }
    let numbered: HashMap<u32, usize> =
        reference.sentences.iter().enumerate().filter_map(|(at, sentence)| Some((sentence.number?, at))).collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    other.sentences.iter().for_each(|sentence| *times.entry(&sentence.sent_id).or_default() += 1);
    let mut taken = vec![false; reference.sentences.len()];
    let mut places = Places::new();
    let mut differs = None;
    for sentence in &other.sentences {
        let candidates = named.get(sentence.sent_id.as_str()).map_or(&[][..], Vec::as_slice);
        let is_it = |at: &usize| !taken[*at] && says_the_same(&reference.sentences[*at], sentence);
        let here = sentence.number.and_then(|number| numbered.get(&number)).copied();
        let here = here.filter(|at| reference.sentences[*at].sent_id == sentence.sent_id).filter(is_it);
        let place = match (here.or_else(|| candidates.iter().copied().find(is_it)), candidates) {
            (Some(place), _) => Some(place),
            (None, [only]) if times[sentence.sent_id.as_str()] == 1 => {
                let theirs = &reference.sentences[*only];
                if !agrees(theirs, sentence) {
                    return Err(different(reference, theirs, other, sentence));
                }
                Some(*only)
            }
            (None, []) => None,
            (None, [first, ..]) => {
                differs = differs.or(Some((*first, sentence)));
                None
            }
        };
        if let Some(place) = place {
            taken[place] = true;
        }
        places.push(place);
    }
    match differs {
        Some((first, sentence)) if places.iter().all(Option::is_none) => {
            Err(different(reference, &reference.sentences[first], other, sentence))
        }
        _ => Ok(places),
    }
}

/// Whether two sentences have the same words in the same order: by form; where one has no forms, by their trees.
fn says_the_same(a: &ReadSentence, b: &ReadSentence) -> bool {
    let same = |((id, a), (other, b)): ((&u32, &Gold), (&u32, &Gold))| {
        let words = match (&a.form, &b.form) {
            (Some(a), Some(b)) => a == b,
            _ => (a.governor, &a.relation) == (b.governor, &b.relation),
        };
        id == other && words
    };
    a.words.len() == b.words.len() && a.words.iter().zip(&b.words).all(same)
}

/// Whether the words that both have are the same, as far as forms are known.
fn agrees(a: &ReadSentence, b: &ReadSentence) -> bool {
    let differs = |(id, a): (&u32, &Gold)| {
        let b = b.words.get(id).and_then(|b| b.form.as_ref());
        a.form.as_ref().zip(b).is_some_and(|(a, b)| a != b)
    };
    !a.words.iter().any(differs)
}

fn different(run: &RunWords, a: &ReadSentence, other: &RunWords, b: &ReadSentence) -> CompareError {
    let said = |sentence: &ReadSentence, run: &RunWords| {
        let forms: Vec<&str> = sentence.words.values().take(6).filter_map(|gold| gold.form.as_deref()).collect();
        let more = if sentence.words.len() > 6 { " …" } else { "" };
        format!("{:?} in {}", forms.join(" ") + more, run.label)
    };
    CompareError::DifferentSentences { sent_id: a.sent_id.clone(), a: said(a, run), b: said(b, other) }
}
