//! The sentences of a split: files, the sample treebank inside the binary, official releases by name.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::{Context, Result, bail};
use headlight_report::run::Input;
use headlight_treebank::coreference::{Document, Documents, HeadRule};
use headlight_treebank::{Format, ReadError, ReadOptions, Reader, Sentence, Trees};

use crate::config::{self, Split, TreebankConfig};
use crate::sources::fetch::{self, TreebankName};
use crate::sources::input;

/// The sample treebank, by the name that configs give its splits.
const SAMPLE: &[(&str, &str)] = &[
    ("sample:select", include_str!("../../data/sample/en_sample-select.conllu")),
    ("sample:evaluate", include_str!("../../data/sample/en_sample-evaluate.conllu")),
    ("sample:coref", include_str!("../../data/sample/en_sample-coref.conllu")),
];

/// One source of sentences.
#[derive(Debug, Clone)]
enum Source {
    File(PathBuf),
    Bundled(&'static str, &'static str),
}

/// The sources of a split.
#[derive(Debug, Clone)]
pub struct Treebank {
    /// Which split.
    pub split: Split,
    /// Its files, hashed.
    pub inputs: Vec<Input>,
    sources: Vec<Source>,
    format: Option<Format>,
    options: ReadOptions,
    limit: usize,
    /// How many skipped sentences the user was told of: each once, however often the split is read.
    pub told: Arc<AtomicUsize>,
}

impl Treebank {
    /// Finds or fetches the files that the config names for a split.
    ///
    /// # Errors
    /// When a file is not there, when no source of a release can be reached, and when two files are the same.
    pub fn resolve(config: &TreebankConfig, split: Split) -> Result<Self> {
        let sources: Vec<Source> = config.files(split).iter().map(|file| resolve(file)).collect::<Result<_>>()?;
        let inputs: Vec<Input> = sources.iter().map(|source| source.input(split)).collect::<Result<_>>()?;
        refuse_copies(split, &inputs)?;
        let format = match config.format {
            config::Format::Auto => None,
            config::Format::Conllu => Some(Format::Conllu),
            config::Format::Conllx => Some(Format::Conllx),
            config::Format::HeadRelation => Some(Format::HeadRelation),
            config::Format::Conll2012 => Some(Format::Conll2012),
        };
        let limit = if config.max_sentences == 0 { usize::MAX } else { config.max_sentences };
        let (options, told) = (config.reading(), Arc::default());
        Ok(Self { split, inputs, sources, format, options, limit, told })
    }

    /// The same files, for what needs words alone: sentences without a tree are no errors.
    #[must_use]
    pub fn with_optional_trees(mut self) -> Self {
        self.options.trees = Trees::Optional;
        self
    }

    /// All sentences in order, and errors in the place of those that are not trees, or have none. Files are opened one at a time.
    pub fn sentences(&self) -> impl Iterator<Item = Result<Sentence, ReadError>> + Send + use<> {
        self.sentences_after(0)
    }

    /// The same but for so many of the first, errors among them, which are passed over unread.
    pub fn sentences_after(&self, passed: usize) -> impl Iterator<Item = Result<Sentence, ReadError>> + Send + use<> {
        let (format, options, mut left) = (self.format, self.options, passed);
        let files = self.sources.clone().into_iter().flat_map(move |source| {
            let reader = source.open(format).and_then(|reader| {
                let mut reader = reader.with(options);
                left -= reader.pass_over(left)?;
                Ok(reader)
            });
            match reader {
                Ok(reader) => Either::Items(reader),
                Err(error) => Either::Failed(Some(error)),
            }
        });
        files.take(self.limit.saturating_sub(passed))
    }

    /// All documents in order with their mentions, and errors in the place of those with something wrong. The document that
    /// the limit of sentences falls into is cut there, and is the last.
    pub fn documents(&self, rule: HeadRule) -> impl Iterator<Item = Result<Document, ReadError>> + Send + use<> {
        let (format, options) = (self.format, self.options);
        let documents = self.sources.clone().into_iter().flat_map(move |source| match source.open(format) {
            Ok(reader) => Either::Items(Documents::new(reader.with(options), rule)),
            Err(error) => Either::Failed(Some(error)),
        });
        documents.scan(self.limit, |left, read| {
            if *left == 0 {
                return None;
            }
            Some(read.map(|mut document| {
                document.truncate(*left);
                *left -= document.sentences.len();
                document
            }))
        })
    }

    /// Names of the files, without folders.
    pub fn file_names(&self) -> Vec<String> {
        self.sources.iter().map(Source::name).collect()
    }
}

/// A sentence that is read twice counts twice, and makes intervals shrink that rest on nothing more.
fn refuse_copies(split: Split, inputs: &[Input]) -> Result<()> {
    for (number, input) in inputs.iter().enumerate() {
        if let Some(first) = inputs[..number].iter().find(|first| first.sha256 == input.sha256) {
            let name = split.name();
            match first.path == input.path {
                true => bail!("`treebank.{name}` names {} twice, which would count its sentences twice", input.path),
                false => bail!(
                    "`treebank.{name}` names {} and {}, which hold the same bytes: their sentences would count twice; \
                     name one of them",
                    first.path,
                    input.path
                ),
            }
        }
    }
    Ok(())
}

/// What is in a file, or the error of opening it.
enum Either<I> {
    Items(I),
    Failed(Option<ReadError>),
}

impl<T, I: Iterator<Item = Result<T, ReadError>>> Iterator for Either<I> {
    type Item = Result<T, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Either::Items(items) => items.next(),
            Either::Failed(error) => error.take().map(Err),
        }
    }
}

impl Source {
    fn open(&self, format: Option<Format>) -> Result<Reader, ReadError> {
        match self {
            Source::File(path) => Reader::open(path, format),
            Source::Bundled(name, text) => Reader::new(Cursor::new(*text), *name, Format::Conllu),
        }
    }

    fn name(&self) -> String {
        match self {
            Source::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Source::Bundled(name, _) => (*name).to_owned(),
        }
    }

    fn input(&self, split: Split) -> Result<Input> {
        match self {
            Source::File(path) => input(split.name(), path),
            Source::Bundled(name, text) => Ok(Input {
                role: split.name().to_owned(),
                path: (*name).to_owned(),
                bytes: text.len() as u64,
                sha256: fetch::sha256_of(text.as_bytes()),
            }),
        }
    }
}

/// What an entry of a split means.
enum Entry<'a> {
    Path(&'a Path),
    Sample(&'static str, &'static str),
    Release(TreebankName, fetch::Split),
}

fn entry(file: &str) -> Result<Entry<'_>> {
    if config::is_path(file) {
        return Ok(Entry::Path(Path::new(file)));
    }
    if let Some((name, text)) = SAMPLE.iter().find(|(name, _)| *name == file) {
        return Ok(Entry::Sample(name, text));
    }
    let Some((name, split)) = file.strip_prefix("ud:").and_then(|rest| rest.split_once('/')) else {
        bail!("{file:?} names no data: write sample:select, sample:evaluate, sample:coref, or ud:UD_English-EWT/dev");
    };
    let name: TreebankName = name.parse()?;
    let Some(split) = fetch::Split::ALL.into_iter().find(|known| known.name() == split) else {
        bail!("{file:?}: {split:?} is no split of a release; there are train, dev and test");
    };
    Ok(Entry::Release(name, split))
}

/// Checks the entries of all splits before any work is done: names must be known; paths are looked at when they are read.
///
/// # Errors
/// When a name means nothing.
pub fn check_names(config: &TreebankConfig) -> Result<()> {
    for split in Split::ALL {
        for file in config.files(split) {
            entry(file).with_context(|| format!("`treebank.{}`", split.name()))?;
        }
    }
    Ok(())
}

fn resolve(file: &str) -> Result<Source> {
    Ok(match entry(file)? {
        Entry::Path(path) => Source::File(path.to_path_buf()),
        Entry::Sample(name, text) => Source::Bundled(name, text),
        Entry::Release(name, split) => Source::File(fetch::treebank(&name, split)?),
    })
}
