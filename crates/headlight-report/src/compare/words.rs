//! What runs said about words, read and counted.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::CompareError;
use super::measures::probe_name;
use crate::run::RunDirectory;
use crate::tables::Prediction;

/// The predictor whose words are compared relation by relation: each relation's best head.
const BEST_HEAD: &str = "best_head";

/// A word: the place of its sentence among those of a run, and its id.
pub(super) type WordKey = (usize, u32);

/// What one run's predictors said about words.
pub(super) struct RunWords {
    pub(super) label: String,
    pub(super) sentences: Vec<ReadSentence>,
    /// Of best heads, relation by relation.
    by_relation: BTreeMap<String, Vec<(WordKey, bool)>>,
    /// Of probes and their baselines, by the name of their UAS: so without punctuation.
    by_measure: BTreeMap<String, Vec<(WordKey, bool)>>,
}

/// A sentence of a run.
pub(super) struct ReadSentence {
    /// Its number in the split; `None` in tables of before there was one.
    pub(super) number: Option<u32>,
    pub(super) sent_id: String,
    /// Its document, where that is the unit of the run's statistics.
    pub(super) document: Option<u32>,
    /// By id.
    pub(super) words: BTreeMap<u32, Gold>,
}

/// A word as the treebank has it.
#[derive(PartialEq)]
pub(super) struct Gold {
    pub(super) form: Option<String>,
    pub(super) governor: u32,
    pub(super) relation: String,
}

impl Gold {
    /// Whether both trees hang the word from the same governor by the same relation.
    pub(super) fn is_attached_as(&self, other: &Gold) -> bool {
        (self.governor, &self.relation) == (other.governor, &other.relation)
    }
}

impl RunWords {
    /// Reads a run's predictions; `None` where it has none of best heads and of probes.
    pub(super) fn read(run: &RunDirectory, label: &str) -> Result<Option<Self>, CompareError> {
        if !run.has_table::<Prediction>() {
            return Ok(None);
        }
        let (by_relation, by_measure) = (BTreeMap::new(), BTreeMap::new());
        let mut words = RunWords { label: label.to_owned(), sentences: Vec::new(), by_relation, by_measure };
        let (mut by_number, mut by_name) = (HashMap::new(), HashMap::new());
        for row in run.rows::<Prediction>()? {
            let row = row?;
            let Prediction { predictor, scope, sent_id, word_id, governor, relation, correct, .. } = row;
            let is_punctuation = relation.split(':').next() == Some("punct");
            let said = match scope {
                Some(scope) if predictor == BEST_HEAD => Some(words.by_relation.entry(scope).or_default()),
                Some(_) => continue,
                None if is_punctuation => None,
                None => Some(words.by_measure.entry(measure_of(&predictor)).or_default()),
            };
            let next = words.sentences.len();
            let at = match row.sentence {
                Some(number) => *by_number.entry(number).or_insert(next),
                None => by_name.get(&sent_id).copied().unwrap_or_else(|| {
                    by_name.insert(sent_id.clone(), next);
                    next
                }),
            };
            if at == next {
                let (number, document) = (row.sentence, row.document);
                words.sentences.push(ReadSentence { number, sent_id, document, words: BTreeMap::new() });
            }
            said.into_iter().for_each(|said| said.push(((at, word_id), correct)));
            words.sentences[at].words.insert(word_id, Gold { form: row.form, governor, relation });
        }
        words.check_names()?;
        Ok((!words.sentences.is_empty()).then_some(words))
    }

    /// A name may stand for several sentences, but then their numbers have to tell them apart.
    fn check_names(&self) -> Result<(), CompareError> {
        for said in self.by_relation.values().chain(self.by_measure.values()) {
            let mut seen = HashSet::new();
            if let Some((key, _)) = said.iter().find(|(key, _)| !seen.insert(*key)) {
                let (label, sent_id) = (self.label.clone(), self.sentences[key.0].sent_id.clone());
                return Err(CompareError::RepeatedNames { label, sent_id });
            }
        }
        Ok(())
    }

    /// Number of words.
    pub(super) fn len(&self) -> usize {
        self.sentences.iter().map(|sentence| sentence.words.len()).sum()
    }

    /// What the best head of a relation, or of an aggregate, said of its words.
    pub(super) fn relation(&self, name: &str) -> Option<&[(WordKey, bool)]> {
        self.by_relation.get(name).map(Vec::as_slice)
    }

    /// What a probe, by the name of its UAS, said of the words.
    pub(super) fn measure(&self, name: &str) -> Option<&[(WordKey, bool)]> {
        self.by_measure.get(name).map(Vec::as_slice)
    }
}

/// The name of the UAS of a probe whose predictions are called `attention tree`, or of a baseline without a decoding.
fn measure_of(predictor: &str) -> String {
    let (probe, decoding) = predictor.split_once(' ').map_or((predictor, None), |(probe, it)| (probe, Some(it)));
    probe_name(probe, "uas", decoding)
}
