//! The sentences that probes learn from and are scored on: annotation and word vectors in memory, word attention in the
//! store.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use headlight_attention::store::Store;
use headlight_attention::{Frame, HeadGrid};
use headlight_probe::{Coverage, Examples, SentenceWords, SourceError, Vocabulary, WordVectors};
use headlight_report::run::Input;

use crate::config::Split;
use crate::run::{Run, Units};
use crate::sources::input;

/// Word vectors and the file that they come from.
pub struct Vectors {
    pub vectors: WordVectors,
    pub file: Input,
    pub coverage: Coverage,
}

/// Reads the vectors of the words of `splits`.
///
/// # Errors
/// A treebank or a file of vectors that cannot be read; the latter with its line.
pub fn read_vectors(run: &mut Run, path: &Path, splits: &[Split]) -> Result<Vectors> {
    let clock = Instant::now();
    let mut vocabulary = Vocabulary::new();
    for split in splits {
        for sentence in run.sentences(*split)? {
            sentence?.words().iter().for_each(|word| vocabulary.observe(&word.form));
        }
    }
    let vectors = WordVectors::read(path, None, &vocabulary)?;
    let coverage = vectors.coverage(&vocabulary);
    let file = input("vectors", path)?;
    run.note_input(file.clone());
    run.note_stage("read word vectors", clock);
    Ok(Vectors { vectors, file, coverage })
}

/// The annotation of every sentence of a split that is a tree, in the treebank's order.
pub fn annotation(run: &mut Run, split: Split, vectors: Option<&WordVectors>) -> Result<Vec<SentenceWords>> {
    run.sentences(split)?.map(|sentence| Ok(SentenceWords::new(&sentence?, vectors))).collect()
}

/// The units of those sentences of a split that `usable` numbers, ascending.
///
/// # Errors
/// Those of the treebank, and a split of a single document where documents are the unit.
pub fn units_of(run: &mut Run, split: Split, usable: &[usize]) -> Result<Units> {
    let mut units = run.units();
    let mut usable = usable.iter().peekable();
    for (number, sentence) in run.sentences(split)?.enumerate() {
        let sentence = sentence?;
        if usable.next_if(|next| **next == number).is_some() {
            units.push(&sentence);
        }
    }
    units.check(&format!("`treebank.{}`", split.name()))?;
    Ok(units)
}

/// A split as probes see it.
pub struct Stored<'a> {
    pub words: &'a [SentenceWords],
    pub vectors: Option<&'a WordVectors>,
    /// `None` for probes that read no attention.
    pub store: Option<&'a Store>,
    pub grid: HeadGrid,
    frame: Frame,
}

impl<'a> Stored<'a> {
    /// Pairs annotation with attention.
    ///
    /// # Errors
    /// When both are not of the same sentences.
    pub fn new(
        words: &'a [SentenceWords],
        vectors: Option<&'a WordVectors>,
        store: Option<&'a Store>,
        grid: HeadGrid,
    ) -> Result<Self> {
        if let Some(store) = store {
            ensure!(
                store.len() == words.len(),
                "the attention store holds {} sentences and the treebank {}; remove the store: headlight store rm {}",
                store.len(),
                words.len(),
                store.key().id()
            );
            let mut both = words.iter().enumerate();
            let differs = both.find(|(at, words)| store.words(*at).is_some_and(|stored| stored != words.words()));
            if let Some((at, words)) = differs {
                let stored = store.words(at).context("found above")?;
                anyhow::bail!(
                    "sentence {at} has {} words in the treebank and {stored} in the attention store; remove the store: \
                     headlight store rm {}",
                    words.words(),
                    store.key().id()
                );
            }
        }
        let frame = store.map_or_else(Frame::none, |store| store.frame().clone());
        Ok(Self { words, vectors, store, grid, frame })
    }

    /// The sentences that can be used: those that the encoder did not skip.
    pub fn usable(&self) -> Vec<usize> {
        (0..self.words.len()).filter(|at| self.store.is_none_or(|store| store.words(*at).is_some())).collect()
    }
}

impl Examples for Stored<'_> {
    fn grid(&self) -> HeadGrid {
        self.grid
    }

    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn len(&self) -> usize {
        self.words.len()
    }

    fn words(&self, sentence: usize) -> &SentenceWords {
        &self.words[sentence]
    }

    fn vectors(&self) -> Option<&WordVectors> {
        self.vectors
    }

    fn attention(&self, sentence: usize, out: &mut [f32]) -> Result<(), SourceError> {
        let store = self.store.ok_or("no attention was computed for these sentences")?;
        store.words(sentence).ok_or("the encoder skipped it")?;
        store.read(sentence, out);
        Ok(())
    }
}
