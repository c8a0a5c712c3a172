//! `kind = "pruning"`: what a model loses when heads are masked, one at a time and more and more of them (METHOD §6;
//! Michel et al. 2019).
//!
//! A sample of sequences is cut in two: heads are put in order on one half, and what masking them does is measured on the
//! other, so that no curve is better than the model because the order was fitted to it. Where a probe measures, it is
//! trained on the intact model once and kept; its sentences, of another split than it learned from, are halved alike.

mod keys;
mod meter;
mod orders;
mod summary;
mod values;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use headlight_attention::{AttentionHead, HeadGrid};
use headlight_bert::{HeadMask, MaskedLm, Masking as HeadMasking, Model, Pieces, Request};
use headlight_probe::{Probe, SentenceWords};
use headlight_report::tables::{Ablation, Pruning as Row, Table, write_table};
use headlight_report::{MaskingMeasure, ablation_sheets, pruning_sheets};
use serde::{Deserialize, Serialize};

use self::keys::{ImportanceBy, Masking, Measure, Measures, Order};
use self::meter::Meter;
use self::values::Values;
use super::Kind;
use super::importance::means::{Marks, Measure as Derived};
use super::importance::{Gradients, Hide, check_hidden};
use super::probe::attention_probe;
use crate::cli::progress::{Progress, Unit};
use crate::config::{Settings, Split};
use crate::run::{LoadedModel, Outcome, Run, interrupted, request};
use crate::sources::corpus::Sample;

/// The keys of `kind = "pruning"`; see `[pruning]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pruning {
    measure: Measures,
    masking: Masking,
    orders: Vec<Order>,
    importance: ImportanceBy,
    steps: usize,
    greedy_steps: usize,
    sequences: usize,
    hidden: f64,
    store: PathBuf,
}

impl Kind for Pruning {
    const PATHS: &'static [&'static str] = &["store"];

    fn check(&self, config: &Settings) -> Result<()> {
        check_hidden(self.hidden)?;
        self.check_keys(config)
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let has_masked_lm_head = run.model()?.model.has_masked_lm_head();
        let measures = self.measures(has_masked_lm_head, run.config());
        let material = self.gather(run, &measures, has_masked_lm_head)?;
        let clock = Instant::now();
        let (seed, request) = (run.config().seed, request(run.config()));
        let work = Work::new(self, run.model()?, measures, &material, request, seed)?;
        let found = work.run()?;
        run.note_stage("mask heads", clock);
        let (ablation, pruning) = (self.ablation_rows(&found), self.pruning_rows(&found));
        write_table(run.folder(), &ablation)?;
        write_table(run.folder(), &pruning)?;
        Ok(Outcome {
            tables: vec![Ablation::NAME.to_owned(), Row::NAME.to_owned()],
            facts: self.facts(&material, &found),
            findings: summary::findings(&found),
            sheets: [ablation_sheets(&ablation), pruning_sheets(&pruning)].concat(),
            ..Outcome::default()
        })
    }
}

/// A sample cut in two.
struct Halves<T> {
    /// What tables call where it is from.
    name: String,
    order: Vec<T>,
    measure: Vec<T>,
}

#[derive(Clone, Copy)]
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

    fn new(name: String, sample: Vec<T>) -> Result<Self> {
        ensure!(
            sample.len() > 1,
            "{name} has but {} to use; pruning needs one sequence to order heads on and one to measure on",
            sample.len()
        );
        let (mut order, mut measure) = (Vec::new(), Vec::new());
        for (number, item) in sample.into_iter().enumerate() {
            if number % 2 == 0 { measure.push(item) } else { order.push(item) }
        }
        Ok(Self { name, order, measure })
    }
}

/// What heads are put in order and measured on.
struct Material {
    /// For the loss, its gradients and the states.
    sequences: Option<Halves<Pieces>>,
    /// For the probe.
    parsed: Option<(Probe, Halves<(Pieces, SentenceWords)>)>,
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
        let (seed, drawn) = (run.config().seed, self.sequences.saturating_mul(2));
        let by_gradient = self.orders.contains(&Order::Importance) && self.by_gradient(has_masked_lm_head);
        let sequences = match by_gradient || measures.iter().any(|measure| *measure != Measure::Probe) {
            true => {
                let mut sample = Sample::new(drawn, seed);
                let seen = run.for_each_sequence("read", |pieces| {
                    sample.push(pieces);
                    Ok(())
                })?;
                Some(Halves::new(seen.name, sample.finish())?)
            }
            false => None,
        };
        let parsed = match measures.contains(&Measure::Probe) {
            true => {
                let mut sample = Sample::new(drawn, seed);
                run.for_each_input("read", Split::Evaluate, |sentence, pieces| {
                    sample.push((pieces, SentenceWords::new(sentence, None)));
                    Ok(())
                })?;
                let halves = Halves::new(run.config().treebank.display_name(), sample.finish())?;
                Some((attention_probe(run, &self.store, "pruning")?, halves))
            }
            false => None,
        };
        Ok(Material { sequences, parsed })
    }

    fn by_gradient(&self, has_masked_lm_head: bool) -> bool {
        match self.importance {
            ImportanceBy::Gradient => true,
            ImportanceBy::Ablation => false,
            ImportanceBy::Auto => has_masked_lm_head,
        }
    }
}

/// What was measured.
struct Found {
    grid: HeadGrid,
    /// What was masked, by order.
    orders: Vec<(Order, Vec<AttentionHead>)>,
    /// By each measure, the guide of the orders first.
    measured: Vec<Measured>,
    /// What made heads important.
    importance_by: ImportanceBy,
}

/// What one measure said.
struct Measured {
    measure: MaskingMeasure,
    /// What tables call the sequences.
    corpus: String,
    /// With all heads at work.
    intact: Values,
    /// With each head masked alone.
    alone: Vec<Values>,
    /// Per order, the values after each of its heads.
    curves: Vec<Vec<Values>>,
}

/// What it takes to measure.
struct Work<'a> {
    keys: &'a Pruning,
    model: &'a Model,
    masked_lm: Option<MaskedLm>,
    measures: Vec<Measure>,
    material: &'a Material,
    /// What the probe reads.
    request: Request,
    seed: u64,
}

impl<'a> Work<'a> {
    fn new(
        keys: &'a Pruning,
        loaded: &'a LoadedModel,
        measures: Vec<Measure>,
        material: &'a Material,
        request: Request,
        seed: u64,
    ) -> Result<Self> {
        let model = &loaded.model;
        let by_gradient = keys.orders.contains(&Order::Importance) && keys.by_gradient(model.has_masked_lm_head());
        let wanted = measures.contains(&Measure::MaskedLm) || by_gradient;
        let masked_lm = wanted.then(|| loaded.masked_lm()).transpose()?;
        Ok(Self { keys, model, masked_lm, measures, material, request, seed })
    }

    fn run(&self) -> Result<Found> {
        let grid = self.model.spec().grid;
        let steps = if self.keys.steps == 0 { grid.len() } else { self.keys.steps.min(grid.len()) };
        let progress = Progress::start("mask heads", Unit::Items("passes"), Some(self.passes(grid, steps)));
        let values = |meter: &Meter<'_>, heads: &[AttentionHead]| {
            interrupted()?;
            let values = meter.values(&self.mask(heads));
            progress.add(1);
            values
        };
        let mut orders = Vec::new();
        for &order in &self.keys.orders {
            let mut heads = self.order(order, steps, &values)?;
            heads.truncate(steps);
            orders.push((order, heads));
        }
        let mut measured = Vec::new();
        for &measure in &self.measures {
            let (corpus, meter) = self.meter(measure, Half::Measure)?;
            let curve = |(_, heads): &(Order, Vec<AttentionHead>)| {
                (1..=heads.len()).map(|step| values(&meter, &heads[..step])).collect::<Result<Vec<_>>>()
            };
            measured.push(Measured {
                measure: measure.in_tables(),
                corpus: corpus.to_owned(),
                intact: values(&meter, &[])?,
                alone: grid.iter().map(|head| values(&meter, &[head])).collect::<Result<_>>()?,
                curves: orders.iter().map(curve).collect::<Result<_>>()?,
            });
        }
        progress.finish();
        Ok(Found { grid, orders, measured, importance_by: self.importance_by() })
    }

    /// The heads in one order, found on the half that is not measured.
    fn order(
        &self,
        order: Order,
        steps: usize,
        values: &impl Fn(&Meter<'_>, &[AttentionHead]) -> Result<Values>,
    ) -> Result<Vec<AttentionHead>> {
        let grid = self.model.spec().grid;
        let harm = || {
            let guide = self.measures[0];
            let (_, meter) = self.meter(guide, Half::Order)?;
            // Orders compare sets of heads, so the intact model may stand at 0.
            Ok::<_, anyhow::Error>(move |heads: &[AttentionHead]| {
                Ok::<_, anyhow::Error>(guide.in_tables().harm(values(&meter, heads)?.whole(), 0.0))
            })
        };
        match order {
            Order::Random => Ok(orders::random(grid, self.seed)),
            Order::Greedy => orders::greedy(grid, self.greedy_steps(steps), harm()?),
            Order::Importance => {
                let importance = match &self.masked_lm {
                    Some(masked_lm) if self.importance_by() == ImportanceBy::Gradient => self.gates(masked_lm)?,
                    _ => {
                        let harm = harm()?;
                        grid.iter().map(|head| harm(&[head])).collect::<Result<_>>()?
                    }
                };
                Ok(orders::by_importance(grid, &importance))
            }
        }
    }

    /// A measure on one half, and what tables call it.
    fn meter(&self, measure: Measure, half: Half) -> Result<(&str, Meter<'_>)> {
        let material = self.material;
        Ok(match measure {
            Measure::MaskedLm => {
                let masked_lm = self.masked_lm.as_ref().context("the head is loaded where it measures")?;
                let halves = material.sequences()?;
                let threads = self.model.threads();
                (&halves.name, Meter::loss(masked_lm, threads, self.hide(), halves.half(half))?)
            }
            Measure::States => {
                let halves = material.sequences()?;
                (&halves.name, Meter::states(self.model, halves.half(half))?)
            }
            Measure::Probe => {
                let (probe, halves) = material.parsed()?;
                (&halves.name, Meter::probe(self.model, probe, &self.request, halves.half(half))?)
            }
        })
    }

    fn hide(&self) -> Hide {
        Hide { special: self.model.tokenizer().special(), share: self.keys.hidden, seed: self.seed }
    }

    fn mask(&self, heads: &[AttentionHead]) -> HeadMask {
        let masking = match self.keys.masking {
            Masking::Zero => HeadMasking::Zero,
            Masking::Uniform => HeadMasking::Uniform,
        };
        heads.iter().map(|&head| (head, masking)).collect()
    }

    /// The importance of each head by the gradient of a gate on it.
    fn gates(&self, masked_lm: &MaskedLm) -> Result<Vec<f64>> {
        let grid = self.model.spec().grid;
        let no_marks = Marks { sep: self.model.tokenizer().special().sep, punctuation: Vec::new() };
        let mut gradients = Gradients::new(masked_lm, no_marks, self.model.threads());
        for (number, pieces) in self.material.sequences()?.order.iter().enumerate() {
            interrupted()?;
            gradients.push(self.hide().draw(pieces, number as u64)?)?;
        }
        let (means, _) = gradients.finish()?;
        let gate = |number| means.head(number, Derived::Gate).value().unwrap_or_default();
        let mut importance: Vec<f64> = (0..grid.len()).map(gate).collect();
        orders::normalise_by_layer(&mut importance, grid);
        Ok(importance)
    }

    fn importance_by(&self) -> ImportanceBy {
        match self.keys.by_gradient(self.model.has_masked_lm_head()) {
            true => ImportanceBy::Gradient,
            false => ImportanceBy::Ablation,
        }
    }

    fn greedy_steps(&self, steps: usize) -> usize {
        if self.keys.greedy_steps == 0 { steps } else { self.keys.greedy_steps.min(steps) }
    }

    /// How often a half is measured.
    fn passes(&self, grid: HeadGrid, steps: usize) -> u64 {
        let heads = |order: &Order| if *order == Order::Greedy { self.greedy_steps(steps) } else { steps };
        let to_order = |order: &Order| match order {
            Order::Importance if self.importance_by() == ImportanceBy::Ablation => grid.len(),
            Order::Importance | Order::Random => 0,
            Order::Greedy => (0..self.greedy_steps(steps)).map(|gone| grid.len() - gone).sum(),
        };
        let orders = &self.keys.orders;
        let to_measure = 1 + grid.len() + orders.iter().map(heads).sum::<usize>();
        (orders.iter().map(to_order).sum::<usize>() + self.measures.len() * to_measure) as u64
    }
}
