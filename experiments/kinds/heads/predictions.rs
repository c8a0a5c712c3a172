//! Predictions of every head: computed once, kept on disk, and the chosen heads' written out for people.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context, Result};
use headlight_attention::HeadGrid;
use headlight_bert::{Encoded, Pieces};
use headlight_heads::{
    AttentionScores, Choices, Group, HeadPredictions, PredictionFile, PredictionKey, PredictionWriter, Selected,
};
use headlight_report::explorer::ExplorerSentence;
use headlight_report::tables::Prediction;
use headlight_treebank::{Governor, Sentence, WordIdx, write_conllu};
use sha2::{Digest, Sha256};

use super::Predicted;
use super::explored::Explored;
use super::reading::Rows;
use crate::config::Split;
use crate::run::{Pass, Run, Steps, Wanted, fold};

/// What is wanted of a split beside predictions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    /// How maps are read.
    pub rows: Rows,
    /// Whether some sentences are shown to the reader of the report.
    pub explorer: bool,
    /// Whether shares of attention and ranks of governors are summed up.
    pub attention: bool,
}

/// After so many sentences the sums of attention are kept on disk.
const KEPT: usize = 500;

/// Predicts every sentence of a split, or goes on where an interrupted run stopped. The encoder yields no more than the
/// peaks, but for the sentences that the report shows, and where attention itself is asked for.
pub fn predict_split(run: &mut Run, split: Split, asked: Asked) -> Result<Predicted> {
    let key = key(run, split, asked.rows)?;
    let name: String = key[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let path = run.work_folder()?.join(format!("{name}.predictions"));
    let grid = run.model()?.model.spec().grid;
    let granularity = run.config().treebank.granularity();
    let mut writer = PredictionWriter::resume(&path, grid, &key)?;
    if writer.was_damaged() {
        tracing::warn!("{} is damaged after sentence {}: the rest is done again", path.display(), writer.len());
    }
    let mut explored = if asked.explorer { Explored::choose(run, split)? } else { Explored::none(split, grid) };
    let mut summed = if asked.attention { Some(Summed::resume(run, &name, grid, writer.len())?) } else { None };

    let from = writer.len();
    if from > 0 {
        tracing::info!("going on after {from} sentences of {} that are predicted already", split.name());
    }
    let summed_before = summed.as_ref().map_or(from, |summed| summed.done);
    let all_maps = asked.rows.needs_maps() || asked.attention;
    let shown: BTreeSet<usize> = explored.numbers().clone();
    let wanted = |number: usize, _: &Sentence| match shown.contains(&number) || (number >= summed_before && all_maps) {
        true => Wanted::Attention,
        false if number < from => Wanted::Nothing,
        false => Wanted::Peaks,
    };
    let reduce = |number: usize, sentence: &Sentence, _: &Pieces, encoded: Encoded| {
        let (predictions, attention) = asked.rows.read(encoded).context("the encoder gave no attention")?;
        let mut reduced = Reduced { predictions, shown: None, sums: None };
        if let Some(attention) = attention {
            let shown = shown.contains(&number).then(|| ExplorerSentence::new(sentence, &attention, granularity));
            reduced.shown = shown.flatten();
            if asked.attention && number >= summed_before {
                reduced.sums = Some(AttentionScores::of(sentence, &attention, granularity)?);
            }
        }
        Ok(reduced)
    };
    let request = asked.rows.request(run.config());
    let encoded = run.encode_wanted(&Pass { split, from, request: &request }, wanted, reduce, |number, _, reduced| {
        let reduced: Option<Result<Reduced>> = reduced;
        let Some(Reduced { predictions, shown, sums }) = reduced.transpose()? else {
            return Ok(writer.push_skipped()?);
        };
        if number >= from {
            writer.push(&predictions)?;
        }
        if let Some(shown) = shown {
            explored.push(number, shown);
        }
        if let (Some(summed), Some(sums)) = (&mut summed, sums) {
            summed.add(number, &sums);
            if summed.done.is_multiple_of(KEPT) {
                writer.flush()?;
                summed.keep()?;
            }
        }
        Ok(())
    });
    // What came before an error, or Ctrl-C, is kept for the next call.
    let kept = writer.finish().map_err(Into::into).and_then(|_| summed.as_ref().map_or(Ok(()), Summed::keep));
    encoded?;
    kept?;
    let file = PredictionFile::open(&path, grid, &key)?;
    Ok(Predicted { split, file, explorer: explored.finish(), attention: summed.map(|summed| summed.scores) })
}

/// What is kept of a sentence when it was encoded.
struct Reduced {
    predictions: HeadPredictions,
    shown: Option<ExplorerSentence>,
    sums: Option<AttentionScores>,
}

/// Sums of attention over the sentences before `done`, kept on disk from time to time. After an interruption the sentences
/// from there on are encoded, though some of them were predicted before.
struct Summed {
    steps: Steps,
    done: usize,
    scores: AttentionScores,
}

impl Summed {
    /// What an earlier call kept, as far as it goes no further than its predictions do.
    fn resume(run: &Run, name: &str, grid: HeadGrid, predicted: usize) -> Result<Self> {
        let steps = run.steps()?.of(name);
        let kept = steps.kept::<(usize, AttentionScores)>(ATTENTION);
        let fits = |(done, scores): &(usize, AttentionScores)| *done <= predicted && scores.grid() == grid;
        let (done, scores) = kept.filter(fits).unwrap_or_else(|| (0, AttentionScores::new(grid)));
        Ok(Self { steps, done, scores })
    }

    fn add(&mut self, number: usize, sums: &AttentionScores) {
        self.scores.merge(sums);
        self.done = number + 1;
    }

    fn keep(&self) -> Result<()> {
        self.steps.keep(ATTENTION, &(self.done, &self.scores))
    }
}

/// The name of the step that holds sums of attention.
const ATTENTION: &str = "attention";

/// A hash of all that predictions depend on.
fn key(run: &mut Run, split: Split, rows: Rows) -> Result<PredictionKey> {
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
    let random = run.model()?.random_seed().map_or_else(|| "trained".to_owned(), |seed| seed.to_string());
    let config = run.config();
    let (model, treebank) = (&config.model, &config.treebank);
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
        rows.to_string(),
    ] {
        add(&key);
    }
    Ok(hasher.finalize().into())
}

/// Writes what the chosen heads and baselines say about each word: the table `predictions`, and `predictions.conllu`, the
/// evaluated sentences with `Predicted=` (an id, or 0 for none) and `PredictedBy=` (a head and its direction) in MISC.
/// Each word is predicted by what was chosen for its relation; the table also has, for each aggregate it belongs to, what
/// the head chosen for that aggregate says, so that runs can be compared on aggregates too.
pub fn write(run: &mut Run, evaluate: &Predicted, selected: &Selected<Choices>) -> Result<()> {
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
                let Some(choice) = selected.of(fold).choice(&group) else { continue };
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
