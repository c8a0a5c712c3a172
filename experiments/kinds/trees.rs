//! `kind = "trees"`: trees made of the attention of single heads, with nothing trained (METHOD §6; Raganato & Tiedemann
//! 2018, Htut et al. 2019).

use std::cmp::Reverse;
use std::time::Instant;

use anyhow::{Context, Result};
use headlight_attention::{AttentionHead, HeadGrid, WordAttention};
use headlight_heads::{Direction, Fold, Selected, words_only};
use headlight_report::facts;
use headlight_report::tables::{
    self, ComparedMeasure, ComparingKind, Difference, Table, TreeMeasure, TreePredictor, TreeShape, write_table,
};
use headlight_report::{Compared, differences};
use headlight_stats::{Counts, Pair};
use headlight_treebank::Sentence;
use serde::{Deserialize, Serialize};

use super::Kind;
use super::shared::paired::{untested, write_differences};
use super::shared::rooted::{chain, counted_arcs, found, joined, neighbours, of_head, spanning_tree};
use super::shared::selection::{Selection, Splits, check_splits, is_elsewhere};
use super::shared::{bootstrap, check_bootstrap, split as to_table};
use crate::config::{Settings, Split, mirrored};
use crate::run::{Ask, Outcome, Record, Run, Stream, Units, Wants, fold};

mirrored! {
    /// A measure as `differences` has it.
    fn compared_by(TreeMeasure) -> ComparedMeasure { Uuas, UasGivenRoot }
}

/// The keys of `kind = "trees"`; see `[trees]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trees {
    selection: Selection,
    resamples: u32,
    confidence: f64,
}

/// How attention becomes a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Decoding {
    /// The undirected maximum spanning tree over the words that are no punctuation; the weight of an edge is the attention
    /// in both directions together.
    Undirected,
    /// The maximum arborescence from the root of the treebank; the weight of an arc is what the dependent gives.
    ByDependents,
    /// The same; the weight of an arc is what the governor gives.
    ByGovernors,
}

impl Decoding {
    const ALL: [Decoding; 3] = [Decoding::Undirected, Decoding::ByDependents, Decoding::ByGovernors];

    /// As tables have it.
    fn shape(self) -> TreeShape {
        match self {
            Decoding::Undirected => TreeShape::Undirected,
            Decoding::ByDependents => TreeShape::DependentToGovernor,
            Decoding::ByGovernors => TreeShape::GovernorToDependent,
        }
    }

    /// What is counted.
    fn measure(self) -> TreeMeasure {
        match self {
            Decoding::Undirected => TreeMeasure::Uuas,
            Decoding::ByDependents | Decoding::ByGovernors => TreeMeasure::UasGivenRoot,
        }
    }
}

impl Kind for Trees {
    const READS: super::Reads = super::Reads::Chosen;
    fn check(&self, config: &Settings) -> Result<()> {
        check_bootstrap(self.resamples, self.confidence)?;
        check_splits("trees", self.selection, config)
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        Ok(Splits::make(self.selection, |split| Ok(Box::new(record(run, split)) as Ask))?.into_each().collect())
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let splits = Splits::make(self.selection, |split| score(run, split))?;
        let clock = Instant::now();
        splits.evaluate.units.check("`treebank.evaluate`")?;
        let [undirected, by_dependent, by_governor] = Decoding::ALL.map(|decoding| best(decoding, &splits));
        let best = [undirected?, by_dependent?, by_governor?];
        let (mut rows, differences) = self.chosen_rows(run, &splits.evaluate, &best)?;
        rows.extend(splits.iter().flat_map(|(split, scores)| head_rows(run.settings(), split, scores)));
        write_table(run.folder(), &rows)?;
        write_differences(run, &differences)?;
        run.note_stage("score trees", clock);
        Ok(Outcome {
            tables: vec![tables::HeadTree::NAME.to_owned(), Difference::NAME.to_owned()],
            facts: facts::kept(&self.facts(&best)),
            warnings: Vec::new(),
            statistics: Some(bootstrap(self.resamples, self.confidence, run).into()),
            selection: Some(self.selection),
        })
    }
}

/// What one sentence counts.
#[derive(Clone, Serialize, Deserialize)]
struct SentenceTrees {
    /// Arcs without punctuation and root, whatever the decoding.
    total: u32,
    /// Right ones `[decoding, head]`, u16 since no sentence has more words.
    correct: Vec<u16>,
    /// Right ones where neighbours are joined: undirected, and given the root.
    baseline: [u16; 2],
}

/// The counts of a split, by sentence, and what statistics resample.
struct Scores {
    grid: HeadGrid,
    sentences: Vec<SentenceTrees>,
    folds: Vec<Fold>,
    units: Units,
}

impl Scores {
    fn place(&self, decoding: usize, head: AttentionHead) -> usize {
        decoding * self.grid.len() + self.grid.number(head)
    }

    /// The sentences, each with its fold.
    fn iter(&self) -> impl Iterator<Item = (Fold, &SentenceTrees)> {
        self.folds.iter().copied().zip(&self.sentences)
    }

    fn correct(&self, decoding: usize, head: AttentionHead, counted: impl Fn(Fold) -> bool) -> u64 {
        let place = self.place(decoding, head);
        self.iter().filter(|(fold, _)| counted(*fold)).map(|(_, it)| u64::from(it.correct[place])).sum()
    }

    fn total(&self) -> u64 {
        self.sentences.iter().map(|sentence| u64::from(sentence.total)).sum()
    }

    /// What `of` says is right in each sentence, added up by unit.
    fn by_unit(&self, of: impl Fn(Fold, &SentenceTrees) -> u16) -> Vec<Counts> {
        let count = |(fold, it): (Fold, &SentenceTrees)| Counts { correct: of(fold, it).into(), total: it.total };
        self.units.sums(&self.iter().map(count).collect::<Vec<_>>())
    }
}

/// What is counted of each sentence of a split.
fn record(run: &Run, split: Split) -> Record<Vec<SentenceTrees>> {
    Record::new(
        run,
        (Stream::Trees(split), Wants::words(run.settings().treebank.merge_rule())),
        "trees of single heads",
        Vec::new(),
        |item, _, encoded| {
            let attention = encoded.words.as_ref().context("the encoder gave no attention over words")?;
            Ok(trees_of(item.sentence()?, attention))
        },
        |all: &mut Vec<SentenceTrees>, trees| {
            all.push(trees);
            Ok(())
        },
    )
}

fn score(run: &mut Run, split: Split) -> Result<Scores> {
    let recorded = run.read(&record(run, split))?;
    run.books(Stream::Trees(split))?;
    let (grid, mut units, mut folds) = (run.checkpoint()?.grid, run.units(), Vec::new());
    for sentence in run.encoded(split, &recorded.skipped)? {
        let sentence = sentence?;
        units.push(&sentence);
        folds.push(fold(&sentence, units.unit()));
    }
    Ok(Scores { grid, sentences: recorded.sum, folds, units })
}

fn trees_of(sentence: &Sentence, attention: &WordAttention) -> SentenceTrees {
    let grid = attention.grid();
    let gold = counted_arcs(sentence);
    let mut correct = vec![0; Decoding::ALL.len() * grid.len()];
    for head in grid.iter() {
        let weights = words_only(attention, head);
        for (number, decoding) in Decoding::ALL.into_iter().enumerate() {
            let rooted =
                |direction| of_head(sentence, &weights, direction).map_or(0, |governors| found(&gold, &governors));
            let right = match decoding {
                Decoding::Undirected => joined(&gold, &spanning_tree(sentence, &weights)),
                Decoding::ByDependents => rooted(Direction::DependentToGovernor),
                Decoding::ByGovernors => rooted(Direction::GovernorToDependent),
            };
            correct[number * grid.len() + grid.number(head)] = right as u16;
        }
    }
    let baseline = [joined(&gold, &neighbours(sentence)) as u16, found(&gold, &chain(sentence)) as u16];
    SentenceTrees { total: gold.len() as u32, correct, baseline }
}

/// The best head of a decoding.
fn best(decoding: Decoding, splits: &Splits<Scores>) -> Result<Selected<AttentionHead>> {
    let number = Decoding::ALL.iter().position(|it| *it == decoding).unwrap_or_default();
    splits.choose(|scores, half| {
        let is_counted = |fold: Fold| half.is_none_or(|half| fold == half);
        let rank = |head: &AttentionHead| Reverse(scores.correct(number, *head, is_counted));
        scores.grid.iter().min_by_key(rank).context("the model has no head")
    })
}

impl Trees {
    /// The chosen heads and the baseline, with intervals; and what lies between them, decoding by decoding.
    fn chosen_rows(
        &self,
        run: &Run,
        scores: &Scores,
        best: &[Selected<AttentionHead>; 3],
    ) -> Result<(Vec<tables::HeadTree>, Vec<Difference>)> {
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let mut rows = Vec::new();
        let mut compared: Vec<(Decoding, String, Vec<Counts>, Vec<Counts>)> = Vec::new();
        for (number, (decoding, chosen)) in Decoding::ALL.into_iter().zip(best).enumerate() {
            let of_head = scores.by_unit(|fold, it| it.correct[scores.place(number, *chosen.of(fold))]);
            let of_baseline = scores.by_unit(|_, it| it.baseline[usize::from(decoding != Decoding::Undirected)]);
            let intervals = bootstrap.intervals(&[&of_head, &of_baseline])?;
            for (predictor, counts, head, interval) in [
                (TreePredictor::Head, &of_head, chosen.common().copied(), intervals[0]),
                (TreePredictor::Chain, &of_baseline, None, intervals[1]),
            ] {
                let (correct, total) = Counts::sum(counts);
                rows.push(tables::HeadTree {
                    ci_low: interval.map(|interval| interval.low),
                    ci_high: interval.map(|interval| interval.high),
                    ..row(run.settings(), Split::Evaluate, decoding, predictor, head, correct, total)
                });
            }
            compared.push((decoding, format!("head, {}", decoding.shape()), of_head, of_baseline));
        }
        let mut differences_of_all = Vec::new();
        for measure in TreeMeasure::ALL {
            let of_measure: Vec<Compared<'_>> = compared
                .iter()
                .filter(|(decoding, ..)| decoding.measure() == measure)
                .map(|(_, name, a, b)| Compared {
                    a: name,
                    b: TreePredictor::Chain.name(),
                    group: None,
                    counts: Pair { a, b },
                })
                .collect();
            let (kind, compared_by) = (ComparingKind::Trees, compared_by(measure));
            differences_of_all.extend(differences(kind, compared_by, &of_measure, scores.units.unit(), &bootstrap)?);
        }
        if !is_elsewhere(self.selection, run) {
            differences_of_all.iter_mut().for_each(untested);
        }
        Ok((rows, differences_of_all))
    }

    fn facts(&self, best: &[Selected<AttentionHead>; 3]) -> facts::Trees {
        let heads = |chosen: &Selected<AttentionHead>| chosen.iter().map(ToString::to_string).collect();
        let chosen =
            Decoding::ALL.iter().zip(best).map(|(decoding, chosen)| (decoding.shape().to_string(), heads(chosen)));
        facts::Trees { selection: Some(self.selection), chosen: chosen.collect() }
    }
}

fn row(
    config: &Settings,
    split: Split,
    decoding: Decoding,
    predictor: TreePredictor,
    head: Option<AttentionHead>,
    correct: u64,
    total: u64,
) -> tables::HeadTree {
    tables::HeadTree {
        treebank: config.treebank.display_name(),
        split: to_table(split),
        predictor,
        layer_index: head.map(|head| head.layer as u32),
        head_index: head.map(|head| head.index as u32),
        tree: decoding.shape(),
        measure: decoding.measure(),
        correct,
        total,
        ci_low: None,
        ci_high: None,
    }
}

/// Every head with every decoding.
fn head_rows(config: &Settings, split: Split, scores: &Scores) -> Vec<tables::HeadTree> {
    let total = scores.total();
    let of = |(number, decoding): (usize, Decoding)| {
        scores.grid.iter().map(move |head| {
            row(
                config,
                split,
                decoding,
                TreePredictor::EachHead,
                Some(head),
                scores.correct(number, head, |_| true),
                total,
            )
        })
    };
    Decoding::ALL.into_iter().enumerate().flat_map(of).collect()
}
