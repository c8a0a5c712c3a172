//! What an encoder's answers depend on, said once: predictions, records and stored attention are named by it, and saved
//! probes are checked by it. What people call a model, a treebank or a run has no part in it, nor has what a file is used for.

use std::collections::BTreeMap;

use anyhow::Result;
use headlight_attention::MergeRule;
use headlight_report::run::Input;
use headlight_treebank::Limits;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Run, Stream};
use crate::config::{Precision, Settings, Split};
use crate::sources::corpus::{Corpus, LONGEST_DOCUMENT};
use headlight_report::run::hex;

/// What the answers about a stream of inputs depend on, as names and values.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Identity {
    parts: BTreeMap<String, String>,
}

impl Identity {
    /// The same with one more thing that matters.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.parts.insert(name.to_owned(), value.to_string());
        self
    }

    /// A part by its name.
    pub fn part(&self, name: &str) -> &str {
        self.parts.get(name).map_or("", String::as_str)
    }

    /// 64 hexadecimal digits, others for everything else.
    pub fn id(&self) -> String {
        hash(self.parts.iter().flat_map(|(name, value)| [name.clone(), value.clone()]))
    }
}

impl Run {
    /// What the answers of the model, or of this draw of random weights, about a stream depend on; `rule` is the one by which
    /// pieces are merged, where they are.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn identity(&mut self, stream: Stream, draw: Option<usize>, rule: Option<MergeRule>) -> Result<Identity> {
        let text = self.text(stream)?;
        let seed = self.seed_of(draw);
        let files = self.checkpoint()?.inputs.clone();
        let keys = &self.settings().treebank;
        Ok(Identity::default()
            .with("model", answers(self.settings(), &files, seed, rule))
            .with("text", text)
            .with("device", self.settings().model.device)
            .with("max_pieces", keys.max_pieces))
    }

    /// A hash of a stream's inputs: of files, which are read for it once, and of how they are read.
    pub(super) fn text(&mut self, stream: Stream) -> Result<String> {
        if let Some((_, text)) = self.texts.iter().find(|(known, _)| *known == stream) {
            return Ok(text.clone());
        }
        let text = self.hash_of(stream)?;
        self.texts.push((stream, text.clone()));
        Ok(text)
    }

    fn hash_of(&mut self, stream: Stream) -> Result<String> {
        let split = match stream {
            Stream::Trees(split) => return self.treebank_hash(split),
            Stream::Words(split) | Stream::Windows(split, _) => split,
            Stream::Packed => {
                let keys = self.settings().corpus.clone();
                let inputs = Corpus::resolve(&keys)?.inputs()?;
                let files: Vec<String> = inputs.iter().map(|input| input.sha256.clone()).collect();
                inputs.into_iter().for_each(|input| self.note_input(input));
                let packing = format!("{} {} {}", keys.sequences, keys.random_next, keys.short);
                // Where documents end is what is packed.
                let end = (keys.max_document != LONGEST_DOCUMENT).then(|| keys.max_document.to_string());
                let how = [packing, self.settings().seed.to_string()];
                return Ok(hash(files.into_iter().chain(how).chain(end)));
            }
        };
        let how = match stream {
            Stream::Windows(_, rules) => format!("{rules:?}"),
            _ => "trees are optional".to_owned(),
        };
        Ok(hash([self.treebank_hash(split)?, how]))
    }

    /// A hash of the sentences of a split: its files and how they are read.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn treebank_hash(&mut self, split: Split) -> Result<String> {
        let files: Vec<String> = self.treebank(split)?.inputs.iter().map(|input| input.sha256.clone()).collect();
        let keys = &self.settings().treebank;
        let reading = [keys.format.to_string(), keys.invalid.to_string(), keys.max_sentences.to_string()];
        // What is too long may be skipped, so that other limits are other sentences.
        let (limits, usual) = (keys.reading().limits, Limits::default());
        let limits = (limits != usual).then(|| format!("{limits:?}"));
        Ok(hash(files.into_iter().chain(reading).chain(limits)))
    }

    /// A hash of everything that the attention of a given sentence depends on, for saved probes; see [`answers`].
    ///
    /// # Errors
    /// When the model cannot be had.
    pub fn attention_hash(&mut self, draw: Option<usize>, rule: MergeRule) -> Result<String> {
        let (files, seed) = (self.checkpoint()?.inputs.clone(), self.seed_of(draw));
        Ok(answers(self.settings(), &files, seed, Some(rule)))
    }
}

/// A hash of everything that what is said about a given input depends on: the model's files (which tell its family and the
/// special pieces), the merge rule, what counts as attention, what the tokenizer sees, the seed of random weights, and the
/// precision.
pub fn answers(config: &Settings, files: &[Input], random_seed: Option<u64>, rule: Option<MergeRule>) -> String {
    let weights = random_seed.map_or_else(|| "trained".to_owned(), |seed| format!("random {seed}"));
    let rule = rule.map_or("pieces", MergeRule::name).to_owned();
    let conventions = [rule, config.model.attention.to_string(), config.treebank.input.to_string(), weights];
    // f32 is what hashes without a precision mean: probes from before there was a choice stay of use.
    let precision = Some(config.model.precision).filter(|precision| *precision != Precision::F32);
    let precision = precision.map(|precision| format!("precision {precision}"));
    hash(files.iter().map(|input| input.sha256.clone()).chain(conventions).chain(precision))
}

/// SHA-256 of texts, in hexadecimal digits. Lengths keep `ab`, `c` apart from `a`, `bc`.
pub fn hash(texts: impl IntoIterator<Item = String>) -> String {
    let mut hasher = Sha256::new();
    texts.into_iter().for_each(|text| add(&mut hasher, &text));
    hex(&hasher.finalize())
}

/// Adds a text to a hash so that no other sequence of texts gives the same.
pub(super) fn add(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_changes_the_id_and_their_order_does_not() {
        let identity = || Identity::default().with("model", "m").with("text", "t");
        assert_eq!(identity().id(), Identity::default().with("text", "t").with("model", "m").id());
        let others =
            [identity().with("text", "u"), identity().with("more", ""), Identity::default().with("modelm", "textt")];
        assert!(others.iter().all(|other| other.id() != identity().id()));
        assert!(identity().id().len() == 64 && identity().part("model") == "m");
    }
}
