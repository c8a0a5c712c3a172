//! `kind = "ensembles"`: heads that find a relation together, and the labelled trees that the ensembles of all relations
//! make (METHOD §6; Limisiewicz et al. 2020).

mod trees;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use headlight_attention::WordAttention;
use headlight_heads::ensembles::{Ensemble, EnsembleKey, EnsembleRound, EnsembleSearch};
use headlight_heads::{Direction, among_words};
use headlight_report::format::percent;
use headlight_report::stats::{Bootstrap, Counts, Pair};
use headlight_report::tables::{self, Table, write_table};
use headlight_treebank::{Granularity, Sentence};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::trees::{Parsers, SentenceTrees};
use super::Kind;
use crate::config::{Settings, Split, choice};
use crate::run::{Outcome, Pass, Run, request};

choice! {
    /// On which sentences heads are gathered.
    Selection { Separate = "separate", Same = "same" }
}
choice! {
    /// What the rows of a map are.
    Rows { Renormalised = "renormalised", Raw = "raw" }
}

impl Rows {
    /// Attention as ensembles read it.
    fn of(self, attention: WordAttention) -> WordAttention {
        match self {
            Rows::Renormalised => among_words(&attention),
            Rows::Raw => attention,
        }
    }
}

impl From<Selection> for super::heads::Selection {
    fn from(selection: Selection) -> Self {
        match selection {
            Selection::Separate => Self::Separate,
            Selection::Same => Self::Same,
        }
    }
}

/// The keys of `kind = "ensembles"`; see `[ensembles]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ensembles {
    selection: Selection,
    rows: Rows,
    heads: usize,
    min_total: u64,
    relations: Vec<String>,
    accuracy_power: f64,
    resamples: u32,
    confidence: f64,
}

impl Kind for Ensembles {
    fn check(&self, config: &Settings) -> Result<()> {
        super::check_bootstrap(self.resamples, self.confidence)?;
        ensure!(self.heads > 0, "`heads` is 0; an ensemble has at least one head");
        if let Some(relation) = super::repeated(&self.relations) {
            bail!("`relations` names {relation:?} twice");
        }
        ensure!(
            self.accuracy_power.is_finite() && self.accuracy_power >= 0.0,
            "`accuracy_power` is {}; it is 0 (both directions alike) or more, such as 1",
            self.accuracy_power
        );
        super::check_splits("ensembles", self.selection.into(), config)
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let split = match self.selection {
            Selection::Separate => Split::Select,
            Selection::Same => Split::Evaluate,
        };
        let chosen = Chosen(self.gather(run, split)?);
        let parsers = self.parsers(run, split, &chosen.0)?;
        let (scored, trees) = self.evaluate(run, &chosen, parsers.as_ref())?;
        let clock = Instant::now();
        let bootstrap = super::bootstrap(self.resamples, self.confidence, run);
        let rows = self.rows(run.config(), &chosen, &scored, &bootstrap)?;
        write_table(run.folder(), &rows)?;
        let mut outcome = Outcome {
            tables: vec![tables::Ensemble::NAME.to_owned()],
            facts: BTreeMap::from([("rows".to_owned(), json!(self.rows))]),
            findings: findings(&rows),
            sheets: vec![headlight_report::ensembles_sheet(&rows)],
            ..Outcome::default()
        };
        if self.selection == Selection::Same {
            let optimistic =
                "Heads were gathered on the sentences that they are scored on: the accuracies are optimistic.";
            outcome.warnings.push(optimistic.to_owned());
        }
        match &parsers {
            Some(parsers) => {
                let rows = parsers.rows(run.config(), &trees, &bootstrap)?;
                write_table(run.folder(), &rows)?;
                outcome.tables.push(tables::EnsembleTree::NAME.to_owned());
                outcome.facts.insert("tree_relations".to_owned(), json!(parsers.relations()));
                outcome.findings.extend(trees::findings(&rows, &parsers.relations()));
                outcome.sheets.push(headlight_report::ensemble_trees_sheet(&rows));
            }
            None => outcome.warnings.push(format!(
                "The ensembles made no trees: none is of a relation that `relations` names ({}).",
                self.relations.join(", ")
            )),
        }
        run.note_stage("score ensembles", clock);
        Ok(Outcome {
            statistics: Some(bootstrap.into()),
            selection: Some(super::chosen_on(self.selection.into())),
            ..outcome
        })
    }
}

/// The ensembles of relations with enough words to select on.
struct Chosen(BTreeMap<EnsembleKey, Ensemble>);

impl Ensembles {
    /// One pass over the encoder for each head that the largest ensemble has.
    fn gather(&self, run: &mut Run, split: Split) -> Result<BTreeMap<EnsembleKey, Ensemble>> {
        let granularity = run.config().treebank.granularity();
        let mut search = EnsembleSearch::new(run.model()?.model.spec().grid, granularity, self.heads);
        let request = request(run.config());
        loop {
            let mut round = EnsembleRound::default();
            run.encode(
                &Pass { split, from: 0, request: &request },
                |sentence, _, encoded| search.observe(sentence, &self.rows.of(words(encoded))),
                |_, counts| {
                    counts.iter().for_each(|counts| round.merge(counts));
                    Ok(())
                },
            )?;
            if !search.step(&round) {
                break;
            }
        }
        let mut ensembles = search.ensembles().clone();
        ensembles.retain(|_, ensemble| ensemble.total >= self.min_total && !ensemble.heads.is_empty());
        ensure!(
            !ensembles.is_empty(),
            "no relation has {} words to gather heads on: --set ensembles.min_total=1 takes rarer ones",
            self.min_total
        );
        Ok(ensembles)
    }

    /// What ensembles find in each sentence, and the trees that they make of it.
    fn evaluate(
        &self,
        run: &mut Run,
        chosen: &Chosen,
        parsers: Option<&Parsers>,
    ) -> Result<(Vec<Scored>, Vec<SentenceTrees>)> {
        let (mut scored, mut trees) = (Vec::new(), Vec::new());
        let (request, granularity) = (request(run.config()), run.config().treebank.granularity());
        run.encode(
            &Pass { split: Split::Evaluate, from: 0, request: &request },
            |sentence, _, encoded| {
                let attention = words(encoded);
                let maps = self.rows.of(attention.clone());
                let trees = parsers.map(|parsers| parsers.count(sentence, &attention, &maps));
                (chosen.score(sentence, &maps, granularity), trees)
            },
            |_, counts| {
                if let Some((of_ensembles, of_trees)) = counts {
                    scored.push(of_ensembles);
                    trees.extend(of_trees);
                }
                Ok(())
            },
        )?;
        Ok((scored, trees))
    }

    fn rows(
        &self,
        config: &Settings,
        chosen: &Chosen,
        sentences: &[Scored],
        bootstrap: &Bootstrap,
    ) -> Result<Vec<tables::Ensemble>> {
        let mut rows = Vec::new();
        for (key, ensemble) in &chosen.0 {
            let counts = |of: fn(&Hits) -> u32| -> Vec<Counts> {
                let count = |scored: &Scored| {
                    let hits = scored.get(key).copied().unwrap_or_default();
                    Counts { correct: of(&hits), total: hits.total }
                };
                sentences.iter().map(count).collect()
            };
            let (together, alone) = (counts(|hits| hits.together), counts(|hits| hits.alone));
            let Some(intervals) = bootstrap.paired(&[Pair { a: &together, b: &alone }])?[0] else { continue };
            let (correct, total) = Counts::sum(&together);
            let (single_correct, _) = Counts::sum(&alone);
            let heads: Vec<String> = ensemble.heads.iter().map(ToString::to_string).collect();
            rows.push(tables::Ensemble {
                treebank: config.treebank.display_name(),
                relation: key.0.to_string(),
                direction: super::direction(key.1),
                single_head: heads.first().cloned().unwrap_or_default(),
                heads: heads.join(" "),
                selected_correct: ensemble.correct,
                selected_total: ensemble.total,
                correct,
                total,
                ci_low: Some(intervals.a.low),
                ci_high: Some(intervals.a.high),
                single_correct,
                difference_ci_low: Some(intervals.difference.low),
                difference_ci_high: Some(intervals.difference.high),
            });
        }
        Ok(rows)
    }
}

fn words(encoded: headlight_bert::Encoded) -> WordAttention {
    encoded.words.expect("the request asks for attention over words")
}

/// Words of one relation in one sentence.
#[derive(Clone, Copy, Default)]
struct Hits {
    total: u32,
    /// Right ones of the ensemble.
    together: u32,
    /// Right ones of its first head.
    alone: u32,
}

/// What one sentence counts.
type Scored = BTreeMap<EnsembleKey, Hits>;

impl Chosen {
    fn score(&self, sentence: &Sentence, attention: &WordAttention, granularity: Granularity) -> Scored {
        let mut relations: BTreeMap<EnsembleKey, Hits> = BTreeMap::new();
        for (index, word) in sentence.words().iter().enumerate() {
            let Some(governor) = word.governor.word() else { continue };
            for direction in Direction::BOTH {
                let key = (word.relation.name(granularity).into(), direction);
                let Some(ensemble) = self.0.get(&key) else { continue };
                let right =
                    |ensemble: &Ensemble| ensemble.governor(attention, direction, index) == Some(governor.index());
                let hits = relations.entry(key).or_default();
                hits.total += 1;
                hits.together += u32::from(right(ensemble));
                hits.alone += u32::from(right(&ensemble.first()));
            }
        }
        relations
    }
}

fn findings(rows: &[tables::Ensemble]) -> Vec<String> {
    let better = rows.iter().filter(|row| row.difference_ci_low.is_some_and(|low| low > 0.0)).count();
    let gain =
        |row: &&tables::Ensemble| row.correct as f64 / row.total as f64 - row.single_correct as f64 / row.total as f64;
    let largest = rows.iter().max_by(|a, b| gain(a).total_cmp(&gain(b)));
    let mut findings =
        vec![format!("{better} of {} ensembles are more accurate than their first head beyond chance.", rows.len())];
    findings.extend(largest.filter(|row| gain(row) > 0.0).map(|row| {
        format!(
            "Heads {} together find {} % of the governors of {} ({}), the first of them {} %.",
            row.heads,
            percent(row.correct as f64 / row.total as f64),
            row.relation,
            row.direction.arrow(),
            percent(row.single_correct as f64 / row.total as f64)
        )
    }));
    findings
}
