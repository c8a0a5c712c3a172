//! Text that needs no trees: `[corpus]`, packed, or the sentences of `treebank.evaluate` one by one.

use anyhow::{Context, Result};
use headlight_attention::AttentionMaps;
use headlight_bert::{Pieces, Tokenizer};
use headlight_heads::{Landmarks, normalise_rows};
use headlight_report::facts::Sequences;
use headlight_stats::Unit;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::reader::Wants;
use super::{Record, Run, Steps, Stream};
use crate::config::Split;
use crate::sources::corpus::Packing;

/// What a pass over text without trees went over.
pub struct SequencesSeen {
    /// What tables call it.
    pub name: String,
    /// Sequences encoded.
    pub sequences: u64,
    /// How they were packed; `None` where each is a sentence of the treebank.
    pub packing: Option<Packing>,
    /// What intervals resample: `sentence`, `document` or, of packed text, `sequence`.
    pub unit: Unit,
}

impl Run {
    /// What a stream of sequences went over.
    ///
    /// # Errors
    /// Those of [`Run::books`].
    pub fn sequences_seen(&mut self, stream: Stream) -> Result<SequencesSeen> {
        let books = self.books(stream)?;
        let (sequences, packing) = (books.summary.sentences, books.packing);
        let (name, unit) = match stream {
            Stream::Packed => (self.settings().corpus.display_name(), Unit::Sequence),
            _ => (self.settings().treebank.display_name(), self.settings().treebank.unit()),
        };
        Ok(SequencesSeen { name, sequences, packing, unit })
    }
}

impl SequencesSeen {
    /// For the run's report: the text, how many sequences, and how they were packed.
    pub fn facts(&self) -> Sequences {
        let packing = self.packing.map(|Packing { limit, random_next, short, .. }| {
            json!({ "max_pieces": limit, "random_next": random_next, "short": short })
        });
        Sequences { corpus: self.name.clone(), sequences: self.sequences, packing }
    }
}

/// Pieces that surface statistics look for.
struct Marks {
    sep: Option<u32>,
    punctuation: Vec<u32>,
}

impl Marks {
    fn new(tokenizer: &Tokenizer) -> Self {
        let punctuation = [".", ","].iter().flat_map(|mark| tokenizer.spellings(mark)).collect();
        Self { sep: tokenizer.special().sep, punctuation }
    }

    fn landmarks(&self, pieces: &Pieces) -> Landmarks {
        let places = |wanted: &[u32]| (0..pieces.len()).filter(|&at| wanted.contains(&pieces.ids[at])).collect();
        Landmarks {
            frame: pieces.alignment.frame().clone(),
            sep: places(self.sep.as_slice()),
            punctuation: places(&self.punctuation),
        }
    }
}

impl Run {
    /// The stream of sequences: `[corpus]`, or without one the sentences of `treebank.evaluate`.
    ///
    /// # Errors
    /// When the treebank cannot be read.
    pub fn sequences(&mut self) -> Result<Stream> {
        if self.settings().corpus.files.is_empty() { self.words(Split::Evaluate) } else { Ok(Stream::Packed) }
    }

    /// A record of what heads attend to in sequences. `map` reduces the maps of a sequence, on many threads: over pieces, with
    /// rows that sum to 1, also where lengths of vectors stand for attention. `add` adds up what it made, in order.
    ///
    /// # Errors
    /// When the model or the text cannot be had.
    pub fn record_of_sequences<
        S: Serialize + DeserializeOwned + Clone + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    >(
        &mut self,
        made: &str,
        start: S,
        map: impl Fn(&AttentionMaps, &Landmarks) -> R + Send + Sync + 'static,
        add: impl Fn(&mut S, R) + 'static,
    ) -> Result<Record<S>> {
        let stream = self.sequences()?;
        let marks = Marks::new(self.model()?.model.tokenizer());
        let as_they_are = self.settings().model.attention_kind().has_distributions();
        let reduce = move |pieces: &Pieces, maps: &AttentionMaps| {
            let landmarks = marks.landmarks(pieces);
            if as_they_are {
                return map(maps, &landmarks);
            }
            let (mut maps, positions) = (maps.clone(), maps.positions());
            normalise_rows(maps.weights_mut(), positions);
            map(&maps, &landmarks)
        };
        let wants = Wants { pieces: true, ..Wants::default() };
        Ok(Record::new(
            self,
            (stream, wants),
            made,
            start,
            move |_, pieces, encoded| {
                Ok(reduce(pieces, encoded.maps.as_ref().context("the encoder gave no maps over pieces")?))
            },
            move |sum, made| {
                add(sum, made);
                Ok(())
            },
        ))
    }

    /// Where steps of work on the sequences are kept; see [`Run::steps`].
    ///
    /// # Errors
    /// When the model or the text cannot be had.
    pub fn sequence_steps(&mut self) -> Result<Steps> {
        let stream = self.sequences()?;
        // The inputs are noted.
        self.identity(stream, None, None)?;
        self.steps()
    }

    /// Visits the pieces of each sequence in order, for work that brings its own encoder, with the number of the unit that it
    /// belongs to: of the sentence or its document, and in packed text of the sequence. `label` names the work to the user.
    ///
    /// # Errors
    /// As [`Run::visit`].
    pub fn for_each_sequence(
        &mut self,
        label: &str,
        mut visit: impl FnMut(Pieces, u32) -> Result<()>,
    ) -> Result<SequencesSeen> {
        let (stream, mut units, mut pairs) = (self.sequences()?, self.units(), 0..);
        self.visit(label, stream, |item, pieces| {
            let unit = match item.sentence() {
                Ok(sentence) => units.push(sentence),
                Err(_) => pairs.next().unwrap_or_default(),
            };
            visit(pieces, unit)
        })?;
        self.sequences_seen(stream)
    }
}
