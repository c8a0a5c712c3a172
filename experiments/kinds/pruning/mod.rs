//! `kind = "pruning"`: what a model loses when heads are masked, one at a time and more and more of them (METHOD §6;
//! Michel et al. 2019).
//!
//! A sample of sequences is cut in two: heads are put in order on one half, and what masking them does is measured on the
//! other, sequence by sequence and paired with the intact model (`harm`), so that no curve is better than the model because the order was fitted to it. Where a probe measures, it is
//! trained on the intact model once and kept; its sentences, of another split than it learned from, are halved alike.

mod harm;
mod keys;
mod meter;
mod orders;
mod summary;
mod values;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use headlight_bert::Pieces;
use headlight_probe::{Probe, SentenceWords};
use headlight_report::facts;
use headlight_report::tables::{Ablation, Difference, Pruning as Row, Table, write_table};
use headlight_stats::Unit;
use serde::{Deserialize, Serialize};

use self::keys::{ImportanceBy, Measure, Measures, Order};
use self::work::Work;
use super::Kind;
use super::shared::masked_lm::{Hide, check_hidden};
use super::shared::paired::write_differences;
use super::shared::probing::{attention_probe, attention_to_learn_from};
use super::shared::{Masking, bootstrap};
use crate::config::{Settings, Split};
use crate::run::{Ask, Outcome, Run, Stream, request};
use crate::sources::corpus::Sample;

/// The keys of `kind = "pruning"`; see `[pruning]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pruning {
    measure: Measures,
    masking: Masking,
    orders: Vec<Order>,
    heads: Vec<String>,
    relations: Vec<String>,
    most_heads: usize,
    importance: ImportanceBy,
    steps: usize,
    greedy_steps: usize,
    draws: u32,
    turned: f64,
    sequences: usize,
    hidden: f64,
    store: PathBuf,
    resamples: u32,
    confidence: f64,
}

impl Kind for Pruning {
    const READS: super::Reads = super::Reads::Text;
    const PATHS: &'static [&'static str] = &["store"];

    fn check(&self, config: &Settings) -> Result<()> {
        check_hidden(self.hidden)?;
        self.check_keys(config)
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        let has_masked_lm_head = run.model()?.model.has_masked_lm_head();
        let by_probe = self.measures(has_masked_lm_head, run.settings()).contains(&Measure::ProbeUas);
        let attention = by_probe.then(|| attention_to_learn_from(run, &self.store)).transpose()?;
        let attention = attention.map(|attention| Box::new(attention) as Ask);
        Ok(attention.into_iter().chain(self.names().asks(run)).collect())
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let has_masked_lm_head = run.model()?.model.has_masked_lm_head();
        let measures = self.measures(has_masked_lm_head, run.settings());
        let material = self.gather(run, &measures, has_masked_lm_head)?;
        let named = self.names().choose(run)?;
        let beside = named.beside(run, self.draws)?;
        let clock = Instant::now();
        let (seed, request) = (run.settings().seed, request(run.settings()));
        let steps = run.steps()?.of("masking");
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let work = Work::new(self, run.model()?, measures, &material, (&named, &beside), request, seed, steps)?;
        let found = work.run()?;
        run.note_stage("mask heads", clock);
        let clock = Instant::now();
        let assessed = found.assess(self, &bootstrap)?;
        let (ablation, pruning) = (self.ablation_rows(&found, &assessed), self.pruning_rows(&found, &assessed));
        write_table(run.folder(), &ablation)?;
        write_table(run.folder(), &pruning)?;
        let mut tables = vec![Ablation::NAME.to_owned(), Row::NAME.to_owned()];
        let differences: Vec<Difference> = assessed.iter().flat_map(|it| it.differences.clone()).collect();
        if !differences.is_empty() {
            write_differences(run, &differences)?;
            tables.push(Difference::NAME.to_owned());
        }
        run.note_stage("compare orders", clock);
        Ok(Outcome {
            tables,
            facts: facts::kept(&self.facts(&material, &named, &found, &assessed)),
            statistics: Some(bootstrap.into()),
            warnings: material.warnings.clone(),
            ..Outcome::default()
        })
    }
}

/// A sample cut in two, whole units in either half.
struct Halves<T> {
    /// What tables call where it is from.
    name: String,
    /// What a unit is: `sentence`, `document` or `sequence`.
    unit: Unit,
    order: Vec<T>,
    measure: Vec<T>,
    /// The unit of each of `measure`, counted from 0.
    units: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Half {
    Order,
    Measure,
}

impl<T> Halves<T> {
    fn half(&self, half: Half) -> &[T] {
        match half {
            Half::Order => &self.order,
            Half::Measure => &self.measure,
        }
    }

    /// Every other unit is measured on, the first among them.
    fn new(name: String, unit: Unit, sample: Vec<(u32, T)>) -> Result<Self> {
        let drawn = sample.len();
        let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
        let (mut order, mut measure, mut units) = (Vec::new(), Vec::new(), Vec::new());
        for (of, item) in sample {
            let next = numbers.len() as u32;
            let number = *numbers.entry(of).or_insert(next);
            if number.is_multiple_of(2) {
                measure.push(item);
                units.push(number / 2);
            } else {
                order.push(item);
            }
        }
        ensure!(
            !order.is_empty(),
            "{name} has {drawn} to use, of {} {unit}; pruning needs one {unit} to order heads on and one to measure on",
            numbers.len()
        );
        Ok(Self { name, unit, order, measure, units })
    }
}

/// What heads are put in order and measured on.
struct Material {
    /// For the loss, its gradients and the states.
    sequences: Option<Halves<Pieces>>,
    /// For the probe.
    parsed: Option<(Probe, Halves<(Pieces, SentenceWords)>)>,
    /// What a reader of results should know of them.
    warnings: Vec<String>,
}

impl Material {
    fn sequences(&self) -> Result<&Halves<Pieces>> {
        self.sequences.as_ref().context("sequences are read for every measure but the probe's")
    }

    fn parsed(&self) -> Result<&(Probe, Halves<(Pieces, SentenceWords)>)> {
        self.parsed.as_ref().context("a probe is trained where it measures")
    }
}

impl Pruning {
    fn gather(&self, run: &mut Run, measures: &[Measure], has_masked_lm_head: bool) -> Result<Material> {
        let (seed, drawn) = (run.settings().seed, self.sequences.saturating_mul(2));
        let by_gradient = self.orders.contains(&Order::Importance) && self.by_gradient(has_masked_lm_head);
        let mut warnings = Vec::new();
        let sequences = match by_gradient || measures.iter().any(|measure| *measure != Measure::ProbeUas) {
            true => {
                let (mut sample, mut left_out) = (Sample::new(drawn, seed), 0);
                let hide = Hide::new(&run.model()?.model, self.hidden, seed);
                let is_guessed = by_gradient || measures.contains(&Measure::MaskedLm);
                let seen = run.for_each_sequence("read", |pieces, unit| {
                    match is_guessed && hide.draw(&pieces, 0).is_none() {
                        true => left_out += 1,
                        false => sample.push((unit, pieces)),
                    }
                    Ok(())
                })?;
                warnings.extend(hide.left_out(left_out, &seen)?);
                Some(Halves::new(seen.name, seen.unit, sample.finish())?)
            }
            false => None,
        };
        let parsed = match measures.contains(&Measure::ProbeUas) {
            true => {
                let (mut sample, mut units) = (Sample::new(drawn, seed), run.units());
                run.visit("read", Stream::Trees(Split::Evaluate), |item, pieces| {
                    let sentence = item.sentence()?;
                    sample.push((units.push(sentence), (pieces, SentenceWords::new(sentence, None))));
                    Ok(())
                })?;
                let (name, unit) = (run.settings().treebank.display_name(), units.unit());
                let halves = Halves::new(name, unit, sample.finish())?;
                Some((attention_probe(run, &self.store, "pruning")?, halves))
            }
            false => None,
        };
        Ok(Material { sequences, parsed, warnings })
    }

    fn by_gradient(&self, has_masked_lm_head: bool) -> bool {
        match self.importance {
            ImportanceBy::Gradient => true,
            ImportanceBy::Ablation => false,
            ImportanceBy::Auto => has_masked_lm_head,
        }
    }
}
