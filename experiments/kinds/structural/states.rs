//! Hidden states of a split, written by one pass of the encoder. They are large, so they live no longer than the run: in its
//! work folder and not in the cache.

use std::path::Path;

use anyhow::{Context, Result};
use headlight_probe::SentenceWords;
use headlight_probe::structural::{StateFile, StateWriter};
use headlight_treebank::Sentence;

use crate::cli::progress;
use crate::config::Split;
use crate::run::cache::Place;
use crate::run::{Filling, Item, Made, Reader, Reading, Run, Sink, Steps, Stream, Units, Wants};
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
        let place = self.place(run)?;
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
        let place = self.place(run)?;
        let finished: Option<Finished> = Self::steps(run)?.of(&place.id).kept(FINISHED);
        let (skipped, _) = finished.context("hidden states were lost while the run was at work: run again")?;
        run.encoded(self.split, &skipped)
    }

    /// Steps that are named by identities alone.
    fn steps(run: &Run) -> Result<Steps> {
        run.steps_of_identities()
    }
}

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

    fn place(&self, run: &mut Run) -> Result<Place> {
        let identity = run.identity(self.stream(), None, None)?.with("layers", format!("{:?}", self.layers));
        Ok(Place::new(&run.work_folder()?.join("states"), identity.id()))
    }

    fn open(&self, run: &mut Run) -> Result<Option<Filling<'_>>> {
        let (place, name) = (self.place(run)?, self.split.name());
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
        let reading = Reading {
            from: 0,
            only: None,
            wants: self.wants(),
            reduce: Box::new(|_, pieces, encoded| {
                let states = encoded.states.as_ref().context("the encoder gave no hidden states")?;
                let words = self.layers.iter().map(|layer| states.words(*layer, &pieces.alignment));
                Ok(Box::new(words.collect::<Vec<_>>()) as Made)
            }),
        };
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
    fn take(&mut self, number: usize, item: &Item, made: Option<Made>) -> Result<()> {
        let Some(made) = made else {
            self.skipped.push(number);
            return Ok(());
        };
        let states = made.downcast::<Vec<Vec<f32>>>().ok().context("hidden states are what is made here")?;
        Ok(self.writer.push(SentenceWords::new(item.sentence()?, None), &states)?)
    }

    fn end(self: Box<Self>, complete: bool) -> Result<()> {
        if !complete {
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
