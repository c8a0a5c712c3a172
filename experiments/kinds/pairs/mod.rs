//! `kind = "pairs"`: how often a model finds the acceptable sentence of a minimal pair more likely, and what becomes of that
//! without some of its heads (METHOD §11; Warstadt et al. 2020).
//!
//! All pairs are scored once by the intact model. Heads, listed or the best for relations, are masked one after the other on a
//! sample of each paradigm, beside as many other heads of the same layers in several draws, and compared pair by pair.

mod rows;
mod score;
mod work;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use headlight_attention::AttentionHead;
use headlight_bert::Hiding;
use headlight_report::facts;
use headlight_report::tables::{Difference, PairAccuracy, PairMasking, PairScore, SentenceScore, Table, write_table};
use serde::{Deserialize, Serialize};

use self::work::{Found, Work};
use super::Kind;
use super::shared::named_heads::Names;
use super::shared::paired::write_differences;
use super::shared::{Masking, bootstrap, check_bootstrap, repeated};
use crate::config::{Settings, choice, mirrored};
use crate::run::{Ask, Outcome, Run};
use crate::sources::pairs::{Invalid, Pairs as PairFiles, reasons};

choice! {
    /// What a sentence of a masked model is scored by.
    Score => Hiding { WithinWordL2r = "within_word_l2r", Original = "original" }
}

mirrored! { Score => SentenceScore { WithinWordL2r, Original } }

/// The keys of `kind = "pairs"`; see `[pairs]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pairs {
    files: Vec<String>,
    invalid: Invalid,
    score: Score,
    limit: usize,
    heads: Vec<String>,
    relations: Vec<String>,
    most_heads: usize,
    masking: Masking,
    draws: u32,
    masked_limit: usize,
    resamples: u32,
    confidence: f64,
}

impl Kind for Pairs {
    const READS: super::Reads = super::Reads::Pairs;
    const PATHS: &'static [&'static str] = &["files"];

    fn check(&self, config: &Settings) -> Result<()> {
        ensure!(
            !self.files.is_empty(),
            "kind = \"pairs\" needs `pairs.files`, which is empty: name files of minimal pairs in the config or by \
             --set 'pairs.files=[\"FILE\"]'; \"sample:pairs\" is in the binary"
        );
        if let Some(file) = repeated(&self.files) {
            bail!("`files` names {file:?} twice");
        }
        check_bootstrap(self.resamples, self.confidence)?;
        self.names().check(config)?;
        ensure!(
            self.draws >= 1,
            "`draws` is 0; heads to compare with are drawn at least once, and five times or more tell how much hangs on it"
        );
        Ok(())
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        Ok(self.names().asks(run).into_iter().collect())
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let files = PairFiles::read(&self.files, self.invalid)?;
        let masked_lm = run.model()?.masked_lm()?;
        files.inputs.iter().for_each(|input| run.note_input(input.clone()));
        let plan = self.plan(run)?;
        let clock = Instant::now();
        let found = Work::new(self, run, &files, &masked_lm, plan)?.run()?;
        run.note_stage("score pairs", clock);
        run.note_pairs(rows::summary(&files, &found));
        ensure!(
            !found.scored.is_empty(),
            "none of the pairs can be read by the model (`treebank.max_pieces` is {}): {}",
            run.settings().treebank.max_pieces,
            reasons(&found.skipped)
        );
        let clock = Instant::now();
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let accuracies = rows::accuracies(&files, &found, &bootstrap)?;
        let masked = rows::masked(self, &files, &found, &bootstrap)?;
        let differences = rows::differences(&files, &found, &bootstrap)?;
        write_table(run.folder(), &accuracies)?;
        write_table(run.folder(), rows::scores(&files, &found).collect::<Vec<_>>().iter())?;
        let mut tables = vec![PairAccuracy::NAME.to_owned(), PairScore::NAME.to_owned()];
        if !masked.is_empty() {
            write_table(run.folder(), &masked)?;
            write_differences(run, &differences)?;
            tables.extend([PairMasking::NAME.to_owned(), Difference::NAME.to_owned()]);
        }
        run.note_stage("compare pairs", clock);
        Ok(Outcome {
            tables,
            facts: facts::kept(&self.facts(&files, &found)),
            statistics: Some(bootstrap.into()),
            ..Outcome::default()
        })
    }
}

impl Pairs {
    fn names(&self) -> Names<'_> {
        let Pairs { heads, relations, most_heads, .. } = self;
        Names { section: "pairs", heads, relations, most_heads: *most_heads }
    }

    fn facts(&self, files: &PairFiles, found: &Found) -> facts::Pairs {
        let names = |heads: &[AttentionHead]| heads.iter().map(ToString::to_string).collect::<Vec<_>>();
        let skipped = found.skipped.iter().map(|(reason, (pairs, first))| facts::SkippedPairs {
            reason: reason.clone(),
            pairs: *pairs,
            first: first.clone(),
        });
        facts::Pairs {
            pairs: files.name.clone(),
            in_files: files.pairs.len() as u64,
            limit: self.limit as u64,
            skipped: skipped.collect(),
            alike: found.alike,
            masked_heads: names(&found.plan.named.heads),
            masking: self.masking.to_string(),
            masked_on: found.sample.len() as u64,
            draws: found.plan.random.iter().map(|drawn| names(drawn)).collect(),
            best_heads_on_select: found.plan.named.ranked(),
        }
    }

    /// Where `files` are, for messages.
    fn file(files: &PairFiles, number: usize) -> PathBuf {
        PathBuf::from(&files.inputs[number].path)
    }
}
