//! Pairing two runs sentence by sentence and word by word. A sentence is known by what it says: names repeat in some
//! treebanks, and places shift where a run skipped a sentence.

use std::collections::HashMap;

use headlight_stats::{Counts, Pair, Unit};

use super::words::{Gold, ReadSentence, RunWords, WordKey};

/// A run beside the reference: which of their sentences are the same, and what statistics resample of these.
pub(super) struct RunPair {
    /// For each sentence of the run its place in the reference.
    places: Vec<Option<usize>>,
    /// The unit of each sentence of the reference that both have.
    unit_of: HashMap<usize, usize>,
    units: usize,
    pub(super) unit: Unit,
    /// Words that both have.
    pub(super) words: u64,
    /// Those of them that have another governor or another relation in the run than in the reference.
    pub(super) other_trees: u64,
    /// Sentences of the run that say something else than those of the same name in the reference.
    pub(super) other_sentences: u64,
}

/// What both runs said of the words that they share under one name, by unit.
pub(super) struct PairedCounts {
    pub(super) reference: Vec<Counts>,
    pub(super) run: Vec<Counts>,
    /// Whether neither run has other words under the name.
    pub(super) complete: bool,
}

impl PairedCounts {
    /// The run beside the reference.
    pub(super) fn pair(&self) -> Pair<'_> {
        Pair { a: &self.run, b: &self.reference }
    }
}

impl RunPair {
    /// `None` where no word is shared.
    pub(super) fn of(reference: &RunWords, run: &RunWords) -> Option<Self> {
        let (places, other_sentences) = align(reference, run);
        let (mut words, mut other_trees, mut shared) = (0, 0, Vec::new());
        for (sentence, place) in run.sentences.iter().zip(&places) {
            let Some(place) = *place else { continue };
            let theirs = &reference.sentences[place].words;
            let both: Vec<(&Gold, &Gold)> =
                sentence.words.iter().filter_map(|(id, gold)| Some((theirs.get(id)?, gold))).collect();
            words += both.len() as u64;
            other_trees += both.iter().filter(|(a, b)| !a.is_attached_as(b)).count() as u64;
            shared.extend((!both.is_empty()).then_some(place));
        }
        shared.sort_unstable();
        let in_place: Vec<Option<usize>> = (0..reference.sentences.len()).map(Some).collect();
        let documents = documents(reference, &in_place, &shared).or_else(|| documents(run, &places, &shared));
        let unit = if documents.is_some() { Unit::Document } else { Unit::Sentence };
        let (mut numbers, mut unit_of) = (HashMap::new(), HashMap::new());
        for sentence in shared {
            let next = numbers.len();
            let name = documents.as_ref().map_or(sentence, |documents| documents[&sentence] as usize);
            unit_of.insert(sentence, *numbers.entry(name).or_insert(next));
        }
        let units = numbers.len();
        (words > 0).then_some(Self { places, unit_of, units, unit, words, other_trees, other_sentences })
    }

    /// What both said of the words that both count under a name; `None` where there are none. Trees may differ, as those of
    /// two conversions do: each run is right by its own.
    pub(super) fn counts(&self, reference: &[(WordKey, bool)], run: &[(WordKey, bool)]) -> Option<PairedCounts> {
        let theirs: HashMap<WordKey, bool> = reference.iter().copied().collect();
        let mut counts = [(); 2].map(|()| vec![Counts::default(); self.units]);
        let mut words = 0;
        for ((sentence, word), correct) in run {
            let Some(place) = self.places[*sentence] else { continue };
            let Some(reference_correct) = theirs.get(&(place, *word)) else { continue };
            let unit = self.unit_of[&place];
            words += 1;
            counts[0][unit].observe(*reference_correct);
            counts[1][unit].observe(*correct);
        }
        let complete = words == reference.len() && words == run.len();
        let [reference, run] = counts;
        (words > 0).then_some(PairedCounts { reference, run, complete })
    }
}

/// The documents of sentences of the reference, as one of the runs tells them; `None` where it does not.
fn documents(run: &RunWords, places: &[Option<usize>], sentences: &[usize]) -> Option<HashMap<usize, u32>> {
    let told = run.sentences.iter().zip(places).filter_map(|(sentence, place)| Some(((*place)?, sentence.document?)));
    let told: HashMap<usize, u32> = told.collect();
    (!sentences.is_empty() && sentences.iter().all(|sentence| told.contains_key(sentence))).then_some(told)
}

/// For each sentence of `other` the place of the same sentence in `reference`: of those with its name the one at its own
/// place, or the first that is not taken, if it says the same. Where a name is unique in both runs, either may have words that
/// the other has not. Then the number of sentences that say something else than any of the same name.
fn align(reference: &RunWords, other: &RunWords) -> (Vec<Option<usize>>, u64) {
    let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, sentence) in reference.sentences.iter().enumerate() {
        named.entry(&sentence.sent_id).or_default().push(at);
    }
    let numbered: HashMap<u32, usize> =
        reference.sentences.iter().enumerate().filter_map(|(at, sentence)| Some((sentence.number?, at))).collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    other.sentences.iter().for_each(|sentence| *times.entry(&sentence.sent_id).or_default() += 1);
    let mut taken = vec![false; reference.sentences.len()];
    let (mut places, mut others) = (Vec::new(), 0);
    for sentence in &other.sentences {
        let candidates = named.get(sentence.sent_id.as_str()).map_or(&[][..], Vec::as_slice);
        let is_it = |at: &usize| !taken[*at] && says_the_same(&reference.sentences[*at], sentence);
        let here = sentence.number.and_then(|number| numbered.get(&number)).copied();
        let here = here.filter(|at| reference.sentences[*at].sent_id == sentence.sent_id).filter(is_it);
        let only = match candidates {
            [only] if times[sentence.sent_id.as_str()] == 1 => Some(*only),
            _ => None,
        };
        let place = here
            .or_else(|| candidates.iter().copied().find(is_it))
            .or_else(|| only.filter(|at| agrees(&reference.sentences[*at], sentence)));
        others += u64::from(place.is_none() && !candidates.is_empty());
        if let Some(place) = place {
            taken[place] = true;
        }
        places.push(place);
    }
    (places, others)
}

/// Whether two sentences have the same words in the same order.
fn says_the_same(a: &ReadSentence, b: &ReadSentence) -> bool {
    a.words.len() == b.words.len() && a.words.keys().eq(b.words.keys()) && agrees(a, b)
}

/// Whether the words that both have are the same: by form; where one has no forms, by their trees.
fn agrees(a: &ReadSentence, b: &ReadSentence) -> bool {
    let is_same = |a: &Gold, b: &Gold| match (&a.form, &b.form) {
        (Some(a), Some(b)) => a == b,
        _ => a.is_attached_as(b),
    };
    a.words.iter().all(|(id, a)| b.words.get(id).is_none_or(|b| is_same(a, b)))
}
