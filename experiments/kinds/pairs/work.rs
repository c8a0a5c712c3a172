//! The passes over pairs: once with all heads at work, and for each step with heads masked.

use anyhow::{Context, Result};
use headlight_attention::AttentionHead;
use headlight_bert::{HeadMask, MaskedLm, Visibility};
use headlight_report::run::Reading;
use headlight_report::tables::SentenceScore;

use super::Pairs;
use super::score::{By, Scored, Scorer};
use crate::cli::progress::{Amount, Progress};
use crate::kinds::shared::named_heads::Named;
use crate::run::{Run, Steps};
use crate::sources::pairs::{Pair, Pairs as PairFiles, Skipped, skip};

/// Which heads are masked, in order.
pub struct Plan {
    /// Those that were named, or are best for relations.
    pub named: Named,
    /// As many others of the same layers, by draw.
    pub random: Vec<Vec<AttentionHead>>,
}

/// A pair and its scores.
#[derive(Debug, Clone, Copy)]
pub struct PairScores {
    /// Its number in the files.
    pub pair: usize,
    pub good: f64,
    pub bad: f64,
}

/// What masked heads leave.
pub struct MaskedPass {
    /// The draw, where heads are random.
    pub draw: Option<u32>,
    /// How many heads are masked.
    pub step: usize,
    /// Which.
    pub heads: Vec<AttentionHead>,
    /// The scores of the sample, good and bad.
    pub scores: Vec<[f64; 2]>,
}

/// What was found.
pub struct Found {
    /// What sentences were scored by.
    pub score: SentenceScore,
    pub plan: Plan,
    /// The pairs that were scored, in the order of the files.
    pub scored: Vec<PairScores>,
    /// Numbers in `scored` of those that heads are masked on.
    pub sample: Vec<usize>,
    /// Chosen heads step by step, then each draw of random ones.
    pub masked: Vec<MaskedPass>,
    /// Pairs that the model cannot read, by reason.
    pub skipped: Skipped,
    /// Pairs whose sentences are the same pieces.
    pub alike: u64,
    /// Words of all sentences scored.
    pub words: u64,
    /// How the model read them.
    pub reading: Reading,
}

impl Pairs {
    /// Chooses the heads that are masked.
    pub(super) fn plan(&self, run: &mut Run) -> Result<Plan> {
        let named = self.names().choose(run)?;
        let random = named.beside(run, self.draws)?;
        Ok(Plan { named, random })
    }

    fn mask(&self, heads: &[AttentionHead]) -> HeadMask {
        heads.iter().map(|&head| (head, self.masking.into())).collect()
    }
}

/// The work of a run.
pub struct Work<'a> {
    keys: &'a Pairs,
    files: &'a PairFiles,
    scorer: Scorer<'a>,
    score: SentenceScore,
    plan: Plan,
    seed: u64,
    steps: Steps,
}

impl<'a> Work<'a> {
    /// Of these pairs.
    ///
    /// # Errors
    /// When there is no place for steps.
    pub fn new(
        keys: &'a Pairs,
        run: &'a mut Run,
        files: &'a PairFiles,
        masked_lm: &'a MaskedLm,
        plan: Plan,
    ) -> Result<Self> {
        // Steps depend on all that is read.
        run.model()?;
        let steps = run.steps()?.of("pairs");
        let (seed, limit) = (run.settings().seed, run.settings().treebank.max_pieces);
        let model = &run.model()?.model;
        let (by, score) = match model.spec().visibility() {
            Visibility::Full => {
                let mask = model.tokenizer().special().mask.context("the vocabulary of the model has no [MASK]")?;
                (By::PseudoLogLikelihood { mask, hiding: keys.score.into() }, keys.score.into())
            }
            Visibility::Causal => (By::LogLikelihood, SentenceScore::LogLikelihood),
        };
        let (tokenizer, threads) = (model.tokenizer(), model.threads());
        let scorer = Scorer { masked_lm, tokenizer, by, limit, threads };
        Ok(Self { keys, files, scorer, score, plan, seed, steps })
    }

    /// Scores the pairs.
    ///
    /// # Errors
    /// Ctrl-C, a disk that does not take a step.
    pub fn run(self) -> Result<Found> {
        let numbers = self.files.draw(self.keys.limit, self.seed);
        let pairs: Vec<&Pair> = numbers.iter().map(|&number| &self.files.pairs[number]).collect();
        let progress = Progress::start("score pairs", Amount::Items("pairs"), Some(pairs.len() as u64));
        let all = self.scorer.pass(&pairs, &[&HeadMask::new()], &self.steps.of("intact"), &progress)?.concat();
        progress.finish();
        let mut found = Found {
            score: self.score,
            plan: self.plan,
            scored: Vec::new(),
            sample: Vec::new(),
            masked: Vec::new(),
            skipped: self.files.skipped.clone(),
            alike: 0,
            words: 0,
            reading: Reading::default(),
        };
        for (&pair, scored) in numbers.iter().zip(all) {
            let place = || {
                let pair = &self.files.pairs[pair];
                format!("{}:{}", self.files.inputs[pair.file].path, pair.line)
            };
            found.add(pair, scored, place);
        }
        if found.plan.named.heads.is_empty() {
            return Ok(found);
        }
        let drawn = self.files.draw(self.keys.masked_limit, self.seed);
        let in_sample = |(_, scored): &(usize, &PairScores)| drawn.binary_search(&scored.pair).is_ok();
        found.sample = found.scored.iter().enumerate().filter(in_sample).map(|(number, _)| number).collect();
        let pairs: Vec<&Pair> = found.sample.iter().map(|&at| &self.files.pairs[found.scored[at].pair]).collect();
        let orders = [(None, found.plan.named.heads.clone())].into_iter();
        let orders = orders.chain((0..).map(Some).zip(found.plan.random.iter().cloned()));
        let passes: Vec<MaskedPass> = orders
            .flat_map(|(draw, order)| {
                let pass = |step: usize| MaskedPass { draw, step, heads: order[..step].to_vec(), scores: Vec::new() };
                (1..=order.len()).map(pass).collect::<Vec<_>>()
            })
            .collect();
        let masks: Vec<HeadMask> = passes.iter().map(|pass| self.keys.mask(&pass.heads)).collect();
        let masks: Vec<&HeadMask> = masks.iter().collect();
        let total = (passes.len() * pairs.len()) as u64;
        let progress = Progress::start("score pairs without heads", Amount::Items("pairs"), Some(total));
        // All passes are one: they have the layers below their heads in common.
        let scored = self.scorer.pass(&pairs, &masks, &self.steps.of("without heads"), &progress)?;
        progress.finish();
        let scores = |scored: &Scored| match scored {
            Scored::Scores { good, bad, .. } => [*good, *bad],
            Scored::Skipped(_) => [f64::NAN; 2],
        };
        let of_passes = passes.into_iter().zip(&scored);
        found.masked = of_passes
            .map(|(pass, scored)| MaskedPass { scores: scored.iter().map(scores).collect(), ..pass })
            .collect();
        Ok(found)
    }
}

impl Found {
    fn add(&mut self, pair: usize, scored: Scored, place: impl FnOnce() -> String) {
        match scored {
            Scored::Scores { good, bad, alike, pieces, unknown, words } => {
                self.scored.push(PairScores { pair, good, bad });
                self.alike += u64::from(alike);
                self.words += words;
                self.reading.pieces += pieces;
                self.reading.unknown_words += unknown;
            }
            Scored::Skipped(reason) => skip(&mut self.skipped, &reason, place),
        }
    }
}
