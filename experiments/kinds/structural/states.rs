//! Hidden states of a split, written by one pass of the encoder. They are large, so they live no longer than the run: in its
//! work folder and not in the cache.

use std::path::Path;

use anyhow::{Context, Result, bail};
use headlight_probe::SentenceWords;
use headlight_probe::structural::{StateFile, StateWriter};
use headlight_treebank::Sentence;

use crate::cli::progress;
use crate::config::Split;
use crate::run::cache::{Look, Place};
use crate::run::{Filling, Made, Reader, Reading, Run, Shard, Sink, Steps, Stream, Take, Units, Wants};
use crate::sources::input;

/// The states of a split, and the units of its sentences.
pub struct States {
    pub states: StateFile,
    pub units: Units,
}

/// The states of `layers` (0 is the embeddings) of a split, in the order given. Skipped sentences have none.
pub struct KeptStates {
    split: Split,
    layers: Vec<usize>,
}

/// What a finished pass leaves beside its files: the sentences that were skipped, and the files' checksums.
type Finished = (Vec<usize>, Vec<String>);

impl KeptStates {
    /// Those of the model of the run.
    pub fn new(split: Split, layers: &[usize]) -> Self {
        Self { split, layers: layers.to_vec() }
    }

    /// The states; the encoder runs where they are not there. What an interrupted call left is taken when it was complete and
    /// is as it was written.
    ///
    /// # Errors
    /// Those of the encoder's pass and of the disk.
    pub fn read(&self, run: &mut Run) -> Result<States> {
        run.fill(&[self])?;
        run.books(self.stream())?;
        let place = self.place(run, None)?;
        let (mut units, mut words) = (run.units(), Vec::new());
        for sentence in self.sentences(run)? {
            let sentence = sentence?;
            units.push(&sentence);
            words.push(SentenceWords::new(&sentence, None));
        }
        let width = run.model()?.model.spec().breadth;
        Ok(States { states: StateFile::open(&place.complete(), self.layers.len(), width, words)?, units })
    }

    /// The sentences that have states, which are there.
    ///
    /// # Errors
    /// Those of the treebank; states that are gone.
    pub fn sentences(&self, run: &mut Run) -> Result<impl Iterator<Item = Result<Sentence>> + use<>> {
        let place = self.place(run, None)?;
        let finished: Option<Finished> = Self::steps(run)?.of(&place.id).kept(FINISHED);
        let (skipped, _) = finished.context("hidden states were lost while the run was at work: run again")?;
        run.encoded(self.split, &skipped)
    }

    /// Steps that are named by identities alone.
    fn steps(run: &Run) -> Result<Steps> {
        run.steps_of_identities()
    }
}

/// The words of a sentence, and their states layer by layer.
type OfSentence = (SentenceWords, Vec<Vec<f32>>);

/// The step that a complete pass leaves.
const FINISHED: &str = "hidden states";

impl Reader for KeptStates {
    fn stream(&self) -> Stream {
        Stream::Trees(self.split)
    }

    fn draw(&self) -> Option<usize> {
        None
    }

    fn wants(&self) -> Wants {
        Wants { states: true, ..Wants::default() }
    }

    fn what(&self) -> String {
        "hidden states, which the run keeps for itself".to_owned()
    }

    fn reading(&self, _: &mut Run, from: usize) -> Result<Reading<'_>> {
        Ok(Reading {
            from,
            only: None,
            wants: self.wants(),
            reduce: Box::new(|item, pieces, encoded| {
                let states = encoded.states.as_ref().context("the encoder gave no hidden states")?;
                let words = self.layers.iter().map(|layer| states.words(*layer, &pieces.alignment));
                let made: OfSentence = (SentenceWords::new(item.sentence()?, None), words.collect());
                Ok(Box::new(made) as Made)
            }),
        })
    }

    fn bytes(&self, made: &Made) -> Result<usize> {
        let (_, states) = made.downcast_ref::<OfSentence>().context("hidden states are what is made here")?;
        Ok(states.iter().map(|states| size_of_val(states.as_slice())).sum())
    }

    fn place(&self, run: &mut Run, _: Option<Shard>) -> Result<Place> {
        let identity = run.identity(self.stream(), None, None)?.with("layers", format!("{:?}", self.layers));
        Ok(Place::new(&run.work_folder()?.join("states"), identity.id()))
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn look(&self, _: &mut Run, _: Option<Shard>) -> Result<Look> {
        Ok(Look::Absent)
    }

    fn replay(&self, _: &mut Run, shard: Shard, _: usize, _: &mut Take<'_>) -> Result<usize> {
        bail!("hidden states are not kept in shards, nor is shard {shard}")
    }

    fn open(&self, run: &mut Run, _: Option<Shard>) -> Result<Option<Filling<'_>>> {
        let (place, name) = (self.place(run, None)?, self.split.name());
        let (folder, steps) = (place.complete(), Self::steps(run)?.of(&place.id));
        if let Some((_, checksums)) = steps.kept::<Finished>(FINISHED) {
            if checksums_of(&folder, self.layers.len()).is_ok_and(|found| found == checksums) {
                tracing::info!("{name}: hidden states of an interrupted run");
                return Ok(None);
            }
            tracing::warn!("hidden states of the interrupted run are damaged and are computed again");
        }
        progress::say(&format!(
            "hidden states of {name} are kept when their pass is complete: interrupted within it, it starts again"
        ));
        let width = run.model()?.model.spec().breadth;
        let writer = StateWriter::create(&folder, self.layers.len(), width)?;
        let reading = self.reading(run, 0)?;
        let sink = Written { writer, steps, folder, layers: self.layers.len(), skipped: Vec::new() };
        Ok(Some(Filling { reading, sink: Box::new(sink) }))
    }
}

/// States at work.
struct Written {
    writer: StateWriter,
    steps: Steps,
    folder: std::path::PathBuf,
    layers: usize,
    skipped: Vec<usize>,
}

impl Sink for Written {
    fn take(&mut self, number: usize, made: Option<Made>) -> Result<()> {
        let Some(made) = made else {
            self.skipped.push(number);
            return Ok(());
        };
        let made = made.downcast::<OfSentence>().ok().context("hidden states are what is made here")?;
        let (words, states) = *made;
        Ok(self.writer.push(words, &states)?)
    }

    fn end(self: Box<Self>, inputs: Option<usize>) -> Result<()> {
        if inputs.is_none() {
            return Ok(());
        }
        self.writer.finish()?;
        self.steps.keep(FINISHED, &(self.skipped, checksums_of(&self.folder, self.layers)?))
    }
}

fn checksums_of(folder: &Path, layers: usize) -> Result<Vec<String>> {
    let files = (0..layers).map(|layer| StateFile::path(folder, layer));
    files.map(|path| Ok(input("hidden states", &path)?.sha256)).collect()
}
