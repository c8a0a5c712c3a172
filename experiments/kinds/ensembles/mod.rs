//! `kind = "ensembles"`: heads that find a relation together, and the labelled trees that the ensembles of all relations
//! make (METHOD §6; Limisiewicz et al. 2020).

mod scores;
mod trees;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use headlight_attention::WordAttention;
use headlight_heads::among_words;
use headlight_heads::ensembles::{Ensemble, EnsembleKey, EnsembleRound, EnsembleSearch};
use headlight_report::differences_sheet;
use headlight_report::tables::{self, Difference, Table, write_table};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::scores::{Chosen, Scored};
use self::trees::{Parsers, SentenceTrees};
use super::Kind;
use super::shared::paired::{untested, write_differences};
use super::shared::selection::{NOT_TESTED, Selection, check_splits, is_elsewhere};
use super::shared::{bootstrap, check_bootstrap, repeated};
use crate::config::{Settings, Split, choice};
use crate::run::{KeptPass, Outcome, Run, Steps, Units, request};

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
        check_bootstrap(self.resamples, self.confidence)?;
        ensure!(self.heads > 0, "`heads` is 0; an ensemble has at least one head");
        if let Some(relation) = repeated(&self.relations) {
            bail!("`relations` names {relation:?} twice");
        }
        ensure!(
            self.accuracy_power.is_finite() && self.accuracy_power >= 0.0,
            "`accuracy_power` is {}; it is 0 (both directions alike) or more, such as 1",
            self.accuracy_power
        );
        ensure!(
            self.selection != Selection::Folds,
            "`selection` is \"folds\", but ensembles are gathered once: it is \"separate\" or \"same\""
        );
        check_splits("ensembles", self.selection, config)
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let split = if self.selection == Selection::Separate { Split::Select } else { Split::Evaluate };
        // Steps depend on all that is read.
        run.model()?;
        run.treebank(split)?;
        run.treebank(Split::Evaluate)?;
        let steps = run.steps()?.of("ensembles");
        let chosen = Chosen::new(self.gather(run, split, &steps)?);
        let parsers = self.parsers(run, split, &steps, &chosen.ensembles)?;
        let evaluated = self.evaluate(run, &steps, &chosen, parsers.as_ref())?;
        let clock = Instant::now();
        evaluated.units.check("`treebank.evaluate`")?;
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let (rows, mut differences) = scores::rows(run.config(), &chosen, &evaluated, &bootstrap)?;
        write_table(run.folder(), &rows)?;
        let is_tested = is_elsewhere(self.selection, run);
        if !is_tested {
            differences.iter_mut().for_each(untested);
        }
        let mut outcome = Outcome {
            tables: vec![tables::Ensemble::NAME.to_owned(), Difference::NAME.to_owned()],
            facts: BTreeMap::from([("rows".to_owned(), json!(self.rows))]),
            findings: scores::findings(&rows, &differences),
            sheets: vec![headlight_report::ensembles_sheet(&rows)],
            ..Outcome::default()
        };
        outcome.sheets.extend(differences_sheet(&differences, "Ensembles and single heads"));
        outcome.warnings.extend(self.selection.warning(NOT_TESTED));
        match &parsers {
            Some(parsers) => {
                let (rows, mut of_trees) = parsers.rows(run.config(), &evaluated, &bootstrap)?;
                write_table(run.folder(), &rows)?;
                if !is_tested {
                    of_trees.iter_mut().for_each(untested);
                }
                outcome.tables.push(tables::EnsembleTree::NAME.to_owned());
                outcome.facts.insert("tree_relations".to_owned(), json!(parsers.relations()));
                outcome.findings.extend(trees::findings(&rows, &parsers.relations()));
                outcome.sheets.push(headlight_report::ensemble_trees_sheet(&rows));
                outcome.sheets.extend(differences_sheet(&of_trees, "Labelled trees compared"));
                differences.extend(of_trees);
            }
            None => outcome.warnings.push(format!(
                "The ensembles made no trees: none is of a relation that `relations` names ({}).",
                self.relations.join(", ")
            )),
        }
        write_differences(run, &differences)?;
        run.note_stage("score ensembles", clock);
        Ok(Outcome { statistics: Some(bootstrap.into()), selection: Some(self.selection), ..outcome })
    }
}

impl Ensembles {
    /// One pass over the encoder for each head that the largest ensemble has.
    fn gather(&self, run: &mut Run, split: Split, steps: &Steps) -> Result<BTreeMap<EnsembleKey, Ensemble>> {
        let granularity = run.config().treebank.granularity();
        let mut search = EnsembleSearch::new(run.model()?.model.spec().grid, granularity, self.heads);
        for number in 1.. {
            let name = format!("round {number}");
            let round = steps.once(&name, || self.round(run, split, steps.of(&name), &search))?;
            if !search.step(&round) {
                break;
            }
        }
        run.note_sentences(split)?;
        let mut ensembles = search.ensembles().clone();
        ensembles.retain(|_, ensemble| ensemble.total >= self.min_total && !ensemble.heads.is_empty());
        ensure!(
            !ensembles.is_empty(),
            "no relation has {} words to gather heads on: --set ensembles.min_total=1 takes rarer ones",
            self.min_total
        );
        Ok(ensembles)
    }

    /// What each head would make of each ensemble.
    fn round(&self, run: &mut Run, split: Split, steps: Steps, search: &EnsembleSearch) -> Result<EnsembleRound> {
        let request = request(run.config());
        let mut round = EnsembleRound::default();
        run.encode_kept(
            KeptPass { split, request: &request, steps },
            |sentence, _, encoded| search.observe(sentence, &self.rows.of(words(encoded))),
            |block: &mut EnsembleRound, counts| block.merge(&counts),
            |block| {
                round.merge(&block);
                Ok(())
            },
        )?;
        Ok(round)
    }

    /// What ensembles find in each sentence, and the trees that they make of it.
    fn evaluate(&self, run: &mut Run, steps: &Steps, chosen: &Chosen, parsers: Option<&Parsers>) -> Result<Evaluated> {
        let (mut scored, mut trees) = (Vec::new(), Vec::new());
        let (request, granularity) = (request(run.config()), run.config().treebank.granularity());
        let units = run.encode_kept(
            KeptPass { split: Split::Evaluate, request: &request, steps: steps.of("evaluate") },
            |sentence, _, encoded| {
                let attention = words(encoded);
                let maps = self.rows.of(attention.clone());
                let trees = parsers.map(|parsers| parsers.count(sentence, &attention, &maps));
                (chosen.score(sentence, &maps, granularity), trees)
            },
            |block: &mut Vec<(Scored, Option<SentenceTrees>)>, counts| block.push(counts),
            |block| {
                for (of_ensembles, of_trees) in block {
                    scored.push(of_ensembles);
                    trees.extend(of_trees);
                }
                Ok(())
            },
        )?;
        Ok(Evaluated { scored, trees, units })
    }
}

/// What was counted of the sentences to report on, one by one.
struct Evaluated {
    scored: Vec<Scored>,
    /// None where no trees are made.
    trees: Vec<SentenceTrees>,
    units: Units,
}

fn words(encoded: headlight_bert::Encoded) -> WordAttention {
    encoded.words.expect("the request asks for attention over words")
}
