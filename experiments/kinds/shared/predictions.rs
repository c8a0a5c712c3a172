//! What every head predicts for every word of a stream: computed once, kept in the cache, shared by all kinds and runs that ask
//! the same of the same model.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, Result};
use headlight_attention::{Visibility, WordAttention};
use headlight_bert::{Encoded, Request};
use headlight_heads::{
    Direction, Directions, HeadPredictions, PredictionFile, PredictionFileError, PredictionKey, PredictionShape,
    PredictionWriter, among_words, predict,
};
use headlight_report::tables::MapRows;

use crate::config::{Settings, choice};
use crate::run::cache::{self, Card, Look, Place, Shelf, Writing};
use crate::run::{Filling, Made, Reader, Reading, Run, Shard, Sink, Stream, Take, Wants, request};

choice! {
    /// What the rows of maps are before anything is read from them: as attended, or renormalised over words (METHOD §2).
    Rows => MapRows { Raw = "raw", Words = "words" }
}

impl Rows {
    /// What predictions want of the encoder: as attended, it finds the peaks itself; renormalised, they are read from maps.
    pub fn wants(self, config: &Settings) -> Wants {
        let rule = config.treebank.merge_rule();
        match self {
            Rows::Raw => Wants { peaks: Some(rule), ..Wants::default() },
            Rows::Words => Wants::words(rule),
        }
    }

    /// The same, for a model that is asked it directly.
    pub fn request(self, config: &Settings) -> Request {
        match self {
            Rows::Raw => Request { attention: None, peaks: Some(config.treebank.merge_rule()), ..request(config) },
            Rows::Words => request(config),
        }
    }

    /// The predictions of a sentence.
    ///
    /// # Errors
    /// When the encoder was not asked for them.
    pub fn predictions(self, encoded: &Encoded) -> Result<HeadPredictions> {
        match self {
            Rows::Raw => encoded.peaks.clone().map(HeadPredictions::from).context("the encoder gave no peaks"),
            Rows::Words => Ok(predict(self.maps(encoded)?.as_ref())),
        }
    }

    /// The maps of a sentence, read in this way.
    ///
    /// # Errors
    /// When the encoder was not asked for them.
    pub fn maps(self, encoded: &Encoded) -> Result<Cow<'_, WordAttention>> {
        Ok(self.of(encoded.words.as_ref().context("the encoder gave no attention over words")?))
    }

    /// Maps, read in this way; as attended they are not copied.
    pub fn of(self, maps: &WordAttention) -> Cow<'_, WordAttention> {
        match self {
            Rows::Raw => Cow::Borrowed(maps),
            Rows::Words => Cow::Owned(among_words(maps)),
        }
    }
}

/// The predictions of all heads for a stream of sentences.
pub struct Predictions {
    stream: Stream,
    draw: Option<usize>,
    rows: Rows,
    wants: Wants,
    later_to_earlier: bool,
}

impl Predictions {
    /// Those of the model that is at work.
    pub fn new(run: &Run, stream: Stream, rows: Rows) -> Self {
        Self { stream, draw: run.draw(), rows, wants: rows.wants(run.settings()), later_to_earlier: false }
    }

    /// The same in these directions. Where later→earlier is among them, whole maps are needed of a model that sees all words:
    /// peaks say nothing of the words before alone.
    ///
    /// # Errors
    /// When the model cannot be read.
    pub fn in_directions(self, run: &mut Run, directions: Directions) -> Result<Self> {
        let later_to_earlier = directions.has(Direction::LaterToEarlier);
        let needs_maps = later_to_earlier && run.checkpoint()?.visibility == Visibility::Full;
        let rule = run.settings().treebank.merge_rule();
        let wants = if needs_maps { Wants { words: Some(rule), ..self.wants } } else { self.wants };
        Ok(Self { wants, later_to_earlier, ..self })
    }

    fn shape(&self, run: &mut Run) -> Result<PredictionShape> {
        Ok(PredictionShape { grid: run.checkpoint()?.grid, later_to_earlier: self.later_to_earlier })
    }

    /// The same by a draw of random weights.
    #[must_use]
    pub fn of_draw(self, draw: usize) -> Self {
        Self { draw: Some(draw), ..self }
    }

    /// The predictions; the encoder runs where they are not complete, and goes on where it was interrupted.
    ///
    /// # Errors
    /// Those of the encoder's pass.
    pub fn read(&self, run: &mut Run) -> Result<PredictionFile> {
        run.fill(&[self])?;
        let place = self.place(run, None)?;
        let shape = self.shape(run)?;
        let file = PredictionFile::open(&place.complete().join(cache::DATA), shape, &key(&place)?)?;
        tracing::info!("{}: predictions of {} sentences are there", self.stream.name(), file.len());
        Ok(file)
    }

    fn card(&self, run: &mut Run, shard: Option<Shard>) -> Result<Card> {
        let identity = run.identity(self.stream, self.draw, self.wants.peaks.or(self.wants.words))?;
        let (model, text) = run.labels(self.stream, self.draw);
        Ok(Card::new(Shelf::Predictions, &self.what(), identity, model, text).of_shard(shard))
    }
}

/// What the file's header says that it depends on: its id.
fn key(place: &Place) -> Result<PredictionKey> {
    let digits = place.id.as_bytes().chunks_exact(2).map(|pair| {
        let pair = std::str::from_utf8(pair).context("an id is of hexadecimal digits")?;
        u8::from_str_radix(pair, 16).context("an id is of hexadecimal digits")
    });
    let key: Vec<u8> = digits.collect::<Result<_>>()?;
    key.try_into().ok().context("an id is of 64 digits")
}

impl Reader for Predictions {
    fn stream(&self) -> Stream {
        self.stream
    }

    fn draw(&self) -> Option<usize> {
        self.draw
    }

    fn wants(&self) -> Wants {
        self.wants
    }

    fn what(&self) -> String {
        let later = if self.later_to_earlier { ", among earlier words too" } else { "" };
        format!("predictions, rows {}{later}", self.rows)
    }

    fn reading(&self, run: &mut Run, from: usize) -> Result<Reading<'_>> {
        let (rows, later_to_earlier) = (self.rows, self.later_to_earlier);
        let visibility = run.checkpoint()?.visibility;
        let predict = move |encoded: &Encoded| {
            let predictions = rows.predictions(encoded)?;
            if !later_to_earlier {
                return Ok(predictions);
            }
            let maps = if visibility == Visibility::Full { Some(rows.maps(encoded)?) } else { None };
            Ok(predictions.with_later_to_earlier(maps.as_deref()))
        };
        Ok(Reading {
            from,
            only: None,
            wants: self.wants,
            reduce: Box::new(move |_, _, encoded| {
                let predictions: Result<HeadPredictions> = predict(encoded);
                Ok(Box::new(predictions?) as Made)
            }),
        })
    }

    fn bytes(&self, made: &Made) -> Result<usize> {
        let made = made.downcast_ref::<HeadPredictions>().context("predictions are what is made here")?;
        Ok(PredictionFile::bytes_of(made))
    }

    fn place(&self, run: &mut Run, shard: Option<Shard>) -> Result<Place> {
        Ok(Place::new(&Shelf::Predictions.folder()?, self.card(run, shard)?.id()))
    }

    fn look(&self, run: &mut Run, shard: Option<Shard>) -> Result<Look> {
        let (place, shape) = (self.place(run, shard)?, self.shape(run)?);
        let key = key(&place)?;
        Ok(cache::look(&place, |folder, sentences| is_whole(folder, sentences, shape, &key)))
    }

    fn replay(&self, run: &mut Run, shard: Shard, from: usize, take: &mut Take<'_>) -> Result<usize> {
        let (place, shape) = (self.place(run, Some(shard))?, self.shape(run)?);
        let file = PredictionFile::open(&place.complete().join(cache::DATA), shape, &key(&place)?)?;
        for number in from..file.len() {
            take(number, file.sentence(number)?.map(|predictions| Box::new(predictions) as Made))?;
        }
        Ok(file.len())
    }

    fn open(&self, run: &mut Run, shard: Option<Shard>) -> Result<Option<Filling<'_>>> {
        let (place, card, shape) = (self.place(run, shard)?, self.card(run, shard)?, self.shape(run)?);
        let key = key(&place)?;
        let whole = |folder: &Path, sentences: usize| is_whole(folder, sentences, shape, &key);
        let Some(writing) = cache::open(&place, &card, whole)? else { return Ok(None) };
        let path = writing.folder().join(cache::DATA);
        let writer = match PredictionWriter::resume(&path, shape, &key) {
            // Nothing but predictions has this place.
            Err(PredictionFileError::Foreign { .. }) => {
                tracing::warn!("{} is damaged from its first byte on: all is done again", path.display());
                std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
                PredictionWriter::resume(&path, shape, &key)?
            }
            opened => opened?,
        };
        let from = writer.len();
        if writer.was_damaged() {
            tracing::warn!("{} is damaged after sentence {from}: the rest is done again", path.display());
        }
        if from > 0 {
            tracing::info!("going on after {from} sentences of {} that are predicted already", self.stream.name());
        }
        let reading = self.reading(run, from)?;
        Ok(Some(Filling { reading, sink: Box::new(File { writing, writer }) }))
    }
}

/// Whether a folder holds so many predictions, every byte as it was written.
fn is_whole(folder: &Path, sentences: usize, shape: PredictionShape, key: &PredictionKey) -> bool {
    PredictionFile::open(&folder.join(cache::DATA), shape, key).is_ok_and(|file| file.len() == sentences)
}

/// A file of predictions at work.
struct File {
    writing: Writing,
    writer: PredictionWriter,
}

impl Sink for File {
    fn take(&mut self, _: usize, made: Option<Made>) -> Result<()> {
        match made {
            Some(made) => {
                let made = made.downcast::<HeadPredictions>().ok().context("predictions are what is made here")?;
                Ok(self.writer.push(&made)?)
            }
            None => Ok(self.writer.push_skipped()?),
        }
    }

    fn end(self: Box<Self>, inputs: Option<usize>) -> Result<()> {
        let sentences = self.writer.finish()?;
        if inputs.is_some() { self.writing.finish(sentences) } else { Ok(()) }
    }
}
