//! One pass of the encoder over text that needs no trees: a corpus packed into pairs of segments, or the sentences of
//! the treebank one by one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use headlight_attention::AttentionMaps;
use headlight_bert::{AttentionKind, Encoded, Level, Model, Pieces, Request, Skip, StreamError};
use headlight_heads::{Landmarks, normalise_rows};
use headlight_report::run::{Reading, SplitSummary};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::encode::{Skips, reasons};
use super::kept::Kept;
use super::{Pass, Run, Steps, model, reading};
use crate::cli::interrupt;
use crate::cli::progress::{Progress, Unit};
use crate::config::Split;
use crate::sources::corpus::{self, Corpus, Packing, Pair};

/// The reason under which sentences are counted that no second segment follows.
const ALONE: &str = "alone in its pair";

/// What a pass went over.
pub struct SequencesSeen {
    /// What tables call it.
    pub name: String,
    /// In words, for people: `1,000 sequences of wiki`.
    pub what: String,
    /// Sequences encoded.
    pub sequences: u64,
    /// How they were packed; `None` where each is a sentence of the treebank.
    pub packing: Option<Packing>,
    /// What intervals resample: `sentence`, `document` or, of packed text, `sequence`.
    pub unit: &'static str,
}

impl SequencesSeen {
    /// For the run's report: the text, how many sequences, and how they were packed.
    pub fn facts(&self) -> BTreeMap<String, Value> {
        let packing = self.packing.map(|Packing { limit, random_next, short, .. }| {
            json!({ "max_pieces": limit, "random_next": random_next, "short": short })
        });
        let facts = [("corpus", json!(self.name)), ("sequences", json!(self.sequences)), ("packing", json!(packing))];
        facts.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// What the sequences are, as a note below a table.
    pub fn note(&self) -> String {
        match self.packing {
            None => "Each sequence is one sentence.".to_owned(),
            Some(packing) => format!("Each sequence is a pair of segments: {packing}."),
        }
    }
}

/// Pieces that surface statistics look for.
struct Marks {
    sep: u32,
    punctuation: Vec<u32>,
}

impl Marks {
    fn landmarks(&self, pieces: &Pieces) -> Landmarks {
        let places = |wanted: &[u32]| (0..pieces.len()).filter(|&at| wanted.contains(&pieces.ids[at])).collect();
        Landmarks {
            frame: pieces.alignment.frame().clone(),
            sep: places(&[self.sep]),
            punctuation: places(&self.punctuation),
        }
    }
}

/// What the sequences of a pass leave behind, read when all are taken.
#[derive(Default)]
struct Ledger {
    sequences: u64,
    pieces: u64,
    skips: Skips,
    reading: Reading,
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    /// Encodes the sequences of `[corpus]`, or without one the sentences of `treebank.evaluate`, and adds up what is said of
    /// them. `map` reduces what the heads attend to in a sequence, on many threads: maps over pieces whose rows sum to 1,
    /// also where norms stand for attention. `add` gets what it made, in order. An interrupted pass goes on after the last
    /// sequence that it added.
    ///
    /// # Errors
    /// The first of: a file that cannot be read, no sequence at all, what `add` says, Ctrl-C.
    pub fn encode_sequences<S: Serialize + DeserializeOwned, R: Send>(
        &mut self,
        start: S,
        map: impl Fn(AttentionMaps, &Landmarks) -> R + Sync,
        mut add: impl FnMut(&mut S, R) -> Result<()>,
    ) -> Result<(SequencesSeen, S)> {
        let request = Request { attention: Some(Level::Pieces), ..model::request(self.config()) };
        let tokenizer = self.model()?.model.tokenizer();
        let marks = Marks {
            sep: tokenizer.special().sep,
            punctuation: [".", ","].iter().filter_map(|mark| tokenizer.id(mark)).collect(),
        };
        let reduce = |pieces: &Pieces, encoded: Encoded| {
            let mut maps = encoded.maps.expect("the request asks for maps over pieces");
            let positions = maps.positions();
            if request.kind == AttentionKind::Norms {
                normalise_rows(maps.weights_mut(), positions);
            }
            map(maps, &marks.landmarks(pieces))
        };
        if !self.config().corpus.files.is_empty() {
            return self.encode_corpus(&request, start, reduce, add);
        }
        let pass = Pass { split: Split::Evaluate, from: 0, request: &request };
        let (sequences, sum) = self.add_up(
            "sentences",
            &pass,
            (0, start),
            |_, pieces, encoded| reduce(pieces, encoded),
            |(sequences, sum), _, reduced| match reduced {
                Some(reduced) => {
                    *sequences += 1;
                    add(sum, reduced)
                }
                None => Ok(()),
            },
        )?;
        Ok((self.sentences_seen(sequences), sum))
    }

    /// Where steps of work on the sequences are kept; see [`Run::steps`].
    ///
    /// # Errors
    /// When the model or the text cannot be had.
    pub fn sequence_steps(&mut self) -> Result<Steps> {
        self.model()?;
        let keys = self.config().corpus.clone();
        match keys.files.is_empty() {
            true => drop(self.treebank(Split::Evaluate)?),
            false => self.note_inputs(Corpus::resolve(&keys)?.inputs()?),
        }
        self.steps()
    }

    /// Visits the pieces of each sequence of `[corpus]`, or without one of `treebank.evaluate`, in order, for work that brings
    /// its own encoder, with the number of the unit that it belongs to: of the sentence or its document, and in packed text
    /// of the sequence. `label` names the work to the user.
    ///
    /// # Errors
    /// As [`Run::encode_sequences`], with `visit` in the place of `fold`.
    pub fn for_each_sequence(
        &mut self,
        label: &str,
        mut visit: impl FnMut(Pieces, u32) -> Result<()>,
    ) -> Result<SequencesSeen> {
        if !self.config().corpus.files.is_empty() {
            return self.over_corpus(label, |_, inputs, progress| {
                for (number, pieces) in inputs.enumerate() {
                    visit(pieces?, number as u32)?;
                    progress.add(1);
                }
                Ok(())
            });
        }
        let (mut sequences, mut units) = (0, self.units());
        self.for_each_words(label, Split::Evaluate, |sentence, pieces| {
            sequences += 1;
            visit(pieces, units.push(sentence))
        })?;
        Ok(self.sentences_seen(sequences))
    }

    fn sentences_seen(&self, sequences: u64) -> SequencesSeen {
        let name = self.config().treebank.display_name();
        let what = format!("{} sentences of {name}", headlight_report::format::count(sequences));
        SequencesSeen { name, what, sequences, packing: None, unit: self.config().treebank.unit().name() }
    }

    fn encode_corpus<S: Serialize + DeserializeOwned, R: Send>(
        &mut self,
        request: &Request,
        start: S,
        reduce: impl Fn(&Pieces, Encoded) -> R + Sync,
        mut add: impl FnMut(&mut S, R) -> Result<()>,
    ) -> Result<(SequencesSeen, S)> {
        let mut kept = Kept::new(self.sequence_steps()?.of("sequences"), start);
        let ended = self.over_corpus("encode", |model, inputs, progress| {
            // What an interrupted call added is packed again, as what follows depends on it, but not encoded.
            for _ in 0..kept.inputs() {
                inputs.next().transpose()?;
                progress.add(1);
            }
            let streamed = model.stream(
                inputs.map(|pieces| Ok(((), pieces?))),
                request,
                |(), pieces, encoded| reduce(pieces, encoded),
                |reduced| {
                    progress.add(1);
                    kept.add(|sum| add(sum, reduced))
                },
            );
            streamed.map_err(|error| match error {
                StreamError::Caller(error) => error,
                other => anyhow!("{other}"),
            })
        });
        kept.finish(ended)
    }

    /// Lets `work` take the packed sequences of `[corpus]`, and notes what it took.
    fn over_corpus(
        &mut self,
        label: &str,
        work: impl FnOnce(&Model, &mut (dyn Iterator<Item = Result<Pieces>> + Send), &Progress) -> Result<()>,
    ) -> Result<SequencesSeen> {
        let clock = Instant::now();
        let label = format!("{label} corpus");
        let keys = self.config().corpus.clone();
        let corpus = Corpus::resolve(&keys)?;
        self.note_inputs(corpus.inputs()?);
        self.model()?;
        let model = &self.model.get().context("the model was loaded above")?.model;
        let limit = self.config.treebank.max_pieces.min(model.spec().max_pieces());
        let packing = Packing { limit, random_next: keys.random_next, short: keys.short, seed: self.config.seed };
        let ledger = Mutex::new(Ledger::default());
        let documents = corpus.documents().map(|document| {
            interrupt::check()?;
            let skip = |reason: &str| *lock(&ledger).skips.entry(reason.to_owned()).or_default() += 1;
            let ids = |sentence: &String| match model.tokenizer().ids(sentence) {
                Ok(ids) if ids.is_empty() => {
                    skip(Skip::NoWords.reason());
                    None
                }
                Ok(ids) => Some(ids),
                Err(why) => {
                    skip(why.reason());
                    None
                }
            };
            Ok(document?.iter().filter_map(ids).collect())
        });
        let pairs = corpus::pack(documents, packing, || {
            *lock(&ledger).skips.entry(ALONE.to_owned()).or_default() += 1;
        });
        let progress;
        let pairs: Box<dyn Iterator<Item = Result<Pair>> + Send> = if keys.sequences == 0 {
            progress = Progress::start(&label, Unit::Items("sequences"), None);
            Box::new(pairs)
        } else {
            let sampled = corpus::sample(pairs, keys.sequences, packing.seed)?;
            progress = Progress::start(&label, Unit::Items("sequences"), Some(sampled.len() as u64));
            Box::new(sampled.into_iter().map(Ok))
        };
        let mut inputs = pairs.map(|pair| {
            interrupt::check()?;
            let (a, b) = pair?;
            let pieces = model.tokenizer().pair(&a, &b, limit).map_err(|why| anyhow!("a packed pair: {why}"))?;
            let mut ledger = lock(&ledger);
            ledger.sequences += 1;
            ledger.pieces += pieces.len() as u64;
            reading::add_pieces(&mut ledger.reading, &pieces, model.tokenizer().special().unk);
            Ok(pieces)
        });
        work(model, &mut inputs, &progress)?;
        drop(inputs);
        progress.finish();
        let files = corpus.file_names();
        let Ledger { sequences, pieces, skips, reading } = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
        ensure!(
            sequences > 0,
            "`corpus.files` ({}) holds no usable pair of segments{}: write one sentence a line, a blank line between \
             documents and more than one sentence in each, or let second segments come from other documents \
             (--set corpus.random_next=0.5)",
            files.join(", "),
            reasons(&skips)
        );
        let name = keys.display_name();
        let what = format!("{} sequences of {name}", headlight_report::format::count(sequences));
        self.note_split(SplitSummary {
            split: "corpus".to_owned(),
            files,
            sentences: sequences,
            words: pieces,
            skipped: skips,
            reading,
            ..SplitSummary::default()
        });
        self.packing = Some(packing);
        self.note_stage(label, clock);
        Ok(SequencesSeen { name, what, sequences, packing: Some(packing), unit: "sequence" })
    }

    fn note_inputs(&mut self, inputs: Vec<headlight_report::run::Input>) {
        for input in inputs {
            if !self.inputs.contains(&input) {
                self.inputs.push(input);
            }
        }
    }
}
