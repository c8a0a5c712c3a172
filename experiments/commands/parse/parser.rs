//! A probe that a run has trained, as a parser.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use headlight_attention::{Frame, HeadGrid, WordAttention};
use headlight_bert::{Encoded, Level, Request, StreamError};
use headlight_probe::{Examples, Probe, SavedProbe, SentenceWords, SourceError, Vocabulary, WordVectors, score, trees};
use headlight_report::run::RunDirectory;
use headlight_report::tables::{Decoding, ProbeScore};
use headlight_treebank::{Governor, Sentence};

use crate::commands::config::{Config, resolve};
use crate::commands::input::Input;
use crate::commands::opened;
use crate::config::{Settings, Source, TreebankConfig};
use crate::kinds::probe::{self, keys::Variant};
use crate::run::identity::answers;
use crate::run::{LoadedModel, pieces, request};

/// Which probe, and what it reads.
pub struct ParserArgs<'a> {
    /// Directory of the run that trained it.
    pub run: &'a Path,
    /// Which of the run's probes; else the one with the best UAS as trees.
    pub name: Option<&'a str>,
    /// The model, as a folder or a known name, where it is no longer where the run had it.
    pub model: Option<&'a str>,
    /// The word vectors, likewise.
    pub vectors: Option<&'a Path>,
}

/// A probe ready to parse.
pub struct Parser {
    /// The settings of its run, under another model where one was named.
    pub settings: Settings,
    /// In words, with its score where it was chosen by that.
    pub said: String,
    probe: Probe,
    vectors: Option<WordVectors>,
    request: Request,
    keys: TreebankConfig,
    /// `None` for a probe that reads no attention.
    pub model: Option<LoadedModel>,
}

impl Parser {
    /// Loads the probe that is named, and the model that it reads; `input` is what it will parse.
    ///
    /// # Errors
    /// When the run has no such probe, or the model is not the one that it was trained on.
    pub fn load(args: &ParserArgs<'_>, input: &Input) -> Result<Self> {
        let config = config_of(args.run)?;
        let chosen = choose(args, &config)?;
        let mut settings = config.settings;
        let saved = SavedProbe::load(&chosen.path)?;
        if let Some(model) = args.model {
            let is_folder = Path::new(model).is_dir();
            settings.model.path = if is_folder { model.into() } else { PathBuf::new() };
            settings.model.name = if is_folder { String::new() } else { model.to_owned() };
        }
        let vectors_file = args.vectors.map_or_else(|| chosen.keys.vectors.clone(), Path::to_owned);
        let vectors = saved.probe.spec().reads_vectors().then(|| read_vectors(&vectors_file, input)).transpose()?;
        let vectors_hash = vectors.as_ref().map(|(_, hash)| hash.as_str());
        let rule = chosen.keys.merge(settings.treebank.merge_rule());
        let model = saved.probe.spec().reads_attention().then(|| LoadedModel::load(&settings)).transpose()?;
        match &model {
            Some(model) => {
                let answers = answers(&settings, &model.inputs, model.random_seed(), Some(rule));
                let grid = settings.model.attention_kind().grid(model.model.spec().grid);
                saved.check_use(grid, &answers, vectors_hash)?;
            }
            None => saved.check_use(saved.probe.spec().grid(), "", vectors_hash)?,
        }
        let mut keys = settings.treebank.clone();
        if let Some(model) = &model {
            keys.max_pieces = model.model.spec().max_pieces();
        }
        Ok(Self {
            probe: saved.probe,
            vectors: vectors.map(|(vectors, _)| vectors),
            request: Request { attention: Some(Level::Words(rule)), ..request(&settings) },
            keys,
            model,
            settings,
            said: chosen.said,
        })
    }

    /// The tree of each sentence, `None` where the model cannot read it.
    ///
    /// # Errors
    /// When the probe cannot score a sentence.
    pub fn governors(&self, sentences: &[Sentence]) -> Result<Vec<Option<Vec<Governor>>>> {
        let Some(model) = &self.model else {
            return sentences.iter().map(|sentence| self.decode(sentence, None).map(Some)).collect();
        };
        let mut governors = vec![None; sentences.len()];
        let inputs = sentences.iter().enumerate().filter_map(|(at, sentence)| {
            let pieces = pieces(sentence, model.model.tokenizer(), &self.keys);
            pieces.ok().map(|pieces| Ok::<_, anyhow::Error>((at, pieces)))
        });
        let streamed = model.model.stream(
            inputs,
            &self.request,
            |at, _, encoded: Encoded| (at, self.decode(&sentences[at], encoded.words)),
            |(at, decoded)| {
                governors[at] = Some(decoded?);
                Ok(())
            },
        );
        streamed.map_err(|error| match error {
            StreamError::Caller(error) => error,
            other => anyhow!("{other}"),
        })?;
        Ok(governors)
    }

    fn decode(&self, sentence: &Sentence, attention: Option<WordAttention>) -> Result<Vec<Governor>> {
        let words = SentenceWords::new(sentence, self.vectors.as_ref());
        let one = One { words, attention, no_frame: Frame::none(), vectors: self.vectors.as_ref() };
        let mut governors = Vec::new();
        score(&self.probe, &one, &[0], |_, scores| governors = trees::maximum_arborescence(&scores))
            .with_context(|| format!("sentence {}", sentence.sent_id()))?;
        Ok(governors)
    }
}

/// The config of a run directory.
fn config_of(run: &Path) -> Result<Config> {
    let path = run.join("config.toml");
    ensure!(path.is_file(), "{} is no run directory: it has no config.toml", run.display());
    let configs = resolve(&Source::File(path), &[])?;
    configs.into_iter().next().with_context(|| format!("the config of {} is a sweep over nothing", run.display()))
}

/// A saved probe and the keys it was trained under.
struct Chosen {
    path: PathBuf,
    keys: probe::Probe,
    /// In words, with its score where it was chosen by that.
    said: String,
}

/// The probe that is named, or else the one with the best UAS as trees.
fn choose(args: &ParserArgs<'_>, config: &Config) -> Result<Chosen> {
    let run = args.run;
    let mut probes: Vec<(String, Variant, &probe::Probe, u64)> = Vec::new();
    for keys in config.experiments.iter().filter_map(crate::kinds::Experiment::as_probe) {
        for variant in keys.probes.iter().filter(|variant| variant.form().is_some()) {
            probes.extend(keys.training_seeds(config.settings.seed).into_iter().map(|seed| {
                let name = keys.name_of(*variant);
                (name, *variant, keys, seed)
            }));
        }
    }
    ensure!(!probes.is_empty(), "{} has no trained probe: it needs an experiment of kind = \"probe\"", run.display());
    let file_name = |name: &str, seed: u64| format!("{name}-seed{seed}");
    let path = |name: &str| run.join("probes").join(format!("{name}.safetensors"));
    if let Some(wanted) = args.name {
        let found = probes.iter().find(|(name, _, _, seed)| file_name(name, *seed) == wanted);
        let Some((_, variant, keys, _)) = found else {
            let names: Vec<String> = probes.iter().map(|(name, _, _, seed)| file_name(name, *seed)).collect();
            bail!("{} has no probe {wanted}; it has {}", run.display(), names.join(", "));
        };
        ensure!(!variant.is_random(), "{wanted} reads a model with random weights: a control, and no parser");
        return Ok(Chosen { path: path(wanted), keys: (*keys).clone(), said: wanted.to_owned() });
    }
    let scores: Vec<ProbeScore> = opened(RunDirectory::open(run)?).table_or_empty()?;
    let uas = |name: &str, seed: u64| {
        let is_it = |row: &&ProbeScore| {
            row.probe == name
                && row.seed == Some(seed as i64)
                && row.decoding == Some(Decoding::Tree)
                && row.measure == "uas"
                && row.group.is_none()
        };
        scores.iter().find(is_it).map(|row| row.value)
    };
    let scored = probes.into_iter().filter(|(_, variant, ..)| !variant.is_random());
    let scored = scored.filter_map(|(name, _, keys, seed)| Some((uas(&name, seed)?, name, keys, seed)));
    let scored: Vec<_> = scored.collect();
    let (best, scored) = (scored.iter().max_by(|a, b| a.0.total_cmp(&b.0)).cloned(), scored.len());
    let (uas, name, keys, seed) = best.with_context(|| format!("{} has no scored probe", run.display()))?;
    let name = file_name(&name, seed);
    let of = match scored {
        1 => String::new(),
        several => format!("; of {several} the best on the evaluated sentences: --name chooses another"),
    };
    let said = format!("{name}, UAS {} %{of}", headlight_report::format::percent(uas));
    tracing::info!("parsing with {said}");
    Ok(Chosen { path: path(&name), keys: keys.clone(), said })
}

/// The vectors of the words of the input, and the hash of their file.
fn read_vectors(path: &Path, input: &Input) -> Result<(WordVectors, String)> {
    let mut vocabulary = Vocabulary::new();
    for sentence in input.sentences()? {
        sentence?.words().iter().for_each(|word| vocabulary.observe(&word.form));
    }
    let vectors = WordVectors::read(path, None, &vocabulary)?;
    Ok((vectors, crate::sources::fetch::sha256(path)?))
}

/// One sentence as examples.
struct One<'a> {
    words: SentenceWords,
    attention: Option<WordAttention>,
    /// Where there is no attention.
    no_frame: Frame,
    vectors: Option<&'a WordVectors>,
}

impl Examples for One<'_> {
    fn grid(&self) -> HeadGrid {
        self.attention.as_ref().map_or(HeadGrid { layers: 0, heads: 0 }, WordAttention::grid)
    }

    fn frame(&self) -> &Frame {
        self.attention.as_ref().map_or(&self.no_frame, WordAttention::frame)
    }

    fn len(&self) -> usize {
        1
    }

    fn words(&self, _: usize) -> &SentenceWords {
        &self.words
    }

    fn vectors(&self) -> Option<&WordVectors> {
        self.vectors
    }

    fn attention(&self, _: usize, out: &mut [f32]) -> Result<(), SourceError> {
        out.copy_from_slice(self.attention.as_ref().ok_or("no attention was computed")?.weights());
        Ok(())
    }
}
