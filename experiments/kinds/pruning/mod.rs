//! `kind = "pruning"`: what a model loses when heads are masked, one at a time and more and more of them (METHOD §6;
//! Michel et al. 2019).
//!
//! A sample of sequences is cut in two: heads are put in order on one half, and what masking them does is measured on the
//! other, so that no curve is better than the model because the order was fitted to it.

mod meter;
mod orders;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, ensure};
use headlight_attention::{AttentionHead, HeadGrid};
use headlight_bert::{HeadMask, MaskedLm, Masking as HeadMasking, Model, Pieces};
use headlight_report::tables::{Ablation, Pruning as Row, Table, write_table};
use headlight_report::{ablation_sheet, pruning_sheet};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::meter::Meter;
use super::Kind;
use super::importance::means::{Marks, Mean, Measure as Derived};
use super::importance::{Gradients, Hide, check_hidden};
use crate::config::{Config, choice};
use crate::corpus::Sample;
use crate::progress::{Progress, Unit};
use crate::run::{LoadedModel, Outcome, Run, SequencesSeen, interrupted};

choice! {
    /// What masking is measured by.
    WantedMeasure { Auto = "auto", MaskedLm = "masked-lm", States = "states" }
}
choice! {
    /// What a measure is, as tables have it.
    Measure { MaskedLm = "masked_lm", States = "states" }
}
choice! {
    /// What a masked head does.
    Masking { Zero = "zero", Uniform = "uniform" }
}
choice! {
    /// In which order heads go.
    Order { Importance = "importance", Greedy = "greedy", Random = "random" }
}
choice! {
    /// What makes a head important.
    ImportanceBy { Auto = "auto", Gradient = "gradient", Ablation = "ablation" }
}

/// The keys of `kind = "pruning"`; see `[pruning]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pruning {
    measure: WantedMeasure,
    masking: Masking,
    orders: Vec<Order>,
    importance: ImportanceBy,
    steps: usize,
    greedy_steps: usize,
    sequences: usize,
    hidden: f64,
}

/// What the curves rise by before a model counts as harmed: this share of the loss, or this 1 − cosine.
const HARM: f64 = 0.1;

impl Kind for Pruning {
    fn check(&self, config: &Config) -> Result<()> {
        check_hidden(self.hidden)?;
        ensure!(self.sequences > 0, "`sequences` is 0; heads are put in order on so many sequences, for example 100");
        let twice = self.orders.iter().enumerate().find(|(at, order)| self.orders[..*at].contains(order));
        if let Some((_, order)) = twice {
            anyhow::bail!("`orders` names \"{order}\" twice");
        }
        config.check_sequences("kind = \"pruning\"")
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let mut sample = Sample::new(self.sequences.saturating_mul(2), run.config().seed);
        let seen = run.for_each_sequence("read", |pieces| {
            sample.push(pieces);
            Ok(())
        })?;
        let sample = sample.finish();
        ensure!(sample.len() > 1, "there is but one sequence; pruning needs one to order heads and one to measure on");
        let halves = Halves::new(&sample);
        let clock = Instant::now();
        let seed = run.config().seed;
        let work = Work::new(self, run.model()?, seed)?;
        let found = work.run(&halves)?;
        run.note_stage("mask heads", clock);
        let (ablation, pruning) = (self.ablation_rows(&seen, &found), self.pruning_rows(&seen, &found));
        write_table(run.folder(), &ablation)?;
        write_table(run.folder(), &pruning)?;
        Ok(Outcome {
            tables: vec![Ablation::NAME.to_owned(), Row::NAME.to_owned()],
            facts: self.facts(&seen, &halves, &found),
            findings: self.findings(&found),
            sheets: vec![ablation_sheet(&ablation), pruning_sheet(&pruning)],
            ..Outcome::default()
        })
    }
}

/// A sample cut in two.
struct Halves {
    order: Vec<Pieces>,
    measure: Vec<Pieces>,
}

impl Halves {
    fn new(sample: &[Pieces]) -> Self {
        let every_other = |first: usize| sample.iter().skip(first).step_by(2).cloned().collect();
        Self { order: every_other(1), measure: every_other(0) }
    }
}

/// What was measured.
struct Found {
    grid: HeadGrid,
    measure: Measure,
    /// Per sequence, with all heads at work.
    intact: Vec<f64>,
    /// Per head and sequence, with that head masked.
    alone: Vec<Vec<f64>>,
    /// Per order its heads, and the mean after each.
    curves: Vec<(Order, Vec<(AttentionHead, f64)>)>,
    /// What made heads important.
    importance_by: ImportanceBy,
}

impl Found {
    fn intact(&self) -> f64 {
        mean(&self.intact)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// What it takes to measure.
struct Work<'a> {
    keys: &'a Pruning,
    model: &'a Model,
    masked_lm: Option<MaskedLm>,
    seed: u64,
}

impl<'a> Work<'a> {
    fn new(keys: &'a Pruning, loaded: &'a LoadedModel, seed: u64) -> Result<Self> {
        let model = &loaded.model;
        let wanted = keys.measure == WantedMeasure::MaskedLm
            || keys.orders.contains(&Order::Importance) && keys.importance == ImportanceBy::Gradient;
        let masked_lm = (wanted || model.has_masked_lm_head()).then(|| loaded.masked_lm()).transpose()?;
        Ok(Self { keys, model, masked_lm, seed })
    }

    fn run(&self, halves: &Halves) -> Result<Found> {
        let grid = self.model.spec().grid;
        let steps = if self.keys.steps == 0 { grid.len() } else { self.keys.steps.min(grid.len()) };
        let meter = self.meter(&halves.measure)?;
        let progress = Progress::start("mask heads", Unit::Items("passes"), Some(self.passes(grid, steps)));
        let values = |meter: &Meter<'_>, heads: &[AttentionHead]| {
            interrupted()?;
            let values = meter.values(&self.mask(heads));
            progress.add(1);
            values
        };
        let intact = values(&meter, &[])?;
        let alone = grid.iter().map(|head| values(&meter, &[head])).collect::<Result<Vec<_>>>()?;
        let mut curves = Vec::new();
        for &order in &self.keys.orders {
            let heads = match order {
                Order::Random => orders::random(grid, self.seed),
                Order::Importance => orders::by_importance(grid, &self.importance(halves, &values)?),
                Order::Greedy => {
                    let meter = self.meter(&halves.order)?;
                    orders::greedy(grid, self.greedy_steps(steps), |heads| Ok(mean(&values(&meter, heads)?)))?
                }
            };
            let heads = &heads[..heads.len().min(steps)];
            let masked = (1..=heads.len()).map(|step| Ok((heads[step - 1], mean(&values(&meter, &heads[..step])?))));
            curves.push((order, masked.collect::<Result<Vec<_>>>()?));
        }
        progress.finish();
        let (measure, importance_by) = (meter.measure(), self.importance_by());
        Ok(Found { grid, measure, intact, alone, curves, importance_by })
    }

    fn meter(&self, sequences: &[Pieces]) -> Result<Meter<'_>> {
        match &self.masked_lm {
            Some(masked_lm) if self.keys.measure != WantedMeasure::States => {
                Meter::loss(masked_lm, self.model.threads(), self.hide(), sequences)
            }
            _ => Meter::states(self.model, sequences),
        }
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

    /// The importance of each head on the first half.
    fn importance(
        &self,
        halves: &Halves,
        values: &impl Fn(&Meter<'_>, &[AttentionHead]) -> Result<Vec<f64>>,
    ) -> Result<Vec<f64>> {
        let grid = self.model.spec().grid;
        let Some(masked_lm) = self.masked_lm.as_ref().filter(|_| self.keys.importance != ImportanceBy::Ablation) else {
            let meter = self.meter(&halves.order)?;
            return grid.iter().map(|head| Ok(mean(&values(&meter, &[head])?))).collect();
        };
        let no_marks = Marks { sep: self.model.tokenizer().special().sep, punctuation: Vec::new() };
        let mut gradients = Gradients::new(masked_lm, no_marks, self.model.threads());
        for (number, pieces) in halves.order.iter().enumerate() {
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
        match (self.keys.importance, &self.masked_lm) {
            (ImportanceBy::Auto, None) => ImportanceBy::Ablation,
            (ImportanceBy::Auto, Some(_)) => ImportanceBy::Gradient,
            (given, _) => given,
        }
    }

    fn greedy_steps(&self, steps: usize) -> usize {
        if self.keys.greedy_steps == 0 { steps } else { self.keys.greedy_steps.min(steps) }
    }

    /// How often a half is measured.
    fn passes(&self, grid: HeadGrid, steps: usize) -> u64 {
        let of_order = |order: &Order| match order {
            Order::Random => steps,
            Order::Importance if self.importance_by() == ImportanceBy::Ablation => grid.len() + steps,
            Order::Importance => steps,
            Order::Greedy => {
                let steps = self.greedy_steps(steps);
                (0..steps).map(|gone| grid.len() - gone).sum::<usize>() + steps
            }
        };
        (1 + grid.len() + self.keys.orders.iter().map(of_order).sum::<usize>()) as u64
    }
}

impl Pruning {
    fn ablation_rows(&self, seen: &SequencesSeen, found: &Found) -> Vec<Ablation> {
        let row = |(head, values): (AttentionHead, &Vec<f64>)| {
            let changes: Mean = values.iter().zip(&found.intact).map(|(value, intact)| value - intact).collect();
            Ablation {
                corpus: seen.name.clone(),
                layer_index: head.layer as u32,
                head_index: head.index as u32,
                masking: self.masking.to_string(),
                measure: found.measure.to_string(),
                value: mean(values),
                intact: found.intact(),
                standard_error: changes.standard_error(),
                sequences: changes.count(),
            }
        };
        found.grid.iter().zip(&found.alone).map(row).collect()
    }

    fn pruning_rows(&self, seen: &SequencesSeen, found: &Found) -> Vec<Row> {
        let row = |order: Order, step: usize, head: Option<AttentionHead>, value: f64| Row {
            corpus: seen.name.clone(),
            order: order.to_string(),
            masking: self.masking.to_string(),
            measure: found.measure.to_string(),
            step: step as u32,
            layer_index: head.map(|head| head.layer as u32),
            head_index: head.map(|head| head.index as u32),
            value,
            sequences: found.intact.len() as u64,
        };
        let curve = |(order, steps): &(Order, Vec<(AttentionHead, f64)>)| {
            let steps =
                steps.iter().enumerate().map(|(step, (head, value))| row(*order, step + 1, Some(*head), *value));
            [row(*order, 0, None, found.intact())].into_iter().chain(steps).collect::<Vec<_>>()
        };
        found.curves.iter().flat_map(curve).collect()
    }

    fn facts(&self, seen: &SequencesSeen, halves: &Halves, found: &Found) -> BTreeMap<String, Value> {
        BTreeMap::from([
            ("corpus".to_owned(), json!(seen.name)),
            ("measure".to_owned(), json!(found.measure)),
            ("masking".to_owned(), json!(self.masking)),
            ("importance_by".to_owned(), json!(found.importance_by)),
            ("intact".to_owned(), json!(found.intact())),
            ("sequences_ordered_on".to_owned(), json!(halves.order.len())),
            ("sequences_measured_on".to_owned(), json!(halves.measure.len())),
        ])
    }

    fn findings(&self, found: &Found) -> Vec<String> {
        let intact = found.intact();
        let (limit, harm) = match found.measure {
            Measure::MaskedLm => (intact * (1.0 + HARM), "the masked-language-model loss rises by more than 10 %"),
            Measure::States => (HARM, "the final states turn by more than 0.1 (1 − cosine)"),
        };
        let harmless = |(order, steps): &(Order, Vec<(AttentionHead, f64)>)| {
            let masked = steps.iter().take_while(|(_, value)| *value <= limit).count();
            let in_order = match order {
                Order::Importance => "the least important first",
                Order::Greedy => "chosen greedily",
                Order::Random => "at random",
            };
            let (all, tried) = (found.grid.len(), steps.len());
            if masked == all {
                format!("All {all} heads can be masked, {in_order}, without harm.")
            } else if masked == tried {
                format!("{masked} of {all} heads can be masked, {in_order}, without harm; more were not tried.")
            } else {
                format!("{masked} of {all} heads can be masked, {in_order}, before {harm}.")
            }
        };
        let mut findings: Vec<String> = found.curves.iter().map(harmless).collect();
        let alone = found.grid.iter().zip(&found.alone).map(|(head, values)| (head, mean(values) - intact));
        if let Some((head, change)) = alone.max_by(|a, b| a.1.total_cmp(&b.1)) {
            let measure = match found.measure {
                Measure::MaskedLm => "the masked-language-model loss",
                Measure::States => "the turn of the final states",
            };
            findings.push(format!("Masked alone, head {head} is missed most: {measure} grows by {change:.4}."));
        }
        findings
    }
}
