//! Predictions of every head: computed once, kept on disk, and the chosen heads' written out for people.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context, Result};
use headlight_heads::{Baseline, Fold, Group, PredictionFile, PredictionKey, PredictionWriter, Selected, predict};
use headlight_report::tables::{Prediction, TableWriter};
use headlight_treebank::{Governor, Sentence, WordIdx, write_conllu};
use sha2::{Digest, Sha256};

use super::Predicted;
use crate::config::Split;
use crate::run::{Pass, Run, request};

/// Predicts every sentence of a split, or goes on where an interrupted run stopped.
pub fn predict_split(run: &mut Run, split: Split) -> Result<PredictionFile> {
    let key = key(run, split)?;
    let name: String = key[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let path = run.work_folder()?.join(format!("{name}.predictions"));
    let grid = run.model()?.model.spec().grid;
    let mut writer = PredictionWriter::resume(&path, grid, &key)?;
    let request = request(run.config());
    let pass = Pass { split, from: writer.len(), request: &request };
    let reduce = |_: &Sentence, _: &headlight_bert::Pieces, encoded: headlight_bert::Encoded| {
        encoded.words.as_ref().map(predict)
    };
    let encoded = run.encode(&pass, reduce, |_, predictions| match predictions {
        Some(predictions) => {
            let predictions = predictions.context("the encoder gave no attention over words")?;
            Ok(writer.push(&predictions)?)
        }
        None => Ok(writer.push_skipped()?),
    });
    // What came before an error, or Ctrl-C, is kept for the next call.
    let finished = writer.finish();
    encoded?;
    finished?;
    Ok(PredictionFile::open(&path, grid, &key)?)
}

/// A hash of all that predictions depend on.
fn key(run: &mut Run, split: Split) -> Result<PredictionKey> {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update(text.len().to_le_bytes());
        hasher.update(text);
    };
    add(env!("CARGO_PKG_VERSION"));
    for input in &run.model()?.inputs {
        add(&input.sha256);
    }
    for input in &run.treebank(split)?.inputs {
        add(&input.sha256);
    }
    let config = run.config();
    let (model, treebank) = (&config.model, &config.treebank);
    let random = if model.random_init { config.seed.to_string() } else { "trained".to_owned() };
    for key in [
        model.device.to_string(),
        model.attention.to_string(),
        random,
        treebank.format.to_string(),
        treebank.invalid.to_string(),
        treebank.input.to_string(),
        treebank.merge.to_string(),
        treebank.max_pieces.to_string(),
        treebank.max_sentences.to_string(),
    ] {
        add(&key);
    }
    Ok(hasher.finalize().into())
}

/// Writes what the chosen heads and offsets say about each word: the table `predictions`, and `predictions.conllu`, the
/// evaluated sentences with `Predicted=` (an id, or 0 for none) and `PredictedBy=` (a head and its direction) in MISC.
/// Each word is predicted by what was chosen for its relation; the table also has, for each aggregate it belongs to, what
/// the head chosen for that aggregate says, so that runs can be compared on aggregates too.
pub fn write(run: &mut Run, evaluate: &Predicted, selected: &Selected) -> Result<()> {
    let granularity = run.config().treebank.granularity();
    let mut table = TableWriter::<Prediction>::create(run.folder())?;
    let path = run.folder().join("predictions.conllu");
    let failed = || format!("cannot write {}", path.display());
    let mut conllu = BufWriter::new(File::create(&path).with_context(failed)?);
    evaluate.for_each(run, |sentence, predictions| {
        let mut annotated = sentence.clone().into_parts();
        for (index, word) in sentence.words().iter().enumerate() {
            for group in Group::of(word, granularity) {
                let Some(choice) = selection_for(selected, sentence).choice(&group) else { continue };
                let predicted = predictions.governor(choice.direction, choice.head, WordIdx::new(index));
                let mut push = |predictor: &str, predicted: Option<Governor>| {
                    table.push(&Prediction {
                        predictor: predictor.to_owned(),
                        scope: Some(group.name().to_owned()),
                        sent_id: sentence.sent_id().to_owned(),
                        word_id: (index + 1) as u32,
                        governor: id(word.governor),
                        relation: word.relation.full().to_owned(),
                        predicted: predicted.map(id),
                        correct: predicted == Some(word.governor),
                    })
                };
                push("best_head", predicted.map(Governor::Word))?;
                if let Group::Relation(_) = group {
                    push("best_offset", Baseline::Offset(choice.offset).governor(index, sentence.len()))?;
                    let by = format!("{}:{}", choice.head, choice.direction);
                    let note = format!("Predicted={}|PredictedBy={by}", predicted.map_or(0, WordIdx::id));
                    let misc = &mut annotated.words[index].misc;
                    *misc = Some(misc.take().map_or_else(|| note.clone(), |before| format!("{before}|{note}")));
                }
            }
        }
        let annotated = Sentence::new(annotated).context("MISC does not change the tree")?;
        write_conllu(&annotated, &mut conllu).with_context(failed)
    })?;
    conllu.flush().with_context(failed)?;
    Ok(table.finish()?)
}

/// CoNLL-U's HEAD.
fn id(governor: Governor) -> u32 {
    governor.word().map_or(0, |word| word.id() as u32)
}

/// The selection that a sentence is scored with.
fn selection_for<'a>(selected: &'a Selected, sentence: &Sentence) -> &'a headlight_heads::Selection {
    match selected {
        Selected::Elsewhere(selection) | Selected::Same(selection) => selection,
        Selected::TwoFold { first, second } => match Fold::of(sentence) {
            Fold::First => second,
            Fold::Second => first,
        },
    }
}
