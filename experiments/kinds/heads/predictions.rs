//! Predictions of every head: computed once, kept on disk, and the chosen heads' written out for people.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use headlight_attention::HeadGrid;
use headlight_bert::{Encoded, Pieces, Request};
use headlight_heads::{Group, HeadPredictions, PredictionFile, PredictionKey, PredictionWriter, Selected};
use headlight_report::explorer::{ExplorerSample, ExplorerSentence, WORDS};
use headlight_report::tables::Prediction;
use headlight_treebank::{Governor, Sentence, WordIdx, write_conllu};
use sha2::{Digest, Sha256};

use super::Predicted;
use crate::config::Split;
use crate::run::{Pass, Run, fold, merge_rule, request};

/// Predicts every sentence of a split, or goes on where an interrupted run stopped. Beside the predictions, the attention
/// of a sample of the sentences is kept for the reader of the report; of all others the encoder yields no more than the peaks.
pub fn predict_split(run: &mut Run, split: Split) -> Result<Predicted> {
    let key = key(run, split)?;
    let name: String = key[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = run.work_folder()?;
    let path = folder.join(format!("{name}.predictions"));
    let grid = run.model()?.model.spec().grid;
    let mut writer = PredictionWriter::resume(&path, grid, &key)?;
    let mut explored = Explored::resume(&folder.join(format!("{name}.explorer.json")), split, grid, writer.len());
    let request = Request { peaks: Some(merge_rule(run.config())), ..request(run.config()) };
    let granularity = run.config().treebank.granularity();
    let pass = Pass { split, from: writer.len(), request: &request };
    let bar = AtomicU64::new(if split == Split::Evaluate { explored.sample.bar() } else { 0 });
    // The attention of a few sentences is yielded in vain, because others lowered the bar meanwhile; that does no harm.
    let shown = |sentence: &Sentence| {
        WORDS.contains(&sentence.len()) && ExplorerSample::rank(sentence.sent_id()) < bar.load(Ordering::Relaxed)
    };
    let reduce = |sentence: &Sentence, _: &Pieces, encoded: Encoded| {
        let shown = encoded.words.map(|attention| ExplorerSentence::new(sentence, &attention, granularity));
        Some((HeadPredictions::from(encoded.peaks?), shown.flatten()))
    };
    let encoded = run.encode_as(&pass, shown, reduce, |_, reduced| match reduced {
        Some(reduced) => {
            let (predictions, shown) = reduced.context("the encoder gave no peaks of attention")?;
            if let Some(shown) = shown {
                explored.sample.push(shown);
                bar.store(explored.sample.bar(), Ordering::Relaxed);
            }
            Ok(writer.push(&predictions)?)
        }
        None => Ok(writer.push_skipped()?),
    });
    // What came before an error, or Ctrl-C, is kept for the next call.
    let kept = explored.keep().and_then(|()| Ok(writer.finish()?));
    encoded?;
    kept?;
    let file = PredictionFile::open(&path, grid, &key)?;
    Ok(Predicted { split, file, explorer: explored.sample.finish() })
}

/// The sentences of the report's explorer, kept beside the predictions so that both go on from the same sentence.
struct Explored {
    path: PathBuf,
    sample: ExplorerSample,
}

impl Explored {
    /// What an earlier call kept, if it got anywhere.
    fn resume(path: &Path, split: Split, grid: HeadGrid, done: usize) -> Self {
        let read = || serde_json::from_slice::<ExplorerSample>(&fs::read(path).ok()?).ok();
        let kept = if done == 0 { None } else { read() };
        let sample = kept.unwrap_or_else(|| ExplorerSample::new(split.name(), grid));
        Self { path: path.to_owned(), sample }
    }

    fn keep(&self) -> Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        fs::write(&self.path, serde_json::to_vec(&self.sample).with_context(failed)?).with_context(failed)
    }
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
        model.precision.to_string(),
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

/// Writes what the chosen heads and baselines say about each word: the table `predictions`, and `predictions.conllu`, the
/// evaluated sentences with `Predicted=` (an id, or 0 for none) and `PredictedBy=` (a head and its direction) in MISC.
/// Each word is predicted by what was chosen for its relation; the table also has, for each aggregate it belongs to, what
/// the head chosen for that aggregate says, so that runs can be compared on aggregates too.
pub fn write(run: &mut Run, evaluate: &Predicted, selected: &Selected) -> Result<()> {
    let (granularity, unit) = (run.config().treebank.granularity(), run.config().treebank.unit());
    let mut table = run.table::<Prediction>()?;
    let path = run.folder().join("predictions.conllu");
    let failed = || format!("cannot write {}", path.display());
    let mut conllu = BufWriter::new(File::create(&path).with_context(failed)?);
    let mut units = run.units();
    evaluate.for_each_numbered(run, |number, sentence, predictions| {
        units.push(sentence);
        let fold = fold(sentence, unit);
        let mut annotated = sentence.clone().into_parts();
        for (index, word) in sentence.words().iter().enumerate() {
            for group in Group::of(word, granularity) {
                let Some(choice) = selected.selection(fold).choice(&group) else { continue };
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
                        sentence: Some(number as u32 + 1),
                        form: Some(word.form.clone()),
                        document: units.document(),
                    })
                };
                push("best_head", predicted.map(Governor::Word))?;
                if let Group::Relation(_) = group {
                    push("best_baseline", choice.baseline.governor(index, sentence.len()))?;
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
