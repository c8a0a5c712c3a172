//! The passes over pairs: once with all heads at work, and for each step with heads masked.

use anyhow::{Context, Result};
use headlight_attention::AttentionHead;
use headlight_bert::{HeadMask, MaskedLm, Visibility};
use headlight_report::run::Reading;
use headlight_report::tables::SentenceScore;

use super::Pairs;
use super::score::{By, Scored, Scorer};
use crate::cli::progress::{Amount, Progress};
use crate::kinds::shared::named_heads::{Ranking, check_exist, in_turn, listed, others_of_their_layers, rank};
use crate::run::{Run, Steps};
use crate::sources::pairs::{Pair, Pairs as PairFiles, Skipped, skip};

/// Which heads are masked, in order.
pub struct Plan {
    /// Those that were named, or are best for relations.
    pub heads: Vec<AttentionHead>,
    /// As many others of the same layers, by draw.
    pub random: Vec<Vec<AttentionHead>>,
    /// How heads follow each relation, where relations were named.
    pub rankings: Vec<Ranking>,
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
        let (grid, seed) = (run.model()?.model.spec().grid, run.settings().seed);
        let rankings = if self.relations.is_empty() { Vec::new() } else { rank(run, "relations", &self.relations)? };
        let heads = match rankings.is_empty() {
            true => listed("heads", &self.heads)?,
            false => in_turn(&rankings, self.most_heads),
        };
        check_exist("heads", &heads, grid)?;
        let draws = if heads.is_empty() { 0 } else { self.draws };
        let random = (0..draws).map(|draw| others_of_their_layers(&heads, grid, seed, draw)).collect::<Result<_>>()?;
        Ok(Plan { heads, random, rankings })
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
        let all = self.scorer.pass(&pairs, &HeadMask::new(), &self.steps.of("intact"), &progress)?;
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
        if found.plan.heads.is_empty() {
            return Ok(found);
        }
        let drawn = self.files.draw(self.keys.masked_limit, self.seed);
        let in_sample = |(_, scored): &(usize, &PairScores)| drawn.binary_search(&scored.pair).is_ok();
        found.sample = found.scored.iter().enumerate().filter(in_sample).map(|(number, _)| number).collect();
        let pairs: Vec<&Pair> = found.sample.iter().map(|&at| &self.files.pairs[found.scored[at].pair]).collect();
        let orders = [(None, found.plan.heads.clone())].into_iter();
        let orders = orders.chain((0..).map(Some).zip(found.plan.random.iter().cloned()));
        let orders: Vec<(Option<u32>, Vec<AttentionHead>)> = orders.collect();
        let passes = orders.len() * found.plan.heads.len();
        let total = (passes * pairs.len()) as u64;
        let progress = Progress::start("score pairs without heads", Amount::Items("pairs"), Some(total));
        for (draw, order) in orders {
            for step in 1..=order.len() {
                let heads = order[..step].to_vec();
                let mask = self.keys.mask(&heads);
                // What a pass says depends on which heads are masked, not on their order.
                let name = mask.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                let scored = self.scorer.pass(&pairs, &mask, &self.steps.of(&format!("without {name}")), &progress)?;
                let scores = scored.iter().map(|scored| match scored {
                    Scored::Scores { good, bad, .. } => [*good, *bad],
                    Scored::Skipped(_) => [f64::NAN; 2],
                });
                found.masked.push(MaskedPass { draw, step, heads, scores: scores.collect() });
            }
        }
        progress.finish();
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
