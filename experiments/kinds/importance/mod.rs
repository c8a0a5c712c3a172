//! `kind = "importance"`: what the masked-language-model loss minds, by its gradients: attention to `[SEP]`, to
//! punctuation and to the rest (METHOD §3; paper §3.3 and Figure 3), and whole heads (METHOD §6; Michel et al. 2019).

pub mod means;

use std::collections::BTreeMap;
use std::mem::take;
use std::num::NonZeroUsize;
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use headlight_bert::{LossGradients, MaskedLm, MaskedLmError, MaskedPieces, Pieces, SpecialPieces};
use headlight_report::importance_sheet;
use headlight_report::tables::{Importance as Row, Table, write_table};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::means::{Marks, Mean, Means, Measure};
use super::Kind;
use crate::cli::parallel::map_in_order;
use crate::config::{Attention, Settings};
use crate::run::{Outcome, Run, SequencesSeen};

/// The keys of `kind = "importance"`; see `[importance]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    hidden: f64,
}

impl Kind for Importance {
    fn check(&self, config: &Settings) -> Result<()> {
        check_hidden(self.hidden)?;
        config.check_sequences("kind = \"importance\"")
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let seed = run.config().seed;
        let model = run.model()?;
        let masked_lm = model.masked_lm()?;
        let tokenizer = model.model.tokenizer();
        let marks = Marks {
            sep: tokenizer.special().sep,
            punctuation: [".", ","].iter().filter_map(|mark| tokenizer.id(mark)).collect(),
        };
        let hide = Hide { special: tokenizer.special(), share: self.hidden, seed };
        let mut gradients = Gradients::new(&masked_lm, marks, model.model.threads());
        let mut number = 0;
        let seen = run.for_each_sequence("gradients", |pieces| {
            let masked = hide.draw(&pieces, number)?;
            number += 1;
            gradients.push(masked)
        })?;
        let clock = Instant::now();
        let (means, loss) = gradients.finish()?;
        let rows = rows(&seen.name, &means);
        write_table(run.folder(), &rows)?;
        run.note_stage("importance tables", clock);
        Ok(Outcome {
            tables: vec![Row::NAME.to_owned()],
            facts: self.facts(&seen, &loss),
            findings: findings(&means, &loss, &seen),
            warnings: warnings(run.config()),
            sheets: vec![importance_sheet(&rows)],
            ..Outcome::default()
        })
    }
}

impl Importance {
    fn facts(&self, seen: &SequencesSeen, loss: &Mean) -> BTreeMap<String, Value> {
        let mut facts = seen.facts();
        facts.extend([
            ("hidden".to_owned(), json!(self.hidden)),
            ("masked_lm_loss".to_owned(), json!(loss.value())),
            ("masked_lm_loss_standard_error".to_owned(), json!(loss.standard_error())),
        ]);
        facts
    }
}

/// Checks a key that says which share of the pieces is hidden.
///
/// # Errors
/// When it is no share.
pub fn check_hidden(hidden: f64) -> Result<()> {
    ensure!(hidden > 0.0 && hidden <= 1.0, "`hidden` is {hidden}; it is a share above 0 and at most 1, such as 0.15");
    Ok(())
}

/// How pieces are hidden: the same in each run with this seed, whatever else is read.
#[derive(Debug, Clone, Copy)]
pub struct Hide {
    /// Of the tokenizer.
    pub special: SpecialPieces,
    /// Of the pieces of a sequence.
    pub share: f64,
    /// Of the run.
    pub seed: u64,
}

impl Hide {
    /// Hides pieces of the sequence with this number.
    ///
    /// # Errors
    /// When it has none to hide.
    pub fn draw(&self, pieces: &Pieces, number: u64) -> Result<MaskedPieces> {
        // An odd multiplier keeps the seeds of neighbouring numbers and runs apart.
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number);
        let drawn = MaskedPieces::draw(pieces, self.special, self.share, seed);
        drawn.ok_or_else(|| anyhow!("sequence {} has no piece to hide", number + 1))
    }
}

/// Gradients of a stream of sequences, some at a time.
pub struct Gradients<'a> {
    masked_lm: &'a MaskedLm,
    marks: Marks,
    threads: NonZeroUsize,
    waiting: Vec<MaskedPieces>,
    means: Means,
    loss: Mean,
}

impl<'a> Gradients<'a> {
    /// Of no sequence.
    pub fn new(masked_lm: &'a MaskedLm, marks: Marks, threads: NonZeroUsize) -> Self {
        let means = Means::new(masked_lm.spec().grid);
        Self { masked_lm, marks, threads, waiting: Vec::new(), means, loss: Mean::default() }
    }

    /// Adds a sequence.
    ///
    /// # Errors
    /// When it is not the model's.
    pub fn push(&mut self, sequence: MaskedPieces) -> Result<()> {
        self.waiting.push(sequence);
        // A few for each thread, so that none waits long for the others.
        if self.waiting.len() >= 8 * self.threads.get() { self.work() } else { Ok(()) }
    }

    /// The means over all sequences, and of their losses.
    ///
    /// # Errors
    /// As [`Gradients::push`].
    pub fn finish(mut self) -> Result<(Means, Mean)> {
        self.work()?;
        Ok((self.means, self.loss))
    }

    fn work(&mut self) -> Result<()> {
        let work = |sequence: &MaskedPieces| {
            let gradients = self.masked_lm.gradients(&[sequence])?;
            let of =
                |gradients: LossGradients| (gradients.loss, means::values(&sequence.pieces, &gradients, &self.marks));
            Ok(gradients.into_iter().map(of).collect::<Vec<_>>())
        };
        let done: Vec<Result<_, MaskedLmError>> = map_in_order(self.threads, &take(&mut self.waiting), work);
        for sequence in done {
            for (loss, values) in sequence? {
                self.loss.add(loss);
                self.means.add(&values);
            }
        }
        Ok(())
    }
}

fn rows(corpus: &str, means: &Means) -> Vec<Row> {
    let grid = means.grid();
    let row = |layer: usize, head: Option<usize>, measure: Measure, mean: &Mean| {
        mean.value().map(|value| Row {
            corpus: corpus.to_owned(),
            layer_index: layer as u32,
            head_index: head.map(|head| head as u32),
            measure: measure.name().to_owned(),
            value,
            standard_error: mean.standard_error(),
            sequences: mean.count(),
        })
    };
    let mut rows = Vec::new();
    for measure in Measure::ALL {
        let layers = 0..grid.layers;
        rows.extend(layers.filter_map(|layer| row(layer, None, measure, means.layer(layer, measure))));
        let heads = grid.iter().enumerate();
        rows.extend(
            heads.filter_map(|(number, head)| row(head.layer, Some(head.index), measure, means.head(number, measure))),
        );
    }
    rows
}

fn warnings(config: &Settings) -> Vec<String> {
    let norms = config.model.attention == Attention::Norms;
    let warning = "Importance is that of attention weights, also where `model.attention` is \"norms\".".to_owned();
    norms.then_some(warning).into_iter().collect()
}

fn findings(means: &Means, loss: &Mean, seen: &SequencesSeen) -> Vec<String> {
    let grid = means.grid();
    let mut findings = Vec::new();
    let gates =
        grid.iter().enumerate().filter_map(|(number, head)| Some((head, means.head(number, Measure::Gate).value()?)));
    if let Some((head, gate)) = gates.max_by(|a, b| a.1.total_cmp(&b.1)) {
        findings.push(format!("The loss minds head {head} most: E|∂L/∂ξ| = {gate:.2e}."));
    }
    let ratio = |layer| {
        let of = |measure| means.layer(layer, measure).value();
        Some(of(Measure::Sep)? / of(Measure::Rest)?)
    };
    let ratios = (0..grid.layers).filter_map(|layer| Some((layer, ratio(layer)?)));
    if let Some((layer, ratio)) = ratios.min_by(|a, b| a.1.total_cmp(&b.1)) {
        findings.push(format!(
            "Attention to [SEP] matters least in layer {}: the loss changes {ratio:.2} times as much with it as with \
             attention to other pieces.",
            layer + 1
        ));
    }
    if let Some(value) = loss.value() {
        findings.push(format!("The masked-language-model loss is {value:.3} nats per hidden piece ({}).", seen.what));
    }
    findings
}
