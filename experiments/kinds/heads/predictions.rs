//! Predictions of every head for a split, what the report shows beside them, and the chosen heads' written out for people.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use headlight_heads::{AttentionScores, Choices, Directions, Group, HeadPredictions, Related, Relations};
use headlight_report::tables::{Prediction, TableWriter};
use headlight_treebank::{Governor, Granularity, Sentence, WordIdx, write_conllu};

use super::Predicted;
use super::explored::Explored;
use crate::config::Split;
use crate::kinds::shared::predictions::{Predictions, Rows};
use crate::run::{Ask, Record, Run, Stream, Wants};

/// What is wanted of a split beside predictions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// How maps are read.
    pub rows: Rows,
    /// The directions in which heads are read.
    pub directions: Directions,
    /// What is counted.
    pub relations: Relations,
    /// Whether some sentences are shown to the reader of the report.
    pub explorer: bool,
    /// Whether shares of attention and ranks of governors are summed up.
    pub attention: bool,
}

impl Asked {
    /// What is asked of the passes over a split.
    ///
    /// # Errors
    /// When the model or the treebank cannot be read.
    pub fn asks(self, run: &mut Run, split: Split) -> Result<Vec<Ask>> {
        let predictions = Predictions::new(run, Stream::Trees(split), self.rows).in_directions(run, self.directions)?;
        let mut asks: Vec<Ask> = vec![Box::new(predictions)];
        if self.explorer {
            asks.push(Box::new(Explored::choose(run, split, self.rows)?.record(run)));
        }
        if self.attention {
            asks.push(Box::new(sums(run, split, &self)?));
        }
        Ok(asks)
    }
}

/// Predicts every sentence of a split, or takes what is there.
pub fn predict_split(run: &mut Run, split: Split, asked: Asked) -> Result<Predicted> {
    let predictions = Predictions::new(run, Stream::Trees(split), asked.rows).in_directions(run, asked.directions)?;
    let file = predictions.read(run)?;
    run.books(Stream::Trees(split))?;
    let explorer = match asked.explorer {
        true => Explored::choose(run, split, asked.rows)?.read(run)?,
        false => None,
    };
    let attention = match asked.attention {
        true => {
            let sums = sums(run, split, &asked)?;
            let [full, universal] = run.read(&sums)?.sum;
            Some(if asked.relations.granularity() == Granularity::Full { full } else { universal })
        }
        false => None,
    };
    let sentences = run.readable(Stream::Trees(split))?;
    Ok(Predicted { split, sentences, file, relations: asked.relations, explorer, attention })
}

/// Sums of attention per relation, with subtypes and without, added in the order of sentences: the same digits on any number of
/// threads, and however relations are told apart. Paths are named by the treebank's granularity, and counted with that alone.
fn sums(run: &mut Run, split: Split, asked: &Asked) -> Result<Record<[AttentionScores; 2]>> {
    const BOTH: [Granularity; 2] = [Granularity::Full, Granularity::Universal];
    let (rows, own) = (asked.rows, asked.relations.granularity());
    let each = BOTH.map(|it| if it == own { asked.relations.clone() } else { Relations::from(it) });
    let paths = asked.relations.paths().collect::<Vec<_>>().join(" ");
    let grid = run.checkpoint()?.grid;
    let wants = Wants::words(run.settings().treebank.merge_rule());
    let record = Record::new(
        run,
        (Stream::Trees(split), wants),
        "attention on governors",
        BOTH.map(|_| AttentionScores::new(grid)),
        move |item, _, encoded| {
            Ok(AttentionScores::of_each(item.sentence()?, rows.maps(encoded)?.as_ref(), each.each_ref())?)
        },
        |all: &mut [AttentionScores; 2], sums: [AttentionScores; 2]| {
            all.iter_mut().zip(&sums).for_each(|(all, sums)| all.merge(sums));
            Ok(())
        },
    );
    let record = record.depends(rows);
    Ok(if paths.is_empty() { record } else { record.depends(format!("{own:?} {paths}")) })
}

/// What the chosen heads and baselines say about each word, being written: two files that are written side by side.
pub struct Written {
    /// The table `predictions`.
    pub rows: WordRows,
    /// `predictions.conllu`.
    pub annotated: Annotated,
}

impl Written {
    /// Creates the files.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn create(run: &Run) -> Result<Self> {
        let path = run.folder().join("predictions.conllu");
        let conllu = File::create(&path).with_context(|| cannot_write(&path))?;
        let annotated = Annotated { conllu: BufWriter::new(conllu), path };
        Ok(Self { rows: WordRows(run.table()?), annotated })
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn finish(self) -> Result<()> {
        let Annotated { mut conllu, path } = self.annotated;
        conllu.flush().with_context(|| cannot_write(&path))?;
        Ok(self.rows.0.finish()?)
    }
}

/// Rows of what was predicted. Each word is predicted by what was chosen for its relation; the table also has, for each aggregate it
/// belongs to, what the head chosen for that aggregate says, so that runs can be compared on aggregates too, and for each path that
/// it is the lower end of, what the head chosen for the path says of the upper end.
pub struct WordRows(TableWriter<Prediction>);

impl WordRows {
    /// Writes of a sentence, the `number`-th of its split counted from 0, what was predicted for it by what was chosen for it.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn push(
        &mut self,
        (number, document): (usize, Option<u32>),
        sentence: &Sentence,
        predictions: &HeadPredictions,
        choices: &Choices,
    ) -> Result<()> {
        for Related { word: index, governor: wanted, groups } in choices.relations().of(sentence) {
            let word = &sentence.words()[index];
            let mut row = Prediction {
                predictor: String::new(),
                scope: None,
                sent_id: sentence.sent_id().to_owned(),
                word_id: (index + 1) as u32,
                governor: id(word.governor),
                relation: word.relation.full().to_owned(),
                predicted: None,
                correct: false,
                sentence: Some(number as u32 + 1),
                form: Some(word.form.clone()),
                document,
            };
            for group in groups {
                let Some(choice) = choices.choice(&group) else { continue };
                let predicted = predictions.answer(choice.direction, choice.head, WordIdx::new(index), wanted);
                row.scope = Some(group.name().to_owned());
                let mut push = |predictor: &str, predicted: Option<Governor>| {
                    predictor.clone_into(&mut row.predictor);
                    (row.predicted, row.correct) = (predicted.map(id), predicted == Some(wanted));
                    self.0.push(&row)
                };
                push("best_head", predicted.map(Governor::Word))?;
                if let Group::Relation(_) | Group::Path(_) = group {
                    push("best_baseline", choice.baseline.governor(index, sentence.len(), wanted))?;
                }
            }
        }
        Ok(())
    }
}

/// The evaluated sentences with `Predicted=` (an id, or 0 for none) and `PredictedBy=` (a head and its direction) in MISC.
pub struct Annotated {
    conllu: BufWriter<File>,
    path: PathBuf,
}

impl Annotated {
    /// Writes a sentence with what was predicted for it by what was chosen for it.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn push(&mut self, sentence: &Sentence, predictions: &HeadPredictions, choices: &Choices) -> Result<()> {
        let mut annotated = sentence.clone().into_parts();
        for Related { word: index, governor: wanted, groups } in choices.relations().of(sentence) {
            for group in groups {
                let (Group::Relation(_), Some(choice)) = (&group, choices.choice(&group)) else { continue };
                let predicted = predictions.answer(choice.direction, choice.head, WordIdx::new(index), wanted);
                let by = format!("{}:{}", choice.head, choice.direction);
                let note = format!("Predicted={}|PredictedBy={by}", predicted.map_or(0, WordIdx::id));
                let misc = &mut annotated.words[index].misc;
                *misc = Some(misc.take().map_or_else(|| note.clone(), |before| format!("{before}|{note}")));
            }
        }
        let annotated = Sentence::new(annotated).context("MISC does not change the tree")?;
        write_conllu(&annotated, &mut self.conllu).with_context(|| cannot_write(&self.path))
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// CoNLL-U's HEAD.
fn id(governor: Governor) -> u32 {
    governor.word().map_or(0, |word| word.id() as u32)
}
