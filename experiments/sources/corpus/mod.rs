//! Unlabelled text: documents from files, packed into pairs of segments as a BERT-like model was trained on.

mod pack;
mod read;

use std::collections::{HashMap, HashSet};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use headlight_report::run::Input;

use crate::config::{self, CorpusConfig};
use crate::sources::fetch;

pub use pack::{Packing, Pair, Sample, pack, sample};
pub(super) use read::plain;
pub use read::{Document, Documents, LONGEST_DOCUMENT, Limits};

/// The corpus inside the binary, by the name that configs give it.
const SAMPLE: (&str, &str) = ("sample:corpus", include_str!("../../../data/sample/corpus.txt"));

/// One source of documents.
#[derive(Debug, Clone)]
enum Source {
    /// A file with one sentence a line and a blank line between documents.
    Lines(PathBuf),
    /// A file of a folder, which is one document.
    Document(PathBuf),
    /// Text inside the binary.
    Bundled(&'static str, &'static str),
}

/// The files of a corpus.
#[derive(Debug, Clone)]
pub struct Corpus {
    sources: Vec<Source>,
    limits: Limits,
}

impl Corpus {
    /// Finds the files that a config names. A folder stands for the files in it, in the order of their names, each of
    /// which is one document; files and folders in it whose names begin with a dot are left out.
    ///
    /// # Errors
    /// When a file is not there; when a folder holds none.
    pub fn resolve(config: &CorpusConfig) -> Result<Self> {
        let mut sources = Vec::new();
        for file in &config.files {
            if !config::is_path(file) {
                if file != SAMPLE.0 {
                    bail!("`corpus.files` names {file:?}, which is no text: write {} or a path", SAMPLE.0);
                }
                sources.push(Source::Bundled(SAMPLE.0, SAMPLE.1));
                continue;
            }
            let path = PathBuf::from(file);
            let metadata = path.metadata().with_context(|| format!("cannot read {}", path.display()))?;
            if metadata.is_dir() {
                sources.extend(documents_of(&path)?.into_iter().map(Source::Document));
            } else {
                sources.push(Source::Lines(path));
            }
        }
        Ok(Self { sources, limits: Limits { line: config.max_line, document: config.max_document } })
    }

    /// The files with their sizes and checksums.
    ///
    /// # Errors
    /// When one cannot be read; when the config names the same text twice.
    pub fn inputs(&self) -> Result<Vec<Input>> {
        let input = |source: &Source| match source {
            Source::Lines(path) | Source::Document(path) => crate::sources::input("corpus", path),
            Source::Bundled(name, text) => Ok(Input {
                role: "corpus".to_owned(),
                path: (*name).to_owned(),
                bytes: text.len() as u64,
                sha256: fetch::sha256_of(text.as_bytes()),
            }),
        };
        let inputs: Vec<Input> = self.sources.iter().map(input).collect::<Result<_>>()?;
        self.refuse_copies(&inputs)?;
        Ok(inputs)
    }

    /// Text that is read twice counts twice. Files of a folder may be alike, as documents are, but not be one file.
    fn refuse_copies(&self, inputs: &[Input]) -> Result<()> {
        let (mut places, mut texts) = (HashSet::new(), HashMap::new());
        for (source, input) in self.sources.iter().zip(inputs) {
            let (place, is_document) = match source {
                Source::Document(path) => (path.canonicalize()?, true),
                Source::Lines(path) => (path.canonicalize()?, false),
                Source::Bundled(name, _) => (PathBuf::from(name), false),
            };
            if !places.insert(place) {
                bail!("`corpus.files` names {} twice, which would count its text twice", input.path);
            }
            let Some((first, was_document)) = texts.insert(&input.sha256, (&input.path, is_document)) else { continue };
            if input.bytes > 0 && !(is_document && was_document) {
                bail!(
                    "`corpus.files` names {first} and {}, which hold the same bytes: their text would count twice; name \
                     one of them",
                    input.path
                );
            }
        }
        Ok(())
    }

    /// Names of the files, without folders.
    pub fn file_names(&self) -> Vec<String> {
        let name = |source: &Source| match source {
            Source::Lines(path) | Source::Document(path) => {
                path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            Source::Bundled(name, _) => (*name).to_owned(),
        };
        self.sources.iter().map(name).collect()
    }

    /// All documents in order. Files are opened one at a time.
    pub fn documents(&self) -> impl Iterator<Item = Result<Document>> + Send + use<> {
        let limits = self.limits;
        self.sources.clone().into_iter().flat_map(move |source| match source {
            Source::Lines(path) => Documents::open(&path, false, limits),
            Source::Document(path) => Documents::open(&path, true, limits),
            Source::Bundled(name, text) => Documents::new(Cursor::new(text), name.into(), false, limits),
        })
    }
}

fn documents_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot_read = || format!("cannot read {}", folder.display());
    let mut files = Vec::new();
    for entry in folder.read_dir().with_context(cannot_read)? {
        let path = entry.with_context(cannot_read)?.path();
        let is_dotted = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_file() && !is_dotted {
            files.push(path);
        }
    }
    anyhow::ensure!(!files.is_empty(), "the folder {} has no file to read", folder.display());
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
