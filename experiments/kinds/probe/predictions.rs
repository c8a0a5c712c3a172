//! What predictors say about the evaluated sentences: as governors, as a table, as CoNLL-U.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use headlight_probe::{ArcScores, Examples, Probe, score, trees};
use headlight_report::tables::{Decoding, Prediction, TableWriter};
use headlight_treebank::{Governor, Sentence, WordIdx, reattach, write_conllu};

use crate::config::Split;
use crate::run::Run;

/// What is predicted for one sentence.
#[derive(Debug, Clone)]
pub enum Said {
    /// A governor for each word.
    Governors(Vec<Governor>),
    /// Arcs without direction.
    Arcs(Vec<(WordIdx, WordIdx)>),
}

/// A probe with a decoding, or a baseline, and what it says about every sentence; `None` where the encoder skipped it.
pub struct Predictor {
    pub probe: String,
    pub decoding: Option<Decoding>,
    pub seed: Option<u64>,
    /// The draw of random weights, counted from 0.
    pub draw: Option<usize>,
    /// Whether it stands for its probe in the predictions that are written: with several seeds the first does.
    pub written: bool,
    pub said: Vec<Option<Said>>,
}

impl Predictor {
    /// As the tables `predictions` and `differences` call it: the probe and its decoding.
    pub fn name(&self) -> String {
        match self.decoding {
            Some(decoding) => format!("{} {decoding}", self.probe),
            None => self.probe.clone(),
        }
    }
}

/// Predicts every usable sentence, decoded in the three ways.
///
/// # Errors
/// When the probe does not fit the examples.
pub fn predict<E: Examples>(
    probe: &Probe,
    examples: &E,
    usable: &[usize],
) -> Result<[(Decoding, Vec<Option<Said>>); 3]> {
    let nothing = || vec![None; examples.len()];
    let (mut argmax, mut tree, mut spanning) = (nothing(), nothing(), nothing());
    score(probe, examples, usable, |sentence, scores| {
        argmax[sentence] = Some(Said::Governors(scores.best_governors()));
        tree[sentence] = Some(Said::Governors(trees::maximum_arborescence(&scores)));
        spanning[sentence] = Some(Said::Arcs(spanning_tree(&scores, examples.words(sentence).punctuation())));
    })?;
    Ok([(Decoding::Argmax, argmax), (Decoding::Tree, tree), (Decoding::SpanningTree, spanning)])
}

/// Links words by their more probable direction: the weight of a pair is the larger of ln p(a | b) and ln p(b | a).
fn spanning_tree(scores: &ArcScores, punctuation: &[bool]) -> Vec<(WordIdx, WordIdx)> {
    let kept: Vec<WordIdx> = (0..scores.words()).filter(|at| !punctuation[*at]).map(WordIdx::new).collect();
    let normalizers: Vec<f32> = (0..scores.words()).map(|at| log_sum_exp(scores.row(WordIdx::new(at)))).collect();
    let log_p = |dependent: WordIdx, governor: WordIdx| {
        scores.score(dependent, Governor::Word(governor)) - normalizers[dependent.index()]
    };
    let weight = |a: usize, b: usize| log_p(kept[a], kept[b]).max(log_p(kept[b], kept[a]));
    let edges = trees::maximum_spanning_tree(kept.len(), weight);
    edges.into_iter().map(|(a, b)| (kept[a], kept[b])).collect()
}

fn log_sum_exp(row: &[f32]) -> f32 {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    highest + row.iter().map(|score| (score - highest).exp()).sum::<f32>().ln()
}

/// Writes the table `predictions`, behind what an earlier experiment of this run wrote there, and a file
/// `predictions-<probe>.conllu` for each probe that was decoded to trees: the evaluated sentences with the predicted
/// tree in the place of their own.
///
/// # Errors
/// Those of the treebank and of the file system.
pub fn write(run: &mut Run, predictors: &[Predictor]) -> Result<()> {
    let folder = run.folder().to_owned();
    let mut table = run.table::<Prediction>()?;
    let written: Vec<&Predictor> = predictors.iter().filter(|predictor| predictor.written).collect();
    let mut files = TreeFiles::create(&folder, &written)?;
    let mut units = run.units();
    for (number, sentence) in run.sentences(Split::Evaluate)?.enumerate() {
        let sentence = sentence?;
        units.push(&sentence);
        let place = Place { sentence: number as u32 + 1, document: units.document(number) };
        for predictor in &written {
            if let Some(Said::Governors(governors)) = &predictor.said[number] {
                push_rows(&mut table, predictor, &sentence, place, governors)?;
            }
        }
        files.push(number, &sentence)?;
    }
    files.finish()?;
    Ok(table.finish()?)
}

/// Where a sentence stands, as the table has it.
#[derive(Clone, Copy)]
struct Place {
    sentence: u32,
    document: Option<u32>,
}

fn push_rows(
    table: &mut TableWriter<Prediction>,
    predictor: &Predictor,
    sentence: &Sentence,
    place: Place,
    governors: &[Governor],
) -> Result<()> {
    let name = predictor.name();
    for (index, (word, predicted)) in sentence.words().iter().zip(governors).enumerate() {
        table.push(&Prediction {
            predictor: name.clone(),
            scope: None,
            sent_id: sentence.sent_id().to_owned(),
            word_id: index as u32 + 1,
            governor: id(word.governor),
            relation: word.relation.full().to_owned(),
            predicted: Some(id(*predicted)),
            correct: *predicted == word.governor,
            sentence: Some(place.sentence),
            form: Some(word.form.clone()),
            document: place.document,
        })?;
    }
    Ok(())
}

/// CoNLL-U's HEAD.
fn id(governor: Governor) -> u32 {
    governor.word().map_or(0, |word| word.id() as u32)
}

/// One CoNLL-U file for each predictor of trees.
struct TreeFiles<'a> {
    files: Vec<(&'a Predictor, PathBuf, BufWriter<File>)>,
}

impl<'a> TreeFiles<'a> {
    fn create(folder: &std::path::Path, predictors: &[&'a Predictor]) -> Result<Self> {
        let trees = predictors.iter().filter(|predictor| predictor.decoding == Some(Decoding::Tree));
        let files = trees.map(|predictor| {
            let path = folder.join(format!("predictions-{}.conllu", predictor.probe));
            let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
            Ok((*predictor, path, BufWriter::new(file)))
        });
        Ok(Self { files: files.collect::<Result<_>>()? })
    }

    fn push(&mut self, number: usize, sentence: &Sentence) -> Result<()> {
        for (predictor, path, file) in &mut self.files {
            if let Some(Said::Governors(governors)) = &predictor.said[number] {
                let predicted = reattach(sentence, governors, None)?;
                write_conllu(&predicted, file).with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        for (_, path, mut file) in self.files {
            file.flush().with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}
