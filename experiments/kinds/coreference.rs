//! `kind = "coreference"`: whether heads attend from a mention to its antecedent, beside three baselines (METHOD §4;
//! paper §4.3).

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use headlight_attention::AttentionHead;
use headlight_heads::coreference::{
    AntecedentPredictor, CoreferenceCounts, CoreferenceOptions, CoreferenceScores, MentionGroup,
};
use headlight_heads::{Direction, Fold, Selected, coreference};
use headlight_report::facts;
use headlight_report::tables::{self, ComparedMeasure, ComparingKind, Difference, Table, TableWriter, write_table};
use headlight_report::{Compared, differences};
use headlight_stats::{Counts, Pair, Unit};
use headlight_treebank::coreference::{HeadRule, MentionType};
use serde::{Deserialize, Serialize};

use super::Kind;
use super::shared::paired::{untested, write_differences};
use super::shared::selection::{Selection, Splits, check_splits, is_elsewhere};
use super::shared::{bootstrap, check_bootstrap, direction as to_table, split as split_to_table};
use crate::config::{Input, Settings, Split, choice};
use crate::run::{Ask, Item, Outcome, Record, Rules, Run, Stream, Wants};

/// What the documents of a split say.
struct ScoredDocuments {
    /// Document by document.
    scores: CoreferenceScores,
    /// Mentions that were given again, and counted once.
    repeated_mentions: u64,
}

/// What one window counts: number and name of its document.
type OfWindow = (usize, String, CoreferenceCounts);

choice! {
    /// Which words a head may choose as antecedent.
    Candidates => coreference::Candidates { PrecedingMentions = "preceding", Mentions = "mentions", Words = "words" }
}
choice! {
    /// Which word is the head of a mention.
    MentionHead => HeadRule { Annotated = "annotated", TopOfSpan = "top" }
}

/// The keys of `kind = "coreference"`; see `[coreference]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coreference {
    selection: Selection,
    candidates: Candidates,
    singletons: bool,
    head: MentionHead,
    resamples: u32,
    confidence: f64,
}

impl Kind for Coreference {
    const READS: super::Reads = super::Reads::Documents;
    fn check(&self, config: &Settings) -> Result<()> {
        check_bootstrap(self.resamples, self.confidence)?;
        ensure!(
            config.treebank.input == Input::Words,
            "kind = \"coreference\" reads words, not surface text: set treebank.input = \"words\""
        );
        check_splits("coreference", self.selection, config)
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        Ok(Splits::make(self.selection, |split| Ok(Box::new(self.record(run, split)) as Ask))?.into_each().collect())
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let splits = Splits::make(self.selection, |split| self.score(run, split))?;
        let clock = Instant::now();
        let chosen = choose(&splits)?;
        let (rows, differences) = self.rows(run, &splits.evaluate.scores, &chosen)?;
        write_heads(run, &splits)?;
        write_table(run.folder(), &rows)?;
        write_differences(run, &differences)?;
        run.note_stage("score coreference", clock);
        let tables = [tables::Coreference::NAME, tables::CoreferenceHead::NAME, Difference::NAME];
        Ok(Outcome {
            tables: tables.map(ToOwned::to_owned).to_vec(),
            facts: facts::kept(&self.facts(&chosen, &splits.evaluate)),
            warnings: repeated(&splits).into_iter().collect(),
            statistics: Some(bootstrap(self.resamples, self.confidence, run).into()),
            selection: Some(self.selection),
        })
    }
}

/// A head and how it is read.
#[derive(Clone, Copy, PartialEq)]
struct Read {
    direction: Direction,
    head: AttentionHead,
}

/// The chosen head; none where no mention has an antecedent to choose it by.
type Chosen = Selected<Option<Read>>;

/// The head chosen, where halves agree on one.
fn common(chosen: &Chosen) -> Option<Read> {
    chosen.common().copied().flatten()
}

/// The head that is best over all mentions; with folds one for the documents of each.
fn choose(splits: &Splits<ScoredDocuments>) -> Result<Chosen> {
    splits.choose(|scored, half| {
        let counts = scored.scores.sum(|id| half.is_none_or(|half| Fold::of_name(id) == half));
        let best = counts.best(MentionGroup::All).map(|(direction, head)| Read { direction, head });
        ensure!(
            half.is_none() || best.is_some(),
            "selection = \"folds\" needs more documents: one fold has no mention with an antecedent"
        );
        Ok(best)
    })
}

impl Coreference {
    /// What the windows of a split count, one by one.
    fn record(&self, run: &Run, split: Split) -> Record<Vec<OfWindow>> {
        Record::new(
            run,
            (self.stream(split), Wants::words(run.settings().treebank.merge_rule())),
            "mentions and antecedents",
            Vec::new(),
            |item, _, encoded| {
                let Item::Window(number, document, window) = item else { bail!("windows are what is read here") };
                let attention = encoded.words.as_ref().context("the encoder gave no attention over words")?;
                Ok((*number, document.to_string(), window.score(attention)))
            },
            |windows: &mut Vec<OfWindow>, of_window| {
                windows.push(of_window);
                Ok(())
            },
        )
    }

    /// Scores all heads and baselines on the mentions of a split, document by document.
    fn score(&self, run: &mut Run, split: Split) -> Result<ScoredDocuments> {
        let recorded = run.read(&self.record(run, split))?;
        let limit = run.settings().treebank.max_pieces.min(run.model()?.model.spec().max_pieces());
        let mut scores = CoreferenceScores::new(run.checkpoint()?.grid);
        recorded.sum.iter().for_each(|(number, document, counts)| scores.add(*number, document, counts));
        let books = run.books(self.stream(split))?;
        ensure!(
            scores.sum(|_| true).total(MentionGroup::All) > 0,
            "`treebank.{}` ({}) has {} mentions, and none with an antecedent in its window of {limit} pieces; coreference is \
             read from `Entity=` in MISC (CorefUD) or from CoNLL-2012 (treebank.format = \"conll2012\")",
            split.name(),
            books.summary.files.join(", "),
            books.mentions
        );
        Ok(ScoredDocuments { scores, repeated_mentions: books.repeated_mentions })
    }

    fn stream(&self, split: Split) -> Stream {
        let options = CoreferenceOptions { candidates: self.candidates.into(), singletons: self.singletons };
        Stream::Windows(split, Rules { head: self.head.into(), options })
    }

    /// The chosen head and the baselines on every group of mentions, with intervals over documents; and what lies between
    /// the head and each baseline.
    fn rows(
        &self,
        run: &Run,
        scores: &CoreferenceScores,
        chosen: &Chosen,
    ) -> Result<(Vec<tables::Coreference>, Vec<Difference>)> {
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let common = common(chosen);
        let counts = |group: MentionGroup, predictor: Option<AntecedentPredictor>| -> Vec<Counts> {
            let of_document = |(id, counts): (&str, &CoreferenceCounts)| {
                let by_head = || {
                    let Read { direction, head } = (*chosen.of(Fold::of_name(id)))?;
                    Some(AntecedentPredictor::Head { direction, head })
                };
                let correct = predictor.or_else(by_head).map_or(0, |predictor| counts.correct(group, predictor));
                Counts { correct, total: counts.total(group) }
            };
            scores.documents().map(of_document).collect()
        };
        // One document alone has nothing to be resampled.
        let several = scores.documents().count() > 1;
        let by_head = MentionGroup::ALL.map(|group| counts(group, None));
        let mut rows = Vec::new();
        let mut of_baselines = Vec::new();
        for predictor in AntecedentPredictor::BASELINES.map(Some).into_iter().chain([None]) {
            for (number, group) in MentionGroup::ALL.into_iter().enumerate() {
                let counts = counts(group, predictor);
                let interval = bootstrap.intervals(&[&counts])?.into_iter().next().flatten().filter(|_| several);
                let (correct, total) = Counts::sum(&counts);
                let of_head = common.filter(|_| predictor.is_none());
                rows.push(tables::Coreference {
                    corpus: run.settings().treebank.display_name(),
                    split: tables::Split::Evaluate,
                    predictor: predictor.map_or(tables::AntecedentPredictor::Head, named),
                    layer_index: of_head.map(|read| read.head.layer as u32),
                    head_index: of_head.map(|read| read.head.index as u32),
                    direction: of_head.map(|read| to_table(read.direction)),
                    mention_type: mention_type(group),
                    correct,
                    total,
                    ci_low: interval.map(|interval| interval.low),
                    ci_high: interval.map(|interval| interval.high),
                });
                of_baselines.extend(predictor.map(|predictor| (number, group, predictor, counts)));
            }
        }
        rows.retain(|row| row.total > 0);
        let compared: Vec<Compared<'_>> = of_baselines
            .iter()
            .map(|(number, group, predictor, counts)| Compared {
                a: "head",
                b: named(*predictor).name(),
                group: (*group != MentionGroup::All).then(|| mention_type(*group).name()),
                counts: Pair { a: &by_head[*number], b: counts },
            })
            .collect();
        let mut differences = match several {
            true => differences(
                ComparingKind::Coreference,
                ComparedMeasure::AntecedentsFound,
                &compared,
                Unit::Document,
                &bootstrap,
            )?,
            false => Vec::new(),
        };
        if !is_elsewhere(self.selection, run) {
            differences.iter_mut().for_each(untested);
        }
        Ok((rows, differences))
    }

    fn facts(&self, chosen: &Chosen, evaluate: &ScoredDocuments) -> facts::Coreference {
        let choice = |(number, read): (usize, &Read)| facts::ChosenHead {
            head: read.head.to_string(),
            direction: to_table(read.direction),
            reported_on: match chosen {
                Selected::TwoFold { .. } => format!("fold {}", number + 1),
                Selected::Elsewhere(_) | Selected::Same(_) => "all documents".to_owned(),
            },
        };
        facts::Coreference {
            selection: Some(self.selection),
            choices: chosen.iter().flatten().enumerate().map(choice).collect(),
            documents: evaluate.scores.documents().count() as u64,
            repeated_mentions: evaluate.repeated_mentions,
        }
    }
}

/// A predictor as tables have it.
fn named(predictor: AntecedentPredictor) -> tables::AntecedentPredictor {
    match predictor {
        AntecedentPredictor::Head { .. } => tables::AntecedentPredictor::Head,
        AntecedentPredictor::Nearest => tables::AntecedentPredictor::Nearest,
        AntecedentPredictor::HeadMatch => tables::AntecedentPredictor::HeadMatch,
        AntecedentPredictor::Sieves => tables::AntecedentPredictor::Sieves,
    }
}

/// Mentions as tables have them.
fn mention_type(group: MentionGroup) -> tables::MentionType {
    match group {
        MentionGroup::All => tables::MentionType::All,
        MentionGroup::Type(MentionType::Pronoun) => tables::MentionType::Pronoun,
        MentionGroup::Type(MentionType::Proper) => tables::MentionType::Proper,
        MentionGroup::Type(MentionType::Nominal) => tables::MentionType::Nominal,
    }
}

/// Of all splits; facts know of one.
fn repeated(splits: &Splits<ScoredDocuments>) -> Option<String> {
    let repeated: u64 = splits.iter().map(|(_, scored)| scored.repeated_mentions).sum();
    let mentions = if repeated == 1 { "1 mention is".to_owned() } else { format!("{repeated} mentions are") };
    (repeated > 0).then(|| {
        format!(
            "{mentions} given again, with the same words for the same entity: counted once, as the CoNLL-2012 scorer does."
        )
    })
}

/// Writes the table `coreference_heads`: every head in both directions on every split.
fn write_heads(run: &Run, splits: &Splits<ScoredDocuments>) -> Result<()> {
    let mut writer = TableWriter::<tables::CoreferenceHead>::create(run.folder())?;
    for (split, scored) in splits.iter() {
        let counts = scored.scores.sum(|_| true);
        for group in MentionGroup::ALL.into_iter().filter(|&group| counts.total(group) > 0) {
            for direction in Direction::BOTH {
                for head in counts.grid().iter() {
                    let predictor = AntecedentPredictor::Head { direction, head };
                    push_head(&mut writer, run.settings(), split, group, predictor, &counts)?;
                }
            }
        }
    }
    Ok(writer.finish()?)
}

fn push_head(
    writer: &mut TableWriter<tables::CoreferenceHead>,
    config: &Settings,
    split: Split,
    group: MentionGroup,
    predictor: AntecedentPredictor,
    counts: &CoreferenceCounts,
) -> Result<()> {
    let AntecedentPredictor::Head { direction, head } = predictor else { return Ok(()) };
    Ok(writer.push(&tables::CoreferenceHead {
        corpus: config.treebank.display_name(),
        split: split_to_table(split),
        layer_index: head.layer as u32,
        head_index: head.index as u32,
        direction: to_table(direction),
        mention_type: mention_type(group),
        correct: counts.correct(group, predictor).into(),
        total: counts.total(group).into(),
    })?)
}
