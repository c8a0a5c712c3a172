//! `headlight parse`: dependency trees by a trained probe.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use headlight_attention::{Frame, HeadGrid, WordAttention};
use headlight_bert::{Encoded, Level, Request, StreamError};
use headlight_probe::{
    Examples, Probe, SavedProbe, SentenceWords, SourceError, Vocabulary, WordVectors, right_branching, score, trees,
};
use headlight_report::run::RunDirectory;
use headlight_report::tables::{Decoding, ProbeScore};
use headlight_treebank::{Format, Governor, Reader, Sentence, reattach, write_conllu};
use tempfile::NamedTempFile;

use super::config::{Config, resolve};
use super::opened;
use crate::cli::{ParseArgs, ParseFormat, output};
use crate::config::{Source, TreebankConfig};
use crate::kinds::probe::{self, keys::Variant};
use crate::run::identity::answers;
use crate::run::{LoadedModel, pieces, request};

/// Sentences read, parsed and written at a time.
const CHUNK: usize = 256;

/// Parses a file, or standard input, and prints CoNLL-U.
pub fn parse(args: &ParseArgs) -> Result<()> {
    let config = config_of(&args.probe)?;
    let chosen = choose(args, &config)?;
    let mut settings = config.settings;
    let saved = SavedProbe::load(&chosen.path)?;
    if let Some(model) = &args.model {
        let is_folder = Path::new(model).is_dir();
        settings.model.path = if is_folder { model.into() } else { PathBuf::new() };
        settings.model.name = if is_folder { String::new() } else { model.clone() };
    }
    let input = Input::open(&args.file, args.format)?;
    let vectors_file = args.vectors.clone().unwrap_or_else(|| chosen.keys.vectors.clone());
    let vectors = saved.probe.spec().reads_vectors().then(|| read_vectors(&vectors_file, &input)).transpose()?;
    let vectors_hash = vectors.as_ref().map(|(_, hash)| hash.as_str());
    let rule = chosen.keys.merge(settings.treebank.merge_rule());
    let model = saved.probe.spec().reads_attention().then(|| LoadedModel::load(&settings)).transpose()?;
    match &model {
        Some(model) => {
            let answers = answers(&settings, &model.inputs, model.random_seed(), Some(rule));
            saved.check_use(model.model.spec().grid, &answers, vectors_hash)?;
        }
        None => saved.check_use(saved.probe.spec().grid(), "", vectors_hash)?,
    }
    let parser = Parser {
        probe: saved.probe,
        vectors: vectors.map(|(vectors, _)| vectors),
        request: Request { attention: Some(Level::Words(rule)), ..request(&settings) },
        keys: settings.treebank,
        model,
    };
    parser.parse(&input)
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
}

/// The probe that is named, or else the one with the best UAS as trees.
fn choose(args: &ParseArgs, config: &Config) -> Result<Chosen> {
    let run = &args.probe;
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
    if let Some(wanted) = &args.name {
        let found = probes.iter().find(|(name, _, _, seed)| file_name(name, *seed) == *wanted);
        let Some((_, variant, keys, _)) = found else {
            let names: Vec<String> = probes.iter().map(|(name, _, _, seed)| file_name(name, *seed)).collect();
            bail!("{} has no probe {wanted}; it has {}", run.display(), names.join(", "));
        };
        ensure!(!variant.is_random(), "{wanted} reads a model with random weights: a control, and no parser");
        return Ok(Chosen { path: path(wanted), keys: (*keys).clone() });
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
    tracing::info!("parsing with {name}, UAS {} %{of}", headlight_report::format::percent(uas));
    Ok(Chosen { path: path(&name), keys: keys.clone() })
}

/// What is parsed: a file that can be read twice, since its words choose the vectors.
struct Input {
    path: PathBuf,
    /// How errors and sentence names call it.
    name: PathBuf,
    format: Format,
    _spooled: Option<NamedTempFile>,
}

impl Input {
    fn open(file: &str, format: ParseFormat) -> Result<Self> {
        let spooled = (file == "-").then(spool).transpose()?;
        let path = spooled.as_ref().map_or_else(|| PathBuf::from(file), |file| file.path().to_owned());
        let name = PathBuf::from(if file == "-" { "stdin" } else { file });
        let format = match format {
            ParseFormat::Conllu => Format::UnparsedConllu,
            ParseFormat::Text => Format::PlainText,
            ParseFormat::Conllx => Format::UnparsedConllx,
            ParseFormat::Auto => Format::guess_unparsed(&path, &name)?,
        };
        Ok(Self { path, name, format, _spooled: spooled })
    }

    fn sentences(&self) -> Result<Reader> {
        let file = std::fs::File::open(&self.path).with_context(|| format!("cannot read {}", self.name.display()))?;
        Ok(Reader::new(file, &self.name, self.format)?.with_optional_trees())
    }
}

fn spool() -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new().context("cannot keep standard input in a temporary file")?;
    io::copy(&mut io::stdin().lock(), &mut file).context("cannot read standard input")?;
    Ok(file)
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

struct Parser {
    probe: Probe,
    vectors: Option<WordVectors>,
    request: Request,
    keys: TreebankConfig,
    /// `None` for a probe that reads no attention.
    model: Option<LoadedModel>,
}

impl Parser {
    fn parse(mut self, input: &Input) -> Result<()> {
        if let Some(model) = &self.model {
            self.keys.max_pieces = model.model.spec().max_pieces();
        }
        let (mut sentences, mut unparsed) = (input.sentences()?, 0);
        loop {
            let chunk = sentences.by_ref().take(CHUNK).collect::<Result<Vec<Sentence>, _>>()?;
            if chunk.is_empty() {
                break;
            }
            let mut text = Vec::new();
            for (sentence, governors) in chunk.iter().zip(self.governors(&chunk)?) {
                unparsed += usize::from(governors.is_none());
                write_conllu(&tree(sentence, governors)?, &mut text)?;
            }
            output::print_data(&String::from_utf8(text)?)?;
        }
        if unparsed > 0 {
            tracing::warn!("{unparsed} sentences are too long for the model; each got a right-branching tree");
        }
        Ok(())
    }

    /// The tree of each sentence, `None` where the model cannot read it.
    fn governors(&self, sentences: &[Sentence]) -> Result<Vec<Option<Vec<Governor>>>> {
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

/// The sentence with a predicted tree, and with the comments that CoNLL-U wants.
fn tree(sentence: &Sentence, governors: Option<Vec<Governor>>) -> Result<Sentence> {
    let mut parts = sentence.clone().into_parts();
    let has = |parts: &headlight_treebank::SentenceParts, name: &str| {
        parts.comments.iter().any(|comment| comment.trim_start_matches(['#', ' ']).starts_with(name))
    };
    if !has(&parts, "sent_id") {
        parts.comments.push(format!("# sent_id = {}", parts.sent_id));
    }
    if let (Some(text), false) = (parts.text.clone(), has(&parts, "text")) {
        parts.comments.push(format!("# text = {text}"));
    }
    if governors.is_none() {
        parts.comments.push("# headlight = too long for the model, right-branching".to_owned());
    }
    let sentence = Sentence::new(parts).context("comments do not change the tree")?;
    let governors = governors.unwrap_or_else(|| right_branching(sentence.len()));
    Ok(reattach(&sentence, &governors, None)?)
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
