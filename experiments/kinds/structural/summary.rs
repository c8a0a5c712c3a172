//! Scores of structural probes as rows of `probe_scores` and `differences`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use headlight_probe::structural::{Spearman, Structure};
use headlight_report::tables::{self, ComparedMeasure, ComparingKind, Difference, ProbeGroup, ProbeScore};
use headlight_report::{Compared, difference_of_values, differences, facts};
use headlight_stats::{Bootstrap, Counts, Interval, Pair};

use super::trained::Trained;
use crate::run::Units;

/// Trained probes, and what their scores are over.
pub struct Probes<'a> {
    pub treebank: &'a str,
    pub trained: &'a [Trained<'a>],
    pub units: &'a Units,
    pub bootstrap: &'a Bootstrap,
}

/// What is compared: its name, and the numbers of its trainings.
type Trainings = (String, Vec<usize>);

impl Probes<'_> {
    /// For each structure, rank and seed the probe of the layer with the lowest loss on the training sentences held out,
    /// as its number among those trained.
    pub fn chosen(&self) -> BTreeMap<(Structure, usize, u64), usize> {
        let mut best: BTreeMap<(Structure, usize, u64), usize> = BTreeMap::new();
        for (number, probe) in self.trained.iter().enumerate() {
            let lowest = best.entry((probe.point.structure, probe.point.rank, probe.point.seed)).or_insert(number);
            if probe.held_out_loss < self.trained[*lowest].held_out_loss {
                *lowest = number;
            }
        }
        best
    }

    /// The chosen probes of a structure and rank, one for each seed.
    pub fn chosen_of(&self, structure: Structure, rank: usize) -> Vec<usize> {
        let chosen = self.chosen().into_iter();
        chosen.filter(|((of, it, _), _)| (*of, *it) == (structure, rank)).map(|(_, number)| number).collect()
    }

    /// Structures and ranks, in the order of the config.
    fn forms(&self) -> Vec<(Structure, usize)> {
        let mut forms = Vec::new();
        for probe in self.trained {
            let form = (probe.point.structure, probe.point.rank);
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        forms
    }

    fn name(&self, (structure, rank): (Structure, usize)) -> String {
        let name = match structure {
            Structure::Distance => "structural_distance",
            Structure::Depth => "structural_depth",
            Structure::Relation => super::labels::RELATION,
        };
        self.ranked(name, (structure, rank))
    }

    /// A name with the rank of the probes that it is of, where there are several of their structure.
    pub fn ranked(&self, name: &str, (structure, rank): (Structure, usize)) -> String {
        let several = self.trained.iter().any(|probe| probe.point.structure == structure && probe.point.rank != rank);
        if several { format!("{name}_rank{rank}") } else { name.to_owned() }
    }

    /// A share of words with its interval.
    pub fn share(
        &self,
        probe: String,
        measure: &str,
        seed: u64,
        counts: &[Counts],
        interval: Option<Interval>,
    ) -> ProbeScore {
        let (correct, total) = Counts::sum(counts);
        ProbeScore {
            probe,
            decoding: None,
            treebank: self.treebank.to_owned(),
            split: tables::Split::Evaluate,
            seed: Some(seed as i64),
            measure: measure.to_owned(),
            group: None,
            group_value: None,
            correct: Some(correct),
            total: Some(total),
            value: correct as f64 / total as f64,
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
            draw: None,
        }
    }

    fn correlation(&self, spearman: &Spearman, times: &[u32]) -> f64 {
        let unit = |sentence: usize| self.units.of(sentence) as usize;
        spearman.mean_of(|sentence| times[unit(sentence)]).unwrap_or(f64::NAN)
    }

    /// Two rows for each probe: a share (UUAS, or root accuracy) and a rank correlation; and for the chosen ones the same
    /// once more, without a layer.
    ///
    /// # Errors
    /// None that a caller could cause.
    pub fn rows(&self) -> Result<Vec<ProbeScore>> {
        let counts: Vec<Vec<Counts>> = self.trained.iter().map(|trained| self.units.sums(&trained.counts)).collect();
        let intervals = self.bootstrap.intervals(&counts.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let rows_of = |number: usize| {
            let (probe, interval) = (&self.trained[number], intervals[number]);
            let (share, correlation) = measures(probe.point.structure);
            let name = self.name((probe.point.structure, probe.point.rank));
            let row = ProbeScore {
                group: Some(ProbeGroup::Layer),
                group_value: Some(probe.point.layer.to_string()),
                ..self.share(name, share.name(), probe.point.seed, &counts[number], interval)
            };
            let of_ranks = correlation.zip(probe.spearman.mean()).map(|(correlation, value)| {
                let interval =
                    self.bootstrap.statistic(self.units.len(), |times| self.correlation(&probe.spearman, times));
                ProbeScore {
                    measure: correlation.name().to_owned(),
                    correct: None,
                    total: None,
                    value,
                    ci_low: interval.map(|interval| interval.low),
                    ci_high: interval.map(|interval| interval.high),
                    ..row.clone()
                }
            });
            (row.total > Some(0)).then_some(row).into_iter().chain(of_ranks).collect::<Vec<_>>()
        };
        let all: Vec<Vec<ProbeScore>> = (0..self.trained.len()).map(rows_of).collect();
        let of_chosen = self.chosen().into_values().flat_map(|number| all[number].clone());
        let without_layer = of_chosen.map(|row| ProbeScore { group: None, group_value: None, ..row });
        let without_layer: Vec<ProbeScore> = without_layer.collect();
        Ok(all.into_iter().flatten().chain(without_layer).collect())
    }

    /// The comparisons that a reader makes: the chosen layer with the embeddings, and of several ranks each with each other
    /// on their chosen layers. Trainings with several seeds are added up.
    ///
    /// # Errors
    /// None that a caller could cause.
    pub fn differences(&self) -> Result<Vec<Difference>> {
        let mut pairs: Vec<(Structure, [Trainings; 2])> = Vec::new();
        let forms = self.forms();
        for (place, &form) in forms.iter().enumerate() {
            let (structure, rank) = form;
            let chosen = || (self.name(form), self.chosen_of(structure, rank));
            let embeddings = (0..self.trained.len()).filter(|number| {
                let point = self.trained[*number].point;
                (point.structure, point.rank, point.layer) == (structure, rank, 0)
            });
            let embeddings: Vec<usize> = embeddings.collect();
            if !embeddings.is_empty() && embeddings != chosen().1 {
                pairs.push((structure, [chosen(), (format!("{} layer 0", self.name(form)), embeddings)]));
            }
            for &(other, of_rank) in forms[place + 1..].iter().filter(|(other, _)| *other == structure) {
                let other = (self.name((other, of_rank)), self.chosen_of(other, of_rank));
                pairs.push((structure, [chosen(), other]));
            }
        }
        let mut rows = Vec::new();
        for structure in [Structure::Distance, Structure::Depth, Structure::Relation] {
            let of: Vec<_> = pairs.iter().filter(|(it, _)| *it == structure).map(|(_, pair)| pair).collect();
            let (share, correlation) = measures(structure);
            let counts: Vec<[Vec<Counts>; 2]> = of.iter().map(|[a, b]| [self.sum(&a.1), self.sum(&b.1)]).collect();
            let compared = of.iter().zip(&counts).map(|([a, b], [of_a, of_b])| Compared {
                a: &a.0,
                b: &b.0,
                group: None,
                counts: Pair { a: of_a, b: of_b },
            });
            let compared: Vec<Compared<'_>> = compared.collect();
            rows.extend(differences(ComparingKind::Structural, share, &compared, self.units.unit(), self.bootstrap)?);
            let of_correlation =
                |measure| of.iter().filter_map(move |[a, b]| self.difference_of_correlations(measure, a, b));
            rows.extend(correlation.into_iter().flat_map(of_correlation));
        }
        Ok(rows)
    }

    fn sum(&self, numbers: &[usize]) -> Vec<Counts> {
        self.added(numbers.iter().map(|number| self.units.sums(&self.trained[*number].counts)))
    }

    /// The counts of several trainings together, unit by unit.
    pub fn added(&self, trainings: impl IntoIterator<Item = Vec<Counts>>) -> Vec<Counts> {
        let mut sums = vec![Counts::default(); self.units.len()];
        for counts in trainings {
            for (sum, counts) in sums.iter_mut().zip(counts) {
                sum.correct += counts.correct;
                sum.total += counts.total;
            }
        }
        sums
    }

    /// A correlation is no count of words, which signs could be flipped of: it has an interval and no test.
    fn difference_of_correlations(
        &self,
        measure: ComparedMeasure,
        (a, of_a): &(String, Vec<usize>),
        (b, of_b): &(String, Vec<usize>),
    ) -> Option<Difference> {
        let mean = |numbers: &[usize], times: &[u32]| {
            let each = numbers.iter().map(|number| self.correlation(&self.trained[*number].spearman, times));
            each.sum::<f64>() / numbers.len() as f64
        };
        let once = vec![1; self.units.len()];
        let (value_a, value_b) = (mean(of_a, &once), mean(of_b, &once));
        let interval = self.bootstrap.statistic(self.units.len(), |times| mean(of_a, times) - mean(of_b, times));
        let values = [(a.clone(), value_a), (b.clone(), value_b)];
        let (unit, units) = (self.units.unit(), self.units.len());
        let row = difference_of_values(ComparingKind::Structural, measure, None, values, interval, unit, units);
        row.difference.is_finite().then_some(row)
    }

    /// Each structure and rank with the layers that were chosen for it.
    pub fn probes(&self) -> Vec<facts::StructuralProbe> {
        let probe = |form: (Structure, usize)| {
            let chosen =
                self.chosen_of(form.0, form.1).into_iter().map(|number| self.trained[number].point.layer as u64);
            facts::StructuralProbe {
                probe: self.name(form),
                structure: match form.0 {
                    Structure::Distance => "distance",
                    Structure::Depth => "depth",
                    Structure::Relation => "relation",
                }
                .to_owned(),
                rank: form.1 as u64,
                chosen_layers: chosen.collect::<BTreeSet<_>>().into_iter().collect(),
            }
        };
        self.forms().into_iter().map(probe).collect()
    }
}

/// The share of a structure, and its rank correlation where it has one.
fn measures(structure: Structure) -> (ComparedMeasure, Option<ComparedMeasure>) {
    match structure {
        Structure::Distance => (ComparedMeasure::Uuas, Some(ComparedMeasure::DistanceSpearman)),
        Structure::Depth => (ComparedMeasure::RootAccuracy, Some(ComparedMeasure::NormSpearman)),
        Structure::Relation => (ComparedMeasure::RelationAccuracy, None),
    }
}
