//! `kind = "trees"`: trees made of the attention of single heads, with nothing trained (METHOD §6; Raganato & Tiedemann
//! 2018, Htut et al. 2019).

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use headlight_attention::{AttentionHead, HeadGrid, WordAttention};
use headlight_heads::{Direction, Fold, words_only};
use headlight_probe::trees::maximum_spanning_tree;
use headlight_report::format::percent;
use headlight_report::stats::Counts;
use headlight_report::tables::{self, Table, write_table};
use headlight_treebank::Sentence;
use serde::{Deserialize, Serialize};

use super::Kind;
use super::heads::Selection;
use super::rooted::{chain, counted_arcs, found, of_head};
use crate::config::{Settings, Split};
use crate::run::{Outcome, Pass, Run, request};

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
    /// The undirected maximum spanning tree; the weight of an edge is the attention in both directions together.
    Undirected,
    /// The maximum arborescence from the root of the treebank; the weight of an arc is the attention in one direction.
    Rooted(Direction),
}

impl Decoding {
    const ALL: [Decoding; 3] = [
        Decoding::Undirected,
        Decoding::Rooted(Direction::DependentToGovernor),
        Decoding::Rooted(Direction::GovernorToDependent),
    ];

    fn name(self) -> &'static str {
        match self {
            Decoding::Undirected => "undirected",
            Decoding::Rooted(direction) => direction.name(),
        }
    }

    /// What is counted: `uuas`, or `uas` of words that are not the root.
    fn measure(self) -> &'static str {
        match self {
            Decoding::Undirected => "uuas",
            Decoding::Rooted(_) => "uas_given_root",
        }
    }
}

impl Kind for Trees {
    fn check(&self, config: &Settings) -> Result<()> {
        super::check_bootstrap(self.resamples, self.confidence)?;
        super::check_splits("trees", self.selection, config)
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let evaluate = score(run, Split::Evaluate)?;
        let select = match self.selection {
            Selection::Separate => Some(score(run, Split::Select)?),
            Selection::Folds | Selection::Same => None,
        };
        let clock = Instant::now();
        let best = Decoding::ALL.map(|decoding| self.choose(decoding, &evaluate, select.as_ref()));
        let mut rows = self.chosen_rows(run, &evaluate, &best)?;
        let findings = findings(&rows);
        let sheets = vec![headlight_report::head_trees_sheet(&rows)];
        rows.extend(head_rows(run.config(), Split::Evaluate, &evaluate));
        rows.extend(select.iter().flat_map(|select| head_rows(run.config(), Split::Select, select)));
        write_table(run.folder(), &rows)?;
        run.note_stage("score trees", clock);
        let optimistic = "The head was chosen on the sentences that it is scored on: its accuracy is optimistic.";
        Ok(Outcome {
            tables: vec![tables::HeadTree::NAME.to_owned()],
            facts: BTreeMap::new(),
            findings,
            warnings: (self.selection == Selection::Same).then(|| optimistic.to_owned()).into_iter().collect(),
            sheets,
            statistics: Some(super::bootstrap(self.resamples, self.confidence, run).into()),
            selection: Some(super::chosen_on(self.selection)),
        })
    }
}

/// What one sentence counts.
struct SentenceTrees {
    fold: Fold,
    /// Arcs without punctuation and root, whatever the decoding.
    total: u32,
    /// Right ones `[decoding, head]`, u16 since no sentence has more words.
    correct: Vec<u16>,
    /// Right ones where neighbours are joined: undirected, and given the root.
    baseline: [u16; 2],
}

/// The counts of a split, by sentence.
struct Scores {
    grid: HeadGrid,
    sentences: Vec<SentenceTrees>,
}

impl Scores {
    fn place(&self, decoding: usize, head: AttentionHead) -> usize {
        decoding * self.grid.len() + self.grid.number(head)
    }

    fn correct(&self, decoding: usize, head: AttentionHead, counted: impl Fn(&SentenceTrees) -> bool) -> u64 {
        let place = self.place(decoding, head);
        self.sentences.iter().filter(|sentence| counted(sentence)).map(|it| u64::from(it.correct[place])).sum()
    }

    fn total(&self) -> u64 {
        self.sentences.iter().map(|sentence| u64::from(sentence.total)).sum()
    }
}

fn score(run: &mut Run, split: Split) -> Result<Scores> {
    let grid = run.model()?.model.spec().grid;
    let mut sentences = Vec::new();
    let request = request(run.config());
    run.encode(
        &Pass { split, from: 0, request: &request },
        |sentence, _, encoded| trees_of(sentence, &encoded.words.expect("the request asks for attention over words")),
        |_, trees| {
            sentences.extend(trees);
            Ok(())
        },
    )?;
    Ok(Scores { grid, sentences })
}

fn trees_of(sentence: &Sentence, attention: &WordAttention) -> SentenceTrees {
    let (grid, words) = (attention.grid(), sentence.len());
    let gold = counted_arcs(sentence);
    let mut correct = vec![0; Decoding::ALL.len() * grid.len()];
    for head in grid.iter() {
        let weights = words_only(attention, head);
        for (number, decoding) in Decoding::ALL.into_iter().enumerate() {
            correct[number * grid.len() + grid.number(head)] = match decoding {
                Decoding::Undirected => {
                    let weight = |a: usize, b: usize| weights[a * words + b] + weights[b * words + a];
                    joined(&gold, &maximum_spanning_tree(words, weight))
                }
                Decoding::Rooted(direction) => {
                    of_head(sentence, &weights, direction).map_or(0, |governors| found(&gold, &governors) as u16)
                }
            };
        }
    }
    let neighbours: Vec<(usize, usize)> = (1..words).map(|word| (word - 1, word)).collect();
    let baseline = [joined(&gold, &neighbours), found(&gold, &chain(sentence)) as u16];
    SentenceTrees { fold: Fold::of(sentence), total: gold.len() as u32, correct, baseline }
}

/// How many arcs are edges of a tree, in either direction.
fn joined(arcs: &[(usize, usize)], edges: &[(usize, usize)]) -> u16 {
    let is_edge = |(a, b): &&(usize, usize)| edges.contains(&(*a, *b)) || edges.contains(&(*b, *a));
    arcs.iter().filter(is_edge).count() as u16
}

/// A head, and the fold of sentences that it is reported on; `None` for all.
type Chosen = Vec<(Option<Fold>, AttentionHead)>;

impl Trees {
    fn choose(&self, decoding: Decoding, evaluate: &Scores, select: Option<&Scores>) -> Chosen {
        let number = Decoding::ALL.iter().position(|it| *it == decoding).unwrap_or_default();
        let best = |scores: &Scores, counted: &dyn Fn(&SentenceTrees) -> bool| {
            let rank = |head: &AttentionHead| std::cmp::Reverse(scores.correct(number, *head, counted));
            scores.grid.iter().min_by_key(rank)
        };
        let chosen: Vec<(Option<Fold>, Option<AttentionHead>)> = match self.selection {
            Selection::Folds => [Fold::First, Fold::Second]
                .map(|fold| (Some(fold), best(evaluate, &|sentence| sentence.fold != fold)))
                .into(),
            Selection::Separate | Selection::Same => vec![(None, best(select.unwrap_or(evaluate), &|_| true))],
        };
        chosen.into_iter().filter_map(|(fold, head)| Some((fold, head?))).collect()
    }

    /// The chosen heads and the baseline, with intervals.
    fn chosen_rows(&self, run: &Run, scores: &Scores, best: &[Chosen; 3]) -> Result<Vec<tables::HeadTree>> {
        let bootstrap = super::bootstrap(self.resamples, self.confidence, run);
        let mut rows = Vec::new();
        for (number, (decoding, chosen)) in Decoding::ALL.into_iter().zip(best).enumerate() {
            let head_of = |sentence: &SentenceTrees| {
                chosen.iter().find(|(fold, _)| fold.is_none_or(|fold| fold == sentence.fold)).map(|(_, head)| *head)
            };
            let of_head: Vec<Counts> = scores
                .sentences
                .iter()
                .map(|sentence| {
                    let correct = head_of(sentence).map_or(0, |head| sentence.correct[scores.place(number, head)]);
                    Counts { correct: correct.into(), total: sentence.total }
                })
                .collect();
            let of_baseline: Vec<Counts> = scores
                .sentences
                .iter()
                .map(|sentence| Counts {
                    correct: sentence.baseline[usize::from(decoding != Decoding::Undirected)].into(),
                    total: sentence.total,
                })
                .collect();
            let intervals = bootstrap.intervals(&[&of_head, &of_baseline])?;
            let single = match &chosen[..] {
                [(_, head)] => Some(*head),
                _ => None,
            };
            for (predictor, counts, head, interval) in
                [("head", &of_head, single, intervals[0]), ("chain", &of_baseline, None, intervals[1])]
            {
                let (correct, total) = Counts::sum(counts);
                rows.push(tables::HeadTree {
                    ci_low: interval.map(|interval| interval.low),
                    ci_high: interval.map(|interval| interval.high),
                    ..row(run.config(), Split::Evaluate, decoding, predictor, head, correct, total)
                });
            }
        }
        Ok(rows)
    }
}

fn row(
    config: &Settings,
    split: Split,
    decoding: Decoding,
    predictor: &str,
    head: Option<AttentionHead>,
    correct: u64,
    total: u64,
) -> tables::HeadTree {
    tables::HeadTree {
        treebank: config.treebank.display_name(),
        split: split.name().to_owned(),
        predictor: predictor.to_owned(),
        layer_index: head.map(|head| head.layer as u32),
        head_index: head.map(|head| head.index as u32),
        tree: decoding.name().to_owned(),
        measure: decoding.measure().to_owned(),
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
            row(config, split, decoding, "each_head", Some(head), scores.correct(number, head, |_| true), total)
        })
    };
    Decoding::ALL.into_iter().enumerate().flat_map(of).collect()
}

fn share(row: &tables::HeadTree) -> String {
    percent(if row.total == 0 { 0.0 } else { row.correct as f64 / row.total as f64 })
}

fn named(row: &tables::HeadTree) -> String {
    let head = row.layer_index.zip(row.head_index);
    head.map_or_else(|| "by fold".to_owned(), |(layer, head)| format!("{}-{}", layer + 1, head + 1))
}

fn findings(rows: &[tables::HeadTree]) -> Vec<String> {
    let [head, chain, ..] = rows else { return Vec::new() };
    vec![format!(
        "The maximum spanning tree of head {} has {} % of the treebank's arcs (UUAS); joining neighbours has {} %.",
        named(head),
        share(head),
        share(chain)
    )]
}
