//! Labelled trees of hidden states (DepProbe; Müller-Eberstein et al. 2022; METHOD §5): a probe of relations beside the probe
//! of distances, with the same training and the same sentences held out; and what their scores are worth.

use anyhow::{Context, Result};
use headlight_probe::structural::{
    LabelledScores, ROOT_LABEL, Relabelled, StateFile, StructuralProbe, Structure, UNKNOWN_LABEL, WordStates as _,
    evaluate_labelled, evaluate_rooted,
};
use headlight_probe::{control_labels, right_branching};
use headlight_report::RIGHT_BRANCHING;
use headlight_report::tables::{ComparedMeasure, ComparingKind, Difference, ProbeScore};
use headlight_report::{Compared, differences};
use headlight_stats::{Counts, Pair};
use headlight_treebank::{Count, Governor, Granularity, Sentence};

use super::states::{KeptStates, States};
use super::summary::Probes;
use super::trained::{Point, Trained, probe_of, train_all};
use crate::run::{Run, Steps, draw_seed};

/// The probe of relations, as tables call it.
pub const RELATION: &str = "structural_relation";
/// Labelled trees.
const LABELLED: &str = "structural_labelled";
/// Trees of distances that the probe of depths gives a root.
const ROOTED: &str = "structural_rooted";

/// What labels are made from, of the sentences that have states.
pub struct Words {
    /// The labels of each sentence's words.
    labels: Vec<Vec<u32>>,
    forms: Vec<Vec<String>>,
}

/// The labels that training knows; the first is that of root words.
pub struct Labels {
    names: Vec<String>,
    /// How often each is in the training sentences.
    frequencies: Vec<u64>,
    train: Words,
    evaluate: Words,
}

impl Labels {
    /// Reads them from the sentences of both splits that have states.
    ///
    /// # Errors
    /// Those of the treebank.
    pub fn read(run: &mut Run, [train, evaluate]: [&KeptStates; 2]) -> Result<Self> {
        let granularity = run.settings().treebank.granularity();
        let mut names = vec![String::new()];
        let mut frequencies = vec![0];
        let train = Words::read(run, train, |sentence| {
            let label = |(at, relation): (usize, &str)| {
                let known = names.iter().skip(1).position(|name| name == relation).map(|place| place + 1);
                let label = if is_root(sentence, at) { 0 } else { known.unwrap_or(names.len()) };
                if label == names.len() {
                    names.push(relation.to_owned());
                    frequencies.push(0);
                }
                frequencies[label] += 1;
                label as u32
            };
            relations(sentence, granularity).into_iter().enumerate().map(label).collect()
        })?;
        let evaluate = Words::read(run, evaluate, |sentence| {
            let label = |(at, relation): (usize, &str)| match names.iter().skip(1).position(|name| name == relation) {
                _ if is_root(sentence, at) => ROOT_LABEL,
                Some(place) => place as u32 + 1,
                None => UNKNOWN_LABEL,
            };
            relations(sentence, granularity).into_iter().enumerate().map(label).collect()
        })?;
        Ok(Self { names, frequencies, train, evaluate })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// States with these labels.
    ///
    /// # Errors
    /// When the treebank has changed meanwhile.
    pub fn of<'a>(&self, states: [&'a StateFile; 2]) -> Result<[Relabelled<'a, StateFile>; 2]> {
        let of = |states: &'a StateFile, words: &Words| {
            Relabelled::new(states, |at| words.labels[at].clone()).context(CHANGED)
        };
        Ok([of(states[0], &self.train)?, of(states[1], &self.evaluate)?])
    }

    /// States with the labels of a control task: a random one for each word type, as frequent as the labels are.
    fn control<'a>(&self, states: [&'a StateFile; 2], seed: u64) -> Result<[Relabelled<'a, StateFile>; 2]> {
        let of = |states: &'a StateFile, words: &Words| {
            let labels = |at: usize| {
                let forms: Vec<&str> = words.forms[at].iter().map(String::as_str).collect();
                control_labels(&forms, &self.frequencies, seed)
            };
            Relabelled::new(states, labels).context(CHANGED)
        };
        Ok([of(states[0], &self.train)?, of(states[1], &self.evaluate)?])
    }
}

const CHANGED: &str = "the treebank changed while it was read";

impl Words {
    fn read(run: &mut Run, states: &KeptStates, mut labels: impl FnMut(&Sentence) -> Vec<u32>) -> Result<Self> {
        let mut words = Self { labels: Vec::new(), forms: Vec::new() };
        for sentence in states.sentences(run)? {
            let sentence = sentence?;
            words.labels.push(labels(&sentence));
            words.forms.push(sentence.forms().into_iter().map(ToOwned::to_owned).collect());
        }
        Ok(words)
    }
}

fn relations(sentence: &Sentence, granularity: Granularity) -> Vec<&str> {
    sentence.words().iter().map(|word| word.relation.name(granularity)).collect()
}

fn is_root(sentence: &Sentence, at: usize) -> bool {
    sentence.words()[at].governor == Governor::Root
}

/// What labelled trees found.
pub struct Found {
    pub rows: Vec<ProbeScore>,
    pub differences: Vec<Difference>,
}

/// The trained probes of an experiment, what they read, and where finished steps are.
pub struct Material<'a> {
    pub probes: &'a Probes<'a>,
    pub labels: &'a Labels,
    pub learned: &'a StateFile,
    pub evaluated: &'a States,
    pub steps: &'a Steps,
    /// Draws of the control task.
    pub draws: usize,
}

impl Material<'_> {
    /// Scores the labelled trees of each rank and seed, on the layers that were chosen on training sentences held out.
    ///
    /// # Errors
    /// Those of training and of the disk.
    pub fn found(&self, run: &Run) -> Result<Found> {
        let mut rows = Vec::new();
        let states = [self.learned, &self.evaluated.states];
        let labelled = self.labels.of(states)?;
        let chosen = self.probes.chosen();
        let probe = |number: usize| -> Result<(StructuralProbe, usize)> {
            let point = self.probes.trained[number].point;
            let probe = match point.structure {
                Structure::Relation => probe_of(point, &labelled[0], self.steps)?,
                _ => probe_of(point, self.learned, self.steps)?,
            };
            Ok((probe, point.place))
        };
        let all: Vec<usize> = (0..self.evaluated.states.len()).collect();
        let baseline = self.right_branching();
        let (mut compared, mut names): (Vec<[Vec<Counts>; 2]>, Vec<[String; 2]>) = (Vec::new(), Vec::new());
        let ranks: Vec<usize> = {
            let mut ranks: Vec<usize> = chosen.keys().filter(|it| it.0 == Structure::Distance).map(|it| it.1).collect();
            ranks.dedup();
            ranks
        };
        let name = |name: &str, rank: usize| self.probes.ranked(name, (Structure::Distance, rank));
        for &rank in &ranks {
            let (mut trees, mut rooted) = (Vec::new(), Vec::new());
            for number in self.probes.chosen_of(Structure::Distance, rank) {
                let seed = self.probes.trained[number].point.seed;
                let distance = probe(number)?;
                let relation = chosen.get(&(Structure::Relation, self.labels.len(), seed)).copied();
                let relation = probe(relation.context("a probe of relations was trained for each seed")?)?;
                let (of_distance, of_relation) = ((&distance.0, distance.1), (&relation.0, relation.1));
                let scores = evaluate_labelled(of_distance, of_relation, &labelled[1], &all)?;
                let counted = |of: fn(&LabelledScores) -> Count| self.units(scores.iter().map(of));
                let (uas, las) = (counted(|it| it.governors), counted(|it| it.labelled));
                let root = counted(|it| it.root);
                for (measure, counts) in [("uas", &uas), ("las", &las), ("root_accuracy", &root)] {
                    rows.extend(self.row(&name(LABELLED, rank), measure, seed, None, counts)?);
                }
                trees.push(uas);
                if let Some(depth) = chosen.get(&(Structure::Depth, rank, seed)) {
                    let depth = probe(*depth)?;
                    let states = &self.evaluated.states;
                    let found = evaluate_rooted((&distance.0, distance.1), (&depth.0, depth.1), states, &all)?;
                    let counts = self.units(found.into_iter());
                    rows.extend(self.row(&name(ROOTED, rank), "uas", seed, None, &counts)?);
                    rooted.push(counts);
                }
            }
            if rooted.len() == trees.len() {
                compared.push([self.probes.added(trees.clone()), self.probes.added(rooted)]);
                names.push([name(LABELLED, rank), name(ROOTED, rank)]);
            }
            let as_often = vec![baseline.clone(); trees.len()];
            compared.push([self.probes.added(trees), self.probes.added(as_often)]);
            names.push([name(LABELLED, rank), RIGHT_BRANCHING.to_owned()]);
        }
        let pairs: Vec<Compared<'_>> = compared
            .iter()
            .zip(&names)
            .map(|([a, b], [of_a, of_b])| Compared { a: of_a, b: of_b, group: None, counts: Pair { a, b } })
            .collect();
        let differences = differences(
            ComparingKind::Structural,
            ComparedMeasure::Uas,
            &pairs,
            self.evaluated.units.unit(),
            self.probes.bootstrap,
        )?;
        rows.extend(self.controls(run)?);
        Ok(Found { rows, differences })
    }

    /// Trains the chosen probes' like on control tasks: their accuracy, and by how much that on relations is above it.
    fn controls(&self, run: &Run) -> Result<Vec<ProbeScore>> {
        let mut rows = Vec::new();
        let chosen = self.probes.chosen();
        let numbers: Vec<usize> = chosen
            .into_iter()
            .filter(|((structure, _, _), _)| *structure == Structure::Relation)
            .map(|it| it.1)
            .collect();
        for draw in 0..self.draws {
            let seed = draw_seed(run.settings().seed, draw);
            let states = self.labels.control([self.learned, &self.evaluated.states], seed)?;
            let steps = self.steps.of(&format!("control task {}", draw + 1));
            let probes: Vec<&Point> = numbers.iter().map(|number| self.probes.trained[*number].point).collect();
            let trained = train_all(&probes, &states[0], &states[1], &steps)?;
            for (number, control) in numbers.iter().zip(&trained) {
                rows.extend(self.selectivity(&self.probes.trained[*number], control, draw)?);
            }
        }
        Ok(rows)
    }

    fn selectivity(&self, task: &Trained<'_>, control: &Trained<'_>, draw: usize) -> Result<Vec<ProbeScore>> {
        let (task, on_control) = (self.evaluated.units.sums(&task.counts), self.evaluated.units.sums(&control.counts));
        let accuracy = self.row(RELATION, "control_accuracy", control.point.seed, Some(draw), &on_control)?;
        let interval = self.probes.bootstrap.paired(&[Pair { a: &task, b: &on_control }])?.into_iter().next().flatten();
        let share = |counts: &[Counts]| {
            let (correct, total) = Counts::sum(counts);
            correct as f64 / total as f64
        };
        let selectivity = accuracy.clone().map(|row| ProbeScore {
            measure: "selectivity".to_owned(),
            correct: None,
            total: None,
            value: share(&task) - share(&on_control),
            ci_low: interval.map(|interval| interval.difference.low),
            ci_high: interval.map(|interval| interval.difference.high),
            ..row
        });
        Ok(accuracy.into_iter().chain(selectivity).collect())
    }

    /// What hanging every word from the next one finds, without punctuation.
    fn right_branching(&self) -> Vec<Counts> {
        let states = &self.evaluated.states;
        let count = |sentence: usize| {
            let words = states.words(sentence);
            let mut count = Count::default();
            for (word, governor) in right_branching(words.words()).into_iter().enumerate() {
                if !words.punctuation()[word] {
                    count.observe(governor == words.governors()[word]);
                }
            }
            count
        };
        self.units((0..states.len()).map(count))
    }

    fn units(&self, counts: impl Iterator<Item = Count>) -> Vec<Counts> {
        let counts = counts.map(|count| Counts::from((count.correct as u32, count.total as u32)));
        self.evaluated.units.sums(&counts.collect::<Vec<_>>())
    }

    /// A share of words with its interval; none where no word is counted.
    fn row(
        &self,
        probe: &str,
        measure: &str,
        seed: u64,
        draw: Option<usize>,
        counts: &[Counts],
    ) -> Result<Option<ProbeScore>> {
        let interval = self.probes.bootstrap.intervals(&[counts])?.into_iter().next().flatten();
        let row = ProbeScore {
            draw: draw.map(|draw| draw as i64 + 1),
            ..self.probes.share(probe.to_owned(), measure, seed, counts, interval)
        };
        Ok((row.total > Some(0)).then_some(row))
    }
}
