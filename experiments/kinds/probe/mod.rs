//! `kind = "probe"`: how much syntax all attention heads hold together, by probes that are trained on a treebank
//! (METHOD §5; paper §5).
//!
//! Word attention of the train and evaluate splits is written to the store once; every probe, seed and control task
//! reads it from there.

mod honesty;
pub mod keys;
mod predictions;
mod scores;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use headlight_attention::store::Store;
use headlight_attention::{Frame, HeadGrid};
use headlight_probe::{Origin, ProbeForm, SentenceWords, right_branching};
use headlight_report::facts;
use headlight_report::tables::{Difference, Prediction, ProbeScore, Table};
use headlight_stats::Bootstrap;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::honesty::{Control, Keeping, Learned, Trained};
use self::keys::{Bits, Regime, Root, Slip, Taken, Variant};
use self::predictions::{Predictor, Said};
use self::scores::Training;
use super::Kind;
use super::shared::bootstrap;
use super::shared::paired::write_differences;
use super::shared::probing::{Stored, Task, Vectors, append_scores, sentences, training};
use super::shared::stored::StoredAttention;
use crate::config::{Settings, Split};
use crate::run::{Ask, Outcome, Run, Stream};

/// The keys of `kind = "probe"`; see `[probe]` in configs/base.toml.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    pub probes: Vec<Variant>,
    pub label: String,
    regime: Regime,
    epochs: usize,
    pub seeds: Vec<u64>,
    pub vectors: PathBuf,
    root: Root,
    bias: bool,
    slips: Vec<Slip>,
    control_task: bool,
    draws: usize,
    description_length: bool,
    ablation: Vec<Taken>,
    store: PathBuf,
    precision: Bits,
    resamples: u32,
    confidence: f64,
}

impl Kind for Probe {
    const READS: super::Reads = super::Reads::Learned;
    const PATHS: &'static [&'static str] = &["vectors", "store"];

    fn check(&self, config: &Settings) -> Result<()> {
        self.check_keys()?;
        if self.probes.iter().any(|variant| variant.form().is_some()) {
            config.treebank.required_files(Split::Train, "kind = \"probe\"")?;
        }
        config.treebank.required_files(Split::Evaluate, "kind = \"probe\"")?;
        Ok(())
    }

    fn clash(&self, other: &Self) -> Option<&'static str> {
        let same = other.label == self.label && other.probes.iter().any(|it| self.probes.contains(it));
        same.then_some("two experiments train the same probes: give each its own `label`")
    }

    fn asks(&self, run: &mut Run) -> Result<Vec<Ask>> {
        let trained = self.reads_trained().then_some(None);
        let mut asks = Vec::new();
        for draw in trained.into_iter().chain(self.draws_read().map(Some)) {
            asks.extend(self.stored(run, draw)?.map(|stored| Box::new(stored) as Ask));
        }
        Ok(asks)
    }

    fn run(&self, run: &mut Run) -> Result<Outcome> {
        let material = Material::gather(self, run)?;
        let bootstrap = bootstrap(self.resamples, self.confidence, run);
        let mut predictors = Vec::new();
        let mut honest_rows = Vec::new();
        for &variant in &self.probes {
            match variant.form() {
                None => predictors.push(self.right_branching(&material)),
                Some(form) => {
                    self.probe(run, &material, (variant, form), &bootstrap, &mut predictors, &mut honest_rows)?;
                }
            }
        }
        let clock = Instant::now();
        let scores::Scored { mut rows, differences } = scores::score(run, &predictors, &bootstrap)?;
        if self.has(Slip::FlooredScores) {
            rows.extend(rows.iter().filter_map(floored).collect::<Vec<_>>());
        }
        rows.extend(honest_rows);
        predictions::write(run, &predictors)?;
        append_scores(run, &rows)?;
        if !differences.is_empty() {
            write_differences(run, &differences)?;
        }
        run.note_stage("score probes", clock);
        Ok(self.outcome(run, &material, &differences))
    }
}

/// What all probes of an experiment share.
struct Material {
    train: Vec<SentenceWords>,
    evaluate: Vec<SentenceWords>,
    vectors: Option<Vectors>,
    /// Attention of the model, and of the model with random weights, draw by draw.
    trained: Option<Attention>,
    random: Vec<Attention>,
    /// A hash of the training sentences.
    treebank: String,
}

/// The stored attention of both splits.
struct Attention {
    train: Store,
    evaluate: Store,
    hash: String,
}

impl Material {
    fn gather(keys: &Probe, run: &mut Run) -> Result<Self> {
        let trains = keys.wants(|variant| variant.form().is_some());
        let splits: &[Split] = if trains { &[Split::Train, Split::Evaluate] } else { &[Split::Evaluate] };
        let vectors = match keys.wants(Variant::reads_vectors) {
            true => Some(sentences::read_vectors(run, &keys.vectors, splits)?),
            false => None,
        };
        let (trained, draws) = (keys.reads_trained(), keys.draws_read());
        let trained = if trained { Some(Attention::stored(keys, run, None)?) } else { None };
        let random = draws.map(|draw| Attention::stored(keys, run, Some(draw))).collect::<Result<Vec<_>>>()?;
        for split in splits {
            run.books(Stream::Trees(*split))?;
        }
        let rows = vectors.as_ref().map(|vectors| &vectors.vectors);
        Ok(Self {
            train: if trains { sentences::annotation(run, Split::Train, rows)? } else { Vec::new() },
            evaluate: sentences::annotation(run, Split::Evaluate, rows)?,
            treebank: if trains { run.treebank_hash(Split::Train)? } else { String::new() },
            vectors,
            trained,
            random,
        })
    }

    fn attention(&self, variant: Variant, draw: Option<usize>) -> Option<&Attention> {
        match (variant.reads_attention(), draw) {
            (true, Some(draw)) => self.random.get(draw),
            // A probe without attention is scored on the same sentences as its neighbours.
            (true, None) => self.trained.as_ref(),
            (false, _) => self.trained.as_ref().or(self.random.first()),
        }
    }

    /// A split as a variant sees it.
    fn examples(&self, variant: Variant, draw: Option<usize>, split: Split) -> Result<Stored<'_>> {
        let attention = self.attention(variant, draw);
        let words = if split == Split::Train { &self.train } else { &self.evaluate };
        let store = attention.map(|it| if split == Split::Train { &it.train } else { &it.evaluate });
        let grid = store.map_or(HeadGrid { layers: 0, heads: 0 }, Store::grid);
        let vectors = self.vectors.as_ref().map(|vectors| &vectors.vectors).filter(|_| variant.reads_vectors());
        Stored::new(words, vectors, store, grid)
    }
}

impl Attention {
    fn stored(keys: &Probe, run: &mut Run, draw: Option<usize>) -> Result<Self> {
        let [train, evaluate] = keys.stored(run, draw)?;
        let hash = run.attention_hash(draw, keys.merge(run.settings().treebank.merge_rule()))?;
        Ok(Self { train: train.read(run)?, evaluate: evaluate.read(run)?, hash })
    }
}

impl Probe {
    fn wants(&self, property: fn(Variant) -> bool) -> bool {
        self.probes.iter().any(|variant| property(*variant))
    }

    /// Whether a probe reads the attention of the model itself.
    fn reads_trained(&self) -> bool {
        self.wants(|variant| variant.reads_attention() && !variant.is_random())
    }

    /// The draws of random weights whose attention probes read.
    fn draws_read(&self) -> std::ops::Range<usize> {
        if self.wants(Variant::is_random) { 0..self.draws } else { 0..0 }
    }

    /// The attention of the sentences to learn from and of those to be scored on.
    fn stored(&self, run: &Run, draw: Option<usize>) -> Result<[StoredAttention; 2]> {
        let rule = self.merge(run.settings().treebank.merge_rule());
        let precision = self.precision.into();
        let of = |split| {
            let stored = StoredAttention::new(run, split, rule, precision, &self.store)?;
            anyhow::Ok(match draw {
                Some(draw) => stored.of_draw(draw),
                None => stored,
            })
        };
        Ok([of(Split::Train)?, of(Split::Evaluate)?])
    }

    /// Trains a variant once for each draw and seed, and predicts with it.
    fn probe(
        &self,
        run: &mut Run,
        material: &Material,
        (variant, form): (Variant, ProbeForm),
        bootstrap: &Bootstrap,
        predictors: &mut Vec<Predictor>,
        rows: &mut Vec<ProbeScore>,
    ) -> Result<()> {
        let name = self.name_of(variant);
        let honest = self.control_task || self.description_length;
        let (steps, work) = (run.steps()?, run.work_folder()?);
        let keeping = Keeping { steps: &steps, work: &work, bootstrap };
        for (number, (file, seed, draw)) in self.trainings(variant, run.settings().seed).into_iter().enumerate() {
            let (learned, evaluated) =
                (material.examples(variant, draw, Split::Train)?, material.examples(variant, draw, Split::Evaluate)?);
            let (learned_usable, usable) = (learned.usable(), evaluated.usable());
            let task = self.task(run, material, (variant, form), (file, seed, draw), learned.grid)?;
            let probe = training::trained(run, &learned, &learned_usable, &task)?;
            for (decoding, said) in predictions::predict(&probe, &evaluated, &usable)? {
                let (probe, decoding, seed) = (name.clone(), Some(decoding), Some(seed));
                predictors.push(Predictor { probe, decoding, seed, draw, written: number == 0, said });
            }
            let units = match honest {
                true => Some((
                    sentences::units_of(run, Split::Train, &learned_usable)?,
                    sentences::units_of(run, Split::Evaluate, &usable)?,
                )),
                false => None,
            };
            let (learned_units, units) = units.unwrap_or_default();
            let training = Training { probe: &name, seed, draw };
            let trained = Trained { training, probe: &probe, examples: &evaluated, usable: &usable, units: &units };
            let learned = Learned { examples: &learned, usable: &learned_usable, units: &learned_units };
            if self.control_task {
                // A draw of random weights has its own draw of the task.
                let draws = draw.map_or(0..self.draws, |draw| draw..draw + 1);
                for draw in draws {
                    let control = Control::draw(run, draw)?;
                    rows.extend(honesty::selectivity(run, &keeping, &task, &learned, &trained, &control)?);
                }
            }
            if self.description_length {
                rows.extend(honesty::description_length(run, &keeping, &task, &learned, training)?);
            }
            for taken in self.ablation.iter().filter(|_| variant.reads_attention()) {
                rows.extend(honesty::ablation(run, &trained, *taken)?);
            }
        }
        Ok(())
    }

    fn task(
        &self,
        run: &mut Run,
        material: &Material,
        (variant, form): (Variant, ProbeForm),
        (name, seed, draw): (String, u64, Option<usize>),
        grid: HeadGrid,
    ) -> Result<Task> {
        let options = self.options(seed);
        let vectors = material.vectors.as_ref().filter(|_| variant.reads_vectors());
        let model = run.model()?.summary().name;
        let frame = material.attention(variant, draw).map_or_else(Frame::none, |it| it.train.frame().clone());
        Ok(Task {
            name,
            spec: self.spec(form, grid, &frame, vectors.map_or(0, |vectors| vectors.vectors.width())),
            origin: Origin {
                model: if variant.is_random() { format!("{model} with random weights") } else { model },
                attention_hash: material.attention(variant, draw).map(|it| it.hash.clone()).unwrap_or_default(),
                vectors_hash: vectors.map(|vectors| vectors.file.sha256.clone()),
                training: options.clone(),
            },
            options,
            sentences: material.treebank.clone(),
            part: None,
        })
    }

    fn right_branching(&self, material: &Material) -> Predictor {
        let skipped = |at: usize| {
            let stores = material.trained.iter().chain(&material.random);
            stores.map(|attention| &attention.evaluate).any(|store| store.words(at).is_none())
        };
        let say = |(at, words): (usize, &SentenceWords)| {
            (!skipped(at)).then(|| Said::Governors(right_branching(words.words())))
        };
        Predictor {
            probe: self.name_of(Variant::RightBranching),
            decoding: None,
            seed: None,
            draw: None,
            written: true,
            said: material.evaluate.iter().enumerate().map(say).collect(),
        }
    }

    fn outcome(&self, run: &Run, material: &Material, differences: &[Difference]) -> Outcome {
        let drawn = self.control_task || self.probes.iter().any(|variant| variant.is_random());
        let vectors = |Vectors { coverage, file, vectors }: &Vectors| facts::WordVectors {
            file: file.path.clone(),
            width: vectors.width() as u64,
            types_found: coverage.types_found,
            types: coverage.types,
            words_found: coverage.words_found,
            words: coverage.words,
            repeated: vectors.repeated(),
        };
        let facts = facts::Probe {
            probes: self.probes.iter().map(|&variant| self.name_of(variant)).collect(),
            regime: json!(self.regime),
            training: json!(self.options(run.settings().seed)),
            seeds: self.training_seeds(run.settings().seed),
            draws: drawn.then_some(self.draws as u64),
            slips_of_the_released_code: self.slips.iter().map(ToString::to_string).collect(),
            word_vectors: material.vectors.as_ref().map(vectors),
        };
        let mut tables = vec![ProbeScore::NAME.to_owned(), Prediction::NAME.to_owned()];
        tables.extend((!differences.is_empty()).then(|| Difference::NAME.to_owned()));
        Outcome {
            tables,
            facts: facts::kept(&facts),
            statistics: Some(bootstrap(self.resamples, self.confidence, run).into()),
            ..Outcome::default()
        }
    }
}

/// UAS as the released code printed it: a whole number of per cent, rounded down (METHOD §8 slip 3).
fn floored(row: &ProbeScore) -> Option<ProbeScore> {
    let count = headlight_treebank::Count { correct: row.correct?, total: row.total? };
    let percent = headlight_probe::floored_percent(count)?;
    let whole = row.measure == scores::UAS && row.group.is_none();
    whole.then(|| ProbeScore {
        measure: "uas_floored".to_owned(),
        value: percent as f64 / 100.0,
        correct: None,
        total: None,
        ci_low: None,
        ci_high: None,
        ..row.clone()
    })
}
