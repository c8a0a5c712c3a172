//! The passes over a half of the sequences, each done once: an interrupted run goes on with the next.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use headlight_attention::{AttentionHead, HeadGrid};
use headlight_bert::{HeadMask, MaskedLm, Model, Request};
use headlight_report::tables::{ImportanceMeasure, MaskingMeasure, PruningOrder};
use headlight_stats::Unit;

use super::keys::{ImportanceBy, Measure, Order};
use super::meter::Meter;
use super::values::Values;
use super::{Half, Material, Pruning, orders};
use crate::cli::progress::{Amount, Progress};
use crate::kinds::shared::masked_lm::means::{Marks, Means};
use crate::kinds::shared::masked_lm::{Gradients, Hide};
use crate::kinds::shared::named_heads::Named;
use crate::run::{LoadedModel, Steps, interrupted};

/// What was measured.
pub struct Found {
    /// Layers and heads.
    pub grid: HeadGrid,
    /// In which orders heads were masked.
    pub orders: Vec<Masked>,
    /// By each measure, the guide of the orders first.
    pub measured: Vec<Measured>,
    /// What made heads important.
    pub importance_by: ImportanceBy,
    /// Pieces of the model, where a masked-language-model head had a say.
    pub vocabulary: Option<usize>,
}

/// Heads in the order in which they are masked.
pub struct Masked {
    /// What the order is.
    pub order: PruningOrder,
    /// Which of the random ones, counted from 0.
    pub draw: Option<u32>,
    /// The heads, the first to go first.
    pub heads: Vec<AttentionHead>,
}

/// What one measure said.
pub struct Measured {
    /// Which.
    pub measure: MaskingMeasure,
    /// What tables call the sequences.
    pub corpus: String,
    /// What intervals resample.
    pub unit: Unit,
    /// The unit of each sequence.
    pub units: Vec<u32>,
    /// With all heads at work.
    pub intact: Values,
    /// With each head masked alone.
    pub alone: Vec<Values>,
    /// Per order, the values after each of its heads.
    pub curves: Vec<Vec<Values>>,
}

/// What it takes to measure.
pub struct Work<'a> {
    keys: &'a Pruning,
    model: &'a Model,
    masked_lm: Option<MaskedLm>,
    measures: Vec<Measure>,
    material: &'a Material,
    /// Heads that were named, and as many others of the same layers, by draw.
    named: &'a Named,
    beside: &'a [Vec<AttentionHead>],
    /// What the probe reads.
    request: Request,
    seed: u64,
    steps: Steps,
}

/// Sets of heads that are masked in one go: a few seconds of work, and what an interruption costs at most.
const TOGETHER: usize = 32;

/// A measure on a half, made when its first pass is due: one that is wholly kept from an interrupted call is not.
type Meters<'a> = Vec<(Measure, [OnceCell<Meter<'a>>; 2])>;

impl<'a> Work<'a> {
    #[allow(clippy::too_many_arguments, reason = "the parts of a run that are lent to it")]
    pub fn new(
        keys: &'a Pruning,
        loaded: &'a LoadedModel,
        measures: Vec<Measure>,
        material: &'a Material,
        (named, beside): (&'a Named, &'a [Vec<AttentionHead>]),
        request: Request,
        seed: u64,
        steps: Steps,
    ) -> Result<Self> {
        let model = &loaded.model;
        let by_gradient = keys.orders.contains(&Order::Importance) && keys.by_gradient(model.has_masked_lm_head());
        let wanted = measures.contains(&Measure::MaskedLm) || by_gradient;
        let masked_lm = wanted.then(|| loaded.masked_lm()).transpose()?;
        Ok(Self { keys, model, masked_lm, measures, material, named, beside, request, seed, steps })
    }

    pub fn run(&self) -> Result<Found> {
        let grid = self.model.spec().grid;
        for (key, steps) in [("steps", self.keys.steps), ("greedy_steps", self.keys.greedy_steps)] {
            // Eight greedy steps are the default, also of smaller models.
            ensure!(
                steps <= grid.len() || (key == "greedy_steps" && steps == 8),
                "`{key}` is {steps}, but the model has {} heads to mask; 0 masks all",
                grid.len()
            );
        }
        let steps = if self.keys.steps == 0 { grid.len() } else { self.keys.steps };
        let progress = Progress::start("mask heads", Amount::Items("passes"), Some(self.passes(grid, steps)));
        let meters: Meters<'_> = self.measures.iter().map(|&measure| (measure, Default::default())).collect();
        let values = |measure: Measure, half: Half, sets: &[Vec<AttentionHead>]| {
            self.values(&meters, measure, half, sets, &progress)
        };
        let mut orders = Vec::new();
        for &order in &self.keys.orders {
            let draws = if order == Order::Random { (0..self.keys.draws).map(Some).collect() } else { vec![None] };
            for draw in draws {
                let mut heads = self.order(order, draw, steps, &values)?;
                heads.truncate(steps);
                orders.push(Masked { order: order.into(), draw, heads });
            }
        }
        if !self.named.heads.is_empty() {
            orders.push(Masked { order: PruningOrder::Named, draw: None, heads: self.named.heads.clone() });
            let beside = (0..).zip(self.beside);
            orders.extend(beside.map(|(draw, heads)| Masked {
                order: PruningOrder::RandomOfLayers,
                draw: Some(draw),
                heads: heads.clone(),
            }));
        }
        let mut measured = Vec::new();
        for &measure in &self.measures {
            // All passes are one: the intact model, each head alone, each step of each order.
            let mut sets = vec![Vec::new()];
            sets.extend(grid.iter().map(|head| vec![head]));
            for masked in &orders {
                sets.extend((1..=masked.heads.len()).map(|step| masked.heads[..step].to_vec()));
            }
            let mut values = values(measure, Half::Measure, &sets)?.into_iter();
            let mut next = |count: usize| values.by_ref().take(count).collect::<Vec<_>>();
            let intact = next(1).pop().context("the intact model is measured")?;
            let (corpus, unit, units) = self.measured_on(measure)?;
            measured.push(Measured {
                measure: measure.into(),
                corpus: corpus.to_owned(),
                unit,
                units: units.to_vec(),
                intact,
                alone: next(grid.len()),
                curves: orders.iter().map(|masked| next(masked.heads.len())).collect(),
            });
        }
        progress.finish();
        let vocabulary = self.masked_lm.as_ref().map(|masked_lm| masked_lm.spec().vocabulary);
        Ok(Found { grid, orders, measured, importance_by: self.importance_by(), vocabulary })
    }

    /// A pass for each set of heads. What it says depends on which heads are masked, not on their order.
    fn values<'m>(
        &'m self,
        meters: &Meters<'m>,
        measure: Measure,
        half: Half,
        sets: &[Vec<AttentionHead>],
        progress: &Progress,
    ) -> Result<Vec<Values>> {
        let sets: Vec<BTreeSet<AttentionHead>> = sets.iter().map(|heads| heads.iter().copied().collect()).collect();
        let name = |heads: &BTreeSet<AttentionHead>| {
            let heads = heads.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            format!("{measure} on half {half:?} without {heads}")
        };
        // In this order neighbours have most layers in common.
        let mut known: BTreeMap<&BTreeSet<AttentionHead>, Option<Values>> =
            sets.iter().map(|heads| (heads, None)).collect();
        known.iter_mut().for_each(|(heads, values)| *values = self.steps.kept(&name(heads)));
        let missing: Vec<&BTreeSet<AttentionHead>> =
            known.iter().filter(|(_, values)| values.is_none()).map(|(heads, _)| *heads).collect();
        progress.add((sets.len() - missing.len()) as u64);
        for together in missing.chunks(TOGETHER) {
            interrupted()?;
            let of_measure = meters.iter().find(|(of, _)| *of == measure);
            let cell = &of_measure.context("every measure has its meters")?.1[half as usize];
            if cell.get().is_none() {
                // The cell was found empty.
                let _ = cell.set(self.meter(measure, half)?);
            }
            let masks: Vec<HeadMask> = together.iter().map(|heads| self.mask(heads)).collect();
            let masks: Vec<&HeadMask> = masks.iter().collect();
            let values = cell.get().context("the meter was made above")?.values(&masks)?;
            for (heads, values) in together.iter().zip(values) {
                self.steps.keep(&name(heads), &values)?;
                known.insert(heads, Some(values));
            }
            progress.add(together.len() as u64);
        }
        let values = |heads| known.get(heads).cloned().flatten().context("every set was measured");
        sets.iter().map(values).collect()
    }

    /// The heads in one order, found on the half that is not measured.
    fn order(
        &self,
        order: Order,
        draw: Option<u32>,
        steps: usize,
        values: &impl Fn(Measure, Half, &[Vec<AttentionHead>]) -> Result<Vec<Values>>,
    ) -> Result<Vec<AttentionHead>> {
        let (grid, guide) = (self.model.spec().grid, self.measures[0]);
        // Orders compare sets of heads, so the intact model may stand at 0.
        let harm = |sets: &[Vec<AttentionHead>]| -> Result<Vec<f64>> {
            let values = values(guide, Half::Order, sets)?;
            Ok(values.iter().map(|values| MaskingMeasure::from(guide).harm(values.whole(), 0.0)).collect())
        };
        match order {
            Order::Random => Ok(orders::random(grid, self.seed, draw.unwrap_or(0))),
            Order::Greedy => orders::greedy(grid, self.greedy_steps(steps), harm),
            Order::Importance => {
                let importance = match &self.masked_lm {
                    Some(masked_lm) if self.importance_by() == ImportanceBy::Gradient => self.gates(masked_lm)?,
                    _ => harm(&grid.iter().map(|head| vec![head]).collect::<Vec<_>>())?,
                };
                Ok(orders::by_importance(grid, &importance))
            }
        }
    }

    /// What tables call the sequences that are measured on, what their unit is, and the unit of each.
    fn measured_on(&self, measure: Measure) -> Result<(&str, Unit, &[u32])> {
        Ok(match measure {
            Measure::MaskedLm | Measure::States => {
                let halves = self.material.sequences()?;
                (&halves.name, halves.unit, &halves.units)
            }
            Measure::ProbeUas => {
                let (_, halves) = self.material.parsed()?;
                (&halves.name, halves.unit, &halves.units)
            }
        })
    }

    fn meter(&self, measure: Measure, half: Half) -> Result<Meter<'_>> {
        let material = self.material;
        match measure {
            Measure::MaskedLm => {
                let masked_lm = self.masked_lm.as_ref().context("the head is loaded where it measures")?;
                Ok(Meter::loss(masked_lm, self.model.threads(), self.hide(), material.sequences()?.half(half)))
            }
            Measure::States => Meter::states(self.model, material.sequences()?.half(half)),
            Measure::ProbeUas => {
                let (probe, halves) = material.parsed()?;
                Meter::probe(self.model, probe, &self.request, halves.half(half))
            }
        }
    }

    fn hide(&self) -> Hide {
        Hide::new(self.model, self.keys.hidden, self.seed)
    }

    fn mask(&self, heads: &BTreeSet<AttentionHead>) -> HeadMask {
        heads.iter().map(|&head| (head, self.keys.masking.into())).collect()
    }

    /// The importance of each head by the gradient of a gate on it.
    fn gates(&self, masked_lm: &MaskedLm) -> Result<Vec<f64>> {
        let grid = self.model.spec().grid;
        let no_marks = Marks { sep: self.model.tokenizer().special().sep, punctuation: Vec::new() };
        let steps = self.steps.of("gradients");
        let mut gradients = Gradients::new(masked_lm, no_marks, self.model.threads(), steps);
        for masked in self.hide().draw_each(&self.material.sequences()?.order) {
            gradients.push(masked)?;
        }
        let mut means = Means::new(grid);
        gradients.finish()?.iter().for_each(|(_, values)| means.add(values));
        let gate = |number| means.head(number, ImportanceMeasure::Gate).value().unwrap_or_default();
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
        let heads = |order: &Order| match order {
            Order::Greedy => self.greedy_steps(steps),
            Order::Importance => steps,
            Order::Random => self.keys.draws as usize * steps,
        };
        let to_order = |order: &Order| match order {
            Order::Importance if self.importance_by() == ImportanceBy::Ablation => grid.len(),
            Order::Importance | Order::Random => 0,
            Order::Greedy => (0..self.greedy_steps(steps)).map(|gone| grid.len() - gone).sum(),
        };
        let orders = &self.keys.orders;
        let named = self.named.heads.len() * if self.named.heads.is_empty() { 0 } else { 1 + self.beside.len() };
        let to_measure = 1 + grid.len() + orders.iter().map(heads).sum::<usize>() + named;
        (orders.iter().map(to_order).sum::<usize>() + self.measures.len() * to_measure) as u64
    }
}
