//! Pairing runs word by word.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::CompareError;
use super::measures::probe_name;
use crate::run::RunDirectory;
use crate::stats::Counts;
use crate::tables::Prediction;

/// The predictor whose words are compared relation by relation: each relation's best head.
const BEST_HEAD: &str = "best_head";

/// A word: the number of its sentence in [`Treebank`], and its id.
type WordKey = (u32, u32);

/// Sentences and words of all runs of a comparison, under common numbers.
#[derive(Default)]
pub(super) struct Treebank {
    sentences: HashMap<String, u32>,
    names: Vec<String>,
}

/// What one run's predictors said about words.
pub(super) struct RunWords {
    label: String,
    gold: HashMap<WordKey, (u32, String)>,
    /// Of best heads, relation by relation.
    by_relation: BTreeMap<String, Vec<(WordKey, bool)>>,
    /// Of probes and their baselines, by the name of their UAS: so without punctuation.
    by_measure: BTreeMap<String, Vec<(WordKey, bool)>>,
}

/// Counts of each common sentence, by the name of what was counted.
pub(super) type CountsByName = BTreeMap<String, Vec<Counts>>;

/// The words that several runs share, and the places of their sentences in the reference's order.
#[derive(Default)]
pub(super) struct CommonWords {
    words: HashSet<WordKey>,
    places: HashMap<u32, usize>,
}

impl CommonWords {
    /// Number of words.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }
}

impl Treebank {
    /// Reads a run's predictions; `None` where it has none of best heads and of probes.
    pub(super) fn read(&mut self, run: &RunDirectory, label: &str) -> Result<Option<RunWords>, CompareError> {
        if !run.has_table::<Prediction>() {
            return Ok(None);
        }
        let mut words = RunWords {
            label: label.to_owned(),
            gold: HashMap::new(),
            by_relation: BTreeMap::new(),
            by_measure: BTreeMap::new(),
        };
        for row in run.rows::<Prediction>()? {
            let Prediction { predictor, scope, sent_id, word_id, governor, relation, correct, .. } = row?;
            let is_punctuation = relation.split(':').next() == Some("punct");
            let said = match scope {
                Some(scope) if predictor == BEST_HEAD => Some(words.by_relation.entry(scope).or_default()),
                Some(_) => continue,
                None if is_punctuation => None,
                None => Some(words.by_measure.entry(measure_of(&predictor)).or_default()),
            };
            let key = (self.number(sent_id), word_id);
            said.into_iter().for_each(|said| said.push((key, correct)));
            words.gold.insert(key, (governor, relation));
        }
        Ok((!words.gold.is_empty()).then_some(words))
    }

    fn number(&mut self, sent_id: String) -> u32 {
        let next = u32::try_from(self.names.len()).expect("a treebank has fewer than 2^32 sentences");
        *self.sentences.entry(sent_id).or_insert_with_key(|sent_id| {
            self.names.push(sent_id.clone());
            next
        })
    }

    /// The words that all runs have, after checking that their trees agree there.
    pub(super) fn common_words(&self, runs: &[&RunWords]) -> Result<CommonWords, CompareError> {
        let Some((first, others)) = runs.split_first() else { return Ok(CommonWords::default()) };
        let mut keys: Vec<WordKey> = first.gold.keys().copied().collect();
        keys.sort_unstable();
        for other in others {
            let differs = |key: &&WordKey| other.gold.get(key).is_some_and(|gold| *gold != first.gold[key]);
            if let Some(key) = keys.iter().find(differs) {
                return Err(self.different_trees(*key, first, other));
            }
            keys.retain(|key| other.gold.contains_key(key));
        }
        let mut places = HashMap::new();
        for (sentence, _) in &keys {
            let next = places.len();
            places.entry(*sentence).or_insert(next);
        }
        Ok(CommonWords { words: keys.into_iter().collect(), places })
    }

    fn different_trees(&self, key: WordKey, a: &RunWords, b: &RunWords) -> CompareError {
        let (sentence, word_id) = key;
        let governor = |run: &RunWords| {
            let (governor, relation) = &run.gold[&key];
            format!("governor {governor} ({relation}) in {}", run.label)
        };
        let sent_id = self.names[sentence as usize].clone();
        CompareError::DifferentTrees { sent_id, word_id, a: governor(a), b: governor(b) }
    }
}

impl RunWords {
    /// Number of words.
    pub(super) fn len(&self) -> usize {
        self.gold.len()
    }

    /// Whether any word is also the other run's.
    pub(super) fn overlaps(&self, other: &RunWords) -> bool {
        self.gold.keys().any(|key| other.gold.contains_key(key))
    }

    /// Counts of the best heads by relation, aggregates among them; see [`counted`].
    pub(super) fn relations(&self, common: &CommonWords, wanted: impl Fn(&str) -> bool) -> CountsByName {
        counted(&self.by_relation, common, wanted)
    }

    /// Counts of probes by the name of their UAS; see [`counted`].
    pub(super) fn measures(&self, common: &CommonWords, wanted: impl Fn(&str) -> bool) -> CountsByName {
        counted(&self.by_measure, common, wanted)
    }
}

/// Counts of the wanted names' words among the common ones, one per common sentence; without names that have none there.
fn counted(
    said: &BTreeMap<String, Vec<(WordKey, bool)>>,
    common: &CommonWords,
    wanted: impl Fn(&str) -> bool,
) -> CountsByName {
    let mut by_name = CountsByName::new();
    for (name, words) in said.iter().filter(|(name, _)| wanted(name)) {
        let mut counts = vec![Counts::default(); common.places.len()];
        for (key, correct) in words.iter().filter(|(key, _)| common.words.contains(key)) {
            counts[common.places[&key.0]].observe(*correct);
        }
        if counts.iter().any(|counts| counts.total > 0) {
            by_name.insert(name.clone(), counts);
        }
    }
    by_name
}

/// The name of the UAS of a probe whose predictions are called `attention tree`, or of a baseline without a decoding.
fn measure_of(predictor: &str) -> String {
    let (probe, decoding) = predictor.split_once(' ').map_or((predictor, None), |(probe, it)| (probe, Some(it)));
    probe_name(probe, "uas", decoding)
}
