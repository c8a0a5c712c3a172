//! `kind = "surface"`: what each attention head looks at: neighbours, `[CLS]` and `[SEP]`, punctuation, everything at
//! once (METHOD §3; paper §3).

use std::time::Instant;

use anyhow::Result;
use headlight_attention::HeadGrid;
use headlight_heads::{self as heads, Behaviour, BehaviourThresholds, Statistic, SurfaceMeans, behaviour};
use headlight_report::facts;
use headlight_report::tables::{self, SurfaceMeasure, Table, TableWriter};
use serde::{Deserialize, Serialize};

use super::Kind;
use super::shared::behaviour as to_table;
use crate::config::{Settings, choice, mirrored};
use crate::run::{Ask, Outcome, Record, Run, SequencesSeen};

choice! {
    /// What a sum over rows is divided by.
    Denominator => heads::Denominator { Eligible = "eligible", Rows = "rows" }
}

mirrored! {
    /// A statistic as the table has it.
    fn measure(Statistic) -> SurfaceMeasure {
        Previous, Next, Current, Cls, Sep, SepToSep, OtherToSep, Punctuation, Entropy, ClsEntropy, First
    }
}

/// The keys of `kind = "surface"`; see `[surface]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Surface {
    denominator: Denominator,
}

impl Kind for Surface {
    const READS: super::Reads = super::Reads::Text;
    fn check(&self, config: &Settings) -> Result<()> {
        config.check_sequences("kind = \"surface\"")
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        Ok(vec![Box::new(self.record(run)?)])
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let record = self.record(run)?;
        let means = run.read(&record)?.sum;
        let stream = run.sequences()?;
        let seen = run.sequences_seen(stream)?;
        let clock = Instant::now();
        write(run, &means, &seen)?;
        run.note_stage("surface tables", clock);
        Ok(Outcome {
            tables: vec![tables::Surface::NAME.to_owned()],
            facts: facts::kept(&self.facts(&means, seen, run.settings())),
            ..Outcome::default()
        })
    }
}

impl Surface {
    fn record(&self, run: &mut Run) -> Result<Record<SurfaceMeans>> {
        let start = SurfaceMeans::new(run.checkpoint()?.grid);
        let denominator = heads::Denominator::from(self.denominator);
        let record = run.record_of_sequences(
            "surface statistics",
            start,
            move |maps, landmarks| heads::surface(maps, landmarks, denominator),
            |means, values| means.add(&values),
        )?;
        Ok(record.depends(self.denominator))
    }

    fn facts(&self, means: &SurfaceMeans, seen: SequencesSeen, config: &Settings) -> facts::Surface {
        let thresholds = config.roles.thresholds();
        let of = |wanted: Behaviour| {
            let heads = means.grid().iter().filter(|&head| behaviour(means, head, &thresholds) == Some(wanted));
            (to_table(wanted).to_string(), heads.map(|head| head.to_string()).collect())
        };
        let BehaviourThresholds { next, previous, entropy, cls, sep, punctuation } = thresholds;
        facts::Surface {
            seen: seen.facts(),
            behaviours: Behaviour::ALL.map(of).into(),
            thresholds: Some(facts::Thresholds { next, previous, entropy, cls, sep, punctuation }),
            denominator: self.denominator.to_string(),
            entropy_uniform: means.uniform_entropy(),
        }
    }
}

fn write(run: &Run, means: &SurfaceMeans, seen: &SequencesSeen) -> Result<()> {
    let mut writer = TableWriter::<tables::Surface>::create(run.folder())?;
    let mut push = |layer: usize, head: Option<usize>, measure: SurfaceMeasure, value: Option<f64>, sequences: u64| {
        let Some(value) = value else { return Ok(()) };
        writer.push(&tables::Surface {
            corpus: seen.name.clone(),
            layer_index: layer as u32,
            head_index: head.map(|head| head as u32),
            measure,
            value,
            sequences,
        })
    };
    let HeadGrid { layers, .. } = means.grid();
    for statistic in Statistic::ALL {
        let (measure, sequences) = (measure(statistic), means.measured(statistic));
        for head in means.grid().iter() {
            push(head.layer, Some(head.index), measure, means.mean(head, statistic), sequences)?;
        }
        for layer in 0..layers {
            push(layer, None, measure, means.layer_mean(layer, statistic), sequences)?;
        }
    }
    for layer in 0..layers {
        push(layer, None, SurfaceMeasure::UniformEntropy, means.uniform_entropy(), means.sequences())?;
    }
    Ok(writer.finish()?)
}
