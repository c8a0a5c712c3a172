//! `kind = "importance"`: what the masked-language-model loss minds, by its gradients: attention to `[SEP]`, to
//! punctuation and to the rest (METHOD §3; paper §3.3 and Figure 3), and whole heads (METHOD §6; Michel et al. 2019).

mod summary;

use std::time::Instant;

use anyhow::Result;
use headlight_report::facts;
use headlight_report::tables::{Importance as Row, Table, write_table};
use serde::{Deserialize, Serialize};

use self::summary::{Found, found};
use super::Kind;
use super::shared::masked_lm::means::{Marks, Means};
use super::shared::masked_lm::{Gradients, Hide, check_hidden};
use super::shared::{bootstrap, check_bootstrap};
use crate::config::Settings;
use crate::run::{Outcome, Run, SequencesSeen};

/// The keys of `kind = "importance"`; see `[importance]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    hidden: f64,
    resamples: u32,
    confidence: f64,
}

impl Kind for Importance {
    const READS: super::Reads = super::Reads::Text;
    fn check(&self, config: &Settings) -> Result<()> {
        check_hidden(self.hidden)?;
        check_bootstrap(self.resamples, self.confidence)?;
        config.check_sequences("kind = \"importance\"")
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let seed = run.settings().seed;
        let steps = run.sequence_steps()?.of("gradients");
        let model = run.model()?;
        let masked_lm = model.masked_lm()?;
        let tokenizer = model.model.tokenizer();
        let marks = Marks {
            sep: tokenizer.special().sep,
            punctuation: [".", ","].iter().flat_map(|mark| tokenizer.spellings(mark)).collect(),
        };
        let hide = Hide::new(&model.model, self.hidden, seed);
        let mut gradients = Gradients::new(&masked_lm, marks, model.model.threads(), steps);
        // Of those that are not left out, and their units are numbered anew.
        let (mut units, mut last, mut left_out) = (Vec::<u32>::new(), None, 0);
        let mut seen = run.for_each_sequence("gradients", |pieces, unit| {
            let Some(masked) = hide.draw(&pieces, units.len() as u64) else {
                left_out += 1;
                return Ok(());
            };
            let number = units.last().map_or(0, |number| number + u32::from(last != Some(unit)));
            units.push(number);
            last = Some(unit);
            gradients.push(masked)
        })?;
        let warning = hide.left_out(left_out, &seen)?;
        seen.sequences -= left_out;
        let clock = Instant::now();
        let said = gradients.finish()?;
        run.note_stage("gradients, last block", clock);
        let clock = Instant::now();
        let mut means = Means::new(masked_lm.spec().grid);
        said.iter().for_each(|(_, values)| means.add(values));
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let found = found(&seen, &means, &said, &units, masked_lm.spec().vocabulary, &bootstrap);
        write_table(run.folder(), &found.rows)?;
        run.note_stage("importance tables", clock);
        Ok(Outcome {
            tables: vec![Row::NAME.to_owned()],
            facts: facts::kept(&self.facts(&seen, &found)),
            statistics: Some(bootstrap.into()),
            warnings: warning.into_iter().collect(),
            ..Outcome::default()
        })
    }
}

impl Importance {
    fn facts(&self, seen: &SequencesSeen, found: &Found) -> facts::Importance {
        let least_sep = |(layer, ratio, interval)| facts::LeastSep {
            layer_index: layer as u32,
            ratio,
            interval: facts::ends(interval),
        };
        facts::Importance {
            seen: seen.facts(),
            hidden: self.hidden,
            masked_lm_loss: found.loss.value(),
            masked_lm_loss_standard_error: found.loss.standard_error(),
            masked_lm_loss_interval: facts::ends(found.loss_interval),
            masked_lm_loss_of_a_guess: (found.vocabulary as f64).ln(),
            masked_lm_head_untrained: !found.has_learned(),
            vocabulary: found.vocabulary as u64,
            least_sep: found.least_sep.map(least_sep),
            unit: seen.unit.to_string(),
            units: found.units as u64,
        }
    }
}
